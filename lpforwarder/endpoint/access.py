"""Who asks, and may they: the bearer token of a request, its rate, and the audit trail."""

from __future__ import annotations

import re
from collections.abc import Callable
from ipaddress import ip_address
from urllib.parse import urlsplit

import structlog
from starlette.requests import Request

from lpforwarder import rfc3339
from lpforwarder.endpoint import problems
from lpforwarder.endpoint.contract import Access
from lpforwarder.endpoint.pace import Pace
from lpforwarder.endpoint.tokens import Token, TokenFile
from lpforwarder.errors import Failure

log = structlog.get_logger()

WRONG_RATE, WRONG_BURST = 1.0, 60.0
"""Wrong tokens an address may send; beyond that it is told to wait. Good tokens are never held up by it."""

_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\[\]:/?#@]+)(:[0-9]{1,5})?\Z")
"""A name or an address, perhaps with a port; nothing else that a URL may hold."""


class Doorkeeper:
    """Lets good tokens in, and tells the audit trail of everybody who came."""

    def __init__(
        self, tokens: TokenFile, audit: Callable[[Access], None], *, now: Callable[[], str] = rfc3339.now
    ) -> None:
        self._tokens = tokens
        self._audit = audit
        self._now = now
        self._pace = Pace()

    def admit(self, request: Request) -> Token:
        """The token of the request. Raises Problem: 401 the same for every fault, 429 too often, 503."""
        try:
            holder = self._tokens.holder(bearer_of(request), self._now())
        except Failure as error:
            log.error("endpoint.closed", code=error.code, reason=error.what, fix=error.fix)
            raise problems.closed(f"{error.code}; see the log") from None
        if holder is None:
            wait = self._pace.wait_of(f"!{client_of(request)}", WRONG_RATE, WRONG_BURST)
            self.note(request, "", 429 if wait else 401)
            raise problems.too_many(wait) if wait else problems.unauthorized()
        rate = holder.rate
        if rate is not None and (wait := self._pace.wait_of(holder.name, rate, max(rate, 1.0))):
            self.note(request, holder.name, 429)
            raise problems.too_many(wait)
        return holder

    def note(self, request: Request, token: str, status: int, events: int = 0) -> None:
        """One line of the audit trail."""
        path = request.url.path[:200]
        self._audit(Access(token=token, client=client_of(request), path=path, status=status, events=events))


def bearer_of(request: Request) -> str:
    """The text of the bearer token, "" when there is none."""
    scheme, _, text = request.headers.get("authorization", "").partition(" ")
    return text.strip() if scheme.lower() == "bearer" else ""


def is_misdirected(request: Request) -> bool:
    """True when it came over loopback for a name that is not of this machine.

    So a browser here is led to ask us, by a page whose name suddenly means 127.0.0.1 (DNS rebinding), and
    would let that page read the answer. Off loopback there is TLS, which no foreign name passes.
    """
    server = request.scope.get("server")
    asked = request.headers.get("host", "")
    if not asked or not server or not _is_loopback(server[0]):
        return False
    name = urlsplit(f"//{asked}").hostname if _HOST.match(asked) else None
    return not (name == "localhost" or _is_loopback(name or ""))


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def client_of(request: Request) -> str:
    """The address of the far side."""
    return request.client.host if request.client else ""
