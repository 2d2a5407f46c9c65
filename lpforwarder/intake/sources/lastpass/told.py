"""What the texts of a record say, each by itself: action with Data, user name, address. Pure.

Reading them takes most of an event's time, and the same texts come again all day: every second pair of action
and Data, nearly every name and address. So what was read is remembered, up to a number of short texts.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from lpforwarder.event import JSON
from lpforwarder.intake.sources.lastpass import catalogue, grammar
from lpforwarder.intake.sources.lastpass.catalogue import Action
from lpforwarder.intake.sources.lastpass.sentence import Phrase, Sentence, who

SIGN_INS = frozenset({"1001", "1003"})
"""Event ids of which the wish wants method, mfa and mfaType."""

_SHORT = 250
"""Characters; longer texts are not remembered, so that the memory is bounded."""
_MOST_PAIRS = 4096  # some 5 MB
_MOST_NAMES = 2048  # some 1 MB each for names and addresses

_API_CALLER = re.compile(r"API(?::(.*))?", re.IGNORECASE | re.DOTALL)
_LONGEST_ADDRESS = 45  # an IPv4-mapped IPv6 address in full


class Told(NamedTuple):
    """What an action and its Data say, whoever did it and whenever."""

    action: Action
    fields: Mapping[str, JSON]
    """From `result` to `action`, in the order of the event."""
    sentence: Sentence
    is_of_target: bool
    """A sign-in is told of the person who signs in, as in the wish."""


class Person(NamedTuple):
    """Who did it: one field with a person or an API caller, none for nobody; and how sentences call them."""

    fields: Mapping[str, JSON]
    who: str
    has_name: bool
    """Whether it is a person."""


def told(action: str, data: str, is_text: bool) -> Told:
    """What these two say; Data that was no text in the record gives no fields."""
    if len(action) + len(data) > _SHORT:
        return _read(action, data, is_text)
    return _told(action, data, is_text)


def person(username: str, is_target: bool) -> Person:
    """Whom the user name means."""
    return (_person if len(username) <= _SHORT else _read_person)(username, is_target)


def address(text: str) -> Mapping[str, JSON]:
    """The address as it came when it is one; what is none keeps its text under another name."""
    return (_address if len(text) <= _SHORT else _read_address)(text)


class _Plan:
    """How events of one action are made, but for what its Data adds."""

    def __init__(self, action: Action, name: str) -> None:
        self.action = action
        self.fields: dict[str, JSON] = {"result": action.result}
        if action.event_id in SIGN_INS:
            self.fields |= {"method": "unknown", "mfa": "unknown", "mfaType": "unknown"}
        self.fields |= action.extra
        self.phrase = Phrase(action, name)
        self.is_of_target = action.event_id.startswith("1")


def _read(name: str, data: str, is_text: bool) -> Told:
    action = catalogue.meaning(name, data)
    plan = (_plan if len(name) <= _SHORT else _made_plan)(name, action is catalogue.ITEM_LAUNCH)
    parts = grammar.read(action.grammar, data) if is_text else {}
    # No grammar has a field that an action has by itself.
    fields = {**plan.fields, **parts, "action": action.verb}
    return Told(action, fields, plan.phrase.about(fields), plan.is_of_target)


def _made_plan(name: str, is_launch: bool) -> _Plan:
    return _Plan(catalogue.ITEM_LAUNCH if is_launch else catalogue.find(name), name)


def _read_person(username: str, is_target: bool) -> Person:
    name = username.strip()
    caller = _API_CALLER.fullmatch(name)
    if caller:
        label = (caller[1] or "").strip() or "unknown"
        return Person({"apiUser": label}, who("", label), has_name=False)
    role = "targetUser" if is_target else "sourceUser"
    return Person({role: name} if name else {}, who(name, ""), has_name=name != "")


def _read_address(text: str) -> Mapping[str, JSON]:
    trimmed = text.strip()
    try:
        # A zone id (`%eth0`) may hold any text and says nothing outside the machine it is from.
        if len(trimmed) > _LONGEST_ADDRESS or "%" in trimmed:
            raise ValueError
        ipaddress.ip_address(trimmed)
    except ValueError:
        return {"sourceIpRaw": text} if text else {}
    return {"sourceIp": trimmed}


_told = lru_cache(maxsize=_MOST_PAIRS)(_read)
_plan = lru_cache(maxsize=_MOST_NAMES)(_made_plan)
_person = lru_cache(maxsize=_MOST_NAMES)(_read_person)
_address = lru_cache(maxsize=_MOST_NAMES)(_read_address)
