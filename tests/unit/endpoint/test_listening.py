"""A port that can be had, and one that cannot."""

from __future__ import annotations

import os
import socket
from contextlib import closing
from pathlib import Path

import pytest

from lpforwarder.endpoint.listening import holder, listen, shown
from lpforwarder.errors import Blocked
from tests.fakes.ports import ReservedPort


def test_any_free_port_can_be_asked_for() -> None:
    for host in ("127.0.0.1", "::1"):
        with listen(host, 0) as listener:
            port = listener.getsockname()[1]
            socket.create_connection((host, port)).close()
            assert shown(host, port).endswith(f":{port}")


def test_a_port_that_is_taken_is_told_with_its_taker_and_a_way_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(Blocked) as caught:
            listen("127.0.0.1", port)
    name = Path("/proc/self/comm").read_text().strip()
    assert caught.value.code == "LPF504"
    assert caught.value.what == f"127.0.0.1:{port} is taken by {name} (pid {os.getpid()})"
    assert caught.value.fix == f"http: {{listen: 127.0.0.1:{port + 1}}}"


def test_an_address_of_another_machine_is_no_address_to_listen_on() -> None:
    with pytest.raises(Blocked, match=r"cannot listen on 192\.0\.2\.1:9470: ") as caught:
        listen("192.0.2.1", 9470)
    assert caught.value.code == "LPF504"


def test_nobody_has_a_port_that_is_free() -> None:
    with closing(ReservedPort()) as port:
        assert holder(port.number) == ""
