"""`rejects`: list, show, send again or drop what was set aside."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from lpforwarder.cli import Globals

if TYPE_CHECKING:
    from lpforwarder.settings import Settings

ASK_WITHIN = 30.0  # seconds; what is shown may be long, and what is sent again has to reach the disk

Facts = dict[str, Any]

_json = click.option("--json", "as_json", is_flag=True, help="Facts as JSON on stdout.")
_collector = click.option("--collector", metavar="NAME", help="Only what this collector could not take.")
_all = click.option("--all", "everything", is_flag=True, help="Everything that `list` shows.")
_numbers = click.argument("numbers", nargs=-1, metavar="NUMBER...")


@click.group(
    epilog="""\b
Examples:
  lpforwarder rejects list
  lpforwarder rejects show 61990
  lpforwarder rejects retry --all
"""
)
def rejects() -> None:
    """List, show, retry or drop events that a collector cannot take, and records that a source cannot read.

    The number of an event is its place in the journal; numbers of records begin with r.
    """


@rejects.command(
    "list",
    epilog="""\b
Examples:
  lpforwarder rejects list
  lpforwarder rejects list --collector siem
""",
)
@_collector
@_json
@click.pass_context
def list_(ctx: click.Context, collector: str | None, as_json: bool) -> None:
    """List what is set aside, oldest first, without its contents."""
    facts = _listed(ctx.obj, collector)
    if as_json or ctx.obj.json:
        click.echo(json.dumps(facts, indent=2))
        return
    for line in _tables(facts):
        click.echo(line)


@rejects.command(
    epilog="""\b
Examples:
  lpforwarder rejects show 61990
  lpforwarder rejects show r17
"""
)
@click.argument("number")
@_json
@click.pass_context
def show(ctx: click.Context, number: str, as_json: bool) -> None:
    """Show one event or record with all it holds: personal data. Exit code 7 when there is none."""
    facts = _ask(ctx.obj, {"do": "show", "number": number})
    if as_json or ctx.obj.json:
        click.echo(json.dumps(facts, indent=2))
    elif not facts["found"]:
        click.echo(f"Nothing of number {number} is set aside.", err=True)
    else:
        click.echo("\n\n".join(_page(item) for item in facts["found"]))
    ctx.exit(0 if facts["found"] else 7)


@rejects.command(
    epilog="""\b
Examples:
  lpforwarder rejects retry 61990 61991
  lpforwarder rejects retry --all --collector siem
"""
)
@_numbers
@_all
@_collector
@_json
@click.pass_context
def retry(
    ctx: click.Context, numbers: tuple[str, ...], everything: bool, collector: str | None, as_json: bool
) -> None:
    """Send events again to the collectors that could not take them.

    Mend the reason before, or they are set aside once more. Exit code 0 when all are on their way, 3 when
    none is, 4 when some are, 7 when there is nothing of that number.
    """
    chosen = _chosen(ctx, numbers, everything, collector, lambda facts: facts["events"])
    ctx.exit(_carry_out(ctx.obj, "retry", chosen, collector, as_json))


@rejects.command(
    epilog="""\b
Examples:
  lpforwarder rejects drop 61990
  lpforwarder rejects drop --all --yes
