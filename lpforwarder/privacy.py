"""Events without what must not be kept or sent: fields dropped, or replaced by a keyed hash.

A field is meant by its name wherever it stands, at the top or inside another value. What it held is taken out
of all other texts of the same event as well. What an event is known by stays: see KEPT.

Equal values have equal hashes, whatever field they stand in, for everybody with the same key, for ever:
`hmac-sha256:` and the first 32 hexadecimal digits of HMAC-SHA-256 over the UTF-8 octets of the value in NFC:
an é of one character and one of e and accent look alike and are the same name.
"""

from __future__ import annotations

import hashlib
import hmac
import html
import json
import re
import unicodedata
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Final, NamedTuple, TypeAlias
from urllib.parse import quote, quote_plus

from lpforwarder.event import JSON, Event, Reject, as_text, parse

KEPT: Final = {
    "id": "repeats are told by it",
    "timestamp": "every message is dated by it",
    "eventId": "filters and rules go by it",
    "eventType": "filters and rules go by it",
    "source": "collectors choose by it",
    "severity": "collectors choose by it",
}
"""Fields at the top that are never touched, and why."""

COMPANIONS: Final = {
    "sourceIp": ("sourceIpRaw",),
    "targetUser": ("targetUsers",),
    "itemName": ("itemNames",),
    "folderName": ("folderNameBefore",),
    "groupName": ("groupNameBefore",),
}
"""Fields that hold more of the same: they go with the first unless they are named themselves."""

REMOVED: Final = "[removed]"
"""Stands in other texts for what a dropped field held."""
PREFIX: Final = "hmac-sha256:"
_DIGITS = 32

_SHORT: Final = 4
"""Characters; shorter values are taken out as whole words only: an `a` stands in every text."""
_QUOTED = 199
"""Characters of a value that our own sentences quote at most."""
_REMEMBERED = 8192
"""Values whose hash and forms are remembered."""

Key: TypeAlias = Callable[[], bytes]
"""Gives the key of the hash; raises what keeps it from being read."""


class Privacy:
    """One set of rules. The key is asked for when it is first needed, and kept."""

    def __init__(self, *, drop: Collection[str], hash: Collection[str], key: Key) -> None:
        named = {*drop, *hash}
        self._drop = _with_companions(drop, named)
        self._hash = _with_companions(hash, named)
        # Compact JSON has no blank between a name and its colon, so that one search tells.
        self._marks = [json.dumps(name).encode("ascii") + b":" for name in self._drop | self._hash]
        self._ask_for_key = key
        self._key: bytes | None = None
        self.hashed = lru_cache(maxsize=_REMEMBERED)(self._hashed)
        """Text → what stands for it."""

    def event(self, event: Event) -> Event:
        """The event as the rules want it; itself when it has none of the fields."""
        if not any(mark in event.line for mark in self._marks):
            return event
        # A decoded event may have large integers as floats; its line has them exactly.
        fields = parse(event.line)
        scrubber = _Scrubber(self._hidden(fields))
        clean: dict[str, JSON] = {}
        for name, value in fields.items():
            if name in KEPT:
                clean[name] = value
            else:
                self._put(clean, name, value, scrubber, is_top=True)
        return Event.of(clean)

    def reject(self, reject: Reject) -> Reject:
        """The reject without its record: nobody can tell which part of it is what must not be kept."""
        if not reject.raw:
            return reject
        octets = len(reject.raw) if reject.octets is None else reject.octets
        raw = f"[not kept: {octets} octets, {self._digest(reject.raw)}]".encode("ascii")
        return replace(reject, raw=raw, octets=octets)

    def _put(
        self, into: dict[str, JSON], name: str, value: JSON, scrubber: _Scrubber, *, is_top: bool = False
    ) -> None:
        """Puts the field where it belongs, if anything of it may stay."""
        if name in self._drop:
            return
        # Names at the top are those of the program or of the vendor, and an item may be called `action`.
        new = name if is_top and name.isascii() and name.isidentifier() else scrubber.text(name)
        while new in into:  # two names that look alike now must not hide each other
            new += "_"
        into[new] = self._hash_of(value) if name in self._hash else self._clean(value, scrubber)

    def _clean(self, value: JSON, scrubber: _Scrubber) -> JSON:
        if isinstance(value, str):
            return scrubber.text(value)
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, list):
            return [self._clean(item, scrubber) for item in value]
        if isinstance(value, dict):
            made: dict[str, JSON] = {}
            for name, item in value.items():
                self._put(made, name, item, scrubber)
            return made
        return scrubber.number(value)

    def _hash_of(self, value: JSON) -> JSON:
        """What stands for a value: element by element for a list, nothing for nothing."""
        if isinstance(value, list):
            return [self._hash_of(item) for item in value]
        return value if value in (None, "") else self.hashed(as_text(value))

    def _hashed(self, text: str) -> str:
        if self._key is None:
            self._key = self._ask_for_key()
        octets = unicodedata.normalize("NFC", text).encode("utf-8")
        return PREFIX + hmac.digest(self._key, octets, "sha256").hex()[:_DIGITS]

    def _digest(self, raw: bytes) -> str:
        if not self._hash:
            return "sha256:" + hashlib.sha256(raw).hexdigest()
        return self.hashed(raw.decode("utf-8", "backslashreplace"))

    def _hidden(self, fields: Mapping[str, JSON]) -> dict[str, str]:
        """Each text that must not survive, and what takes its place; dropping is stricter than hashing."""
        dropped: list[str] = []
        hashed: list[str] = []
        self._gather(fields, dropped, hashed)
        return {text: self.hashed(text) for text in hashed} | dict.fromkeys(dropped, REMOVED)

    def _gather(self, value: JSON, dropped: list[str], hashed: list[str]) -> None:
        """Collects what the fields hold, wherever they stand."""
        if isinstance(value, list):
            for item in value:
                self._gather(item, dropped, hashed)
        elif isinstance(value, dict):
            for name, item in value.items():
                if name in self._drop:
                    dropped += _texts(item)
                elif name in self._hash:
                    hashed += _texts(item)
                elif isinstance(item, list | dict):
                    self._gather(item, dropped, hashed)


