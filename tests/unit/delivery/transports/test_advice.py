"""What a person is told whose link does not come up; a guess only when it was verified."""

from __future__ import annotations

import contextlib
import socket

import pytest

from lpforwarder.delivery.transports.advice import (
    about_connecting,
    about_hanging_up,
    about_name,
    about_tls,
    plain_to_tls,
)
from lpforwarder.delivery.transports.connection import Wake
from lpforwarder.delivery.transports.dialing import Address, resolve
from lpforwarder.delivery.transports.failures import hung_up, silent_in_handshake, unreachable
from lpforwarder.delivery.transports.lookups import Lookups
from lpforwarder.errors import Failure, Transient

WRONG = "siem.exmaple.net"


def names(*known: str, code: int = socket.EAI_NONAME) -> Lookups:
    """A resolver that knows these names and no other."""

    def getaddrinfo(host: str, port: int, **_: object) -> list[object]:
        if host not in known:
            raise socket.gaierror(code, "as the resolver says")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.1", port))]

    return Lookups(lambda host, port: resolve(host, port, getaddrinfo))


def told_about(host: str, lookups: Lookups) -> Failure:
    with pytest.raises(Transient) as raised:
        lookups.addresses(host, 6514, 5.0, Wake())
    return about_name(raised.value, host, 6514, lookups, Wake())


def test_a_name_with_two_letters_changed_round_is_guessed_when_the_right_one_exists() -> None:
    told = told_about(WRONG, names("siem.example.net"))
    assert told.code == "LPF201"
    assert told.what.startswith(f'the name "{WRONG}" is not known to ')
    assert told.found == '"siem.example.net" exists'
    assert told.fix == "host: siem.example.net, if that was meant"


def test_a_name_like_no_other_is_only_said_to_be_unknown() -> None:
    told = told_about(WRONG, names())
    assert told.found == ""
    assert "spelling" in told.fix


def test_a_name_server_that_does_not_answer_is_not_blamed_on_the_name() -> None:
    told = told_about(WRONG, names(code=socket.EAI_AGAIN))
    assert "no name server answers" in told.what
    assert told.found.startswith("asked: ")


def at(host: str, port: int) -> Address:
    return Address(socket.AF_INET, (host, port))


def test_a_refusal_tells_which_other_port_is_open() -> None:
    with contextlib.closing(socket.create_server(("127.0.0.78", 5514))):
        address = at("127.0.0.78", 6514)
        told = about_connecting(unreachable(str(address), 111), address, 10.0, Wake())
    assert told.what == "127.0.0.78:6514 refused the connection: nobody listens there"
    assert told.found == "port 5514 on the same host is open"


def test_a_refusal_by_a_machine_without_any_open_port_is_left_as_it_is() -> None:
    address = at("127.0.0.79", 6514)
    error = unreachable(str(address), 111)
    assert about_connecting(error, address, 10.0, Wake()) is error


def test_silence_tells_what_to_ask_the_owner_of_the_firewall_for() -> None:
    address = at("127.0.0.80", 6514)
    told = about_connecting(unreachable(str(address), 110), address, 10.0, Wake())
    assert told.what.startswith("no answer from 127.0.0.80:6514 in 10 s: packets are dropped on the way")
    assert told.fix == f"ask for: {socket.gethostname()} (127.0.0.1) to 127.0.0.80, TCP 6514"


def test_a_port_without_tls_is_told_with_the_one_that_is_open() -> None:
    address = at("127.0.0.81", 514)
    with contextlib.closing(socket.create_server(("127.0.0.81", 6514))):
        told = about_tls(silent_in_handshake(str(address)), address, Wake())
    assert told.what == "port 514 does not speak TLS"
    assert told.fix == "transport: tcp, or port: 6514"


def test_plain_text_to_a_port_with_tls_has_the_code_of_tls() -> None:
    told = plain_to_tls(hung_up("192.0.2.1:6514"))
    assert (told.code, told.fix) == ("LPF209", "transport: tls")


@pytest.mark.parametrize(
    ("framing", "is_tls", "helps"),
    [("octet-counting", False, True), ("newline", False, False), ("octet-counting", True, False)],
)
def test_another_framing_is_advised_where_there_is_one(framing: str, is_tls: bool, helps: bool) -> None:
    told = about_hanging_up(hung_up("192.0.2.1:601"), framing, is_tls=is_tls)
    assert told.code == "LPF210"
    assert ("framing: newline" in told.fix) is helps
    assert told.found == "192.0.2.1:601 closed the connection"
