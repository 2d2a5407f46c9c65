"""`test-send`: marked test messages to collectors, every step shown."""

from __future__ import annotations

import json
import secrets
import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from lpforwarder.cli import Globals

if TYPE_CHECKING:
    from lpforwarder.delivery.options import CollectorOptions
    from lpforwarder.event import Event

Where = Callable[[str, str], str]
"""Collector and code of a failure → the place in the configuration that it is about."""

ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # no letters that look like digits: it will be typed

TRANSPORTS = {
    (False, False): "tcp",
    (False, True): "tls",
    (True, False): "relp",
    (True, True): "relp-tls",
}
"""By (RELP, TLS)."""


@click.command(
    epilog="""\b
Examples:
  lpforwarder test-send
  lpforwarder test-send --collector siem --wire
  lpforwarder test-send --to 127.0.0.1:5514 --no-tls --format cef
"""
)
@click.option("--collector", metavar="NAME", help="Only this one of the configuration.")
@click.option("--to", metavar="HOST:PORT", help="No configuration: send there.")
@click.option("--tls/--no-tls", default=True, help="With --to: TLS (default) or plain TCP.")
@click.option("--relp", is_flag=True, help="With --to: RELP, over TLS or with --no-tls plain.")
@click.option("--framing", type=click.Choice(["octet-counting", "newline"]), help="With --to.")
@click.option("--format", "format_", type=click.Choice(["json", "cef"]), help="Payload format.")
@click.option(
    "--ca-file",
    type=click.Path(exists=True, dir_okay=False),
    metavar="PEM",
    help="With --to: the CA to trust instead of the system's.",
)
@click.option("--event", "event_file", metavar="FILE", help="Send these events instead; - is stdin.")
@click.option("--count", type=click.IntRange(1, 1_000_000), help="How many messages; two if not given.")
@click.option("--wire", is_flag=True, help="Print the octets of each message.")
@click.option("--id", "mark", metavar="TEXT", help="The text to search for in the SIEM.")
@click.option("--json", "as_json", is_flag=True, help="Facts as JSON on stdout.")
@click.pass_context
def test_send(
    ctx: click.Context,
    collector: str | None,
    to: str | None,
    tls: bool,
    relp: bool,
    framing: str | None,
    format_: str | None,
    ca_file: str | None,
    event_file: str | None,
    count: int | None,
    wire: bool,
    mark: str | None,
    as_json: bool,
) -> None:
    """Send two marked messages to each collector and show every step.

    Nothing is sent to a TLS peer that could not be verified. Exit code 0 when all took them, 3 when none
    did, 4 when some did.
    """
    from lpforwarder.cli.collectors import place_of

    globals_: Globals = ctx.obj
    if to is not None and collector is not None:
        raise click.UsageError("--to and --collector exclude each other.")
    targets = _targets(globals_.config, collector, to, tls, relp, framing, ca_file, format_)
    mark = mark or "LPFTEST-" + "".join(secrets.choice(ALPHABET) for _ in range(4))
    events = _events(event_file, mark, count)
    if event_file is not None and to is None:
        from lpforwarder.cli.collectors import stored

        events = list(map(stored(globals_.config), events))
    as_json = as_json or globals_.json
    where = _nowhere if to else partial(place_of, globals_.config)
    results = [_try(options, events, wire and not as_json, where, quiet=as_json) for options in targets]
    good = sum(1 for result in results if result["ok"])
    if as_json:
        click.echo(json.dumps({"version": 1, "id": mark, "collectors": results}, indent=2))
    else:
        has_receipt = all(options.transport.startswith("relp") for options in targets)
        _conclude(good, len(results), mark, len(events), made=event_file is None, has_receipt=has_receipt)
    ctx.exit(0 if good == len(results) else 4 if good else 3)


def _targets(
    config: str | None,
    collector: str | None,
    to: str | None,
    tls: bool,
    relp: bool,
    framing: str | None,
    ca_file: str | None,
    format_: str | None,
) -> Sequence[CollectorOptions]:
    from lpforwarder.cli.addresses import split_address
    from lpforwarder.cli.collectors import ad_hoc, configured, named

    if to is None:
        if framing or ca_file or relp:
            raise click.UsageError("--framing, --ca-file and --relp go with --to.")
        chosen = [named(config, collector)] if collector else configured(config)
        return [options.model_copy(update={"format": format_} if format_ else {}) for options in chosen]
    host, port = split_address(to)
    if relp and framing:
        raise click.UsageError("--framing goes with plain syslog, not with --relp.")
    if not tls and ca_file:
        raise click.UsageError("--ca-file needs --tls.")
    keys = {"framing": framing, "format": format_, "tls": {"ca_file": ca_file} if ca_file else None}
    return [ad_hoc(TRANSPORTS[relp, tls], host, port, **keys)]


