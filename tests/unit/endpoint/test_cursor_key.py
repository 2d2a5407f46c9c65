"""The key of the cursors: made once, kept, for the service alone."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from lpforwarder.endpoint import cursor_key, cursors
from lpforwarder.errors import Blocked, Denied


def test_it_is_made_once_and_then_stays(tmp_path: Path) -> None:
    path = cursor_key.beside(tmp_path / "journal.db")
    with capture_logs() as logged:
        key = cursor_key.kept(path)
        assert cursor_key.kept(path) == key
    assert [line["event"] for line in logged] == ["endpoint.key_made"]
    assert key.hex() not in str(logged)
    assert len(key) == cursor_key.OCTETS == cursors.KEY_OCTETS
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.unlink()
    assert cursor_key.kept(path) != key


@pytest.mark.parametrize("content", [b"", b"\n", b"00" * 63, b"00" * 65, b"zz" * 64, b"\xff" * 64])
def test_what_is_no_key_is_named_and_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "cursors.key"
    path.write_bytes(content)
    with pytest.raises(Blocked, match="is no key") as raised:
        cursor_key.kept(path)
    assert raised.value.code == "LPF533"
    assert path.read_bytes() == content


def test_one_that_cannot_be_read_or_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "cursors.key").mkdir()
    for path in (tmp_path / "cursors.key", tmp_path / "none" / "cursors.key"):
        with pytest.raises(Denied, match="cannot use the key") as raised:
            cursor_key.kept(path)
        assert raised.value.code == "LPF533"
