"""What a start loads: the plug-ins that are configured, and no library that only the others need."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.fakes.daemon import clean_environment

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

NOT_CONFIGURED = {
    "lpforwarder.delivery.transports.relp",
    "lpforwarder.intake.sources.lastpass.source",
    "lpforwarder.intake.sources.sample",
    "lpforwarder.simulator",
    "cryptography",
    "urllib3",
}
ENDPOINT_ALONE = {"anyio", "prometheus_client", "starlette", "uvicorn"}
"""The worker of the endpoint loads them when it runs; nothing is to wait for that."""
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
