"""A market simple enough to price by hand: Black-Scholes options, and a VIX curve that reverts to 20.

Used by the tests of the market layer; its prices are written out here, without any code of the project.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import ndtr, ndtri

from models.protocols import OptionValue, PathBlock, SimulationGrid
from sim.calendar import SessionCalendar
from sim.market import MarketBlock

RATE, DIVIDEND_YIELD = 0.03, 0.01
VIX_MEAN, VIX_SPEED, VIX_VOL = 20.0, 5.0, 0.8


def black_scholes(spot: Any, vol: Any, strike: Any, ttm: Any, is_call: Any) -> OptionValue:
    sign = np.where(is_call, 1.0, -1.0)
    root = np.sqrt(ttm)
    d1 = (np.log(spot / strike) + (RATE - DIVIDEND_YIELD + 0.5 * vol**2) * ttm) / (vol * root)
    d2 = d1 - vol * root
    carry, discount = np.exp(-DIVIDEND_YIELD * ttm), np.exp(-RATE * ttm)
    price = sign * (spot * carry * ndtr(sign * d1) - strike * discount * ndtr(sign * d2))
    density = np.exp(-0.5 * d1**2) / np.sqrt(2.0 * np.pi)
    decay = (
        -spot * carry * density * vol / (2.0 * root)
        - sign * RATE * strike * discount * ndtr(sign * d2)
        + sign * DIVIDEND_YIELD * spot * carry * ndtr(sign * d1)
    )
    return OptionValue(
        price=price, delta=sign * carry * ndtr(sign * d1), vega=0.01 * spot * carry * density * root, theta=decay / 252
    )


class ToyPricer:
    """Answers the general protocol; the state is the annual variance."""

    def vix(self, state: Any) -> Any:
        return 100.0 * np.sqrt(state[0])

    def vix_future(self, state: Any, ttm: Any) -> Any:
        return VIX_MEAN + (self.vix(state) - VIX_MEAN) * np.exp(-VIX_SPEED * np.asarray(ttm))

    def vix_option(self, state: Any, *, strike: Any, ttm: Any, is_call: Any) -> Any:
        future, total = self.vix_future(state, ttm), VIX_VOL * np.sqrt(ttm)
        d1 = np.log(future / strike) / total + 0.5 * total
        sign = np.where(is_call, 1.0, -1.0)
        return np.exp(-RATE * ttm) * sign * (future * ndtr(sign * d1) - strike * ndtr(sign * (d1 - total)))

    def spx_option(self, spot: Any, state: Any, *, strike: Any, ttm: Any, is_call: Any) -> OptionValue:
        return black_scholes(spot, np.sqrt(state[0]), strike, ttm, is_call)

    def strike_for_delta(self, spot: Any, state: Any, *, delta: Any, ttm: Any) -> Any:
        vol, carry = np.sqrt(state[0]), np.exp(-DIVIDEND_YIELD * ttm)
        d1 = np.where(delta > 0, ndtri(np.abs(delta) / carry), -ndtri(np.abs(delta) / carry))
        return spot * np.exp((RATE - DIVIDEND_YIELD + 0.5 * vol**2) * ttm - d1 * vol * np.sqrt(ttm))


def toy_paths(grid: SimulationGrid, n_paths: int, seed: int = 20181231) -> PathBlock:
    """Lognormal variance that reverts, and a spot driven by it."""
    rng = np.random.default_rng(seed)
    log_variance = np.full((grid.n_times, n_paths), np.log(0.04))
    for t in range(1, grid.n_times):
        pull = 0.05 * (np.log(0.04) - log_variance[t - 1])
        log_variance[t] = log_variance[t - 1] + pull + 0.1 * rng.standard_normal(n_paths)
    variance = np.exp(log_variance)
    shock = rng.standard_normal((grid.n_times, n_paths))
    log_spot = np.cumsum(np.sqrt(variance / 252) * shock, axis=0)
    spot = 4000.0 * np.exp(log_spot - log_spot[grid.warmup_days])
    return PathBlock(grid=grid, spot=spot, state=variance[:, None, :], vix=100.0 * np.sqrt(variance))


def toy_market(
    paths: PathBlock, *, start_date: str = "2019-01-02", pricer: Any = None, required_signals: tuple[str, ...] = ()
) -> MarketBlock:
    calendar = SessionCalendar.build(start_date, paths.grid.warmup_days, paths.grid.n_days)
    return MarketBlock.build(
        paths,
        calendar,
        pricer or ToyPricer(),
        rate=RATE,
        dividend_yield=DIVIDEND_YIELD,
        required_signals=required_signals,
    )
