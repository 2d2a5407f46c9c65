"""Faults that an answer can carry: what comes instead of it, and what becomes of its body. Pure."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from functools import lru_cache

from lpforwarder.simulator.vault.answers import Reply, page_in_front
from lpforwarder.simulator.vault.faults import Fault
from lpforwarder.simulator.vault.options import VaultOptions

_BLANKS = b" " * 65_536


def from_in_front(fault: Fault, options: VaultOptions) -> Reply:
    """The page a filter, balancer or proxy sends instead of an answer."""
    wait = (("Retry-After", options.retry_after),) if fault is Fault.RATE_LIMITED_WITH_WAIT else ()
    status, reason, text = _PAGES[fault]
    return page_in_front(status, reason, text, wait)


_PAGES = {
    Fault.RATE_LIMITED: (429, "Too Many Requests", "Slow down."),
    Fault.RATE_LIMITED_WITH_WAIT: (429, "Too Many Requests", "Slow down."),
    Fault.FORBIDDEN: (403, "Forbidden", "Access denied. Reference #18.pretend"),
    Fault.SERVER_ERROR: (500, "Internal Server Error", "Something went wrong."),
    Fault.BAD_GATEWAY: (502, "Bad Gateway", "The upstream gave no answer."),
    Fault.UNAVAILABLE: (503, "Service Unavailable", "Back soon."),
    Fault.PROXY_LOGIN: (
        200,
        "OK",
        'Sign in to reach the internet: <form action="http://proxy.example.net/login" method="post">'
        '<input name="user"><input name="password" type="password"></form>',
    ),
}


def damaged(reply: Reply, fault: Fault | None, options: VaultOptions) -> Reply:
    """The answer with its body spoilt as `fault` says; unchanged under any other fault."""
    spoil = _SPOILT.get(fault) if fault is not None else None
    return reply if spoil is None else spoil(reply, options)


def _cut(reply: Reply, _options: VaultOptions) -> Reply:
    """Half of the JSON under a length that fits the half."""
    return reply.with_body(reply.body[: len(reply.body) // 2])


def _not_utf8(reply: Reply, _options: VaultOptions) -> Reply:
    """Latin-1 octets inside a text: whoever replaces them silently changes an event."""
    spoilt = reply.body.replace(b'"Data":"', b'"Data":"\xe9\xff', 1)
    return reply.with_body(spoilt if spoilt != reply.body else reply.body.replace(b'"', b'"\xe9\xff', 1))


def _large(reply: Reply, options: VaultOptions) -> Reply:
    """The same JSON behind so many blanks that no careful caller reads it to the end."""
    return reply.with_body(b" " * options.large_octets + reply.body)


def _bomb(reply: Reply, options: VaultOptions) -> Reply:
    """A small body that unpacks to a very large one."""
    return reply.with_body(_packed_blanks(options.large_octets)).with_header("Content-Encoding", "gzip")


@lru_cache(maxsize=2)
def _packed_blanks(octets: int) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    parts = [packer.compress(_BLANKS) for _ in range(max(1, octets // len(_BLANKS)))]
    return b"".join((*parts, packer.flush()))


_SPOILT: dict[Fault, Callable[[Reply, VaultOptions], Reply]] = {
    Fault.TRUNCATED_JSON: _cut,
    Fault.NOT_UTF8: _not_utf8,
    Fault.LARGE_PAGE: _large,
    Fault.GZIP_BODY: lambda reply, _options: reply.gzipped(),
    Fault.GZIP_BOMB: _bomb,
}
