"""A pull client as a program of its own: reads everything, then waits for more, until it has seen enough.

`python -m tests.fakes.pull_client --port N --enough FILE` with the token on its input. Each event of a source
counts; the forwarder's own do not. FILE, once it is there, says how many there will be. It says `caught up`
on a line as soon as an answer was not full, and at the end a line of JSON: how many events, how fast, and
a SHA-256 over their ids in the order of their coming.
"""

from __future__ import annotations

import argparse
import hashlib
import http.client
import json
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

OWN = "lpforwarder"


def digest_of(ids: Iterable[str]) -> str:
    """A SHA-256 over ids in their order, as the client says it."""
    found = hashlib.sha256()
    for one in ids:
        found.update(one.encode() + b"\n")
    return found.hexdigest()


@dataclass
class PullClient:
    """One connection that is kept, and what came over it."""

    port: int
    token: str
    limit: int
    count: int = 0
    cursor: str | None = None
    digest: Any = field(default_factory=hashlib.sha256)
    caught_up: tuple[int, float] | None = None
    """How many events there were at the first answer that was not full, and after how many seconds."""

    def run(self, enough: Path) -> None:
        """Reads until it has as many events as the file says."""
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        began = time.monotonic()
        try:
            while not (enough.exists() and self.count >= int(enough.read_text() or 10**12)):
                found = self._page(line)
                if self.caught_up is None and len(found) < self.limit:
                    self.caught_up = self.count, time.monotonic() - began
                    print("caught up", flush=True)
        finally:
            line.close()

    def _page(self, line: http.client.HTTPConnection) -> list[Any]:
        after = f"&after={self.cursor}" if self.cursor else ""
        path = f"/v1/events?limit={self.limit}&wait=1{after}"
        line.request("GET", path, headers={"Authorization": f"Bearer {self.token}"})
        answer = line.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise ValueError(f"{answer.status} {body[:200]!r}")
        self.cursor = answer.headers["Lpforwarder-Cursor"]
        found: list[Any] = orjson.loads(body)
        for event in found:
            if event["source"] != OWN:
                self.count += 1
                self.digest.update(event["id"].encode() + b"\n")
        return found


def main() -> None:
    """Reads, and says what came."""
    parser = argparse.ArgumentParser(description="Reads the pull API as fast as it can.")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--limit", type=int, default=1000)
    parser.add_argument("--enough", type=Path, required=True)
    given = parser.parse_args()
    client = PullClient(port=given.port, token=sys.stdin.readline().strip(), limit=given.limit)
    client.run(given.enough)
    events, seconds = client.caught_up or (client.count, 0.0)
    said = {"count": client.count, "digest": client.digest.hexdigest(), "events": events, "seconds": seconds}
    print(json.dumps(said), flush=True)


if __name__ == "__main__":
    main()
