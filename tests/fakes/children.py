"""Collectors in processes of their own: started, stopped, killed, frozen, started again on the same port."""

from __future__ import annotations

import signal
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from tests.fakes.ports import ReservedPort, has_connections, is_listening
from tests.fakes.received import LineCount, complete_lines, event_ids, own_events

_START_SECONDS = 30.0
_STOP_SECONDS = 30.0
_LOOK_AGAIN_SECONDS = 0.01


class ChildCollector(ABC):
    """A collector that listens on `port` of `host` while it runs, and keeps everything in `folder`.

    Each message becomes a line in `file`, over all its lives. As a context manager it runs inside and is
    killed at the end; a test that wants a polite end calls stop() itself. What it says goes to
    `folder`/output.log. `wrapper` is a command that becomes this one, such as nsenter; then `host` is an
    address of that other place, and `port` must be given.
    """

    def __init__(
        self, folder: Path, *, host: str = "127.0.0.1", port: int = 0, wrapper: Sequence[str] = ()
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.file = folder / "received"
        self.host = host
        self._wrapper = tuple(wrapper)
        self._reserved = ReservedPort("127.0.0.1" if wrapper else host, port)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def port(self) -> int:
        """The same for all its lives."""
        return self._reserved.number

    @property
    def address(self) -> tuple[str, int]:
        """Where to connect."""
        return self.host, self.port

    @property
    def pid(self) -> int:
        """Of the running process; RuntimeError when there is none."""
        if self._process is None:
            raise RuntimeError(f"{self!r} does not run")
        return self._process.pid

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self) -> None:
        """Starts it and returns once it listens; RuntimeError with its output when it does not."""
        with (self.folder / "output.log").open("ab") as log:
            self._process = subprocess.Popen(
                [*self._wrapper, *self._command()],
                env=self._environment(),
                cwd=self._directory(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        give_up_at = time.monotonic() + _START_SECONDS
        while not is_listening(self.port, self._process.pid):
            if self._ends_within(_LOOK_AGAIN_SECONDS) or time.monotonic() > give_up_at:
                self.kill()
                raise RuntimeError(f"{self._command()[0]} does not listen: {self.output()[-2000:]}")

    def stop(self) -> None:
        """SIGTERM, and waits for the end."""
        self.signal(signal.SIGTERM)
        self._reap()

    def kill(self) -> None:
        """SIGKILL, and waits for the end; nothing happens when it does not run."""
        if self._process is not None:
            self._process.kill()
            self._reap()

    def restart(self) -> None:
        """A polite end and a new start, on the same port, adding to the same file."""
        self.stop()
        self.start()

    def freeze(self) -> None:
        """SIGSTOP: the kernel goes on taking what fits its buffers, the process does nothing."""
        self.signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT."""
        self.signal(signal.SIGCONT)

    def signal(self, number: signal.Signals) -> None:
        """Sends any signal to the running process."""
        if self._process is None:
            raise RuntimeError(f"{self!r} does not run")
        self._process.send_signal(number)

    def close(self) -> None:
        """Kills what still runs and gives the port back."""
        self.kill()
        self._reserved.close()

    def output(self) -> str:
        """What it said on both outputs, over all its lives."""
        return (self.folder / "output.log").read_text(errors="replace")

    def lines(self) -> list[bytes]:
        """All lines of `file`, in order of arrival; a torn last one is left out."""
        return complete_lines(self.file)

    def ids(self) -> list[str]:
        """The ids of the vault's events so far, in order of arrival, repeats included."""
        return event_ids(self.lines())

    def own_events(self) -> list[dict[str, Any]]:
        """What the forwarder has said about itself so far, in JSON, repeats included."""
        return own_events(self.lines())

    def wait_for(self, count: int, within: float = 30.0) -> None:
        """Returns once `file` has that many lines: what was read is written a moment later.

        TimeoutError when it takes longer than `within` seconds or the process ends before.
        """
        give_up_at = time.monotonic() + within
        lines = LineCount(self.file)
        while (written := lines.now()) < count:
            if self._ends_within(_LOOK_AGAIN_SECONDS) or time.monotonic() > give_up_at:
                raise TimeoutError(f"{written} of {count} messages in {self.file}: {self.output()[-2000:]}")

    def wait_until_idle(self, within: float = 60.0) -> None:
        """Returns once nobody is connected any more: all that will ever be written is written.

        TimeoutError when it takes longer than `within` seconds.
        """
        give_up_at = time.monotonic() + within
        while has_connections(self.port, self._process.pid if self._process is not None else "self"):
            self._ends_within(_LOOK_AGAIN_SECONDS)
            if time.monotonic() > give_up_at:
                raise TimeoutError(f"somebody is still connected to {self.port}")

    @abstractmethod
    def _command(self) -> list[str]:
        """Program and arguments; the program stays in the foreground."""

    def _environment(self) -> dict[str, str] | None:
        """None for ours."""
        return None

    def _directory(self) -> Path:
        return self.folder

    def _reap(self) -> None:
        if self._process is not None:
            process, self._process = self._process, None
            try:
                process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                raise

    def _ends_within(self, seconds: float) -> bool:
        try:
            return self._process is None or self._process.wait(seconds) is not None
        except subprocess.TimeoutExpired:
            return False
