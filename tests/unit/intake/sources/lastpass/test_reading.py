from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from lpforwarder.config.secrets import Secret
from lpforwarder.intake.sources.lastpass.cursor import Place
from lpforwarder.intake.sources.lastpass.offset import OwnReport
from lpforwarder.intake.sources.lastpass.reading import Reading
from tests.fakes.lastpass_account import START, Account

NEW_YORK = ZoneInfo("America/New_York")


@pytest.fixture
def account(tmp_path: Path) -> Iterator[Account]:
    with Account(tmp_path) as account:
        yield account


@pytest.fixture
def reading(account: Account) -> Iterator[Reading]:
    client, secret = account.client(), Secret(account.vault.secret)
    yield Reading(client, account.options(), secret, "01234567", lambda: account.now, NEW_YORK)
    client.close()


@pytest.mark.parametrize(
    "zone", ["America/New_York", "Pacific/Kiritimati", "Pacific/Pago_Pago", "Asia/Kolkata"]
)
def test_two_calls_find_the_accounts_offset_wherever_it_is(
    account: Account, reading: Reading, zone: str
) -> None:
    account.vault.set_zone(zone)
    found = reading.find_offset(calls=2)
    assert found is not None
    assert found.agrees == (zone == "America/New_York")
    assert account.calls() == 2


def test_one_call_alone_finds_nothing(reading: Reading) -> None:
    assert reading.find_offset(calls=1) is None


def test_calls_of_the_future_were_made_before_our_clock_was_set_back(reading: Reading) -> None:
    own = [OwnReport(position=0, called=int(START) + ago, time="") for ago in (-901, -900, 0, 1, 3600)]
    fresh = reading.made_since(int(START) - 900, own)
    assert [report.called - START for report in fresh] == [-900, 0]


def test_the_slower_clock_begins_and_the_faster_one_ends_a_window(account: Account, reading: Reading) -> None:
    account.vault.change(date_error_seconds=-400.0)
    place = Place(installation="01234567", again=int(START) - 60, upto=int(START), width=60)
    taken = reading.take(place, NEW_YORK, 60)
    assert reading.skew == -400.0
    assert (taken.began, taken.ended) == (START - 400, START)


def test_a_window_that_is_too_full_is_halved_until_it_fits(account: Account, reading: Reading) -> None:
    account.vault.change(page_size=20)
    for second in range(400):
        account.add(400 - second, data=str(second))
    place = Place(installation="01234567", again=int(START) - 400, upto=int(START) - 400, width=86_400)
    taken = reading.take(place, NEW_YORK, 86_400)
    assert taken.window.end is not None
    assert taken.chain.is_whole
    assert 20 <= len(taken.chain.records) <= 62
