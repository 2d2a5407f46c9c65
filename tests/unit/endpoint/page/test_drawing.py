"""The pictures: well-formed whatever the names, and telling without colours."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

import pytest

from lpforwarder.endpoint.history import STEPS, Step
from lpforwarder.endpoint.page.drawing import flow, strip
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
    assert "archive waiting" in drawn(svg).get("aria-label", "")


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


def test_a_day_is_a_strip_with_shaded_troubles() -> None:
    steps = [Step(events=number) for number in (0, 1, 100)] + [Step(in_trouble=True)] * 2
    svg = drawn(strip(steps, "24 hours in"))
    bars = [part for part in svg if part.tag == "rect" and part.get("class") is None]
    troubles = [part for part in svg if part.get("class") == "trouble"]
    assert [part.get("x") for part in bars] == [str(STEPS - 4), str(STEPS - 3)]
    assert float(bars[0].get("height", "0")) < float(bars[1].get("height", "0"))
    assert len(troubles) == 2
    assert svg.get("aria-label") == "24 hours in: 101 events, 10 min in trouble"


def test_a_day_without_anything_is_an_empty_strip() -> None:
    assert drawn(strip([], "24 hours out")).get("aria-label") == "24 hours out: 0 events"
