"""Listed strikes of the SPX that lie next to given deltas."""

from __future__ import annotations

from collections.abc import Hashable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.protocols import SESSIONS_PER_YEAR
from sim.contracts import listed_spx_strike
from sim.market import MarketBlock

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

_MOST = 0.8
"""Share of paths above which all are asked: picking some costs more than it saves."""


class StrikeBook:
    """Finds strikes on a market block; those of the latest session that all paths asked for are kept.

    Parameters
    ----------
    market : MarketBlock
        The market.
    """

    def __init__(self, market: MarketBlock) -> None:
        self.market = market
        self._session = -1
        self._known: dict[Hashable, FloatArray] = {}

    def for_delta(self, t: int, delta: ArrayLike, expiry: int, *, where: BoolArray | None = None) -> FloatArray:
        """Find the listed SPX strikes nearest to the strikes of given deltas.

        Parameters
        ----------
        t : int
            Session of the quote.
        delta : array_like of shape (n_legs,)
            Deltas, in (0, 1) for calls and in (-1, 0) for puts.
        expiry : int
            Session index of the expiry, > ``t``.
        where : ndarray of bool, shape (n_paths,), optional
            Paths whose strikes are asked for; elsewhere they are next to the money. By default all.

        Returns
        -------
        ndarray of shape (n_legs, n_paths)
            Strikes on the listed grid [points].
        """
        wanted = np.atleast_1d(np.asarray(delta, dtype=np.float64))
        if t != self._session:
            self._session, self._known = t, {}
        key = (expiry, wanted.tobytes())
        known = self._known.get(key)
        if where is not None and where.mean() <= _MOST:
            return self._masked(t, wanted, expiry, where, known)
        if known is not None:
            return known
        strike = listed_spx_strike(self._strikes(t, wanted, expiry, slice(None)), self.market.spot(t), expiry - t)
        strike.setflags(write=False)
        self._known[key] = strike
        return strike

    def _masked(
        self, t: int, wanted: FloatArray, expiry: int, where: BoolArray, known: FloatArray | None
    ) -> FloatArray:
        """Listed strikes where asked for, next to the money elsewhere: the same for a mask, whoever asked before."""
        spot, sessions = self.market.spot(t), expiry - t
        strike = np.broadcast_to(listed_spx_strike(spot, spot, sessions), (wanted.size, spot.size)).copy()
        if known is None:
            asked = self._strikes(t, wanted, expiry, np.flatnonzero(where))
            strike[:, where] = listed_spx_strike(asked, spot[where], sessions)
        else:
            strike[:, where] = known[:, where]
        return strike

    def _strikes(self, t: int, wanted: FloatArray, expiry: int, index: NDArray[np.intp] | slice) -> FloatArray:
        """Strikes of the deltas on some paths, not yet rounded [points]."""
        state = np.ascontiguousarray(self.market.state(t)[:, index])
        ttm = (expiry - t) / SESSIONS_PER_YEAR
        return self.market.pricer_at(t).strike_for_delta(
            self.market.spot(t)[index], state, delta=wanted[:, None], ttm=ttm
        )
