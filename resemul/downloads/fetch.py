"""One file over HTTP: resumed where it stopped, checked, renamed at the end."""

import http.client
import logging
import re
import ssl
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from email.message import Message
from pathlib import Path
from typing import IO

from resemul.downloads.checksum import find_mismatch
from resemul.downloads.space import require_space
from resemul.errors import DownloadError
from resemul.runtime.progress import BYTES, Progress

logger = logging.getLogger(__name__)

PART_SUFFIX = ".part"
_CHUNK_BYTES = 1 << 18
# Answers that may be different a little later.
_TRANSIENT_STATUSES = (408, 425, 429, 500, 502, 503, 504)
# A connection that brought this much more earns a fresh set of retries: a big file
# over a weak line may break often, and still arrive.
_GOOD_PROGRESS_BYTES = 1 << 20
_MAX_BACKOFF_SECONDS = 30.0


@dataclass(frozen=True)
class Retries:
    """How much to put up with from a server, before giving up."""

    # Failures in a row.
    max_failures: int = 5
    # Pause after the first failure; it doubles each time.
    backoff_seconds: float = 1.0
    # Longest silence of the server.
    timeout_seconds: float = 60.0


DEFAULT_RETRIES = Retries()


class _InterruptedTransferError(Exception):
    """The transfer stopped early; another attempt can go on."""


def download(
    url: str,
    path: Path,
    *,
    md5: str | None = None,
    sha256: str | None = None,
    retries: Retries = DEFAULT_RETRIES,
) -> Path:
    """Fetches `url` to `path` and returns `path`; does nothing if it is there.

    What has arrived is kept in `<path>.part`, and a later call goes on from there
    if the server can. `path` exists only once the file is whole and checked.

    Args:
        url: http or https; redirects are followed.
        md5: expected, in hexadecimal; also checked on a file that is already there.
        sha256: the same.
        retries: how long to try.

    Raises:
        DownloadError: the file cannot be fetched, or is not the expected one.
    """
    _require_http(url)
    path = Path(path)
    if path.exists():
        _check_present(path, md5, sha256)
        return path
    part = path.with_name(path.name + PART_SUFFIX)
    was_resumed = part.exists()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _fetch(url, part, retries)
        problem = find_mismatch([part], md5, sha256)
        if problem and was_resumed:
            logger.warning("%s %s; fetching it again from the start", part, problem)
            part.unlink()
            _fetch(url, part, retries)
            problem = find_mismatch([part], md5, sha256)
        if problem:
            part.unlink()
            raise DownloadError(
                f"{path} from {url} {problem}; what was fetched is deleted, so run "
                "again, and use another mirror if the same happens"
            )
        part.replace(path)
    except OSError as error:
        raise DownloadError(f"{path} cannot be written: {error}") from error
    return path


def remote_size(url: str, timeout_seconds: float = 60.0) -> int | None:
    """Returns how many bytes the server has at `url`; None if it does not tell."""
    _require_http(url)
    request = urllib.request.Request(url, method="HEAD", headers=_headers())
    try:
        with _open(request, timeout_seconds) as response:
            return _content_length(response)
    except (OSError, ValueError, http.client.HTTPException):
        return None


def _check_present(path: Path, md5: str | None, sha256: str | None) -> None:
    if not path.is_file():
        raise DownloadError(f"{path} is in the way: it is not a file; move it")
    try:
        problem = find_mismatch([path], md5, sha256)
    except OSError as error:
        raise DownloadError(f"{path} cannot be read: {error}") from error
    if problem:
        # Not ours: a file gets this name only after its check.
        raise DownloadError(
            f"{path} is already there, but {problem}; delete it, or move it away, "
            "and run again"
        )
    logger.info("%s is already there", path)


def _fetch(url: str, part: Path, retries: Retries) -> None:
    """Fills `part` with the whole file, over as many connections as it takes."""
    num_failures = 0
    most_bytes = _size(part)
    while True:
        try:
            _fetch_once(url, part, retries.timeout_seconds)
            return
        except _InterruptedTransferError as error:
            if _size(part) >= most_bytes + _GOOD_PROGRESS_BYTES:
                num_failures, most_bytes = 0, _size(part)
            num_failures += 1
            if num_failures > retries.max_failures:
                raise DownloadError(
                    f"{url} could not be fetched, after {num_failures} attempts: "
                    f"{error}; what has arrived is kept, so run again later to go on, "
                    "or use another mirror"
                ) from error
            pause = min(
                retries.backoff_seconds * 2 ** (num_failures - 1), _MAX_BACKOFF_SECONDS
            )
            logger.warning("%s: %s; again in %.0f s", url, error, pause)
            time.sleep(pause)


