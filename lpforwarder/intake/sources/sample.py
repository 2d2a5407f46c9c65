"""An endless series of pretend audit events: for trying things out, for tests and for measuring."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, TypeAdapter

from lpforwarder import rfc3339
from lpforwarder.config.options import Duration, mistake
from lpforwarder.errors import Blocked
from lpforwarder.intake.contract import Cursor, Page, SourceOptions
from lpforwarder.intake.sources.sample_events import sample_event

MOST_PER_PAGE = 1000
_MILLISECONDS = 1000
_UNPACED_STEP = 1
"""Milliseconds between the times of two events when no rate sets them apart."""


def _start(value: str) -> str:
    if value != "now" and rfc3339.parse(value) is None:
        raise mistake("LPF108", f'"{value[:60]}" is not a time', "write now, or 2026-01-31T00:00:00Z")
    return value


class SampleOptions(SourceOptions):
    """The keys of a source of type `sample`."""

    seed: int = 1
    """The same seed gives the same events."""
    rate: Annotated[float, Field(ge=0, le=1_000_000, allow_inf_nan=False)] = 1.0
    """Events per second; 0 is as fast as they are asked for."""
    count: Annotated[int | None, Field(ge=0)] = None
    """How many events there are; without it there is no end."""
    start: Annotated[str, AfterValidator(_start)] = "now"
    """The time of the first event: now, or an RFC 3339 time."""
    poll_interval: Duration = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Progress:
    """What the cursor holds. Times are milliseconds since 1970."""

    version: Literal[1] = 1
    index: int
    """Of the next event."""
    began: int
    """When the first page was asked for: the rate counts from here, also over a restart."""
    start: int
    """The time of event 0."""


class SampleSource:
    """Event n is due n / rate seconds after the first pull and carries the time `start` + n / rate."""

    Options = SampleOptions

    def __init__(self, options: SampleOptions, clock: Callable[[], float] = time.time) -> None:
        self._options = options
        self._clock = clock
        self._first: _Progress | None = None

    def pull(self, after: Cursor | None) -> Page:
        """The events that are due, 1,000 at most."""
        progress = self._beginning() if after is None else self._read(after)
        due = self._due(progress)
        end = min(due, progress.index + MOST_PER_PAGE)
        events = [
            sample_event(self._options.seed, index, self._time(progress, index), self._options.name)
            for index in range(progress.index, end)
        ]
        behind = _Progress(index=max(end, progress.index), began=progress.began, start=progress.start)
        return Page(events=events, cursor=_cursor(behind), more=end < due)

    def close(self) -> None:
        """There is nothing to give back."""

    def _beginning(self) -> _Progress:
        """The same at each call, so that asking twice from the start gives the same events."""
        if self._first is None:
            began = int(self._clock() * _MILLISECONDS)
            start = began if self._options.start == "now" else rfc3339.parse(self._options.start)
            self._first = _Progress(index=0, began=began, start=began if start is None else start)
        return self._first

    def _due(self, progress: _Progress) -> int:
        """The index behind the last event that is due."""
        if self._options.rate == 0:
            due = progress.index + MOST_PER_PAGE + 1
        else:
            elapsed = int(self._clock() * _MILLISECONDS) - progress.began
            due = 1 + int(max(elapsed, 0) * self._options.rate) // _MILLISECONDS
        return due if self._options.count is None else min(due, self._options.count)

    def _time(self, progress: _Progress, index: int) -> int:
        if self._options.rate == 0:
            return progress.start + index * _UNPACED_STEP
        return progress.start + int(index * _MILLISECONDS / self._options.rate)

    def _read(self, cursor: Cursor) -> _Progress:
        try:
            return _ADAPTER.validate_json(cursor, strict=True)
        except ValueError as error:
            what = f"{self._options.name}: the stored place is not one in a series of samples"
            raise Blocked(what, code="LPF311", fix="give the source another name") from error


def _cursor(progress: _Progress) -> Cursor:
    return Cursor(_ADAPTER.dump_json(progress).decode("ascii"))


_ADAPTER = TypeAdapter(_Progress)
