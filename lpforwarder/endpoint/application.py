"""The paths of the endpoint and what each answers. Reading the journal happens in threads, all else here."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import orjson
from anyio import CapacityLimiter, to_thread
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from lpforwarder.endpoint import cursors, problems, pull, query
from lpforwarder.endpoint.access import Doorkeeper
from lpforwarder.endpoint.arrivals import Arrivals
from lpforwarder.endpoint.contract import EndpointJournal, Snapshot
from lpforwarder.endpoint.openapi import description
from lpforwarder.endpoint.page.style import HASH
from lpforwarder.endpoint.problems import Problem
from lpforwarder.endpoint.query import Query
from lpforwarder.endpoint.tokens import Token
from lpforwarder.event import Seq

T = TypeVar("T")

READERS = 4
"""Requests that read the journal at the same time; more would only take turns with delivery."""
_JSON, _NDJSON = "application/json", "application/x-ndjson"
_LEAST_GZIP = 1_000
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": f"default-src 'none'; style-src '{HASH}'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """What the endpoint shows, handed in by whoever starts it."""

    journal: EndpointJournal
    doorkeeper: Doorkeeper
    snapshot: Snapshot
    troubles: Callable[[], Sequence[str]]
    """What keeps the service from being ready; nothing when it is."""
    metrics: Callable[[], bytes]
    page: Callable[[], str] | None
    """The status page; None when it is switched off."""
    is_metrics_open: bool = True


def application(service: Service) -> Starlette:
    """The ASGI application; no answer but documented ones, errors as problem+json."""
    endpoint = _Endpoint(service)
    paths: list[tuple[str, Callable[[Request], Awaitable[Response]]]] = [
        ("/v1/events", endpoint.events),
        ("/v1/events/{id:path}", endpoint.event),  # an id of a file source may hold any character
        ("/v1/status", endpoint.status),
        ("/openapi.json", endpoint.openapi),
        ("/healthz", endpoint.health),
        ("/readyz", endpoint.ready),
        ("/metrics", endpoint.metrics),
    ]
    if service.page is not None:
        paths.append(("/", endpoint.page))
    made = Starlette(
        routes=[Route(path, _with_headers(answer), methods=["GET"]) for path, answer in paths],
        exception_handlers={Problem: _problem, HTTPException: _http_error, Exception: _bug},
        lifespan=endpoint.lifespan,
    )
    made.router.redirect_slashes = False
    return made


class _Endpoint:
    """The answers; one object for each server."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._journal = service.journal
        self._door = service.doorkeeper
        self._limiter = CapacityLimiter(READERS)
        self._arrivals: Arrivals | None = None

    @asynccontextmanager
    async def lifespan(self, _: Starlette) -> AsyncIterator[None]:
        self._arrivals = Arrivals(self._journal)
        try:
            yield
        finally:
            self._arrivals.close()

    # ---- events ---------------------------------------------------------------------------------------

    async def events(self, request: Request) -> Response:
        token = self._door.admit(request)
        try:
            asked = query.read(request.query_params.multi_items())
            form = _form_of(request)
            after = await self._in_thread(partial(self._place, asked.after))
            found = await self._found(asked, after, token)
            response = await self._in_thread(partial(self._answer, request, found, form))
        except Problem as problem:
            self._door.note(request, token.name, problem.status)
            raise
        self._door.note(request, token.name, 200, len(found.lines))
        return response

    def _place(self, cursor: str | None) -> Seq:
        """Where to begin. Raises Problem 400 or 410."""
        oldest = self._journal.oldest()
        if cursor is None:
            return oldest
        identity = self._journal.identity()
        try:
            place = cursors.read(identity, cursor)
        except cursors.BadCursor:
            raise problems.bad_parameter("after", "no cursor of this API; begin without one") from None
        except cursors.ForeignCursor:
            what = "The journal has been replaced since; the cursor is of the one before"
            raise problems.gone(cursors.write(identity, oldest), what) from None
        if place < oldest:
            what = f"{oldest - place} events behind it have been removed by age or size"
            raise problems.gone(cursors.write(identity, oldest), what)
        return place

    async def _found(self, asked: Query, after: Seq, token: Token) -> pull.Found:
        """The events, waiting for the first one as long as the client wants.

        Reports on readers alone end no wait: each visit would be the news that ends the next.
        """
        assert self._arrivals is not None
        until = _now() + asked.wait
        found = await self._collect(asked, after, token)
        while not found.is_news and (left := until - _now()) > 0:
            if not found.lines:
                after = found.place
            if not await self._arrivals.behind(found.place, left):
                break
            found = await self._collect(asked, after, token)
        return found

    async def _collect(self, asked: Query, after: Seq, token: Token) -> pull.Found:
        return await self._in_thread(partial(pull.collect, self._journal, asked, after, token.sources))

    def _answer(self, request: Request, found: pull.Found, form: str) -> Response:
        cursor = cursors.write(self._journal.identity(), found.place)
        following = request.url.include_query_params(after=cursor)
        headers = {
            "Lpforwarder-Cursor": cursor,
            "Link": f'<{following.path}?{following.query}>; rel="next"',
            "Vary": "Accept, Accept-Encoding",
        }
        body = pull.as_lines(found.lines) if form == _NDJSON else pull.as_array(found.lines)
        if len(body) >= _LEAST_GZIP and _takes_gzip(request):
            body = gzip.compress(body, compresslevel=1, mtime=0)
            headers["Content-Encoding"] = "gzip"
        return Response(body, media_type=form, headers=headers)

    async def event(self, request: Request) -> Response:
        token = self._door.admit(request)
        entry = await self._in_thread(partial(self._journal.find, request.path_params["id"]))
        if entry is None or not pull.is_readable(entry.source, (), token.sources):
            self._door.note(request, token.name, 404)
            raise problems.not_found("event")
        self._door.note(request, token.name, 200, 1)
        return _tagged(request, entry.event.line, _JSON)

    # ---- how it is doing ------------------------------------------------------------------------------

    async def status(self, request: Request) -> Response:
        token = self._door.admit(request)
        self._door.note(request, token.name, 200 if token.sources is None else 403)
        if token.sources is not None:
            raise Problem(status=403, kind="scope", title="This token may read events only")
        return Response(orjson.dumps(await self._in_thread(self._service.snapshot)), media_type=_JSON)

    async def openapi(self, request: Request) -> Response:
        return _tagged(request, orjson.dumps(description()), _JSON)

    async def health(self, request: Request) -> Response:  # noqa: ARG002
        return Response("ok\n", media_type="text/plain")

    async def ready(self, request: Request) -> Response:  # noqa: ARG002
        if troubles := self._service.troubles():
            raise Problem(status=503, kind="not-ready", title="Not ready", detail="; ".join(troubles))
        return Response("ready\n", media_type="text/plain")

    async def metrics(self, request: Request) -> Response:
        if not self._service.is_metrics_open:
            self._door.admit(request)
        text = await self._in_thread(self._service.metrics)
        return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8")

    async def page(self, request: Request) -> Response:  # noqa: ARG002
        assert self._service.page is not None
        return Response(await self._in_thread(self._service.page), media_type="text/html; charset=utf-8")

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await to_thread.run_sync(work, limiter=self._limiter)


