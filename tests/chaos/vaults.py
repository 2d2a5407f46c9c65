"""A pretend vault over HTTP as the source of a stage."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Self

from lpforwarder.simulator.vault.answers import Reply
from lpforwarder.simulator.vault.options import VaultOptions
from lpforwarder.simulator.vault.server import PretendVault
from lpforwarder.simulator.vault.vault import Answer
from tests.chaos.play import Play
from tests.chaos.stage import Feed, Stage
from tests.chaos.truth import VaultTruth


class SpoiltVault(PretendVault):
    """A vault whose answers pass through `spoil` on their way; None leaves them alone."""

    spoil: Callable[[Reply], Reply] | None = None

    def answer(self, body: bytes, query: str = "", *, accepts_gzip: bool = False) -> Answer:
        answer = super().answer(body, query, accepts_gzip=accepts_gzip)
        return answer if self.spoil is None else replace(answer, reply=self.spoil(answer.reply))


class VaultFeed:
    """A vault that listens while this is entered; then add_to() makes it a source of a stage."""

    def __init__(
        self, play: Play, *, name: str = "acme", letter: str = "v", rate: float, **switches: Any
    ) -> None:
        self.name = name
        self.vault = SpoiltVault(options=VaultOptions(seed=play.seed, **switches))
        self.truth = VaultTruth(self.vault, letter, rate=rate)
        self.secret_file = play.folder / f"{name}.secret"
        self.first_secret = self.vault.secret
        self.write_secret(self.first_secret)

    def __enter__(self) -> Self:
        self.vault.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.truth.stop()
        self.vault.close()

    def write_secret(self, secret: str) -> None:
        """What the forwarder finds in its file."""
        self.secret_file.write_text(secret, encoding="ascii")
        self.secret_file.chmod(0o600)

    def add_to(self, stage: Stage, **keys: Any) -> Feed:
        """Asked every second, and the last minute again each time, unless the keys say otherwise."""
        usual = {
            "type": "lastpass",
            "account": self.vault.options.account,
            "url": self.vault.url,
            "secret_file": str(self.secret_file),
            "poll_interval": "1s",
            "overlap": "60s",
            "first_start": "1h",
            "proxy": "none",
        }
        return stage.feed(self.name, self.truth, **{**usual, **keys})
