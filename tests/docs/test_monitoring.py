"""Rules, dashboard, runbook and the page of metrics fit together, and Prometheus' own tool takes them."""

from __future__ import annotations

import json
import re
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from lpforwarder.endpoint.metric_kinds import KINDS
from lpforwarder.endpoint.metrics import exposition
from scripts import generate_dashboard, generate_metrics_docs
from tests.fakes.facts import busy_facts

ROOT = Path(__file__).parents[2]
MONITORING = ROOT / "monitoring"
PAGE = (ROOT / "docs/reference/metrics.md").read_text(encoding="utf-8")
RUNBOOK = (ROOT / "docs/runbook.md").read_text(encoding="utf-8")
METRIC = re.compile(r"\b(?:lpforwarder|process)_[a-z_]+\b")
PARTS = ("Meaning", "Check", "Fix", "Escalate")

needs_promtool = pytest.mark.peers


def promtool(peers: Path, *arguments: str | Path, text: bytes = b"") -> str:
    """Its words; AssertionError with them when it is not content."""
    command = [str(peers / "usr/bin/promtool"), *map(str, arguments)]
    done = subprocess.run(command, input=text, capture_output=True, timeout=120, check=False)
    said = (done.stdout + done.stderr).decode()
    assert done.returncode == 0, said
    return said


@cache
def rules() -> tuple[dict[str, Any], ...]:
    groups = yaml.safe_load((MONITORING / "prometheus-rules.yaml").read_bytes())["groups"]
    return tuple(rule for group in groups for rule in group["rules"])


def dashboard() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((MONITORING / "grafana.json").read_bytes())
    return loaded


def panels() -> list[dict[str, Any]]:
    return [panel for panel in dashboard()["panels"] if panel["type"] != "row"]


def expressions() -> list[str]:
    """All of the dashboard, as Grafana sends them when everything is chosen."""
    found = [target["expr"] for panel in panels() for target in panel["targets"]]
    found += [annotation["expr"] for annotation in dashboard()["annotations"]["list"]]
    return [re.sub(r"\$(?:instance|source|collector)\b", ".*", expression) for expression in found]


def documented(text: str) -> set[str]:
    return set(re.findall(r"`((?:lpforwarder|process)_[a-z_]+)`", text))


def named(expression: str) -> set[str]:
    """The metrics in it; those of a histogram by their family."""
    return {re.sub(r"_(?:bucket|sum|count)$", "", name) for name in METRIC.findall(expression)}


def sections() -> dict[str, str]:
    _, *parts = re.split(r"^## ", RUNBOOK, flags=re.MULTILINE)
    return dict(part.split("\n", 1) for part in parts)


# ---- Prometheus' own judgement --------------------------------------------------------------------------


@needs_promtool
def test_promtool_takes_the_rules(peers: Path) -> None:
    said = promtool(peers, "check", "rules", MONITORING / "prometheus-rules.yaml")
    assert f"SUCCESS: {len(rules())} rules found" in said


@needs_promtool
def test_each_alert_fires_when_it_must_and_only_then(peers: Path) -> None:
    promtool(peers, "test", "rules", *sorted(MONITORING.glob("*.test.yaml")))


@needs_promtool
def test_promtool_finds_nothing_to_say_about_our_metrics(peers: Path) -> None:
    assert promtool(peers, "check", "metrics", text=exposition(busy_facts())) == ""


@needs_promtool
def test_every_expression_of_the_dashboard_can_be_read(peers: Path, tmp_path: Path) -> None:
    made = [{"record": f"panel:{place}", "expr": text} for place, text in enumerate(expressions())]
    file = tmp_path / "rules.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": made}]}))
    assert f"SUCCESS: {len(made)} rules found" in promtool(peers, "check", "rules", file)


@needs_promtool
def test_an_expression_that_cannot_be_read_would_be_found(peers: Path, tmp_path: Path) -> None:
    file = tmp_path / "rules.yaml"
    file.write_text("groups: [{name: x, rules: [{record: y, expr: 'sum(('}]}]")
    with pytest.raises(AssertionError, match="could not parse expression"):
        promtool(peers, "check", "rules", file)


