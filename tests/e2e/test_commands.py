"""The commands as people and scripts meet them: results on stdout, talk on stderr, exit codes that hold."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from lpforwarder.cli import COMMANDS, cli
from tests.fakes.certificates import Certificates, KeyPair, ServerTls
from tests.fakes.collectors import CollectorProcess, Manners, send_naively
from tests.fakes.daemon import Daemon, clean_environment, lpforwarder
from tests.fakes.event_files import write_events
from tests.fakes.ports import ReservedPort
from tests.fakes.strict_cef import read as read_cef
from tests.fakes.strict_framing import read_newline, read_octet_counted
from tests.fakes.strict_rfc5424 import read as read_rfc5424

HELP_SECONDS = 1.0  # the promise is 0.15 on an idle machine; what is imported decides, and is tested exactly

WISHED: list[dict[str, Any]] = [
    {
        "id": "f511d4ed-0fcc-4676-bb73-5fa17555512e",
        "timestamp": "2022-12-14T17:33:43.369Z",
        "eventId": "1001",
        "eventType": "authentication",
        "sourceIp": "39.1.231.14",
        "targetUser": "user2@contoso.com",
        "result": "success",
        "method": "saml",
        "mfa": "unknown",
        "mfaType": "unknown",
        "message": "user2@contoso.com successfully logged in.",
    },
    {
        "id": "a853527b-c608-4e40-b590-8ef361e0bb60",
        "timestamp": "2022-12-14T17:41:16.848Z",
        "eventId": "1001",
        "eventType": "authentication",
        "sourceIp": "142.111.3.4",
        "targetUser": "user3@example.com",
        "result": "success",
        "method": "local",
        "mfa": False,
        "mfaType": "none",
        "message": "user3@example.com successfully logged in.",
    },
    {
        "id": "74cbee29-ae57-4bda-9c4a-e29cb7defc35",
        "timestamp": "2022-12-14T17:46:11.528Z",
        "eventId": "1001",
        "eventType": "authentication",
        "sourceIp": "142.111.5.74",
        "targetUser": "user4@contoso.com",
        "result": "success",
        "method": "local",
        "mfa": True,
        "mfaType": "totp",
        "message": "user4@contoso.com successfully logged in.",
    },
    {
        "id": "37ef5018-f3a3-440d-94ba-bb220fb9f8a4",
        "timestamp": "2022-12-14T17:20:11.419Z",
        "eventId": "4001",
        "eventType": "itemchange",
        "sourceIp": "138.13.85.235",
        "sourceUser": "user1@example.com",
        "itemName": "Company Amazon account",
        "folderName": "Shared-Company Web Accounts",
        "attribute": "username",
        "action": "cleared",
        "message": 'user1@example.com cleared the username attribute on "Company Amazon Account" in folder '
        '"Shared-Company Web Accounts".',
    },
]
"""The four events of the wish that started the project, values exactly as given."""

EXTRAS: dict[str, Any] = {
    "score": 1.5,
    "count": 7,
    "tags": ["a", None, {"deep": True}],
    "empty": "",
    "no": None,
}


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[CollectorProcess]:
    with CollectorProcess(tmp_path / "receiver") as process:
        yield process


@pytest.fixture
def nobody() -> Iterator[int]:
    """A port where nobody listens."""
    with contextlib.closing(ReservedPort()) as reserved:
        yield reserved.number


def collector(port: int, **keys: Any) -> dict[str, Any]:
    made = {"name": "siem", "host": "127.0.0.1", "port": port, "transport": "tcp", "heartbeat": "0s"}
    return made | {"retry": {"first": "100ms", "most": "500ms"}} | keys


def write_json(path: Path, records: list[dict[str, Any]]) -> Path:
    path.write_text(json.dumps(records))
    return path


@contextlib.contextmanager
def configured(
    folder: Path, records: list[dict[str, Any]], collectors: list[dict[str, Any]]
) -> Iterator[Daemon]:
    """A daemon that is not started, with a file of these records as its source."""
    path = write_json(folder / "events.json", records)
    source = {"name": "archive", "type": "file", "path": str(path)}
    daemon = Daemon(folder / "daemon", {"sources": [source], "collectors": collectors})
    with contextlib.closing(daemon):
        yield daemon


# ---- help -----------------------------------------------------------------------------------------------

IMPORTED = """
import sys
before = set(sys.modules)
from lpforwarder.cli import main
try:
    main(["--help"])
except SystemExit as end:
    assert not end.code
