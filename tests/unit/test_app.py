"""The place where the stages meet: which worker is made from what, and what a reload touches."""

from __future__ import annotations

import contextlib
import gc
import socket
import time
import weakref
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from lpforwarder.app import (
    App,
    Part,
    collector_policy,
    parts_of,
    source_name,
)
from lpforwarder.errors import Blocked, ConfigError, Transient
from lpforwarder.event import Seq
from lpforwarder.journal.sqlite import SqliteJournal, open_journal
from lpforwarder.reporting.judging import Thresholds
from lpforwarder.runtime.supervisor import Supervisor
from lpforwarder.runtime.vigil import PATIENCE
from lpforwarder.settings import decode
from lpforwarder.simulator.collector import PretendCollector
from tests.fakes.ports import ReservedPort
from tests.fakes.received import own_events

WITHIN = 10.0


class House:
    """A configuration file, a journal and an app around them, with a pretend collector to send to."""

    def __init__(self, folder: Path, journal: SqliteJournal) -> None:
        self.folder = folder
        self.path = folder / "lpforwarder.yaml"
        self.app = App(journal, Supervisor())
        (folder / "events.jsonl").write_text('{"id":"one"}\n')

    def write(self, *collectors: str, drain: str = "2s") -> None:
        lines = "\n".join(f"  - {collector}" for collector in collectors)
        self.path.write_text(
            "sources: [{name: archive, type: file, path: events.jsonl, poll_interval: 50ms, follow: true}]\n"
            f"collectors:\n{lines}\n"
            f"journal: {{path: journal.db}}\ncontrol_socket: c.sock\nhttp: {{listen: none}}\ndrain: {drain}\n"
        )

    def start(self, *collectors: str) -> None:
        self.write(*collectors)
        self.app.apply(decode(self.path.read_text(), self.path))

    def since(self) -> dict[str, str]:
        return {name: state.since for name, state in self.app.supervisor.states().items()}


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with open_journal(
        tmp_path / "journal.db", keep=3600, max_size=2**30, when_full="pause-polling", reserve_size=2**16
    ) as journal:
        house = House(tmp_path, journal)
        yield house
        house.app.drain(2.0)
        house.app.supervisor.stop(None, 2.0)


@pytest.fixture
def received() -> list[bytes]:
    return []


@pytest.fixture
def collector(received: list[bytes]) -> Iterator[str]:
    """A pretend collector, as it stands in a configuration after its name."""
    with PretendCollector(("127.0.0.1", 0), on_message=received.append) as server:
        yield f"transport: tcp, host: 127.0.0.1, port: {server.address[1]}, fence: {{time: 100ms}}}}"


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WITHIN
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_readers_stand_before_writers_and_delivery_before_the_endpoint(tmp_path: Path) -> None:
    settings = decode(
        "sources: [{name: a, type: sample}]\ncollectors: [{name: b, host: h.example.net, transport: tcp}]\n",
        tmp_path / "c.yaml",
    )
    assert list(parts_of(settings)) == ["janitor", "collector:b", "source:a", "endpoint"]


def test_events_travel_from_the_source_to_the_collector(
    house: House, collector: str, received: list[bytes]
) -> None:
    house.start("{name: siem, " + collector)
    until(lambda: len(received) == 1)
    assert b'{"id":"one","source":"archive","severity":3}' in received[0]
    until(lambda: house.app.snapshot()["collectors"]["siem"]["confirmed"] == 1)


def test_a_reload_restarts_only_what_changed(house: House, collector: str, received: list[bytes]) -> None:
    house.start("{name: siem, " + collector, "{name: other, " + collector)
    until(lambda: len(received) == 2)
    pumps = dict(house.app.pumps)
    house.write("{name: siem, " + collector, "{name: other, format: cef, " + collector)
    house.app.reload(house.path)
    assert house.app.snapshot()["reload"] is True
    assert house.app.pumps["siem"] is pumps["siem"]
    assert house.app.pumps["other"] is not pumps["other"]


def test_a_reload_takes_removed_workers_away_and_keeps_their_place(
    house: House, collector: str, received: list[bytes]
) -> None:
    house.start("{name: siem, " + collector, "{name: other, " + collector)
    until(lambda: house.app.snapshot()["collectors"]["other"]["confirmed"] == 1)
    house.write("{name: siem, " + collector)
    house.app.reload(house.path)
    assert set(house.app.pumps) == {"siem"}
    assert "collector:other" not in house.app.supervisor.states()
    assert house.app.journal.checkpoint("other") == 1


