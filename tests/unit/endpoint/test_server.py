"""The endpoint on real sockets: TLS, slow and greedy clients, and an end whatever they do."""

from __future__ import annotations

import http.client
import shutil
import socket
import ssl
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, asynccontextmanager, closing, contextmanager, suppress
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from lpforwarder.endpoint.credentials import Credentials
from lpforwarder.endpoint.listening import listen
from lpforwarder.endpoint.server import IDLE, TICK, EndpointServer, Limits
from lpforwarder.runtime.stop import Stop
from tests.fakes.certificates import Certificates, KeyPair
from tests.fakes.ports import ReservedPort

BIG = 16 * 2**20


def make() -> Starlette:
    async def health(_: Request) -> Response:
        return PlainTextResponse("ok")

    async def big(_: Request) -> Response:
        return PlainTextResponse(b"x" * BIG)

    return Starlette(routes=[Route("/healthz", health), Route("/big", big)])


@dataclass
class Running:
    """A server in a thread of its own."""

    server: EndpointServer
    port: int
    beats: int = 0

    def beat(self) -> None:
        self.beats += 1

    @property
    def clients(self) -> int:
        return self.server.clients


@contextmanager
def running(
    limits: Limits = Limits(),  # noqa: B008 - frozen
    credentials: Credentials | None = None,
    port: int = 0,
) -> Iterator[Running]:
    with listen("127.0.0.1", port) as listener:
        server = EndpointServer(make, listener, credentials, limits)
        stop, made = Stop(), Running(server, listener.getsockname()[1])
        thread = threading.Thread(target=server.run, args=(stop, made.beat))
        thread.start()
        try:
            yield made
        finally:
            stop.set(1.0)
            thread.join(10)
            assert not thread.is_alive()


def health(port: int) -> int:
    client = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        client.request("GET", "/healthz")
        return client.getresponse().status
    finally:
        client.close()


def wait_until(is_so: Callable[[], bool], within: float = 10.0) -> None:
    deadline = time.monotonic() + within
    while not is_so():
        assert time.monotonic() < deadline
        threading.Event().wait(0.02)


def is_closed(line: socket.socket, within: float = 10.0) -> bool:
    line.settimeout(within)
    try:
        while line.recv(65536):
            pass
    except TimeoutError:
        return False
    except OSError:
        return True
    return True


def test_it_answers_until_it_is_stopped() -> None:
    with closing(ReservedPort()) as reserved:
        with running(port=reserved.number) as server:
            assert health(server.port) == 200
        with pytest.raises(ConnectionRefusedError):
            health(reserved.number)


def test_a_client_that_never_ends_its_request_is_closed() -> None:
    with running(Limits(idle=0.5)) as server, socket.create_connection(("127.0.0.1", server.port)) as slow:
        slow.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: ")
        assert is_closed(slow)


def test_a_client_that_says_nothing_is_closed() -> None:
    with running(Limits(idle=0.5)) as server, socket.create_connection(("127.0.0.1", server.port)) as silent:
        assert is_closed(silent)


def test_a_client_that_does_not_take_its_answer_is_closed() -> None:
    with (
        running(Limits(stalled=1.0)) as server,
        socket.create_connection(("127.0.0.1", server.port)) as greedy,
    ):
        greedy.sendall(b"GET /big HTTP/1.1\r\nHost: x\r\n\r\n")
        assert greedy.recv(1) == b"H"
        wait_until(lambda: server.clients == 0)


def test_headers_beyond_all_measure_are_refused() -> None:
    with running() as server, socket.create_connection(("127.0.0.1", server.port)) as line:
        line.settimeout(5)
        with suppress(ConnectionError):  # refused before we have said it all
            line.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Long: " + b"x" * 1_000_000 + b"\r\n\r\n")
            assert line.recv(12) in (b"HTTP/1.1 431", b"HTTP/1.1 400", b"")


def test_too_many_quiet_clients_do_not_keep_others_out() -> None:
    with running(Limits(connections=20)) as server, ExitStack() as clients:
        lines = [
            clients.enter_context(socket.create_connection(("127.0.0.1", server.port))) for _ in range(100)
        ]
        assert health(server.port) == 200
        assert is_closed(lines[0])
        assert health(server.port) == 200


