"""The hosts of one collector: tried in order, back to the first when it heals."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from lpforwarder.delivery.transports import failures
from lpforwarder.delivery.transports.connection import Connection, Wake
from lpforwarder.delivery.transports.dialing import Address, connect_any, resolve
from lpforwarder.delivery.transports.lookups import LookUp, Lookups
from lpforwarder.delivery.transports.scouting import Scout
from lpforwarder.errors import Blocked, Failure, Transient

AVOIDANCE = 5.0  # a host is tried last for so many times the seconds it kept us waiting in vain
DISTRUST = 45.0  # seconds in which a host that took a connection and nothing else is tried last; doubled
LONGEST_DISTRUST = 3600.0
WARINESS = 0.3  # seconds in which a host that takes nothing hangs up on a connection
HASTE = 1.0  # seconds a name lookup may take for a further connection to an address that is known

Verify = Callable[[Connection, str], None]
"""Makes sure that a connection leads to the host of that name, and closes it if not."""


class Hosts:
    """Where a transport connects to: names or addresses that lead to the same collector."""

    def __init__(
        self,
        hosts: Sequence[str],
        port: int,
        wake: Wake,
        verify: Verify,
        *,
        connect_timeout: float,
        clock: Callable[[], float] = time.monotonic,
        look_up: LookUp = resolve,
    ) -> None:
        self._hosts = hosts
        self._port = port
        self._wake = wake
        self._verify = verify
        self._connect_timeout = connect_timeout
        self._clock = clock
        self._lookups, self._scouts_lookups = Lookups(look_up), Lookups(look_up)
        self._scout = Scout(self._reach_beside, clock=clock)
        self._avoided: dict[str, float] = {}
        """Hosts that kept us waiting in vain, and until when others are tried before them."""
        self._distrust: dict[str, float] = {}
        """How long a host is to be distrusted the next time."""
        self._told: dict[str, Failure] = {}
        """Why a host did not take us when it was tried last."""

    def reach(self) -> tuple[str, Connection]:
        """The first host that takes us, with a verified connection; Blocked or Transient if none does."""
        self._scout.wait()
        for host in sorted(self._hosts, key=self._is_avoided):
            began = self._clock()
            try:
                return host, self._reach(host, self._lookups, self._wake)
            except Failure:
                self._avoid(host, AVOIDANCE * (self._clock() - began))
                if self._wake.called:
                    raise
        raise self._why_none()

    def _why_none(self) -> Failure:
        """What a person must mend is worth more than what time may mend."""
        told = [self._told[host] for host in self._hosts]
        blocked = [error for error in told if isinstance(error, Blocked)]
        if blocked:
            return blocked[0]
        return failures.none_answered([error for error in told if isinstance(error, Transient)])

    def reach_next(self, host: str, old: Connection, *, is_wary: bool = False) -> tuple[str, Connection]:
        """A further connection to `host`, beside one that is in use; Transient when there is none to be had.

        It is not verified yet: a collector that serves one connection after the other shakes hands only
        when `old` has ended. It leads to the same address while the name has it: only a connection to the
        same collector tells by its health that the collector lives. If we are wary it has to live a moment.
        """
        connection = self._connect_beside(host, old)
        return host, _watched(connection) if is_wary else connection

    def _connect_beside(self, host: str, old: Connection) -> Connection:
        present = Address(*old.address)
        try:
            addresses = self._lookups.addresses(host, self._port, HASTE, self._wake)
        except Failure:  # the resolver is down, the collector is not
            if self._wake.called:
                raise
            addresses = [present]
        others = [address for address in addresses if address != present]
        if others == addresses:
            return connect_any(others, self._connect_timeout, self._wake)
        within = self._connect_timeout / 2 if others else self._connect_timeout
        try:
            return connect_any([present], within, self._wake)
        except Transient:
            if not others or self._wake.called:
                raise
            return connect_any(others, within, self._wake)

    def better(self, host: str) -> tuple[str, Connection] | None:
        """A verified connection to a host before `host` in the list, once one takes us again.

        Never waits: they are looked for beside, as long as this is asked now and then.
        """
        before = [other for other in self.before(host) if not self._is_avoided(other)]
        found = self._scout.look(before) if before else None
        if found is not None:
            found[1].obey(self._wake)
        return found

    def before(self, host: str) -> dict[str, Failure | None]:
        """The hosts that are preferred to this one, and why each did not take us when it was tried last."""
        return {other: self._told.get(other) for other in self._hosts[: self._hosts.index(host)]}

    def distrust(self, host: str) -> None:
        """Tries others first for a while: this host took connections, and nothing that was sent on them.

        If that happens again the while is twice as long: each time may cost the stall timeout.
        """
        self._avoid(host, self._distrust.get(host, DISTRUST))
        self._distrust[host] = min(2 * self._distrust.get(host, DISTRUST), LONGEST_DISTRUST)

    def trust(self, host: str) -> None:
        """This host has confirmed something: what was before is forgotten."""
        self._distrust.pop(host, None)

    def give_up(self) -> None:
        """Ends the search for a better host."""
        self._scout.give_up()

    def _avoid(self, host: str, seconds: float) -> None:
        self._avoided[host] = max(self._clock() + seconds, self._avoided.get(host, float("-inf")))

    def _is_avoided(self, host: str) -> bool:
        return self._clock() < self._avoided.get(host, float("-inf"))

    def _reach(self, host: str, lookups: Lookups, wake: Wake) -> Connection:
        try:
            addresses = lookups.addresses(host, self._port, self._connect_timeout, wake)
            connection = connect_any(addresses, self._connect_timeout, wake)
            self._verify(connection, host)
        except Failure as error:
            self._told[host] = error
            raise
        self._told.pop(host, None)
        return connection

    def _reach_beside(self, host: str, wake: Wake) -> Connection:
        """The same in the scout's thread; a host that hangs up as soon as we are connected has not healed."""
        return _watched(self._reach(host, self._scouts_lookups, wake))


def _watched(connection: Connection) -> Connection:
    """The connection, if it lives for a moment; Transient if not."""
    try:
        connection.watch(WARINESS)
    except BaseException:
        connection.close()
        raise
    return connection
