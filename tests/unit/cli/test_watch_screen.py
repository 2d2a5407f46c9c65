"""The screen of `status --watch`: fits, trouble first, nothing a terminal would obey."""

from __future__ import annotations

import re
from typing import Any

import pytest

from lpforwarder.cli.watch_screen import Look, Pace, failed, screen
from tests.fakes.facts import NOW, busy_facts, collector, error, facts, source, warning

SMALL = Look(width=80, height=24)
LARGE = Look(width=200, height=60)


def shown(made: dict[str, Any], look: Look = SMALL) -> list[str]:
    pace = Pace()
    pace.note(made)
    return screen(made, pace, look)


def plain(line: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", line)


def many() -> dict[str, Any]:
    """A service with 300 tenants, seven of them in trouble."""
    tenants = {f"tenant-{number:03}": source() for number in range(300)}
    for number in range(0, 280, 40):
        tenants[f"tenant-{number:03}"] = source(
            state="blocked", error=error("LPF301", "the vault refused account and secret", "write it anew")
        )
    dead = collector(
        error=error(),
        state="waiting",
        waiting=48112,
        next_try="2026-11-22T20:00:41.000Z",
        connected_since=None,
    )
    return facts(
        sources=tenants,
        collectors={"siem": collector(), "archive": dead},
        verdict="behind",
        sentence="archive is unreachable since 17:50 UTC (2 h 10 min). 48,112 events wait safely.",
    )


@pytest.mark.parametrize("made", [facts(), many(), busy_facts()], ids=["ok", "many", "busy"])
@pytest.mark.parametrize("view", ["all", "sources", "collectors"])
@pytest.mark.parametrize("color", [False, True])
@pytest.mark.parametrize(("width", "height"), [(80, 24), (200, 60), (40, 10), (20, 3), (300, 24)])
def test_it_fits_whatever_the_size(
    made: dict[str, Any], view: str, color: bool, width: int, height: int
) -> None:
    lines = shown(made, Look(width=width, height=height, view=view, color=color))
    assert len(lines) <= height
    assert max(len(plain(line)) for line in lines) <= width
    assert plain(lines[0]).startswith(made["verdict"].upper())


def test_a_full_journal_says_so() -> None:
    made = facts()
    made["journal"]["full_in_seconds"] = 0.0
    assert "JOURNAL  224.0 MB, 61,203 events, full" in shown(made)


def test_a_small_screen_says_all_about_a_small_service() -> None:
    lines = shown(facts())
    text = "\n".join(lines)
    assert lines[0] == "OK  Everything is handed over."
    for words in (
        "COLLECTORS  1 in all, none in trouble, 0 events waiting",
        "siem  connected  0        -       39 s ago   -",
        "SOURCES  1 in all, none in trouble, 1,204 events",
        "acme  running  12 s ago   40 s ago  1,204   -",
        "JOURNAL  224.0 MB, 61,203 events, room for 61 d 0 h at this pace",
        "HTTP     http://127.0.0.1:9470/, 2 clients",
        "SERVICE  up 3 d 4 h, pid 812",
    ):
        assert words in text
    assert lines[-1].startswith("q quit   c collectors   s sources   a all")
    assert lines[-1].endswith("20:00:00 UTC")
    assert len(lines) == 24


def test_hundreds_of_tenants_are_those_in_trouble_and_a_number() -> None:
    lines = shown(many())
    text = "\n".join(lines)
    assert "connection refused [LPF202]. Next try in 41 s." in text
    assert text.index("archive  unreachable") < text.index("siem")
    assert "300 in all, 7 in trouble" in text
    left = re.search(r"and ([0-9]+) more, ([0-9]+) of them in trouble", text)
    assert left is not None
    told = len(re.findall(r"tenant-[0-9]{3}  needs a person", text))
    assert (told + int(left[1]), told + int(left[2])) == (300, 7)


def test_one_kind_can_have_the_screen_for_itself() -> None:
    text = "\n".join(shown(many(), Look(width=80, height=24, view="sources")))
    assert len(re.findall(r"tenant-[0-9]{3}  needs a person", text)) == 6
    assert "and 294 more, 1 of them in trouble" in text
    assert "COLLECTORS" not in text
    assert "SOURCES" not in "\n".join(shown(many(), Look(width=80, height=24, view="collectors")))


def test_a_large_screen_shows_more() -> None:
    lines = shown(many(), LARGE)
    assert len(lines) == 60
    assert sum("tenant-" in line for line in lines) > 30
    assert any("none of them in trouble" in line for line in lines)


def test_what_a_person_should_look_at_stands_below_its_part() -> None:
    made = facts(
        sources={"acme": source(alarms=[error("LPF318", "the clock is wrong", "set time_zone")])},
        collectors={
            "siem": collector(set_aside=2, stalled_since="2026-11-22T19:59:00.000Z", waiting=4),
        },
        reload=False,
        needs_restart=["journal.path"],
    )
    made["journal"]["warnings"] = [warning()]
    text = "\n".join(shown(made))
    for words in (
        "the clock is wrong [LPF318].",
        "2 events set aside. See: lpforwarder rejects list",
        "connected, and has confirmed nothing for 1 min",
        "the last reload was refused",
        "not in use before the next start: journal.path",
        "journal: the journal fills up [LPF511]. fix: make room",
    ):
        assert words in text


def test_a_service_that_is_down_says_so() -> None:
    made = facts(running=False, verdict="down", sentence="Not running. Journal readable: 12 events wait.")
    lines = shown(made)
    assert lines[0].startswith("DOWN  Not running.")
    assert "SERVICE  not running. Start it: lpforwarder run" in "\n".join(lines)


def test_nobody_who_knows_is_a_screen_too() -> None:
    lines = failed("the service does not answer", SMALL)
    assert lines[0] == "UNKNOWN  the service does not answer"
    assert lines[-1].endswith("q quit")
    assert len(failed("x" * 5000, SMALL)) <= 24


def test_no_words_of_others_reach_the_terminal_as_orders() -> None:
    evil = "\x1b[2J\x07\r\nowned"
    made = facts(
        collectors={"siem": collector(error=error("LPF602", evil, evil), state="waiting")}, sentence=evil
    )
    made["journal"]["warnings"] = [warning("LPF511", evil, fix=evil)]
    made["http"] |= {"error": error("LPF504", evil, evil)}
    assert all(line.isprintable() for line in shown(made) + failed(evil, SMALL))


def test_colours_are_there_when_wanted_and_say_nothing_by_themselves() -> None:
    made = many()
    with_colors = shown(made, Look(width=80, height=24, color=True))
    assert "\x1b[33m\x1b[1mBEHIND" in with_colors[0]
    assert any("\x1b[31mneeds a person" in line for line in with_colors)
    assert [plain(line) for line in with_colors] == shown(made)


def later(seconds: int, events: int) -> dict[str, Any]:
    made = facts(sources={"acme": source(events=events)})
    return made | {"time": f"2026-11-22T20:{seconds // 60:02}:{seconds % 60:02}.000Z"}


def test_events_a_minute_are_those_of_the_last_minute() -> None:
    pace = Pace()
    pace.note(later(0, 100))
    assert pace.per_minute("sources", "acme") == "-"
    pace.note(later(30, 131))
    assert pace.per_minute("sources", "acme") == "62.0"
    assert pace.per_minute("sources", "nobody") == "-"
    pace.note(later(75, 1031))
    assert pace.per_minute("sources", "acme") == "1,200"
    assert later(0, 0)["time"] == NOW
