"""Second looks at what refused us."""

from __future__ import annotations

import contextlib
import socket
from pathlib import Path

from lpforwarder.delivery.transports import diagnosis
from lpforwarder.delivery.transports.connection import Wake
from lpforwarder.delivery.transports.diagnosis import (
    certificate_at,
    explained,
    in_one_sentence,
    like,
    name_servers,
    open_ports,
    own_address,
    speaks_tls,
)
from lpforwarder.delivery.transports.dialing import Address
from lpforwarder.delivery.transports.options import TlsSettings
from lpforwarder.errors import Blocked, Transient
from tests.fakes.certificates import Certificates, ServerTls
from tests.fakes.collectors import Collector
from tests.fakes.links import FarEnd
from tests.fakes.patience import PATIENCE, Stopwatch
from tests.fakes.tls_listener import listening

PEER = "192.0.2.1:6514"


def at(address: tuple[str, int]) -> Address:
    return Address(socket.AF_INET, address)


def test_a_failure_in_one_sentence_says_who_and_what_was_found() -> None:
    error = Blocked("the certificate is not for it", code="LPF204", fix="mend it")
    error.found = "it names others"
    told = in_one_sentence(error, PEER)
    assert (type(told), told.code, told.fix) == (Blocked, "LPF204", "mend it")
    assert told.what == f"{PEER}: the certificate is not for it; it names others"
    assert in_one_sentence(Transient(f"{PEER} is down"), PEER).what == f"{PEER} is down"


def test_other_words_keep_what_is_not_replaced() -> None:
    error = Transient("what", code="LPF202", fix="fix")
    told = like(error, found="found")
    assert (type(told), told.what, told.code, told.fix, told.found) == (
        Transient,
        "what",
        "LPF202",
        "fix",
        "found",
    )


def test_what_has_nothing_to_do_with_certificates_is_left_alone() -> None:
    error = Transient("down", code="LPF202")
    assert explained(error, TlsSettings(), "siem", lambda: b"") is error


def test_a_second_look_that_fails_leaves_the_first_words() -> None:
    error = Blocked("another name", code="LPF204")

    def look() -> bytes:
        raise Transient("down", code="LPF202")

    assert explained(error, TlsSettings(), "siem", look) is error
    assert explained(error, TlsSettings(), "siem", lambda: b"nonsense") is error


def test_a_client_certificate_that_is_missing_is_told_apart_from_one_that_is_refused() -> None:
    error = Blocked("refused", code="LPF208")
    missing = explained(error, TlsSettings(), "siem", lambda: b"")
    assert missing.what == "the collector wants a client certificate; none is configured"
    ours = TlsSettings.model_construct(cert_file=Path("/etc/client.pem"))
    refused = explained(error, ours, "siem", lambda: b"")
    assert refused.what == "the collector refuses our client certificate, client.pem"
    assert refused.found == "refused"


def test_the_certificate_of_a_collector_that_was_refused_is_seen_and_nothing_is_sent(
    certificates: Certificates,
) -> None:
    with listening(ServerTls(pair=certificates.expired)) as listener:
        shown = certificate_at(at(listener.far_end.address), TlsSettings(), "siem", Wake())
    assert shown
    assert listener.octets == b""


def test_who_speaks_tls_is_told_from_who_does_not(certificates: Certificates) -> None:
    with Collector(list, tls=ServerTls(pair=certificates.expired)) as collector:
        assert speaks_tls(at(collector.address), Wake())
    with FarEnd() as far_end:
        far_end.refuse()
        assert not speaks_tls(at(far_end.address), Wake())


def test_a_silent_port_is_not_waited_for_long() -> None:
    with FarEnd() as far_end, Stopwatch() as watch:
        assert not speaks_tls(at(far_end.address), Wake())
    assert watch.wall < diagnosis.GREETING + PATIENCE / 2


def test_open_ports_are_those_of_collectors_and_not_the_one_that_was_asked() -> None:
    found: list[int] = []
    with contextlib.ExitStack() as stack:
        for port in (1514, 5514):  # no rights are needed for these
            with contextlib.suppress(OSError):
                stack.enter_context(socket.create_server(("127.0.0.77", port)))
                found.append(port)
        assert open_ports(at(("127.0.0.77", 601)), Wake()) == found
        assert open_ports(at(("127.0.0.77", found[0])), Wake()) == found[1:]


def test_our_own_address_is_the_one_on_the_way() -> None:
    assert own_address(at(("127.0.0.1", 6514))) == "127.0.0.1"
    assert own_address(Address(socket.AF_INET6, ("::1", 6514, 0, 0))) == "::1"
    assert own_address(Address(socket.AF_INET, ("255.255.255.255", 1))) == ""


def test_name_servers_are_read_in_order() -> None:
    text = "# comment\nsearch example.net\nnameserver 10.0.0.2\nnameserver\nnameserver ::1\n"
    assert name_servers(text) == ["10.0.0.2", "::1"]
