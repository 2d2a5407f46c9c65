"""What the endpoint needs: a journal to read, tokens to compare, and somebody who says how things are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol, TypeAlias

from msgspec import Struct

from lpforwarder.event import Entry, Seq
from lpforwarder.runtime.bell import Ring

Snapshot: TypeAlias = Callable[[], dict[str, Any]]
"""How the service is doing; the keys of `status --json`."""


class Lines(Protocol):
    """A page as it lies in the journal: its events are `lines`, compact JSON, a line feed between two."""

    @property
    def first(self) -> int:
        """The place of the first event; the others follow without a hole."""

    @property
    def count(self) -> int: ...

    @property
    def source(self) -> str: ...

    @property
    def oldest(self) -> str | None:
        """The least event time; None when no event has one."""

    @property
    def newest(self) -> str | None: ...

    @property
    def lines(self) -> bytes: ...


class EndpointJournal(Protocol):
    """The little the endpoint needs of a journal; all of it may be called from any thread."""

    def identity(self) -> str:
        """Tells this journal from any other, so that a cursor of another one is noticed."""

    def stored(self, after: Seq, limit: int) -> Sequence[Lines]:
        """Whole pages with at least `limit` events behind `after`, or some MB of them; one short read.

        In the order of delivery. Damaged events are left out. Empty only when nothing is left.
        """

    def of_source(self, source: str, after: Seq) -> tuple[Sequence[Lines], Seq]:
        """The whole pages of that source behind `after`, and the last place; for sources with few pages."""

    def oldest(self) -> Seq:
        """The place before the first event that is still kept."""

    def last(self) -> Seq:
        """The last place that was given, whether or not it can be read."""

    def newest(self) -> Seq:
        """The last place that can be read."""

    def ringing(self, ring: Ring) -> AbstractContextManager[None]:
        """Within this block it is rung whenever newest() has grown; by the thread that appends."""

    def find(self, event_id: str, wanted: Callable[[str], bool] = ..., /) -> Entry | None:
        """The first event with this id of a source that is wanted, oldest first; None when there is none.

        One of another source is passed over as if it were none: it ends the search no earlier.
        Reads the whole journal at worst, in many short reads: about a second for a million events.
        """


class Access(Struct, frozen=True, kw_only=True):
    """One request that was answered or refused: for the audit trail, which never sees a token itself."""

    token: str
    """The token's name; "" when none was good."""
    client: str
    """The address it came from."""
    path: str
    status: int
    events: int = 0
    """How many events the answer held."""
