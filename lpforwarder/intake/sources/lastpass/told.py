"""What the texts of a record say, each by itself: action with Data, user name, address. Pure.

Reading them takes most of an event's time, and the same texts come again all day: every second pair of action
and Data, nearly every name and address. So what was read is remembered, up to a number of short texts: a pair
takes 4 µs to read and 0.2 to find again.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import TypeVar

import msgspec

from lpforwarder.event import JSON
from lpforwarder.intake.sources.lastpass import catalogue, grammar
from lpforwarder.intake.sources.lastpass.catalogue import Action
from lpforwarder.intake.sources.lastpass.sentence import Phrase, Sentence, who

SIGN_INS = frozenset({"1001", "1003"})
"""Event ids of which the wish wants method, mfa and mfaType."""

_SHORT = 250
"""Characters; longer texts are not remembered, so that the memory is bounded."""
_MOST_PAIRS = 4096  # some 5 MB
_MOST_SEEN = 16_384  # some 1 MB
_MOST_NAMES = 2048  # some 1 MB each for names and addresses

_T = TypeVar("_T")

_API_CALLER = re.compile(r"API(?::(.*))?", re.IGNORECASE | re.DOTALL)
_LONGEST_ADDRESS = 45  # an IPv4-mapped IPv6 address in full


class Told(msgspec.Struct, frozen=True, gc=False):
    """What an action and its Data say, whoever did it and whenever."""

    plan: Plan
    fields: Mapping[str, JSON]
    """From `result` to `action`, in the order of the event."""
    sentence: Sentence
    name: str
    """Its part in the name that the event's id is made of."""

    @property
    def action(self) -> Action:
        """What the catalogue knows of it."""
        return self.plan.action


class Person(msgspec.Struct, frozen=True, gc=False):
    """Who did it: one field with a person or an API caller, none for nobody; and how sentences call them."""

    fields: Mapping[str, JSON]
    who: str
    has_name: bool
    """Whether it is a person."""
    name: str
    """As in Told."""


class Address(msgspec.Struct, frozen=True, gc=False):
    """From where; no field for an empty one."""

    fields: Mapping[str, JSON]
    name: str
    """As in Told."""


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
        self._phrase = Phrase(action, name)
        self._verb = action.verb
        self._alone = self._fields | {"action": action.verb}
        self._alone_said = self._phrase.about(self._alone)
        self._name = named(catalogue.fold(name))
        self.people = TARGETS if self.is_of_target else DOERS
        """Whom a user name means here."""
        has_two = action is catalogue.find(name) and action.key == catalogue.ITEM_LAUNCH.key
        self.launch = Plan(catalogue.ITEM_LAUNCH, name) if has_two else None
        """What it is when Data names an item, for the one name that has two meanings."""

    def told(self, data: str, is_text: bool) -> Told:
        """With what Data says."""
        parts = self._read(data) if is_text else None
        name = f"{self._name}{len(data)}:{data}"
        if not parts:
            return Told(self, self._alone, self._alone_said, name)
        # No grammar has a field that an action has by itself.
        fields = {**self._fields, **parts, "action": self._verb}
        return Told(self, fields, self._phrase.about(fields), name)


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
        return Person({"apiUser": label}, who("", label), False, named(username))
    role = "targetUser" if is_target else "sourceUser"
    return Person({role: name} if name else {}, who(name, ""), name != "", named(username))


def read_address(text: str) -> Address:
    """The address as it came when it is one; what is none keeps its text under another name."""
    trimmed = text.strip()
    try:
        # A zone id (`%eth0`) may hold any text and says nothing outside the machine it is from.
        if len(trimmed) > _LONGEST_ADDRESS or "%" in trimmed:
            raise ValueError
        ipaddress.ip_address(trimmed)
    except ValueError:
        return Address({"sourceIpRaw": text} if text else {}, named(text))
    return Address({"sourceIp": trimmed}, named(text))


_PLANS = _Names(_made_plan)
PAIRS = _Pairs()
"""(action, Data) → what they say."""
DOERS = _Names(partial(read_person, is_target=False))
"""User name → who did it."""
TARGETS = _Names(partial(read_person, is_target=True))
"""The same for actions that are told of whom they happen to."""
ADDRESSES = _Names(read_address)
"""Address → what it says."""
