"""Names looked up in threads of their own: the resolver can neither be hurried nor ended.

getaddrinfo may take half a minute when a name server is down. The collector's own thread waits for it only
as long as it wants to, and abort() ends that wait; nobody else waits at all.
"""

from __future__ import annotations

import select
import threading
import time
from collections.abc import Callable

from lpforwarder.config.addresses import is_address
from lpforwarder.delivery.transports import failures
from lpforwarder.delivery.transports.connection import Wake
from lpforwarder.delivery.transports.dialing import Address, resolve
from lpforwarder.errors import Failure

FRESH = 60.0  # seconds; what a slow resolver found after we had gone counts for so long
HOPELESS = 300.0  # seconds; glibc gives up sooner, whatever /etc/resolv.conf says

LookUp = Callable[[str, int], list[Address]]


class Lookups:
    """The names of one collector; used by one thread. Each is asked for once at a time."""

    def __init__(self, look_up: LookUp = resolve) -> None:
        self._look_up = look_up
        self._asked: dict[str, _Question] = {}

    def addresses(self, host: str, port: int, within: float, wake: Wake) -> list[Address]:
        """All addresses, asked for anew; Transient LPF201 when there is none or nobody says in time.

        The time counts from when the question was put: a resolver that was too slow for one call is not
        waited for again by the next, but what it found meanwhile is taken then.
        """
        if is_address(host):
            return self._look_up(host, port)
        question = self._asked.get(host)
        if question is None or question.is_stale:
            question = self._asked[host] = _Question(lambda: self._look_up(host, port))
        if not question.is_answered_within(within, wake):
            raise failures.slow_name(host, question.age)
        del self._asked[host]
        return question.answer()


class _Question:
    """One call of the resolver, in a thread that ends with it."""

    def __init__(self, look_up: Callable[[], list[Address]]) -> None:
        self._look_up = look_up
        self._began = time.monotonic()
        self._answered_at = self._began
        self._outcome: list[Address] | Exception = RuntimeError("the look-up ended without an outcome")
        self._done = Wake()
        # A daemon thread: a resolver that hangs must not keep the process from ending.
        threading.Thread(target=self._ask, name="lookup", daemon=True).start()

    @property
    def age(self) -> float:
        """Seconds since it was put."""
        return time.monotonic() - self._began

    @property
    def is_stale(self) -> bool:
        """Answered too long ago, or never: it has to be put again."""
        if self._done.called:
            return time.monotonic() - self._answered_at > FRESH
        return self.age > HOPELESS

    def is_answered_within(self, seconds: float, wake: Wake) -> bool:
        """Waits until it is that old at most; Transient when abort() is called meanwhile."""
        poller = select.poll()
        poller.register(self._done.fd, select.POLLIN)
        poller.register(wake.fd, select.POLLIN)
        poller.poll(max(seconds - self.age, 0.0) * 1000)
        if wake.called:
            raise failures.aborted("the name server")
        return self._done.called

    def answer(self) -> list[Address]:
        """What was found; raises what the resolver raised."""
        if isinstance(self._outcome, Exception):
            raise self._outcome
        return self._outcome

    def _ask(self) -> None:
        try:
            self._outcome = self._look_up()
        except Failure as error:  # raised again in the thread that asked
            self._outcome = error
        finally:
            self._answered_at = time.monotonic()
            self._done.call()
