from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.fakes.certificates import Certificates, ServerTls, client_context
from tests.fakes.collectors import Collector, CollectorProcess, Manners, send_naively
from tests.fakes.patience import until

PATIENCE = 30.0
versions = pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])


def counted(*messages: bytes) -> bytes:
    return b"".join(b"%d %s" % (len(message), message) for message in messages)


def numbered(count: int) -> list[bytes]:
    return [b"<110>1 - - - - - - " + b"%06d" % number + b"x" * 330 for number in range(count)]


def connect(address: tuple[str, int]) -> socket.socket:
    return socket.create_connection(address, timeout=PATIENCE)


def send_carefully(address: tuple[str, int], octets: bytes, tls: ssl.SSLContext | None = None) -> None:
    """Writes all, says goodbye, half-closes, and reads until the collector has closed."""
    with contextlib.ExitStack() as stack:
        connection: socket.socket = stack.enter_context(connect(address))
        if tls is not None:
            secured = stack.enter_context(tls.wrap_socket(connection, server_hostname="127.0.0.1"))
            secured.sendall(octets)
            connection = secured.unwrap()
        else:
            connection.sendall(octets)
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(1) == b""


@pytest.fixture
def process(tmp_path: Path) -> Iterator[CollectorProcess]:
    with CollectorProcess(tmp_path) as process:
        yield process


def test_a_collector_process_writes_each_message_as_a_line(process: CollectorProcess) -> None:
    send_carefully(process.address, counted(b"<1>a", b"<2>b\nc") + b"<3>d\n")
    process.wait_for(3)

    assert process.lines() == [b"<1>a", b"<2>b\\nc", b"<3>d"]


@pytest.mark.parametrize("end", [CollectorProcess.kill, CollectorProcess.stop], ids=["killed", "stopped"])
def test_a_collector_process_that_ends_with_unread_input_resets_and_comes_back_on_its_port(
    end: Callable[[CollectorProcess], None], tmp_path: Path
) -> None:
    with CollectorProcess(tmp_path, manners=Manners(reads=False)) as process:
        with connect(process.address) as connection:
            connection.sendall(counted(b"<1>a"))
            connection.shutdown(socket.SHUT_WR)
            end(process)
            with pytest.raises(ConnectionResetError):
                connection.recv(1)
        with pytest.raises(ConnectionRefusedError):
            connect(process.address)
        process.start()
        connect(process.address).close()


def test_a_frozen_collector_process_takes_connections_and_reads_them_once_thawed(
    process: CollectorProcess,
) -> None:
    process.freeze()
    with connect(process.address) as connection:
        connection.sendall(counted(b"<1>a"))
        connection.shutdown(socket.SHUT_WR)
        assert process.lines() == []
        process.thaw()
        assert connection.recv(1) == b""

    assert process.lines() == [b"<1>a"]


def test_waiting_for_messages_that_never_come_says_how_many_there_are(process: CollectorProcess) -> None:
    process.kill()

    with pytest.raises(TimeoutError, match="0 of 1 messages"):
        process.wait_for(1)


@versions
def test_a_collector_process_speaks_the_tls_it_was_told_and_wants_a_certificate(
    version: ssl.TLSVersion, tmp_path: Path, certificates: Certificates
) -> None:
    tls = ServerTls(pair=certificates.server, client_ca=certificates.ca_file, version=version)
    known = client_context(certificates.ca_file, client=certificates.client)
    with CollectorProcess(tmp_path, tls=tls) as process:
        with known.wrap_socket(connect(process.address), server_hostname="127.0.0.1") as secured:
            assert secured.version() == version.name.replace("_", ".")
        send_carefully(process.address, counted(*numbered(1000)), known)
        # How the refusal shows depends on the version and on who is faster; that nothing arrives does not.
        with contextlib.suppress(OSError):
            send_carefully(process.address, counted(b"<1>no"), client_context(certificates.ca_file))

        assert process.lines() == numbered(1000)


