"""The key that seals the cursors: made once, and kept in a file beside the tokens."""

from __future__ import annotations

import os
from pathlib import Path

import structlog

from lpforwarder.errors import Blocked, Denied
from lpforwarder.runtime.replacing import replace

OCTETS = 64
"""As cursors.KEY_OCTETS, which takes a while to load."""

log = structlog.get_logger()


def beside(journal: Path) -> Path:
    """Where the key of the service with this journal is; in its own file, so that it outlives the journal."""
    return journal.with_name("cursors.key")


def kept(path: Path) -> bytes:
    """The key in this file, which is made if there is none; 64 octets, in the file as hexadecimal digits.

    Blocked (LPF533) when the file holds something else, Denied (LPF533) when it cannot be read or made.
    """
    try:
        if not path.exists():
            replace(path, os.urandom(OCTETS).hex().encode() + b"\n")
            log.info("endpoint.key_made", path=str(path))
        key = bytes.fromhex(path.read_text("ascii").strip())
    except OSError as error:
        what = f"cannot use the key of the cursors {path}: {os.strerror(error.errno or 0)}"
        raise Denied(what, code="LPF533", fix="give it to the user of the service, mode 0600") from error
    except ValueError:
        key = b""
    if len(key) != OCTETS:
        fix = "put the old one back, or move it away: with a new one readers begin with the oldest"
        raise Blocked(f"{path} is no key of cursors", code="LPF533", fix=fix)
    return key
