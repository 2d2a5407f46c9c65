"""TLS files that change under a link that works, certificates that end, and authorities of another age."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path
from socket import AF_INET6

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from lpforwarder import rfc3339
from lpforwarder.delivery.transports.credentials import LOOK_EVERY
from lpforwarder.delivery.transports.dialing import Address
from lpforwarder.delivery.transports.tls import fingerprint
from lpforwarder.delivery.transports.tls_transport import TlsTransport
from lpforwarder.errors import Blocked
from tests.fakes.authority import Authority, old_corporate, replace
from tests.fakes.certificates import SERVER_NAME, Certificates, KeyPair, ServerTls
from tests.fakes.links import FarEnd, tls_options
from tests.fakes.patience import PATIENCE, LaterClock, fails, until
from tests.fakes.ports import ReservedPort
from tests.fakes.tls_listener import listening


class Doorkeeper:
    """A collector that wants a client certificate, and notes which one each connection has shown."""

    def __init__(self, tls: ServerTls) -> None:
        self.far_end = FarEnd()
        self.context = tls.context()
        self.shown: list[int] = []
        self.octets = b""
        self.ends: list[str] = []
        self.is_serial = False

    def __enter__(self) -> Doorkeeper:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.far_end.__exit__(None, None, None)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                plain = self.far_end.accept()
                threading.Thread(target=self._serve, args=(plain,), daemon=True).start()

    def _serve(self, plain: object) -> None:
        try:
            with self.context.wrap_socket(plain, server_side=True) as far:  # type: ignore[arg-type]
                der = far.getpeercert(binary_form=True)
                assert der is not None
                self.shown.append(x509.load_der_x509_certificate(der).serial_number)
                while chunk := far.recv(2**16):
                    self.octets += chunk
        except OSError as error:
            self.ends.append(str(error))


def serial(pair: KeyPair) -> int:
    (leaf, *_) = x509.load_pem_x509_certificates(pair.cert_file.read_bytes())
    return leaf.serial_number


class House:
    """An authority, a doorkeeper behind a certificate of it, and a link with a client certificate."""

    def __init__(self, doorkeeper: Doorkeeper, ours: Authority, **options: object) -> None:
        self.ours = ours
        self.doorkeeper = doorkeeper
        self.pair = ours.client()
        self.clock = LaterClock()
        tls = {
            "ca_file": ours.ca_file,
            "cert_file": self.pair.cert_file,
            "key_file": self.pair.key_file,
        }
        self.transport = TlsTransport(
            tls_options(doorkeeper.far_end.address, tls, **options), clock=self.clock
        )

    def look(self) -> None:
        """Lets the link look at its files, and once more when they have come to rest."""
        for _ in range(2):
            self.clock.later += LOOK_EVERY
            self.transport.confirmed(0.0)


@contextlib.contextmanager
def housed(folder: Path, **options: object) -> Iterator[House]:
    authority = Authority(folder)
    tls = ServerTls(pair=authority.server(), client_ca=authority.ca_file)
    with Doorkeeper(tls) as doorkeeper:
        house = House(doorkeeper, authority, **options)
        yield house
        house.transport.abort()
        house.transport.close()


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with housed(tmp_path) as house:
        yield house


# ---- files that change ------------------------------------------------------------------------------------


def test_an_idle_link_takes_up_a_renewed_client_certificate_politely(house: House) -> None:
    old = serial(house.pair)
    house.transport.open()
    house.transport.send([b"<1>a"])
    house.transport.fence(PATIENCE)
    renewed = serial(house.ours.client())
    house.look()
    until(lambda: house.doorkeeper.shown[-1] == renewed)
    house.transport.send([b"<2>b"])
    house.transport.fence(PATIENCE)
    assert house.transport.confirmed(0.0) == 2
    assert house.doorkeeper.octets == b"4 <1>a4 <2>b"
    assert set(house.doorkeeper.shown) == {old, renewed}
    assert house.doorkeeper.ends == []


@pytest.mark.parametrize("confirm", ["close", "kernel"])
def test_a_renewed_certificate_is_taken_up_once_and_nothing_happens_after_that(
    confirm: str, tmp_path: Path
) -> None:
    with housed(tmp_path, confirm=confirm) as house:
        house.transport.open()
        for _ in range(3):
            house.look()
        until(lambda: len(house.doorkeeper.shown) == 1)
        house.ours.client()
        for _ in range(3):
            house.look()
        until(lambda: len(house.doorkeeper.shown) == 2)
        house.transport.send([b"<1>a"])
        until(lambda: house.doorkeeper.octets == b"4 <1>a")


def test_the_next_fence_takes_up_a_renewed_certificate(house: House) -> None:
    house.transport.open()
    renewed = serial(house.ours.client())
    for message in (b"<1>a", b"<2>b", b"<3>c"):
        house.clock.later += LOOK_EVERY
        house.transport.send([message])
        house.transport.fence(PATIENCE)
    assert house.transport.confirmed(0.0) == 3
    assert house.doorkeeper.shown[-1] == renewed


def test_a_link_that_is_never_idle_takes_up_a_renewed_certificate_at_a_fence(house: House) -> None:
    house.transport.open()
    renewed = serial(house.ours.client())
    for _ in range(2):
        house.clock.later += LOOK_EVERY
        house.transport._rotate()
    until(lambda: house.doorkeeper.shown[-1:] == [renewed])


def test_a_half_written_file_ends_no_link_and_is_told_until_it_is_whole(house: House) -> None:
    house.transport.open()
    whole = house.pair.cert_file.read_bytes()
    replace(house.pair.cert_file, whole[: len(whole) // 3])
    house.look()
    house.look()
    (alarm,) = house.transport.alarms
    assert alarm.code == "LPF119"
    house.transport.send([b"<1>a"])
    house.transport.fence(PATIENCE)
    assert house.transport.confirmed(0.0) == 1
    replace(house.pair.cert_file, whole)
    house.look()
    assert list(house.transport.alarms) == []


def test_a_certificate_whose_key_has_not_been_replaced_yet_waits_for_it(house: House) -> None:
    house.transport.open()
    key = house.pair.key_file.read_bytes()
    renewed = house.ours.client()
    new_key = renewed.key_file.read_bytes()
    replace(house.pair.key_file, key)
    house.look()
    assert [alarm.code for alarm in house.transport.alarms] == ["LPF119"]
    replace(house.pair.key_file, new_key)
    house.look()
    until(lambda: house.doorkeeper.shown[-1] == serial(renewed))


def test_an_authority_that_is_trusted_no_more_ends_the_idle_link_before_the_next_event(
    house: House, certificates: Certificates
) -> None:
    house.transport.open()
    replace(house.ours.ca_file, certificates.ca_file.read_bytes())
    with fails("LPF206", Blocked):
        for _ in range(5):
            house.look()
    with pytest.raises(Blocked):
        house.transport.send([b"<1>a"])
    assert house.doorkeeper.octets == b""


def test_a_collector_that_shows_a_renewed_certificate_is_none_of_the_pinned_ones(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    old = ServerTls(pair=authority.server("old"))
    (leaf, *_) = x509.load_pem_x509_certificates(old.pair.cert_file.read_bytes())
    pinned = fingerprint(leaf.public_bytes(serialization.Encoding.DER))
    with listening(old, times=2) as listener:
        transport = TlsTransport(tls_options(listener.far_end.address, {"fingerprints": [pinned]}))
        transport.open()
        transport.send([b"<1>a"])
        until(lambda: listener.octets == b"4 <1>a")
        listener.context = ServerTls(pair=authority.server("new")).context()
        with fails("LPF215", Blocked):
            transport.fence(0.0)
        with pytest.raises(Blocked):
            transport.send([b"<2>b"])
        transport.close()
    assert listener.octets == b"4 <1>a"


# ---- certificates that end --------------------------------------------------------------------------------


def days(transport: TlsTransport) -> dict[str, int]:
    return {each.kind: each.days_left(rfc3339.now()) for each in transport.certificates}


def test_all_certificates_of_a_link_are_known_with_their_ends(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    tls = ServerTls(pair=authority.server(days=20.5), client_ca=authority.ca_file)
    with Doorkeeper(tls) as doorkeeper:
        house = House(doorkeeper, authority)
        ours = authority.client(days=10.5)
        assert ours == house.pair
        house.transport.open()
        known = days(house.transport)
        assert (known["collector"], known["client"]) == (20, 10)
        assert known["ca"] > 365
        names = {each.kind: each.subject for each in house.transport.certificates}
        assert names["collector"].startswith(SERVER_NAME)
        house.transport.close()


def test_our_own_certificates_are_known_while_the_collector_is_down(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    ours = authority.client(days=2.5)
    tls = {"ca_file": authority.ca_file, "cert_file": ours.cert_file, "key_file": ours.key_file}
    with contextlib.closing(ReservedPort()) as port:
        transport = TlsTransport(tls_options(("127.0.0.1", port.number), tls))
        with fails("LPF202"):
            transport.open()
    assert {kind: left for kind, left in days(transport).items() if kind != "ca"} == {"client": 2}


def test_a_link_without_files_knows_what_the_collector_shows(certificates: Certificates) -> None:
    with listening(ServerTls(pair=certificates.server)) as listener:
        tls = {"verify": False, "allow_insecure": True}
        transport = TlsTransport(tls_options(listener.far_end.address, tls))
        assert list(transport.certificates) == []
        transport.open()
        assert [each.kind for each in transport.certificates] == ["collector"]
        transport.close()


# ---- authorities of another age ---------------------------------------------------------------------------


def test_an_old_corporate_authority_is_taken_and_with_strict_ca_refused_with_the_rule_it_breaks(
    tmp_path: Path,
) -> None:
    ca_file, pair = old_corporate(tmp_path)
    tls = {"ca_file": ca_file, "server_name": SERVER_NAME}
    for strict in ("auto", False):
        with listening(ServerTls(pair=pair)) as listener:
            transport = TlsTransport(tls_options(listener.far_end.address, {**tls, "strict_ca": strict}))
            transport.open()
            transport.send([b"<1>a"])
            transport.close()
        assert listener.octets == b"4 <1>a"
    with listening(ServerTls(pair=pair), times=2) as listener:
        transport = TlsTransport(tls_options(listener.far_end.address, {**tls, "strict_ca": True}))
        with pytest.raises(Blocked, match="Corp CA 2 is known, but it breaks a rule of RFC 5280") as raised:
            transport.open()
    assert raised.value.code == "LPF207"
    assert "strict_ca: false" in raised.value.fix
    assert listener.octets == b""


def test_without_strict_ca_name_and_chain_are_still_checked(
    tmp_path: Path, certificates: Certificates
) -> None:
    ca_file, pair = old_corporate(tmp_path)
    for ca, name, code in (
        (ca_file, "other.example.net", "LPF204"),
        (certificates.ca_file, SERVER_NAME, "LPF206"),
    ):
        with listening(ServerTls(pair=pair), times=2) as listener, fails(code, Blocked):
            tls = {"ca_file": ca, "server_name": name, "strict_ca": False}
            TlsTransport(tls_options(listener.far_end.address, tls)).open()
        assert listener.octets == b""


def test_a_scoped_address_has_the_certificate_of_the_address_without_its_scope(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    with listening(ServerTls(pair=authority.server(name="fe80::1")), host="::1") as listener:
        port = listener.far_end.address[1]
        transport = TlsTransport(tls_options(("fe80::1%lo", port), {"ca_file": authority.ca_file}))
        # No machine has that address on loopback: the scope leads where the far end is.
        transport._hosts._lookups._look_up = lambda _host, port: [Address(AF_INET6, ("::1", port, 0, 0))]
        transport.open()
        transport.send([b"<1>a"])
        transport.close()
    assert listener.octets == b"4 <1>a"
