"""The pretend vault without its sockets: state, settings that change while it runs, and one answer per call.

All methods may be called from any thread.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random
from threading import RLock
from typing import Any

from lpforwarder.simulator.vault import answers, directory
from lpforwarder.simulator.vault.answers import Reply
from lpforwarder.simulator.vault.call import BadParameter, Call, read_call
from lpforwarder.simulator.vault.catalogue import (
    FOLDER_DATA,
    REPORTING,
    SECRET_REGENERATED,
    USER_DATA,
    Action,
)
from lpforwarder.simulator.vault.damage import damaged, from_in_front
from lpforwarder.simulator.vault.event import Truth, VaultEvent, micros
from lpforwarder.simulator.vault.face import Face
from lpforwarder.simulator.vault.faults import IN_FRONT, Fault, FaultPlan, Faults
from lpforwarder.simulator.vault.forms import ADMINS
from lpforwarder.simulator.vault.history import History
from lpforwarder.simulator.vault.options import Renaming, VaultOptions
from lpforwarder.simulator.vault.reporting import select
from lpforwarder.simulator.vault.timeline import arrivals
from lpforwarder.simulator.vault.zone import WallClock

Clock = Callable[[], float]
"""Seconds since 1970, UTC, as `time.time` gives them."""

_REMEMBERED_CALLS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request that reached the vault: when, what (without the secret), and how it went."""

    at: int
    """Microseconds since 1970, UTC."""
    call: Call
    fault: Fault | None
    accepted: bool
    """Whether account and secret were right; False as well when the service never saw the call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What to send, and what happens to it on the way."""

    reply: Reply
    fault: Fault | None
    at: int
    """The vault's time, for the `date` header; microseconds since 1970, UTC."""


