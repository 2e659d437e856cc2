"""Smiles of simulated prices: options of all strikes of a grid in one pass over the paths."""

from __future__ import annotations

import numpy as np
from numba import njit

from models.kernels.fastmath import log_positive


@njit(cache=True, nogil=True, fastmath={"contract", "nsz"}, error_model="numpy")  # type: ignore[untyped-decorator]
def _columns(log_ratio, log_mean, deviation, step, first, top, column):  # type: ignore[no-untyped-def]
    """Cell of the strike axis in which each path ends."""
    scale, inverse = 1.0 / deviation, 1.0 / step
    for i in range(log_ratio.size):
        z = (log_ratio[i] - log_mean) * scale
        distance = abs(z)
        y = log_positive(distance + np.sqrt(distance * distance + 1.0)) * inverse
        column[i] = min(max(first + (y if z > 0.0 else -y) + 1.0, 0.0), top)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def smile(log_ratio, grown, mean, deviation, step, n_side, n_past, puts, calls):  # type: ignore[no-untyped-def]
    """Fill out-of-the-money prices over mean and deviation.

    Parameters
    ----------
    log_ratio, grown : ndarray of shape (n,)
        Logs of the underlying, and the underlying itself.
    mean : float
        Mean of the underlying, which is taken as its forward.
    deviation : float
        Unit of the log-moneyness.
    step : float
        Step of asinh of the scaled log-moneyness.
    n_side, n_past : int
        Strikes from the forward outwards, and past it.
    puts, calls : ndarray of shape (n_past + n_side,)
        Receive the prices at scaled log-moneyness ``sinh(step * k)``, k from ``-n_past``, counted outwards.
    """
    first = n_side - 1
    n_nodes = 2 * n_side - 1
    column, count, mass = np.empty(grown.size), np.zeros(n_nodes + 1), np.zeros(n_nodes + 1)
    _columns(log_ratio, np.log(mean), deviation, step, float(first), float(n_nodes), column)
    for i in range(grown.size):
        j = int(column[i])
        count[j] += 1.0
        mass[j] += grown[i]
    below, weight, n = 0.0, 0.0, float(grown.size)
    unit = 1.0 / (n * deviation)
    for node in range(n_nodes):
        below += count[node]
        weight += mass[node] / mean
        strike = np.exp(deviation * np.sinh(step * (node - first)))
        if first - node >= -n_past:
            puts[n_past + first - node] = (strike * below - weight) * unit
        if node - first >= -n_past:
            calls[n_past + node - first] = (n - weight - strike * (n - below)) * unit
