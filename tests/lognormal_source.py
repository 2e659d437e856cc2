"""A law whose prices are Black's formulas: tables of one factor, of two and of a hidden regime have exact answers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.axes import Axis
from models.black import black_price
from models.protocols import SESSIONS_PER_YEAR, OptionValue

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class LognormalLaw:
    """Lognormal SPX and VIX, with deviations that depend on the state and the tenor.

    With one factor its annual variance is v; a second adds to it, the more the longer the tenor; regimes 0, 1, ...
    multiply it by 1, 2, ...
    """

    axes: tuple[Axis, ...]
    rate: float = 0.03
    dividend_yield: float = 0.01

    def pricing_key(self) -> str:
        return repr(self.axes)

    def table_axes(self) -> tuple[Axis, ...]:
        return self.axes

    def slice_source(self) -> LognormalLaw:
        return self

    def exact_pricer(self) -> LognormalLaw:
        return self

    def variance(self, state: FloatArray, ttm: ArrayLike) -> FloatArray:
        weights = [1.0, 1.0 - np.exp(-3.0 * np.asarray(ttm))]
        total, factor, number = np.zeros(np.asarray(state)[0].shape), 1.0, 0
        for axis, values in zip(self.axes, state, strict=True):
            if axis.kind == "index":
                factor = 2.0 ** np.rint(values)
            else:
                level = np.exp(values) if axis.kind == "linear" else values
                total = total + weights[number] * level
                number += 1
        return factor * (total + 1e-3)

    def vix(self, state: FloatArray) -> FloatArray:
        return 100.0 * np.sqrt(self.variance(state, 1.0 / 12.0))

    def vix_law(self, state: FloatArray, ttm: ArrayLike) -> tuple[FloatArray, FloatArray]:
        """Future and deviation of the log VIX."""
        vix = self.vix(state)
        return 20.0 * (vix / 20.0) ** np.exp(-2.0 * np.asarray(ttm)), np.sqrt(ttm) * (0.6 + 0.02 * vix)

    def spx_slices(self, states: FloatArray, scaled: FloatArray, max_sessions: int) -> Iterator[tuple[FloatArray, ...]]:
        for n in range(1, max_sessions + 1):
            ttm = n / SESSIONS_PER_YEAR
            # not the deviation of the law itself: smiles in the table's own units must not be flat by construction
            deviation = np.sqrt(self.variance(states, ttm) * ttm)
            yield deviation * 1.2, *self._scaled(deviation, deviation * 1.2, scaled)

    def vix_slices(self, states: FloatArray, scaled: FloatArray, max_sessions: int) -> Iterator[tuple[FloatArray, ...]]:
        for n in range(1, max_sessions + 1):
            future, deviation = self.vix_law(states, n / SESSIONS_PER_YEAR)
            yield future, deviation, *self._scaled(deviation, deviation, scaled)

    @staticmethod
    def _scaled(deviation: FloatArray, scale: FloatArray, scaled: FloatArray) -> tuple[FloatArray, FloatArray]:
        shift = scale[:, None] * scaled
        one, unit = np.ones_like(shift), np.broadcast_to(deviation[:, None], shift.shape)
        puts = black_price(one, np.exp(-shift), 1.0, unit, is_call=False)
        calls = black_price(one, np.exp(shift), 1.0, unit, is_call=True)
        return puts / scale[:, None], calls / scale[:, None]

    def spx_option(
        self, spot: ArrayLike, state: FloatArray, *, strike: ArrayLike, ttm: ArrayLike, is_call: ArrayLike
    ) -> OptionValue:
        raise NotImplementedError
