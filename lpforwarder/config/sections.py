"""The sections of the configuration that belong to no plug-in: journal, http, log, control socket, drain.

Words of the file are None here: `listen: none`, `cert_file: none`, `key_file: none`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, WithJsonSchema

from lpforwarder.config import files
from lpforwarder.config.addresses import is_loopback
from lpforwarder.config.options import (
    Duration,
    FilePath,
    Finding,
    OptionalFile,
    Options,
    Size,
    Word,
    Written,
    at_least,
    mistake,
    or_word,
)
from lpforwarder.config.places import runtime_folder, state_folder
from lpforwarder.config.privacy import PrivacyOptions

_LONGEST_SOCKET = 107  # octets; sun_path of unix(7) without its NUL


class Address(NamedTuple):
    """Where we listen; `host` is an address or a name, IPv6 without brackets."""

    host: str
    port: int


def _address(value: Any, info: ValidationInfo) -> Any:  # noqa: ARG001
    if isinstance(value, Address):
        return value
    if not isinstance(value, str):
        raise mistake("LPF113", f"must be an address and a port, not {value}", "like 127.0.0.1:9470")
    host, _, port = value.rpartition(":")
    if (
        not host
        or not port.isdigit()
        or not int(port) <= 65535
        or (":" in host and host[0] + host[-1] != "[]")
    ):
        raise mistake(
            "LPF108", f'"{value[:60]}" is not an address and a port', "like 127.0.0.1:9470 or [::1]:9470"
        )
    return Address(host.strip("[]"), int(port))


def address_text(address: Address) -> str:
    """`127.0.0.1:9470`, `[::1]:9470`."""
    return f"[{address.host}]:{address.port}" if ":" in address.host else f"{address.host}:{address.port}"


Listen = Annotated[
    Address | None,
    BeforeValidator(or_word("none", _address)),
    Word("none"),
    Written(address_text),
    WithJsonSchema({"type": "string"}),
]


def _short_enough(path: Path) -> Path:
    if len(os.fsencode(path)) > _LONGEST_SOCKET:
        raise mistake(
            "LPF108", f"is longer than {_LONGEST_SOCKET} octets", "choose a shorter path: /run/lpf.sock"
        )
    return path


SocketPath = Annotated[FilePath, AfterValidator(_short_enough)]


def default_journal() -> Path:
    """The journal's place for this user and environment."""
    return state_folder(os.environ, root=os.geteuid() == 0) / "journal.db"


def default_control_socket() -> Path:
    """The control socket's place for this user and environment."""
    return runtime_folder(os.environ, root=os.geteuid() == 0) / "control.sock"


class JournalOptions(Options):
    """The durable middle: where it is, how long and how much it keeps."""

    path: FilePath = Field(
        default_factory=default_journal,
        description="the file with all state",
        examples=["/var/lib/lpforwarder/journal.db"],
    )
    keep: Annotated[Duration, AfterValidator(at_least(1.0, "1s"))] = Field(
        30 * 86400.0, description="delivered events stay so long for replay and the pull API"
    )
    max_size: Annotated[Size, AfterValidator(at_least(2**20, "1MiB"))] = Field(
        10 * 2**30, description="the most on disk, all its files together: events, log, reserve, safe copy"
    )
    """Counted: the file in use, its log (`-wal`) and index (`-shm`), the reserve, the safe copy twice (it is
    replaced as a whole). Log, reserve and own events have shares of it: see journal/quota.py. Not counted:
    files set aside as damaged, and a page larger than all the room there is, taken by an empty journal."""
    when_full: Literal["pause-polling", "drop-delivered-first"] = Field(
        "pause-polling", description="pause-polling (the vault keeps events) or drop-delivered-first"
    )

    def check_files(self) -> Iterable[Finding]:
        with suppress(OSError):  # of a folder that cannot be looked into, whoever opens the journal speaks
            fix = f"name a file, such as {self.path / 'journal.db' if self.path.is_dir() else 'journal.db'}"
            if problem := files.other_than_file(self.path, key="path", fix=fix):
                yield problem


class HttpTls(Options):
    """Certificate and key of the endpoint; None is `none`."""

    cert_file: OptionalFile = Field(None, description="certificate of the endpoint (PEM)")
    key_file: OptionalFile = Field(None, description="its private key (PEM), mode 0600")
    client_ca_file: OptionalFile = Field(
        None, description="authority (PEM) that every client needs a certificate of; none asks for none"
    )

    def check_files(self) -> Iterable[Finding]:
        yield from files.key_pair(self.cert_file, self.key_file, keys=("cert_file", "key_file"))
        if self.client_ca_file is not None:
            yield from files.authorities(self.client_ca_file, key="client_ca_file")


class HttpOptions(Options):
    """The endpoint: pull API, metrics, health, status page. `listen` None switches it off."""

    listen: Listen = Field(Address("127.0.0.1", 9470), description="address and port; none switches it off")
    tls: HttpTls = Field(HttpTls(), description="needed unless it listens on loopback")
    metrics: Literal["open", "token"] = Field("open", description="who may read /metrics: open or token")
    status_page: bool = Field(True, description="the page for people at /")

    @property
    def is_wanted(self) -> bool:
        """True when the configuration says itself where to listen, and does not only leave it at that."""
        return self.listen is not None and "listen" in self.model_fields_set

    def advice(self) -> Iterable[Finding]:
        if self.listen and not is_loopback(self.listen.host) and self.tls.cert_file is None:
            what = (
                f"tokens and audit events would cross the network unencrypted at {address_text(self.listen)}"
            )
            fix = "set tls: {cert_file: …, key_file: …}, or listen on 127.0.0.1"
            yield Finding(key="listen", what=what, fix=fix, code="LPF114", note=False)
        if self.tls.client_ca_file is not None and self.tls.cert_file is None:
            what = "clients can only be asked for certificates over TLS, and the endpoint has none itself"
            fix = "set tls.cert_file and tls.key_file"
            yield Finding(key="tls", what=what, fix=fix, code="LPF114", note=False)


class LogOptions(Options):
    """Our own log on stderr."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="debug, info, warning or error"
    )
    format: Literal["auto", "json", "text"] = Field(
        "auto", description="auto: text on a terminal, else JSON lines"
    )


class Outline(Options):
    """The keys at the top of the file. What stands in the two lists depends on plug-ins."""

    sources: list[Any] = Field(description="where audit events come from")
    collectors: list[Any] = Field(description="where events go; each has its own place in the journal")
    journal: JournalOptions = Field(default_factory=JournalOptions, description="the durable middle")
    http: HttpOptions = Field(HttpOptions(), description="pull API, metrics, health, status page")
    control_socket: SocketPath = Field(
        default_factory=default_control_socket,
        description="for status and its like",
        examples=["/run/lpforwarder/control.sock"],
    )
    log: LogOptions = Field(LogOptions(), description="our own log on stderr")
    privacy: PrivacyOptions = Field(PrivacyOptions(), description="what is never stored nor sent")
    drain: Annotated[Duration, AfterValidator(at_least(0, "0s"))] = Field(
        10.0, description="how long a stop may take to hand over what is waiting"
    )
