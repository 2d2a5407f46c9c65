from __future__ import annotations

import json
import zlib
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from lpforwarder.event import Seq
from lpforwarder.journal import safe_copy
from lpforwarder.journal.safe_copy import AHEAD, SafeCopy
from tests.fakes.pages import TIME, page
from tests.unit.journal.conftest import Bench

COPY = SafeCopy(
    time=TIME,
    last=61203,
    removed=17,
    closed=True,
    damage="none that I know of",
    checked=5,
    sources={"acmé": {"name": "acmé", "cursor": '{"a":"\\udc80"}', "events": 3, "newest": None}},
    collectors={"siem": {"name": "siem", "checkpoint": 2**40}},
    identity="0123456789abcdef",
)


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


def test_a_copy_comes_back_as_it_was_written(journal: Path) -> None:
    safe_copy.write(journal, COPY)
    assert safe_copy.read(journal) == COPY
    safe_copy.write(journal, SafeCopy(time=TIME, last=1, removed=0))
    assert safe_copy.read(journal) == SafeCopy(time=TIME, last=1, removed=0)


def test_a_copy_of_an_older_version_has_no_identity(journal: Path) -> None:
    safe_copy.write(journal, COPY)
    told = json.loads(safe_copy.place_of(journal).read_bytes())
    del told["identity"], told["checksum"]
    indented = json.dumps(told, indent=1, sort_keys=True).encode() + b"\n"
    told["checksum"] = zlib.crc32(indented)
    safe_copy.place_of(journal).write_text(json.dumps(told))
    assert safe_copy.read(journal) == replace(COPY, identity="")


def test_it_is_private_and_lies_beside_the_journal(journal: Path) -> None:
    safe_copy.write(journal, COPY)
    (file,) = journal.parent.iterdir()
    assert file == safe_copy.place_of(journal)
    assert (file.name, file.stat().st_mode & 0o777) == ("journal.db.safe", 0o600)


@given(place=st.integers(0, 10_000), octet=st.integers(0, 255))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_copy_that_is_not_what_was_written_is_not_believed(tmp_path: Path, place: int, octet: int) -> None:
    safe_copy.write(tmp_path / "j", COPY)
    file = safe_copy.place_of(tmp_path / "j")
    octets = bytearray(file.read_bytes())
    octets[place % len(octets)] = octet
    file.write_bytes(octets)
    assert safe_copy.read(tmp_path / "j") in (None, COPY)


@pytest.mark.parametrize("text", ["", "[]", "{}", "null", "[" * 100_000, '{"checksum": 1}', "\x00"])
def test_what_is_no_copy_is_none(journal: Path, text: str) -> None:
    assert safe_copy.read(journal) is None
    safe_copy.place_of(journal).write_text(text)
    assert safe_copy.read(journal) is None


def test_a_copy_of_another_version_is_none(journal: Path) -> None:
    safe_copy.write(journal, COPY)
    told = json.loads(safe_copy.place_of(journal).read_text())
    safe_copy.place_of(journal).write_text(json.dumps({**told, "version": 2}))
    assert safe_copy.read(journal) is None


def test_numbers_behind_a_copy_are_new_ones() -> None:
    assert SafeCopy(time=TIME, last=7, removed=0, closed=True).beyond == 7
    assert SafeCopy(time=TIME, last=7, removed=0).beyond == 7 + AHEAD


def test_the_first_reason_for_damage_stays() -> None:
    once = safe_copy.damaged(SafeCopy(time=TIME, last=7, removed=0), "first")
    assert safe_copy.damaged(once, "second").damage == "first"


def test_places_are_taken_from_the_journal_if_their_checksum_fits(bench: Bench) -> None:
    with bench.open() as journal:
        journal.append("acme", page(1, 9), (), "one")
        journal.advance("siem", Seq(4), Seq(2), confirmed=4)
        with journal.view() as connection:
            copy = safe_copy.take(connection, TIME)
        assert (copy.last, copy.removed, copy.closed) == (9, 0, False)
        assert copy.sources["acme"]["cursor"] == "one"
        assert copy.collectors["siem"]["confirmed"] == 4
        journal._writer.run(lambda one: one.execute("UPDATE collector SET checkpoint = 5"))
        with journal.view() as connection:
            assert safe_copy.take(connection, TIME).collectors == {}
