"""An honest transport without a network: a collector in memory that can fail in every way a real one can."""

from __future__ import annotations

from collections.abc import Sequence

from lpforwarder.config.options import Options
from lpforwarder.delivery.contract import Refusal
from lpforwarder.errors import Transient


class FakeTransport:
    """Keeps what it is sent; confirms on fence(), or when a test says so.

    `received` survives failures, as a real collector's disk would; `link` is this link's share of it.
    """

    Options = Options

    def __init__(self) -> None:
        self.confirm = "close"
        self.peer = "192.0.2.1:6514"
        self.received: list[bytes] = []
        self.link: list[bytes] = []
        self.opened = self.closed = self.fences = 0
        self.answers_fences = True
        self.refuses: str | None = None
        self._confirmed = 0
        self._open = False
        self._failure: Transient | None = None
        self._refusals: list[Refusal] = []

    def open(self) -> None:
        if self.refuses is not None:
            raise Transient(self.refuses, code="LPF202")
        self.opened += 1
        self._open, self._failure = True, None
        self.link, self._confirmed = [], 0

    def send(self, messages: Sequence[bytes]) -> None:
        self._alive()
        self.link += messages
        self.received += messages

    def confirmed(self, within: float) -> int:
        if self._failure is not None and not self._news:
            raise self._failure
        self._news = False
        return self._confirmed

    def refused(self) -> Sequence[Refusal]:
        refusals, self._refusals = self._refusals, []
        return refusals

    def fence(self, within: float) -> None:
        self._alive()
        self.fences += 1
        if self.answers_fences:
            self.confirm_now(len(self.link))

    def close(self) -> None:
        self.closed += 1
        self._open = False

    def abort(self) -> None:
        self.break_link("aborted", code="LPF290")

    # ---- what a test does to it ------------------------------------------------------------------------

    _news = False

    def confirm_now(self, count: int) -> None:
        """The collector is known to hold the first `count` messages of this link."""
        self._news = count > self._confirmed
        self._confirmed = max(self._confirmed, count)

    @property
    def known(self) -> int:
        """How many messages of this link the collector is known to hold."""
        return self._confirmed

    def refuse_next(self, reason: str) -> None:
        """The collector takes the first unconfirmed message of this link, and refuses it."""
        self._refusals.append(Refusal(self._confirmed + 1, reason))
        self.confirm_now(self._confirmed + 1)

    def break_link(self, why: str = "reset", code: str = "LPF214", *, loses: int = 0) -> None:
        """The link breaks; the last `loses` messages of it never arrived."""
        self._failure = Transient(why, code=code)
        if loses:
            del self.received[-loses:]
            del self.link[-loses:]

    def _alive(self) -> None:
        if self._failure is not None:
            raise self._failure
        if not self._open:
            raise Transient("not open", code="LPF290")
