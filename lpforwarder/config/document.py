"""YAML text → plain data, and where every key and value stands.

Scalars are strict: `true` and `false` are booleans, plain decimal numbers are numbers, `null`, `~` and
nothing are null. All else is text, so the `no`, `0123` and `1:30` of YAML 1.1 are what they look like.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import yaml
from msgspec import Struct, field

from lpforwarder.config import secrecy
from lpforwarder.config.source_text import SourceText
from lpforwarder.config.yaml_errors import explain
from lpforwarder.errors import Problem

KeyPath: TypeAlias = tuple[str | int, ...]
"""The way to a value: keys of mappings, places in lists from 0."""

MOST_NODES = 20_000
"""Values after aliases are followed; stops documents that grow without end ("billion laughs")."""
DEEPEST = 30
LONGEST = 2**20
"""Characters; a configuration is written by people."""

_SECRET_FIX = (
    "put it in a file that only the service can read; then delete it here and make a new one: "
    "this one may be in a backup"
)
_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TAG = "tag:yaml.org,2002:"


class _Loader(_Base):  # type: ignore[misc]  # the C loader, where PyYAML has it
    """Resolves scalars by the rules above instead of YAML 1.1."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012


def _resolve(kind: str, pattern: str, first: list[str]) -> None:
    _Loader.add_implicit_resolver(_TAG + kind, re.compile(pattern), first)


_resolve("null", r"(?:null|~|)\Z", ["n", "~", ""])
_resolve("bool", r"(?:true|false)\Z", ["t", "f"])
_resolve("int", r"-?(?:0|[1-9][0-9]{0,17})\Z", list("-0123456789"))
_resolve("float", r"-?(?:0|[1-9][0-9]{0,17})\.[0-9]{1,17}\Z", list("-0123456789"))

_READ: Mapping[str, Callable[[str], Any]] = {
    _TAG + "str": str,
    _TAG + "null": lambda _: None,
    _TAG + "bool": lambda text: text == "true",
    _TAG + "int": int,
    _TAG + "float": float,
}


class Mark(Struct, frozen=True):
    """A place in the text, from 1, and the scalar as it is written there."""

    line: int
    column: int
    raw: str = ""


class Document(Struct, frozen=True, kw_only=True):
    """What a configuration file says, with every problem found on the way.

    `data` is None when the text is no YAML at all. Secrets are neither in `data` nor in what
    `source.excerpt` shows; `hidden` has their paths.
    """

    file: str
    source: SourceText
    data: Any = None
    keys: Mapping[KeyPath, Mark] = field(default_factory=dict)
    values: Mapping[KeyPath, Mark] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    hidden: frozenset[KeyPath] = frozenset()

    def place(self, path: KeyPath, *, of_key: bool = False) -> Mark:
        """Where the value (or its key) stands; of a path that is not there, what is around it."""
        while path:
            mark = (self.keys.get(path) if of_key else None) or self.values.get(path)
            if mark is not None:
                return mark
            path, of_key = path[:-1], True
        return self.values.get((), Mark(0, 0))


def parse(text: str, file: str) -> Document:
    """The document of a text; problems are collected, nothing is raised. Only syntax errors end it early."""
    source = SourceText(text)
    problem = _too_much(text, file)
    if problem is None:
        try:
            problem = _unsupported(text, file)
            node = None if problem else yaml.compose(text, Loader=_Loader)
        except yaml.YAMLError as error:
            source.hide_likely_secrets()
            problem = explain(error, source, file)
    if problem is not None:
        return Document(file=file, source=source, problems=(problem,))
    if node is None:
        return Document(file=file, source=source, data={})
    return _Builder(file, source).document(node)


