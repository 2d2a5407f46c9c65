"""What every transport promises: one suite for the registered ones, a stranger's too, and the fake."""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from lpforwarder import plugins, rfc3339
from lpforwarder.delivery.contract import Transport
from lpforwarder.errors import Transient
from lpforwarder.simulator.collector import PretendCollector
from lpforwarder.simulator.relp import RelpManners
from tests.fakes.certificates import Certificates, ServerTls
from tests.fakes.collectors import Collector
from tests.fakes.patience import PATIENCE, Stopwatch, a_moment_later, until
from tests.fakes.ports import ReservedPort
from tests.fakes.transport import FakeTransport


class Bench(ABC):
    """A transport and the collector it leads to."""

    transport: Transport

    def __init__(self) -> None:
        self.received: list[bytes] = []

    @abstractmethod
    def kill(self) -> None:
        """The collector dies; a new one stands in its place at once."""

    def close(self) -> None:
        self.transport.abort()
        self.transport.close()


class FakeBench(Bench):
    def __init__(self) -> None:
        super().__init__()
        self.transport = self.fake = FakeTransport()
        self.received = self.fake.received

    def kill(self) -> None:
        self.fake.break_link()


class StreamBench(Bench):
    """A syslog collector that reads a stream, over TCP or TLS."""

    def __init__(self, plugin: Any, values: dict[str, Any], tls: ServerTls | None) -> None:
        super().__init__()
        self._port = ReservedPort()
        self._tls = tls
        self._collector = self._start()
        given = {"host": "127.0.0.1", "port": self._port.number, **values}
        options = plugin.Options.model_validate(given, context={"folder": Path("/")})
        self.transport = plugin(options)

    def _start(self) -> Collector:
        return Collector(self._take, tls=self._tls, port=self._port.number).__enter__()

    def _take(self, messages: Sequence[bytes]) -> None:
        self.received += messages

    def kill(self) -> None:
        self._collector.__exit__()
        self._collector = self._start()

    def close(self) -> None:
        super().close()
        self._collector.__exit__()
        self._port.close()


class RelpBench(Bench):
    """A RELP collector that answers what it has taken, over TCP or TLS."""

    def __init__(self, plugin: Any, values: dict[str, Any], tls: ServerTls | None) -> None:
        super().__init__()
        self._collector = PretendCollector(
            ("127.0.0.1", 0),
            tls.context() if tls is not None else None,
            on_message=self.received.append,
            relp=RelpManners(),
        )
        self._collector.plug()
        given = {"host": "127.0.0.1", "port": self._collector.address[1], **values}
        self.transport = plugin(plugin.Options.model_validate(given, context={"folder": Path("/")}))

    def kill(self) -> None:
        self._collector.unplug()
        self._collector.plug()

    def close(self) -> None:
        super().close()
        self._collector.close()


def bench_for(name: str, certificates: Certificates) -> Bench:
    if name == "fake":
        return FakeBench()
    plugin = plugins.load("transports", name)
    tls = {"tls": {"ca_file": str(certificates.ca_file)}}
    if name == "tls":
        return StreamBench(plugin, tls, ServerTls(pair=certificates.server))
    if name == "tcp":
        return StreamBench(plugin, {}, None)
    if name == "relp":
        return RelpBench(plugin, {}, None)
    if name == "relp-tls":
        return RelpBench(plugin, tls, ServerTls(pair=certificates.server))
    raise NotImplementedError(f"write a Bench with a collector for the transport {name!r}")


@pytest.fixture(params=[*plugins.registered("transports"), "fake"])
def bench(request: pytest.FixtureRequest, certificates: Certificates) -> Iterator[Bench]:
    bench = bench_for(request.param, certificates)
    with contextlib.closing(bench):
        yield bench


def numbered(first: int, count: int) -> list[bytes]:
    return [b"<110>1 - - - - - - %d" % number for number in range(first, first + count)]


def confirmed_at_the_end(transport: Transport) -> int:
    """Asks until the link is said to be broken; the last count before."""
    last = 0

    def raises() -> bool:
        nonlocal last
        try:
            last = transport.confirmed(0.01)
        except Transient:
            return True
        return False

    until(raises, "an error")
    return last


def test_the_built_in_transports_are_registered() -> None:
    assert {"relp", "relp-tls", "tcp", "tls"} <= plugins.registered("transports").keys()


