"""The state of the service at one moment, as far as reports on it need to know: plain values, made often."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct, field

from lpforwarder.delivery.certificates import Certificate
from lpforwarder.runtime.worker import StateName, WorkerError


class SourceView(Struct, frozen=True, kw_only=True):
    """One source. All times are seconds."""

    state: StateName
    error: WorkerError | None = None
    failing: float = 0.0
    """Since the first failure of a row that no good run has ended yet."""
    silent: float = 0.0
    """Since the last sign of life."""
    poll_interval: float = 60.0
    last_poll: str | None = None
    """When it last answered in this life; RFC 3339."""
    alarms: Sequence[WorkerError] = ()
    read: int = 0
    """Events it has given since the journal was made."""
    rejected: int = 0
    """Records it has given that could not become events."""
    newest: str | None = None
    """The greatest event time; RFC 3339."""


class CollectorView(Struct, frozen=True, kw_only=True):
    """One collector. Counts of messages are those of this life of its worker, the others the journal's."""

    state: StateName
    error: WorkerError | None = None
    failing: float = 0.0
    """As of a source; 0 once a run has been good for long enough."""
    is_connected: bool = False
    checkpoint: int = 0
    heartbeat: float = 0.0
    """Seconds between two; 0 for none."""
    worker: object = None
    """Another one after the collector's worker was made anew."""
    sent: int = 0
    """Messages sent for the first time in this life of the process, by earlier workers too."""
    number: int = 0
    """Of the message handed over last by this worker (`sequenceId`); 0 before the first."""
    confirmed: int = 0
    replayed: int = 0
    set_aside: int = 0
    set_aside_lost: int = 0
    """Of those that were set aside, the ones that had to make room for others."""
    unmoved: float = 0.0
    """Seconds for which it was connected, something was sent and nothing new confirmed."""
    standing: float = 0.0
    """Seconds since that began, without a connection too."""
    patience: float = 0.0
    """Seconds it may take when all is well."""
    is_stalled: bool = False
    """It takes connections and gets nowhere: to be connected again is no recovery."""
    certificates: Sequence[Certificate] = ()
    """Those its link depends on, as far as they are known."""
    alarms: Sequence[WorkerError] = ()


class Missing(Struct, frozen=True, kw_only=True):
    """Entries of the journal that cannot be read any more, or what else became of it; not reported yet."""

    number: int
    """Tells it from others."""
    first: int
    count: int
    reason: str
    is_loss: bool = True
    """False when nothing is missing in the end."""
    collector: str = ""
    """Whom it concerns alone; empty when it concerns everybody."""

    @property
    def last(self) -> int:
        """The last place of it."""
        return self.first + self.count - 1


class View(Struct, frozen=True, kw_only=True):
    """Everything at one moment."""

    monotonic: float
    """Seconds of a clock that never goes back."""
    wall: int
    """Milliseconds since 1970 by this machine's clock."""
    sources: Mapping[str, SourceView] = field(default_factory=dict)
    collectors: Mapping[str, CollectorView] = field(default_factory=dict)
    missing: Sequence[Missing] = ()
    warnings: Sequence[WorkerError] = ()
    """What the journal has to say although events still flow."""
    position: int = 0
    """The last place of the journal."""
