r"""Control variates of a block of paths: what the market did beyond its mean under P, one value a path each.

All are sums over sessions or months of what was realised less its mean given the state before, so that their means are
0 whatever the law of the start:

- ``spx``: :math:`e^{-gT} S_T / S_0 - 1`, with the growth rate ``g`` of the mean SPX.
- ``strip``: over months :math:`(t, u]` the sum of :math:`-2\ln(S_u / S_t) + 2 g (u - t)` less its mean given the state
  of t. A static strip of out-of-the-money options, hedged with the SPX, pays this.
- ``vix``: over months the sum of the squared VIX of u less its mean given the state of t, without scheduled events.

The mean of VIX futures under P is not known in closed form: a future is a square root of what is affine in the state.
The squared VIX at the end of a month stands in for it.
"""

from __future__ import annotations

from itertools import pairwise
from typing import cast

import numpy as np
from numpy.typing import NDArray

from models.known_means import GrowthModel, MomentModel
from models.protocols import SESSIONS_PER_YEAR, Model
from sim.config.sampling import ControlName
from sim.market import MarketBlock

FloatArray = NDArray[np.float64]

MONTH = 21
"""Sessions of a month."""


def control_values(names: tuple[ControlName, ...], market: MarketBlock, model: Model) -> FloatArray:
    """Values of control variates, shape (n_controls, n_paths); their means under P are 0.

    Parameters
    ----------
    names : tuple of str
        Which.
    market : MarketBlock
        The paths, events included.
    model : Model
        Model of the paths; ``sim.sampling`` has checked that it knows the means.
    """
    makers = {"spx": _spx, "strip": _strip, "vix": _vix}
    return np.stack([makers[name](market, model) for name in names])


def _spx(market: MarketBlock, model: Model) -> FloatArray:
    years = market.paths.grid.n_days / SESSIONS_PER_YEAR
    growth = cast(GrowthModel, model).expected_growth() * years
    return np.asarray(np.exp(-growth) * market.spot_series[-1] / market.spot_series[market.day0] - 1.0)


def _strip(market: MarketBlock, model: Model) -> FloatArray:
    known, total = cast(MomentModel, model), np.zeros(market.n_paths)
    for first, last in _months(market):
        years = (last - first) / SESSIONS_PER_YEAR
        constant, slope = known.strip_mean(years)
        move = np.log(market.spot_series[last] / market.spot_series[first])
        events = 0.0 if market.jump_std is None else float(np.sum(market.jump_std[first + 1 : last + 1] ** 2))
        total += 2.0 * (known.expected_growth() * years - move) - constant - slope @ market.state(first) - events
    return total


def _vix(market: MarketBlock, model: Model) -> FloatArray:
    known, total = cast(MomentModel, model), np.zeros(market.n_paths)
    _, per_state = known.vix_squared_coefficients()
    for first, last in _months(market):
        constant, matrix = known.state_mean((last - first) / SESSIONS_PER_YEAR)
        total += per_state @ (market.state(last) - constant[:, None] - matrix @ market.state(first))
    return total


def _months(market: MarketBlock) -> list[tuple[int, int]]:
    """First and last close of each month from day 0 on; the last one may be shorter."""
    ends = [*range(market.day0, market.n_times - 1, MONTH), market.n_times - 1]
    return list(pairwise(ends))
