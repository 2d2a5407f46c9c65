"""What systemd itself says about a unit file."""

from __future__ import annotations

import shutil
import subprocess

import pytest


def systemd_analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    """One run of it, to its end; where it is missing the test fails with one line: what to run."""
    program = shutil.which("systemd-analyze")
    if program is None:
        absent = "systemd-analyze (Debian package systemd) is not here; as root, run: scripts/install-peers"
        pytest.fail(absent, pytrace=False)
    return subprocess.run([program, *arguments], capture_output=True, text=True, timeout=60, check=False)
