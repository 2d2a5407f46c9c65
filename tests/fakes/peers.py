"""The real rsyslog and syslog-ng of Debian as child processes on loopback, and what they understood.

`scripts/install-peers` unpacks them into `.peers/` of the checkout, or into $LPFORWARDER_PEERS.
"""

from __future__ import annotations

import os
import ssl
from abc import abstractmethod
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from tests.fakes.certificates import ServerTls
from tests.fakes.children import ChildCollector
from tests.fakes.received import Received, event_ids, parse_parts

_CHECKOUT = Path(__file__).parents[2]
_LONGEST_MESSAGE = 65536


def peers_folder() -> Path:
    """Where the two are unpacked; RuntimeError with one line that says what to run when they are not."""
    folder = Path(os.environ.get("LPFORWARDER_PEERS", _CHECKOUT / ".peers"))
    if not all((folder / part).exists() for part in ("complete", "usr/bin/promtool")):
        raise RuntimeError(
            "rsyslog, syslog-ng and promtool are not all here; as root on Debian, run: scripts/install-peers"
        )
    return folder


class Peer(ChildCollector):
    """What both have in common: a configuration file, and a line of parsed parts for each message."""

    def __init__(self, folder: Path, tls: ServerTls | None) -> None:
        super().__init__(folder)
        self._unpacked = peers_folder()
        self._tls = tls
        self._configuration = folder / "peer.conf"
        self._configuration.write_text(self._settings())

    def received(self) -> list[Received]:
        """Every message so far as it was understood, in order of arrival."""
        return [self._parse(line) for line in self.lines()]

    def ids(self) -> list[str]:
        """The event ids so far, in order of arrival, repeats included."""
        return event_ids(received.message for received in self.received())

    @abstractmethod
    def _settings(self) -> str:
        """The text of its configuration file."""

    def _parse(self, line: bytes) -> Received:
        return parse_parts(line)


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """Where rsyslog keeps messages between receiving and writing them."""

    kind: Literal["Direct", "LinkedList"] = "Direct"
    """Direct: written before the next read. LinkedList: in memory, lost when it is killed."""
    size: int = 100_000
    slowdown_microseconds: int = 0
    """Waited before each batch that leaves the queue: a collector under load (LinkedList alone)."""


class Rsyslog(Peer):
    """rsyslog with imtcp, which takes both framings, or with imrelp. `driver` is its TLS library.

    `permitted` names the clients it lets in, by the name in the certificate; empty lets in every valid one.
    `synced` syncs the file after each write. `longest_message` is where imrelp cuts; None for its default.
    """

    def __init__(
        self,
        folder: Path,
        *,
        tls: ServerTls | None = None,
        speaks: Literal["tcp", "relp"] = "tcp",
        driver: Literal["ossl", "gtls"] = "ossl",
        permitted: tuple[str, ...] = (),
        queue: Queue = Queue(),
        synced: bool = False,
        longest_message: int | None = _LONGEST_MESSAGE,
    ) -> None:
        self._speaks = speaks
        self._longest = f'maxMessageSize="{longest_message}"' if longest_message is not None else ""
        self._driver = driver
        self._permitted = permitted
        self._queue = queue
        self._synced = synced
        super().__init__(folder, tls)

    def _command(self) -> list[str]:
        # -C: stay in this folder; -iNONE: no pid file, which a killed rsyslog would leave behind.
        program = str(self._unpacked / "usr/sbin/rsyslogd")
        return [program, "-n", "-C", "-iNONE", "-M", str(self._modules()), "-f", str(self._configuration)]

    def _modules(self) -> Path:
        return next(self._unpacked.glob("usr/lib/*/rsyslog"))

    def _settings(self) -> str:
        queue = self._queue
        sync = "on" if self._synced else "off"
        module, settings = self._relp_input() if self._speaks == "relp" else self._tcp_input()
        return f"""
global(workDirectory="{self.folder}" {self._longest} net.enableDNS="off"
       parser.escapeControlCharactersOnReceive="off" {self._tls_files()})
{module}
template(name="parts" type="string" string="%pri%\\t%timereported:::date-rfc3339%\\t%hostname%\\t\
%app-name%\\t%procid%\\t%msgid%\\t%structured-data%\\t%msg%\\n")
ruleset(name="received" queue.type="{queue.kind}" queue.size="{queue.size}"
        queue.dequeueSlowdown="{queue.slowdown_microseconds}") {{
  action(type="omfile" file="{self.file}" template="parts" sync="{sync}" flushOnTXEnd="on")
}}
input(address="127.0.0.1" port="{self.port}" ruleset="received" {settings})
action(type="omfile" file="{self.folder}/own-messages")
"""

    def _tcp_input(self) -> tuple[str, str]:
        """The module and the settings of its input."""
        module = f'module(load="imtcp" maxSessions="2000" maxFrameSize="200000" {self._tls_settings()})'
        return module, 'type="imtcp"'

    def _relp_input(self) -> tuple[str, str]:
        library = {"ossl": "openssl", "gtls": "gnutls"}[self._driver]
        if self._tls is None:
            return 'module(load="imrelp")', 'type="imrelp"'
        files = {"myCert": self._tls.pair.cert_file, "myPrivKey": self._tls.pair.key_file}
        files |= {"caCert": self._tls.client_ca} if self._tls.client_ca else {}
        settings = " ".join(f'tls.{what}="{path}"' for what, path in files.items())
        names = ",".join(f'"{name}"' for name in self._permitted)
        who = f'tls.authMode="name" tls.permittedPeer=[{names}]' if names else 'tls.authMode="certvalid"'
        if self._tls.client_ca is None:
            who = ""
        return f'module(load="imrelp" tls.tlslib="{library}")', f'type="imrelp" tls="on" {settings} {who}'

    def _tls_files(self) -> str:
        if self._tls is None:
            return ""
        files = {"CAFile": self._tls.client_ca, "CertFile": self._tls.pair.cert_file}
        files["KeyFile"] = self._tls.pair.key_file
        return " ".join(f'defaultNetstreamDriver{what}="{path}"' for what, path in files.items() if path)

    def _tls_settings(self) -> str:
        if self._tls is None:
            return ""
        mode = f'streamDriver.name="{self._driver}" streamDriver.mode="1" streamDriver.authMode={self._who()}'
        return mode if self._tls.version is None else f"{mode} {self._version(self._tls.version)}"

    def _who(self) -> str:
        if self._tls is None or self._tls.client_ca is None:
            return '"anon"'
        names = ",".join(f'"{name}"' for name in self._permitted)
        return f'"x509/name" permittedPeer=[{names}]' if names else '"x509/certvalid"'

    def _version(self, version: ssl.TLSVersion) -> str:
        """The one TLS version, in the words of the driver's library."""
        spoken = version.name.replace("_", ".")
        words = {
            "gtls": f"NORMAL:-VERS-ALL:+VERS-{spoken.replace('TLSv', 'TLS')}",
            "ossl": f"MinProtocol={spoken}\\nMaxProtocol={spoken}",
        }[self._driver]
        return f'gnutlsPriorityString="{words}"'


