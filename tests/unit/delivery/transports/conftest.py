"""What the tests of links share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.fakes.links import FarEnd


@pytest.fixture
def far_end() -> Iterator[FarEnd]:
    """A collector that does nothing by itself."""
    with FarEnd() as far_end:
        yield far_end
