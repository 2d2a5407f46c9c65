"""Collectors for commands: those of the configuration by name, and one made up on the command line."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any

import click

from lpforwarder.config.document import parse
from lpforwarder.config.sentences import problems
from lpforwarder.delivery.options import CollectorOptions
from lpforwarder.settings import collector_model, find, load


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
