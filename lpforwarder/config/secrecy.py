"""What looks like a secret written into the configuration: which keys, which values, how lines are masked."""

from __future__ import annotations

import difflib
import functools
import re
from collections.abc import Iterable

MASK = "***"

_WORDS = ("secret", "password", "passwd", "passphrase", "provhash", "token", "apikey")
_ENDS = re.compile(rf"(?:{'|'.join(_WORDS)}|api[_-]?key|private[_-]?key)s?\Z", re.IGNORECASE)
_IN_A_LINE = re.compile(
    rf"""(?P<key>[\w-]*(?:{"|".join(_WORDS)}|api[_-]?key|private[_-]?key)s?["']?\s*[:=]\s*)(?P<value>\S.*)""",
    re.IGNORECASE,
)
_IN_A_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/\s@]*:[^/\s@]*@")
_PRIVATE_KEY = "PRIVATE KEY-----"


def names_secret(key: str) -> bool:
    """True for `secret`, `api_token`, `clientPassword`; false for `secret_file` and its like."""
    return _ENDS.search(key) is not None


@functools.lru_cache(maxsize=1024)  # a thousand sources have the same keys
def resembles_secret(key: str) -> bool:
    """True for a key that may be a mistyped secret: its value is not shown."""
    last = re.split(r"[^A-Za-z0-9]", key)[-1].lower()
    return names_secret(key) or bool(difflib.get_close_matches(last, _WORDS, 1, 0.8))


def holds_secret(value: str) -> bool:
    """True for a URL with a password in it, and for a private key."""
    return _IN_A_URL.search(value) is not None or _PRIVATE_KEY in value


def spans(line: str) -> Iterable[tuple[int, int]]:
    """The parts of a line that look like a secret, comments included, from 0."""
    for match in _IN_A_LINE.finditer(line):
        yield match.span("value")
    for match in _IN_A_URL.finditer(line):
        yield match.span()
