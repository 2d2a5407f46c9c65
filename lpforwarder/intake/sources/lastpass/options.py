"""The keys of a source of type `lastpass`."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, Field, WithJsonSchema, model_validator

from lpforwarder import rfc3339
from lpforwarder.config import files, secrets
from lpforwarder.config.addresses import is_loopback
from lpforwarder.config.options import (
    CaFile,
    Duration,
    FilePath,
    Finding,
    at_least,
    duration_text,
    mistake,
    seconds,
)
from lpforwarder.config.secrets import Secret
from lpforwarder.errors import Denied
from lpforwarder.intake.contract import SourceOptions
from lpforwarder.intake.sources.lastpass import route, zone

URL = "https://lastpass.com/enterpriseapi.php"
_SECRETS = ("secret_file", "secret_credential", "secret_env")
_SHORT_POLL = 30.0  # a note below it: every poll leaves an event of its own in the account's report
_LONG_OVERLAP = 6 * 3600.0  # a note above it: every poll reads all of it again


def _account(value: str) -> str:
    text = value.strip()
    if not re.fullmatch(r"[0-9]{1,20}", text):
        raise mistake(
            "LPF108", "is not an account number", "digits, as on top of the Admin Console's dashboard"
        )
    return text


def _variable(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", value):
        raise mistake("LPF108", "is not the name of a variable", "letters, digits and _")
    return value


def _credential(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9._-]{1,255}", value) or value in (".", ".."):
        raise mistake("LPF108", "is not the name of a credential", "letters, digits, . _ and -")
    return value


def _url(value: str) -> str:
    parts = _parts(value)
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname:
        raise mistake("LPF108", "is not a web address", f"write one like {URL}")
    if parts.username is not None or parts.fragment or parts.query:
        raise mistake("LPF108", "has a user, a ? or a # in it", f"write one like {URL}")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise mistake(
            "LPF108", "is without encryption, which would show the secret to everybody", "write https://"
        )
    return value


def _proxy(value: str) -> str:
    parts = _parts(value)
    if value in ("env", "none"):
        return value
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname:
        raise mistake("LPF108", "is not a proxy", "write env, none, or http://proxy.example.net:3128")
    return value


def _parts(value: str) -> SplitResult | None:
    try:
        parts = urlsplit(value)
        _ = parts.port
    except ValueError:
        return None
    return parts if value.isascii() and value.isprintable() and " " not in value else None


def _time_zone(value: str) -> str:
    try:
        zone.load(value)
    except ValueError:
        example = f"write one like {zone.DEFAULT}, Europe/Berlin or UTC"
        raise mistake("LPF108", f'"{value[:60]}" is not a time zone', example) from None
    return value


def _first_start(value: str) -> str:
    if value != "now" and rfc3339.parse(value) is None:
        try:
            seconds(value)
        except ValueError:
            fix = "write now, a duration like 24h, or 2026-01-31T00:00:00Z"
            raise mistake("LPF108", f'"{value[:60]}" is not a time', fix) from None
    return value


class LastPassOptions(SourceOptions):
    """The keys of a source of type `lastpass`."""

    account: Annotated[str, AfterValidator(_account)]
    """The account number (CID), in quotes."""
    secret_file: FilePath | None = Field(None, examples=["acme.secret"])
    """The API secret alone in a file, mode 0600; without another place NAME.secret beside this file."""
    secret_credential: Annotated[str, AfterValidator(_credential)] | None = None
    """Instead: a systemd credential."""
    secret_env: Annotated[str, AfterValidator(_variable)] | None = None
    """Instead: an environment variable, the least safe of the three."""
    url: Annotated[str, AfterValidator(_url)] = URL
    """The Enterprise API."""
    time_zone: Annotated[str, AfterValidator(_time_zone)] = zone.DEFAULT
    """The zone the account reports in."""
    poll_interval: Annotated[Duration, AfterValidator(at_least(1, "1s"))] = 60.0
    overlap: Annotated[Duration, AfterValidator(at_least(0, "0s"))] = 900.0
    """How long a time is read again, so that late events are found."""
    first_start: Annotated[str, AfterValidator(_first_start), WithJsonSchema({"type": "string"})] = "24h"
    """Where the very first poll begins: now, a duration back, or an RFC 3339 time."""
    own_events: Literal["drop", "keep"] = "drop"
    """The "Reporting" events that our own polls leave: drop or keep."""
    proxy: Annotated[str, AfterValidator(_proxy)] = "env"
    """Way to the vault, env for HTTPS_PROXY and NO_PROXY, none, or a URL."""
    ca_file: CaFile = None
    """Authorities in a PEM file, for a proxy that opens TLS."""
    timeout: Annotated[Duration, AfterValidator(at_least(1, "1s"))] = 120.0
    """The longest a request may take, all in all."""

    @model_validator(mode="before")
    @classmethod
    def _default_secret(cls, value: Any) -> Any:
        """NAME.secret beside the configuration when no place is named."""
        if not isinstance(value, dict) or any(key in value for key in _SECRETS):
            return value
        name = value.get("name")
        return value | {"secret_file": f"{name}.secret"} if isinstance(name, str) and name else value

    @model_validator(mode="after")
    def _one_secret(self) -> LastPassOptions:
        if sum(getattr(self, key) is not None for key in _SECRETS) != 1:
            raise mistake(
                "LPF108", "needs exactly one place of the secret", f"keep one of {', '.join(_SECRETS)}"
            )
        return self

    def secret(self) -> Secret:
        """The API secret as it is now. Raises Denied."""
        if self.secret_credential is not None:
            return secrets.from_credential(self.secret_credential)
        if self.secret_env is not None:
            return secrets.from_variable(self.secret_env)
        assert self.secret_file is not None
        return secrets.from_file(self.secret_file)

    def secret_written(self) -> float | None:
        """When the secret file was last written, seconds since 1970 UTC; None for a secret kept elsewhere."""
        if self.secret_file is None:
            return None
        with suppress(OSError):
            return Path(self.secret_file).stat().st_mtime
        return None

    def hosts(self) -> Iterable[str]:
        yield route.first_host(self.url, self.proxy)

    @property
    def secret_place(self) -> str:
        """Where the secret is, for messages."""
        if self.secret_credential is not None:
            return f"the credential {self.secret_credential}"
        return f"${self.secret_env}" if self.secret_env is not None else str(self.secret_file)

    def first_instant(self, now: float) -> int:
        """Where the very first poll begins: seconds since 1970 UTC."""
        if self.first_start == "now":
            return int(now)
        milliseconds = rfc3339.parse(self.first_start)
        if milliseconds is not None:
            return milliseconds // 1000
        return max(int(now - seconds(self.first_start)), 0)

    def advice(self) -> Iterable[Finding]:
        """A pace or an overlap that costs more than it brings."""
        if self.poll_interval < _SHORT_POLL:
            what = "is short: every poll leaves a Reporting event in the account's own log"
            yield Finding(
                key="poll_interval", what=f"{duration_text(self.poll_interval)} {what}", fix="60s is usual"
            )
        if self.overlap > _LONG_OVERLAP:
            what = f"every poll reads the last {duration_text(self.overlap)} again"
            yield Finding(key="overlap", what=what, fix="15m is usual")

    def check_files(self) -> Iterable[Finding]:
        """A secret that cannot be used, and authorities that cannot be read."""
        yield from files.authorities(self.ca_file, key="ca_file")
        if self.secret_file is not None:
            yield from files.secret(Path(self.secret_file), key="secret_file")
        elif self.secret_credential is not None:
            # Outside of its unit there are no credentials, and whoever checks the file is mostly there.
            yield from self._missing("secret_credential", note=not os.environ.get(secrets.CREDENTIALS))
        elif self.secret_env is not None:
            # Whoever checks the file need not have the environment of the service.
            yield from self._missing("secret_env", note=True)

    def _missing(self, key: str, *, note: bool) -> Iterable[Finding]:
        try:
            self.secret()
        except Denied as error:
            yield Finding(key=key, what=error.what, fix=error.fix, code=error.code, note=note)
