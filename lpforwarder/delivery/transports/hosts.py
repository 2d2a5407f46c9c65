"""The hosts of one collector: tried in order, back to the first when it heals."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from lpforwarder.delivery.transports.connection import Connection, Wake
from lpforwarder.delivery.transports.dialing import Address, connect_any, resolve
from lpforwarder.errors import Blocked, Failure

AVOIDANCE = 5.0  # a host is tried last for so many times the seconds it kept us waiting in vain

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
        look_up: Callable[[str, int], list[Address]] = resolve,
    ) -> None:
        self._hosts = hosts
        self._port = port
        self._wake = wake
        self._verify = verify
        self._connect_timeout = connect_timeout
        self._clock = clock
        self._look_up = look_up
        self._avoided: dict[str, float] = {}
        """Hosts that kept us waiting in vain, and until when others are tried before them."""

    def reach(self) -> tuple[str, Connection]:
        """The first host that takes us, with a verified connection; Blocked or Transient if none does."""
        return self._first(self._reach_afresh)

    def reach_next(self, host: str, old: Connection) -> tuple[str, Connection]:
        """The same beside a connection to `host` that is in use.

        A further connection to that same host is not verified yet: a collector that serves one connection
        after the other shakes hands only when `old` has ended.
        """

        def reach(other: str) -> Connection:
            return self._reach_again(host, old) if other == host else self._reach_afresh(other)

        return self._first(reach)

    def _first(self, reach: Callable[[str], Connection]) -> tuple[str, Connection]:
        told: list[Failure] = []
        for host in sorted(self._hosts, key=self._is_avoided):
            began = self._clock()
            try:
                return host, reach(host)
            except Failure as error:
                told.append(error)
                self._avoided[host] = self._clock() + AVOIDANCE * (self._clock() - began)
            if self._wake.called:
                break
        # What a person must mend is worth more than what time may mend.
        raise next((error for error in told if isinstance(error, Blocked)), told[-1])

    def _is_avoided(self, host: str) -> bool:
        return self._clock() < self._avoided.get(host, float("-inf"))

    def _reach_afresh(self, host: str) -> Connection:
        connection = connect_any(self._look_up(host, self._port), self._connect_timeout, self._wake)
        self._verify(connection, host)
        return connection

    def _reach_again(self, host: str, old: Connection) -> Connection:
        """A second connection, to the same address while the name has it.

        Only a connection to the same collector tells by its health that the collector lives.
        """
        present = Address(*old.address)
        try:
            addresses = self._look_up(host, self._port)
        except Failure:  # the resolver is down, the collector is not
            addresses = [present]
        addresses.sort(key=lambda address: address != present)
        return connect_any(addresses, self._connect_timeout, self._wake)
