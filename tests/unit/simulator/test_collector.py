from __future__ import annotations

import contextlib
import queue
import socket
import ssl
import threading
from collections.abc import Iterator

import pytest

from lpforwarder.simulator.collector import Pace, PretendCollector
from tests.fakes.certificates import Certificates, ServerTls, client_context, make_certificates

LOOPBACK = ("127.0.0.1", 0)
PATIENCE = 10.0


def framed(*messages: bytes) -> bytes:
    return b"".join(b"%d %s" % (len(message), message) for message in messages)


def send_and_wait_for_the_close(connection: socket.socket, octets: bytes) -> bytes:
    """What a careful sender does: say all, half-close, read to the collector's end."""
    connection.sendall(octets)
    with contextlib.suppress(OSError):  # it may have reset us already; then the next read tells
        connection.shutdown(socket.SHUT_WR)
    return connection.recv(100)


def connect(collector: PretendCollector) -> socket.socket:
    return socket.create_connection(collector.address, timeout=PATIENCE)


def wait_until_refused(collector: PretendCollector) -> None:
    # Reset when the listener went while our connection was waiting there.
    with contextlib.suppress(ConnectionRefusedError, ConnectionResetError):
        while True:
            connect(collector).close()


def fill(connection: socket.socket, most: int) -> int:
    """Writes until the far side takes no more; how many octets it took."""
    connection.setblocking(False)
    taken = 0
    with contextlib.suppress(BlockingIOError):
        while taken < most:
            taken += connection.send(framed(b"<1>" + b"x" * 1000) * 10)
    return taken


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def received() -> list[bytes]:
    return []


@pytest.fixture
def problems() -> queue.Queue[str]:
    return queue.Queue()


@pytest.fixture
def collector(received: list[bytes], problems: queue.Queue[str]) -> Iterator[PretendCollector]:
    with PretendCollector(LOOPBACK, on_message=received.append, on_problem=problems.put) as collector:
        yield collector


def test_all_that_was_sent_has_been_handed_over_when_the_collector_closes(
    collector: PretendCollector, received: list[bytes]
) -> None:
    with connect(collector) as connection:
        assert send_and_wait_for_the_close(connection, framed(b"<1>a", b"<2>b") + b"<3>c\n") == b""

    assert received == [b"<1>a", b"<2>b", b"<3>c"]


def test_connections_messages_and_octets_are_counted(collector: PretendCollector) -> None:
    for _ in range(2):
        with connect(collector) as connection:
            send_and_wait_for_the_close(connection, framed(b"<1>a", b"<2>b"))

    counts = collector.counts
    assert (counts.connections, counts.messages, counts.octets) == (2, 4, 24)


def test_several_connections_are_read_at_the_same_time(
    collector: PretendCollector, received: list[bytes]
) -> None:
    with connect(collector) as first, connect(collector) as second:
        send_and_wait_for_the_close(second, framed(b"<2>"))
        send_and_wait_for_the_close(first, framed(b"<1>"))

    assert received == [b"<2>", b"<1>"]


def test_a_broken_frame_is_told_and_the_connection_lives_on(
    collector: PretendCollector, received: list[bytes], problems: queue.Queue[str]
) -> None:
    with connect(collector) as connection:
        send_and_wait_for_the_close(connection, b"rubbish\n" + framed(b"<1>a"))

    assert received == [b"<1>a"]
    assert "neither a length nor '<'" in problems.get(timeout=PATIENCE)


def test_unplugging_resets_the_connection_even_after_the_sender_half_closed() -> None:
    reached, go_on = threading.Event(), threading.Event()

    def hold(message: bytes) -> None:
        reached.set()
        go_on.wait(PATIENCE)

    with PretendCollector(LOOPBACK, on_message=hold) as collector, connect(collector) as connection:
        connection.sendall(framed(b"<1>", b"<2>"))
        connection.shutdown(socket.SHUT_WR)
        assert reached.wait(PATIENCE)
        unplug = threading.Thread(target=collector.unplug)
        unplug.start()
        wait_until_refused(collector)
        go_on.set()
        unplug.join(PATIENCE)

        with pytest.raises(ConnectionResetError):
            connection.recv(1)
        assert collector.counts.messages == 1


def test_unplugging_ends_a_connection_that_says_nothing(collector: PretendCollector) -> None:
    with connect(collector) as connection:
        connection.sendall(framed(b"<1>"))
        collector.unplug()

        with pytest.raises(ConnectionResetError):
            connection.recv(1)
    assert not collector.is_plugged


