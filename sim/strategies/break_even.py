"""Break-evens of open condors, and their migration: how far the SPX may move before a tranche loses at its expiry.

A tranche breaks even at its sold put less the credit of what is held, and at its sold call plus it. Of several tranches
the nearest to the SPX counts on each side. With hedges the credit grows by their open profit, shared equally by all
condors of that side: a gain of the hedges moves the break-even out.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sim.contracts import MULTIPLIER, Product
from sim.strategies.condor_adjustments import short_strike, side_units
from sim.strategies.protocols import CONDOR, UNHEDGED
from sim.tranche import Tranche

FloatArray = NDArray[np.float64]

SIDES = ("put", "call", "put_hedged", "call_hedged")
"""Break-evens that are measured, in the order in which they are stored."""


class BreakEvens(NamedTuple):
    """Distance from the SPX to the nearest break-even as a share of the SPX, shape (n_paths,); NaN without a condor.

    Parameters
    ----------
    put, call : ndarray
        Below and above; negative where the SPX is beyond it.
    put_hedged, call_hedged : ndarray
        With the open profit of the hedges.
    """

    put: FloatArray
    call: FloatArray
    put_hedged: FloatArray
    call_hedged: FloatArray


def break_evens(book: Iterable[Tranche], spot: FloatArray) -> BreakEvens:
    """Nearest break-evens of a book.

    Parameters
    ----------
    book : iterable of Tranche
        All open tranches of a strategy, marked at the close.
    spot : ndarray of shape (n_paths,)
        SPX [points].
    """
    book = list(book)
    condors = [tranche for tranche in book if tranche.engine == CONDOR]
    hedges = [tranche for tranche in book if tranche.engine not in (CONDOR, *UNHEDGED)]
    profit = np.sum([tranche.open_profit() for tranche in hedges], axis=0) if hedges else np.zeros(spot.size)
    plain = [_distance(condors, spot, is_call=side) for side in (False, True)]
    shifted = []
    for side, distance in zip((False, True), plain, strict=True):
        units = np.sum([side_units(tranche, is_call=side) for tranche in condors], axis=0) if condors else None
        if units is None:
            shifted.append(distance)
            continue
        dollars = MULTIPLIER[Product.SPX_OPTION] * spot * units
        shifted.append(distance + np.where(units > 0.0, profit / np.where(units > 0.0, dollars, 1.0), 0.0))
    return BreakEvens(*plain, *shifted)


def _distance(condors: list[Tranche], spot: FloatArray, *, is_call: bool) -> FloatArray:
    """Smallest distance of one side over the tranches that hold it."""
    nearest = np.full(spot.size, np.inf)
    for tranche in condors:
        units = side_units(tranche, is_call=is_call)
        held = units > 0.0
        credit = -tranche.entry_value() / (tranche.contracts.multiplier * np.where(held, units, 1.0))
        strike = np.where(held, short_strike(tranche, is_call=is_call), 0.0)
        away = strike + credit - spot if is_call else spot - (strike - credit)
        np.minimum(nearest, np.where(held, away / spot, np.inf), out=nearest)
    return np.where(np.isfinite(nearest), nearest, np.nan)
