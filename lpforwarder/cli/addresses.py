"""`HOST:PORT` on the command line."""

from __future__ import annotations

import click


def split_address(text: str) -> tuple[str, int]:
    """Host and port; IPv6 in brackets. A usage error tells what is wrong."""
    host, colon, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not colon or not host or not port.isdigit() or int(port) > 65535:
        raise click.BadParameter(f"{text!r} is not HOST:PORT, for example 127.0.0.1:6514 or [::1]:6514")
    return host, int(port)
