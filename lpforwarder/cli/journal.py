"""`journal`: look at the file that holds all state, check it to the last octet, set it right."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lpforwarder.cli import Globals

if TYPE_CHECKING:
    from lpforwarder.cli.journal_pages import Facts
    from lpforwarder.journal.sqlite import SqliteJournal
    from lpforwarder.settings import Settings

SHOW_EVERY = 0.5  # seconds between two lines of progress

_json = click.option("--json", "as_json", is_flag=True, help="Facts as JSON on stdout.")
_file = click.option(
    "--file", type=click.Path(dir_okay=False), metavar="FILE", help="This file instead of journal.path."
)


@click.group(
    epilog="""\b
Examples:
  lpforwarder journal info
  lpforwarder journal verify
  lpforwarder journal repair
"""
)
def journal() -> None:
    """Look at the journal, check it, or put a new one in the place of a damaged one."""


@journal.command(
    epilog="""\b
Examples:
  lpforwarder journal info
  lpforwarder --json journal info
"""
)
@_file
@_json
@click.pass_context
def info(ctx: click.Context, file: str | None, as_json: bool) -> None:
    """Say what the journal holds, what is missing, what lies beside it. Exit code 7 when there is none."""
    from lpforwarder.cli import journal_pages

    try:
        facts = journal_pages.facts_of(_path(ctx.obj, file))
    except FileNotFoundError as error:
        _none(ctx, error)
    else:
        _show(ctx.obj, as_json, facts, journal_pages.info)


@journal.command(
    epilog="""\b
Examples:
  lpforwarder journal verify
  lpforwarder journal verify --file journal.db.damaged-20261122T190630Z
"""
)
@_file
@_json
@click.pass_context
def verify(ctx: click.Context, file: str | None, as_json: bool) -> None:
    """Read the whole journal and compare it with its checksums; change nothing.

    Works beside a running service. Exit code 0 when everything is what was written, 3 when it is not, 7 when
    there is no journal.
    """
    from lpforwarder.cli import journal_pages
    from lpforwarder.journal.verifying import verify as look

    path = _path(ctx.obj, file)
    try:
        found = look(path, _progress(ctx.obj, as_json))
    except FileNotFoundError as error:
        _none(ctx, error)
    else:
        _show(ctx.obj, as_json, journal_pages.verified(path, found), journal_pages.verdict)
        ctx.exit(0 if found.is_good else 3)


@journal.command(
    epilog="""\b
Examples:
  lpforwarder journal repair          while the service is stopped
"""
)
@_json
@click.pass_context
def repair(ctx: click.Context, as_json: bool) -> None:
    """Set a damaged journal aside, and begin a new one with all that is whole.

    The damaged file is kept. Nothing is changed when nothing is damaged. Exit code 75 while the service runs,
    7 when there is no journal.
    """
    from lpforwarder.cli import journal_pages
    from lpforwarder.journal import repairing

    settings = _settings(ctx.obj)
    path = settings.journal.path
    try:
        done = repairing.repair(path, lambda: _opened(settings), _progress(ctx.obj, as_json))
    except FileNotFoundError as error:
        _none(ctx, error)
    else:
        _show(ctx.obj, as_json, journal_pages.repaired(path, done), journal_pages.outcome)


# ---- its parts -------------------------------------------------------------------------------------------


def _none(ctx: click.Context, error: FileNotFoundError) -> None:
    click.echo(f"{str(error)[:1].upper()}{str(error)[1:]}.", err=True)
    ctx.exit(7)


def _show(globals_: Globals, as_json: bool, facts: Facts, words: Callable[[Facts], list[str]]) -> None:
    if as_json or globals_.json:
        click.echo(json.dumps(facts, indent=2))
    else:
        click.echo("\n".join(words(facts)))


def _settings(globals_: Globals) -> Settings:
    """Of the configuration; the files it names are not looked at."""
    from lpforwarder.settings import decode, find, read

    path = find(globals_.config)
    return decode(read(path), path)


def _path(globals_: Globals, file: str | None) -> Path:
    return Path(file).absolute() if file is not None else _settings(globals_).journal.path


def _opened(settings: Settings) -> SqliteJournal:
    """The journal as the service would open it."""
    from lpforwarder.journal.sqlite import open_journal

    options = settings.journal
    return open_journal(
        options.path, keep=options.keep, max_size=options.max_size, when_full=options.when_full
    )


def _progress(globals_: Globals, as_json: bool) -> Callable[[int, int], None] | None:
    """A line that counts, on a terminal; long files only."""
    import time

    if as_json or globals_.json or globals_.verbosity < 0 or not sys.stderr.isatty():
        return None
    told = time.monotonic()

    def show(place: int, last: int) -> None:
        nonlocal told
        if time.monotonic() - told >= SHOW_EVERY or place >= last:
            told = time.monotonic()
            end = "\n" if place >= last else ""
            print(f"\r  read up to {place:,} of {last:,} ", end=end, file=sys.stderr, flush=True)

    return show
