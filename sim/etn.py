"""The short-term VIX futures index that VIX notes track: a daily roll from the front future into the second.

From the settlement of one monthly future to the day before that of the next, the weight of the front future falls in
equal daily steps from one to nothing, so that the holding is always about a month long. The index earns the return of
the two futures and the short rate on its value.

References
----------
.. [1] S&P Dow Jones Indices, "S&P VIX Futures Indices Methodology": contract roll weights ``dr / dt``, and the total
   return index ``I(t) = I(t-1) (1 + CDR(t) + TBR(t))``.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from models.protocols import SESSIONS_PER_YEAR
from sim.expiries import ListedExpiries, nth_expiry_after

FloatArray = NDArray[np.float64]

START_LEVEL = 100.0
"""Index on the first session of the history."""


class FuturesSeries(Protocol):
    """What the index reads of a market."""

    @property
    def rate(self) -> float:
        """Short rate [1/year, continuous]."""
        ...

    @property
    def expiries(self) -> ListedExpiries:
        """Listed expiries."""
        ...

    def vx(self, n: int) -> FloatArray:
        """Daily settlements of the ``n``-th nearest future [points], shape (n_times, n_paths)."""
        ...


def front_weight(expiries: NDArray[np.int64], t: int) -> float:
    """Share of the front future in the index after the close of session ``t``.

    Parameters
    ----------
    expiries : ndarray of int
        Sessions on which monthly futures settle, sorted.
    t : int
        Session.

    Returns
    -------
    float
        ``dr / dt``: sessions left until the day before the settlement, over those of the whole period. Before the
        first settlement on the calendar a period of 21 sessions is taken.
    """
    nearest = nth_expiry_after(expiries, t, 1)
    position = int(np.searchsorted(expiries, t, side="right"))
    period = nearest - int(expiries[position - 1]) if position > 0 else max(21, nearest - t)
    return (nearest - 1 - t) / period


def short_term_index(market: FuturesSeries) -> FloatArray:
    """Total return index of the daily roll.

    Parameters
    ----------
    market : MarketBlock or alike
        Futures on their calendar.

    Returns
    -------
    ndarray of shape (n_times, n_paths)
        Index, ``START_LEVEL`` on the first session; row ``t`` depends on closes up to ``t`` only.
    """
    first, second = market.vx(1), market.vx(2)
    expiries = market.expiries.vix_monthly
    interest = np.expm1(market.rate / SESSIONS_PER_YEAR)
    level = np.empty_like(first)
    level[0] = START_LEVEL
    for t in range(1, first.shape[0]):
        weight = front_weight(expiries, t - 1)
        held = weight * first[t - 1] + (1.0 - weight) * second[t - 1]
        if nth_expiry_after(expiries, t - 1, 1) == t:  # the weight of the future that settles today is nothing
            value = first[t]
        else:
            value = weight * first[t] + (1.0 - weight) * second[t]
        np.multiply(level[t - 1], value / held + interest, out=level[t])
    return level
