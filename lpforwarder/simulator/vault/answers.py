"""What goes back over the wire: status, headers and body. Pure.

Every answer of the real service is HTTP 200 with the content type of XML, whatever it holds, and carries
the headers recorded from it; what comes from a filter or proxy in front of it does not.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any
from xml.sax.saxutils import quoteattr

from lpforwarder.simulator.vault.options import VaultOptions

Headers = tuple[tuple[str, str], ...]

AUTHORIZATION_ERROR = b'<?xml version="1.0" encoding="UTF-8"?>\n<lastpass rc="Authorization Error"/>\n'
"""The 76 recorded octets, for a wrong account and a wrong secret alike."""

_RECORDED: Headers = (
    ("Server", "LastPass"),
    ("Content-Type", "text/xml;charset=UTF-8"),
    ("X-Frame-Options", "SAMEORIGIN"),
    (
        "Cache-Control",
        "no-cache,private,no-store,max-age=0,s-maxage=0,must-revalidate,proxy-revalidate",
    ),
    ("Strict-Transport-Security", "max-age=86400000"),
    ("X-Content-Type-Options", "nosniff"),
    ("Vary", "origin, Accept-Encoding"),
    # Two cookies of the bot filter; nobody has to return them. Made-up values, no domain.
    ("Set-Cookie", "_abck=pretend~-1~-1~-1; Path=/; Max-Age=31536000; Secure"),
    ("Set-Cookie", "bm_sz=pretend~1; Path=/; Max-Age=14400; HttpOnly"),
)
# Below a space XML 1.0 has three characters; the others, and half characters, cannot be written in it.
_NOT_IN_XML = {code: "\ufffd" for code in (*range(32), *range(0xD800, 0xE000)) if code not in (9, 10, 13)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One answer without its `date` and length, which are added when it is sent."""

    status: int = 200
    reason: str = "OK"
    headers: Headers = _RECORDED
    body: bytes

    def has_header(self, name: str) -> bool:
        return any(known.lower() == name.lower() for known, _ in self.headers)

    def with_header(self, name: str, value: str) -> Reply:
        """The same answer with that header, instead of any of its name."""
        others = tuple(pair for pair in self.headers if pair[0].lower() != name.lower())
        return Reply(status=self.status, reason=self.reason, headers=(*others, (name, value)), body=self.body)

    def with_body(self, body: bytes) -> Reply:
        return Reply(status=self.status, reason=self.reason, headers=self.headers, body=body)

    def gzipped(self) -> Reply:
        # A fixed time stamp: the same answer is the same octets.
        return self.with_body(gzip.compress(self.body, 6, mtime=0)).with_header("Content-Encoding", "gzip")


def refused() -> Reply:
    """Wrong account or wrong secret."""
    return Reply(body=AUTHORIZATION_ERROR)


def failure(errors: Sequence[str], options: VaultOptions) -> Reply:
    """A status other than OK. The literal `FAIL` is a guess: no public source shows one."""
    return as_json({"status": "FAIL", "errors": list(errors)}, options)


def as_json(value: Any, options: VaultOptions) -> Reply:
    """A JSON answer, under the content type of XML like all others."""
    text = json.dumps(value, ensure_ascii=options.escape_unicode, separators=(",", ":"))
    if options.escape_unicode:
        text = text.replace("/", "\\/")
    # A test may have fed half a character; escaped it is JSON, in UTF-8 it has no octets of its own.
    return Reply(body=text.encode("utf-8", "surrogatepass"))


def report(
    records: Sequence[Mapping[str, str]], marker: int | None, first_number: int, options: VaultOptions
) -> Reply:
    """The plain shape: `records` newest first, as a map of `Event<number>`."""
    answer: dict[str, Any] = {"status": "OK", "next": _shown(marker, options)}
    if records:
        answer["data"] = dict(_numbered(records, first_number, options))
    elif options.empty != "missing":
        answer["data"] = {"list": [], "map": {}, "null": None}[options.empty]
    return as_json(answer, options)


def report_for_siem(records: Sequence[Mapping[str, str]], marker: int | None, options: VaultOptions) -> Reply:
    """The `siem` shape as far as it is known: a list under `data`."""
    data = [record for _, record in _numbered(records, 1, options)]
    return as_json({"status": "OK", "next": _shown(marker, options), "data": data}, options)


def report_in_xml(records: Sequence[Mapping[str, str]], options: VaultOptions) -> Reply:
    """Elements `Event<number>` with the fields as attributes; the root's name is a guess."""
    lines = (f"<{name} {_attributes(record)}/>" for name, record in _numbered(records, 1, options))
    text = '<?xml version="1.0" encoding="UTF-8"?>\n<lastpass>' + "".join(lines) + "</lastpass>\n"
    return Reply(body=text.encode())


def page_in_front(status: int, reason: str, text: str, headers: Headers = ()) -> Reply:
    """An HTML page of whatever stands in front of the service."""
    body = f"<!DOCTYPE html>\n<html><head><title>{reason}</title></head><body>{text}</body></html>\n"
    kind = ("Content-Type", "text/html; charset=utf-8")
    return Reply(status=status, reason=reason, headers=(kind, *headers), body=body.encode())


def _shown(marker: int | None, options: VaultOptions) -> int | str | None:
    return str(marker) if marker is not None and options.next_type == "string" else marker


def _numbered(
    records: Sequence[Mapping[str, str]], first: int, options: VaultOptions
) -> Iterable[tuple[str, Mapping[str, str]]]:
    """Records with their keys. Ascending: `Event1` is the oldest. Shuffled: the map is in no order."""
    shown = records[::-1] if options.order == "ascending" else records
    pairs = [(f"Event{number}", record) for number, record in enumerate(shown, first)]
    if options.order == "shuffled":
        Random(f"order/{options.seed}").shuffle(pairs)
    return pairs


def _attributes(record: Mapping[str, str]) -> str:
    entities = {"\n": "&#10;", "\r": "&#13;", "\t": "&#9;"}
    return " ".join(
        f"{name}={quoteattr(value.translate(_NOT_IN_XML), entities)}" for name, value in record.items()
    )
