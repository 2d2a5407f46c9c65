"""rsyslog and syslog-ng as forwarders: they follow a file and send its lines to a collector, as we do."""

from __future__ import annotations

import os
import subprocess
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Self

from tests.fakes.peers import peers_folder


class Sender(ABC):
    """Runs while it is entered; sends each line of `file` to `target` over TCP, octet-counted."""

    keeps_up: float = float("inf")
    """Events a second that it can take on any machine; more would only wait in its queue."""

    def __init__(self, folder: Path, file: Path, target: tuple[str, int]) -> None:
        folder.mkdir(parents=True)
        self.folder = folder
        self.file = file
        self.target = target
        self.unpacked = peers_folder()
        self.configuration = folder / "sender.conf"
        self.configuration.write_text(self._settings(), encoding="utf-8")
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        with (self.folder / "output.log").open("ab") as log:
            self._process = subprocess.Popen(
                self._command(),
                env=self._environment(),
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    @abstractmethod
    def _settings(self) -> str:
        """The text of its configuration."""

    @abstractmethod
    def _command(self) -> list[str]:
        """Program and arguments; the program stays in the foreground."""

    def _environment(self) -> dict[str, str]:
        return dict(os.environ)


class RsyslogSender(Sender):
    """imfile to omfwd. It tries for ever; as packaged it would throw away what waits for a dead collector.

    `queue` are the settings of the action's queue; none for the packaged way, which is directly from the
    main queue in memory.
    """

    queue = ""

    def _settings(self) -> str:
        host, port = self.target
        return f"""
global(workDirectory="{self.folder}" maxMessageSize="64k" net.enableDNS="off"
       parser.escapeControlCharactersOnReceive="off")
module(load="imfile")
template(name="octets" type="string" string="<110>1 2026-03-04T00:00:00Z host app - - - %msg%")
ruleset(name="out") {{
  action(type="omfwd" target="{host}" port="{port}" protocol="tcp" TCP_Framing="octet-counted"
         template="octets" action.resumeRetryCount="-1" action.resumeInterval="1" {self.queue})
}}
input(type="imfile" File="{self.file}" Tag="app" ruleset="out" persistStateInterval="100")
action(type="omfile" file="{self.folder}/own-messages")
"""

    def _command(self) -> list[str]:
        modules = str(next(self.unpacked.glob("usr/lib/*/rsyslog")))
        program = str(self.unpacked / "usr/sbin/rsyslogd")
        return [program, "-n", "-C", "-iNONE", "-M", modules, "-f", str(self.configuration)]


class RsyslogMemoryQueue(RsyslogSender):
    """With a queue of its own in memory, as its manual recommends for remote targets."""

    queue = 'queue.type="LinkedList" queue.size="500000"'


class RsyslogDiskQueue(RsyslogSender):
    """With a queue on disk that is synced after each message: a few dozen or hundred events a second."""

    keeps_up = 30.0
    queue = (
        'queue.type="Disk" queue.filename="out" queue.checkpointInterval="1" queue.syncQueueFiles="on" '
        'queue.maxDiskSpace="1g"'
    )


class SyslogNgSender(Sender):
    """file() to syslog() with flow control. `buffer` is the destination's disk buffer, if any."""

    buffer = ""

    def _settings(self) -> str:
        host, port = self.target
        return f"""@version: 3.38
options {{ log-msg-size(65536); stats-freq(0); time-reopen(1); chain-hostnames(no); use-dns(no); }};
source file {{ file("{self.file}" follow-freq(0.1) flags(no-parse)); }};
destination collector {{ syslog("{host}" port({port}) transport("tcp") {self.buffer}); }};
log {{ source(file); destination(collector); flags(flow-control); }};
"""

    def _command(self) -> list[str]:
        options = {
            "--cfgfile": self.configuration,
            "--persist-file": self.folder / "persist",
            "--control": self.folder / "control",
            "--pidfile": self.folder / "pid",
            "--module-path": next(self.unpacked.glob("usr/lib/syslog-ng/[0-9]*")),
        }
        program = str(self.unpacked / "usr/sbin/syslog-ng")
        return [program, "--foreground", "--no-caps", *(f"{key}={value}" for key, value in options.items())]

    def _environment(self) -> dict[str, str]:
        libraries = str(self.unpacked / "usr/lib/syslog-ng")
        return {**os.environ, "LD_LIBRARY_PATH": libraries, "TZ": "UTC"}


class SyslogNgDiskBuffer(SyslogNgSender):
    """With its reliable disk buffer."""

    @property
    def buffer(self) -> str:  # type: ignore[override]
        return (
            f'disk-buffer(reliable(yes) disk-buf-size(104857600) mem-buf-size(1048576) dir("{self.folder}"))'
        )
