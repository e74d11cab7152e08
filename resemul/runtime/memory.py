"""How the C library keeps the memory that a program frees."""

import ctypes
import sys

# Of mallopt, from glibc's malloc.h.
_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3

# The largest that glibc takes: smaller blocks do not go back one by one.
_MMAP_BYTES = 32 * 2**20
# A few batches. More saves nothing, and each thread may keep that much.
_KEPT_BYTES = 32 * 2**20


def keep_freed_memory() -> bool:
    """Keeps up to 32 MiB of freed memory per thread for what is allocated next.

    glibc hands memory back to the system as soon as a batch or two of it are free,
    and gets it anew, page by page, for the next batch: that was a quarter of the
    processor time of the input pipeline. It holds for the whole process, so it is
    for a program to decide.

    Returns:
        Whether there was anything to set: only glibc knows these settings.
    """
    if sys.platform != "linux":
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    settings = ((_M_MMAP_THRESHOLD, _MMAP_BYTES), (_M_TRIM_THRESHOLD, _KEPT_BYTES))
    return all(bool(mallopt(option, value)) for option, value in settings)
