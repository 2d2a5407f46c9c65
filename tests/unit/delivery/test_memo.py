"""A table that fills itself and stays small."""

from __future__ import annotations

import pytest

from lpforwarder.delivery.memo import Memo


def test_a_value_is_made_once_and_then_known() -> None:
    asked: list[str] = []

    def length(text: str) -> int:
        asked.append(text)
        return len(text)

    memo = Memo(length, 10)
    assert list(map(memo.__getitem__, ("a", "bb", "a"))) == [1, 2, 1]
    assert asked == ["a", "bb"]


def test_it_begins_anew_when_it_is_full() -> None:
    memo = Memo(str, 3)
    for number in range(1000):
        assert memo[number] == str(number)
        assert len(memo) <= 3


def test_what_cannot_be_made_is_not_remembered() -> None:
    def refuse(text: str) -> str:
        raise KeyError(text)

    memo = Memo(refuse, 3)
    with pytest.raises(KeyError):
        memo["a"]
    assert not memo
