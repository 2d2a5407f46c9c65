"""Answers share what memory there is, and give it back however they end."""

from __future__ import annotations

import asyncio
import gc

import pytest
from starlette.types import Message

from lpforwarder.endpoint.answers import LEAST_OCTETS, PIECE, Budget, Piecemeal
from lpforwarder.endpoint.pull import MOST_OCTETS

SCOPE = {"type": "http", "method": "GET", "headers": []}


async def nothing() -> Message:
    raise AssertionError


def test_the_more_answers_are_under_way_the_smaller_the_next_one_is() -> None:
    budget, shares = Budget(16 * 2**20), []
    for _ in range(200):
        with budget.share() as share:
            shares.append(share)
        budget.take(share)
    assert shares[0] == MOST_OCTETS
    assert shares == sorted(shares, reverse=True)
    assert shares[-1] == LEAST_OCTETS
    assert sum(shares) < 32 * 2**20


def test_an_answer_counts_while_it_is_made() -> None:
    budget = Budget(2**20)
    with budget.share() as share:
        assert budget.left == 2**20 - share
    assert budget.left == 2**20


@pytest.mark.parametrize("length", [0, 1, PIECE, PIECE + 1, 3 * PIECE])
def test_it_goes_out_in_pieces_and_counts_until_the_last_is_taken(length: int) -> None:
    budget, sent, left = Budget(2**20), [], []

    async def send(message: Message) -> None:
        left.append(budget.left)
        sent.append(message)

    body = bytes(range(256)) * (length // 256) + b"x" * (length % 256)
    answer = Piecemeal(body, "application/json", {"A": "b"}, budget)
    asyncio.run(answer(SCOPE, nothing, send))
    assert b"".join(message.get("body", b"") for message in sent) == body
    assert max(len(message.get("body", b"")) for message in sent) <= PIECE
    assert (b"content-length", b"%d" % length) in sent[0]["headers"]
    assert set(left) == {2**20 - length}
    assert budget.left == 2**20


def test_one_that_breaks_off_or_is_never_sent_gives_back_what_it_held() -> None:
    budget = Budget(2**20)

    async def send(_: Message) -> None:
        raise ConnectionError

    with pytest.raises(ConnectionError):
        asyncio.run(Piecemeal(b"x" * 1000, "text/plain", {}, budget)(SCOPE, nothing, send))
    assert budget.left == 2**20
    Piecemeal(b"x" * 1000, "text/plain", {}, budget)
    gc.collect()
    assert budget.left == 2**20
