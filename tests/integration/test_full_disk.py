"""A full disk stops intake and nothing else; a disk that fails ends the process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lpforwarder.event import Seq
from lpforwarder.journal.reader import open_reader
from tests.integration import failing_disk, full_disk
from tests.integration.power_cut import ROOT

SIZE = 8 * 2**20


def test_a_full_disk_stops_intake_until_there_is_room_again(tmp_path: Path) -> None:
    mount = f"mount -t tmpfs -o size={SIZE} none {tmp_path}"
    program = f"{sys.executable} -m {full_disk.__name__}"
    # In a name space of its own, so that the mount goes away with the process.
    space = (
        ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--mount", "--user", "--map-root-user"]
    )
    if run([*space, "sh", "-c", mount]).returncode == 0:
        done = run([*space, "sh", "-c", f"{mount} && exec {program} {tmp_path}"])
    else:
        done = run([*program.split(), str(tmp_path), str(SIZE // 4096)])
    assert done.returncode == 0, done.stderr


def run(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize(
    ("fault", "ending"),
    [
        ("fdatasync:error=EIO:when=20", "Fatal LPF506"),
        ("fdatasync:error=ENOSPC:when=20", "Fatal LPF506"),
        ("pwrite64:error=EIO:when=200", "Fatal LPF506"),
        ("pwrite64:error=EROFS:when=200+", "Fatal LPF506"),
        ("pwrite64:error=ENOSPC:when=200+", "Transient LPF501"),
    ],
)
def test_a_disk_that_fails_is_never_asked_again(tmp_path: Path, fault: str, ending: str) -> None:
    """The kernel answers one call with an error; after a failed sync nothing may be written at all."""
    inject = ["strace", "-f", "-qq", "-o", str(tmp_path / "trace"), "-e", "trace=fdatasync,pwrite64,unlink"]
    program = [sys.executable, "-m", failing_disk.__name__, str(tmp_path / "state")]
    done = run([*inject, "-e", f"inject={fault}", *program])
    assert done.returncode == 0, done.stderr
    *acknowledged, failed, again = done.stdout.splitlines()
    assert failed == ending
    assert again == ending
    if ending.startswith("Fatal"):
        assert changed_after_the_fault(tmp_path / "trace") == []
    with open_reader(tmp_path / "state" / "journal.db") as reader:
        found = [entry.event.text("id") for entry in reader.read(Seq(0), 10**6)]
    # What was being written when it happened may be there or not.
    assert found[: len(acknowledged)] == acknowledged
    assert len(found) - len(acknowledged) <= 1


def changed_after_the_fault(trace: Path) -> list[str]:
    """The calls that changed the journal after one of them had failed; not those on the index."""
    lines = trace.read_text().splitlines()
    fault = next(number for number, line in enumerate(lines) if "(INJECTED)" in line)
    return [line for line in lines[fault + 1 :] if "pwrite64" in line or "journal.db-wal" in line]


def test_a_quota_that_is_used_up_is_a_full_disk(tmp_path: Path) -> None:
    """SQLite calls it an I/O error; only asking the disk again tells."""
    faults = ["inject=pwrite64:error=EDQUOT:when=200+", "-e", "inject=fallocate:error=EDQUOT:when=2+"]
    inject = ["strace", "-f", "-qq", "-o", os.devnull, "-e", "trace=pwrite64,fallocate", "-e", *faults]
    done = run([*inject, sys.executable, "-m", failing_disk.__name__, str(tmp_path / "state")])
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-2:] == ["Transient LPF501"] * 2
