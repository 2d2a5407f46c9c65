from __future__ import annotations

from pathlib import Path

from lpforwarder.config.places import runtime_folder, state_folder

XDG = {"XDG_STATE_HOME": "/x/state", "XDG_RUNTIME_DIR": "/x/run"}
SYSTEMD = {"STATE_DIRECTORY": "/s/state:/s/other", "RUNTIME_DIRECTORY": "/s/run"}


def test_root_uses_var_lib_and_run() -> None:
    assert state_folder(XDG, root=True) == Path("/var/lib/lpforwarder")
    assert runtime_folder(XDG, root=True) == Path("/run/lpforwarder")


def test_others_use_the_xdg_folders() -> None:
    assert state_folder(XDG, root=False) == Path("/x/state/lpforwarder")
    assert runtime_folder(XDG, root=False) == Path("/x/run/lpforwarder")


def test_systemd_wins_over_both_and_its_first_folder_is_ours() -> None:
    for root in (True, False):
        assert state_folder(SYSTEMD | XDG, root=root) == Path("/s/state")
        assert runtime_folder(SYSTEMD | XDG, root=root) == Path("/s/run")


def test_relative_xdg_folders_are_ignored() -> None:
    assert state_folder({"XDG_STATE_HOME": "state"}, root=False) == Path.home() / ".local/state/lpforwarder"


def test_without_a_runtime_folder_the_socket_lies_beside_the_state() -> None:
    assert runtime_folder({"XDG_STATE_HOME": "/x"}, root=False) == Path("/x/lpforwarder")