print(*sorted(set(sys.modules) - before), file=sys.stderr)
"""


def test_help_imports_click_alone(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", IMPORTED],
        env=clean_environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    imported = done.stderr.split()
    packages = {name.partition(".")[0] for name in imported}
    assert packages - sys.stdlib_module_names == {"click", "lpforwarder"}
    assert {name for name in imported if name.startswith("lpforwarder")} == {"lpforwarder", "lpforwarder.cli"}
    assert packages.isdisjoint({"ssl", "sqlite3", "socket", "asyncio", "http", "concurrent", "subprocess"})


def test_help_answers_at_once(tmp_path: Path) -> None:
    took = []
    for _ in range(3):
        began = time.monotonic()
        assert lpforwarder(tmp_path, "--help").returncode == 0
        took.append(time.monotonic() - began)
    print(f"--help: {min(took) * 1000:.0f} ms")
    assert min(took) < HELP_SECONDS


def commands() -> Iterator[tuple[str, ...]]:
    """Every command, those in groups with the name of their group before."""
    for section in COMMANDS.values():
        for name in section:
            command = cli.get_command(click.Context(cli), name)
            if isinstance(command, click.Group):
                yield from ((name, inner) for inner in command.commands)
            yield (name,)


def test_the_help_of_every_command_says_what_it_does_and_has_an_example() -> None:
    shown = {command: CliRunner().invoke(cli, [*command, "--help"]).output for command in commands()}
    for command, text in shown.items():
        assert f"Usage: cli {' '.join(command)}" in text
        assert "  lpforwarder " in text, f"{command} has no example"


def test_an_unknown_command_is_a_matter_of_usage_with_the_nearest_name(tmp_path: Path) -> None:
    done = lpforwarder(tmp_path, "stauts")
    assert (done.returncode, b"Did you mean 'status'?" in done.stderr) == (2, True)


# ---- demo -----------------------------------------------------------------------------------------------


def test_the_quick_demo_shows_both_accidents_and_ends_with_nothing_waiting(tmp_path: Path) -> None:
    done = lpforwarder(tmp_path, "demo", "--quick")
    lines = done.stdout.decode().splitlines()
    assert (done.returncode, lines[-1]) == (0, "20 in, 20 confirmed, 0 waiting"), done.stderr
    assert sum("-- now " in line for line in lines) == 2
    assert any("connection: nobody listens there [LPF202]" in line for line in lines)
    assert any(line.startswith("Lost: 0.") for line in lines)


def test_ctrl_c_ends_the_demo_and_leaves_nothing_behind(tmp_path: Path) -> None:
    environment = clean_environment(tmp_path) | {"TMPDIR": str(tmp_path), "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        [sys.executable, "-m", "lpforwarder", "demo"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if b"@" in line:  # the first event
                break
        running = processes_with(str(tmp_path))
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
    assert len(running) == 1
    assert (process.returncode, errors.strip()) == (130, b"")
    assert processes_with(str(tmp_path)) == []
    assert list(tmp_path.iterdir()) == []


def processes_with(argument: str) -> list[int]:
    """The processes whose command line contains that."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if argument.encode() in (folder / "cmdline").read_bytes():
                found.append(int(folder.name))
    return found


# ---- render ---------------------------------------------------------------------------------------------


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


# ---- test-send ------------------------------------------------------------------------------------------


def texts(receiver: CollectorProcess, mark: str, within: float = 10.0) -> list[str]:
    """The `message` of both messages, each of which carries the mark."""
    receiver.wait_for(2, within)
    events = [json.loads(read_rfc5424(line.replace(rb"\\n", rb"\n")).msg) for line in receiver.lines()]
    assert [event["testId"] for event in events] == [mark, mark]
    assert len({event["id"] for event in events}) == 2
    assert {event["eventType"] for event in events} == {"test"}
    return [event["message"] for event in events]


def test_test_send_needs_no_configuration(receiver: CollectorProcess, tmp_path: Path) -> None:
    done = lpforwarder(
        tmp_path, "test-send", "--to", f"127.0.0.1:{receiver.port}", "--no-tls", "--id", "HERE-1"
    )
    assert done.returncode == 0, done.stderr
    assert all("HERE-1" in text for text in texts(receiver, "HERE-1"))
    said = done.stdout.decode()
    for step in ("name lookup", "connect", "message 1", "message 2", "linger", "HERE-1"):
        assert step in said


def test_test_send_speaks_as_the_configured_collector_does(
    certificates: Certificates, tmp_path: Path
) -> None:
    tls = ServerTls(pair=certificates.server, client_ca=certificates.ca_file)
    client = certificates.client
    files = {"ca_file": certificates.ca_file, "cert_file": client.cert_file, "key_file": client.key_file}
    with CollectorProcess(tmp_path / "receiver", tls=tls) as receiver:
        far = collector(
            receiver.port, transport="tls", tls={key: str(path) for key, path in files.items()}, format="cef"
        )
        with configured(tmp_path, WISHED, [far]) as daemon:
            done = daemon.command("test-send", "--id", "HERE-2", "--json")
            assert done.returncode == 0, done.stderr
            receiver.wait_for(2)
            told = json.loads(done.stdout)
            assert (told["version"], told["id"]) == (1, "HERE-2")
            assert [one["ok"] for one in told["collectors"]] == [True]
            assert not (daemon.folder / "journal.db").exists()
        messages = [read_cef(read_rfc5424(line).msg) for line in receiver.lines()]
        assert ["HERE-2" in message.extension["msg"] for message in messages] == [True, True]


