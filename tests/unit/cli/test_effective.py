from __future__ import annotations

from pathlib import Path
from typing import Any

from lpforwarder.cli.effective import effective, schema
from lpforwarder.config.document import parse
from lpforwarder.settings import decode

TEXT = """\
sources:
  - {name: a, type: sample}
  - {name: b, type: file, path: /data/events.json}
collectors:
  - {name: siem, host: [x.example.net, y.example.net], fence: {events: 7}, tls: {min_version: "1.3"}}
log: {level: debug}
"""


def shown() -> list[str]:
    return effective(decode(TEXT, Path("/etc/lp/c.yaml")), parse(TEXT, "c.yaml")).splitlines()


def origin(start: str) -> str:
    (line,) = [line for line in shown() if line.strip().startswith(start)]
    return line.rpartition("# ")[2]


def test_every_value_has_its_line_or_is_a_default() -> None:
    assert origin("events: 7") == "line 5"
    assert origin("time: 30s") == "default"
    assert origin("level: debug") == "line 6"
    assert origin("host: [x.example.net, y.example.net]") == "line 5"
    assert origin('min_version: "1.3"') == "line 5"
    assert origin("drain: 10s") == "default"


def test_what_is_shown_is_a_configuration_that_means_the_same() -> None:
    assert decode("\n".join(shown()), Path("/etc/lp/c.yaml")) == decode(TEXT, Path("/etc/lp/c.yaml"))


def test_the_schema_knows_every_plug_in_and_the_units() -> None:
    made: dict[str, Any] = schema()
    sources, collectors = made["properties"]["sources"], made["properties"]["collectors"]
    assert {"file", "sample"} <= {item["properties"]["type"]["const"] for item in sources["items"]["anyOf"]}
    assert {"tcp", "tls"} <= {
        item["properties"]["transport"]["const"] for item in collectors["items"]["anyOf"]
    }
    assert collectors["items"]["anyOf"][0]["properties"]["heartbeat"]["default"] == "5m"
    assert made["additionalProperties"] is False


def test_every_reference_of_the_schema_exists() -> None:
    made = schema()
    assert {name.rpartition("/")[2] for name in references(made)} <= set(made["$defs"])


def references(part: Any) -> list[str]:
    if isinstance(part, dict):
        own = [part["$ref"]] if "$ref" in part else []
        return own + [name for inner in part.values() for name in references(inner)]
    return [name for inner in part for name in references(inner)] if isinstance(part, list) else []
