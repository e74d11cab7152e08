"""One file over HTTP: resumed where it stopped, checked, renamed at the end."""

import http.client
import logging
import time
from pathlib import Path

from resemul.downloads.checksum import find_mismatch
from resemul.downloads.http import (
    InterruptedTransferError,
    content_length,
    open_url,
    require_http,
)
from resemul.downloads.transfer import DEFAULT_RETRIES, Job, Retries, fetch_once
from resemul.errors import DownloadError

logger = logging.getLogger(__name__)

PART_SUFFIX = ".part"
# A connection that brought this much more earns a fresh set of retries: a big file
# over a weak line may break often, and still arrive.
_GOOD_PROGRESS_BYTES = 1 << 20
_MAX_BACKOFF_SECONDS = 30.0
# More than any data set in one file; a body without end stops there.
_MAX_BYTES = 64 << 30


def download(
    url: str,
    path: Path,
    *,
    md5: str | None = None,
    sha256: str | None = None,
    is_checked_later: bool = False,
    retries: Retries = DEFAULT_RETRIES,
    max_bytes: int = _MAX_BYTES,
    advice: str = "use another mirror",
) -> Path:
    """Fetches `url` to `path` and returns `path`; does nothing if it is there.

    What has arrived is kept in `<path>.part`, and a later call goes on from there
    if the server can, and still has the same version of the file. `path` exists only
    once the file is whole and checked.

    Args:
        url: http or https; redirects are followed.
        path: where the file shall be.
        md5: expected, in hexadecimal; also checked on a file that is already there.
        sha256: the same.
        is_checked_later: without a checksum, whether the caller has other means to
            tell a file that is not whole, or of two versions.
        retries: how long to try.
        max_bytes: of the file, at most.
        advice: what the user may do if the server is of no use.

    Raises:
        DownloadError: the file cannot be fetched, or is not the expected one.
    """
    require_http(url)
    path = Path(path)
    if path.exists():
        _check_present(path, md5, sha256)
        return path
    is_vouched_for = is_checked_later or md5 is not None or sha256 is not None
    part = path.with_name(path.name + PART_SUFFIX)
    job = Job(url, part, retries, max_bytes, is_vouched_for, advice)
    was_resumed = part.exists()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _fetch(job)
        problem = find_mismatch([part], md5, sha256)
        if problem and was_resumed:
            logger.warning("%s %s; fetching it again from the start", part, problem)
            job.start_over()
            _fetch(job)
            problem = find_mismatch([part], md5, sha256)
        if problem:
            job.start_over()
            again = f", and {advice} if the same happens" if advice else ""
            raise DownloadError(
                f"{path} from {url} {problem}; what was fetched is deleted, so run "
                f"again{again}"
            )
        part.replace(path)
        job.version.unlink(missing_ok=True)
    except OSError as error:
        raise DownloadError(f"{path} cannot be written: {error}") from error
    return path


def remote_size(url: str, timeout_seconds: float = 60.0) -> int | None:
    """Returns how many bytes the server has at `url`; None if it does not tell."""
    require_http(url)
    try:
        with open_url(url, {}, timeout_seconds, method="HEAD") as response:
            return content_length(response.headers)
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


def _fetch(job: Job) -> None:
    """Fills the part with the whole file, over as many connections as it takes."""
    retries, num_failures, most_bytes = job.retries, 0, job.offset
    while True:
        try:
            fetch_once(job)
            return
        except InterruptedTransferError as error:
            if job.offset >= most_bytes + _GOOD_PROGRESS_BYTES:
                num_failures, most_bytes = 0, job.offset
            num_failures += 1
            most_failures = min(
                retries.max_failures, error.max_failures or retries.max_failures
            )
            pause = retries.backoff_seconds * 2 ** (num_failures - 1)
            pause = max(min(pause, _MAX_BACKOFF_SECONDS), error.wait_seconds or 0)
            if num_failures > most_failures or pause > retries.max_wait_seconds:
                raise _giving_up(job, num_failures, error) from error
            logger.warning("%s: %s; again in %.0f s", job.part.stem, error, pause)
            time.sleep(pause)


def _giving_up(
    job: Job, num_failures: int, error: InterruptedTransferError
) -> DownloadError:
    times = "1 attempt" if num_failures == 1 else f"{num_failures} attempts"
    wait = f" and asks to wait {error.wait_seconds:.0f} s" if error.wait_seconds else ""
    kept = "; what has arrived is kept" if job.offset else ""
    return DownloadError(
        f"{job.url} could not be fetched, after {times}: {error}{wait}{kept}; run "
        f"again later{f', or {job.advice}' if job.advice else ''}"
    )
