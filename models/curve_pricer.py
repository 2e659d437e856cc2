"""Prices on a given curve of VIX futures: the model's law of each VIX settlement, scaled to the settlement price.

A future of price F where the model says f makes the settlement F / f times that of the model. Futures are then F, and
an option struck at K is worth F / f options of the model struck at K f / F: calls minus puts are the discounted
difference of F and K, so that futures and options cannot be played off against each other. SPX options, and expiries
whose futures are not given, stay those of the model.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.protocols import FloatArray, OptionValue
from models.rows import SessionPricer

BoolArray = NDArray[np.bool_]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class CurvePricer:
    """Quotes of one session on a given curve; see ``models.rows.SessionPricer``.

    Parameters
    ----------
    base : SessionPricer
        Quotes of the model.
    scale : mapping of int to ndarray of shape (n_paths,)
        Sessions to a settlement -> given future over that of the model [-], > 0.
    """

    base: SessionPricer
    scale: Mapping[int, FloatArray]

    def vix(self, state: FloatArray) -> FloatArray:
        """See ``SessionPricer``."""
        return self.base.vix(state)

    def spx_option(
        self, spot: ArrayLike, state: FloatArray, *, strike: ArrayLike, ttm: float, is_call: ArrayLike
    ) -> OptionValue:
        """See ``SessionPricer``."""
        return self.base.spx_option(spot, state, strike=strike, ttm=ttm, is_call=is_call)

    def strike_for_delta(self, spot: FloatArray, state: FloatArray, *, delta: FloatArray, ttm: float) -> FloatArray:
        """See ``SessionPricer``."""
        return self.base.strike_for_delta(spot, state, delta=delta, ttm=ttm)

    def price_spx_legs(
        self, spot: FloatArray, state: FloatArray, strike: FloatArray, sessions: int, is_call: BoolArray
    ) -> FloatArray:
        """See ``SessionPricer``."""
        return self.base.price_spx_legs(spot, state, strike, sessions, is_call)

    def price_spx_open_legs(
        self, spot: FloatArray, state: FloatArray, strike: FloatArray, sessions: int, is_call: BoolArray
    ) -> FloatArray:
        """See ``SessionPricer``."""
        return self.base.price_spx_open_legs(spot, state, strike, sessions, is_call)

    def price_vix_legs(self, state: FloatArray, strike: FloatArray, sessions: int, is_call: BoolArray) -> FloatArray:
        """VIX options on the given future where there is one; see ``SessionPricer``."""
        if sessions not in self.scale:
            return self.base.price_vix_legs(state, strike, sessions, is_call)
        scale = self.scale[sessions]
        return np.asarray(scale * self.base.price_vix_legs(state, strike / scale, sessions, is_call))

    def vix_future_rows(self, state: FloatArray, sessions: int) -> FloatArray:
        """Given futures where there are some; see ``SessionPricer``."""
        future = self.base.vix_future_rows(state, sessions)
        return np.asarray(self.scale[sessions] * future) if sessions in self.scale else future
