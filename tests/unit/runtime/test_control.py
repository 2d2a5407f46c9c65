"""The control socket, with real sockets and real clients, polite and otherwise."""

from __future__ import annotations

import json
import os
import socket
import stat
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from lpforwarder.errors import Blocked, Busy, ConfigError, Denied, Problem, Transient
from lpforwarder.runtime.control import (
    CLIENT_SECONDS,
    MOST_CLIENTS,
    MOST_REQUEST_OCTETS,
    ControlServer,
    NotRunning,
    Refused,
    ask,
)
from lpforwarder.runtime.stop import Stop
from tests.fakes.clock import FakeClock
from tests.fakes.patience import Stopwatch


def echo(request: dict[str, Any]) -> Mapping[str, Any]:
    return {"echo": request}


def large(_request: dict[str, Any]) -> Mapping[str, Any]:
    return {"text": "x" * 3_000_000}


def refuse(_request: dict[str, Any]) -> Mapping[str, Any]:
    raise Transient("the journal is locked", code="LPF502", fix="wait")


def mistaken(_request: dict[str, Any]) -> Mapping[str, Any]:
    raise ConfigError([Problem(code="LPF101", file="config.yaml", line=14, column=5, what="unknown key")])


def unreadable(_request: dict[str, Any]) -> Mapping[str, Any]:
    raise OSError(5, "Input/output error")


HANDLERS = {"echo": echo, "large": large, "refuse": refuse, "mistaken": mistaken, "unreadable": unreadable}


