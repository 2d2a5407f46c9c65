"""Signals as requests, in a process of its own: here they would hit the test run."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROLOGUE = """
import os, signal, sys, threading
from lpforwarder.runtime import signals
signals.block()
idle = threading.Event()
threads = [threading.Thread(target=idle.wait, daemon=True) for _ in range(4)]
for thread in threads: thread.start()
"""


def said(program: str) -> str:
    """What a fresh process with four idle threads prints."""
    done = subprocess.run(
        [sys.executable, "-c", PROLOGUE + program], capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT", "SIGHUP"])
def test_a_watched_signal_is_a_request_and_kills_no_thread(name: str) -> None:
    program = f"os.kill(os.getpid(), signal.{name}); print(next(signals.requests(every=20)).name)"
    assert said(program) == name


def test_a_signal_that_came_before_anybody_asked_is_not_lost() -> None:
    program = """
requests = signals.requests(every=20)
os.kill(os.getpid(), signal.SIGHUP)
os.kill(os.getpid(), signal.SIGTERM)
print(sorted(next(requests).name for _ in range(2)))
"""
    assert said(program) == "['SIGHUP', 'SIGTERM']"


def test_when_nothing_comes_there_is_a_beat() -> None:
    assert said("print(next(signals.requests(every=0.01)))") == "None"


def test_a_nudge_from_a_thread_is_a_beat_at_once() -> None:
    program = """
threading.Thread(target=signals.nudge).start()
print(next(signals.requests(every=3600)))
"""
    assert said(program) == "None"


def test_a_process_that_was_frozen_makes_no_signal_up() -> None:
    program = """
import subprocess, time
freeze = "kill -STOP $0; sleep 0.6; kill -CONT $0"
requests = signals.requests(every=0.2)
next(requests)
seen = []
for _ in range(3):
    freezer = subprocess.Popen(["sh", "-c", freeze, str(os.getpid())])
    until = time.monotonic() + 1.2
    while time.monotonic() < until:
        seen.append(next(requests))
    freezer.wait()
print(set(seen))
"""
    assert said(program) == "{None}"


def test_unblocked_signals_act_again() -> None:
    program = """
signals.unblock()
try:
    os.kill(os.getpid(), signal.SIGINT)
    idle.wait(20)
except KeyboardInterrupt:
    print("interrupted")
"""
    assert said(program) == "interrupted"
