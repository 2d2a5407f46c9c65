from __future__ import annotations

from pathlib import Path

from lpforwarder.journal.reserve import SIZE, Reserve, fitting, refusal

HUGE = 2**62


def test_a_reserve_is_really_allocated_and_private(tmp_path: Path) -> None:
    reserve = Reserve(tmp_path / "reserve", 2**20)
    assert not reserve.held
    assert reserve.make()
    found = (tmp_path / "reserve").stat()
    assert (found.st_size, found.st_mode & 0o777) == (2**20, 0o600)
    assert found.st_blocks * 512 >= 2**20


def test_a_reserve_of_an_earlier_life_is_still_held(tmp_path: Path) -> None:
    Reserve(tmp_path / "reserve", 2**20).make()
    assert Reserve(tmp_path / "reserve", 2**20).held


def test_a_file_with_holes_is_no_reserve(tmp_path: Path) -> None:
    with open(tmp_path / "reserve", "wb") as file:
        file.truncate(2**20)
    reserve = Reserve(tmp_path / "reserve", 2**20)
    assert not reserve.held
    assert reserve.make()


def test_giving_up_leaves_the_room(tmp_path: Path) -> None:
    reserve = Reserve(tmp_path / "reserve", 2**20)
    reserve.make()
    assert reserve.give_up()
    assert not reserve.held
    assert not (tmp_path / "reserve").exists()
    assert not reserve.give_up()


def test_a_reserve_is_not_made_on_a_disk_without_room(tmp_path: Path) -> None:
    reserve = Reserve(tmp_path / "reserve", HUGE)
    assert not reserve.make()
    assert not (tmp_path / "reserve").exists()


def test_a_reserve_that_cannot_be_made_is_not_held(tmp_path: Path) -> None:
    (tmp_path / "reserve").mkdir()
    assert not Reserve(tmp_path / "reserve", HUGE).make()
    reserve = Reserve(tmp_path / "reserve", 2**20)
    reserve.held = False
    assert not reserve.make()


def test_a_reserve_follows_its_share(tmp_path: Path) -> None:
    reserve = Reserve(tmp_path / "reserve", 2**20)
    reserve.make()
    reserve.fit(2**18)
    assert reserve.held
    assert (tmp_path / "reserve").stat().st_size == 2**18
    reserve.fit(2**19)
    assert not reserve.held
    assert reserve.make()
    assert (tmp_path / "reserve").stat().st_size == 2**19


def test_a_reserve_of_an_earlier_life_that_was_larger_is_cut(tmp_path: Path) -> None:
    Reserve(tmp_path / "reserve", 2**20).make()
    assert Reserve(tmp_path / "reserve", 2**18).held
    assert (tmp_path / "reserve").stat().st_size == 2**18


def test_a_disk_with_room_is_not_full_and_the_probe_leaves_nothing(tmp_path: Path) -> None:
    assert not refusal(tmp_path / "journal.db")
    assert list(tmp_path.iterdir()) == []


def test_a_small_disk_gives_an_eighth_at_most(tmp_path: Path) -> None:
    whole = fitting(HUGE, tmp_path)
    assert 0 < whole < HUGE
    assert fitting(whole - 1, tmp_path) == whole - 1
    assert fitting(SIZE, tmp_path) <= SIZE
