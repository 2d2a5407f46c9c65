"""TLS towards a collector: the context, the pinned fingerprints, and what a failed handshake means.

RFC 5425 as updated by RFC 9662. Verification is on: certificate chain and name, or a pinned certificate.
"""

from __future__ import annotations

import hashlib
import hmac
import ssl

from lpforwarder.delivery.transports.options import TlsSettings
from lpforwarder.errors import Blocked, Failure, Transient

_NAME_MISMATCH = frozenset({62, 64})  # X509_V_ERR_HOSTNAME_MISMATCH, _IP_ADDRESS_MISMATCH
_UNKNOWN_CA = frozenset({2, 18, 19, 20, 21})
_NOT_YET_VALID = 9
_EXPIRED = 10
_STRICT = frozenset({79, 85, 86, 87, 88, 89, 90, 91, 92, 93, 94})  # the checks of X509_V_FLAG_X509_STRICT
_CLIENT_CERTIFICATE = (
    "CERTIFICATE_REQUIRED",
    "ALERT_UNKNOWN_CA",
    "ALERT_BAD_CERTIFICATE",
    "ALERT_CERTIFICATE_UNKNOWN",
    "ALERT_CERTIFICATE_EXPIRED",
    "ALERT_CERTIFICATE_REVOKED",
    "ALERT_UNSUPPORTED_CERTIFICATE",
    "ALERT_ACCESS_DENIED",
)
_VERSION = ("PROTOCOL_VERSION", "UNSUPPORTED_PROTOCOL", "NO_PROTOCOLS_AVAILABLE", "VERSION_TOO_LOW")
_NOT_TLS = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG")


def context(tls: TlsSettings) -> ssl.SSLContext:
    """A client context as configured; files are read now, so a renewed certificate counts from here on.

    Blocked when a file cannot be used.
    """
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # verifies chain and name
    made.minimum_version = ssl.TLSVersion.TLSv1_3 if tls.min_version == "1.3" else ssl.TLSVersion.TLSv1_2
    if tls.strict_ca is True:
        made.verify_flags |= ssl.VERIFY_X509_STRICT
    elif tls.strict_ca is False:
        made.verify_flags &= ~ssl.VERIFY_X509_STRICT
    try:
        _trust(made, tls)
        if tls.cert_file is not None:
            made.load_cert_chain(tls.cert_file, tls.key_file, password=_no_password)
    except (OSError, ssl.SSLError) as error:
        raise Blocked(
            f"a TLS file cannot be used: {error}", code="LPF119", fix="lpforwarder check-config names it"
        ) from error
    return made


def _trust(made: ssl.SSLContext, tls: TlsSettings) -> None:
    if not tls.verify or (tls.fingerprints and tls.ca_file is None):
        made.check_hostname = False  # a pinned certificate is checked by its fingerprint instead
        made.verify_mode = ssl.CERT_NONE
    elif tls.ca_file is None:
        made.load_default_certs(ssl.Purpose.SERVER_AUTH)
    else:
        made.load_verify_locations(cafile=tls.ca_file)


def _no_password() -> str:
    raise ssl.SSLError("the private key is encrypted; a daemon has nobody to ask for the password")


def check_fingerprint(certificate: bytes, pinned: tuple[str, ...], peer: str) -> None:
    """Blocked unless the DER certificate has one of the pinned fingerprints (`sha256:` and lower-case hex).

    To be called before the first octet is sent.
    """
    shown = f"sha256:{hashlib.sha256(certificate).hexdigest()}"
    known = {shown, f"sha1:{hashlib.sha1(certificate, usedforsecurity=False).hexdigest()}"}
    if any(hmac.compare_digest(pin, digest) for pin in pinned for digest in known):
        return
    raise Blocked(
        f"{peer} shows a certificate that is not pinned: {shown}",
        code="LPF215",
        fix="if the collector's certificate was renewed, put its new fingerprint into tls.fingerprints",
    )


def broken_tls(error: ssl.SSLError, peer: str) -> Failure:
    """What a TLS error means, in words a tired person can act on."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return _unverified(error, peer)
    reason = (error.reason or str(error)).upper()
    if any(word in reason for word in _CLIENT_CERTIFICATE):
        return Blocked(
            f"{peer} refuses our client certificate, or the lack of one ({_plain(reason)})",
            code="LPF208",
            fix="tls: {cert_file: …, key_file: …} with a certificate that the collector trusts",
        )
    if "HANDSHAKE_FAILURE" in reason:
        return Blocked(
            f"{peer} refuses the TLS handshake ({_plain(reason)})",
            code="LPF208",
            fix="it probably wants a client certificate: tls: {cert_file: …, key_file: …}",
        )
    if any(word in reason for word in _VERSION):
        return Blocked(
            f"{peer} and we have no TLS version in common ({_plain(reason)})",
            code="LPF216",
            fix="TLS 1.2 is the least; lower tls.min_version only if it is 1.3",
        )
    if any(word in reason for word in _NOT_TLS):
        return Blocked(
            f"{peer} does not speak TLS on this port",
            code="LPF209",
            fix="transport: tcp, or the collector's TLS port (usually 6514)",
        )
    return Transient(f"TLS with {peer} failed: {_plain(reason)}", code="LPF217")


def _unverified(error: ssl.SSLCertVerificationError, peer: str) -> Blocked:
    code = error.verify_code
    if code in _NAME_MISMATCH:
        return Blocked(
            f"the certificate of {peer} is for another name ({error.verify_message})",
            code="LPF204",
            fix="use the certificate's name as host, or keep the host and set tls: {server_name: NAME}",
        )
    if code == _EXPIRED:
        return Blocked(
            f"the certificate of {peer} has expired",
            code="LPF205",
            fix="only the collector's owner can renew it",
        )
    if code == _NOT_YET_VALID:
        return Blocked(
            f"the certificate of {peer} is not valid yet",
            code="LPF205",
            fix="look at this machine's clock first: it is probably wrong",
        )
    if code in _UNKNOWN_CA:
        return Blocked(
            f"the certificate of {peer} was issued by an authority this machine does not trust",
            code="LPF206",
            fix="tls: {ca_file: your-ca.pem}; do not switch the check off",
        )
    if code in _STRICT:
        return Blocked(
            f"the authority of {peer} breaks a rule of RFC 5280: {error.verify_message}",
            code="LPF207",
            fix="have the CA reissued; meanwhile tls: {strict_ca: false} keeps name and chain checked",
        )
    return Blocked(f"the certificate of {peer} is refused: {error.verify_message}", code="LPF206")


def _plain(reason: str) -> str:
    return reason.replace("_", " ").lower()
