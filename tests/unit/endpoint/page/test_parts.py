"""Sources and collectors on the page: trouble first, hundreds in little room."""

from __future__ import annotations

import re
from typing import Any

from lpforwarder.endpoint.history import STEP, History
from lpforwarder.endpoint.page.parts import FEW_CARDS, MOST_CARDS, MOST_ROWS, section
from tests.fakes.facts import certificate, collector, error, facts, source


def collectors(**parts: dict[str, Any]) -> str:
    return section("collectors", facts(collectors=parts), History())


def sources(parts: dict[str, dict[str, Any]]) -> str:
    return section("sources", facts(sources=parts), History())


def names(text: str) -> list[str]:
    """Of the cards, in the order of the page."""
    return re.findall(r"<h3>([^ <]+)", text)


def texts(text: str) -> str:
    return re.sub(r"<[^>]+>", " ", text)


def test_those_in_trouble_come_first_and_then_those_to_look_at() -> None:
    text = collectors(
        siem=collector(), aside=collector(set_aside=2), dead=collector(error=error(), state="waiting")
    )
    assert names(text) == ["dead", "aside", "siem"]
    assert "3 in all, 1 in trouble, 1 to look at, 0 events waiting" in text


def test_an_event_for_several_collectors_waits_once() -> None:
    assert "2 in all, none in trouble, up to 9 events waiting" in texts(
        collectors(siem=collector(waiting=9), archive=collector(waiting=8))
    )
    assert "1 in all, none in trouble, 9 events waiting" in texts(collectors(siem=collector(waiting=9)))


def test_a_collector_says_all_that_a_person_asks_for() -> None:
    text = texts(
        collectors(
            siem=collector(
                waiting=504,
                sent=61700,
                oldest_waiting="2026-11-22T19:59:38.000Z",
                certificates=[certificate(210), certificate(39, kind="client")],
                lost=7,
                held=True,
                rate_limit="30/m",
            )
        )
    )
    for words in (
        "connected for 3 d 3 h",
        "siem.example.net:6514, tls",
        "waiting  504",
        "of these sent  497",
        "oldest waiting  22 s",
        "last sent  39 s ago",
        "confirmed  61,203",
        "receipt  its close",
        "sent again  12",
        "lost  7",
        "held by rate_limit to  30/m",
        "certificates  39 days left",
    ):
        assert words in text
    assert "LPF205" not in text


def test_a_certificate_that_ends_soon_is_told_in_words() -> None:
    assert "ends in 21 days [LPF205]." in texts(collectors(siem=collector(certificates=[certificate(21)])))
    assert "certificates  expired" in texts(collectors(siem=collector(certificates=[certificate(-1)])))


def test_events_set_aside_are_told_with_the_command_that_lists_them() -> None:
    assert "2 events it could not take, set aside. See:  lpforwarder rejects list" in texts(
        collectors(siem=collector(set_aside=2))
    )


def test_a_try_under_way_is_told() -> None:
    text = texts(collectors(siem=collector(error=error(), state="waiting", next_try=None)))
    assert "It is tried now. Try:  lpforwarder test-send --collector siem" in text
    assert "unreachable for 3 d 4 h" in texts(
        collectors(siem=collector(error=error(), state="waiting", since="2026-11-19T16:00:00.000Z"))
    )


def test_the_day_is_told_with_the_time_it_was_watched() -> None:
    history = History()
    for number, total in enumerate((0, 7, 10)):
        history.note(facts(sources={"acme": source(events=total)}), number * STEP)
    assert "10 events in 15 min" in section("sources", facts(), history)
    assert "not watched yet" in section("sources", facts(), History())


def test_as_many_as_fit_are_shown_in_full() -> None:
    text = sources({f"tenant-{number}": source() for number in range(MOST_CARDS)})
    assert len(names(text)) == MOST_CARDS
    assert "<table>" not in text


def test_a_thousand_sources_are_the_troubled_ones_a_table_and_a_number() -> None:
    parts = {f"tenant-{number:04}": source() for number in range(1000)}
    for number in range(0, 1000, 100):
        parts[f"tenant-{number:04}"] = source(error=error("LPF301"), state="blocked")
    text = sources(parts)
    assert names(text) == [f"tenant-{number:04}" for number in range(0, 100 * FEW_CARDS, 100)]
    rows = re.findall(r"<tr><td>([^<]+)</td><td class=\"([a-z]+)\">([^<]+)</td>", text)
    assert [row[1] for row in rows] == ["bad"] * 4 + ["good"] * (MOST_ROWS - 4)
    assert rows[0] == ("tenant-0600", "bad", "needs a person LPF301")
    assert f"And {1000 - FEW_CARDS - MOST_ROWS} more, none of them in trouble." in text
    assert "1,000 in all, 10 in trouble, 1,204,000 events, the newest 40 s ago" in text
    assert len(text) < 60_000


def test_hundreds_of_collectors_have_a_table_of_their_own() -> None:
    parts = {f"site-{number}": collector(waiting=number, oldest_waiting=None) for number in range(150)}
    text = section("collectors", facts(collectors=parts), History())
    assert "<th>waiting</th>" in text
    assert f"And {150 - MOST_ROWS} more" in text
    every = {name: collector(error=error(), state="waiting") for name in parts}
    assert f"{150 - FEW_CARDS - MOST_ROWS} of them in trouble" in section(
        "collectors", facts(collectors=every), History()
    )
