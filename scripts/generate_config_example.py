"""Writes config.example.yaml and docs/reference/config.md from the option declarations.

`--check` writes nothing and fails when one of them is not what it would write.
"""

from __future__ import annotations

import ast
import inspect
import itertools
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from lpforwarder import plugins
from lpforwarder.config.options import Options, Word
from lpforwarder.config.sections import Outline
from lpforwarder.config.writing import fields, written
from lpforwarder.delivery.options import CollectorOptions
from lpforwarder.intake.contract import SourceOptions
from lpforwarder.settings import collector_model, is_section

ROOT = Path(__file__).resolve().parent.parent
EXAMPLE = ROOT / "config.example.yaml"
REFERENCE = ROOT / "docs/reference/config.md"

COLUMN = 46
LONGEST_COMMENT = 70
LONGEST_FLOW = 46  # characters; a longer section is written as a block

HEADER = """\
# lpforwarder. Check this file with: lpforwarder check-config
# Lines that begin with "# key:" show the default; delete the "# " to change one.
# Paths are relative to this file. Durations are written 500ms, 30s, 5m, 12h, 7d; sizes 64KiB, 10GiB.
"""

REQUIRED = {"name": "acme", "account": '"1234567"', "path": "events.json"}
"""Example values of keys that have no default and whose declarations give no example."""

MEANINGS = {
    "name": "your name for it; in events, logs and metrics",
    "type": "where the events come from",
    "poll_interval": "how often it is asked for news",
}
"""For the keys every source has."""

INTRODUCTION = """\
# The configuration, key by key

You find here every key, its default and what it does. `lpforwarder check-config` checks a file,
`check-config --show` prints what is in effect, `check-config --schema` the JSON Schema for your editor.
This page is generated from the declarations that the checks use.

The file is searched in this order: `-c FILE`, `$LPFORWARDER_CONFIG`, `./lpforwarder.yaml`,
`/etc/lpforwarder/config.yaml`. Relative paths are relative to the file. Durations are written `500ms`, `30s`,
`5m`, `12h`, `7d`; sizes `64KiB`, `10GiB`. Unknown keys, keys written twice and secrets written into the
file are errors. Only `true` and `false` are booleans: `no` is a text, and so is `0123`.

Without root, `journal.path` is below `$XDG_STATE_HOME/lpforwarder` and `control_socket` below
`$XDG_RUNTIME_DIR/lpforwarder`; systemd's `STATE_DIRECTORY` and `RUNTIME_DIRECTORY` win over both.
"""


def example() -> str:
    """The text of config.example.yaml."""
    source = "lastpass" if "lastpass" in plugins.registered("sources") else "file"
    lines = [HEADER]
    for key, model, fixed in (
        ("sources", _source_model(source), {"type": source}),
        ("collectors", collector_model("tls"), {}),
    ):
        lines += [_line(f"{key}:", Outline.model_fields[key].description), *_item(model, fixed), ""]
    for key, field in Outline.model_fields.items():
        if not field.is_required():
            lines += [*_commented("", key, field, Outline), ""]
    return "\n".join(lines).rstrip() + "\n"


def _source_model(name: str) -> type[SourceOptions]:
    model: type[SourceOptions] = plugins.load("sources", name).Options
    return model


def _item(model: type[Options], fixed: dict[str, str]) -> Iterator[str]:
    """One item of a list: what must be given live, everything else as a comment."""
    live = [(key, field) for key, field in fields(model) if key in fixed or field.is_required()]
    for place, (key, field) in enumerate(live):
        value = fixed.get(key) or str((field.examples or [REQUIRED.get(key, key)])[0])
        yield _line(f"{'    ' if place else '  - '}{key}: {value}", meaning(model, key))
    for key, field in fields(model):
        if (key, field) not in live:
            yield from _commented("    ", key, field, model)


def _commented(indent: str, key: str, field: FieldInfo, model: type[Options]) -> Iterator[str]:
    """One key with its default, switched off; a long section has a line for each of its keys."""
    value = default(field)
    if value is None:
        return
    if not is_section(field.annotation) or len(value) <= LONGEST_FLOW:
        yield _line(f"{indent}# {key}: {value}", meaning(model, key))
        return
    yield _line(f"{indent}# {key}:", meaning(model, key))
    for inner, inner_field in fields(field.annotation):
        text = default(inner_field)
        yield _line(f"{indent}#   {inner}: {text}", meaning(field.annotation, inner))


