"""The certificate of the endpoint, read again when its files have changed and come to rest."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import structlog

from lpforwarder.config import files
from lpforwarder.config.openssl import connection_fault
from lpforwarder.errors import Blocked
from lpforwarder.runtime.bell import Bells, Ring

LOOK_EVERY = 5.0
"""Seconds between two looks at the files."""

log = structlog.get_logger()


class Credentials:
    """Certificate, key, and the authority that clients must have a certificate of, if there is one."""

    def __init__(
        self,
        cert_file: Path,
        key_file: Path | None,
        client_ca_file: Path | None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._cert_file = cert_file
        self._key_file = key_file
        self._client_ca_file = client_ca_file
        self._files = [path for path in (cert_file, key_file, client_ca_file) if path is not None]
        self._clock = clock
        self._context: ssl.SSLContext | None = None
        self._used: files.Stamps = ()
        self._refused: files.Stamps = ()
        self._seen: files.Stamps = ()
        self._look_at = float("-inf")
        self._is_told = threading.Event()
        self._bells = Bells()

    def read(self) -> ssl.SSLContext:
        """TLS 1.2 and newer with what the files hold now, or held when they could be used last.

        Blocked (LPF504) when they never could.
        """
        stamps = files.stamps(self._files)
        try:
            self._context = self._made()
        except (OSError, ValueError) as error:
            if self._context is not None:
                self._refuse(stamps, error)
                return self._context
            reason, fix = self._why(error)
            what = f"the certificate of the endpoint cannot be used: {reason}"
            raise Blocked(what, code="LPF504", fix=fix) from error
        self._used = self._seen = stamps
        return self._context

    def renew(self) -> None:
        """Somebody says that the files have changed: the next look() is one at once. From any thread."""
        self._is_told.set()
        self._bells.ring()

    def ringing(self, ring: Ring) -> AbstractContextManager[None]:
        """Within this block it is rung when renew() is called: for who sleeps between two looks."""
        return self._bells.ringing(ring)

    def look(self) -> bool:
        """True when other files are there since read(), usable ones; costs nothing if asked often."""
        if self._is_told.is_set():
            self._is_told.clear()
            return self.look_now()
        if self._clock() < self._look_at:
            return False
        self._look_at = self._clock() + LOOK_EVERY
        before, self._seen = self._seen, files.stamps(self._files)
        return self._seen == before and self._is_usable()

    def look_now(self) -> bool:
        """The same at once, for files that somebody says are ready."""
        self._seen = files.stamps(self._files)
        return self._is_usable()

    def _is_usable(self) -> bool:
        """Whether what was seen is neither what is used nor refused already, and can be used."""
        if self._seen in (self._used, self._refused):
            return False
        try:
            self._made()
        except (OSError, ValueError) as error:
            self._refuse(self._seen, error)
            return False
        return True

    def _refuse(self, stamps: files.Stamps, error: OSError | ValueError) -> None:
        """Says once of these files that they cannot be used."""
        if stamps == self._refused:
            return
        self._refused = stamps
        reason, fix = self._why(error)
        log.error("endpoint.certificate_refused", reason=reason, fix=f"{fix}; the old one is used until then")

    def _why(self, error: OSError | ValueError) -> tuple[str, str]:
        """Which file, what is wrong with it, and what to do: OpenSSL names neither."""
        if finding := files.unusable(self._client_ca_file, self._cert_file, self._key_file):
            return finding.what, finding.fix
        fix = f"look at {self._cert_file}: openssl x509 -noout -text -in {self._cert_file}"
        if isinstance(error, ssl.SSLError):
            return connection_fault(error), fix
        return str(getattr(error, "strerror", None) or error), fix

    def _made(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        files.require_files(*self._files)
        # An empty password: a key with one must not ask for it on the terminal.
        context.load_cert_chain(self._cert_file, self._key_file, password="")
        if self._client_ca_file is not None:
            context.load_verify_locations(self._client_ca_file)
            context.verify_mode = ssl.CERT_REQUIRED
        return context
