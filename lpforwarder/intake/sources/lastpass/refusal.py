"""Restraint after refused credentials: the same secret is not tried again for minutes, a new one at once."""

from __future__ import annotations

import time
from collections.abc import Callable

from lpforwarder.config.secrets import Secret
from lpforwarder.errors import Blocked

FIRST_PAUSE = 60.0
"""Seconds; doubles with each refusal of the same secret."""
LONGEST_PAUSE = 600.0


class Refusal:
    """Remembers which secret was refused, and until when it is not worth a call."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._secret: Secret | None = None
        self._error: Blocked | None = None
        self._pause = 0.0
        self._until = 0.0

    def check(self, secret: Secret) -> None:
        """Raises Blocked when this secret was refused a moment ago."""
        if self._error is None or secret != self._secret or self._now() >= self._until:
            return
        repeated = Blocked(self._error.what, code=self._error.code, fix=self._error.fix)
        repeated.rest = self._until - self._now()
        raise repeated

    def note(self, secret: Secret, error: Blocked) -> None:
        """The vault has refused this secret; the error learns for how long it is spared."""
        again = secret == self._secret
        self._pause = min(self._pause * 2, LONGEST_PAUSE) if again and self._pause else FIRST_PAUSE
        self._secret, self._error, self._until = secret, error, self._now() + self._pause
        error.rest = self._pause

    def forget(self) -> None:
        """The next try is a first one."""
        self._secret, self._error, self._pause, self._until = None, None, 0.0, 0.0
