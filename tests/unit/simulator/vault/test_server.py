from __future__ import annotations

import contextlib
import http.client
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest
import trustme

from lpforwarder.simulator.vault.answers import AUTHORIZATION_ERROR
from lpforwarder.simulator.vault.event import VaultEvent
from lpforwarder.simulator.vault.faults import Fault
from lpforwarder.simulator.vault.options import VaultOptions
from lpforwarder.simulator.vault.server import LARGEST_BODY, PATH, PretendVault

MakeEvent = Callable[..., VaultEvent]


@pytest.fixture
def vault(watch: Callable[[], float]) -> Iterator[PretendVault]:
    options = VaultOptions(drip_pause_seconds=0.0, large_octets=3_000_000)
    with PretendVault(options=options, clock=watch) as running:
        yield running


def body(vault: PretendVault, **fields: Any) -> bytes:
    known = {"cid": vault.options.account, "provhash": vault.secret, "cmd": "reporting"}
    return json.dumps(known | fields).encode()


def post(
    vault: PretendVault, octets: bytes | None = None, path: str = PATH
) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of one call on a connection of its own."""
    with closing(http.client.HTTPConnection(*vault.address, timeout=10)) as caller:
        caller.request("POST", path, body(vault) if octets is None else octets)
        answer = caller.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()


def raw(vault: PretendVault, octets: bytes) -> bytes:
    """Everything that comes back for these octets until the server ends the connection."""
    with socket.create_connection(vault.address, timeout=10) as caller:
        caller.sendall(octets)
        return b"".join(iter(lambda: caller.recv(65_536), b""))


def test_a_call_is_answered_with_status_200_and_the_content_type_of_xml(vault: PretendVault) -> None:
    status, headers, octets = post(vault)
    assert (status, headers["Content-Type"]) == (200, "text/xml;charset=UTF-8")
    assert headers["Date"] == "Wed, 04 Mar 2026 18:00:00 GMT"
    assert json.loads(octets) == {"status": "OK", "next": None, "data": []}


def test_wrong_credentials_look_the_same_from_outside(vault: PretendVault) -> None:
    status, headers, octets = post(vault, body(vault, provhash="x"))
    assert (status, headers["Content-Length"], octets) == (200, "76", AUTHORIZATION_ERROR)


def test_a_connection_serves_many_calls(vault: PretendVault) -> None:
    with closing(http.client.HTTPConnection(*vault.address, timeout=10)) as caller:
        for count in range(3):
            caller.request("POST", PATH, body(vault))
            answer = json.loads(caller.getresponse().read())
            assert len(answer["data"]) == count


def test_chunks_and_compression_are_understood_by_an_ordinary_client(vault: PretendVault) -> None:
    vault.change(chunked=True)
    assert json.loads(post(vault)[2])["status"] == "OK"


def test_a_caller_of_http_1_0_gets_no_chunks(vault: PretendVault) -> None:
    vault.change(chunked=True)
    octets = body(vault)
    answer = raw(
        vault, b"POST %b HTTP/1.0\r\nContent-Length: %d\r\n\r\n" % (PATH.encode(), len(octets)) + octets
    )
    assert b"Content-Length: " in answer
    assert b"chunked" not in answer


def test_other_paths_and_methods_are_refused(vault: PretendVault) -> None:
    assert post(vault, path="/")[0] == 404
    for method in ("GET", "HEAD", "PUT", "DELETE", "OPTIONS"):
        with closing(http.client.HTTPConnection(*vault.address, timeout=10)) as caller:
            caller.request(method, PATH)
            answer = caller.getresponse()
            assert (answer.status, answer.getheader("Allow")) == (405, "POST")


def test_fields_in_the_query_get_xml(vault: PretendVault) -> None:
    query = f"?cid={vault.options.account}&provhash={vault.secret}&cmd=reporting"
    assert post(vault, b"", PATH + query)[2].startswith(b"<?xml")


def test_a_reset_arrives_as_one(vault: PretendVault) -> None:
    for fault in (Fault.RESET_IN_HEADERS, Fault.RESET_IN_BODY):
        vault.fail_next(fault)
        with pytest.raises((ConnectionResetError, http.client.BadStatusLine)):
            post(vault)


def test_a_body_that_stops_early_is_noticed(vault: PretendVault) -> None:
    for fault in (Fault.TRUNCATED_BODY, Fault.BROKEN_CHUNKS):
        vault.fail_next(fault)
        with pytest.raises(http.client.HTTPException):
            post(vault)


def test_a_connection_closed_without_an_answer_is_noticed(vault: PretendVault) -> None:
    vault.fail_next(Fault.CLOSED)
    with pytest.raises(http.client.RemoteDisconnected):
        post(vault)


def test_a_drip_and_a_very_large_page_bring_the_whole_answer(vault: PretendVault) -> None:
    vault.fail_next(Fault.SLOW_DRIP, Fault.LARGE_PAGE)
    assert json.loads(post(vault)[2])["status"] == "OK"
    octets = post(vault)[2]
    assert len(octets) > 3_000_000
    assert json.loads(octets)["status"] == "OK"


def test_what_stands_in_front_answers_as_itself(vault: PretendVault) -> None:
    vault.fail_next(Fault.RATE_LIMITED_WITH_WAIT, Fault.FORBIDDEN)
    status, headers, _ = post(vault)
    assert (status, headers["Retry-After"], headers["Content-Type"]) == (429, "2", "text/html; charset=utf-8")
    assert post(vault)[0] == 403


def test_an_idle_connection_ends_with_the_server(vault: PretendVault) -> None:
    with closing(http.client.HTTPConnection(*vault.address, timeout=5)) as caller:
        caller.request("POST", PATH, body(vault))
        caller.getresponse().read()
        ending = threading.Thread(target=vault.close)
        ending.start()
        assert caller.sock.recv(1) == b""
        ending.join()


def test_a_fault_under_way_ends_with_the_server(vault: PretendVault) -> None:
    vault.change(drip_pause_seconds=300.0)
    vault.fail_next(Fault.SLOW_DRIP)
    octets = body(vault)
    with socket.create_connection(vault.address, timeout=10) as caller:
        caller.sendall(
            b"POST %b HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % (PATH.encode(), len(octets)) + octets
        )
        assert caller.recv(65_536).endswith(b"\r\n\r\n")
        vault.close()
        assert caller.recv(1) == b""


@pytest.mark.parametrize(
    ("request_octets", "status"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", b" 400 "),
        (b"GET\r\n\r\n", b" 400 "),
        (b"POST / HTTP/9.9\r\n\r\n", b" 505 "),
        (b"BREW " + PATH.encode() + b" HTTP/1.1\r\n\r\n", b" 501 "),
        (b"POST " + b"/x" * 40_000 + b" HTTP/1.1\r\n\r\n", b" 414 "),
        (b"POST " + PATH.encode() + b" HTTP/1.1\r\n" + b"X: y\r\n" * 200 + b"\r\n", b" 431 "),
        (b"POST " + PATH.encode() + b" HTTP/1.1\r\n\r\n", b" 411 "),
        (b"POST " + PATH.encode() + b" HTTP/1.1\r\nContent-Length: -1\r\n\r\n", b" 400 "),
        (b"POST " + PATH.encode() + b" HTTP/1.1\r\nContent-Length: \xb2\r\n\r\n", b" 400 "),
        (b"POST " + PATH.encode() + b" HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n", b" 413 "),
    ],
)
def test_a_hostile_request_gets_a_sane_refusal(
    vault: PretendVault, request_octets: bytes, status: bytes
) -> None:
    answer = raw_half_closed(vault, request_octets)
    assert status in answer.partition(b"\r\n")[0]
    assert post(vault)[0] == 200


def raw_half_closed(vault: PretendVault, octets: bytes) -> bytes:
    with socket.create_connection(vault.address, timeout=10) as caller:
        caller.sendall(octets)
        caller.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: caller.recv(65_536), b""))


def test_the_refusal_of_a_huge_body_is_not_lost_in_a_reset(vault: PretendVault) -> None:
    assert post(vault, b"x" * (8 * LARGEST_BODY))[0] == 413


def test_a_body_that_never_comes_is_no_call(vault: PretendVault) -> None:
    start = b"POST %b HTTP/1.1\r\nContent-Length: 10\r\n\r\nabc" % PATH.encode()
    assert raw_half_closed(vault, start) == b""
    assert vault.asked == []


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def secure(watch: Callable[[], float], authority: trustme.CA) -> Iterator[PretendVault]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with PretendVault(clock=watch, tls=context) as running:
        yield running


def post_securely(vault: PretendVault, authority: trustme.CA) -> bytes:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    with closing(http.client.HTTPSConnection(*vault.address, timeout=10, context=context)) as caller:
        caller.request("POST", PATH, body(vault))
        return caller.getresponse().read()


def test_tls_is_spoken_when_a_context_is_given(secure: PretendVault, authority: trustme.CA) -> None:
    assert secure.url == f"https://127.0.0.1:{secure.address[1]}{PATH}"
    assert json.loads(post_securely(secure, authority))["status"] == "OK"


@pytest.mark.parametrize("fault", [Fault.RESET_IN_BODY, Fault.TRUNCATED_BODY, Fault.CLOSED])
def test_a_fault_under_tls_is_noticed(fault: Fault, secure: PretendVault, authority: trustme.CA) -> None:
    secure.fail_next(fault)
    with pytest.raises((OSError, http.client.HTTPException)):
        post_securely(secure, authority)


def test_a_reset_in_the_headers_under_tls_leaves_no_body(secure: PretendVault, authority: trustme.CA) -> None:
    secure.fail_next(Fault.RESET_IN_HEADERS)
    # Python's TLS reports the reset as a plain end, and http.client takes that for the end of the headers:
    # what is left is status 200 with nothing in it. Only the emptiness tells.
    assert post_securely(secure, authority) == b""


def test_a_caller_without_tls_stops_nobody(
    secure: PretendVault, authority: trustme.CA, capfd: pytest.CaptureFixture[str]
) -> None:
    with socket.create_connection(secure.address, timeout=10) as mute:
        with contextlib.suppress(ConnectionResetError):
            assert not raw(secure, b"POST / HTTP/1.1\r\n\r\n").startswith(b"HTTP")
        assert json.loads(post_securely(secure, authority))["status"] == "OK"
        secure.close()
        assert mute.recv(1) == b""
    assert capfd.readouterr().err == ""


def test_it_starts_and_ends_as_often_as_one_likes() -> None:
    vault = PretendVault(("127.0.0.1", 0))
    with pytest.raises(RuntimeError, match="not running"):
        _ = vault.url
    vault.close()
    for _ in range(2):
        vault.start()
        with pytest.raises(RuntimeError, match="already"):
            vault.start()
        assert post(vault)[0] == 200
        vault.close()
        vault.close()


def test_an_address_in_use_is_said_at_once(vault: PretendVault) -> None:
    second = PretendVault(vault.address)
    with pytest.raises(OSError, match="in use"):
        second.start()
    second.close()


def test_it_listens_on_ipv6_as_well() -> None:
    with PretendVault(("::1", 0)) as vault:
        assert vault.url.startswith("http://[::1]:")
        assert post(vault)[0] == 200