def test_answers_that_nobody_takes_do_not_fill_the_memory() -> None:
    limits = Limits(unsent=4 * BIG, stalled=3600.0)
    with running(limits) as server, ExitStack() as clients:
        greedy = [
            clients.enter_context(socket.create_connection(("127.0.0.1", server.port))) for _ in range(12)
        ]
        for line in greedy:
            line.sendall(b"GET /big HTTP/1.1\r\nHost: x\r\n\r\n")
        for line in greedy:  # all are being answered; some may be hung up on already
            with suppress(ConnectionError):
                line.recv(1)
        wait_until(lambda: 0 < server.clients <= 5)
        assert health(server.port) == 200


def test_a_stop_does_not_wait_for_anybody() -> None:
    with ExitStack() as clients, running() as server:
        for _ in range(10):
            line = clients.enter_context(socket.create_connection(("127.0.0.1", server.port)))
            line.sendall(b"GET /big HTTP/1.1\r\nHost: x\r\n\r\n")
        assert health(server.port) == 200


def test_a_stop_is_noticed_at_once_although_nobody_is_connected() -> None:
    with running() as server:
        assert health(server.port) == 200
        wait_until(lambda: server.clients == 0)
        began = time.monotonic()
    assert time.monotonic() - began < IDLE / 2


def test_who_comes_after_a_silence_is_counted_at_once() -> None:
    with running() as server:
        wait_until(lambda: server.beats > 0)
        began = time.monotonic()
        with socket.create_connection(("127.0.0.1", server.port)):
            wait_until(lambda: server.clients == 1)
        assert time.monotonic() - began < IDLE / 2


def test_a_server_without_clients_sleeps() -> None:
    with running() as server:
        wait_until(lambda: server.beats > 0)
        threading.Event().wait(3 * TICK)
        before = server.beats
        threading.Event().wait(3 * TICK)
        assert server.beats - before <= 1


def test_an_answer_says_when_it_was_given() -> None:
    """Also when the server was asked nothing for a while; a client may set its clock by it."""
    with running() as server:
        for _ in range(2):
            before = int(time.time())
            with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)) as client:
                client.request("GET", "/healthz")
                dates = client.getresponse().headers.get_all("Date") or []
            (told,) = [parsedate_to_datetime(date).timestamp() for date in dates]
            assert before <= told <= time.time()
            threading.Event().wait(1.1)


# ---- what is wrong with ourselves -------------------------------------------------------------------------


class NoRoom(Limits):
    """Limits that cannot be counted."""

    @property
    def most(self) -> int:
        raise ArithmeticError("nobody can say")


def test_a_fault_of_ours_ends_the_run_and_is_not_tried_again_without_a_pause() -> None:
    made: list[Starlette] = []

    def counted() -> Starlette:
        made.append(make())
        return made[-1]

    with (
        listen("127.0.0.1", 0) as listener,
        socket.create_connection(listener.getsockname(), timeout=10),
        pytest.raises(ArithmeticError, match="nobody can say"),
    ):
        EndpointServer(counted, listener, None, NoRoom()).run(Stop(), lambda: None)
    assert len(made) == 1


def test_an_application_that_does_not_start_is_no_end_of_the_process() -> None:
    @asynccontextmanager
    async def never(_: Starlette) -> AsyncIterator[None]:
        raise OSError("no thread left")
        yield

    with listen("127.0.0.1", 0) as listener, pytest.raises(RuntimeError, match="did not start"):
        EndpointServer(lambda: Starlette(lifespan=never), listener).run(Stop(), lambda: None)


# ---- TLS --------------------------------------------------------------------------------------------------


def fetch(port: int, context: ssl.SSLContext) -> int:
    client = http.client.HTTPSConnection("localhost", port, timeout=30, context=context)
    try:
        client.request("GET", "/healthz")
        return client.getresponse().status
    finally:
        client.close()


def trusting(certificates: Certificates) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=certificates.ca_file)


def server_tls(certificates: Certificates, client_ca: Path | None = None) -> Credentials:
    pair = certificates.server
    return Credentials(pair.cert_file, pair.key_file, client_ca)


