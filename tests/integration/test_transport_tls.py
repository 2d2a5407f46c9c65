"""TLS as RFC 5425 wants it: who is trusted, what is told when not, and that nobody else gets an octet."""

from __future__ import annotations

import contextlib
import ssl
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from lpforwarder.delivery.transports.connection import JUDGEMENT
from lpforwarder.delivery.transports.tls import fingerprint
from lpforwarder.delivery.transports.tls_transport import TlsTransport
from lpforwarder.errors import Blocked, Failure, Transient
from tests.fakes.certificates import SERVER_NAME, Certificates, KeyPair, ServerTls
from tests.fakes.collectors import Collector, Manners
from tests.fakes.links import FarEnd, look_until_it_raises, tls_options
from tests.fakes.patience import PATIENCE, Stopwatch, a_moment_later, fails, until
from tests.fakes.tls_listener import Listener, listening

V12, V13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
versions = pytest.mark.parametrize("version", [V12, V13], ids=["1.2", "1.3"])


def transport_to(listener: Listener, tls: dict[str, Any], **options: Any) -> TlsTransport:
    return TlsTransport(tls_options(listener.far_end.address, tls, **options))


def refusal(listener: Listener, tls: dict[str, Any], **options: Any) -> Failure:
    """What is told when such a link is opened; AssertionError when it can be."""
    transport = transport_to(listener, tls, **options)
    with pytest.raises((Blocked, Transient)) as raised:
        transport.open()
    transport.close()
    assert isinstance(raised.value, Failure)
    return raised.value


def deliver(listener: Listener, tls: dict[str, Any], **options: Any) -> None:
    """Opens such a link and sends one message over it."""
    transport = transport_to(listener, tls, **options)
    transport.open()
    transport.send([b"<1>a"])
    transport.close()


def looked_at_twice(tls: ServerTls) -> contextlib.AbstractContextManager[Listener]:
    """A listener for a link that is refused, and for the second look at what its certificate says."""
    return listening(tls, times=2)


def leaf_of(pair: KeyPair) -> x509.Certificate:
    return x509.load_pem_x509_certificates(pair.cert_file.read_bytes())[0]


def der_of(pair: KeyPair) -> bytes:
    return leaf_of(pair).public_bytes(serialization.Encoding.DER)


# ---- collectors that are not who they should be -----------------------------------------------------------


@versions
@pytest.mark.parametrize(
    ("shown", "code", "words"),
    [
        ("wrong_name", "LPF204", 'is not for "127.0.0.1"; the certificate names other.example.net'),
        ("expired", "LPF205", "the collector's certificate expired on {end:%Y-%m-%d}, 1 day ago"),
        ("not_yet_valid", "LPF205", "the collector's certificate is not valid before {begin:%Y-%m-%d}"),
    ],
)
def test_a_certificate_that_does_not_fit_is_named_and_its_owner_gets_nothing(
    shown: str, code: str, words: str, version: ssl.TLSVersion, certificates: Certificates
) -> None:
    pair = getattr(certificates, shown)
    with looked_at_twice(ServerTls(pair=pair, version=version)) as listener:
        failure = refusal(listener, {"ca_file": certificates.ca_file})
    assert isinstance(failure, Blocked)
    assert failure.code == code
    leaf = leaf_of(pair)
    assert words.format(begin=leaf.not_valid_before_utc, end=leaf.not_valid_after_utc) in failure.what
    assert listener.octets == b""


@versions
def test_an_unknown_authority_is_named_and_its_collector_gets_nothing(
    version: ssl.TLSVersion, certificates: Certificates
) -> None:
    with looked_at_twice(ServerTls(pair=certificates.server, version=version)) as listener:
        failure = refusal(listener, {"ca_file": certificates.other_ca_file})
    assert (type(failure), failure.code) == (Blocked, "LPF206")
    assert listener.octets == b""


def test_the_machines_own_authorities_do_not_know_ours(certificates: Certificates) -> None:
    with looked_at_twice(ServerTls(pair=certificates.server)) as listener:
        assert refusal(listener, {}).code == "LPF206"
    assert listener.octets == b""


def ancient(pair: KeyPair) -> ssl.SSLContext:
    context = ServerTls(pair=pair).context()
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    return context


