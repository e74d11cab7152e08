"""Jobs on the workers of a Dask cluster (https://distributed.dask.org)."""

import logging
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

from resemul.errors import ConfigError, WorkerError
from resemul.runtime.worker_process import WorkerDied

logger = logging.getLogger(__name__)

_LOCAL = "local:"
_CONNECT_SECONDS = 15.0
_CLOSE_SECONDS = 2.0
# Between looks at how many workers there are, as they come and go.
_LOOK_SECONDS = 5.0


@contextmanager
def open_dask(address: str) -> Iterator["DaskExecutor"]:
    """Connects to a cluster.

    Args:
        address: of a scheduler, `tcp://host:8786`; the file that one wrote with
            `--scheduler-file`; or `local:4` for four workers of this process.

    Raises:
        ConfigError: Dask is not installed, or it is no such address.
        WorkerError: no scheduler answers.
    """
    try:
        import distributed
    except ImportError:
        raise ConfigError("--dask needs Dask: pip install 'resemul[dask]'") from None
    _quieten()
    cluster = None
    where: dict[str, Any] = {}
    if address.startswith(_LOCAL):
        # Threads that wait for the processes which work; see `apart`.
        cluster = distributed.LocalCluster(
            n_workers=_count(address),
            threads_per_worker=1,
            processes=False,
            dashboard_address=None,
        )
        where["address"] = cluster
    elif Path(address).is_file():
        where["scheduler_file"] = address
    elif ":" in address:
        where["address"] = address
    else:
        raise ConfigError(
            f"--dask {address}: there is no such file; give a scheduler's address such "
            "as tcp://host:8786, its file, or local:4"
        )
    try:
        client = distributed.Client(**where, timeout=_CONNECT_SECONDS)
    except (OSError, ValueError, TypeError) as error:
        raise WorkerError(
            f"no Dask scheduler answers at {address} ({_first_line(error)}); "
            "'dask scheduler' starts one"
        ) from error
    try:
        yield DaskExecutor(client, address)
    finally:
        # Of a scheduler that is gone nobody says goodbye.
        with suppress(OSError, TimeoutError):
            client.close(_CLOSE_SECONDS)
        if cluster is not None:
            cluster.close(_CLOSE_SECONDS)


class DaskExecutor:
    """The executor of a client of a cluster; see `workers.Executor`.

    A job whose worker is lost is run by another one, which Dask sees to.
    """

    def __init__(self, client: Any, address: str) -> None:
        self._client = client
        self._address = address
        self._looked_at = -_LOOK_SECONDS
        self._num_workers = 0
        if not self._num_threads():
            logger.info("waiting for the workers of %s", address)
        elif client.dashboard_link:
            logger.info("dashboard: %s", client.dashboard_link)

    @property
    def num_workers(self) -> int:
        """How many jobs run at a time, at least 1."""
        return max(1, self._num_threads())

    def submit(self, function: Any, job: Any, /) -> Future[Any]:
        """Starts `function(job)` on some worker."""
        future: Future[Any] = Future()
        future.set_running_or_notify_cancel()
        try:
            task = self._client.submit(function, job, pure=False)
        except Exception as error:
            raise self._gone(error) from error
        task.add_done_callback(partial(self._pass_on, future))
        return future

    def _pass_on(self, future: Future[Any], task: Any) -> None:
        """From a future of Dask to one of ours, in a thread of Dask's."""
        if task.status == "cancelled":
            future.set_exception(self._gone())
            return
        try:
            future.set_result(task.result())
        except BaseException as error:
            future.set_exception(self._translated(error))

    def _translated(self, error: BaseException) -> BaseException:
        from distributed import KilledWorker

        if isinstance(error, KilledWorker):
            return WorkerDied("it ended all workers of the cluster that ran it")
        if isinstance(error, ModuleNotFoundError):
            return WorkerError(
                f"the workers of {self._address} do not have {error.name}; install on "
                "all machines what is installed here"
            )
        return error

    def _gone(self, error: Exception | None = None) -> WorkerError:
        reason = f" ({_first_line(error)})" if error else ""
        return WorkerError(
            f"the Dask scheduler at {self._address} is gone{reason}; what was finished "
            "is kept, and the same command goes on from there"
        )

    def _num_threads(self) -> int:
        now = time.monotonic()
        if now - self._looked_at >= _LOOK_SECONDS:
            self._looked_at = now
            with suppress(Exception):  # a job will say it
                self._num_workers = sum(self._client.nthreads().values())
        return self._num_workers


def _quieten() -> None:
    """Of what Dask says while it starts and ends nothing is for users."""
    for name in ("distributed", *logging.root.manager.loggerDict):
        if name.partition(".")[0] == "distributed":
            logging.getLogger(name).setLevel(logging.CRITICAL)


def _count(address: str) -> int:
    number = address.removeprefix(_LOCAL)
    if not (number.isascii() and number.isdecimal() and 1 <= int(number) <= 1024):
        raise ConfigError(f"--dask {address}: give a number of workers, as in local:4")
    return int(number)


def _first_line(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]
