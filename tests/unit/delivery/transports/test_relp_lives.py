"""The life of RELP sessions: renewed, ended, changed for a better one, and over TLS."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import pytest

from lpforwarder.delivery.transports.relp import RelpTlsTransport, RelpTransport
from lpforwarder.delivery.transports.tcp import LINGER
from lpforwarder.errors import Blocked
from lpforwarder.simulator.collector import PretendCollector
from lpforwarder.simulator.relp import RelpManners
from tests.fakes.certificates import Certificates, ServerTls
from tests.fakes.links import FarEnd, read_to_end
from tests.fakes.patience import (
    PATIENCE,
    LaterClock,
    Stopwatch,
    beside,
    fails,
    open_descriptors,
    until,
)
from tests.fakes.ports import ReservedPort
from tests.fakes.relp_links import (
    OK,
    RelpEnd,
    broken_by,
    goodbye,
    in_session,
    numbered,
    open_to,
    pretending,
    relp_options,
    relp_tls_options,
    relp_to,
    transport_to,
)

# ---- long sessions and the end ----------------------------------------------------------------------------


def test_a_session_is_renewed_long_before_its_numbers_run_out(far_end: FarEnd) -> None:
    sessions: list[list[bytes]] = []

    def collect() -> None:
        while sum(len(session) for session in sessions) < 50:
            end = RelpEnd(far_end.accept())
            end.agree()
            sessions.append([])
            while (command := end.take()[0]).name == "syslog":
                sessions[-1].append(command.data)
                end.say(command.number)
            end.say(command.number, b"")
            end.far.close()

    with relp_to(far_end, window=5, longest_session=20) as transport, beside(collect):
        transport.open()
        for first in range(1, 51, 10):
            transport.send(numbered(10, first))
        transport.fence(PATIENCE)
        assert transport.confirmed(0.0) == 50
        transport.close()
    assert [message for session in sessions for message in session] == numbered(50)
    # How many go together depends on when answers come: a session ends after 15 messages at the earliest.
    assert all(15 <= len(session) < 20 for session in sessions[:-1])
    assert len(sessions[-1]) < 20


def test_a_session_that_cannot_be_renewed_has_confirmed_what_it_took(far_end: FarEnd) -> None:
    with in_session(far_end, window=5, longest_session=6) as (transport, end):
        transport.send(numbered(1))
        end.answer(OK)
        far_end.refuse()
        with beside(lambda: goodbye(end)), fails("LPF202"):
            transport.send(numbered(5, 2))
        assert transport._confirmed == 1


def test_a_session_is_closed_politely(far_end: FarEnd) -> None:
    with relp_to(far_end) as transport:
        end = open_to(far_end, transport)
        transport.send(numbered(1))
        end.answer(OK)
        transport.confirmed(PATIENCE)
        with beside(lambda: goodbye(end)), Stopwatch() as watch:
            transport.close()
    assert watch.wall < LINGER


def test_a_collector_that_ignores_our_goodbye_does_not_hold_us(far_end: FarEnd) -> None:
    with relp_to(far_end) as transport:
        open_to(far_end, transport)
        with Stopwatch() as watch:
            transport.close()
    assert watch.wall < PATIENCE / 2


def test_an_aborted_session_still_says_goodbye_but_waits_for_nothing(far_end: FarEnd) -> None:
    with relp_to(far_end) as transport:
        end = open_to(far_end, transport)
        transport.abort()
        with Stopwatch() as watch:
            transport.close()
        assert watch.wall < LINGER
        assert read_to_end(end.far) == b"2 close 0\n"


def test_links_leave_no_descriptor_open() -> None:
    with pretending(closes_after=1) as (collector, _):

        def connect_and_break() -> int:
            with transport_to(collector) as transport:
                transport.send(numbered(1))
                broken_by(transport)
            return open_descriptors()

        before = connect_and_break()
        for _ in range(10):
            connect_and_break()
        until(lambda: open_descriptors() <= before)


# ---- changing to a better connection ----------------------------------------------------------------------


def test_a_preferred_host_that_heals_is_gone_back_to_without_a_repeat() -> None:
    clock = LaterClock()
    with pretending() as (second, received), contextlib.ExitStack() as stack:
        hosts = ["127.0.0.2", "127.0.0.1"]
        transport = RelpTransport(relp_options(second.address, host=hosts), clock=clock)
        stack.callback(transport.close)
        stack.callback(transport.abort)
        transport.open()
        transport.send(numbered(3))
        transport.fence(PATIENCE)
        assert transport.peer.startswith("127.0.0.1:")
        assert [alarm.code for alarm in transport.alarms] != []

        first: list[bytes] = []
        address = ("127.0.0.2", second.address[1])
        stack.enter_context(PretendCollector(address, on_message=first.append, relp=RelpManners()))
        clock.later += 60.0

        def is_back() -> bool:
            transport.confirmed(0.0)
            return transport.peer.startswith("127.0.0.2:")

        until(is_back)
        transport.send(numbered(2, 4))
        transport.fence(PATIENCE)
        assert transport.confirmed(0.0) == 5
        assert (received, first) == (numbered(3), numbered(2, 4))


# ---- TLS --------------------------------------------------------------------------------------------------


def test_relp_over_tls_is_relp_from_the_first_octet_on(certificates: Certificates) -> None:
    received: list[bytes] = []
    tls = ServerTls(pair=certificates.server, client_ca=certificates.ca_file).context()
    with PretendCollector(("127.0.0.1", 0), tls, on_message=received.append, relp=RelpManners()) as collector:
        ours = certificates.client
        transport = RelpTlsTransport(
            relp_tls_options(
                collector.address,
                ca_file=certificates.ca_file,
                cert_file=ours.cert_file,
                key_file=ours.key_file,
            )
        )
        transport.open()
        transport.send(numbered(1000))
        transport.fence(PATIENCE)
        assert transport.confirmed(0.0) == 1000
        transport.close()
    assert received == numbered(1000)


def test_a_renewed_client_certificate_begins_a_session_of_its_own(
    certificates: Certificates, tmp_path: Path
) -> None:
    clock, received = LaterClock(), list[bytes]()
    tls = ServerTls(pair=certificates.server, client_ca=certificates.ca_file).context()
    ours = tmp_path / "client.pem"
    ours.write_bytes(certificates.client.cert_file.read_bytes() + certificates.client.key_file.read_bytes())
    ours.chmod(0o600)
    with PretendCollector(("127.0.0.1", 0), tls, on_message=received.append, relp=RelpManners()) as collector:
        options = relp_tls_options(collector.address, ca_file=certificates.ca_file, cert_file=ours)
        transport = RelpTlsTransport(options, clock=clock)
        transport.open()
        transport.send(numbered(2))
        transport.fence(PATIENCE)
        new = certificates.server  # the same authority; who we are does not matter here
        ours.write_bytes(new.cert_file.read_bytes() + new.key_file.read_bytes())

        def is_renewed() -> bool:
            clock.later += 6.0
            transport.confirmed(0.0)
            return collector.counts.connections == 2

        until(is_renewed)
        transport.send(numbered(2, 3))
        transport.fence(PATIENCE)
        assert transport.confirmed(0.0) == 4
        transport.close()
        assert collector.counts.connections == 2
    assert received == numbered(4)


@pytest.mark.parametrize(
    ("shown", "tls", "code"),
    [
        ("wrong_name", {}, "LPF204"),
        ("expired", {}, "LPF205"),
        ("server", {"ca_file": "system"}, "LPF206"),
        ("server", {"fingerprints": ["sha-256:" + "ab" * 32]}, "LPF215"),
    ],
)
def test_nothing_is_said_to_a_peer_that_is_not_verified(
    shown: str, tls: dict[str, Any], code: str, certificates: Certificates
) -> None:
    received: list[bytes] = []
    context = ServerTls(pair=getattr(certificates, shown)).context()
    with PretendCollector(
        ("127.0.0.1", 0), context, on_message=received.append, relp=RelpManners(), on_problem=lambda _: None
    ) as collector:
        transport = RelpTlsTransport(
            relp_tls_options(collector.address, **{"ca_file": certificates.ca_file, **tls})
        )
        with fails(code, Blocked):
            transport.open()
        transport.close()
        assert collector.counts.octets == 0


def test_nobody_listening_is_the_usual_failure() -> None:
    with contextlib.closing(ReservedPort()) as port:
        transport = RelpTransport(relp_options(("127.0.0.1", port.number)))
        with fails("LPF202"):
            transport.open()
