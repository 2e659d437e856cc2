"""What one session does to a contract: its price taken apart by moving time, index and volatility one by one.

Three prices beside that of today say it, each with one thing moved to where it is at the next close and the rest left
as it is: the session that passes, the SPX along its delta, and the volatility state. What the three do not explain is
curvature, and what things do to one another.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from models.protocols import SESSIONS_PER_YEAR
from sim.contracts import ContractSet, Product
from sim.greeks import by_set, first_paths, note_futures, settled_together
from sim.quotes import QuoteBook

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

PARTS = ("theta", "delta", "vega")
"""What is told apart, in this order; the rest of a change of price is curvature."""

LINEAR_IN_VOLATILITY = frozenset({Product.VIX_FUTURE, Product.VIX_ETN})
"""Products without curvature: what is no decay is all the move of volatility."""


class Repricing:
    """Takes the coming session of contract sets apart, on the first paths of a block.

    Parameters
    ----------
    quotes : QuoteBook
        Quotes of the block.
    n_paths : int
        How many of its paths are measured, from the first on.
    """

    def __init__(self, quotes: QuoteBook, n_paths: int) -> None:
        self.market = first_paths(quotes.market, n_paths)
        self.n_paths = n_paths
        self._all = quotes
        self._quotes = QuoteBook(self.market)

    def parts(self, held: Mapping[ContractSet, BoolArray], t: int) -> dict[ContractSet, FloatArray]:
        """Change of price from the close of ``t`` to the next one, as far as each of ``PARTS`` explains it alone.

        Parameters
        ----------
        held : mapping of ContractSet to ndarray of bool, shape (n_paths,)
            What is held after the orders of session ``t``, and where; values elsewhere mean nothing.
        t : int
            Session, before the last one that is simulated.

        Returns
        -------
        dict of ContractSet to ndarray of shape (n_parts, n_legs, n_paths)
            Points. Without vega for what is linear in volatility.
        """
        known: dict[ContractSet, FloatArray] = {}
        for group, together, _ in settled_together(held, self.n_paths):
            known |= by_set(np.stack(self._parts(group[0], together, t)), group)
        return known

    def _parts(self, first: ContractSet, together: ContractSet, t: int) -> tuple[FloatArray, FloatArray, FloatArray]:
        market, quotes = self.market, self._quotes
        none = np.zeros(together.strike.shape)
        if together.product is Product.SPX_UNIT:
            price = self._all.mids(first, t)[:, : self.n_paths]
            growth = market.spot(t + 1) / market.spot(t) - 1.0
            return price * np.expm1(market.dividend_yield / SESSIONS_PER_YEAR) + none, price * growth + none, none
        if together.product is Product.VIX_ETN:
            return self._note_decay(first, t) + none, none, none
        theta = quotes.theta(together, t)
        if together.product is Product.VIX_FUTURE:
            return theta, none, none
        vega = quotes.with_state(together, t, market.state(t + 1)) - quotes.mids(together, t)
        return theta, quotes.delta(together, t) * (market.spot(t + 1) - market.spot(t)), vega

    def _note_decay(self, contracts: ContractSet, t: int) -> FloatArray:
        """A note decays as its two futures do, over the value that they have together, and earns the short rate."""
        price = self._all.mids(contracts, t)[:, : self.n_paths]
        value, theta = np.zeros(self.n_paths), np.zeros(self.n_paths)
        for share, future in note_futures(self._quotes, t):
            value += share * self._quotes.mids(future, t)[0]
            theta += share * self._quotes.theta(future, t)[0]
        return np.asarray(price * (theta / value + np.expm1(self.market.rate / SESSIONS_PER_YEAR)))
