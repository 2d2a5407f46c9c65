"""What the senders are given, and that they send it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.command import main
from bench.events import events, marker, write_lines
from bench.measuring import measure
from bench.rehearsal import rehearse
from bench.senders.contract import Job, Target
from bench.senders.lpforwarder import Lpforwarder
from bench.senders.rsyslog import Rsyslog
from bench.senders.syslog_ng import SyslogNg
from lpforwarder.delivery.formats.cef import CefFormat, CefOptions
from lpforwarder.settings import load
from tests.fakes.certificates import Certificates


def test_every_message_holds_its_marker_once() -> None:
    cef = CefFormat(CefOptions())
    for event in events(3000):
        assert event.line.count(marker("json")) == 1
        assert cef.format(event).count(marker("cef")) == 1


def test_the_same_numbers_give_the_same_file(tmp_path: Path) -> None:
    assert write_lines(tmp_path / "all", 20) == (tmp_path / "all").stat().st_size
    write_lines(tmp_path / "end", 5, first=15)
    assert (tmp_path / "all").read_bytes().endswith((tmp_path / "end").read_bytes())


def test_our_configuration_is_one_that_the_product_takes(tmp_path: Path, certificates: Certificates) -> None:
    (tmp_path / "events.jsonl").touch()
    job = Job(file=tmp_path / "events.jsonl", events=1)
    command = Lpforwarder().command(tmp_path, job, Target(port=6514, certificates=certificates))
    settings = load(Path(command.arguments[command.arguments.index("-c") + 1]))
    assert settings.http.listen is not None, "metrics are on"
    assert settings.collectors[0].heartbeat, "own events are on"
    assert settings.collectors[0].min_severity, "a filter is asked"


@pytest.mark.peers
@pytest.mark.slow
@pytest.mark.parametrize("format", ["cef", "json"])
@pytest.mark.parametrize(
    "sender",
    [
        Lpforwarder(),
        Rsyslog("memory"),
        Rsyslog("disk"),
        Rsyslog("disk, synced"),
        SyslogNg("memory"),
        SyslogNg("disk"),
    ],
    ids=lambda sender: sender.name,
)
def test_every_sender_sends_every_event_rightly(
    tmp_path: Path,
    certificates: Certificates,
    peers: Path,
    sender: Lpforwarder | Rsyslog | SyslogNg,
    format: str,
) -> None:
    rehearse(sender, "json" if format == "json" else "cef", "tls", certificates, tmp_path)


def test_a_sender_that_cannot_start_is_told_with_its_own_words(
    tmp_path: Path, certificates: Certificates
) -> None:
    job = Job(file=tmp_path / "no such file", events=1, link="tcp")
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "journal.db").mkdir()
    with pytest.raises((RuntimeError, TimeoutError), match=r"error\[LPF119\] .*journal\.db is not a file"):
        measure(Lpforwarder(), job, certificates, folder)


@pytest.mark.peers
@pytest.mark.slow
def test_one_command_measures_and_writes_the_page(
    tmp_path: Path, peers: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "performance.md"
    options = ["--quick", "--only", "peers,stages", "--formats", "cef", "--links", "tls", "--events", "2000"]
    assert main([*options, "--senders", "lpforwarder; rsyslog", "--page", str(page)]) == 0
    text = page.read_text("utf-8")
    assert "| CEF over TLS, by rsyslog |" in text
    assert "| journal: append, synced |" in text
    assert (tmp_path / "performance-peers.svg").exists()
    assert {one["name"] for one in json.loads((tmp_path / "performance.json").read_text())} == {
        "peers",
        "stages",
    }
    assert "the sink" in capsys.readouterr().out


@pytest.mark.parametrize("wrong", [["--only", "nothing"], ["--senders", "logstash"], ["--formats", "leef"]])
def test_what_is_not_known_is_refused(wrong: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(wrong)
    assert "is none of" in capsys.readouterr().err
