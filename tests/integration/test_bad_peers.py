"""Peers that die without a word, that close at once, that babble, and that speak bad TLS: in real time."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator

import pytest

from lpforwarder.delivery.encoder import Encoder
from lpforwarder.delivery.pump import Limits, Pump
from lpforwarder.delivery.transports.dialing import Address
from lpforwarder.delivery.transports.failures import unresolved
from lpforwarder.delivery.transports.tcp import TcpTransport
from lpforwarder.delivery.transports.tls_transport import TlsTransport
from lpforwarder.event import Event
from lpforwarder.runtime.retry import Policy
from lpforwarder.runtime.supervisor import Supervisor
from tests.fakes.certificates import Certificates, ServerTls
from tests.fakes.clock import FakeClock
from tests.fakes.collectors import Collector, Manners
from tests.fakes.journal import MemoryJournal
from tests.fakes.links import FarEnd, tcp_options, tls_options, transport_to
from tests.fakes.patience import PATIENCE, Stopwatch, fails, until
from tests.fakes.ports import ReservedPort
from tests.fakes.silence import cut_off

SENDING_NOTICED, IDLE_NOTICED = 35.0, 30.0  # seconds at most


class Line:
    """A formatter and an envelope in one that show the id."""

    def format(self, event: Event) -> bytes:
        return event.text("id").encode()

    def wrap(self, event: Event, payload: bytes, sequence: int | None = None) -> bytes:
        return payload


def pump_for(transport: TcpTransport, count: int) -> Pump:
    journal = MemoryJournal()
    events = [Event.of({"id": f"<1>{place}"}) for place in range(count)]
    journal.append("acme", events, [], "cursor")
    return Pump("siem", journal, Encoder(lambda _: True, Line(), Line(), 8096), transport, Limits())


# ---- 10: dead peers ---------------------------------------------------------------------------------------


def seconds_until_noticed(work: Callable[[], object]) -> float:
    """From now until `work`, done twice a second as the pump does, says that the peer is gone."""
    began, rest = time.monotonic(), threading.Event()
    with fails("LPF220"):
        while time.monotonic() - began < 60.0:
            work()
            rest.wait(0.5)
    return time.monotonic() - began


def send_one(transport: TcpTransport) -> None:
    transport.send([b"<1>a"])
    transport.confirmed(0.0)


def only_look(transport: TcpTransport) -> None:
    transport.confirmed(0.0)


def wait_for_a_fence(transport: TcpTransport) -> None:
    if transport._sent == 0:
        transport.send([b"<1>a"])
    transport.fence(0.0)


@pytest.mark.slow
def test_a_dead_peer_is_noticed_in_35_s_while_sending_and_in_30_s_when_idle() -> None:
    cases: dict[str, tuple[Callable[[TcpTransport], None], str, float]] = {
        "sending": (send_one, "kernel", SENDING_NOTICED),
        "fencing": (wait_for_a_fence, "close", SENDING_NOTICED),
        "idle": (only_look, "close", IDLE_NOTICED),
    }
    took: dict[str, float] = {}

    def measure(name: str) -> None:
        work, confirm, _ = cases[name]
        with FarEnd() as far_end, transport_to(far_end, confirm=confirm) as transport:
            transport.open()
            far = far_end.accept()
            far_end.refuse()
            cut_off(far)
            took[name] = seconds_until_noticed(lambda: work(transport))

    threads = [threading.Thread(target=measure, args=(name,)) for name in cases]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(", ".join(f"{name}: {seconds:.1f} s" for name, seconds in took.items()))
    assert {name: took[name] <= limit for name, (_, _, limit) in cases.items()} == dict.fromkeys(cases, True)


@pytest.mark.slow
def test_a_peer_that_is_alive_and_takes_nothing_is_given_up_in_the_stall_timeout_and_not_sooner() -> None:
    # Longer than the 30 s after which the kernel would give it up by itself.
    with FarEnd(receive_buffer=4096) as far_end, transport_to(far_end, stall_timeout="33s") as transport:
        transport.open()
        far_end.accept()
        with Stopwatch() as watch, fails("LPF211"):
            transport.send([b"x" * 100_000] * 100)
    assert 33.0 <= watch.wall < 37.0


# ---- 12: peers that close at once -------------------------------------------------------------------------


def test_a_collector_that_closes_at_once_a_thousand_times_is_tried_ever_more_rarely_and_costs_nothing() -> (
    None
):
    clock = FakeClock()
    supervisor = Supervisor(clock, jitter=lambda: 0.0)
    delays: list[float] = []
    reasons: set[str] = set()
    with Collector(list, manners=Manners(hangs_up=True)) as collector:
        pump = pump_for(TcpTransport(tcp_options(collector.address)), 100)
        began = time.process_time()
        supervisor.start("collector:siem", pump, Policy(first=1.0, most=60.0, good_run=1.0))
        for number in range(1, 1001):
            clock.until_waiting()
            state = supervisor.states()["collector:siem"]
            assert state.failures == number
            assert state.error is not None
            reasons.add(state.error.text.partition(" ")[2].partition(" [")[0])
            delay = min(2.0 ** (number - 1), 60.0)
            delays.append(delay)
            clock.advance(delay - 0.001)
            assert supervisor.states()["collector:siem"].failures == number  # not a moment sooner
            clock.advance(0.001)
        clock.until_waiting()
        computing = time.process_time() - began
        supervisor.stop(None, 1.0)
        clock.advance(60.0)
    assert delays[:8] == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0]
    assert any("without reading" in reason for reason in reasons), reasons
    assert computing / sum(delays) < 0.05
    assert pump.window.checkpoint == 0


# ---- 13: peers that babble --------------------------------------------------------------------------------


@pytest.mark.parametrize("is_tls", [False, True])
def test_a_collector_that_babbles_a_hundred_megabytes_is_hung_up_on_soon_and_memory_stays_flat(
    is_tls: bool, certificates: Certificates
) -> None:
    tls = ServerTls(pair=certificates.server) if is_tls else None
    with FarEnd() as far_end:
        gone = threading.Event()

        def babble() -> None:
            plain = far_end.accept()
            with contextlib.suppress(OSError):
                far = plain if tls is None else tls.context().wrap_socket(plain, server_side=True)
                with far:
                    for _ in range(1600):
                        far.sendall(b"x" * 65536)
            gone.set()

        threading.Thread(target=babble, daemon=True).start()
        if tls is None:
            transport = TcpTransport(tcp_options(far_end.address))
        else:
            transport = TlsTransport(tls_options(far_end.address, {"ca_file": certificates.ca_file}))
        tracemalloc.start()
        with fails("LPF213"):
            transport.open()
            until(lambda: transport.confirmed(0.01) > 0)
        transport.close()
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert gone.wait(PATIENCE)
    assert most < 4 * 2**20


# ---- 15: bad TLS, and its repair --------------------------------------------------------------------------


@contextlib.contextmanager
def working(pump: Pump) -> Iterator[Supervisor]:
    """The pump as a worker, tried again twice a second."""
    supervisor = Supervisor()
    supervisor.start("collector:siem", pump, Policy(first=0.2, most=0.5, blocked=0.5))
    try:
        yield supervisor
    finally:
        supervisor.stop(None, 1.0)


def code_of(supervisor: Supervisor) -> str:
    error = supervisor.states()["collector:siem"].error
    return error.code if error is not None else ""


@pytest.mark.parametrize(
    ("shown", "code", "words"),
    [
        ("expired", "LPF205", "the collector's certificate expired on 20"),
        ("not_yet_valid", "LPF205", "the collector's certificate is not valid before 20"),
        ("wrong_name", "LPF204", "the certificate names other.example.net"),
        (None, "LPF209", "does not speak TLS"),
    ],
)
def test_bad_tls_gets_no_event_is_named_with_host_and_reason_and_flows_again_when_mended(
    shown: str | None, code: str, words: str, certificates: Certificates
) -> None:
    received: list[bytes] = []
    with contextlib.closing(ReservedPort()) as port:
        options = tls_options(
            ("127.0.0.1", port.number), {"ca_file": certificates.ca_file}, connect_timeout="1s"
        )
        pump = pump_for(TlsTransport(options), 100)
        tls = None if shown is None else ServerTls(pair=getattr(certificates, shown))
        bad = Manners(garbage=400 if shown is None else 0)
        with Collector(received.extend, tls=tls, port=port.number, manners=bad), working(pump) as supervisor:
            until(lambda: code_of(supervisor) == code)
            error = supervisor.states()["collector:siem"].error
            assert error is not None
            assert f"127.0.0.1:{port.number}" in error.text
            assert words in error.text
            assert received == []
        good = ServerTls(pair=certificates.server)
        with Collector(received.extend, tls=good, port=port.number), working(pump) as supervisor:
            until(lambda: pump.window.checkpoint == 100)
            assert code_of(supervisor) == ""
    assert received == [b"<1>%d" % number for number in range(100)]


# ---- 17: names --------------------------------------------------------------------------------------------


class Resolver:
    """Says of every name what a test wants it to say."""

    def __init__(self) -> None:
        self.address: tuple[str, int] | None = None
        self.may_answer = threading.Event()
        self.may_answer.set()

    def __call__(self, host: str, _port: int) -> list[Address]:
        assert self.may_answer.wait(PATIENCE)
        if self.address is None:
            raise unresolved(host, socket.gaierror(socket.EAI_NONAME, "unknown"))
        return [Address(socket.AF_INET, self.address)]


def named(resolver: Resolver, **options: object) -> TcpTransport:
    transport = TcpTransport(tcp_options(("siem.example.net", 601), **options))
    transport._hosts._lookups._look_up = resolver
    return transport


def test_a_name_is_asked_for_at_every_connect_so_that_a_new_address_counts() -> None:
    resolver, received = Resolver(), list[bytes]()
    pump = pump_for(named(resolver), 100)
    with working(pump) as supervisor:
        until(lambda: code_of(supervisor) == "LPF201")
        with Collector(list) as old:
            resolver.address = old.address
            until(lambda: bool(pump.link.connected_since))
            assert pump.link.peer == f"127.0.0.1:{old.address[1]}"
            with Collector(received.extend) as new:
                resolver.address = new.address
                old.__exit__()
                until(lambda: pump.window.checkpoint == 100 and pump.link.peer.endswith(f":{new.address[1]}"))
    assert set(received) <= {b"<1>%d" % number for number in range(100)}


def test_a_resolver_that_hangs_holds_up_neither_another_collector_nor_the_stop() -> None:
    resolver, received = Resolver(), list[bytes]()
    resolver.may_answer.clear()
    with Collector(received.extend) as good:
        stuck = pump_for(named(resolver, connect_timeout="60s"), 10)
        pump = pump_for(TcpTransport(tcp_options(good.address)), 100)
        supervisor = Supervisor()
        supervisor.start("collector:named", stuck, Policy())
        supervisor.start("collector:siem", pump, Policy())
        until(lambda: pump.window.checkpoint == 100)
        with Stopwatch() as watch:
            assert supervisor.stop(None, 0.5) == []
    assert watch.wall < PATIENCE / 2
    assert len(received) == 100
    resolver.may_answer.set()


def test_a_slow_name_is_told_and_its_late_answer_used() -> None:
    resolver, received = Resolver(), list[bytes]()
    resolver.may_answer.clear()
    with Collector(received.extend) as collector:
        resolver.address = collector.address
        pump = pump_for(named(resolver, connect_timeout="200ms"), 10)
        with working(pump) as supervisor:
            until(lambda: code_of(supervisor) == "LPF201")
            error = supervisor.states()["collector:siem"].error
            assert error is not None
            assert "no answer in" in error.text
            resolver.may_answer.set()
            until(lambda: pump.window.checkpoint == 10)
