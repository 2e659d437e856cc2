"""Lives of SPX option positions on one path: when they were open, their strikes, and where they break even."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.contracts import Product
from sim.tranche import Tranche

FloatArray = NDArray[np.float64]


@dataclass(slots=True, kw_only=True)
class Life:
    """An SPX option tranche on one path.

    Parameters
    ----------
    engine : str
        Whose it is.
    opened, closed : int
        First session on which it was held, and the first on which it no longer was; -1 while it is held.
    expiry : int
        Session of its expiry, counted from day 0.
    puts, calls : list of float
        Strikes held, rising [points]; the sold one of a spread is the inner one.
    low, high : float, optional
        Break-evens at expiry [points]; None where there is none on that side.
    quantity : float
        Largest number of contracts of a leg.
    """

    engine: str
    opened: int
    expiry: int
    puts: list[float]
    calls: list[float]
    low: float | None
    high: float | None
    quantity: float
    closed: int = -1


def break_evens(strike: FloatArray, quantity: FloatArray, is_call: NDArray[np.bool_], value: float) -> list[float]:
    """Levels of the underlying at which a position of one expiry pays back what it cost.

    Parameters
    ----------
    strike, quantity : ndarray of shape (n_legs,)
        Strikes [points] and signed contracts.
    is_call : ndarray of bool, shape (n_legs,)
        Right.
    value : float
        What it cost, per multiplier [points x contracts]; negative for a net credit.

    Returns
    -------
    list of float
        Rising. The payoff is linear between strikes, so that crossings are exact.
    """
    corners = np.unique(strike)
    reach = max(float(corners[-1] - corners[0]), 1.0) + abs(value)
    level = np.concatenate([[max(corners[0] - reach, 0.0)], corners, [corners[-1] + reach]])
    intrinsic = np.where(is_call[:, None], level - strike[:, None], strike[:, None] - level)
    profit = quantity @ np.maximum(intrinsic, 0.0) - value
    crossings = []
    for left, right, low, high in zip(level[:-1], level[1:], profit[:-1], profit[1:], strict=True):
        if (low < 0.0) != (high < 0.0):
            crossings.append(float(left + (right - left) * low / (low - high)))
    return crossings


class Lives:
    """Lives of the SPX option tranches of one strategy on one path of its block.

    Parameters
    ----------
    path : int
        Which path of the block.
    day0 : int
        Session of day 0.
    """

    def __init__(self, path: int, day0: int) -> None:
        self.path, self.day0 = path, day0
        self._known: dict[tuple[int, int], tuple[Tranche, Life]] = {}
        self._ended: list[Life] = []

    def note(self, tranches: list[Tranche], t: int) -> None:
        """Look at the book after the orders of session ``t``."""
        day, seen = t - self.day0, set()
        for tranche in tranches:
            if tranche.contracts.product is not Product.SPX_OPTION or not tranche.quantity[:, self.path].any():
                continue
            key = (id(tranche), int(tranche.opened[self.path]))  # a pooled tranche lives more than once
            seen.add(key)
            if key not in self._known:
                self._known[key] = (tranche, self._born(tranche, day))
        for key in [key for key in self._known if key not in seen]:
            life = self._known.pop(key)[1]
            life.closed = day
            self._ended.append(life)

    def _born(self, tranche: Tranche, day: int) -> Life:
        held = tranche.quantity[:, self.path]
        rows = np.flatnonzero(held)
        contracts = tranche.contracts
        strike, is_call = contracts.strike[rows, self.path], contracts.is_call[rows]
        middle = 0.5 * (strike.min() + strike.max())
        crossings = break_evens(strike, held[rows], is_call, float(held @ tranche.entry_mid[:, self.path]))
        return Life(
            engine=tranche.engine,
            opened=day,
            expiry=contracts.expiry - self.day0,
            puts=sorted(map(float, strike[~is_call])),
            calls=sorted(map(float, strike[is_call])),
            low=next((level for level in crossings if level <= middle), None),
            high=next((level for level in reversed(crossings) if level > middle), None),
            quantity=float(np.abs(held).max()),
        )

    def rows(self) -> list[dict[str, Any]]:
        """All lives in the order in which they began."""
        alive = [life for _, life in self._known.values()]
        return [asdict(life) for life in sorted([*self._ended, *alive], key=lambda life: (life.opened, life.expiry))]
