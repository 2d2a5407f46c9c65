"""The sink as its parent sees it: started, asked, waited for, ended."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from tests.fakes.certificates import Certificates

ROOT = Path(__file__).resolve().parent.parent
_LOOK_AGAIN = 0.03  # seconds; a look costs the sink some 50 µs


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What the sink has counted so far. Times are those of time.monotonic(), seconds."""

    count: int
    octets: int
    connections: int
    first: float
    """When the first piece with an event in it came."""
    behind_first: int
    """Events in that piece: the clock started behind them."""
    last: float
    """When the latest event came."""
    cpu: float
    """Seconds of CPU the sink has taken since it began to listen."""
    timeline: tuple[tuple[float, int], ...] = ()
    """(when, events so far); only when it was asked for."""

    @property
    def rate(self) -> float:
        """Events a second between the first piece and the last; 0 when all came in one."""
        seconds = self.last - self.first
        return (self.count - self.behind_first) / seconds if seconds > 0 else 0.0


class SinkProcess:
    """A sink that listens on `port` of 127.0.0.1; a context manager."""

    def __init__(
        self,
        marker: bytes,
        *,
        tls: Certificates | None = None,
        every: float = 0.02,
        pause: float = 0.0,
        keep: Path | None = None,
    ) -> None:
        command = [sys.executable, "-m", "bench.sink", "--marker", marker.decode(), "--every", str(every)]
        command += ["--pause", str(pause)]
        if tls is not None:
            command += ["--cert", str(tls.server.cert_file), "--key", str(tls.server.key_file)]
        if keep is not None:
            command += ["--keep", str(keep)]
        self._process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.port = int(self._line())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def look(self) -> Seen:
        """What it has counted by now."""
        return Seen(**self._ask(b"look\n"))

    def look_back(self) -> Seen:
        """The same with the timeline."""
        facts = self._ask(b"timeline\n")
        facts["timeline"] = tuple((when, count) for when, count in facts["timeline"])
        return Seen(**facts)

    def wait_for(self, count: int, within: float, is_alive: Callable[[], bool] = lambda: True) -> Seen:
        """Returns once that many events came; TimeoutError after `within` seconds or a dead sender."""
        give_up_at = time.monotonic() + within
        while (seen := self.look()).count < count:
            if not is_alive() or time.monotonic() > give_up_at:
                raise TimeoutError(f"{seen.count:,} of {count:,} events arrived")
            time.sleep(_LOOK_AGAIN)
        return seen

    def close(self) -> None:
        """Ends it; may be called twice."""
        if self._process.stdin is not None and not self._process.stdin.closed:
            self._process.stdin.close()
        self._process.wait(10)
        if self._process.stdout is not None:
            self._process.stdout.close()

    def _ask(self, question: bytes) -> dict[str, Any]:
        assert self._process.stdin is not None
        self._process.stdin.write(question)
        self._process.stdin.flush()
        facts: dict[str, Any] = json.loads(self._line())
        return facts

    def _line(self) -> bytes:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the sink has ended; its own message stands above")
        return line
