"""`render`: canonical events in, the exact messages out; nothing is sent anywhere."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from lpforwarder.cli import Globals

if TYPE_CHECKING:
    from lpforwarder.delivery.encoder import Encoder

BATCH = 500


@click.command(
    epilog="""\b
Examples:
  lpforwarder render events.json
  lpforwarder render --format cef < events.jsonl
  lpforwarder render --collector siem events.json
"""
)
@click.argument("file", default="-")
@click.option("--format", "format_", type=click.Choice(["json", "cef"]), help="Payload; json if not given.")
@click.option("--framing", type=click.Choice(["newline", "octet-counting"]), help="Default: newline.")
@click.option("--hostname", help="HOSTNAME of the header; this machine's name if not given.")
@click.option("--app-name", help="APP-NAME of the header.")
@click.option("--procid", help="PROCID of the header; this process if not given.")
@click.option("--collector", metavar="NAME", help="Exactly as this collector of the configuration gets it.")
@click.pass_context
def render(
    ctx: click.Context,
    file: str,
    format_: str | None,
    framing: str | None,
    hostname: str | None,
    app_name: str | None,
    procid: str | None,
    collector: str | None,
) -> None:
    """Print the messages that canonical events become (a JSON array or JSON Lines; FILE or stdin).

    Exit code 3 when a record could not be read or written; the others are printed all the same.
    """
    from lpforwarder.cli.collectors import stored
    from lpforwarder.cli.event_files import events_in, opened
    from lpforwarder.counting import counted
    from lpforwarder.delivery.framing import by_name
    from lpforwarder.event import Entry, Reject, Seq

    globals_: Globals = ctx.obj
    encoder, usual = _encoder(globals_.config, collector, format_, hostname, app_name, procid)
    framer = by_name(framing or usual)
    as_stored = stored(globals_.config) if collector is not None else None
    bad = unwritten = 0
    batch: list[bytes] = []
    out = sys.stdout.buffer
    with opened(file) as stream:
        for place, event in enumerate(events_in(stream, "stdin" if file == "-" else file), 1):
            if isinstance(event, Reject):
                click.echo(f"{event.where}: {event.reason}", err=True)
                bad += 1
                continue
            kept = as_stored(event) if as_stored else event
            message = encoder.encode(Entry(Seq(place), "file", kept))
            if isinstance(message, bytes):
                batch.append(message)
            elif message is not None:
                click.echo(f"event {place} {message.reason} [{message.code}]", err=True)
                unwritten += 1
            if len(batch) >= BATCH:
                out.write(framer.frame(batch))
                batch.clear()
        out.write(framer.frame(batch))
        out.flush()
    for number, fate in ((bad, "read"), (unwritten, "written")):
        if number:
            click.echo(f"{counted(number, 'record')} could not be {fate}.", err=True)
    ctx.exit(3 if bad or unwritten else 0)


def _encoder(
    config: str | None,
    collector: str | None,
    format_: str | None,
    hostname: str | None,
    app_name: str | None,
    procid: str | None,
) -> tuple[Encoder, str]:
    """The encoder, and the framing that is usual for it."""
    from lpforwarder.building import encoder_for
    from lpforwarder.cli.collectors import ad_hoc, named

    if collector is not None:
        options = named(config, collector)
        usual = getattr(options, "framing", "newline")
    else:
        options, usual = ad_hoc("tcp", "localhost", 601), "newline"
    changes = {"format": format_, "hostname": hostname, "app_name": app_name}
    options = options.model_copy(update={key: value for key, value in changes.items() if value is not None})
    return encoder_for(options, procid=procid), usual
