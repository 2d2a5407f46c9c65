"""The keys of `privacy`, at the top of the file and in a collector alike: which fields go, and how."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, WithJsonSchema

from lpforwarder.config import secrets
from lpforwarder.config.options import Finding, OptionalFile, Options, mistake
from lpforwarder.config.secrets import Secret
from lpforwarder.errors import Denied
from lpforwarder.privacy import COMPANIONS, KEPT

SHORTEST_KEY = 16
"""Characters. Whoever can guess the key can guess what was hashed."""

KNOWN = (
    *("sourceUser", "sourceIp", "targetUser", "targetUsers", "result", "method", "mfa", "mfaType"),
    *("itemName", "folderName", "groupName", "policyName", "policyValue", "attribute", "action", "message"),
    *("reason", "vendorAction", "vendorData", "vendorFields", "apiUser", "adminUser", "client"),
    *(companion for companions in COMPANIONS.values() for companion in companions),
)
"""Fields that built-in sources give; others are possible."""


def _names(value: Any) -> Any:
    """The names as a tuple, each once."""
    if not isinstance(value, list | tuple):
        return value
    for name in value:
        if isinstance(name, str) and name in KEPT:
            fix = "leave it in; choose another collector or source if it must not be known there"
            raise mistake("LPF108", f"`{name}` cannot be taken away: {KEPT[name]}", fix)
        if isinstance(name, str) and not name.strip():
            raise mistake("LPF108", "has an empty name", "write the names of fields, like itemName")
    return tuple(dict.fromkeys(value)) if all(isinstance(name, str) for name in value) else tuple(value)


_NAME_LIST = WithJsonSchema({"type": "array", "items": {"type": "string"}})
FieldNames = Annotated[tuple[str, ...], BeforeValidator(_names), _NAME_LIST]
"""Names of event fields."""


class PrivacyOptions(Options):
    """Fields dropped or replaced by a keyed hash; what they held is taken out of other texts too."""

    drop: FieldNames = Field((), description="fields that are dropped, for example [itemName]")
    hash: FieldNames = Field((), description="fields replaced by a keyed hash")
    hash_key_file: OptionalFile = Field(None, description="the key of the hash, alone in a file of mode 0600")

    @property
    def is_on(self) -> bool:
        """Whether there is anything to do."""
        return bool(self.drop or self.hash)

    def advice(self) -> Iterable[Finding]:
        for name in self.drop:
            if name in self.hash:
                what = f"`{name}` cannot be both dropped and hashed"
                fix = "keep it in one of the lists"
                yield Finding(key="hash", code="LPF108", note=False, what=what, fix=fix)
        if self.hash and self.hash_key_file is None:
            fix = "(umask 077; head -c 32 /dev/urandom | base64 > hash.key), then hash_key_file: hash.key"
            yield Finding(key="hash", code="LPF114", note=False, what="`hash` needs a key", fix=fix)
        for key in ("drop", "hash"):
            for name in getattr(self, key):
                yield from _unknown(key, name)

    def check_files(self) -> Iterable[Finding]:
        if self.hash_key_file is None:
            return
        try:
            key = key_in(self.hash_key_file)
        except Denied as error:
            yield Finding(key="hash_key_file", code=error.code, note=False, what=error.what, fix=error.fix)
            return
        if len(key.reveal()) < SHORTEST_KEY:
            what = f"{self.hash_key_file} holds a short key: who guesses it can guess what was hashed"
            yield Finding(key="hash_key_file", what=what, fix="head -c 32 /dev/urandom | base64")


def key_in(path: Path, environ: Mapping[str, str] = os.environ) -> Secret:
    """The key in this file. Denied like secrets.from_file(); the mode of credentials is systemd's affair."""
    folder = environ.get(secrets.CREDENTIALS)
    return secrets.from_file(path, private=not (folder and path.is_relative_to(folder)))


def _unknown(key: str, name: str) -> Iterable[Finding]:
    """A note only: sources may give fields of their own. A slip of the pen would let a name through."""
    if name in KNOWN:
        return
    near = difflib.get_close_matches(name.lower(), [known.lower() for known in KNOWN], 1, 0.8)
    meant = [known for known in KNOWN if known.lower() in near]
    fix = f"did you mean {meant[0]}?" if meant else "right if a source gives such a field"
    what = f'"{name[:60]}" is not a field of the built-in sources'
    yield Finding(key=key, code="LPF118", what=what, fix=fix)
