"""The ready-made pull clients of docs/siem against the real endpoint."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

from tests.fakes.patience import PATIENCE, until
from tests.fakes.ports import ReservedPort
from tests.fakes.pulled_journal import events
from tests.fakes.served_journal import ServedJournal, served_journal

SIEM = Path(__file__).parents[2] / "docs" / "siem"
PULL = SIEM / "pull.py"
SHORTEST = SIEM / "shortest.py"


@pytest.fixture
def served(tmp_path: Path) -> Iterator[ServedJournal]:
    with served_journal(tmp_path) as served:
        yield served


class Client:
    """A client in a process of its own, and what it has printed in all its lives."""

    def __init__(self, folder: Path, served: ServedJournal, script: Path = PULL, **of: float) -> None:
        self._folder, self._script = folder, script
        self.token, self.cursor = folder / "siem.token", folder / "siem.cursor"
        self.token.write_text(served.token(**of) + "\n")  # type: ignore[arg-type]
        self.url = served.url

    def command(self, *more: str) -> list[str]:
        return [sys.executable, str(self._script), self.url, str(self.token), str(self.cursor), *more]

    def once(self) -> subprocess.CompletedProcess[bytes]:
        """Prints what there is, and ends."""
        return subprocess.run(
            self.command("--once"), capture_output=True, timeout=30, check=False, env=quick_environment()
        )

    @contextmanager
    def running(self) -> Iterator[subprocess.Popen[bytes]]:
        """Waits for events inside the block; killed at its end."""
        with (self._folder / "printed").open("ab") as out, (self._folder / "complained").open("ab") as err:
            process = subprocess.Popen(self.command(), stdout=out, stderr=err, env=quick_environment())
            try:
                yield process
            finally:
                process.kill()
                process.wait(PATIENCE)

    @property
    def printed(self) -> list[str]:
        """The ids so far, of whole lines; a kill may have cut one."""
        text = (self._folder / "printed").read_bytes()
        whole = text[: text.rfind(b"\n") + 1].splitlines()
        return ids(b"\n".join(line for line in whole if line.endswith(b"}")))

    @property
    def complained(self) -> str:
        return (self._folder / "complained").read_text()


def quick_environment() -> dict[str, str]:
    """Half a second instead of ten between two tries."""
    return {**os.environ, "PULL_PAUSE": "0.1"}


def ids(lines: bytes) -> list[str]:
    return [json.loads(line)["id"] for line in lines.splitlines()]


def names(first: int, last: int) -> list[str]:
    return [f"e{number}" for number in range(first, last + 1)]


def fill(served: ServedJournal, first: int, last: int) -> None:
    """One page for each thousand."""
    for begin in range(first, last + 1, 1000):
        served.journal.append("acme", *events(begin, min(1000, last + 1 - begin)))


def test_it_pages_through_everything_and_goes_on_where_it_ended(
    served: ServedJournal, tmp_path: Path
) -> None:
    client = Client(tmp_path, served)
    fill(served, 1, 3500)
    first = client.once()
    assert (ids(first.stdout), first.stderr, first.returncode) == (names(1, 3500), b"", 0)
    assert len(served.accesses) == 5
    fill(served, 3501, 3502)
    assert ids(client.once().stdout) == names(3501, 3502)
    assert client.once().stdout == b""


def test_it_waits_for_events_and_is_told_at_once(served: ServedJournal, tmp_path: Path) -> None:
    client = Client(tmp_path, served)
    fill(served, 1, 2)
    with client.running():
        until(lambda: client.printed == names(1, 2))
        requests = len(served.accesses)
        fill(served, 3, 3)
        until(lambda: client.printed == names(1, 3))
        assert len(served.accesses) <= requests + 2  # it does not ask all the time


def test_a_client_that_is_killed_leaves_nothing_out(served: ServedJournal, tmp_path: Path) -> None:
    client = Client(tmp_path, served)
    for last in range(100, 1001, 100):
        fill(served, last - 99, last)
        with client.running(), suppress(AssertionError):
            until(lambda last=last: len(set(client.printed)) >= last - 50)  # type: ignore[misc]
    with client.running():
        until(lambda: set(client.printed) == set(names(1, 1000)))


def test_a_line_that_a_kill_has_cut_spoils_no_other(served: ServedJournal, tmp_path: Path) -> None:
    client = Client(tmp_path, served)
    (tmp_path / "printed").write_text('{"id":"e0","ti')
    fill(served, 1, 2)
    with client.running():
        until(lambda: client.printed == names(1, 2))


def test_a_client_that_was_away_too_long_says_so_and_goes_on_with_the_oldest(
    served: ServedJournal, tmp_path: Path
) -> None:
    client = Client(tmp_path, served)
    fill(served, 1, 1)
    client.once()
    fill(served, 2, 2)
    fill(served, 3, 3)
    served.journal.remove_oldest()
    served.journal.remove_oldest()
    again = client.once()
    assert ids(again.stdout) == ["e3"]
    assert b"no longer kept" in again.stderr
    assert again.returncode == 0


def test_a_token_that_is_mended_while_it_runs_counts(served: ServedJournal, tmp_path: Path) -> None:
    client = Client(tmp_path, served)
    good = client.token.read_text()
    client.token.write_text("lpf_wrong\n")
    fill(served, 1, 2)
    assert client.once().returncode == 1
    with client.running():
        until(lambda: "A valid token is needed" in client.complained)
        assert client.printed == []
        client.token.write_text(good)
        until(lambda: client.printed == names(1, 2))


def test_a_client_that_asks_too_often_waits_as_long_as_it_is_told(
    served: ServedJournal, tmp_path: Path
) -> None:
    client = Client(tmp_path, served, rate=1.0)
    fill(served, 1, 2000)
    with client.running():
        until(lambda: client.printed == names(1, 2000))
    assert "Too many requests" in client.complained


def test_a_service_that_is_away_is_waited_for(tmp_path: Path) -> None:
    with closing(ReservedPort()) as port:
        with served_journal(tmp_path, port.number) as away:
            client = Client(tmp_path, away)
        with client.running():
            until(lambda: "refused" in client.complained)
            with served_journal(tmp_path, port.number) as served:
                fill(served, 1, 2)
                until(lambda: client.printed == names(1, 2))


def test_the_least_client_goes_on_where_it_ended(served: ServedJournal, tmp_path: Path) -> None:
    client = Client(tmp_path, served, script=SHORTEST)
    fill(served, 1, 1500)
    with client.running():
        until(lambda: client.printed == names(1, 1500) and client.cursor.exists())
        noted = client.cursor.read_text()
        fill(served, 1501, 1502)
        until(lambda: client.printed == names(1, 1502) and client.cursor.read_text() != noted)
    fill(served, 1503, 1503)
    with client.running():
        until(lambda: client.printed == names(1, 1503))


def test_it_needs_nothing_but_the_standard_library() -> None:
    both = PULL.read_text() + SHORTEST.read_text()
    imported = set(re.findall(r"^(?:from|import) ([a-z]+)", both, re.MULTILINE))
    assert imported <= sys.stdlib_module_names


def test_the_page_shows_the_client_as_it_is() -> None:
    for client in (PULL, SHORTEST):
        assert f"```python\n{client.read_text()}```\n" in (SIEM / "python.md").read_text()
