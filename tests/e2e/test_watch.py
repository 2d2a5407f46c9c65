"""`status --watch` in a terminal: what it shows, its keys, and the terminal it leaves behind."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.collectors import CollectorProcess
from tests.fakes.daemon import Daemon
from tests.fakes.small_setup import collector
from tests.fakes.terminal import Terminal
from tests.fakes.wished_events import WISHED

OPEN, CLOSE = "\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"


@pytest.fixture
def daemon(tmp_path: Path, receiver: CollectorProcess, nobody: int) -> Iterator[Daemon]:
    """Not started; with a good collector and a dead one."""
    path = tmp_path / "events.json"
    path.write_text(json.dumps(WISHED))
    settings = {
        "sources": [{"name": "archive", "type": "file", "path": str(path)}],
        "collectors": [collector(receiver.port), collector(nobody, name="dead")],
    }
    made = Daemon(tmp_path / "daemon", settings)
    yield made
    made.close()


def watching(daemon: Daemon, width: int = 80, height: int = 24, **environment: str) -> Terminal:
    command = [sys.executable, "-m", "lpforwarder", "-c", str(daemon.file), "status", "--watch"]
    return Terminal(
        command,
        folder=daemon.folder,
        environment={**daemon.environment, **environment},
        width=width,
        height=height,
    )


def assert_given_back(terminal: Terminal) -> None:
    """The terminal is as it was before."""
    assert terminal.settings() == terminal.before
    assert terminal.said.count(OPEN) == terminal.said.count(CLOSE) == 1
    assert terminal.said.index(OPEN) < terminal.said.index(CLOSE)


@pytest.mark.parametrize(("width", "height"), [(80, 24), (200, 60)])
def test_it_shows_the_service_and_obeys_its_keys(daemon: Daemon, width: int, height: int) -> None:
    with daemon, watching(daemon, width, height) as terminal:
        lines = terminal.wait_until(lambda text: "dead  unreachable" in text and "siem  connected" in text)
        assert lines[0].startswith("BEHIND  dead is unreachable since")
        assert (len(lines), max(map(len, lines))) == (height, width)
        assert "[LPF202]" in "\n".join(lines)
        terminal.press("s")
        terminal.wait_until(lambda text: "COLLECTORS" not in text and "archive  running" in text)
        terminal.press("c")
        terminal.wait_until(lambda text: "SOURCES" not in text and "dead  unreachable" in text)
        terminal.press("\x1b[A")  # an arrow is no letter
        terminal.press("a")
        terminal.wait_until(lambda text: "SOURCES" in text and "COLLECTORS" in text)
        terminal.press("q")
        assert terminal.wait() == 5
        assert_given_back(terminal)


def test_it_renews_itself_says_when_the_service_is_down_and_finds_it_again(daemon: Daemon) -> None:
    with watching(daemon) as terminal:
        terminal.wait_until(lambda text: text.startswith("DOWN  Not running; there is no event"))
        with daemon:
            terminal.wait_until(lambda text: text.startswith("BEHIND  dead is unreachable"))
        terminal.wait_until(lambda text: text.startswith("DOWN  Not running. Journal readable:"))
        daemon.file.write_text("sources: [")
        terminal.wait_until(lambda text: text.startswith("UNKNOWN"))
        daemon.configure(daemon.settings)
        terminal.wait_until(lambda text: text.startswith("DOWN"))
        terminal.press("q")
        assert terminal.wait() == 6
        assert_given_back(terminal)


def script(folder: Path, code: str) -> Terminal:
    """Python in a terminal."""
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(Path(__file__).parents[2])}
    return Terminal([sys.executable, "-c", code], folder=folder, environment=environment)


def test_another_size_of_the_window_is_filled_at_once(tmp_path: Path) -> None:
    code = (
        "from lpforwarder.cli.watch import watch\n"
        "from tests.fakes.facts import facts\n"
        "watch(facts, color=False, every=3600.0)"
    )
    with script(tmp_path, code) as terminal:
        terminal.wait_until(lambda text: len(text.split("\n")) == 24)
        terminal.resize(120, 30)
        terminal.wait_until(lambda text: len(text.split("\n")) == 30)
        terminal.press("q")
        assert terminal.wait() == 0
        assert_given_back(terminal)


@pytest.mark.parametrize("way", ["Ctrl-C", "SIGTERM"])
def test_the_terminal_is_given_back_when_it_is_cut_short(daemon: Daemon, way: str) -> None:
    with watching(daemon) as terminal:
        terminal.wait_until(lambda text: "q quit" in text)
        assert terminal.settings() != terminal.before
        if way == "Ctrl-C":
            terminal.press("\x03")
        else:
            terminal.signal(signal.SIGTERM)
        assert terminal.wait() == {"Ctrl-C": 130, "SIGTERM": 143}[way]
        assert_given_back(terminal)
        assert "Traceback" not in terminal.said


def test_the_terminal_is_given_back_when_we_have_a_bug(tmp_path: Path) -> None:
    code = "from lpforwarder.cli.watch import watch\nwatch(dict, color=False)"  # facts without a single key
    with script(tmp_path, code) as terminal:
        assert terminal.wait() == 1
        assert "KeyError" in terminal.said.partition(CLOSE)[2]
        assert_given_back(terminal)


def test_colours_are_left_out_where_nobody_wants_them(daemon: Daemon) -> None:
    for no_color, colored in (("", True), ("1", False)):
        with watching(daemon, NO_COLOR=no_color) as terminal:
            terminal.wait_until(lambda text: "q quit" in text)
            assert ("\x1b[31m" in terminal.said) is colored


def test_without_a_terminal_it_says_what_to_do_instead(daemon: Daemon) -> None:
    done = daemon.command("status", "--watch")
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"--watch needs a terminal. For a script: lpforwarder --json status" in done.stderr
    assert daemon.command("--json", "status", "--watch").returncode == 2
