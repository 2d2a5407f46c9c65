"""The status page of a running daemon, seen in a real browser."""

from __future__ import annotations

import contextlib
import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.e2e.test_endpoint import port_of
from tests.fakes.browser import Browser
from tests.fakes.collectors import CollectorProcess
from tests.fakes.daemon import Daemon
from tests.fakes.ports import ReservedPort
from tests.fakes.small_setup import collector
from tests.fakes.wished_events import WISHED

pytestmark = pytest.mark.peers

LONG = "a-tenant-with-the-longest-name-that-a-configuration-may-give-1-2"
PHONE = 360


@dataclass(frozen=True)
class Scene:
    """A browser, and a page to look at."""

    browser: Browser
    url: str


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """A daemon with a good collector and a dead one, two sources and one that cannot be read."""
    folder = tmp_path_factory.mktemp("page")
    path = folder / "events.json"
    path.write_text(json.dumps(WISHED))
    with (
        contextlib.closing(ReservedPort()) as nobody,
        CollectorProcess(folder / "receiver") as receiver,
    ):
        sources = [
            {"name": "archive", "type": "file", "path": str(path)},
            {"name": "stream", "type": "sample", "rate": 5, "seed": 1},
            {"name": LONG, "type": "file", "path": str(folder / "absent.json")},
        ]
        collectors = [collector(receiver.port), collector(nobody.number, name="dead")]
        settings = {"sources": sources, "collectors": collectors, "http": {"listen": "127.0.0.1:0"}}
        with Daemon(folder / "daemon", settings) as daemon, Browser(folder) as browser:
            url = f"http://127.0.0.1:{port_of(daemon)}/"
            daemon.wait_until(
                lambda facts: (
                    facts["collectors"]["dead"]["error"] is not None
                    and facts["collectors"]["siem"]["confirmed"] > 0
                )
            )
            yield Scene(browser, url)


@pytest.fixture(autouse=True)
def nothing_is_complained_of(scene: Scene) -> Iterator[None]:
    """The browser has no word in its console, whatever is tested."""
    del scene.browser.complaints[:]
    yield
    assert scene.browser.complaints == []


def size(path: Path) -> tuple[int, int]:
    """Width and height of a PNG."""
    width, height = struct.unpack(">II", path.read_bytes()[16:24])
    return width, height


def overflowing(browser: Browser) -> list[str]:
    """What reaches beyond the right edge of the screen."""
    found: list[str] = browser.evaluate(
        "[...document.querySelectorAll('body *')]"
        ".filter(one => one.getBoundingClientRect().right > window.innerWidth + 0.5)"
        ".map(one => one.tagName + ' ' + one.textContent.slice(0, 60))"
    )
    return found


def test_the_page_says_what_is_wrong_first_and_names_everybody(scene: Scene, tmp_path: Path) -> None:
    browser = scene.browser
    browser.show(scene.url)
    text = browser.text()
    assert text.startswith("! BEHIND")
    assert browser.evaluate("document.title") == "! BEHIND lpforwarder"
    for words in ("siem", "dead", "archive", "stream", LONG, "unreachable", "connected", "[LPF202]"):
        assert words in text
    assert "lpforwarder test-send --collector dead" in text
    assert "The forwarder started" in text
    assert browser.evaluate("document.querySelectorAll('svg.strip path').length") >= 2
    assert browser.evaluate("document.querySelectorAll('.flow.wide .link').length") == 5
    assert browser.evaluate("document.querySelectorAll('.flow.wide .broken').length") == 2
    browser.picture(tmp_path / "page.png")
    assert size(tmp_path / "page.png")[0] == 1000


def test_nothing_of_an_event_is_on_the_page(scene: Scene) -> None:
    scene.browser.show(scene.url)
    shown = str(scene.browser.evaluate("document.documentElement.outerHTML"))
    values = {str(value) for event in WISHED for value in event.values() if len(str(value)) > 8}
    assert {value for value in values if value in shown} == set()


def test_it_asks_nobody_but_the_service(scene: Scene) -> None:
    scene.browser.show(scene.url)
    assert {urlsplit(url).netloc for url in scene.browser.requests} == {urlsplit(scene.url).netloc}
    assert {urlsplit(url).path for url in scene.browser.requests} == {"/"}


def test_it_loads_itself_again(scene: Scene) -> None:
    scene.browser.show(scene.url)
    scene.browser.wait_for_load(scene.browser.loads)
    assert scene.browser.text().startswith("! BEHIND")


@pytest.mark.parametrize("width", [PHONE, 768, 1400])
def test_nothing_is_cut_off_at_the_right(scene: Scene, width: int, tmp_path: Path) -> None:
    scene.browser.show(scene.url, width=width, height=740)
    assert overflowing(scene.browser) == []
    assert scene.browser.evaluate("document.documentElement.scrollWidth") == width
    scene.browser.picture(tmp_path / "page.png")
    assert size(tmp_path / "page.png")[0] == width


def test_a_telephone_shows_a_picture_that_can_be_read(scene: Scene) -> None:
    for width, form in ((PHONE, "narrow"), (1000, "wide")):
        scene.browser.show(scene.url, width=width)
        drawn = [
            kind
            for kind in ("narrow", "wide")
            if scene.browser.evaluate(f"document.querySelector('.flow.{kind}').checkVisibility()")
        ]
        assert drawn == [form]
        least = (
            "Math.min(...[...document.querySelectorAll('.flow text')].filter(one => one.checkVisibility())"
        )
        assert scene.browser.evaluate(f"{least}.map(one => one.getBoundingClientRect().height))") >= 10


def brightness(browser: Browser, what: str) -> float:
    """Of a colour of the body, 0 to 255."""
    colour = str(browser.evaluate(f"getComputedStyle(document.body).{what}"))
    numbers = [float(number) for number in colour.partition("(")[2].rstrip(")").split(",")[:3]]
    return sum(numbers) / 3


def test_light_and_dark_are_as_the_visitor_likes_it(scene: Scene) -> None:
    scene.browser.show(scene.url)
    assert brightness(scene.browser, "backgroundColor") > 200 > 100 > brightness(scene.browser, "color")
    scene.browser.show(scene.url, dark=True)
    assert brightness(scene.browser, "backgroundColor") < 50 < 200 < brightness(scene.browser, "color")


def test_the_policy_of_the_page_lets_no_script_run(scene: Scene) -> None:
    browser = scene.browser
    browser.show(scene.url)
    browser.evaluate(
        "document.body.append(Object.assign(document.createElement('script'), {text: 'window.ran = 1'})), 0"
    )
    assert browser.evaluate("typeof window.ran") == "undefined"
    assert any("Content Security Policy" in complaint for complaint in browser.complaints)
    del browser.complaints[:]
