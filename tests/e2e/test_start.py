"""What a start loads: the plug-ins that are configured, and no library that only the others need."""

from __future__ import annotations

import http.client
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.fakes.daemon import clean_environment
from tests.fakes.ports import ReservedPort

CONFIG = """
sources: [{name: app, type: file, path: app.log}]
collectors: [{name: siem, host: 127.0.0.1, port: 5140, transport: tcp}]
"""

CHECK = """
import sys
from lpforwarder.cli import main
try:
    main(["-c", sys.argv[1], "check-config"])
except SystemExit as end:
    assert not end.code, end.code
print(*sys.modules, file=sys.stderr)
"""

SERVE = """
import sys
import lpforwarder.cli.service
print(*sys.modules, file=sys.stderr)
"""

RUN = """
import sys
from lpforwarder.cli import main
try:
    main(["-c", sys.argv[1], "run"])
finally:
    print(*sys.modules)
"""

NOT_CONFIGURED = {
    "lpforwarder.delivery.transports.relp",
    "lpforwarder.intake.sources.lastpass.source",
    "lpforwarder.intake.sources.sample",
    "lpforwarder.simulator",
    "cryptography",
    "urllib3",
}
ENDPOINT_ALONE = {"anyio", "prometheus_client", "starlette", "uvicorn"}
"""The worker of the endpoint loads them for who connects first; nothing is to wait for that."""
SERVICE_ALONE = {"lpforwarder.app", "lpforwarder.journal", "sqlite3", "structlog", "tenacity"}


def loaded(tmp_path: Path, code: str) -> set[str]:
    """The modules a new process has after `code`, which gets the path of a configuration."""
    config = tmp_path / "lpforwarder.yaml"
    config.write_text(CONFIG)
    (tmp_path / "app.log").touch()
    done = subprocess.run(
        [sys.executable, "-c", code, str(config)],
        env=clean_environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return set(done.stderr.split())


def test_check_config_loads_the_plugins_that_are_configured_and_nothing_of_the_service(
    tmp_path: Path,
) -> None:
    modules = loaded(tmp_path, CHECK)
    assert {"lpforwarder.intake.sources.file", "lpforwarder.delivery.transports.tcp"} <= modules
    assert modules.isdisjoint(NOT_CONFIGURED | ENDPOINT_ALONE | SERVICE_ALONE)


def test_the_service_loads_before_its_start_no_plugin_and_not_the_server_of_the_endpoint(
    tmp_path: Path,
) -> None:
    modules = loaded(tmp_path, SERVE)
    assert modules.isdisjoint(NOT_CONFIGURED | ENDPOINT_ALONE)
    assert modules.isdisjoint({"lpforwarder.intake.sources.file", "lpforwarder.delivery.transports.tcp"})


@pytest.mark.parametrize("is_asked", [False, True])
def test_the_server_of_the_endpoint_is_loaded_for_who_connects_first(tmp_path: Path, is_asked: bool) -> None:
    with closing(ReservedPort()) as reserved:
        config = tmp_path / "lpforwarder.yaml"
        config.write_text(f"{CONFIG}http: {{listen: 127.0.0.1:{reserved.number}}}\njournal: {{path: j.db}}\n")
        (tmp_path / "app.log").touch()
        with subprocess.Popen(
            [sys.executable, "-c", RUN, str(config)],
            env=clean_environment(tmp_path),
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as running:
            assert running.stderr is not None
            assert any("endpoint.listening" in line for line in running.stderr)
            if is_asked:
                client = http.client.HTTPConnection("127.0.0.1", reserved.number, timeout=30)
                client.request("GET", "/healthz")
                assert client.getresponse().status == 200
                client.close()
            running.send_signal(signal.SIGTERM)
            modules = set(running.communicate(timeout=60)[0].split())
    assert (modules >= ENDPOINT_ALONE - {"prometheus_client"}) is is_asked
    assert modules.isdisjoint(ENDPOINT_ALONE) is not is_asked
