"""What the texts of a record say, each by itself: action with Data, user name, address. Pure.

Reading them takes most of an event's time, and the same texts come again all day: every second pair of action
and Data, nearly every name and address. So what was read is remembered, up to a number of short texts: a pair
takes 10 µs to read and 0.5 to find again.

It is remembered as it stands in an event's line, too. A line is then put together from pieces (making.py) in
1.3 µs; to make a mapping of all fields and write it took 10. (All on a busy machine.)
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import TypeVar

import msgspec

from lpforwarder.event import JSON, Event, text_as_json
from lpforwarder.event_page import Kind
from lpforwarder.intake.sources.lastpass import catalogue, grammar
from lpforwarder.intake.sources.lastpass.catalogue import Action
from lpforwarder.intake.sources.lastpass.sentence import Phrase, Sentence, who, within

SIGN_INS = frozenset({"1001", "1003"})
"""Event ids of which the wish wants method, mfa and mfaType."""

_SHORT = 250
"""Characters; longer texts are not remembered, so that the memory is bounded."""
_MOST_PAIRS = 4096  # some 5 MB
_MOST_SEEN = 16_384  # some 1 MB
_MOST_NAMES = 2048  # some 1 MB each for names and addresses

_MESSAGE = '"message":"'
_T = TypeVar("_T")

_API_CALLER = re.compile(r"API(?::(.*))?", re.IGNORECASE | re.DOTALL)
_LONGEST_ADDRESS = 45  # an IPv4-mapped IPv6 address in full


class Told(msgspec.Struct, frozen=True, gc=False):
    """What an action and its Data say, whoever did it and whenever."""

    plan: Plan
    parts: Mapping[str, JSON]
    """What Data adds to the fields."""
    after: str
    """What follows the name in the message."""
    name: str
    """Its part in the name that the event's id is made of."""
    lead: str
    """The fields, and the beginning of the message, as they stand in a line."""
    end: str
    """What follows the name there, to the end of the line."""
    is_apart: bool
    """Whether the fields depend on who did it: then the pieces do not fit together."""

    @property
    def action(self) -> Action:
        """What the catalogue knows of it."""
        return self.plan.action

    @property
    def fields(self) -> Mapping[str, JSON]:
        """From `result` to `action`, in the order of the event."""
        return self.plan.fields(self.parts)

    @property
    def sentence(self) -> Sentence:
        """What happened, but for who did it."""
        return Sentence(self.plan.phrase.before, self.plan.phrase.has_who, self.after)


class Person(msgspec.Struct, frozen=True, gc=False):
    """Who did it: one field with a person or an API caller, none for nobody; and how sentences call them."""

    fields: Mapping[str, JSON]
    who: str
    has_name: bool
    """Whether it is a person."""
    name: str
    """As in Told."""
    piece: str
    """The field as JSON with a comma behind it; "" for none."""
    words: tuple[str, str, str]
    """How sentences call them at the beginning, within, and where they are not named; as JSON, unquoted."""


class Address(msgspec.Struct, frozen=True, gc=False):
    """From where; no field for an empty one."""

    fields: Mapping[str, JSON]
    name: str
    """As in Told."""
    piece: str
    """As in Person."""


class _Pairs(dict[tuple[str, str], Told]):
    """What an action and its Data say, which are a text. Remembered when they come a second time.

    A third of all Data never comes again: to remember it would take time, and push out what does.
    """

    def __init__(self) -> None:
        self._seen: set[int] = set()

    def __missing__(self, pair: tuple[str, str]) -> Told:
        told = read_told(*pair, True)
        mark = hash(pair)
        if mark in self._seen:
            if len(self) >= _MOST_PAIRS:
                self.clear()
            if len(pair[0]) + len(pair[1]) <= _SHORT:
                self[pair] = told
        else:
            if len(self._seen) >= _MOST_SEEN:
                self._seen.clear()
            self._seen.add(mark)
        return told


class _Names(dict[str, _T]):
    """What single texts say; the short ones are remembered, up to a number of them."""

    def __init__(self, read: Callable[[str], _T]) -> None:
        self._read = read

    def __missing__(self, text: str) -> _T:
        said = self._read(text)
        if len(self) >= _MOST_NAMES:
            self.clear()
        if len(text) <= _SHORT:
            self[text] = said
        return said


def named(text: str) -> str:
    """A text with its length, so that no two lists of texts run into the same name."""
    return f"{len(text)}:{text}"


def _piece(fields: Mapping[str, JSON]) -> str:
    """The fields as they stand in a line, a comma behind each."""
    return Event.of(fields).line[1:-1].decode("ascii") + "," if fields else ""


def _inner(text: str) -> str:
    """The text as it stands in a line, without its quotes, so that others can be joined to it."""
    return text_as_json(text)[1:-1]


