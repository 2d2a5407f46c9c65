"""From what workers, journal and settings say of themselves to the view that reports are made from. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Sequence
from typing import Any

from pydantic import BaseModel

from lpforwarder.config.restarts import unused
from lpforwarder.delivery.encoder import LAST_NUMBER
from lpforwarder.delivery.options import CollectorOptions
from lpforwarder.delivery.pump import Pump
from lpforwarder.delivery.standstill import confirms_nothing
from lpforwarder.errors import Failure
from lpforwarder.intake.contract import SourceOptions
from lpforwarder.intake.poller import Poller
from lpforwarder.journal.facts import Facts
from lpforwarder.journal.notice import JUMPED, Notice
from lpforwarder.journal.scan import Gap
from lpforwarder.reporting.view import CollectorView, Missing, SourceView
from lpforwarder.runtime.plan import Plan
from lpforwarder.runtime.worker import StateName, WorkerError, WorkerState
from lpforwarder.settings import Settings

TOLD_AFTER = 30.0
"""Seconds beyond the time of a fence until a collector that confirms nothing is worth a word."""
LEAST_HEARTBEAT = 1.0
"""Seconds: there is a look a second."""


def source_view(
    options: SourceOptions, poller: Poller | None, state: WorkerState | None, facts: Facts, now: float
) -> SourceView:
    """`now` is monotonic; poller and state are None for a moment while it is made anew."""
    known = facts.sources.get(options.name)
    name, error, failing, silent = _health(state, now)
    return SourceView(
        state=name,
        error=error,
        failing=failing,
        silent=silent,
        poll_interval=options.poll_interval,
        last_poll=poller.polled.last_poll if poller else None,
        alarms=tuple(poller.alarms) if poller else (),
        read=known.events if known else 0,
        rejected=known.rejects if known else 0,
        newest=known.newest if known else None,
    )


def collector_view(
    options: CollectorOptions,
    pump: Pump | None,
    state: WorkerState | None,
    facts: Facts,
    now: float,
    standing: float = 0.0,
) -> CollectorView:
    """Like source_view(); `standing` are the seconds since anything new was confirmed, if it was to be."""
    known, aside = facts.collectors.get(options.name), facts.set_asides.get(options.name)
    name, error, failing, _ = _health(state, now)
    is_stalled = pump is not None and pump.is_stalled
    if pump is not None and is_stalled and error is None:
        error = as_error(confirms_nothing(pump.link.peer))
    return CollectorView(
        state=name,
        error=error,
        failing=failing,
        is_connected=pump is not None and pump.link.connected_since is not None,
        checkpoint=known.checkpoint if known else 0,
        heartbeat=max(options.heartbeat, LEAST_HEARTBEAT) if options.heartbeat else 0.0,
        worker=pump,
        sent=pump.link.sent_before + pump.window.first_sent if pump else 0,
        number=_number(pump.window.first_sent + pump.window.repeated) if pump else 0,
        confirmed=known.confirmed if known else 0,
        replayed=known.replayed if known else 0,
        set_aside=aside.total if aside else 0,
        set_aside_lost=aside.lost if aside else 0,
        unmoved=pump.unmoved if pump is not None and pump.link.is_reachable else 0.0,
        standing=standing,
        patience=options.fence.time + TOLD_AFTER,
        is_stalled=is_stalled,
        certificates=pump.link.certificates if pump else (),
        alarms=[as_error(alarm) for alarm in pump.link.alarms] if pump else (),
    )


def _number(messages: int) -> int:
    """The `sequenceId` of the last of so many messages; the encoder begins with 1 again behind the last."""
    return (messages - 1) % LAST_NUMBER + 1 if messages else 0


def as_error(failure: Failure) -> WorkerError:
    """What a link or the journal has to say, in the words of the error catalogue."""
    return WorkerError(code=failure.code, text=failure.what, fix=failure.fix)


def warnings(notices: Sequence[Notice]) -> Sequence[WorkerError]:
    """What the journal has to say; a clock that jumped is told by who looks at the clock every second."""
    return [
        WorkerError(code=notice.code, text=notice.text, fix=notice.fix)
        for notice in notices
        if notice.code != JUMPED
    ]


def missing(gaps: Sequence[Gap]) -> Sequence[Missing]:
    """The gaps of the journal."""
    return [
        Missing(
            number=gap.number,
            first=gap.first,
            count=gap.count,
            reason=gap.reason,
            is_loss=gap.is_loss,
            collector=gap.collector,
        )
        for gap in gaps
    ]


def _health(state: WorkerState | None, now: float) -> tuple[StateName, WorkerError | None, float, float]:
    """State, error, and the seconds since the failures began and since the last sign of life."""
    if state is None:
        return "stopped", None, 0.0, 0.0
    failing = 0.0 if state.failing_since is None else max(now - state.failing_since, 0.001)
    return state.state, state.error, failing, max(now - state.beat, 0.0)


# ---- what is said of the configuration ------------------------------------------------------------------


def fingerprint(settings: Settings) -> str:
    """SHA-256 of all settings in effect, defaults included; of the files they name the paths alone."""
    parts = {name: getattr(settings, name) for name in settings.__struct_fields__}
    text = json.dumps(parts, default=_plain, sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def changed(plan: Plan, waits: Sequence[str] = ()) -> str:
    """What a reload did: `started collector:b, stopped source:c, started anew collector:a`.

    `waits` are the keys that wait for a restart.
    """
    again = [name for name in plan.start if name in plan.stop]
    done = {
        "started": _without(plan.start, again),
        "stopped": _without(plan.stop, again),
        "started anew": again,
    }
    told = ", ".join(f"{verb} {' '.join(names)}" for verb, names in done.items() if names)
    told = told or "nothing was started or stopped"
    return f"{told}; {unused(waits)}" if waits else told


def _without(names: Sequence[str], others: Collection[str]) -> list[str]:
    return [name for name in names if name not in others]


def _plain(value: Any) -> Any:
    """What json cannot write by itself: the keys of options, and the text of paths and the like."""
    if isinstance(value, BaseModel):
        return dict(value)
    return str(value)
