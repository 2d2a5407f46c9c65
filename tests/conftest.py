"""What all tests share, and what those over real sockets need: certificates and real collectors."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from hypothesis import HealthCheck, settings

from tests.fakes.certificates import Certificates, make_certificates
from tests.fakes.peers import peers_folder

# How fast examples are drawn and tried says how busy the machine is, and nothing about what they are for.
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")


@pytest.fixture(autouse=True)
def log_as_it_comes() -> Iterator[None]:
    """A command that sets up the log in this process must not silence the tests behind it."""
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """One authority and its certificates for the whole run."""
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="session")
def peers() -> Path:
    """Where rsyslog and syslog-ng are; if nowhere, tests that ask for it fail with one line: what to run."""
    try:
        return peers_folder()
    except RuntimeError as error:
        absent = str(error)
    pytest.fail(absent, pytrace=False)
