from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from lpforwarder.cli import Globals
from lpforwarder.cli.check_config import check_config

GOOD = "sources: [{name: a, type: sample}]\ncollectors:\n  - {name: siem, host: siem.example.net}\n"
NOTED = "sources: [{name: a, type: sample}]\ncollectors:\n  - {name: siem, host: 192.0.2.7, transport: tcp}\n"
BAD = GOOD + "drian: 5s\npassword: hunter2\n"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return tmp_path / "c.yaml"


def run(config: Path, text: str, *arguments: str, as_json: bool = False) -> Result:
    config.write_text(text)
    known = Globals(config=str(config), json=as_json, color=False, verbosity=0)
    return CliRunner().invoke(check_config, arguments, obj=known)


def test_a_good_file_is_said_to_be_good_in_one_line(config: Path) -> None:
    result = run(config, GOOD)
    assert result.exit_code == 0
    assert result.stdout == f"{config}: 1 source, 1 collector. No problems.\n"
    assert result.stderr == ""


def test_problems_go_to_stderr_with_exit_code_78_and_without_the_secret(config: Path) -> None:
    result = run(config, BAD)
    assert result.exit_code == 78
    assert result.stdout == ""
    assert f"error[LPF101] {config}:4:1: unknown key `drian`" in result.stderr
    assert "password: ***" in result.stderr
    assert result.stderr.endswith("2 errors. Nothing was started.\n")
    assert "hunter2" not in result.output


def test_notes_name_their_collector_and_do_not_fail(config: Path) -> None:
    result = run(config, NOTED)
    assert result.exit_code == 0
    assert "No problems.\n  note  siem: events travel to 192.0.2.7 unencrypted" in result.stdout
    assert "(host, line 3)\n        transport: tls" in result.stdout


def test_strict_makes_notes_errors(config: Path) -> None:
    result = run(config, NOTED, "--strict")
    assert result.exit_code == 78
    assert "error[LPF120]" in result.stderr


def test_show_says_where_each_value_comes_from(config: Path) -> None:
    shown = run(config, GOOD, "--show").stdout
    assert [line.split("# ")[1] for line in shown.splitlines() if "host: " in line] == ["line 3"]
    assert [line.split("# ")[1] for line in shown.splitlines() if " port: " in line] == ["default"]


@pytest.mark.parametrize("way", ["before", "behind"])
def test_scripts_get_the_problems_as_json(config: Path, way: str) -> None:
    arguments = ["--json"] if way == "behind" else []
    result = run(config, BAD, *arguments, as_json=way == "before")
    facts = json.loads(result.stdout)
    assert result.exit_code == 78
    assert (facts["version"], facts["ok"], facts["file"]) == (1, False, str(config))
    assert [(problem["code"], problem["line"]) for problem in facts["problems"]] == [
        ("LPF101", 4),
        ("LPF112", 5),
    ]
    assert "hunter2" not in result.output


def test_scripts_are_told_what_a_good_file_holds(config: Path) -> None:
    facts = json.loads(run(config, GOOD, "--json").stdout)
    assert facts == {
        "version": 1, "file": str(config), "ok": True, "sources": 1, "collectors": 1, "problems": [],
    }  # fmt: skip


def test_the_file_may_be_named_behind_the_command(config: Path) -> None:
    config.write_text(GOOD)
    assert CliRunner().invoke(check_config, ["-c", str(config)]).exit_code == 0


def test_a_missing_file_is_a_configuration_problem(tmp_path: Path) -> None:
    result = CliRunner().invoke(check_config, ["-c", str(tmp_path / "no.yaml")])
    assert result.exit_code == 78
    assert "error[LPF107]" in result.stderr


def test_the_schema_is_json(config: Path) -> None:
    assert json.loads(run(config, GOOD, "--schema").stdout)["title"] == "lpforwarder"
