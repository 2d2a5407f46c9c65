"""Every metric there is: type, labels, meaning, what is normal. docs/reference/metrics.md is made of it."""

from __future__ import annotations

from typing import Literal, TypeAlias

from msgspec import Struct

PREFIX = "lpforwarder_"

Type: TypeAlias = Literal["counter", "gauge", "histogram"]


class Kind(Struct, frozen=True, kw_only=True):
    """One metric; `name` is without prefix and, for a counter, without `_total`."""

    name: str
    type: Type
    labels: tuple[str, ...] = ()
    about: str
    normal: str
    """What it looks like when all is well."""

    @property
    def published(self) -> str:
        """The name as Prometheus has it."""
        return f"{PREFIX}{self.name}{'_total' if self.type == 'counter' else ''}"


_SOURCE, _COLLECTOR = ("source",), ("collector",)
_TIME = "seconds since 1970 UTC"

_ALL = (
    Kind(
        name="build_info",
        type="gauge",
        labels=("version",),
        about="Always 1; the version is the label",
        normal="1",
    ),
    Kind(
        name="start_timestamp_seconds",
        type="gauge",
        about=f"When the service started, {_TIME}",
        normal="changes with an upgrade or a reboot only",
    ),
    Kind(
        name="verdict",
        type="gauge",
        labels=("verdict",),
        about="1 for the present verdict of `lpforwarder status`: ok, behind or down",
        normal="1 for ok",
    ),
    Kind(
        name="config_last_reload_success",
        type="gauge",
        about="0 when the last reload was refused and the old configuration stays; absent before any reload",
        normal="1 or absent",
    ),
    Kind(
        name="last_heartbeat_timestamp_seconds",
        type="gauge",
        about=f"When the last heartbeat event was written, {_TIME}; absent where there is none",
        normal="younger than the longest `heartbeat` of the collectors",
    ),
    Kind(
        name="events_fetched",
        type="counter",
        labels=_SOURCE,
        about="Events that were new to the journal; kept over restarts",
        normal="grows by day as people work",
    ),
    Kind(
        name="events_duplicate",
        type="counter",
        labels=_SOURCE,
        about="Events that the source gave again and the journal had: what the overlap costs",
        normal="grows; a multiple of the new ones is normal",
    ),
    Kind(
        name="events_rejected",
        type="counter",
        labels=_SOURCE,
        about="Records that could not become events; `lpforwarder rejects list`",
        normal="0",
    ),
    Kind(
        name="source_up",
        type="gauge",
        labels=_SOURCE,
        about="0 while polling fails",
        normal="1",
    ),
    Kind(
        name="source_last_poll_timestamp_seconds",
        type="gauge",
        labels=_SOURCE,
        about=f"When the source last answered, {_TIME}",
        normal="younger than `poll_interval`",
    ),
    Kind(
        name="source_newest_event_timestamp_seconds",
        type="gauge",
        labels=_SOURCE,
        about=f"Greatest event time seen, {_TIME}",
        normal="minutes old by day, hours by night",
    ),
    Kind(
        name="source_alarm",
        type="gauge",
        labels=("source", "code"),
        about="1 while a person should mend something although events still flow; absent otherwise",
        normal="absent",
    ),
    Kind(
        name="poll_seconds",
        type="histogram",
        labels=_SOURCE,
        about="How long a poll took that was answered; failures count in errors_total. A further page "
        "of an answer that was read before takes no time and counts",
        normal="below 5 s for a vault",
    ),
    Kind(
        name="clock_skew_seconds",
        type="gauge",
        labels=("peer",),
        about="What the vault's clock (its `Date` header, whole seconds) is ahead of ours; peer is the "
        "source. Absent before the first answer and for sources without a clock",
        normal="between -2 and 2",
    ),
    Kind(
        name="secret_age_seconds",
        type="gauge",
        labels=_SOURCE,
        about="Since the secret file was last written; absent for secrets kept elsewhere",
        normal="below what your rules for secrets allow",
    ),
    Kind(
        name="events_sent",
        type="counter",
        labels=_COLLECTOR,
        about="Messages handed to the network since the collector's worker started, repeats and all",
        normal="follows events_fetched_total, less what the collector's filters leave out",
    ),
    Kind(
        name="events_acked",
        type="counter",
        labels=_COLLECTOR,
        about="Events the collector is known to hold; kept over restarts",
        normal="follows events_sent_total within `fence.time`",
    ),
    Kind(
        name="events_replayed",
        type="counter",
        labels=_COLLECTOR,
        about="Events sent again, with the same ids",
        normal="stands still; grows when a link breaks",
    ),
    Kind(
        name="events_set_aside",
        type="counter",
        labels=_COLLECTOR,
        about="Events the collector could not take, all in all; kept over restarts",
        normal="0",
    ),
    Kind(
        name="collector_set_aside_events",
        type="gauge",
        labels=_COLLECTOR,
        about="Those of them that wait for a person now; `lpforwarder rejects list`",
        normal="0",
    ),
    Kind(
        name="collector_lost_events",
        type="gauge",
        labels=_COLLECTOR,
        about="Events of the journal that were lost before the collector had them",
        normal="0",
    ),
    Kind(
        name="collector_up",
        type="gauge",
        labels=_COLLECTOR,
        about="0 while it cannot be reached, refuses us, confirms nothing, or a person has to mend something",
        normal="1",
    ),
    Kind(
        name="collector_waiting_events",
        type="gauge",
        labels=_COLLECTOR,
        about="Events the collector still gets",
        normal="near 0, up to a page after each poll",
    ),
    Kind(
        name="collector_oldest_waiting_seconds",
        type="gauge",
        labels=_COLLECTOR,
        about="How long the oldest of them has waited since it was journaled; 0 when none waits",
        normal="below `fence.time`",
    ),
    Kind(
        name="collector_last_sent_timestamp_seconds",
        type="gauge",
        labels=_COLLECTOR,
        about=f"When something was last handed to the network, {_TIME}",
        normal="younger than the collector's `heartbeat`",
    ),
    Kind(
        name="delivery_seconds",
        type="histogram",
        labels=_COLLECTOR,
        about="From the time in the event to the network. One observation a batch: its oldest event, if "
        "that is sent for the first time, has a time and is no own event",
        normal="below `poll_interval` plus 30 s",
    ),
    Kind(
        name="certificate_expiry_timestamp_seconds",
        type="gauge",
        labels=("name", "kind"),
        about=f"When it ends, {_TIME}; name is the collector, kind is collector, client or ca. Of several "
        "of a kind the first to end",
        normal="more than 14 days ahead",
    ),
    Kind(
        name="collector_alarm",
        type="gauge",
        labels=("collector", "code"),
        about="1 while a person should mend something although the link works; absent otherwise",
        normal="absent",
    ),
    Kind(
        name="journal_bytes",
        type="gauge",
        about="Octets on disk, with log and index",
        normal="below `journal.max_size`; levels out after `journal.keep`",
    ),
    Kind(
        name="journal_position",
        type="gauge",
        about="Place of the newest event",
        normal="grows",
    ),
    Kind(
        name="journal_missing_events",
        type="gauge",
        about="Events that were journaled, can no longer be read and do not come again",
        normal="0",
    ),
    Kind(
        name="journal_room_seconds",
        type="gauge",
        about="Until the journal is full at the present pace; absent while nobody can say",
        normal="weeks, or absent",
    ),
    Kind(
        name="journal_warning",
        type="gauge",
        labels=("code",),
        about="1 while the journal warns: a full or read-only disk, little room, a clock that jumped",
        normal="absent",
    ),
    Kind(
        name="error",
        type="gauge",
        labels=("part", "name", "code"),
        about="1 while the part (source or collector) is in trouble with this code",
        normal="absent",
    ),
    Kind(
        name="errors",
        type="counter",
        labels=("part", "name", "code"),
        about="How often the part failed since the service started, by code; absent before the first time",
        normal="absent, or standing still",
    ),
)

KINDS = {kind.name: kind for kind in _ALL}
"""By name, in the order of the page."""

ABSENT = {
    "leader": "one node forwards; there is no election",
    "replay_running": "a replay is no state of its own: what is sent again counts in events_replayed_total",
    "source_retention_left_seconds": "no vault says how long it keeps its events; "
    "source_last_poll_timestamp_seconds tells how long nothing was fetched",
}
"""Names people look for and do not find, and why."""
