from __future__ import annotations

from collections import Counter
from xml.etree import ElementTree

from bench.flame import flame_graph
from bench.plot import Bars, bars

SVG = "{http://www.w3.org/2000/svg}"


def widths(picture: str) -> list[float]:
    """Of all boxes but the background, as they are drawn."""
    return [float(box.attrib["width"]) for box in ElementTree.fromstring(picture).iter(f"{SVG}rect")][1:]


def test_bars_are_as_long_as_their_values_say() -> None:
    drawn = bars("t", "u", [Bars(title="CEF <&>", values=(("a", 100.0), ("b", 50.0)))])
    longer, shorter = widths(drawn.replace('width="100%"', 'width="0"'))
    assert longer == 2 * shorter


def test_each_group_has_a_scale_of_its_own() -> None:
    groups = [Bars(title="1", values=(("a", 5.0),)), Bars(title="2", values=(("a", 5000.0),))]
    first, second = widths(bars("t", "u", groups).replace('width="100%"', 'width="0"'))
    assert first == second


def test_a_group_of_nothing_is_drawn() -> None:
    assert len(widths(bars("t", "u", [Bars(title="1", values=(("a", 0.0),))]).replace("100%", "0"))) == 1


def test_a_flame_graph_gives_every_function_its_share() -> None:
    drawn = flame_graph("t", Counter({("a", "b"): 3, ("a", "<c>"): 1}))
    whole, a, c, b = widths(drawn.replace('width="100%"', 'width="0"'))
    assert whole == a
    assert round((b + 0.5) / (c + 0.5), 1) == 3.0
    assert "&lt;c&gt; 25.0%" in drawn


def test_a_flame_graph_of_nothing_is_a_picture() -> None:
    assert ElementTree.fromstring(flame_graph("t", Counter())).tag == f"{SVG}svg"
