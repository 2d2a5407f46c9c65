"""What a collector's configuration says about its link: the keys of `transport: tcp` and `transport: tls`.

Words of the file are None here: `ca_file: system`, `cert_file: none`, `key_file: none`,
`server_name: host`, `strict_ca: auto`. All times are seconds.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, WithJsonSchema, field_validator

from lpforwarder.config import files
from lpforwarder.config.addresses import is_address, is_loopback
from lpforwarder.config.options import (
    CaFile,
    Duration,
    Finding,
    OptionalFile,
    Options,
    Port,
    Word,
    Written,
    as_it_is,
    at_least,
    mistake,
    or_word,
)

_NOT_IN_A_HOST = re.compile(r"[\s/@,;\[\]]|\A\Z")
_DIGESTS = {"sha1": 40, "sha256": 64}


def _hosts(value: Any) -> Any:
    """One name or a list of them, as a tuple."""
    if isinstance(value, str):
        value = (value,)
    if not isinstance(value, list | tuple):
        raise mistake("LPF113", "must be a name, an address, or a list of them", "write siem.example.net")
    if not value:
        raise mistake("LPF108", "is an empty list", "write at least one name or address")
    return tuple(_host(host) for host in value)


def _host(host: Any) -> Any:
    if not isinstance(host, str):
        return host
    if is_address(host):
        return host
    bare, colon, port = host.rpartition(":")
    if colon and port.isdigit():
        raise mistake("LPF108", f'"{host}" has a port in it', f"host: {bare}, and beside it port: {port}")
    if colon or _NOT_IN_A_HOST.search(host) or len(host) > 253:
        raise mistake(
            "LPF108", f'"{host}" is not a name or an address', "write siem.example.net or 192.0.2.7"
        )
    return host


def _fingerprint(text: Any) -> Any:
    """`sha-256:AB:CD…` as RFC 5425 §4.2.2 writes it, from any of the spellings in use (rsyslog, openssl)."""
    if not isinstance(text, str):
        return text
    label, _, digits = re.sub(r"(?i)\s*fingerprint\s*=", ":", text).partition(":")
    digest = label.lower().replace("-", "")
    value = digits.replace(":", "").lower()
    if _DIGESTS.get(digest) != len(value) or not re.fullmatch("[0-9a-f]+", value):
        raise mistake(
            "LPF108",
            f'"{text[:60]}" is not a fingerprint',
            "write sha-256: and 64 hex digits, as openssl x509 -fingerprint -sha256 prints them",
        )
    pairs = (value[place : place + 2].upper() for place in range(0, len(value), 2))
    return f"{digest.replace('sha', 'sha-')}:{':'.join(pairs)}"


Hosts = Annotated[
    tuple[str, ...],
    BeforeValidator(_hosts),
    Written(lambda hosts: hosts[0] if len(hosts) == 1 else f"[{', '.join(hosts)}]"),
    WithJsonSchema(
        {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}, "minItems": 1}]}
    ),
]
ServerName = Annotated[
    str | None, BeforeValidator(or_word("host", as_it_is)), Word("host"), WithJsonSchema({"type": "string"})
]
Fingerprint = Annotated[str, BeforeValidator(_fingerprint)]
Positive = Annotated[Duration, AfterValidator(at_least(0.001, "1ms"))]


class TlsSettings(Options):
    """How the collector proves who it is, and how we do. None is the word of the file (see the module)."""

    ca_file: CaFile = Field(None, description="PEM file of the CA to trust; system: the machine's own store")
    server_name: ServerName = Field(None, description="name in its certificate; host: the one we connect to")
    cert_file: OptionalFile = Field(None, description="our client certificate (PEM), if one is wanted")
    key_file: OptionalFile = Field(None, description="its private key (PEM), mode 0600; none: in cert_file")
    min_version: Literal["1.2", "1.3"] = Field("1.2", description="oldest TLS version, in quotes: 1.2 or 1.3")
    fingerprints: Annotated[tuple[Fingerprint, ...], Field(strict=False)] = Field(
        (), description="pinned, sha-256:AB:CD…; without ca_file no CA is needed"
    )
    strict_ca: Annotated[
        bool | None,
        BeforeValidator(or_word("auto", as_it_is)),
        Word("auto"),
        WithJsonSchema({"enum": ["auto", True, False]}),
    ] = Field(None, description="false accepts CAs that break details of RFC 5280")
    allow_insecure: bool = Field(False, description="the second word that verify: false needs")
    verify: bool = Field(True, description="false sends to anybody who answers")

    @field_validator("verify")
    @classmethod
    def _needs_second_word(cls, verify: bool, info: ValidationInfo) -> bool:
        # A wrong allow_insecure is reported by itself and is missing here.
        if not verify and info.data.get("allow_insecure") is False:
            raise mistake(
                "LPF121",
                "is false: anybody could read the log",
                "set ca_file and keep checking; or write allow_insecure: true beside it",
            )
        return verify

    @field_validator("key_file")
    @classmethod
    def _needs_certificate(cls, key_file: Any, info: ValidationInfo) -> Any:
        if key_file is not None and info.data.get("cert_file", ...) is None:
            raise mistake(
                "LPF114", "is set, but `cert_file` is not", "name the certificate too: cert_file: client.pem"
            )
        return key_file

    def advice(self) -> Iterable[Finding]:
        if not self.verify:
            yield Finding(
                key="verify",
                code="LPF121",
                what="the collector is not verified: anybody between here and there can read the log",
                fix="set ca_file and delete verify and allow_insecure",
            )
        if any(fingerprint.startswith("sha-1:") for fingerprint in self.fingerprints):
            yield Finding(
                key="fingerprints", what="SHA-1 fingerprints can be forged", fix="write sha-256 ones"
            )

    def check_files(self) -> Iterable[Finding]:
        yield from files.authorities(self.ca_file, key="ca_file")
        yield from files.key_pair(self.cert_file, self.key_file, keys=("cert_file", "key_file"))


class LinkOptions(Options):
    """The keys of every link over TCP, whatever is spoken on it."""

    over_tls: ClassVar[str] = "tls"
    """The transport that says the same over TLS."""

    host: Hosts = Field(
        description="name or address; several are tried in order: [a, b]",
        examples=["siem.example.net"],
    )
    port: Port
    connect_timeout: Positive = Field(10.0, description="for connection and TLS handshake")
    stall_timeout: Positive = Field(120.0, description="one that takes nothing for so long is given up")

    def advice(self) -> Iterable[Finding]:
        yield from self._port_advice()
        far = [host for host in self.host if not is_loopback(host)]
        if far and not isinstance(self, TlsLinkOptions):
            yield Finding(
                key="host",
                what=f"events travel to {far[0]} unencrypted: anybody on the way can read them",
                fix=f"transport: {self.over_tls}, if the collector can",
            )

    def _port_advice(self) -> Iterable[Finding]:
        if self.port // 10 == 6514:  # 65140 to 65149: valid, and hardly what was meant
            yield Finding(
                key="port", code="LPF102", what=f"port {self.port} is unusual", fix="did you mean 6514?"
            )


class TlsLinkOptions(LinkOptions):
    """The keys of every link over TLS."""

    tls: TlsSettings = Field(TlsSettings(), description="how the collector proves who it is, and how we do")


class TcpOptions(LinkOptions):
    """The keys of `transport: tcp`."""

    port: Port = Field(601, description="tls 6514, tcp 601, relp 2514")
    framing: Literal["octet-counting", "newline"] = Field(
        "octet-counting", description="octet-counting or newline; tls has octet-counting only"
    )
    confirm: Literal["close", "kernel"] = Field(
        "close",
        description="close; kernel for collectors that dislike reconnects",
    )


class TlsOptions(TcpOptions, TlsLinkOptions):
    """The keys of `transport: tls`; RFC 5425 §4.3 allows no other framing."""

    port: Port = Field(6514, description="tls 6514, tcp 601, relp 2514")
    framing: Literal["octet-counting"] = Field(
        "octet-counting", description="octet-counting or newline; tls has octet-counting only"
    )
