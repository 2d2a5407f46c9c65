"""Metrics of the running daemon, and the ready-made pull client against it."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.fakes.collectors import CollectorProcess
from tests.fakes.daemon import Daemon
from tests.fakes.small_setup import collector, configured
from tests.fakes.wished_events import WISHED

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/reference/metrics.md").read_text(encoding="utf-8")


@contextmanager
def served(folder: Path, receiver: CollectorProcess) -> Iterator[tuple[Daemon, str]]:
    """A daemon that has handed over everything, and the URL of its endpoint."""
    with configured(folder, WISHED, [collector(receiver.port)]) as daemon:
        daemon.configure(daemon.settings | {"http": {"listen": "127.0.0.1:0"}})
        with daemon:
            daemon.wait_until_confirmed("siem", len(WISHED))
            facts = daemon.wait_until(lambda facts: facts["http"]["state"] == "running")
            yield daemon, f"http://{facts['http']['listen']}"


def metrics(url: str) -> bytes:
    with urllib.request.urlopen(f"{url}/metrics", timeout=30) as answer:
        text: bytes = answer.read()
        return text


@pytest.mark.peers
def test_the_metrics_of_the_daemon_are_documented_and_promtool_takes_them(
    tmp_path: Path, receiver: CollectorProcess, peers: Path
) -> None:
    with served(tmp_path, receiver) as (_, url):
        text = metrics(url)
    command = [str(peers / "usr/bin/promtool"), "check", "metrics"]
    done = subprocess.run(command, input=text, capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, b"")
    families = {family.name: family for family in text_string_to_metric_families(text.decode())}
    names = {f"{name}_total" if family.type == "counter" else name for name, family in families.items()}
    assert [name for name in sorted(names) if f"`{name}`" not in PAGE] == []
    values = {
        (sample.name, *sample.labels.values()): sample.value
        for family in families.values()
        for sample in family.samples
    }
    assert values["lpforwarder_events_fetched_total", "archive"] == len(WISHED)
    assert values["lpforwarder_events_sent_total", "siem"] >= len(WISHED)
    assert values["lpforwarder_collector_up", "siem"] == 1
    assert values["lpforwarder_poll_seconds_count", "archive"] >= 1
    assert values["lpforwarder_delivery_seconds_count", "siem"] >= 1
    assert values["lpforwarder_delivery_seconds_bucket", "siem", "0.1"] == 0  # the events are years old


def test_pull_py_gets_from_the_daemon_what_the_collector_got(
    tmp_path: Path, receiver: CollectorProcess
) -> None:
    with served(tmp_path, receiver) as (daemon, url):
        (tmp_path / "siem.token").write_bytes(daemon.command("token", "create", "siem").stdout)
        pull = [sys.executable, str(ROOT / "docs/siem/pull.py"), url, "siem.token", "siem.cursor", "--once"]

        def pulled() -> list[str]:
            done = subprocess.run(pull, cwd=tmp_path, capture_output=True, timeout=60, check=True)
            found = [json.loads(line) for line in done.stdout.splitlines()]
            return [event["id"] for event in found if event["source"] == "archive"]

        assert pulled() == [event["id"] for event in WISHED]
        assert pulled() == []


def test_a_refused_reload_shows_in_the_metrics_until_one_succeeds(
    tmp_path: Path, receiver: CollectorProcess
) -> None:
    name = b"\nlpforwarder_config_last_reload_success "
    with served(tmp_path, receiver) as (daemon, url):
        assert name not in metrics(url)
        good = dict(daemon.settings)
        daemon.configure({**good, "nonsense": 1})
        daemon.hup()
        daemon.wait_until(lambda facts: facts["reload"] is False)
        daemon.wait_until(lambda _: name + b"0.0" in metrics(url))  # they may be a second old
        daemon.configure(good)
        daemon.hup()
        daemon.wait_until(lambda facts: facts["reload"] is True)
        daemon.wait_until(lambda _: name + b"1.0" in metrics(url))
