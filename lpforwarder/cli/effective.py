"""What is in effect: every setting with its value and where it comes from; and the schema of them all."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel

from lpforwarder import plugins
from lpforwarder.config import secrecy
from lpforwarder.config.document import Document, KeyPath
from lpforwarder.config.options import Options, Word
from lpforwarder.config.sections import Outline
from lpforwarder.config.writing import fields, written
from lpforwarder.settings import Settings, collector_model

SCHEMA = "https://json-schema.org/draft/2020-12/schema"


def effective(settings: Settings, document: Document) -> str:
    """The whole configuration as YAML; a comment behind each value says `line 7` or `default`."""
    rows = list(_top(settings, document))
    width = min(max(len(text) for text, _ in rows), 60)
    return "\n".join(f"{text:{width}}  # {origin}" if origin else text for text, origin in rows)


def schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of the configuration with the plug-ins that are installed."""
    sources = {name: plugins.load("sources", name).Options for name in sorted(plugins.registered("sources"))}
    collectors = {name: collector_model(name) for name in sorted(plugins.registered("transports"))}
    made = Outline.model_json_schema()
    properties: dict[str, Any] = made["properties"]
    definitions: dict[str, Any] = made.setdefault("$defs", {})
    for key, word, models in (("sources", "type", sources), ("collectors", "transport", collectors)):
        items = [_item(model, word, name, definitions) for name, model in models.items()]
        properties[key] |= {"items": {"anyOf": items}, "minItems": 1}
    return {"$schema": SCHEMA, **made, "title": "lpforwarder"}


def _item(model: type[BaseModel], word: str, name: str, definitions: dict[str, Any]) -> dict[str, Any]:
    """The schema of a model whose key `word` has the value `name`."""
    made = model.model_json_schema()
    definitions.update(made.pop("$defs", {}))
    made["properties"][word] = {"const": name}
    return made


Row = tuple[str, str]
"""A line of YAML, and the origin of its value."""


def _top(settings: Settings, document: Document) -> Iterable[Row]:
    for key in ("sources", "collectors"):
        yield f"{key}:", ""
        for place, item in enumerate(getattr(settings, key)):
            yield from _dashed(_rows(item, document, (key, place)))
    for key, field in Outline.model_fields.items():
        value = getattr(settings, key)
        if isinstance(value, Options):
            yield f"{key}:", ""
            yield from _indented(_rows(value, document, (key,)))
        elif not isinstance(value, tuple):
            yield f"{key}: {written(value, field)}", _origin(document, (key,))


def _rows(options: Options, document: Document, at: KeyPath) -> Iterable[Row]:
    for key, field in fields(options):
        value, path = getattr(options, key), (*at, key)
        if value is None and not any(isinstance(marker, Word) for marker in field.metadata):
            continue  # left out, and no word of the file says so
        if isinstance(value, Options):
            yield f"{key}:", ""
            yield from _indented(_rows(value, document, path))
        else:
            text = secrecy.MASK if secrecy.names_secret(key) else written(value, field)
            yield f"{key}: {text}", _origin(document, path)


def _origin(document: Document, path: KeyPath) -> str:
    mark = document.values.get(path)
    return f"line {mark.line}" if mark else "default"


def _indented(rows: Iterable[Row]) -> Iterable[Row]:
    return ((f"  {text}", origin) for text, origin in rows)


def _dashed(rows: Iterable[Row]) -> Iterable[Row]:
    """The rows as one item of a list."""
    return ((f"  {'- ' if first == 0 else '  '}{text}", origin) for first, (text, origin) in enumerate(rows))
