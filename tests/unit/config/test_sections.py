from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import ValidationError

from lpforwarder.config.sections import Address, HttpOptions, JournalOptions, LogOptions, Outline
from tests.fakes.pipes import pipe, without_waiting


def http(**values: object) -> HttpOptions:
    return HttpOptions.model_validate(values, context={"folder": Path("/etc/lp")})


@pytest.mark.parametrize(
    ("text", "address"),
    [("127.0.0.1:9470", Address("127.0.0.1", 9470)), ("[::1]:80", Address("::1", 80)), ("none", None)],
)
def test_listen_is_an_address_and_a_port_or_none(text: str, address: Address | None) -> None:
    assert http(listen=text).listen == address


@pytest.mark.parametrize("value", ["9470", 9470, "host", "::1:80", "a:99999", "", ":80", True])
def test_what_is_no_address_and_port_is_refused(value: object) -> None:
    with pytest.raises(ValidationError):
        http(listen=value)


def test_the_defaults_are_those_of_the_documentation() -> None:
    journal, log = JournalOptions(), LogOptions()
    assert (journal.keep, journal.max_size, journal.when_full) == (30 * 86400, 10 * 2**30, "pause-polling")
    assert journal.path.name == "journal.db"
    assert (log.level, log.format) == ("info", "auto")


@pytest.mark.parametrize("make", [Path.mkdir, pipe], ids=["folder", "pipe"])
def test_a_journal_is_a_file(tmp_path: Path, make: Callable[[Path], object]) -> None:
    place = tmp_path / "state"
    make(place)
    options = JournalOptions.model_validate({"path": str(place)}, context={"folder": tmp_path})
    (finding,) = without_waiting(lambda: list(options.check_files()), place)
    assert (finding.key, finding.code, finding.note) == ("path", "LPF119", False)
    assert finding.what == f"{place} is not a file"
    assert finding.fix == f"name a file, such as {place / 'journal.db' if place.is_dir() else 'journal.db'}"


def test_a_journal_may_be_there_already_or_be_made_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "journal.db").touch()
    for name in ("journal.db", "new.db", "no/folder/yet.db"):
        options = JournalOptions.model_validate({"path": name}, context={"folder": tmp_path})
        assert not list(options.check_files())


def test_a_section_without_keys_has_the_defaults() -> None:
    made = Outline.model_validate({"sources": [], "collectors": [], "log": None}, context={"folder": Path()})
    assert made.log == LogOptions()


def test_an_endpoint_that_others_can_reach_needs_a_certificate() -> None:
    assert not list(http(listen="127.0.0.1:9470").advice())
    assert not list(http(listen="[::1]:9470").advice())
    (finding,) = http(listen="0.0.0.0:9470").advice()
    assert (finding.key, finding.code, finding.note) == ("listen", "LPF114", False)
    assert not list(http(listen="0.0.0.0:9470", tls={"cert_file": "c.pem", "key_file": "c.key"}).advice())


def test_certificates_are_not_asked_of_clients_in_silence_where_nothing_is_encrypted() -> None:
    (finding,) = http(listen="127.0.0.1:9470", tls={"client_ca_file": "ca.pem"}).advice()
    assert (finding.key, finding.code, finding.note) == ("tls", "LPF114", False)


def test_an_address_is_wanted_only_where_it_is_written() -> None:
    assert http(listen="127.0.0.1:9470").is_wanted
    assert not http(metrics="token").is_wanted
    assert not http(listen="none").is_wanted


def test_a_control_socket_must_fit_into_a_socket_address() -> None:
    data = {"sources": [], "collectors": [], "control_socket": "/" + "x" * 107}
    with pytest.raises(ValidationError, match="longer than 107"):
        Outline.model_validate(data, context={"folder": Path()})
