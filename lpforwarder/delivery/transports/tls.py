"""TLS towards a collector: the context and the pinned fingerprints.

RFC 5425 as updated by RFC 9662. Verification is on: certificate chain and name, or a pinned certificate.
"""

from __future__ import annotations

import hashlib
import hmac
import ssl
from collections.abc import Callable
from typing import Any

from lpforwarder.config import files
from lpforwarder.config.openssl import connection_fault
from lpforwarder.delivery.transports.options import TlsSettings
from lpforwarder.errors import Blocked

CERTIFICATE_REQUEST = 13  # HandshakeType: RFC 5246 §7.4, RFC 8446 §4


def context(tls: TlsSettings) -> ssl.SSLContext:
    """A client context as configured; files are read now, so a renewed certificate counts from here on.

    Blocked when a file cannot be used.
    """
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # verifies chain and name
    # Nobody needs it, and half a renegotiation would stop our writes. TLS 1.3 has none.
    made.options |= ssl.OP_NO_RENEGOTIATION
    made.minimum_version = ssl.TLSVersion.TLSv1_3 if tls.min_version == "1.3" else ssl.TLSVersion.TLSv1_2
    if tls.strict_ca is True:
        made.verify_flags |= ssl.VERIFY_X509_STRICT
    elif tls.strict_ca is False:
        made.verify_flags &= ~ssl.VERIFY_X509_STRICT
    try:
        _trust(made, tls)
        if tls.cert_file is not None:
            files.require_files(tls.cert_file, tls.key_file)
            made.load_cert_chain(tls.cert_file, tls.key_file, password=_no_password)
    except OSError as error:
        raise _unusable(tls, error) from error
    return made


def _unusable(tls: TlsSettings, error: OSError) -> Blocked:
    """Which file, what is wrong with it, and what to do: OpenSSL names neither."""
    if finding := files.unusable(tls.ca_file, tls.cert_file, tls.key_file):
        return Blocked(finding.what, code=finding.code, fix=finding.fix)
    reason = connection_fault(error) if isinstance(error, ssl.SSLError) else error.strerror
    fix = "lpforwarder check-config names it, if it is still so"
    return Blocked(f"a TLS file could not be used: {reason}", code="LPF119", fix=fix)


def server_name(tls: TlsSettings, host: str) -> str:
    """The name that the certificate must have: no certificate has the scope of a link-local address."""
    return tls.server_name or host.partition("%")[0]


def asks_for_certificate(made: ssl.SSLContext) -> Callable[[], bool | None]:
    """After a handshake with this context: whether the collector asked for our certificate.

    The library tells it to a debugging hook alone, which is no promise of it: None when nobody can say.
    """
    asked: list[bool] = []

    def notice(_session: Any, direction: str, _version: Any, _content: Any, kind: Any, _data: bytes) -> None:
        if direction == "read" and int(kind) == CERTIFICATE_REQUEST:
            asked.append(True)

    if not hasattr(made, "_msg_callback"):
        return lambda: None
    made._msg_callback = notice
    return lambda: bool(asked)


def _trust(made: ssl.SSLContext, tls: TlsSettings) -> None:
    if not tls.verify or (tls.fingerprints and tls.ca_file is None):
        made.check_hostname = False  # a pinned certificate is checked by its fingerprint instead
        made.verify_mode = ssl.CERT_NONE
    elif tls.ca_file is None:
        made.load_default_certs(ssl.Purpose.SERVER_AUTH)
    else:
        files.require_files(tls.ca_file)
        made.load_verify_locations(cafile=tls.ca_file)


def _no_password() -> str:
    raise ssl.SSLError("the private key is encrypted; a daemon has nobody to ask for the password")


def check_fingerprint(certificate: bytes, pinned: tuple[str, ...], peer: str) -> None:
    """Blocked unless the DER certificate has one of the pinned fingerprints, spelt as fingerprint() does.

    To be called before the first octet is sent.
    """
    known = [fingerprint(certificate, digest) for digest in ("sha-256", "sha-1")]
    if any(hmac.compare_digest(pin, shown) for pin in pinned for shown in known):
        return
    raise Blocked(
        f"{peer} shows a certificate that is not pinned: {known[0]}",
        code="LPF215",
        fix="if the collector's certificate was renewed, put its new fingerprint into tls.fingerprints",
    )


def fingerprint(certificate: bytes, digest: str = "sha-256") -> str:
    """`sha-256:AB:CD…` of a DER certificate, as RFC 5425 §4.2.2 writes it; `digest` is sha-256 or sha-1."""
    hashed = hashlib.new(digest.replace("-", ""), certificate, usedforsecurity=digest != "sha-1").digest()
    return f"{digest}:{hashed.hex(':').upper()}"
