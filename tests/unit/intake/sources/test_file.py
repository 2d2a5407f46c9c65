from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from lpforwarder.errors import Blocked, Transient
from lpforwarder.event import Event, Reject
from lpforwarder.intake.canonical import name_based_id
from lpforwarder.intake.contract import Cursor, Page
from lpforwarder.intake.sources.bookmark import from_cursor
from lpforwarder.intake.sources.file import FileOptions, FileSource
from lpforwarder.intake.sources.following import LogFile
from lpforwarder.intake.sources.records import Limits
from tests.fakes.patience import open_descriptors

Write = Callable[..., FileSource]


@pytest.fixture
def write(tmp_path: Path) -> Iterator[Write]:
    """Writes the file and gives a source that reads it."""
    made: list[FileSource] = []

    def write(octets: bytes, *, follow: bool = False, limits: Limits = Limits()) -> FileSource:  # noqa: B008
        path = tmp_path / "events.json"
        path.write_bytes(octets)
        made.append(FileSource(options(path, follow=follow), limits))
        return made[-1]

    yield write
    for source in made:
        source.close()


def options(path: Path, *, follow: bool = False) -> FileOptions:
    return FileOptions(name="archive", type="file", path=path, follow=follow)


def read(source: FileSource, after: Cursor | None = None) -> tuple[list[Event], list[Reject], Cursor]:
    """Everything up to the end."""
    events: list[Event] = []
    rejects: list[Reject] = []
    for _ in range(10_000):
        page = source.pull(after)
        events += page.events
        rejects += page.rejects
        after = page.cursor
        if not page.more:
            return events, rejects, after
    raise AssertionError("no end")


def ids(events: Any) -> list[str]:
    return [event.text("id") for event in events]


GOLDEN = Path(__file__).parents[3] / "golden/json"
WISHED_CASES = ("login-saml", "login-without-mfa", "login-with-totp", "item-change")
ARRIVED = [json.loads((GOLDEN / f"wished-{case}/event.json").read_text()) for case in WISHED_CASES]
WISHED = [
    {name: value for name, value in event.items() if name not in ("source", "severity")} for event in ARRIVED
]


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(WISHED, indent=1),
        json.dumps(WISHED),
        "\n".join(json.dumps(event) for event in WISHED),
        "\r\n".join(json.dumps(event) for event in WISHED) + "\r\n",
        "\ufeff" + json.dumps(WISHED),
    ],
)
def test_the_wished_events_arrive_value_by_value_in_the_order_of_the_file(write: Write, text: str) -> None:
    events, rejects, _ = read(write(text.encode()))
    assert [list(json.loads(event.line).items()) for event in events] == [list(e.items()) for e in ARRIVED]
    assert rejects == []


def test_array_and_lines_give_equal_events(write: Write) -> None:
    from_array = read(write(json.dumps(WISHED).encode()))[0]
    from_lines = read(write("\n".join(json.dumps(event) for event in WISHED).encode()))[0]
    assert from_array == from_lines


def test_a_bad_line_is_set_aside_with_its_number_and_the_rest_goes_on(write: Write) -> None:
    source = write(b'{"id":"a"}\n\n{"id":\n[1]\n{"id":"b"}\n\xff\n', limits=Limits(records=2))
    events, rejects, _ = read(source)
    assert ids(events) == ["a", "b"]
    assert [(reject.where, reject.raw) for reject in rejects] == [
        ("events.json line 3", b'{"id":'),
        ("events.json line 4", b"[1]"),
        ("events.json line 6", b"\xff"),
    ]
    assert [reject.reason for reject in rejects][1] == "not a JSON object but a list"


def test_a_bad_element_is_set_aside_with_its_number_and_the_rest_goes_on(write: Write) -> None:
    source = write(b'[{"id":"a"},\n{"id":},7,,{"id":"b"}]', limits=Limits(records=2))
    events, rejects, _ = read(source)
    assert ids(events) == ["a", "b"]
    assert [reject.where for reject in rejects] == [f"events.json element {number}" for number in (2, 3, 4)]


