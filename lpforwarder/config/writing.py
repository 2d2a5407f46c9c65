"""Settings written as YAML again: for the example file, the reference page and `check-config --show`."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo

from lpforwarder.config.document import parse
from lpforwarder.config.options import Options, Word, Written

_PLAIN = re.compile(r"[A-Za-z0-9_./:@+%-][A-Za-z0-9 _./:@+%-]*\Z")


def written(value: Any, field: FieldInfo | None = None) -> str:
    """The value on one line, as the configuration would have it."""
    for marker in field.metadata if field is not None else ():
        if isinstance(marker, Word) and value is None:
            return marker.text
        if isinstance(marker, Written) and value is not None:
            return marker.text(value)
    if isinstance(value, Options):
        return _flow({key: written(getattr(value, key), info) for key, info in fields(value)})
    if isinstance(value, Mapping):
        return _flow({str(key): written(item) for key, item in value.items()})
    if isinstance(value, list | tuple):
        return f"[{', '.join(written(item) for item in value)}]"
    return _scalar(value)


def fields(options: Options | type[Options]) -> list[tuple[str, FieldInfo]]:
    """Keys and declarations in the order of the file: the name first, then as declared."""
    model = options if isinstance(options, type) else type(options)
    found = list(model.model_fields.items())
    if "name" not in model.model_fields:
        return found
    leading = ("name", "type", "host", "port", "transport", "framing", "format")
    return sorted(found, key=lambda item: leading.index(item[0]) if item[0] in leading else len(leading))


def _flow(pairs: Mapping[str, str]) -> str:
    return "{" + ", ".join(f"{key}: {text}" for key, text in pairs.items()) + "}"


def _scalar(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    text = str(value)
    if isinstance(value, Path) or _PLAIN.match(text):
        read = parse(f"[{text}]", "").data
        if read == [text]:
            return text
    return json.dumps(text, ensure_ascii=False)