# ---- everything that is named is there ------------------------------------------------------------------


def test_no_generated_file_is_stale() -> None:
    assert generate_metrics_docs.stale() == []
    assert generate_dashboard.stale() == []


def test_the_page_has_exactly_the_metrics_of_the_program() -> None:
    rows = re.findall(r"^\| `(lpforwarder_[a-z_]+)` \| (?:gauge|counter|histogram) \|", PAGE, re.MULTILINE)
    assert sorted(rows) == sorted(kind.published for kind in KINDS.values())


def test_what_the_page_says_of_the_process_is_what_is_published() -> None:
    shown = re.findall(r"^# TYPE (process_\w+) ", exposition(busy_facts()).decode(), re.MULTILINE)
    assert set(generate_metrics_docs.PROCESS) == set(shown)


def test_every_metric_in_rules_and_dashboard_is_documented() -> None:
    used = {name for text in (*(rule["expr"] for rule in rules()), *expressions()) for name in named(text)}
    assert len(used) >= 25
    assert used - documented(PAGE) == set()


def test_every_label_in_the_rules_is_one_of_the_metric() -> None:
    for rule in rules():
        for name, inside in re.findall(r"(lpforwarder_\w+)\{([^}]*)\}", rule["expr"]):
            labels = set(re.findall(r"(\w+)\s*[=!]~?", inside))
            kind = next(kind for kind in KINDS.values() if kind.published == name)
            assert labels <= set(kind.labels), rule["alert"]


def test_every_alert_has_a_severity_and_a_section_in_the_runbook() -> None:
    for rule in rules():
        name = rule["alert"]
        assert rule["labels"]["severity"] in ("page", "ticket", "note"), name
        assert rule["annotations"]["runbook"] == f"docs/runbook.md#{name.lower()}"
        assert rule["annotations"]["summary"], name
        assert rule["annotations"]["description"], name
    assert list(sections()) == [rule["alert"] for rule in rules()]


def test_every_section_says_what_it_means_what_to_check_how_to_mend_and_whom_to_call() -> None:
    for name, text in sections().items():
        places = [text.find(f"**{part}") for part in PARTS]
        assert -1 not in places, name
        assert places == sorted(places), name


def test_every_alert_has_a_test_in_which_it_fires_and_one_in_which_it_does_not() -> None:
    tests = [yaml.safe_load(file.read_bytes())["tests"] for file in sorted(MONITORING.glob("*.test.yaml"))]
    judged = [case for group in tests for test in group for case in test["alert_rule_test"]]
    names = {rule["alert"] for rule in rules()}
    assert {case["alertname"] for case in judged if case.get("exp_alerts")} == names
    assert {case["alertname"] for case in judged if not case.get("exp_alerts")} == names


def test_every_panel_says_what_is_normal_and_names_alerts_that_exist() -> None:
    names = {rule["alert"] for rule in rules()}
    for panel in panels():
        text = panel["description"]
        assert text.startswith("Normal: "), panel["title"]
        alerts = text.partition(" Alert: ")[2].rstrip(".")
        assert set(alerts.split(", ")) <= names if alerts else text.endswith("No alert watches it.")


def test_the_dashboard_has_its_rows_and_variables_and_no_panel_on_another() -> None:
    made = dashboard()
    rows = [panel["title"] for panel in made["panels"] if panel["type"] == "row"]
    assert rows == ["Verdict", "Flow", "Lag", "Sources", "Safety", "Process"]
    assert {"instance", "source", "collector"} <= {each["name"] for each in made["templating"]["list"]}
    numbers = [panel["id"] for panel in made["panels"]]
    assert len(numbers) == len(set(numbers))
    cells = [
        (x, y)
        for at in (panel["gridPos"] for panel in made["panels"])
        for x in range(at["x"], at["x"] + at["w"])
        for y in range(at["y"], at["y"] + at["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < generate_dashboard.WIDTH