def test_a_broken_array_gives_one_reject_for_the_rest_and_ends(write: Write) -> None:
    events, rejects, _ = read(write(b'[{"id":"a"},{"id":"b"}},{"id":"c"}]'))
    assert ids(events) == ["a"]
    assert len(rejects) == 1


def test_utf_16_gives_one_reject_for_the_file(write: Write) -> None:
    events, rejects, _ = read(write(json.dumps(WISHED).encode("utf-16")))
    assert (events, [reject.where for reject in rejects]) == ([], ["events.json"])


def test_a_line_too_long_is_a_reject_and_the_next_one_an_event(write: Write) -> None:
    long = b'{"id":"' + b"x" * 5_000_000 + b'"}'
    for text in (long + b'\n{"id":"b"}\n', b"[" + long + b',{"id":"b"}]'):
        events, rejects, _ = read(write(text))
        assert ids(events) == ["b"]
        assert [len(reject.raw) for reject in rejects] == [64 * 1024]
        assert "longer than 1048576 octets" in rejects[0].reason


def test_a_page_holds_two_thousand_events_and_says_that_more_waits(write: Write) -> None:
    source = write(b'{"eventId":"1001"}\n' * 5000)
    pages: list[Page] = []
    after = None
    for _ in range(3):
        pages.append(source.pull(after))
        after = pages[-1].cursor
    assert [(len(page.events), page.more) for page in pages] == [(2000, True), (2000, True), (1000, False)]


def test_large_events_make_smaller_pages(write: Write) -> None:
    source = write((b'{"id":"' + b"x" * 10_000 + b'"}\n') * 200)
    page = source.pull(None)
    assert 40 < len(page.events) < 60
    assert page.more


def test_read_once_a_file_that_grows_gives_nothing_more(write: Write, tmp_path: Path) -> None:
    source = write(b'{"id":"a"}\n{"id":"b"}')
    events, _, end = read(source)
    assert ids(events) == ["a", "b"]
    with (tmp_path / "events.json").open("ab") as file:
        file.write(b'\n{"id":"c"}\n')
    assert source.pull(end) == Page(events=(), cursor=end)
    (tmp_path / "events.json").unlink()
    assert source.pull(end) == Page(events=(), cursor=end)


@pytest.mark.parametrize("text", [b"", b"\n\n", b"[]"])
def test_an_empty_file_ends_at_once(write: Write, text: bytes) -> None:
    source = write(text)
    events, rejects, end = read(source)
    assert (events, rejects, source.pull(end).more) == ([], [], False)


def test_read_once_a_file_replaced_half_way_is_read_anew_and_the_gap_shows(
    write: Write, tmp_path: Path
) -> None:
    source = write(b'{"id":"a"}\n' * 3, limits=Limits(records=2))
    cursor = source.pull(None).cursor
    source.close()
    (tmp_path / "events.json").unlink()
    events, rejects, _ = read(write(b'{"id":"b"}\n{"id":"c"}\n'), cursor)
    assert (ids(events), len(rejects)) == (["b", "c"], 1)


def test_read_once_a_file_renamed_half_way_is_read_to_its_end_and_no_further(
    write: Write, tmp_path: Path
) -> None:
    source = write(b'{"id":"a"}\n{"id":"b"}\n{"id":"c"}', limits=Limits(records=2))
    cursor = source.pull(None).cursor
    source.close()
    (tmp_path / "events.json").rename(tmp_path / "events.json.1")
    events, rejects, _ = read(write(b'{"id":"d"}\n'), cursor)
    assert (ids(events), rejects) == (["c"], [])


def test_events_without_id_get_one_from_source_place_and_content(write: Write) -> None:
    line = b'{"eventId":"1001"}'
    events, _, _ = read(write(line + b"\n" + line + b"\r\n"))
    assert ids(events) == [name_based_id("archive", "0", line), name_based_id("archive", "19", line)]


