"""`render`: the exact messages, without sending them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.collectors import CollectorProcess
from tests.fakes.daemon import clean_environment, lpforwarder
from tests.fakes.event_files import write_events
from tests.fakes.small_setup import collector, configured
from tests.fakes.strict_cef import read as read_cef
from tests.fakes.strict_framing import read_newline, read_octet_counted
from tests.fakes.strict_rfc5424 import read as read_rfc5424
from tests.fakes.wished_events import WISHED


@pytest.mark.parametrize(
    ("payload", "framing", "given"),
    [
        ("json", "newline", "file"),
        ("json", "octet-counting", "stdin"),
        ("cef", "newline", "stdin"),
        ("cef", "octet-counting", "file"),
    ],
)
def test_render_prints_the_exact_messages(payload: str, framing: str, given: str, tmp_path: Path) -> None:
    text = "\n".join(json.dumps(event) for event in WISHED).encode()
    (tmp_path / "events.jsonl").write_bytes(text)
    options = ["--format", payload, "--framing", framing, "--hostname", "fwd1", "--app-name", "lpf"]
    options += ["--procid", "42", *(["events.jsonl"] if given == "file" else [])]
    done = lpforwarder(tmp_path, "render", *options, given=text if given == "stdin" else b"")
    assert (done.returncode, done.stderr) == (0, b"")
    read = {"newline": read_newline, "octet-counting": read_octet_counted}[framing]
    messages = [read_rfc5424(octets) for octets in read(done.stdout)]
    assert [message.timestamp for message in messages] == [event["timestamp"] for event in WISHED]
    assert {(message.hostname, message.app_name, message.procid) for message in messages} == {
        ("fwd1", "lpf", "42")
    }
    assert [message.msgid for message in messages] == [event["eventType"] for event in WISHED]
    assert [message.elements for message in messages] == [
        (("meta", (("sequenceId", str(number)),)),) for number, _ in enumerate(WISHED, 1)
    ]
    if payload == "json":
        assert all(json.loads(message.msg).items() >= event.items() for message, event in pairs(messages))
    else:
        ids = [read_cef(message.msg).extension["externalId"] for message in messages]
        assert ids == [event["id"] for event in WISHED]


def pairs(messages: list[Any]) -> Iterator[tuple[Any, dict[str, Any]]]:
    return zip(messages, WISHED, strict=True)


def test_render_prints_the_good_records_and_names_the_bad_ones(tmp_path: Path) -> None:
    text = b'{"id":"1"}\nnot json\n{"id":"2"}\n[1,2]\n"text"\n{"id":"3"}\n'
    done = lpforwarder(tmp_path, "render", given=text)
    assert done.returncode == 3
    ids = [json.loads(read_rfc5424(octets).msg)["id"] for octets in read_newline(done.stdout)]
    assert ids == ["1", "2", "3"]
    complaints = done.stderr.decode().splitlines()
    assert [complaint.partition(":")[0] for complaint in complaints[:-1]] == [
        *("stdin line 2", "stdin line 4", "stdin line 5")
    ]
    assert complaints[-1] == "3 records could not be read."


def test_render_shows_a_collectors_messages_exactly_as_run_sends_them(
    receiver: CollectorProcess, tmp_path: Path
) -> None:
    keys = {"format": "cef", "hostname": "fwd1", "facility": "local3", "cef": {"product": "Vault"}}
    with configured(tmp_path, WISHED, [collector(receiver.port, app_name="x", **keys)]) as daemon:
        assert daemon.command("run", "--once").returncode == 0
        sent = receiver.lines()
        procid = read_rfc5424(sent[0]).procid
        shown = daemon.command(
            *("render", "--collector", "siem", "--framing", "newline", "--procid", procid),
            str(tmp_path / "events.json"),
        )
    # `render` calls the source of what it reads `file`.
    renamed = [line.replace(b"deviceExternalId=archive", b"deviceExternalId=file") for line in sent]
    assert shown.stdout.splitlines() == renamed


def test_output_that_is_cut_short_ends_a_command_without_a_traceback(tmp_path: Path) -> None:
    write_events(tmp_path / "events.jsonl", 20_000)
    (tmp_path / "lpforwarder.yaml").write_text(
        "sources: [{name: archive, type: file, path: events.jsonl}]\n"
        "collectors: [{name: siem, host: 127.0.0.1, port: 1, transport: tcp}]\n"
        "journal: {path: journal.db}\ncontrol_socket: c\n"
    )
    for command in ("render events.jsonl", "run --dry-run"):
        with subprocess.Popen(
            [sys.executable, "-m", "lpforwarder", *command.split()],
            env=clean_environment(tmp_path),
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as process:
            assert process.stdout is not None
            assert process.stdout.readline().startswith(b"<8")
            process.stdout.close()
            assert process.stderr is not None
            errors = process.stderr.read()
            assert process.wait(30) == 0, errors
        assert b"Traceback" not in errors
        assert b"BrokenPipe" not in errors
