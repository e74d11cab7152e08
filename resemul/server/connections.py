"""Connections that end when their client does nothing, in either direction.

uvicorn waits without end for the headers of a request, for what is left of a refused
one, and for a client that does not read its answer.
"""

import asyncio
from typing import Any

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from resemul.configs.server import ServerConfig

# Between two requests. Shorter than what proxies and clients keep connections for
# makes them send into closed ones.
_SECONDS_IDLE = 5


def server_options(app: ASGIApp, config: ServerConfig) -> uvicorn.Config:
    """How uvicorn serves the application."""
    return uvicorn.Config(
        app,
        host=config.host,
        port=config.port,
        http=_bounded(config.timeout),
        ws="none",
        log_level="warning",
        server_header=False,
        timeout_graceful_shutdown=max(1, int(config.timeout)),
        timeout_keep_alive=_SECONDS_IDLE,
    )


def _bounded(seconds: float) -> type[asyncio.Protocol]:
    return type("BoundedConnection", (Connection,), {"seconds": seconds})


class Connection(H11Protocol):
    """A connection that is cut when it has been useless for `seconds`.

    That is: no request is at work on it, be it that its headers have not come or that
    a refused body goes on coming; or the client does not read what it is sent.
    """

    seconds = 120.0

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._without_request: asyncio.TimerHandle | None = None
        self._without_reader: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begins."""
        super().connection_made(transport)
        self._look()

    def data_received(self, data: bytes) -> None:
        """Takes what the client sends."""
        super().data_received(data)
        self._look()

    def on_response_complete(self) -> None:
        """An answer was sent."""
        super().on_response_complete()
        self._look()

    def pause_writing(self) -> None:
        """The client is behind with reading."""
        super().pause_writing()
        self._without_reader = self._cut_later()

    def resume_writing(self) -> None:
        """The client has caught up."""
        super().resume_writing()
        _cancel(self._without_reader)

    def connection_lost(self, exc: Exception | None) -> None:
        """It has ended."""
        super().connection_lost(exc)
        _cancel(self._without_reader)
        _cancel(self._without_request)

    def _look(self) -> None:
        if self.cycle is not None and not self.cycle.response_complete:
            _cancel(self._without_request)
            self._without_request = None
        elif self._without_request is None and not self.transport.is_closing():
            self._without_request = self._cut_later()

    def _cut_later(self) -> asyncio.TimerHandle:
        return self.loop.call_later(self.seconds, self.transport.abort)


def _cancel(timer: asyncio.TimerHandle | None) -> None:
    if timer is not None:
        timer.cancel()
