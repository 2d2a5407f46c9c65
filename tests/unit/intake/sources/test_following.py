"""How a followed file is found again. All through the file source, for that is where it has to hold."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lpforwarder.errors import Transient
from lpforwarder.intake.sources.absence import GRACE
from lpforwarder.intake.sources.following import SETTLED, LogFile, look
from tests.fakes.log_writer import LogReader, LogWriter


@pytest.fixture
def log(tmp_path: Path) -> LogWriter:
    writer = LogWriter(tmp_path / "events.json")
    writer.write(5)
    return writer


@pytest.fixture(params=[SETTLED, 0.0], ids=["anew", "by-its-looks"])
def reader(log: LogWriter, request: pytest.FixtureRequest) -> Iterator[LogReader]:
    """One that looks at everything at each poll so soon after a change, and one that goes by the looks."""
    made = LogReader(log.path, settled=request.param)
    yield made
    made.close()


Rotate = Callable[[LogWriter], None]
ROTATIONS = pytest.mark.parametrize("rotate", [LogWriter.rename, LogWriter.copy_and_truncate])
RESTARTS = pytest.mark.parametrize("is_restarted", [False, True])


def test_what_is_appended_is_read(log: LogWriter, reader: LogReader) -> None:
    for _ in range(3):
        reader.poll()
        assert reader.ids == log.written
        log.write(4)


def test_an_idle_poll_gives_the_same_cursor(log: LogWriter, reader: LogReader) -> None:
    reader.poll()
    before = reader.cursor
    reader.poll()
    os.utime(log.path)
    reader.poll()
    reader.restart()
    reader.poll()
    assert reader.cursor == before


def test_a_file_has_looks_when_its_last_change_is_some_time_ago(log: LogWriter) -> None:
    assert look(log.path, 3600.0) is None
    before = look(log.path, 0.0)
    assert before is not None
    assert before == look(log.path, 0.0)
    log.write(1)
    assert look(log.path, 0.0) != before
    log.path.unlink()
    assert look(log.path, 0.0) is None


@ROTATIONS
@RESTARTS
@pytest.mark.parametrize("rotations", [1, 2, 3])
def test_rotation_loses_and_doubles_nothing(
    log: LogWriter, reader: LogReader, rotate: Rotate, is_restarted: bool, rotations: int
) -> None:
    reader.step()
    for _ in range(rotations):
        log.write(4)
        rotate(log)
    log.write(2)
    if is_restarted:
        reader.restart()
    reader.poll()
    assert (reader.ids, reader.rejects) == (log.written, [])
    log.write(2)
    reader.poll()
    assert (reader.ids, reader.rejects) == (log.written, [])


def test_the_old_file_is_read_until_the_new_one_has_something(log: LogWriter, reader: LogReader) -> None:
    reader.poll()
    log.rename()
    reader.poll()
    log.write(3, to=log.rotated(1))  # the writer has not let go yet
    reader.poll()
    assert reader.ids == log.written
    log.write(1, to=log.rotated(1))
    log.write(1)
    reader.poll()
    assert (reader.ids, reader.rejects) == (log.written, [])


def test_while_the_new_file_is_not_there_yet_the_old_one_is_read(log: LogWriter, reader: LogReader) -> None:
    reader.step()
    log.rename(create=False)
    reader.restart()
    reader.poll()
    assert reader.ids == log.written
    log.write(2)
    reader.poll()
    assert (reader.ids, reader.rejects) == (log.written, [])


def away(log: LogWriter) -> None:
    """Renamed, and no new file takes its place."""
    log.rename(create=False)


@pytest.mark.parametrize("goes", [lambda log: log.path.unlink(), away], ids=["deleted", "renamed"])
def test_a_file_that_is_gone_is_read_to_its_end_and_then_missed(
    log: LogWriter, reader: LogReader, goes: Rotate
) -> None:
    reader.step()
    goes(log)
    for _ in range(9):
        reader.poll()
        reader.clock.now += GRACE / 9
    reader.clock.now += 1.0
    assert reader.ids == log.written
    for _ in range(3):
        with pytest.raises(Transient, match="no such file") as raised:
            reader.poll()
    assert (raised.value.code, raised.value.retry_after) == ("LPF119", 1.0)
    log.write(2)
    reader.poll()
    assert (reader.ids, reader.rejects) == (log.written, [])
    goes(log)  # another time: it is a gap of rotation again
    reader.clock.now += GRACE * 2
    reader.poll()


def test_a_rotation_with_a_short_gap_is_no_news(log: LogWriter, reader: LogReader) -> None:
    for _ in range(5):
        reader.poll()
        away(log)
        reader.poll()
        reader.clock.now += GRACE * 0.9
        reader.poll()
        log.write(2)
        reader.poll()
    assert (reader.ids, reader.rejects) == (log.written, [])


def test_after_a_restart_a_file_that_is_gone_is_missed_at_once(log: LogWriter, reader: LogReader) -> None:
    reader.poll()
    away(log)
    reader.restart()
    with pytest.raises(Transient, match="no such file"):
        reader.poll()


def test_a_rotated_file_that_is_compressed_at_once_is_read_as_long_as_it_is_open(
    log: LogWriter, reader: LogReader
) -> None:
    reader.step()
    log.rename()
    log.compress(1)
    log.write(2)
    reader.poll()
    assert (reader.ids, reader.rejects) == (log.written, [])


def test_after_a_restart_a_compressed_file_is_a_gap_that_shows(log: LogWriter, reader: LogReader) -> None:
    reader.step()
    log.write(2)
    log.rename()
    log.write(3)
    log.rename()
    log.write(2)
    log.compress(2)
    reader.restart()
    reader.poll()
    assert reader.ids == log.written[:3] + log.written[7:]
    reasons = [reject.reason for reject in reader.rejects]
    assert len(reasons) == 2
    assert "the old one was not found beside it; what stood behind line 3" in reasons[0]
    assert reasons[1] == "events.json.2.gz is compressed and was not read"
    assert {reject.where for reject in reader.rejects} == {"events.json"}


def test_a_compressed_file_between_two_others_shows(log: LogWriter, reader: LogReader) -> None:
    reader.poll()
    for _ in range(3):
        log.write(2)
        log.rename()
    log.write(1)
    log.compress(2)
    reader.restart()
    reader.poll()
    assert reader.ids == log.written[:7] + log.written[9:]
    assert [reject.reason for reject in reader.rejects] == ["events.json.2.gz is compressed and was not read"]


def test_a_file_overwritten_in_place_is_read_from_its_beginning_and_the_gap_shows(
    log: LogWriter, reader: LogReader
) -> None:
    reader.step()
    log.path.write_bytes(b'{"id":"other-1","eventId":"1001","message":"longer than what stood here"}\n' * 9)
    reader.poll()
    assert reader.ids == log.written[:3] + ["other-1"] * 9
    assert len(reader.rejects) == 1


def test_a_file_that_only_begins_like_ours_is_another_one(log: LogWriter, reader: LogReader) -> None:
    log.write(60)
    reader.poll()
    begin = log.path.read_bytes()[: 30 * len(log.path.read_bytes()) // 65]
    begin = begin[: begin.rindex(b"\n") + 1]
    assert len(begin) > 1024
    log.path.write_bytes(begin + b'{"id":"other"}\n' * 200)
    reader.poll()
    count = begin.count(b"\n")
    assert reader.ids == log.written + log.written[:count] + ["other"] * 200
    assert len(reader.rejects) == 1


def test_files_rotated_in_the_same_instant_are_put_in_order_by_their_counters(
    log: LogWriter, reader: LogReader
) -> None:
    reader.step()
    for _ in range(11):
        log.rename()
        log.write(2)
    for path in log.path.parent.iterdir():
        os.utime(path, ns=(10**18, 10**18))
    reader.restart()
    reader.poll()
    assert (reader.ids, reader.rejects) == (log.written, [])


def test_the_next_file_may_be_copied_away_before_it_is_read(log: LogWriter, reader: LogReader) -> None:
    reader.poll()
    log.rename()
    log.write(2)
    reader.step()  # goes on to the new file without having read it
    log.copy_and_truncate()
    log.write(2)
    reader.poll()
    assert (reader.ids, reader.rejects) == (log.written, [])


def test_a_file_emptied_under_a_writer_with_its_own_offset_begins_with_a_hole(
    log: LogWriter, reader: LogReader
) -> None:
    reader.poll()
    hole = log.path.stat().st_size
    log.copy_and_truncate()
    with log.path.open("r+b") as file:
        file.seek(hole)
        file.write(b'{"id":"behind-the-hole"}\n')
    reader.poll()
    assert (reader.ids, reader.rejects) == ([*log.written, "behind-the-hole"], [])


def test_lines_read_while_the_copy_was_made_are_no_gap(log: LogWriter, reader: LogReader) -> None:
    log.write(60)
    log.rotated(1).write_bytes(log.path.read_bytes())
    log.write(2)
    reader.poll()
    log.path.write_bytes(b"")
    log.write(1)
    reader.poll()
    assert (reader.ids, reader.rejects) == (log.written, [])


def test_a_file_seen_empty_and_then_copied_away_is_read(tmp_path: Path) -> None:
    log = LogWriter(tmp_path / "events.json")
    log.path.touch()
    os.utime(log.path, ns=(0, 0))  # long ago: a file system's clock is coarse
    reader = LogReader(log.path)
    reader.poll()
    log.write(5)
    log.copy_and_truncate()
    log.write(1)
    reader.poll()
    reader.close()
    assert (reader.ids, reader.rejects) == (log.written, [])


def test_a_file_seen_empty_whose_copy_was_compressed_is_a_gap_that_shows(tmp_path: Path) -> None:
    log = LogWriter(tmp_path / "events.json")
    log.path.touch()
    os.utime(log.path, ns=(0, 0))
    reader = LogReader(log.path)
    reader.poll()
    log.write(5)
    log.copy_and_truncate()
    log.compress(1)
    reader.poll()
    assert reader.rejects == []  # nothing was written since: the next look will tell
    log.write(1)
    reader.poll()
    reader.poll()
    reader.close()
    assert reader.ids == log.written[5:]
    assert [reject.reason for reject in reader.rejects] == ["events.json.1.gz is compressed and was not read"]


def test_a_copy_made_by_hand_is_not_read(log: LogWriter, reader: LogReader) -> None:
    reader.step()
    for name in ("events.json.bak", "events2.json", "events.json.old", "copy.json"):
        (log.path.parent / name).write_bytes(log.path.read_bytes())
    log.rename()
    log.write(2)
    reader.restart()
    reader.poll()
    assert (reader.ids, reader.rejects) == (log.written, [])


def test_a_file_restored_from_a_copy_goes_on_where_it_was(log: LogWriter, reader: LogReader) -> None:
    reader.step()
    copy = log.path.with_name("copy")
    copy.write_bytes(log.path.read_bytes())
    copy.replace(log.path)
    reader.restart()
    reader.poll()
    assert (reader.ids, reader.rejects) == (log.written, [])


@pytest.mark.parametrize(
    "names",
    [
        ["events.json-20260101", "events.json-20260102"],
        ["events-20260101.json", "events-20260102.json"],
        ["events.json.2026-01-01", "events.json.2026-01-02"],
        ["events.2.json", "events.1.json"],
    ],
)
def test_rotated_files_may_be_named_by_date_or_before_the_ending(
    log: LogWriter, reader: LogReader, names: list[str]
) -> None:
    reader.step()
    for name in names:
        log.path.rename(log.path.with_name(name))
        log.write(3)
    reader.restart()
    reader.poll()
    assert (reader.ids, reader.rejects) == (log.written, [])


def test_a_link_that_moves_on_to_the_next_file_is_followed(tmp_path: Path) -> None:
    log = LogWriter(tmp_path / "events.json")
    first, second = tmp_path / "events-20260101.json", tmp_path / "events-20260102.json"
    log.write(5, to=first)
    log.path.symlink_to(first.name)
    reader = LogReader(log.path)
    reader.step()
    log.path.unlink()
    log.path.symlink_to(second.name)
    log.write(3, to=second)
    reader.restart()
    reader.poll()
    reader.close()
    assert (reader.ids, reader.rejects) == (log.written, [])


def test_an_unfinished_line_waits_until_it_is_finished(log: LogWriter, reader: LogReader) -> None:
    log.write_raw(b'{"id":"half')
    reader.poll()
    assert reader.ids == log.written
    log.write_raw(b'-whole"}\n')
    reader.poll()
    assert (reader.ids, reader.rejects) == ([*log.written, "half-whole"], [])


@ROTATIONS
def test_an_unfinished_line_is_taken_when_its_file_was_rotated_away(
    log: LogWriter, reader: LogReader, rotate: Rotate
) -> None:
    log.write_raw(b'{"id":"last"}')
    reader.poll()
    rotate(log)
    reader.poll()
    assert reader.ids == log.written
    log.write_raw(b'{"id":"first"}\n')
    reader.poll()
    assert (reader.ids, reader.rejects) == ([*log.written, "last", "first"], [])


def test_a_rotated_away_bad_line_names_the_file_it_stands_in(log: LogWriter, reader: LogReader) -> None:
    reader.step()
    log.write_raw(b"oops\n")
    log.rename()
    log.write(1)
    reader.restart()
    reader.poll()
    assert [reject.where for reject in reader.rejects] == ["events.json.1 line 6"]


def test_an_array_that_is_replaced_as_a_whole_is_read_anew_without_a_gap(tmp_path: Path) -> None:
    path, fresh = tmp_path / "events.json", tmp_path / "fresh"
    path.write_bytes(b'[{"id":"a"},{"id":"b"}]')
    reader = LogReader(path)
    reader.poll()
    fresh.write_bytes(b'[{"id":"c"}]')
    fresh.replace(path)
    reader.restart()
    reader.poll()
    reader.close()
    assert (reader.ids, reader.rejects) == (["a", "b", "c"], [])


def test_another_path_in_the_configuration_is_another_file_and_no_gap(
    log: LogWriter, reader: LogReader, tmp_path: Path
) -> None:
    reader.poll()
    other = LogWriter(tmp_path / "b" / "other.json")
    other.path.parent.mkdir()
    other.path.write_bytes(b'{"id":"other"}\n')
    second = LogReader(other.path)
    second.cursor = reader.cursor
    second.poll()
    second.close()
    assert (second.ids, second.rejects) == (["other"], [])


def test_a_log_file_is_closed_once(log: LogWriter) -> None:
    file = LogFile(log.path)
    assert file.read(0, 5) == b'{"id"'
    file.close()
    file.close()
    assert not file.is_open
