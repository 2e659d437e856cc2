"""The exact pricer of models on two linear factors; whole sessions only."""

from __future__ import annotations

from typing import final

import numpy as np
from numpy.typing import ArrayLike

from models.backward_pricer import BackwardPricer, whole_sessions
from models.kernels.vix_sums import vix_moments, vix_options
from models.linear_factor_model import LinearFactorModel
from models.linear_factor_sweep import sweep_of
from models.linear_factor_vix import squares
from models.notebook_view import PricerView
from models.protocols import SESSIONS_PER_YEAR, FloatArray, OptionValue
from models.transform_pricer import by_time, check_positive, flatten

SPACING = 0.01
"""Distance of nodes in deviations: an option errs by less than a ten-thousandth of its value at the money."""


@final
class LinearFactorPricer(PricerView):
    """SPX options by the backward recursion, VIX derivatives by sums; see ``models.protocols.Pricer``.

    Parameters
    ----------
    model : LinearFactorModel
        The model whose Q-law is priced; hashable, for sweeps are kept between calls.
    """

    __slots__ = ("_spx", "model")

    def __init__(self, model: LinearFactorModel) -> None:
        self.model = model
        self._spx = BackwardPricer(model, sweep=sweep_of)

    def __repr__(self) -> str:
        return f"LinearFactorPricer({self.model!r})"

    def vix(self, state: FloatArray) -> FloatArray:
        """See ``Pricer.vix``."""
        return self.model.vix(np.asarray(state, dtype=float))

    def vix_future(self, state: FloatArray, ttm: ArrayLike) -> FloatArray:
        """See ``Pricer.vix_future``."""
        states, shape, (time,) = flatten(state, whole_sessions(ttm))
        result, unused = np.empty((2, time.size))
        for sessions, rows in by_time(time):
            group, done = states[:, rows], 0
            if sessions == 0:
                result[rows] = self.model.vix(group)
                continue
            noise = self.model.noise(int(sessions), SPACING)
            for part in squares(self.model, int(sessions), group, noise):
                future = np.empty(part.shape[0])
                vix_moments(future, unused[: future.size], part, noise.weight)
                result[rows[done : done + future.size]] = future
                done += future.size
        return result.reshape(shape)

    def vix_option(self, state: FloatArray, *, strike: ArrayLike, ttm: ArrayLike, is_call: ArrayLike) -> FloatArray:
        """See ``Pricer.vix_option``."""
        states, shape, (k, time, call) = flatten(state, strike, whole_sessions(ttm), is_call)
        check_positive("strike", k)
        result = np.empty(k.shape)
        for sessions, rows in by_time(time):
            if sessions == 0:
                sign = np.where(call[rows] != 0.0, 1.0, -1.0)
                result[rows] = np.maximum(sign * (self.model.vix(states[:, rows]) - k[rows]), 0.0)
                continue
            price = self._options(states[:, rows], k[rows], int(sessions), call[rows] != 0.0)
            result[rows] = np.exp(-self.model.rate * sessions / SESSIONS_PER_YEAR) * price
        return result.reshape(shape)

    def spx_option(
        self, spot: ArrayLike, state: FloatArray, *, strike: ArrayLike, ttm: ArrayLike, is_call: ArrayLike
    ) -> OptionValue:
        """See ``Pricer.spx_option``."""
        return self._spx.spx_option(spot, state, strike=strike, ttm=ttm, is_call=is_call)

    def strike_for_delta(self, spot: ArrayLike, state: FloatArray, *, delta: ArrayLike, ttm: ArrayLike) -> FloatArray:
        """See ``Pricer.strike_for_delta``."""
        return self._spx.strike_for_delta(spot, state, delta=delta, ttm=ttm)

    def _options(self, states: FloatArray, strike: FloatArray, sessions: int, is_call: FloatArray) -> FloatArray:
        noise = self.model.noise(sessions, SPACING)
        price, done = np.empty(strike.size), 0
        for part in squares(self.model, sessions, states, noise):
            rows = slice(done, done + part.shape[0])
            vix_options(price[rows], part, noise.weight, strike[rows], is_call[rows])
            done = rows.stop
        return price
