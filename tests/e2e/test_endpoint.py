"""The endpoint of the running daemon, asked as any client would ask it."""

from __future__ import annotations

import http.client
import json
import shutil
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.fakes.certificates import Certificates
from tests.fakes.collectors import CollectorProcess
from tests.fakes.daemon import Daemon
from tests.fakes.served_endpoint import Answer
from tests.fakes.small_setup import collector, configured
from tests.fakes.wished_events import WISHED


@dataclass
class Reader:
    """A client with a token."""

    port: int
    token: str = ""
    tls: ssl.SSLContext | None = None

    def get(self, path: str, **headers: str) -> Answer:
        if self.tls is None:
            client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        else:
            client = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=30, context=self.tls)
        try:
            client.request("GET", path, headers={"Authorization": f"Bearer {self.token}", **headers})
            answer = client.getresponse()
            return Answer(answer.status, answer.headers, answer.read())
        finally:
            client.close()

    def all(self, limit: int = 2) -> tuple[list[dict[str, Any]], str]:
        """Every event until the first empty answer, and the cursor behind them."""
        found: list[dict[str, Any]] = []
        answer = self.get(f"/v1/events?limit={limit}")
        while answer.events:
            found += answer.events
            answer = self.get(f"/v1/events?limit={limit}&after={answer.cursor}")
        return found, answer.cursor


def port_of(daemon: Daemon) -> int:
    """Where it listens, once it does."""
    facts = daemon.wait_until(lambda facts: facts["http"] is not None and facts["http"]["state"] == "running")
    return int(facts["http"]["listen"].rpartition(":")[2])


def token(daemon: Daemon, *options: str) -> str:
    """A new token's text."""
    done = daemon.command("token", "create", *options)
    assert done.returncode == 0, done.stderr
    return done.stdout.decode().strip()


@contextmanager
def serving(folder: Path, receiver: CollectorProcess, **http_options: Any) -> Iterator[Daemon]:
    """A daemon that is started, with a followed file and one collector."""
    with configured(folder, WISHED, [collector(receiver.port)]) as daemon:
        options = {"listen": "127.0.0.1:0"} | http_options
        daemon.configure(daemon.settings | {"http": options})
        with daemon:
            yield daemon


def of_source(events: list[dict[str, Any]]) -> list[str]:
    return [event["id"] for event in events if event["source"] == "archive"]


def test_a_pull_client_gets_what_the_collector_gets_in_the_same_order(
    tmp_path: Path, receiver: CollectorProcess
) -> None:
    with serving(tmp_path, receiver) as daemon:
        daemon.wait_until_confirmed("siem", len(WISHED))
        reader = Reader(port_of(daemon), token(daemon, "splunk"))
        pulled, cursor = reader.all()
        daemon.wait_until(lambda facts: facts["collectors"]["siem"]["checkpoint"] >= facts["journal"]["last"])
        pushed = [json.loads(line.partition(b"] ")[2]) for line in receiver.lines()]
        assert pulled == pushed[: len(pulled)]
        assert of_source(pulled) == [event["id"] for event in WISHED]

        lines = reader.get("/v1/events?source=archive", Accept="application/x-ndjson").body.splitlines()
        assert [json.loads(line)["id"] for line in lines] == of_source(pulled)
        one = reader.get(f"/v1/events/{WISHED[0]['id']}")
        assert json.loads(one.body) == next(event for event in pulled if event["id"] == WISHED[0]["id"])
        assert reader.get("/v1/events/none-of-ours").status == 404
        assert json.loads(reader.get("/v1/status").body)["verdict"] in ("ok", "behind")

        # A cursor counts in the next life of the daemon, too.
        daemon.kill()
        daemon.start()
        again = Reader(port_of(daemon), reader.token).get(f"/v1/events?after={cursor}").events
        assert of_source(again) == []
        assert {event["eventId"] for event in again} <= {"8001", "8013", "8007", "8008"}


def test_only_good_tokens_get_anything_and_every_access_is_told_to_the_collector(
    tmp_path: Path, receiver: CollectorProcess
) -> None:
    with serving(tmp_path, receiver) as daemon:
        daemon.wait_until_confirmed("siem", len(WISHED))
        port = port_of(daemon)
        good = Reader(port, token(daemon, "splunk"))
        other = Reader(port, token(daemon, "auditor", "--source", "archive"))
        assert good.get("/v1/events?limit=3").status == 200
        assert {event["source"] for event in other.all()[0]} == {"archive"}
        assert other.get("/v1/status").status == 403
        assert daemon.command("token", "revoke", "splunk").returncode == 0
        refused = [good.get("/v1/events"), Reader(port, "lpf_wrong").get("/v1/events"), Reader(port).get("/")]
        assert [answer.status for answer in refused] == [401, 401, 200]
        assert refused[0].body == refused[1].body

        def told() -> list[dict[str, Any]]:
            found = [json.loads(line.partition(b"] ")[2]) for line in receiver.lines()]
            return [event for event in found if event["eventId"] == "8013"]

        daemon.wait_until(lambda _: {event.get("token", "") for event in told()} >= {"splunk", "auditor", ""})
        assert good.token not in daemon.output() + repr(receiver.lines())
        assert [event["eventsRead"] for event in told() if event.get("token") == "splunk"] == [3]