def default(field: FieldInfo) -> str | None:
    """The default as it is written; None when there is none that can be written."""
    if field.is_required():
        return None
    if field.examples:  # the default depends on who runs it
        return str(field.examples[0])
    value = field.get_default(call_default_factory=True)
    if value is None and not any(isinstance(marker, Word) for marker in field.metadata):
        return None
    return written(value, field)


def meaning(model: type[BaseModel], key: str) -> str:
    """What the key does: its description, else the sentence below its declaration."""
    field = model.model_fields[key]
    return field.description or _below(model).get(key) or MEANINGS.get(key, "")


def _below(model: type[BaseModel]) -> dict[str, str]:
    """First sentences of the docstrings that follow declarations, the class's own before its bases'."""
    found: dict[str, str] = {}
    for owner in model.__mro__:
        if owner.__module__.startswith(("pydantic", "builtins", "lpforwarder.settings")):
            continue
        try:
            body = ast.parse(inspect.cleandoc("\n" + inspect.getsource(owner))).body[0]
        except (OSError, TypeError):
            continue
        found = {**dict(_documented(getattr(body, "body", []))), **found}
    return found


def _documented(body: list[Any]) -> Iterator[tuple[str, str]]:
    for declared, text in itertools.pairwise(body):
        if isinstance(declared, ast.AnnAssign) and isinstance(text, ast.Expr):
            sentence = " ".join(str(ast.literal_eval(text.value)).split())
            first = re.split(r"\.(?: |$)", sentence)[0]
            yield ast.unparse(declared.target), first[:1].lower() + first[1:]


def _line(text: str, comment: str | None) -> str:
    return f"{text:<{COLUMN}}  # {_short(comment)}" if comment else text


def _short(comment: str) -> str:
    """The comment up to the last comma that fits; the reference page has all of it."""
    if len(comment) <= LONGEST_COMMENT:
        return comment
    return comment[:LONGEST_COMMENT].rpartition(",")[0] or comment


def reference() -> str:
    """The text of docs/reference/config.md."""
    parts = [INTRODUCTION, *_table("The file", Outline)]
    for name in sorted(plugins.registered("sources")):
        parts += _table(f"A source of type `{name}`", _source_model(name))
    parts += _table("A collector", CollectorOptions)
    for name in sorted(plugins.registered("transports")):
        parts += _table(f"A collector with `transport: {name}`, in addition", _only(name))
    for name in sorted(plugins.registered("formats")):
        options = plugins.load("formats", name).Options
        if options.model_fields:
            parts += _table(f"`{name}` of a collector with `format: {name}`", options)
    return "\n".join(parts).rstrip() + "\n"


def _only(transport: str) -> type[Options]:
    options: type[Options] = plugins.load("transports", transport).Options
    return options


def _table(title: str, model: type[Options]) -> Iterator[str]:
    """A heading and a table; sections inside follow as tables of their own."""
    yield f"\n## {title}\n\n| key | default | meaning |\n|---|---|---|"
    for key, field in fields(model):
        yield f"| `{key}` | {_default_cell(field)} | {meaning(model, key).replace('|', chr(92) + '|')} |"
    for key, field in fields(model):
        if is_section(field.annotation):
            yield from _table(f"`{key}`" if model is Outline else f"`{key}` ({title})", field.annotation)


def _default_cell(field: FieldInfo) -> str:
    if field.is_required():
        return "must be given"
    if is_section(field.annotation):
        return "below"
    text = default(field)
    return "none" if text is None else f"`{text}`"


def main(arguments: Iterable[str]) -> int:
    """Writes both files, or with --check compares them; 1 when one is out of date."""
    stale = [
        (path, text)
        for path, text in ((EXAMPLE, example()), (REFERENCE, reference()))
        if not path.exists() or path.read_text(encoding="utf-8") != text
    ]
    if "--check" in arguments:
        for path, _ in stale:
            print(f"{path.relative_to(ROOT)} is out of date: run scripts/generate_config_example.py")
        return 1 if stale else 0
    for path, text in stale:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        print(f"wrote {path.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
