"""What the endpoint shows of the service: a day of it, and what happened last."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from lpforwarder.config.sections import HttpOptions
from lpforwarder.endpoint.contract import Access
from lpforwarder.endpoint.cursors import LostKey
from lpforwarder.endpoint.tokens import TokenFile
from lpforwarder.event import OWN, Event, Seq, addressed_to
from lpforwarder.own_events import Stamp, make
from lpforwarder.publishing import FRESH, HAPPENINGS, Happenings, Publisher
from tests.fakes.facts import facts
from tests.fakes.pulled_journal import FakePulledJournal, events


def own(number: int, event_id: str = "8001") -> Event:
    stamp = Stamp(life="life", number=number, time=f"2026-01-01T00:00:{number:02}.000Z")
    return make(stamp, event_id, "success", f"It happened, {number}.")


def test_the_last_happenings_are_those_of_the_forwarder_itself_newest_first() -> None:
    journal = FakePulledJournal()
    journal.append("acme", *events(1, 3))
    happenings = Happenings(journal)
    happenings.look()
    assert happenings.newest_first() == []
    journal.append(OWN, own(1), own(2, "8013"), own(3, "8009"))
    journal.append(addressed_to("siem"), own(4, "8100"))
    happenings.look()
    happenings.look()
    assert happenings.newest_first() == [
        ("2026-01-01T00:00:03.000Z", "It happened, 3."),
        ("2026-01-01T00:00:01.000Z", "It happened, 1."),
    ]
    journal.append(OWN, *(own(number) for number in range(5, 45)))
    happenings.look()
    assert len(happenings.newest_first()) == HAPPENINGS
    assert happenings.newest_first()[0][1] == "It happened, 44."


def publisher(folder: Path) -> Publisher:
    def audit(_: Access) -> None:
        raise AssertionError("nobody asked")

    tokens = TokenFile(folder / "tokens.json")
    return Publisher(FakePulledJournal(), tokens, folder / "cursors.key", facts, list, audit)


def test_page_and_metrics_are_made_of_the_same_facts(tmp_path: Path) -> None:
    service = publisher(tmp_path).service(HttpOptions())
    assert service.page is not None
    made = facts()
    assert made["sentence"].split(".")[0] in service.page()
    for name in made["collectors"]:
        assert f'lpforwarder_collector_up{{collector="{name}"}}' in service.metrics().decode()


def test_the_page_can_be_switched_off_and_metrics_closed(tmp_path: Path) -> None:
    service = publisher(tmp_path).service(HttpOptions(status_page=False, metrics="token"))
    assert (service.page, service.is_metrics_open) == (None, False)


@pytest.mark.parametrize("which", ["page", "metrics"])
def test_what_is_made_serves_all_who_ask_within_a_second(tmp_path: Path, which: str) -> None:
    now, looks = [0.0], []

    def snapshot() -> dict[str, Any]:
        looks.append(now[0])
        return facts()

    tokens, key_file = TokenFile(tmp_path / "tokens.json"), tmp_path / "cursors.key"
    made = Publisher(FakePulledJournal(), tokens, key_file, snapshot, list, print, clock=lambda: now[0])
    ask = getattr(made.service(HttpOptions()), which)
    for moment in (0.0, 0.5, FRESH, FRESH + 0.9, 2 * FRESH):
        now[0] = moment
        ask()
    assert looks == [0.0, FRESH, 2 * FRESH]


def test_cursors_are_good_in_the_next_life_as_well(tmp_path: Path) -> None:
    written = publisher(tmp_path).service(HttpOptions()).cursors.write("journal", Seq(5))
    assert publisher(tmp_path).service(HttpOptions()).cursors.read("journal", written) == 5
    (tmp_path / "cursors.key").unlink()
    with pytest.raises(LostKey):
        publisher(tmp_path).service(HttpOptions()).cursors.read("journal", written)
