"""Collectors in processes of their own that die: what counts as delivered, and what arrives in the end."""

from __future__ import annotations

import contextlib
import random
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lpforwarder.delivery.contract import Transport
from lpforwarder.delivery.encoder import Encoder
from lpforwarder.delivery.pump import Limits, Pump
from lpforwarder.delivery.transports.fences import FENCE_TIMEOUT
from lpforwarder.delivery.transports.tcp import TcpTransport
from lpforwarder.delivery.transports.tls_transport import TlsTransport
from lpforwarder.errors import Failure, Transient
from lpforwarder.event import Seq
from lpforwarder.journal.sqlite import SqliteJournal, open_journal
from lpforwarder.runtime.stop import Stop
from tests.fakes.certificates import Certificates, ServerTls, client_context
from tests.fakes.collectors import CollectorProcess, Manners, send_naively
from tests.fakes.encodings import BareEnvelope, IdFormat
from tests.fakes.links import look_until_it_raises, tcp_options, tls_options
from tests.fakes.patience import PATIENCE, LaterClock, until
from tests.fakes.source import sample_events

GOOD = Manners()
V13 = ssl.TLSVersion.TLSv1_3
links = pytest.mark.parametrize("link", ["tcp", "tls"])


def numbered(count: int) -> list[bytes]:
    return [b"<110>1 - - - - - - " + b"%06d" % number + b"x" * 330 for number in range(count)]


@contextlib.contextmanager
def collector_and_transport(
    link: str,
    folder: Path,
    certificates: Certificates,
    manners: Manners = GOOD,
    clock: Callable[[], float] | None = None,
) -> Iterator[tuple[CollectorProcess, TcpTransport]]:
    """A collector process and a transport that leads to it, not yet open."""
    tls = ServerTls(pair=certificates.server, version=V13) if link == "tls" else None
    with CollectorProcess(folder, manners=manners, tls=tls) as process:
        transport = transport_to(link, process, certificates, clock)
        try:
            yield process, transport
        finally:
            transport.abort()
            transport.close()


def transport_to(
    link: str, process: CollectorProcess, certificates: Certificates, clock: Callable[[], float] | None = None
) -> TcpTransport:
    clock = clock or LaterClock()
    if link == "tls":
        return TlsTransport(tls_options(process.address, {"ca_file": certificates.ca_file}), clock=clock)
    return TcpTransport(tcp_options(process.address), clock=clock)


# ---- one kill ---------------------------------------------------------------------------------------------


@links
def test_a_collector_killed_with_unread_input_has_confirmed_nothing(
    link: str, tmp_path: Path, certificates: Certificates
) -> None:
    with collector_and_transport(link, tmp_path, certificates) as (process, transport):
        transport.open()
        process.freeze()
        transport.send(numbered(100))
        if link == "tcp":  # over TLS the fence would wait for the handshake
            transport.fence(0.0)
        assert transport.confirmed(0.0) == 0
        process.kill()
        assert look_until_it_raises(transport) == 0


@links
def test_a_collector_killed_after_it_has_read_everything_has_confirmed_nothing_either(
    link: str, tmp_path: Path, certificates: Certificates
) -> None:
    # It leaves half-closed connections open, so that the kill is what ends them, without a reset.
    habits = Manners(closes=False)
    with collector_and_transport(link, tmp_path, certificates, habits) as (process, transport):
        transport.open()
        transport.send(numbered(100))
        transport.fence(0.0)
        process.wait_for(100)
        process.kill()
        assert look_until_it_raises(transport) == 0


@links
def test_a_collector_that_is_frozen_and_thawed_confirms_once_it_has_read(
    link: str, tmp_path: Path, certificates: Certificates
) -> None:
    with collector_and_transport(link, tmp_path, certificates) as (process, transport):
        transport.open()
        transport.send(numbered(100))
        process.wait_for(100)
        transport.fence(0.0)
        process.freeze()
        assert transport.confirmed(0.0) in (0, 100)
        process.thaw()
        until(lambda: transport.confirmed(0.01) == 100)
        assert process.lines() == numbered(100)


def test_a_frozen_collector_is_believed_by_its_kernel_after_three_timeouts(
    tmp_path: Path, certificates: Certificates
) -> None:
    clock = LaterClock()
    with collector_and_transport("tcp", tmp_path, certificates, clock=clock) as (process, transport):
        transport.open()
        process.freeze()
        transport.send(numbered(100))
        transport.fence(0.0)
        for _ in range(3):
            assert (transport.confirmed(0.0), transport.confirm) == (0, "close")
            clock.later += FENCE_TIMEOUT
        until(lambda: transport.confirmed(0.0) == 100)
        assert transport.confirm == "kernel"
        process.thaw()
        process.wait_for(100)


# ---- the end of a TLS 1.3 link ----------------------------------------------------------------------------


