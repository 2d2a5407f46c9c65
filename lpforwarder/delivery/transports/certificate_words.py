"""What to say about a certificate that was refused: what is wrong with it, what it says, what to do."""

from __future__ import annotations

from cryptography import x509

from lpforwarder.config.addresses import is_address
from lpforwarder.delivery.transports.certificate_facts import issuer, names_of, period
from lpforwarder.delivery.transports.options import TlsSettings
from lpforwarder.delivery.transports.told_certificates import listed
from lpforwarder.errors import Failure


def about(error: Failure, der: bytes, tls: TlsSettings, host: str) -> Failure:
    """The same failure in words about this certificate; ValueError when it cannot be read."""
    certificate = x509.load_der_x509_certificate(der)
    if error.code == "LPF204":
        return _wrong_name(error, certificate, tls, host)
    if error.code == "LPF205":
        return _same(error, f"the collector's certificate {period(certificate)}", error.fix)
    if error.code == "LPF206":
        return _unknown(error, issuer(certificate), tls)
    return _same(error, f"{issuer(certificate)} is known, but {error.what.partition(': ')[2]}", error.fix)


def _wrong_name(error: Failure, certificate: x509.Certificate, tls: TlsSettings, host: str) -> Failure:
    names = names_of(certificate)
    made = _same(error, f'the certificate is not for "{tls.server_name or host}"', error.fix)
    made.found = f"the certificate names {listed(names)}"
    usable = next((name for name in names if not name.startswith("*")), None)
    if usable is not None and tls.server_name is not None:
        made.fix = f"tls: {{server_name: {usable}}}"
    elif usable is not None:
        made.fix = f"host: {usable}"
        kept = "address" if is_address(host) else "host"
        made.instead = f"keep the {kept} and add   tls: {{server_name: {usable}}}"
    return made


def _unknown(error: Failure, name: str, tls: TlsSettings) -> Failure:
    trusted = f"{tls.ca_file.name}" if tls.ca_file is not None else "system store"
    made = _same(
        error,
        f'the certificate was issued by "{name}", which this machine does not trust',
        "tls: {ca_file: that-ca.pem}; do not switch the check off: the log holds who opens which password",
    )
    made.found = f"trusted: {trusted}"
    return made


def _same(error: Failure, what: str, fix: str) -> Failure:
    return type(error)(what, code=error.code, fix=fix)
