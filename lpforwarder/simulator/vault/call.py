"""One request's body as the vault understands it; pure, and never surprised by what a caller sends."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

_TIME = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[ T]([0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})?\Z"
)
_MARKER = re.compile(r"[0-9]{1,18}\Z")


class BadParameter(ValueError):
    """A parameter the report cannot be made from; the text is for the caller."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WallTime:
    """A time as asked for: on the account's clock, and its offset from UTC if the caller wrote one."""

    wall: datetime
    offset: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What a request asks for, fields not yet checked. An unreadable body is a call without credentials."""

    account: str = ""
    secret: str = field(default="", repr=False)
    command: str = ""
    label: str = ""
    """`apiuser`: what the caller calls itself."""
    top_user: Any = None
    data: Any = None
    wants_xml: bool = False
    """The fields came in the query of the URL: the answer is an XML list, and `from` is not heeded."""

    def parameter(self, name: str) -> Any:
        """A member of `data`; None when it is missing or empty. BadParameter when `data` is no object."""
        if self.data in (None, [], ""):
            return None
        if not isinstance(self.data, dict):
            raise BadParameter("data is not an object")
        value = self.data.get(name)
        return None if value == "" else value

    def time(self, name: str) -> WallTime | None:
        """`from` or `to`; None when it is missing."""
        value = self.parameter(name)
        if value is None:
            return None
        match = _TIME.match(value) if isinstance(value, str) else None
        if match is None:
            raise BadParameter(f"{name} is not a time: YYYY-MM-DD HH:MM:SS")
        try:
            return WallTime(wall=datetime.fromisoformat(f"{match[1]} {match[2]}"), offset=_offset(match[3]))
        except ValueError as error:
            raise BadParameter(f"{name} is not a time: {error}") from error

    def marker(self) -> int | None:
        """`next` in microseconds, from a JSON number or a string of digits, never from a float."""
        value = self.parameter("next")
        if value is None:
            return None
        if not _MARKER.match(str(value)):
            raise BadParameter("next is not a page marker")
        return int(value)

    @property
    def inside_chain(self) -> bool:
        """Whether the call follows a page marker."""
        return isinstance(self.data, dict) and self.data.get("next") is not None


def read_call(body: bytes, query: str = "") -> Call:
    """The call in a body of JSON or of form fields, or else in the query of the URL."""
    fields = _json_object(body)
    if fields is None:
        fields = _form(body)
    if "cid" in fields or not query:
        return _call(fields, wants_xml=False)
    return _call(_form(query.encode("ascii", "replace")), wants_xml=True)


def _call(fields: dict[str, Any], *, wants_xml: bool) -> Call:
    return Call(
        account=_text(fields.get("cid")),
        secret=_text(fields.get("provhash")),
        command=_text(fields.get("cmd")),
        label=_text(fields.get("apiuser")),
        top_user=fields.get("user"),
        data=fields if wants_xml else fields.get("data"),
        wants_xml=wants_xml,
    )


def _json_object(body: bytes) -> dict[str, Any] | None:
    try:
        fields = json.loads(body)
    # A hostile body: not text, not JSON, a number of a million digits, ten thousand brackets.
    except (ValueError, RecursionError):
        return None
    return fields if isinstance(fields, dict) else None


def _form(body: bytes) -> dict[str, Any]:
    try:
        pairs = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=50)
    except ValueError:
        return {}
    return dict(pairs)


def _text(value: Any) -> str:
    """Text as it is and a whole number in digits: `cid` comes as either; anything else is no value."""
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else ""


def _offset(text: str | None) -> timedelta | None:
    if text is None:
        return None
    if text == "Z":
        return timedelta()
    size = timedelta(hours=int(text[1:3]), minutes=int(text[4:6]))
    return -size if text[0] == "-" else size
