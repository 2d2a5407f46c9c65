"""What an answer of the vault means: records and page marker, or an error with a name. Pure.

The service says 200 and `text/xml` whatever happens, so the first octet that is no blank decides. What stands
in front of the service (filters, proxies) speaks HTML and other statuses.
"""

from __future__ import annotations

import codecs
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any

import orjson

from lpforwarder import event
from lpforwarder.errors import Blocked, Failure, Transient
from lpforwarder.event import JSON, as_text
from lpforwarder.intake.sources.lastpass import decoding
from lpforwarder.intake.sources.lastpass.records import plain

MOST_TEXT = 200
"""Characters of the far side's own words that are repeated in a message."""

_LONGEST_WAIT = 3600.0  # seconds; nobody means it when more is asked for
_KEY = re.compile(r"[A-Za-z]*([0-9]{1,9})\Z")
_RC = re.compile(rb"<lastpass[^>]{0,200}?\brc\s*=\s*[\"']([^\"']{0,400})", re.IGNORECASE)
_EVENTS_IN_XML = re.compile(rb"<Event[0-9]", re.IGNORECASE)
_WEB_PAGE = re.compile(rb"<(!doctype\s+html|html|head|body|script|meta)\b", re.IGNORECASE)
_LOOKED_AT = 4096  # octets of a body that is not JSON
_TIME_MEMBER = b'"Time"'  # one in each record, as quotes within a text are escaped


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """An HTTP answer, read to its end and decompressed."""

    status: int
    headers: Mapping[str, str]
    """Names in lower case."""
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One page: `records` by their number in the answer (as documented newest first), and their keys."""

    records: Sequence[JSON]
    keys: Sequence[str]
    marker: JSON
    """`next` as it came; None on the last page."""


MOST_VALUES = 2_000_000
"""Of one answer, counted by its signs before it is decoded: a page of 10,000 events has some 200,000, and
30 MB of `{}` would take gigabytes."""


def read(response: Response, *, secret_place: str, now: float) -> Report:
    """The page in an answer. Raises Blocked for refused credentials, Transient for everything else.

    `now` is in seconds since 1970 UTC, to understand a `Retry-After` that is a date.
    """
    if response.status != 200:
        raise _refusal(response, now)
    body = _begun(response.body)
    first = body[:1]
    if not first:
        raise Transient("the answer is empty", code="LPF306")
    if first == b"<":
        raise _markup(body, secret_place)
    if first not in b"{[":
        raise Transient("the answer is neither JSON nor XML", code="LPF304", fix=_PROXY)
    return _report(body)


def server_time(response: Response) -> float | None:
    """The far side's clock in seconds since 1970 UTC, from `date`; None without one."""
    return _http_date(response.headers.get("date", ""))


def _begun(body: bytes) -> bytes:
    """From the first sign that says something on."""
    return body.lstrip().removeprefix(codecs.BOM_UTF8).lstrip()


def _report(body: bytes) -> Report:
    answer = decoding.usual(body)
    if answer is None or body.count(_TIME_MEMBER) > len(answer.data):
        return _unusual(body)
    records, keys = _records(answer.data)
    return Report(records=records, keys=keys, marker=_marker(answer.marker))


def _unusual(body: bytes) -> Report:
    """The page in an answer that is not as documented, or not all of it: in 5 µs a record."""
    if sum(map(body.count, (b"{", b"[", b","))) > MOST_VALUES:
        raise Transient("the answer has more values than a page of events can have", code="LPF306")
    try:
        answer = _json(body)
    except ValueError as error:
        raise Transient(f"the answer cannot be read: {error}", code="LPF306") from None
    if isinstance(answer, list):
        answer = {"status": "OK", "data": answer}
    status = as_text(answer.get("status"))
    if status.strip().casefold() not in ("ok", "success", "" if "data" in answer else "ok"):
        texts = "; ".join(_texts(answer)) or "no reason given"
        raise Transient(f"the vault said {shown(status) or 'no status'}: {shown(texts)}", code="LPF307")
    records, keys = _records(answer.get("data"))
    if body.count(_TIME_MEMBER) > len(records):
        records, keys = _records(_with_repeated(body))
    found = list(map(plain, records)) if records else ()
    return Report(records=found, keys=keys, marker=_marker(answer.get("next")))


def _marker(value: JSON) -> JSON:
    """`next` as it came, or None where it says that nothing follows."""
    return None if value in ("", False, 0, "0") else value


def _json(body: bytes) -> Any:
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        # Lone surrogates and long numbers: orjson refuses them. Says what is wrong, without quoting it.
        return event.parse(body)
    if isinstance(answer, dict) and isinstance(answer.get("next"), float):
        return event.parse(body)  # it may be a number beyond 64 bits, of which orjson loses digits
    return answer


def _records(data: JSON) -> tuple[Sequence[JSON], Sequence[str]]:
    """The events in `data`: a map of positional keys, a list, or one of the ways to say nothing."""
    if data is None or data in ([], {}, ""):
        return (), ()
    if isinstance(data, list):
        return data, [f"Event{place}" for place in range(1, len(data) + 1)]
    if not isinstance(data, dict):
        raise Transient("the answer holds something else than events", code="LPF306")
    if ",".join(data) == _numbered(len(data)):
        return list(data.values()), list(data)
    keys = sorted(data, key=_place)
    return [data[key] for key in keys], keys


