"""Damage of every kind to answers of the vault: octets, JSON values, whole bodies, statuses and headers."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Any

from lpforwarder.intake.sources.lastpass.answers import Response

MOST = 3
"""Mutations of one answer."""

TOKENS = (
    b'"', b"{", b"}", b"[", b"]", b",", b":", b"\\", b"\\ud800", b"\\u0000", b"\x00", b"\xff",
    b"\xed\xa0\x80",
    b"1e400", b"-0", b"NaN", b"null", b"true", b"9" * 400, b"[" * 200, b'{"a":' * 200, b"<", b"\n", b" ",
    b'"Time":', b'"Event1":', b'"next":1,', b'"data":null,', b"\xef\xbb\xbf",
)  # fmt: skip

VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 10**30, 1.5, float("inf"), float("nan"), "", " ", "\ud800", "x" * 5000, [], {},
    ["a", None, 2], {"a": {"b": [1]}}, [[[[[[]]]]]], "2026-03-04 13:22:60", "2026-13-45 99:99:99",
    "9998-12-31 23:59:59", "1970-01-01 00:00:00", "0001-01-01 00:00:00", "2026-03-08 02:30:00",
    "2025-11-02 01:30:00", "2026-03-04T13:22:07.5+23:59", "\u0661\u0662", "1772648527918273",
    1772648527918273,
    "API: \x1b[2J", "10.0.0.1%eth0", "' ' '' '", "Secure Note (", "VID: " + "9" * 300, "Reporting", "Log in",
    "Initiated by API: lpforwarder/00000000/9999999999", "Enterprise API secret regenerated", "a,b,,c",
    "\u202e",
)  # fmt: skip

BODIES = (
    b"", b"   ", b"null", b"[]", b"0", b'"text"', b"{}", b'{"status":"OK"}', b'{"data":{}}', b"<html></html>",
    b'<?xml version="1.0"?>\n<lastpass rc="Authorization Error"/>\n', b'<lastpass rc="Busy"/>',
    b'<x><Event1 Time="1"/></x>', b'{"status":"FAIL","errors":["no",{"a":1},null]}', b"\x1f\x8b\x08",
    "{}".encode("utf-16"), b"{" * 50_000, b"[" * 50_000, b'{"data":' + b"[0," * 9_000,
)  # fmt: skip

TEXTS = ("", " ", "x", "-1", "1e9", "9" * 40, "Wed, 04 Mar 2026 18:00:00 GMT", "Thu, 99 Foo 0000 99:99:99")


def mutated(response: Response, random: Random) -> Response:
    """The answer with one to MOST mutations; the same for the same state of `random`."""
    for _ in range(random.randint(1, MOST)):
        mutation = random.choices(_MUTATIONS, _WEIGHTS)[0]
        response = mutation(response, random)
    return response


def with_one_odd_value(response: Response, random: Random) -> Response:
    """The answer with one member of one record replaced; not of the events of calls, which tell the zone."""
    answer = json.loads(response.body)
    record = random.choice([one for one in answer["data"].values() if one["Action"] != "Reporting"])
    record[random.choice(list(record))] = random.choice(VALUES)
    return replace(response, body=json.dumps(answer).encode())


def _octets(response: Response, random: Random) -> Response:
    body = response.body
    begin, end = sorted(random.choices(range(len(body) + 1), k=2))
    end = min(end, begin + random.choice((1, 8, 200, 10_000)))
    piece = random.choice((b"", body[begin:end] * 2, random.choice(TOKENS), random.randbytes(3)))
    return replace(response, body=body[:begin] + piece + body[end:])


def _cut(response: Response, random: Random) -> Response:
    return replace(response, body=response.body[: random.randrange(len(response.body) + 1)])


def _values(response: Response, random: Random) -> Response:
    try:
        answer = json.loads(response.body)
    except (ValueError, RecursionError):
        return response
    places = _places(answer)
    if not places:
        return response
    holder, key = random.choice(places)
    _change(holder, key, random)
    return replace(response, body=json.dumps(answer).encode())


def _change(holder: Any, key: Any, random: Random) -> None:
    """Another value there, none, one twice, or one of another place."""
    kind = random.randrange(5)
    if kind == 0:
        del holder[key]
    elif kind == 1 and isinstance(holder, dict):
        holder[random.choice(("Event1", "Time", "Data", "More", "", "next", "\ud800"))] = holder.pop(key)
    elif kind == 2 and isinstance(holder[key], dict):
        holder[key] = list(holder[key].values())
    else:
        holder[key] = random.choice(VALUES)


def _places(answer: Any) -> list[tuple[Any, Any]]:
    """Every (container, key) of an answer, so that most are members of records."""
    found: list[tuple[Any, Any]] = []
    waiting = [answer]
    while waiting:
        holder = waiting.pop()
        keys = holder if isinstance(holder, dict) else range(len(holder) if isinstance(holder, list) else 0)
        found += [(holder, key) for key in keys]
        waiting += [holder[key] for key in keys]
    return found


def _body(response: Response, random: Random) -> Response:
    return replace(response, body=random.choice(BODIES))


def _status(response: Response, random: Random) -> Response:
    return replace(response, status=random.choice((0, 200, 204, 301, 401, 403, 404, 407, 429, 500, 503, 999)))


def _header(response: Response, random: Random) -> Response:
    changed = {random.choice(("date", "retry-after", "content-type")): random.choice(TEXTS)}
    return replace(response, headers={**response.headers, **changed})


_MUTATIONS: tuple[Callable[[Response, Random], Response], ...]
_MUTATIONS = (_octets, _cut, _values, _body, _status, _header)
_WEIGHTS = (12, 3, 65, 3, 3, 14)
