"""sd_notify against a real datagram socket."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lpforwarder.runtime.systemd import Systemd


@pytest.fixture(params=["file", "abstract"])
def listener(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[socket.socket, Systemd]]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        name = str(tmp_path / "notify") if request.param == "file" else f"@lpforwarder-test-{os.getpid()}"
        manager.bind(name.replace("@", "\0", 1) if name.startswith("@") else name)
        manager.settimeout(5)
        yield manager, Systemd({"NOTIFY_SOCKET": name})


def test_each_message_arrives_as_sd_notify_has_it(listener: tuple[socket.socket, Systemd]) -> None:
    manager, systemd = listener
    systemd.ready()
    systemd.stopping()
    systemd.watchdog()
    systemd.extend_timeout(12.5)
    systemd.status("2 collectors connected, 0 waiting")
    assert [manager.recv(4096) for _ in range(5)] == [
        b"READY=1",
        b"STOPPING=1",
        b"WATCHDOG=1",
        b"EXTEND_TIMEOUT_USEC=12500000",
        b"STATUS=2 collectors connected, 0 waiting",
    ]


@pytest.mark.parametrize(
    ("address", "is_there"),
    [("/run/systemd/notify", True), ("@abstract", True), ("", False), ("vsock:2:1", False)],
)
def test_it_knows_whether_anybody_is_told(address: str, is_there: bool) -> None:
    assert Systemd({"NOTIFY_SOCKET": address} if address else {}).is_there is is_there


def test_a_reload_carries_the_time_it_began(listener: tuple[socket.socket, Systemd]) -> None:
    manager, systemd = listener
    before = time.monotonic_ns() // 1000
    systemd.reloading()
    first, second = manager.recv(4096).decode().split("\n")
    assert first == "RELOADING=1"
    assert before <= int(second.removeprefix("MONOTONIC_USEC=")) <= time.monotonic_ns() // 1000


def test_a_status_cannot_smuggle_in_another_message(listener: tuple[socket.socket, Systemd]) -> None:
    manager, systemd = listener
    systemd.status("siem\nREADY=1\r\nWATCHDOG=trigger \udcff")
    assert manager.recv(4096) == b"STATUS=siem READY=1 WATCHDOG=trigger ?"


@pytest.mark.parametrize(
    "address",
    ["", "/nowhere/notify", "@nobody-listens-here", "relative", "vsock:2:1", "/" + "x" * 200, "/a\0b"],
)
def test_nobody_listening_is_no_error(address: str) -> None:
    systemd = Systemd({"NOTIFY_SOCKET": address})
    systemd.ready()
    systemd.status("fine")


def test_without_systemd_nothing_happens() -> None:
    Systemd({}).ready()
    assert Systemd({}).watchdog_interval() is None


@pytest.mark.parametrize(
    ("environ", "interval"),
    [
        ({"WATCHDOG_USEC": "60000000"}, 60.0),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": str(os.getpid())}, 60.0),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({"WATCHDOG_USEC": "-5"}, None),
    ],
)
def test_the_watchdog_interval_is_in_seconds(environ: dict[str, str], interval: float | None) -> None:
    assert Systemd(environ).watchdog_interval() == interval
