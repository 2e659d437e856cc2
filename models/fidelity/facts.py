"""The 34 facts of a history of SPX, VIX and the two nearest VX futures.

Returns are daily log returns of the price index. Standard deviation, skewness and kurtosis are those of the
population. The slope at low (high) VIX takes the days that start with the VIX below 15 (above 30), and needs 100 of
them; means of the curve in a range of the VIX need 20 days, else the fact is NaN. Realised variance is the mean square
of the next 21 returns times 252; the last 21 days have none. A history is the closes of its first day to its last;
mean and quantiles of the VIX leave the first day out, for it has no return. These are the definitions of the real
values in ``real_facts.csv``, which the tests recompute from closes.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from models.errors import ModelParameterError
from models.fidelity.real_market import real_facts
from models.kernels.window_facts import AHEAD, facts_of_windows
from models.protocols import FloatArray

FACTS: tuple[str, ...] = tuple(fact.name for fact in real_facts())
"""Names of the facts, in the order of the rows of ``models.kernels.window_facts``."""


def history_facts(log_return: ArrayLike, vix: ArrayLike, vx1: ArrayLike, vx2: ArrayLike) -> FloatArray:
    """Compute the facts of histories of equal length.

    Parameters
    ----------
    log_return : array_like of shape (n_windows, n_days)
        Daily log returns of the SPX.
    vix : array_like of shape (n_windows, n_days + 1)
        VIX at the close before the first return and at each close after [points].
    vx1, vx2 : array_like of shape (n_windows, n_days + 1)
        Nearest and second nearest future that has not expired [points]; NaN where there is none.

    Returns
    -------
    ndarray of shape (n_windows, 34)
        Facts in the order of ``FACTS``; NaN where a history has too few days for one.

    Raises
    ------
    ModelParameterError
        If the shapes do not fit, or there are fewer than 62 days.
    """
    r, v, front, second = (np.ascontiguousarray(x, dtype=np.float64) for x in (log_return, vix, vx1, vx2))
    if r.ndim != 2 or r.shape[1] <= 3 * AHEAD - 2:
        raise ModelParameterError(f"log_return must have shape (n_windows, at least {3 * AHEAD - 1}), got {r.shape}")
    expected = (r.shape[0], r.shape[1] + 1)
    if not v.shape == front.shape == second.shape == expected:
        raise ModelParameterError(
            f"vix, vx1 and vx2 must have one day more than log_return, {expected}, "
            f"got {v.shape}, {front.shape}, {second.shape}"
        )
    out = np.empty((r.shape[0], len(FACTS)))
    facts_of_windows(r, v, front, second, out)
    return out
