"""Our own log: short text for a person at a terminal, one JSON object a line for everything else.

The bodies of events never get in: no caller logs one, and of foreign exceptions the type and the place
are shown but not the text, which may quote one. Secrets are taken out here, whatever the callers do.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
import time
import traceback
from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any, Literal, Protocol, TextIO, TypeAlias

import structlog

from lpforwarder import rfc3339
from lpforwarder.errors import Failure
from lpforwarder.runtime.clock import SYSTEM, Clock
from lpforwarder.runtime.concealing import Concealer, escape

log = structlog.get_logger()

Level: TypeAlias = Literal["debug", "info", "warning", "error"]
Format: TypeAlias = Literal["auto", "json", "text"]

_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}
_EVENT_WIDTH = 20
_PLAIN, _DIM, _BOLD, _YELLOW, _RED = "\x1b[0m", "\x1b[2m", "\x1b[1m", "\x1b[33m", "\x1b[31m"
_COLOUR = {"warning": _YELLOW, "error": _RED, "critical": _RED}

_concealer = Concealer()


def conceal(value: str) -> None:
    """From now on this secret is shown as *** wherever it would stand in the log."""
    _concealer.conceal(value)


def configure(
    level: Level = "info",
    format: Format = "auto",
    stream: TextIO | None = None,
    *,
    environ: Mapping[str, str] = os.environ,
    clock: Clock = SYSTEM,
) -> None:
    """Sets up the log of the whole process; may be called again, for instance when a reload changes `level`.

    `auto` is text when `stream` (None: standard error) is a terminal, JSON otherwise. Text is coloured on
    a terminal unless NO_COLOR is set and not empty. What libraries say through `logging` comes out here too.
    """
    stream = sys.stderr if stream is None else stream
    terminal = stream.isatty()
    as_text = format == "text" or (format == "auto" and terminal)
    coloured = terminal and not environ.get("NO_COLOR")
    render: _Render = _Text(clock, coloured) if as_text else _Json(clock)
    structlog.configure(
        processors=[structlog.processors.add_log_level, _Clean(_concealer), render],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=_Writers(stream),
        cache_logger_on_first_use=False,  # or a reload could not change the level
    )
    _adopt_libraries(_LEVELS[level])


class _Clean:
    """Takes secrets out of every key, and turns exceptions into lines that quote no data."""

    def __init__(self, concealer: Concealer) -> None:
        self._concealer = concealer

    def __call__(self, _logger: object, _method: str, line: MutableMapping[str, Any]) -> dict[str, Any]:
        trace = _exception_of(line.pop("exc_info", None))
        clean = {key: self._concealer.clean(key, value) for key, value in line.items()}
        if trace is not None:
            clean["traceback"] = [self._concealer.text(text) for text in traceback_lines(trace)]
        return clean


class _Render(Protocol):
    def __call__(self, _logger: object, _method: str, line: MutableMapping[str, Any], /) -> str: ...


class _Json:
    """One JSON object a line, in pure ASCII: no control character and no disguise can survive in it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def __call__(self, _logger: object, _method: str, line: MutableMapping[str, Any]) -> str:
        head = {
            "timestamp": rfc3339.render(self._clock.milliseconds()),
            "level": line.pop("level"),
            "event": line.pop("event"),
        }
        # Twice: first in the line, and never replaced by what a caller happens to call "timestamp".
        return json.dumps({**head, **line, **head}).replace("\x7f", "\\u007f")


class _Text:
    """`17:33:42 poll.finished        source=acme new=3`, in local time as a person's watch has it."""

    def __init__(self, clock: Clock, colour: bool) -> None:
        self._clock = clock
        self._colour = colour

    def __call__(self, _logger: object, _method: str, line: MutableMapping[str, Any]) -> str:
        moment = time.strftime("%H:%M:%S", time.localtime(self._clock.milliseconds() / 1000))
        level, event = line.pop("level"), escape(line.pop("event"))
        trace = line.pop("traceback", ())
        # The word, not only the colour: not everybody sees colours.
        word = f"{level} " if level in _COLOUR else ""
        words = [f"{escape(key)}={_as_word(value)}" for key, value in line.items()]
        head = self._paint(f"{word}{event}".ljust(_EVENT_WIDTH), _COLOUR.get(level, _BOLD))
        text = " ".join([self._paint(moment, _DIM), head, *words]).rstrip()
        return "\n".join([text, *(f"         {escape(part)}" for part in trace)])

    def _paint(self, text: str, colour: str) -> str:
        return f"{colour}{text}{_PLAIN}" if self._colour else text


