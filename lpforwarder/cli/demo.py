"""`demo`: the whole pipeline on this machine, with two staged accidents; nothing leaves, nothing is kept."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from msgspec import Struct

if TYPE_CHECKING:
    from lpforwarder.simulator.vault.options import VaultOptions

PATIENCE = 60.0  # seconds until the demo admits that something does not work


class Script(Struct, frozen=True, kw_only=True):
    """What happens when, counted in events and seconds."""

    events: int
    seconds: float
    """In which the events happen at the vault."""
    unplug_after: int
    unplugged: float
    kill_after: int


FULL = Script(events=42, seconds=24.0, unplug_after=8, unplugged=10.0, kill_after=34)
QUICK = Script(events=20, seconds=4.0, unplug_after=6, unplugged=1.0, kill_after=15)


@click.command(
    epilog="""\b
Examples:
  lpforwarder demo
  lpforwarder demo --quick
  lpforwarder demo --wire
"""
)
@click.option("--quick", is_flag=True, help="End by itself after 20 events, in some ten seconds.")
@click.option("--wire", is_flag=True, help="Show the octets of each message.")
@click.pass_context
def demo(ctx: click.Context, quick: bool, wire: bool) -> None:
    """See the whole pipeline work: no configuration, no vault, no collector needed.

    Half-way the collector is unplugged; later the forwarder itself is killed and started again. Exit
    code 0 when every event was handed over and confirmed, 3 when not.
    """
    click.echo("Demo. Nothing leaves this machine and nothing is kept. Ctrl-C stops.\n")
    with tempfile.TemporaryDirectory(prefix="lpforwarder-demo-") as folder:
        stage = Stage(Path(folder), QUICK if quick else FULL, wire=wire)
        with stage.open():
            good = stage.play()
    ctx.exit(0 if good else 3)


class Stage:
    """A pretend vault and a pretend collector here, the forwarder in a child process, and what is seen."""

    def __init__(self, folder: Path, script: Script, *, wire: bool) -> None:
        self._folder = folder
        self._script = script
        self._wire = wire
        self._news = threading.Condition()
        self._ids: dict[str, int] = {}
        self._child: subprocess.Popen[bytes] | None = None
        self._unread = False
        """Whoever read our output has gone."""

    @contextlib.contextmanager
    def open(self) -> Iterator[None]:
        """Sets the stage up, and clears it whatever happens."""
        from lpforwarder.simulator.collector import PretendCollector
        from lpforwarder.simulator.vault.server import PretendVault

        with (
            PretendVault(options=self._history()) as vault,
            PretendCollector(
                ("127.0.0.1", 0), on_message=self._received, on_problem=lambda _: None
            ) as self._collector,
        ):
            port = self._collector.address[1]
            api = _port_of_api()
            click.echo(
                f"  pretend vault --> journal --> pretend collector   127.0.0.1:{port}, RFC 5424 over TCP"
            )
            click.echo(
                f"                            `-> pull API, page      http://127.0.0.1:{api}/   token: demo\n"
            )
            self._configure(vault.url, vault.options.account, vault.secret, port, api)
            self._start()
            try:
                yield
            finally:
                self._stop()

    def _history(self) -> VaultOptions:
        """A vault in which exactly the script's events happen, from now on."""
        from lpforwarder.simulator.vault.options import VaultOptions

        script = self._script
        return VaultOptions(
            seed=7,
            events=script.events,
            days=script.seconds / 86_400,
            ending=time.time() + script.seconds + 1,
            hostile_share=0.0,
            twin_share=0.0,
        )

    def play(self) -> bool:
        """The whole piece; True when every event was handed over and confirmed."""
        script = self._script
        self._wait_for(script.unplug_after)
        self._wait_until_confirmed(script.unplug_after)
        self._unplug()
        self._wait_for(script.kill_after)
        self._wait_until_confirmed(script.kill_after)
        self._kill()
        self._wait_for(script.events)
        facts = self._wait_until_confirmed(script.events)
        source, collector = facts["sources"]["demo"], facts["collectors"]["pretend"]
        again = sum(self._ids.values()) - len(self._ids)
        lost = script.events - len(self._ids)
        click.echo(
            f"\nLost: {lost}. Sent again after the accidents: {again}, with the same ids: a SIEM can tell."
        )
        click.echo("Next: write a lpforwarder.yaml, then  lpforwarder check-config")
        click.echo(
            f"{source['events']} in, {collector['confirmed']} confirmed, {collector['waiting']} waiting"
        )
        return not lost and collector["confirmed"] == script.events and not collector["waiting"]

    # ---- the accidents --------------------------------------------------------------------------------

    def _unplug(self) -> None:
        seconds = self._script.unplugged
        _say(f"-- now the collector is unplugged for {seconds:g} s --")
        before = len(self._ids)
        self._collector.unplug()
        time.sleep(seconds / 2)
        self._tell_trouble(self._wait_for_trouble())
        time.sleep(seconds / 2)
        self._collector.plug()
        # A machine that took long to start may have had all of them before.
        self._wait_for(min(before + 1, self._script.events))
        _say(f"collector back; what waited is handed over. Lost: 0 of {before}.")

    def _wait_for_trouble(self) -> dict[str, Any]:
        """What the forwarder says of the collector once it has noticed, which takes a busy machine longer."""
        deadline = time.monotonic() + PATIENCE
        while True:
            facts = self._facts() or {}
            collector: dict[str, Any] = facts.get("collectors", {}).get("pretend", {})
            if collector.get("error") or time.monotonic() > deadline:
                return collector
            time.sleep(0.1)

    def _tell_trouble(self, collector: dict[str, Any]) -> None:
        from lpforwarder.counting import counted_as

        if collector.get("error"):
            error = collector["error"]
            waiting = collector["waiting"]
            _say(
                f"collector gone: {error['text']} [{error['code']}]. "
                f"{counted_as(waiting, 'event', one='waits', many='wait')} in the journal."
            )

    def _kill(self) -> None:
        from lpforwarder.counting import counted

        assert self._child is not None
        _say("-- now the forwarder itself is killed (SIGKILL) and started again --")
        self._child.kill()
        self._child.wait()
        facts = self._facts()
        self._start()
        if facts is not None:
            events = facts["sources"]["demo"]["events"]
            _say(f"journal opened: {counted(events, 'event')}, nothing to repair.")

    # ---- the forwarder --------------------------------------------------------------------------------

    def _configure(self, url: str, account: str, secret: str, port: int, api: int) -> None:
        from lpforwarder import event_ids, rfc3339
        from lpforwarder.endpoint.tokens import Token, TokenFile, beside, digest

        secret_file = self._folder / "demo.secret"
        secret_file.touch(mode=0o600)
        secret_file.write_text(secret, encoding="ascii")
        settings: dict[str, Any] = {
            "sources": [
                {"name": "demo", "type": "lastpass", "account": account, "url": url,
                 "poll_interval": "1s", "proxy": "none"},
            ],
            "collectors": [
                {"name": "pretend", "host": "127.0.0.1", "port": port, "transport": "tcp",
                 "fence": {"events": 4, "time": "500ms"}, "replay": {"events": 4, "time": "0s"},
                 "retry": {"first": "250ms", "most": "1s"}, "heartbeat": "0s",
                 "exclude": [kind for kind in event_ids.EVENT_IDS if kind.startswith("8")]},
            ],
            "journal": {"path": "journal.db"},
            "control_socket": "control.sock",
            "http": {"listen": f"127.0.0.1:{api}"},
        }  # fmt: skip
        token = Token(name="demo", digest=digest("demo"), created=rfc3339.now())
        TokenFile(beside(self._folder / "journal.db")).add(token)
        (self._folder / "demo.yaml").write_text(json.dumps(settings), encoding="utf-8")

    def _start(self) -> None:
        with open(self._folder / "log", "ab") as log:
            self._child = subprocess.Popen(
                [sys.executable, "-m", "lpforwarder", "-c", str(self._folder / "demo.yaml"), "run"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=os.environ | {"PYTHONSAFEPATH": "1"},
                start_new_session=True,  # Ctrl-C is for us; we stop it in order
            )

    def _stop(self) -> None:
        if self._child is None:
            return
        self._child.send_signal(signal.SIGTERM)
        try:
            self._child.wait(15)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()

    # ---- watching -------------------------------------------------------------------------------------

    def _received(self, message: bytes) -> None:
        event = json.loads(message[message.index(b" {") :])
        with self._news:  # what is said about an event comes after its line
            seen = self._ids[event["id"]] = self._ids.get(event["id"], 0) + 1
            try:
                self._show(message, event, again=seen > 1)
            except BrokenPipeError:  # said by the main thread: here it would look like a broken collector
                self._unread = True
            self._news.notify_all()

    def _show(self, message: bytes, event: dict[str, Any], *, again: bool) -> None:
        if self._wire:
            click.echo(message.decode("ascii"))
            return
        who = event.get("targetUser") or event.get("sourceUser") or "-"
        what = event.get("result") or event.get("action") or ""
        note = "   (again)" if again else ""
        _say(f"{event['eventType']:<20} {who:<26} {what:<9} {event.get('sourceIp', '')}{note}".rstrip())

    def _wait_for(self, number: int) -> None:
        deadline = time.monotonic() + PATIENCE
        with self._news:
            while len(self._ids) < number:
                if self._unread:
                    raise BrokenPipeError
                left = deadline - time.monotonic()
                if left <= 0 or (self._child is not None and self._child.poll() is not None):
                    raise click.ClickException(self._excuse())
                self._news.wait(min(left, 0.5))

    def _excuse(self) -> str:
        log = (self._folder / "log").read_text(encoding="utf-8", errors="replace")
        return "the forwarder does not deliver; its log ends with:\n" + "\n".join(log.splitlines()[-15:])

    def _facts(self) -> dict[str, Any] | None:
        from lpforwarder.cli.status import facts_of
        from lpforwarder.errors import Failure

        try:
            return facts_of(str(self._folder / "demo.yaml"))
        except Failure:
            return None

    def _wait_until_confirmed(self, number: int) -> dict[str, Any]:
        deadline = time.monotonic() + PATIENCE
        while True:
            facts = self._facts()
            if facts is not None and facts["collectors"]["pretend"]["confirmed"] >= number:
                return facts
            if time.monotonic() > deadline:
                raise click.ClickException(self._excuse())
            time.sleep(0.1)


def _port_of_api() -> int:
    """The usual port, or any free one where that is taken."""
    from lpforwarder.endpoint.listening import listen
    from lpforwarder.errors import Blocked

    try:
        listener = listen("127.0.0.1", 9470)
    except Blocked:
        listener = listen("127.0.0.1", 0)
    with listener:
        return int(listener.getsockname()[1])


def _say(text: str) -> None:
    click.echo(f"{time.strftime('%H:%M:%S')}  {text}")
