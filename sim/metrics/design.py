"""How the paths of stored results were drawn, for their statistics."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from sim.metrics.estimate import SampleDesign

FloatArray = NDArray[np.float64]

WEIGHT, CLUSTER = "path_weight", "cluster"
"""Variable and attribute of results.h5 that say how paths were drawn; neither is in results of independent paths."""

LOW_SHARE = 0.2
"""Effective paths over paths below which a run is warned about."""


def stored_design(data: xr.Dataset, *, first: int | None = None) -> SampleDesign:
    """Design of the paths of one scenario.

    Parameters
    ----------
    data : xarray.Dataset
        Root group of results.h5, one scenario selected.
    first : int, optional
        How many of the first paths are looked at; all by default.
    """
    weights = data[WEIGHT].values[:first].astype(np.float64) if WEIGHT in data else None
    return SampleDesign(weights=weights, cluster=int(data.attrs.get(CLUSTER, 1)))


def equal_weight(values: FloatArray, design: SampleDesign) -> FloatArray:
    """As many of the values as there are effective paths, each as often as its weight says, shape (n,).

    Taken at equal steps along the sum of the weights in the order of the values, so that any share of them is that of
    the weights to within one step.
    """
    if design.weights is None:
        return values
    order = np.argsort(values, kind="stable")
    below = np.cumsum(design.relative(values.size)[order]) / values.size
    n = max(round(float(SampleDesign(weights=design.weights).effective_paths(values.size))), 1)
    places = np.searchsorted(below, (np.arange(n) + 0.5) / n)
    return np.asarray(values[order[np.minimum(places, values.size - 1)]])


def weighted_quantiles(values: NDArray[Any], probabilities: Sequence[float], weights: FloatArray) -> FloatArray:
    """Quantiles over the last axis of weighted values, those that are NaN left out; NaN where all are.

    Parameters
    ----------
    values : ndarray of shape (..., n_paths)
        Values.
    probabilities : sequence of float
        Which.
    weights : ndarray of shape (n_paths,)
        Weights, >= 0.

    Returns
    -------
    ndarray of shape (n_probabilities, ...)
        Each the least value below or at which lies at least so much of the weight.
    """
    rows = values.reshape(-1, values.shape[-1])
    found = np.full((len(probabilities), rows.shape[0]), np.nan)
    for k, row in enumerate(rows):
        order = np.argsort(row, kind="stable")[: np.count_nonzero(~np.isnan(row))]  # NaN sort last
        below = np.cumsum(weights[order])
        if order.size and below[-1] > 0.0:
            places = np.searchsorted(below, np.asarray(probabilities) * below[-1] * (1.0 - 1e-12))
            found[:, k] = row[order[np.minimum(places, order.size - 1)]]
    return found.reshape(len(probabilities), *values.shape[:-1])
