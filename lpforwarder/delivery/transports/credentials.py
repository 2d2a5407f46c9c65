"""The TLS files of one link, read anew when they change: neither a restart nor a signal is needed.

A file that is just being written is left alone until it has come to rest. One that cannot be used does not
end a link that works: the old one counts on, and what is wrong is said.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable
from pathlib import Path

from lpforwarder.config import files
from lpforwarder.delivery.certificates import Certificate
from lpforwarder.delivery.transports import told_certificates
from lpforwarder.delivery.transports.options import TlsSettings
from lpforwarder.delivery.transports.tls import context
from lpforwarder.delivery.transports.told_certificates import NotTold, Told
from lpforwarder.errors import Blocked

LOOK_EVERY = 5.0  # seconds between two looks; a change counts from the second look on that sees it


class Credentials:
    """Context and certificates of one link; read by other threads, changed by one."""

    def __init__(self, tls: TlsSettings, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.generation = 0
        """Grows with each change: a connection made with an older one is outdated."""
        self.problem: Blocked | None = None
        """Why the files as they are now cannot be used although older ones still are."""
        self._tls = tls
        self._clock = clock
        self._context: ssl.SSLContext | None = None
        self._files = _files(tls)
        self._stamps: files.Stamps = ()
        self._seen: files.Stamps = ()
        self._look_at = float("-inf")
        self._own: tuple[Certificate, ...] = ()
        self._collector: bytes | None = None
        self._told: Told = {}
        self._shown: tuple[Certificate, ...] = ()

    @property
    def context(self) -> ssl.SSLContext:
        """What was read last."""
        return self.read() if self._context is None else self._context

    @property
    def certificates(self) -> tuple[Certificate, ...]:
        """The collector's as it was shown last, then our own and the authorities'."""
        return self._shown + self._own

    def read(self) -> ssl.SSLContext:
        """What the files say now; Blocked when they cannot be used."""
        stamps = files.stamps(self._files)
        self._describe()  # also of files that cannot be used
        made = context(self._tls)
        if stamps != self._stamps:
            self.generation += 1
        self._context, self._stamps, self._seen, self.problem = made, stamps, stamps, None
        return made

    def look(self) -> None:
        """Reads the files again if they have changed and come to rest; costs nothing if asked often."""
        now = self._clock()
        if now < self._look_at:
            return
        self._look_at = now + LOOK_EVERY
        before, self._seen = self._seen, files.stamps(self._files)
        if self._seen == self._stamps:
            self.problem = None
        elif self._seen == before:
            used = self._own
            try:
                self.read()
            except Blocked as error:
                self._own = used  # their end is what matters until then
                what = f"{error.what}; what was read before is used until the link has to be made anew"
                self.problem = Blocked(what, code=error.code, fix=error.fix)

    def show(self, certificate: bytes, told: Told) -> None:
        """Notes what the collector has shown in a handshake, in DER, and what the ssl module tells of it."""
        if certificate != self._collector:
            self._collector, self._told = certificate, told
            self._describe()

    def _describe(self) -> None:
        try:
            self._take_what_is_told()
        except NotTold:
            self._take_apart()

    def _take_what_is_told(self) -> None:
        if self._tls.cert_file is not None:
            raise NotTold
        shown = () if self._collector is None else (told_certificates.collector(self._told),)
        if self._tls.ca_file is not None:
            self._own = tuple(told_certificates.authorities(self._tls.ca_file, self._told))
        self._shown = shown

    def _take_apart(self) -> None:
        from lpforwarder.delivery.transports import certificate_facts as facts

        shown = facts.of_collector(self._collector) if self._collector else None
        self._shown = () if shown is None else (shown,)
        own = [] if self._tls.cert_file is None else [*facts.of_client(self._tls.cert_file)]
        if self._tls.ca_file is not None:
            own += facts.of_authorities(self._tls.ca_file, self._collector)
        self._own = tuple(own)


def _files(tls: TlsSettings) -> tuple[Path, ...]:
    """All files that the context is made from; of the system's store, its places."""
    named = [path for path in (tls.ca_file, tls.cert_file, tls.key_file) if path is not None]
    if tls.ca_file is None:
        store = ssl.get_default_verify_paths()
        named += [Path(place) for place in (store.cafile, store.capath) if place]
    return tuple(named)
