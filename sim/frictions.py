"""How trading goes on a session: how wide spreads are, and how much of an order is filled.

On most sessions there is no friction: spreads are those of the cost schedule and orders are filled whole. A stress
script may widen spreads, and may let only a share of an order find another side.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sim.contracts import Product

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Friction:
    """Trading on one session.

    Parameters
    ----------
    widening : mapping of Product to float
        Factor on half-spreads, >= 0 [-]; products that are not named have 1.
    fill : mapping of Product to float
        Share of every order that is filled, 0 to 1 [-]; products that are not named have 1.
    """

    widening: Mapping[Product, float] = field(default_factory=dict)
    fill: Mapping[Product, float] = field(default_factory=dict)

    def widening_of(self, product: Product) -> float:
        """Factor on half-spreads of a product [-]."""
        return self.widening.get(product, 1.0)

    def fill_of(self, product: Product) -> float:
        """Share of an order in a product that is filled [-]."""
        return self.fill.get(product, 1.0)


NONE = Friction()
"""Spreads of the schedule, and whole orders."""


def filled_part(quantity: FloatArray, share: float, *, fractional: bool) -> FloatArray:
    """Contracts of an order that find another side.

    Legs keep their ratio: of an order that is a multiple of a smallest one, whole multiples are filled, rounded down.

    Parameters
    ----------
    quantity : ndarray of shape (n_legs, n_paths)
        Signed contracts of the order.
    share : float
        Share that is filled, 0 to 1.
    fractional : bool
        Whether parts of a contract may be traded.

    Returns
    -------
    ndarray of shape (n_legs, n_paths)

    Examples
    --------
    >>> filled_part(np.array([[-5.0, -2.0], [10.0, 4.0]]), 0.5, fractional=False)
    array([[-2., -1.],
           [ 4.,  2.]])
    """
    if share == 1.0:
        return quantity
    if fractional:
        return np.asarray(share * quantity)
    multiples = np.gcd.reduce(np.rint(np.abs(quantity)).astype(np.int64), axis=0)
    kept = np.floor(share * multiples + 1e-9)
    return np.asarray(quantity / np.maximum(multiples, 1) * kept)
