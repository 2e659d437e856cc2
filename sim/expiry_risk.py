"""What a mix of options of one expiry can lose at expiry: the worst loss over the strikes, and what is naked beyond.

At expiry the value of a mix is piecewise linear in the underlying, so its minimum over the strikes is its minimum
between the outermost of them. Beyond, it falls with every call, or put, that is short on balance.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numba import njit
from numpy.typing import NDArray

from models.frozen import frozen

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

_ROWS = 5


@dataclass(frozen=True, slots=True)
class ExpiryRisk:
    """Risk at expiry on every path.

    Parameters
    ----------
    rows : ndarray of shape (5, n_paths)
        The values that the properties name.
    """

    rows: FloatArray

    @classmethod
    def of(cls, is_call: BoolArray, strike: FloatArray, quantity: FloatArray) -> Self:
        """Risk of a mix of options of one product and expiry.

        Parameters
        ----------
        is_call : ndarray of bool, shape (n_legs,)
            Right of each leg.
        strike, quantity : ndarray of shape (n_legs, n_paths)
            Strikes [points] and signed contracts.
        """
        rows = np.empty((_ROWS, strike.shape[1]))
        fill_risk(frozen(is_call, np.bool_), frozen(strike), frozen(quantity), rows)
        return cls(rows)

    @classmethod
    def none(cls, n_paths: int) -> Self:
        """Risk where nothing is held."""
        rows = np.zeros((_ROWS, n_paths))
        rows[2] = np.inf
        return cls(rows)

    @property
    def is_naked(self) -> BoolArray:
        """Paths that are short beyond an outermost strike."""
        return np.asarray((self.rows[1] > 0.0) | (self.rows[3] > 0.0))

    def naked_premium(
        self, is_call: BoolArray, strike: FloatArray, quantity: FloatArray, mid: FloatArray
    ) -> FloatArray:
        """Price of the naked contracts at mid [points x contracts], shape (n_paths,).

        Of several strikes that are short the one nearest to the money counts.

        Parameters
        ----------
        is_call, strike, quantity
            The mix that the risk is of.
        mid : ndarray of shape (n_legs, n_paths)
            Mids [points].
        """
        total = np.zeros(strike.shape[1])
        for right, net, nearest in (
            (True, self.short_calls, self.lowest_short_call),
            (False, self.short_puts, self.highest_short_put),
        ):
            is_nearest = (is_call == right)[:, None] & (quantity < 0.0) & (strike == nearest)
            total += np.maximum(net, 0.0) * np.where(is_nearest, mid, 0.0).max(axis=0)
        return total

    @property
    def loss(self) -> FloatArray:
        """Minus the smallest payoff at any of the strikes, at least 0 [points x contracts]."""
        return np.asarray(self.rows[0])

    @property
    def short_calls(self) -> FloatArray:
        """Calls short less calls long [contracts]: naked above the highest strike where positive."""
        return np.asarray(self.rows[1])

    @property
    def lowest_short_call(self) -> FloatArray:
        """Lowest strike of a call that is short [points]; infinite where none is."""
        return np.asarray(self.rows[2])

    @property
    def short_puts(self) -> FloatArray:
        """Puts short less puts long [contracts]: naked below the lowest strike where positive."""
        return np.asarray(self.rows[3])

    @property
    def highest_short_put(self) -> FloatArray:
        """Highest strike of a put that is short [points]; 0 where none is."""
        return np.asarray(self.rows[4])


def worst_expiry_loss(is_call: BoolArray, strike: FloatArray, quantity: FloatArray) -> FloatArray:
    """Largest loss at expiry over the strikes, shape (n_paths,), at least 0 [points x contracts].

    Parameters
    ----------
    is_call, strike, quantity
        As in ``ExpiryRisk.of``.
    """
    return ExpiryRisk.of(is_call, strike, quantity).loss


@njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def fill_risk(is_call: BoolArray, strike: FloatArray, quantity: FloatArray, rows: FloatArray) -> None:
    """Fill ``ExpiryRisk.rows``; of many legs only those are looked at that a path holds."""
    n_legs, n_paths = strike.shape
    held = np.empty(n_legs, np.int64)
    for path in range(n_paths):
        n_held = 0
        short_calls, short_puts, lowest, highest = 0.0, 0.0, np.inf, 0.0
        for leg in range(n_legs):
            contracts = quantity[leg, path]
            if contracts == 0.0:
                continue
            held[n_held] = leg
            n_held += 1
            if is_call[leg]:
                short_calls -= contracts
                if contracts < 0.0:
                    lowest = min(lowest, strike[leg, path])
            else:
                short_puts -= contracts
                if contracts < 0.0:
                    highest = max(highest, strike[leg, path])
        rows[0, path] = _worst(held[:n_held], is_call, strike, quantity, path)
        rows[1, path], rows[2, path], rows[3, path], rows[4, path] = short_calls, lowest, short_puts, highest


@njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _worst(held: NDArray[np.int64], is_call: BoolArray, strike: FloatArray, quantity: FloatArray, path: int) -> float:
    """Largest loss of the legs held on a path, settled at each of their strikes."""
    worst = 0.0
    for at in held:
        settlement, payoff = strike[at, path], 0.0
        for leg in held:
            distance = settlement - strike[leg, path]
            if not is_call[leg]:
                distance = -distance
            if distance > 0.0:
                payoff += quantity[leg, path] * distance
        worst = max(worst, -payoff)
    return worst
