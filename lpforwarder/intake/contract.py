"""What a source promises, and the little that intake needs of a journal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, Protocol, runtime_checkable

from msgspec import Struct

from lpforwarder.config.options import Duration, Options
from lpforwarder.event import Cursor as Cursor
from lpforwarder.event import Event, Reject
from lpforwarder.runtime.worker import WorkerError


class Page(Struct, frozen=True, kw_only=True):
    """One answer of a source: events oldest first, what could not be read, and the place behind them.

    `more` says that the next page can be asked for at once.
    """

    events: Sequence[Event]
    cursor: Cursor
    more: bool = False
    rejects: Sequence[Reject] = ()


class Source(Protocol):
    """Asks once; never sleeps, retries or writes.

    One whose pull may make many calls also has `pulse`: any value that is another one after each call, asked
    from another thread. A worker that is silent for long looks dead.
    """

    def pull(self, after: Cursor | None) -> Page:
        """The events behind `after`, oldest first; None asks from the very start.

        Raises Transient or Blocked. Asked again with the same cursor it gives the same events with the
        same ids, and perhaps newer ones.
        """

    def close(self) -> None:
        """Gives back files and connections; may be called twice."""


@runtime_checkable
class Alarming(Protocol):
    """A source that also tells what a person should mend although events still flow."""

    @property
    def alarms(self) -> Sequence[WorkerError]:
        """Those that are on; may be asked from another thread."""


@runtime_checkable
class Refusable(Protocol):
    """A source that spares a vault which refused it: pull() then raises Blocked without asking again.

    It may be pulled often all the same, and notices by itself when the credentials have changed.
    """

    def try_again(self) -> None:
        """The next pull asks the vault, whatever it said before; from another thread."""


class SourceOptions(Options):
    """The keys every source has in the configuration; a plug-in's Options add their own."""

    name: str
    type: str
    poll_interval: Duration = 60.0

    def hosts(self) -> Iterable[str]:
        """Names or addresses of the machines it connects to; a source of local files has none."""
        return ()


class SourcePlugin(Protocol):
    """What an entry point of the group `lpforwarder.sources` names: a class like this."""

    Options: ClassVar[type[SourceOptions]]

    def __call__(self, options: Any) -> Source: ...


@runtime_checkable
class Limited(Protocol):
    """A journal that may have no room."""

    def check_room(self) -> None:
        """Raises Transient while append() would refuse; asked first, a paused poll spares its vault."""


class IntakeJournal(Protocol):
    """The little that intake needs of a journal."""

    def cursor(self, source: str) -> Cursor | None:
        """The place behind the last append of this source; None before the first."""

    def append(self, source: str, events: Sequence[Event], rejects: Sequence[Reject], cursor: Cursor) -> int:
        """Keeps events, rejects and cursor in one transaction; how many events were new.

        When it returns, a power cut no longer loses them. Raises Transient when the disk is full.
        """