class SyslogNg(Peer):
    """syslog-ng with syslog(), which knows octet counting alone, and flow control."""

    def __init__(self, folder: Path, *, tls: ServerTls | None = None) -> None:
        super().__init__(folder, tls)

    def _command(self) -> list[str]:
        options = {
            "--cfgfile": self._configuration,
            "--persist-file": self.folder / "persist",
            "--control": self.folder / "control",
            "--pidfile": self.folder / "pid",
            "--module-path": next(self._unpacked.glob("usr/lib/syslog-ng/[0-9]*")),
        }
        program = str(self._unpacked / "usr/sbin/syslog-ng")
        return [program, "--foreground", "--no-caps", *(f"{key}={value}" for key, value in options.items())]

    def _environment(self) -> dict[str, str]:
        return {**os.environ, "LD_LIBRARY_PATH": str(self._unpacked / "usr/lib/syslog-ng"), "TZ": "UTC"}

    def _settings(self) -> str:
        return f"""@version: 3.38
options {{
  chain-hostnames(no); keep-hostname(yes); use-dns(no); keep-timestamp(yes); frac-digits(3);
  log-msg-size({_LONGEST_MESSAGE}); stats-freq(0); time-reopen(1);
}};
source received {{
  syslog(ip("127.0.0.1") port({self.port}) max-connections(1000) log-iw-size(100000) {self._transport()});
}};
destination parts {{
  file("{self.file}" template("${{PRI}}\\t${{ISODATE}}\\t${{HOST}}\\t${{PROGRAM}}\\t\
${{PID}}\\t${{MSGID}}\\t${{SDATA}}\\t${{MSG}}\\n"));
}};
log {{ source(received); destination(parts); flags(flow-control); }};
"""

    def _transport(self) -> str:
        if self._tls is None:
            return 'transport("tcp")'
        tls = self._tls
        unspoken = {ssl.TLSVersion.TLSv1_2: ", no-tlsv13", ssl.TLSVersion.TLSv1_3: ", no-tlsv12", None: ""}
        verify = f'ca-file("{tls.client_ca}") peer-verify(required-trusted)'
        return f"""transport("tls") tls(
    cert-file("{tls.pair.cert_file}") key-file("{tls.pair.key_file}")
    {verify if tls.client_ca else "peer-verify(optional-untrusted)"}
    ssl-options(no-sslv2, no-sslv3, no-tlsv1, no-tlsv11{unspoken[tls.version]})
  )"""

    def _parse(self, line: bytes) -> Received:
        received = super()._parse(line)
        # It keeps the time, not how it was written: always three decimals here, and an offset instead of Z.
        return replace(received, timestamp=received.timestamp.replace(b"+00:00", b"Z"))