def test_a_client_that_waits_is_woken_by_an_event_and_not_by_the_report_of_its_visit(
    tmp_path: Path, receiver: CollectorProcess
) -> None:
    with serving(tmp_path, receiver) as daemon:
        daemon.wait_until_confirmed("siem", len(WISHED))
        reader = Reader(port_of(daemon), token(daemon, "splunk"))
        _, cursor = reader.all(1000)
        daemon.wait_until(lambda facts: facts["journal"]["last"] > len(WISHED) + 1)
        began = time.monotonic()
        answer = reader.get(f"/v1/events?after={cursor}&wait=3")
        assert time.monotonic() - began > 2.5
        assert {event["eventId"] for event in answer.events} <= {"8013"}


def test_a_port_that_is_taken_stops_the_start_if_it_was_asked_for(
    tmp_path: Path, receiver: CollectorProcess
) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as other,
        configured(tmp_path, WISHED, [collector(receiver.port)]) as daemon,
    ):
        port = other.getsockname()[1]
        daemon.configure(daemon.settings | {"http": {"listen": f"127.0.0.1:{port}"}})
        daemon.start()
        assert daemon.wait() == 78
        assert f"error[LPF504] 127.0.0.1:{port} is taken by" in daemon.output()
        assert f"fix    http: {{listen: 127.0.0.1:{port + 1}}}" in daemon.output()
        daemon.configure(daemon.settings | {"http": {"listen": "127.0.0.1:0"}})
        with daemon:
            daemon.wait_until_confirmed("siem", len(WISHED))
            listens = daemon.status()["http"]["listen"]
            daemon.configure(daemon.settings | {"http": {"listen": f"127.0.0.1:{port}"}})
            daemon.hup()
            facts = daemon.wait_until(lambda facts: facts["http"]["error"] is not None)
            assert facts["http"]["error"]["code"] == "LPF504"
            assert facts["verdict"] == "behind"
            daemon.configure(daemon.settings | {"http": {"listen": listens}})
            daemon.hup()
            assert Reader(port_of(daemon)).get("/healthz").status == 200


def test_the_usual_port_is_not_worth_a_service_that_does_not_forward(
    tmp_path: Path, receiver: CollectorProcess
) -> None:
    with socket.socket() as other, configured(tmp_path, WISHED, [collector(receiver.port)]) as daemon:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", 9470))
        other.listen()
        daemon.configure(
            {key: value for key, value in daemon.settings.items() if key != "http"} | {"http": {}}
        )
        with daemon:
            daemon.wait_until_confirmed("siem", len(WISHED))
            facts = daemon.wait_until(lambda facts: facts["http"]["error"] is not None)
            assert facts["verdict"] == "ok"
            assert b"127.0.0.1:9470 is taken by" in daemon.command("status").stdout


def test_it_speaks_tls_and_takes_up_a_renewed_certificate(
    tmp_path: Path, receiver: CollectorProcess, certificates: Certificates
) -> None:
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"

    def put(pair: Any) -> None:
        shutil.copy(pair.cert_file, cert)
        shutil.copy(pair.key_file, key)
        key.chmod(0o600)

    put(certificates.expired)
    tls = {"cert_file": str(cert), "key_file": str(key), "client_ca_file": str(certificates.ca_file)}
    with serving(tmp_path, receiver, tls=tls) as daemon:
        trust = ssl.create_default_context(cafile=certificates.ca_file)
        trust.load_cert_chain(certificates.client.cert_file, certificates.client.key_file)
        reader = Reader(port_of(daemon), tls=trust)

        def verdict() -> str:
            try:
                return str(reader.get("/healthz").status)
            except ssl.SSLError as error:
                return error.reason
            except ConnectionError:
                return "hung up on"  # the change of the certificate ends handshakes under way

        assert verdict() == "CERTIFICATE_VERIFY_FAILED"
        put(certificates.server)
        daemon.wait_until(lambda _: verdict() == "200")
        nobody = Reader(reader.port, tls=ssl.create_default_context(cafile=certificates.ca_file))
        try:
            status = nobody.get("/healthz").status
        except (ssl.SSLError, ConnectionError, http.client.HTTPException):
            status = 0
        assert status == 0


def test_a_reload_takes_up_a_renewed_certificate_at_once_and_keeps_the_port(
    tmp_path: Path, receiver: CollectorProcess, certificates: Certificates
) -> None:
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"

    def put(pair: Any) -> None:
        shutil.copy(pair.cert_file, cert)
        shutil.copy(pair.key_file, key)
        key.chmod(0o600)

    put(certificates.expired)
    with serving(tmp_path, receiver, tls={"cert_file": str(cert), "key_file": str(key)}) as daemon:
        reader = Reader(port_of(daemon), tls=ssl.create_default_context(cafile=certificates.ca_file))
        put(certificates.server)
        daemon.hup()
        verdicts: list[str] = []

        def is_renewed(_: Any) -> bool:
            try:
                verdicts.append(str(reader.get("/healthz").status))
            except ssl.SSLError as error:
                verdicts.append(error.reason)
            except (ConnectionResetError, http.client.RemoteDisconnected):
                verdicts.append("hung up on")
            return verdicts[-1] == "200"

        daemon.wait_until(is_renewed)
        assert port_of(daemon) == reader.port
