"""When to try again: the one place that knows tenacity, and the only policy there is."""

from __future__ import annotations

from collections.abc import Callable

import tenacity
from msgspec import Struct

from lpforwarder.errors import Fatal, Transient
from lpforwarder.runtime.worker import needs_a_person

LONGEST_RETRY_AFTER = 86_400.0
"""Seconds. Nobody means it when a far side asks for more; and a huge number would never be tried again."""

LEAST_BLOCKED = 60.0
"""Seconds between two tries that only a person can mend; faster tries get accounts locked."""


class Policy(Struct, frozen=True, kw_only=True):
    """How long a worker waits after a failure. All in seconds.

    `first` doubles with each failure in a row up to `most`. `blocked` is the steady pace while a person
    has to mend something; None means `most`, but at least LEAST_BLOCKED. A run that was good for
    `good_run` begins again at `first`.
    """

    first: float = 1.0
    most: float = 60.0
    blocked: float | None = None
    good_run: float = 60.0

    def delay(self, error: BaseException, failures: int, jitter: float) -> float:
        """Seconds to wait after failure number `failures` in a row, counted from 1.

        `jitter`, 0 to 1, takes away up to half, so that many workers do not come back as one; the
        result stays within `first` and `most`. The far side's own `retry_after` wins over both, but
        `first` is kept: a far side that says 0 would have us spin.
        """
        if needs_a_person(error):
            return max(self.most, LEAST_BLOCKED) if self.blocked is None else self.blocked
        if isinstance(error, Transient) and error.retry_after is not None:
            asked = min(error.retry_after, LONGEST_RETRY_AFTER)
            return asked if asked > self.first else self.first  # also when it is not a number
        doubled = self.first * 2.0 ** min(failures - 1, 64)
        return max(self.first, min(self.most, doubled) * (1 - jitter / 2))


def keep_trying(
    run: Callable[[], None],
    *,
    delay: Callable[[Exception], float],
    rest: Callable[[float], None],
    ended: Callable[[], bool],
) -> None:
    """Calls `run` until it returns, or until it raises while `ended()`; raises only what no retry mends.

    After each failure `delay(error)` is asked once for the seconds that `rest` then waits. Fatal and
    whatever is not an Exception (SystemExit and its like) are raised at once.
    """
    tenacity.Retrying(
        retry=tenacity.retry_if_exception(_can_be_retried),
        wait=lambda call: delay(_error_of(call)),
        stop=lambda _call: ended(),
        sleep=rest,
        retry_error_callback=lambda _call: None,
    )(run)


def _can_be_retried(error: BaseException) -> bool:
    return isinstance(error, Exception) and not isinstance(error, Fatal)


def _error_of(call: tenacity.RetryCallState) -> Exception:
    error = call.outcome.exception() if call.outcome else None
    assert isinstance(error, Exception), "tenacity asks for a delay only after a failure"
    return error
