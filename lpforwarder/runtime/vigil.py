"""How long one worker has shown no sign of life. Pure: whoever looks says how much time has passed."""

from __future__ import annotations

PATIENCE = 120.0
"""Seconds for a step that waits for nobody outside: for a slow disk, the journal's lock, a busy machine."""
LONGEST_GAP = 5.0
"""Seconds between two looks that count. Looks come every two seconds; when more has passed, the process was
stopped, or the machine so busy that it did not let us look. Then it did not let the worker work either."""


class Vigil:
    """Watches one worker, which may be silent for `patience` seconds."""

    def __init__(self, patience: float) -> None:
        self.patience = patience
        self._sign: object = None
        self._silent = 0.0

    def look(self, sign: object, passed: float, *, rests: bool) -> bool:
        """Whether the worker hangs. `sign` is another one after each sign of life; `rests` is on purpose.

        `passed` are the seconds since the last look at anybody.
        """
        if rests or sign != self._sign:
            self._sign, self._silent = sign, 0.0
        else:
            self._silent += min(passed, LONGEST_GAP)
        return self._silent > self.patience
