"""The watchdog is fed while every worker lives, and the log says who does not."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from lpforwarder.cli.service import feed
from lpforwarder.runtime.retry import Policy
from lpforwarder.runtime.supervisor import Supervisor
from lpforwarder.runtime.systemd import Systemd
from tests.fakes.clock import FakeClock
from tests.fakes.worker import OrderedWorker


class House:
    """Two workers, of which one may be silent for ten seconds, the other for longer; and a watchdog."""

    def __init__(self, manager: socket.socket) -> None:
        self.clock = FakeClock()
        self.supervisor = Supervisor(self.clock, grace=0)
        self.workers = {"janitor": OrderedWorker(), "source:vault": OrderedWorker()}
        for patience, (name, worker) in zip((10.0, 60.0), self.workers.items(), strict=True):
            self.supervisor.start(name, worker, Policy(), patience)
            worker.beats()
        self._manager = manager
        self._systemd = Systemd({"NOTIFY_SOCKET": manager.getsockname()})
        self._stuck: Mapping[str, float] = {}

    def second(self) -> bool:
        """Whether the watchdog was fed in this one."""
        self.clock.advance(1)
        self._stuck = feed(self._systemd, self.supervisor, self._stuck)
        try:
            return self._manager.recv(4096) == b"WATCHDOG=1"
        except BlockingIOError:
            return False

    def end(self) -> None:
        for worker in self.workers.values():
            worker.let(None)
        self.supervisor.stop(None, within=1e6)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.setblocking(False)
        made = House(manager)
        yield made
        made.end()


def test_one_worker_that_hangs_ends_the_feeding_and_is_named_once(house: House) -> None:
    with capture_logs() as lines:
        fed = []
        for _ in range(30):
            house.workers["source:vault"].beats()
            fed.append(house.second())
    assert fed == [True] * 11 + [False] * 19
    assert lines == [
        {
            "event": "worker.unresponsive",
            "log_level": "error",
            "worker": "janitor",
            "reason": "no sign of life for more than 10s; the watchdog is not fed",
        }
    ]


def test_a_worker_that_lives_again_is_told_and_the_watchdog_is_fed(house: House) -> None:
    for _ in range(20):
        house.second()
    with capture_logs() as lines:
        house.workers["janitor"].beats()
        assert house.second()
    assert [(line["event"], line["worker"]) for line in lines] == [("worker.responsive", "janitor")]


def test_a_worker_may_take_its_own_time_although_another_may_not(house: House) -> None:
    for _ in range(60):
        house.workers["janitor"].beats()
        assert house.second()
