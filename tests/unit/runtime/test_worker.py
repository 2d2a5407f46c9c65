"""Errors sorted by who can mend them."""

import pytest

from lpforwarder.errors import Blocked, Busy, ConfigError, Denied, Failure, Problem, Transient
from lpforwarder.runtime.worker import needs_a_person, state_after

MISTAKE = ConfigError([Problem(code="LPF101", file="config.yaml", what="unknown key")])


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (Transient("no answer"), "waiting"),
        (Busy("another instance"), "waiting"),
        (Blocked("refused"), "blocked"),
        (Denied("readable by everyone"), "blocked"),
        (MISTAKE, "blocked"),
        (Failure("of no class"), "crashed"),
        (OSError("not translated"), "crashed"),
        (AssertionError(), "crashed"),
    ],
)
def test_the_class_of_the_error_decides_the_state(error: BaseException, state: str) -> None:
    assert state_after(error) == state
    assert needs_a_person(error) == (state == "blocked")
