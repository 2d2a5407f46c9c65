"""Facts as `status --json` gives them, for whoever shows them; tests/contract/test_facts.py compares keys."""

from __future__ import annotations

from typing import Any

NOW = "2026-11-22T20:00:00.000Z"


def error(code: str = "LPF202", text: str = "connection refused", fix: str = "start it") -> dict[str, str]:
    """A trouble in the form of the status."""
    return {"code": code, "text": text, "fix": fix}


def warning(code: str = "LPF511", text: str = "the journal fills up", **changes: Any) -> dict[str, Any]:
    """What the journal has to say, in the form of the status."""
    return {**error(code, text, "make room"), "grave": False, **changes}


def certificate(days: int = 39, **changes: Any) -> dict[str, Any]:
    """A certificate of a link, in the form of the status."""
    return {
        "kind": "collector",
        "subject": "siem.example.net",
        "not_after": "2027-01-01T00:00:00.000Z",
        "days": days,
        "ends_soon": days <= 30,
        "text": f"the collector's certificate siem.example.net ends in {days} days",
        **changes,
    }


def source(**changes: Any) -> dict[str, Any]:
    """A source that is well."""
    return {
        "state": "running",
        "since": "2026-11-19T16:00:00.000Z",
        "error": None,
        "next_try": None,
        "last_poll": "2026-11-22T19:59:48.000Z",
        "newest_event": "2026-11-22T19:59:20.000Z",
        "events": 1204,
        "duplicates": 14,
        "rejects": 0,
        "rejects_kept": 0,
        "alarms": [],
        "failures": {},
        "measures": {},
        **changes,
    }


def collector(**changes: Any) -> dict[str, Any]:
    """A collector that is well."""
    return {
        "state": "running",
        "since": "2026-11-19T16:00:00.000Z",
        "error": None,
        "next_try": None,
        "waiting": 0,
        "oldest_waiting": None,
        "checkpoint": 61203,
        "sent": 61203,
        "confirmed": 61203,
        "confirm": "close",
        "replayed": 12,
        "set_aside": 0,
        "set_aside_total": 0,
        "set_aside_lost": 0,
        "lost": 0,
        "connected_since": "2026-11-19T16:00:02.000Z",
        "last_sent": "2026-11-22T19:59:21.000Z",
        "last_confirmed": "2026-11-22T19:59:22.000Z",
        "stalled_since": None,
        "rate_limit": "none",
        "held": False,
        "alarms": [],
        "transport": "tls",
        "target": "siem.example.net:6514",
        "certificates": [],
        "failures": {},
        "measures": {},
        **changes,
    }


def facts(
    sources: dict[str, Any] | None = None, collectors: dict[str, Any] | None = None, **changes: Any
) -> dict[str, Any]:
    """A service with one source and one collector unless others are given."""
    return {
        "version": 1,
        "verdict": "ok",
        "sentence": "Everything is handed over.",
        "time": NOW,
        "running": True,
        "pid": 812,
        "started": "2026-11-19T16:00:00.000Z",
        "configured": "2026-11-20T09:14:00.000Z",
        "reload": None,
        "needs_restart": [],
        "last_heartbeat": None,
        "sources": {"acme": source()} if sources is None else sources,
        "collectors": {"siem": collector()} if collectors is None else collectors,
        "journal": {
            "path": "journal.db",
            "first": 1,
            "last": 61203,
            "bytes": 224_000_000,
            "gaps": [],
            "rejects": 0,
            "full_in_seconds": 5_270_400.0,
            "warnings": [],
        },
        "http": {
            "state": "running",
            "since": "2026-11-19T16:00:00.000Z",
            "error": None,
            "next_try": None,
            "failures": {},
            "measures": {},
            "listen": "127.0.0.1:9470",
            "tls": False,
            "clients": 2,
            "wanted": True,
        },
        **changes,
    }


def gap(count: int = 3, **changes: Any) -> dict[str, Any]:
    """Places of the journal that hold nothing, in the form of the status."""
    found = {"first": 5, "count": count, "reason": "its checksum is wrong", "found": NOW}
    return {**found, "lost": True, "collector": None, "missed": {"siem": count}, **changes}


def busy_facts() -> dict[str, Any]:
    """A service of which everything is known, troubles included."""
    spread = {"buckets": [(0.5, 1), (None, 2)], "sum": 1.5}
    measures = {"poll_seconds": spread, "clock_skew_seconds": 0.2, "secret_age_seconds": 60}
    refused = {"error": error(), "failures": {"LPF202": 2}}
    made = facts(
        sources={"acme": source(alarms=[error("LPF318")], measures=measures, **refused)},
        collectors={
            "siem": collector(
                certificates=[certificate()],
                measures={"events_sent": 7, "delivery_seconds": spread},
                **refused,
            )
        },
        reload=True,
        last_heartbeat=NOW,
    )
    made["collectors"]["siem"]["alarms"] = [error("LPF222")]
    made["journal"]["warnings"] = [warning()]
    made["journal"]["gaps"] = [gap()]
    return made
