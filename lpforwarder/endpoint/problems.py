"""Errors as RFC 9457 asks for: `application/problem+json`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

MEDIA_TYPE = "application/problem+json"
ABOUT = "https://lpforwarder.example.org/problems/"
"""Begins the `type` of a problem; the rest is a fixed word, documented in docs/http-api.md."""


@dataclass(kw_only=True, eq=False)
class Problem(Exception):
    """Ends a request: the status, a fixed word for the kind, and a sentence about this case."""

    status: int
    kind: str
    title: str
    detail: str = ""
    more: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    def body(self) -> bytes:
        """The JSON of the answer."""
        members: dict[str, Any] = {"type": ABOUT + self.kind, "title": self.title, "status": self.status}
        if self.detail:
            members["detail"] = self.detail
        return orjson.dumps(members | dict(self.more))


def bad_parameter(name: str, detail: str) -> Problem:
    """400: a parameter that cannot be used, named."""
    return Problem(
        status=400,
        kind="parameter",
        title="A parameter cannot be used",
        detail=detail,
        more={"parameter": name},
    )


def unauthorized() -> Problem:
    """401: the same words whatever is wrong with the token, so that nobody learns what exists."""
    return Problem(
        status=401,
        kind="token",
        title="A valid token is needed",
        detail="Send Authorization: Bearer TOKEN; tokens are made with: lpforwarder token create NAME",
        headers={"WWW-Authenticate": 'Bearer realm="lpforwarder"'},
    )


def closed(reason: str) -> Problem:
    """503: nobody can be let in, whoever it is."""
    return Problem(status=503, kind="closed", title="No token can be checked now", detail=reason)


def ending() -> Problem:
    """503: the service ends, or takes up other settings, in the middle of a search."""
    return Problem(
        status=503,
        kind="ending",
        title="The service ends or begins anew",
        detail="Ask again with the same cursor",
        headers={"Retry-After": "5", "Connection": "close"},
    )


def not_found(what: str) -> Problem:
    """404."""
    return Problem(status=404, kind="not-found", title=f"There is no such {what}")


def misdirected() -> Problem:
    """421: the name that was asked is none of this machine's."""
    return Problem(
        status=421,
        kind="host",
        title="Not for this host name",
        detail="Ask for localhost or 127.0.0.1; a proxy before us must set the header Host so",
    )


def gone(oldest: str, detail: str) -> Problem:
    """410: the client fell behind what is kept; `oldest` is the cursor to go on with."""
    return Problem(
        status=410,
        kind="gone",
        title="Events after this cursor are no longer kept",
        detail=detail,
        more={"oldest": oldest},
        headers={"Lpforwarder-Cursor": oldest},
    )


def too_many(retry_after: int) -> Problem:
    """429: the rate of the token, or of the address for wrong ones, is used up."""
    return Problem(
        status=429,
        kind="rate",
        title="Too many requests",
        detail=f"Ask again in {retry_after} s",
        headers={"Retry-After": str(retry_after)},
    )
