"""rsyslog of Debian: imfile, mmjsonparse, a CEF template for each kind of event, omfwd with octet counting.

It parses, maps and escapes for CEF, as it would have to in earnest; JSON it passes on unparsed, which is what
it is good at. Its best-known settings: inotify, a queue in memory, OpenSSL's driver.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from bench.senders.contract import Command, Job, Target
from tests.fakes.peers import peers_folder

Queue = Literal["memory", "disk", "disk, synced"]

_QUEUES: dict[Queue, str] = {
    # The limits of imfile's flow control keep what is read within the queue, so nothing is lost.
    "memory": 'queue.type="LinkedList" queue.size="100000" queue.dequeueBatchSize="1024"',
    "disk": 'queue.type="Disk" queue.fileName="queue" queue.maxFileSize="64m" queue.dequeueBatchSize="1024"',
    "disk, synced": (
        'queue.type="Disk" queue.fileName="queue" queue.maxFileSize="64m" queue.dequeueBatchSize="1024" '
        'queue.syncQueueFiles="on" queue.checkpointInterval="1000"'
    ),
}

_HEADER = "<86>1 %$!timestamp% bench lpforwarder - %$!eventType% - "
_DEVICE = "CEF:0|LastPass|Enterprise|1.0|%$!eventId%|%$!eventType%|%$!severity%|"
_BEGIN = "rt=%$!timestamp% src=%$!sourceIp% externalId=%$!id% outcome=%$!result% cat=%$!eventType%"
_END = " msg=%$.message% deviceExternalId=%$!source%"

# Fields of each kind of event beyond those that all have; what people may type is escaped before.
_KINDS = {
    "signin": " duser=%$!targetUser% cs1Label=authMethod cs1=%$!method% cs4Label=mfa cs4=%$!mfa%"
    " cs5Label=mfaType cs5=%$!mfaType%",
    "change": " suser=%$!sourceUser% fname=%$.item% cs2Label=folderName cs2=%$.folder%"
    " cs3Label=attribute cs3=%$!attribute% act=%$!action%",
    "item": " suser=%$!sourceUser% fname=%$.item% cs2Label=folderName cs2=%$.folder%",
    "folder": " suser=%$!sourceUser% cs2Label=folderName cs2=%$.folder%",
    "user": " suser=%$!sourceUser% duser=%$!targetUser%",
    "factor": " duser=%$!targetUser% cs5Label=mfaType cs5=%$!mfaType%",
    "other": " suser=%$!sourceUser%",
}


class Rsyslog:
    """`queue` is the kind of the queue between reading and sending."""

    def __init__(self, queue: Queue = "memory") -> None:
        self._queue = queue

    @property
    def name(self) -> str:
        return "rsyslog" if self._queue == "memory" else f"rsyslog ({self._queue})"

    def command(self, folder: Path, job: Job, target: Target) -> Command:
        """-C: stay in this folder; -iNONE: no pid file."""
        unpacked = peers_folder()
        modules = next(unpacked.glob("usr/lib/*/rsyslog"))
        file = folder / "rsyslog.conf"
        file.write_text(self._settings(folder, job, target), encoding="utf-8")
        program = str(unpacked / "usr/sbin/rsyslogd")
        arguments = (program, "-n", "-C", "-iNONE", "-M", str(modules), "-f", str(file))
        return Command(arguments=arguments, folder=folder, environment=dict(os.environ) | {"TZ": "UTC"})

    def _settings(self, folder: Path, job: Job, target: Target) -> str:
        steps = _cef(_forward(job, target)) if job.format == "cef" else _forward(job, target).format("line")
        return f"""
global(workDirectory="{folder}" maxMessageSize="64k" net.enableDNS="off"
       defaultNetstreamDriverCAFile="{target.certificates.ca_file}")
main_queue(queue.type="Direct")
module(load="imfile" mode="inotify")
module(load="mmjsonparse")
{_templates()}
ruleset(name="send" {_QUEUES[self._queue]}) {{
{steps}
}}
input(type="imfile" file="{job.file}" tag="lpforwarder" ruleset="send" escapeLF="off")
action(type="omfile" file="{folder}/own-messages")
"""


def _templates() -> str:
    """One for JSON, which takes the line as it is, and one for each kind of CEF."""
    line = "<86>1 %timereported:::date-rfc3339% bench lpforwarder - - - %msg%"
    made = [f'template(name="line" type="string" string="{line}")']
    for kind, fields in _KINDS.items():
        text = _HEADER + _DEVICE + _BEGIN + fields + _END
        made.append(f'template(name="{kind}" type="string" string="{text}")')
    return "\n".join(made)


def _forward(job: Job, target: Target) -> str:
    """The action that sends; its template's name is still to be put in."""
    tls = (
        'streamDriver="ossl" streamDriverMode="1" streamDriverAuthMode="x509/certvalid"'
        if job.link == "tls"
        else ""
    )
    return (
        f'action(type="omfwd" target="127.0.0.1" port="{target.port}" protocol="tcp" {tls} '
        'tcp_framing="octet-counted" template="{}" action.resumeRetryCount="-1")'
    )


def _cef(forward: str) -> str:
    """Parses, escapes what people may type, chooses the template of the kind."""
    steps = ['action(type="mmjsonparse" cookie="")', f"set $.message = {_escaped('$!message')};"]
    branches = (
        ('$!method != ""', "signin", ""),
        ('$!attribute != ""', "change", _set("item", "itemName") + _set("folder", "folderName")),
        ('$!itemName != ""', "item", _set("item", "itemName") + _set("folder", "folderName")),
        ('$!folderName != ""', "folder", _set("folder", "folderName")),
        ('$!mfaType != ""', "factor", ""),
        ('$!targetUser != ""', "user", ""),
    )
    steps += [f"if {when} then {{ {sets} {forward.format(kind)} }} else" for when, kind, sets in branches]
    return "\n".join([*steps, f"{{ {forward.format('other')} }}"])


def _set(name: str, field: str) -> str:
    return f"set $.{name} = {_escaped('$!' + field)}; "


def _escaped(value: str) -> str:
    r"""Backslash, `=`, line feed and carriage return, as CEF wants them in values."""
    for raw, written in (("\\\\", "\\\\\\\\"), ("=", "\\\\="), ("\\n", "\\\\n"), ("\\r", "\\\\r")):
        value = f'replace({value}, "{raw}", "{written}")'
    return value
