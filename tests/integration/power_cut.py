"""A simulator of power cuts: records what a program asks of the disk, and rebuilds what a cut could leave.

Only what was synced before the cut is sure. Of the rest each write, truncation, new or removed name may have
reached the disk or not, in any order, and a write may be torn at the disk's sectors.

Limits: failing syncs are not simulated, nor disks that lie about them. The index file (`-shm`) is left out
because SQLite builds it anew after a cut.
"""

from __future__ import annotations

import random
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

ROOT = Path(__file__).parents[2]
SECTOR = 512
IGNORED = ("-shm", ".lock", ".reserve", ".probe")
"""Nothing in these files has to survive: index, lock and reserve are made anew at every start."""
MODES = ("dropped", "kept", "partly", "torn")

_CALLS = (
    "openat,creat,pwrite64,write,pwritev,pwritev2,writev,ftruncate,truncate,fallocate,fsync,fdatasync,"
    "sync_file_range,msync,unlink,unlinkat,rename,renameat,renameat2,link,linkat"
)
_LINE = re.compile(r"\d+ +(\w+)\((.*)\) += (-?\d+)")
_FILE = re.compile(r"\d+<([^>]*)>")
_TEXT = re.compile(r'"((?:\\x[0-9a-f]{2})*)"(\.\.\.)?')


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One thing the program asked for: `words` it said, or what it did to the file called `name`."""

    kind: str
    name: str = ""
    offset: int = 0
    octets: bytes = b""
    to: str = ""
    """The new name, of a file that was renamed."""


def record(folder: Path, synchronous: str, rounds: int) -> list[Call]:
    """What the writer asked of the disk while it lived in `folder`, in order."""
    with tempfile.NamedTemporaryFile() as log:
        command = [
            "strace",
            "-f",
            "-qq",
            "-y",
            "-xx",
            "-s",
            "1000000",
            "-e",
            f"trace={_CALLS}",
            "-o",
            log.name,
        ]
        writer = [sys.executable, "-m", "tests.integration.power_cut_writer"]
        subprocess.run(
            [*command, *writer, str(folder), synchronous, str(rounds)],
            cwd=ROOT,
            check=True,
            stdout=subprocess.DEVNULL,
            timeout=300,
        )
        return list(_calls(Path(log.name).read_text("ascii"), str(folder)))


def _calls(trace: str, folder: str) -> Iterator[Call]:
    known: set[str] = set()
    written: dict[str, int] = {}
    for line in trace.splitlines():
        match = _LINE.match(line)
        if match is None or match[3].startswith("-"):
            continue
        system_call, arguments, result = match.groups()
        call = _call(system_call, arguments, int(result), folder)
        if call is None or call.name.endswith(IGNORED):
            continue
        if system_call == "write" and call.name:  # where the one before ended
            call = replace(call, offset=written.get(call.name, 0))
            written[call.name] = call.offset + len(call.octets)
        if call.kind == "create" and call.name in known:
            continue
        if call.kind == "create":
            known.add(call.name)
        elif call.kind in ("remove", "rename"):
            known.discard(call.name)
            written.pop(call.name, None)
        yield call


def _call(system_call: str, arguments: str, result: int, folder: str) -> Call | None:
    texts = _TEXT.findall(arguments)
    assert not any(cut for _, cut in texts), "strace cut a write short"
    data = [bytes.fromhex(text.replace("\\x", "")) for text, _ in texts]
    if system_call == "write" and arguments.startswith("1<"):
        return Call(kind="words", octets=data[0])
    opened = _FILE.match(arguments)
    path = (
        bytes.fromhex(opened[1].replace("\\x", "")).decode() if opened else data[0].decode() if data else ""
    )
    if system_call == "openat":
        path = data[0].decode()
        if "O_CREAT" not in arguments:
            return None
    if path == folder:
        return Call(kind="sync_folder") if system_call in ("fsync", "fdatasync") else None
    if not path.startswith(folder + "/"):
        return None
    name = path.removeprefix(folder + "/")
    numbers = arguments.rsplit(", ", 2)
    match system_call:
        case "openat":
            assert "O_TRUNC" not in arguments
            return Call(kind="create", name=name)
        case "rename":
            return Call(kind="rename", name=name, to=data[1].decode().removeprefix(folder + "/"))
        case "write":
            return Call(kind="write", name=name, octets=data[0][:result])
        case "pwrite64":
            return Call(kind="write", name=name, offset=int(numbers[-1]), octets=data[0][:result])
        case "ftruncate":
            return Call(kind="truncate", name=name, offset=int(numbers[-1]))
        case "fsync" | "fdatasync":
            return Call(kind="sync", name=name)
        case "unlink":
            return Call(kind="remove", name=name)
    assert name.endswith(IGNORED), f"{system_call} on {name} is not simulated"
    return None


@dataclass(slots=True)
class File:
    """What is surely on the disk, and what was asked for since."""

    safe: bytearray = field(default_factory=bytearray)
    since: list[Call] = field(default_factory=list)

    def sync(self) -> None:
        """Everything asked for so far is safe."""
        for call in self.since:
            _change(self.safe, call.offset, None if call.kind == "truncate" else call.octets)
        self.since.clear()

    def after_cut(self, mode: str, chance: random.Random) -> bytes:
        """The contents that a cut may leave."""
        left = bytearray(self.safe)
        for call in self.since:
            if mode == "dropped" or (mode in ("partly", "torn") and chance.random() < 0.5):
                continue
            if call.kind == "truncate":
                _change(left, call.offset, None)
            elif mode == "torn":
                for offset, octets in _sectors(call):
                    if chance.random() < 0.5:
                        _change(left, offset, octets)
            else:
                _change(left, call.offset, call.octets)
        return bytes(left)


class Disk:
    """A folder on a disk that may lose its power."""

    def __init__(self) -> None:
        self._safe: dict[str, File] = {}
        self._names: dict[str, File] = {}
        self._since: list[dict[str, File | None]] = []
        """What became of names, each change as a whole."""

    def apply(self, call: Call) -> None:
        """Does what the program asked for."""
        match call.kind:
            case "create":
                self._point({call.name: File()})
            case "remove":
                self._point({call.name: None})
            case "rename":
                self._point({call.name: None, call.to: self._names[call.name]})
            case "sync_folder":
                self._safe = dict(self._names)
                self._since.clear()
            case "sync":
                self._names[call.name].sync()
            case "write" | "truncate":
                self._names[call.name].since.append(call)

    def after_cut(self, mode: str, chance: random.Random) -> dict[str, bytes]:
        """The files that a cut at this moment may leave."""
        names = dict(self._safe)
        for change in self._since:
            if mode == "kept" or (mode != "dropped" and chance.random() < 0.5):
                _point(names, change)
        return {name: file.after_cut(mode, chance) for name, file in names.items()}

    def _point(self, change: dict[str, File | None]) -> None:
        self._since.append(change)
        _point(self._names, change)


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What a cut left, and what the program had said by then."""

    mode: str
    files: dict[str, bytes]
    said: tuple[str, ...]


