"""What can go wrong with a link, in words a tired person can act on; `peer` is always ADDRESS:PORT.

Transient what time may mend, Blocked what a person must. The codes are those of docs/reference/errors.md.
"""

from __future__ import annotations

import errno
import os
import socket
import ssl
from collections.abc import Sequence

from lpforwarder.config.openssl import certificate_fault, connection_fault, plain
from lpforwarder.errors import Blocked, Failure, Transient

_UNKNOWN_NAME = (socket.EAI_NONAME, socket.EAI_NODATA)
_MOST_TOLD = 3  # addresses of one name; nobody reads on
_WAY = "look at the machine and at the network on the way; it is tried again by itself"
_IS_IT_TLS = "does this port speak TLS? if it is plain TCP: transport: tcp"

_CUT_OFF = frozenset(
    {errno.ETIMEDOUT, errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN, errno.ENETDOWN}
)
_NAME_MISMATCH = frozenset({62, 64})  # X509_V_ERR_HOSTNAME_MISMATCH, _IP_ADDRESS_MISMATCH
_UNKNOWN_CA = frozenset({2, 18, 19, 20, 21})
_NOT_YET_VALID = 9
_EXPIRED = 10
_STRICT = frozenset({79, *range(80, 95)})  # the checks of X509_V_FLAG_X509_STRICT
_WEAK = frozenset({66, 67, 68})  # keys and signatures below the library's security level
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


# ---- before there is a connection -----------------------------------------------------------------------


def unresolved(host: str, error: OSError | ValueError) -> Transient:
    """A name without an address: nobody knows it, or nobody was there to ask."""
    if not isinstance(error, socket.gaierror):
        return _no_name(host, "it is not a valid host name", "correct host")
    if error.errno == socket.EAI_AGAIN:
        return _no_name(host, "no name server answers", "look at this machine's name servers and its network")
    if error.errno in _UNKNOWN_NAME:
        return _no_name(host, f"no name server knows it ({error.strerror})", "check the spelling of host")
    return _no_name(host, f"{error.strerror}", "check the spelling and this machine's name servers")


def slow_name(host: str, seconds: float) -> Transient:
    """A resolver that takes its time; it goes on, and what it finds counts at the next try."""
    return _no_name(
        host, f"no answer in {seconds:.1f} s", "look at this machine's name servers; an address needs none"
    )


def _no_name(host: str, why: str, fix: str) -> Transient:
    return Transient(f'the name "{host}" cannot be resolved: {why}', code="LPF201", fix=fix)


def unreachable(peer: str, code: int) -> Transient:
    """What the errno of a failed connect means."""
    if code == errno.ECONNREFUSED:
        return Transient(
            f"{peer} refused the connection: nobody listens there",
            code="LPF202",
            fix="start the collector's syslog input, or correct host and port",
        )
    if code == errno.ETIMEDOUT:
        return Transient(
            f"no answer from {peer}: packets are dropped on the way, usually by a firewall",
            code="LPF203",
            fix="ask for the way from this machine to the collector to be opened",
        )
    return Transient(f"cannot reach {peer}: {os.strerror(code)}", code="LPF203")


def none_answered(told: Sequence[Transient]) -> Transient:
    """What to say of several addresses none of which took us: each in turn, and what to do about the best.

    An address that refuses tells more than one that says nothing.
    """
    if len(told) == 1:
        return told[0]
    best = next((failure for failure in told if failure.code == "LPF202"), told[0])
    shown = "; ".join(failure.what for failure in told[:_MOST_TOLD])
    more = f"; and {len(told) - _MOST_TOLD} more" if len(told) > _MOST_TOLD else ""
    return Transient(shown + more, code=best.code, fix=best.fix)


def second_choice(used: str, preferred: str, error: Failure | None) -> Transient:
    """Advice: events flow, but not to the host that stands first."""
    why = error.what if error is not None else "it took connections and nothing else"
    return Transient(
        f"{used} is used, for {preferred} comes first and is down: {why}",
        code="LPF222",
        fix="nothing, if that host comes back; it is looked for all the time",
    )


