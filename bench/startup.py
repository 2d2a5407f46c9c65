"""Start to ready, `--help`, `check-config`, and what an idle service takes."""

from __future__ import annotations

import socket
import subprocess
import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from bench.events import write_lines
from bench.measuring import running
from bench.medians import spread
from bench.section import Goal, Section, table
from bench.senders.contract import Command, Job, Target
from bench.senders.lpforwarder import PROGRAM, collector, environment, file_source, run_with
from bench.setting import Setting, say
from bench.sinks import SinkProcess

READY, HELP, IDLE = 0.6, 150.0, 0.5
_FIVE = 5


def measure_startup(setting: Setting) -> Section:
    """Medians over the rounds; the idle share is of one core."""
    rounds = max(setting.scale.rounds, 3)
    runs = [(_help_seconds(), _check_seconds(setting), *_start(setting)) for _ in range(rounds + 1)]
    # The first round writes the bytecode that an installation brings along.
    helped, checked, ready, cpu = (spread(values).median for values in zip(*runs[1:], strict=True))
    idle = _idle_percent(setting)
    say("start: measured")
    rows = [
        ["start of the process to READY=1, journal empty", f"{ready:.2f} s"],
        ["CPU of a start, a second of life and a stop", f"{cpu:.2f} s"],
        ["`lpforwarder --help`", f"{helped * 1000:.0f} ms"],
        ["`lpforwarder check-config`", f"{checked * 1000:.0f} ms"],
        [f"idle, {_FIVE} followed files and {_FIVE} TLS collectors", f"{idle:.2f} % of a core"],
    ]
    return Section(
        name="start",
        title="Start and idling",
        scale=f"{rounds} rounds, medians; idle for {setting.scale.idle_seconds:g} s",
        text=table(["", ""], rows),
        goals=(
            Goal(what="start to ready", value=ready, limit=READY, unit=" s"),
            Goal(what="`--help`", value=helped * 1000, limit=HELP, unit=" ms"),
            Goal(what="idle CPU, share of a core", value=idle, limit=IDLE, unit=" %"),
        ),
    )


def _help_seconds() -> float:
    return _seconds_of(*PROGRAM, "--help")


def _check_seconds(setting: Setting) -> float:
    with ExitStack() as stack:
        folder = stack.enter_context(setting.folder())
        command, _ = _idle_service(setting, folder, stack, 1)
        return _seconds_of(*command.arguments[:-1], "check-config")


def _seconds_of(*command: str) -> float:
    began = time.monotonic()
    subprocess.run(command, env=environment(), check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - began


def _start(setting: Setting) -> tuple[float, float]:
    """Seconds until the service tells systemd that it is ready, and its CPU until it has ended."""
    with ExitStack() as stack:
        folder = stack.enter_context(setting.folder())
        command, _ = _idle_service(setting, folder, stack, 1)
        notify = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
        notify.bind(str(folder / "notify"))
        notify.settimeout(30.0)
        told = dict(command.environment) | {"NOTIFY_SOCKET": str(folder / "notify")}
        began = time.monotonic()
        with running(replace(command, environment=told)) as child:
            while b"READY=1" not in notify.recv(4096):
                pass
            ready = time.monotonic() - began
            time.sleep(1.0)
            return ready, child.stop().cpu


def _idle_percent(setting: Setting) -> float:
    with ExitStack() as stack:
        folder = stack.enter_context(setting.folder())
        command, sink = _idle_service(setting, folder, stack, _FIVE)
        with running(command) as child:
            while sink.look().connections < _FIVE:
                time.sleep(0.1)
            time.sleep(setting.scale.settle_seconds)
            began, cpu = time.monotonic(), child.cpu()
            time.sleep(setting.scale.idle_seconds)
            return (child.cpu() - cpu) / (time.monotonic() - began) * 100


def _idle_service(
    setting: Setting, folder: Path, stack: ExitStack, count: int
) -> tuple[Command, SinkProcess]:
    """So many followed files in which nothing happens any more, so many collectors."""
    job = Job(file=folder / "none.jsonl", events=0)
    sink = stack.enter_context(SinkProcess(job.marker, tls=setting.certificates))
    target = Target(port=sink.port, certificates=setting.certificates)
    sources = []
    for number in range(count):
        file = folder / f"quiet-{number}.jsonl"
        write_lines(file, 10, number * 10)
        sources.append(file_source(file, f"source-{number}") | {"follow": True})
    collectors = [collector(f"sink-{number}", job, target) for number in range(count)]
    return run_with(folder, sources, collectors), sink
