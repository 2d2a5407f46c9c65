"""Loading without the garbage collector."""

from __future__ import annotations

import gc

import pytest

from lpforwarder.runtime.loading import loading


@pytest.mark.parametrize("fails", [False, True])
def test_what_is_loaded_is_never_looked_at_and_what_comes_later_is(fails: bool) -> None:
    try:
        before = gc.get_freeze_count()
        try:
            with loading():
                assert not gc.isenabled()
                kept = [[number] for number in range(1000)]
                if fails:
                    raise LookupError("a wrong configuration")
        except LookupError:
            assert fails
        assert gc.isenabled()
        assert gc.get_freeze_count() >= before + len(kept)
    finally:
        gc.unfreeze()
