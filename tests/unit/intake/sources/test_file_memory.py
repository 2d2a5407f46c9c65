"""A file far larger than the memory it may cost, read to its end in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from lpforwarder.intake.sources.sample_events import sample_event

OCTETS = 200 * 1024 * 1024
MOST_RESIDENT_KIB = 100 * 1024
MOST_MICROSECONDS_PER_EVENT = 200
"""Ten times what a busy machine needs: a guard against reading everything again and again, no benchmark."""

READER = """
import json, sys, time
from pathlib import Path
from lpforwarder.intake.sources.file import FileOptions, FileSource

source = FileSource(FileOptions(name="archive", type="file", path=Path(sys.argv[1])))
events = rejects = 0
after, more = None, True
begin = time.process_time()
while more:
    page = source.pull(after)
    events += len(page.events)
    rejects += len(page.rejects)
    after, more = page.cursor, page.more
seconds = time.process_time() - begin
source.close()
# VmHWM and not ru_maxrss, which a child inherits from whoever started it.
peak = next(line.split()[1] for line in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in line)
print(json.dumps({"events": events, "rejects": rejects, "seconds": seconds, "peak": int(peak)}))
"""


def write_file(path: Path, form: str) -> int:
    """Writes about OCTETS in that form; the number of events."""
    lines = [sample_event(1, index, index, "archive").line for index in range(5_000)]
    separator = b"\n" if form == "lines" else b",\n"
    block = separator.join(lines)
    blocks = OCTETS // len(block)
    with path.open("wb") as file:
        file.write(b"" if form == "lines" else b"[\n")
        for number in range(blocks):
            file.write(block if number == 0 else separator + block)
        file.write(b"\n" if form == "lines" else b"\n]\n")
    return blocks * len(lines)


@pytest.mark.parametrize("form", ["lines", "array"])
def test_a_file_of_200_megabytes_is_read_in_little_memory(tmp_path: Path, form: str) -> None:
    path = tmp_path / "events.json"
    count = write_file(path, form)
    result = subprocess.run(
        [sys.executable, "-c", READER, str(path)], check=True, capture_output=True, text=True, timeout=300
    )
    path.unlink()
    figures = json.loads(result.stdout)
    microseconds = figures["seconds"] / count * 1e6
    print(f"{form}: {microseconds:.1f} us CPU an event, {figures['peak'] / 1024:.0f} MiB at most")
    assert (figures["events"], figures["rejects"]) == (count, 0)
    assert figures["peak"] < MOST_RESIDENT_KIB
    assert microseconds < MOST_MICROSECONDS_PER_EVENT


@pytest.mark.parametrize("form", ["lines", "array"])
def test_one_record_of_200_megabytes_is_skipped_in_little_memory(tmp_path: Path, form: str) -> None:
    path = tmp_path / "events.json"
    filler = b"\\x" * (1024 * 1024 // 2)  # backslashes: an array has to know which quotes count
    with path.open("wb") as file:
        file.write(b'{"id":"' if form == "lines" else b'[{"id":"')
        for _ in range(OCTETS // len(filler)):
            file.write(filler)
        file.write(b'"}\n{"id":"b"}\n' if form == "lines" else b'"},{"id":"b"}]')
    result = subprocess.run(
        [sys.executable, "-c", READER, str(path)], check=True, capture_output=True, text=True, timeout=300
    )
    path.unlink()
    figures = json.loads(result.stdout)
    assert (figures["events"], figures["rejects"]) == (1, 1)
    assert figures["peak"] < MOST_RESIDENT_KIB
