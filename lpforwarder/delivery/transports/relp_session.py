"""One RELP session without its connection: numbers the commands, and tells what became of each, in order.

The octets to write come out, the octets that arrived go in. librelp insists on TXNR 1, 2, 3 … without a gap.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from lpforwarder import __version__
from lpforwarder.delivery.hygiene import one_line
from lpforwarder.delivery.transports import failures, relp_frames
from lpforwarder.delivery.transports.relp_frames import ACCEPTED, HINT, Answer, Frame, FrameError, FrameReader
from lpforwarder.errors import Failure

VERSIONS = ("0", "1")
"""The specification wants 1; librelp says 0 whatever it is offered. They do not differ."""
OFFERS = f"relp_version=0\nrelp_software=lpforwarder,{__version__}\ncommands=syslog".encode()
LONGEST_REASON = 160
_OPEN = 1


class Session:
    """What was said on one connection. hear() raises Failure at what cannot be; then the link is dead."""

    def __init__(self, peer: str) -> None:
        self.is_open = False
        """The collector has accepted the session: commands may be sent."""
        self.is_closed = False
        """The collector has answered our `close`, or ended the session after it."""
        self.software = ""
        """What the collector says it is; "" when it does not say."""
        self.verdicts: deque[int | str] = deque()
        """What became of the messages, in order: so many were accepted, or one refused for this reason."""
        self.sent = 0
        """The last TXNR in use."""
        self._peer = peer
        self._reader = FrameReader()
        self._answered = 0
        self._closing: int | None = None
        self._early: dict[int, bytes] = {}
        """Answers that overtook others, by TXNR."""

    @property
    def unanswered(self) -> int:
        """Commands without an answer."""
        return self.sent - self._answered

    # ---- what we say ----------------------------------------------------------------------------------

    def open(self) -> bytes:
        """The octets that open the session; nothing else may be sent before `is_open`."""
        self.sent = _OPEN
        return relp_frames.frame(_OPEN, b"open", OFFERS)

    def messages(self, messages: Sequence[bytes]) -> bytes:
        """The octets that hand these over, in order."""
        first = self.sent + 1
        self.sent += len(messages)
        return relp_frames.messages(first, messages)

    def close(self) -> bytes:
        """The octets that end the session; nothing may be sent behind them."""
        self.sent += 1
        self._closing = self.sent
        return relp_frames.frame(self.sent, b"close")

    # ---- what the collector says ----------------------------------------------------------------------

    def hear(self, piece: bytes) -> None:
        """Takes what has arrived, in whatever pieces."""
        self._reader.feed(piece)
        if self.is_open and self._closing is None and not self._early:
            count = self._reader.accepted(self._answered + 1, self.unanswered)
            self._answered += count
            self._note_accepted(count)
        try:
            while (frame := self._reader.next()) is not None:
                self._take(frame)
        except FrameError as error:
            raise self._broken(str(error)) from error

    def _take(self, frame: Frame) -> None:
        number, command, data = frame
        if number == HINT and command != b"rsp":
            return self._hint(command)
        if command != b"rsp":
            raise self._broken(f'it sends the command "{command.decode("ascii")}"')
        if not self._answered < number <= self.sent or number in self._early:
            raise self._broken(f"it answers number {number}, which waits for no answer")
        self._early[number] = data
        while (data_of_next := self._early.pop(self._answered + 1, None)) is not None:
            self._answered += 1
            self._settle(self._answered, data_of_next)
        return None

    def _hint(self, command: bytes) -> None:
        """Hints need no answer, and we know one only; librelp gives it before it hangs up."""
        if command != b"serverclose":
            return
        if self._closing is None:
            raise self._ended()
        self.is_closed = True

    def _ended(self) -> Failure:
        if self.is_open:
            return failures.hung_up(self._peer, "RELP session")
        return failures.not_relp(self._peer, "says goodbye")

    def _settle(self, number: int, data: bytes) -> None:
        if number == self._closing:
            self.is_closed = True  # librelp answers without a code
            return
        answer = relp_frames.answer(data)
        if number == _OPEN:
            self._opened(answer)
        elif answer.code == ACCEPTED:
            self._note_accepted(1)
        elif answer.code is not None:
            self.verdicts.append(_told(answer))
        else:
            raise self._broken("it answers a message without a code")

    def _note_accepted(self, count: int) -> None:
        if count:
            self.verdicts.append(count)

    def _opened(self, answer: Answer) -> None:
        """Checks what the collector offers; Blocked when we cannot work with it."""
        if answer.code != ACCEPTED:
            raise failures.session_refused(self._peer, _told(answer))
        version = answer.offers.get("relp_version")
        if version not in VERSIONS:
            told = f'version "{one_line(version, 20)}"' if version else "no version"
            raise failures.session_refused(self._peer, f"it offers {told} of RELP")
        if "syslog" not in answer.offers.get("commands", "").split(","):
            raise failures.session_refused(self._peer, "it does not take the command syslog")
        self.software = one_line(answer.offers.get("relp_software", ""), LONGEST_REASON)
        self.is_open = True

    def _broken(self, how: str) -> Failure:
        if self.is_open:
            return failures.breaks_relp(self._peer, how)
        return failures.not_relp(self._peer, "sends other data")


def _told(answer: Answer) -> str:
    """`500 no space left`, fit for a terminal."""
    code = "no answer code" if answer.code is None else f"{answer.code:03d}"
    return one_line(f"{code} {answer.text}", LONGEST_REASON)
