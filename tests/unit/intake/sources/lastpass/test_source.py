"""The source against a pretend vault: what it hands over, when it asks, what it says of trouble."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lpforwarder.config.secrets import Secret
from lpforwarder.errors import Blocked, Denied, Transient
from lpforwarder.event import Cursor
from lpforwarder.intake.sources.lastpass import cursor
from lpforwarder.intake.sources.lastpass.answers import Response
from lpforwarder.intake.sources.lastpass.client import Client
from lpforwarder.intake.sources.lastpass.source import LastPassSource
from lpforwarder.simulator.vault.faults import Fault
from lpforwarder.simulator.vault.options import Renaming
from tests.fakes.lastpass_account import Account, Reader


@pytest.fixture
def account(tmp_path: Path) -> Iterator[Account]:
    with Account(tmp_path) as account:
        yield account


@pytest.fixture
def reader(account: Account) -> Reader:
    return Reader(account.source())


def texts(events: object, name: str) -> list[str]:
    return [event.text(name) for event in events]  # type: ignore[attr-defined]


def test_the_first_poll_begins_where_it_is_told(account: Account) -> None:
    for ago in (90_000, 80_000, 10):
        account.add(ago)
    assert len(Reader(account.source()).read()) == 2
    assert len(Reader(account.source(first_start="2d")).read()) == 3
    assert len(Reader(account.source(first_start="now")).read()) == 0


def test_every_poll_hands_over_what_is_new_and_nothing_else(account: Account, reader: Reader) -> None:
    account.add(5, data="a")
    assert texts(reader.read(), "vendorData") == ["a"]
    assert reader.read() == []
    account.now += 60
    account.add(2, data="b")
    assert texts(reader.read(), "vendorData") == ["b"]


def test_twins_are_two_events_also_when_one_shows_up_later(account: Account, reader: Reader) -> None:
    account.add(5)
    account.add(5)
    first = texts(reader.read(), "id")
    account.now += 60
    account.add(65)
    later = texts(reader.read(), "id")
    assert (len(set(first)), len(later)) == (2, 1)
    assert set(texts(Reader(account.source()).read(), "id")) == {*first, *later}


def test_late_events_are_found_within_the_overlap(account: Account, reader: Reader) -> None:
    reader.read()
    account.now += 60
    account.add(850, data="late")
    assert texts(reader.read(), "vendorData") == ["late"]


def test_an_event_of_the_future_is_delivered_once_flagged_and_moves_nothing(
    account: Account, reader: Reader
) -> None:
    account.add(-400_000, data="future")
    (event,) = reader.read()
    assert event.fields["timestampFuture"] is True
    account.now += 60
    account.add(30, data="present")
    assert texts(reader.read(), "vendorData") == ["present"]
    account.now += 400_000
    account.add(10, data="then")
    assert texts(reader.read(), "vendorData") == ["then"]
    assert reader.source.counts.future == 1


def test_a_renaming_in_case_sends_nothing_again_and_keeps_ids(account: Account, reader: Reader) -> None:
    account.add(5, action="Master password changed")
    (before,) = reader.read()
    account.vault.rename(Renaming(names={"Master password changed": "Master Password Changed"}, old_too=True))
    assert reader.read() == []
    assert texts(Reader(account.source()).read(), "id") == [before.text("id")]


def test_own_calls_are_dropped_or_kept_and_those_of_others_are_kept(account: Account, reader: Reader) -> None:
    account.add(5, username="", action="Reporting", data="Initiated by API: inventory")
    reader.read()
    keeper = Reader(account.source(own_events="keep"))
    assert "Initiated by API: inventory" in texts(keeper.read(), "vendorData")
    account.now += 60
    reader.read()
    account.now += 60
    assert reader.read() == []
    assert any("lpforwarder/" in text for text in texts(keeper.read(), "vendorData"))
    assert reader.source.counts.own_reports > 0


def test_the_label_is_one_of_this_folder_however_it_is_named(account: Account) -> None:
    def told() -> str:
        Reader(account.source()).read()
        return account.vault.asked[-1].call.label.split("/")[1]

    service = told()
    account.folder = Path(os.path.relpath(account.folder))  # as `cd folder && lpforwarder test-pull` has it
    assert told() == service
    account.folder = account.folder / "another"
    account.folder.mkdir()
    account.secret = account.secret.rename(account.folder / "acme.secret")
    assert told() != service


def test_pages_larger_than_the_memory_is_meant_for_are_read_in_windows(tmp_path: Path) -> None:
    with Account(tmp_path, events=3000, days=0.9, page_size=150) as account:
        reader = Reader(account.source())
        events = reader.read()
        assert len(set(texts(events, "id"))) == 3000
        times = texts(events, "timestamp")
        assert times == sorted(times)
        account.now += 60
        assert reader.read() == []


def test_windows_that_trouble_made_narrow_grow_again_beside_an_overlap_of_many_pages(tmp_path: Path) -> None:
    with Account(tmp_path, events=600, days=0.009, page_size=100) as account:
        reader = Reader(account.source(overlap="15m"))
        assert len(reader.read()) == 600
        account.now += 300
        for ago in range(300):
            account.add(ago)
        assert reader.cursor is not None
        reader.cursor = cursor.encode(replace(cursor.decode(reader.cursor), width=1))
        before = account.calls()
        assert len(reader.read()) == 300
        assert account.calls() - before < 500


def test_the_cursor_stays_when_a_chain_breaks_in_the_middle(tmp_path: Path) -> None:
    with Account(tmp_path, events=30, days=0.01, page_size=20) as account:
        source = account.source()
        begun = source.pull(None)
        account.vault.fail_next(None, Fault.RESET_IN_BODY)
        with pytest.raises(Transient) as caught:
            source.pull(begun.cursor)
        assert caught.value.what.startswith("acme: ")
        assert len(source.pull(begun.cursor).events) == 30


def test_refused_credentials_are_asked_for_slowly_and_a_new_secret_at_once(
    account: Account, reader: Reader
) -> None:
    account.write_secret("wrong")
    for _ in range(20):
        with pytest.raises(Blocked) as caught:
            reader.source.pull(None)
        assert caught.value.code == "LPF301"
    assert account.calls() == 1
    account.write_secret(f'"{account.vault.secret}"\n')
    account.add(5)
    assert len(reader.read()) == 1


def test_a_refused_secret_is_tried_at_once_when_somebody_asks_for_it(
    account: Account, reader: Reader
) -> None:
    right = account.vault.secret
    account.vault.reset_secret("other")
    with pytest.raises(Blocked):
        reader.source.pull(None)
    account.vault.reset_secret(right)
    with pytest.raises(Blocked):
        reader.source.pull(None)
    reader.source.try_again()
    reader.source.pull(None)


def test_a_secret_that_others_can_read_is_not_used(account: Account, reader: Reader) -> None:
    account.secret.chmod(0o644)
    with pytest.raises(Denied) as caught:
        reader.source.pull(None)
    assert (caught.value.code, account.calls()) == ("LPF110", 0)


def test_a_regenerated_secret_raises_an_alarm_until_the_new_one_is_there(
    account: Account, reader: Reader
) -> None:
    reader.read()
    account.now += 60
    account.add(5, action="Enterprise API secret regenerated", data="")
    reader.read()
    assert [alarm.code for alarm in reader.source.alarms] == ["LPF316"]
    account.vault.reset_secret("0123456789")
    account.now += 5
    account.write_secret("0123456789")
    reader.read()
    assert reader.source.alarms == ()


def test_a_wrong_zone_is_an_alarm_with_its_remedy_and_times_are_right(account: Account) -> None:
    account.add(5)
    reader = Reader(account.source(time_zone="Asia/Kolkata"))
    (event,) = reader.read()
    assert event.text("timestamp") == "2026-03-04T17:59:55.000Z"
    (alarm,) = reader.source.alarms
    assert (alarm.code, "UTC-05:00" in alarm.text, "time_zone" in alarm.fix) == ("LPF318", True, True)
    assert reader.source.measured_offset == "-05:00"
    right = Reader(account.source())
    right.cursor = reader.cursor
    assert right.read() == []
    assert right.source.alarms == ()


@pytest.mark.parametrize(
    "zone", ["America/Los_Angeles", "Asia/Tokyo", "America/Chicago", "Pacific/Kiritimati"]
)
@pytest.mark.parametrize("rule", ["answer", "event"])
def test_an_account_that_moves_loses_and_repeats_nothing(tmp_path: Path, zone: str, rule: str) -> None:
    with Account(tmp_path, zone_rule=rule) as account:
        reader = Reader(account.source())
        account.add(5, data="before")
        assert len(reader.read()) == 1
        account.now += 60
        account.vault.set_zone(zone)
        account.now += 60
        account.add(5, data="after")
        got = reader.read()
        account.now += 60
        got = [*got, *reader.read()]
        assert [(e.text("vendorData"), e.text("timestamp")) for e in got] == [
            ("after", "2026-03-04T18:01:55.000Z")
        ]
        assert [alarm.code for alarm in reader.source.alarms] == ["LPF318"]


def test_a_source_that_reads_the_past_for_long_says_so_until_it_has_caught_up(account: Account) -> None:
    for ago in (7200, 5400, 3600, 5):
        account.add(ago)
    source = account.source(most_events=1)
    page = source.pull(None)
    told = []
    while page.more:
        page = source.pull(page.cursor)
        told.append([alarm.text for alarm in source.alarms])
        account.now += 61
    assert told == [[], ["it has read up to 2026-03-04T17:00:00.000Z and is 1h01m behind the vault"], [], []]


def test_a_vault_that_hides_our_calls_is_not_searched_at_every_poll(account: Account, reader: Reader) -> None:
    reader.read()
    place = cursor.decode(reader.cursor or Cursor(""))
    hidden = cursor.encode(
        cursor.Place(**{n: getattr(place, n) for n in cursor._NAMES} | {"installation": "76543210"})
    )
    for _ in range(3):
        before = account.calls()
        page = reader.source.pull(hidden)
        hidden = page.cursor
    assert account.calls() - before == 1


def times(events: object) -> list[str]:
    return texts(events, "timestamp")


def test_a_large_window_leaves_in_parts_with_one_conversation(tmp_path: Path) -> None:
    with Account(tmp_path, events=2500, days=0.9, hostile_share=0.0) as account:
        source = account.source()
        page = source.pull(source.pull(None).cursor)
        calls, sizes, got = account.calls(), [len(page.events)], [*page.events]
        assert source.left == 2500 - sizes[0]
        while page.more:
            page = source.pull(page.cursor)
            sizes.append(len(page.events))
            got += page.events
        assert max(sizes) < 1100
        assert len(sizes) == 3
        assert (account.calls(), source.left) == (calls, 0)
        assert times(got) == sorted(times(got))
        assert len(set(texts(got, "id"))) == 2500


def test_a_part_that_was_never_kept_is_read_again(tmp_path: Path) -> None:
    with Account(tmp_path, events=300, days=0.9) as account:
        source = account.source(most_events=100)
        begun = source.pull(None)
        first = source.pull(begun.cursor)
        lost = source.pull(first.cursor)
        again = source.pull(first.cursor)
        assert texts(again.events, "id") == texts(lost.events, "id")
        assert texts(source.pull(begun.cursor).events, "id") == texts(first.events, "id")


def test_whoever_goes_on_between_two_parts_gets_exactly_the_rest(tmp_path: Path) -> None:
    with Account(tmp_path, events=300, days=0.9) as account:
        whole = Reader(account.source())
        everything = texts(whole.read(), "id")
        source = account.source(most_events=100)
        first = source.pull(source.pull(None).cursor)
        other = Reader(account.source(most_events=100))
        other.cursor = first.cursor
        assert [*texts(first.events, "id"), *texts(other.read(), "id")] == everything


@pytest.mark.parametrize("zone", ["America/Los_Angeles", "Asia/Tokyo"])
def test_a_move_right_after_a_poll_loses_nothing_that_stays_on_the_old_clock(
    tmp_path: Path, zone: str
) -> None:
    """A pause that is longer than the overlap and too short for measuring the zone before reading."""
    with Account(tmp_path, zone_rule="event") as account:
        reader = Reader(account.source())
        reader.read()
        account.now += 60
        account.add(30, data="old")
        account.vault.set_zone(zone)
        for minute in range(50):
            account.now += 60
            account.add(5, data=f"{minute}")
        got = [*reader.read()]
        account.now += 60
        got += reader.read()
        assert texts(got, "vendorData") == ["old", *map(str, range(50))]
        assert times(got)[:2] == ["2026-03-04T18:00:30.000Z", "2026-03-04T18:01:55.000Z"]
        assert times(got)[-1] == "2026-03-04T18:50:55.000Z"


def test_unknown_actions_pass_and_are_counted(account: Account, reader: Reader) -> None:
    account.add(5, action="Flux capacitor charged")
    (event,) = reader.read()
    assert (event.text("eventId"), reader.source.counts.unknown_actions) == ("9001", 1)


def test_a_place_of_another_source_needs_a_person(account: Account, reader: Reader) -> None:
    with pytest.raises(Blocked) as caught:
        reader.source.pull(Cursor('{"version":1}'))
    assert (caught.value.code, account.calls()) == ("LPF311", 0)


def test_a_quiet_poll_is_one_call(account: Account, reader: Reader) -> None:
    reader.read()
    before = account.calls()
    account.now += 60
    reader.read()
    assert account.calls() - before == 1


def test_all_requests_are_json_bodies_with_our_label_and_never_overlap_in_time(
    account: Account, reader: Reader
) -> None:
    reader.read()
    for asked in account.vault.asked:
        assert asked.accepted
        assert asked.call.label.startswith("lpforwarder/")
        assert not asked.call.wants_xml
        assert asked.call.top_user == asked.call.data["user"] == "allusers"


class Scripted(Client):
    """A client whose answers are written down beforehand, for what no pretend vault would say."""

    def __init__(self, account: Account, *records: object) -> None:
        super().__init__(account.options())
        data = {f"Event{number}": record for number, record in enumerate(records, 1)}
        self.body = json.dumps({"status": "OK", "next": None, "data": data}).encode()

    def ask(self, secret: Secret, label: str, data: dict[str, Any]) -> Response:
        return Response(status=200, headers={}, body=self.body)


GOOD = {"Time": "2026-03-04 12:59:00", "Username": "ana", "IP_Address": "", "Action": "Log in", "Data": "x"}


def test_records_that_are_none_are_set_aside_once_and_the_others_go_on(account: Account) -> None:
    client = Scripted(account, GOOD | {"Time": "noon"}, GOOD, "text", {"Username": "bo"}, GOOD | {"Time": 7})
    source = LastPassSource(account.options(), clock=lambda: account.now, client=client)
    reader = Reader(source)
    assert len(reader.read()) == 1
    assert [reject.where for reject in reader.rejects] == [f"page 1, Event{n}" for n in (1, 3, 4, 5)]
    assert all(reject.reason and "noon" not in reject.reason for reject in reader.rejects)
    assert reader.read() == []
    assert len(reader.rejects) == 4


def test_fields_of_other_types_and_half_characters_do_no_harm(account: Account) -> None:
    odd = {
        "Time": GOOD["Time"],
        "Username": None,
        "IP_Address": 5,
        "Action": ["a"],
        "Data": "\ud800\u0000",
        "More": {"a": 1e400},
    }
    client = Scripted(account, odd, GOOD)
    events = Reader(LastPassSource(account.options(), clock=lambda: account.now, client=client)).read()
    assert len({event.text("id") for event in events}) == 2


def test_the_skew_of_the_vaults_clock_is_measured_with_the_first_answer(account: Account) -> None:
    source = account.source()
    assert "clock_skew_seconds" not in source.measures()
    Reader(source).read()
    assert abs(source.measures()["clock_skew_seconds"]) <= 1


def test_the_age_of_the_secret_is_that_of_its_file(account: Account) -> None:
    source = account.source()
    os.utime(account.secret, (account.now - 3600, account.now - 3600))
    assert source.measures()["secret_age_seconds"] == 3600
    account.secret.unlink()
    assert "secret_age_seconds" not in source.measures()
