from __future__ import annotations

import pytest
from pydantic import ValidationError

from lpforwarder.delivery.options import CollectorOptions
from lpforwarder.delivery.transports.relp_options import RelpOptions, RelpTlsOptions
from lpforwarder.settings import collector_model


def read(model: type[RelpOptions], **values: object) -> RelpOptions:
    return model.model_validate({"host": "siem.example.net", **values}, context={})


def collector(**values: object) -> CollectorOptions:
    given = {"name": "siem", "transport": "relp-tls", "host": "siem.example.net", **values}
    return collector_model("relp-tls").model_validate(given, context={})


def test_port_window_and_patience_are_those_of_librelp() -> None:
    for model in (RelpOptions, RelpTlsOptions):
        made = read(model)
        assert (made.port, made.window, made.stall_timeout) == (2514, 128, 90.0)


@pytest.mark.parametrize("window", [0, -1, 10_001, "128", 1.5])
def test_a_window_is_a_number_of_messages(window: object) -> None:
    with pytest.raises(ValidationError):
        read(RelpOptions, window=window)


@pytest.mark.parametrize("key", ["framing", "confirm"])
def test_framing_and_confirmation_are_no_choice(key: str) -> None:
    with pytest.raises(ValidationError, match="Extra inputs"):
        read(RelpOptions, **{key: "kernel"})
    assert read(RelpOptions).confirm == "relp"


def test_an_unencrypted_link_is_worth_a_note_that_names_the_encrypted_one() -> None:
    (finding,) = read(RelpOptions).advice()
    assert (finding.key, finding.fix) == ("host", "transport: relp-tls, if the collector can")
    assert not list(read(RelpOptions, host="localhost").advice())
    assert not list(read(RelpTlsOptions).advice())


def test_messages_that_rsyslog_would_cut_are_worth_a_note() -> None:
    assert not list(collector().advice())
    assert not list(collector(max_message=8096).advice())
    (finding,) = collector(max_message=8097).advice()
    assert (finding.key, finding.note) == ("max_message", True)
    assert "cuts messages at 8096 octets" in finding.what
    assert finding.fix == 'max_message: 8096; or in rsyslog: global(maxMessageSize="8097")'
