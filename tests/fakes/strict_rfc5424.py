"""A strict reader of RFC 5424 messages, written from the grammar of §6; refuses what the grammar refuses."""

from __future__ import annotations

import re
from dataclasses import dataclass

NIL = "-"
BOM = "\ufeff".encode()

_TIMESTAMP = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.\d{1,6})?(?:Z|[+-](\d\d):(\d\d))", re.ASCII
)
_DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


class NotRfc5424(Exception):
    """The octets are no SYSLOG-MSG; says which part of the grammar they break."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A SYSLOG-MSG taken apart; absent header fields are `-`, as on the wire."""

    facility: int
    severity: int
    timestamp: str
    hostname: str
    app_name: str
    procid: str
    msgid: str
    elements: tuple[tuple[str, tuple[tuple[str, str], ...]], ...]
    has_bom: bool
    msg: bytes


def read(octets: bytes) -> Message:
    """The one message that these octets are, from the first to the last."""
    reader = _Reader(octets)
    facility, severity = reader.pri()
    if reader.until_space() != "1":
        raise NotRfc5424("VERSION is not 1")
    timestamp = reader.timestamp()
    hostname, app_name, procid, msgid = (reader.name(limit) for limit in (255, 48, 128, 32))
    elements = reader.structured_data()
    has_bom, msg = reader.msg()
    return Message(
        facility=facility,
        severity=severity,
        timestamp=timestamp,
        hostname=hostname,
        app_name=app_name,
        procid=procid,
        msgid=msgid,
        elements=elements,
        has_bom=has_bom,
        msg=msg,
    )


class _Reader:
    """A place in the octets that moves forward, one grammar rule at a time."""

    def __init__(self, octets: bytes) -> None:
        self._octets = octets
        self._at = 0

    def pri(self) -> tuple[int, int]:
        end = self._octets.find(b">")
        digits = self._octets[1:end]
        if not self._octets.startswith(b"<") or not 1 <= len(digits) <= 3 or not digits.isdigit():
            raise NotRfc5424("PRI")
        if (len(digits) > 1 and digits.startswith(b"0")) or int(digits) > 191:
            raise NotRfc5424("PRIVAL")
        self._at = end + 1
        return divmod(int(digits), 8)

    def until_space(self) -> str:
        end = self._octets.find(b" ", self._at)
        if end < 0:
            raise NotRfc5424("a field without a space behind it")
        field = self._octets[self._at : end]
        self._at = end + 1
        if not field:
            raise NotRfc5424("an empty field")
        if any(not 33 <= octet <= 126 for octet in field):
            raise NotRfc5424("a field with octets outside PRINTUSASCII")
        return field.decode("ascii")

    def name(self, limit: int) -> str:
        field = self.until_space()
        if len(field) > limit:
            raise NotRfc5424(f"a field of more than {limit} octets")
        return field

    def timestamp(self) -> str:
        field = self.until_space()
        if field == NIL:
            return field
        match = _TIMESTAMP.fullmatch(field)
        if match is None:
            raise NotRfc5424("TIMESTAMP")
        year, month, day, hour, minute, second, *offset = (int(part or 0) for part in match.groups())
        leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
        in_month = 1 <= month <= 12 and 1 <= day <= (28 if month == 2 and not leap else _DAYS[month - 1])
        if not in_month or hour > 23 or minute > 59 or second > 59 or offset[0] > 23 or offset[1] > 59:
            raise NotRfc5424("TIMESTAMP out of range")
        return field

    def structured_data(self) -> tuple[tuple[str, tuple[tuple[str, str], ...]], ...]:
        if self._octets[self._at : self._at + 1] == b"-":
            self._at += 1
            return ()
        elements = []
        while self._octets[self._at : self._at + 1] == b"[":
            self._at += 1
            elements.append(self._element())
        names = [name for name, _ in elements]
        if not elements or len(set(names)) != len(names):
            raise NotRfc5424("STRUCTURED-DATA")
        return tuple(elements)

    def _element(self) -> tuple[str, tuple[tuple[str, str], ...]]:
        name = self._sd_name()
        params = []
        while (octet := self._next()) == b" ":
            param = self._sd_name()
            if self._next() != b"=" or self._next() != b'"':
                raise NotRfc5424("SD-PARAM")
            params.append((param, self._param_value()))
        if octet != b"]":
            raise NotRfc5424("SD-ELEMENT")
        return name, tuple(params)

    def _sd_name(self) -> str:
        start = self._at
        while self._at < len(self._octets) and self._octets[self._at : self._at + 1] not in (
            *(b"=", b" ", b"]", b'"'),
        ):
            self._at += 1
        name = self._octets[start : self._at]
        if not 1 <= len(name) <= 32 or any(not 33 <= octet <= 126 for octet in name):
            raise NotRfc5424("SD-NAME")
        return name.decode("ascii")

    def _param_value(self) -> str:
        value = bytearray()
        while (octet := self._next()) != b'"':
            if octet == b"]":
                raise NotRfc5424("an unescaped ] in PARAM-VALUE")
            if octet == b"\\" and self._octets[self._at : self._at + 1] in (b'"', b"\\", b"]"):
                octet = self._next()
            value += octet
        return value.decode("utf-8")

    def _next(self) -> bytes:
        octet = self._octets[self._at : self._at + 1]
        if not octet:
            raise NotRfc5424("the end, in the middle of STRUCTURED-DATA")
        self._at += 1
        return octet

    def msg(self) -> tuple[bool, bytes]:
        rest = self._octets[self._at :]
        if not rest:
            return False, b""
        if not rest.startswith(b" "):
            raise NotRfc5424("no space before MSG")
        rest = rest[1:]
        if not rest.startswith(BOM):
            return False, rest
        rest[len(BOM) :].decode("utf-8")
        return True, rest[len(BOM) :]
