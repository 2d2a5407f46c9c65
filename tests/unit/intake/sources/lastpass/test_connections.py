from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import urllib3

from lpforwarder.errors import Blocked
from lpforwarder.intake.sources.lastpass.connections import Cutter, manager, trust
from tests.fakes.pipes import pipe, without_waiting

VAULT = "https://vault.example.net/enterpriseapi.php"
NAMES = ("HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy", "ALL_PROXY", "all_proxy")


@pytest.fixture
def environment() -> Iterator[dict[str, str]]:
    """The process's own environment without proxies; put back afterwards."""
    import os

    before = {name: os.environ.pop(name) for name in NAMES if name in os.environ}
    yield os.environ  # type: ignore[misc]
    for name in NAMES:
        os.environ.pop(name, None)
    os.environ.update(before)


def made(url: str, proxy: str) -> urllib3.PoolManager:
    return manager(url, proxy, ssl.create_default_context(), Cutter())


def test_the_proxy_is_that_of_the_environment_but_not_for_this_machine(environment: dict[str, str]) -> None:
    assert made(VAULT, "env").proxy is None
    environment["https_proxy"] = "http://user:p%40ss@proxy.example.net:3128"
    through = made(VAULT, "env")
    assert through.proxy is not None
    assert (through.proxy.host, through.proxy.auth) == ("proxy.example.net", None)
    assert isinstance(through, urllib3.ProxyManager)
    assert "proxy-authorization" in through.proxy_headers
    assert made("https://127.0.0.1/x", "env").proxy is None
    environment["no_proxy"] = "vault.example.net"
    assert made(VAULT, "env").proxy is None


def test_none_and_a_url_do_not_look_at_the_environment(environment: dict[str, str]) -> None:
    environment["https_proxy"] = "http://proxy.example.net:3128"
    assert made(VAULT, "none").proxy is None
    other = made(VAULT, "http://other.example.net:8080").proxy
    assert other is not None
    assert other.host == "other.example.net"


@pytest.mark.parametrize(
    "text", ["socks5://joe:pass-of-joe@a.example", "http://[joe:pass-of-joe@a", "http://a:b"]
)
def test_a_proxy_that_is_none_needs_a_person_and_is_not_repeated(
    text: str, environment: dict[str, str]
) -> None:
    environment["https_proxy"] = text
    with pytest.raises(Blocked) as caught:
        made(VAULT, "env")
    assert caught.value.code == "LPF312"
    assert "pass-of-joe" not in f"{caught.value} {caught.value.fix} {caught.value.__cause__}"


def test_authorities_that_cannot_be_read_need_a_person(tmp_path: Path) -> None:
    (tmp_path / "empty.pem").write_text("")
    for name in ("empty.pem", "missing.pem"):
        with pytest.raises(Blocked, match=name) as caught:
            trust(tmp_path / name)
        assert caught.value.code == "LPF313"


def test_a_pipe_in_their_place_is_not_waited_for(tmp_path: Path) -> None:
    waits = pipe(tmp_path / "pipe")
    with pytest.raises(Blocked, match=f"{waits} is not a file") as caught:
        without_waiting(lambda: trust(waits), waits)
    assert caught.value.code == "LPF313"


def test_a_connection_is_cut_while_somebody_reads_from_it() -> None:
    here, there = socket.socketpair()
    cutter = Cutter()
    cutter.watch(here)
    with here, there, cutter.limit(0.05):
        assert here.recv(1) == b""
    cutter.close()
    assert cutter.was_cut


def test_what_ends_in_time_is_not_cut_and_no_thread_is_left() -> None:
    cutter = Cutter()
    with cutter.limit(60):
        pass
    assert not cutter.was_cut
    assert not [
        thread
        for thread in threading.enumerate()
        if isinstance(thread, threading.Timer) and not thread.finished.is_set()
    ]
