"""Messages → the octets of a stream, in the two ways that RFC 6587 describes."""

from __future__ import annotations

from collections.abc import Sequence

from lpforwarder.delivery.contract import Framer
from lpforwarder.lines import framed


class OctetCounting:
    """`MSG-LEN SP SYSLOG-MSG`: the length in octets, without leading zero; RFC 6587 §3.4.1, RFC 5425 §4.3."""

    def frame(self, messages: Sequence[bytes]) -> bytes:
        """All frames joined, in order. An empty message has no frame: MSG-LEN cannot be 0."""
        # Compiled 0.05 µs a message, written with % 0.3.
        if framed is not None:
            return framed(list(messages))
        return b"".join([b"%d %b" % (len(message), message) for message in messages if message])


class Newline:
    """`SYSLOG-MSG LF`, RFC 6587 §3.4.2: only for receivers that cannot count."""

    def frame(self, messages: Sequence[bytes]) -> bytes:
        """All frames joined, in order; an empty message has no frame.

        Our formats write no LF. Should a stranger's write one, it becomes a space: what stands behind a
        raw LF would arrive as a message of its own, and that is how log lines are forged.
        """
        whole = [message for message in messages if message]
        stream = b"".join([b"%b\n" % message for message in whole])
        if stream.count(b"\n") == len(whole):
            return stream
        return b"".join([message.replace(b"\n", b" ") + b"\n" for message in whole])


FRAMERS: dict[str, type[Framer]] = {"octet-counting": OctetCounting, "newline": Newline}
"""By the name used in the configuration."""


def by_name(name: str) -> Framer:
    """The framer of the configuration's `framing: NAME`; LookupError with the known names otherwise."""
    if name not in FRAMERS:
        raise LookupError(f"no framing named {name!r}; known: {', '.join(FRAMERS)}")
    return FRAMERS[name]()
