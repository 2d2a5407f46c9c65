"""The installed daemon as a process of its own: started, asked, reloaded, stopped, killed, started again."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from lpforwarder.errors import Failure
from lpforwarder.runtime.control import ask

_OURS = ("LPFORWARDER_", "XDG_", "NOTIFY_", "WATCHDOG_", "LISTEN_")
_GIVEN_BY_SYSTEMD = ("STATE_DIRECTORY", "RUNTIME_DIRECTORY", "CREDENTIALS_DIRECTORY", "INVOCATION_ID")
_LOOK_AGAIN_SECONDS = 0.04
_ANSWER_SECONDS = 5.0
_START_SECONDS = 30.0
_END_SECONDS = 60.0

Facts = dict[str, Any]
"""What `lpforwarder --json status` says."""


class Daemon:
    """A configuration in `folder`, and the forwarder that runs with it.

    `settings` is the configuration as JSON values; what it leaves out is set to suit a test: journal and
    control socket of its own, no HTTP, a log of JSON lines. As a context manager it runs inside and is
    killed at the end; a test that wants an orderly end calls terminate() itself.
    """

    def __init__(
        self,
        folder: Path,
        settings: Mapping[str, Any],
        *,
        environment: Mapping[str, str] | None = None,
        wrapper: Sequence[str] = (),
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.file = folder / "lpforwarder.yaml"
        # A socket's path has 107 octets at most, and folders of tests have long names.
        self._short = Path(tempfile.mkdtemp(prefix="lpf-"))
        self.socket = self._short / "control.sock"
        self.environment = clean_environment(folder) | dict(environment or {})
        self.wrapper = tuple(wrapper)
        self._process: subprocess.Popen[bytes] | None = None
        self.configure(settings)

    # ---- the configuration ----------------------------------------------------------------------------

    def configure(self, settings: Mapping[str, Any]) -> None:
        """Writes the configuration anew; a running daemon reads it at the next hup()."""
        usual = {
            "journal": {"path": "journal.db"},
            "control_socket": str(self.socket),
            "http": {"listen": "none"},
            "log": {"level": "info", "format": "json"},
        }
        self.settings: Facts = usual | dict(settings)
        self.file.write_text(json.dumps(self.settings, indent=1), encoding="utf-8")

    # ---- its life -------------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        try:
            self.start()
            self.wait_until(lambda facts: facts["running"], _START_SECONDS)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def pid(self) -> int:
        """Of the running process; RuntimeError when there is none."""
        if self._process is None:
            raise RuntimeError(f"the daemon in {self.folder} does not run")
        return self._process.pid

    def start(self) -> None:
        """Starts it, and does not wait until it is ready."""
        with (self.folder / "output.log").open("ab") as log:
            self._process = subprocess.Popen(
                [*self.wrapper, *self._command("run")],
                env=self.environment,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def terminate(self, within: float = _END_SECONDS) -> int:
        """SIGTERM; the exit code. TimeoutError when it has not ended within that many seconds."""
        self.signal(signal.SIGTERM)
        return self.wait(within)

    def wait(self, within: float = _END_SECONDS) -> int:
        """The exit code of a process that ends by itself; TimeoutError when it does not."""
        assert self._process is not None
        try:
            code = self._process.wait(within)
        except subprocess.TimeoutExpired:
            raise TimeoutError(f"it still runs after {within} s: {self.output()[-3000:]}") from None
        self._process = None
        return code

    def kill(self) -> None:
        """SIGKILL, and waits for the end; nothing happens when it does not run."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def hup(self) -> None:
        """SIGHUP, and returns once it has been dealt with: applied, or refused."""
        before = self._reloads()
        self.signal(signal.SIGHUP)
        give_up_at = time.monotonic() + _START_SECONDS
        while self._reloads() == before:
            self._look_again(give_up_at, "it does not reload")

    def restart(self) -> int:
        """An orderly end and a new start; the exit code of the end."""
        code = self.terminate()
        self.start()
        self.wait_until(lambda facts: facts["running"], _START_SECONDS)
        return code

    def signal(self, number: signal.Signals) -> None:
        """Sends any signal to the running process."""
        os.kill(self.pid, number)

    def close(self) -> None:
        """Kills what still runs, and removes the folder of the control socket."""
        self.kill()
        shutil.rmtree(self._short, ignore_errors=True)

    # ---- what it says ---------------------------------------------------------------------------------

    def status(self) -> Facts:
        """The facts as the running service tells them; a Failure when it does not."""
        return ask(self.socket, {"command": "status"}, _ANSWER_SECONDS)

    def wait_until(self, is_so: Callable[[Facts], bool], within: float = 30.0) -> Facts:
        """The first facts of which it is so; TimeoutError with what it said when that takes too long."""
        give_up_at = time.monotonic() + within
        facts: Facts = {}
        while True:
            with contextlib.suppress(Failure):
                facts = self.status()
                if is_so(facts):
                    return facts
            self._look_again(give_up_at, f"it never was so, at last: {json.dumps(facts)}")

    def wait_until_confirmed(self, collector: str, events: int, within: float = 60.0) -> Facts:
        """Returns once the sources have given that many events and this collector has confirmed all."""
        return self.wait_until(
            lambda facts: (
                read_events(facts) == events
                and facts["collectors"][collector]["checkpoint"] == facts["journal"]["last"]
            ),
            within,
        )

    def output(self) -> str:
        """All it said on both outputs, over all its lives."""
        return (self.folder / "output.log").read_text(errors="replace")

    def log(self) -> list[Facts]:
        """The lines of its log that are JSON, over all its lives."""
        return list(self._log_lines())

    def log_of(self, event: str) -> list[Facts]:
        """The lines of its log with this event."""
        return [line for line in self._log_lines() if line["event"] == event]

    def memory(self, field: str = "VmHWM") -> int:
        """Octets of a field of /proc/PID/status: VmHWM is the most it ever used, VmRSS what it uses now."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            name, _, value = line.partition(":")
            if name == field:
                return int(value.split()[0]) * 1024
        raise ValueError(f"/proc/PID/status has no {field}")

    # ---- commands -------------------------------------------------------------------------------------

    def command(self, *arguments: str, within: float = _END_SECONDS) -> subprocess.CompletedProcess[bytes]:
        """Runs another command with the same configuration and environment, to its end."""
        return subprocess.run(
            self._command(*arguments),
            env=self.environment,
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=within,
            check=False,
        )

    def _command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "lpforwarder", "-c", str(self.file), *arguments]

    # ---- its parts ------------------------------------------------------------------------------------

    def _look_again(self, give_up_at: float, complaint: str) -> None:
        """Waits a moment; TimeoutError when it is too late or the process has ended meanwhile."""
        if self._process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                code = self._process.wait(_LOOK_AGAIN_SECONDS)
                raise TimeoutError(f"it ended with {code}: {self.output()[-3000:]}")
        if self._process is None or time.monotonic() > give_up_at:
            raise TimeoutError(f"{complaint}; {self.output()[-3000:]}")

    def _reloads(self) -> int:
        return sum(
            1 for line in self._log_lines() if line["event"] in ("settings.applied", "settings.refused")
        )

    def _log_lines(self) -> Iterator[Facts]:
        for line in self.output().splitlines():
            with contextlib.suppress(ValueError):
                parsed = json.loads(line)
                if isinstance(parsed, dict) and "event" in parsed:
                    yield parsed


def read_events(facts: Facts) -> int:
    """How many events of the sources the journal has had; the forwarder's own are not counted."""
    return sum(source["events"] for source in facts["sources"].values())


def own_events(facts: Facts) -> int:
    """How many events of its own the forwarder has written, heartbeats for anybody included.

    Only while no source has been removed.
    """
    last: int = facts["journal"]["last"]
    return last - read_events(facts)


def clean_environment(folder: Path) -> dict[str, str]:
    """Our environment without what would lead a forwarder to other people's state; its home is `folder`."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(_OURS) and name not in _GIVEN_BY_SYSTEMD
    }
    return kept | {
        "HOME": str(folder),
        "XDG_STATE_HOME": str(folder / "state"),
        "XDG_RUNTIME_DIR": str(folder / "runtime"),
        "XDG_CONFIG_HOME": str(folder / "config"),
    }


def lpforwarder(
    folder: Path, *arguments: str, given: bytes = b"", within: float = _END_SECONDS
) -> subprocess.CompletedProcess[bytes]:
    """A command without a configuration of its own, run to its end in `folder`; `given` is its input."""
    return subprocess.run(
        [sys.executable, "-m", "lpforwarder", *arguments],
        env=clean_environment(folder),
        cwd=folder,
        input=given,
        capture_output=True,
        timeout=within,
        check=False,
    )
