"""25: answers of the vault that are broken, hostile or too large; many against the source, some over HTTP."""

from __future__ import annotations

import json
import resource
import zlib
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing
from random import Random
from typing import Any

from lpforwarder.building import encoder_for
from lpforwarder.config.secrets import Secret
from lpforwarder.errors import Failure
from lpforwarder.event import Entry, Event, Seq
from lpforwarder.intake.sources.lastpass.answers import Response
from lpforwarder.intake.sources.lastpass.client import Client
from lpforwarder.intake.sources.lastpass.options import LastPassOptions
from lpforwarder.intake.sources.lastpass.source import LastPassSource
from lpforwarder.journal.sqlite import SqliteJournal, open_journal
from lpforwarder.settings import Settings, load
from lpforwarder.simulator.vault.answers import Reply
from lpforwarder.simulator.vault.options import VaultOptions
from lpforwarder.simulator.vault.vault import Vault
from tests.chaos.play import Play, Scenario
from tests.chaos.scenes_vault import said_of_source
from tests.chaos.spoiling import spoilt
from tests.chaos.stage import Stage
from tests.chaos.vaults import VaultFeed
from tests.fakes.collectors import CollectorProcess

START = 1_772_647_200.0
MOST_MEMORY = 256 * 2**20
SPOILT_SHARE = 0.4
RESTART_EVERY = 500
POISON = "v-00000007"  # this one never comes as it should


class SpoiltClient(Client):
    """Asks a vault in this process, and spoils most of what it answers."""

    def __init__(
        self, vault: Vault, options: LastPassOptions, chance: Random, now: Callable[[], float]
    ) -> None:
        super().__init__(options)
        self.spoilt = 0
        self._vault = vault
        self._chance = chance
        self._now = now

    def ask(self, secret: Secret, label: str, data: dict[str, Any]) -> Response:
        answer = self._vault.answer(self._body(secret, label, data))
        reply = answer.reply
        if self._chance.random() < SPOILT_SHARE:
            self.spoilt += 1
            reply = spoilt(reply, self._chance)
        headers = {name.lower(): value for name, value in reply.headers}
        return Response(status=reply.status, headers=headers, body=reply.body)


class Reader:
    """A source over spoilt answers, its journal, and the two formats behind it."""

    def __init__(self, play: Play, journal: SqliteJournal) -> None:
        self.now = START
        self.endings: Counter[str] = Counter()
        self.events = self.rejects = self.spoilt = 0
        self._chance = play.random
        self._journal = journal
        switches = VaultOptions(seed=play.seed, rate=0.05, page_size=20, hostile_share=0.2)
        self.vault = Vault(switches, clock=lambda: self.now)
        settings = _settings(play, self.vault)
        source = settings.sources[0]
        assert isinstance(source, LastPassOptions)
        self._options = source
        self._encoders = [encoder_for(collector, procid="1") for collector in settings.collectors]
        self._client, self._source = self._made()

    def pull(self) -> None:
        """One pull; a Failure is an ordinary end, anything else is not caught and ends the scenario."""
        self.now += 60.0
        try:
            page = self._source.pull(self._journal.cursor("acme"))
        except Failure as failure:
            self.endings[failure.code] += 1
            self._source.try_again()
            return
        self.endings["page"] += 1
        self._journal.append("acme", page.events, page.rejects, page.cursor)
        self._encode(page.events)
        self.events += len(page.events)
        self.rejects += len(page.rejects)

    def restart(self) -> None:
        """Another life of the source, which knows nothing but its cursor."""
        self.spoilt += self._client.spoilt
        self._source.close()
        self._client, self._source = self._made()

    def _made(self) -> tuple[SpoiltClient, LastPassSource]:
        client = SpoiltClient(self.vault, self._options, self._chance, lambda: self.now)
        return client, LastPassSource(self._options, clock=lambda: self.now, client=client)

    def _encode(self, events: Sequence[Event]) -> None:
        for event in events:
            for encoder in self._encoders:
                message = encoder.encode(Entry(Seq(1), "acme", event))
                assert isinstance(message, bytes), f"no message for an event: {message!r}"


def _settings(play: Play, vault: Vault) -> Settings:
    secret = play.folder / "acme.secret"
    secret.touch(mode=0o600)
    secret.write_text(vault.secret, encoding="ascii")
    collectors = [
        {"name": name, "host": "127.0.0.1", "port": 1, "transport": "tcp", "format": name}
        for name in ("json", "cef")
    ]
    source = {"name": "acme", "type": "lastpass", "account": vault.options.account}
    file = play.folder / "spoilt.yaml"
    file.write_text(json.dumps({"sources": [source], "collectors": collectors}), encoding="utf-8")
    return load(file)


