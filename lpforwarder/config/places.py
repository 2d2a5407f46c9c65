"""Where state and sockets go when the configuration does not say."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def state_folder(environ: Mapping[str, str], *, root: bool) -> Path:
    """systemd's STATE_DIRECTORY, else /var/lib for root, else below $XDG_STATE_HOME."""
    if given := _first(environ.get("STATE_DIRECTORY", "")):
        return given
    if root:
        return Path("/var/lib/lpforwarder")
    return (_absolute(environ.get("XDG_STATE_HOME", "")) or Path.home() / ".local/state") / "lpforwarder"


def runtime_folder(environ: Mapping[str, str], *, root: bool) -> Path:
    """systemd's RUNTIME_DIRECTORY, else /run for root, else below $XDG_RUNTIME_DIR, else the state folder."""
    if given := _first(environ.get("RUNTIME_DIRECTORY", "")):
        return given
    if root:
        return Path("/run/lpforwarder")
    runtime = _absolute(environ.get("XDG_RUNTIME_DIR", ""))
    return runtime / "lpforwarder" if runtime else state_folder(environ, root=root)


def _first(folders: str) -> Path | None:
    """systemd gives several folders with colons between them; the first is ours (systemd.exec(5))."""
    return _absolute(folders.split(":")[0])


def _absolute(text: str) -> Path | None:
    """A relative path in an XDG variable is to be ignored (XDG Base Directory Specification)."""
    return Path(text) if text.startswith("/") else None
