"""Through time: on how many paths each engine holds a position, and how much of the equity margin binds.

Both are whole numbers of paths for each session, so that sums over blocks do not depend on how paths are cut; margin is
counted in bins of its share of equity.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numba import njit
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int32]

EDGES: FloatArray = np.concatenate([np.linspace(0.0, 0.5, 101), np.linspace(0.525, 1.0, 20), np.linspace(1.1, 2.0, 10)])
"""Upper ends of the bins of margin over equity, the first for 0 itself; a last bin takes what lies beyond."""


_CELLS_OF_ONE = 200.0
_FIRST = np.searchsorted(EDGES, np.arange(EDGES[-1] * _CELLS_OF_ONE + 1.0) / _CELLS_OF_ONE - 1e-6)
"""First bin that a share of margin in each of equal cells can lie in."""


class UsageBook:
    """Counts of one strategy on one block.

    Parameters
    ----------
    n_engines, n_days : int
        Engines of the strategy; closes, day 0 included.
    """

    def __init__(self, n_engines: int, n_days: int) -> None:
        self.engine_open = np.zeros((n_engines, n_days), dtype=np.int32)
        self.margin_use = np.zeros((EDGES.size + 1, n_days), dtype=np.int32)

    def note(
        self, day: int, is_open: Sequence[NDArray[np.bool_] | None], margin: FloatArray, equity: FloatArray
    ) -> None:
        """Count the paths of a close.

        Parameters
        ----------
        day : int
            Sessions after day 0.
        is_open : sequence of ndarray of bool, shape (n_paths,)
            Where each engine holds a position; None: nowhere.
        margin, equity : ndarray of shape (n_paths,)
            The most that was bound on the day, and equity at the close [USD].
        """
        for row, held in enumerate(is_open):
            if held is not None:
                self.engine_open[row, day] = int(np.count_nonzero(held))
        counts = np.zeros(EDGES.size + 1, dtype=np.int32)
        count_shares(margin, equity, EDGES, _FIRST, counts)
        self.margin_use[:, day] = counts


@njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def count_shares(
    margin: FloatArray, equity: FloatArray, edges: FloatArray, first: NDArray[np.intp], counts: IntArray
) -> None:
    """Count paths by margin over equity: ``numpy.searchsorted``, begun near the end.

    Parameters
    ----------
    margin, equity : ndarray of shape (n_paths,)
        [USD]
    edges : ndarray of shape (n_bins - 1,)
        Upper ends of the bins, rising.
    first : ndarray of int, shape (n_cells,)
        First bin that shares of each of equal cells can lie in.
    counts : ndarray of int, shape (n_bins,)
        Counted up.
    """
    for i in range(margin.size):
        share = margin[i] / max(equity[i], 1e-9) if margin[i] > 0.0 else 0.0
        place = first[min(int(min(share, 1e6) * _CELLS_OF_ONE), first.size - 1)]
        while place < edges.size and edges[place] < share:
            place += 1
        counts[place] += 1


def quantiles_of_counts(counts: NDArray[np.int64], probabilities: Sequence[float]) -> FloatArray:
    """Quantiles of margin over equity from the counts of its bins.

    Parameters
    ----------
    counts : ndarray of shape (n_bins, n_days)
        Paths in each bin.
    probabilities : sequence of float
        In (0, 1).

    Returns
    -------
    ndarray of shape (n_probabilities, n_days)
        Linear inside a bin, so that the error is below its width; 2 where it lies in the last bin, which has no end.
    """
    upper = np.append(EDGES, EDGES[-1])
    lower = np.insert(EDGES, 0, 0.0)
    total = counts.sum(axis=0)
    below = np.cumsum(counts, axis=0)
    result = np.empty((len(probabilities), counts.shape[1]))
    for row, probability in enumerate(probabilities):
        rank = probability * total
        place = np.argmax(below >= rank, axis=0)
        inside = np.take_along_axis(counts, place[None], axis=0)[0]
        before = np.take_along_axis(below, place[None], axis=0)[0] - inside
        part = (rank - before) / np.maximum(inside, 1)
        result[row] = lower[place] + part * (upper[place] - lower[place])
    return result
