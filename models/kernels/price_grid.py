"""Calls on a common grid of log strikes, read at the strikes of every state."""

from __future__ import annotations

import numpy as np
from numba import njit

from models.protocols import FloatArray


@njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def read_scaled_prices(
    puts: FloatArray,
    calls: FloatArray,
    grid: FloatArray,
    first: float,
    step: float,
    future: FloatArray,
    deviation: FloatArray,
    floor: FloatArray,
    scaled: FloatArray,
) -> None:
    """Fill out-of-the-money sides over future and deviation by four-point Lagrange interpolation in the log strike.

    Parameters
    ----------
    puts, calls : ndarray of shape (n_nodes, n_strikes)
        To fill; strikes ``future * exp(-deviation * scaled)`` and ``future * exp(deviation * scaled)``.
    grid : ndarray of shape (n_nodes, n_grid)
        Undiscounted calls at the log strikes ``first + step * k``.
    first, step : float
        The grid of log strikes.
    future, deviation, floor : ndarray of shape (n_nodes,)
        Futures, deviations of the log, and the lowest value that can be.
    scaled : ndarray of shape (n_strikes,)
        Scaled log strikes, outwards.
    """
    last = grid.shape[1] - 4
    for i in range(future.size):
        unit = 1.0 / (future[i] * deviation[i])
        center = np.log(future[i])
        for side in range(2):
            sign = -1.0 if side == 0 else 1.0
            for k in range(scaled.size):
                log_strike = center + sign * deviation[i] * scaled[k]
                strike = np.exp(log_strike)
                intrinsic = max(future[i] - strike, 0.0)
                call = intrinsic
                if strike > floor[i]:
                    position = (log_strike - first) / step
                    at = min(max(int(np.floor(position)) - 1, 0), last)
                    t = position - at
                    a, b, c = t - 1.0, t - 2.0, t - 3.0
                    value = grid[i, at + 1] * t * b * c / 2.0 - grid[i, at] * a * b * c / 6.0
                    value += grid[i, at + 3] * t * a * b / 6.0 - grid[i, at + 2] * t * a * c / 2.0
                    call = max(value, intrinsic)
                if side == 0:
                    puts[i, k] = unit * (call - future[i] + strike)
                else:
                    calls[i, k] = unit * call
