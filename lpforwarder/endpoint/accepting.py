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
        """Accepts until it is cancelled; then ends all handshakes."""
        loop, taken = asyncio.get_running_loop(), 0
        try:
            while True:
                try:
                    connection, address = await loop.sock_accept(self._listener)
                except OSError:
                    await asyncio.sleep(AGAIN_SECONDS)
                    continue
                self._take(connection, shown(*address[:2]))
                taken += 1
                if taken % AT_ONCE == 0:
                    await asyncio.sleep(0)  # sock_accept() gives nobody a turn while there is one to accept
        finally:
            self.dismiss(len(self._beginning))

    def dismiss(self, most: int) -> int:
        """Ends handshakes, the oldest first; how many it were."""
        oldest = list(self._beginning)[:most]
        for task in oldest:
            del self._beginning[task]
            task.cancel()
        return len(oldest)

    def _take(self, connection: socket.socket, client: str) -> None:
        try:
            has_room = self._has_room(len(self._beginning))
        except BaseException:
            connection.close()
            raise
        if not has_room:
            connection.close()
            return
        task = asyncio.get_running_loop().create_task(self._begin(connection, client))
        self._beginning[task] = None
        task.add_done_callback(lambda done: self._beginning.pop(done, None))

    async def _begin(self, connection: socket.socket, client: str) -> None:
        tls = Handshake(self._tls, connection) if self._tls is not None else None
        within = self._handshake if tls is not None else None
        try:
            connection.setblocking(False)
            # Any: asyncio asks the settings for no more than a Handshake has.
            connect: Any = asyncio.get_running_loop().connect_accepted_socket
            await connect(self._make, connection, ssl=tls, ssl_handshake_timeout=within)
        except BaseException as error:
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