def dotted(path: KeyPath) -> str:
    """`collectors[0].tls.verify`."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return text.removeprefix(".")


def _too_much(text: str, file: str) -> Problem | None:
    if len(text) <= LONGEST:
        return None
    return Problem(
        code="LPF105", file=file, what=f"the file has more than {LONGEST} characters", fix="shorten it"
    )


def _unsupported(text: str, file: str) -> Problem | None:
    """A second document, or nesting that a recursive reader could not follow."""
    depth = documents = 0
    for event in yaml.parse(text, Loader=_Loader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        documents += isinstance(event, yaml.DocumentStartEvent)
        mark: Any = event.start_mark
        if depth > DEEPEST:
            what, fix = f"is nested deeper than {DEEPEST} levels", "the configuration needs five"
        elif documents > 1:
            what, fix = "begins a second document", "keep one document in the file: delete the --- and merge"
        else:
            continue
        what = f"this {what}"
        return Problem(
            code="LPF105", file=file, line=mark.line + 1, column=mark.column + 1, what=what, fix=fix
        )
    return None


class _TooBigError(Exception):
    pass


class _Builder:
    """Walks the nodes once; one per document."""

    def __init__(self, file: str, source: SourceText) -> None:
        self.file = file
        self.source = source
        self.keys: dict[KeyPath, Mark] = {}
        self.values: dict[KeyPath, Mark] = {}
        self.problems: list[Problem] = []
        self.hidden: set[KeyPath] = set()
        self.nodes = 0
        self.open: set[int] = set()

    def document(self, root: Any) -> Document:
        try:
            data = self.build(root, ())
        except _TooBigError:
            data = None
            self.report("LPF105", root, (), "the aliases make it too big to read", "write the values out")
        return Document(
            file=self.file,
            source=self.source,
            data=data,
            keys=self.keys,
            values=self.values,
            problems=tuple(self.problems),
            hidden=frozenset(self.hidden),
        )

    def build(self, node: Any, path: KeyPath) -> Any:
        self.nodes += 1
        if self.nodes > MOST_NODES or id(node) in self.open:  # the second: an alias of what is around it
            raise _TooBigError
        self.values[path] = _mark(node)
        if isinstance(node, yaml.ScalarNode):
            return self.scalar(node, path)
        self.open.add(id(node))
        made = self.mapping(node, path) if isinstance(node, yaml.MappingNode) else self.sequence(node, path)
        self.open.discard(id(node))
        return made

    def scalar(self, node: yaml.ScalarNode, path: KeyPath) -> Any:
        if secrecy.holds_secret(node.value):
            self.hide(node, path)
            return None
        read = _READ.get(node.tag)
        if read is None:
            self.report(
                "LPF104", node, path, f"the tag {_tag_text(node.tag)} means nothing here", "delete it"
            )
            return node.value
        try:
            return read(node.value)
        except ValueError:  # !!int "five"
            return node.value

    def sequence(self, node: yaml.SequenceNode, path: KeyPath) -> list[Any]:
        return [self.build(item, (*path, place)) for place, item in enumerate(node.value)]

    def mapping(self, node: yaml.MappingNode, path: KeyPath) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = self.key(key_node, path)
            if key is None:
                continue
            inner = (*path, key)
            if inner in self.keys:
                self.twice(key_node, inner)
                continue
            self.keys[inner] = _mark(key_node)
            if secrecy.names_secret(key):
                self.hide(value_node, inner)
                continue
            if secrecy.resembles_secret(key):
                self.mask(value_node)
            made[key] = self.build(value_node, inner)
        return made

    def key(self, node: Any, path: KeyPath) -> str | None:
        if not isinstance(node, yaml.ScalarNode):
            self.report("LPF101", node, path, "a key must be a word", "did you forget quotes around a value?")
            return None
        if node.value == "<<" and not node.style:
            self.report("LPF101", node, path, "merging with `<<` is not supported", "write the keys out")
            return None
        return str(node.value)

    def twice(self, node: Any, path: KeyPath) -> None:
        first = self.keys[path].line
        fix = f"the first one is on line {first}; keep one"
        self.report("LPF103", node, path, f"`{path[-1]}` is written twice", fix)

    def hide(self, node: Any, path: KeyPath) -> None:
        self.mask(node)
        self.hidden.add(path)
        self.values[path] = Mark(node.start_mark.line + 1, node.start_mark.column + 1)
        mark = self.keys.get(path, self.values[path])
        what = f"line {mark.line} holds the secret itself"
        self.problems.append(
            Problem(
                code="LPF112",
                file=self.file,
                line=mark.line,
                column=mark.column,
                key=dotted(path),
                what=what,
                fix=_SECRET_FIX,
            )
        )

    def mask(self, node: Any) -> None:
        start, end = node.start_mark, node.end_mark
        self.source.hide((start.line, start.column), (end.line, end.column))

    def report(self, code: str, node: Any, path: KeyPath, what: str, fix: str) -> None:
        mark = _mark(node)
        self.problems.append(
            Problem(
                code=code,
                file=self.file,
                line=mark.line,
                column=mark.column,
                key=dotted(path),
                what=what,
                fix=fix,
            )
        )


def _mark(node: Any) -> Mark:
    raw = node.value if isinstance(node, yaml.ScalarNode) else ""
    return Mark(node.start_mark.line + 1, node.start_mark.column + 1, raw)


def _tag_text(tag: str) -> str:
    return "!!" + tag.removeprefix(_TAG) if tag.startswith(_TAG) else tag
