"""One request to the vault and its answer, read within limits of size and time.

Never retries, follows no redirect, and keeps the secret out of every text it makes.
"""

from __future__ import annotations

import json
import re
import ssl
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import urllib3
from urllib3 import exceptions

from lpforwarder import __version__
from lpforwarder.config.openssl import certificate_fault, connection_fault
from lpforwarder.config.secrets import Secret
from lpforwarder.errors import Blocked, Failure, Transient
from lpforwarder.intake.sources.lastpass import connections
from lpforwarder.intake.sources.lastpass.answers import Response
from lpforwarder.intake.sources.lastpass.connections import Cutter
from lpforwarder.intake.sources.lastpass.options import LastPassOptions
from lpforwarder.runtime.concealing import MASK

LARGEST_BODY = 64 * 2**20
"""Octets of an answer, decompressed; 10,000 events are some 3 MiB."""

BURST = 6
"""Requests that may follow each other at once; further ones come a second apart."""

_PIECE = 65_536
_CONNECT = 10.0  # seconds for one address to accept
_MOST_NUMBER = 18  # digits that fit 64 bits for certain
_TUNNEL_REFUSED = re.compile(r"Tunnel connection failed: ([0-9]{3})\b")  # the words of http.client
_SHORTEST_MASKED = 16  # characters; real secrets have 64, and short texts may stand in any answer
_HEADERS = {
    "Content-Type": "application/json",
    "Accept": "application/json, */*;q=0.5",
    "Accept-Encoding": "gzip",
    "User-Agent": f"lpforwarder/{__version__}",
}


class Pace:
    """Lets a few requests through at once, then one a second: back-fills must not run into limits."""

    def __init__(self, now: Callable[[], float], sleep: Callable[[float], None]) -> None:
        self._now = now
        self._sleep = sleep
        self._free_at = now() - BURST

    def wait(self) -> None:
        """Returns when the next request may go out."""
        now = self._now()
        self._free_at = max(self._free_at + 1.0, now - BURST)
        if self._free_at > now:
            self._sleep(self._free_at - now)


