"""What a collector's configuration says about its link: the keys of `transport: relp` and `relp-tls`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from pydantic import Field

from lpforwarder.config.options import Finding, Port
from lpforwarder.delivery.transports.options import LinkOptions, Positive, TlsLinkOptions

IMRELP_LONGEST = 8096
"""Octets that rsyslog's imrelp takes unless its global maxMessageSize says otherwise. It cuts the rest off,
and acknowledges the message all the same."""


class RelpOptions(LinkOptions):
    """The keys of `transport: relp`. No port is official; 2514 is that of rsyslog's documentation."""

    over_tls: ClassVar[str] = "relp-tls"
    confirm: ClassVar[str] = "relp"

    port: Port = Field(2514, description="relp and relp-tls 2514")
    window: int = Field(
        128, ge=1, le=10_000, description="messages on the way without an answer; more for long distances"
    )
    stall_timeout: Positive = Field(90.0, description="one that acknowledges nothing for so long is given up")

    def advice(self) -> Iterable[Finding]:
        yield from super().advice()
        longest = getattr(self, "max_message", 0)  # of the collector that this is mixed with
        if longest > IMRELP_LONGEST:
            yield Finding(
                key="max_message",
                what=f"rsyslog silently cuts messages at {IMRELP_LONGEST} octets unless told otherwise",
                fix=f'max_message: {IMRELP_LONGEST}; or in rsyslog: global(maxMessageSize="{longest}")',
            )


class RelpTlsOptions(RelpOptions, TlsLinkOptions):
    """The keys of `transport: relp-tls`: TLS from the first octet, on a port of its own."""
