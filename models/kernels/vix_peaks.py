"""Peaks of the VIX and how fast they decay: compiled, one history after the other.

A peak is a close above all others ``REACH`` sessions to either side, and at least ``RATIO`` times the lowest of the
``REACH`` sessions before it, its start. Its half-life is the number of sessions until a close lies no higher above the
start than half of the peak does.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from models.protocols import FloatArray

REACH = 63
"""Sessions to either side in which a peak has no equal."""

RATIO = 1.5
"""A peak over its start, at least."""

FEWEST = 3
"""Fewest peaks of a history that give a median."""


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def peak_half_life(vix: FloatArray, half_lives: FloatArray, counts: FloatArray) -> None:
    """Fill medians [sessions] and numbers of the peaks of histories (n_windows, n_closes); NaN where there are few.

    A peak that has not halved when its history ends counts as one that never does.
    """
    n_windows, n = vix.shape
    for i in range(n_windows):
        levels, found, n_found = vix[i], np.empty(n // REACH + 2), 0
        for t in range(REACH, n - REACH):
            before, after = levels[t - REACH : t], levels[t + 1 : t + 1 + REACH]
            start = before.min()
            if levels[t] < RATIO * start or levels[t] <= max(before.max(), after.max()):
                continue
            half, took = 0.5 * (start + levels[t]), np.inf
            for later in range(t + 1, n):
                if levels[later] <= half:
                    took = float(later - t)
                    break
            found[n_found] = took
            n_found += 1
        counts[i] = n_found
        half_lives[i] = np.median(found[:n_found]) if n_found >= FEWEST else np.nan
