"""The pictures: well-formed whatever the names, and telling without colours."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree

import pytest

from lpforwarder.endpoint.history import STEPS, Step
from lpforwarder.endpoint.page.drawing import NARROW, flow, strip
from tests.fakes.facts import collector, error, facts, source


def drawn(svg: str) -> ElementTree.Element:
    return ElementTree.fromstring(svg)


def kinds(svg: str) -> list[str]:
    return [part.get("class", "") for part in drawn(svg).iter()]


def test_every_part_is_a_box_and_every_link_a_line() -> None:
    svg = flow(facts(sources={"a": source(), "b": source()}), {}, "room for 61 days")
    assert kinds(svg).count("box") == 3
    assert kinds(svg).count("link") == 3
    assert "room for 61 days" in svg


def test_an_outage_is_a_broken_line_with_the_number_that_waits() -> None:
    dead = collector(error=error(), state="waiting", waiting=48112)
    svg = flow(facts(collectors={"siem": collector(), "archive": dead}), {}, "")
    assert kinds(svg).count("link broken") == 1
    assert "48,112 waiting" in svg
    assert "archive unreachable" in drawn(svg).get("aria-label", "")


def test_more_events_make_a_thicker_line() -> None:
    def width(rate: float) -> float:
        svg = drawn(flow(facts(), {"sources:acme": rate}, ""))
        return float(
            next(part.get("stroke-width", "0") for part in svg.iter() if part.get("class") == "link")
        )

    assert width(0.0) < width(10.0) < width(1000.0) < width(1e4) <= width(1e12)


def test_hundreds_of_sources_make_a_picture_with_the_troubled_ones() -> None:
    many = {f"tenant-{number}": source() for number in range(300)} | {"sick": source(error=error())}
    svg = flow(facts(sources=many), {}, "")
    assert "sick" in svg
    assert "and 290 more" in svg
    assert kinds(svg).count("box") + kinds(svg).count("box bad") == 13


@pytest.mark.parametrize("name", ["<script>", '"&', "x" * 300, "naïve ☃"])
def test_no_name_breaks_the_picture(name: str) -> None:
    drawn(flow(facts(sources={name: source()}), {}, name))


def test_a_telephone_has_a_picture_of_its_own_with_the_same_facts() -> None:
    dead = collector(error=error(), state="waiting", waiting=48112)
    svg = flow(facts(collectors={"siem": collector(), "archive": dead}), {}, "room for 61 d", NARROW)
    assert drawn(svg).get("class") == "flow narrow"
    assert float(drawn(svg).get("viewBox", "").split()[2]) < 360
    for words in ("48,112 waiting", "room for 61 d", "archive", "siem"):
        assert words in svg
    assert kinds(svg).count("link broken") == 1


def test_a_collector_that_confirms_nothing_has_a_broken_line() -> None:
    svg = flow(facts(collectors={"siem": collector(stalled_since="2026-11-22T19:00:00.000Z")}), {}, "")
    assert kinds(svg).count("link broken") == 1
    assert "stalled" in svg


def bars(svg: ElementTree.Element) -> dict[int, int]:
    """Height by place."""
    paths = [part.get("d", "") for part in svg if part.tag == "path"]
    return {int(x): int(tall) for path in paths for x, tall in re.findall(r"M([0-9]+) 36v-([0-9]+)h1", path)}


def test_a_day_is_a_strip_with_shaded_troubles() -> None:
    steps = [Step(events=number) for number in (0, 1, 100)] + [Step(in_trouble=True)] * 2
    svg = drawn(strip(steps))
    tall = bars(svg)
    assert list(tall) == [STEPS - 4, STEPS - 3]
    assert 0 < tall[STEPS - 4] < tall[STEPS - 3] == 36
    (trouble,) = [part for part in svg if part.get("class") == "trouble"]
    assert (trouble.get("x"), trouble.get("width")) == (str(STEPS - 2), "2")
    assert svg.get("aria-label") == "101 events in the last 25 min, up to 10 min in trouble"


def test_the_time_before_the_first_step_is_grey() -> None:
    (unknown,) = [part for part in drawn(strip([Step()] * 12)) if part.get("class") == "unknown"]
    assert unknown.get("width") == str(STEPS - 12)
    assert "unknown" not in strip([Step()] * STEPS)


def test_a_day_without_anything_is_an_empty_strip() -> None:
    assert drawn(strip([])).get("aria-label") == "not watched yet"


def test_a_busy_day_takes_little_of_the_page() -> None:
    assert len(strip([Step(events=number, in_trouble=number % 2 == 0) for number in range(STEPS)])) < 25_000
    assert len(strip([Step(events=number) for number in range(STEPS)])) < 7_000
