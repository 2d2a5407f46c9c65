"""Which events one page of a report holds, and where the next page starts. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from lpforwarder.simulator.vault.call import Call, WallTime
from lpforwarder.simulator.vault.catalogue import ADMIN_NAMES
from lpforwarder.simulator.vault.event import SECOND, VaultEvent
from lpforwarder.simulator.vault.history import History
from lpforwarder.simulator.vault.options import VaultOptions
from lpforwarder.simulator.vault.zone import WallClock

Wanted = Callable[[VaultEvent], bool]

_EPOCH = datetime(1970, 1, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Events newest first, and the marker of the next page."""

    events: list[VaultEvent]
    marker: int | None
    """Microseconds since 1970, UTC; None on the last page."""
    skipped: int = 0
    """Wanted events of the window on the pages before; counted only where numbering goes on."""


def select(call: Call, history: History, clock: WallClock, options: VaultOptions, *, stuck: bool) -> Page:
    """The page a reporting call asks for. Raises BadParameter."""
    low, top = _window(call, history, clock, options)
    marker = call.marker()
    # "At this time or earlier" (documentation): the marker's own microsecond comes again.
    high = top if marker is None else min(top, history.up_to(marker))
    wanted = _filter(call, options)
    # One more than a page holds, to know the instant of the first event left out.
    found = list(islice(filter(wanted, history.newest_first(low, high)), options.page_size + 1))
    page, left_out = found[: options.page_size], found[options.page_size :]
    skipped = 0
    if options.numbering == "report":
        skipped = sum(map(wanted, history.newest_first(high, top)))
    return Page(events=page, marker=_marker(page, left_out, marker, options, stuck), skipped=skipped)


def _window(call: Call, history: History, clock: WallClock, options: VaultOptions) -> tuple[int, int]:
    """Places in the history from `from` to `to`.

    Ends are compared in whole seconds as shown: an inclusive end lets in all of its second.
    """
    low, high = 0, len(history)
    since, until = call.time("from"), call.time("to")
    if since is not None and not call.wants_xml:
        first = _instant(since, clock.earliest, options)
        low = history.before(first if options.from_inclusive else first + SECOND)
    if until is not None:
        last = _instant(until, clock.latest, options)
        high = history.before(last + SECOND if options.to_inclusive else last)
    return low, high


def _instant(asked: WallTime, read: Callable[[datetime], int], options: VaultOptions) -> int:
    if options.honour_offset and asked.offset is not None:
        return int((asked.wall - _EPOCH - asked.offset).total_seconds()) * SECOND
    return read(asked.wall)


def _marker(
    page: list[VaultEvent], left_out: list[VaultEvent], asked: int | None, options: VaultOptions, stuck: bool
) -> int | None:
    if (stuck or options.next_stuck) and page:
        return page[0].at if asked is None else asked
    if not left_out:
        return None
    return left_out[0].at if options.next_is == "first left out" else page[-1].at


def _filter(call: Call, options: VaultOptions) -> Wanted:
    """All conditions of a call as one; true for everything when there is none."""
    conditions = [c for c in (_by_user(call, options), _by_admin(call), _by_search(call)) if c is not None]
    if not conditions:
        return lambda _event: True
    return lambda event: all(condition(event) for condition in conditions)


def _by_user(call: Call, options: VaultOptions) -> Wanted | None:
    inside = call.parameter("user") if options.user_place != "top" else None
    user = inside if inside is not None or options.user_place == "data" else call.top_user
    if user is None or str(user).casefold() in ("", "allusers"):
        return None
    folded = str(user).casefold()
    return lambda event: event.username.casefold() == folded


def _by_admin(call: Call) -> Wanted | None:
    """A guess: an event is an admin event when the catalogue has an admin do it."""
    if str(call.parameter("admin")) not in ("1", "True"):
        return None
    return lambda event: event.action.casefold() in ADMIN_NAMES


def _by_search(call: Call) -> Wanted | None:
    """A guess: the text occurs, in any case, in one of the four fields."""
    text = call.parameter("search")
    if text is None:
        return None
    folded = str(text).casefold()
    return lambda event: any(
        folded in field.casefold() for field in (event.username, event.ip_address, event.action, event.data)
    )
