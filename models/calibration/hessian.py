"""Standard errors of maximum likelihood from the curvature of the log-likelihood."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from models.protocols import FloatArray


def standard_errors(objective: Callable[[FloatArray], float], x: FloatArray, *, step: float = 1e-3) -> FloatArray:
    """Square roots of the diagonal of the inverse Hessian.

    Parameters
    ----------
    objective : callable
        Minus the log-likelihood.
    x : ndarray of shape (n,)
        Its minimum.
    step : float
        Relative step of the central differences.

    Returns
    -------
    ndarray of shape (n,)
        Standard errors; infinite for a parameter at its bound, along which nothing can be said.
    """
    h = step * np.maximum(np.abs(x), 1e-2)
    free = np.array(
        [max(objective(x + h * unit), objective(x - h * unit)) < 1e9 for unit in np.eye(x.size)], dtype=bool
    )
    index = np.flatnonzero(free)
    hessian = np.empty((index.size, index.size))
    for a, i in enumerate(index):
        for b, j in enumerate(index):
            e, f = h[i] * np.eye(x.size)[i], h[j] * np.eye(x.size)[j]
            corners = objective(x + e + f) - objective(x + e - f) - objective(x - e + f) + objective(x - e - f)
            hessian[a, b] = corners / (4.0 * h[i] * h[j])
    result = np.full(x.size, np.inf)
    variance = np.diag(np.linalg.pinv(hessian))
    result[index] = np.where(variance > 0.0, np.sqrt(np.abs(variance)), np.inf)
    return result
