"""Switches, faults and orders in words, for whoever runs the pretend vault from a command line."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from typing import Any, get_args, get_type_hints

from lpforwarder.counting import counted
from lpforwarder.simulator.vault.event import SECOND, VaultEvent
from lpforwarder.simulator.vault.faults import Fault, FaultPlan
from lpforwarder.simulator.vault.options import Renaming, VaultOptions
from lpforwarder.simulator.vault.vault import Vault

_WORDS = dict.fromkeys(("yes", "true", "on"), True) | dict.fromkeys(("no", "false", "off"), False)
_HAVE_OPTIONS_OF_THEIR_OWN = ("faults", "renaming")

ORDERS = """\
zone NAME                   the account moves to this time zone
reset-secret                the secret is replaced; answers with the new one
fail FAULT [FAULT…]         the faults of the next requests, in order; none for one that goes well
faults FAULT=SHARE…         another plan; all=0.1 is a tenth of all requests, without words nothing fails
set SWITCH=VALUE            another value of a switch
rename OLD = NEW            an action is spelled otherwise from now on, in old events too
add {"data": "x", "ago": 5} an event; username, ip_address and action may be given too
truth FILE                  writes all events as a perfect reader would have them, one JSON object a line
help                        this list"""


def switches(pairs: Iterable[str]) -> dict[str, Any]:
    """`NAME=VALUE` as keyword arguments of VaultOptions. ValueError says what is wrong."""
    return dict(map(_switch, pairs))


def plan(pairs: Iterable[str], *, seed: int) -> FaultPlan:
    """`FAULT=SHARE`, `all=SHARE` for every kind that heals by itself; FAULT alone is every request."""
    chances: dict[Fault, float] = {}
    for pair in pairs:
        name, _, share = pair.partition("=")
        part = _number(share or "1")
        each = FaultPlan.evenly(part).chances if name.strip() == "all" else {fault_named(name): part}
        for fault, chance in each.items():
            chances[fault] = chances.get(fault, 0.0) + chance
    return FaultPlan(seed=seed, chances=chances)


def fault_named(word: str) -> Fault:
    """`rate-limited`, in any case, with - or _."""
    try:
        return Fault[word.strip().upper().replace("-", "_")]
    except KeyError:
        names = ", ".join(fault.name.lower().replace("_", "-") for fault in Fault)
        raise ValueError(f"{word.strip()!r} is not a fault; there are {names}") from None


def obey(vault: Vault, order: str) -> str:
    """Does what one line says; what there is to answer. ValueError says why it cannot."""
    word, _, rest = order.strip().partition(" ")
    if not word:
        return ""
    try:
        act = _ACTS[word]
    except KeyError:
        raise ValueError(f"{word!r} is not an order; help lists them") from None
    return act(vault, rest.strip())


def _zone(vault: Vault, rest: str) -> str:
    try:
        vault.set_zone(rest)
    except KeyError:  # ZoneInfoNotFoundError is one
        raise ValueError(f"{rest!r} is not a time zone") from None
    return f"the account is in {rest}"


def _reset_secret(vault: Vault, _: str) -> str:
    return f"secret {vault.reset_secret()}"


def _fail(vault: Vault, rest: str) -> str:
    faults = [None if word == "none" else fault_named(word) for word in rest.split()]
    vault.fail_next(*faults)
    return f"faults for the next {counted(len(faults), 'request')}"


def _faults(vault: Vault, rest: str) -> str:
    vault.plan_faults(plan(rest.split(), seed=vault.options.seed))
    return f"planned: {rest or 'none'}"


def _set(vault: Vault, rest: str) -> str:
    vault.change(**switches([rest]))
    return rest


def _rename(vault: Vault, rest: str) -> str:
    old, equals, new = (part.strip() for part in rest.partition("="))
    if not (old and equals and new):
        raise ValueError("write it like: rename Site added = Site created")
    known = vault.options.renaming
    names = {**(known.names if known else {}), old: new}
    vault.rename(Renaming(names=names, old_too=True))
    return f"{old!r} is {new!r} from now on"


def _add(vault: Vault, rest: str) -> str:
    fields = {"username": "ana@example.org", "ip_address": "203.0.113.24", "action": "Log in", "data": ""}
    given = _object(rest)
    ago = given.pop("ago", 0)
    if given.keys() - fields or not isinstance(ago, int | float):
        raise ValueError(f"an event has {', '.join(fields)} and ago, in seconds")
    texts = {name: str(value) for name, value in {**fields, **given}.items()}
    vault.add(VaultEvent(at=vault.now() - round(ago * SECOND), **texts))
    return f"added {ago:g} s ago"


def _object(text: str) -> dict[str, Any]:
    try:
        given = json.loads(text)
    except ValueError as error:
        raise ValueError(f"not JSON: {error}") from error
    if not isinstance(given, dict):
        raise ValueError("an event is a JSON object")
    return given


def _truth(vault: Vault, rest: str) -> str:
    events = vault.truth()
    try:
        with open(rest, "w", encoding="ascii") as file:
            file.writelines(json.dumps(asdict(event)) + "\n" for event in events)
    except OSError as error:
        raise ValueError(f"cannot write {rest!r}: {error.strerror}") from error
    return f"{counted(len(events), 'event')} in {rest}"


def _help(_vault: Vault, _rest: str) -> str:
    return ORDERS


_ACTS: Mapping[str, Callable[[Vault, str], str]] = {
    "zone": _zone,
    "reset-secret": _reset_secret,
    "fail": _fail,
    "faults": _faults,
    "set": _set,
    "rename": _rename,
    "add": _add,
    "truth": _truth,
    "help": _help,
}


def _switch(pair: str) -> tuple[str, Any]:
    name, equals, text = pair.partition("=")
    name = name.strip().replace("-", "_")
    hints = get_type_hints(VaultOptions)
    if not equals or name not in hints or name in _HAVE_OPTIONS_OF_THEIR_OWN:
        raise ValueError(f"{pair!r} is not SWITCH=VALUE; docs/simulator.md lists the switches")
    try:
        return name, _value(hints[name], text.strip())
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None


def _value(hint: Any, text: str) -> Any:
    if hint is bool:
        if text.lower() not in _WORDS:
            raise ValueError(f"{text!r} is neither yes nor no")
        return _WORDS[text.lower()]
    if hint is int:
        return int(text.replace(",", ""))
    if hint is float or float in get_args(hint):
        return _number(text)
    return text


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"{text!r} is not a number") from None
