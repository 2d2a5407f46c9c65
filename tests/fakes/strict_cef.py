"""A strict reader of CEF:0 texts, written from the CEF Implementation Standard, chapters 1 and 2.

It refuses what strict receivers refuse: raw controls, other escapes than the four, unknown or repeated
keys, values too long or of the wrong type, custom fields without a label, spaces that belong to nothing.
"""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass

_STRING_LIMITS = {
    "act": 63,
    "cat": 1023,
    "deviceExternalId": 255,
    "duser": 1023,
    "externalId": 40,
    "fname": 1023,
    "msg": 1023,
    "outcome": 63,
    "reason": 1023,
    "suser": 1023,
    **{f"cs{number}": 4000 for number in range(1, 7)},
    **{f"cs{number}Label": 1023 for number in range(1, 7)},
    **{f"c6a{number}Label": 1023 for number in range(1, 5)},
}
_LABELLED = re.compile(r"(?:cs[1-6]|c6a[1-4])")
_OWN_KEY = re.compile(r"lpforwarder[A-Z][A-Za-z0-9]*")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")


class NotCef(Exception):
    """The octets are no CEF:0 text that every strict receiver takes; says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cef:
    """A CEF text taken apart, everything unescaped."""

    vendor: str
    product: str
    version: str
    class_id: str
    name: str
    severity: int
    extension: dict[str, str]

    def labelled(self, label: str) -> str | None:
        """The custom field with this label, as consoles show it."""
        for key, value in self.extension.items():
            if key.endswith("Label") and value == label:
                return self.extension[key.removesuffix("Label")]
        return None


def read(octets: bytes) -> Cef:
    """The one CEF text that these octets are."""
    try:
        text = octets.decode("utf-8")
    except UnicodeDecodeError as error:
        raise NotCef("not UTF-8") from error
    if _CONTROL.search(text):
        raise NotCef("a raw control character")
    header, rest = _header(text)
    if header[0] != "CEF:0":
        raise NotCef(f"version {header[0]!r}")
    for field, limit in zip(header[1:6], (63, 63, 31, 1023, 512), strict=True):
        if not 1 <= len(field) <= limit:
            raise NotCef(f"header field {field!r}")
    if not re.fullmatch(r"[0-9]|10", header[6]):
        raise NotCef(f"severity {header[6]!r}")
    vendor, product, version, class_id, name = header[1:6]
    extension = _extension(rest)
    _check_values(extension)
    _check_labels(extension)
    return Cef(
        vendor=vendor,
        product=product,
        version=version,
        class_id=class_id,
        name=name,
        severity=int(header[6]),
        extension=extension,
    )


def _header(text: str) -> tuple[list[str], str]:
    """The seven fields unescaped, and what stands behind the seventh pipe."""
    fields: list[str] = []
    field, at = "", 0
    while len(fields) < 7:
        if at >= len(text):
            raise NotCef("fewer than seven pipes")
        if text[at] == "|":
            fields.append(field)
            field = ""
        elif text[at] == "\\":
            at += 1
            if text[at : at + 1] not in ("\\", "|"):
                raise NotCef("an escape unknown in the header")
            field += text[at]
        else:
            field += text[at]
        at += 1
    return fields, text[at:]


def _extension(text: str) -> dict[str, str]:
    pairs: dict[str, str] = {}
    if not text:
        return pairs
    # Every unescaped equals sign ends a key; the key reaches back to the space before it.
    ends = [at for at, sign in enumerate(text) if sign == "=" and not _is_escaped(text, at)]
    starts = [0, *(text.rfind(" ", 0, end) + 1 for end in ends[1:])]
    if not ends:
        raise NotCef("an extension without a key")
    for number, (start, end) in enumerate(zip(starts, ends, strict=True)):
        key = text[start:end]
        stop = starts[number + 1] - 1 if number + 1 < len(starts) else len(text)
        if not re.fullmatch(r"[A-Za-z0-9]+", key) or key in pairs:
            raise NotCef(f"key {key!r}")
        pairs[key] = _unescaped(text[end + 1 : stop])
    return pairs


def _is_escaped(text: str, at: int) -> bool:
    before = len(text[:at]) - len(text[:at].rstrip("\\"))
    return before % 2 == 1


def _unescaped(text: str) -> str:
    if not text or text != text.strip(" "):
        raise NotCef("an empty value or a space that no reader can keep")
    value, at = "", 0
    while at < len(text):
        if text[at] == "\\":
            at += 1
            sign = text[at : at + 1]
            if sign not in ("\\", "=", "n", "r"):
                raise NotCef("an escape unknown in the extension")
            value += {"n": "\n", "r": "\r"}.get(sign, sign)
        else:
            value += text[at]
        at += 1
    return value


def _check_values(extension: dict[str, str]) -> None:
    for key, value in extension.items():
        if key in _STRING_LIMITS:
            if len(value) > _STRING_LIMITS[key]:
                raise NotCef(f"{key} has {len(value)} characters")
        elif key == "rt":
            if not re.fullmatch(r"0|[1-9][0-9]*", value):
                raise NotCef(f"rt {value!r}")
        elif key == "src":
            _check_address(socket.AF_INET, value)
        elif re.fullmatch(r"c6a[1-4]", key):
            _check_address(socket.AF_INET6, value)
        elif not _OWN_KEY.fullmatch(key):
            raise NotCef(f"unknown key {key!r}")


def _check_address(family: int, value: str) -> None:
    try:
        socket.inet_pton(family, value)
    except OSError as error:
        raise NotCef(f"address {value!r}") from error


def _check_labels(extension: dict[str, str]) -> None:
    fields = {key for key in extension if _LABELLED.fullmatch(key)}
    labels = {key.removesuffix("Label") for key in extension if key.endswith("Label")}
    texts = [value for key, value in extension.items() if key.endswith("Label")]
    if fields != labels or len(set(texts)) != len(texts):
        raise NotCef("custom fields and labels do not match")
