"""One suite over every registered source, a stranger's included.

The suite needs a source of each kind over some data: the fixture `source_NAME`, where NAME is that of the
entry point (`-` and `.` written as `_`). It gives a function that makes the source. A stranger's fixture
comes with a pytest plug-in: `pytest tests/contract -p their_package.lpforwarder_fixtures`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pydantic import ValidationError

from lpforwarder.intake.contract import Source, SourceOptions
from lpforwarder.intake.sources.file import FileOptions, FileSource
from lpforwarder.intake.sources.lastpass.client import Client, Pace
from lpforwarder.intake.sources.lastpass.options import LastPassOptions
from lpforwarder.intake.sources.lastpass.source import LastPassSource
from lpforwarder.intake.sources.sample import SampleOptions, SampleSource
from lpforwarder.plugins import load, registered
from lpforwarder.simulator.vault.options import VaultOptions
from lpforwarder.simulator.vault.server import PretendVault
from tests.contract.source_suite import SourceSuite
from tests.fakes.source import FakeSource, sample_events

Make = Callable[[], Source]
NAMES = sorted(registered("sources"))


@pytest.fixture
def source_file(tmp_path: Path) -> Iterator[Make]:
    path = tmp_path / "events.json"
    lines = [event.line for event in sample_events(2_500)]
    lines[17] = b"this is not JSON"
    lines[18] = b'{"eventId": "4001", "timestamp": "2026-01-31T12:00:00+01:00"}'
    lines[19] = lines[18]
    path.write_bytes(b"\n".join(lines) + b"\n")
    made: list[FileSource] = []

    def make() -> FileSource:
        made.append(FileSource(FileOptions(name="archive", type="file", path=path)))
        return made[-1]

    yield make
    for source in made:
        source.close()


@pytest.fixture
def source_sample() -> Make:
    options = SampleOptions(name="demo", type="sample", rate=0.0, count=2_500, start="2026-01-31T00:00:00Z")
    return lambda: SampleSource(options)


@pytest.fixture
def source_lastpass(tmp_path: Path) -> Iterator[Make]:
    now = 1_772_647_200.0
    secret = tmp_path / "acme.secret"
    made: list[LastPassSource] = []
    with PretendVault(
        options=VaultOptions(events=2_500, days=3.0, page_size=400), clock=lambda: now
    ) as vault:
        secret.write_text(vault.secret)
        secret.chmod(0o600)
        options = LastPassOptions(
            name="acme",
            type="lastpass",
            account=vault.options.account,
            secret_file=secret,
            url=vault.url,
            first_start="4d",
        )

        def make() -> LastPassSource:
            client = Client(options, pace=Pace(lambda: 0.0, lambda _: None))
            made.append(LastPassSource(options, clock=lambda: now, client=client))
            return made[-1]

        yield make
        for source in made:
            source.close()


class TestRegisteredSources(SourceSuite):
    @pytest.fixture(params=NAMES)
    def make_source(self, request: pytest.FixtureRequest) -> Make:
        fixture = f"source_{re.sub('[-.]', '_', request.param)}"
        try:
            make: Make = request.getfixturevalue(fixture)
        except pytest.FixtureLookupError:
            pytest.fail(f"supply a fixture named {fixture}; see the head of {Path(__file__).name}")
        return make


class TestFakeSource(SourceSuite):
    @pytest.fixture
    def make_source(self) -> Make:
        return lambda: FakeSource(sample_events(25), page_size=10)


@pytest.mark.parametrize("name", NAMES)
def test_the_options_of_a_source_refuse_unknown_keys(name: str) -> None:
    options = load("sources", name).Options
    assert issubclass(options, SourceOptions)
    with pytest.raises(ValidationError, match="colour"):
        options.model_validate({"name": "x", "type": name, "colour": "blue"})
