"""Building blocks of typed settings: the strict base model, the units and the words people write.

A value written as a word (`system`, `none`, `host`, `auto`, `all`) is None in the settings; the type's
`Word` keeps the word, so that the example file, the reference page and `--show` can write it again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated, Any

from msgspec import Struct
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticCustomError

_DURATION = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,9})?)(ms|s|m|h|d)\Z")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_SIZE = re.compile(r"([0-9]{1,15})(B|KiB|MiB|GiB|TiB)\Z")
_OCTETS = {"B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}
_LONGEST = 36_500 * _SECONDS["d"]  # a century; far below what clocks and sockets can take
_BIGGEST = 2**63 - 1  # what SQLite can compare

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")


class Word(Struct, frozen=True):
    """Says which word of the file means None in a field of this type."""

    text: str


class Written(Struct, frozen=True):
    """Says how a value of this type is written in the file."""

    text: Callable[[Any], str]


class Finding(Struct, frozen=True, kw_only=True):
    """What a part says about its own settings: `key` is the dotted key below it.

    A note advises, everything else stops the start.
    """

    key: str
    what: str
    fix: str = ""
    code: str = "LPF120"
    note: bool = True


def _defaults_as_written(schema: dict[str, Any], model: type[BaseModel]) -> None:
    """Puts `5m` and `system` for 300.0 and None into a JSON Schema, so that its defaults are valid values."""
    for key, field in model.model_fields.items():
        shown = schema.get("properties", {}).get(key, {})
        text = next((m.text for m in field.metadata if isinstance(m, Word) and field.default is None), None)
        for marker in field.metadata:
            if text is None and isinstance(marker, Written) and "default" in shown:
                text = marker.text(field.default)
        if text is not None:
            shown["default"] = int(text) if text.isdigit() else text
        elif isinstance(field.default, Options):
            shown.pop("default", None)  # each of its keys says its own


class Options(BaseModel):
    """Settings of one part: unknown keys are errors, values are never coerced, nothing changes later."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        arbitrary_types_allowed=True,
        defer_build=True,  # most models are only parts of others, or of plug-ins that are not configured
        json_schema_extra=_defaults_as_written,
    )

    @model_validator(mode="before")
    @classmethod
    def _empty_section(cls, value: Any, info: ValidationInfo) -> Any:
        """A section without keys, as when all its lines are comments, has the defaults."""
        return {} if value is None and info.context is not None else value

    def advice(self) -> Iterable[Finding]:
        """What the settings themselves give reason to say; touches no file and no network."""
        return ()

    def check_files(self) -> Iterable[Finding]:
        """What is wrong with the files these settings name; no network."""
        return ()


def mistake(code: str, what: str, fix: str = "") -> ValueError:
    """An error for a validator to raise: catalogue code, sentence without the key, remedy."""
    return PydanticCustomError(code, "{what}", {"what": what, "fix": fix})


def seconds(value: Any) -> float:
    """`500ms`, `30s`, `5m`, `12h`, `7d` as seconds; ValueError tells how to write it."""
    if isinstance(value, float):
        return value
    match = _DURATION.match(value) if isinstance(value, str) else None
    if match is None:
        fix = f"write {value}s" if _is_number(value) else "write a number and a unit: 60s, 5m, 12h"
        raise mistake("LPF106", f"{_shown(value)} is not a duration", fix)
    total = float(match[1]) * _SECONDS[match[2]]
    if total > _LONGEST:
        raise mistake("LPF106", f"{_shown(value)} is longer than a century", "write 36500d at most")
    return total


