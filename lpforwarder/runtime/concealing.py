"""Values made fit for the log: no secret, no control character, nothing a reader must trust."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, quote_plus

MASK = "***"

SHORTEST_SECRET = 4
"""Characters. Masking a shorter text everywhere would make the log unreadable and protect nobody."""

_SECRET_KEY = re.compile(
    r"(?:^|[-_.])(?:secret|provhash|password|passwd|passphrase|token|authorization|api_?key|cookie)$",
    re.IGNORECASE,
)
_DEEPEST = 8


class Concealer:
    """Knows the secrets of this process and keeps them out of whatever passes through."""

    def __init__(self) -> None:
        self._secrets: tuple[str, ...] = ()

    def conceal(self, value: str) -> None:
        """From now on this text is shown as *** wherever it stands, also in its URL-encoded form."""
        forms = {value, value.strip(), quote(value, safe=""), quote_plus(value)}
        known = {form for form in forms if len(form) >= SHORTEST_SECRET} | {*self._secrets}
        # The longest first: one secret may be a part of another.
        self._secrets = tuple(sorted(known, key=lambda form: (-len(form), form)))

    def text(self, text: str) -> str:
        """`text` without any known secret."""
        for secret in self._secrets:
            if secret in text:
                text = text.replace(secret, MASK)
        return text

    def clean(self, key: str, value: object, depth: int = 0) -> Any:
        """`value` as JSON types without secrets; everything under a key that names a secret is masked."""
        if value is None or isinstance(value, bool | int):
            return MASK if value and _names_a_secret(key) else value
        if isinstance(value, Mapping | list | tuple | set | frozenset):
            return self._clean_many(key, value, depth)
        if isinstance(value, float):
            return value if value - value == 0 else str(value)  # JSON knows neither NaN nor infinity
        if isinstance(value, bytes | bytearray):
            value = value.decode("ascii", "backslashreplace")
        return MASK if _names_a_secret(key) else self.text(str(value))

    def _clean_many(self, key: str, value: Any, depth: int) -> Any:
        if _names_a_secret(key):
            return MASK
        if depth >= _DEEPEST:
            return "[nested too deep]"
        if isinstance(value, Mapping):
            return {
                self.text(str(name)): self.clean(str(name), item, depth + 1) for name, item in value.items()
            }
        return [self.clean(key, item, depth + 1) for item in value]


def _names_a_secret(key: str) -> bool:
    """True for `secret`, `client_secret`, `Authorization`; false for `secret_file`, which is no secret."""
    return _SECRET_KEY.search(key) is not None


def escape(text: str) -> str:
    r"""`text` on one line of printable characters: the rest as `\n`, `\x1b`, `\u202e`, `\ud800`.

    Else a value could end the line and forge the next one, or command the terminal that shows it.
    """
    if text.isprintable():
        return text
    return "".join(map(_escaped, text))


def _escaped(character: str) -> str:
    return character if character.isprintable() else character.encode("unicode_escape").decode("ascii")
