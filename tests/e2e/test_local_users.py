"""What other users of the machine can do to a running service: nothing. It is tried as one of them."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.test_lastpass import handed_over, site
from tests.fakes.daemon import Daemon

pytestmark = pytest.mark.slow

NOBODY = 65534
PYTHON = "/usr/bin/env", "-S", "python3", "-I", "-c"
TRY = """
import json, os, socket, sys

def tried(what, path):
    try:
        what(path)
    except PermissionError:
        return "denied"
    return "done"

def read(path):
    os.close(os.open(path, os.O_RDONLY))

def write(path):
    os.close(os.open(path, os.O_WRONLY))

def connect(path):
    with socket.socket(socket.AF_UNIX) as line:
        line.connect(path)

ways = {"list": os.listdir, "read": read, "write": write, "connect": connect, "remove": os.unlink}
print(json.dumps([tried(ways[way], path) for way, path in json.load(sys.stdin)]))
"""


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that everybody may enter, as /var/lib is; those of pytest are closed to others anyway."""
    folder = Path(tempfile.mkdtemp(prefix="lpf-open-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(params=["022", "000"])
def daemon(place: Path, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Daemon]:
    """Has read from a vault and delivered; it has made the folders of the journal and the socket itself."""
    wrapper = ("sh", "-c", f'umask {request.param}; exec "$@"', "sh")
    with site(tmp_path, events=50, days=0.1) as here:
        settings = here.settings() | {"journal": {"path": "state/journal.db"}}
        made = Daemon(place / "d", settings, wrapper=wrapper)
        made.socket.parent.chmod(0o755)
        made.socket = made.socket.parent / "run" / "control.sock"
        made.configure(settings)
        with made:
            made.wait_until(lambda facts: handed_over(facts, 50))
            yield made


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def state(daemon: Daemon) -> Path:
    return daemon.folder / "state"


def as_nobody(*attempts: tuple[str, Path]) -> list[Any]:
    """What becomes of each attempt, made by a process of the user nobody: "denied" or "done"."""
    done = subprocess.run(
        [*PYTHON, TRY],
        input=json.dumps([(way, str(path)) for way, path in attempts]),
        capture_output=True,
        text=True,
        cwd="/",
        user=NOBODY,
        group=NOBODY,
        extra_groups=[],
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return list(json.loads(done.stdout))


def damage(journal: Path) -> None:
    """Spoils what is there, so that the next start must set it aside."""
    octets = bytearray(journal.read_bytes())
    octets[100:] = os.urandom(len(octets) - 100)
    journal.write_bytes(octets)


def test_whatever_the_umask_files_are_for_the_service_alone_and_the_socket_for_its_group(
    daemon: Daemon,
) -> None:
    modes = {path.name: mode(path) for path in state(daemon).rglob("*")}
    assert mode(state(daemon)) == 0o700
    assert {"journal.db", "journal.db-wal", "journal.db-shm", "journal.db.lock"} <= modes.keys()
    assert {"journal.db.reserve", "journal.db.safe"} <= modes.keys()
    assert modes == dict.fromkeys(modes, 0o600)
    assert mode(daemon.socket.parent) == 0o750 & ~umask(daemon)
    assert mode(daemon.socket) == 0o660


def umask(daemon: Daemon) -> int:
    """Of the running process."""
    for line in Path(f"/proc/{daemon.pid}/status").read_text().splitlines():
        if line.startswith("Umask:"):
            return int(line.split()[1], 8)
    raise ValueError("/proc/PID/status has no Umask")


def test_what_is_set_aside_of_a_damaged_journal_is_as_private_as_the_journal(daemon: Daemon) -> None:
    before = {path.name for path in state(daemon).rglob("*")}
    assert daemon.terminate() == 0
    damage(state(daemon) / "journal.db")
    daemon.start()
    daemon.wait_until(lambda facts: facts["running"])
    modes = {path.name: mode(path) for path in state(daemon).rglob("*") if path.is_file()}
    assert modes.keys() - before
    assert modes == dict.fromkeys(modes, 0o600)
    folders = [mode(path) for path in state(daemon).rglob("*") if path.is_dir()]
    assert set(folders) <= {0o700}


def test_another_user_can_neither_read_nor_write_nor_remove_nor_ask(daemon: Daemon) -> None:
    if os.geteuid() != 0:
        return  # only root can become another user; the modes are looked at in any case
    files = [path for path in state(daemon).iterdir() if path.is_file()]
    attempts = [
        *(("list", folder) for folder in (state(daemon), daemon.socket.parent)),
        *((way, path) for path in files for way in ("read", "write", "remove")),
        ("connect", daemon.socket),
        ("remove", daemon.socket),
    ]
    assert as_nobody(*attempts) == ["denied"] * len(attempts)
    # Each file and the socket stay closed even if somebody opens the folders.
    state(daemon).chmod(0o755)
    daemon.socket.parent.chmod(0o755)
    assert as_nobody(*attempts) == ["done"] * 2 + ["denied"] * (len(attempts) - 2)
    # He could have: the configuration is not secret, and he reads that.
    assert as_nobody(("read", daemon.file)) == ["done"]
    assert daemon.status()["running"]


def test_a_member_of_the_group_who_floods_the_socket_holds_up_nobody(daemon: Daemon) -> None:
    with contextlib.ExitStack() as crowd:
        for number in range(40):
            line = crowd.enter_context(socket.socket(socket.AF_UNIX))
            line.settimeout(5.0)
            line.connect(str(daemon.socket))
            with contextlib.suppress(OSError):  # it is cut off as soon as that is too much
                line.sendall(b"[" * (1 if number % 2 else 1_000_000))
            assert daemon.status()["running"]
    assert daemon.memory() < 150 * 2**20
    assert daemon.log_of("worker.failed") == []
    assert daemon.terminate() == 0