def test_what_a_collector_was_sent_adds_up_over_reloads_that_make_its_worker_anew(
    house: House, collector: str, received: list[bytes]
) -> None:
    house.start("{name: siem, " + collector)
    for turn in range(1, 4):
        until(partial(_are, turn, received))
        house.write(f"{{name: siem, app_name: a{turn}, " + collector)
        house.app.reload(house.path)
        with (house.folder / "events.jsonl").open("a") as file:
            file.write(f'{{"id":"more {turn}"}}\n')
    house.write("{name: other, " + collector)
    until(lambda: b"more 3" in b"".join(received))
    house.app.reload(house.path)
    house.write("{name: siem, " + collector)
    house.app.reload(house.path)
    pump = house.app.pumps["siem"]
    assert pump.link.sent_before + pump.window.first_sent == 4


def test_of_a_collector_that_is_gone_for_good_nothing_is_kept_but_how_much_it_was_sent(
    house: House, collector: str, received: list[bytes]
) -> None:
    house.start("{name: siem, " + collector, "{name: other, " + collector)
    until(partial(_are, 2, received))
    pump = weakref.ref(house.app.pumps["other"])
    house.write("{name: siem, " + collector)
    house.app.reload(house.path)
    gc.collect()
    assert pump() is None
    for app_name in ("one", "two"):
        house.write("{name: siem, " + collector, f"{{name: other, app_name: {app_name}, " + collector)
        house.app.reload(house.path)
        assert house.app.pumps["other"].link.sent_before == 1
        house.write("{name: siem, " + collector)
        house.app.reload(house.path)


def _are(number: int, received: list[bytes]) -> bool:
    return len(received) >= number


