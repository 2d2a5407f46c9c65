from __future__ import annotations

import json
import zlib

import pytest

from lpforwarder.simulator.vault.answers import Reply, report
from lpforwarder.simulator.vault.damage import damaged, from_in_front
from lpforwarder.simulator.vault.faults import IN_FRONT, Fault
from lpforwarder.simulator.vault.options import VaultOptions

OPTIONS = VaultOptions(large_octets=200_000, retry_after="7")


@pytest.fixture
def reply() -> Reply:
    return report([{"Data": "x"}], None, 1, OPTIONS)


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (Fault.RATE_LIMITED, 429),
        (Fault.RATE_LIMITED_WITH_WAIT, 429),
        (Fault.FORBIDDEN, 403),
        (Fault.SERVER_ERROR, 500),
        (Fault.BAD_GATEWAY, 502),
        (Fault.UNAVAILABLE, 503),
        (Fault.PROXY_LOGIN, 200),
    ],
)
def test_what_stands_in_front_answers_in_html(fault: Fault, status: int) -> None:
    reply = from_in_front(fault, OPTIONS)
    assert fault in IN_FRONT
    assert reply.status == status
    assert reply.body.startswith(b"<!DOCTYPE html>")
    waits = dict(reply.headers).get("Retry-After")
    assert waits == ("7" if fault is Fault.RATE_LIMITED_WITH_WAIT else None)


def test_without_a_fault_an_answer_is_whole(reply: Reply) -> None:
    assert damaged(reply, None, OPTIONS) is reply
    assert damaged(reply, Fault.CLOCK_ERROR, OPTIONS) is reply


def test_truncated_json_is_no_json(reply: Reply) -> None:
    with pytest.raises(json.JSONDecodeError):
        json.loads(damaged(reply, Fault.TRUNCATED_JSON, OPTIONS).body)


def test_foreign_octets_sit_inside_an_event_or_else_anywhere(reply: Reply) -> None:
    body = damaged(reply, Fault.NOT_UTF8, OPTIONS).body
    assert b'"Data":"\xe9\xff' in body
    with pytest.raises(UnicodeDecodeError):
        body.decode()
    empty = damaged(report([], None, 1, OPTIONS), Fault.NOT_UTF8, OPTIONS).body
    with pytest.raises(UnicodeDecodeError):
        empty.decode()


def test_a_very_large_page_is_the_same_json(reply: Reply) -> None:
    body = damaged(reply, Fault.LARGE_PAGE, OPTIONS).body
    assert len(body) > 200_000
    assert json.loads(body) == json.loads(reply.body)


def test_gzip_holds_the_answer_and_a_bomb_holds_blanks(reply: Reply) -> None:
    packed = damaged(reply, Fault.GZIP_BODY, OPTIONS)
    assert zlib.decompress(packed.body, 31) == reply.body
    bomb = damaged(reply, Fault.GZIP_BOMB, OPTIONS)
    assert bomb.has_header("Content-Encoding")
    assert len(bomb.body) < 2_000
    assert len(zlib.decompress(bomb.body, 31)) >= 190_000
