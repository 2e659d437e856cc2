"""Sums over groups of paths, added path by path in their order, so that they are the same bits for any block size."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]

N_GROUPS = 64
"""Groups of paths whose sums are kept; leaving one out at a time tells the standard error of what they make up."""


@njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def add_by_group(
    values: NDArray[np.float32], weight: FloatArray, first_path: int, cluster: int, sums: FloatArray
) -> None:
    """Add the values of a block of paths, one path after the other.

    Parameters
    ----------
    values : ndarray of shape (n_values, n_paths)
        What is added up.
    weight : ndarray of shape (n_paths,)
        Weight of each path.
    first_path : int
        Number of the block's first path.
    cluster : int
        Consecutive paths that stay together in a group.
    sums : ndarray of shape (n_groups, n_values)
        Added to; path ``p`` belongs to group ``(p // cluster) % n_groups``.
    """
    for i in range(values.shape[1]):
        group = ((first_path + i) // cluster) % sums.shape[0]
        for k in range(values.shape[0]):
            sums[group, k] += weight[i] * values[k, i]
