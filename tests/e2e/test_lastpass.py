"""The installed daemon and a pretend vault: what an operator sees when secret, zone or answers are odd."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import pytest

from lpforwarder.event import Event
from lpforwarder.simulator.collector import PretendCollector
from lpforwarder.simulator.vault.event import Truth, VaultEvent
from lpforwarder.simulator.vault.faults import Fault, FaultPlan
from lpforwarder.simulator.vault.options import VaultOptions
from lpforwarder.simulator.vault.server import PretendVault
from tests.fakes.daemon import Daemon, Facts
from tests.fakes.strict_rfc5424 import read as read_rfc5424
from tests.fakes.vault_story import expected, judge, keep

pytestmark = pytest.mark.slow


class Site:
    """A vault, a collector, and the settings of a daemon between them."""

    def __init__(self, folder: Path, **switches: Any) -> None:
        self.folder = folder
        self.vault = PretendVault(options=VaultOptions(**switches))
        self.messages: list[bytes] = []
        self.collector = PretendCollector(("127.0.0.1", 0), on_message=self.messages.append)
        self.secret = folder / "acme.secret"
        self.write_secret(self.vault.secret)

    def write_secret(self, text: str) -> None:
        """In place of the old one in one step, as tools that manage secrets do it."""
        new = self.folder / "new.secret"
        new.touch(mode=0o600)
        new.write_text(text)
        new.replace(self.secret)

    def settings(self, **keys: Any) -> dict[str, Any]:
        source = {"name": "acme", "type": "lastpass", "account": self.vault.options.account}
        source |= {"url": self.vault.url, "secret_file": str(self.secret), "poll_interval": "1s"}
        collector = {"name": "siem", "host": "127.0.0.1", "port": self.collector.address[1]}
        collector |= {"transport": "tcp", "heartbeat": "0s", "fence": {"time": "1s"}}
        return {"sources": [source | keys], "collectors": [collector], "drain": "5s"}

    def events(self) -> list[dict[str, Any]]:
        """What the collector has of the vault, in order; what the forwarder says of itself is left out."""
        events = [json.loads(read_rfc5424(message).msg) for message in self.messages]
        return [event for event in events if event["source"] == "acme"]

    def happen(self, action: str, data: str = "") -> None:
        """An event of this moment."""
        at = round(time.time() * 1e6)
        ana = {"username": "ana@example.org", "ip_address": "203.0.113.24"}
        self.vault.add(VaultEvent(at=at, action=action, data=data, **ana))


@contextmanager
def site(folder: Path, **switches: Any) -> Iterator[Site]:
    made = Site(folder, **switches)
    with made.vault, made.collector:
        yield made


def handed_over(facts: Facts, events: int) -> bool:
    """Whether the vault has given that many events and the collector has confirmed all there is."""
    collector = facts["collectors"]["siem"]
    is_read = facts["sources"]["acme"]["events"] == events
    return bool(is_read and collector["checkpoint"] == facts["journal"]["last"])


def alarms(facts: Facts) -> list[str]:
    return [alarm["code"] for alarm in facts["sources"]["acme"]["alarms"]]


def error(facts: Facts) -> str | None:
    found = facts["sources"]["acme"]["error"]
    return found and str(found["code"])


# ---- the account's zone ---------------------------------------------------------------------------------


def test_a_wrong_zone_is_an_alarm_in_log_and_status_until_the_setting_is_right(tmp_path: Path) -> None:
    with (
        site(tmp_path, zone="Asia/Kolkata", events=20, days=0.5) as here,
        Daemon(tmp_path / "d", here.settings(time_zone="America/New_York")) as daemon,
    ):
        facts = daemon.wait_until(lambda facts: alarms(facts) == ["LPF318"])
        assert facts["verdict"] == "behind"
        assert "UTC+05:30" in facts["sentence"]
        (told,) = daemon.log_of("zone.mismatch")
        assert (told["level"], told["measured"], told["code"]) == ("error", "+05:30", "LPF318")
        assert "time_zone" in told["fix"]
        shown = daemon.command("status").stdout.decode()
        assert "Asia" not in shown
        assert "UTC+05:30" in shown
        daemon.wait_until(lambda facts: handed_over(facts, 20))
        daemon.configure(here.settings(time_zone="Asia/Kolkata"))
        daemon.hup()
        daemon.wait_until(lambda facts: alarms(facts) == [] and facts["verdict"] == "ok")
    true = {one.at // 1_000_000 for one in here.vault.truth()}
    assert {seconds(event["timestamp"]) for event in here.events()} <= true


def test_an_account_that_moves_is_noticed_while_it_runs(tmp_path: Path) -> None:
    with (
        site(tmp_path, zone="Europe/Berlin") as here,
        Daemon(tmp_path / "d", here.settings(time_zone="Europe/Berlin")) as daemon,
    ):
        here.happen("Log in", "before.example.org")
        daemon.wait_until(lambda facts: facts["sources"]["acme"]["events"] == 1)
        here.vault.set_zone("America/Los_Angeles")
        here.happen("Log in", "after.example.org")
        daemon.wait_until(lambda facts: alarms(facts) == ["LPF318"] and handed_over(facts, 2))
    assert [event["itemName"] for event in here.events()] == ["before.example.org", "after.example.org"]
    assert all(abs(seconds(event["timestamp"]) - time.time()) < 120 for event in here.events())


def seconds(timestamp: str) -> int:
    from lpforwarder import rfc3339

    milliseconds = rfc3339.parse(timestamp)
    assert milliseconds is not None
    return milliseconds // 1000


def test_the_machines_own_zone_changes_no_id_and_no_time(tmp_path: Path) -> None:
    seen = {}
    with site(tmp_path, events=200, days=1.0, rate=0.0, zone="America/New_York") as here:
        for zone in ("UTC", "Asia/Kolkata", "Pacific/Auckland", ":nonsense", "America/New_York"):
            here.messages.clear()
            settings = here.settings(first_start="36h") | {"http": {"listen": "none"}}
            folder = tmp_path / zone.strip(":").replace("/", "-")
            daemon = Daemon(folder, settings, environment={"TZ": zone})
            done = daemon.command("run", "--once")
            daemon.close()
            assert done.returncode == 0, done.stderr
            seen[zone] = [(event["id"], event["timestamp"]) for event in here.events()]
    assert len(seen["UTC"]) == 200
    assert all(events == seen["UTC"] for events in seen.values())


# ---- the secret -----------------------------------------------------------------------------------------


def test_a_regenerated_secret_is_an_alarm_first_then_a_slow_refusal_and_heals_by_itself(
    tmp_path: Path,
) -> None:
    with site(tmp_path) as here, Daemon(tmp_path / "d", here.settings()) as daemon:
        daemon.wait_until(lambda facts: facts["sources"]["acme"]["last_poll"] is not None)
        # Events are dated in whole seconds: a file written in the same second might be the new secret.
        os.utime(here.secret, times=(time.time() - 10,) * 2)
        here.happen("Enterprise API secret regenerated")
        facts = daemon.wait_until(lambda facts: alarms(facts) == ["LPF316"])
        assert (error(facts), facts["verdict"]) == (None, "behind")
        (told,) = daemon.log_of("secret.regenerated")
        assert (told["level"], str(here.secret) in told["fix"]) == ("error", True)

        fresh = here.vault.reset_secret()
        facts = daemon.wait_until(lambda facts: error(facts) == "LPF301")
        assert (facts["sources"]["acme"]["state"], facts["verdict"]) == ("blocked", "behind")
        refused = len(here.vault.asked)
        daemon.wait_until(lambda facts: age(facts) > 10)
        assert len(here.vault.asked) - refused <= 3
        assert len(daemon.log_of("worker.failed")) == 1

        here.happen("Log in", "missed.example.org")
        here.write_secret(fresh)
        daemon.wait_until(lambda facts: error(facts) is None and alarms(facts) == [], within=10)
        daemon.wait_until(lambda facts: handed_over(facts, 3))
        assert daemon.terminate() == 0
    actions = [event["vendorAction"] for event in here.events()]
    assert actions == ["Enterprise API secret regenerated"] * 2 + ["Log in"]


def age(facts: Facts) -> float:
    """Seconds since the source is in its present state."""
    return time.time() - seconds(facts["sources"]["acme"]["since"])


def test_sighup_asks_at_once_with_a_secret_that_was_refused(tmp_path: Path) -> None:
    with site(tmp_path) as here:
        right = here.vault.secret
        here.vault.reset_secret("0123456789abcdef0123456789abcdef")
        with Daemon(tmp_path / "d", here.settings()) as daemon:
            daemon.wait_until(lambda facts: error(facts) == "LPF301")
            here.vault.reset_secret(right)
            before = len(here.vault.asked)
            daemon.wait_until(lambda facts: age(facts) > 5)
            assert len(here.vault.asked) == before
            daemon.hup()
            daemon.wait_until(lambda facts: error(facts) is None, within=5)


def test_refused_credentials_from_the_start_are_at_most_four_calls_in_ten_seconds(tmp_path: Path) -> None:
    with site(tmp_path) as here:
        here.write_secret("a secret that is not the right one")
        with Daemon(tmp_path / "d", here.settings()) as daemon:
            daemon.wait_until(lambda facts: error(facts) == "LPF301" and age(facts) > 10)
            assert daemon.log_of("worker.failed")[0]["level"] == "error"
        asked = [one.at for one in here.vault.asked]
        assert 1 <= len(asked) <= 4


# ---- faults ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("fault", "gap"), [(Fault.RATE_LIMITED_WITH_WAIT, 4.0), (Fault.RATE_LIMITED, 1.0)])
def test_who_asks_us_to_wait_is_left_alone_for_so_long(fault: Fault, gap: float, tmp_path: Path) -> None:
    with site(tmp_path, events=5, days=0.1, retry_after="4") as here:
        here.vault.fail_next(*[fault] * 2)
        with Daemon(tmp_path / "d", here.settings()) as daemon:
            daemon.wait_until(lambda facts: handed_over(facts, 5), within=40)
            assert {line["code"] for line in daemon.log_of("worker.failed")} == {"LPF303"}
        times = [one.at / 1e6 for one in here.vault.asked]
    assert times[1] - times[0] >= gap * 0.99
    assert times[2] - times[1] >= gap * 0.99


def test_a_bomb_and_a_very_large_page_cost_little_memory_and_lose_nothing(tmp_path: Path) -> None:
    with (
        site(tmp_path, events=100, days=0.1, large_octets=256 * 2**20) as here,
        Daemon(tmp_path / "d", here.settings()) as daemon,
    ):
        daemon.wait_until(lambda facts: facts["sources"]["acme"]["events"] == 100)
        before = daemon.memory()
        here.vault.fail_next(Fault.GZIP_BOMB, Fault.LARGE_PAGE)
        daemon.wait_until(lambda facts: len(here.vault.asked) > 8 and error(facts) is None, within=60)
        assert {line["code"] for line in daemon.log_of("worker.failed")} == {"LPF314"}
        assert daemon.memory() - before < 200 * 2**20
        daemon.wait_until(lambda facts: handed_over(facts, 100))


def test_a_marker_that_never_moves_is_named_and_heals(tmp_path: Path) -> None:
    with (
        site(tmp_path, events=50, days=0.1, page_size=10, next_stuck=True) as here,
        Daemon(tmp_path / "d", here.settings()) as daemon,
    ):
        facts = daemon.wait_until(lambda facts: error(facts) == "LPF308")
        assert facts["sources"]["acme"]["events"] == 0
        here.vault.change(next_stuck=False)
        daemon.hup()
        daemon.wait_until(lambda facts: handed_over(facts, 50), within=60)
    assert len({event["id"] for event in here.events()}) == 50


# ---- kills ----------------------------------------------------------------------------------------------


def test_a_daemon_that_is_killed_again_and_again_loses_and_doubles_nothing(tmp_path: Path) -> None:
    """Ten SIGKILLs while 2,000 events happen, with late ones, twins and one request in ten failing."""
    course = Random(7)
    history = {"events": 2_000, "days": 20 / 86_400, "ending": time.time() + 20, "page_size": 800}
    odd = {"late_share": 0.1, "late_seconds": 4.0, "twin_share": 0.05, "hostile_share": 0.2}
    faults = {"faults": FaultPlan.evenly(0.1, seed=7), "retry_after": "1", "drip_pieces": 2}
    with (
        site(tmp_path, **history, **odd, **faults) as here,
        Daemon(tmp_path / "d", here.settings()) as daemon,
    ):
        for _ in range(10):
            daemon.wait_until(partial(is_later, time.monotonic() + course.uniform(0.3, 2.5)))
            daemon.kill()
            daemon.start()
        daemon.wait_until(lambda facts: len(true_events(here)) >= 2_000 and facts["running"], within=60)
        wanted = [expected(one) for one in true_events(here)]
        daemon.wait_until(lambda facts: facts["sources"]["acme"]["events"] >= len(wanted), within=120)
        daemon.wait_until(lambda facts: facts["collectors"]["siem"]["waiting"] == 0, within=60)
        assert daemon.status()["sources"]["acme"]["events"] == len(wanted)
        assert daemon.terminate() == 0
    by_id = {event["id"]: keep(Event.of(event)) for event in here.events()}
    assert judge(list(by_id.values()), wanted).unexplained == []


def is_later(until: float, _: Facts) -> bool:
    return time.monotonic() > until


def true_events(here: Site) -> list[Truth]:
    """Without those that our calls have left."""
    return [one for one in here.vault.truth() if "lpforwarder/" not in one.data]