def many(play: Play) -> None:
    """100,000 answers against the source, with the journal and both formats behind it."""
    goal = play.pick(1_500, 100_000)
    path = play.folder / "journal.db"
    with closing(
        open_journal(path, keep=86_400.0, max_size=2**34, when_full="pause-polling", reserve_size=2**20)
    ) as journal:
        reader = Reader(play, journal)
        pulls = 0
        while reader.spoilt < goal:
            for _ in range(RESTART_EVERY):
                reader.pull()
            pulls += RESTART_EVERY
            reader.restart()
            play.progress(f"{reader.spoilt} of {goal}")
        facts = journal.facts()
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    play.figure("spoilt answers", reader.spoilt)
    play.figure("pulls", pulls)
    play.figure("pulls that gave a page", reader.endings["page"])
    play.figure("events taken", reader.events)
    play.figure("set aside", reader.rejects)
    play.figure("memory, MiB", memory / 2**20)
    play.expect(memory <= MOST_MEMORY, f"{memory / 2**20:.0f} MiB of memory were used")
    play.expect_said(
        sum(source.rejects for source in facts.sources.values()) == reader.rejects, "rejects, counted"
    )
    play.expect(reader.endings["page"] > pulls / 50, "hardly any page came through: this run proves little")


# ---- some over HTTP, to the daemon ------------------------------------------------------------------------


def _bomb(reply: Reply) -> Reply:
    """A few octets that unpack to a gigabyte of blanks. Nobody gets to the checksum at its end."""
    packer = zlib.compressobj(6, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    first, again = (packer.compress(b" " * 2**20) + packer.flush(zlib.Z_FULL_FLUSH) for _ in range(2))
    return reply.with_body(first + 1023 * again).with_header("Content-Encoding", "gzip")


def over_http(play: Play) -> None:
    """Each kind of nonsense for a while, then good answers again, in which one record is always spoilt."""
    # More than it may take, and less than would harm this machine.
    stage = Stage(play, wrapper=("prlimit", f"--as={8 * MOST_MEMORY}", "--"))
    stage.collector("siem", CollectorProcess(play.folder / "siem"))
    with VaultFeed(play, rate=10) as feed:
        feed.add_to(stage, timeout="20s").poison = (POISON,)
        feed.vault.spoil = with_poison
        with stage:
            stage.pause(2)
            stage.wait_until_settled(within=30)
            pid = stage.daemon.pid
            for name, (spoil, code) in nonsense().items():
                play.progress(name)
                feed.vault.spoil = spoil
                said_of_source(stage, feed.name, code, name)
                feed.vault.spoil = with_poison
                stage.daemon.hup()
                stage.recover(within=30)
                memory = stage.daemon.memory()
                play.figure(f"memory after {name}, MiB", memory / 2**20)
                play.expect(memory <= MOST_MEMORY, f"{memory / 2**20:.0f} MiB of memory after {name}")
            play.expect(stage.daemon.pid == pid, "the daemon was restarted")
            # The poison stays: within the overlap it would be read again, whole, and rightly arrive.
            stage.finish()


def with_poison(reply: Reply) -> Reply:
    """One record has no time that anybody could read."""
    return reply.with_body(_spoil_record(reply.body, POISON))


def _spoil_record(body: bytes, user: str) -> bytes:
    if user.encode() not in body:
        return body
    answer = json.loads(body)
    for record in answer["data"].values():
        if user in record["Username"]:
            record["Time"] = {"when": [None]}
    return json.dumps(answer).encode()


def nonsense() -> dict[str, tuple[Callable[[Reply], Reply], str]]:
    """What the vault says, and the code that must be said about it; empty where it must simply be taken."""

    def of(body: bytes) -> Callable[[Reply], Reply]:
        return lambda reply: reply.with_body(body)

    empties = b'{"status":"OK","data":[' + b"{}," * (10 * 2**20) + b"{}]}"
    return {
        "a web page": (of(b"<!DOCTYPE html><html><body>Welcome</body></html>"), "LPF304"),
        "half of the JSON": (lambda reply: reply.with_body(reply.body[: len(reply.body) // 2]), "LPF306"),
        "nothing": (of(b""), "LPF306"),
        "100,000 nested lists": (
            of(b'{"status":"OK","data":' + b"[" * 100_000 + b"]" * 100_000 + b"}"),
            "LPF306",
        ),
        "a number of 100,000 digits": (of(b'{"status":"OK","data":' + b"1" * 100_000 + b"}"), "LPF306"),
        "a list where a map should be": (of(b'{"status":"OK","data":[1,null,"a",[]],"next":null}'), ""),
        "a text instead of events": (of(b'{"status":"OK","data":"none"}'), "LPF306"),
        "a gzip bomb": (_bomb, "LPF314"),
        "30 MB of {}": (of(empties), "LPF306"),
    }


SCENARIOS = [
    Scenario(
        id="25",
        name="100,000 spoilt answers against source, journal and formats",
        expected="nothing unhandled, 256 MiB at most",
        run=many,
    ),
    Scenario(
        id="25b",
        name="nonsense, bombs and one poison record over HTTP",
        expected="the daemon lives, 256 MiB at most, good events of the same page arrive, nothing lost",
        run=over_http,
        load=0.2,
    ),
]
