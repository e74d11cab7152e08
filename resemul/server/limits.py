"""Limits that hold before a request reaches the application: pure ASGI.

A framework spools an upload before a handler sees it, so its size must be counted
while it comes in, also where no Content-Length announces it.
"""

import asyncio
import hmac
import time
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from resemul.server.problems import Problem

SECURITY_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: "
        "data:; media-src 'self' blob:; connect-src 'self'; base-uri 'none'; "
        "form-action 'none'; frame-ancestors 'none'"
    ),
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "microphone=(self), camera=(), geolocation=()",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}


class Limits:
    """Counts bytes, watches slow clients, asks for the token, adds headers.

    Args:
        app: what is behind it.
        max_bytes: of a request's body.
        timeout: seconds that a client may send nothing while it owes something.
        upload_timeout: seconds within which a body must have come in, since one that
            trickles is never silent.
        token: that requests for work carry as `Authorization: Bearer TOKEN`.
    """

    def __init__(
        self,
        app: ASGIApp,
        max_bytes: int,
        timeout: float,
        upload_timeout: float,
        token: str | None = None,
    ) -> None:
        self._app = app
        self._max_bytes = max_bytes
        self._timeout = timeout
        self._upload_timeout = upload_timeout
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves a request, or refuses it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def send_with_headers(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                message["headers"] = _with_security(message.get("headers", []))
            await send(message)

        try:
            self._check(scope)
            limited = self._limited(receive)
            await self._app(scope, limited, send_with_headers)
        except Problem as problem:
            if started:
                raise
            await problem.response()(scope, receive, send_with_headers)

    def _check(self, scope: Scope) -> None:
        headers = dict(scope["headers"])
        if self._token is not None and _is_for_work(scope):
            given = headers.get(b"authorization", b"")
            wanted = b"Bearer " + self._token.encode()
            if not hmac.compare_digest(given, wanted):
                raise Problem(
                    401, "This needs a token.", {"www-authenticate": "Bearer"}
                )
        announced = headers.get(b"content-length", b"0")
        if not announced.isdigit():
            raise Problem(400, "Content-Length is not a number.")
        self._require_small(int(announced))

    def _limited(self, receive: Receive) -> Receive:
        num_bytes = 0
        is_complete = False
        end = time.monotonic() + self._upload_timeout

        async def receive_limited() -> Message:
            nonlocal num_bytes, is_complete
            if is_complete:  # what may still come is that the client goes away
                return await receive()
            seconds = min(self._timeout, end - time.monotonic())
            try:
                message = await asyncio.wait_for(receive(), seconds)
            except TimeoutError:
                raise Problem(408, self._why_too_slow(end)) from None
            if message["type"] == "http.request":
                num_bytes += len(message.get("body", b""))
                is_complete = not message.get("more_body", False)
                self._require_small(num_bytes)
            return message

        return receive_limited

    def _why_too_slow(self, end: float) -> str:
        if time.monotonic() < end:
            return f"Nothing was sent for {self._timeout:g} s."
        return f"The request has not come in within {self._upload_timeout:g} s."

    def _require_small(self, num_bytes: int) -> None:
        if num_bytes > self._max_bytes:
            raise Problem(
                413,
                f"A request may have {self._max_bytes / 1e6:g} MB; this has more.",
            )


def _is_for_work(scope: Scope) -> bool:
    return scope["path"].startswith(("/tag", "/jobs"))


def _with_security(headers: Any) -> list[tuple[bytes, bytes]]:
    present = {name.lower() for name, _ in headers}
    added = [
        (name.encode(), value.encode())
        for name, value in SECURITY_HEADERS.items()
        if name.encode() not in present
    ]
    return [*headers, *added]
