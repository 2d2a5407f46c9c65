"""Answers of the vault, spoilt: by octets, by JSON values, by headers. All comes from the given chance."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from random import Random
from typing import Any

from lpforwarder.simulator.vault.answers import Reply

_NASTY_TEXTS = (
    "\ud800", "a\udfffb", "\x00", "\ufeff", "x" * 70_000, "NaN", "2026-02-30 25:61:61", "0000-00-00 00:00:00",
    "9999-12-31 23:59:59", "-1", "\u202e\u200b", "<script>", "'; DROP TABLE event; --",
    "\r\n<0>1 - - - - - -", "{\"a\":1}", "[", "\\", "CEF:0|", "2026-03-04 18:00:00\n", "½", "١٢٣", "",
)  # fmt: skip
_NASTY_VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 2**63, 2**64, -(2**70), 1e308, 0.1, float("nan"), float("inf"), [], {}, [[]],
    {"": ""}, [None], ["a", 1], {"Time": "2026-03-04 18:00:00"},
)  # fmt: skip
_NASTY_TOKENS = (
    b"1e400", b"NaN", b"-Infinity", b"1" * 5000, b"\xff\xfe", b"\xed\xa0\x80", b'"\\ud800"', b"{", b"]",
)  # fmt: skip
_NASTY_HEADERS = (
    ("Date", "yesterday"), ("Date", "Thu, 01 Jan 1970 00:00:00 GMT"),
    ("Date", "Fri, 31 Dec 9999 23:59:59 GMT"), ("Retry-After", "soon"), ("Retry-After", "-5"),
    ("Retry-After", "9" * 400), ("Retry-After", "Wed, 99 Foo"), ("Content-Type", "image/png"), ("Date", ""),
    ("Retry-After", "\u00e4"),
)  # fmt: skip
_STATUSES = (
    100, 204, 206, 301, 302, 400, 401, 403, 404, 407, 418, 429, 451, 500, 502, 503, 504, 520, 599, 700,
)  # fmt: skip


def spoilt(reply: Reply, chance: Random) -> Reply:
    """The answer with one to three things wrong; now and then by accident still a good one."""
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        reply = chance.choice(_WAYS)(reply, chance)
    return reply


def _octets_flipped(reply: Reply, chance: Random) -> Reply:
    body = bytearray(reply.body)
    for _ in range(chance.randrange(1, 8)):
        if body:
            body[chance.randrange(len(body))] = chance.randrange(256)
    return reply.with_body(bytes(body))


def _cut(reply: Reply, chance: Random) -> Reply:
    return reply.with_body(reply.body[: chance.randrange(len(reply.body) + 1)])


def _piece_moved(reply: Reply, chance: Random) -> Reply:
    body = reply.body
    start, end = sorted(chance.randrange(len(body) + 1) for _ in range(2))
    place = chance.randrange(len(body) + 1)
    return reply.with_body(body[:place] + body[start:end] + body[place:])


def _token_put_in(reply: Reply, chance: Random) -> Reply:
    """Something JSON knows not or hardly, in the place of a value."""
    values = [place for place in range(len(reply.body)) if reply.body[place : place + 2] == b':"']
    if not values:
        return reply
    start = chance.choice(values) + 1
    end = reply.body.find(b'"', start + 1) + 1
    return reply.with_body(reply.body[:start] + chance.choice(_NASTY_TOKENS) + reply.body[end:])


def _nested(reply: Reply, chance: Random) -> Reply:
    depth = chance.choice((50, 1_000, 20_000, 100_000))
    opening, closing = chance.choice(((b"[", b"]"), (b'{"a":', b"}")))
    bomb = opening * depth + b"1" + closing * chance.choice((depth, 0))
    place = reply.body.find(b":", chance.randrange(max(len(reply.body), 1))) + 1
    return reply.with_body(reply.body[:place] + bomb + reply.body[place:])


def _blanks(reply: Reply, chance: Random) -> Reply:
    front = chance.choice((b"\xef\xbb\xbf", b"\n" * 100_000, b"\x00", b")]}',\n", b"<!-- -->"))
    return reply.with_body(front + reply.body)


def _values_swapped(reply: Reply, chance: Random) -> Reply:
    """Some values of the JSON are of another type, some keys are gone, double, or called otherwise."""
    try:
        answer = json.loads(reply.body)
    except (ValueError, RecursionError):
        return reply  # spoilt already
    for _ in range(chance.randrange(1, 6)):
        _swap_somewhere(answer, chance)
    text = json.dumps(answer)
    return reply.with_body(text.encode("utf-8", "surrogatepass"))


def _swap_somewhere(value: Any, chance: Random) -> None:
    """Walks down at random and spoils one member of where it ends."""
    while isinstance(value, dict | list) and value:
        key: Any = chance.choice(list(value)) if isinstance(value, dict) else chance.randrange(len(value))
        if isinstance(value[key], dict | list) and value[key] and chance.random() < 0.8:
            value = value[key]
            continue
        _spoil_member(value, key, chance)
        return


def _spoil_member(value: Any, key: Any, chance: Random) -> None:
    match chance.randrange(5):
        case 0 | 1:
            value[key] = deepcopy(chance.choice(_NASTY_VALUES))
        case 2:
            value[key] = chance.choice(_NASTY_TEXTS)
        case 3:
            del value[key]
        case _ if isinstance(value, dict):
            value[chance.choice(_NASTY_TEXTS)] = value.pop(key)
        case _:
            value.append(value[key])


def _header(reply: Reply, chance: Random) -> Reply:
    return reply.with_header(*chance.choice(_NASTY_HEADERS))


def _status(reply: Reply, chance: Random) -> Reply:
    return Reply(status=chance.choice(_STATUSES), reason="Spoilt", headers=reply.headers, body=reply.body)


_WAYS: tuple[Callable[[Reply, Random], Reply], ...] = (
    _octets_flipped, _octets_flipped, _cut, _piece_moved, _token_put_in, _token_put_in, _nested, _blanks,
    _values_swapped, _values_swapped, _values_swapped, _values_swapped, _header, _status,
)  # fmt: skip