# ---- on a connection ------------------------------------------------------------------------------------


def lost(peer: str, error: OSError) -> Transient:
    """A link that broke after it was up: reset by the collector, or cut off from it."""
    if error.errno in _CUT_OFF:
        why = "the connection timed out" if error.errno == errno.ETIMEDOUT else error.strerror
        return Transient(f"{peer} no longer answers: {why}", code="LPF220", fix=_WAY)
    if error.errno in (errno.ECONNRESET, errno.EPIPE):
        return Transient(
            f"{peer} reset the connection: it died, or closed without reading all of it",
            code="LPF214",
            fix="a restart of the collector does that; if it repeats, its own log should say why",
        )
    return Transient(f"the connection to {peer} broke: {error.strerror or error}", code="LPF214")


def hung_up(peer: str, what: str = "connection") -> Transient:
    """A collector that closed without a reset, and not because we did."""
    return Transient(
        f"{peer} closed the {what}",
        code="LPF212",
        fix="if it does so after every message, test-send finds out why: framing, or TLS expected",
    )


def unread(peer: str) -> Transient:
    """A collector that closed as soon as it was connected, before we had written anything."""
    return Transient(
        f"{peer} closed the connection without reading",
        code="LPF221",
        fix="does the collector let this machine in? a list of senders, a limit of connections, a balancer "
        "without members behind it",
    )


def silent(peer: str, seconds: float) -> Transient:
    """A peer whose kernel answers no more: the machine or the way to it is gone, nobody closed anything."""
    return Transient(f"{peer} no longer answers: nothing for {seconds:.0f} s", code="LPF220", fix=_WAY)


def stalled(peer: str) -> Transient:
    """A collector that is connected and does not read."""
    return Transient(
        f"{peer} has taken nothing for too long; giving this connection up",
        code="LPF211",
        fix="look at the collector: it is connected but does not read",
    )


def torn(peer: str) -> Transient:
    """A connection on which a write was left half done: what follows would not be understood."""
    return Transient(f"the connection to {peer} ends inside a message and cannot be used", code="LPF211")


def talks(peer: str, instead_of: str) -> Transient:
    """A collector that sends more than any syslog collector has to say."""
    return Transient(f"{peer} sends data instead of {instead_of}; hanging up", code="LPF213")


def aborted(peer: str) -> Transient:
    """abort() was called while we waited."""
    return Transient(f"the connection to {peer} was given up because we are stopping", code="LPF290")


# ---- RELP -----------------------------------------------------------------------------------------------


def not_relp(peer: str, how: str) -> Transient:
    """A peer that does not open a RELP session: `how` says what it does instead."""
    return Transient(
        f"{peer} {how} instead of opening a RELP session",
        code="LPF230",
        fix="is this the port of a RELP input (imrelp)? one that wants TLS: transport: relp-tls; "
        "plain syslog: transport: tcp or tls",
    )


def session_refused(peer: str, why: str) -> Blocked:
    """A collector that speaks RELP, but not with us."""
    return Blocked(
        f"{peer} refuses the RELP session: {why}",
        code="LPF231",
        fix="look at the collector's log and at its RELP input: it must take the command syslog",
    )


def breaks_relp(peer: str, how: str) -> Transient:
    """A collector that said something no RELP collector may say."""
    return Transient(
        f"{peer} breaks the rules of RELP: {how}; hanging up",
        code="LPF232",
        fix="if it repeats, something on the way changes the stream, or the collector has a bug",
    )


def takes_nothing(peer: str, code: str) -> Transient:
    """A collector that refuses one message after the other, good ones too."""
    return Transient(
        f"{peer} refuses every message (code {code})",
        code="LPF233",
        fix="look at the collector's log: its disk may be full",
    )


def unanswered(peer: str, seconds: float) -> Transient:
    """A collector that is connected and does not acknowledge."""
    return Transient(
        f"{peer} has acknowledged nothing for {seconds:.0f} s; giving the connection up",
        code="LPF211",
        fix="look at the collector: it is connected but does not take what it reads",
    )


