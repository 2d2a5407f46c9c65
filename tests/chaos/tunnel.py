"""A line between two network name spaces that loses, delays, reorders or swallows packets.

Run by Tunnel as `python -m tests.chaos.tunnel SEED`, in a name space of its own (`unshare --net`): one end is
there, the other in a name space that this process makes and keeps. Each end is a TUN device, so the packets
are real and TCP does with them what it does anywhere; no netem and no firewall rules are needed.
"""

from __future__ import annotations

import ctypes
import fcntl
import heapq
import json
import os
import random
import select
import struct
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from typing import Self

NEAR, FAR = "192.0.2.1", "192.0.2.2"
"""The addresses of its ends: the forwarder's and the collectors'."""

_CLONE_NEWNET = 0x40000000
_TUNSETIFF = 0x400454CA
_IFF_TUN, _IFF_NO_PI = 0x0001, 0x1000
_MTU = 1500
_LARGEST = 65_536


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What happens to packets, both ways. Seconds and shares of 1."""

    drops: bool = False
    """Nothing gets through, and nobody is told."""
    loss: float = 0.0
    delay: float = 0.0
    jitter: float = 0.0
    """Further delay, up to so much, for each packet by itself: this is what changes their order."""


class Tunnel:
    """Open while it is entered; change() at any time. Needs a network name space that may be changed."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._process: subprocess.Popen[str]

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.chaos.tunnel", str(self._seed)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        if self._process.stdout.readline() != "ready\n":
            raise RuntimeError("no tunnel: this needs root, or user name spaces, and /dev/net/tun")
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()

    @property
    def far_side(self) -> tuple[str, ...]:
        """A command that runs another one at the far end."""
        return ("nsenter", f"--net=/proc/{self._process.pid}/ns/net", "--")

    def change(self, line: Line) -> None:
        """From now on packets fare like this."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(asdict(line)) + "\n")
        self._process.stdin.flush()


def main() -> None:
    """Passes packets on until standard input ends."""
    near = _device("near", NEAR, FAR)
    if ctypes.CDLL(None, use_errno=True).unshare(_CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "unshare")
    far = _device("far", FAR, NEAR)
    print("ready", flush=True)
    _pass_on(near, far, random.Random(int(sys.argv[1])))


def _device(name: str, address: str, peer: str) -> int:
    """A TUN device that is up, in the name space of the moment; its descriptor."""
    descriptor = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(descriptor, _TUNSETIFF, struct.pack("16sH22x", name.encode(), _IFF_TUN | _IFF_NO_PI))
    for words in (
        "link set lo up",
        f"address add {address} peer {peer} dev {name}",
        f"link set {name} mtu {_MTU} up",
    ):
        subprocess.run(["ip", *words.split()], check=True)
    return descriptor


def _pass_on(near: int, far: int, chance: random.Random) -> None:
    line = Line()
    other = {near: far, far: near}
    waiting: list[tuple[float, int, int, bytes]] = []
    number = 0
    poller = select.poll()
    for descriptor in (0, near, far):
        poller.register(descriptor, select.POLLIN)
    while True:
        until = (waiting[0][0] - time.monotonic()) * 1000 if waiting else None
        for descriptor, _ in poller.poll(None if until is None else max(until, 0)):
            if descriptor == 0:
                words = sys.stdin.readline()
                if not words:
                    return
                line = Line(**json.loads(words))
                continue
            packet = os.read(descriptor, _LARGEST)
            if line.drops or chance.random() < line.loss:
                continue
            number += 1
            due = time.monotonic() + line.delay + chance.random() * line.jitter
            heapq.heappush(waiting, (due, number, other[descriptor], packet))
        while waiting and waiting[0][0] <= time.monotonic():
            _, _, descriptor, packet = heapq.heappop(waiting)
            if not line.drops:
                os.write(descriptor, packet)


if __name__ == "__main__":
    main()