class Client:
    """Asks the vault. One request at a time; not for several threads."""

    def __init__(
        self, options: LastPassOptions, *, pace: Pace | None = None, largest: int = LARGEST_BODY
    ) -> None:
        self._options = options
        self._pace = pace or Pace(time.monotonic, time.sleep)
        self._largest = largest
        self.pulse = 0
        """Grows before and after each request."""
        self._cutter = Cutter()
        self._manager: urllib3.PoolManager | None = None
        self._trust: ssl.SSLContext | None = None

    def ask(self, secret: Secret, label: str, data: dict[str, Any]) -> Response:
        """The answer to a reporting call with these parameters. Raises Transient and Blocked."""
        body = self._body(secret, label, data)
        self._pace.wait()
        self.pulse += 1
        with self._cutter.limit(self._options.timeout):
            try:
                return _masked(self._send(body), secret)
            except exceptions.HTTPError as error:
                raise self._failure(error) from error
            except OSError as error:
                raise self._failure(error) from error
            finally:
                self.pulse += 1

    def close(self) -> None:
        """Ends the connection; a later ask() makes another."""
        if self._manager is not None:
            self._manager.clear()
            self._manager = None
        self._cutter.close()

    def _body(self, secret: Secret, label: str, data: dict[str, Any]) -> bytes:
        account = self._options.account
        # Not orjson: a marker goes back as it came, whatever it holds.
        return json.dumps(
            {
                "cid": int(account) if len(account) <= _MOST_NUMBER else account,
                "provhash": secret.reveal(),
                "apiuser": label,
                "cmd": "reporting",
                # Which of the two places the service reads is not known; others use either.
                "user": "allusers",
                "data": {"user": "allusers", **data},
            }
        ).encode("ascii")

    def _send(self, body: bytes) -> Response:
        if self._manager is None:
            options = self._options
            if self._trust is None:
                self._trust = connections.trust(options.ca_file)
            self._manager = connections.manager(options.url, options.proxy, self._trust, self._cutter)
        response = self._manager.request(
            "POST",
            self._options.url,
            body=body,
            headers=_HEADERS,
            retries=False,
            redirect=False,
            preload_content=False,
            decode_content=False,
            timeout=urllib3.Timeout(connect=min(_CONNECT, self._options.timeout), read=self._options.timeout),
        )
        headers = {name.lower(): value for name, value in response.headers.items()}
        try:
            pieces = response.stream(_PIECE, decode_content=False)
            whole = b"".join(self._limited(_unpacked(pieces, headers.get("content-encoding", ""))))
        except BaseException:
            response.close()  # half read: the rest must not be taken for the next answer
            raise
        response.release_conn()
        if self._cutter.was_cut:
            raise _too_slow(self._options.timeout)
        return Response(status=response.status, headers=headers, body=whole)

    def _limited(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        size = 0
        for piece in pieces:
            size += len(piece)
            if size > self._largest:
                what = f"the answer is longer than {self._largest // 2**20} MiB and was not read to its end"
                raise Transient(
                    what, code="LPF314", fix="if it lasts, look at what stands between here and the vault"
                )
            yield piece

    def _failure(self, error: Exception) -> Failure:
        """What went wrong on the way, in words of our own: those of libraries may quote what was sent."""
        if self._cutter.was_cut:
            return _too_slow(self._options.timeout)
        cause = _root(error)
        reason = getattr(cause, "strerror", None) or type(cause).__name__
        if isinstance(cause, ssl.SSLCertVerificationError):
            what = f"the certificate of the vault cannot be trusted: {certificate_fault(cause)}"
            fix = "look at this machine's clock; if a proxy opens TLS here, name its authority with `ca_file`"
            return Blocked(what, code="LPF313", fix=fix)
        if isinstance(error, exceptions.ProxyError):
            status = _TUNNEL_REFUSED.match(str(cause))
            reason = f"it answered {status[1]}" if status else reason
            fix = "look at `proxy`; a login belongs into HTTPS_PROXY: http://user:password@host:port"
            return Transient(f"the proxy cannot be used: {reason}", code="LPF312", fix=fix)
        if isinstance(error, exceptions.NewConnectionError | exceptions.ConnectTimeoutError):
            fix = "look at name service, firewall and `proxy`"
            return Transient(f"cannot reach the vault: {reason}", code="LPF312", fix=fix)
        if isinstance(error, exceptions.ReadTimeoutError):
            return _too_slow(self._options.timeout)
        if isinstance(cause, ssl.SSLError):
            fix = "if it lasts, look at `proxy` and at what else stands between here and the vault"
            return Transient(f"TLS with the vault failed: {connection_fault(cause)}", code="LPF312", fix=fix)
        return Transient(f"the answer broke off: {reason}", code="LPF306")


def _masked(response: Response, secret: Secret) -> Response:
    """Without our secret, should the far side repeat it: what comes back goes into messages and events."""
    text = secret.reveal().encode()
    if len(text) < _SHORTEST_MASKED or text not in response.body:
        return response
    return replace(response, body=response.body.replace(text, MASK.encode()))


def _too_slow(timeout: float) -> Transient:
    return Transient(f"no whole answer within {timeout:g} s", code="LPF315")


def _root(error: BaseException) -> BaseException:
    """The innermost cause: libraries wrap what the operating system or TLS said."""
    inner: BaseException | None = error
    while inner is not None:
        error = inner
        inner = error.__cause__ or next((arg for arg in error.args if isinstance(arg, BaseException)), None)
        inner = inner or getattr(error, "reason", None) or error.__context__
        if not isinstance(inner, BaseException):
            break
    return error


def _unpacked(pieces: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    """The pieces decompressed, never more than a piece at a time: a few octets may unpack to gigabytes."""
    encoding = encoding.strip().lower()
    if encoding in ("", "identity"):
        yield from pieces
        return
    if encoding not in ("gzip", "x-gzip"):
        raise Transient("the answer is compressed in a way nobody asked for", code="LPF306")
    unpacker = zlib.decompressobj(16 + zlib.MAX_WBITS)
    try:
        for piece in pieces:
            while piece and not unpacker.eof:
                yield unpacker.decompress(piece, _PIECE)
                piece = unpacker.unconsumed_tail
    except zlib.error:
        raise Transient("the answer is not the gzip it says it is", code="LPF306") from None
    if not unpacker.eof:
        raise Transient("the compressed answer broke off", code="LPF306")
