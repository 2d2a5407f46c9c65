"""What OpenSSL says of a certificate or a connection, in words a person can act on. Pure.

Its own words are for programmers. A reason that is in no table is passed on in lower case.
"""

from __future__ import annotations

import ssl

_UNKNOWN = "its authority is not known here"
_WEAK = "its keys or signatures are too weak today"
_CERTIFICATE = {
    2: _UNKNOWN,
    9: "it is not valid yet, or the clock of this machine is wrong",
    10: "it has expired",
    18: "it is self-signed, and nobody here was told to trust it",
    19: "its authority is self-signed and not known here",
    20: _UNKNOWN,
    21: _UNKNOWN,
    23: "it was revoked",
    26: "it was not made for this use",
    62: "it is for another name",
    64: "it is for another address",
    66: _WEAK,
    67: _WEAK,
    68: _WEAK,
    79: "its issuer is no authority",
}
"""By X509_V_ERR_…, openssl/x509_vfy.h."""
_STRICT = range(80, 95)
"""The checks of X509_V_FLAG_X509_STRICT."""

_CHANGED = "something on the way changes what is sent"
_NOTHING_IN_COMMON = "the far side and we have no TLS version or cipher in common"
_CONNECTION = {
    "UNEXPECTED_EOF_WHILE_READING": "the far side hung up in the middle",
    "DECRYPTION_FAILED_OR_BAD_RECORD_MAC": _CHANGED,
    "BAD_RECORD_MAC": _CHANGED,
    "BAD_RECORD_TYPE": _CHANGED,
    "TLSV1_ALERT_DECRYPT_ERROR": _CHANGED,
    "TLSV1_ALERT_DECODE_ERROR": _CHANGED,
    "SSLV3_ALERT_BAD_RECORD_MAC": _CHANGED,
    "SSLV3_ALERT_HANDSHAKE_FAILURE": "the far side refuses everything that we offer",
    "SSLV3_ALERT_UNEXPECTED_MESSAGE": "the far side did not expect what we said",
    "TLSV1_ALERT_INTERNAL_ERROR": "the far side has trouble of its own",
    "TLSV1_ALERT_PROTOCOL_VERSION": _NOTHING_IN_COMMON,
    "TLSV1_UNRECOGNIZED_NAME": "the far side does not know the name that was asked for",
    "UNSUPPORTED_PROTOCOL": _NOTHING_IN_COMMON,
    "NO_SHARED_CIPHER": _NOTHING_IN_COMMON,
    "WRONG_VERSION_NUMBER": "the far side does not speak TLS there",
    "RECORD_LAYER_FAILURE": "the far side does not speak TLS there",
    "APPLICATION_DATA_AFTER_CLOSE_NOTIFY": "the far side ended its half while we were still talking",
}


def certificate_fault(error: ssl.SSLCertVerificationError) -> str:
    """Why a certificate is not taken: `it has expired`."""
    if error.verify_code in _STRICT:
        return f"its chain breaks a rule of RFC 5280 ({error.verify_message})"
    return _CERTIFICATE.get(error.verify_code, str(error.verify_message))


def connection_fault(error: ssl.SSLError) -> str:
    """Why a handshake or a connection failed: `the far side hung up in the middle`."""
    reason = str(getattr(error, "reason", None) or "")  # one that was not made by OpenSSL has none
    return _CONNECTION.get(reason.upper()) or plain(reason or _without_place(str(error)))


def plain(reason: str) -> str:
    """`BAD_SIGNATURE` as `bad signature`."""
    return reason.replace("_", " ").lower()


def _without_place(text: str) -> str:
    """`[SSL] PEM lib (_ssl.c:3905)` as `PEM lib`: which line of which library said it helps nobody."""
    return text.rpartition("] ")[2].partition(" (_ssl.c")[0]
