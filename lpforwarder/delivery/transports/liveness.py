"""Whether the far kernel still answers: a dead peer told apart from one that is alive and takes nothing.

TCP_USER_TIMEOUT cannot do it: Linux counts a closed window as well, although the peer answers each probe
of it, and would end a collector that hangs after those 30 s whatever `stall_timeout` says.
"""

from __future__ import annotations

import socket
import struct

USER_TIMEOUT = 30.0  # seconds; 10 s kill live but slow collectors, without it a dead link takes 939 s
ALLOWANCE = 5.0  # seconds the kernel waits longer than we do: our own words are the clearer ones
SILENCE = 25.0  # seconds; noticed within 30 when idle and within 35 while sending, wherever we look from
UNANSWERED = 2  # one may have been sent this very moment

_INFO = 104  # octets of struct tcp_info that every kernel since 2.6 fills (linux/tcp.h)
_RETRANSMITS, _PROBES, _LAST_ACKNOWLEDGEMENT = 2, 3, 56


def silent_for(sock: socket.socket) -> float:
    """Seconds since the far kernel has answered anything; 0 while nothing of ours has gone unanswered.

    What counts as asked: octets sent, keep-alive probes, probes of a closed window.
    """
    info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _INFO)
    if max(info[_RETRANSMITS], info[_PROBES]) < UNANSWERED:
        return 0.0
    (milliseconds,) = struct.unpack_from("I", info, _LAST_ACKNOWLEDGEMENT)
    return float(milliseconds) / 1000
