from __future__ import annotations

from pathlib import Path

import pytest

from lpforwarder.config.document import parse
from lpforwarder.config.problems import as_json, exit_code, in_order, place, render, without_values
from lpforwarder.errors import Problem
from tests.fakes.pipes import pipe, without_waiting

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


def test_a_configuration_that_came_through_a_pipe_is_not_read_again(tmp_path: Path) -> None:
    waits = pipe(tmp_path / "bad.yaml")
    problem = Problem(code="LPF112", file=str(waits), line=4, column=5, what="x")
    shown = without_waiting(lambda: render([problem]), waits)
    assert shown.startswith(f"error[LPF112] {waits}:4:5: x\n")


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


def test_a_place_is_what_the_report_of_the_problem_begins_with() -> None:
    assert place(UNKNOWN) == "bad.yaml:3:5"
    assert place(Problem(code="LPF107", file="bad.yaml", what="x")) == "bad.yaml"
    assert place(Problem(code="LPF107", file="", what="x")) == ""


@pytest.mark.parametrize(
    ("code", "key", "what", "told"),
    [
        ("LPF101", "collectors[0].fromat", "unknown key `fromat`", "unknown key `fromat`"),
        ("LPF102", "collectors[0].port", "`port` is 70000; ports end at 65535", None),
        ("LPF106", "drain", '`drain`: "hunter2" is not a duration', "`drain`: *** is not a duration"),
        ("LPF104", "a", "the tag !hunter2 means nothing here", "the tag *** means nothing here"),
        ("LPF105", "", "YAML cannot be read from here: found 'hunter2'", None),
        (
            "LPF119",
            "sources[0].secret_file",
            "/etc/hunter2 does not exist",
            "what `secret_file` names cannot be used",
        ),
        (
            "LPF111",
            "sources[0].secret_env",
            "$hunter2 is empty",
            "what `secret_env` names cannot be used",
        ),
        ("LPF110", "sources[0].secret_file", "/a.secret can be read by everyone here (0644)", None),
        ("LPF119", "collectors[0].tls.ca_file", "/ca.pem does not exist", None),
        ("LPF205", "x", "the collector's certificate of the CA's has expired", None),
    ],
)
def test_what_a_file_says_is_kept_out_of_logs_and_events(
    code: str, key: str, what: str, told: str | None
) -> None:
    problem = Problem(code=code, file="bad.yaml", key=key, what=what)
    assert without_values(problem) == (told or what.replace("'hunter2'", "***"))
    assert "hunter2" not in without_values(problem)
