"""Questions to the running service over a UNIX socket: one JSON line in, one JSON line out.

Who may ask is decided by the socket's mode (owner and group) and its folder; there is no password.
"""

from __future__ import annotations

import json
import os
import selectors
import socket
import stat
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeAlias

from lpforwarder.errors import Blocked, Busy, ConfigError, Denied, Failure
from lpforwarder.runtime.bell import SelectableBell
from lpforwarder.runtime.clock import SYSTEM, Clock
from lpforwarder.runtime.stop import Stop

Handler: TypeAlias = Callable[[dict[str, Any]], Mapping[str, Any]]
"""Request → result, both JSON objects. Runs in the server's thread, so it must be quick. A Failure
becomes an answer; any other exception is a bug, which the supervisor sees."""

MOST_REQUEST_OCTETS = 65_536
MOST_CLIENTS = 32
"""Served at the same time; one more, and the oldest loses its connection: it is the one that hangs."""
CLIENT_SECONDS = 5.0
"""For a whole exchange. A client that hangs loses its connection and costs the others nothing."""

_BACKLOG = 128  # callers not yet accepted; a UNIX socket turns away whoever comes after them at once
_ROUND_SECONDS = 0.5  # between two looks at the clients there are
_QUIET_SECONDS = 30.0  # between two signs of life while there are none; callers and a stop end it at once
_LONGEST_PATH = 107  # octets; sockaddr_un of Linux has room for 108 with the zero at the end
_SOCKET_MODE = 0o660
_FOLDER_MODE = 0o750


class NotRunning(Failure):
    """Nobody answers at the control socket: the service is down."""


class Refused(Failure):
    """The service answered, with this error."""


def ask(path: Path, request: Mapping[str, Any], timeout: float) -> dict[str, Any]:
    """The result of one request to the running service; `request["command"]` names the handler.

    Waits `timeout` seconds at most for each step. NotRunning when there is no service, Refused with the
    service's own code and remedy when it says no, Denied when we may not ask, Busy when it does not answer.
    """
    address = _address_of(path)
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
            line.settimeout(timeout)
            line.connect(address)
            with suppress(BrokenPipeError, ConnectionResetError):  # it may have answered before it read all
                line.sendall(json.dumps(dict(request)).encode() + b"\n")
            raw = _read_line(line)
    except PermissionError as error:
        fix = "run the command as root, or as a member of the service's group"
        raise Denied(f"may not ask the service at {path}", code="LPF520", fix=fix) from error
    except (TimeoutError, BlockingIOError) as error:
        raise Busy(f"the service at {path} does not answer", code="LPF521") from error
    except OSError as error:
        raise NotRunning(f"the service is not running: nobody answers at {path}", code="LPF521") from error
    return _result_of(raw)


def _read_line(line: socket.socket) -> bytes:
    received = bytearray()
    while not received.endswith(b"\n"):
        some = line.recv(65_536)
        if not some:
            raise ConnectionResetError("the service ended before it answered")
        received += some
    return bytes(received)


def _result_of(raw: bytes) -> dict[str, Any]:
    answer = json.loads(raw)
    if answer["ok"]:
        return dict(answer["result"])
    error = answer["error"]
    raise Refused(error["text"], code=error["code"], fix=error["fix"])


def _address_of(path: Path) -> str:
    """The path as a socket address; Blocked when the operating system has no room for it."""
    octets = len(os.fsencode(path))
    if octets > _LONGEST_PATH:
        what = f"the path of the control socket has {octets} octets, {_LONGEST_PATH} fit: {path}"
        raise Blocked(what, code="LPF520", fix="set control_socket to a shorter path")
    return str(path)