class Served:
    """A server in a thread of its own."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.clock = FakeClock()
        self.server = ControlServer(path, HANDLERS, self.clock)
        self.stop = Stop()
        self.beats = 0
        self.ended_with: BaseException | None = None
        self.server.open()
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _run(self) -> None:
        try:
            self.server.run(self.stop, self._beat)
        except OSError as error:
            self.ended_with = error

    def _beat(self) -> None:
        self.beats += 1

    def end(self) -> None:
        self.stop.set(within=0)
        self.server.abort()
        self.thread.join(10)

    def connect(self) -> socket.socket:
        line = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        line.settimeout(10)
        try:
            line.connect(str(self.path))
        except OSError:
            line.close()
            raise
        return line


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    served = Served(tmp_path / "run" / "control.sock")
    yield served
    served.end()


def test_a_request_is_answered_by_the_handler_of_its_command(served: Served) -> None:
    assert ask(served.path, {"command": "echo", "n": [1, None]}, 10) == {
        "echo": {"command": "echo", "n": [1, None]}
    }


def test_an_answer_larger_than_any_buffer_arrives_whole(served: Served) -> None:
    assert len(ask(served.path, {"command": "large"}, 10)["text"]) == 3_000_000


def test_a_failure_reaches_the_asker_with_code_and_remedy(served: Served) -> None:
    with pytest.raises(Refused) as caught:
        ask(served.path, {"command": "refuse"}, 10)
    assert (caught.value.code, caught.value.what, caught.value.fix) == (
        "LPF502",
        "the journal is locked",
        "wait",
    )


def test_configuration_problems_reach_the_asker(served: Served) -> None:
    with pytest.raises(Refused, match=r"config\.yaml:14:5: unknown key") as caught:
        ask(served.path, {"command": "mistaken"}, 10)
    assert caught.value.code == "LPF101"


@pytest.mark.parametrize("request_", [{}, {"command": "nonsense"}, {"command": 5}, {"command": ["echo"]}])
def test_an_unknown_command_is_answered_with_the_known_ones(served: Served, request_: dict[str, Any]) -> None:
    with pytest.raises(Refused) as caught:
        ask(served.path, request_, 10)
    assert "echo, large" in caught.value.fix


@pytest.mark.parametrize("raw", [b"\n", b"hello\n", b"[1]\n", b"\xff\n", b"[" * 60_000 + b"\n", b"NaN\n"])
def test_nonsense_is_answered_and_the_server_lives_on(served: Served, raw: bytes) -> None:
    with served.connect() as line:
        line.sendall(raw)
        answer = json.loads(line.makefile("rb").readline())
    assert answer["error"]["code"] == "LPF522"
    assert ask(served.path, {"command": "echo"}, 10)


def test_a_request_may_come_in_pieces(served: Served) -> None:
    with served.connect() as line, served.connect() as other:
        line.sendall(b'{"command"')
        other.sendall(b'{"command": "echo"}\n')
        assert json.loads(other.makefile("rb").readline())["ok"]
        line.sendall(b': "echo"}\n')
        assert json.loads(line.makefile("rb").readline())["ok"]


def test_a_request_without_end_is_cut_off(served: Served) -> None:
    with pytest.raises(Refused, match=str(MOST_REQUEST_OCTETS)):
        ask(served.path, {"command": "echo", "x": "y" * 5_000_000}, 10)


def test_a_client_that_hangs_delays_nobody_and_loses_its_connection(served: Served) -> None:
    with served.connect() as hanging:
        hanging.sendall(b'{"command"')
        assert ask(served.path, {"command": "echo"}, 10)
        served.clock.advance(CLIENT_SECONDS)
        assert hanging.recv(1) == b""


def test_a_client_that_does_not_read_its_answer_loses_its_connection(served: Served) -> None:
    with served.connect() as hanging:
        hanging.sendall(b'{"command": "large"}\n')
        hanging.recv(1)
        served.clock.advance(CLIENT_SECONDS)
        assert ask(served.path, {"command": "echo"}, 10)
        received = 1
        while some := hanging.recv(1_000_000):
            received += len(some)
        assert received < 3_000_000


def test_many_hanging_clients_cannot_keep_a_new_one_out(served: Served) -> None:
    hanging = [served.connect() for _ in range(MOST_CLIENTS + 5)]
    assert ask(served.path, {"command": "echo"}, 10)
    for line in hanging:
        line.close()


def test_a_client_that_goes_away_does_no_harm(served: Served) -> None:
    served.connect().close()
    with served.connect() as line:
        line.sendall(b'{"command": "large"}\n')
    with served.connect() as line:
        line.sendall(b"half a requ")
    assert ask(served.path, {"command": "echo"}, 10)


def test_a_bug_in_a_handler_is_the_supervisors_affair(served: Served) -> None:
    with pytest.raises(NotRunning):
        ask(served.path, {"command": "unreadable"}, 10)
    served.thread.join(10)
    assert isinstance(served.ended_with, OSError)


def test_it_shows_signs_of_life_and_ends_soon(served: Served) -> None:
    ask(served.path, {"command": "echo"}, 10)
    served.end()
    assert served.beats > 0
    assert not served.thread.is_alive()
    assert not served.path.exists()


def test_a_stop_is_noticed_at_once_although_nobody_asks(served: Served) -> None:
    ask(served.path, {"command": "echo"}, 10)
    with Stopwatch() as watch:
        served.end()
    assert not served.thread.is_alive()
    assert watch.wall < 2.0


def test_who_asks_after_a_long_silence_is_answered_at_once(served: Served) -> None:
    ask(served.path, {"command": "echo"}, 10)
    beats = served.beats
    threading.Event().wait(2.2)  # four rounds of a server that has clients
    assert served.beats - beats <= 1  # the client of the question before may have been let go of in it
    with Stopwatch() as watch:
        ask(served.path, {"command": "echo"}, 10)
    assert watch.wall < 2.0


def test_only_owner_and_group_may_ask(served: Served) -> None:
    assert stat.S_IMODE(served.path.stat().st_mode) == 0o660
    assert stat.S_IMODE(served.path.parent.stat().st_mode) == 0o750


def test_a_dead_processs_socket_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as dead:
        dead.bind(str(path))
    assert path.exists()
    served = Served(path)
    assert ask(path, {"command": "echo"}, 10)
    served.end()


def test_a_living_processs_socket_is_not(served: Served) -> None:
    second = ControlServer(served.path, HANDLERS)
    with pytest.raises(Busy, match="another process answers"):
        second.open()
    second.close()
    assert ask(served.path, {"command": "echo"}, 10)


def test_a_living_server_with_too_many_callers_is_still_alive(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as other:
        other.bind(str(path))
        other.listen(0)
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as caller:
            caller.connect(str(path))
            with pytest.raises(Busy):
                ControlServer(path, {}).open()
            with pytest.raises(Busy, match="does not answer"):
                ask(path, {"command": "echo"}, 0.05)


@pytest.mark.parametrize("kind", ["file", "folder", "link"])
def test_what_is_no_socket_is_never_removed(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "control.sock"
    if kind == "file":
        path.write_text("precious")
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Blocked, match="is no socket"):
        ControlServer(path, {}).open()
    assert os.path.lexists(path)


def test_a_socket_that_has_become_somebody_elses_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    first = ControlServer(path, HANDLERS)
    first.open()
    path.unlink()
    second = Served(path)
    first.close()
    assert ask(path, {"command": "echo"}, 10)
    second.end()


def test_a_server_can_run_again_after_it_ended(tmp_path: Path) -> None:
    server = ControlServer(tmp_path / "control.sock", HANDLERS)
    for _ in range(2):
        stop = Stop()
        thread = threading.Thread(target=server.run, args=(stop, _ended(stop)))
        thread.start()
        thread.join(10)
        assert not (tmp_path / "control.sock").exists()
    server.close()


def _ended(stop: Stop) -> Callable[[], None]:
    return lambda: stop.set(within=0)


def test_a_path_that_is_too_long_is_named_with_its_length(tmp_path: Path) -> None:
    path = tmp_path / ("x" * 107)
    with pytest.raises(Blocked, match="107 fit") as caught:
        ControlServer(path, {}).open()
    assert "shorter" in caught.value.fix
    with pytest.raises(Blocked, match="107 fit"):
        ask(path, {}, 1)


def test_the_longest_path_that_fits_works(tmp_path: Path) -> None:
    path = tmp_path / ("x" * (107 - len(str(tmp_path)) - 1))
    served = Served(path)
    assert ask(path, {"command": "echo"}, 10)
    served.end()


def test_a_place_where_no_socket_can_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Blocked, match="cannot open the control socket"):
        ControlServer(tmp_path / "file" / "control.sock", {}).open()
    with pytest.raises((Denied, Blocked), match="cannot open the control socket"):
        ControlServer(Path("/proc/control.sock"), {}).open()


def test_a_service_that_is_down_is_not_running(tmp_path: Path) -> None:
    with pytest.raises(NotRunning, match="nobody answers"):
        ask(tmp_path / "control.sock", {"command": "status"}, 1)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as dead:
        dead.bind(str(tmp_path / "control.sock"))
    with pytest.raises(NotRunning, match="nobody answers"):
        ask(tmp_path / "control.sock", {"command": "status"}, 1)
