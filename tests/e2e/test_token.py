"""`lpforwarder token`: made, listed, revoked, while the service runs and before it ever did."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.collectors import CollectorProcess
from tests.fakes.daemon import Daemon
from tests.fakes.served_endpoint import fetch
from tests.fakes.small_setup import collector, configured
from tests.fakes.wished_events import WISHED

TOKEN = re.compile(r"lpf_[A-Za-z0-9_-]{43}\Z")


@pytest.fixture
def stopped(tmp_path: Path) -> Iterator[Daemon]:
    """A configuration with a source `archive`; nothing runs, and nothing ever did."""
    with configured(tmp_path, WISHED, [collector(9)]) as daemon:
        yield daemon


def facts_of(done: subprocess.CompletedProcess[bytes]) -> dict[str, Any]:
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_a_token_is_shown_once_and_only_on_stdout(stopped: Daemon) -> None:
    done = stopped.command("token", "create", "splunk")
    text = done.stdout.decode().strip()
    assert TOKEN.match(text)
    assert text.encode() not in done.stderr
    assert b"It is shown only now." in done.stderr
    file = stopped.folder / "tokens.json"
    assert file.stat().st_mode & 0o777 == 0o600
    assert text.removeprefix("lpf_") not in file.read_text()
    listed = stopped.command("token", "list")
    assert b"splunk" in listed.stdout
    assert text.encode() not in listed.stdout + listed.stderr
    assert text.encode() not in stopped.command("token", "create", "splunk").stderr


def test_what_a_token_may_do_stands_in_the_list(stopped: Daemon) -> None:
    options = ["--expires", "2099-12-31T00:00:00+01:00", "--source", "archive", "--rate", "30/m"]
    made = facts_of(stopped.command("token", "create", "auditor", *options, "--json"))
    assert TOKEN.match(made.pop("token"))
    assert made["expires"] == "2099-12-30T23:00:00.000Z"
    assert (made["sources"], made["rate"]) == (["archive"], 0.5)
    listed = facts_of(stopped.command("token", "list", "--json"))
    assert listed == {"version": 1, "tokens": [made]}
    text = stopped.command("token", "list").stdout.decode()
    assert "archive, 30 requests a minute, until 2099-12-30T23:00:00.000Z" in text


def test_a_revoked_token_is_gone_and_an_unknown_one_is_said_so(stopped: Daemon) -> None:
    stopped.command("token", "create", "splunk")
    assert stopped.command("token", "revoke", "splunk").returncode == 0
    again = stopped.command("token", "revoke", "splunk")
    assert again.returncode == 7
    assert b"lpforwarder token list" in again.stderr
    assert facts_of(stopped.command("token", "list", "--json"))["tokens"] == []


@pytest.mark.parametrize(
    "arguments",
    [
        ["no/name"],
        [""],
        ["-x"],
        ["a" * 65],
        ["name\n"],
        ["reader", "--expires", "soon"],
        ["reader", "--expires", "2020-01-01T00:00:00Z"],
        ["reader", "--expires", "0s"],
        ["reader", "--expires", "99999999999999999999d"],
        ["reader", "--rate", "0/s"],
        ["reader", "--rate", "5"],
        ["reader", "--rate", "nan/s"],
        ["reader", "--source", "nobody"],
        [],
    ],
)
def test_what_cannot_be_meant_is_a_mistake_of_usage(stopped: Daemon, arguments: list[str]) -> None:
    done = stopped.command("token", "create", *arguments)
    assert (done.returncode, done.stdout) == (2, b"")
    assert not (stopped.folder / "tokens.json").exists()


def test_a_name_that_is_taken_is_not_given_twice(stopped: Daemon) -> None:
    first = stopped.command("token", "create", "splunk").stdout
    again = stopped.command("token", "create", "splunk")
    assert first
    assert (again.returncode, again.stdout) != (0, b"")
    assert b"LPF532" in again.stderr


def test_a_broken_file_is_named_and_left_as_it_is(stopped: Daemon) -> None:
    file = stopped.folder / "tokens.json"
    file.write_text('{"tokens": [{"name": "half"')
    for command in (["create", "splunk"], ["list"], ["revoke", "splunk"]):
        done = stopped.command("token", *command)
        assert done.returncode not in (0, 2, 7)
        assert b"LPF530" in done.stderr
    assert file.read_text() == '{"tokens": [{"name": "half"'


def test_before_the_first_start_there_may_be_no_folder_yet(stopped: Daemon) -> None:
    stopped.configure(stopped.settings | {"journal": {"path": "state/journal.db"}})
    assert facts_of(stopped.command("token", "list", "--json"))["tokens"] == []
    assert stopped.command("token", "revoke", "splunk").returncode == 7
    assert TOKEN.match(stopped.command("token", "create", "splunk").stdout.decode().strip())
    assert (stopped.folder / "state").stat().st_mode & 0o777 == 0o700


def test_what_root_makes_belongs_to_the_user_of_the_service(tmp_path: Path) -> None:
    user, settings = 65534, {"sources": [{"name": "a", "type": "sample"}], "collectors": [collector(9)]}
    with closing(Daemon(tmp_path / "daemon", settings)) as daemon:
        state = daemon.folder / "state"
        state.mkdir(mode=0o700)
        os.chown(state, user, user)
        daemon.configure(daemon.settings | {"journal": {"path": "state/journal.db"}})
        assert daemon.command("token", "create", "splunk").returncode == 0
        owners = {path.name: path.stat().st_uid for path in state.iterdir()}
        assert owners == {"tokens.json": user, "tokens.json.lock": user}


def test_a_link_that_the_user_of_the_service_laid_leads_root_nowhere(stopped: Daemon) -> None:
    victim = stopped.folder / "victim"
    (stopped.folder / "tokens.json.lock").symlink_to(victim)
    assert stopped.command("token", "create", "splunk").returncode != 0
    assert not victim.exists()


def test_a_token_in_use_is_nowhere_but_with_its_holder(tmp_path: Path, receiver: CollectorProcess) -> None:
    with configured(tmp_path, WISHED, [collector(receiver.port)]) as daemon:
        settings = {"http": {"listen": "127.0.0.1:0"}, "log": {"level": "debug", "format": "json"}}
        daemon.configure(daemon.settings | settings)
        with daemon:
            text = daemon.command("token", "create", "splunk").stdout.decode().strip()
            facts = daemon.wait_until(lambda facts: (facts["http"] or {}).get("state") == "running")
            port = int(facts["http"]["listen"].rpartition(":")[2])
            shown = [
                fetch(port, path, text) for path in ("/v1/events", "/v1/status", "/metrics", "/", "/none")
            ]
            shown += [fetch(port, f"/v1/events?{text}=1", text), fetch(port, "/v1/events", text + "x")]
            daemon.wait_until(lambda _: b"Token splunk read" in b"".join(receiver.lines()))
            shown_later = [fetch(port, path, text) for path in ("/v1/events", "/v1/status", "/metrics", "/")]
            facts = daemon.status()
        assert [answer.status for answer in shown] == [200, 200, 200, 200, 404, 400, 401]
        secret = text.removeprefix("lpf_").encode()
        answers = [answer.body for answer in shown[:5] + shown[6:] + shown_later]
        kept = [path.read_bytes() for path in daemon.folder.rglob("*") if path.is_file()]
        for octets in (*answers, *kept, *receiver.lines(), json.dumps(facts).encode()):
            assert secret not in octets
        assert daemon.log_of("endpoint.access")


def test_the_help_needs_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "lpforwarder", "token", "--help"]
    done = subprocess.run(command, capture_output=True, check=False, cwd=tmp_path)
    assert done.returncode == 0
    assert b"revoke" in done.stdout
