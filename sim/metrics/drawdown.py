"""Drawdown of equity paths."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


def max_drawdown(equity: FloatArray) -> FloatArray:
    """Largest fall from a running maximum, as a share of that maximum.

    Parameters
    ----------
    equity : ndarray of shape (n_times, n_paths)
        Equity at every close; row 0 is the initial equity, so that a loss on the first day is a drawdown. > 0 at row 0.

    Returns
    -------
    ndarray of shape (n_paths,)
        Maximum drawdown, >= 0 [-]; above 1 where equity became negative.
    """
    peak = np.maximum.accumulate(equity, axis=0)
    return np.asarray(np.max(1.0 - equity / peak, axis=0))