def test_ids_are_the_same_on_every_read_whatever_the_pages(write: Write) -> None:
    text = b"".join(b'{"eventId":"1001","n":%d}\n' % (number % 3) for number in range(50))
    at_once = ids(read(write(text))[0])
    in_pages = ids(read(write(text, limits=Limits(records=3, window=16, longest=64)))[0])
    assert at_once == in_pages
    assert len(set(at_once)) == 50


def test_the_same_cursor_gives_the_same_page_from_another_source(write: Write, tmp_path: Path) -> None:
    text = b'{"eventId":"1001"}\n' * 10
    first = write(text, limits=Limits(records=3))
    after = first.pull(None).cursor
    second = FileSource(options(tmp_path / "events.json"), Limits(records=3))
    assert first.pull(after) == first.pull(after) == second.pull(after)
    second.close()


def test_following_a_missing_file_is_mended_by_time(tmp_path: Path) -> None:
    source = FileSource(options(tmp_path / "none.json", follow=True))
    with pytest.raises(Transient, match=r"none\.json: no such file") as raised:
        source.pull(None)
    assert raised.value.code == "LPF119"
    assert raised.value.fix.endswith("it is read as soon as it exists")
    assert raised.value.retry_after == 1.0


def test_a_missing_file_that_is_not_followed_is_mended_by_a_person(tmp_path: Path) -> None:
    with pytest.raises(Blocked, match=r"none\.json: no such file") as raised:
        FileSource(options(tmp_path / "none.json")).pull(None)
    assert raised.value.code == "LPF119"


@pytest.mark.parametrize("follow", [True, False])
def test_a_folder_and_what_is_no_file_are_mended_by_a_person(tmp_path: Path, follow: bool) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").write_bytes(b"")
    for path, what in [
        (tmp_path, "is a directory"),
        (tmp_path / "pipe", "not a regular file"),
        (tmp_path / "file" / "below", "not a directory"),
        (tmp_path / ("x" * 300), "file name too long"),
    ]:
        with pytest.raises(Blocked, match=what) as raised:
            FileSource(options(path, follow=follow)).pull(None)
        assert (raised.value.code, raised.value.fix) == ("LPF119", "name a file")


def test_a_read_that_fails_is_mended_by_time() -> None:
    memory = Path("/proc/self/mem")  # opens like any file, but has nothing at its beginning
    with pytest.raises(Transient, match="input/output error") as raised:
        FileSource(options(memory)).pull(None)
    assert raised.value.code == "LPF310"


def test_a_file_emptied_between_finding_and_reading_it_is_looked_for_again(
    write: Write, tmp_path: Path
) -> None:
    source = write(b'{"id":"a"}\n' * 10, limits=Limits(records=2))
    bookmark = from_cursor(source.pull(None).cursor)
    (tmp_path / "events.json").write_bytes(b"")
    file = LogFile(tmp_path / "events.json")
    with pytest.raises(Transient, match="was emptied while it was being read"):
        source._read(file, bookmark.place, bookmark, is_last=False)
    file.close()


def test_no_descriptor_is_left_open_by_errors_and_rotations(write: Write, tmp_path: Path) -> None:
    before = open_descriptors()
    broken = FileSource(options(Path("/proc/self/mem")))
    source, cursor = write(b'{"id":"a"}\n', follow=True), None
    for number in range(5):
        with pytest.raises(Transient):
            broken.pull(None)
        cursor = read(source, cursor)[2]
        (tmp_path / "events.json").rename(tmp_path / f"events.json.{number + 1}")
        (tmp_path / "events.json").write_bytes(b'{"id":"b"}\n')
    source.close()
    assert open_descriptors() <= before