@pytest.fixture
def silent() -> Iterator[socket.socket]:
    """A vault that takes connections and never says a word; closed, it ends all calls."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener


def hanging(house: House, collector: str, silent: socket.socket, label: str) -> None:
    """Configures a source whose calls hang."""
    (house.folder / "acme.secret").touch(mode=0o600)
    (house.folder / "acme.secret").write_text("s" * 32)
    house.write("{name: siem, " + collector)
    url = f"http://127.0.0.1:{silent.getsockname()[1]}/{label}"
    keys = f'account: "12345678", secret_file: acme.secret, url: "{url}", timeout: 60s, proxy: none'
    text = house.path.read_text()
    house.path.write_text(text.replace("sources: [", f"sources: [{{name: acme, type: lastpass, {keys}}}, "))


@pytest.mark.slow
def test_a_source_that_hung_during_reloads_is_started_as_soon_as_its_call_has_ended(
    house: House, collector: str, silent: socket.socket
) -> None:
    hanging(house, collector, silent, "one")
    house.app.apply(decode(house.path.read_text(), house.path))
    calls, acme = [silent.accept()[0]], source_name("acme")
    hanging(house, collector, silent, "two")
    house.app.reload(house.path)
    assert not house.app.supervisor.has_left(acme)
    house.app.reload(house.path)  # nothing has changed: it is not forgotten by that
    hanging(house, collector, silent, "three")
    house.app.reload(house.path)  # neither is it started beside the old one
    house.app.start_late()
    assert "acme" not in house.app.pollers
    calls.pop().close()
    until(lambda: house.app.supervisor.has_left(acme))
    house.app.start_late()
    with contextlib.closing(silent.accept()[0]) as call:
        assert call.recv(100).startswith(b"POST /three ")
    assert "acme" in house.app.pollers


def test_what_waits_for_a_restart_is_told_until_it_is_put_back(house: House, collector: str) -> None:
    house.app.report_itself()
    siem = "{name: siem, heartbeat: 0s, " + collector

    def told() -> list[str]:
        entries = house.app.journal.read(Seq(0), 10_000)  # the source appends meanwhile
        return [one.event.text("changed") for one in entries if one.event.text("eventId") == "8003"]

    def reloaded(journal: str, drain: str) -> tuple[list[str], list[str], str]:
        before = len(told())
        house.write(siem, drain=drain)
        house.path.write_text(house.path.read_text().replace("path: journal.db", f"path: {journal}"))
        with capture_logs() as lines:
            house.app.reload(house.path)
        facts = house.app.snapshot()
        assert facts["journal"]["path"] == str(house.folder / "journal.db")
        assert len(told()) == before + 1
        logged = [line["key"] for line in lines if line["event"] == "settings.need_restart"]
        return logged, facts["needs_restart"], told()[-1]

    house.start(siem)
    waits = "nothing was started or stopped; not in use before the next start: journal.path"
    assert house.app.snapshot()["needs_restart"] == []
    assert reloaded("other.db", "2s") == (["journal.path"], ["journal.path"], waits)
    assert reloaded("other.db", "3s") == (["journal.path"], ["journal.path"], waits)
    assert reloaded("journal.db", "3s") == ([], [], "nothing was started or stopped")


def test_a_broken_file_changes_nothing(house: House, collector: str) -> None:
    house.start("{name: siem, " + collector)
    before = dict(house.app.pumps)
    house.path.write_text("collectors: 1\n")
    with pytest.raises(ConfigError):
        house.app.reload(house.path)
    assert house.app.snapshot()["reload"] is False
    assert house.app.pumps == before
    assert house.app.supervisor.states()[source_name("archive")].state == "running"


def test_other_privacy_for_all_is_a_change_of_the_sources_alone(tmp_path: Path) -> None:
    def parts(privacy: str) -> dict[str, Part]:
        text = (
            f"sources: [{{name: a, type: sample}}]\ncollectors: [{{name: b, host: h.example.net}}]\n{privacy}"
        )
        return parts_of(decode(text, tmp_path / "c.yaml"))

    without, dropping = parts(""), parts("privacy: {drop: [itemName]}")
    assert {name for name in without if without[name] != dropping[name]} == {"source:a"}
    (tmp_path / "hash.key").write_text("one")
    hashing = "privacy: {hash: [itemName], hash_key_file: hash.key}"
    before = parts(hashing)
    (tmp_path / "hash.key").write_text("two")
    assert {name for name in before if before[name] != parts(hashing)[name]} == {"source:a"}


def test_a_collector_that_was_up_for_a_moment_is_tried_again_at_once(tmp_path: Path) -> None:
    settings = decode(
        "sources: [{name: a, type: sample}]\n"
        "collectors: [{name: b, host: h.example.net, transport: tcp, retry: {first: 2s, most: 30s}}]\n",
        tmp_path / "c.yaml",
    )
    policy = collector_policy(settings.collectors[0])
    assert (policy.first, policy.most, policy.blocked, policy.good_run) == (2.0, 30.0, 30.0, 1.0)
    assert policy.delay(Transient("gone"), 1, 0.5) == 2.0


def test_what_a_person_has_mended_works_within_a_minute(tmp_path: Path) -> None:
    settings = decode(
        "sources: [{name: a, type: sample}]\n"
        "collectors: [{name: b, host: h.example.net}, {name: c, host: h.example.net, retry: {most: 5m}}]\n",
        tmp_path / "c.yaml",
    )
    expired = Blocked("the certificate has expired", code="LPF205")
    for collector in settings.collectors:
        assert collector_policy(collector).delay(expired, 9, 0.0) <= 45.0


def test_the_watchdog_waits_for_each_worker_as_long_as_that_may_take(house: House, collector: str) -> None:
    house.start("{name: siem, stall_timeout: 500s, " + collector, "{name: other, " + collector)
    seats = house.app.supervisor._seats
    patience = {name: seat.vigil.patience for name, seat in seats.items()}
    assert (patience["collector:siem"], patience["janitor"]) == (PATIENCE + 1000.0, PATIENCE)
    assert PATIENCE < patience["source:archive"] < PATIENCE + 1.0
    assert patience["collector:other"] < 400.0


# ---- what it says about itself -----------------------------------------------------------------------------


def own(received: list[bytes]) -> list[tuple[str, str]]:
    """Event id and collector of the own events that arrived, in order."""
    return [(event["eventId"], event.get("collector", "")) for event in own_events(received)]


def test_a_dead_collector_is_told_to_the_others_and_so_is_its_return(
    house: House, collector: str, received: list[bytes]
) -> None:
    house.app.report_itself(Thresholds(failing=0.3))
    with contextlib.closing(ReservedPort()) as nobody:
        dead = f"{{name: dead, transport: tcp, host: 127.0.0.1, port: {nobody.number}, heartbeat: 0s, "
        dead += "retry: {first: 50ms, most: 100ms}, fence: {time: 100ms}}"
        house.start("{name: siem, heartbeat: 0s, " + collector, dead)
        until(lambda: own(received) == [("8001", ""), ("8007", "dead")])
        down = own_events(received)[-1]
        assert (down["state"], down["code"]) == ("failing", "LPF202")
        late: list[bytes] = []
        with PretendCollector(("127.0.0.1", nobody.number), on_message=late.append):
            until(lambda: own(received)[2:] == [("8008", "dead")])
            until(lambda: own(late) == own(received))
            house.app.drain(2.0)
    up = own_events(received)[2]
    assert (up["since"], up["eventsWaited"]) == (
        down["since"],
        3,
    )  # one event, the start, and that it was down
    assert own(received)[3:] == [("8002", "")]


def test_a_dead_collector_that_is_removed_leaves_no_alarm_open(
    house: House, collector: str, received: list[bytes]
) -> None:
    house.app.report_itself(Thresholds(failing=0.3))
    siem = "{name: siem, heartbeat: 0s, " + collector
    house.start(siem, "{name: dead, transport: tcp, host: 127.0.0.1, port: 1, heartbeat: 0s}")
    until(lambda: ("8007", "dead") in own(received))
    house.write(siem)
    house.app.reload(house.path)
    until(lambda: ("8008", "dead") in own(received))
    over = next(event for event in own_events(received) if event["eventId"] == "8008")
    assert over["reason"] == "it was removed from the configuration"


def test_a_followed_file_that_is_not_there_is_told_and_so_is_that_it_came(
    house: House, collector: str, received: list[bytes]
) -> None:
    house.app.report_itself(Thresholds(failing=0.3))
    (house.folder / "events.jsonl").unlink()
    house.start("{name: siem, heartbeat: 0s, " + collector)
    until(lambda: own(received) == [("8001", ""), ("8005", "")])
    down = own_events(received)[-1]
    assert (down["sourceName"], down["state"], down["code"]) == ("archive", "failing", "LPF119")
    assert down["reason"].endswith("events.jsonl: no such file")
    assert "correct the path" in down["fix"]
    assert house.app.snapshot()["sentence"].startswith("archive cannot be read since ")
    (house.folder / "events.jsonl").write_text('{"id":"one"}\n')
    until(lambda: ("8006", "") in own(received))
    until(lambda: len(received) == 4)
    assert house.app.snapshot()["sources"]["archive"]["error"] is None


def test_the_stop_is_handed_over_in_the_same_life(
    house: House, collector: str, received: list[bytes]
) -> None:
    house.app.report_itself()
    house.start("{name: siem, heartbeat: 0s, " + collector)
    until(lambda: len(received) == 2)
    house.app.drain(5.0)
    assert own(received) == [("8001", ""), ("8002", "")]
    assert house.app.snapshot()["collectors"]["siem"]["waiting"] == 0


def test_a_heartbeat_goes_to_the_collector_it_is_for(
    house: House, collector: str, received: list[bytes]
) -> None:
    house.app.report_itself()
    house.start(
        "{name: siem, heartbeat: 1s, exclude: [start], " + collector,
        "{name: quiet, heartbeat: 0s, " + collector,
    )
    until(lambda: own(received).count(("8100", "siem")) >= 2)
    house.app.drain(5.0)
    beats = own(received).count(("8100", "siem"))
    assert set(own(received)) == {("8001", ""), ("8100", "siem"), ("8002", "")}
    facts = house.app.snapshot()
    assert facts["last_heartbeat"] is not None
    assert facts["journal"]["last"] == 1 + 1 + beats + 1


def test_without_being_asked_it_says_nothing_about_itself(
    house: House, collector: str, received: list[bytes]
) -> None:
    house.start("{name: siem, " + collector)
    until(lambda: len(received) == 1)
    house.app.drain(5.0)
    assert own(received) == []
    assert house.app.snapshot()["last_heartbeat"] is None


def test_a_full_journal_can_still_say_that_polling_is_paused(
    house: House, collector: str, received: list[bytes]
) -> None:
    house.app.report_itself(Thresholds(failing=0.3))
    away = "{name: away, heartbeat: 0s, transport: tcp, host: 127.0.0.1, port: 1}"
    house.write("{name: siem, heartbeat: 0s, " + collector, away)
    (house.folder / "events.jsonl").write_text(f'{{"id":"one","message":"{"x" * 2000}"}}\n' * 1000)
    house.path.write_text(
        house.path.read_text().replace("path: journal.db", "path: journal.db, max_size: 1MiB")
    )
    house.app.apply(decode(house.path.read_text(), house.path))
    until(lambda: any(own["eventId"] == "8005" for own in own_events(received)))
    (paused,) = (own for own in own_events(received) if own["eventId"] == "8005")
    assert (paused["sourceName"], paused["code"]) == ("archive", "LPF501")


def test_a_paused_source_goes_on_as_soon_as_its_journal_has_room(
    house: House, collector: str, received: list[bytes]
) -> None:
    """Not with its next try a second later: each window of a small journal would cost that second."""
    house.write("{name: siem, heartbeat: 0s, " + collector)
    house.path.write_text(
        house.path.read_text().replace("path: journal.db", "path: journal.db, max_size: 1MiB")
    )
    house.app.apply(decode(house.path.read_text(), house.path))
    wake, found = house.app.journal.on_room, list[str]()

    def listen() -> None:
        found.append(house.app.supervisor.states()["source:archive"].state)
        wake()

    house.app.journal.on_room = listen
    (house.folder / "events.jsonl").write_text(f'{{"id":"one","message":"{"x" * 2000}"}}\n' * 5000)
    until(lambda: len(received) >= 5000)
    assert "waiting" in found
