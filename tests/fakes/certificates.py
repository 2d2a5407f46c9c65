"""A certificate authority of our own and everything it can hand out, good and bad, as PEM files."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme

SERVER_NAME = "siem.example.net"
CLIENT_NAME = "forwarder.example.net"
LOOPBACK = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPair:
    """A certificate with its chain, and its key, each in a PEM file."""

    cert_file: Path
    key_file: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificates:
    """What a test needs of TLS. All but `other_ca_file` and `stranger` hang under `ca_file`.

    `server` is valid for SERVER_NAME and LOOPBACK, `wrong_name` for other.example.net alone; `expired` and
    `not_yet_valid` would be right but for their dates. `client` belongs to CLIENT_NAME; `stranger` has the
    same name from an authority nobody trusts.
    """

    ca_file: Path
    other_ca_file: Path
    server: KeyPair
    expired: KeyPair
    not_yet_valid: KeyPair
    wrong_name: KeyPair
    client: KeyPair
    stranger: KeyPair


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerTls:
    """A collector's side of TLS; one that has a `client_ca` insists on a client certificate from it."""

    pair: KeyPair
    client_ca: Path | None = None
    version: ssl.TLSVersion | None = None
    """The only version it speaks; None for 1.2 and 1.3."""

    def context(self) -> ssl.SSLContext:
        """The same for Python's ssl."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.pair.cert_file, self.pair.key_file)
        if self.client_ca is not None:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(self.client_ca)
        return _speaking(context, self.version)


def make_certificates(folder: Path) -> Certificates:
    """Makes them all in `folder`; takes milliseconds (elliptic curves), but once a session is enough."""
    ca, other = trustme.CA(), trustme.CA()
    now = datetime.now(UTC)
    long_ago, yesterday, tomorrow = now - timedelta(days=60), now - timedelta(days=1), now + timedelta(days=1)
    names = (SERVER_NAME, *LOOPBACK)
    expired = ca.issue_cert(*names, not_before=long_ago, not_after=yesterday)
    not_yet_valid = ca.issue_cert(*names, not_before=tomorrow, not_after=tomorrow + timedelta(days=60))
    return Certificates(
        ca_file=_authority(ca, folder / "ca.pem"),
        other_ca_file=_authority(other, folder / "other-ca.pem"),
        server=_files(ca.issue_cert(*names), folder / "server"),
        expired=_files(expired, folder / "expired"),
        not_yet_valid=_files(not_yet_valid, folder / "not-yet-valid"),
        wrong_name=_files(ca.issue_cert("other.example.net"), folder / "wrong-name"),
        client=_files(ca.issue_cert(CLIENT_NAME, common_name=CLIENT_NAME), folder / "client"),
        stranger=_files(other.issue_cert(CLIENT_NAME, common_name=CLIENT_NAME), folder / "stranger"),
    )


def client_context(
    ca_file: Path,
    *,
    client: KeyPair | None = None,
    version: ssl.TLSVersion | None = None,
) -> ssl.SSLContext:
    """A sender's side that verifies the collector; shows `client` if given, speaks only `version`."""
    context = ssl.create_default_context(cafile=str(ca_file))
    if client is not None:
        context.load_cert_chain(client.cert_file, client.key_file)
    return _speaking(context, version)


def _speaking(context: ssl.SSLContext, version: ssl.TLSVersion | None) -> ssl.SSLContext:
    if version is not None and version < ssl.TLSVersion.TLSv1_2:
        context.set_ciphers("ALL:@SECLEVEL=0")  # OpenSSL 3 has to be told that this is meant
    context.minimum_version = version or ssl.TLSVersion.TLSv1_2
    context.maximum_version = version or ssl.TLSVersion.MAXIMUM_SUPPORTED
    return context


def _authority(ca: trustme.CA, path: Path) -> Path:
    ca.cert_pem.write_to_path(path)
    return path


def _files(leaf: trustme.LeafCert, stem: Path) -> KeyPair:
    """Writes NAME.pem (the chain) and NAME.key; the key is readable by its owner alone."""
    cert_file, key_file = stem.with_suffix(".pem"), stem.with_suffix(".key")
    cert_file.write_bytes(b"".join(part.bytes() for part in leaf.cert_chain_pems))
    key_file.touch(mode=0o600)
    leaf.private_key_pem.write_to_path(key_file)
    return KeyPair(cert_file=cert_file, key_file=key_file)