@lru_cache(maxsize=2)
def _numbered(count: int) -> str:
    """The keys of so many records in their order; to join and compare them takes a seventh of one by one."""
    return ",".join([f"Event{place}" for place in range(1, count + 1)])


def _with_repeated(body: bytes) -> JSON:
    """`data` of an answer that may name members twice: readers of JSON keep the last and drop the others."""
    try:
        # The texts of numbers are what ids and fields are made of, and have no limits.
        answer = json.loads(body, object_pairs_hook=_kept_apart, parse_int=str, parse_float=str)
    except (ValueError, RecursionError):
        raise Transient("the answer cannot be read a second time", code="LPF306") from None
    return answer.get("data") if isinstance(answer, dict) else answer


def _kept_apart(pairs: list[tuple[str, JSON]]) -> dict[str, JSON]:
    """All pairs of an object; a name that comes again gets a plus sign."""
    found: dict[str, JSON] = {}
    for name, value in pairs:
        while name in found:
            name += "+"
        found[name] = value
    return found


def _place(key: str) -> tuple[int, str]:
    match = _KEY.match(key.rstrip("+"))
    return (int(match[1]) if match else 2**31, key)


def _texts(answer: Mapping[str, JSON]) -> Sequence[str]:
    """What the vault says went wrong, in whichever of the members it says so."""
    found = []
    for member in ("errors", "error", "message"):
        value = answer.get(member)
        found += [as_text(text) for text in (value if isinstance(value, list) else [value]) if text]
    return found[:5]


def _markup(body: bytes, secret_place: str) -> Failure:
    """XML or HTML where JSON was expected."""
    head = body[:_LOOKED_AT]
    if _EVENTS_IN_XML.search(head):
        what = "got the events as XML: something on the way has changed the request"
        return Transient(what, code="LPF309", fix="look at the proxy between here and the vault; see `proxy`")
    if match := _RC.search(head):
        reason = match[1].decode("utf-8", "replace")
        if "authorization" in reason.casefold():
            return _refused(reason, secret_place)
        return Transient(f"the vault said rc={shown(reason)}", code="LPF307")
    if _WEB_PAGE.search(head):
        return Transient("got a web page instead of data", code="LPF304", fix=_PROXY)
    return Transient("got XML that is not an answer of the vault", code="LPF309", fix=_PROXY)


def _refused(reason: str, secret_place: str) -> Blocked:
    fix = (
        f"compare `account` with the Admin Console; make a new API secret there (Advanced, Enterprise API), "
        f"write it to {secret_place}; it is noticed by itself"
    )
    return Blocked(f"the vault refused account and secret ({shown(reason)})", code="LPF301", fix=fix)


def _refusal(response: Response, now: float) -> Failure:
    """An HTTP status other than 200."""
    status, wait = response.status, _retry_after(response.headers.get("retry-after", ""), now)
    is_page = _begun(response.body)[:1] == b"<"
    if status == 429:
        said = f" for {math.ceil(wait)} s" if wait is not None else ""
        return Transient(f"the vault asks us to wait{said} (429)", code="LPF303", retry_after=wait)
    if status == 403 and is_page:
        what = "got a web page with 403: throttled, or blocked by the filter in front of the vault"
        return Transient(what, code="LPF304", fix="if it lasts, poll less often", retry_after=wait)
    if status in (401, 403):
        what = f"the vault does not let this account read the report ({status})"
        return Blocked(what, code="LPF302", fix="the Enterprise API must be enabled for this account")
    if status == 407:
        return Transient("the proxy asks for a login (407)", code="LPF304", fix=_PROXY)
    if 300 <= status < 400:
        what = f"got a redirect ({status}), which is not followed: a login page, or a wrong `url`"
        return Transient(what, code="LPF304", fix=_PROXY)
    if status >= 500:
        return Transient(f"the vault has trouble of its own ({status})", code="LPF305", retry_after=wait)
    fix = "look at `url` and at the proxy"
    return Transient(f"got HTTP status {status}", code="LPF305", fix=fix, retry_after=wait)


def _retry_after(text: str, now: float) -> float | None:
    """Seconds to wait; None when the text is neither a number nor a date, or asks for no wait at all."""
    text = text.strip()
    if text.isascii() and text.isdigit():
        return min(float(text[:9]), _LONGEST_WAIT) or None
    until = _http_date(text)
    return None if until is None else min(max(until - now, 0.0), _LONGEST_WAIT) or None


def _http_date(text: str) -> float | None:
    try:
        return parsedate_to_datetime(text).timestamp()
    except (TypeError, ValueError, OverflowError, IndexError):
        return None


def shown(text: str) -> str:
    """The far side's words, short and on one line."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text[: 4 * MOST_TEXT]).split())
    return line if len(line) <= MOST_TEXT else line[: MOST_TEXT - 1] + "…"


_PROXY = "a proxy that wants a login, or a filter? see `proxy` and `ca_file` of this source"
