"""docs/http-api.md: its commands work, and it names every path, parameter, problem and limit there is."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from lpforwarder.endpoint.openapi import description
from lpforwarder.endpoint.pull import MOST_OCTETS
from lpforwarder.endpoint.query import LONGEST_WAIT, MOST_EVENTS, USUAL_EVENTS
from lpforwarder.endpoint.server import MOST_HEADER_OCTETS, Limits
from tests.e2e.test_endpoint import port_of
from tests.fakes.collectors import CollectorProcess
from tests.fakes.daemon import Daemon
from tests.fakes.small_setup import collector
from tests.fakes.wished_events import WISHED

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/http-api.md").read_text("utf-8")
COMMANDS = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
FIRST, FILTERED, LINES, LOOP, WRONG = COMMANDS
ADDRESS = "http://127.0.0.1:9470"


@dataclass(frozen=True)
class Shell:
    """A shell on the machine of a running service."""

    folder: Path
    url: str

    def run(self, commands: str) -> str:
        """What they print; each must succeed."""
        done = subprocess.run(
            ["bash", "-euc", commands.replace(ADDRESS, self.url)],
            cwd=self.folder,
            env=os.environ | {"PATH": f"{self.folder}:{os.environ['PATH']}"},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    folder = tmp_path_factory.mktemp("http-api")
    (folder / "events.json").write_text(json.dumps(WISHED))
    source = {"name": "acme", "type": "file", "path": str(folder / "events.json")}
    with CollectorProcess(folder / "receiver") as receiver:
        settings = {"sources": [source], "collectors": [collector(receiver.port)]}
        settings |= {"http": {"listen": "127.0.0.1:0"}}  # type: ignore[dict-item]
        with Daemon(folder / "daemon", settings) as daemon:
            daemon.wait_until_confirmed("siem", len(WISHED))
            program = folder / "lpforwarder"
            program.write_text(f'#!/bin/sh\nexec {sys.executable} -m lpforwarder -c {daemon.file} "$@"\n')
            program.chmod(0o755)
            yield Shell(folder, f"http://127.0.0.1:{port_of(daemon)}")


@pytest.fixture(scope="module")
def token(shell: Shell) -> str:
    """The line that sets $TOKEN, once the token of the page has been made."""
    create = FIRST.partition("\n")[0]
    text = shell.run(f"{create}\necho $TOKEN").strip()
    assert text.startswith("lpf_")
    return f"TOKEN={text}\n"


@pytest.mark.peers
def test_the_first_command_gets_two_events(shell: Shell, token: str) -> None:
    assert len(json.loads(shell.run(token + FIRST.partition("\n")[2]))) == 2


@pytest.mark.peers
def test_filters_and_lines_are_as_shown(shell: Shell, token: str) -> None:
    ids = [event["id"] for event in json.loads(shell.run(token + FILTERED))]
    assert ids == [
        event["id"]
        for event in WISHED
        if event["timestamp"] >= "2022-12-14T17:40" and event["eventId"] in ("1001", "4001")
    ]
    lines = [json.loads(line) for line in shell.run(token + LINES).splitlines()]
    assert {event["id"] for event in WISHED} <= {event["id"] for event in lines}


@pytest.mark.peers
def test_the_loop_reads_everything_once_and_ends(shell: Shell, token: str) -> None:
    answers = shell.run(token + LOOP.replace("limit=500", "limit=2")).splitlines()
    ids = [event["id"] for answer in answers for event in json.loads(answer)]
    assert len(ids) == len(set(ids))
    assert {event["id"] for event in WISHED} <= set(ids)


@pytest.mark.peers
def test_the_error_is_the_one_that_is_shown(shell: Shell, token: str) -> None:
    shown = re.findall(r"^```json\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)[0]
    assert json.loads(shell.run(token + WRONG)) == json.loads(shown)


@pytest.mark.peers
def test_every_token_command_works(shell: Shell, token: str) -> None:
    commands = re.findall(r"^(lpforwarder token [a-z]+(?: (?!to |for |until )\S+)*)", PAGE, re.MULTILINE)
    assert [command.split()[2] for command in commands] == ["create", "create", "list", "revoke"]
    for command in commands[1:]:  # the first one has been run
        shell.run(command)
    assert "auditor" in shell.run("lpforwarder token list")
    assert "splunk" not in shell.run("lpforwarder token list")


def rows(word: str) -> set[str]:
    """What stands as code in the first column of the tables below this heading."""
    section = PAGE.partition(f"\n## {word}\n")[2].partition("\n## ")[0]
    cells = re.findall(r"^\| ([^|]+) \|", section, re.MULTILINE)
    return {name for cell in cells for name in re.findall(r"`([^`]+)`", cell)}


def test_every_path_and_parameter_is_there() -> None:
    described = description()["paths"]
    assert rows("Paths") == {*described, "/"}
    parameters = described["/v1/events"]["get"]["parameters"]
    assert rows("Parameters of `/v1/events`") == {parameter["name"] for parameter in parameters}


def test_every_kind_of_problem_is_explained_with_every_status() -> None:
    code = "\n".join(path.read_text() for path in (ROOT / "lpforwarder/endpoint").glob("*.py"))
    kinds = re.findall(r'Problem\(\s*status=[^,]+,\s*kind="([a-z-]+)"', code)
    assert len(kinds) > 8
    assert rows("Errors") == set(kinds)


def test_the_limits_are_those_of_the_program() -> None:
    limits = Limits()
    for words in (
        f"up to {LONGEST_WAIT:.0f}",
        f"| {USUAL_EVENTS} | at most so many events, 1 to {MOST_EVENTS}.",
        f"ends at {MOST_OCTETS // 2**20} MiB",
        f"| {MOST_HEADER_OCTETS // 1024} KiB |",
        f"closed after {limits.idle:.0f} s",
        f"hung up on after {limits.stalled:.0f} s",
        f"| {limits.connections:,}, or half of the files",
    ):
        assert words in PAGE
