"""The pages of docs/siem: our settings on them are accepted, and those of rsyslog and syslog-ng run."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from lpforwarder.delivery.encoder import Encoder
from lpforwarder.delivery.envelopes.rfc5424 import Rfc5424, Rfc5424Options
from lpforwarder.delivery.formats.json import JsonFormat, JsonOptions
from lpforwarder.event import Entry, Seq
from lpforwarder.settings import decode
from tests.fakes.certificates import Certificates
from tests.fakes.patience import PATIENCE, until
from tests.fakes.ports import ReservedPort, is_listening
from tests.fakes.pulled_journal import events
from tests.fakes.served_journal import served_journal

ROOT = Path(__file__).parents[2]
SIEM = ROOT / "docs" / "siem"
PRODUCTS = [
    "splunk",
    "elastic",
    "logstash",
    "fluent-bit",
    "sentinel",
    "qradar",
    "graylog",
    "wazuh",
    "rsyslog",
    "syslog-ng",
]
LOG = "/var/log/lastpass.ndjson"
needs_peers = pytest.mark.peers


def page(name: str) -> str:
    return (SIEM / f"{name}.md").read_text(encoding="utf-8")


def blocks(name: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", page(name), re.MULTILINE | re.DOTALL)


# ---- every page -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", PRODUCTS)
def test_every_page_says_how_to_push_to_pull_to_prove_it_and_what_silence_and_a_gap_look_like(
    name: str,
) -> None:
    headings = re.findall(r"^## (.+)$", page(name), re.MULTILINE)
    for wanted in ("Push", "Pull", "Prove it", "Silence, and a gap"):
        assert any(heading.startswith(wanted) for heading in headings), wanted
    assert page(name).startswith("# ")
    assert "After this page" in page(name)


@pytest.mark.parametrize("name", PRODUCTS)
def test_every_page_says_whether_it_was_tried(name: str) -> None:
    is_tried = name in ("rsyslog", "syslog-ng")
    assert ("**Tested**" in page(name)) == is_tried
    assert ("**Not tried here**" in page(name) or "**Not tested here**" in page(name)) == (not is_tried)


@pytest.mark.parametrize("name", PRODUCTS)
def test_the_settings_of_ours_on_every_page_are_accepted(name: str) -> None:
    ours = [block for block in blocks(name, "yaml") if block.startswith("collectors:")]
    assert ours
    for block in ours:
        text = "sources:\n  - {name: acme, type: sample}\n" + block.replace("…", "x.pem")
        assert decode(text, Path("lpforwarder.yaml")).collectors


def test_the_overview_has_every_page() -> None:
    assert set(re.findall(r"\]\(([\w-]+)\.md\)", page("README"))) == {*PRODUCTS, "python"}


@pytest.fixture
def port() -> Iterator[int]:
    """One that nobody else gets during the test."""
    reserved = ReservedPort()
    yield reserved.number
    reserved.close()


# ---- what rsyslog and syslog-ng do with them ------------------------------------------------------------


@contextmanager
def running(command: Sequence[str], folder: Path, **environment: str) -> Iterator[int]:
    """The process id of a daemon that is killed at the end of the block."""
    with (folder / "said").open("ab") as said:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=said, stderr=said, env={**os.environ, **environment}
        )
        try:
            yield process.pid
        finally:
            process.kill()
            process.wait(PATIENCE)


def rsyslogd(peers: Path, folder: Path, block: str, changes: Mapping[str, str]) -> list[str]:
    """The command that runs a block of the page."""
    modules = next(peers.glob("usr/lib/*/rsyslog"))
    return [
        *(str(peers / "usr/sbin/rsyslogd"), "-n", "-C", "-iNONE", "-M", str(modules)),
        *("-f", str(written(folder, f'global(workDirectory="{folder}")\n{block}', changes))),
    ]


def syslog_ng(peers: Path, folder: Path, block: str, changes: Mapping[str, str]) -> list[str]:
    return [
        *(str(peers / "usr/sbin/syslog-ng"), "--foreground", "--no-caps"),
        f"--module-path={next(peers.glob('usr/lib/syslog-ng/[0-9]*'))}",
        f"--cfgfile={written(folder, block, changes)}",
        *(f"--{file}={folder / file}" for file in ("persist-file", "control", "pidfile")),
    ]


def written(folder: Path, block: str, changes: Mapping[str, str]) -> Path:
    """The block with files and ports of the test. Every change must find what it changes."""
    for before, after in {**changes, LOG: str(folder / "log")}.items():
        assert before in block
        block = block.replace(before, after)
    file = folder / "daemon.conf"
    file.write_text(block)
    return file


def send(port: int, *more: str) -> None:
    """Two messages, as the pages say."""
    command = [sys.executable, "-m", "lpforwarder", "test-send", "--to", f"localhost:{port}", *more]
    done = subprocess.run(command, capture_output=True, timeout=60, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stdout.decode() + done.stderr.decode()


def lines(folder: Path) -> list[dict[str, object]]:
    """What it has written; AssertionError when a line is no event."""
    file = folder / "log"
    text = file.read_text() if file.exists() else ""
    return [json.loads(line) for line in text.split("\n")[:-1]]


@needs_peers
def test_rsyslog_takes_what_is_pushed_over_tls(
    peers: Path, tmp_path: Path, port: int, certificates: Certificates
) -> None:
    pair = certificates.server
    changes = {
        "/etc/rsyslog.d/server.pem": str(pair.cert_file),
        "/etc/rsyslog.d/server.key": str(pair.key_file),
        '"6514"': f'"{port}"',
    }
    command = rsyslogd(peers, tmp_path, blocks("rsyslog", "rsyslog")[0], changes)
    with running(command, tmp_path) as pid:
        until(lambda: is_listening(port, pid))
        send(port, "--ca-file", str(certificates.ca_file))
        until(lambda: len(lines(tmp_path)) == 2)


@needs_peers
def test_rsyslog_takes_what_is_pushed_over_relp(peers: Path, tmp_path: Path, port: int) -> None:
    command = rsyslogd(peers, tmp_path, blocks("rsyslog", "rsyslog")[1], {'"2514"': f'"{port}"'})
    with running(command, tmp_path) as pid:
        until(lambda: is_listening(port, pid))
        send(port, "--relp", "--no-tls")
        until(lambda: len(lines(tmp_path)) == 2)


@needs_peers
def test_rsyslog_follows_what_pull_py_writes(peers: Path, tmp_path: Path) -> None:
    spool = tmp_path / "events.ndjson"
    changes = {"/var/spool/lastpass/events.ndjson": str(spool)}
    command = rsyslogd(peers, tmp_path, blocks("rsyslog", "rsyslog")[2], changes)
    with served_journal(tmp_path) as served, running(command, tmp_path):
        (tmp_path / "siem.token").write_text(served.token())
        served.journal.append("acme", *events(1, 100))
        pull = [sys.executable, str(SIEM / "pull.py"), served.url, "siem.token", "siem.cursor", "--once"]
        with spool.open("ab") as out:
            subprocess.run(pull, stdout=out, cwd=tmp_path, check=True, timeout=30)
        until(lambda: [line["id"] for line in lines(tmp_path)] == [f"e{n}" for n in range(1, 101)], within=30)


@needs_peers
def test_syslog_ng_takes_what_is_pushed_over_tls(
    peers: Path, tmp_path: Path, port: int, certificates: Certificates
) -> None:
    pair = certificates.server
    changes = {
        "/etc/syslog-ng/server.pem": str(pair.cert_file),
        "/etc/syslog-ng/server.key": str(pair.key_file),
        "port(6514)": f"port({port})",
    }
    command = syslog_ng(peers, tmp_path, blocks("syslog-ng", "syslog-ng")[0], changes)
    with running(command, tmp_path, LD_LIBRARY_PATH=str(peers / "usr/lib/syslog-ng")) as pid:
        until(lambda: is_listening(port, pid))
        send(port, "--ca-file", str(certificates.ca_file))
        until(lambda: len(lines(tmp_path)) == 2)


@needs_peers
def test_syslog_ng_pulls_with_pull_py_and_goes_on_after_a_restart(peers: Path, tmp_path: Path) -> None:
    with served_journal(tmp_path) as served:
        token = tmp_path / "siem.token"
        token.write_text(served.token())
        changes = {
            "python3 /opt/lpforwarder/pull.py": f"{sys.executable} {SIEM / 'pull.py'}",
            "http://127.0.0.1:9470": served.url,
            "/etc/siem.token": str(token),
            "/var/lib/siem.cursor": str(tmp_path / "siem.cursor"),
        }
        command = syslog_ng(peers, tmp_path, blocks("syslog-ng", "syslog-ng")[1], changes)
        for last in (50, 100):
            served.journal.append("acme", *events(last - 49, 50))
            with running(command, tmp_path, LD_LIBRARY_PATH=str(peers / "usr/lib/syslog-ng")):
                until(lambda last=last: len({line["id"] for line in lines(tmp_path)}) == last)  # type: ignore[misc]
    assert {line["id"] for line in lines(tmp_path)} == {f"e{n}" for n in range(1, 101)}


# ---- the numbers ----------------------------------------------------------------------------------------


def numbers(sent: Sequence[int]) -> list[str]:
    """HOSTNAME, PROCID and structured data of messages with these numbers."""
    envelope = Rfc5424(Rfc5424Options(hostname="fwd1.example.net", procid="812"))
    found = []
    for number in sent:
        encoder = Encoder(lambda _: True, JsonFormat(JsonOptions()), envelope, 8096, first_number=number)
        message = encoder.encode(Entry(Seq(1), "acme", events(1, 1)[0]))
        assert isinstance(message, bytes)
        parts = re.match(rb"<\d+>1 \S+ (\S+) \S+ (\S+) \S+ (\[.*?\])", message)
        assert parts is not None
        found.append(b" ".join(parts.groups()).decode())
    return found


@pytest.mark.parametrize("name", ["rsyslog", "syslog-ng"])
def test_the_search_for_a_gap_finds_a_hole_and_no_new_life(name: str, tmp_path: Path) -> None:
    command = re.findall(r"^awk .*$", page(name), re.MULTILINE)[0]
    rows = numbers([1, 2, 3, 5, 6, 1, 2])
    if name == "syslog-ng":  # its template writes the number alone
        rows = [re.sub(r"\[meta sequenceId=\"(\d+)\"\]", r"\1", row) for row in rows]
    (tmp_path / "numbers").write_text("".join(f"{row}\n" for row in rows))
    done = subprocess.run(["bash", "-c", command], cwd=tmp_path, capture_output=True, check=True, timeout=10)
    assert done.stdout.decode().splitlines() == [f"hole before {rows[3]}"]
