"""Start to ready, `--help`, and what an idle service takes."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

from bench.measuring import running
from bench.medians import spread
from bench.section import Goal, Section, table
from bench.senders.contract import CHECKOUT, Command, Job, Target
from bench.senders.lpforwarder import collector, file_source, run_with
from bench.setting import Setting, say
from bench.sinks import SinkProcess

READY, HELP, IDLE = 0.6, 150.0, 0.5
_FIVE = 5
_SETTLED = 5.0
"""Seconds after which an idle service has nothing left to do: fences are closed, links are up."""


def measure_startup(setting: Setting) -> Section:
    """Medians over the rounds; the idle share is of one core."""
    rounds = max(setting.scale.rounds, 3)
    helped = spread([_help_seconds() for _ in range(rounds)]).median
    ready = spread([_ready_seconds(setting) for _ in range(rounds)]).median
    idle = _idle_percent(setting)
    say("start: measured")
    rows = [
        ["start of the process to READY=1, journal empty", f"{ready:.2f} s"],
        ["`lpforwarder --help`", f"{helped * 1000:.0f} ms"],
        [f"idle, {_FIVE} followed files and {_FIVE} TLS collectors", f"{idle:.2f} % of a core"],
    ]
    return Section(
        name="start",
        title="Start and idling",
        scale=f"{rounds} rounds; idle for {setting.scale.idle_seconds:g} s",
        text=table(["", ""], rows),
        goals=(
            Goal(what="start to ready", value=ready, limit=READY, unit=" s"),
            Goal(what="`--help`", value=helped * 1000, limit=HELP, unit=" ms"),
            Goal(what="idle CPU, share of a core", value=idle, limit=IDLE, unit=" %"),
        ),
    )


def _help_seconds() -> float:
    began = time.monotonic()
    command = [sys.executable, "-m", "lpforwarder", "--help"]
    subprocess.run(command, cwd=CHECKOUT, check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - began


def _ready_seconds(setting: Setting) -> float:
    """Until the service tells systemd that it is ready."""
    with ExitStack() as stack:
        folder = stack.enter_context(setting.folder())
        command, _ = _idle_service(setting, folder, stack, 1)
        notify = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
        notify.bind(str(folder / "notify"))
        notify.settimeout(30.0)
        told = dict(command.environment) | {"NOTIFY_SOCKET": str(folder / "notify")}
        began = time.monotonic()
        with running(Command(arguments=command.arguments, folder=folder, environment=told)):
            while b"READY=1" not in notify.recv(4096):
                pass
            return time.monotonic() - began


def _idle_percent(setting: Setting) -> float:
    with ExitStack() as stack:
        folder = stack.enter_context(setting.folder())
        command, sink = _idle_service(setting, folder, stack, _FIVE)
        with running(command) as child:
            while sink.look().connections < _FIVE:
                time.sleep(0.1)
            time.sleep(_SETTLED)
            began, cpu = time.monotonic(), child.cpu()
            time.sleep(setting.scale.idle_seconds)
            return (child.cpu() - cpu) / (time.monotonic() - began) * 100


def _idle_service(
    setting: Setting, folder: Path, stack: ExitStack, count: int
) -> tuple[Command, SinkProcess]:
    """So many followed files without a line, so many collectors."""
    job = Job(file=folder / "none.jsonl", events=0)
    sink = stack.enter_context(SinkProcess(job.marker, tls=setting.certificates))
    target = Target(port=sink.port, certificates=setting.certificates)
    sources = []
    for number in range(count):
        file = folder / f"empty-{number}.jsonl"
        file.touch()
        sources.append(file_source(file, f"source-{number}") | {"follow": True})
    collectors = [collector(f"sink-{number}", job, target) for number in range(count)]
    return run_with(folder, sources, collectors), sink
