"""The exact pricer of every affine model: Fourier for SPX options, Laplace for VIX futures and options."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
from numpy.typing import ArrayLike

from models.affine import AffineModel
from models.cos_pricing import relative_puts
from models.protocols import FloatArray
from models.transform_pricer import Rates, TransformPricer, by_time, check_positive, flatten
from models.vix_laplace import vix_calls, vix_futures


@final
@dataclass(frozen=True, slots=True)
class AffinePricer(TransformPricer):
    """Exact prices from the transforms of an affine model; see ``models.protocols.Pricer``.

    Parameters
    ----------
    model : AffineModel
        The model whose Q-law is priced.
    """

    model: AffineModel

    def vix(self, state: FloatArray) -> FloatArray:
        """See ``Pricer.vix``."""
        constant, slope = self.model.vix_squared_coefficients()
        level = np.asarray(np.tensordot(slope, state, axes=1))
        level += constant
        np.sqrt(level, out=level)
        level *= 100.0
        return level

    def vix_future(self, state: FloatArray, ttm: ArrayLike) -> FloatArray:
        """See ``Pricer.vix_future``."""
        states, shape, (time,) = flatten(state, ttm)
        result = np.empty(time.shape)
        for value, part in by_time(time):
            result[part] = vix_futures(self.model, states[:, part], value)
        return result.reshape(shape)

    def vix_option(self, state: FloatArray, *, strike: ArrayLike, ttm: ArrayLike, is_call: ArrayLike) -> FloatArray:
        """See ``Pricer.vix_option``."""
        states, shape, (k, time, call) = flatten(state, strike, ttm, is_call)
        check_positive("strike", k)
        result = np.empty(k.shape)
        for value, part in by_time(time):
            group = states[:, part]
            if value == 0.0:
                calls, future = np.maximum(self.vix(group) - k[part], 0.0), self.vix(group)
            else:
                calls = vix_calls(self.model, group, k[part], value)
                future = vix_futures(self.model, group, value)
            puts = np.maximum(calls - future + k[part], 0.0)
            result[part] = np.exp(-self.model.rate * value) * np.where(call[part] != 0.0, calls, puts)
        return result.reshape(shape)

    @property
    def rates(self) -> Rates:
        """The model."""
        return self.model

    def relative_puts(self, states: FloatArray, log_moneyness: FloatArray, ttm: float) -> tuple[FloatArray, FloatArray]:
        """See ``TransformPricer.relative_puts``."""
        return relative_puts(self.model, states, log_moneyness, ttm)

    def deviations(self, states: FloatArray, ttm: float) -> FloatArray:
        """See ``TransformPricer.deviations``."""
        constant, slope = self.model.mean_variance_coefficients(ttm)
        return np.asarray(np.sqrt((constant + slope @ states) * ttm))
