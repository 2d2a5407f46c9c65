"""A TLS collector for one connection after the other that counts what it is told, and what it is not."""

from __future__ import annotations

import contextlib
import ssl
from collections.abc import Iterator

from tests.fakes.certificates import ServerTls
from tests.fakes.links import FarEnd
from tests.fakes.patience import beside


class Listener:
    """What arrived is in `octets`, decrypted; how connections failed in `ends`. `context` may be changed."""

    def __init__(self, context: ssl.SSLContext, host: str = "127.0.0.1", port: int = 0) -> None:
        self.far_end = FarEnd(host=host, port=port)
        self.octets = b""
        self.ends: list[str] = []
        self.context = context

    def serve(self) -> None:
        """One connection, to its end."""
        plain = self.far_end.accept()
        try:
            with self.context.wrap_socket(plain, server_side=True) as far:
                while chunk := far.recv(2**16):
                    self.octets += chunk
        except OSError as error:
            self.ends.append(str(error))

    def serve_all(self, times: int) -> None:
        """So many connections."""
        for _ in range(times):
            self.serve()


@contextlib.contextmanager
def listening(
    context: ssl.SSLContext | ServerTls, *, times: int = 1, host: str = "127.0.0.1", port: int = 0
) -> Iterator[Listener]:
    """A listener that serves so many connections while the body runs, and waits for the last one's end."""
    made = Listener(context.context() if isinstance(context, ServerTls) else context, host, port)
    with made.far_end, beside(lambda: made.serve_all(times)):
        yield made
