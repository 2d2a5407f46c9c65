"""TLS for the simulators: a certificate with its key from one file."""

from __future__ import annotations

import ssl
from pathlib import Path

import click

from lpforwarder.config import files


def from_file(cert_file: str | None) -> ssl.SSLContext | None:
    """What to serve with; None for plain TCP. A file that cannot be used is wrong usage."""
    if cert_file is None:
        return None
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        made.load_cert_chain(cert_file)
    except OSError as error:
        finding = files.unusable(None, Path(cert_file), None)
        raise click.UsageError(f"--tls: {finding.what if finding else error.strerror}") from error
    return made
