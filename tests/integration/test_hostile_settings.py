"""A configuration whose values try to be more than values: refused, or one message with the usual header."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from lpforwarder.building import encoder_for
from lpforwarder.errors import ConfigError
from lpforwarder.event import Entry, Event, Seq
from lpforwarder.settings import decode
from tests.fakes.strict_cef import read as read_cef
from tests.fakes.strict_rfc5424 import read as read_rfc5424

EVENT = Event.of(
    {"id": "one", "source": "acme", "timestamp": "2026-03-04T12:59:05.000Z", "eventType": "login"}
)
EVIL = {
    "line feed": "a\n<0>1 - forged - - - -",
    "carriage return": "a\r\n<0>1 -",
    "NUL": "a\0b",
    "blank": "a - - - [x@0 y=z]",
    "tab": "a\tb",
    "next line": "a\x85b",
    "line separator": "a\u2028b",
    "right to left": "a\u202eb",
    "pipe": "a|b|c|10|",
    "backslash": "a\\",
    "equals": "a duser=admin",
    "escape sequence": "a\x1b[2Jb",
    "half a pair": "a\\ud800b",
    "long": "x" * 255,
}
evil = pytest.mark.parametrize("value", EVIL.values(), ids=EVIL.keys())


def message_of(**keys: object) -> bytes | None:
    """The message of a collector with these keys; None when the configuration is refused."""
    siem = {"name": "siem", "host": "siem.example.net", "hostname": "fwd1", "max_message": 8096} | keys
    text = {"sources": [{"name": "acme", "type": "file", "path": "events.json"}], "collectors": [siem]}
    try:
        (collector,) = decode(json.dumps(text), Path("/etc/lp/config.yaml")).collectors
    except ConfigError:
        return None
    made = encoder_for(collector, procid="42").encode(Entry(Seq(1), "acme", EVENT))
    assert isinstance(made, bytes)
    return made


@evil
@pytest.mark.parametrize("key", ["hostname", "app_name"])
def test_a_name_in_the_header_is_one_name_or_refused(key: str, value: str) -> None:
    octets = message_of(**{key: value})
    if octets is not None:
        message = read_rfc5424(octets)
        usual = {"hostname": "fwd1", "app_name": "lpforwarder"}
        del usual[key]
        assert all(getattr(message, name) == said for name, said in usual.items())
        assert (message.procid, message.msgid) == ("42", "login")
        assert message.elements == (("meta", (("sequenceId", "1"),)),)
        assert json.loads(message.msg)["id"] == "one"


@evil
@pytest.mark.parametrize("key", ["vendor", "product", "version"])
def test_a_name_in_the_cef_header_is_one_field_or_refused(key: str, value: str) -> None:
    usual = read_rfc5424(message_of(format="cef") or b"")
    octets = message_of(format="cef", cef={key: value})
    if octets is not None:
        cef, wanted = read_cef(read_rfc5424(octets).msg), read_cef(usual.msg)
        assert (cef.class_id, cef.severity, cef.extension) == (
            wanted.class_id,
            wanted.severity,
            wanted.extension,
        )


def test_good_values_are_not_refused() -> None:
    octets = message_of(hostname="fwd2.example.net", app_name="audit", format="cef", cef={"vendor": "A|B"})
    message = read_rfc5424(octets or b"")
    assert (message.hostname, message.app_name) == ("fwd2.example.net", "audit")
    assert read_cef(message.msg).vendor == "A|B"
