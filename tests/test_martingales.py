"""Simulated paths against prices: under Q discounted prices are martingales, under P premia are what they say."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray

import models
from models.protocols import SESSIONS_PER_YEAR, Model, Stream

FloatArray = NDArray[np.float64]

SPOT = 4000.0
EXPIRY = 42
N_PATHS = 60_000
PARAMETERS: dict[str, dict[str, float]] = {
    "svcj": {
        "kappa_p": 5.0,
        "kappa_q": 3.0,
        "theta_p": 0.02,
        "vol_of_vol": 0.5,
        "rho": -0.75,
        "jump_intensity_p": 1.0,
        "jump_intensity_q": 1.5,
        "variance_jump_mean_p": 0.03,
        "variance_jump_mean_q": 0.05,
        "return_jump_mean_p": -0.02,
        "return_jump_mean_q": -0.05,
        "return_jump_std_p": 0.02,
        "return_jump_std_q": 0.04,
        "jump_correlation": -0.3,
        "rate": 0.03,
        "dividend_yield": 0.015,
        "equity_premium": 0.05,
    },
    "heston": {
        "kappa_p": 6.0,
        "kappa_q": 4.0,
        "theta_p": 0.03,
        "vol_of_vol": 0.6,
        "rho": -0.7,
        "rate": 0.03,
        "dividend_yield": 0.015,
        "equity_premium": 0.05,
    },
    "heston_nandi": {
        "omega": 0.0,
        "alpha": 3.62e-6,
        "beta": 0.7585,
        "gamma": 241.76,
        "equity_premium_coefficient": 1.678,
        "variance_ratio": 1.24,
        "rate": 0.03,
        "dividend_yield": 0.015,
    },
}
WRONG: dict[str, dict[str, float]] = {
    "svcj": {"variance_jump_mean_q": 0.07},
    "heston": {"kappa_q": 5.0},
    "heston_nandi": {"variance_ratio": 1.31},
}
"""Partners that must fail: the same paths, priced with one parameter off."""
START = 0.025
PUTS = np.array([0.85, 0.95, 1.0])
CALLS = np.array([1.0, 1.05])
VIX_STRIKES = np.array([14.0, 18.0, 25.0])


@cache
def model_of(name: str) -> Model:
    return models.create(name, **PARAMETERS[name])


@cache
def paths(name: str, measure: str = "q") -> tuple[FloatArray, FloatArray]:
    """Spot (n_days, n_paths) and state (n_days, 1, n_paths) up to the expiry."""
    state = np.full((1, N_PATHS), START)
    log_return, states = model_of(name).propagate(state, EXPIRY, Stream(seed=1712, scenario=3), measure=measure)  # type: ignore[arg-type]
    return SPOT * np.exp(np.cumsum(log_return, axis=0)), states


def vix_values(model: Model, state: FloatArray, sessions: int) -> FloatArray:
    """Future and calls of one expiry, shape (1 + n_strikes, n_paths)."""
    pricer, ttm = model.exact_pricer(), sessions / SESSIONS_PER_YEAR
    if sessions == 0:
        vix = pricer.vix(state)
        return np.stack([vix, *(np.maximum(vix - strike, 0.0) for strike in VIX_STRIKES)])
    calls = [pricer.vix_option(state, strike=strike, ttm=ttm, is_call=True) for strike in VIX_STRIKES]
    return np.stack([pricer.vix_future(state, ttm), *calls])


def spx_values(model: Model, spot: FloatArray, state: FloatArray, sessions: int) -> FloatArray:
    """Puts and calls of one expiry, shape (n_options, n_paths)."""
    is_call = np.r_[np.zeros(PUTS.size, bool), np.ones(CALLS.size, bool)][:, None]
    strike = SPOT * np.r_[PUTS, CALLS][:, None]
    if sessions == 0:
        return np.maximum(np.where(is_call, spot - strike, strike - spot), 0.0)
    ttm = sessions / SESSIONS_PER_YEAR
    return model.exact_pricer().spx_option(spot, state[:, None], strike=strike, ttm=ttm, is_call=is_call).price


def discount(sessions: int) -> float:
    return float(np.exp(-0.03 * sessions / SESSIONS_PER_YEAR))


def scores(today: FloatArray, sample: FloatArray) -> FloatArray:
    """Distance of sample means from today's values in standard errors."""
    error = sample.std(axis=-1, ddof=1) / np.sqrt(sample.shape[-1])
    return np.asarray((sample.mean(axis=-1) - today) / error)


