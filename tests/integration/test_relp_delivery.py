"""The pump over RELP: acknowledged is not written, so what was acknowledged last is sent again as well."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lpforwarder.delivery.encoder import Encoder
from lpforwarder.delivery.pump import Limits, Pump
from lpforwarder.delivery.transports.relp import RelpTransport
from lpforwarder.errors import Failure, Transient
from lpforwarder.event import Event
from lpforwarder.runtime.stop import Stop
from lpforwarder.simulator.collector import PretendCollector
from lpforwarder.simulator.relp import RelpManners
from tests.fakes.journal import MemoryJournal
from tests.fakes.patience import PATIENCE, until
from tests.fakes.relp_links import relp_options

REPLAY = 50


class Line:
    """A formatter and an envelope in one that show the id."""

    def format(self, event: Event) -> bytes:
        return event.text("id").encode()

    def wrap(self, event: Event, payload: bytes, sequence: int | None = None) -> bytes:
        return payload


def draining() -> Stop:
    """Stop now, but hand over what waits."""
    stop = Stop()
    stop.set(PATIENCE)
    return stop


class House:
    """A journal, a pump, and a collector that keeps what it has taken in memory, where it may lose it."""

    def __init__(self) -> None:
        self.written: list[str] = []
        self.refused: set[str] = set()
        self.is_sick = False
        self.journal = MemoryJournal()
        self.collector = PretendCollector(
            ("127.0.0.1", 0),
            on_message=lambda message: self.written.append(message.decode()),
            relp=RelpManners(refuses=lambda message: self.is_sick or message.decode() in self.refused),
            on_problem=lambda _: None,
        )
        self.collector.plug()
        self.pump = self.next_life()

    def next_life(self) -> Pump:
        """The forwarder starts again."""
        self.pump = Pump(
            "siem",
            self.journal,
            Encoder(lambda _: True, Line(), Line(), 8096),
            RelpTransport(relp_options(self.collector.address, window=16)),
            Limits(fence_events=40, replay_events=REPLAY, replay_seconds=0.0),
        )
        return self.pump

    def append(self, count: int) -> list[str]:
        """So many events more; all ids so far."""
        first = self.journal.newest() + 1
        ids = [f"e{place}" for place in range(1, first + count)]
        self.journal.append("acme", [Event.of({"id": one}) for one in ids[first - 1 :]], [], "cursor")
        return ids

    def deliver(self) -> None:
        """Steps until everything is confirmed."""

        def is_done() -> bool:
            self.pump.step()
            return self.journal.checkpoint("siem") == self.journal.newest()

        until(is_done)

    def fail(self) -> Failure:
        """Runs until the broken link is raised, as the supervisor would see it."""
        with pytest.raises(Transient) as raised:
            self.pump.run(Stop(), lambda: None)
        return raised.value

    def die(self, unwritten: int) -> None:
        """The collector dies with so many messages that it has acknowledged and not written, and is back."""
        self.collector.unplug()
        del self.written[len(self.written) - unwritten :]
        self.collector.plug()


@pytest.fixture
def house() -> Iterator[House]:
    made = House()
    yield made
    made.pump.abort()
    made.pump._end()
    made.collector.close()


def first_arrivals(ids: list[str]) -> list[str]:
    return list(dict.fromkeys(ids))


def test_everything_is_confirmed_in_order_and_once(house: House) -> None:
    ids = house.append(200)
    house.deliver()
    assert house.written == ids
    assert house.pump.link.confirm == "relp"


@pytest.mark.parametrize("unwritten", [0, 1, REPLAY])
def test_what_a_collector_has_acknowledged_and_lost_is_sent_again(unwritten: int, house: House) -> None:
    house.append(200)
    house.deliver()
    house.die(unwritten)
    house.fail()
    ids = house.append(1)
    house.deliver()
    assert first_arrivals(house.written) == ids
    assert len(house.written) == len(ids) + REPLAY - unwritten


def test_each_death_repeats_one_replay_window_and_no_more(house: House) -> None:
    house.append(200)
    house.deliver()
    for _ in range(3):
        house.die(0)
        house.fail()
        ids = house.append(1)
        house.deliver()
    assert first_arrivals(house.written) == ids
    assert len(house.written) <= len(ids) + 3 * REPLAY


def test_a_forwarder_that_dies_begins_one_replay_window_back(house: House) -> None:
    house.append(200)
    house.deliver()
    house.pump.abort()
    before = house.pump
    ids = house.append(1)
    house.next_life()
    house.deliver()
    assert house.written == ids[:200] + ids[200 - REPLAY :]
    before._end()


def test_a_forwarder_that_was_stopped_politely_repeats_nothing(house: House) -> None:
    house.append(200)
    house.deliver()
    house.pump.run(draining(), lambda: None)
    ids = house.append(1)
    house.next_life()
    house.deliver()
    assert house.written == ids


def test_a_refused_message_is_set_aside_and_the_others_go_on(house: House) -> None:
    house.refused = {"e7", "e150"}
    ids = house.append(200)
    house.deliver()
    assert first_arrivals(house.written) == [one for one in ids if one not in house.refused]
    assert sorted(place for _, place in house.journal.aside) == [7, 150]
    assert {poison.detail for poison in house.journal.aside.values()} == {"500 message refused"}


def test_a_sick_collector_gets_everything_once_it_is_well(house: House) -> None:
    house.append(100)
    house.deliver()
    house.is_sick = True
    ids = house.append(100)
    assert house.fail().code == "LPF233"
    assert house.fail().code == "LPF233"
    assert house.journal.checkpoint("siem") == 100
    assert not house.journal.aside
    house.is_sick = False
    house.deliver()
    assert first_arrivals(house.written) == ids
    assert not house.journal.aside
