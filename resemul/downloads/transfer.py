"""One connection that brings a file, or the rest of it."""

import http.client
import time
import urllib.error
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from resemul.downloads.http import (
    InterruptedTransferError,
    content_length,
    explain,
    explain_status,
    open_url,
    range_start,
    range_total,
    shown,
    validator,
)
from resemul.downloads.space import require_space
from resemul.errors import DownloadError
from resemul.runtime.progress import BYTES, Progress, format_bytes

# Beside a part: which version of the file it is of.
VERSION_SUFFIX = ".version"
_CHUNK_BYTES = 1 << 18


@dataclass(frozen=True)
class Retries:
    """How much to put up with from a server, before giving up."""

    # Failures in a row.
    max_failures: int = 5
    # Pause after the first failure; it doubles each time.
    backoff_seconds: float = 1.0
    # Longest silence of the server.
    timeout_seconds: float = 60.0
    # Over as many seconds; a slower connection counts as broken.
    min_bytes_per_second: float = 500.0
    # Longest pause that a busy server may ask for.
    max_wait_seconds: float = 300.0


DEFAULT_RETRIES = Retries()


@dataclass(frozen=True)
class Job:
    """What to fetch, where to, and what is known of it."""

    url: str
    part: Path
    retries: Retries
    max_bytes: int
    # Whether a checksum will tell if the parts of two versions were joined, or if the
    # end is missing.
    is_vouched_for: bool
    advice: str

    @property
    def version(self) -> Path:
        """Where it is noted of which version the part is."""
        return self.part.with_name(self.part.name + VERSION_SUFFIX)

    @property
    def offset(self) -> int:
        """Bytes that are there."""
        return self.part.stat().st_size if self.part.exists() else 0

    def start_over(self) -> None:
        """Forgets what has arrived."""
        self.part.unlink(missing_ok=True)
        self.version.unlink(missing_ok=True)


def fetch_once(job: Job) -> None:
    """Goes on with the part over one connection.

    Raises:
        InterruptedTransferError: worth another attempt.
        DownloadError: the server will not give this file.
    """
    headers = _range_headers(job)
    offset = job.offset
    try:
        response = open_url(job.url, headers, job.retries.timeout_seconds)
    except urllib.error.HTTPError as error:
        with error:
            if error.code != 416 or not offset:
                raise explain_status(job.url, error, job.advice) from error
            if range_total(error.headers) == offset:
                return  # the last run stopped between the last byte and the rename
        job.start_over()
        raise InterruptedTransferError(
            "the server does not have the range asked for, starting over"
        ) from error
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise explain(job.url, error, job.advice) from error
    with response:
        offset, total = _place(job, response, offset)
        with job.part.open("ab" if offset else "wb", buffering=0) as file:
            _copy(job, response, file, offset, total)


def _range_headers(job: Job) -> dict[str, str]:
    """Asks for what is missing, if it is known to be of the same version."""
    if not job.offset:
        return {}
    with suppress(OSError, UnicodeDecodeError):
        known = job.version.read_text("latin-1")
        return {"Range": f"bytes={job.offset}-", "If-Range": known}
    if job.is_vouched_for:
        return {"Range": f"bytes={job.offset}-"}
    job.start_over()
    return {}


def _place(
    job: Job, response: http.client.HTTPResponse, offset: int
) -> tuple[int, int | None]:
    """Where the body goes in the file, and the size of the file, if that is known."""
    headers = response.headers
    encoding = headers.get("Content-Encoding", "identity")
    if response.status not in (200, 206) or encoding.lower() != "identity":
        raise DownloadError(
            f"{job.url} cannot be fetched: the server answers {response.status} with a "
            f"body encoded as {shown(encoding)!r}, not with the file"
            + (f"; {job.advice}" if job.advice else "")
        )
    total = content_length(headers)
    if response.status == 206:
        known = job.version.read_text("latin-1") if job.version.exists() else None
        if range_start(headers) != offset or known not in (None, validator(headers)):
            job.start_over()
            raise InterruptedTransferError(
                "the server sent another range than asked for, starting over"
            )
        total = None if total is None else total + offset
    else:
        offset = 0  # the file from its start: ranges are ignored, or it is another one
        version = validator(headers)
        job.version.unlink(missing_ok=True)
        if version is not None:
            job.version.write_text(version, "latin-1")
    if total is None and not response.chunked and not job.is_vouched_for:
        raise DownloadError(
            f"{job.url} cannot be fetched: the server does not say how long the file "
            "is, so nobody would know if it is whole"
            + (f"; {job.advice}" if job.advice else "")
        )
    if total is not None:
        _require_size(job, total)
        require_space(job.part.parent, total - offset, f"fetch {job.url}")
    return offset, total


def _require_size(job: Job, num_bytes: int) -> None:
    if num_bytes > job.max_bytes:
        job.start_over()
        raise DownloadError(
            f"{job.url} sends more than {format_bytes(job.max_bytes)}, which the file "
            "cannot have; what was fetched is deleted"
        )


def _copy(
    job: Job,
    response: http.client.HTTPResponse,
    file: IO[bytes],
    offset: int,
    total: int | None,
) -> None:
    # The rate is looked at in spans of the longest silence.
    seconds = job.retries.timeout_seconds
    span_start, span_bytes = time.monotonic(), 0
    with Progress(total, BYTES, job.part.stem, done=offset) as progress:
        while True:
            try:
                # What there is, rather than waiting for a whole chunk.
                chunk = response.read1(_CHUNK_BYTES)
            except (OSError, http.client.HTTPException, ValueError) as error:
                reason = shown(str(error)) or type(error).__name__
                raise InterruptedTransferError(
                    f"the connection broke ({reason})"
                ) from error
            if not chunk:
                break
            file.write(chunk)
            progress.advance(len(chunk))
            _require_size(job, progress.done)
            span_bytes += len(chunk)
            if time.monotonic() > span_start + seconds:
                if span_bytes < job.retries.min_bytes_per_second * seconds:
                    raise InterruptedTransferError(
                        f"only {span_bytes} bytes came in {seconds:.0f} s"
                    )
                span_start, span_bytes = time.monotonic(), 0
        # read1() ends silently when the server hangs up before Content-Length.
        if total is not None and progress.done != total:
            raise InterruptedTransferError(
                f"the connection broke after {progress.done} of {total} bytes"
            )
