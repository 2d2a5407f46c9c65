"""What the command does when its outputs are closed, full or unread."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

EVENT = b'{"id":"one","eventType":"authentication"}\n'


def shell(command: str, folder: Path) -> subprocess.CompletedProcess[bytes]:
    program = f"{sys.executable} -m lpforwarder"
    return subprocess.run(
        ["bash", "-c", command.replace("lpforwarder", program)],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])},
        capture_output=True,
        timeout=60,
        check=False,
    )


def test_a_closed_output_is_no_bug(tmp_path: Path) -> None:
    (tmp_path / "events").write_bytes(EVENT)
    for command in ("lpforwarder --help >&-", "lpforwarder render events >&-", "lpforwarder --help 2>&-"):
        done = shell(command, tmp_path)
        assert (done.returncode, done.stderr) == (0, b""), command


def test_a_full_output_is_said_in_words(tmp_path: Path) -> None:
    (tmp_path / "events").write_bytes(EVENT)
    for command in ("lpforwarder --help >/dev/full", "lpforwarder render events >/dev/full"):
        done = shell(command, tmp_path)
        assert done.returncode == 1, command
        assert done.stderr == b"error: the output cannot be written: no space left on device\n", command


def test_an_unread_output_ends_the_command_quietly(tmp_path: Path) -> None:
    (tmp_path / "events").write_bytes(EVENT * 20_000)
    done = shell("lpforwarder render events | head -1; exit ${PIPESTATUS[0]}", tmp_path)
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_command_that_is_nearly_right_is_suggested(tmp_path: Path) -> None:
    done = shell("lpforwarder statsu", tmp_path)
    assert done.returncode == 2
    assert b"Did you mean 'status'?" in done.stderr