def _fetch_once(url: str, part: Path, timeout_seconds: float) -> None:
    """Goes on with `part` over one connection.

    Raises:
        _InterruptedTransferError: worth another attempt.
        DownloadError: the server will not give this file.
    """
    offset = _size(part)
    headers = _headers()
    if offset:
        headers["Range"] = f"bytes={offset}-"
    request = urllib.request.Request(url, headers=headers)
    try:
        response = _open(request, timeout_seconds)
    except urllib.error.HTTPError as error:
        with error:
            if error.code != 416 or not offset:
                raise _explain_status(url, error) from error
            if _range_total(error.headers) == offset:
                return  # the last run stopped between the last byte and the rename
        part.unlink()
        raise _InterruptedTransferError(
            "the server does not have the range asked for, starting over"
        ) from error
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise _explain(url, error) from error
    with response:
        total = _content_length(response)
        if response.status == 206:
            if _range_start(response.headers) != offset:
                part.unlink(missing_ok=True)
                raise _InterruptedTransferError(
                    "the server sent another range than asked for, starting over"
                )
            total = None if total is None else total + offset
        else:
            offset = 0  # the server ignores ranges: this is the file from its start
        if total is not None:
            require_space(part.parent, total - offset, f"fetch {url}")
        with part.open("ab" if offset else "wb") as file:
            _copy(response, file, part.stem, offset, total)


def _copy(
    response: http.client.HTTPResponse,
    file: IO[bytes],
    label: str,
    offset: int,
    total: int | None,
) -> None:
    with Progress(total, BYTES, label, done=offset) as progress:
        while True:
            try:
                chunk = response.read(_CHUNK_BYTES)
            except (OSError, http.client.HTTPException) as error:
                raise _InterruptedTransferError(
                    f"the connection broke ({error or type(error).__name__})"
                ) from error
            if not chunk:
                break
            file.write(chunk)
            progress.advance(len(chunk))
        # read() ends silently when the server hangs up before Content-Length.
        if total is not None and progress.done != total:
            raise _InterruptedTransferError(
                f"the connection broke after {progress.done} of {total} bytes"
            )


class _HttpOnlyRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        _require_http(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _open(
    request: urllib.request.Request, timeout_seconds: float
) -> http.client.HTTPResponse:
    # Not build_opener, which would add the handlers of file:, ftp: and data:.
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler,
        urllib.request.HTTPHandler,
        urllib.request.HTTPSHandler,
        urllib.request.HTTPDefaultErrorHandler,
        urllib.request.HTTPErrorProcessor,
        _HttpOnlyRedirects,
    ):
        opener.add_handler(handler())
    return opener.open(request, timeout=timeout_seconds)


def _require_http(url: str) -> None:
    if not re.match(r"https?://[^/]", url, re.IGNORECASE):
        raise DownloadError(
            f"{url!r} cannot be fetched: only addresses that begin with http:// or "
            "https:// can"
        )


def _explain_status(url: str, error: urllib.error.HTTPError) -> Exception:
    answer = f"the server answers {error.code} {error.reason}"
    if error.code in _TRANSIENT_STATUSES:
        return _InterruptedTransferError(answer)
    return DownloadError(
        f"{url} cannot be fetched: {answer}; check the address, or use another mirror"
    )


def _explain(url: str, error: Exception) -> Exception:
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(reason, ssl.SSLCertVerificationError):
        return DownloadError(
            f"{url} cannot be fetched: the server's certificate is not valid "
            f"({reason.verify_message}); use another mirror"
        )
    if isinstance(reason, (http.client.InvalidURL, ValueError)):
        return DownloadError(f"{url!r} is not a usable address: {reason}")
    return _InterruptedTransferError(
        f"the server cannot be reached ({reason or type(reason).__name__})"
    )


def _headers() -> dict[str, str]:
    return {"User-Agent": "resemul"}


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _content_length(response: http.client.HTTPResponse) -> int | None:
    value = response.headers.get("Content-Length", "")
    return int(value) if value.isdigit() else None


def _range_start(headers: Message) -> int | None:
    match = re.match(r"bytes (\d+)-", headers.get("Content-Range", ""))
    return int(match[1]) if match else None


def _range_total(headers: Message) -> int | None:
    match = re.match(r"bytes .*/(\d+)$", headers.get("Content-Range", ""))
    return int(match[1]) if match else None
