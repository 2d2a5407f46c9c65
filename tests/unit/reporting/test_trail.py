"""Who read over HTTP: each access counted, each reader told at once and then once a minute."""

from __future__ import annotations

from lpforwarder.endpoint.contract import Access
from lpforwarder.own_events import Stamp
from lpforwarder.reporting.trail import MOST_READERS, PAUSE, Trail, Visits, accessed
from tests.fakes.patience import StandingClock

STAMP = Stamp(life="life", number=1, time="2026-01-02T03:04:05.006Z")


def access(token: str = "splunk", status: int = 200, events: int = 0, client: str = "192.0.2.7") -> Access:
    return Access(token=token, client=client, path="/v1/events", status=status, events=events)


def test_the_first_access_is_told_at_once_and_the_next_ones_together() -> None:
    clock = StandingClock()
    trail = Trail(clock=clock)
    trail.note(access(events=5))
    assert [visits.events for visits in trail.due()] == [5]
    for _ in range(3):
        trail.note(access(events=2))
    assert list(trail.due()) == []
    clock.now += PAUSE
    (visits,) = trail.due()
    assert (visits.answered, visits.events) == (3, 6)
    clock.now += PAUSE
    assert list(trail.due()) == []


def test_what_is_left_can_be_told_before_its_time() -> None:
    trail = Trail(clock=StandingClock())
    trail.note(access())
    assert len(list(trail.due())) == 1
    trail.note(access())
    assert len(list(trail.due(all_of_them=True))) == 1


def test_readers_are_told_apart_by_token_and_address_up_to_a_number() -> None:
    trail = Trail(clock=StandingClock())
    for number in range(MOST_READERS + 100):
        trail.note(access(token="", status=401, client=f"client {number}"))
    told = list(trail.due())
    assert len(told) == MOST_READERS + 1
    assert sum(visits.refused for visits in told) == MOST_READERS + 100
    assert (told[-1].client, told[-1].refused) == ("", 100)


def test_new_addresses_make_no_flood_of_reports_and_hide_nobody_with_a_token() -> None:
    clock = StandingClock()
    trail = Trail(clock=clock)
    reports: list[Visits] = []
    for second in range(50):
        for number in range(20):
            trail.note(access(token="", status=401, client=f"client {second}.{number}"))
        reports += trail.due()
    assert len(reports) <= MOST_READERS + 1
    trail.note(access(events=3))
    (told,) = trail.due()
    assert (told.token, told.client, told.events) == ("splunk", "", 3)
    assert "Token splunk read 3 events" in accessed(STAMP, told).text("message")
    rest = list(trail.due(all_of_them=True))
    assert sum(visits.refused for visits in [*reports, *rest]) == 1000


def test_a_reader_and_what_it_got_stand_in_the_event() -> None:
    trail = Trail(clock=StandingClock())
    trail.note(access(events=1000))
    trail.note(access(status=429))
    (visits,) = trail.due()
    event = accessed(STAMP, visits)
    assert event.text("eventId") == "8013"
    assert event.text("message") == (
        "Token splunk read 1000 events in 1 answer from 192.0.2.7; 1 request refused."
    )
    assert event.fields["statuses"] == [200, 429]
    assert event.fields["paths"] == ["/v1/events"]
    assert event.text("result") == "success"


def test_without_a_valid_token_nothing_that_the_client_chose_is_kept() -> None:
    trail = Trail(clock=StandingClock())
    trail.note(Access(token="", client="192.0.2.7", path="/v1/events/lpf_secret", status=401))
    (visits,) = trail.due()
    event = accessed(STAMP, visits)
    assert b"lpf_secret" not in event.line
    assert event.text("message") == "1 request without a valid token from 192.0.2.7 got nothing."
    assert event.text("result") == "failure"
