"""What the service says when it says no: `application/problem+json` (RFC 9457)."""

from http import HTTPStatus
from typing import Any

from starlette.responses import JSONResponse


class Problem(Exception):
    """A request that is refused, or a file that cannot be tagged.

    Args:
        status: of HTTP.
        detail: one sentence for the person who reads it.
        headers: of the response, such as `Retry-After`.
    """

    def __init__(
        self, status: int, detail: str, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = headers or {}

    def to_dict(self) -> dict[str, Any]:
        """The body of the response."""
        return {
            "type": "about:blank",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
        }

    def response(self) -> JSONResponse:
        """The response."""
        return JSONResponse(
            self.to_dict(),
            self.status,
            self.headers,
            media_type="application/problem+json",
        )