# ---- TLS ------------------------------------------------------------------------------------------------


def silent_in_handshake(peer: str) -> Transient:
    """A peer that is connected and says nothing, or not enough."""
    return Transient(f"{peer} does not answer the TLS handshake", code="LPF209", fix=_IS_IT_TLS)


def hung_up_in_handshake(peer: str, error: OSError | None = None) -> Transient:
    """A peer that closes instead of shaking hands."""
    how = "hung up" if error is None else f"broke off ({error.strerror})"
    return Transient(f"{peer} {how} during the TLS handshake", code="LPF209", fix=_IS_IT_TLS)


def impossible_name(name: str) -> Blocked:
    """A name that no certificate can have."""
    return Blocked(
        f'"{name}" cannot be the name in a certificate',
        code="LPF204",
        fix="correct host, or tls: {server_name: …}",
    )


def broken_tls(error: ssl.SSLError, peer: str, *, established: bool = False, greeted: bool = True) -> Failure:
    """What a TLS error means; `established` says that the handshake had succeeded before.

    `greeted`: the peer had agreed to version and cipher before it refused. The same alert (RFC 5246 §7.2.2:
    handshake_failure) then is about our certificate, and else says that we have nothing in common.
    """
    if isinstance(error, ssl.SSLCertVerificationError):
        return _unverified(error, peer)
    reason = (error.reason or str(error)).upper()
    if any(word in reason for word in _CLIENT_CERTIFICATE):
        return Blocked(
            f"{peer} refuses our client certificate, or the lack of one ({plain(reason)})",
            code="LPF208",
            fix="tls: {cert_file: …, key_file: …} with a certificate that the collector trusts",
        )
    return _broken_later(error, peer) if established else _broken_handshake(error, reason, peer, greeted)


def _broken_later(error: ssl.SSLError, peer: str) -> Transient:
    """Whatever it is, this peer has been verified and can speak TLS: try again."""
    return Transient(f"TLS with {peer} failed: {connection_fault(error)}", code="LPF217")


def _broken_handshake(error: ssl.SSLError, reason: str, peer: str, greeted: bool) -> Failure:
    if "HANDSHAKE_FAILURE" in reason and not greeted:
        return Blocked(
            f"{peer} and we have no TLS cipher in common ({plain(reason)})",
            code="LPF216",
            fix="the collector must offer TLS 1.3, or for TLS 1.2 ECDHE with AES-GCM or ChaCha20-Poly1305",
        )
    if "HANDSHAKE_FAILURE" in reason:
        return Blocked(
            f"{peer} refuses the TLS handshake ({plain(reason)})",
            code="LPF208",
            fix="it probably wants a client certificate: tls: {cert_file: …, key_file: …}",
        )
    if any(word in reason for word in _VERSION):
        return Blocked(
            f"{peer} and we have no TLS version in common ({plain(reason)})",
            code="LPF216",
            fix="TLS 1.2 is the least; lower tls.min_version only if it is 1.3",
        )
    if any(word in reason for word in _NOT_TLS):
        return Blocked(
            f"{peer} does not speak TLS on this port",
            code="LPF209",
            fix="transport: tcp, or the collector's TLS port (usually 6514)",
        )
    return _broken_later(error, peer)


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
            f"the authority of {peer}: it breaks a rule of RFC 5280 ({error.verify_message})",
            code="LPF207",
            fix="have the CA reissued; meanwhile tls: {strict_ca: false} keeps name and chain checked",
        )
    if code in _WEAK:
        return Blocked(
            f"the authority of {peer}: it uses what is too weak today ({error.verify_message})",
            code="LPF207",
            fix="have the certificate and its CA reissued with SHA-256 and RSA 2048 or better",
        )
    return Blocked(
        f"the certificate of {peer} is refused: {certificate_fault(error)}",
        code="LPF206",
        fix="have the collector's owner look at it",
    )
