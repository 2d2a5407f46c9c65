"""A file system that becomes read-only stops intake and nothing else; a start on one says so and ends.

Scenario 19. As root on a machine with loop devices it is a real ext4 that gives up, as after a failed disk;
anywhere a tracer lets the kernel refuse every write, for a while.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.integration import read_only_disk
from tests.integration.power_cut import ROOT

PROGRAM = f"{sys.executable} -m {read_only_disk.__name__}"
WRITES = "pwrite64:error=EROFS:when=120..121"
"""An append and a checkpoint: each ends with its first write that is refused."""
PROBES = "fallocate:error=EROFS:when=2..60"
"""All but the one of the reserve, until the journal is allowed to write again."""


def run(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)


def test_a_read_only_file_system_is_survived_and_recovered_from(tmp_path: Path) -> None:
    tracer = ["strace", "-f", "-qq", "-o", os.devnull, "-e", "trace=pwrite64,fallocate"]
    faults = ["-e", f"inject={WRITES}", "-e", f"inject={PROBES}"]
    done = run([*tracer, *faults, *PROGRAM.split(), str(tmp_path)])
    assert (done.returncode, done.stdout) == (0, "survived\n"), done.stderr


def test_a_file_system_that_gives_up_leaves_delivery_alone(tmp_path: Path) -> None:
    image, place = tmp_path / "image", tmp_path / "place"
    place.mkdir()
    image.write_bytes(bytes(2**25))
    mount = f"mkfs.ext4 -q -F {image} && mount -o loop,errors=remount-ro {image} {place}"
    space = ["unshare", "--mount", "sh", "-c"]
    if os.geteuid() != 0 or run([*space, mount]).returncode != 0:
        # No loop device here: the refused system calls of the test above are all there is.
        return
    done = run([*space, f"{mount} && {PROGRAM} {place} mount -o remount,abort {place}"])
    assert (done.returncode, done.stdout) == (0, "survived\n"), done.stderr