def _now() -> float:
    return asyncio.get_running_loop().time()


def _form_of(request: Request) -> str:
    """NDJSON when the client prefers it, else JSON; Problem 406 when it takes neither."""
    accepted = [part.strip().lower() for part in request.headers.get("accept", "*/*").split(",")]
    kinds = [part.partition(";")[0].strip() for part in accepted]
    if _NDJSON in kinds and _JSON not in kinds[: kinds.index(_NDJSON)]:
        return _NDJSON
    if not {"", "*/*", "application/*", _JSON} & set(kinds):
        title = "Only application/json and application/x-ndjson are to be had"
        raise Problem(status=406, kind="accept", title=title)
    return _JSON


def _takes_gzip(request: Request) -> bool:
    codings = [part.strip() for part in request.headers.get("accept-encoding", "").lower().split(",")]
    return any(coding.partition(";")[0] in ("gzip", "*") and coding[-3:] != "q=0" for coding in codings)


def _tagged(request: Request, body: bytes, media_type: str) -> Response:
    """An answer that changes rarely or never: 304 to a client that has it."""
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    if tag in [text.strip() for text in request.headers.get("if-none-match", "").split(",")]:
        return Response(status_code=304, headers=headers)
    return Response(body, media_type=media_type, headers=headers)


# ---- headers and errors ---------------------------------------------------------------------------------


def _with_headers(
    answer: Callable[[Request], Awaitable[Response]],
) -> Callable[[Request], Awaitable[Response]]:
    async def answered(request: Request) -> Response:
        response = await answer(request)
        for name, value in _HEADERS.items():
            response.headers.setdefault(name, value)
        return response

    return answered


async def _problem(request: Request, error: Exception) -> Response:  # noqa: ARG001
    assert isinstance(error, Problem)
    return _error(error.status, error.body(), error.headers)


async def _http_error(request: Request, error: Exception) -> Response:  # noqa: ARG001
    assert isinstance(error, HTTPException)
    made = Problem(
        status=error.status_code,
        kind="http",
        title=error.detail,
        headers=error.headers or {},
    )
    return _error(made.status, made.body(), made.headers)


async def _bug(request: Request, error: Exception) -> Response:  # noqa: ARG001
    made = Problem(status=500, kind="bug", title="A bug of lpforwarder; see its log")
    return _error(made.status, made.body(), made.headers)


def _error(status: int, body: bytes, headers: Mapping[str, Any]) -> Response:
    return Response(body, status, {**_HEADERS, **headers}, problems.MEDIA_TYPE)