class _Scrubber:
    """Takes certain values out of other texts of their event."""

    def __init__(self, hidden: Mapping[str, str]) -> None:
        self._hidden = hidden
        self._needles = [(needle, new) for value, new in hidden.items() for needle in _needles(value)]
        self._index = _indexed(self._needles) if len(self._needles) > _MANY else None

    def text(self, text: str) -> str:
        """The text without them."""
        folded = _folded(text)
        if self._index is not None:
            spans = [span for span in _looked_up(folded, self._index) if _counts(text, span)]
        else:
            due = [(needle, new) for needle, new in self._needles if needle.text in folded]
            spans = [span for span in _found(folded, due) if _counts(text, span)] if due else []
        return _replaced(text, spans) if spans else text

    def number(self, value: JSON) -> JSON:
        """What takes the place of a number that is one of them; any other as it is."""
        return self._hidden.get(as_text(value), value)


def _with_companions(names: Collection[str], named: Collection[str]) -> frozenset[str]:
    others = [other for name in names for other in COMPANIONS.get(name, ()) if other not in named]
    return frozenset([*names, *others]) - KEPT.keys()


def _texts(value: JSON) -> Iterator[str]:
    if isinstance(value, str):
        if value.strip():
            yield value
    elif isinstance(value, list | dict):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _texts(item)
    elif value is not None and not isinstance(value, bool):
        yield as_text(value)


# ---- the forms in which a value stands in other texts -----------------------------------------------------

_MAIL = re.compile(r"([^@\s]{2,})@[^@\s]+\Z")
_PART_OF_NAME = frozenset("_.+-")
_MANY = 200
"""Needles; more are looked up place by place instead of one after the other."""


class _Needle(NamedTuple):
    """One form of a value: what to look for in folded text, and what has to be so around it."""

    text: str
    exact: str | None = None
    """For the name before the @ of a mail address: as it has to stand in the text itself, as a whole name."""


_Known: TypeAlias = list[tuple[_Needle, str]]
_Span: TypeAlias = tuple[int, int, _Needle, str]
"""Begin and end of a match, what was found, and what takes its place."""


