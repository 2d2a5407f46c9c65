from __future__ import annotations

from typing import Any

import pytest

from lpforwarder.simulator.vault.call import Call
from lpforwarder.simulator.vault.directory import folder_data, user_data
from lpforwarder.simulator.vault.forms import PEOPLE
from lpforwarder.simulator.vault.zone import WallClock

CLOCK = WallClock("UTC")


def test_one_user_can_be_asked_for() -> None:
    found = user_data(Call(data={"pagesize": 1}), CLOCK)
    assert (found["total"], found["count"]) == (len(PEOPLE), 1)
    assert found["Users"]["1"]["username"] == PEOPLE[0]
    assert found["Users"]["1"]["created"] == "2022-01-08 00:00:00"


def test_pages_go_on_where_the_last_one_ended() -> None:
    found = user_data(Call(data={"pagesize": 10, "pageindex": 2}), CLOCK)
    assert list(found["Users"]) == [str(number) for number in range(21, 31)]


@pytest.mark.parametrize("size", [None, 0, -1, True, "10", 10**9])
def test_an_odd_page_size_gives_everybody(size: Any) -> None:
    assert user_data(Call(data={"pagesize": size}), CLOCK)["count"] == len(PEOPLE)


def test_there_is_a_shared_folder() -> None:
    assert folder_data()["101"]["sharedfoldername"] == "Shared-Finance"
