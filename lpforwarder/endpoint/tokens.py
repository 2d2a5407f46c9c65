"""Who may read: tokens that are shown once and kept as hashes.

A token is 256 random bits, so a plain SHA-256 of it is enough: there is nothing to guess. The file is
read again when it has changed, so that a new token works at once and a revoked one does not.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import asdict

from lpforwarder import rfc3339
from lpforwarder.errors import Blocked, Denied
from lpforwarder.runtime.replacing import exclusive, replace

PREFIX = "lpf_"
_LONGEST = 200


class Token(Struct, frozen=True, kw_only=True):
    """What is known of a token; the token itself is not."""

    name: str
    digest: str
    """SHA-256 in hex."""
    created: str
    expires: str | None = None
    sources: tuple[str, ...] | None = None
    """The sources it may read; None means all."""
    rate: float | None = None
    """Requests a second; None means no limit of its own."""

    def is_valid_at(self, now: str) -> bool:
        """False from its expiry on; times in our form sort as texts."""
        return self.expires is None or now < self.expires


def make(
    name: str, *, now: str, expires: str | None, sources: Sequence[str] | None, rate: float | None
) -> tuple[str, Token]:
    """A new token: its text, which is shown once, and what is kept of it."""
    text = PREFIX + secrets.token_urlsafe(32)
    kept = Token(
        name=name,
        digest=digest(text),
        created=now,
        expires=expires,
        sources=None if sources is None else tuple(sources),
        rate=rate,
    )
    return text, kept


def digest(text: str) -> str:
    """What is kept of a token."""
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def beside(journal: Path) -> Path:
    """Where the tokens of the service with this journal are; in its own file, so that they outlive it."""
    return journal.with_name("tokens.json")


class TokenFile:
    """The tokens in one file; every method may be called from any thread, in any process.

    Blocked (LPF530) when the file is none of ours, Denied (LPF531) when it cannot be read or written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._guard = threading.Lock()
        self._seen: tuple[int, int, int] | None = None
        self._tokens: tuple[Token, ...] = ()

    def all(self) -> tuple[Token, ...]:
        """The tokens as the file holds them now, in order of their making."""
        with self._guard:
            try:
                found = self._path.stat()
            except FileNotFoundError:
                self._seen, self._tokens = None, ()
                return ()
            except OSError as error:
                raise _denied(self._path, error) from error
            seen = (found.st_ino, found.st_mtime_ns, found.st_size)
            if seen != self._seen:
                self._tokens, self._seen = self._read(), seen
            return self._tokens

    def holder(self, text: str, now: str) -> Token | None:
        """The token with this text, if it is valid now.

        Every one is compared, and each comparison takes the same time whatever it finds.
        """
        if len(text) > _LONGEST:
            return None
        asked = digest(text)
        found = None
        for token in self.all():
            if hmac.compare_digest(token.digest, asked) and token.is_valid_at(now):
                found = token
        return found

    def add(self, token: Token) -> None:
        """Keeps one more; Blocked (LPF532) when the name is taken."""
        with self._alone():
            known = self.all()
            if any(other.name == token.name for other in known):
                what = f"there is a token called {token.name} already"
                raise Blocked(what, code="LPF532", fix="choose another name, or revoke that one first")
            self._write([*known, token])

    def remove(self, name: str) -> bool:
        """Forgets one at once; False when there was none."""
        if not any(token.name == name for token in self.all()):
            return False
        with self._alone():
            known = self.all()
            kept = [token for token in known if token.name != name]
            if len(kept) == len(known):
                return False
            self._write(kept)
            return True

    @contextmanager
    def _alone(self) -> Iterator[None]:
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)  # the service never ran
            with exclusive(self._path):
                yield
        except OSError as error:
            raise _denied(self._path, error) from error

    def _read(self) -> tuple[Token, ...]:
        try:
            content = json.loads(self._path.read_bytes())
            return tuple(_token(item) for item in content["tokens"])
        except OSError as error:
            raise _denied(self._path, error) from error
        except (ValueError, KeyError, TypeError) as error:
            raise Blocked(
                f"{self._path} is no token file",
                code="LPF530",
                fix="move it away; new tokens: lpforwarder token create NAME",
            ) from error

    def _write(self, tokens: Sequence[Token]) -> None:
        content = {"version": 1, "tokens": [asdict(token) for token in tokens]}
        text = json.dumps(content, indent=1).encode()
        try:
            replace(self._path, text)
        except OSError as error:
            raise _denied(self._path, error) from error


def _token(item: dict[str, Any]) -> Token:
    sources = item["sources"]
    token = Token(**(item | {"sources": None if sources is None else tuple(sources)}))
    if token.expires is not None and rfc3339.of_canonical(token.expires) is None:
        raise ValueError("expires")
    return token


def _denied(path: Path, error: OSError) -> Denied:
    return Denied(
        f"cannot use the token file {path}: {os.strerror(error.errno or 0)}",
        code="LPF531",
        fix="run the command as root or as the user of the service",
    )