def _as_word(value: object) -> str:
    """A value without blanks as it is, others in quotes, so that a line can be taken apart again."""
    if isinstance(value, str):
        simple = value and not any(character in ' "=\\' for character in value) and value.isprintable()
        return value if simple else '"' + escape(value.replace("\\", "\\\\").replace('"', '\\"')) + '"'
    return escape(json.dumps(value, ensure_ascii=False))


def traceback_lines(error: BaseException) -> list[str]:
    """Type and place of an exception and of what caused it, innermost call last; never a foreign text.

    The text of our own failures is written for the log; of others only the system's word for the error
    number is safe, because `KeyError('user1@example.com')` quotes an event.
    """
    lines: list[str] = []
    for link in _chain(error):
        for frame in traceback.extract_tb(link.__traceback__):
            lines.append(f"{frame.filename}:{frame.lineno} in {frame.name}: {frame.line}")
        lines.append(f"{type(link).__module__}.{type(link).__qualname__}{_safe_text(link)}")
    return lines


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The root cause first, as tracebacks have it."""
    links: list[BaseException] = []
    link: BaseException | None = error
    while link is not None and link not in links:
        links.append(link)
        link = link.__cause__ or (None if link.__suppress_context__ else link.__context__)
    return reversed(links)


def _safe_text(error: BaseException) -> str:
    if isinstance(error, Failure):
        return f": {error}"
    # sqlite3 has no strerror, but a name for its code.
    word = getattr(error, "strerror", None) or getattr(error, "sqlite_errorname", None)
    return f": {word}" if isinstance(word, str) else ""


def _exception_of(exc_info: object) -> BaseException | None:
    """What callers pass as exc_info: an exception, True for the present one, or the triple of `logging`."""
    if exc_info is True:
        return sys.exc_info()[1]
    if isinstance(exc_info, tuple):
        return exc_info[1] if isinstance(exc_info[1], BaseException) else None
    return exc_info if isinstance(exc_info, BaseException) else None


class _Writers:
    """Gives every logger the one writer of the stream."""

    def __init__(self, stream: TextIO) -> None:
        self._writer = _Writer(stream)

    def __call__(self, *_args: Any) -> _Writer:
        return self._writer


class _Writer:
    """Writes whole lines, one thread at a time."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lock = threading.Lock()

    def msg(self, text: str) -> None:
        try:
            with self._lock:
                self._stream.write(text + "\n")
                self._stream.flush()
        except (OSError, ValueError):
            # Full disk, closed terminal, a stream that is already shut: events matter more than this line,
            # and there is nowhere left to say so.
            return

    debug = info = warning = error = critical = msg


class _Adopted(logging.Handler):
    """Brings what libraries log through the same pipeline."""

    def emit(self, record: logging.LogRecord) -> None:
        keys = {"library": record.name, "message": _message_of(record), "exc_info": record.exc_info}
        if record.levelno >= logging.ERROR:
            log.error("library.reported", **keys)
        elif record.levelno >= logging.WARNING:
            log.warning("library.reported", **keys)
        else:
            log.debug("library.reported", **keys)


def _message_of(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except (TypeError, ValueError, KeyError):  # arguments that do not fit the text: a mistake of theirs
        return str(record.msg)


def _adopt_libraries(level: int) -> None:
    root = logging.getLogger()
    root.handlers = [_Adopted()]
    # Their info is our debug: urllib3 and uvicorn tell of every connection there.
    root.setLevel(logging.DEBUG if level <= logging.DEBUG else logging.WARNING)
