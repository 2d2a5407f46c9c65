"""One run of one sender: started, watched until the sink has every event, stopped, its bill read."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.senders.contract import Command, Job, Sender, Target
from bench.sinks import Seen, SinkProcess
from tests.fakes.certificates import Certificates

_STOP_SECONDS = 30.0
_BLOCK = 512
"""Octets of ru_oublock, whatever the disk has."""
_SLOWEST = 200
"""Events a second below which a run is given up, after a minute of patience."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """What a process took in its whole life, threads included."""

    cpu: float
    """Seconds, user and system."""
    written: int
    """Octets the kernel was asked to put on a disk."""
    code: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One run."""

    sender: str
    job: str
    events: int
    rate: float
    """Events a second, as the sink saw them."""
    cpu: float
    """Seconds of the whole sending process, start and stop included."""
    peak: int
    """Octets of memory at most."""
    written: int
    """Octets."""
    sink_cpu: float
    """Seconds."""
    octets: int
    """On the wire, without TLS."""


class Child:
    """A sending process, and what it costs."""

    def __init__(self, command: Command) -> None:
        self._log = command.folder / "output.log"
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                command.arguments,
                cwd=command.folder,
                env=dict(command.environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        self.pid = self._process.pid

    @property
    def is_reaped(self) -> bool:
        """True once stop() has returned."""
        return self._process.returncode is not None

    def is_alive(self) -> bool:
        """False once it has ended by itself."""
        return not self.is_reaped and self._state() not in ("", "Z")

    def memory(self, line: str = "VmHWM") -> int:
        """Octets; VmHWM the most so far, VmRSS now. ru_maxrss is no use: it begins with the parent's."""
        for row in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if row.startswith(line):
                return int(row.split()[1]) * 1024
        return 0

    def cpu(self) -> float:
        """Seconds so far, to a hundredth."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self) -> Bill:
        """SIGTERM, and the bill once it has ended; killed when that takes too long."""
        # Not by way of Popen, which would reap a process that has just ended, and the bill would be gone.
        os.kill(self.pid, signal.SIGTERM)
        give_up_at = time.monotonic() + _STOP_SECONDS
        while (ended := os.wait4(self.pid, os.WNOHANG))[0] == 0:
            if time.monotonic() > give_up_at:
                os.kill(self.pid, signal.SIGKILL)
            time.sleep(0.005)
        _, status, usage = ended
        self._process.returncode = os.waitstatus_to_exitcode(status)
        return Bill(
            cpu=usage.ru_utime + usage.ru_stime,
            written=usage.ru_oublock * _BLOCK,
            code=self._process.returncode,
        )

    def output(self) -> str:
        """The end of what it said."""
        return self._log.read_text(errors="replace")[-2000:]

    def _state(self) -> str:
        try:
            return Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return ""


@contextmanager
def running(command: Command) -> Iterator[Child]:
    """The process, stopped at the end if nobody did so before."""
    child = Child(command)
    try:
        yield child
    except TimeoutError as error:
        raise TimeoutError(f"{error}; {command.arguments[0]} says: {child.output()}") from error
    finally:
        if not child.is_reaped:
            child.stop()


def measure(sender: Sender, job: Job, certificates: Certificates, folder: Path) -> Measured:
    """One run, from start to the end of the process. `folder` must be empty.

    RuntimeError when the sender ended badly or events are missing at its end; TimeoutError when they do not
    come.
    """
    tls = certificates if job.link == "tls" else None
    with SinkProcess(job.marker, tls=tls) as sink:
        command = sender.command(folder, job, Target(port=sink.port, certificates=certificates))
        with running(command) as child:
            sink.wait_for(job.events, patience(job.events), child.is_alive)
            peak = child.memory()
            bill = child.stop()
            seen = sink.look()
        _require_honest(sender.name, job, bill, seen, child.output)
    return Measured(
        sender=sender.name,
        job=job.name,
        events=job.events,
        rate=seen.rate,
        cpu=bill.cpu,
        peak=peak,
        written=bill.written,
        sink_cpu=seen.cpu,
        octets=seen.octets,
    )


def patience(events: int) -> float:
    """Seconds after which so many events are not waited for any more."""
    return 60.0 + events / _SLOWEST


def _require_honest(name: str, job: Job, bill: Bill, seen: Seen, output: Callable[[], str]) -> None:
    # A sender without a fence may be told to stop with octets still on the way: its end flushes them.
    if bill.code != 0 or seen.count != job.events:
        raise RuntimeError(
            f"{name}, {job.name}: exit code {bill.code}, {seen.count:,} of {job.events:,} events; {output()}"
        )
