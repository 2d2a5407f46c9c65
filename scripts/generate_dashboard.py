#!/usr/bin/env python3
"""Writes monitoring/grafana.json, the dashboard; with --check says whether it is stale, exit 1.

Each panel's description says what normal looks like, and which alert watches it.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

PAGE = ROOT / "monitoring" / "grafana.json"
WIDTH = 24
"""Columns of Grafana's grid."""
_SOURCE = {"type": "prometheus", "uid": "${datasource}"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One picture; `lines` are pairs of expression and legend."""

    title: str
    lines: Sequence[tuple[str, str]]
    normal: str
    alerts: Sequence[str] = ()
    unit: str = "short"
    shape: Literal["stat", "timeseries"] = "timeseries"
    bad: Sequence[tuple[float, str]] = ()
    """Values from which on it has another colour, beside the first, which is green."""

    def description(self) -> str:
        """What people read when they point at it."""
        alerts = f" Alert: {', '.join(self.alerts)}." if self.alerts else " No alert watches it."
        return f"Normal: {self.normal}.{alerts}"


_I = 'instance=~"$instance"'
_S = f'{_I},source=~"$source"'
_C = f'{_I},collector=~"$collector"'


def _quantiles(metric: str, labels: str, by: str) -> list[tuple[str, str]]:
    made = []
    for name, part in (("p50", "0.5"), ("p95", "0.95"), ("p99", "0.99")):
        rate = f"rate(lpforwarder_{metric}_bucket{{{labels}}}[15m])"
        made.append((f"histogram_quantile({part}, sum by (le, {by}) ({rate}))", f"{name} {{{{{by}}}}}"))
    return made


ROWS: dict[str, Sequence[Panel]] = {
    "Verdict": (
        Panel(
            title="Up",
            lines=[('up{job="lpforwarder",' + _I + "}", "{{instance}}")],
            normal="1 for each instance",
            alerts=["ForwarderDown"],
            shape="stat",
            bad=[(float("-inf"), "red"), (1, "green")],
        ),
        Panel(
            title="Collectors up",
            lines=[(f"lpforwarder_collector_up{{{_C}}}", "{{collector}}")],
            normal="1 for each collector",
            alerts=["CollectorUnreachable"],
            shape="stat",
            bad=[(float("-inf"), "red"), (1, "green")],
        ),
        Panel(
            title="Waiting",
            lines=[(f"lpforwarder_collector_waiting_events{{{_C}}}", "{{collector}}")],
            normal="near 0, up to a page after each poll",
            alerts=["DeliveryLate"],
            shape="stat",
            bad=[(10_000, "orange")],
        ),
        Panel(
            title="Oldest waiting",
            lines=[(f"lpforwarder_collector_oldest_waiting_seconds{{{_C}}}", "{{collector}}")],
            normal="below 30 s, the fence's time",
            alerts=["DeliveryLate"],
            unit="s",
            shape="stat",
            bad=[(60, "orange"), (900, "red")],
        ),
        Panel(
            title="Time until loss",
            lines=[(f"lpforwarder_journal_room_seconds{{{_I}}}", "{{instance}}")],
            normal="weeks, or empty while the journal does not grow",
            alerts=["LossAhead"],
            unit="s",
            shape="stat",
            bad=[(float("-inf"), "red"), (86_400, "orange"), (604_800, "green")],
        ),
        Panel(
            title="Newest event",
            lines=[(f"time() - lpforwarder_source_newest_event_timestamp_seconds{{{_S}}}", "{{source}}")],
            normal="minutes by day, hours by night",
            alerts=["UnusuallyQuiet"],
            unit="s",
            shape="stat",
            bad=[(21_600, "orange")],
        ),
    ),
    "Flow": (
        Panel(
            title="Events fetched",
            lines=[(f"rate(lpforwarder_events_fetched_total{{{_S}}}[5m])", "{{source}}")],
            normal="follows the working day",
            alerts=["UnusuallyQuiet"],
            unit="cps",
        ),
        Panel(
            title="Known already, and rejected",
            lines=[
                (f"rate(lpforwarder_events_duplicate_total{{{_S}}}[5m])", "known {{source}}"),
                (f"rate(lpforwarder_events_rejected_total{{{_S}}}[5m])", "rejected {{source}}"),
            ],
            normal="known ones come with every poll, and no record is rejected",
            unit="cps",
        ),
        Panel(
            title="Sent and acknowledged",
            lines=[
                (f"rate(lpforwarder_events_sent_total{{{_C}}}[5m])", "sent {{collector}}"),
                (f"rate(lpforwarder_events_acked_total{{{_C}}}[5m])", "acknowledged {{collector}}"),
            ],
            normal="the two lines of a collector lie on each other",
            alerts=["CollectorUnreachable", "DeliveryLate"],
            unit="cps",
        ),
        Panel(
            title="Sent again, set aside, lost",
            lines=[
                (f"increase(lpforwarder_events_replayed_total{{{_C}}}[1h])", "again {{collector}}"),
                (f"increase(lpforwarder_events_set_aside_total{{{_C}}}[1h])", "set aside {{collector}}"),
                (f"lpforwarder_collector_lost_events{{{_C}}}", "lost {{collector}}"),
                (f"lpforwarder_journal_missing_events{{{_I}}}", "missing {{instance}}"),
            ],
            normal="all 0; a hump of repeats after a broken link",
            alerts=["EventsSetAside", "EventsLost"],
        ),
    ),
    "Lag": (
        Panel(
            title="Delivery time",
            lines=_quantiles("delivery_seconds", _C, "collector"),
            normal="half below the poll interval, 99 % below twice that; old history counts in full",
            alerts=["DeliveryLate"],
            unit="s",
        ),
        Panel(
            title="Waiting over time",
            lines=[(f"lpforwarder_collector_waiting_events{{{_C}}}", "{{collector}}")],
            normal="a comb of small teeth, one for each poll",
            alerts=["DeliveryLate"],
        ),
    ),
    "Sources": (
        Panel(
            title="Poll time",
            lines=_quantiles("poll_seconds", _S, "source"),
            normal="below 5 s for a vault",
            alerts=["SourceStale"],
            unit="s",
        ),
        Panel(
            title="Since the last answer",
            lines=[(f"time() - lpforwarder_source_last_poll_timestamp_seconds{{{_S}}}", "{{source}}")],
            normal="below the poll interval",
            alerts=["SourceStale"],
            unit="s",
        ),
        Panel(
            title="Failures by code",
            lines=[(f"increase(lpforwarder_errors_total{{{_I}}}[15m])", "{{part}} {{name}} {{code}}")],
            normal="empty",
            alerts=["SecretRefused", "CollectorUnreachable"],
        ),
        Panel(
            title="Alarms that are on",
            lines=[
                (f"lpforwarder_source_alarm{{{_S}}}", "{{source}} {{code}}"),
                (f"lpforwarder_collector_alarm{{{_C}}}", "{{collector}} {{code}}"),
                (f"lpforwarder_journal_warning{{{_I}}}", "journal {{code}}"),
            ],
            normal="empty",
            alerts=["SourceAlarm", "CollectorAlarm", "JournalWarning", "SecretRefused"],
        ),
    ),
    "Safety": (
        Panel(
            title="Journal on disk",
            lines=[(f"lpforwarder_journal_bytes{{{_I}}}", "{{instance}}")],
            normal="levels out after journal.keep, below journal.max_size",
            alerts=["LossAhead"],
            unit="bytes",
        ),
        Panel(
            title="Certificates end in",
            lines=[
                (f"lpforwarder_certificate_expiry_timestamp_seconds{{{_I}}} - time()", "{{name}} {{kind}}")
            ],
            normal="more than 14 days",
            alerts=["CertificateExpires"],
            unit="s",
        ),
        Panel(
            title="Clock against the vault's",
            lines=[(f"lpforwarder_clock_skew_seconds{{{_I}}}", "{{peer}}")],
            normal="between -2 and 2 s",
            alerts=["ClockSkew"],
            unit="s",
        ),
        Panel(
            title="Age of the secrets",
            lines=[(f"lpforwarder_secret_age_seconds{{{_S}}}", "{{source}}")],
            normal="below what your rules for secrets allow",
            unit="s",
        ),
        Panel(
            title="Last reload",
            lines=[(f"lpforwarder_config_last_reload_success{{{_I}}}", "{{instance}}")],
            normal="1, or empty before the first reload",
            alerts=["ReloadFailed"],
        ),
    ),
    "Process": (
        Panel(
            title="CPU",
            lines=[(f'rate(process_cpu_seconds_total{{job="lpforwarder",{_I}}}[5m])', "{{instance}}")],
            normal="a few hundredths, and up to 1 while much is waiting",
            unit="percentunit",
        ),
        Panel(
            title="Memory",
            lines=[(f'process_resident_memory_bytes{{job="lpforwarder",{_I}}}', "{{instance}}")],
            normal="level, and below 150 MB",
            unit="bytes",
        ),
        Panel(
            title="Open files",
            lines=[(f'process_open_fds{{job="lpforwarder",{_I}}}', "{{instance}}")],
            normal="some 20 and one for each client",
        ),
    ),
}


def dashboard() -> dict[str, Any]:
    """The whole dashboard as Grafana imports it."""
    return {
        "title": "lpforwarder",
        "uid": "lpforwarder",
        "description": "How the forwarding of audit events is doing. Alerts: docs/runbook.md",
        "tags": ["lpforwarder"],
        "schemaVersion": 39,
        "version": 1,
        "editable": True,
        "refresh": "30s",
        "time": {"from": "now-24h", "to": "now"},
        "annotations": {"list": [_outages()]},
        "templating": {"list": list(_variables())},
        "panels": list(_panels()),
    }


def _outages() -> dict[str, Any]:
    return {
        "name": "Outages",
        "datasource": _SOURCE,
        "enable": True,
        "iconColor": "red",
        "expr": f"lpforwarder_collector_up{{{_C}}} == 0",
        "step": "60s",
        "titleFormat": "{{collector}} is away",
    }


def _variables() -> Iterator[dict[str, Any]]:
    yield {"name": "datasource", "type": "datasource", "query": "prometheus", "label": "Data"}
    queries = {
        "instance": 'label_values(up{job="lpforwarder"}, instance)',
        "source": f"label_values(lpforwarder_source_up{{{_I}}}, source)",
        "collector": f"label_values(lpforwarder_collector_up{{{_I}}}, collector)",
    }
    for name, query in queries.items():
        yield {
            "name": name,
            "type": "query",
            "datasource": _SOURCE,
            "query": query,
            "definition": query,
            "refresh": 2,
            "multi": True,
            "includeAll": True,
            "allValue": ".*",
            "current": {"text": "All", "value": "$__all"},
        }


def _panels() -> Iterator[dict[str, Any]]:
    number, y = 1, 0
    for title, panels in ROWS.items():
        yield {
            "id": number,
            "type": "row",
            "title": title,
            "collapsed": False,
            "panels": [],
            "gridPos": {"x": 0, "y": y, "w": WIDTH, "h": 1},
        }
        number, y = number + 1, y + 1
        height = 4 if panels[0].shape == "stat" else 8
        width = WIDTH // len(panels)
        for place, panel in enumerate(panels):
            at = {"x": place * width, "y": y, "w": width, "h": height}
            yield _panel(panel, number, at)
            number += 1
        y += height


def _panel(panel: Panel, number: int, at: dict[str, int]) -> dict[str, Any]:
    steps = [(float("-inf"), "green"), *panel.bad] if not _begins(panel) else list(panel.bad)
    thresholds = [
        {"color": colour, "value": None if value == float("-inf") else value} for value, colour in steps
    ]
    targets = [
        {"refId": chr(ord("A") + place), "datasource": _SOURCE, "expr": expression, "legendFormat": legend}
        for place, (expression, legend) in enumerate(panel.lines)
    ]
    return {
        "id": number,
        "type": panel.shape,
        "title": panel.title,
        "description": panel.description(),
        "datasource": _SOURCE,
        "gridPos": at,
        "targets": targets,
        "fieldConfig": {
            "defaults": {"unit": panel.unit, "thresholds": {"mode": "absolute", "steps": thresholds}},
            "overrides": [],
        },
        "options": {"reduceOptions": {"calcs": ["lastNotNull"]}} if panel.shape == "stat" else {},
    }


def _begins(panel: Panel) -> bool:
    return bool(panel.bad) and panel.bad[0][0] == float("-inf")


def text() -> str:
    """The file."""
    return json.dumps(dashboard(), indent=1, ensure_ascii=False) + "\n"


def stale() -> list[str]:
    """The file, if it says something else than the code."""
    is_current = PAGE.exists() and PAGE.read_text(encoding="utf-8") == text()
    return [] if is_current else [str(PAGE.relative_to(ROOT))]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when the file is stale")
    if parser.parse_args().check:
        for name in stale():
            print(f"{name} is stale: run scripts/generate_dashboard.py")
        return 1 if stale() else 0
    PAGE.write_text(text(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
