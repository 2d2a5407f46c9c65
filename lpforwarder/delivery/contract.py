"""What formats, envelopes, framers and transports promise, and what delivery needs of a journal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, ClassVar, Protocol, runtime_checkable

from msgspec import Struct

from lpforwarder.config.options import Options
from lpforwarder.event import Entry, Event, Poison, Seq, Stretch
from lpforwarder.lines.parts import Part
from lpforwarder.runtime.bell import Ring


class Formatter(Protocol):
    """Event → payload. Total: every Event has an encoding, and nothing in it can break out."""

    def format(self, event: Event) -> bytes:
        """The payload: no octet below 32, no 127."""


@runtime_checkable
class PageFormatter(Formatter, Protocol):
    """A format whose payload is put together from fields, so that it can be written by the page.

    Nobody has to: without it format() is asked for each event, which takes several times as long.
    """

    fields: Sequence[str]
    """Those that are looked for, in the order in which events mostly have them; `timestamp`, `eventType`,
    `eventId` and `severity` are among them. An event with another field is written by format()."""
    marked: bytes
    """An octet that texts may have to be given otherwise, as `=` in CEF, or none."""
    ignores_others: bool
    """Whether other fields do not matter, so that an event may have any."""

    def parts(self) -> Sequence[Part]:
        """What together gives, octet for octet, what format() gives."""


class FormatPlugin(Protocol):
    """An entry point of the group `lpforwarder.formats`: a class with its options.

    The options stand in a collector's configuration under the entry point's name (`cef: {…}`).
    """

    Options: ClassVar[type[Options]]

    def __call__(self, options: Any) -> Formatter: ...


class Envelope(Protocol):
    """Payload → message."""

    def wrap(self, event: Event, payload: bytes, sequence: int | None = None) -> bytes:
        """The whole message, header first; total like Formatter.format.

        `sequence` numbers the messages of one sender to one collector, 1 to 2147483647 (RFC 5424 §7.3.1);
        None when the collector does not want them numbered. An envelope without a place for it leaves it out.
        """


@runtime_checkable
class PageEnvelope(Envelope, Protocol):
    """An envelope whose header is put together in the same way; without it wrap() is asked for each event."""

    def parts(self, *, numbered: bool) -> Sequence[Part] | None:
        """What together gives what wrap() puts before a payload; None when that depends on the payload."""


class Framer(Protocol):
    """Messages → the octets of a stream."""

    def frame(self, messages: Sequence[bytes]) -> bytes:
        """All frames joined, in order."""


class Refusal(Struct, frozen=True):
    """A message the collector read and will not take: `number` counts from 1 since open()."""

    number: int
    reason: str


class Transport(Protocol):
    """One link to one collector. Used by one thread; only abort() may come from another.

    Counts begin anew with each open(). After any exception the link is dead: close it, open a new one.
    One that has any may offer two attributes more, which log, status and own events show: `certificates`,
    a sequence of Certificate (certificates.py), and `alarms`, a sequence of Failure, for what a person
    should look at although the link works.
    One whose send() may wait for the collector time and again also has offer(messages, within): it hands
    over the first of them that there is room for within so many seconds, and says how many, perhaps none.
    A worker that sits in one call for minutes looks dead, unless its transport has `pulse`: any value that is
    another one whenever the collector has taken something; asked from another thread.
    """

    @property
    def confirm(self) -> str:
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
        A refusal comes no later than with the confirmed() that counts its message.
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


class SetAsideOutcome(Protocol):
    """What became of events that were to be set aside."""

    @property
    def fresh(self) -> Mapping[int, Poison]:
        """Those that were not known yet, or had been sent again since, by the number people call them."""

    @property
    def lost(self) -> Mapping[str, int]:
        """Collector → how many older ones had to make room for them, never to be sent."""


class DeliveryJournal(Protocol):
    """What delivery needs of a journal."""

    def read(self, after: Seq, limit: int) -> list[Entry]:
        """Entries behind `after` in order, at most `limit`; empty at the end. Damaged ones are left out."""

    def stretches(self, after: Seq, limit: int) -> list[Stretch]:
        """The same as lines, not decoded, in runs of neighbours from one source; none of them is empty."""

    def newest(self) -> Seq:
        """The last place in the journal; costs next to nothing."""

    def ringing(self, ring: Ring) -> AbstractContextManager[None]:
        """Within this block it is rung whenever newest() has grown; by the thread that appends."""

    def checkpoint(self, collector: str) -> Seq:
        """All up to here is confirmed by this collector."""

    def resume(self, collector: str) -> Seq:
        """Where to go back to after an abnormal end; never ahead of the checkpoint."""

    def clean(self, collector: str) -> bool:
        """True when the last life of this collector ended with everything it had sent confirmed."""

    def sent(self, collector: str) -> Seq:
        """The furthest place that was sent to this collector, as of the last advance(); 0 if never."""

    def advance(
        self,
        collector: str,
        to: Seq,
        resume: Seq,
        *,
        clean: bool = False,
        sent: int = 0,
        confirmed: int = 0,
        replayed: int = 0,
    ) -> None:
        """Moves the checkpoint, never backwards, and notes where to go back to after an abnormal end.

        `sent` is the furthest place that was handed to the transport; `confirmed` and `replayed` are added to
        the collector's totals.
        """

    def set_aside(self, collector: str, poisons: Sequence[Poison]) -> SetAsideOutcome:
        """Keeps durably what the collector cannot take; what is known already changes nothing."""
