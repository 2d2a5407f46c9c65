"""The sink as a real process, over real connections."""

from __future__ import annotations

import socket
from contextlib import suppress
from pathlib import Path

import pytest

from bench.blast import capacity
from bench.sinks import SinkProcess
from tests.fakes.certificates import Certificates

MARKER = b"deviceExternalId=bench"


def test_two_connections_are_counted_each_by_itself() -> None:
    with SinkProcess(MARKER) as sink:
        with (
            socket.create_connection(("127.0.0.1", sink.port)) as one,
            socket.create_connection(("127.0.0.1", sink.port)) as other,
        ):
            one.sendall(b"x" + MARKER + MARKER[:5])
            other.sendall(MARKER[5:] + MARKER)
            seen = sink.wait_for(2, 10.0)
        assert (seen.count, seen.connections) == (2, 2)


def test_who_has_said_everything_gets_a_polite_end() -> None:
    with SinkProcess(MARKER) as sink, socket.create_connection(("127.0.0.1", sink.port)) as link:
        link.sendall(MARKER * 1000)
        link.shutdown(socket.SHUT_WR)
        assert link.recv(1) == b"", "closed, and not reset"
        assert sink.look().count == 1000


def test_the_timeline_ends_with_the_last_event() -> None:
    with SinkProcess(MARKER, every=0.0) as sink, socket.create_connection(("127.0.0.1", sink.port)) as link:
        for count in (1, 2, 3):
            link.sendall(MARKER)
            sink.wait_for(count, 10.0)
        seen = sink.look_back()
        assert [count for _, count in seen.timeline] == [1, 2, 3, 3]
        assert seen.first == seen.timeline[0][0] <= seen.last


def test_events_that_do_not_come_are_told() -> None:
    with SinkProcess(MARKER) as sink, pytest.raises(TimeoutError, match="0 of 1 events"):
        sink.wait_for(1, 60.0, lambda: False)


def test_a_sink_that_keeps_everything_has_a_file_for_each_connection(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    with SinkProcess(MARKER, keep=kept) as sink, socket.create_connection(("127.0.0.1", sink.port)) as link:
        link.sendall(b"1 " + MARKER)
        link.shutdown(socket.SHUT_WR)
        assert link.recv(1) == b""
        sink.look()  # what was read before is closed by then
    assert (tmp_path / "kept.0").read_bytes() == b"1 " + MARKER


def test_a_slow_sink_leaves_the_rest_to_the_kernel() -> None:
    with SinkProcess(MARKER, pause=0.05) as sink, socket.socket() as link:
        link.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        link.connect(("127.0.0.1", sink.port))
        link.setblocking(False)
        sent = 0
        with suppress(BlockingIOError):
            while sent < 100 * 2**20:
                sent += link.send(MARKER * 1000)
        assert sent < 100 * 2**20


@pytest.mark.parametrize("is_tls", [False, True])
def test_the_capacity_is_measured_with_real_events(certificates: Certificates, is_tls: bool) -> None:
    seen = capacity(1000, tls=certificates if is_tls else None)
    assert seen.count >= 1000
    assert seen.rate > 0
