"""The collector's side of RELP, for the pretend collector: answers each command, or misbehaves on request."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from lpforwarder.delivery.transports.relp_frames import Frame, FrameError, FrameReader, frame
from lpforwarder.simulator.frames import LONGEST

_OFFERS: Final = b"\nrelp_version=0\nrelp_software=lpforwarder-simulator\ncommands=syslog"
_GOODBYE: Final = frame(0, b"serverclose")
_ALL: Final = 2**31


def _nothing(message: bytes) -> bool:  # noqa: ARG001
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class RelpManners:
    """How a pretend collector speaks RELP. The default is a good one; each other value is a bad habit."""

    refuses: Callable[[bytes], bool] = _nothing
    """Which messages it answers with `500`; asked each time one is offered, and they are not received."""
    refuses_sessions: bool = False
    """Answers `open` with `500` and hangs up."""
    answers: int = _ALL
    """So many messages of each session are answered; the others are received, and nothing is said."""
    closes_after: int = _ALL
    """Ends each session with `serverclose` once it has received so many messages."""
    says: bytes = b""
    """Octets said in place of each answer to a message."""


class RelpSession:
    """One session of a collector: what arrives goes in, messages and what is to be said come out.

    Strict like librelp: TXNR 1, 2, 3 …, `open` first, nothing unknown; else it is over.
    """

    def __init__(self, manners: RelpManners, on_problem: Callable[[str], object]) -> None:
        self._manners = manners
        self._on_problem = on_problem
        self._reader = FrameReader(LONGEST)
        self._number = 0
        self._is_open = False
        self._taken = 0
        self._messages: list[bytes] = []
        self._answers: list[bytes] = []
        self.is_over = False
        """Say what is to be said, then close."""

    def feed(self, chunk: bytes) -> list[bytes]:
        """The messages completed by this chunk, in order, without those it refuses."""
        self._messages = []
        self._reader.feed(chunk)
        try:
            while not self.is_over and (asked := self._reader.next()) is not None:
                self._obey(asked)
        except FrameError as error:
            self._end(f"not RELP: {error}")
        return self._messages

    def answers(self) -> bytes:
        """What is to be said now that these messages have been received."""
        said, self._answers = b"".join(self._answers), []
        return said

    def end(self) -> None:
        """The stream is over: reports what is left of a frame."""
        if self._reader.held and not self.is_over:
            self._on_problem(f"the stream ended inside a frame, {self._reader.held} octets had arrived")

    def _obey(self, asked: Frame) -> None:
        self._number += 1
        if asked.number != self._number:
            return self._end(f"command {asked.number} where {self._number} was due")
        obey = {b"open": self._open, b"syslog": self._syslog, b"close": self._close}.get(asked.command)
        return obey(asked.data) if obey is not None else self._end("an unknown command")

    def _open(self, offers: bytes) -> None:
        refuses = self._manners.refuses_sessions or self._is_open or b"commands=syslog" not in offers
        self._say(b"500 session refused" if refuses else b"200 OK" + _OFFERS)
        self._is_open = True
        self.is_over = refuses

    def _syslog(self, message: bytes) -> None:
        manners = self._manners
        if not self._is_open:
            return self._say(b"500 command disabled")
        if manners.refuses(message):
            return self._say(b"500 message refused")
        self._messages.append(message)
        self._taken += 1
        if self._taken > manners.answers:
            return None
        if manners.says:
            self._answers.append(manners.says)
        else:
            self._say(b"200 OK")
        return self._end("enough") if self._taken >= manners.closes_after else None

    def _close(self, data: bytes) -> None:  # noqa: ARG002
        self._say(b"")  # librelp has no 200 for it
        self._answers.append(_GOODBYE)
        self.is_over = True

    def _say(self, data: bytes) -> None:
        self._answers.append(frame(self._number, b"rsp", data))

    def _end(self, why: str) -> None:
        self._on_problem(why)
        self._answers.append(_GOODBYE)
        self.is_over = True
