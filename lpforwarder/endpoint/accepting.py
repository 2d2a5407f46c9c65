"""Takes connections from a listener, and counts each from its first moment: also while it shakes hands.

asyncio's own servers hand a TLS connection over when the handshake is done. Until then it belongs to nobody,
for a minute, and a thousand of them take all descriptors there are.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from lpforwarder.endpoint.listening import shown
from lpforwarder.endpoint.refusing import Handshake, Refusals

AGAIN_SECONDS = 0.1
"""Until accept() is tried again after it failed: there was no descriptor left."""
AT_ONCE = 16
"""Connections that are taken before all others get their turn."""


class Acceptor:
    """Belongs to one event loop.

    `make` gives the protocol of a connection. `has_room` is told how many shake hands, and says whether one
    more may come; it may end others first. `handshake` is how many seconds one may take.
    """

    def __init__(
        self,
        listener: socket.socket,
        make: Callable[[], asyncio.Protocol],
        tls: ssl.SSLContext | None,
        has_room: Callable[[int], bool],
        handshake: float,
    ) -> None:
        self._listener = listener
        self._make = make
        self._tls = tls
        self._has_room = has_room
        self._handshake = handshake
        self._refusals = Refusals()
        self._beginning: dict[asyncio.Task[None], None] = {}

    @property
    def beginning(self) -> int:
        """How many have not finished their handshake."""
        return len(self._beginning)

    async def run(self) -> None:
        """Accepts until it is cancelled; then hangs up on all who shake hands, and returns when that is done.

        Who has not been accepted by then waits in the listener for the next run. Nothing is awaited between
        accept() and the task that owns the connection: asyncio's sock_accept() may be cancelled with a
        connection in its hands, which then nobody answers and nobody closes.
        """
        try:
            while True:
                await self._somebody()
                try:
                    self._accept_some()
                except OSError:
                    await asyncio.sleep(AGAIN_SECONDS)
        finally:
            beginning = list(self._beginning)
            self.dismiss(len(beginning))
            await asyncio.gather(*beginning, return_exceptions=True)

    def dismiss(self, most: int) -> int:
        """Ends handshakes, the oldest first; how many it were."""
        oldest = list(self._beginning)[:most]
        for task in oldest:
            del self._beginning[task]
            task.cancel()
        return len(oldest)

    async def _somebody(self) -> None:
        """Returns when there is a connection to accept."""
        loop, arrived = asyncio.get_running_loop(), asyncio.Event()
        loop.add_reader(self._listener, arrived.set)
        try:
            await arrived.wait()
        finally:
            loop.remove_reader(self._listener)

    def _accept_some(self) -> None:
        with suppress(BlockingIOError):  # there are no more
            for _ in range(AT_ONCE):
                connection, address = self._listener.accept()
                self._take(connection, shown(*address[:2]))

    def _take(self, connection: socket.socket, client: str) -> None:
        try:
            has_room = self._has_room(len(self._beginning))
        except BaseException:
            connection.close()
            raise
        if not has_room:
            connection.close()
            return
        tls = Handshake(self._tls, connection) if self._tls is not None else None
        task = asyncio.get_running_loop().create_task(self._begin(connection, client, tls))
        self._beginning[task] = None
        task.add_done_callback(partial(self._has_begun, connection, tls))

    def _has_begun(self, connection: socket.socket, tls: Handshake | None, task: asyncio.Task[None]) -> None:
        """A task that is cancelled before its first step has no chance to close anything."""
        self._beginning.pop(task, None)
        if task.cancelled() and not (tls is not None and tls.is_done):
            connection.close()

    async def _begin(self, connection: socket.socket, client: str, tls: Handshake | None) -> None:
        within = self._handshake if tls is not None else None
        try:
            connection.setblocking(False)
            # Any: asyncio asks the settings for no more than a Handshake has.
            connect: Any = asyncio.get_running_loop().connect_accepted_socket
            await connect(self._make, connection, ssl=tls, ssl_handshake_timeout=within)
        except BaseException as error:
            if tls is None or not tls.is_done:  # asyncio ends what is done politely
                with suppress(OSError):
                    connection.close()
            if not isinstance(error, OSError):
                raise
            if tls is not None and isinstance(error, ssl.SSLError):
                self._refusals.note(error, client)
                await tls.linger()
        finally:
            if tls is not None:
                tls.close()
