"""`token`: who may read the pull API."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import click

from lpforwarder.cli import Globals

if TYPE_CHECKING:
    from lpforwarder.endpoint.tokens import Token, TokenFile
    from lpforwarder.settings import Settings

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")

_json = click.option("--json", "as_json", is_flag=True, help="Facts as JSON on stdout.")


@click.group(
    epilog="""\b
Examples:
  lpforwarder token create splunk
  lpforwarder token create auditor --expires 90d --source acme --rate 1/s
  lpforwarder token revoke splunk
"""
)
def token() -> None:
    """Create, list and revoke tokens for the pull API. A running service knows of a change at once."""


@token.command(
    epilog="""\b
Examples:
  lpforwarder token create splunk
  lpforwarder token create auditor --expires 2026-12-31T00:00:00Z --source acme
"""
)
@click.argument("name")
@click.option("--expires", metavar="WHEN", help="A duration such as 90d, or an RFC 3339 time; else never.")
@click.option("--source", "sources", multiple=True, metavar="NAME", help="Only this source; may be repeated.")
@click.option("--rate", metavar="N/s", help="Requests a second, or N/m a minute; else no limit.")
@_json
@click.pass_context
def create(
    ctx: click.Context,
    name: str,
    expires: str | None,
    sources: tuple[str, ...],
    rate: str | None,
    as_json: bool,
) -> None:
    """Make a token and show it, this once: only its hash is kept."""
    from lpforwarder import rfc3339
    from lpforwarder.endpoint.tokens import make

    if not _NAME.match(name):
        raise click.BadParameter(f"{name!r} cannot be a name: letters, digits, . _ - and 64 of them at most")
    settings = _settings(ctx.obj)
    _check_sources(settings, sources)
    text, made = make(
        name, now=rfc3339.now(), expires=_expiry(expires), sources=sources or None, rate=_rate(rate)
    )
    _file(settings).add(made)
    if as_json or ctx.obj.json:
        click.echo(json.dumps({"token": text, **_facts(made)}, indent=2))
        return
    click.echo(text)
    click.echo(f"This is the token {name}. It is shown only now. {_described(made)}", err=True)
    if settings.http.listen is None:
        click.echo("note: http.listen is none, so nothing answers yet.", err=True)


@token.command("list", epilog="\b\nExample:\n  lpforwarder token list\n")
@_json
@click.pass_context
def list_(ctx: click.Context, as_json: bool) -> None:
    """List the tokens; what they look like is known to nobody but their holders."""
    from lpforwarder import rfc3339

    tokens = _file(_settings(ctx.obj)).all()
    if as_json or ctx.obj.json:
        click.echo(json.dumps({"version": 1, "tokens": [_facts(one) for one in tokens]}, indent=2))
    elif not tokens:
        click.echo("No tokens. Make one: lpforwarder token create NAME")
    for one in () if as_json or ctx.obj.json else tokens:
        ended = "" if one.is_valid_at(rfc3339.now()) else "  EXPIRED"
        click.echo(f"{one.name:<20} {_described(one)}{ended}")


@token.command(epilog="\b\nExample:\n  lpforwarder token revoke splunk\n")
@click.argument("name")
@click.pass_context
def revoke(ctx: click.Context, name: str) -> None:
    """Make a token worthless, at once. Exit code 7 when there is none of that name."""
    if _file(_settings(ctx.obj)).remove(name):
        click.echo(f"{name} is revoked.")
    else:
        click.echo(f"There is no token called {name}. See: lpforwarder token list", err=True)
        ctx.exit(7)


def _settings(globals_: Globals) -> Settings:
    from lpforwarder.settings import find, load

    return load(find(globals_.config))


def _file(settings: Settings) -> TokenFile:
    from lpforwarder.endpoint.tokens import TokenFile, beside

    return TokenFile(beside(settings.journal.path))


def _check_sources(settings: Settings, sources: tuple[str, ...]) -> None:
    known = [source.name for source in settings.sources]
    for name in sources:
        if name not in known:
            raise click.BadParameter(
                f"there is no source {name!r}; the configuration has: {', '.join(known)}"
            )


def _expiry(text: str | None) -> str | None:
    """The time as RFC 3339 in our form."""
    from lpforwarder import rfc3339

    if text is None:
        return None
    now = rfc3339.now()
    time = rfc3339.canonical(text) or _after(now, text)
    if time <= now:
        raise click.BadParameter(f"{text!r} is over already: the token would never work")
    return time


def _after(now: str, duration: str) -> str:
    from lpforwarder import rfc3339
    from lpforwarder.config.options import seconds

    began = rfc3339.parse(now)
    assert began is not None
    try:
        return rfc3339.render(began + int(seconds(duration) * 1000))
    except (ValueError, OverflowError):
        raise click.BadParameter(f"{duration!r} is neither a duration (90d) nor an RFC 3339 time") from None


def _rate(text: str | None) -> float | None:
    """Requests a second."""
    if text is None:
        return None
    number, _, unit = text.partition("/")
    if not (number.isascii() and number.isdigit() and 0 < int(number) <= 10_000 and unit in ("s", "m")):
        raise click.BadParameter(f"{text!r} is not a rate: write 5/s or 30/m")
    return int(number) / (1 if unit == "s" else 60)


def _facts(one: Token) -> dict[str, object]:
    return {
        "name": one.name,
        "created": one.created,
        "expires": one.expires,
        "sources": one.sources,
        "rate": one.rate,
    }


def _described(one: Token) -> str:
    reads = "all sources" if one.sources is None else ", ".join(one.sources)
    until = f"until {one.expires}" if one.expires else "until it is revoked"
    pace = "" if one.rate is None else f", {_spoken(one.rate)}"
    return f"It reads {reads}{pace}, {until}."


def _spoken(rate: float) -> str:
    return f"{rate:g} requests a second" if rate >= 1 else f"{rate * 60:g} requests a minute"
