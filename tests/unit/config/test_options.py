from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from lpforwarder.config.options import (
    CaFile,
    Duration,
    FilePath,
    Name,
    Options,
    Port,
    Size,
    duration_text,
    likely_port,
    octets,
    seconds,
    size_text,
)


class Sample(Options):
    wait: Duration = 60.0
    room: Size = 1024
    port: Port = 601
    ca: CaFile = None
    path: FilePath = Path("x")
    name: Name = "a"


def from_file(**values: object) -> Sample:
    return Sample.model_validate(values, context={"folder": Path("/etc/lp")})


def code(**values: object) -> str:
    with pytest.raises(ValidationError) as caught:
        from_file(**values)
    (error,) = caught.value.errors()
    return error["type"]


@pytest.mark.parametrize(
    ("text", "value"),
    [("500ms", 0.5), ("30s", 30), ("5m", 300), ("12h", 43200), ("7d", 604800), ("1.5h", 5400)],
)
def test_durations_are_seconds(text: str, value: float) -> None:
    assert seconds(text) == value


@pytest.mark.parametrize(
    "value", ["5 minutes", "60", 60, 1.5, True, "", "s", "-5s", "1e3s", "99999999d", ["5s"]]
)
def test_what_is_no_duration_is_refused_in_a_file(value: object) -> None:
    assert code(wait=value) == "LPF106"


def test_a_duration_may_be_a_number_of_seconds_in_a_program() -> None:
    assert Sample(wait=1.5).wait == 1.5


@pytest.mark.parametrize(
    ("text", "value"), [("64KiB", 65536), ("10GiB", 10 * 2**30), (8096, 8096), ("5B", 5)]
)
def test_sizes_are_octets(text: object, value: int) -> None:
    assert octets(text) == value


@pytest.mark.parametrize("value", ["10 GB", "10GB", "", True, 1.5, "999999999999999TiB"])
def test_what_is_no_size_is_refused(value: object) -> None:
    assert code(room=value) == "LPF109"


@given(st.floats(0, 1e8).map(lambda value: round(value, 3)))
def test_a_duration_written_again_is_the_same(value: float) -> None:
    assert seconds(duration_text(value)) == pytest.approx(value, abs=0.001, rel=1e-5)


@given(st.integers(0, 2**50))
def test_a_size_written_again_is_the_same(value: int) -> None:
    text = size_text(value)
    assert octets(int(text) if text.isdigit() else text) == value


@pytest.mark.parametrize("value", [0, -1, 65536, 651400])
def test_ports_end_where_they_end(value: int) -> None:
    assert code(port=value) == "LPF102"


def test_a_port_with_digits_too_many_is_recognised() -> None:
    assert [likely_port(value) for value in (651400, 5140, 99999)] == [6514, 514, None]


def test_paths_are_relative_to_the_folder_of_the_file() -> None:
    made = from_file(path="a/b.pem", ca="/ca.pem")
    assert (made.path, made.ca) == (Path("/etc/lp/a/b.pem"), Path("/ca.pem"))


def test_the_word_of_a_type_is_none() -> None:
    assert from_file(ca="system").ca is None


def test_a_word_cannot_be_replaced_by_nothing_in_a_file() -> None:
    assert code(ca=None) == "LPF113"


@pytest.mark.parametrize("name", ["", ".a", "a b", "a/b", "é", "a" * 65, "a\n"])
def test_names_are_short_and_safe_everywhere(name: str) -> None:
    assert code(name=name) == "LPF108"


def test_schema_defaults_are_values_one_could_write() -> None:
    properties = Sample.model_json_schema()["properties"]
    assert properties["wait"]["default"] == "60s"
    assert properties["room"]["default"] == "1KiB"
    assert properties["ca"]["default"] == "system"