"""
)
@_numbers
@_all
@_collector
@click.option("--yes", is_flag=True, help="Do not ask.")
@_json
@click.pass_context
def drop(
    ctx: click.Context,
    numbers: tuple[str, ...],
    everything: bool,
    collector: str | None,
    yes: bool,
    as_json: bool,
) -> None:
    """Forget events or records for good; asks before. Exit codes as for retry."""
    chosen = _chosen(ctx, numbers, everything, collector, lambda facts: [*facts["events"], *facts["records"]])
    if chosen and not yes:
        if not sys.stdin.isatty():
            raise click.UsageError("Nobody can be asked here: add --yes.")
        if not click.confirm(f"Drop {len(chosen)} for good? No collector will get them.", err=True):
            click.echo("Nothing was dropped.", err=True)
            ctx.exit(0)
    ctx.exit(_carry_out(ctx.obj, "drop", chosen, collector, as_json))


# ---- asking ----------------------------------------------------------------------------------------------


def _listed(globals_: Globals, collector: str | None) -> Facts:
    facts = _ask(globals_, {"do": "list"})
    if collector is not None:
        facts["events"] = [event for event in facts["events"] if event["collector"] == collector]
        facts["records"] = []
    return facts


def _chosen(
    ctx: click.Context,
    numbers: tuple[str, ...],
    everything: bool,
    collector: str | None,
    of: Callable[[Facts], list[Facts]],
) -> list[str]:
    """The numbers that are meant, each once."""
    if bool(numbers) == everything:
        raise click.UsageError("Say which: numbers, or --all.")
    if everything:
        numbers = tuple(item["number"] for item in of(_listed(ctx.obj, collector)))
    return list(dict.fromkeys(numbers))


def _carry_out(globals_: Globals, do: str, numbers: list[str], collector: str | None, as_json: bool) -> int:
    """Has it done, says what became of each, and gives the exit code."""
    results: list[Facts] = []
    for some in _portions(numbers):
        request = {"do": do, "numbers": some, "collector": collector}
        results += _ask(globals_, request)["results"]
    if as_json or globals_.json:
        click.echo(json.dumps({"version": 1, "results": results}, indent=2))
    else:
        _tell(results)
    good = sum(1 for result in results if result["ok"])
    if good == len(results):
        return 0
    if good:
        return 4
    return 3 if any(result["found"] for result in results) else 7


def _portions(numbers: list[str]) -> Iterator[list[str]]:
    from lpforwarder.cli.rejected import MOST_AT_ONCE

    for place in range(0, len(numbers), MOST_AT_ONCE):
        yield numbers[place : place + MOST_AT_ONCE]


def _ask(globals_: Globals, request: Facts) -> Facts:
    """The answer of the running service, or one made from the journal when it is down."""
    from lpforwarder.errors import ConfigError
    from lpforwarder.runtime.control import NotRunning, ask
    from lpforwarder.settings import control_socket_in, decode, find, read

    path = find(globals_.config)
    text = read(path)
    try:
        return ask(control_socket_in(text, path), {"command": "rejects", **request}, ASK_WITHIN)
    except NotRunning:
        settings = decode(text, path)  # only now: a running service may have an older, better one
    except ConfigError:
        settings = decode(text, path)
    return _from_journal(settings, request)


def _from_journal(settings: Settings, request: Facts) -> Facts:
    from lpforwarder.cli import rejected
    from lpforwarder.journal.reader import open_reader

    try:
        with open_reader(settings.journal.path) as reader:
            if request["do"] in ("list", "show"):
                return rejected.look(reader, request)
    except FileNotFoundError:
        return _nothing(request)
    from lpforwarder.cli.service import journal_of

    names = [collector.name for collector in settings.collectors]
    with journal_of(settings) as journal:
        return rejected.answer(journal, names, request)


def _nothing(request: Facts) -> Facts:
    """The answer of a journal that is not there yet."""
    if request["do"] == "list":
        return {"version": 1, "events": [], "records": []}
    if request["do"] == "show":
        return {"version": 1, "found": []}
    text = "there is nothing of this number"
    missing = [{"number": number, "found": False, "ok": False, "text": text} for number in request["numbers"]]
    return {"version": 1, "results": missing}


# ---- for people ------------------------------------------------------------------------------------------


def _tables(facts: Facts) -> Iterator[str]:
    from lpforwarder.cli.status import table

    events, records = facts["events"], facts["records"]
    if events:
        yield from table(
            ("NUMBER", "COLLECTOR", "SET ASIDE", "TRIES", "WHY"), [_event(row) for row in events]
        )
        yield ""
    if records:
        yield from table(("NUMBER", "SOURCE", "SET ASIDE", "WHERE", "WHY"), [_record(row) for row in records])
        yield ""
    if not events and not records:
        yield "Nothing is set aside."
        return
    first = (events or records)[0]["number"]
    yield f"{_count(events, 'event')}, {_count(records, 'record')}. See one: lpforwarder rejects show {first}"
    if events:
        yield "Send them again once the reason is mended: lpforwarder rejects retry --all"


def _event(row: Facts) -> Sequence[str]:
    why = "on its way again" if row["state"] == "again" else f"{row['reason']} [{row['code']}]"
    return row["number"], row["collector"], row["time"], str(row["tries"]), _plain(why)


def _record(row: Facts) -> Sequence[str]:
    return row["number"], row["source"], row["time"], _plain(row["where"]), _plain(row["reason"])


def _page(item: Facts) -> str:
    """One event or record with all it holds."""
    contents = ("detail", "message", "event", "raw")
    lines = [f"{key:<10} {_plain(str(value))}" for key, value in item.items() if key not in contents]
    if item.get("detail"):
        lines.append(f"{'they said':<10} {_plain(item['detail'])}")
    if "event" in item:
        lines += ["event", *json.dumps(item["event"], indent=2).splitlines()]
        lines += ["message as last tried", _plain(item["message"]) or "none could be made"]
    if "raw" in item:
        lines += ["record as it came", _plain(item["raw"]) or "(nothing)"]
    return "\n".join(lines)


def _tell(results: Sequence[Mapping[str, Any]]) -> None:
    for result in results:
        whose = result.get("collector") or result.get("source")
        whose = f" ({whose})" if whose else ""
        click.echo(f"{result['number']}{whose}: {result['text']}", err=not result["ok"])
    if not results:
        click.echo("Nothing is set aside.")


def _count(items: Sequence[Facts], what: str) -> str:
    from lpforwarder.counting import counted

    return counted(len(items), what)


def _plain(text: str) -> str:
    from lpforwarder.runtime.concealing import escape

    return escape(text)
