"""The two other commands, as little of them as a caller needs to test its credentials. Pure.

Member names are those of the published API; the values are made up.
"""

from __future__ import annotations

from typing import Any

from lpforwarder.simulator.vault.call import Call
from lpforwarder.simulator.vault.event import DAY
from lpforwarder.simulator.vault.forms import ADMINS, PEOPLE
from lpforwarder.simulator.vault.zone import WallClock

_FOUNDED = 19_000 * DAY  # 2022-01-08: an invented birthday for all accounts
_MOST_USERS = 2_000


def user_data(call: Call, clock: WallClock) -> dict[str, Any]:
    """`getuserdata`: `pagesize` users from page `pageindex` (0 is the first) and how many there are."""
    size = min(_whole(call.parameter("pagesize"), _MOST_USERS) or _MOST_USERS, _MOST_USERS)
    first = _whole(call.parameter("pageindex"), 0) * size
    names = PEOPLE[first : first + size]
    users = {str(number): _user(name, clock) for number, name in enumerate(names, first + 1)}
    return {"total": len(PEOPLE), "count": len(users), "Users": users}


def folder_data() -> dict[str, Any]:
    """`getsfdata`: one shared folder with one user."""
    user = {"username": ADMINS[0], "readonly": 0, "give": 1, "can_administer": 1}
    return {"101": {"sharedfoldername": "Shared-Finance", "score": 99, "users": [user]}}


def _user(name: str, clock: WallClock) -> dict[str, Any]:
    return {
        "username": name,
        "created": clock.text(_FOUNDED),
        "last_login": clock.text(_FOUNDED),
        "admin": name in ADMINS,
        "disabled": False,
        "neverloggedin": False,
    }


def _whole(value: Any, otherwise: int) -> int:
    good = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MOST_USERS
    return value if good else otherwise