@pytest.mark.slow
def test_a_naive_sender_loses_messages_over_tls_1_3_where_a_careful_one_loses_none(
    tmp_path: Path, certificates: Certificates
) -> None:
    messages = numbered(1500)
    tls = ServerTls(pair=certificates.server, version=ssl.TLSVersion.TLSv1_3)
    trusting = client_context(certificates.ca_file)
    slow = Manners(octet_rate=1_000_000)
    slower = Manners(octet_rate=200_000)  # a test that gets no processor for a moment must not be overtaken
    with CollectorProcess(tmp_path / "naive", tls=tls, manners=slower) as process:
        send_naively(process.address, counted(*messages), trusting)
        process.wait_until_idle()
        naive = process.lines()
    with CollectorProcess(tmp_path / "careful", tls=tls, manners=slow) as process:
        send_carefully(process.address, counted(*messages), trusting)
        careful = process.lines()

    assert careful == messages
    assert len(naive) < len(messages) / 2


def test_a_serial_collector_serves_the_second_connection_after_the_first() -> None:
    received: list[bytes] = []
    with (
        Collector(received.extend, manners=Manners(serial=True)) as collector,
        connect(collector.address) as first,
        connect(collector.address) as second,
    ):
        second.sendall(counted(b"<2>"))
        second.shutdown(socket.SHUT_WR)
        first.sendall(counted(b"<1>"))
        first.shutdown(socket.SHUT_WR)
        assert first.recv(1) == b""
        assert second.recv(1) == b""

    assert received == [b"<1>", b"<2>"]


def test_a_collector_that_never_closes_reads_all_and_leaves_the_connection_open() -> None:
    received: list[bytes] = []
    with (
        Collector(received.extend, manners=Manners(closes=False)) as collector,
        connect(collector.address) as connection,
    ):
        connection.sendall(counted(b"<1>"))
        connection.shutdown(socket.SHUT_WR)
        connection.settimeout(0.2)
        with pytest.raises(TimeoutError):
            connection.recv(1)

        until(lambda: received == [b"<1>"])


def test_a_collector_without_a_goodbye_just_closes(certificates: Certificates) -> None:
    received: list[bytes] = []
    tls = ServerTls(pair=certificates.server)
    trusting = client_context(certificates.ca_file)
    with Collector(received.extend, manners=Manners(says_goodbye=False), tls=tls) as collector:
        with pytest.raises(ssl.SSLEOFError):
            send_carefully(collector.address, counted(b"<1>"), trusting)

        assert received == [b"<1>"]


def test_a_collector_that_hangs_up_closes_at_once() -> None:
    with (
        Collector(list, manners=Manners(hangs_up=True)) as collector,
        connect(collector.address) as connection,
    ):
        assert connection.recv(1) == b""


def test_a_collector_that_sends_garbage_sends_as_much_as_it_was_told() -> None:
    with (
        Collector(list, manners=Manners(garbage=10_000)) as collector,
        connect(collector.address) as connection,
    ):
        got = 0
        for _ in range(3):
            connection.sendall(counted(b"<1>"))
        while got < 10_000:
            got += len(connection.recv(100_000))
            connection.sendall(counted(b"<1>"))
        connection.shutdown(socket.SHUT_WR)

        assert connection.recv(1) == b""
        assert got == 10_000


def test_leaving_ends_connections_with_a_reset_so_that_nothing_unread_counts_as_read() -> None:
    with contextlib.ExitStack() as stack:
        with Collector(list, manners=Manners(reads=False)) as collector:
            connection = stack.enter_context(connect(collector.address))
            connection.sendall(counted(b"<1>"))
            connection.shutdown(socket.SHUT_WR)
        with pytest.raises(ConnectionResetError):
            connection.recv(1)


def test_problems_of_a_connection_are_noted(certificates: Certificates) -> None:
    tls = ServerTls(pair=certificates.server)
    with (
        Collector(list, tls=tls) as collector,
        connect(collector.address) as connection,
        contextlib.suppress(OSError),
    ):
        connection.sendall(b"this is no TLS at all")
        connection.recv(100)

    assert collector.problems