def all_scores(name: str, day: int, pricing: Model) -> tuple[FloatArray, FloatArray]:
    """Scores of (VIX future, VIX calls) and of SPX options after ``day`` sessions, priced by ``pricing``."""
    spot, state = (part[day - 1] for part in paths(name))
    index = slice(None) if day == EXPIRY else slice(0, 800)  # exact prices on every path would take minutes
    first = np.full((1, 1), START)
    left = EXPIRY - day
    shrink = np.r_[1.0, np.full(VIX_STRIKES.size, discount(day))][:, None]
    vix = scores(vix_values(pricing, first, EXPIRY)[:, 0], shrink * vix_values(pricing, state[:, index], left))
    spx = scores(
        spx_values(pricing, np.array([SPOT]), first, EXPIRY)[:, 0],
        discount(day) * spx_values(pricing, spot[index], state[:, index], left),
    )
    return vix, spx


@pytest.mark.parametrize("name", PARAMETERS)
@pytest.mark.parametrize("day", [21, EXPIRY])
def test_prices_are_martingales_along_paths_under_q(name: str, day: int) -> None:
    vix, spx = all_scores(name, day, model_of(name))
    assert np.abs(vix).max() < 4.0, vix
    assert np.abs(spx).max() < 4.0, spx


@pytest.mark.parametrize("name", PARAMETERS)
def test_paths_priced_with_a_wrong_parameter_are_found_out(name: str) -> None:
    vix, spx = all_scores(name, EXPIRY, models.create(name, **{**PARAMETERS[name], **WRONG[name]}))
    assert np.abs(vix).max() > 4.0
    assert np.abs(spx).max() > 4.0


@pytest.mark.parametrize("name", PARAMETERS)
def test_spot_grows_at_the_carry_under_q_and_faster_under_p(name: str) -> None:
    carry = np.exp(-(0.03 - 0.015) * np.arange(1, EXPIRY + 1) / SESSIONS_PER_YEAR)[:, None]
    assert np.abs(scores(np.full(EXPIRY, SPOT), carry * paths(name)[0])).max() < 4.0
    assert scores(np.array([SPOT]), (carry * paths(name, "p")[0])[-1:])[0] > 4.0


@pytest.mark.parametrize("name", ["svcj", "heston"])
def test_spot_earns_the_equity_premium_under_p(name: str) -> None:
    drift = np.exp(-(0.03 - 0.015 + 0.05) * np.arange(1, EXPIRY + 1) / SESSIONS_PER_YEAR)[:, None]
    assert np.abs(scores(np.full(EXPIRY, SPOT), drift * paths(name, "p")[0])).max() < 4.0


@pytest.mark.parametrize("name", PARAMETERS)
def test_without_premia_p_and_q_are_the_same_law(name: str) -> None:
    model = model_of(name).scaled_premium(variance=0.0, equity=0.0)
    state = np.full((1, 500), START)
    both = [model.propagate(state, 20, Stream(seed=5), measure=measure) for measure in ("p", "q")]
    for p, q in zip(*both, strict=True):
        np.testing.assert_allclose(p, q, rtol=1e-12, atol=1e-15)
    model = model_of(name)
    apart = [model.propagate(state, 20, Stream(seed=5), measure=measure)[1] for measure in ("p", "q")]
    assert np.abs(apart[0] - apart[1]).max() > 1e-3