def test_an_open_link_has_a_peer_and_a_way_to_confirm(bench: Bench) -> None:
    bench.transport.open()
    assert bench.transport.peer
    assert bench.transport.confirm in ("close", "kernel", "relp", "sent")


def test_messages_arrive_whole_and_in_order_across_fences(bench: Bench) -> None:
    bench.transport.open()
    for part in range(5):
        bench.transport.send(numbered(part * 100, 100))
        bench.transport.fence(0.0)
    bench.transport.fence(PATIENCE)
    until(lambda: len(bench.received) == 500)
    assert bench.received == numbered(0, 500)


def test_after_a_fence_that_had_its_time_all_is_confirmed(bench: Bench) -> None:
    bench.transport.open()
    bench.transport.send(numbered(0, 100))
    bench.transport.send(numbered(100, 1))
    bench.transport.fence(PATIENCE)
    assert bench.transport.confirmed(0.0) == 101
    assert bench.transport.confirmed(0.0) == 101


def test_confirmed_never_exceeds_what_was_sent_nor_goes_back(bench: Bench) -> None:
    bench.transport.open()
    last = 0
    for sent in range(1, 20):
        bench.transport.send(numbered(sent, 1))
        if sent % 5 == 0:
            bench.transport.fence(0.0)
        now = bench.transport.confirmed(0.0)
        assert last <= now <= sent
        last = now


def test_nothing_sent_is_nothing_confirmed(bench: Bench) -> None:
    bench.transport.open()
    bench.transport.fence(0.0)
    assert bench.transport.confirmed(0.0) == 0


def test_counts_begin_anew_with_each_link(bench: Bench) -> None:
    for _ in range(3):
        bench.transport.open()
        assert bench.transport.confirmed(0.0) == 0
        bench.transport.send(numbered(0, 7))
        bench.transport.fence(PATIENCE)
        assert bench.transport.confirmed(0.0) == 7
        bench.transport.close()


def test_what_was_confirmed_is_told_before_the_link_is_said_to_be_broken(bench: Bench) -> None:
    bench.transport.open()
    bench.transport.send(numbered(0, 7))
    bench.transport.fence(PATIENCE)
    bench.kill()
    assert confirmed_at_the_end(bench.transport) == 7


def test_a_broken_link_stays_broken_until_a_new_one_is_opened(bench: Bench) -> None:
    bench.transport.open()
    bench.transport.send(numbered(0, 1))
    bench.kill()
    confirmed_at_the_end(bench.transport)
    for _ in range(2):
        with pytest.raises(Transient):
            bench.transport.send(numbered(1, 1))
        with pytest.raises(Transient):
            bench.transport.confirmed(0.0)
    bench.transport.close()
    bench.transport.open()
    bench.transport.send(numbered(2, 1))
    bench.transport.fence(PATIENCE)
    assert bench.transport.confirmed(0.0) == 1


def test_abort_from_another_thread_ends_the_calls_of_a_link(bench: Bench) -> None:
    bench.transport.open()
    bench.transport.send(numbered(0, 1))

    def ask() -> bool:
        bench.transport.confirmed(5.0)
        return False

    with a_moment_later(bench.transport.abort), Stopwatch() as watch, pytest.raises(Transient):
        until(ask)
    assert watch.wall < 4.0  # a call that is not ended takes five


def test_closing_and_aborting_survive_everything(bench: Bench) -> None:
    bench.transport.open()
    bench.transport.send(numbered(0, 1))
    bench.kill()
    for _ in range(2):
        bench.transport.close()
        bench.transport.abort()


def test_what_a_transport_says_beyond_the_contract_can_be_shown(bench: Bench) -> None:
    bench.transport.open()
    certificates = getattr(bench.transport, "certificates", ())
    assert all(each.subject and each.days_left(rfc3339.now()) > 0 for each in certificates)
    assert all(alarm.code and alarm.what for alarm in getattr(bench.transport, "alarms", ()))


def test_a_link_that_is_not_open_takes_nothing(bench: Bench) -> None:
    with pytest.raises(Transient):
        bench.transport.send(numbered(0, 1))
    assert bench.received == []


def test_a_closed_link_takes_nothing(bench: Bench) -> None:
    bench.transport.open()
    bench.transport.close()
    with pytest.raises(Transient):
        bench.transport.send(numbered(0, 1))
    assert bench.received == []