def test_test_send_ends_with_3_when_no_collector_and_with_4_when_only_some_took_it(
    receiver: CollectorProcess, nobody: int, tmp_path: Path
) -> None:
    far = [collector(receiver.port, name="good"), collector(nobody, name="bad")]
    with configured(tmp_path, WISHED, far) as daemon:
        some = daemon.command("test-send", "--id", "HERE-3")
        assert some.returncode == 4
        assert b"1 of 2 collectors took the test." in some.stdout
        assert b"error[LPF202] bad: " in some.stderr
        none = daemon.command("test-send", "--collector", "bad")
        assert none.returncode == 3
        assert b"0 of 1 collectors took the test." in none.stdout
        one = daemon.command("test-send", "--collector", "good")
        assert one.returncode == 0
        unknown = daemon.command("test-send", "--collector", "goood")
        assert (unknown.returncode, b"did you mean 'good'?" in unknown.stderr) == (2, True)


BAD_PEERS = {
    "expired": ("LPF205", "certificate expired on "),
    "not_yet_valid": ("LPF205", "certificate is not valid before "),
    "wrong_name": ("LPF204", 'certificate is not for "127.0.0.1"; it names other.example.net'),
}


@pytest.mark.parametrize("name", BAD_PEERS)
def test_a_bad_certificate_is_named_in_plain_words_and_its_owner_gets_nothing(
    name: str, certificates: Certificates, tmp_path: Path
) -> None:
    code, words = BAD_PEERS[name]
    pair: KeyPair = getattr(certificates, name)
    refused(tmp_path, ServerTls(pair=pair), certificates.ca_file, code, words)


def test_an_unknown_authority_is_named_in_plain_words_and_gets_nothing(
    certificates: Certificates, tmp_path: Path
) -> None:
    tls = ServerTls(pair=certificates.server)
    refused(tmp_path, tls, certificates.other_ca_file, "LPF206", "which this machine does not trust")


def test_a_missing_client_certificate_is_named_in_plain_words(
    certificates: Certificates, tmp_path: Path
) -> None:
    tls = ServerTls(pair=certificates.server, client_ca=certificates.ca_file)
    refused(tmp_path, tls, certificates.ca_file, "LPF208", "refuses our client certificate, or the lack of")


def test_a_port_without_tls_is_named_in_plain_words(certificates: Certificates, tmp_path: Path) -> None:
    # It says something of its own, which ends the wait; silence is given up after ten seconds.
    refused(tmp_path, None, certificates.ca_file, "LPF209", "does not speak TLS")


def refused(folder: Path, tls: ServerTls | None, ca_file: Path, code: str, words: str) -> None:
    """`test-send` over TLS fails like this, says what to do, and no message arrives."""
    manners = Manners(garbage=0 if tls else 400)
    with CollectorProcess(folder / "receiver", tls=tls, manners=manners) as receiver:
        address = f"127.0.0.1:{receiver.port}"
        done = lpforwarder(folder, "test-send", "--to", address, "--ca-file", str(ca_file))
        said = done.stderr.decode()
        assert done.returncode == 3
        assert said.startswith(f"error[{code}] test: ")
        assert words in said
        assert "\n   fix    " in said
        receiver.wait_until_idle()
        assert [line for line in receiver.lines() if b"lpforwarder test message" in line] == []


def test_a_pinned_certificate_needs_no_authority_and_another_one_gets_nothing(
    certificates: Certificates, tmp_path: Path
) -> None:
    for name, pinned, expected in (
        ("right", certificates.server, 0),
        ("wrong", certificates.wrong_name, 3),
    ):
        with CollectorProcess(tmp_path / name, tls=ServerTls(pair=certificates.server)) as receiver:
            far = collector(receiver.port, transport="tls", tls={"fingerprints": [fingerprint(pinned)]})
            folder = tmp_path / f"{name}-daemon"
            folder.mkdir()
            with configured(folder, WISHED, [far]) as daemon:
                done = daemon.command("test-send", "--id", "HERE-4")
            receiver.wait_until_idle()
            arrived = len(receiver.lines())
            assert (done.returncode, arrived) == (expected, 0 if expected else 2), done.stderr


