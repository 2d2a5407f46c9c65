"""The log of the process, from the call to the octets."""

from __future__ import annotations

import io
import json
import logging
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from lpforwarder.errors import Transient
from lpforwarder.runtime import logs
from tests.fakes.clock import FakeClock

log = structlog.get_logger()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    yield
    root.handlers = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.fixture
def pipe() -> io.StringIO:
    stream = io.StringIO()
    logs.configure("info", stream=stream, clock=FakeClock())
    return stream


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_outside_a_terminal_a_line_is_a_json_object_with_time_level_and_name(pipe: io.StringIO) -> None:
    log.info("batch.confirmed", collector="siem", messages=3)
    assert pipe.getvalue() == (
        '{"timestamp": "2022-12-14T17:33:42.000Z", "level": "info", "event": "batch.confirmed", '
        '"collector": "siem", "messages": 3}\n'
    )


def test_a_terminal_gets_short_coloured_text() -> None:
    stream = Terminal()
    logs.configure("info", stream=stream, environ={}, clock=FakeClock())
    log.warning("worker.failed", worker="siem", reason="connection refused", attempts=3)
    text = stream.getvalue()
    assert "\x1b[33mwarning worker.failed\x1b[0m" in text
    assert text.endswith('worker=siem reason="connection refused" attempts=3\n')


def test_no_color_is_respected() -> None:
    stream = Terminal()
    logs.configure("info", stream=stream, environ={"NO_COLOR": "1"}, clock=FakeClock())
    log.error("worker.failed", worker="siem")
    assert "\x1b" not in stream.getvalue()
    assert " error worker.failed " in stream.getvalue()


def test_text_that_is_no_terminal_is_not_coloured() -> None:
    stream = io.StringIO()
    logs.configure("info", "text", stream, environ={}, clock=FakeClock())
    log.info("poll.finished", source="acme")
    assert stream.getvalue()[2:].startswith(":")
    assert stream.getvalue()[8:] == " poll.finished        source=acme\n"


def test_json_can_be_had_on_a_terminal() -> None:
    stream = Terminal()
    logs.configure("info", "json", stream)
    log.info("poll.finished")
    assert lines(stream)[0]["event"] == "poll.finished"


def test_what_is_below_the_level_is_not_written_and_a_reload_can_change_the_level(pipe: io.StringIO) -> None:
    log.debug("batch.confirmed")
    assert pipe.getvalue() == ""
    logs.configure("debug", stream=pipe)
    log.debug("batch.confirmed")
    assert len(lines(pipe)) == 1


HOSTILE = 'a\n17:33:42 forged "x"=\\ \x1b[2J\x7f\x85\u2028\u202e\ud800'


def test_a_hostile_value_stays_inside_its_json_string(pipe: io.StringIO) -> None:
    log.info("poll.finished", source=HOSTILE)
    text = pipe.getvalue()
    assert text.isascii()
    assert text[:-1].isprintable()
    assert lines(pipe)[0]["source"] == HOSTILE


def test_a_hostile_value_stays_inside_its_words() -> None:
    stream = io.StringIO()
    logs.configure("info", "text", stream)
    log.info("poll.finished", source=HOSTILE, nested={"a": HOSTILE})
    assert stream.getvalue()[:-1].isprintable()
    assert '\\"x\\"=' in stream.getvalue()


def test_no_caller_replaces_our_time(pipe: io.StringIO) -> None:
    log.info("poll.finished", timestamp="1970-01-01T00:00:00.000Z", level="none")
    assert lines(pipe)[0]["timestamp"] == "2022-12-14T17:33:42.000Z"
    assert lines(pipe)[0]["level"] == "info"


def test_secrets_do_not_get_in(pipe: io.StringIO) -> None:
    logs.conceal("marker-secret-77")
    log.info("poll.finished", provhash="abc", url="https://x/?s=marker-secret-77", n={"token": "abc"})
    assert "marker-secret-77" not in pipe.getvalue()
    assert "abc" not in pipe.getvalue()


