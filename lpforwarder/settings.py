"""Root of the typed configuration: the stages' options put together, or every problem at once."""

from __future__ import annotations

import contextlib
import copy
import os
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, TypeGuard, TypeVar

from msgspec import Struct
from msgspec.structs import replace
from pydantic import Field, ValidationError, create_model

from lpforwarder import plugins
from lpforwarder.config.document import Document, KeyPath, parse
from lpforwarder.config.options import NAME, Finding, Options
from lpforwarder.config.privacy import PrivacyOptions
from lpforwarder.config.problems import exit_code, in_order
from lpforwarder.config.sections import (
    HttpOptions,
    JournalOptions,
    LogOptions,
    Outline,
    default_control_socket,
)
from lpforwarder.config.sentences import Sentence, did_you_mean, listed, problem, problems
from lpforwarder.delivery.options import CollectorOptions
from lpforwarder.errors import ConfigError, Problem
from lpforwarder.event import OWN
from lpforwarder.intake.contract import SourceOptions

T = TypeVar("T", bound=Options)

_SECTIONS = ("journal", "http", "control_socket", "log", "privacy", "drain")

VARIABLE = "LPFORWARDER_CONFIG"
PLACES = (Path("lpforwarder.yaml"), Path("/etc/lpforwarder/config.yaml"))


class Settings(Struct, frozen=True, kw_only=True):
    """A configuration that can be used. Each source is an instance of its plug-in's Options; each collector
    of CollectorOptions, of its transport's Options, and with the formats' options under their names."""

    sources: tuple[SourceOptions, ...]
    collectors: tuple[CollectorOptions, ...]
    journal: JournalOptions
    http: HttpOptions
    control_socket: Path
    log: LogOptions
    privacy: PrivacyOptions
    drain: float


class Report(Struct, frozen=True, kw_only=True):
    """What is to be said about a configuration; `settings` is None when it cannot be used."""

    document: Document
    problems: tuple[Problem, ...]
    settings: Settings | None

    @property
    def exit_code(self) -> int:
        """0, 77 when only permissions are wrong, else 78."""
        return exit_code(self.problems)


def find(
    explicit: str | None, environ: Mapping[str, str] = os.environ, places: Iterable[Path] = PLACES
) -> Path:
    """The configuration file: the one asked for, else $LPFORWARDER_CONFIG, else the first place that has one.

    A file asked for is not replaced by another one. Raises ConfigError LPF107.
    """
    if asked := explicit or environ.get(VARIABLE):
        return Path(asked)
    places = list(places)
    for place in places:
        if place.exists():
            return place
    looked = ", ".join(str(place if place.is_absolute() else f"./{place}") for place in places)
    what = f"no configuration found. looked at: {looked}"
    raise ConfigError([Problem(code="LPF107", file="", what=what, fix="try: lpforwarder demo")])


def load(path: Path) -> Settings:
    """The settings of a file whose certificates, keys and secrets are usable; ConfigError has problems."""
    return _settings(examine(path))


def decode(text: str, path: Path) -> Settings:
    """The settings of a text as if it stood at `path`; the files it names are not looked at."""
    return _settings(judge(text, path, look_at_files=False))


def examine(path: Path) -> Report:
    """Everything there is to say about a file and the files it names, notes included; no network.

    Raises ConfigError when the file itself cannot be read.
    """
    return judge(read(path), path)


def judge(text: str, path: Path, *, look_at_files: bool = True) -> Report:
    """Everything there is to say about a text that stands at `path`."""
    document = parse(text, str(path))
    reading = _Reading(document, path, look_at_files)
    settings = reading.settings() if not reading.hopeless else None
    found = in_order((*document.problems, *reading.problems))
    return Report(document=document, problems=found, settings=None if exit_code(found) else settings)


def _settings(report: Report) -> Settings:
    if report.settings is None:
        raise ConfigError(report.problems, exit_code=report.exit_code)
    return report.settings


