"""Golden answers of the vault, and exactly the events that become of them, with their ids.

A difference is a change of ids or events: who upgrades would get the same events a second time. So these
files are never made anew; what a new version does differently gets a case of its own.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from lpforwarder.config.secrets import Secret
from lpforwarder.intake.sources.lastpass import cursor
from lpforwarder.intake.sources.lastpass.answers import Response
from lpforwarder.intake.sources.lastpass.client import Client
from lpforwarder.intake.sources.lastpass.cursor import Place
from lpforwarder.intake.sources.lastpass.options import LastPassOptions
from lpforwarder.intake.sources.lastpass.source import LastPassSource

CASES = Path(__file__).parent / "lastpass"
SPRING, AUTUMN = 1_772_647_260, 1_762_072_260
"""When each answer came: in March 2026, and in the night in which New York's clocks go back."""
NEVER = 2**33


class OneAnswer(Client):
    """Always gets this answer."""

    def __init__(self, options: LastPassOptions, body: bytes) -> None:
        super().__init__(options)
        self._answer = body

    def ask(self, secret: Secret, label: str, data: dict[str, str]) -> Response:
        return Response(status=200, headers={}, body=self._answer)


@pytest.mark.parametrize(
    ("case", "now", "days"),
    [("as-documented", SPRING, 0.5), ("title-case", SPRING, 20), ("odd-in-autumn", AUTUMN, 0.25)],
)
def test_the_events_are_exactly_these(case: str, now: int, days: float, tmp_path: Path) -> None:
    secret = tmp_path / "acme.secret"
    secret.touch(mode=0o600)
    secret.write_text("s" * 64)
    options = LastPassOptions(name="acme", type="lastpass", account="40012345", secret_file=secret)
    client = OneAnswer(options, (CASES / case / "answer.json").read_bytes())
    source = LastPassSource(options, clock=lambda: float(now), client=client)
    begin = round(now - days * 86_400) - 7260
    place = Place(
        installation="abcdef01", again=begin, upto=begin, width=30 * 86_400, called=now, probe=NEVER
    )
    page = source.pull(cursor.encode(place))
    source.close()
    made = [event.line for event in page.events]
    made += [f"set aside {one.where}: {one.reason}".encode() for one in page.rejects]
    assert not page.more
    assert made == (CASES / case / "events.jsonl").read_bytes().splitlines()
