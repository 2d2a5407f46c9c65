"""Collectors that take every connection and confirm nothing: noticed, told once, tried ever more rarely."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lpforwarder.app import App
from lpforwarder.cli.status import page
from lpforwarder.delivery.encoder import Encoder
from lpforwarder.delivery.pump import Limits, Pump
from lpforwarder.delivery.transports.tcp import TcpTransport
from lpforwarder.delivery.transports.tls_transport import TlsTransport
from lpforwarder.event import Event
from lpforwarder.journal.sqlite import open_journal
from lpforwarder.reporting.judging import Thresholds
from lpforwarder.runtime.supervisor import Supervisor
from lpforwarder.settings import decode
from lpforwarder.simulator.collector import PretendCollector
from lpforwarder.simulator.relp import RelpManners
from tests.fakes.certificates import Certificates, ServerTls
from tests.fakes.collectors import Collector, Manners
from tests.fakes.encodings import BareEnvelope, IdFormat
from tests.fakes.journal import MemoryJournal
from tests.fakes.links import tcp_options, tls_options
from tests.fakes.patience import LaterClock, until
from tests.fakes.ports import ReservedPort
from tests.fakes.received import own_events

SETTINGS = """
sources: [{{name: archive, type: file, path: events.jsonl, poll_interval: 50ms, follow: true}}]
collectors:
  - {{name: good, host: 127.0.0.1, port: {good}, transport: tcp, heartbeat: 0s, fence: {{time: 100ms}}}}
  - name: deaf
    host: 127.0.0.1
    port: {deaf}
    transport: relp
    heartbeat: 0s
    stall_timeout: 200ms
    retry: {{first: 50ms, most: 30s}}
journal: {{path: journal.db}}
control_socket: c.sock
http: {{listen: none}}
drain: 1s
"""


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    """One that tells trouble after half a second, and is not started."""
    with open_journal(
        tmp_path / "journal.db", keep=3600, max_size=2**30, when_full="pause-polling", reserve_size=2**16
    ) as journal:
        made = App(journal, Supervisor())
        made.report_itself(Thresholds(failing=0.5))
        yield made
        made.drain(1.0)
        made.supervisor.stop(None, 2.0)


def told(received: list[bytes]) -> list[dict[str, Any]]:
    """The own events about collectors."""
    return [event for event in own_events(received) if event["eventId"] in ("8007", "8008")]


def deaf(app: App) -> dict[str, Any]:
    facts: dict[str, Any] = app.snapshot()["collectors"]["deaf"]
    return facts


def test_a_relp_collector_that_acknowledges_nothing_is_stalled_until_it_does(
    app: App, tmp_path: Path
) -> None:
    (tmp_path / "events.jsonl").write_text('{"id":"one"}\n')
    received: list[bytes] = []
    with contextlib.ExitStack() as stack:
        port = stack.enter_context(contextlib.closing(ReservedPort()))
        good = stack.enter_context(PretendCollector(("127.0.0.1", 0), on_message=received.append))
        silent = PretendCollector(("127.0.0.1", port.number), relp=RelpManners(answers=0))
        with silent:
            text = SETTINGS.format(good=good.address[1], deaf=port.number)
            app.apply(decode(text, tmp_path / "lpforwarder.yaml"))
            until(lambda: bool(told(received)))
            (down,) = told(received)
            assert (down["eventId"], down["collector"], down["state"]) == ("8007", "deaf", "stalled")
            assert (down["code"], "has acknowledged nothing" in down["reason"]) == ("LPF211", True)
            # Connected again, and still in trouble: pauses grow.
            connections = silent.counts.connections
            until(
                lambda: silent.counts.connections > connections and deaf(app)["connected_since"] is not None
            )
            shown = deaf(app)
            assert (shown["error"]["code"], shown["stalled_since"] is not None) == ("LPF211", True)
            assert "deaf is connected and has confirmed nothing for" in page(app.snapshot())
            assert shown["failures"]["LPF211"] >= 2
            until(lambda: deaf(app)["failures"]["LPF211"] >= 5)
            assert app.supervisor.states()["collector:deaf"].failures >= 5
        with PretendCollector(("127.0.0.1", port.number), relp=RelpManners()):
            app.supervisor.wake("collector:deaf")
            until(lambda: len(told(received)) > 1)
            assert [event["eventId"] for event in told(received)] == ["8007", "8008"]
            assert (deaf(app)["error"], deaf(app)["stalled_since"]) == (None, None)


@pytest.mark.parametrize("has_tls", [False, True], ids=["tcp", "tls"])
def test_a_collector_that_answers_no_fence_is_stalled_until_its_kernel_is_believed(
    has_tls: bool, certificates: Certificates
) -> None:
    clock, journal = LaterClock(), MemoryJournal()
    tls = ServerTls(pair=certificates.server) if has_tls else None
    with Collector(list, manners=Manners(closes=False), tls=tls) as collector:
        ca_file = {"ca_file": certificates.ca_file}
        transport = (
            TlsTransport(tls_options(collector.address, ca_file), clock=clock)
            if has_tls
            else TcpTransport(tcp_options(collector.address), clock=clock)
        )
        encoder = Encoder(lambda _: True, IdFormat(), BareEnvelope(), 1000)
        pump = Pump("siem", journal, encoder, transport, Limits(), clock=clock)
        journal.append("acme", [Event.of({"id": "one"})], [], "cursor")
        stalled = []
        while transport.confirm == "close":
            pump.step()
            clock.later += 2.0
            stalled.append(pump.is_stalled)
            assert len(stalled) < 100
        assert stalled.index(True) in range(20, 25)

        def is_confirmed() -> bool:
            pump.step()
            return journal.checkpoint("siem") == 1

        until(is_confirmed)
        assert not pump.is_stalled
        pump._end()
