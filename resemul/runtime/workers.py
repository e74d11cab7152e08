"""Worker processes for audio: started clean, ended with their parent."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager


@contextmanager
def worker_pool(
    num_workers: int, prepare: Callable[[], None] | None = None
) -> Iterator[ProcessPoolExecutor]:
    """A pool of processes; jobs that were not begun are dropped at its end.

    Args:
        num_workers: processes.
        prepare: what each does first.
    """
    pool = ProcessPoolExecutor(
        max_workers=num_workers,
        # fork would copy the locks and threads of this process in an unknown state.
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_start_worker,
        initargs=(prepare,),
    )
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def _start_worker(prepare: Callable[[], None] | None) -> None:
    """Leaves Ctrl-C to the parent, and ends with the parent however that ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_exit_after, args=(parent,), daemon=True).start()
    if prepare is not None:
        prepare()


def _exit_after(parent: multiprocessing.process.BaseProcess) -> None:
    parent.join()
    os._exit(1)