def fingerprint(pair: KeyPair) -> str:
    done = subprocess.run(
        ["openssl", "x509", "-noout", "-fingerprint", "-sha256", "-in", str(pair.cert_file)],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    return done.stdout.strip()


# ---- run ------------------------------------------------------------------------------------------------


def test_the_wished_events_arrive_value_by_value(receiver: CollectorProcess, tmp_path: Path) -> None:
    given = [*WISHED[:3], WISHED[3] | EXTRAS]
    with configured(tmp_path, given, [collector(receiver.port)]) as daemon:
        done = daemon.command("run", "--once")
        assert (done.returncode, done.stdout.decode().splitlines()) == (
            0,
            ["archive: 4 events in the journal, 0 set aside", "siem: 4 confirmed, 0 waiting"],
        ), done.stderr
        messages = [read_rfc5424(line) for line in receiver.lines()]
    arrived = [json.loads(message.msg) for message in messages]
    assert [message.timestamp for message in messages] == [event["timestamp"] for event in WISHED]
    for event, wanted in zip(arrived, given, strict=True):
        added = {key: event.pop(key) for key in ("source", "severity")}
        assert added["source"] == "archive"
        assert added["severity"] in range(11)
        assert typed(event) == typed(wanted)


def typed(value: Any) -> Any:
    """The value with the type of each part beside it: True is no 1, and 1.0 is no 1."""
    if isinstance(value, dict):
        return {key: typed(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [typed(inner) for inner in value]
    return type(value), value


def test_run_once_ends_with_3_when_a_collector_is_dead_and_sends_the_rest_later(tmp_path: Path) -> None:
    with (
        contextlib.closing(CollectorProcess(tmp_path / "receiver")) as receiver,
        configured(tmp_path, WISHED, [collector(receiver.port)]) as daemon,
    ):
        done = daemon.command("run", "--once")
        assert done.returncode == 3
        assert "siem: 0 confirmed, 4 waiting" in done.stdout.decode()
        assert b"collector:siem" in done.stderr
        receiver.start()
        for _ in range(2):  # the second time there is nothing to do
            assert daemon.command("run", "--once").returncode == 0
            assert receiver.ids() == [event["id"] for event in WISHED]


def test_a_dry_run_prints_what_would_be_sent_and_moves_nothing(
    receiver: CollectorProcess, tmp_path: Path
) -> None:
    with configured(tmp_path, WISHED, [collector(receiver.port)]) as daemon:
        first = daemon.command("run", "--dry-run")
        assert first.returncode == 0, first.stderr
        assert len(read_newline(first.stdout)) == 4
        assert b"siem: 4 messages would be sent. Nothing was." in first.stderr
        assert sorted(path.name for path in daemon.folder.iterdir()) == ["lpforwarder.yaml"]

        receiver.freeze()  # so that the events stay in the journal
        daemon.start()
        daemon.wait_until(lambda facts: facts["journal"]["last"] == 4)
        daemon.kill()
        before = daemon.command("status", "--json")
        second = daemon.command("run", "--dry-run")
        assert (second.returncode, len(read_newline(second.stdout))) == (0, 4)
        assert without_time(daemon.command("status", "--json")) == without_time(before)
        receiver.thaw()


def without_time(done: subprocess.CompletedProcess[bytes]) -> dict[str, Any]:
    facts: dict[str, Any] = json.loads(done.stdout)
    del facts["time"]
    return facts


def test_once_and_dry_run_exclude_each_other(tmp_path: Path) -> None:
    with configured(tmp_path, WISHED, [collector(1)]) as daemon:
        assert daemon.command("run", "--once", "--dry-run").returncode == 2


# ---- simulate -------------------------------------------------------------------------------------------


def test_the_simulated_collector_prints_what_it_takes_and_ends_after_so_many_messages(
    tmp_path: Path,
) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "lpforwarder", "simulate", "collector", "--events", "3"],
        env=clean_environment(tmp_path),
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as server:
        assert server.stderr is not None
        address = server.stderr.readline().split()[2].decode()
        done = lpforwarder(tmp_path, "test-send", "--to", address, "--no-tls", "--id", "HERE-5")
        assert (done.returncode, b"the collector read everything" in done.stdout) == (0, True)
        host, port = address.rsplit(":", 1)
        send_naively((host, int(port)), b"<13>1 - - - - - - HERE-5 HERE-5\n" * 2)
        printed, errors = server.communicate(timeout=30)
    assert (server.returncode, errors) == (0, b"")
    assert [line.count(b"HERE-5") for line in printed.splitlines()] == [2, 2, 2]


def test_ctrl_c_ends_the_simulated_collector(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "lpforwarder", "simulate", "collector"],
        env=clean_environment(tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as server:
        assert server.stderr is not None
        assert server.stderr.readline().startswith(b"listening on 127.0.0.1:")
        os.kill(server.pid, signal.SIGINT)
        printed, errors = server.communicate(timeout=30)
    assert (server.returncode, printed, errors.strip()) == (130, b"", b"")
