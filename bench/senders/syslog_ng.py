"""syslog-ng of Debian: file source, json-parser, format-cef-extension, syslog() with octet counting.

JSON it passes on unparsed. Its best-known settings: flow control, a large window, one-second following.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from bench.senders.contract import Command, Job, Target
from tests.fakes.peers import peers_folder

Queue = Literal["memory", "disk"]

_QUEUES: dict[Queue, str] = {
    "memory": "log-fifo-size(200000)",
    "disk": 'disk-buffer(reliable(yes) mem-buf-size(16777216) disk-buf-size(2147483648) dir("{folder}"))',
}

_KEYS = {
    "rt": "timestamp",
    "src": "sourceIp",
    "externalId": "id",
    "outcome": "result",
    "cat": "eventType",
    "suser": "sourceUser",
    "duser": "targetUser",
    "fname": "itemName",
    "act": "action",
    "msg": "message",
    "cs1": "method",
    "cs2": "folderName",
    "cs3": "attribute",
    "cs4": "mfa",
    "cs5": "mfaType",
    "deviceExternalId": "source",
}


class SyslogNg:
    """`queue` is the kind of the queue between reading and sending."""

    def __init__(self, queue: Queue = "memory") -> None:
        self._queue = queue

    @property
    def name(self) -> str:
        return "syslog-ng" if self._queue == "memory" else f"syslog-ng ({self._queue})"

    def command(self, folder: Path, job: Job, target: Target) -> Command:
        """All its files in that folder."""
        unpacked = peers_folder()
        file = folder / "syslog-ng.conf"
        file.write_text(self._settings(folder, job, target), encoding="utf-8")
        options = {
            "--cfgfile": file,
            "--persist-file": folder / "persist",
            "--control": folder / "control",
            "--pidfile": folder / "pid",
            "--module-path": next(unpacked.glob("usr/lib/syslog-ng/[0-9]*")),
        }
        arguments: tuple[str, ...] = (str(unpacked / "usr/sbin/syslog-ng"), "--foreground", "--no-caps")
        arguments += tuple(f"{key}={value}" for key, value in options.items())
        libraries = {"LD_LIBRARY_PATH": str(unpacked / "usr/lib/syslog-ng"), "TZ": "UTC"}
        return Command(arguments=arguments, folder=folder, environment=dict(os.environ) | libraries)

    def _settings(self, folder: Path, job: Job, target: Target) -> str:
        tls = (
            f'transport("tls") tls(ca-file("{target.certificates.ca_file}") peer-verify(required-trusted))'
            if job.link == "tls"
            else 'transport("tcp")'
        )
        parse = "parser { json-parser(prefix('.e.')); };" if job.format == "cef" else ""
        return f"""@version: 3.38
options {{ use-dns(no); keep-hostname(yes); stats-freq(0); time-reopen(1); log-msg-size(65536); }};
source lines {{
  file("{job.file}" flags(no-parse) program-override("lpforwarder") host-override("bench")
       read-old-records(yes) follow-freq(1) log-fetch-limit(1000) log-iw-size(100000));
}};
destination sink {{
  syslog("127.0.0.1" port({target.port}) {tls} flush-lines(1000) template("{_template(job)}")
         {_QUEUES[self._queue].format(folder=folder)});
}};
log {{ source(lines); {parse} destination(sink); flags(flow-control); }};
"""


def _template(job: Job) -> str:
    """The message behind the header."""
    if job.format == "json":
        return "${MSG}"
    pairs = " ".join(f"{key}=${{.e.{field}}}" for key, field in _KEYS.items())
    header = "CEF:0|LastPass|Enterprise|1.0|${.e.eventId}|${.e.eventType}|${.e.severity}|"
    return f"{header}$(format-cef-extension --omit-empty-values {pairs})"
