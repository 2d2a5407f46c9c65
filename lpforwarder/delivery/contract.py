"""What formats, envelopes, framers and transports promise, and what delivery needs of a journal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from lpforwarder.config.options import Options
from lpforwarder.event import Entry, Event, Seq


class Formatter(Protocol):
    """Event → payload. Total: every Event has an encoding, and nothing in it can break out."""

    def format(self, event: Event) -> bytes:
        """The payload: no octet below 32, no 127."""


class FormatPlugin(Protocol):
    """An entry point of the group `lpforwarder.formats`: a class with its options.

    The options stand in a collector's configuration under the entry point's name (`cef: {…}`).
    """

    Options: ClassVar[type[Options]]

    def __call__(self, options: Any) -> Formatter: ...


class Envelope(Protocol):
    """Payload → message."""

    def wrap(self, event: Event, payload: bytes) -> bytes:
        """The whole message, header first; total like Formatter.format."""


class Framer(Protocol):
    """Messages → the octets of a stream."""

    def frame(self, messages: Sequence[bytes]) -> bytes:
        """All frames joined, in order."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A message the collector read and will not take: `number` counts from 1 since open()."""

    number: int
    reason: str


class Transport(Protocol):
    """One link to one collector. Used by one thread; only abort() may come from another.

    Counts begin anew with each open(). After any exception the link is dead: close it, open a new one.
    """

    confirm: str
    """What confirms a message now: `close`, `kernel`, `relp` …; may fall back while it runs."""

    peer: str
    """The address we are or were connected to, for people; "" before the first open()."""

    def open(self) -> None:
        """Connects and verifies the peer. Nothing is sent to a peer that is not verified."""

    def send(self, messages: Sequence[bytes]) -> None:
        """Hands messages to the kernel, in order. Raises Transient when the link is gone or stalls."""

    def confirmed(self, within: float) -> int:
        """How many messages sent since open() the collector is known to hold.

        Counted from the first, so a gap ends the count. Waits `within` seconds at most for progress.
        When the link breaks, what was confirmed before is returned first; the next call raises.
        """

    def refused(self) -> Sequence[Refusal]:
        """What the collector has refused since the last call, in order; each counts as confirmed too.

        Ask between confirmed() and recording the place: what was refused below it is to be set aside first.
        """

    def fence(self, within: float) -> None:
        """Begins to confirm all that was sent, and waits `within` seconds at most for the result.

        Returning early is no promise: ask confirmed().
        """

    def close(self) -> None:
        """Ends the link politely: reads what is pending, says goodbye, never resets."""

    def abort(self) -> None:
        """Unblocks the call in flight, which then raises Transient; survives a dead socket."""


class TransportPlugin(Protocol):
    """An entry point of the group `lpforwarder.transports`: its options stand in the collector itself."""

    Options: ClassVar[type[Options]]

    def __call__(self, options: Any) -> Transport: ...


class DeliveryJournal(Protocol):
    """What delivery needs of a journal."""

    def read(self, after: Seq, limit: int) -> list[Entry]:
        """Entries behind `after` in order, at most `limit`; empty at the end. Damaged ones are left out."""

    def newest(self) -> Seq:
        """The last place in the journal; costs next to nothing."""

    def wait(self, after: Seq, within: float) -> None:
        """Returns when there is something behind `after`, or after `within` seconds."""

    def checkpoint(self, collector: str) -> Seq:
        """All up to here is confirmed by this collector."""

    def resume(self, collector: str) -> Seq:
        """Where to go back to after an abnormal end; never ahead of the checkpoint."""

    def clean(self, collector: str) -> bool:
        """True when the last life of this collector ended with everything it had sent confirmed."""

    def advance(
        self,
        collector: str,
        to: Seq,
        resume: Seq,
        *,
        clean: bool = False,
        confirmed: int = 0,
        replayed: int = 0,
    ) -> None:
        """Moves the checkpoint, never backwards, and notes where to go back to after an abnormal end.

        `confirmed` and `replayed` are added to the collector's totals.
        """