def test_a_slow_tls_1_3_collector_gets_all_of_what_was_sent_before_the_close(
    tmp_path: Path, certificates: Certificates
) -> None:
    messages = numbered(1500)
    slow = Manners(octet_rate=1_000_000)
    with collector_and_transport("tls", tmp_path / "careful", certificates, slow) as (process, transport):
        transport.open()
        transport.send(messages)
        transport.close()
        process.wait_for(1500)
        assert process.lines() == messages

    tls = ServerTls(pair=certificates.server, version=V13)
    octets = b"".join(b"%d %s" % (len(message), message) for message in messages)
    slower = Manners(octet_rate=200_000)  # a test that gets no processor for a moment must not be overtaken
    with CollectorProcess(tmp_path / "naive", tls=tls, manners=slower) as process:
        send_naively(process.address, octets, client_context(certificates.ca_file))
        process.wait_until_idle()
        assert len(process.lines()) < 750  # or this test would prove nothing


def test_a_slow_tls_1_3_collector_gets_all_even_if_the_link_is_aborted(
    tmp_path: Path, certificates: Certificates
) -> None:
    messages = numbered(1500)
    slow = Manners(octet_rate=1_000_000)
    with collector_and_transport("tls", tmp_path, certificates, slow) as (process, transport):
        transport.open()
        transport.send(messages)
        transport.abort()
        transport.close()
        process.wait_for(1500)
        assert process.lines() == messages


# ---- the whole way: journal, pump, transport, and a collector that is killed five times -------------------

# Slow, so that a kill finds something on the way.
SLOW = Manners(octet_rate=200_000)
EVENTS = 2000
FENCE = REPLAY = 200
KILLS = 5


class Journey:
    """A journal with events, and the lives of one pump, as the supervisor would run them."""

    def __init__(self, folder: Path, transport: Transport) -> None:
        self.journal: SqliteJournal = open_journal(
            folder / "journal.db", keep=86400.0, max_size=2**30, when_full="pause-polling", reserve_size=0
        )
        self.journal.append("fake", sample_events(EVENTS), [], "cursor")
        self.journal.register("siem", "oldest")
        limits = Limits(fence_events=FENCE, fence_seconds=0.1, replay_events=REPLAY, replay_seconds=0.0)
        encoder = Encoder(lambda _: True, IdFormat(), BareEnvelope(), 8096)
        self.pump = Pump("siem", self.journal, encoder, transport, limits)

    def live(self, kill_at: int, kill: Callable[[], None]) -> bool:
        """Forwards until the link breaks; `kill` is called once so many are confirmed. True at the end."""
        killed = False

        def beat() -> None:
            nonlocal killed
            if not killed and self.pump.window.checkpoint >= kill_at:
                killed = True
                kill()

        try:
            self.pump.run_to_end(Stop(), beat)
        except Transient:
            return False
        return True


@links
def test_five_kills_lose_nothing_keep_the_order_and_repeat_no_more_than_they_may(
    link: str, tmp_path: Path, certificates: Certificates
) -> None:
    moments = random.Random(20)
    with collector_and_transport(link, tmp_path, certificates, SLOW) as (process, transport):
        journey = Journey(tmp_path, transport)
        with contextlib.closing(journey.journal):
            for kill in range(1, KILLS + 1):
                at = kill * EVENTS // (KILLS + 1) + moments.randrange(FENCE)
                assert not journey.live(at, process.kill)
                with contextlib.suppress(Failure):
                    journey.pump.step()  # nobody listens: one more failure must not cost more repeats
                process.start()
            assert journey.live(EVENTS + 1, process.kill)
            assert journey.journal.checkpoint("siem") == Seq(EVENTS)
            assert journey.journal.clean("siem")

    expected = [b"event-%d" % number for number in range(EVENTS)]
    received = [line.rsplit(b" ", 1)[1] for line in process.lines()]
    assert list(dict.fromkeys(received)) == expected
    assert len(received) - EVENTS <= KILLS * (2 * FENCE + REPLAY)
    assert journey.pump.window.repeated > 0  # or no kill has hit anything


@links
def test_a_polite_restart_of_the_collector_loses_nothing(
    link: str, tmp_path: Path, certificates: Certificates
) -> None:
    with collector_and_transport(link, tmp_path, certificates) as (process, transport):
        journey = Journey(tmp_path, transport)
        with contextlib.closing(journey.journal):
            assert not journey.live(EVENTS // 2, process.restart)
            assert journey.live(EVENTS + 1, process.restart)

    received = [line.rsplit(b" ", 1)[1] for line in process.lines()]
    assert list(dict.fromkeys(received)) == [b"event-%d" % number for number in range(EVENTS)]


def test_a_drain_hands_over_what_waits_and_ends_clean(tmp_path: Path, certificates: Certificates) -> None:
    with collector_and_transport("tls", tmp_path, certificates) as (process, transport):
        journey = Journey(tmp_path, transport)
        stop = Stop()
        with contextlib.closing(journey.journal):
            journey.pump.run(stop, lambda: stop.set(PATIENCE))
            assert journey.journal.checkpoint("siem") == Seq(EVENTS)
            assert journey.journal.clean("siem")
        process.wait_for(EVENTS)
        assert len(process.lines()) == EVENTS