class Plan:
    """How events of one action are made, but for what its Data adds."""

    def __init__(self, action: Action, name: str) -> None:
        self.action = action
        self.is_unknown = not action.is_known
        self.event_id, self.severity = action.event_id, action.severity
        self.event_type = action.event_type  # each looked up once, and not for every event
        self.is_of_target = action.event_id.startswith("1")
        """A sign-in is told of the person who signs in, as in the wish."""
        self._read = grammar.GRAMMARS[action.grammar].read
        self._fields: dict[str, JSON] = {"result": action.result}
        if action.event_id in SIGN_INS:
            self._fields |= {"method": "unknown", "mfa": "unknown", "mfaType": "unknown"}
        self._fields |= action.extra
        self.phrase = Phrase(action, name)
        self._verb = action.verb
        self._after = self.phrase.after(self._fields)
        self._name = named(catalogue.fold(name))
        self.people = TARGETS if self.is_of_target else DOERS
        """Whom a user name means here."""
        has_two = action is catalogue.find(name) and action.key == catalogue.ITEM_LAUNCH.key
        self.launch = Plan(catalogue.ITEM_LAUNCH, name) if has_two else None
        """What it is when Data names an item, for the one name that has two meanings."""
        self._vendor = {"vendorAction": name} if name else {}
        self._first = _piece(self._fields)
        self._last = _piece({"action": action.verb}) + _MESSAGE + _inner(self.phrase.before)
        self.word = (1 if self.phrase.before else 0) if self.phrase.has_who else 2
        """Which of a person's words stands in the message."""
        self.kind: Kind = self.event_type, self.event_id, self.severity
        """As the journal counts its events."""
        self.opening = _piece({"eventId": self.event_id, "eventType": self.event_type})
        self.rating = _piece({"severity": self.severity})
        """What stands in a line before and behind the source."""

    def fields(self, parts: Mapping[str, JSON]) -> Mapping[str, JSON]:
        """From `result` to `action`, with what Data adds."""
        # No grammar has a field that an action has by itself.
        return {**self._fields, **parts, "action": self._verb}

    def told(self, data: str, is_text: bool) -> Told:
        """With what Data says."""
        parts = self._read(data) if is_text else {}
        after = self.phrase.after({**self._fields, **parts}) if parts else self._after
        written = {**parts, "message": after, **self._vendor}
        if data:
            written["vendorData"] = data
        # Within a text there is a backslash before each quote: only the name of a field can look like this.
        piece, _, end = Event.of_plain(written).line.decode("ascii").partition(_MESSAGE)
        lead = f"{self._first}{piece[1:]}{self._last}"
        return Told(self, parts, after, f"{self._name}{len(data)}:{data}", lead, end, "apiUser" in parts)


def read_told(name: str, data: str, is_text: bool) -> Told:
    """What these two say; Data that was no text in the record gives no fields."""
    plan = _PLANS[name]
    if plan.launch is not None and not catalogue.is_sign_in(data):
        plan = plan.launch
    return plan.told(data, is_text)


def _made_plan(name: str) -> Plan:
    return Plan(catalogue.find(name), name)


def read_person(username: str, is_target: bool) -> Person:
    """Whom the user name means."""
    name = username.strip()
    caller = _API_CALLER.fullmatch(name)
    if caller:
        label = (caller[1] or "").strip() or "unknown"
        return _person({"apiUser": label}, who("", label), False, username)
    role = "targetUser" if is_target else "sourceUser"
    return _person({role: name} if name else {}, who(name, ""), name != "", username)


def _person(fields: Mapping[str, JSON], called: str, has_name: bool, username: str) -> Person:
    words = _inner(called), _inner(within(called)), ""
    return Person(fields, called, has_name, named(username), _piece(fields), words)


def read_address(text: str) -> Address:
    """The address as it came when it is one; what is none keeps its text under another name."""
    trimmed = text.strip()
    try:
        # A zone id (`%eth0`) may hold any text and says nothing outside the machine it is from.
        if len(trimmed) > _LONGEST_ADDRESS or "%" in trimmed:
            raise ValueError
        ipaddress.ip_address(trimmed)
    except ValueError:
        return _address({"sourceIpRaw": text} if text else {}, text)
    return _address({"sourceIp": trimmed}, text)


def _address(fields: Mapping[str, JSON], text: str) -> Address:
    return Address(fields, named(text), _piece(fields))


_PLANS = _Names(_made_plan)
PAIRS = _Pairs()
"""(action, Data) → what they say."""
DOERS = _Names(partial(read_person, is_target=False))
"""User name → who did it."""
TARGETS = _Names(partial(read_person, is_target=True))
"""The same for actions that are told of whom they happen to."""
ADDRESSES = _Names(read_address)
"""Address → what it says."""
