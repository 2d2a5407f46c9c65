"""Loading without the garbage collector, and without what nobody needs."""

from __future__ import annotations

import gc
import subprocess
import sys

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


def test_what_would_draw_tracebacks_is_not_loaded_and_is_there_afterwards() -> None:
    program = (
        "import sys; from lpforwarder.runtime.loading import loading\n"
        "with loading():\n"
        "    import structlog\n"
        "print('rich' in sys.modules)\n"
        "import rich\n"
        "with loading():\n"
        "    import rich as again\n"
        "print(again is rich is sys.modules['rich'])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.split() == ["False", "True"], done.stderr