class ControlServer:
    """Answers questions by their `command`; a worker for the supervisor. Many clients, one thread.

    open() may be called before the start, so that the socket is there when the service says it is ready.
    """

    def __init__(self, path: Path, handlers: Mapping[str, Handler], clock: Clock = SYSTEM) -> None:
        self._path = path
        self._handlers = handlers
        self._clock = clock
        self._listener: socket.socket | None = None
        self._place: tuple[int, int] | None = None

    def open(self) -> None:
        """Takes the socket's place. Busy when somebody answers there, Denied or Blocked when it cannot be.

        A socket that a dead process left behind is replaced; any other kind of file is left alone.
        """
        if self._listener is None:
            self._listener = _listen(self._path)
            self._place = _identity(self._path)

    def run(self, stop: Stop, beat: Callable[[], None]) -> None:
        """Serves until `stop`, then gives the place free."""
        self.open()
        try:
            with selectors.DefaultSelector() as selector, SelectableBell() as bell, stop.ringing(bell.ring):
                selector.register(bell, selectors.EVENT_READ)
                self._serve(selector, stop, beat)
        finally:
            self.close()

    def abort(self) -> None:
        """Nothing to do: a stop ends what run() waits for."""

    def close(self) -> None:
        """Removes the socket, if it is still ours; may be called twice."""
        if self._listener is not None:
            with suppress(OSError):
                if _identity(self._path) == self._place:
                    self._path.unlink()
            self._listener.close()
            self._listener = None

    def _serve(self, selector: selectors.BaseSelector, stop: Stop, beat: Callable[[], None]) -> None:
        clients: list[_Client] = []
        assert self._listener is not None
        selector.register(self._listener, selectors.EVENT_READ)
        try:
            while not stop.stopping:
                beat()
                for key, _ in selector.select(_ROUND_SECONDS if clients else _QUIET_SECONDS):
                    if key.fileobj is self._listener:
                        self._accept(selector, clients)
                    elif key.data is not None:
                        key.data.go_on(selector)
                self._dismiss(selector, clients)
        finally:
            for client in clients:
                client.line.close()

    def _accept(self, selector: selectors.BaseSelector, clients: list[_Client]) -> None:
        assert self._listener is not None
        if len(clients) >= MOST_CLIENTS:
            clients[0].done = True
        with suppress(OSError):  # it went away before we came
            line, _ = self._listener.accept()
            client = _Client(line, self._answer, self._clock.monotonic() + CLIENT_SECONDS)
            clients.append(client)
            selector.register(line, selectors.EVENT_READ, client)

    def _dismiss(self, selector: selectors.BaseSelector, clients: list[_Client]) -> None:
        now = self._clock.monotonic()
        for client in [client for client in clients if client.done or client.deadline <= now]:
            clients.remove(client)
            selector.unregister(client.line)
            client.line.close()

    def _answer(self, raw: bytes) -> bytes:
        try:
            answer: dict[str, Any] = {"ok": True, "result": self._handle(raw)}
        except Failure as failure:
            answer = _error(failure.code, failure.what, failure.fix)
        except ConfigError as error:
            answer = _error(error.problems[0].code if error.problems else "LPF101", str(error), "")
        return json.dumps(answer).encode() + b"\n"

    def _handle(self, raw: bytes) -> Mapping[str, Any]:
        if len(raw) > MOST_REQUEST_OCTETS:
            raise Refused(f"a request may have {MOST_REQUEST_OCTETS} octets", code="LPF522")
        try:
            request = json.loads(raw)
        except (ValueError, RecursionError):
            raise Refused("the request is not JSON", code="LPF522") from None
        command = request.get("command") if isinstance(request, dict) else None
        if not isinstance(command, str) or command not in self._handlers:
            known = ", ".join(sorted(self._handlers))
            raise Refused("unknown command", code="LPF522", fix=f"use one of: {known}")
        return self._handlers[command](request)


class _Client:
    """One exchange: collects a line, has it answered, sends the answer. Never blocks."""

    def __init__(self, line: socket.socket, answer: Callable[[bytes], bytes], deadline: float) -> None:
        line.setblocking(False)
        self.line = line
        self.deadline = deadline
        self.done = False
        self._answer = answer
        self._received = bytearray()
        self._unsent = memoryview(b"")

    def go_on(self, selector: selectors.BaseSelector) -> None:
        try:
            asked = self._send() if self._unsent else self._receive()
        except BlockingIOError:
            return
        except OSError:
            self.done = True  # the client is gone; nobody is left to tell
            return
        if asked:
            self._unsent = memoryview(self._answer(bytes(self._received).partition(b"\n")[0]))
            selector.modify(self.line, selectors.EVENT_WRITE, self)

    def _receive(self) -> bool:
        """True when the request is complete, or longer than it may be."""
        some = self.line.recv(MOST_REQUEST_OCTETS)
        self._received += some
        self.done = not some
        return b"\n" in some or len(self._received) > MOST_REQUEST_OCTETS

    def _send(self) -> bool:
        self._unsent = self._unsent[self.line.send(self._unsent) :]
        self.done = not self._unsent
        return False


def _error(code: str, text: str, fix: str) -> dict[str, Any]:
    return {"ok": False, "error": {"code": code, "text": text, "fix": fix}}


def _identity(path: Path) -> tuple[int, int]:
    found = path.lstat()
    return found.st_dev, found.st_ino


def _listen(path: Path) -> socket.socket:
    address = _address_of(path)
    try:
        path.parent.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
        _clear(path, address)
        return _bound(path, address)
    except PermissionError as error:
        fix = "see who owns the folder, or set control_socket to another path"
        raise Denied(
            f"cannot open the control socket {path}: {error.strerror}", code="LPF520", fix=fix
        ) from error
    except OSError as error:
        raise Blocked(f"cannot open the control socket {path}: {error.strerror}", code="LPF520") from error


def _bound(path: Path, address: str) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        # Linux gives the file the mode of the socket, so that there is no moment at which others may connect.
        os.fchmod(listener.fileno(), _SOCKET_MODE)
        listener.bind(address)
        path.chmod(_SOCKET_MODE)  # the umask has taken the group's part away
        listener.listen(_BACKLOG)
        listener.setblocking(False)
    except OSError:
        listener.close()
        raise
    return listener


def _clear(path: Path, address: str) -> None:
    """Removes what a dead process left. The journal's lock keeps two starts from meeting here."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise Blocked(f"{path} is no socket", code="LPF520", fix="set control_socket to another path")
    if _is_alive(address):
        raise Busy(f"another process answers at {path}", code="LPF502", fix="look at it: lpforwarder status")
    path.unlink()


def _is_alive(address: str) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        try:
            probe.connect(address)
        except ConnectionRefusedError:
            return False
        except BlockingIOError:
            return True  # alive, with more callers than it has answered
    return True