def raised() -> Exception:
    try:
        try:
            dict[str, int]()["user1@example.com"]
        except KeyError as error:
            raise Transient("disk full", code="LPF501") from error
    except Transient as error:
        found = error
    return found


def test_a_traceback_shows_places_and_causes_but_no_foreign_text(pipe: io.StringIO) -> None:
    log.error("worker.crashed", exc_info=raised())
    trace = lines(pipe)[0]["traceback"]
    assert trace[1] == "builtins.KeyError"
    assert trace[-1] == "lpforwarder.errors.Transient: disk full [LPF501]"
    assert "in raised: " in trace[0]


def test_the_systems_word_for_an_error_is_shown(pipe: io.StringIO) -> None:
    assert logs.traceback_lines(OSError(28, "No space left on device", "/x")) == [
        "builtins.OSError: No space left on device"
    ]


def test_a_cause_that_is_its_own_cause_ends() -> None:
    first, second = ValueError(), KeyError()
    first.__cause__, second.__cause__ = second, first
    assert logs.traceback_lines(first) == ["builtins.KeyError", "builtins.ValueError"]


def test_a_suppressed_cause_stays_suppressed() -> None:
    error = ValueError()
    error.__context__, error.__suppress_context__ = KeyError(), True
    assert logs.traceback_lines(error) == ["builtins.ValueError"]


def test_the_present_exception_is_found(pipe: io.StringIO) -> None:
    try:
        raise OSError(9, "Bad file descriptor")
    except OSError:
        log.exception("worker.crashed")
    log.error("worker.crashed", exc_info=(None, None, None))
    first, second = lines(pipe)
    assert first["traceback"][-1].endswith("Bad file descriptor")
    assert "traceback" not in second


def test_text_shows_a_traceback_below_its_line() -> None:
    stream = io.StringIO()
    logs.configure("info", "text", stream)
    log.error("worker.crashed", exc_info=raised())
    assert len(stream.getvalue().splitlines()) == 1 + len(logs.traceback_lines(raised()))


def test_what_libraries_say_comes_out_in_the_same_form(pipe: io.StringIO) -> None:
    library = logging.getLogger("urllib3.connectionpool")
    library.info("not now")
    library.warning("retrying %s", "host\nforged")
    library.error("failed", exc_info=OSError(9, "Bad file descriptor"))
    first, second = lines(pipe)
    assert (first["event"], first["library"]) == ("library.reported", "urllib3.connectionpool")
    assert (first["level"], first["message"]) == ("warning", "retrying host\nforged")
    assert second["traceback"] == ["builtins.OSError: Bad file descriptor"]


def test_what_libraries_tell_for_information_is_for_debugging() -> None:
    stream = io.StringIO()
    logs.configure("debug", stream=stream)
    logging.getLogger("urllib3").info("starting new connection")
    assert lines(stream)[0]["level"] == "debug"


def test_a_library_that_logs_wrongly_does_no_harm(pipe: io.StringIO) -> None:
    record = logging.LogRecord("urllib3", logging.WARNING, "", 1, "%d of %d", (1,), None)
    logs._Adopted().emit(record)
    assert lines(pipe)[0]["message"] == "%d of %d"


def test_a_log_that_cannot_be_written_stops_nobody() -> None:
    stream = io.StringIO()
    logs.configure("info", stream=stream)
    stream.close()
    log.info("poll.finished")
    logs.configure("info", stream=Full())
    log.info("poll.finished")


class Full(io.StringIO):
    """A file on a full disk."""

    def flush(self) -> None:
        raise OSError(28, "No space left on device")


def test_lines_of_many_threads_stay_whole(pipe: io.StringIO) -> None:
    def many() -> None:
        for number in range(50):
            log.info("batch.confirmed", number=number)

    threads = [threading.Thread(target=many) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(lines(pipe)) == 200


def test_the_default_stream_is_standard_error(capfd: pytest.CaptureFixture[str]) -> None:
    logs.configure("info", "json")
    log.info("poll.finished")
    captured = capfd.readouterr()
    assert captured.out == ""
    assert "poll.finished" in captured.err
