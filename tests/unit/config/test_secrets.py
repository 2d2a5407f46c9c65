from __future__ import annotations

import os
from pathlib import Path

import pytest

from lpforwarder.config.secrets import Secret, from_credential, from_file, from_variable
from lpforwarder.errors import Denied
from tests.fakes.patience import open_descriptors


def file(folder: Path, octets: bytes, mode: int = 0o600) -> Path:
    path = folder / "acme.secret"
    path.write_bytes(octets)
    path.chmod(mode)
    return path


@pytest.mark.parametrize(
    "octets", [b"0f3c", b"0f3c\n", b"  0f3c \r\n", b'"0f3c"\n', b"'0f3c'", b"\xef\xbb\xbf0f3c"]
)
def test_blanks_and_the_marks_of_the_console_do_not_belong_to_it(tmp_path: Path, octets: bytes) -> None:
    assert from_file(file(tmp_path, octets)).reveal() == "0f3c"


def test_it_shows_itself_to_nobody() -> None:
    secret = Secret("0f3c")
    assert f"{secret} {secret!r} {[secret]}" == "*** *** [***]"
    assert secret == Secret("0f3c") != Secret("0f3d")
    assert hash(secret) == hash(Secret("0f3c"))


@pytest.mark.parametrize(
    ("mode", "who"), [(0o640, "its group"), (0o604, "everyone here"), (0o660, "its group")]
)
def test_a_file_that_others_can_read_is_refused(tmp_path: Path, mode: int, who: str) -> None:
    with pytest.raises(Denied, match=who) as caught:
        from_file(file(tmp_path, b"0f3c", mode))
    assert caught.value.code == "LPF110"
    assert "0f3c" not in str(caught.value)


@pytest.mark.parametrize("octets", [b"", b" \n", b'""', b"a\nb", b"\xff\xfe", b"x" * 70_000])
def test_what_is_no_secret_is_refused_without_being_shown(tmp_path: Path, octets: bytes) -> None:
    with pytest.raises(Denied) as caught:
        from_file(file(tmp_path, octets))
    assert caught.value.code == "LPF111"


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(Denied, match=str(path)) as caught:
            from_file(path)
        assert caught.value.code == "LPF119"


def test_a_folder_in_its_place_costs_no_descriptor_however_often_it_is_tried(tmp_path: Path) -> None:
    before = open_descriptors()
    for _ in range(5):
        with pytest.raises(Denied):
            from_file(tmp_path)
    assert open_descriptors() == before


def test_a_pipe_does_not_hold_us_up(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    with pytest.raises(Denied):
        from_file(tmp_path / "pipe")


def test_a_credential_comes_from_the_folder_of_systemd_whatever_its_mode(tmp_path: Path) -> None:
    file(tmp_path, b"0f3c", 0o440)
    assert from_credential("acme.secret", {"CREDENTIALS_DIRECTORY": str(tmp_path)}).reveal() == "0f3c"
    with pytest.raises(Denied, match="CREDENTIALS_DIRECTORY is not set"):
        from_credential("acme.secret", {})


def test_a_variable_holds_one_or_is_refused() -> None:
    assert from_variable("ACME", {"ACME": " 0f3c "}).reveal() == "0f3c"
    with pytest.raises(Denied, match=r"\$ACME"):
        from_variable("ACME", {})