@contextmanager
def unprivileged() -> Iterator[None]:
    """Root may read everything, so it steps down for a while; others need not."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(user)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that everybody may enter, unlike those of pytest."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o777)
        yield Path(folder)


@pytest.mark.parametrize("follow", [True, False])
def test_a_file_that_may_not_be_read_is_mended_by_a_person(open_folder: Path, follow: bool) -> None:
    path = open_folder / "events.json"
    path.write_bytes(b"{}\n")
    path.chmod(0)
    with unprivileged(), pytest.raises(Blocked, match="permission denied") as raised:
        FileSource(options(path, follow=follow)).pull(None)
    assert raised.value.code == "LPF122"


def test_a_rotated_file_that_may_not_be_read_is_a_gap_that_shows(open_folder: Path) -> None:
    path = open_folder / "events.json"
    path.write_bytes(b'{"id":"a"}\n')
    source = FileSource(options(path, follow=True))
    cursor = read(source)[2]
    path.rename(open_folder / "events.json.2")
    (open_folder / "events.json.1").write_bytes(b'{"id":"b"}\n')
    (open_folder / "events.json.1").chmod(0)
    path.write_bytes(b'{"id":"c"}\n')
    with unprivileged():
        events, rejects, _ = read(source, cursor)
    source.close()
    assert ids(events) == ["c"]
    assert [reject.reason for reject in rejects] == ["events.json.1 was not read: Permission denied"]


@pytest.mark.parametrize("follow", [True, False])
def test_the_place_of_another_kind_of_source_is_mended_by_a_person(write: Write, follow: bool) -> None:
    with pytest.raises(Blocked, match="the stored place is not one in a file"):
        write(b"{}", follow=follow).pull(Cursor("2026-01-31T00:00:00Z"))


def test_a_source_can_be_used_again_after_close(write: Write) -> None:
    source = write(b'{"id":"a"}\n', follow=True)
    source.pull(None)
    source.close()
    assert ids(source.pull(None).events) == ["a"]


def test_an_array_is_followed_while_it_is_being_written(write: Write, tmp_path: Path) -> None:
    source = write(b'[{"id":"a"},', follow=True)
    seen, cursor = [], None
    for piece in (b'{"id":"b"', b"}", b",", b'{"id":"c"}]', b"\n"):
        page = source.pull(cursor)
        seen += ids(page.events)
        cursor = page.cursor
        with (tmp_path / "events.json").open("ab") as file:
            file.write(piece)
    events, rejects, _ = read(source, cursor)
    assert (seen + ids(events), rejects) == (["a", "b", "c"], [])


def test_options_have_the_defaults_of_the_manual(tmp_path: Path) -> None:
    made = options(tmp_path)
    assert (made.follow, made.poll_interval) == (False, 1.0)
    with pytest.raises(ValidationError, match="path"):
        FileOptions.model_validate({"name": "x", "type": "file"})


def test_the_check_of_the_configuration_finds_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    missing = tmp_path / "none.json"
    assert [finding.key for finding in options(missing).check_files()] == ["path"]
    assert list(options(missing, follow=True).check_files()) == []
    assert [finding.key for finding in options(tmp_path, follow=True).check_files()] == ["path"]
    missing.write_bytes(b"")
    assert list(options(missing).check_files()) == []


PIECES = st.lists(
    st.binary(max_size=20) | st.sampled_from([b'{"id":"x"}\n', b'{"eventId":"4001"}', b"\n"]), max_size=12
)


@given(PIECES, st.integers(1, 4), st.sampled_from([b"", b"[", b"{}\n"]))
def test_however_a_followed_file_grows_it_gives_what_it_gives_when_complete(
    pieces: list[bytes], records: int, begin: bytes
) -> None:
    limits = Limits(records=records, window=16, longest=64)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "events.json"
        path.write_bytes(b"")
        growing = FileSource(options(path, follow=True), limits)
        events, rejects, cursor = read(growing)
        for piece in [begin, *pieces]:
            with path.open("ab") as file:
                file.write(piece)
            more_events, more_rejects, cursor = read(growing, cursor)
            events += more_events
            rejects += more_rejects
        growing.close()
        complete = FileSource(options(path, follow=True), limits)
        all_events, all_rejects, end = read(complete)
        complete.close()
    assert (events, from_cursor(cursor).place) == (all_events, from_cursor(end).place)
    # What is kept of a rest that is never read is what was there when that was decided.
    assert [(r.where, r.reason) for r in rejects] == [(r.where, r.reason) for r in all_rejects]
