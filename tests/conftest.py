"""What tests over real sockets share, whether of one stage or of the whole daemon."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fakes.certificates import Certificates, make_certificates
from tests.fakes.peers import peers_folder


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
