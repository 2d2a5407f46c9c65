"""A worker that does what the test tells it, one order at a time."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable

from lpforwarder.runtime.stop import Stop

Order = Callable[[Stop, Callable[[], None]], None]


class OrderedWorker:
    """Runs orders in its own thread until it is stopped; abort() ends one that hangs.

    An order that is None ends the run, as a worker does that has nothing left to do.
    """

    def __init__(self) -> None:
        self.runs = 0
        self.threads: list[str] = []
        self.aborted = threading.Event()
        self._orders: queue.Queue[Order | None] = queue.Queue()

    def run(self, stop: Stop, beat: Callable[[], None]) -> None:
        self.runs += 1
        self.threads.append(threading.current_thread().name)
        while True:
            order = self._orders.get(timeout=10)
            try:
                if order is None:
                    return
                order(stop, beat)
            finally:
                self._orders.task_done()

    def abort(self) -> None:
        self.aborted.set()

    def let(self, order: Order | None) -> None:
        """Gives an order, and returns at once."""
        self._orders.put(order)

    def beats(self) -> None:
        """One successful step, finished when this returns."""
        self._orders.put(lambda _stop, beat: beat())
        self._orders.join()

    def settled(self) -> None:
        """Returns when every order so far was carried out."""
        self._orders.join()

    def fails(self, error: BaseException) -> None:
        """The run ends with this error."""

        def order(_stop: Stop, _beat: Callable[[], None]) -> None:
            raise error

        self._orders.put(order)

    def hangs(self) -> None:
        """A call that takes no notice of anything but abort()."""

        def order(_stop: Stop, _beat: Callable[[], None]) -> None:
            assert self.aborted.wait(timeout=10)
            raise ConnectionAbortedError

        self._orders.put(order)

    def rests(self, seconds: float) -> None:
        """Sleeps on purpose; ends the run when it is told to stop."""

        def order(stop: Stop, _beat: Callable[[], None]) -> None:
            if stop.wait(seconds):
                self._orders.put(None)

        self._orders.put(order)
