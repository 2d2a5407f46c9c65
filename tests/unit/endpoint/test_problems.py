"""Problems: RFC 9457 to the letter."""

from __future__ import annotations

import json

from lpforwarder.endpoint import problems


def test_a_problem_has_the_members_of_the_standard_and_its_own() -> None:
    body = json.loads(problems.bad_parameter("limit", "must be a number").body())
    assert body == {
        "type": problems.ABOUT + "parameter",
        "title": "A parameter cannot be used",
        "status": 400,
        "detail": "must be a number",
        "parameter": "limit",
    }


def test_every_refusal_of_a_token_says_the_same() -> None:
    assert problems.unauthorized().body() == problems.unauthorized().body()
    assert problems.unauthorized().headers["WWW-Authenticate"].startswith("Bearer")


def test_who_fell_behind_is_told_where_to_go_on() -> None:
    problem = problems.gone("abc", "3 events")
    assert json.loads(problem.body())["oldest"] == problem.headers["Lpforwarder-Cursor"] == "abc"


def test_who_asks_too_often_is_told_when_to_come_back() -> None:
    assert problems.too_many(7).headers["Retry-After"] == "7"
