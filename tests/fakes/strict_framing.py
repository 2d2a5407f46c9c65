"""Strict readers of the two framings of RFC 6587, written from its grammar."""

from __future__ import annotations


class NotFramed(Exception):
    """The octets are no sequence of whole frames."""


def read_octet_counted(stream: bytes) -> list[bytes]:
    """The messages of `*(MSG-LEN SP SYSLOG-MSG)`; nothing may stand between or behind the frames."""
    messages, at = [], 0
    while at < len(stream):
        space = stream.find(b" ", at)
        digits = stream[at:space]
        if space < 0 or not digits.isdigit() or digits.startswith(b"0"):
            raise NotFramed(f"MSG-LEN {digits[:20]!r}")
        end = space + 1 + int(digits)
        if end > len(stream):
            raise NotFramed("the last frame is not whole")
        messages.append(stream[space + 1 : end])
        at = end
    return messages


def read_newline(stream: bytes) -> list[bytes]:
    """The messages of `*(SYSLOG-MSG LF)`."""
    if not stream:
        return []
    if not stream.endswith(b"\n"):
        raise NotFramed("the last message has no LF")
    return stream[:-1].split(b"\n")
