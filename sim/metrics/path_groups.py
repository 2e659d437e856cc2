"""Errors of statistics without effects of single paths: what each group of paths contributes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sim.metrics.estimate import Estimate, from_influence, student

FloatArray = NDArray[np.float64]

N_GROUPS = 32
"""Groups of paths; path ``p`` belongs to group ``(p // cluster) % N_GROUPS``."""


def group_of(n_paths: int, cluster: int = 1, first_path: int = 0) -> NDArray[np.int64]:
    """Group of each path, shape (n_paths,)."""
    return np.asarray(((first_path + np.arange(n_paths)) // cluster) % N_GROUPS, dtype=np.int64)


def from_groups(estimate: float, influence: FloatArray) -> Estimate:
    """Estimate from the first-order effect of each group of paths, with Student's interval for as many groups.

    Parameters
    ----------
    estimate : float
        Of all paths.
    influence : ndarray of shape (n_groups,)
        Number of groups times what each group adds to the estimate; their mean is 0 to first order.
    """
    return from_influence(estimate, influence, critical=student(influence.size - 1.0))
