"""What is known about a collector's link beyond its counts: for status page, log and own events."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog

from lpforwarder.delivery.certificates import URGENT_DAYS, Certificate, ExpiryWatch, ends_in
from lpforwarder.delivery.contract import Transport
from lpforwarder.delivery.standstill import Standstill
from lpforwarder.delivery.window import Window
from lpforwarder.errors import Failure
from lpforwarder.rfc3339 import now as present_time

CERTIFICATES_EVERY = 3600.0  # seconds between two looks at when certificates end

log = structlog.get_logger()


@dataclass(slots=True)
class Link:
    """What the status page says about a link; times are RFC 3339."""

    connected_since: str | None = None
    peer: str = ""
    confirm: str = ""
    last_sent: str | None = None
    unmoved_since: str | None = None
    """Since when something waits for its confirmation and nothing new was confirmed, on any connection."""
    is_reachable: bool = True
    """False while no connection is to be had."""
    is_held: bool = False
    """Events wait because of `rate_limit`, and for nothing else."""
    certificates: Sequence[Certificate] = ()
    """What the link depends on and ends one day; see certificates.py."""
    alarms: Sequence[Failure] = ()
    """What a person should look at although the link works."""
    sent_before: int = 0
    """Messages that earlier workers of this collector sent for the first time, in this process."""


class LinkWatch:
    """Follows what one transport says about its link, and tells the log of changes."""

    def __init__(
        self,
        name: str,
        transport: Transport,
        standstill: Standstill,
        *,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], str] = present_time,
    ) -> None:
        self.link = Link(confirm=transport.confirm)
        self._name = name
        self._transport = transport
        self._standstill = standstill
        self._clock = clock
        self._now = now
        self._expiry = ExpiryWatch()
        self._next_look = float("-inf")
        self._told: set[tuple[str, str]] = set()

    # ---- told by the pump -----------------------------------------------------------------------------

    def connected(self) -> None:
        """The link is up."""
        self._standstill.begins()
        link = self.link
        link.is_reachable = True
        link.connected_since = self._now()
        link.peer, link.confirm = self._transport.peer, self._transport.confirm
        log.info("collector.connected", collector=self._name, peer=link.peer)

    def unreachable(self) -> None:
        """No connection was to be had."""
        self.link.is_reachable = False

    def disconnected(self) -> None:
        """The link is down; what was waiting for its confirmation waits in the journal."""
        self.link.connected_since = None
        self.link.is_held = False

    def broke(self, failure: Failure | None) -> None:
        """It ended, and not everything was confirmed."""
        self._standstill.broke(failure, self._clock())
        if not self._standstill.is_standing:
            self.link.unmoved_since = None

    def sends(self) -> None:
        """Something is about to be sent."""
        self._standstill.owes(self._clock())
        if self.link.unmoved_since is None:
            self.link.unmoved_since = self._now()

    def sent(self) -> None:
        """The kernel has it."""
        self.link.last_sent = self._now()

    def moved(self, window: Window) -> None:
        """Something was confirmed, perhaps not for the first time."""
        if self._standstill.confirmed(window, self._clock()):
            self.link.unmoved_since = self._now() if window.unconfirmed else None

    def idles(self) -> None:
        """Nothing waits to be confirmed or sent."""
        if self.link.unmoved_since is not None or self._standstill.is_standing:
            self.link.unmoved_since = None
            self._standstill.nothing_waits()

    # ---- looked at ------------------------------------------------------------------------------------

    def look(self) -> None:
        """Notes what has changed; costs next to nothing when nothing has."""
        link, transport = self.link, self._transport
        if transport.confirm != link.confirm:
            link.confirm = transport.confirm
            self._tell_confirm()
        if link.connected_since is not None and transport.peer != link.peer:
            link.peer = transport.peer
            log.info("collector.switched", collector=self._name, peer=link.peer)
        link.alarms = tuple(getattr(transport, "alarms", ()))
        self._tell_alarms()
        self.look_at_certificates()

    def look_at_certificates(self) -> None:
        """The same for certificates alone, which end while a collector is down as well."""
        known = tuple(getattr(self._transport, "certificates", ()))
        if known == self.link.certificates and self._clock() < self._next_look:
            return
        self._next_look = self._clock() + CERTIFICATES_EVERY
        self.link.certificates = known
        for certificate, days in self._expiry.due(known, self._now()):
            self._tell_certificate(certificate, days)

    def _tell_confirm(self) -> None:
        if self.link.confirm == "close":
            log.info("collector.fence_retried", collector=self._name)
            return
        log.warning(
            "collector.fence_unanswered",
            collector=self._name,
            code="LPF218",
            reason="the collector does not close connections we have half-closed; "
            "confirming by its kernel's acknowledgement from now on",
        )

    def _tell_alarms(self) -> None:
        present = {(alarm.code, alarm.what) for alarm in self.link.alarms}
        for alarm in self.link.alarms:
            if (alarm.code, alarm.what) not in self._told:
                log.warning(
                    "collector.alarmed",
                    collector=self._name,
                    code=alarm.code,
                    reason=alarm.what,
                    fix=alarm.fix,
                )
        self._told = present

    def _tell_certificate(self, certificate: Certificate, days: int) -> None:
        told = {
            "collector": self._name,
            "code": "LPF205",
            "reason": f"{certificate.called()} {ends_in(days)}",
            "kind": certificate.kind,
            "not_after": certificate.not_after,
            "days": days,
        }
        if days < 0:
            log.error("certificate.expired", **told)
        elif days <= URGENT_DAYS:
            log.error("certificate.expiring", **told)
        else:
            log.warning("certificate.expiring", **told)