def test_a_collector_that_speaks_only_tls_1_1_is_named(certificates: Certificates) -> None:
    with listening(ancient(certificates.server)) as listener:
        failure = refusal(listener, {"ca_file": certificates.ca_file})
    assert (type(failure), failure.code) == (Blocked, "LPF216")
    assert listener.octets == b""


def test_a_collector_that_is_older_than_min_version_is_named(certificates: Certificates) -> None:
    with listening(ServerTls(pair=certificates.server, version=V12)) as listener:
        failure = refusal(listener, {"ca_file": certificates.ca_file, "min_version": "1.3"})
    assert (type(failure), failure.code) == (Blocked, "LPF216")
    assert listener.octets == b""


def test_a_collector_that_takes_the_handshake_for_messages_and_stays_silent_is_named(
    certificates: Certificates,
) -> None:
    received: list[bytes] = []
    tls = {"ca_file": certificates.ca_file}
    with Collector(received.extend) as collector, Stopwatch() as watch, fails("LPF209"):
        TlsTransport(tls_options(collector.address, tls, connect_timeout="200ms")).open()
    assert watch.wall < PATIENCE / 2
    assert received == []


def test_a_plain_collector_that_speaks_first_is_named(certificates: Certificates) -> None:
    tls = {"ca_file": certificates.ca_file}
    with Collector(list, manners=Manners(garbage=1000)) as collector, fails("LPF209", Blocked):
        TlsTransport(tls_options(collector.address, tls)).open()


def test_a_collector_that_hangs_up_is_named(certificates: Certificates) -> None:
    tls = {"ca_file": certificates.ca_file}
    with Collector(list, manners=Manners(hangs_up=True)) as collector:
        for _ in range(10):  # whether the end or a reset comes first must not matter
            with fails("LPF209"):
                TlsTransport(tls_options(collector.address, tls)).open()


def test_abort_ends_a_handshake_that_hangs(certificates: Certificates) -> None:
    with FarEnd() as far_end:
        transport = TlsTransport(tls_options(far_end.address, {"ca_file": certificates.ca_file}))
        with a_moment_later(transport.abort), Stopwatch() as watch, fails("LPF290"):
            transport.open()
    assert watch.wall < PATIENCE / 2


def test_a_collector_that_turns_into_another_one_gets_nothing_at_the_next_fence(
    certificates: Certificates,
) -> None:
    good = ServerTls(pair=certificates.server).context()
    with listening(good, times=2) as listener:
        transport = transport_to(listener, {"ca_file": certificates.ca_file})
        transport.open()
        transport.send([b"<1>a"])
        until(lambda: listener.octets == b"4 <1>a")
        listener.context = ServerTls(pair=certificates.expired).context()
        with fails("LPF205", Blocked):
            transport.fence(0.0)
        with pytest.raises(Blocked):
            transport.send([b"<2>b"])
        assert look_until_it_raises(transport) == 0
        transport.close()
    assert listener.octets == b"4 <1>a"


# ---- collectors that are ----------------------------------------------------------------------------------


@versions
def test_a_verified_collector_gets_everything(version: ssl.TLSVersion, certificates: Certificates) -> None:
    with listening(ServerTls(pair=certificates.server, version=version)) as listener:
        deliver(listener, {"ca_file": certificates.ca_file})
    assert (listener.octets, listener.ends) == (b"4 <1>a", [])


def test_an_address_may_have_a_certificate_for_a_name_that_is_configured(certificates: Certificates) -> None:
    with listening(ServerTls(pair=certificates.server)) as listener:
        deliver(listener, {"ca_file": certificates.ca_file, "server_name": SERVER_NAME})
    assert listener.octets == b"4 <1>a"


def test_a_configured_name_counts_instead_of_the_address(certificates: Certificates) -> None:
    with looked_at_twice(ServerTls(pair=certificates.server)) as listener:
        tls = {"ca_file": certificates.ca_file, "server_name": "another.example.net"}
        assert refusal(listener, tls).code == "LPF204"
    assert listener.octets == b""


def test_ipv6_is_verified_by_its_address(certificates: Certificates) -> None:
    with listening(ServerTls(pair=certificates.server), host="::1") as listener:
        deliver(listener, {"ca_file": certificates.ca_file})
    assert listener.octets == b"4 <1>a"


@pytest.mark.parametrize("digest", ["sha-256", "sha-1"])
def test_a_pinned_certificate_is_enough_even_if_it_has_expired(
    digest: str, certificates: Certificates
) -> None:
    with listening(ServerTls(pair=certificates.expired)) as listener:
        deliver(listener, {"fingerprints": [fingerprint(der_of(certificates.expired), digest)]})
    assert listener.octets == b"4 <1>a"


