"""Which settings wait for a restart."""

from __future__ import annotations

from pathlib import Path

from lpforwarder.config.restarts import needs_restart, unused
from lpforwarder.settings import Settings, decode


def settings(more: str = "") -> Settings:
    text = "sources: [{name: a, type: sample}]\ncollectors: [{name: b, host: siem.example.net}]\n"
    return decode(text + more, Path("/etc/c.yaml"))


def test_only_a_restart_applies_another_journal_or_another_control_socket() -> None:
    moved = settings("journal: {path: /srv/other.db, keep: 31d}\ncontrol_socket: /run/other.sock\n")
    assert needs_restart(settings(), moved) == ("journal.path", "control_socket")
    half = settings("journal: {path: /srv/other.db}\ndrain: 11s\n")
    assert needs_restart(moved, half) == ("control_socket",)
    assert needs_restart(moved, moved) == ()


def test_they_are_named_without_their_values() -> None:
    told = unused(("journal.path", "control_socket"))
    assert told == "not in use before the next start: journal.path, control_socket"