def test_it_speaks_tls_and_nothing_older_than_1_2(certificates: Certificates) -> None:
    with running(credentials=server_tls(certificates)) as server:
        assert fetch(server.port, trusting(certificates)) == 200
        old = trusting(certificates)
        old.minimum_version = ssl.TLSVersion.TLSv1_2
        assert fetch(server.port, old) == 200
    assert server_tls(certificates).read().minimum_version == ssl.TLSVersion.TLSv1_2


def test_clients_need_a_certificate_when_they_are_asked_for_one(certificates: Certificates) -> None:
    with running(credentials=server_tls(certificates, certificates.ca_file)) as server:
        with pytest.raises((ssl.SSLError, ConnectionError, http.client.HTTPException)):
            fetch(server.port, trusting(certificates))
        known = trusting(certificates)
        known.load_cert_chain(certificates.client.cert_file, certificates.client.key_file)
        assert fetch(server.port, known) == 200


def test_handshakes_that_never_end_do_not_keep_others_out(certificates: Certificates) -> None:
    limits = Limits(connections=20)
    with running(limits, server_tls(certificates)) as server, ExitStack() as clients:
        lines = [
            clients.enter_context(socket.create_connection(("127.0.0.1", server.port))) for _ in range(100)
        ]
        assert fetch(server.port, trusting(certificates)) == 200
        assert is_closed(lines[0])
        wait_until(lambda: 0 < server.clients <= 20)


# ---- a renewed certificate --------------------------------------------------------------------------------


class Renewing(Credentials):
    """Credentials that are renewed when a test says so, and not every ten seconds at most."""

    def __init__(self, certificates: Certificates) -> None:
        super().__init__(certificates.server.cert_file, certificates.server.key_file, None)
        self.reads = 0
        self.is_renewed = False

    def read(self) -> ssl.SSLContext:
        self.reads, self.is_renewed = self.reads + 1, False
        return super().read()

    def look(self) -> bool:
        return self.is_renewed


def answered_or_hung_up(port: int, trust: ssl.SSLContext) -> str:
    """What becomes of a client; TimeoutError for one that is left hanging."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as plain:
        try:
            with trust.wrap_socket(plain, server_hostname="localhost") as line:
                line.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                return "answered" if line.recv(12) == b"HTTP/1.1 200" else "hung up"
        except (ssl.SSLError, ConnectionError):
            return "hung up"


def test_who_connects_while_the_certificate_changes_is_not_left_hanging(certificates: Certificates) -> None:
    credentials, trust = Renewing(certificates), trusting(certificates)
    ends: list[str] = []

    with running(Limits(handshake=60.0), credentials) as server, ThreadPoolExecutor(8) as pool:
        assert fetch(server.port, trust) == 200
        for number in range(6):
            reads = credentials.reads
            credentials.is_renewed = True
            clients = []
            while credentials.reads == reads:  # each goes through the change at another moment
                clients.append(pool.submit(answered_or_hung_up, server.port, trust))
                threading.Event().wait(0.003 + number * 0.001)
            ends += [client.result() for client in clients]
        assert fetch(server.port, trust) == 200
    assert set(ends) <= {"answered", "hung up"}
    assert "answered" in ends


def test_it_looks_at_its_files_at_once_when_it_is_told_to_and_keeps_its_port(
    tmp_path: Path, certificates: Certificates
) -> None:
    def put(pair: KeyPair) -> None:
        shutil.copy(pair.cert_file, cert)
        shutil.copy(pair.key_file, key)

    def verdict() -> str:
        try:
            return str(fetch(server.port, trusting(certificates)))
        except ssl.SSLError as error:
            return error.reason
        except ConnectionResetError:
            return "hung up on"  # in the middle of the change; ConnectionRefusedError would be a lost port

    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    put(certificates.expired)
    credentials = Credentials(cert, key, None, clock=lambda: 0.0)
    with running(credentials=credentials) as server:
        assert verdict() == "CERTIFICATE_VERIFY_FAILED"
        credentials.renew()
        assert verdict() == "CERTIFICATE_VERIFY_FAILED"
        put(certificates.server)
        assert verdict() == "CERTIFICATE_VERIFY_FAILED"  # its clock stands: it does not look by itself
        credentials.renew()
        wait_until(lambda: verdict() == "200")