def _events(event_file: str | None, mark: str, count: int | None) -> list[Event]:
    """The events to send: those of a file, or marked ones made here."""
    if event_file is None:
        number = count or 2
        return [_marked(place, number, mark) for place in range(1, number + 1)]
    from lpforwarder.cli.event_files import events_in, opened
    from lpforwarder.errors import Failure
    from lpforwarder.event import Reject

    with opened(event_file) as stream:
        found = list(events_in(stream, event_file))
    for record in found:
        if isinstance(record, Reject):
            raise Failure(
                f"{record.where}: {record.reason}", code="LPF123", fix="nothing was sent; mend the file"
            )
    events = [event for event in found if not isinstance(event, Reject)]
    if not events:
        raise Failure(f"{event_file} holds no event", code="LPF123")
    return (events * -(-count // len(events)))[:count] if count else events


def _marked(place: int, number: int, mark: str) -> Event:
    """A canonical test event; every second one holds a line break, which many collectors lose."""
    import uuid

    from lpforwarder import rfc3339
    from lpforwarder.intake.canonical import to_event

    text = f"lpforwarder test message {place} of {number}, {mark}"
    if place % 2 == 0:
        text += "\nsecond line of the same message"
    record = {
        "id": str(uuid.uuid4()),
        "timestamp": rfc3339.now(),
        "eventId": "8101",
        "eventType": "test",
        "result": "success",
        "testId": mark,
        "message": text,
    }
    return to_event(record, source="lpforwarder", fallback_id="")


def _try(
    options: CollectorOptions, events: Sequence[Event], wire: bool, where: Where, *, quiet: bool
) -> dict[str, Any]:
    """One collector: the steps as they are done, and what became of it."""
    from lpforwarder.building import encoder_for
    from lpforwarder.delivery.transports.options import LinkOptions
    from lpforwarder.delivery.transports.relp_options import RelpOptions
    from lpforwarder.delivery.transports.relp_trial import RelpTrial
    from lpforwarder.delivery.transports.trial import Trial
    from lpforwarder.errors import Failure
    from lpforwarder.event import Entry, Poison, Seq
    from lpforwarder.status import target

    encoder = encoder_for(
        options.model_copy(update={"sources": None, "include": (), "exclude": (), "min_severity": 0})
    )
    messages = [encoder.encode(Entry(Seq(place), "test", event)) for place, event in enumerate(events, 1)]
    sent = [message for message in messages if isinstance(message, bytes)]
    assert isinstance(options, LinkOptions)
    steps: list[dict[str, Any]] = []
    result: dict[str, Any] = {"name": options.name, "ok": False, "steps": steps, "error": None}
    if not quiet:
        spoken = ", ".join([options.format, *filter(None, [getattr(options, "framing", None)])])
        click.echo(f"{options.name}   {options.transport}  {target(options)}   {spoken}")
    trial = (RelpTrial if isinstance(options, RelpOptions) else Trial)(options)
    try:
        for poison in messages:
            if isinstance(poison, Poison):
                raise Failure(f"event {poison.entry.seq} {poison.reason}", code=poison.code)
        for step in trial.steps(sent):
            steps.append({"name": step.name, "result": step.result, "detail": step.detail})
            if not quiet:
                _show(step.name, step.result, step.detail, step.seconds)
                if wire and step.name.startswith("message "):
                    click.echo("    " + repr(sent[int(step.name.split()[-1]) - 1])[2:-1])
    except Failure as error:
        place = where(options.name, error.code)
        told = {"code": error.code, "text": error.what, "fix": error.fix, "found": error.found}
        result["error"] = told | {"or": error.instead, "where": place}
        if not quiet:
            _show(trial.doing or "write the messages", "FAIL", "", None)
            sys.stdout.flush()
            _show_failure(options.name, error, place)
    else:
        result["ok"] = True
    return result


def _nowhere(_name: str, _code: str) -> str:
    return ""


def _show(name: str, result: str, detail: str, seconds: float | None) -> None:
    took = f"   {seconds * 1000:.0f} ms" if seconds is not None else ""
    click.echo(f"  {name + ' ':.<19} {result}   {detail}{took}".rstrip())


def _show_failure(name: str, error: Exception, place: str) -> None:
    from lpforwarder.cli.failures import show
    from lpforwarder.errors import Failure

    assert isinstance(error, Failure)
    show(error, prefix=f"{name}: ", where=place)


def _conclude(good: int, total: int, mark: str, number: int, *, made: bool, has_receipt: bool) -> None:
    from lpforwarder.counting import counted

    events = counted(number, "event")
    if good < total:
        click.echo(f"{good} of {total} collectors took the test.")
    if not good:
        return
    if not made:
        click.echo("Search the SIEM for the events.")
    elif has_receipt:
        click.echo(f"Acknowledged is received. To see what became of it, search the SIEM for  {mark}")
        click.echo(f"You should find exactly {events}. Fewer: line breaks are lost.")
    else:
        click.echo(f"Handed over. Plain syslog gives no receipt: search the SIEM for  {mark}")
        click.echo(
            f"You should find exactly {events}. Fewer: line breaks are lost. More, or one that\n"
            "begins with a number: the collector cannot read octet counting, set `framing: newline`."
        )
