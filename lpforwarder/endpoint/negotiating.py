"""What a client can take, as its headers say: form, coding, what it has already (RFC 9110, 12.5, 13.1.2)."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Iterator, Sequence

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response

from lpforwarder.endpoint.problems import Problem

JSON, NDJSON = "application/json", "application/x-ndjson"

LEAST_PACKED = 1_000
"""Octets; what is shorter hardly gets shorter."""

_QUALITY = re.compile(r"0(\.[0-9]*)?|1(\.0*)?")
_TAG = re.compile(r'(?:W/)?("[\x21\x23-\x7e\x80-\xff]*")')


class Form(Struct, frozen=True, kw_only=True):
    """How a client wants its events."""

    media_type: str
    packed_from: float
    """Octets from which on they go out as gzip; infinite when they never do."""


def form_of(request: Request) -> Form:
    """What the client likes best of what there is; Problem 406 when it takes nothing of that."""
    return Form(media_type=_media_type(request), packed_from=_packed_from(request))


def _media_type(request: Request) -> str:
    """Of two that it likes alike the one that it names, then the one that it names first, then JSON."""
    accepted = list(_weighted(request, "accept")) or [("*/*", 1.0)]
    (quality, *_), media_type = max((_liking(each, accepted), each) for each in (NDJSON, JSON))
    if not quality:
        title = "Only application/json and application/x-ndjson are to be had"
        raise Problem(status=406, kind="accept", title=title)
    return media_type


def _liking(media_type: str, accepted: Sequence[tuple[str, float]]) -> tuple[float, int, int, bool]:
    """How much it is liked; the narrowest range that it falls into counts."""
    for narrowness, wanted in ((2, media_type), (1, "application/*"), (0, "*/*")):
        for place, (name, quality) in enumerate(accepted):
            if name == wanted:
                return quality, narrowness, -place if narrowness == 2 else 0, media_type == JSON
    return 0.0, 0, 0, False


def _packed_from(request: Request) -> float:
    """Plain is always welcome unless it is refused by its name or by `*`; gzip only where it is named."""
    accepted = dict(_weighted(request, "accept-encoding"))
    others = accepted.get("*")
    gzip = accepted.get("gzip", accepted.get("x-gzip", others or 0.0))
    plain = accepted.get("identity", 0.0 if others == 0.0 else 1.0)
    if not gzip and not plain:
        raise Problem(status=406, kind="accept", title="Only gzip and no coding at all are to be had")
    if not plain:
        return 0.0
    is_liked = gzip >= plain if "identity" in accepted else gzip > 0.0
    return float(LEAST_PACKED) if is_liked else math.inf


def _weighted(request: Request, header: str) -> Iterator[tuple[str, float]]:
    """Each value of a header with its `q`; parameters beside it do not count, nor does a `q` that is none."""
    for part in ",".join(request.headers.getlist(header)).lower().split(","):
        name, *parameters = [text.strip() for text in part.split(";")]
        qualities = [text[2:] for text in parameters if text.startswith("q=")]
        quality = qualities[0] if qualities and _QUALITY.fullmatch(qualities[0]) else "1"
        if name:
            yield name, float(quality)


def tagged(request: Request, body: bytes, media_type: str) -> Response:
    """An answer that changes rarely or never: 304 to a client that has it."""
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    if _has(request, tag):
        return Response(status_code=304, headers=headers)
    return Response(body, media_type=media_type, headers=headers)


def _has(request: Request, tag: str) -> bool:
    """By If-None-Match, which compares weakly: `W/` does not count."""
    known = ",".join(request.headers.getlist("if-none-match")).strip()
    return known == "*" or tag in _TAG.findall(known)
