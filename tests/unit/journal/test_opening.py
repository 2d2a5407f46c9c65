from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from lpforwarder.errors import Busy, Denied
from lpforwarder.journal.opening import prepare_folder, take_lock


def test_folders_are_made_for_us_alone_and_those_that_exist_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir(mode=0o755)
    before = os.umask(0)
    try:
        prepare_folder(tmp_path / "shared" / "a" / "b")
        prepare_folder(tmp_path / "shared" / "a" / "b")
    finally:
        os.umask(before)
    modes = [(tmp_path / "shared" / place).stat().st_mode & 0o777 for place in ("", "a", "a/b")]
    assert modes == [0o755, 0o700, 0o700]


def test_a_folder_that_cannot_be_made_is_refused_with_its_owner(
    open_folder: Path, unprivileged: Callable[[], AbstractContextManager[None]]
) -> None:
    open_folder.chmod(0o555)
    with unprivileged(), pytest.raises(Denied) as refused:
        prepare_folder(open_folder / "state")
    open_folder.chmod(0o755)
    assert refused.value.code == "LPF503"
    assert str(open_folder) in refused.value.what
    if os.geteuid() == 0:
        assert "it belongs to root, we run as nobody" in refused.value.what
        assert refused.value.fix == f"chown nobody {open_folder}"


def test_a_file_in_the_way_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Denied, match=r"Not a directory|File exists"):
        prepare_folder(tmp_path / "file" / "state")


def test_the_lock_lies_beside_the_journal_in_a_folder_made_for_it(tmp_path: Path) -> None:
    lock = take_lock(tmp_path / "state" / "journal.db", "2022-12-14T17:33:43.369Z")
    with pytest.raises(Busy):
        take_lock(tmp_path / "state" / "journal.db", "")
    lock.close()
    assert [file.name for file in (tmp_path / "state").iterdir()] == ["journal.db.lock"]
