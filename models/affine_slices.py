"""Slices of the tables of affine models: COS prices of SPX options, Laplace prices of VIX futures and options."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from models.affine import AffineModel
from models.option_table import CosineBasis, scaled_spx_prices
from models.protocols import SESSIONS_PER_YEAR, FloatArray
from models.slices import SpxSlice, VixSlice
from models.vix_table import future_and_deviation, scaled_vix_prices


@final
@dataclass(frozen=True, slots=True)
class AffineSlices:
    """Slice source of a one-factor affine model; see ``models.slices.SliceSource``.

    Parameters
    ----------
    model : AffineModel
        The model whose Q-law is priced.
    """

    model: AffineModel

    def spx_slices(self, states: FloatArray, scaled: FloatArray, max_sessions: int) -> Iterator[SpxSlice]:
        """See ``SliceSource.spx_slices``."""
        basis = CosineBasis(np.concatenate([-scaled, scaled]))
        for n in range(1, max_sessions + 1):
            ttm = n / SESSIONS_PER_YEAR
            constant, slope = self.model.mean_variance_coefficients(ttm)
            deviation = np.sqrt((constant + slope @ states) * ttm)
            if scaled.size == 0:
                empty = np.empty((states.shape[1], 0))
                yield deviation, empty, empty
                continue
            puts, calls = scaled_spx_prices(self.model, basis, states[0], deviation, ttm)
            yield deviation, puts[:, : scaled.size], calls[:, scaled.size :]

    def vix_slices(self, states: FloatArray, scaled: FloatArray, max_sessions: int) -> Iterator[VixSlice]:
        """See ``SliceSource.vix_slices``."""
        for n in range(1, max_sessions + 1):
            ttm = n / SESSIONS_PER_YEAR
            future, deviation = future_and_deviation(self.model, states[0], ttm)
            puts, calls = (
                scaled_vix_prices(self.model, states[0], future, deviation, sign * scaled, ttm, is_call=sign > 0.0)
                if scaled.size
                else np.empty((states.shape[1], 0))
                for sign in (-1.0, 1.0)
            )
            yield future, deviation, puts, calls