def control_socket_in(text: str, path: Path) -> Path:
    """Where the service of a configuration listens, as far as that can be told of one with mistakes."""
    data = parse(text, str(path)).data
    asked = data.get("control_socket") if isinstance(data, dict) else None
    if isinstance(asked, str) and asked and "\0" not in asked:
        return path.parent / Path(asked).expanduser()
    return default_control_socket()


def read(path: Path) -> str:
    """The text of a configuration file; ConfigError when it cannot be read."""
    try:
        with open(path, encoding="utf-8-sig", opener=_open_at_once) as file:
            return file.read()
    except FileNotFoundError:
        raise _unreadable(
            path, "LPF107", "no configuration there", "correct the path, or: lpforwarder demo"
        ) from None
    except PermissionError:
        raise _unreadable(
            path, "LPF122", "cannot be read by this user", f"chgrp lpforwarder {path}"
        ) from None
    except UnicodeDecodeError as error:
        what = f"not UTF-8 at octet {error.start + 1}"
        raise _unreadable(path, "LPF105", what, "save it as UTF-8") from None
    except OSError as error:
        raise _unreadable(path, "LPF119", f"cannot be read: {error.strerror}", "name a file") from error


def _open_at_once(path: str, flags: int) -> int:
    """A descriptor; to open a pipe that nobody writes into would wait for ever, to read it ends at once."""
    descriptor = os.open(path, flags | os.O_NONBLOCK)
    os.set_blocking(descriptor, True)
    return descriptor


def _unreadable(path: Path, code: str, what: str, fix: str) -> ConfigError:
    problem = Problem(code=code, file=str(path), what=what, fix=fix)
    return ConfigError([problem], exit_code=exit_code([problem]))