def test_an_unplugged_collector_refuses_and_comes_back_on_the_same_port(
    collector: PretendCollector, received: list[bytes]
) -> None:
    address = collector.address
    collector.unplug()
    with pytest.raises(ConnectionRefusedError):
        connect(collector)
    collector.plug()
    with connect(collector) as connection:
        send_and_wait_for_the_close(connection, framed(b"<1>"))

    assert collector.address == address
    assert received == [b"<1>"]


def test_plugging_and_unplugging_twice_changes_nothing(collector: PretendCollector) -> None:
    collector.plug()
    assert collector.is_plugged
    collector.unplug()
    collector.unplug()
    assert not collector.is_plugged


def test_on_message_itself_may_unplug_the_collector() -> None:
    with PretendCollector(LOOPBACK, on_message=lambda _: once.unplug()) as once, connect(once) as connection:
        connection.sendall(framed(b"<1>", b"<2>"))
        with pytest.raises(ConnectionResetError):
            connection.recv(1)

        assert once.counts.messages == 1


def test_a_message_that_could_not_be_kept_is_not_confirmed_by_a_polite_close(
    problems: queue.Queue[str],
) -> None:
    def refuse(message: bytes) -> None:
        raise OSError("disk full")

    with (
        PretendCollector(LOOPBACK, on_message=refuse, on_problem=problems.put) as collector,
        connect(collector) as connection,
    ):
        with pytest.raises(ConnectionResetError):
            send_and_wait_for_the_close(connection, framed(b"<1>"))

        assert "disk full" in problems.get(timeout=PATIENCE)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_tls_is_read_to_the_end_and_answered_with_a_goodbye(
    version: ssl.TLSVersion, certificates: Certificates, received: list[bytes]
) -> None:
    tls = ServerTls(pair=certificates.server, client_ca=certificates.ca_file).context()
    sender = client_context(certificates.ca_file, client=certificates.client, version=version)
    with (
        PretendCollector(LOOPBACK, tls, on_message=received.append) as collector,
        sender.wrap_socket(connect(collector), server_hostname="127.0.0.1") as connection,
    ):
        assert connection.version() == version.name.replace("_", ".")
        connection.sendall(framed(*[b"<1>%05d" % number for number in range(5000)]))
        with connection.unwrap() as plain:
            assert plain.recv(1) == b""

    assert received == [b"<1>%05d" % number for number in range(5000)]


def test_unplugging_ends_a_tls_handshake_that_never_comes(
    certificates: Certificates, problems: queue.Queue[str]
) -> None:
    tls = ServerTls(pair=certificates.server).context()
    with PretendCollector(LOOPBACK, tls, on_problem=problems.put) as collector:
        silent = [connect(collector) for _ in range(2)]
        while collector.counts.connections < len(silent):
            assert collector.is_plugged
        collector.unplug()
        for connection in silent:
            connection.close()

    assert problems.empty()


def test_a_failed_handshake_is_told(certificates: Certificates, problems: queue.Queue[str]) -> None:
    tls = ServerTls(pair=certificates.server).context()
    with PretendCollector(LOOPBACK, tls, on_problem=problems.put) as collector:
        with connect(collector) as connection:
            connection.sendall(framed(b"<1>this is no TLS"))

        assert "127.0.0.1" in problems.get(timeout=PATIENCE)


def test_a_pace_spreads_its_units_over_time() -> None:
    now = [100.0]
    pace = Pace(10.0, clock=lambda: now[0])

    assert [pace.take(1), pace.take(1), pace.take(2)] == pytest.approx([0.1, 0.2, 0.4])
    now[0] = 200.0
    assert pace.take(1) == pytest.approx(0.1)


def test_a_pace_without_a_rate_never_waits_but_sees_the_cut() -> None:
    cut = threading.Event()
    pace = Pace(None)

    assert pace.take(10**9) == 0.0
    assert not pace.hold(10**9, cut)
    cut.set()
    assert pace.hold(1, cut)


def test_a_slow_collector_pushes_back_instead_of_taking_everything() -> None:
    with PretendCollector(LOOPBACK, rate=1.0) as collector, connect(collector) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 64 * 1024)

        assert fill(connection, most=10_000_000) < 1_000_000
        assert collector.counts.messages <= 2


def test_a_port_that_is_taken_is_an_error(collector: PretendCollector) -> None:
    with pytest.raises(OSError, match="in use"):
        PretendCollector(collector.address)
