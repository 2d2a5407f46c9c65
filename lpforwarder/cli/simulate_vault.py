"""`simulate vault`: the pretend vault as a server of its own, to try any LastPass integration against."""

from __future__ import annotations

import contextlib
import sys
import threading
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from lpforwarder.simulator.vault.vault import Vault


@click.command(
    epilog="""\b
Examples:
  lpforwarder simulate vault
  lpforwarder simulate vault --listen 127.0.0.1:8700 --events 5000 --rate 2 --seed 7
  lpforwarder simulate vault --faults 0.1 --late 0.05
  lpforwarder simulate vault --set order=shuffled --set empty=null --fault truncated-json=0.2
  echo 'fail rate-limited reset-in-body' | lpforwarder simulate vault --orders
"""
)
@click.option("--listen", metavar="HOST:PORT", default="127.0.0.1:0", show_default=True)
@click.option(
    "--events", type=click.IntRange(min=0), default=0, metavar="N", help="Past events to begin with."
)
@click.option(
    "--days", type=float, default=7.0, show_default=True, help="Days the past events are spread over."
)
@click.option(
    "--rate",
    type=click.FloatRange(min=0),
    default=1.0,
    show_default=True,
    help="Events a second from now on.",
)
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed, the same history.")
@click.option("--zone", default="America/New_York", show_default=True, help="The account's time zone.")
@click.option("--account", metavar="CID", help="The account number it answers to.")
@click.option("--secret-file", metavar="FILE", help="The API secret it accepts; else a made-up one, printed.")
@click.option("--tls", "cert_file", metavar="PEM", help="Speak HTTPS with this certificate and key.")
@click.option(
    "--faults", type=click.FloatRange(0, 1), default=0.0, help="Share of requests that fail, in every way."
)
@click.option("--fault", "named", multiple=True, metavar="NAME=SHARE", help="One kind of fault; repeatable.")
@click.option("--late", type=click.FloatRange(0, 1), default=0.0, help="Share of events that show up late.")
@click.option("--page-size", type=click.IntRange(min=1), default=10_000, show_default=True)
@click.option(
    "--set", "others", multiple=True, metavar="SWITCH=VALUE", help="Any other switch of docs/simulator.md."
)
@click.option("--orders", is_flag=True, help="Read orders from stdin while it runs: help lists them.")
def vault(
    listen: str,
    events: int,
    days: float,
    rate: float,
    seed: int,
    zone: str,
    account: str | None,
    secret_file: str | None,
    cert_file: str | None,
    faults: float,
    named: tuple[str, ...],
    late: float,
    page_size: int,
    others: tuple[str, ...],
    orders: bool,
) -> None:
    """Answer like the LastPass reporting API, oddities included.

    What a client needs to know is printed on stderr; docs/simulator.md tells more.
    """
    from zoneinfo import ZoneInfoNotFoundError

    from lpforwarder.cli import serving_tls
    from lpforwarder.cli.addresses import split_address
    from lpforwarder.simulator.vault.options import VaultOptions
    from lpforwarder.simulator.vault.orders import plan, switches
    from lpforwarder.simulator.vault.server import PretendVault

    context = serving_tls.from_file(cert_file)
    usual = VaultOptions()
    try:
        given: dict[str, Any] = {
            "account": account or usual.account,
            "secret": usual.secret if secret_file is None else _secret(secret_file),
            "events": events,
            "days": days,
            "rate": rate,
            "seed": seed,
            "zone": zone,
            "faults": plan([f"all={faults}", *named], seed=seed),
            "late_share": late,
            "page_size": page_size,
        }
        options = VaultOptions(**given | switches(others))
        server = PretendVault(split_address(listen), options, tls=context)
        server.start()
    except OSError as error:
        raise click.UsageError(f"--listen {listen}: {error.strerror}") from error
    except (ValueError, ZoneInfoNotFoundError) as error:
        raise click.UsageError(str(error)) from error
    with contextlib.closing(server):
        click.echo(f"listening on {server.url}", err=True)
        shown = options.secret if secret_file is None else f"(in {secret_file})"
        click.echo(f"account {options.account}, secret {shown}. Ctrl-C stops.", err=True)
        if orders:
            _obey(server)
        threading.Event().wait()


def _obey(vault: Vault) -> None:
    """Every line of stdin, to its end; the vault goes on afterwards."""
    from lpforwarder.simulator.vault.orders import obey

    for line in sys.stdin:
        try:
            answer = obey(vault, line)
        except (ValueError, TypeError) as error:
            answer = f"not done: {error}"
        if answer:
            click.echo(answer, err=True)


def _secret(path: str) -> str:
    from pathlib import Path

    from lpforwarder.config.secrets import from_file

    return from_file(Path(path)).reveal()
