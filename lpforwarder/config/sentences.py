"""What the validation of typed settings found, in the sentences of the error catalogue."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from lpforwarder.config.document import Document, KeyPath, dotted
from lpforwarder.errors import Problem

_YES_AND_NO = {
    **dict.fromkeys(("yes", "y", "on", "true", "1"), "true"),
    **dict.fromkeys(("no", "n", "off", "false", "0"), "false"),
}
_VERBS = ("is ", "must ", "begins ", "contains ", "has ", "holds ")


class Sentence(Struct, frozen=True):
    """A problem without its place; `at_key` puts it at the key instead of the value."""

    code: str
    what: str
    fix: str = ""
    at_key: bool = False


class Fault(Struct, frozen=True):
    """One finding of the validator: whose key, which value, as it is written in the file."""

    key: str
    kind: str
    value: Any
    raw: str
    context: Mapping[str, Any]
    message: str
    known: Sequence[str]
    describe: str


def problems(
    error: ValidationError, document: Document, at: KeyPath, model: type[BaseModel]
) -> Iterable[Problem]:
    """The problems of one validated part, which stands at `at` in the document.

    What concerns a secret is left out: it has been reported, and its value must not be shown.
    """
    for details in error.errors(include_url=False):
        inner = _in_document(document, at, tuple(details["loc"]), details["type"])
        if any(inner[: len(hidden)] == hidden for hidden in document.hidden):
            continue
        place = document.values.get(inner)
        fault = Fault(
            key=_name(inner),
            kind=details["type"],
            value=details["input"],
            raw=place.raw if place else "",
            context=details.get("ctx", {}),
            message=details["msg"],
            known=list(_model_at(model, details["loc"][:-1]).model_fields),
            describe=_describe(model, details["loc"]),
        )
        yield problem(sentence(fault), document, inner)


def problem(said: Sentence, document: Document, path: KeyPath, *, note: bool = False) -> Problem:
    """The sentence with its place in the document."""
    mark = document.place(path, of_key=said.at_key)
    return Problem(
        code=said.code,
        file=document.file,
        line=mark.line,
        column=mark.column,
        key=dotted(path),
        what=said.what,
        fix=said.fix,
        note=note,
    )


def sentence(fault: Fault) -> Sentence:
    """What to say about one fault."""
    if fault.kind.startswith("LPF"):
        what = str(fault.context["what"])
        joined = f"`{fault.key}` {what}" if what.startswith(_VERBS) else f"`{fault.key}`: {what}"
        return Sentence(fault.kind, joined, str(fault.context["fix"]))
    if fault.value is None and fault.kind not in ("missing", "extra_forbidden"):
        return Sentence("LPF113", f"`{fault.key}` has no value", "write one, or delete the line", True)
    return _BY_KIND.get(fault.kind, _other)(fault)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """``did you mean `format`?``, or nothing when no known word is near."""
    near = difflib.get_close_matches(word, list(known), 1, 0.6)
    return f"did you mean `{near[0]}`?" if near else ""


def listed(words: Iterable[str]) -> str:
    """`a, b or c`."""
    *most, last = words
    return f"{', '.join(most)} or {last}" if most else last


def _unknown_key(fault: Fault) -> Sentence:
    fix = did_you_mean(fault.key, fault.known) or f"known here: {', '.join(fault.known)}"
    return Sentence("LPF101", f"unknown key `{fault.key}`", fix, True)


def _missing(fault: Fault) -> Sentence:
    return Sentence(
        "LPF114", f"`{fault.key}` is missing", f"add {fault.key}: {fault.describe}".rstrip(": "), True
    )


def _not_boolean(fault: Fault) -> Sentence:
    said = f"the text {_said(fault)}" if isinstance(fault.value, str) else _said(fault)
    what = f"`{fault.key}` must be true or false, not {said}"
    meant = _YES_AND_NO.get(str(fault.value).lower())
    if fault.key == "verify" and meant == "false":
        return Sentence("LPF104", what, "write `false`; or better, set `ca_file` and keep checking")
    return Sentence("LPF104" if meant else "LPF113", what, f"write `{meant or 'true'}`")


def _not_text(fault: Fault) -> Sentence:
    if isinstance(fault.value, bool | int | float):
        kind = "a boolean" if isinstance(fault.value, bool) else "a number"
        what = f"`{fault.key}` must be in quotes: YAML reads {fault.raw} as {kind}"
        return Sentence("LPF104", what, f'write "{fault.raw}"')
    return Sentence("LPF113", f"`{fault.key}` must be a text, not {_said(fault)}")


def _not_number(fault: Fault) -> Sentence:
    what = f"`{fault.key}` must be a whole number, not {_said(fault)}"
    text = fault.value if isinstance(fault.value, str) else ""
    if re.fullmatch("[0-9]+", text):
        number = text.lstrip("0") or "0"
        return Sentence("LPF104", what, f"write {number} without quotes and leading zeros")
    return Sentence("LPF113", what)


def _not_list(fault: Fault) -> Sentence:
    fix = f"write [{fault.raw}]" if fault.raw else "write [a, b]"
    return Sentence("LPF113", f"`{fault.key}` must be a list, not {_said(fault)}", fix)


def _not_section(fault: Fault) -> Sentence:
    return Sentence(
        "LPF113", f"`{fault.key}` must hold keys of its own, not {_said(fault)}", "write {key: value}"
    )


def _not_a_choice(fault: Fault) -> Sentence:
    choices = re.findall(r"'([^']*)'", str(fault.context.get("expected", "")))
    if fault.raw in choices and not isinstance(fault.value, str):
        return _not_text(fault)
    if len(choices) == 1:
        return Sentence("LPF115", f"`{fault.key}`: only {choices[0]} is possible here", f"write {choices[0]}")
    what = f"`{fault.key}`: {_said(fault)} is not one of {', '.join(choices)}"
    said = fault.value if isinstance(fault.value, str) else ""
    return Sentence("LPF115", what, did_you_mean(said, choices) or f"write {listed(choices or ['another'])}")


def _limit(word: str, name: str) -> Callable[[Fault], Sentence]:
    def say(fault: Fault) -> Sentence:
        limit = fault.context.get(name)
        what = f"`{fault.key}` is {fault.value}; {word} {limit}"
        return Sentence("LPF108", what, f"write {limit}" if name in ("ge", "le") else "")

    return say


def _length(fault: Fault) -> Sentence:
    if "min_length" in fault.context:
        return Sentence("LPF108", f"`{fault.key}` is too short", "write a value, or delete the line")
    most = fault.context.get("max_length")
    return Sentence("LPF108", f"`{fault.key}` is too long", f"{most} characters at most")


def _refused(fault: Fault) -> Sentence:
    """A plug-in's own ValueError: `what; remedy`."""
    what, _, fix = (
        fault.message.removeprefix("Value error, ").removeprefix("Assertion failed, ").partition("; ")
    )
    return Sentence("LPF108", f"`{fault.key}`: {what}", fix)