class _Reading:
    """One document on its way to settings; collects problems and goes on."""

    def __init__(self, document: Document, path: Path, look_at_files: bool) -> None:
        self.document = document
        self.look_at_files = look_at_files
        self.context = {"folder": path.parent}
        self.problems: list[Problem] = []

    @property
    def hopeless(self) -> bool:
        """True when there is nothing to go on with."""
        data = self.document.data
        if data == {}:
            self.say(Sentence("LPF107", "the configuration is empty", "try: lpforwarder demo"), ())
        elif data is not None and not isinstance(data, dict):
            self.say(Sentence("LPF113", "the file must hold keys", "it begins with sources:"), ())
        return not data or not isinstance(data, dict)

    def settings(self) -> Settings | None:
        outline = self.checked(Outline, self.document.data, ())
        sources = self.list_of("sources")
        collectors = self.list_of("collectors")
        read_sources = [self.source(item, at) for at, item in sources]
        read_collectors = [self.collector(item, at) for at, item in collectors]
        names = self.names("source", sources)
        self.names("collector", collectors)
        self.references(collectors, names)
        if outline is None:
            return None
        return Settings(
            sources=tuple(source for source in read_sources if source),
            collectors=tuple(collector for collector in read_collectors if collector),
            **{key: getattr(outline, key) for key in _SECTIONS},
        )

    def list_of(self, key: str) -> list[tuple[KeyPath, Any]]:
        """The items of one of the two lists with their places; an empty list is a problem."""
        items = self.document.data.get(key)
        if not isinstance(items, list):
            return []  # reported with the outline
        if not items:
            self.say(Sentence("LPF114", f"`{key}` is empty", f"add at least one {key[:-1]}", True), (key,))
        return [((key, place), item) for place, item in enumerate(items)]

    def source(self, item: Any, at: KeyPath) -> SourceOptions | None:
        if not isinstance(item, dict) or "type" not in item:
            return self.checked(SourceOptions, item, at, extra=True)
        plugin = self.plugin("sources", item["type"], (*at, "type"))
        if plugin is None:
            return self.checked(SourceOptions, item, at, extra=True)
        options: type[SourceOptions] = plugin.Options
        return self.checked(options, item, at)

    def collector(self, item: Any, at: KeyPath) -> CollectorOptions | None:
        item_keys = item if isinstance(item, dict) else {}
        self.plugin("formats", item_keys.get("format", "json"), (*at, "format"))
        transport = item_keys.get("transport", "tls")
        if self.plugin("transports", transport, (*at, "transport")) is None:
            transport = "tls"  # the default one's keys are the best guess
        model = _loadable(transport)
        before = len(self.problems)
        made = self.checked(model or CollectorOptions, item, at, extra=model is None)
        self.problems[before:] = [_elsewhere(found, transport) for found in self.problems[before:]]
        return made

    def plugin(self, kind: str, name: Any, at: KeyPath) -> Any:
        """The plug-in; None with a problem said. A name that is no text is reported with the other keys."""
        installed = sorted(plugins.registered(kind))
        if not isinstance(name, str):
            return None
        if name not in installed:
            what = f'`{at[-1]}`: "{name[:60]}" is not installed'
            fix = did_you_mean(name, installed) or f"write {listed(installed)}"
            self.say(Sentence("LPF116", what, fix), at)
            return None
        try:
            return plugins.load(kind, name)
        except (ImportError, AttributeError) as error:
            what = f"`{at[-1]}`: the plug-in {name} cannot be loaded: {error}"
            self.say(Sentence("LPF116", what, "reinstall the package that brings it"), at)
            return None

    def checked(self, model: type[T], data: Any, at: KeyPath, *, extra: bool = False) -> T | None:
        """An instance of the model, or None with its problems said; `extra` accepts keys it does not know."""
        try:
            made = model.model_validate(data, context=self.context)
        except ValidationError as error:
            for found in problems(error, self.document, at, model):
                if not (extra and found.code == "LPF101"):
                    self.problems.append(found)
            self.good_parts(model, data, at, error)
            return None
        self.findings(made, at)
        return made

    def good_parts(self, model: type[Options], data: Any, at: KeyPath, error: ValidationError) -> None:
        """What the good keys say beside others that are not good; of those the files alone are looked at."""
        self.sections(model, data, at)
        with contextlib.suppress(ValidationError):  # something is missing: said with the whole
            self.files(model.model_validate(without(data, error), context=self.context), at)

    def sections(self, model: type[Options], data: Any, at: KeyPath) -> None:
        """The findings of the good sections of something that is not good as a whole."""
        for key, field in model.model_fields.items():
            inner = field.annotation
            if isinstance(data, dict) and isinstance(data.get(key), dict) and is_section(inner):
                with contextlib.suppress(ValidationError):  # said with the whole
                    self.findings(inner.model_validate(data[key], context=self.context), (*at, key))

    def findings(self, options: Options, at: KeyPath) -> None:
        """What the options and all below them say about themselves and their files."""
        self.add(options.advice(), options, at)
        self.files(options, at, deep=False)
        for key, value in options:
            if isinstance(value, Options):
                self.findings(value, (*at, key))

    def files(self, options: Options, at: KeyPath, *, deep: bool = True) -> None:
        """What is wrong with the files the options name, and, if `deep`, all below them."""
        if self.look_at_files:
            self.add(options.check_files(), options, at)
        for key, value in options if deep else ():
            if isinstance(value, Options):
                self.files(value, (*at, key))

    def add(self, findings: Iterable[Finding], options: Options, at: KeyPath) -> None:
        """Each finding as a problem with its place, once."""
        for finding in findings:
            path = (*at, *finding.key.split("."))
            whole_section = isinstance(getattr(options, finding.key, None), Options)
            said = Sentence(finding.code, finding.what, finding.fix, whole_section)
            found = problem(said, self.document, path, note=finding.note)
            if found not in self.problems:
                self.problems.append(found)

    def names(self, kind: str, items: list[tuple[KeyPath, Any]]) -> list[str]:
        """The names in use; a name used twice is a problem."""
        first: dict[str, KeyPath] = {}
        for at, item in items:
            name = item.get("name") if isinstance(item, dict) else None
            if not isinstance(name, str):
                continue
            if not NAME.match(name) and kind == "source":  # a collector's own type has said so
                fix = "use letters, digits, . _ - and 64 of them at most"
                self.say(Sentence("LPF108", f'`name`: "{name[:60]}" cannot be a name', fix), (*at, "name"))
            if name == OWN and kind == "source":
                what = f"`name`: a source cannot be called {OWN}: the forwarder's own events come from there"
                self.say(Sentence("LPF108", what, "choose another name"), (*at, "name"))
            if name in first:
                line = self.document.place((*first[name], "name")).line
                fix = f"the first one is on line {line}; choose another name"
                self.say(Sentence("LPF117", f"two {kind}s are called `{name[:60]}`", fix), (*at, "name"))
            first.setdefault(name, at)
        return list(first)

    def references(self, collectors: list[tuple[KeyPath, Any]], known: list[str]) -> None:
        """Sources that collectors name and that do not exist."""
        for at, item in collectors:
            wanted = item.get("sources") if isinstance(item, dict) else None
            for place, name in enumerate(wanted if isinstance(wanted, list) else ()):
                if isinstance(name, str) and name not in known:
                    fix = (
                        did_you_mean(name, known) or f"the sources are called {listed(known or ['nothing'])}"
                    )
                    self.say(
                        Sentence("LPF118", f"there is no source `{name[:60]}`", fix), (*at, "sources", place)
                    )

    def say(self, sentence: Sentence, at: KeyPath) -> None:
        self.problems.append(problem(sentence, self.document, at))


