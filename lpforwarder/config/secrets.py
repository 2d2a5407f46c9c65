"""Secrets from where they are kept: a file, a systemd credential, an environment variable.

Read anew each time, so that a replaced secret needs no restart. White space around it does not belong to it,
and neither do the quotation marks in which the vendor's console shows it.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from lpforwarder.config import files
from lpforwarder.errors import Denied

LONGEST = 65_536
"""Octets of a secret file; whatever is longer is not a secret."""

CREDENTIALS: Final = "CREDENTIALS_DIRECTORY"
"""Where systemd says the credentials of `LoadCredential=` are."""


class Secret:
    """A secret that shows itself only when asked: as text, in a log or in an exception it is ***."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The secret itself."""
        return self._text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._text == other._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __repr__(self) -> str:
        return "***"


def from_file(path: Path, *, private: bool = True) -> Secret:
    """The secret in a file. Raises Denied: LPF110 others can read it, LPF111 empty, LPF119 or LPF122.

    `private` asks that nobody but the owner can read it.
    """
    try:
        octets = _octets(path, private=private)
    except PermissionError as error:
        fix = f"let the user of the service read it: chown or chgrp {path}"
        raise Denied(f"{path} cannot be read by this user", code="LPF122", fix=fix) from error
    except OSError as error:
        what = f"{path} cannot be read: {(error.strerror or 'unknown').lower()}"
        raise Denied(what, code="LPF119", fix="create it, or correct the path") from error
    return _secret(octets, str(path))


def from_credential(name: str, environ: Mapping[str, str] = os.environ) -> Secret:
    """The systemd credential of that name. Raises Denied like from_file."""
    folder = environ.get(CREDENTIALS)
    if not folder:
        fix = f"put LoadCredential={name}:FILE into the unit, or use secret_file"
        raise Denied(f"there is no credential {name}: ${CREDENTIALS} is not set", code="LPF119", fix=fix)
    # systemd itself decides who can read it; some versions let the service's group.
    return from_file(Path(folder) / name, private=False)


def from_variable(name: str, environ: Mapping[str, str] = os.environ) -> Secret:
    """The secret in an environment variable. Raises Denied LPF111 when it is not set or empty."""
    # Undecodable octets come as lone surrogates; they must become the octets they were.
    return _secret(os.fsencode(environ.get(name, "")), f"${name}")


def _octets(path: Path, *, private: bool) -> bytes:
    with open(path, "rb", opener=files.open_at_once) as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "not a file")
        mode = stat.S_IMODE(status.st_mode)
        if private and mode & 0o077:
            who = "everyone here" if mode & 0o007 else "its group"
            fix = f"chmod 600 {path}; if it has been so for long, make a new one"
            raise Denied(f"{path} can be read by {who} ({mode:04o})", code="LPF110", fix=fix)
        return file.read(LONGEST + 1)


def _secret(octets: bytes, where: str) -> Secret:
    try:
        text = octets.decode("utf-8-sig").strip()
    except UnicodeDecodeError:
        text = "\0"
    if len(text) >= 2 and text[0] == text[-1] and text[0] in "\"'":
        text = text[1:-1].strip()
    if not text:
        raise Denied(f"{where} is empty", code="LPF111", fix="write the secret into it")
    if len(octets) > LONGEST or not text.isprintable():
        raise Denied(f"{where} does not hold a secret", code="LPF111", fix="write the secret alone into it")
    return Secret(text)
