"""VIX futures and options where two factors are jointly normal at expiry: plain quadrature, no transform."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]

_INNER, _OUTER, _REACH = 1600, 40, 8.0


def future_and_calls(
    vix: Callable[[FloatArray], FloatArray], mean: ArrayLike, covariance: ArrayLike, strikes: ArrayLike
) -> tuple[float, FloatArray]:
    """Future and undiscounted calls for a VIX that is a function of normal factors (2,).

    The direction of most variance has a uniform grid: cells with the strike are integrated as straight lines, and
    what the trapezoidal rule misses beside them by Euler and Maclaurin's first term. The other has Gauss-Hermite nodes.
    """
    values, vectors = np.linalg.eigh(np.asarray(covariance, dtype=float))
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    nodes, weights = np.polynomial.hermite_e.hermegauss(_OUTER)
    along = np.linspace(-_REACH, _REACH, _INNER)
    density = np.exp(-0.5 * along**2) / np.sqrt(2.0 * np.pi) * (along[1] - along[0])
    grid = np.stack(np.meshgrid(nodes, along, indexing="ij"))
    level = vix(np.asarray(mean, dtype=float)[:, None, None] + np.tensordot(root, grid, axes=1))
    weights = weights / weights.sum()
    future = float(weights @ (level @ density))
    calls = []
    for strike in np.atleast_1d(strikes):
        excess = level - strike
        plain = np.maximum(excess, 0.0) @ density
        left, right = excess[:, :-1], excess[:, 1:]
        crossing = left * right < 0.0
        size = np.abs(left) + np.abs(right)
        too_much = np.where(crossing, 0.5 * np.abs(left * right) / np.where(crossing, size, 1.0) - size / 12.0, 0.0)
        calls.append(float(weights @ (plain - too_much @ (0.5 * (density[1:] + density[:-1])))))
    return future, np.array(calls)
