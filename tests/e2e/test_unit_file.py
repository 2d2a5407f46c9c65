"""The systemd unit: what it promises, and what systemd itself says about it."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from tests.fakes.unit_checker import systemd_analyze

FOLDER = Path(__file__).parents[2] / "systemd"
UNIT = FOLDER / "lpforwarder.service"
TEMPLATE = FOLDER / "lpforwarder@.service"
UNITS = [UNIT, TEMPLATE]
MOST_EXPOSURE = 1.1


def directives() -> list[tuple[str, str]]:
    """Every `Key=value` of the unit in order; a key may stand twice."""
    lines = UNIT.read_text().splitlines()
    return [
        (key, value)
        for key, found, value in (line.partition("=") for line in lines)
        if found and key[0] != "#"
    ]


def values(key: str) -> list[str]:
    return [value for name, value in directives() if name == key]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("Type", "notify"),
        ("ExecStart", "/usr/bin/lpforwarder run"),
        ("ExecReload", "/bin/kill -HUP $MAINPID"),
        ("RestartPreventExitStatus", "77 78"),
        ("WatchdogSec", "60"),
        ("User", "lpforwarder"),
        ("StateDirectory", "lpforwarder"),
        ("StateDirectoryMode", "0700"),
        ("RuntimeDirectory", "lpforwarder"),
        ("RuntimeDirectoryMode", "0750"),
        ("ConfigurationDirectory", "lpforwarder"),
        ("ConfigurationDirectoryMode", "0750"),
        ("LimitCORE", "0"),
    ],
)
def test_the_unit_keeps_what_is_promised(key: str, value: str) -> None:
    assert values(key) == [value]


def test_the_unit_holds_no_secret_but_shows_how_to_pass_one() -> None:
    assert values("LoadCredential") == values("Environment") == values("SetCredential") == []
    assert re.search(r"^#LoadCredential=acme:", UNIT.read_text(), re.MULTILINE)


def test_what_was_left_out_is_explained() -> None:
    left_out = UNIT.read_text().partition("Left out on purpose")[2]
    for key in ("PrivateNetwork", "IPAddressDeny", "RootDirectory", "AF_UNIX", "DeviceAllow", "DynamicUser"):
        assert key in left_out


def test_an_instance_differs_in_names_of_files_and_folders_only() -> None:
    single, instance = (unit.read_text().partition("[Unit]")[2].splitlines() for unit in UNITS)
    assert len(single) == len(instance)
    differing = [(one, other) for one, other in zip(single, instance, strict=True) if one != other]
    assert {one.partition("=")[0] for one, _ in differing if not one.startswith("#")} == {
        "Description",
        "ExecStart",
        "StateDirectory",
        "RuntimeDirectory",
    }
    assert all("%i" in other for _, other in differing)


def test_the_reload_that_waits_leaves_the_signal_to_systemd() -> None:
    lines = (FOLDER / "notify-reload.conf").read_text().splitlines()
    assert [line for line in lines if line[:1] not in ("#", "")] == [
        "[Service]",
        "Type=notify-reload",
        "ExecReload=",
    ]


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_systemd_finds_nothing_wrong_with_it(unit: Path, tmp_path: Path) -> None:
    # It also looks for the program, which need not be installed here.
    text = unit.read_text().replace("/usr/bin/lpforwarder", sys.executable)
    installed = tmp_path / unit.name.replace("@", "@acme")
    installed.write_text(text)
    done = systemd_analyze("verify", "--man=no", str(installed))
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_a_mistake_in_it_would_be_found(tmp_path: Path) -> None:
    broken = tmp_path / UNIT.name
    broken.write_text(UNIT.read_text().replace("ProtectSystem=strict", "ProtectSystm=strict"))
    assert "ProtectSystm" in systemd_analyze("verify", "--man=no", str(broken)).stderr


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_it_is_exposed_no_more_than_published(unit: Path, tmp_path: Path) -> None:
    installed = tmp_path / unit.name.replace("@", "@acme")
    installed.write_text(unit.read_text())
    done = systemd_analyze("security", "--offline=true", "--no-pager", str(installed))
    found = re.search(r"Overall exposure level for \S+: ([0-9.]+)", done.stdout)
    assert found is not None, done.stdout + done.stderr
    assert float(found[1]) <= MOST_EXPOSURE
