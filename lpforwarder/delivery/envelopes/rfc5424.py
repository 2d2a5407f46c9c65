"""RFC 5424 header: `<PRI>1 TIMESTAMP HOSTNAME APP-NAME PROCID MSGID [meta sequenceId="N"] MSG`.

TIMESTAMP is the event's own time, not the time of sending, so receivers sort by what happened. The only
structured data is the number of the message (§7.3.1), or `-` without one: an element of our own would need
a private enterprise number.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, WithJsonSchema

from lpforwarder import rfc3339
from lpforwarder.config.options import Options
from lpforwarder.delivery import hygiene
from lpforwarder.delivery.memo import Memo
from lpforwarder.event import Event
from lpforwarder.lines.parts import Kind, Known, Made, Number, Part, Text, Timestamp

# RFC 5424 §6.2.1, table 1; the keywords are those of syslog(3) and rsyslog.
_KEYWORDS = (
    "kern user mail daemon auth syslog lpr news uucp cron authpriv ftp ntp audit alert cron2 "
    "local0 local1 local2 local3 local4 local5 local6 local7"
)
FACILITIES: dict[str, int] = {keyword: number for number, keyword in enumerate(_KEYWORDS.split())}

# Syslog severity (RFC 5424 table 2) of each CEF severity 0 to 10.
_INFORMATIONAL, _NOTICE, _WARNING, _CRITICAL = 6, 5, 4, 2
_SEVERITIES = (_INFORMATIONAL,) * 4 + (_NOTICE,) * 2 + (_WARNING,) * 3 + (_CRITICAL,) * 2

_HOSTNAME_LIMIT, _APP_NAME_LIMIT, _PROCID_LIMIT, _MSGID_LIMIT = 255, 48, 128, 32  # RFC 5424 §6
_BOM = b"\xef\xbb\xbf"
_KINDS_KEPT = 1024
"""Pairs of event type and severity whose header is remembered; at most 200 KiB."""


def _known_facility(value: Any) -> Any:
    number = not isinstance(value, bool) and isinstance(value, int) and 0 <= value < len(FACILITIES)
    if number or (isinstance(value, str) and value in FACILITIES):
        return value
    raise ValueError(f"{value!r} is not a facility; write 0 to 23 or one of {', '.join(FACILITIES)}")


Facility = Annotated[
    str | int,
    BeforeValidator(_known_facility),
    WithJsonSchema({"anyOf": [{"enum": list(FACILITIES)}, {"type": "integer", "minimum": 0, "maximum": 23}]}),
]


class Rfc5424Options(Options):
    """What the header says about the sender; cleaned and cut to the lengths of RFC 5424 §6."""

    facility: Facility = "authpriv"
    hostname: str | None = None
    """None when nobody knows it: the header then says NILVALUE."""
    app_name: str = "lpforwarder"
    procid: str = "-"
    utf8_bom: Literal["never", "auto", "always"] = "never"
    """RFC 5424 §6.4 asks for a BOM before UTF-8 text, and most receivers stumble over it. `auto` puts one
    before a payload that is not plain ASCII."""


class Rfc5424:
    """Puts the header before a payload; total: whatever the event holds, the header is well-formed."""

    Options = Rfc5424Options

    def __init__(self, options: Rfc5424Options) -> None:
        facility = options.facility
        self._facility = FACILITIES[facility] if isinstance(facility, str) else facility
        self._sender = " ".join(
            (
                _hostname(options.hostname),
                hygiene.token(options.app_name, _APP_NAME_LIMIT),
                hygiene.token(options.procid, _PROCID_LIMIT),
            )
        )
        self._utf8_bom = options.utf8_bom
        # Two of the header's three variable parts have few values: they are made once a kind.
        self._around = Memo(self._parts, _KINDS_KEPT)

    def wrap(self, event: Event, payload: bytes, sequence: int | None = None) -> bytes:
        """The whole SYSLOG-MSG. TIMESTAMP is `-` when the event has no RFC 3339 time."""
        before, after = self._around[event.text("eventType")[:_MSGID_LIMIT], event.severity]
        when = event.text("timestamp")
        if rfc3339.of_canonical(when) is None:
            when = rfc3339.canonical(when) or "-"
        if self._utf8_bom != "never" and (self._utf8_bom == "always" or not payload.isascii()):
            payload = _BOM + payload
        data = "-" if sequence is None else f'[meta sequenceId="{sequence}"]'
        return b"%b %b" % (f"{before}{when}{after}{data}".encode("ascii"), payload)

    def parts(self, *, numbered: bool) -> Sequence[Part] | None:
        """The header piece by piece; its variable parts but the TIMESTAMP have few values."""
        if self._utf8_bom != "never":
            return None
        kind = Kind(names=("eventType", "severity"), make=self._pieces, most=_KINDS_KEPT)
        data = (Text(b'[meta sequenceId="'), Number(), Text(b'"] ')) if numbered else (Text(b"- "),)
        return (Made(kind, 0), Timestamp("timestamp"), Made(kind, 1), *data)

    def _pieces(self, values: tuple[Known, ...]) -> Sequence[bytes] | None:
        event_type, severity = values
        if not isinstance(event_type, str | None) or type(severity) is not int or severity > 10:
            return None
        before, after = self._parts(((event_type or "")[:_MSGID_LIMIT], severity))
        return before.encode("ascii"), after.encode("ascii")

    def _parts(self, kind: tuple[str, int]) -> tuple[str, str]:
        """What stands before the TIMESTAMP, and between it and the structured data."""
        event_type, severity = kind
        pri = self._facility * 8 + _SEVERITIES[severity]
        return f"<{pri}>1 ", f" {self._sender} {hygiene.token(event_type, _MSGID_LIMIT)} "


def _hostname(name: str | None) -> str:
    """HOSTNAME: IPv6 addresses without brackets, other scripts as A-labels; RFC 5424 §6.2.4."""
    if name is None:
        return "-"
    if name.startswith("[") and name.endswith("]"):
        name = name[1:-1]
    if not name.isascii():
        with suppress(UnicodeError):  # not a name that DNS could carry: the cleaning makes it harmless
            name = name[:_HOSTNAME_LIMIT].encode("idna").decode("ascii")
    return hygiene.token(name, _HOSTNAME_LIMIT)
