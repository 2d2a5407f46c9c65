"""The endpoint as a worker: its port taken early, given free at the end, taken again after a failure."""

from __future__ import annotations

import http.client
import shutil
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from lpforwarder.config.sections import Address, HttpOptions, HttpTls
from lpforwarder.endpoint.access import Doorkeeper
from lpforwarder.endpoint.application import Service
from lpforwarder.endpoint.cursors import Cursors
from lpforwarder.endpoint.tokens import TokenFile
from lpforwarder.endpoint.worker import Endpoint
from lpforwarder.errors import Blocked
from lpforwarder.runtime.stop import Stop
from tests.fakes.certificates import Certificates, KeyPair
from tests.fakes.patience import beside
from tests.fakes.ports import ReservedPort
from tests.fakes.pulled_journal import KEY, FakePulledJournal


def endpoint(folder: Path, port: int = 0, tls: HttpTls | None = None) -> Endpoint:
    def service() -> Service:
        return Service(
            journal=FakePulledJournal(),
            cursors=Cursors(KEY),
            doorkeeper=Doorkeeper(TokenFile(folder / "tokens.json"), lambda _: None),
            snapshot=dict,
            troubles=list,
            metrics=lambda: b"",
            page=None,
        )

    return Endpoint(HttpOptions(listen=Address("127.0.0.1", port), tls=tls or HttpTls()), service, list)


def test_it_answers_until_it_is_stopped_and_gives_the_port_free(tmp_path: Path) -> None:
    with closing(ReservedPort()) as reserved:
        answers_until_stopped(tmp_path, reserved.number)


def answers_until_stopped(folder: Path, port: int) -> None:
    made, stop, beaten = endpoint(folder, port), Stop(), threading.Event()
    made.open()
    thread = threading.Thread(target=made.run, args=(stop, beaten.set))
    with capture_logs() as logged:
        thread.start()
        assert beaten.wait(10)
        client = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        client.request("GET", "/healthz")
        assert client.getresponse().status == 200
        client.close()
        stop.set(1.0)
        thread.join(10)
    assert not thread.is_alive()
    assert [line["address"] for line in logged if line["event"] == "endpoint.listening"] == [
        f"127.0.0.1:{port}"
    ]
    socket.create_server(("127.0.0.1", port)).close()


def test_a_port_that_is_taken_is_had_once_it_is_free(tmp_path: Path) -> None:
    with closing(ReservedPort()) as reserved:
        made = endpoint(tmp_path, reserved.number)
        with socket.create_server(("127.0.0.1", reserved.number)), pytest.raises(Blocked):
            made.run(Stop(), lambda: None)
        made.open()
        made.open()
        made.close()
        made.close()


def test_a_certificate_that_cannot_be_used_gives_the_port_free(tmp_path: Path) -> None:
    with closing(ReservedPort()) as reserved:
        made = endpoint(tmp_path, reserved.number, tls=HttpTls(cert_file=tmp_path / "none.pem"))
        made.open()
        with pytest.raises(Blocked, match="certificate of the endpoint"):
            made.run(Stop(), lambda: None)
        socket.create_server(("127.0.0.1", reserved.number)).close()


def test_to_be_told_of_new_files_means_nothing_to_one_that_does_not_run(tmp_path: Path) -> None:
    made = endpoint(tmp_path)
    made.renew()
    made.open()
    made.renew()
    made.close()


# ---- while nobody has connected ----------------------------------------------------------------------------


@contextmanager
def unasked(made: Endpoint) -> Iterator[int]:
    """It runs, and nobody has connected yet; the port."""
    stop, beaten = Stop(), threading.Event()
    made.open()
    with beside(lambda: made.run(stop, beaten.set)):
        try:
            assert beaten.wait(10)
            yield int(made.address.rpartition(":")[2])
        finally:
            stop.set(1.0)


def verdict(port: int, trust: ssl.SSLContext) -> str:
    client = http.client.HTTPSConnection("localhost", port, timeout=30, context=trust)
    try:
        client.request("GET", "/healthz")
        return str(client.getresponse().status)
    except ssl.SSLError as error:
        return error.reason
    finally:
        client.close()


def test_it_ends_at_once_when_nobody_ever_asked(tmp_path: Path) -> None:
    with unasked(endpoint(tmp_path)) as port:
        pass
    socket.create_server(("127.0.0.1", port)).close()


def test_who_connects_and_goes_away_at_once_keeps_nobody_out(tmp_path: Path) -> None:
    with unasked(endpoint(tmp_path)) as port:
        for _ in range(3):
            socket.create_connection(("127.0.0.1", port)).close()
        client = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        client.request("GET", "/healthz")
        assert client.getresponse().status == 200
        client.close()


@pytest.mark.parametrize("then", ["server", "broken"])
def test_a_certificate_that_changes_meanwhile_counts_if_it_can_be_used(
    tmp_path: Path, certificates: Certificates, then: str
) -> None:
    def put(pair: KeyPair) -> None:
        shutil.copy(pair.cert_file, cert)
        shutil.copy(pair.key_file, key)

    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    trust = ssl.create_default_context(cafile=str(certificates.ca_file))
    put(certificates.expired if then == "server" else certificates.server)
    made = endpoint(tmp_path, tls=HttpTls(cert_file=cert, key_file=key))
    with capture_logs() as logged, unasked(made) as port:
        if then == "server":
            put(certificates.server)
        else:
            cert.write_text("half a certif")
        made.renew()
        assert verdict(port, trust) == "200"
    refused = [line["event"] for line in logged if line["log_level"] == "error"]
    assert refused == ([] if then == "server" else ["endpoint.certificate_refused"])


def test_what_keeps_it_from_answering_is_noticed_before_somebody_asks(tmp_path: Path) -> None:
    def check() -> None:
        raise Blocked("no key", code="LPF533")

    with closing(ReservedPort()) as reserved:
        options = HttpOptions(listen=Address("127.0.0.1", reserved.number))
        with pytest.raises(Blocked, match="no key"):
            Endpoint(options, lambda: pytest.fail("made"), check).run(Stop(), lambda: None)
        socket.create_server(("127.0.0.1", reserved.number)).close()