class Vault:
    """An account with its history. Time passes only by `clock`, so a test may play 40 days in seconds."""

    def __init__(self, options: VaultOptions | None = None, *, clock: Clock = time.time) -> None:
        self._lock = RLock()
        self._clock = clock
        self._options = options or VaultOptions()
        self._secret = self._options.secret
        self._resets = 0
        self._faults = Faults(self._options.faults)
        self._zones = [(0, WallClock(self._options.zone))]
        self._history = History(arrivals(self._options, self.now()))
        self._asked: deque[Asked] = deque(maxlen=_REMEMBERED_CALLS)

    # What a test or a person may look at.

    @property
    def options(self) -> VaultOptions:
        """The switches as they are now."""
        return self._options

    @property
    def secret(self) -> str:
        """The secret that is accepted now."""
        return self._secret

    @property
    def asked(self) -> list[Asked]:
        """The latest 10,000 requests, oldest first."""
        with self._lock:
            return list(self._asked)

    def truth(self) -> list[Truth]:
        """Every event that is visible now, oldest first, its own calls included; fields as shown now."""
        with self._lock:
            face = self._face(self._advance())
            return [face.truth(event) for event in self._history]

    def __len__(self) -> int:
        """How many events are visible now."""
        with self._lock:
            self._advance()
            return len(self._history)

    # What may change while it runs.

    def add(self, event: VaultEvent) -> None:
        """Makes an event visible at once; an old time makes it a late arrival."""
        with self._lock:
            self._history.add(event)

    def set_zone(self, zone: str) -> None:
        """From now on the account is in another zone; `zone_rule` says what becomes of older events."""
        with self._lock:
            self._zones.append((self.now(), WallClock(zone)))
            self._options = replace(self._options, zone=zone)

    def reset_secret(self, secret: str | None = None) -> str:
        """Makes the old secret worthless and writes the event that says so; the new secret."""
        with self._lock:
            self._resets += 1
            made = Random(f"secret/{self._options.seed}/{self._resets}").randbytes(32).hex()
            self._secret = secret or made
            self._write(SECRET_REGENERATED, ADMINS[0], "")
            return self._secret

    def fail_next(self, *faults: Fault | None) -> None:
        """The faults of the next requests, in order; None is a request that goes well."""
        with self._lock:
            self._faults.script(faults)

    def plan_faults(self, plan: FaultPlan) -> None:
        """Another plan from the next request on."""
        with self._lock:
            self._faults = Faults(plan)
            self._options = replace(self._options, faults=plan)

    def rename(self, renaming: Renaming | None) -> None:
        """Other spellings of actions; None ends it."""
        self.change(renaming=renaming)

    def change(self, **switches: Any) -> None:
        """Other values of switches from the next request on.

        Those of the history have done their work already, and zone, secret and faults have methods of their
        own: changing them here raises ValueError, an unknown switch TypeError.
        """
        if fixed := _FIXED & switches.keys():
            raise ValueError(f"cannot be changed here: {', '.join(sorted(fixed))}")
        with self._lock:
            self._options = replace(self._options, **switches)

    # One request.

    def answer(self, body: bytes, query: str = "", *, accepts_gzip: bool = False) -> Answer:
        """What the vault says to a request's body; never raises, whatever the body holds."""
        with self._lock:
            now = self._advance()
            call = read_call(body, query)
            fault = self._faults.next(inside_chain=call.inside_chain)
            accepted, reply = self._reply(call, fault, now)
            self._asked.append(Asked(at=now, call=replace(call, secret=""), fault=fault, accepted=accepted))
            options = self._options
        reply = damaged(reply, fault, options)
        if options.compress and accepts_gzip and not reply.has_header("Content-Encoding"):
            reply = reply.gzipped()
        return Answer(reply=reply, fault=fault, at=now)

    def _reply(self, call: Call, fault: Fault | None, now: int) -> tuple[bool, Reply]:
        if fault in (Fault.SILENCE, Fault.CLOSED):
            return False, Reply(body=b"")
        if fault in IN_FRONT and fault is not None:
            return False, from_in_front(fault, self._options)
        if fault is Fault.HASH_RESET:
            self.reset_secret()
        if call.account != self._options.account or call.secret != self._secret:
            return False, answers.refused()
        return True, self._run(call, fault, now)

    def _run(self, call: Call, fault: Fault | None, now: int) -> Reply:
        """The answer to an authorised call, which then leaves its own event for later calls to see."""
        command = _COMMANDS.get(call.command)
        try:
            if command is None:
                return answers.failure([f"unknown command {call.command[:80]!r}"], self._options)
            if fault is Fault.STATUS_NOT_OK:
                return answers.failure(["The request could not be processed"], self._options)
            if command is USER_DATA:
                return answers.as_json(directory.user_data(call, self._face(now).clock()), self._options)
            if command is FOLDER_DATA:
                return answers.as_json(directory.folder_data(), self._options)
            return self._report(call, fault, now)
        except BadParameter as error:
            return answers.failure([str(error)], self._options)
        finally:
            if command is not None:
                self._write_own(command, call)

    def _report(self, call: Call, fault: Fault | None, now: int) -> Reply:
        options, face = self._options, self._face(now)
        page = select(call, self._history, face.clock(), options, stuck=fault is Fault.STUCK_MARKER)
        records = [face.record(event) for event in page.events]
        if call.wants_xml or fault is Fault.XML_LIST:
            return answers.report_in_xml(records, options)
        if call.parameter("format") == "siem":
            return answers.report_for_siem(records, page.marker, options)
        return answers.report(records, page.marker, page.skipped + 1, options)

    def _write_own(self, command: Action, call: Call) -> None:
        usernames = {"empty": "", "api": "API", "label": f"API: {call.label}" if call.label else "API"}
        name = command.title if self._options.spelling == "title" else command.sentence
        data = f"Initiated by API: {call.label}" if call.label else "Initiated by API"
        self._write(name, usernames[self._options.own_username], data)

    def _write(self, action: str, username: str, data: str) -> None:
        address = self._options.caller_address
        event = VaultEvent(at=self.now(), username=username, ip_address=address, action=action, data=data)
        self._history.add(event)

    def _face(self, now: int) -> Face:
        own = self._options.zone_rule == "event"
        return Face(now=now, clocks=self._zones, each_in_its_own_zone=own, renaming=self._options.renaming)

    def _advance(self) -> int:
        now = self.now()
        self._history.advance(now)
        return now

    def now(self) -> int:
        """The vault's time: microseconds since 1970, UTC."""
        return micros(self._clock())


_COMMANDS = {"reporting": REPORTING, "getuserdata": USER_DATA, "getsfdata": FOLDER_DATA}
_FIXED = frozenset(
    {
        "secret", "zone", "faults", "seed", "events", "days", "ending", "rate", "hostile_share",
        "twin_share", "late_share", "late_seconds", "second_aligned",
    }
)  # fmt: skip