def _other(fault: Fault) -> Sentence:
    return Sentence("LPF108", f"`{fault.key}`: {fault.message[:1].lower()}{fault.message[1:]}")


_BY_KIND: Mapping[str, Callable[[Fault], Sentence]] = {
    "extra_forbidden": _unknown_key,
    "missing": _missing,
    "bool_type": _not_boolean,
    "string_type": _not_text,
    "int_type": _not_number,
    "float_type": _not_number,
    "int_from_float": _not_number,
    "tuple_type": _not_list,
    "list_type": _not_list,
    "model_type": _not_section,
    "model_attributes_type": _not_section,
    "dict_type": _not_section,
    "literal_error": _not_a_choice,
    "enum": _not_a_choice,
    "greater_than_equal": _limit("the least is", "ge"),
    "greater_than": _limit("it must be more than", "gt"),
    "less_than_equal": _limit("the most is", "le"),
    "less_than": _limit("it must be less than", "lt"),
    "string_too_short": _length,
    "string_too_long": _length,
    "too_short": _length,
    "too_long": _length,
    "value_error": _refused,
    "assertion_error": _refused,
}


def _said(fault: Fault) -> str:
    """The value as the message shows it."""
    value = fault.value
    if isinstance(value, str):
        return f'"{value if len(value) <= 60 else value[:59] + "…"}"'
    if isinstance(value, Mapping):
        return "keys of its own"
    if isinstance(value, list | tuple):
        return "a list"
    return fault.raw or str(value)


def _in_document(document: Document, at: KeyPath, loc: tuple[str | int, ...], kind: str) -> KeyPath:
    """The key path of an error; steps that the validator made up (names of unions) are left out."""
    path = at
    for step in loc:
        if (*path, step) in document.values or (*path, step) in document.keys:
            path = (*path, step)
        elif kind == "missing" and step == loc[-1]:
            return (*path, step)
    return path


def _name(path: KeyPath) -> str:
    """The last key, with the place in its list: `host`, `host[1]`."""
    steps = list(path)
    tail = ""
    while steps and isinstance(steps[-1], int):
        tail = f"[{steps.pop()}]" + tail
    return f"{steps[-1] if steps else 'the file'}{tail}"


def _model_at(model: type[BaseModel], loc: Sequence[str | int]) -> type[BaseModel]:
    """The model that holds the key at the end of `loc`."""
    for step in loc:
        found = model.model_fields.get(str(step))
        inner = found.annotation if found is not None else None
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            model = inner
    return model


def _describe(model: type[BaseModel], loc: Sequence[str | int]) -> str:
    """An example of the key, else what it is for."""
    found: FieldInfo | None = _model_at(model, loc[:-1]).model_fields.get(str(loc[-1])) if loc else None
    if found is None:
        return ""
    return str(found.examples[0]) if found.examples else found.description or ""
