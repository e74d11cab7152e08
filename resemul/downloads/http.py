"""One question to a server over HTTP, and what its answer means."""

import email.utils
import http.client
import re
import socket
import ssl
import time
import urllib.error
import urllib.parse
import urllib.request
from email.message import Message
from typing import IO

from resemul.errors import DownloadError

# Answers that may be different a little later.
_TRANSIENT_STATUSES = (408, 425, 429, 500, 502, 503, 504)
_MAX_SHOWN = 200


class InterruptedTransferError(Exception):
    """The transfer stopped early; another attempt can go on.

    `wait_seconds` is what the server asks for, `max_failures` how often it is worth
    trying, if that is known.
    """

    def __init__(
        self,
        message: str,
        wait_seconds: float | None = None,
        max_failures: int | None = None,
    ) -> None:
        super().__init__(message)
        self.wait_seconds = wait_seconds
        self.max_failures = max_failures


def open_url(
    url: str, headers: dict[str, str], timeout_seconds: float, method: str = "GET"
) -> http.client.HTTPResponse:
    """Asks for `url`; redirects are followed, but not from https to http.

    Raises:
        urllib.error.HTTPError: the server refuses.
        OSError, ValueError, http.client.HTTPException: there is no answer; see
            `explain`.
        DownloadError: a redirect leads to where it must not.
    """
    # A body that comes compressed would be stored so.
    headers = {"User-Agent": "resemul", "Accept-Encoding": "identity", **headers}
    request = urllib.request.Request(url, method=method, headers=headers)
    # Not build_opener, which would add the handlers of file:, ftp: and data:.
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler,
        urllib.request.HTTPHandler,
        urllib.request.HTTPSHandler,
        urllib.request.HTTPDefaultErrorHandler,
        urllib.request.HTTPErrorProcessor,
        _SafeRedirects,
    ):
        opener.add_handler(handler())
    return opener.open(request, timeout=timeout_seconds)


class _SafeRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        require_http(newurl)
        if req.full_url.lower().startswith("https:") and not newurl.lower().startswith(
            "https:"
        ):
            raise DownloadError(
                f"{shown(req.full_url)} cannot be fetched: it leads from https to "
                f"{shown(newurl)}, where anyone on the way could change the file"
            )
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def require_http(url: str) -> None:
    """Refuses an address of another kind with a `DownloadError`."""
    if not re.match(r"https?://[^/]", url, re.IGNORECASE):
        raise DownloadError(
            f"{shown(url)!r} cannot be fetched: only addresses that begin with http:// "
            "or https:// can"
        )


def explain_status(
    url: str, error: urllib.error.HTTPError, advice: str
) -> InterruptedTransferError | DownloadError:
    """What a refusal of the server means: try again, or not."""
    answer = f"the server answers {error.code} {shown(str(error.reason))}".rstrip()
    if error.code in _TRANSIENT_STATUSES:
        return InterruptedTransferError(answer, _retry_after(error.headers))
    return DownloadError(
        f"{url} cannot be fetched: {answer}; check the address{_or(advice)}"
    )


def explain(
    url: str, error: Exception, advice: str
) -> InterruptedTransferError | DownloadError:
    """What it means that there was no answer."""
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(reason, ssl.SSLCertVerificationError):
        return DownloadError(
            f"{url} cannot be fetched: the server's certificate is not valid "
            f"({reason.verify_message}){_or(advice)}"
        )
    if isinstance(reason, (http.client.InvalidURL, ValueError)):
        return DownloadError(f"{url!r} is not a usable address: {shown(str(reason))}")
    if isinstance(reason, socket.gaierror):
        host = urllib.parse.urlsplit(url).hostname
        # Each look-up takes seconds, and one that failed twice fails again.
        return InterruptedTransferError(
            f"the name {host} cannot be looked up; is this machine online?",
            max_failures=1,
        )
    return InterruptedTransferError(
        f"the server cannot be reached ({shown(str(reason)) or type(reason).__name__})"
    )


def shown(text: str) -> str:
    """What a server says, as it may be shown on a terminal."""
    return "".join(c if c.isprintable() else "?" for c in text)[:_MAX_SHOWN]


def content_length(headers: Message) -> int | None:
    """The size of the body, if the server tells."""
    return _number(r"(\d+)", headers.get("Content-Length"))


def range_start(headers: Message) -> int | None:
    """Where in the file the body begins."""
    return _number(r"bytes (\d+)-\d+/.*", headers.get("Content-Range"))


def range_total(headers: Message) -> int | None:
    """The size of the whole file, in an answer to a range."""
    return _number(r"bytes .*/(\d+)", headers.get("Content-Range"))


def validator(headers: Message) -> str | None:
    """What tells this version of the file from others; for If-Range."""
    tag = headers.get("ETag", "")
    # Weak ones say that two versions are much alike.
    value = headers.get("Last-Modified", "") if tag.startswith("W/") else tag
    value = str(value or headers.get("Last-Modified", ""))
    return value if value.isascii() and value.isprintable() and value else None


def _number(pattern: str, value: str | None) -> int | None:
    # A server can send any amount of digits, of any script.
    match = re.fullmatch(pattern, value or "", re.ASCII)
    return int(match[1]) if match and len(match[1]) < 19 else None


def _retry_after(headers: Message) -> float | None:
    value = headers.get("Retry-After", "")
    seconds = _number(r"(\d+)", value)
    if seconds is not None:
        return float(seconds)
    try:
        return email.utils.parsedate_to_datetime(value).timestamp() - time.time()
    except (TypeError, ValueError):
        return None


def _or(advice: str) -> str:
    return f", or {advice}" if advice else ""