def without(data: Any, error: ValidationError) -> Any:
    """The data without the keys that the error is about."""
    left = copy.deepcopy(data)
    for detail in error.errors(include_url=False, include_input=False):
        place, inner = detail["loc"], left
        while len(place) > 1 and isinstance(inner, dict) and isinstance(inner.get(place[0]), dict):
            inner, place = inner[place[0]], place[1:]
        if isinstance(inner, dict) and place:
            inner.pop(place[0], None)
    return left


def is_section(annotation: Any) -> TypeGuard[type[Options]]:
    """True for the type of a key that holds keys of its own."""
    return isinstance(annotation, type) and issubclass(annotation, Options)


def _elsewhere(found: Problem, transport: str) -> Problem:
    """An unknown key that another transport knows is told so."""
    if found.code != "LPF101" or found.key.count(".") != 1:
        return found
    key = found.key.rpartition(".")[2]
    others = sorted(set(plugins.registered("transports")) - {transport})
    owners = [other for other in others if (model := _loadable(other)) and key in model.model_fields]
    return replace(found, fix=f"`{key}` belongs to transport: {' or '.join(owners)}") if owners else found


def _loadable(transport: str) -> type[CollectorOptions] | None:
    """The model of a transport; None when its plug-in is broken, which is reported where it is used."""
    try:
        return collector_model(transport)
    except (ImportError, AttributeError):
        return None


@cache
def collector_model(transport: str) -> type[CollectorOptions]:
    """The keys of a collector with this transport: the common ones, the transport's, one for each format.

    Made once for each transport, so that equal settings of two loads are equal.
    """
    options = plugins.load("transports", transport).Options
    formats: dict[str, Any] = {
        name: (model, Field(model(), description=f"options of format: {name}"))
        for name, model in _format_models().items()
    }
    return create_model(f"Collector_{transport}", __base__=(CollectorOptions, options), **formats)


def _format_models() -> dict[str, type[Options]]:
    """The options of all formats that have any. One that cannot be loaded is reported where used."""
    models = {}
    for name in sorted(plugins.registered("formats")):
        try:
            model = plugins.load("formats", name).Options
        except (ImportError, AttributeError):
            continue
        if model.model_fields:
            models[name] = model
    return models