def octets(value: Any) -> int:
    """`64KiB`, `10GiB` as octets; ValueError tells how to write it."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    match = _SIZE.match(value) if isinstance(value, str) else None
    if match is None:
        raise mistake("LPF109", f"{_shown(value)} is not a size", "write a number and a unit: 64KiB, 10GiB")
    total = int(match[1]) * _OCTETS[match[2]]
    if total > _BIGGEST:
        raise mistake("LPF109", f"{_shown(value)} is more than any disk holds", "write 8388607TiB at most")
    return total


def _duration(value: Any, info: ValidationInfo) -> float:
    if info.context is not None and isinstance(value, float):  # 1.5 in a file has no unit
        raise mistake("LPF106", f"{value} is not a duration", f"write {value}s")
    return seconds(value)


def at_least(least: float, written: str) -> Callable[[float], float]:
    """A validator for durations and sizes: `written` is the limit as people write it."""

    def check(value: float) -> float:
        if value < least:
            raise mistake("LPF108", f"is less than {written}", f"write {written} or more")
        return value

    return check


def duration_text(value: float) -> str:
    """`60s`, `5m`, `12h`, `7d`: the largest unit that leaves a whole number and is usual for it."""
    for unit in ("d", "h", "m"):
        if value >= 2 * _SECONDS[unit] and value % _SECONDS[unit] == 0:
            return f"{value / _SECONDS[unit]:.0f}{unit}"
    if value == int(value):
        return f"{value:.0f}s"
    return f"{value * 1000:.6f}".rstrip("0").rstrip(".") + "ms"


def size_text(value: int) -> str:
    """`64KiB`, `10GiB`, or the bare number of octets."""
    for unit in ("TiB", "GiB", "MiB", "KiB"):
        if value and value % _OCTETS[unit] == 0:
            return f"{value // _OCTETS[unit]}{unit}"
    return str(value)


Duration = Annotated[
    float,
    BeforeValidator(_duration),
    Written(duration_text),
    WithJsonSchema({"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)?(ms|s|m|h|d)$"}),
]
"""Seconds, written with a unit."""

Size = Annotated[
    int,
    BeforeValidator(octets),
    Written(size_text),
    WithJsonSchema({"anyOf": [{"type": "integer"}, {"type": "string", "pattern": "^[0-9]+(B|[KMGT]iB)$"}]}),
]
"""Octets, written with a unit or as a bare number."""


def _port(value: Any) -> Any:
    if not isinstance(value, int) or isinstance(value, bool):
        return value
    if 1 <= value <= 65535:
        return value
    meant = likely_port(value)
    fix = f"did you mean {meant}?" if meant else "write a number from 1 to 65535"
    raise mistake("LPF102", f"is {value}; ports {'end at 65535' if value > 0 else 'begin at 1'}", fix)


def likely_port(value: int) -> int | None:
    """The well-known port that `value` begins with, digits typed too many left out; None if there is none."""
    digits = str(value)
    return next((port for port in (6514, 601, 514, 2514, 1514) if digits.startswith(str(port))), None)


Port = Annotated[
    int, BeforeValidator(_port), WithJsonSchema({"type": "integer", "minimum": 1, "maximum": 65535})
]


def _path(value: Any, info: ValidationInfo) -> Any:
    """The path as the configuration means it: `~` expanded, relative to the file that names it."""
    if not isinstance(value, str):
        return value
    if not value or "\0" in value:
        raise mistake("LPF108", "is empty" if not value else "contains a NUL", "write the path of a file")
    folder = (info.context or {}).get("folder", Path())
    try:
        return Path(folder) / Path(value).expanduser()
    except RuntimeError:
        raise mistake(
            "LPF108", "begins with ~, but there is no home folder", "write the whole path"
        ) from None


def or_word(word: str, read: Callable[[Any, ValidationInfo], Any]) -> Callable[[Any, ValidationInfo], Any]:
    """A validator that gives None for `word` and what `read` gives for all else."""

    def choose(value: Any, info: ValidationInfo) -> Any:
        if value is None and info.context is not None:
            raise mistake("LPF113", "has no value", f"write {word}, or delete the line")
        return None if value == word else read(value, info)

    return choose


def as_it_is(value: Any, info: ValidationInfo) -> Any:  # noqa: ARG001
    """The value unchanged, for or_word."""
    return value


FilePath = Annotated[Path, BeforeValidator(_path), WithJsonSchema({"type": "string"})]
"""A file; relative paths are relative to the configuration file."""
OptionalFile = Annotated[
    Path | None, BeforeValidator(or_word("none", _path)), Word("none"), WithJsonSchema({"type": "string"})
]
"""A file; `none` is None."""
CaFile = Annotated[
    Path | None, BeforeValidator(or_word("system", _path)), Word("system"), WithJsonSchema({"type": "string"})
]
"""A PEM file of certificate authorities; `system` is None."""
Texts = Annotated[tuple[str, ...], Field(strict=False)]
"""A list of texts."""


def _name(value: Any) -> Any:
    if isinstance(value, str) and not NAME.match(value):
        raise mistake(
            "LPF108",
            f"{_shown(value)} cannot be a name",
            "use letters, digits, . _ - and 64 of them at most",
        )
    return value


Name = Annotated[
    str, BeforeValidator(_name), WithJsonSchema({"type": "string", "pattern": f"^{NAME.pattern[:-2]}$"})
]
"""What people call a source or a collector; also the key of its state."""


def _is_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _shown(value: Any) -> str:
    """A value for a message: short, quoted if it is a text."""
    text = f'"{value}"' if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else text[:57] + "…" + text[-1]
