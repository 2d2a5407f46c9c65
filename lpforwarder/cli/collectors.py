"""Collectors for commands: those of the configuration by name, and one made up on the command line."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from lpforwarder.building import privacy_of
from lpforwarder.config.document import KeyPath, dotted, parse
from lpforwarder.config.sentences import problems
from lpforwarder.delivery.options import CollectorOptions
from lpforwarder.event import Event
from lpforwarder.settings import collector_model, examine, find, load

_ABOUT: dict[str, KeyPath] = {
    "LPF201": ("host",),
    "LPF202": ("port",),
    "LPF203": ("host",),
    "LPF204": ("host",),
    "LPF205": ("host",),
    "LPF206": ("tls", "ca_file"),
    "LPF207": ("tls", "strict_ca"),
    "LPF208": ("tls", "cert_file"),
    "LPF209": ("transport",),
    "LPF210": ("framing",),
    "LPF215": ("tls", "fingerprints"),
    "LPF216": ("tls", "min_version"),
}
"""Which key of a collector a failure is about."""


def configured(config: str | None) -> tuple[CollectorOptions, ...]:
    """Every collector of the configuration."""
    return load(find(config)).collectors


def named(config: str | None, name: str) -> CollectorOptions:
    """The collector of that name; a usage error with the known names if there is none."""
    known = {options.name: options for options in configured(config)}
    if name in known:
        return known[name]
    near = difflib.get_close_matches(name, known, 1)
    hint = f"did you mean {near[0]!r}?" if near else f"the configuration has: {', '.join(known)}"
    raise click.UsageError(f"no collector named {name!r}; {hint}")


def place_of(config: str | None, name: str, code: str) -> str:
    """`config.yaml:12:11   collectors[0].host`, the key that a failure is about; "" when it is about none.

    A key that is not written stands where what is around it stands.
    """
    if code not in _ABOUT:
        return ""
    document = examine(find(config)).document
    number = [collector.get("name") for collector in document.data["collectors"]].index(name)
    path = ("collectors", number, *_ABOUT[code])
    mark = document.place(path)
    return f"{document.file}:{mark.line}:{mark.column}   {dotted(path)}"


def stored(config: str | None) -> Callable[[Event], Event]:
    """What an event becomes on its way into the journal: without what must not be kept."""
    privacy = privacy_of(load(find(config)).privacy)
    return privacy.event if privacy else lambda event: event


def ad_hoc(transport: str, host: str, port: int, **keys: Any) -> CollectorOptions:
    """A collector without a configuration; `keys` as they would stand in the file. A usage error if wrong."""
    model = collector_model(transport)
    data = {"name": "test", "transport": transport, "host": host, "port": port}
    data |= {key: value for key, value in keys.items() if value is not None}
    try:
        return model.model_validate(data, context={"folder": Path()})
    except ValueError as error:
        if not hasattr(error, "errors"):
            raise
        found = problems(error, parse("", "command line"), (), model)  # type: ignore[arg-type]
        told = (f"{one.what.replace('`the file`', 'a value')}; {one.fix}" for one in found)
        raise click.UsageError("\n".join(told)) from error
