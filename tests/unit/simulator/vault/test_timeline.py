from __future__ import annotations

import re
from collections import Counter
from itertools import islice

import pytest

from lpforwarder.simulator.vault.catalogue import ACTIONS, SECRET_REGENERATED
from lpforwarder.simulator.vault.event import DAY, SECOND
from lpforwarder.simulator.vault.forms import HOSTILE
from lpforwarder.simulator.vault.options import Spelling, VaultOptions
from lpforwarder.simulator.vault.timeline import Arrival, all_variants, arrivals, spellings

NOW = 1_772_647_200 * SECOND


def history(options: VaultOptions) -> list[Arrival]:
    return list(arrivals(options, NOW))


def test_the_same_seed_gives_the_same_history_and_another_seed_another() -> None:
    options = VaultOptions(events=500, late_share=0.2)
    assert history(options) == history(options)
    assert history(options) != history(VaultOptions(events=500, late_share=0.2, seed=2))


def test_a_known_seed_gives_known_events_on_every_machine() -> None:
    (_, first), *_, (_, last) = history(VaultOptions(events=100, seed=42))
    assert (first.at, first.data) == (1_772_046_360_246_006, "VID: 92003951")
    assert (last.at, last.data) == (1_772_646_770_497_256, "vpn.example.org/a/b")


def test_no_history_says_that_the_secret_was_replaced_when_it_was_not() -> None:
    found = {event.action for _, event in history(VaultOptions(events=5_000, days=1.0))}
    assert SECRET_REGENERATED not in found
    assert len(found) > 90


def test_a_history_fills_its_days_up_to_its_end() -> None:
    found = [event.at for _, event in history(VaultOptions(events=2_000, days=40.0))]
    assert len(found) == 2_000
    assert NOW - 40 * DAY <= min(found) < NOW - 39.9 * DAY
    assert NOW - 0.1 * DAY < max(found) <= NOW


def test_a_history_may_end_at_a_given_instant() -> None:
    ending = NOW / SECOND + 86_400
    found = [event.at for _, event in history(VaultOptions(events=100, days=1.0, ending=ending))]
    assert NOW <= min(found) < max(found) <= NOW + DAY


def test_events_arrive_in_the_order_of_their_visibility_and_never_before_they_happen() -> None:
    options = VaultOptions(events=3_000, days=0.01, late_share=0.3, late_seconds=900.0, twin_share=0.3)
    found = history(options)
    assert [due for due, _ in found] == sorted(due for due, _ in found)
    delays = [due - event.at for due, event in found]
    assert min(delays) == 0
    assert 0 < max(delays) <= 900 * SECOND
    assert 600 < sum(delay > 0 for delay in delays) < 1_200


def test_twins_share_all_fields_and_the_second() -> None:
    found = [event for _, event in history(VaultOptions(events=2_000, twin_share=0.1))]
    equal = Counter((e.at // SECOND, e.username, e.ip_address, e.action, e.data) for e in found)
    assert 120 < sum(count - 1 for count in equal.values()) < 280


def test_aligned_events_have_no_fraction_of_a_second() -> None:
    assert all(e.at % SECOND == 0 for _, e in history(VaultOptions(events=300, second_aligned=True)))


@pytest.mark.parametrize("spelling", ["sentence", "title", "every"])
def test_a_few_thousand_events_hold_every_spelling_and_every_form(spelling: Spelling) -> None:
    options = VaultOptions(events=4 * len(all_variants(spelling)), spelling=spelling, twin_share=0.0)
    assert options.events < 1_500
    found = {event.action for _, event in history(options)}
    assert found == {name for action in ACTIONS if action.often for name in spellings(action, spelling)}


@pytest.mark.parametrize(
    "grammar",
    [
        "",
        r"LastPass via .+",
        r"[a-z]+\.example\.org",
        r"192\.0\.2\.[0-9]+:8443/.+",
        r"\S+ \([^)]+@[^)]+\) \([^)]+\)",
        r"VID: [0-9]+",
        r"VID: [0-9]+ from .+",
        r"VID: [0-9]+ to .+",
        r"Secure Note",
        r"Secure Note \(VID: [0-9]+\) from .+",
        r" to .+",
        r" from INVALID SHARED FOLDER",
        r"'[^']+' '[^']+' 'Read only:(yes|no) Admin:(yes|no) Hide PW:(yes|no)'",
        r"'[^']+' to '[^']+'",
        r"\S+@\S+ - .+",
        r".+ New value: .+",
        r"\S+@[^,]+,\S+@[^,]+,.+",
        r"\S+@\S+-Shared-.+",
        r"Initiated by API: .+",
        r"\(initiated by API\)",
    ],
)
def test_a_few_thousand_events_hold_every_grammar_of_data(grammar: str) -> None:
    options = VaultOptions(events=1_500)
    assert any(re.fullmatch(grammar, event.data) for _, event in history(options))


def test_all_spellings_are_those_of_the_catalogue() -> None:
    assert {name for _, name, _ in all_variants("every")} == {n for a in ACTIONS for n in a.spellings}
    assert {form for _, _, form in all_variants("title")} == {f for a in ACTIONS for f in a.forms}


def test_hostile_texts_come_as_often_as_asked_for() -> None:
    tame = history(VaultOptions(events=2_000, hostile_share=0.0))
    assert all(event.data.isascii() and event.data.isprintable() for _, event in tame)
    assert not any(mark in event.data for _, event in tame for mark in '|"\\]<')
    wild = history(VaultOptions(events=5_000, hostile_share=0.5))
    assert all(any(text in event.data for _, event in wild) for text in HOSTILE)


def test_growth_goes_on_for_ever_at_its_rate() -> None:
    found = [event.at for _, event in islice(arrivals(VaultOptions(rate=10.0), NOW), 1_000)]
    assert NOW <= found[0] < NOW + SECOND / 10
    assert NOW + 99 * SECOND < found[-1] < NOW + 101 * SECOND


def test_growth_follows_the_history_without_repeating_it() -> None:
    options = VaultOptions(events=50, rate=1.0, hostile_share=0.0)
    found = [event for _, event in islice(arrivals(options, NOW), 100)]
    assert [e.at <= NOW for e in found] == [True] * 50 + [False] * 50
    assert [e.action for e in found[:50]] != [e.action for e in found[50:]]


def test_no_events_and_no_rate_is_an_empty_timeline() -> None:
    assert history(VaultOptions()) == []
