"""The certificate of the endpoint: taken up when it is renewed, never given up for a broken one."""

from __future__ import annotations

import shutil
import ssl
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from lpforwarder.endpoint.credentials import LOOK_EVERY, Credentials
from lpforwarder.errors import Blocked
from tests.fakes.certificates import Certificates, KeyPair
from tests.fakes.patience import StandingClock
from tests.fakes.pipes import pipe, without_waiting


class House:
    """Credentials whose files can be replaced, and a clock that stands."""

    def __init__(self, folder: Path, certificates: Certificates) -> None:
        self.cert, self.key = folder / "cert.pem", folder / "key.pem"
        self.put(certificates.server)
        self.clock = StandingClock()
        self.credentials = Credentials(self.cert, self.key, certificates.ca_file, clock=self.clock)

    def put(self, pair: KeyPair) -> None:
        shutil.copy(pair.cert_file, self.cert)
        shutil.copy(pair.key_file, self.key)

    def looked(self) -> bool:
        self.clock.now += LOOK_EVERY
        return self.credentials.look()


@pytest.fixture
def house(tmp_path: Path, certificates: Certificates) -> House:
    return House(tmp_path, certificates)


def test_clients_need_a_certificate_where_there_is_an_authority_for_it(house: House) -> None:
    context = house.credentials.read()
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2


def test_a_renewed_certificate_counts_once_its_files_have_come_to_rest(
    house: House, certificates: Certificates
) -> None:
    house.credentials.read()
    assert not house.looked()
    house.put(certificates.wrong_name)
    assert not house.looked()  # it may still be written
    assert house.looked()
    house.credentials.read()
    assert not house.looked()


def test_a_renewed_certificate_counts_at_once_when_somebody_says_that_it_is_ready(
    house: House, certificates: Certificates
) -> None:
    house.credentials.read()
    assert not house.credentials.look_now()
    house.put(certificates.wrong_name)
    assert house.credentials.look_now()
    house.credentials.read()
    assert not house.credentials.look_now()
    house.cert.write_text("no certificate")
    with capture_logs() as logged:
        assert not house.credentials.look_now()
        assert not house.credentials.look_now()
    assert [line["event"] for line in logged] == ["endpoint.certificate_refused"]


def test_a_broken_certificate_is_told_once_and_the_old_one_stays(
    house: House, certificates: Certificates
) -> None:
    house.credentials.read()
    house.cert.write_text("half a certif")
    with capture_logs() as logged:
        assert [house.looked() for _ in range(4)] == [False] * 4
    assert [line["event"] for line in logged] == ["endpoint.certificate_refused"]
    assert logged[0]["reason"] == f"{house.cert} holds no certificate in PEM form"
    house.put(certificates.server)
    assert [house.looked() for _ in range(2)] == [False, True]


def test_it_does_not_begin_with_a_certificate_that_cannot_be_used(house: House) -> None:
    house.key.unlink()
    with pytest.raises(Blocked, match=r"the endpoint cannot be used: .*/key.pem does not exist") as it:
        house.credentials.read()
    assert it.value.code == "LPF504"


@pytest.mark.parametrize("name", ["cert", "key"])
def test_a_pipe_that_takes_the_place_of_a_file_holds_nobody_up(house: House, name: str) -> None:
    house.credentials.read()
    waits: Path = getattr(house, name)
    waits.unlink()
    pipe(waits)
    with capture_logs() as logged:
        assert [without_waiting(house.looked, waits) for _ in range(2)] == [False, False]
        without_waiting(house.credentials.read, waits)
    assert [line["reason"] for line in logged] == [f"{waits} is not a file"]
    begins = Credentials(house.cert, house.key, None)
    with pytest.raises(Blocked, match=f"{waits} is not a file"):
        without_waiting(begins.read, waits)


def test_what_was_read_last_is_good_while_the_files_cannot_be_used(
    house: House, certificates: Certificates
) -> None:
    used = house.credentials.read()
    house.cert.write_text("half a certif")
    with capture_logs() as logged:
        assert [house.credentials.read() for _ in range(2)] == [used, used]
        assert [house.looked() for _ in range(3)] == [False] * 3
    assert [line["event"] for line in logged] == ["endpoint.certificate_refused"]
    house.put(certificates.server)
    assert house.credentials.read() is not used


def test_who_sleeps_between_two_looks_is_rung_and_its_next_look_is_one_at_once(
    house: House, certificates: Certificates
) -> None:
    rung = list[str]()
    house.credentials.read()
    assert not house.looked()
    house.put(certificates.wrong_name)
    with house.credentials.ringing(lambda: rung.append("rung")):
        house.credentials.renew()
    assert rung == ["rung"]
    assert house.credentials.look()
    house.credentials.read()
    assert not house.credentials.look()


def test_nor_does_one_in_the_place_of_the_clients_authority(
    tmp_path: Path, certificates: Certificates
) -> None:
    waits = pipe(tmp_path / "clients.pem")
    credentials = Credentials(certificates.server.cert_file, certificates.server.key_file, waits)
    with pytest.raises(Blocked, match=f"{waits} is not a file"):
        without_waiting(credentials.read, waits)
