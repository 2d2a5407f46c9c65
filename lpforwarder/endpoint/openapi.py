"""The endpoint's own description, OpenAPI 3.1: what may be asked and every answer there is."""

from __future__ import annotations

from typing import Any

from lpforwarder import __version__
from lpforwarder.endpoint import problems
from lpforwarder.endpoint.query import LONGEST_WAIT, MOST_EVENTS, MOST_NAMES, USUAL_EVENTS

_TEXT = {"type": "string"}
_TIME = {"type": "string", "format": "date-time"}
_CURSOR = {"type": "string", "maxLength": 200}
_KNOWN = {
    "name": "If-None-Match",
    "in": "header",
    "required": False,
    "schema": {**_TEXT, "examples": ["*", 'W/"one", "two"']},
    "description": "ETags of what the client has, weak ones or `*` as well; 304 when it is among them",
}
_TAG = {"ETag": {"schema": _TEXT, "description": "For If-None-Match"}}
_UNCHANGED = {"description": "The client has it; no body", "headers": _TAG}


def description() -> dict[str, Any]:
    """The document served at /openapi.json."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "lpforwarder",
            "version": __version__,
            "description": "Audit events from the journal, oldest first, each once for every client.",
        },
        "paths": {
            "/v1/events": {"get": _events()},
            "/v1/events/{id}": {"get": _event()},
            "/v1/status": {"get": _status()},
            "/openapi.json": {"get": _open("This description", "application/json", cached=True)},
            "/healthz": {"get": _open("The process answers", "text/plain")},
            "/readyz": {"get": _ready()},
            "/metrics": {"get": _metrics()},
        },
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": {"Event": _EVENT, "Problem": _PROBLEM, "Status": {"type": "object"}},
        },
    }


_EVENT = {
    "type": "object",
    "description": "A canonical event; absent stays absent, unknown fields of the source travel through.",
    "properties": {
        "id": _TEXT,
        "timestamp": _TIME,
        "eventId": _TEXT,
        "eventType": _TEXT,
        "sourceIp": _TEXT,
        "sourceUser": _TEXT,
        "targetUser": _TEXT,
        "result": {"type": "string", "examples": ["success", "failure", "unknown"]},
        "message": _TEXT,
        "source": _TEXT,
        "severity": {"type": "integer", "minimum": 0, "maximum": 10},
    },
}

_PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": _TEXT,
        "status": {"type": "integer"},
        "detail": _TEXT,
        "parameter": {**_TEXT, "description": "The parameter that cannot be used"},
        "oldest": {**_CURSOR, "description": "The cursor to go on with after 410"},
    },
}


def _events() -> dict[str, Any]:
    several = {
        "type": "array",
        "items": {**_TEXT, "minLength": 1, "pattern": "^[^,]+$"},
        "maxItems": MOST_NAMES,
    }
    return {
        "summary": "Events behind a cursor",
        "description": "An empty answer, and only that, is the end of the journal for now.",
        "security": [{"token": []}],
        "parameters": [
            _parameter("after", _CURSOR, "Lpforwarder-Cursor of the answer before; absent: from the oldest"),
            _parameter(
                "limit",
                {"type": "integer", "minimum": 1, "maximum": MOST_EVENTS, "default": USUAL_EVENTS},
                "At most so many; an answer of long events may hold fewer",
            ),
            _parameter("since", _TIME, "Only events of this time or later"),
            _parameter("until", _TIME, "Only events before this time"),
            _parameter("type", several, "Event types or event ids"),
            _parameter("source", several, "Configured names of sources"),
            _parameter(
                "wait",
                {"type": "integer", "minimum": 0, "maximum": int(LONGEST_WAIT), "default": 0},
                "Seconds to wait for the first event when there is none yet",
            ),
        ],
        "responses": {
            "200": {
                "description": "The events, oldest first",
                "headers": {
                    "Lpforwarder-Cursor": {
                        "schema": _CURSOR,
                        "description": "To be sent as `after` next time",
                    },
                    "Link": {"schema": _TEXT, "description": 'The next request, rel="next"'},
                },
                "content": {
                    "application/json": {
                        "schema": {"type": "array", "items": {"$ref": "#/components/schemas/Event"}}
                    },
                    "application/x-ndjson": {"schema": _TEXT},
                },
            },
            **_problems(400, 401, 406, 410, 429, 503),
        },
    }


def _event() -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Event"}
    return {
        "summary": "One event",
        "security": [{"token": []}],
        "parameters": [
            {"name": "id", "in": "path", "required": True, "schema": {**_TEXT, "minLength": 1}},
            _KNOWN,
        ],
        "responses": {
            "200": {
                "description": "The event",
                "headers": _TAG,
                "content": {"application/json": {"schema": schema}},
            },
            "304": _UNCHANGED,
            **_problems(401, 404, 429, 503),
        },
    }


def _status() -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Status"}
    return {
        "summary": "How the service is doing; the same as lpforwarder status --json",
        "security": [{"token": []}],
        "responses": {
            "200": {"description": "The facts", "content": {"application/json": {"schema": schema}}},
            **_problems(401, 403, 429, 503),
        },
    }


def _ready() -> dict[str, Any]:
    ready = _open("The journal is open and the workers move", "text/plain")
    ready["responses"] |= _problems(503)
    return ready


def _metrics() -> dict[str, Any]:
    metrics = _open("Prometheus metrics; needs a token if the configuration says so", "text/plain")
    metrics["security"] = [{}, {"token": []}]
    metrics["responses"] |= _problems(401, 421, 429, 503)
    return metrics


def _open(summary: str, media_type: str, *, cached: bool = False) -> dict[str, Any]:
    good: dict[str, Any] = {"description": summary, "content": {media_type: {}}}
    if not cached:
        return {"summary": summary, "responses": {"200": good}}
    responses = {"200": good | {"headers": _TAG}, "304": _UNCHANGED}
    return {"summary": summary, "parameters": [_KNOWN], "responses": responses}


def _parameter(name: str, schema: dict[str, Any], about: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "schema": schema, "description": about}


_TITLES = {
    400: "A parameter cannot be used; `parameter` names it",
    401: "No valid token",
    403: "The token may read events only",
    404: "Not there",
    406: "Neither JSON nor NDJSON is accepted, or neither gzip nor plain",
    410: "The events behind the cursor are no longer kept; go on with `oldest`",
    421: "Asked over loopback for a name that is not of this machine",
    429: "Too often; see Retry-After",
    503: "Not ready, or no token can be checked",
}


def _problems(*statuses: int) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        str(status): {"description": _TITLES[status], "content": {problems.MEDIA_TYPE: {"schema": schema}}}
        for status in statuses
    }
