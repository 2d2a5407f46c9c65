"""Waiting for events: at once when there is one, in time when there is none."""

from __future__ import annotations

import asyncio
import time

from lpforwarder.endpoint.arrivals import Arrivals
from lpforwarder.event import Seq
from tests.fakes.pulled_journal import FakePulledJournal, events


def test_what_is_there_already_needs_no_waiting() -> None:
    journal = FakePulledJournal()
    journal.append("acme", *events(1, 1))

    async def waited() -> bool:
        arrivals = Arrivals(journal)
        try:
            return await arrivals.behind(Seq(0), 60.0)
        finally:
            arrivals.close()

    assert asyncio.run(waited())


def test_all_who_wait_hear_of_an_event_long_before_they_give_up() -> None:
    journal = FakePulledJournal()

    async def waited() -> tuple[list[bool], float]:
        arrivals = Arrivals(journal)
        try:
            waiting = [asyncio.create_task(arrivals.behind(Seq(0), 60.0)) for _ in range(200)]
            await asyncio.sleep(0.1)
            began = time.monotonic()
            journal.append("acme", *events(1, 1))
            return list(await asyncio.gather(*waiting)), time.monotonic() - began
        finally:
            arrivals.close()

    heard, took = asyncio.run(waited())
    assert heard == [True] * 200
    assert took < 5.0  # how soon it is: tests/integration/test_pull_waiting.py


def test_a_wait_for_nothing_ends_in_time_and_a_close_ends_it_sooner() -> None:
    async def waited() -> tuple[bool, bool]:
        arrivals = Arrivals(FakePulledJournal())
        nothing = await arrivals.behind(Seq(0), 0.05)
        waiting = asyncio.create_task(arrivals.behind(Seq(0), 60.0))
        await asyncio.sleep(0)
        arrivals.close()
        return nothing, await waiting

    assert asyncio.run(waited()) == (False, False)


def test_what_comes_between_the_look_and_the_wait_is_not_missed() -> None:
    """An append from another thread while somebody is on the way to sleep."""

    async def waited(journal: FakePulledJournal) -> list[bool]:
        arrivals = Arrivals(journal)
        heard = []
        try:
            for number in range(300):
                append = asyncio.to_thread(journal.append, "acme", *events(number + 1, 1))
                appended = asyncio.create_task(append)
                heard.append(await arrivals.behind(Seq(number), 60.0))
                await appended
        finally:
            arrivals.close()
        return heard

    began = time.monotonic()
    assert asyncio.run(waited(FakePulledJournal())) == [True] * 300
    assert time.monotonic() - began < 30.0


def test_after_the_end_an_append_finds_nobody() -> None:
    journal = FakePulledJournal()

    async def opened_and_closed() -> None:
        Arrivals(journal).close()

    asyncio.run(opened_and_closed())
    journal.append("acme", *events(1, 1))  # the loop is gone
    assert journal.newest() == 1
