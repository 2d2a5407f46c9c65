"""TLS files that change: when they are read again, and when not."""

from __future__ import annotations

from pathlib import Path

import pytest

from lpforwarder.delivery.transports.credentials import LOOK_EVERY, Credentials
from lpforwarder.delivery.transports.options import TlsSettings
from lpforwarder.errors import Blocked
from tests.fakes.authority import Authority, replace
from tests.fakes.patience import StandingClock
from tests.fakes.pipes import pipe, without_waiting


class Bench:
    def __init__(self, folder: Path) -> None:
        self.authority = Authority(folder)
        self.pair = self.authority.client()
        self.clock = StandingClock()
        files = {
            "ca_file": str(self.authority.ca_file),
            "cert_file": str(self.pair.cert_file),
            "key_file": str(self.pair.key_file),
        }
        tls = TlsSettings.model_validate(files, context={"folder": Path("/")})
        self.credentials = Credentials(tls, clock=self.clock)

    def look(self) -> int:
        self.clock.now += LOOK_EVERY
        self.credentials.look()
        return self.credentials.generation


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_files_that_do_not_change_are_read_once(bench: Bench) -> None:
    first = bench.credentials.context
    assert [bench.look() for _ in range(5)] == [1] * 5
    assert bench.credentials.context is first


def test_a_change_counts_once_it_has_come_to_rest(bench: Bench) -> None:
    first = bench.credentials.context
    bench.authority.client()
    assert [bench.look() for _ in range(4)] == [1, 2, 2, 2]
    assert bench.credentials.context is not first


def test_a_file_that_goes_on_changing_is_left_alone(bench: Bench) -> None:
    bench.credentials.read()
    generations = []
    for _ in range(5):
        bench.authority.client()
        generations.append(bench.look())
    assert generations == [1] * 5
    assert bench.look() == 2


def test_nobody_looks_at_the_disk_all_the_time(bench: Bench) -> None:
    bench.credentials.read()
    bench.look()
    bench.authority.client()
    for _ in range(1000):
        bench.credentials.look()
    assert bench.credentials._seen == bench.credentials._stamps


def test_files_that_cannot_be_used_leave_the_old_ones_in_force_and_are_told(bench: Bench) -> None:
    first, certificates = bench.credentials.context, bench.credentials.certificates
    whole = bench.pair.key_file.read_bytes()
    replace(bench.pair.key_file, b"")
    assert [bench.look() for _ in range(3)] == [1] * 3
    assert bench.credentials.context is first
    assert bench.credentials.problem is not None
    assert bench.credentials.problem.code == "LPF119"
    assert bench.credentials.problem.what == (
        f"{bench.pair.key_file} holds no private key that can be read; "
        "what was read before is used until the link has to be made anew"
    )
    assert bench.credentials.certificates == certificates
    replace(bench.pair.key_file, whole)
    bench.look()
    bench.look()
    assert bench.credentials.problem is None


def test_a_file_that_is_gone_is_a_change_that_cannot_be_used(bench: Bench) -> None:
    bench.credentials.read()
    bench.authority.ca_file.unlink()
    bench.look()
    bench.look()
    assert bench.credentials.problem is not None
    with pytest.raises(Blocked):
        bench.credentials.read()


def test_the_certificates_of_files_that_cannot_be_used_are_known_all_the_same(bench: Bench) -> None:
    replace(bench.pair.key_file, b"")
    with pytest.raises(Blocked):
        bench.credentials.read()
    assert [each.kind for each in bench.credentials.certificates] == ["client", "ca"]


def test_what_the_collector_shows_comes_first(bench: Bench) -> None:
    bench.credentials.read()
    bench.credentials.show(b"nonsense", {})
    assert [each.kind for each in bench.credentials.certificates] == ["client", "ca"]


def test_the_machines_own_store_is_watched_as_well() -> None:
    assert Credentials(TlsSettings())._files != ()


def test_a_certificate_that_cannot_be_read_does_not_hide_the_end_of_the_one_in_use(bench: Bench) -> None:
    bench.credentials.read()
    before = bench.credentials.certificates
    assert [one.kind for one in before] == ["client", "ca"]
    replace(bench.pair.cert_file, b"half a certif")
    bench.look()
    bench.look()
    assert bench.credentials.problem is not None
    assert bench.credentials.certificates == before


def test_a_pipe_that_takes_the_place_of_a_file_is_told_and_does_not_hold_the_link_up(bench: Bench) -> None:
    bench.credentials.read()
    bench.authority.ca_file.unlink()
    waits = pipe(bench.authority.ca_file)
    assert [without_waiting(bench.look, waits) for _ in range(2)] == [1, 1]
    assert bench.credentials.problem is not None
    assert bench.credentials.problem.what.startswith(f"{waits} is not a file; ")
