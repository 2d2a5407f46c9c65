"""A YAML syntax error in words a person can act on."""

from __future__ import annotations

import re
from typing import Any

import yaml

from lpforwarder.config.source_text import SourceText
from lpforwarder.errors import Problem

_TAB = re.compile(r" *\t")
_INDENT = (
    "the indentation does not fit the lines above",
    "indent keys of one mapping by the same number of spaces",
)
_SENTENCES = (
    ("mapping values are not allowed", "a `:` too many on this line", "put text with a colon in quotes"),
    ("alias", "this alias has no anchor above it", "write the value out, or put text with a * in quotes"),
    ("unexpected end of stream", "a quote is opened and not closed", "close it with the same quote"),
    ("',' or ']'", "a [ is opened and not closed, or a comma is missing", "write lists as [a, b]"),
    ("',' or '}'", "a { is opened and not closed, or a comma is missing", "write mappings as {a: 1, b: 2}"),
    (
        "could not find expected ':'",
        "a key without a colon",
        "write key: value, with a space after the colon",
    ),
    ("escape", "a backslash in double quotes that means nothing", "use single quotes"),
    ("cannot start any token", "this character cannot begin a value", "put the value in quotes"),
    ("special characters are not allowed", "a control character", "delete it"),
    ("control characters are not allowed", "a control character", "delete it"),
    ("did not find expected key", *_INDENT),
    ("expected <block end>", *_INDENT),
    ("did not find expected '-'", *_INDENT),
)


def explain(error: yaml.YAMLError, source: SourceText, file: str) -> Problem:
    """The one problem of a text that is no YAML: LPF105 with its place."""
    line, column = _place(error, source)
    for tabbed in (line, line - 1):
        if match := _TAB.match(source.raw(tabbed)):
            what = "a tab is used for indenting; YAML allows only spaces"
            return _problem(file, tabbed, match.end(), what, "the tab is shown as →; write spaces")
    message = str(getattr(error, "problem", None) or getattr(error, "reason", "") or "")
    context = str(getattr(error, "context", None) or "")
    for part, what, fix in _SENTENCES:
        if part in message:
            return _problem(file, line, column, what, fix + _since(context, error))
    return _problem(
        file, line, column, f"YAML cannot be read from here: {message}", "put the value in quotes"
    )


def _since(context: str, error: Any) -> str:
    """Where the thing began that does not end well, when that is another line."""
    began, ended = getattr(error, "context_mark", None), getattr(error, "problem_mark", None)
    if not context or began is None or ended is None or began.line == ended.line:
        return ""
    return f"; it began on line {began.line + 1}"


def _place(error: Any, source: SourceText) -> tuple[int, int]:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    if mark is not None:
        return min(mark.line + 1, len(source)), mark.column + 1
    return _control_character(source)


def _control_character(source: SourceText) -> tuple[int, int]:
    """Errors of the reader name no line; the character itself is easy to find."""
    for line in range(1, len(source) + 1):
        for column, character in enumerate(source.raw(line), 1):
            if not character.isprintable() and character != "\t":
                return line, column
    return 1, 1


def _problem(file: str, line: int, column: int, what: str, fix: str) -> Problem:
    return Problem(code="LPF105", file=file, line=line, column=column, what=what, fix=fix)
