"""`demo` and `simulate`: what a person sees before there is any configuration."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from tests.fakes.collectors import send_naively
from tests.fakes.daemon import clean_environment, lpforwarder


def test_the_quick_demo_shows_both_accidents_and_ends_with_nothing_waiting(tmp_path: Path) -> None:
    done = lpforwarder(tmp_path, "demo", "--quick")
    lines = done.stdout.decode().splitlines()
    assert (done.returncode, lines[-1]) == (0, "20 in, 20 confirmed, 0 waiting"), done.stderr
    assert sum("-- now " in line for line in lines) == 2
    assert any(re.search(r"  collector gone: .+ \[LPF2[0-9]{2}\]\. ", line) for line in lines)
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
            if b"pull API" in line:
                address = line.split(b"http://")[1].split(b"/")[0].decode()
            if b"@" in line:  # the first event
                break
        assert pulled(address)[0]["eventId"] == "8001"
        running = processes_with(str(tmp_path))
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
    assert len(running) == 1
    assert (process.returncode, errors.strip()) == (130, b"")
    assert processes_with(str(tmp_path)) == []
    assert list(tmp_path.iterdir()) == []


def pulled(address: str) -> list[dict[str, Any]]:
    """What the pull API of the demo gives to the token it tells."""
    request = Request(f"http://{address}/v1/events", headers={"Authorization": "Bearer demo"})
    with urlopen(request, timeout=10) as answer:
        found: list[dict[str, Any]] = json.loads(answer.read())
        return found


def processes_with(argument: str) -> list[int]:
    """The processes whose command line contains that."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if argument.encode() in (folder / "cmdline").read_bytes():
                found.append(int(folder.name))
    return found


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
