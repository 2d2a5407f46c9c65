"""`check-config`: every problem of the configuration and of the files it names; no network, no change."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import click
from msgspec.structs import replace

if TYPE_CHECKING:  # loading pydantic takes longer than --help may
    from lpforwarder.errors import ConfigError, Problem
    from lpforwarder.settings import Report, Settings


@click.command(
    epilog="""\b
Examples:
  lpforwarder check-config
  lpforwarder -c new.yaml check-config --strict
"""
)
@click.option("-c", "--config", metavar="FILE", help="The file to check, as before the command.")
@click.option("--show", is_flag=True, help="Print what is in effect, and where each value comes from.")
@click.option("--schema", is_flag=True, help="Print the JSON Schema of the configuration, for editors.")
@click.option("--strict", is_flag=True, help="Notes are errors.")
@click.option("--json", "as_json", is_flag=True, help="Facts as JSON on stdout.")
@click.pass_context
def check_config(
    ctx: click.Context, config: str | None, show: bool, schema: bool, strict: bool, as_json: bool
) -> None:
    """Check the configuration and the files it names.

    All problems are shown at once. Nothing is changed and no network is used. Exit code 0 when there is
    no problem, 77 when only file permissions are wrong, else 78.
    """
    if schema:
        _print_schema()
        return
    as_json = as_json or bool(getattr(ctx.obj, "json", False))
    report = _report(config or getattr(ctx.obj, "config", None), strict)
    if as_json:
        click.echo(json.dumps(_facts(report), indent=2))
    elif report.settings is None:
        _print_problems(report)
    else:
        _print_result(report)
        if show:
            _print_settings(report)
    ctx.exit(report.exit_code)


def _report(asked: str | None, strict: bool) -> Report:
    """What there is to say; a file that cannot be found or read is a report as well."""
    from lpforwarder.errors import ConfigError
    from lpforwarder.settings import examine, find

    try:
        report = examine(find(asked))
    except ConfigError as error:
        return _without_document(error)
    return _strictly(report) if strict else report


def _without_document(error: ConfigError) -> Report:
    from lpforwarder.config.document import parse
    from lpforwarder.settings import Report

    return Report(document=parse("", error.problems[0].file), problems=error.problems, settings=None)


def _strictly(report: Report) -> Report:
    from lpforwarder.settings import Report

    problems = tuple(replace(problem, note=False) for problem in report.problems)
    settings = None if problems else report.settings
    return Report(document=report.document, problems=problems, settings=settings)


def _print_problems(report: Report) -> None:
    from lpforwarder.config.problems import render

    click.echo(render(report.problems, report.document.source), err=True)


def _print_result(report: Report) -> None:
    from lpforwarder.counting import counted

    assert report.settings is not None
    sources = counted(len(report.settings.sources), "source")
    collectors = counted(len(report.settings.collectors), "collector")
    click.echo(f"{report.document.file}: {sources}, {collectors}. No problems.")
    for problem in report.problems:
        owner, key = _owner(report.settings, problem)
        click.echo(f"  note  {owner}{problem.what} ({key}, line {problem.line})")
        if problem.fix:
            click.echo(f"        {problem.fix}")


def _owner(settings: Settings, problem: Problem) -> tuple[str, str]:
    """`siem: ` and the key below it, for a key of the collector siem."""
    match = re.match(r"(sources|collectors)\[(\d+)\]\.", problem.key)
    if match is None:
        return "", problem.key
    return f"{getattr(settings, match[1])[int(match[2])].name}: ", problem.key[match.end() :]


def _facts(report: Report) -> dict[str, Any]:
    from lpforwarder.config.problems import as_json

    settings = report.settings
    return {
        "version": 1,
        "file": report.document.file,
        "ok": settings is not None,
        "sources": len(settings.sources) if settings else None,
        "collectors": len(settings.collectors) if settings else None,
        "problems": [as_json(problem) for problem in report.problems],
    }


def _print_settings(report: Report) -> None:
    from lpforwarder.cli.effective import effective

    assert report.settings is not None
    click.echo(effective(report.settings, report.document))


def _print_schema() -> None:
    from lpforwarder.cli.effective import schema

    click.echo(json.dumps(schema(), indent=2))
