"""How long each worker may go without a sign of life when all goes as slowly as it may: for the watchdog.

One number for all would have to be the longest: a journal that hangs would be noticed after the minutes that
a vault may take to answer.
"""

from __future__ import annotations

from lpforwarder.delivery.options import CollectorOptions
from lpforwarder.delivery.transports.diagnosis import WITHIN as LOOK_WITHIN
from lpforwarder.delivery.transports.fences import FENCE_FAILURES, FENCE_TIMEOUT
from lpforwarder.intake.contract import SourceOptions
from lpforwarder.runtime.vigil import PATIENCE

CALLS = 6  # that a pull may make to its vault, if its source gives no sign of life between them
LOOKUP = 60.0  # seconds of name servers that do not answer, before a call's own time limit begins
TURN_SECONDS = 0.1  # a source may have to wait for a page of each other one, and a slow disk for each page


def of_collector(options: CollectorOptions) -> float:
    """Seconds one call of its link may take. What the collector takes meanwhile is a sign of life."""
    connect, stall = getattr(options, "connect_timeout", 0.0), getattr(options, "stall_timeout", 0.0)
    # Before it may write: fences that are not answered, or under RELP the answer to what was sent before.
    sending = max(stall, FENCE_TIMEOUT * FENCE_FAILURES) + stall
    # Each host: name lookup, connection, handshake, and a second look at a certificate that is refused.
    walk = len(getattr(options, "host", ())) * (3 * connect + 2 * LOOK_WITHIN)
    return PATIENCE + max(sending, walk + stall + FENCE_TIMEOUT)


def of_source(options: SourceOptions, *, sources: int, has_pulse: bool) -> float:
    """Seconds a pull may take, or one call of it if the source gives a sign of life after each."""
    timeout = getattr(options, "timeout", 0.0)
    call = timeout + LOOKUP if timeout else 0.0
    return PATIENCE + (call if has_pulse else CALLS * call) + TURN_SECONDS * sources
