from __future__ import annotations

from contextlib import suppress

import pytest

from lpforwarder.config.secrets import Secret
from lpforwarder.errors import Blocked
from lpforwarder.intake.sources.lastpass.refusal import LONGEST_PAUSE, Refusal


def test_the_same_secret_waits_minutes_and_a_new_one_not_at_all() -> None:
    now = [0.0]
    refusal = Refusal(lambda: now[0])
    old, error = Secret("old"), Blocked("refused", code="LPF301", fix="mend it")
    calls = []
    while now[0] < 3600:
        with suppress(Blocked):
            refusal.check(old)
            calls.append(now[0])
            refusal.note(old, error)
        now[0] += 5
    assert calls[:4] == [0, 60, 180, 420]
    assert calls[-1] - calls[-2] == LONGEST_PAUSE
    refusal.check(Secret("new"))


def test_it_can_be_told_to_try_at_once() -> None:
    refusal = Refusal(lambda: 0.0)
    refusal.note(Secret("s"), Blocked("refused", code="LPF301", fix="mend it"))
    with pytest.raises(Blocked, match="refused") as caught:
        refusal.check(Secret("s"))
    assert (caught.value.code, caught.value.fix) == ("LPF301", "mend it")
    refusal.forget()
    refusal.check(Secret("s"))


def test_the_error_says_for_how_long_the_vault_is_spared() -> None:
    now = [0.0]
    refusal = Refusal(lambda: now[0])
    error = Blocked("refused", code="LPF301", fix="mend it")
    refusal.note(Secret("s"), error)
    assert error.rest == 60
    now[0] = 45.0
    with pytest.raises(Blocked) as caught:
        refusal.check(Secret("s"))
    assert caught.value.rest == 15
