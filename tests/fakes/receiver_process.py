"""A simple collector as a program: `python -m tests.fakes.receiver_process --port N --out FILE`.

Runs until a signal ends it. SIGTERM takes the default way out like SIGKILL, without reading on: the kernel
then resets every connection with unread input, which is what careful senders rely on.
"""

from __future__ import annotations

import argparse
import signal
import ssl
from pathlib import Path

from tests.fakes.certificates import KeyPair, ServerTls
from tests.fakes.collectors import Collector, Manners, append_lines


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Receives syslog and appends each message to a file.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--octet-rate", type=float)
    parser.add_argument("--nap", type=float, default=0.0)
    parser.add_argument("--buffer", type=int)
    parser.add_argument("--garbage", type=int, default=0)
    for habit in ("--serial", "--never-reads", "--never-closes", "--never-says-goodbye", "--hangs-up"):
        parser.add_argument(habit, action="store_true")
    parser.add_argument("--cert", type=Path)
    parser.add_argument("--key", type=Path)
    parser.add_argument("--client-ca", type=Path)
    parser.add_argument("--tls-version", choices=["TLSv1_1", "TLSv1_2", "TLSv1_3"])
    return parser.parse_args()


def _manners(given: argparse.Namespace) -> Manners:
    return Manners(
        octet_rate=given.octet_rate,
        nap=given.nap,
        buffer=given.buffer,
        garbage=given.garbage,
        serial=given.serial,
        reads=not given.never_reads,
        closes=not given.never_closes,
        says_goodbye=not given.never_says_goodbye,
        hangs_up=given.hangs_up,
    )


def _tls(given: argparse.Namespace) -> ServerTls | None:
    if given.cert is None:
        return None
    version = ssl.TLSVersion[given.tls_version] if given.tls_version else None
    pair = KeyPair(cert_file=given.cert, key_file=given.key)
    return ServerTls(pair=pair, client_ca=given.client_ca, version=version)


def main() -> None:
    """Receives for ever."""
    given = _arguments()
    with Collector(
        append_lines(given.out), manners=_manners(given), tls=_tls(given), host=given.host, port=given.port
    ):
        signal.pause()


if __name__ == "__main__":
    main()
