"""`run`: forward until stopped. `--once` and `--dry-run` are the same pipeline with an end."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from lpforwarder.cli import Globals

if TYPE_CHECKING:
    from pathlib import Path

    from lpforwarder.config.sections import LogOptions
    from lpforwarder.settings import Settings


@click.command(
    epilog="""\b
Examples:
  lpforwarder run
  lpforwarder -c /etc/lpforwarder/config.yaml run --once
  lpforwarder run --dry-run | head -3
"""
)
@click.option("--once", is_flag=True, help="Read every source to its end, hand everything over, exit.")
@click.option("--dry-run", is_flag=True, help="Print what would be sent; send nothing, move nothing.")
@click.pass_context
def run(ctx: click.Context, once: bool, dry_run: bool) -> None:
    """Forward events from every source to every collector until stopped.

    SIGTERM and Ctrl-C drain and stop; SIGHUP reads configuration, secrets and certificates again.
    """
    globals_: Globals = ctx.obj
    if once and dry_run:
        raise click.UsageError("--once and --dry-run exclude each other.")
    from lpforwarder.runtime.loading import loading

    with loading():
        work = _work(globals_, once=once, dry_run=dry_run)
    ctx.exit(work())


def _work(globals_: Globals, *, once: bool, dry_run: bool) -> Callable[[], int]:
    """What is to be done, with everything loaded and the configuration read; it gives the exit code."""
    from lpforwarder.runtime import signals

    if not dry_run:
        signals.block()  # before any thread exists, and before a signal could end us without a word
    from lpforwarder.runtime import logs
    from lpforwarder.settings import find

    path = find(globals_.config)
    settings = load_or_show(path)

    def set_up_log(options: LogOptions) -> None:
        level = "error" if globals_.verbosity < 0 else "debug" if globals_.verbosity else options.level
        logs.configure(level, options.format)

    set_up_log(settings.log)
    if dry_run:
        from lpforwarder.cli.dry_run import print_messages

        return lambda: print_messages(settings)
    if once:
        from lpforwarder.cli.once import forward_once

        show_progress = sys.stderr.isatty() and globals_.verbosity >= 0
        return lambda: forward_once(settings, show_progress=show_progress, as_json=globals_.json)
    from lpforwarder.cli.service import serve

    return lambda: serve(path, settings, set_up_log)


def load_or_show(path: Path) -> Settings:
    """The settings; every problem with its lines on stderr and exit code 77 or 78 when they are unusable."""
    from lpforwarder.config.problems import render
    from lpforwarder.settings import examine

    report = examine(path)
    if report.settings is None:
        click.echo(render(report.problems, report.document.source), err=True)
        click.get_current_context().exit(report.exit_code)
    return report.settings
