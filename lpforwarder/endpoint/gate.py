"""What every request passes before its path counts: no bodies are read, and none can hide a second request.

Every question of this API fits into path, query and headers. A request with a body is answered, and its
connection ends with the answer: nobody has to agree with a proxy on where the body ends, and nobody can send
one without end.
"""

from __future__ import annotations

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lpforwarder.endpoint import problems
from lpforwarder.endpoint.problems import Problem


class Gate:
    """Wraps the application."""

    def __init__(self, inner: ASGIApp) -> None:
        self._inner = inner

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request; those without a body pass untouched."""
        headers = Headers(scope=scope) if scope["type"] == "http" else Headers()
        has_length, is_chunked = headers.get("content-length", "0") != "0", "transfer-encoding" in headers
        if not has_length and not is_chunked:
            await self._inner(scope, receive, send)
            return

        async def send_and_close(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["connection"] = "close"
            await send(message)

        if is_chunked and "content-length" in headers:  # RFC 9112, 6.1: somebody smuggles
            await _refuse(send_and_close)
        else:
            await self._inner(scope, receive, send_and_close)


async def _refuse(send: Send) -> None:
    made = Problem(status=400, kind="http", title="Both Content-Length and Transfer-Encoding")
    headers = [(b"content-type", problems.MEDIA_TYPE.encode()), (b"cache-control", b"no-store")]
    body = made.body()
    headers.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": 400, "headers": headers})
    await send({"type": "http.response.body", "body": body})