@versions
@pytest.mark.parametrize("has_ca", [True, False])
def test_a_certificate_that_is_not_the_pinned_one_gets_nothing(
    has_ca: bool, version: ssl.TLSVersion, certificates: Certificates
) -> None:
    tls: dict[str, Any] = {"fingerprints": [fingerprint(b"another")]}
    if has_ca:
        tls["ca_file"] = certificates.ca_file
    with listening(ServerTls(pair=certificates.server, version=version)) as listener:
        failure = refusal(listener, tls)
    assert (type(failure), failure.code) == (Blocked, "LPF215")
    assert fingerprint(der_of(certificates.server)) in failure.what
    assert listener.octets == b""


def test_a_pinned_certificate_of_an_authority_that_is_named_is_still_verified(
    certificates: Certificates,
) -> None:
    tls = {"fingerprints": [fingerprint(der_of(certificates.expired))], "ca_file": certificates.ca_file}
    with looked_at_twice(ServerTls(pair=certificates.expired)) as listener:
        assert refusal(listener, tls).code == "LPF205"
    assert listener.octets == b""


def test_verification_can_be_switched_off_with_two_words(certificates: Certificates) -> None:
    with listening(ServerTls(pair=certificates.wrong_name)) as listener:
        deliver(listener, {"verify": False, "allow_insecure": True})
    assert listener.octets == b"4 <1>a"


# ---- our certificate --------------------------------------------------------------------------------------


@versions
def test_a_client_certificate_that_is_trusted_costs_no_waiting(
    version: ssl.TLSVersion, certificates: Certificates
) -> None:
    ours = certificates.client
    tls = {"ca_file": certificates.ca_file, "cert_file": ours.cert_file, "key_file": ours.key_file}
    wanted = ServerTls(pair=certificates.server, client_ca=certificates.ca_file, version=version)
    walls: list[float] = []
    # A busy machine may be slow now and then; waiting would be slow each time.
    while min(walls, default=JUDGEMENT) >= JUDGEMENT:
        assert len(walls) < 20, walls
        with listening(wanted) as listener, Stopwatch() as watch:
            deliver(listener, tls)
        walls.append(watch.wall)
        assert listener.octets == b"4 <1>a"


def without(_: Certificates) -> dict[str, Path]:
    return {}


def of_a_stranger(certificates: Certificates) -> dict[str, Path]:
    pair = certificates.stranger
    return {"cert_file": pair.cert_file, "key_file": pair.key_file}


@versions
@pytest.mark.parametrize("ours", [without, of_a_stranger])
def test_a_client_certificate_that_is_missing_or_unknown_is_named_before_anything_is_sent(
    ours: Callable[[Certificates], dict[str, Path]], version: ssl.TLSVersion, certificates: Certificates
) -> None:
    wanted = ServerTls(pair=certificates.server, client_ca=certificates.ca_file, version=version)
    with listening(wanted) as listener, Stopwatch() as watch:
        failure = refusal(listener, {"ca_file": certificates.ca_file, **ours(certificates)})
    assert (type(failure), failure.code) == (Blocked, "LPF208")
    assert listener.octets == b""
    assert watch.wall < PATIENCE / 2


def test_a_renewed_file_counts_at_the_next_link(certificates: Certificates, tmp_path: Path) -> None:
    ca_file = tmp_path / "ca.pem"
    ca_file.write_bytes(certificates.other_ca_file.read_bytes())
    # The second connection is the second look: who issued the certificate is told to people.
    with listening(ServerTls(pair=certificates.server), times=3) as listener:
        transport = transport_to(listener, {"ca_file": ca_file})
        with fails("LPF206", Blocked):
            transport.open()
        ca_file.write_bytes(certificates.ca_file.read_bytes())
        transport.open()
        transport.send([b"<1>a"])
        transport.close()
    assert listener.octets == b"4 <1>a"


def test_failed_handshakes_leave_nothing_open(certificates: Certificates) -> None:
    wanted = ServerTls(pair=certificates.server, client_ca=certificates.ca_file)
    with listening(wanted, times=20) as listener:
        for _ in range(20):
            refusal(listener, {"ca_file": certificates.ca_file})
    assert len(listener.ends) == 20
