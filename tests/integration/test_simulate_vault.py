"""`lpforwarder simulate vault` as somebody with another client uses it: a process, an address, plain HTTP."""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import fields
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import trustme

from lpforwarder.simulator.vault.faults import Fault
from lpforwarder.simulator.vault.options import VaultOptions
from lpforwarder.simulator.vault.orders import ORDERS
from tests.fakes.daemon import clean_environment

pytestmark = pytest.mark.slow

ENDING = 1_772_647_200  # 2026-03-04 18:00:00 UTC
UNTIL = {"to": "2026-03-04 13:00:00"}  # without the events that calls leave
STILL = ("--rate", "0", "--set", f"ending={ENDING}")
DOCS = Path(__file__).parents[2] / "docs/simulator.md"


class Simulated:
    """A running pretend vault, and a client that knows nothing of it but HTTP."""

    def __init__(
        self, process: subprocess.Popen[str], told: tuple[str, str], trust: ssl.SSLContext | None
    ) -> None:
        self.process = process
        found = re.search(r"(https?)://([0-9.]+):([0-9]+)(/\S+)", told[0])
        login = re.search(r"account ([0-9]+), secret (\S+)\. ", told[1])
        assert found is not None
        self.scheme, self.host, self.port, self.path = found[1], found[2], int(found[3]), found[4]
        self.account, self.secret = (login[1], login[2]) if login else ("", "")
        self._trust = trust

    def post(self, body: dict[str, Any]) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of the answer."""
        if self.scheme == "https":
            made: http.client.HTTPConnection = http.client.HTTPSConnection(
                self.host, self.port, timeout=20, context=self._trust
            )
        else:
            made = http.client.HTTPConnection(self.host, self.port, timeout=20)
        with contextlib.closing(made) as connection:
            connection.request("POST", self.path, json.dumps(body), {"Content-Type": "application/json"})
            answer = connection.getresponse()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()

    def report(self, **data: Any) -> dict[str, Any]:
        """A report asked for with the right credentials."""
        status, _, body = self.post(self.call(**data))
        assert status == 200
        decoded: dict[str, Any] = json.loads(body)
        return decoded

    def call(self, **data: Any) -> dict[str, Any]:
        return {"cid": self.account, "provhash": self.secret, "cmd": "reporting", "data": data}

    def events(self, **data: Any) -> list[dict[str, str]]:
        """The events of one page, without those that calls have left."""
        found = self.report(**data)["data"]
        return [event for event in found.values() if event["Action"] != "Reporting"] if found else []

    def order(self, line: str) -> str:
        """What it answers to an order."""
        assert self.process.stdin is not None
        assert self.process.stderr is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self.process.stderr.readline().strip()


@contextlib.contextmanager
def simulated(folder: Path, *words: str, trust: ssl.SSLContext | None = None) -> Iterator[Simulated]:
    process = subprocess.Popen(
        [sys.executable, "-m", "lpforwarder", "simulate", "vault", *words],
        env=clean_environment(folder),
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            assert process.stderr is not None
            yield Simulated(process, (process.stderr.readline(), process.stderr.readline()), trust)
        finally:
            process.terminate()


def test_the_history_is_as_large_and_as_long_as_asked_for(tmp_path: Path) -> None:
    with simulated(tmp_path, *STILL, "--events", "300", "--days", "2") as vault:
        told = vault.report(**UNTIL)["data"].values()
        times = sorted(instant(event) for event in told)
        assert len(times) == 300
        assert ENDING - 2 * 86_400 <= times[0] < ENDING - 1.9 * 86_400
        assert ENDING - 0.1 * 86_400 < times[-1] <= ENDING


def instant(event: dict[str, str], zone: str = "America/New_York") -> float:
    return datetime.fromisoformat(event["Time"]).replace(tzinfo=ZoneInfo(zone)).timestamp()


def test_further_events_come_at_the_rate(tmp_path: Path) -> None:
    with simulated(tmp_path, "--rate", "200") as vault:
        before, began = len(vault.events()), time.monotonic()
        while len(vault.events()) < before + 200:
            assert time.monotonic() - began < 10
        assert time.monotonic() - began > 0.5


def test_one_seed_gives_one_history_octet_for_octet(tmp_path: Path) -> None:
    words = (*STILL, "--events", "900", "--page-size", "400", "--late", "0.1", "--set", "twin_share=0.1")
    chains = []
    for seed in ("7", "7", "8"):
        with simulated(tmp_path, *words, "--seed", seed) as vault:
            pages: list[tuple[int, bytes]] = []
            marker = None
            while marker is not None or not pages:
                status, _, body = vault.post(vault.call(**UNTIL, **({"next": marker} if marker else {})))
                marker = json.loads(body)["next"]
                pages.append((status, body))
            chains.append(pages)
    assert len(chains[0]) == 3
    assert chains[0] == chains[1]
    assert chains[0] != chains[2]


def test_faults_of_one_seed_strike_the_same_requests(tmp_path: Path) -> None:
    words = (*STILL, "--fault", "server-error=0.3", "--fault", "status-not-ok=0.3")
    seen = []
    for seed in ("3", "3", "4"):
        with simulated(tmp_path, *words, "--seed", seed) as vault:
            answers = [vault.post(vault.call()) for _ in range(30)]
            seen.append([(status, b"FAIL" in body) for status, _, body in answers])
    assert seen[0] == seen[1]
    assert seen[0] != seen[2]
    assert {(500, False), (200, True), (200, False)} == set(seen[0])


def test_zone_account_and_page_size_are_as_told(tmp_path: Path) -> None:
    words = ("--zone", "Asia/Kolkata", "--account", "777", "--page-size", "5", "--events", "20")
    with simulated(tmp_path, *STILL, *words) as vault:
        assert vault.account == "777"
        report = vault.report(to="2026-03-04 23:30:00")
        assert (len(report["data"]), type(report["next"])) == (5, int)
        assert abs(instant(report["data"]["Event1"], "Asia/Kolkata") - ENDING) < 86_400
        status, headers, body = vault.post(vault.call() | {"cid": 40012345})
        assert (status, headers["content-type"], len(body)) == (200, "text/xml;charset=UTF-8", 76)


def test_a_secret_of_a_file_is_the_one_that_counts_and_is_not_shown(tmp_path: Path) -> None:
    secret = tmp_path / "vault.secret"
    secret.touch(mode=0o600)
    secret.write_text("the-secret-of-a-file")
    with simulated(tmp_path, *STILL, "--secret-file", str(secret)) as vault:
        assert vault.secret == ""
        vault.account, vault.secret = "40012345", "the-secret-of-a-file"
        assert vault.report()["status"] == "OK"


def test_it_speaks_https_with_the_certificate_it_is_given(tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "both.pem"))
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    with simulated(tmp_path, *STILL, "--tls", str(tmp_path / "both.pem"), trust=trust) as vault:
        assert vault.scheme == "https"
        assert vault.report()["status"] == "OK"


def test_late_events_show_up_behind_what_was_read(tmp_path: Path) -> None:
    words = ("--rate", "50", "--late", "1", "--set", "late_seconds=1.5")
    with simulated(tmp_path, *words) as vault:
        seen: set[str] = set()
        newest, found, give_up_at = "", False, time.monotonic() + 20
        while not found:
            assert time.monotonic() < give_up_at
            events = vault.events()
            found = any(event["Time"] < newest and str(event) not in seen for event in events)
            seen |= {str(event) for event in events}
            newest = max([newest, *(event["Time"] for event in events)])


def test_a_share_of_requests_fails_in_every_way(tmp_path: Path) -> None:
    with simulated(tmp_path, *STILL, "--faults", "1", "--set", "drip_pieces=1") as vault:
        kinds = {kind_of(vault) for _ in range(150)}
    assert {"429", "403", "500", "502", "503", "broken", "JSON", "no JSON", "FAIL", "markup"} <= kinds


def kind_of(vault: Simulated) -> str:
    try:
        status, _, body = vault.post(vault.call())
    except (OSError, http.client.HTTPException):
        return "broken"
    if status != 200:
        return str(status)
    if body[:1] == b"<":
        return "markup"
    try:
        return "FAIL" if json.loads(body)["status"] == "FAIL" else "JSON"
    except ValueError:
        return "no JSON"


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("rate-limited", "429"),
        ("FORBIDDEN", "403"),
        ("reset_in_body", "broken"),
        ("truncated-json", "no JSON"),
    ],
)
def test_one_kind_of_fault_is_asked_for_by_its_name(name: str, kind: str, tmp_path: Path) -> None:
    with simulated(tmp_path, *STILL, "--fault", name) as vault:
        assert {kind_of(vault) for _ in range(3)} == {kind}


@pytest.mark.parametrize("empty", ["list", "map", "null", "missing"])
def test_any_other_switch_can_be_set(empty: str, tmp_path: Path) -> None:
    with simulated(tmp_path, *STILL, "--set", f"empty={empty}") as vault:
        report = vault.report()
    assert report.get("data", "missing") == {"list": [], "map": {}, "null": None, "missing": "missing"}[empty]


def test_it_obeys_while_it_runs(tmp_path: Path) -> None:
    with simulated(tmp_path, *STILL, "--orders") as vault:
        vault.order('add {"username": "bo@example.org", "data": "shop.example.org"}')
        (event,) = vault.events()
        assert vault.order("zone Asia/Tokyo") == "the account is in Asia/Tokyo"
        (moved,) = vault.events()
        assert instant(moved, "Asia/Tokyo") == instant(event)
        vault.order("fail unavailable")
        assert [kind_of(vault), kind_of(vault)] == ["503", "JSON"]
        fresh = vault.order("reset-secret").removeprefix("secret ")
        assert kind_of(vault) == "markup"
        vault.secret = fresh
        assert next(event["Action"] for event in vault.events()) == "Enterprise API secret regenerated"
        assert vault.order("jump").startswith("not done: ")
        told = vault.order(f"truth {tmp_path / 'truth'}")
        assert told.startswith(f"{len((tmp_path / 'truth').read_text().splitlines())} events")


def test_the_page_names_every_switch_and_every_fault() -> None:
    text = DOCS.read_text()
    rows = " ".join(line for line in text.splitlines() if line.startswith("| `"))
    named = set(re.findall(r"`([A-Za-z0-9_]+)`", rows))
    assert named >= {field.name for field in fields(VaultOptions)} - {"faults"}
    assert named >= {fault.name for fault in Fault}


def test_the_page_lists_the_orders_and_options_as_they_are(tmp_path: Path) -> None:
    shown = subprocess.run(
        [sys.executable, "-m", "lpforwarder", "simulate", "vault", "--help"],
        env=clean_environment(tmp_path),
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    options = set(re.findall(r"^  (--[a-z-]+)", shown, re.MULTILINE))
    text = DOCS.read_text()
    assert len(options) >= 15
    assert not {option for option in options if option not in text}
    assert ORDERS in text
