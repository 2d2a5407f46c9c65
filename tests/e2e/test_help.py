"""What `--help` says, how fast, and what it imports for that."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import click
from click.testing import CliRunner

from lpforwarder.cli import COMMANDS, cli
from tests.fakes.daemon import clean_environment, lpforwarder

HELP_SECONDS = 1.0  # the promise is 0.15 on an idle machine; what is imported decides, and is tested exactly


IMPORTED = """
import sys
before = set(sys.modules)
from lpforwarder.cli import main
try:
    main(["--help"])
except SystemExit as end:
    assert not end.code
print(*sorted(set(sys.modules) - before), file=sys.stderr)
"""


def test_help_imports_click_alone(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", IMPORTED],
        env=clean_environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    imported = done.stderr.split()
    packages = {name.partition(".")[0] for name in imported}
    assert packages - sys.stdlib_module_names == {"click", "lpforwarder"}
    assert {name for name in imported if name.startswith("lpforwarder")} == {"lpforwarder", "lpforwarder.cli"}
    assert packages.isdisjoint({"ssl", "sqlite3", "socket", "asyncio", "http", "concurrent", "subprocess"})


def test_help_answers_at_once(tmp_path: Path) -> None:
    took = []
    for _ in range(3):
        began = time.monotonic()
        assert lpforwarder(tmp_path, "--help").returncode == 0
        took.append(time.monotonic() - began)
    print(f"--help: {min(took) * 1000:.0f} ms")
    assert min(took) < HELP_SECONDS


def commands() -> Iterator[tuple[str, ...]]:
    """Every command, those in groups with the name of their group before."""
    for section in COMMANDS.values():
        for name in section:
            command = cli.get_command(click.Context(cli), name)
            if isinstance(command, click.Group):
                yield from ((name, inner) for inner in command.commands)
            yield (name,)


def test_the_help_of_every_command_says_what_it_does_and_has_an_example() -> None:
    shown = {command: CliRunner().invoke(cli, [*command, "--help"]).output for command in commands()}
    for command, text in shown.items():
        assert f"Usage: cli {' '.join(command)}" in text
        assert "  lpforwarder " in text, f"{command} has no example"


def test_an_unknown_command_is_a_matter_of_usage_with_the_nearest_name(tmp_path: Path) -> None:
    done = lpforwarder(tmp_path, "stauts")
    assert (done.returncode, b"Did you mean 'status'?" in done.stderr) == (2, True)