def states(calls: Sequence[Call], count: int, seed: int) -> Iterator[State]:
    """`count` cuts at random moments, in turn with nothing, all, some and torn pieces of the unsynced."""
    chance = random.Random(seed)
    moments = sorted(chance.randrange(len(calls) + 1) for _ in range(count))
    disk, said, done = Disk(), [], 0
    for number, moment in enumerate(moments):
        for call in calls[done:moment]:
            if call.kind == "words":
                said += call.octets.decode("ascii").split("\n")[:-1]
            else:
                disk.apply(call)
        done = moment
        mode = MODES[number % len(MODES)]
        yield State(mode=mode, files=disk.after_cut(mode, chance), said=tuple(said))


def _change(contents: bytearray, offset: int, octets: bytes | None) -> None:
    """Writes at a place, or, without octets, makes the file that long."""
    end = offset if octets is None else offset + len(octets)
    if len(contents) < end:
        contents.extend(bytes(end - len(contents)))
    if octets is None:
        del contents[offset:]
    else:
        contents[offset:end] = octets


def _sectors(call: Call) -> Iterator[tuple[int, bytes]]:
    start, end = call.offset, call.offset + len(call.octets)
    while start < end:
        border = min(end, (start // SECTOR + 1) * SECTOR)
        yield start, call.octets[start - call.offset : border - call.offset]
        start = border


def _point(names: dict[str, File], change: dict[str, File | None]) -> None:
    for name, file in change.items():
        if file is None:
            names.pop(name, None)
        else:
            names[name] = file
