"""The paths of the endpoint and what each answers. Reading the journal happens in threads, all else here."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, TypeVar

import orjson
import structlog
from anyio import CapacityLimiter, to_thread
from msgspec import Struct
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from lpforwarder.counting import counted
from lpforwarder.endpoint import problems, pull, query
from lpforwarder.endpoint.access import Doorkeeper, is_misdirected
from lpforwarder.endpoint.answers import Budget, Piecemeal
from lpforwarder.endpoint.arrivals import Arrivals
from lpforwarder.endpoint.contract import EndpointJournal, Snapshot
from lpforwarder.endpoint.cursors import BadCursor, Cursors, ForeignCursor, LostKey
from lpforwarder.endpoint.gate import Gate
from lpforwarder.endpoint.negotiating import JSON, NDJSON, Form, form_of, tagged
from lpforwarder.endpoint.openapi import description
from lpforwarder.endpoint.page.style import HASH
from lpforwarder.endpoint.problems import Problem
from lpforwarder.endpoint.query import Query
from lpforwarder.endpoint.tokens import Token
from lpforwarder.event import Seq

T = TypeVar("T")

log = structlog.get_logger()

READERS = 2
"""Requests that read the journal at the same time; more would only take turns with delivery."""
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": f"default-src 'none'; style-src '{HASH}'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class Service(Struct, frozen=True, kw_only=True):
    """What the endpoint shows, handed in by whoever starts it."""

    journal: EndpointJournal
    cursors: Cursors
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
        middleware=[Middleware(Gate)],
        exception_handlers={Problem: _problem, HTTPException: _http_error, Exception: _bug},
        lifespan=endpoint.lifespan,
    )
    made.router.redirect_slashes = False
    return made


class _Found(Struct, frozen=True, kw_only=True):
    """What one look found: between which places, how many events, and the answer with them."""

    after: Seq
    place: Seq
    count: int
    is_news: bool
    answer: Response


class _Endpoint:
    """The answers; one object for each server."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._journal = service.journal
        self._cursors = service.cursors
        self._door = service.doorkeeper
        self._limiter = CapacityLimiter(READERS)
        self._budget = Budget()
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
            found = await self._found(request, asked, token, form_of(request))
        except Problem as problem:
            self._door.note(request, token.name, problem.status)
            raise
        self._door.note(request, token.name, 200, found.count)
        return found.answer

    def _place(self, cursor: str | None, token: Token) -> Seq:
        """Where to begin. Problem 400 or 410; who reads some sources alone is not told how many events."""
        oldest = self._journal.oldest()
        if cursor is None:
            return oldest
        try:
            place = self._cursors.read(self._journal.identity(), cursor)
        except BadCursor:
            raise problems.bad_parameter("after", "no cursor of this API; begin without one") from None
        except ForeignCursor:
            why = "The journal has been replaced since; the cursor is of the one before"
        except LostKey:
            why = "The key of the cursors has been replaced since"
        else:
            if oldest <= place <= self._journal.last():
                return place
            if place < oldest:
                count = oldest - place if token.sources is None else 0
                lost = f"{counted(count, 'event') if count else 'some events'} behind it"
                why = f"{lost} {'has' if count == 1 else 'have'} been removed by age or size"
            else:
                # Its places are given again: to go on there would leave out what comes until then.
                why = "The journal is an older copy of the one that the cursor is of"
        raise problems.gone(self._cursor(oldest), why)

    def _cursor(self, place: Seq) -> str:
        return self._cursors.write(self._journal.identity(), place)

    async def _found(self, request: Request, asked: Query, token: Token, form: Form) -> _Found:
        """The answer, which waits for the first event as long as the client wants.

        Reports on readers alone end no wait: each visit would be the news that ends the next.
        """
        assert self._arrivals is not None
        until = _now() + asked.wait

        async def look(after: Seq | None) -> _Found:
            return await self._in_thread(partial(self._look, request, asked, after, token, form))

        found = await look(None)
        while not found.is_news and (left := until - _now()) > 0:
            # What it has stays in question, and comes together with the news.
            after, behind = (found.after if found.count else found.place), found.place
            del found
            is_there = await self._arrivals.behind(behind, left)
            if self._is_ending():
                return self._goodbye(request, after, form)
            found = await look(after)
            if not is_there:
                break
        return found

    def _look(self, request: Request, asked: Query, after: Seq | None, token: Token, form: Form) -> _Found:
        """One look at the journal, and the answer made of it at once, so that it counts in the budget."""
        begin = self._place(asked.after, token) if after is None else after
        with self._budget.share() as octets:
            found = pull.collect(self._journal, asked, begin, token.sources, octets, self._is_ending)
            is_cut = not found.lines and self._is_ending() and found.place < self._journal.newest()
            if (
                is_cut and not asked.wait
            ):  # who waits gets nothing with the cursor; here it would say: no more
                raise problems.ending()
            answer = self._answer(request, found, form)
        return _Found(
            after=begin, place=found.place, count=len(found.lines), is_news=found.is_news, answer=answer
        )

    def _goodbye(self, request: Request, after: Seq, form: Form) -> _Found:
        """Nothing, at once, with the cursor to ask with when the service is back."""
        answer = self._answer(request, pull.Found([], after, is_news=False), form)
        answer.headers["Connection"] = "close"
        return _Found(after=after, place=after, count=0, is_news=False, answer=answer)

    def _answer(self, request: Request, found: pull.Found, form: Form) -> Response:
        cursor = self._cursor(found.place)
        following = request.url.include_query_params(after=cursor)
        headers = {
            "Lpforwarder-Cursor": cursor,
            "Link": f'<{following.path}?{following.query}>; rel="next"',
            "Vary": "Accept, Accept-Encoding",
        }
        body = (pull.as_lines if form.media_type == NDJSON else pull.as_array)(found.lines)
        if len(body) >= form.packed_from:
            body = gzip.compress(body, compresslevel=1, mtime=0)
            headers["Content-Encoding"] = "gzip"
        return Piecemeal(body, form.media_type, headers, self._budget)

    def _is_ending(self) -> bool:
        return self._arrivals is None or self._arrivals.is_closed

    async def event(self, request: Request) -> Response:
        token = self._door.admit(request)

        def wanted(source: str) -> bool:
            return pull.is_readable(source, (), token.sources)

        entry = await self._in_thread(partial(self._journal.find, request.path_params["id"], wanted))
        if entry is None:
            self._door.note(request, token.name, 404)
            raise problems.not_found("event")
        self._door.note(request, token.name, 200, 1)
        return tagged(request, entry.event.line, JSON)

    # ---- how it is doing ------------------------------------------------------------------------------

    async def status(self, request: Request) -> Response:
        token = self._door.admit(request)
        self._door.note(request, token.name, 200 if token.sources is None else 403)
        if token.sources is not None:
            raise Problem(status=403, kind="scope", title="This token may read events only")
        return Response(orjson.dumps(await self._in_thread(self._service.snapshot)), media_type=JSON)

    async def openapi(self, request: Request) -> Response:
        return tagged(request, orjson.dumps(description()), JSON)

    async def health(self, request: Request) -> Response:  # noqa: ARG002
        return Response("ok\n", media_type="text/plain")

    async def ready(self, request: Request) -> Response:  # noqa: ARG002
        if troubles := self._service.troubles():
            raise Problem(status=503, kind="not-ready", title="Not ready", detail="; ".join(troubles))
        return Response("ready\n", media_type="text/plain")

    async def metrics(self, request: Request) -> Response:
        if not self._service.is_metrics_open:
            self._door.admit(request)
        _not_for_foreign_pages(request)
        text = await self._in_thread(self._service.metrics)
        return Response(text, media_type="text/plain; version=0.0.4; charset=utf-8")

    async def page(self, request: Request) -> Response:
        assert self._service.page is not None
        _not_for_foreign_pages(request)
        return Response(await self._in_thread(self._service.page), media_type="text/html; charset=utf-8")

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await to_thread.run_sync(work, limiter=self._limiter)


def _now() -> float:
    return asyncio.get_running_loop().time()


def _not_for_foreign_pages(request: Request) -> None:
    """Problem 421 where a browser was led here by a name of somebody else."""
    if is_misdirected(request):
        raise problems.misdirected()


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
    headers = {"Allow": "GET, HEAD"} if error.status_code == 405 else error.headers or {}
    made = Problem(status=error.status_code, kind="http", title=error.detail, headers=headers)
    return _error(made.status, made.body(), made.headers)


async def _bug(request: Request, error: Exception) -> Response:  # noqa: ARG001
    log.error("endpoint.crashed", exc_info=error)
    made = Problem(status=500, kind="bug", title="A bug of lpforwarder; see its log")
    return _error(made.status, made.body(), made.headers)


def _error(status: int, body: bytes, headers: Mapping[str, Any]) -> Response:
    return Response(body, status, {**_HEADERS, **headers}, problems.MEDIA_TYPE)
