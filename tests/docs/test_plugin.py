"""docs/plugin.md: the adapter it shows is taken from the page and has to keep the contract."""

from __future__ import annotations

import configparser
import http.server
import json
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml

from lpforwarder.delivery.contract import Formatter
from lpforwarder.errors import Blocked, Transient
from lpforwarder.event import Event
from lpforwarder.intake.contract import Source
from tests.contract.source_suite import SourceSuite, events_of, pages_of

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/plugin.md").read_text("utf-8")
MOST_LINES = 60


def blocks(language: str) -> list[str]:
    """The code of that language, in the order of the page."""
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


ADAPTER, FIXTURES, FORMAT = blocks("python")
SETUP = blocks("ini")[0]
CONFIGURATION = yaml.safe_load(blocks("yaml")[0])["sources"][0]


class Doors(http.server.ThreadingHTTPServer):
    """A door controller with 2,500 openings, one of them without a badge; `status` is what it answers."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), DoorHandler)
        self.status = 200
        self.openings: list[dict[str, Any]] = [
            {
                "number": number,
                "at": f"2026-01-31T{number // 3600:02d}:{number // 60 % 60:02d}:{number % 60:02d}+01:00",
                "badge": f"user{number % 7}@example.com",
                "door": 'Server room "A"',
                "opened": number % 5 > 0,
            }
            for number in range(2_500)
        ]
        del self.openings[17]["badge"]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class DoorHandler(http.server.BaseHTTPRequestHandler):
    server: Doors

    def do_GET(self) -> None:
        query = parse_qs(urlsplit(self.path).query)
        begin = int(query["after"][0])
        end = min(begin + int(query["limit"][0]), len(self.server.openings))
        answer = {
            "openings": self.server.openings[begin:end],
            "last": end,
            "more": end < len(self.server.openings),
        }
        body = json.dumps(answer).encode()
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: a test's output is no place for an access log."""


@pytest.fixture
def doors() -> Iterator[Doors]:
    server = Doors()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def module(name: str, code: str) -> ModuleType:
    """The code of the page as a module."""
    made = ModuleType(name)
    exec(compile(code, f"docs/plugin.md ({name})", "exec", dont_inherit=True), made.__dict__)
    return made


@pytest.fixture
def make_door_source(doors: Doors) -> Callable[[], Source]:
    adapter = module("door_source", ADAPTER)
    options = adapter.DoorOptions.model_validate({**CONFIGURATION, "url": doors.url})

    def make() -> Source:
        source: Source = adapter.DoorSource(options)
        return source

    return make


class TestTheAdapterOfThePage(SourceSuite):
    @pytest.fixture
    def make_source(self, make_door_source: Callable[[], Source]) -> Callable[[], Source]:
        return make_door_source


def test_the_adapter_is_short() -> None:
    assert len(ADAPTER.splitlines()) < MOST_LINES


def test_its_events_are_those_of_the_doors_and_the_bad_one_is_set_aside(
    make_door_source: Callable[[], Source],
) -> None:
    pages = pages_of(make_door_source())
    events = events_of(pages)
    assert (len(events), [len(page.events) for page in pages]) == (2_499, [999, 1000, 500])
    assert dict(events[0].fields) == {
        "id": "door-0",
        "timestamp": "2026-01-30T23:00:00.000Z",
        "eventId": "1001",
        "eventType": "authentication",
        "targetUser": "user0@example.com",
        "method": "badge",
        "result": "failure",
        "door": 'Server room "A"',
        "source": "headquarters",
        "severity": 6,
    }
    assert [reject.reason for page in pages for reject in page.rejects] == ["not an opening: 'badge'"]


@pytest.mark.parametrize(
    ("status", "kind"), [(401, Blocked), (403, Blocked), (500, Transient), (429, Transient)]
)
def test_its_errors_are_sorted_by_who_mends_them(
    doors: Doors, make_door_source: Callable[[], Source], status: int, kind: type[Exception]
) -> None:
    doors.status = status
    with pytest.raises(kind, match=str(status)):
        make_door_source().pull(None)


def test_no_answer_is_mended_by_time() -> None:
    adapter = module("door_source", ADAPTER)
    url = "http://127.0.0.1:1"  # nobody listens on the lowest port
    source = adapter.DoorSource(adapter.DoorOptions.model_validate({**CONFIGURATION, "url": url}))
    with pytest.raises(Transient, match="no answer"):
        source.pull(None)


def test_installed_as_the_page_says_the_program_finds_it(tmp_path: Path) -> None:
    setup = configparser.ConfigParser()
    setup.read_string(SETUP)
    group, points = next(iter(setup["options.entry_points"].items()))
    (tmp_path / f"{setup['options']['py_modules']}.py").write_text(ADAPTER)
    installed = tmp_path / "lpforwarder_doors-1.0.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: lpforwarder-doors\nVersion: 1.0\n")
    (installed / "entry_points.txt").write_text(f"[{group}]\n{points.strip()}\n")
    code = f"from lpforwarder.plugins import load; print(load('sources', {CONFIGURATION['type']!r}).__name__)"
    result = subprocess.run(
        [sys.executable, "-c", code],
        check=True,
        capture_output=True,
        text=True,
        env={"PYTHONPATH": f"{tmp_path}:{ROOT}"},
    )
    assert result.stdout == "DoorSource\n"


def test_the_suite_runs_over_the_installed_source_with_the_fixture_of_the_page(
    tmp_path: Path, doors: Doors
) -> None:
    (tmp_path / "door_source.py").write_text(ADAPTER)
    (tmp_path / "door_fixtures.py").write_text(FIXTURES.replace("http://127.0.0.1:8080", doors.url))
    installed = tmp_path / "lpforwarder_doors-1.0.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: lpforwarder-doors\nVersion: 1.0\n")
    (installed / "entry_points.txt").write_text("[lpforwarder.sources]\ndoors = door_source:DoorSource\n")
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "door_fixtures"]
    result = subprocess.run(
        [*command, "-k", "doors", "tests/contract/test_sources.py"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env={"PYTHONPATH": f"{tmp_path}:{ROOT}", "PATH": ""},
    )
    assert result.returncode == 0, result.stdout
    assert "11 passed" in result.stdout


def test_the_format_of_the_page_sends_the_text_without_controls() -> None:
    text_format = module("text_format", FORMAT).TextFormat
    formatter: Formatter = text_format(text_format.Options())
    assert (
        formatter.format(Event.of({"message": "two\nlines\x7f é \ud800"})) == "two lines  é \ufffd".encode()
    )
    assert formatter.format(Event.of({"message": None})) == b"-"


def test_files_and_pages_that_are_named_exist() -> None:
    for path in re.findall(r"`(?:tests|lpforwarder)/[a-z_./]+`", PAGE):
        assert (ROOT / path.strip("`")).exists()
    for path in re.findall(r"\]\(([^)]+)\)", PAGE):
        assert (ROOT / "docs" / path).exists()