@lru_cache(maxsize=_REMEMBERED)
def _needles(value: str) -> tuple[_Needle, ...]:
    """The value as it is, cut as in a sentence of ours, and as JSON, HTML and URLs have it, in any case.

    With accents as characters of their own and as parts of others: who wrote the other texts may differ.
    """
    bare = value.strip()
    spellings = dict.fromkeys([bare, unicodedata.normalize("NFC", bare), unicodedata.normalize("NFD", bare)])
    forms = [form for spelling in spellings for form in _forms(spelling)]
    needles = [_Needle(form) for form in dict.fromkeys(map(_folded, forms))]
    names = [mail[1] for spelling in spellings if (mail := _MAIL.match(spelling))]
    return (*needles, *(_Needle(_folded(name), name) for name in names))


def _forms(bare: str) -> list[str]:
    forms = [bare, bare.upper(), bare.casefold(), html.escape(bare), quote(bare), quote(bare, safe="")]
    forms += [quote_plus(bare), json.dumps(bare)[1:-1], json.dumps(bare, ensure_ascii=False)[1:-1]]
    return [*forms, bare[:_QUOTED]] if len(bare) > _QUOTED else forms


def _folded(text: str) -> str:
    """The text without case, character by character: every place is where it was."""
    if text.isascii():
        return text.lower()
    folded = text.casefold()
    if len(folded) == len(text):
        return folded
    return "".join(one if len(one := character.casefold()) == 1 else character for character in text)


def _found(folded: str, needles: Iterable[tuple[_Needle, str]]) -> Iterator[_Span]:
    """Every place of every needle."""
    for needle, new in needles:
        place = folded.find(needle.text)
        while place >= 0:
            yield place, place + len(needle.text), needle, new
            place = folded.find(needle.text, place + 1)


def _indexed(needles: Iterable[tuple[_Needle, str]]) -> Mapping[str, Mapping[int, Mapping[str, _Known]]]:
    """Needles by their first characters, then by length: an event may name ten thousand people."""
    index: dict[str, dict[int, dict[str, _Known]]] = {}
    for needle, new in needles:
        by_length = index.setdefault(needle.text[:_SHORT], {})
        by_length.setdefault(len(needle.text), {}).setdefault(needle.text, []).append((needle, new))
    return index


def _looked_up(folded: str, index: Mapping[str, Mapping[int, Mapping[str, _Known]]]) -> Iterator[_Span]:
    """The same as _found(), in a time that does not grow with the number of needles."""
    heads = sorted({len(head) for head in index})
    for place in range(len(folded)):
        for head in heads:
            for length, known in index.get(folded[place : place + head], {}).items():
                for needle, new in known.get(folded[place : place + length], ()):
                    yield place, place + length, needle, new


def _counts(text: str, span: _Span) -> bool:
    """Whether this is the value itself and not a part of something else."""
    begin, end, needle, _ = span
    before, behind = text[begin - 1 : begin], text[end : end + 1]
    if needle.exact is not None:
        return text[begin:end] == needle.exact and _is_whole_name(before, text[end : end + 2])
    if end - begin < _SHORT:
        return not (_is_word(before) or _is_word(behind))
    return not (
        (text[begin].isdigit() and before.isdigit()) or (text[end - 1].isdigit() and behind.isdigit())
    )


def _is_whole_name(before: str, behind: str) -> bool:
    """Whether a name between these is no part of a longer one: a full stop may end a sentence."""
    if before in _PART_OF_NAME or _is_word(before):
        return False
    following = behind[:1]
    if following == ".":
        return not _is_word(behind[1:])
    return following not in ("@", "+", "-") and not _is_word(following)


def _is_word(character: str) -> bool:
    return character.isalnum() or character == "_"


def _replaced(text: str, spans: list[_Span]) -> str:
    """The text with the spans replaced; of those that touch each other the longest says by what."""
    pieces, place = [], 0
    for begin, end, new in _merged(spans):
        pieces += [text[place:begin], new]
        place = end
    return "".join([*pieces, text[place:]])


def _merged(spans: list[_Span]) -> Iterator[tuple[int, int, str]]:
    spans = sorted(spans, key=lambda span: (span[0], -span[1]))
    begin, end, _, new = spans[0]
    longest = end - begin
    for first, last, _, other in spans[1:]:
        if first >= end:
            yield begin, end, new
            begin, end, longest, new = first, last, last - first, other
            continue
        end = max(end, last)
        if last - first > longest:
            longest, new = last - first, other
    yield begin, end, new
