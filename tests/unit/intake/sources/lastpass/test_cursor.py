from __future__ import annotations

import pytest

from lpforwarder.event import Cursor
from lpforwarder.intake.sources.lastpass.cursor import Place, decode, encode

PLACE = Place(
    installation="01234567",
    again=1_772_646_300,
    upto=1_772_647_200,
    width=86_400,
    offset=-18_000,
    called=1_772_647_201,
    probe=7,
    known={1_772_646_400: {"abc": 2}},
    ghosts={1_772_636_400: {"abc": 1}},
    refused={"def": 1},
)


def test_a_place_survives_being_written_and_is_compact() -> None:
    assert decode(encode(PLACE)) == PLACE
    assert "\n" not in encode(PLACE)
    assert " " not in encode(PLACE)


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", '{"v":2}', '{"v":1}', '{"v":1,"known":3}', "nonsense", '{"version":1,"index":5}']
)
def test_what_another_kind_of_source_wrote_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        decode(Cursor(text))
