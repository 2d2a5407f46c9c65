"""`test-pull`, `simulate vault` and `check-config` as a person uses them."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from lpforwarder.cli import Globals
from lpforwarder.cli.simulate_vault import vault as simulate_vault
from lpforwarder.cli.test_pull import test_pull as pull_command
from lpforwarder.simulator.vault.options import VaultOptions
from lpforwarder.simulator.vault.server import PretendVault


@pytest.fixture
def vault() -> Iterator[PretendVault]:
    with PretendVault(options=VaultOptions(events=50, days=0.5)) as vault:
        yield vault


def configured(folder: Path, vault: PretendVault, secret: str, **keys: Any) -> Path:
    source = {"name": "acme", "type": "lastpass", "account": vault.options.account, "url": vault.url} | keys
    path = folder / "config.yaml"
    collector = {"name": "siem", "host": "127.0.0.1", "transport": "tcp"}
    path.write_text(json.dumps({"sources": [source], "collectors": [collector]}))
    (folder / "acme.secret").write_text(secret)
    (folder / "acme.secret").chmod(0o600)
    return path


def pulled(config: Path, *arguments: str) -> Result:
    return CliRunner().invoke(pull_command, arguments, obj=Globals(str(config), False, False, 0))


def test_a_pull_shows_its_steps_and_keeps_nothing(tmp_path: Path, vault: PretendVault) -> None:
    result = pulled(configured(tmp_path, vault, vault.secret))
    assert result.exit_code == 0
    assert "log in ............. ok" in result.stdout
    assert "America/New_York; the account's clock is at UTC-0" in result.stdout
    assert "50 in the first window, 0 set aside" in result.stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == ["acme.secret", "config.yaml"]


def test_refused_credentials_are_exit_code_3_and_not_shown(tmp_path: Path, vault: PretendVault) -> None:
    result = pulled(configured(tmp_path, vault, "MARKER-of-a-secret"))
    assert result.exit_code == 3
    assert "LPF301" in result.output
    assert "MARKER" not in result.output


def test_a_wrong_zone_is_shown_with_its_remedy(tmp_path: Path, vault: PretendVault) -> None:
    result = pulled(configured(tmp_path, vault, vault.secret, time_zone="Asia/Kolkata"))
    assert result.exit_code == 0
    assert "WRONG" in result.stdout
    assert "set time_zone" in result.stdout


def test_facts_come_as_json(tmp_path: Path, vault: PretendVault) -> None:
    facts = json.loads(pulled(configured(tmp_path, vault, vault.secret), "--json").stdout)
    (source,) = facts["sources"]
    assert (source["ok"], source["events"], source["rejects"], source["alarms"]) == (True, 50, 0, [])
    assert len(source["sample"]) == 5


def test_an_unknown_source_is_a_mistake_of_usage(tmp_path: Path, vault: PretendVault) -> None:
    result = pulled(configured(tmp_path, vault, vault.secret), "--source", "acne")
    assert (result.exit_code, "acme" in result.output) == (2, True)


def test_a_pretend_vault_of_its_own_answers_to_the_given_secret(tmp_path: Path) -> None:
    secret = tmp_path / "vault.secret"
    secret.write_text("s3cr3t-of-a-test")
    secret.chmod(0o600)
    code = "from lpforwarder.cli.simulate_vault import vault; vault()"
    command = [
        sys.executable,
        "-c",
        code,
        "--events",
        "20",
        "--days",
        "0.5",
        "--rate",
        "0",
        "--secret-file",
        str(secret),
    ]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            url = re.search(r"http\S+", process.stderr.readline())
            said = process.stderr.readline()
            assert url is not None
            assert "s3cr3t" not in said
            with PretendVault() as other:
                config = configured(tmp_path, other, "s3cr3t-of-a-test", url=url[0])
            result = pulled(config)
            assert (result.exit_code, "20 in the first window" in result.stdout) == (0, True)
        finally:
            process.terminate()


@pytest.mark.parametrize("wrong", [["--zone", "Mars/Phobos"], ["--faults", "2"], ["--listen", "here"]])
def test_nonsense_for_the_pretend_vault_is_a_mistake_of_usage(wrong: list[str]) -> None:
    assert CliRunner().invoke(simulate_vault, wrong).exit_code == 2
