"""What the C library does with the memory of arrays that are no longer needed.

A block makes and drops thousands of arrays of the same few sizes. By default the library gives large ones back to the
system at once and asks for them anew, and the system clears every page again: about a tenth of the time of a run, and
all of it under a lock that threads share. Kept, the pages are used again; the most that is held at a time, which the
size of a block decides, stays the same.
"""

from __future__ import annotations

import ctypes
import sys
from functools import lru_cache

KEPT = 1 << 30
"""Memory that is kept for what comes next [bytes]; larger blocks give back what is beyond it."""

AHEAD = 1 << 27
"""Addresses that are asked for at a time [bytes]; memory is taken up when it is written to."""

_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -2, -3, -8  # of mallopt in the GNU C library


@lru_cache(maxsize=1)
def keep_freed_memory() -> bool:
    """Let this process keep the memory of dropped arrays; return whether its C library can be told to."""
    if sys.platform != "linux":
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # musl has none
    if mallopt is None:
        return False
    # one arena: those of other threads cannot hold arrays as large as these, and give them back
    options = ((_TRIM_THRESHOLD, KEPT), (_MMAP_THRESHOLD, KEPT), (_TOP_PAD, AHEAD), (_ARENA_MAX, 1))
    return all(bool(mallopt(option, size)) for option, size in options)
