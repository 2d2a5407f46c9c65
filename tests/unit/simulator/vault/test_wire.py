from __future__ import annotations

import socket
from typing import Any

import pytest

from lpforwarder.simulator.vault.answers import Reply
from lpforwarder.simulator.vault.faults import Fault
from lpforwarder.simulator.vault.options import VaultOptions
from lpforwarder.simulator.vault.vault import Answer
from lpforwarder.simulator.vault.wire import abort, head, send

AT = 1_772_647_200_000_000  # 2026-03-04 18:00:00 UTC
BODY = b'{"status":"OK","next":null,"data":[]}'


class Tape:
    """A link that writes down what happens to it."""

    def __init__(self, *, closing: bool = False) -> None:
        self.pieces: list[bytes] = []
        self.ends: list[str] = []
        self.waits: list[float] = []
        self._closing = closing

    def write(self, octets: bytes) -> None:
        self.pieces.append(octets)

    def reset(self) -> None:
        self.ends.append("reset")

    def end(self) -> None:
        self.ends.append("end")

    def wait(self, seconds: float) -> bool:
        self.waits.append(seconds)
        return self._closing


def sent(
    fault: Fault | None, tape: Tape | None = None, *, keep: bool = True, **switches: Any
) -> tuple[Tape, bytes, bytes]:
    """The tape, the head and the body as they went out."""
    tape = tape or Tape()
    answer = Answer(reply=Reply(body=BODY), fault=fault, at=AT)
    send(answer, tape, VaultOptions(**switches), keep=keep, may_chunk=True)
    start, _, rest = b"".join(tape.pieces).partition(b"\r\n\r\n")
    return tape, start, rest


def test_an_answer_goes_out_whole_with_its_length_and_date() -> None:
    tape, start, rest = sent(None)
    assert start.startswith(b"HTTP/1.1 200 OK\r\nServer: LastPass\r\n")
    assert b"Date: Wed, 04 Mar 2026 18:00:00 GMT" in start
    assert b"Content-Length: 37" in start
    assert b"Connection" not in start
    assert rest == BODY
    assert tape.ends == []


def test_the_last_answer_of_a_connection_says_so() -> None:
    assert b"Connection: close" in sent(None, keep=False)[1]


def test_an_answer_may_come_in_chunks() -> None:
    _, start, rest = sent(None, chunked=True)
    assert b"Transfer-Encoding: chunked" in start
    assert b"Content-Length" not in start
    assert rest == b"25\r\n" + BODY + b"\r\n0\r\n\r\n"


def test_the_date_may_be_wrong_always_or_once() -> None:
    assert b"Date: Wed, 04 Mar 2026 17:59:00 GMT" in sent(None, date_error_seconds=-60.0)[1]
    assert b"Date: Wed, 04 Mar 2026 18:07:12 GMT" in sent(Fault.CLOCK_ERROR)[1]


def test_a_reset_in_the_headers_leaves_half_of_them() -> None:
    tape, start, rest = sent(Fault.RESET_IN_HEADERS)
    assert start.startswith(b"HTTP/1.1 200 OK")
    assert b"Content-Length" not in start
    assert rest == b""
    assert tape.ends[-1] == "reset"


def test_a_reset_in_the_body_leaves_half_of_it() -> None:
    tape, start, rest = sent(Fault.RESET_IN_BODY)
    assert b"Content-Length: 37" in start
    assert rest == BODY[:18]
    assert tape.ends[-1] == "reset"


def test_a_truncated_body_has_the_length_of_the_whole_and_a_polite_end() -> None:
    tape, start, rest = sent(Fault.TRUNCATED_BODY)
    assert b"Content-Length: 37" in start
    assert rest == BODY[:18]
    assert tape.ends == ["end"]


def test_broken_chunks_break_after_the_first() -> None:
    _, start, rest = sent(Fault.BROKEN_CHUNKS)
    assert b"Transfer-Encoding: chunked" in start
    assert rest.startswith(b"12\r\n" + BODY[:18] + b"\r\nzz\r\n")
    assert not rest.endswith(b"0\r\n\r\n")


def test_a_slow_drip_brings_everything_in_small_pieces() -> None:
    tape, _, rest = sent(Fault.SLOW_DRIP, drip_octets=10, drip_pause_seconds=0.5)
    assert rest == BODY
    assert tape.waits == [0.5] * 4
    assert [len(piece) for piece in tape.pieces[1:]] == [10, 10, 10, 7, 0]


def test_after_enough_drops_the_rest_comes_at_once() -> None:
    tape, _, rest = sent(Fault.SLOW_DRIP, drip_octets=10, drip_pieces=2)
    assert rest == BODY
    assert [len(piece) for piece in tape.pieces[1:]] == [10, 10, 17]


def test_a_drip_ends_when_the_server_does() -> None:
    tape = Tape(closing=True)
    assert sent(Fault.SLOW_DRIP, tape)[2] == b""
    assert len(tape.waits) == 1


@pytest.mark.parametrize(("fault", "waits"), [(Fault.SILENCE, [300.0]), (Fault.CLOSED, [])])
def test_no_answer_is_no_octet(fault: Fault, waits: list[float]) -> None:
    tape, *_ = sent(fault)
    assert tape.pieces == []
    assert tape.waits == waits
    assert tape.ends == ["end"]


def test_a_head_has_one_line_a_header() -> None:
    answer = Answer(
        reply=Reply(status=429, reason="Too Many", headers=(("A", "b"),), body=b""), fault=None, at=AT
    )
    text = head(answer, VaultOptions(), length=0, keep=True)
    assert text == (
        b"HTTP/1.1 429 Too Many\r\nA: b\r\nDate: Wed, 04 Mar 2026 18:00:00 GMT\r\nContent-Length: 0\r\n\r\n"
    )


def test_an_abort_resets_the_connection_although_it_has_a_reader() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        socket.create_connection(listener.getsockname()) as caller,
    ):
        connection, _ = listener.accept()
        reader = connection.makefile("rb")
        abort(connection, reader)
        caller.settimeout(5)
        with pytest.raises(ConnectionResetError):
            caller.recv(1)
        assert reader.closed
