"""The keys every collector has, whatever its transport and format.

Words of the file are None here: `sources: all`, `hostname: auto`. All times are seconds.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, WithJsonSchema, field_validator

from lpforwarder import event_ids
from lpforwarder.config.options import (
    Duration,
    Finding,
    Name,
    Options,
    Size,
    Word,
    Written,
    as_it_is,
    at_least,
    mistake,
    or_word,
)
from lpforwarder.config.privacy import PrivacyOptions
from lpforwarder.delivery.envelopes.rfc5424 import FACILITIES

_RATE = re.compile(r"([0-9]{1,9})/(s|m)\Z")
_SECONDS = {"s": 1.0, "m": 60.0}
LEAST_MESSAGE = 480
"""Octets every receiver must take: RFC 5424 §6.1."""


def _facility(value: Any) -> Any:
    if isinstance(value, str) and value in FACILITIES:
        return FACILITIES[value]
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 23:
        return value
    near = difflib.get_close_matches(str(value), FACILITIES, 1)
    fix = f"did you mean {near[0]}?" if near else "write authpriv, audit, local0 to local7, or 0 to 23"
    raise mistake("LPF115", f'"{value}" is not a syslog facility', fix)


def _sources(value: Any, info: ValidationInfo) -> Any:  # noqa: ARG001
    """The names as a tuple."""
    if isinstance(value, str):
        raise mistake("LPF113", f'must be all or a list, not "{value[:60]}"', f"write [{value[:60]}]")
    if isinstance(value, list | tuple) and not value:
        raise mistake("LPF108", "is an empty list: nothing would ever be sent", "write all, or name a source")
    return tuple(value) if isinstance(value, list) else value


def _kinds(value: Any) -> Any:
    """Event ids may be written without quotes."""
    if not isinstance(value, list | tuple):
        return value
    return tuple(str(item) if type(item) is int else item for item in value)


def _printable(value: str) -> str:
    if not all("!" <= character <= "~" for character in value) or not value:
        what = f'"{value[:60]}" has characters a syslog header cannot carry'
        raise mistake("LPF108", what, "use ASCII without spaces")
    return value


def _rate(value: Any, info: ValidationInfo) -> Any:
    """`500/s`, `30/m` as events a second."""
    if isinstance(value, float) and info.context is None:  # read before; 0.5 in a file has no unit
        return value
    match = _RATE.match(value) if isinstance(value, str) else None
    if match is None or not int(match[1]):
        shown = f'"{value[:60]}"' if isinstance(value, str) else str(value)[:60]
        is_bare = type(value) is int and value > 0
        fix = f"write {value}/s" if is_bare else "write a number and a unit: 500/s, 30/m"
        raise mistake("LPF108", f"{shown} is not a rate", fix)
    return int(match[1]) / _SECONDS[match[2]]


def rate_text(per_second: float | None) -> str:
    """`500/s`, `30/m`; `none`."""
    if per_second is None:
        return "none"
    return f"{per_second:.0f}/s" if per_second == int(per_second) else f"{per_second * 60:.0f}/m"


Pause = Annotated[Duration, AfterValidator(at_least(0.001, "1ms"))]
PauseOrNone = Annotated[Duration, AfterValidator(at_least(0, "0s"))]
RateLimit = Annotated[
    float | None,
    BeforeValidator(or_word("none", _rate)),
    Word("none"),
    Written(rate_text),
    WithJsonSchema({"type": "string", "pattern": "^(none|[0-9]+/(s|m))$"}),
]
"""Events a second, written with a unit; `none` is None."""
Facility = Annotated[
    int,
    BeforeValidator(_facility),
    Written(lambda number: list(FACILITIES)[number]),
    WithJsonSchema({"enum": [*FACILITIES, *range(24)]}),
]
"""0 to 23, written as a keyword or a number."""
_KIND_LIST = WithJsonSchema({"type": "array", "items": {"type": ["string", "integer"]}})
Kinds = Annotated[tuple[str, ...], BeforeValidator(_kinds), _KIND_LIST]
"""Event types and event ids."""


class Fence(Options):
    """How much may be unconfirmed at most, whichever comes first."""

    events: int = Field(5000, ge=1, description="as many events")
    time: Pause = Field(30.0, description="for so long")


class Replay(Options):
    """How much is sent again after an abnormal end, from the highest confirmed place."""

    events: int = Field(5000, ge=0, description="as many events")
    time: PauseOrNone = Field(10.0, description="or so far back")


class Retry(Options):
    """The pause before a new try doubles from `first` to `most`; there is no give-up."""

    first: Pause = Field(1.0, description="the shortest pause")
    most: Pause = Field(60.0, description="the longest pause")

    @field_validator("most")
    @classmethod
    def _not_below_first(cls, most: float, info: ValidationInfo) -> float:
        if most < info.data.get("first", 0.0):
            raise mistake("LPF108", "is shorter than `first`", "make it as long or longer")
        return most


class CollectorOptions(Options):
    """One collector: what it gets, how it is written, when it counts as delivered."""

    name: Name = Field(description="your name for it; the key of its place in the journal", examples=["siem"])
    transport: str = Field("tls", description="tls, tcp, relp or relp-tls")
    format: str = Field("json", description="json or cef")
    sources: Annotated[
        tuple[str, ...] | None,
        BeforeValidator(or_word("all", _sources)),
        Word("all"),
        WithJsonSchema({"anyOf": [{"const": "all"}, {"type": "array", "items": {"type": "string"}}]}),
    ] = Field(None, description="all, or a list of source names")
    include: Kinds = Field((), description="event types or ids; empty means all")
    exclude: Kinds = Field((), description="event types or ids that are not sent")
    min_severity: int = Field(0, ge=0, le=10, description="0 to 10; less severe events are not sent")
    facility: Facility = Field(
        FACILITIES["authpriv"], description="authpriv (10), audit (13), local0 to local7, or 0 to 23"
    )
    hostname: Annotated[
        str | None,
        BeforeValidator(or_word("auto", as_it_is)),
        Word("auto"),
        WithJsonSchema({"type": "string"}),
    ] = Field(
        None, min_length=1, max_length=255, description="HOSTNAME of the messages; auto: this machine's name"
    )
    app_name: Annotated[str, AfterValidator(_printable)] = Field(
        "lpforwarder", max_length=48, description="APP-NAME of the messages"
    )
    sequence_id: bool = Field(True, description="numbers the messages, so that the collector sees a hole")
    max_message: Annotated[Size, AfterValidator(at_least(LEAST_MESSAGE, str(LEAST_MESSAGE)))] = Field(
        8096, description="octets of a whole message; longer values are cut"
    )
    fence: Fence = Field(Fence(), description="how much may be unconfirmed at most")
    replay: Replay = Field(Replay(), description="sent again after an abnormal end")
    start: Literal["oldest", "newest"] = Field(
        "oldest", description="where a new collector begins: oldest or newest"
    )
    rate_limit: RateLimit = Field(None, description="events it gets at most: 500/s, 30/m, or none")
    heartbeat: PauseOrNone = Field(300.0, description="an event that says we live; 0s switches it off")
    retry: Retry = Field(Retry(), description="the pause doubles from first to most; there is no give-up")
    privacy: PrivacyOptions = Field(PrivacyOptions(), description="what this collector does not get")

    def advice(self) -> Iterable[Finding]:
        yield from super().advice()  # the transport's, where this is mixed with one
        for key in ("include", "exclude"):
            for kind in getattr(self, key):
                yield from _unknown_kind(key, kind)


def _unknown_kind(key: str, kind: str) -> Iterable[Finding]:
    """A note only: a plug-in may have event types of its own."""
    known = [*event_ids.EVENT_TYPES, *event_ids.EVENT_IDS]
    if kind in known:
        return
    near = difflib.get_close_matches(kind, known, 1, 0.7)
    fix = f"did you mean {near[0]}?" if near else "the known ones are in docs/reference/events.md"
    yield Finding(key=key, code="LPF118", what=f'"{kind[:60]}" is not an event type or id we know', fix=fix)
