"""urllib3 as this source needs it: proxy and authorities as configured, and connections that can be cut.

urllib3's own timeouts are per read, so a far side that sends an octet a second could hold us for ever; and
one that does it in the headers or the TLS handshake is out of reach of whoever reads the body.
"""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import unquote, urlsplit

import urllib3
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from lpforwarder.config import files
from lpforwarder.errors import Blocked
from lpforwarder.intake.sources.lastpass.route import proxy_for


class Cutter:
    """Ends the connections of a client from another thread, in whatever state they are."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sockets: list[socket.socket] = []
        self.was_cut = False

    def watch(self, connection: socket.socket) -> None:
        """Holds a second descriptor: TLS takes the first one away from its socket object."""
        with self._lock:
            self.forget_closed()
            self._sockets.append(connection.dup())

    def forget_closed(self) -> None:
        """One request is in flight at a time, so an older connection is over."""
        for known in self._sockets:
            known.close()
        self._sockets.clear()

    @contextmanager
    def limit(self, within: float) -> Iterator[None]:
        """Cuts the connection when the block takes longer than that many seconds."""
        self.was_cut = False
        timer = threading.Timer(within, self._cut)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    def close(self) -> None:
        """Gives the descriptors back."""
        with self._lock:
            self.forget_closed()

    def _cut(self) -> None:
        with self._lock:
            self.was_cut = True
            for known in self._sockets:
                with suppress(OSError):
                    known.shutdown(socket.SHUT_RDWR)


def trust(ca_file: Path | None) -> ssl.SSLContext:
    """Who is believed to be the vault: the system's authorities, or those of the file. Raises Blocked LPF313.

    Takes tens of milliseconds, so it is done once.
    """
    try:
        files.require_files(ca_file)
        context = ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        finding = files.unusable(ca_file, None, None)
        what = f"the authorities of the system cannot be read: {error.strerror}"
        raise Blocked(
            finding.what if finding else what,
            code="LPF313",
            fix=finding.fix if finding else "correct `ca_file`",
        ) from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def manager(url: str, proxy: str, context: ssl.SSLContext, cutter: Cutter) -> urllib3.PoolManager:
    """One connection at a time to the host of `url`. Raises Blocked LPF312 for a proxy that is none."""
    through = proxy_for(url, proxy)
    if through is None:
        made = urllib3.PoolManager(num_pools=1, maxsize=1, ssl_context=context)
    else:
        address, login = _without_login(through)
        headers = urllib3.make_headers(proxy_basic_auth=login) if login else None
        made = urllib3.ProxyManager(
            address,
            num_pools=1,
            maxsize=1,
            ssl_context=context,
            proxy_headers=headers,
            proxy_ssl_context=context,
        )
    made.pool_classes_by_scheme = _pools(cutter)
    return made


def _without_login(proxy: str) -> tuple[str, str]:
    """The proxy's address, and `user:password` if the environment has them in it."""
    try:
        parts = urlsplit(proxy)
        is_proxy = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_proxy = False
    if not is_proxy:  # the text may hold a password and is not repeated
        fix = "write HTTPS_PROXY like http://proxy.example.net:3128, or set `proxy`"
        raise Blocked("the proxy of the environment is not a web address", code="LPF312", fix=fix)
    login = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}" if parts.username else ""
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}", login


def _pools(cutter: Cutter) -> dict[str, type[HTTPConnectionPool]]:
    class Plain(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            made = super()._new_conn()
            cutter.watch(made)
            return made

    class Encrypted(HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            made = super()._new_conn()
            cutter.watch(made)
            return made

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class EncryptedPool(HTTPSConnectionPool):
        ConnectionCls = Encrypted

    return {"http": PlainPool, "https": EncryptedPool}
