"""`simulate`: the pretend vault and the pretend collector as servers of their own."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING

import click

from lpforwarder.cli.simulate_vault import vault

if TYPE_CHECKING:
    from lpforwarder.simulator.relp import RelpManners


@click.group(
    epilog="""\b
Examples:
  lpforwarder simulate collector --listen 127.0.0.1:5514
"""
)
def simulate() -> None:
    """Pretend servers, for trying things out."""


simulate.add_command(vault)


@simulate.command(
    epilog="""\b
Examples:
  lpforwarder simulate collector --listen 127.0.0.1:5514
  lpforwarder test-send --to 127.0.0.1:5514 --no-tls
  lpforwarder simulate collector --listen 127.0.0.1:2514 --relp --refuse secret
"""
)
@click.option("--listen", metavar="HOST:PORT", default="127.0.0.1:0", show_default=True)
@click.option("--tls", "cert_file", metavar="PEM", help="Speak TLS with this certificate and key.")
@click.option("--relp", is_flag=True, help="Speak RELP: acknowledge each message.")
@click.option("--refuse", metavar="TEXT", help="With --relp: refuse messages that hold this text.")
@click.option("--rate", type=float, metavar="N", help="Take no more than N messages a second.")
@click.option("--events", type=int, metavar="N", help="Exit 0 after N messages.")
def collector(
    listen: str,
    cert_file: str | None,
    relp: bool,
    refuse: str | None,
    rate: float | None,
    events: int | None,
) -> None:
    """Receive syslog over TCP, TLS or RELP and print each message on a line of its own.

    Octet counting and newline framing are told apart by themselves. The address is printed on stderr.
    """
    from lpforwarder.cli import serving_tls
    from lpforwarder.cli.addresses import split_address
    from lpforwarder.simulator.collector import PretendCollector

    if refuse is not None and not relp:
        raise click.UsageError("--refuse needs --relp: plain syslog has no way to say no.")
    context = serving_tls.from_file(cert_file)
    done = threading.Event()
    count = 0

    def show(message: bytes) -> None:
        nonlocal count
        if events is not None and count >= events:
            return
        count += 1
        sys.stdout.buffer.write(message + b"\n")
        sys.stdout.buffer.flush()
        if events is not None and count >= events:
            done.set()

    def complain(problem: str) -> None:
        click.echo(problem, err=True)

    try:
        made = PretendCollector(
            split_address(listen),
            context,
            rate,
            show,
            relp=_manners(refuse) if relp else None,
            on_problem=complain,
        )
    except OSError as error:
        raise click.ClickException(f"cannot listen on {listen}: {error.strerror or error}") from error
    with made as server:
        host, port = server.address
        spoken = ("RELP over " if relp else "") + ("TLS" if context else "TCP")
        click.echo(f"listening on {host}:{port} ({spoken}). Ctrl-C stops.", err=True)
        while not done.wait(0.5):
            pass


def _manners(refuse: str | None) -> RelpManners:
    from lpforwarder.simulator.relp import RelpManners

    if not refuse:
        return RelpManners()
    text = refuse.encode()
    return RelpManners(refuses=lambda message: text in message)
