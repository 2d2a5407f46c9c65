from __future__ import annotations

from pathlib import Path

import pytest

from lpforwarder.config.document import parse
from lpforwarder.config.problems import as_json, exit_code, in_order, render
from lpforwarder.errors import Problem

TEXT = "collectors:\n  - name: siem\n    fromat: cef\n    password: hunter2\n"
UNKNOWN = Problem(
    code="LPF101",
    file="bad.yaml",
    line=3,
    column=5,
    what="unknown key `fromat`",
    fix="did you mean `format`?",
)
NOTE = Problem(code="LPF120", file="bad.yaml", line=1, column=1, what="x", note=True)
EXPOSED = Problem(code="LPF110", file="bad.yaml", line=2, column=1, what="x")


def test_a_problem_is_shown_with_its_line_a_caret_and_the_remedy() -> None:
    assert render([UNKNOWN], parse(TEXT, "bad.yaml").source) == (
        "error[LPF101] bad.yaml:3:5: unknown key `fromat`\n"
        "    3 |     fromat: cef\n"
        "      |     ^ did you mean `format`?\n"
        "1 error. Nothing was started."
    )


def test_whoever_shows_them_says_what_came_of_it() -> None:
    source = parse(TEXT, "bad.yaml").source
    assert render([UNKNOWN], source, verdict="Nothing was changed.").endswith(
        "\n1 error. Nothing was changed."
    )


def test_without_the_text_the_file_is_read_again_and_secrets_stay_masked(tmp_path: Path) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text(TEXT)
    problem = Problem(code="LPF112", file=str(file), line=4, column=5, what="x")
    shown = render([problem])
    assert "    password: ***" in shown
    assert "hunter2" not in shown


def test_a_problem_of_the_whole_file_has_no_line() -> None:
    problem = Problem(code="LPF107", file="", what="no configuration found", fix="try: lpforwarder demo")
    assert render([problem]).splitlines()[:2] == [
        "error[LPF107] no configuration found",
        "      fix  try: lpforwarder demo",
    ]


def test_problems_stand_in_the_order_of_the_file_each_once() -> None:
    assert in_order([UNKNOWN, NOTE, UNKNOWN]) == (NOTE, UNKNOWN)


@pytest.mark.parametrize(
    ("problems", "code"),
    [([], 0), ([NOTE], 0), ([EXPOSED, NOTE], 77), ([EXPOSED, UNKNOWN], 78), ([UNKNOWN], 78)],
)
def test_the_exit_code_is_77_only_when_nothing_but_permissions_is_wrong(
    problems: list[Problem], code: int
) -> None:
    assert exit_code(problems) == code


def test_scripts_get_every_part_of_a_problem() -> None:
    assert as_json(NOTE)["level"] == "note"
    assert as_json(UNKNOWN) == {
        "code": "LPF101", "level": "error", "file": "bad.yaml", "line": 3, "column": 5, "key": "",
        "what": "unknown key `fromat`", "fix": "did you mean `format`?",
    }  # fmt: skip
