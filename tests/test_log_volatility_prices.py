"""Prices of the two-factor volatility models by the backward recursion, against brute force and identities."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray

import models
from models.black import implied_volatility
from models.presets import load_preset
from models.protocols import SESSIONS_PER_YEAR, Model, Stream
from models.two_factor_log_sv import TwoFactorLogSv
from tests.gaussian_vix import future_and_calls

FloatArray = NDArray[np.float64]

BERGOMI = {
    "mean_variance": 0.04,
    "vol_of_vol": 2.8,
    "reversion_fast_p": 8.0,
    "reversion_slow_p": 0.9,
    "reversion_fast_q": 7.0,
    "reversion_slow_q": 0.7,
    "weight_fast": 0.7,
    "rho": -0.75,
    "mean_fast_q": 0.02,
    "mean_slow_q": 0.2,
    "rate": 0.02,
}
PARAMETERS = {
    "two_factor_log_sv": dict(load_preset("two_factor_log_sv_2018").parameters),
    "quintic_ou": dict(load_preset("quintic_ou_stylised").parameters),
    "two_factor_bergomi": BERGOMI,
}
EXPIRY, HALF = 6, 3
START = {"two_factor_log_sv": (0.3, 0.2), "quintic_ou": (0.05, 0.4), "two_factor_bergomi": (0.05, 0.2)}
WRONG = {
    "two_factor_log_sv": {"drift_fast_q": 0.03},
    "quintic_ou": {"mean_fast_q": 0.2},
    "two_factor_bergomi": {"mean_fast_q": 0.4},
}
"""Partners that must fail: the same paths, priced with one parameter off."""


@pytest.fixture(scope="module", params=list(PARAMETERS))
def name(request: pytest.FixtureRequest) -> str:
    """Of a model; all tests of one run one after the other, for its sweep is kept."""
    return str(request.param)


N_PATHS = 200_000
LOG_MONEYNESS = np.array([-0.05, -0.02, 0.0, 0.01, 0.03])
VIX_MONEYNESS = np.array([1.0, 1.2])


@cache
def model_of(name: str) -> Model:
    return models.create(name, **PARAMETERS[name])


def start(name: str) -> FloatArray:
    return np.array(START[name])[:, None]


@cache
def paths(name: str) -> tuple[FloatArray, FloatArray]:
    """Log spot over its forward (n_days, n_paths), and state, under Q."""
    state = np.repeat(start(name), N_PATHS, axis=1)
    model = model_of(name)
    log_return, states = model.propagate(state, EXPIRY, Stream(seed=2207, scenario=5), measure="q")
    return np.cumsum(log_return - (model.rate - model.dividend_yield) / SESSIONS_PER_YEAR, axis=0), states


def spx(model: Model, log_spot: FloatArray, state: FloatArray, sessions: int) -> FloatArray:
    """Undiscounted OTM options struck at moneyness of the first forward, over it; shape (n_strikes, n_paths)."""
    strike, is_call = np.exp(LOG_MONEYNESS)[:, None], (LOG_MONEYNESS > 0.0)[:, None]
    if sessions == 0:
        return np.maximum(np.where(is_call, np.exp(log_spot) - strike, strike - np.exp(log_spot)), 0.0)
    ttm = sessions / SESSIONS_PER_YEAR
    spot = np.exp(log_spot - (model.rate - model.dividend_yield) * ttm)
    price = model.exact_pricer().spx_option(spot, state[:, None], strike=strike, ttm=ttm, is_call=is_call).price
    return price * np.exp(model.rate * ttm)


def vix(model: Model, strikes: FloatArray, state: FloatArray, sessions: int) -> FloatArray:
    """VIX future and undiscounted calls, shape (1 + n_strikes, n_paths)."""
    pricer, ttm = model.exact_pricer(), sessions / SESSIONS_PER_YEAR
    calls = pricer.vix_option(state[:, None], strike=strikes[:, None], ttm=ttm, is_call=True)
    return np.concatenate([pricer.vix_future(state, ttm)[None], calls * np.exp(model.rate * ttm)])


def scores(today: FloatArray, sample: FloatArray) -> FloatArray:
    """Distance of sample means from today's values in standard errors."""
    error = sample.std(axis=-1, ddof=1) / np.sqrt(sample.shape[-1])
    return np.asarray((sample.mean(axis=-1) - today) / error)


@cache
def today(name: str) -> tuple[FloatArray, FloatArray, FloatArray]:
    """SPX options, VIX strikes, and VIX future and calls, of the start."""
    model, first = model_of(name), start(name)
    # one sweep serves all horizons of this file
    model.exact_pricer().spx_option(
        1.0, first, strike=1.0, ttm=np.arange(1, EXPIRY + 1) / SESSIONS_PER_YEAR, is_call=True
    )
    future = model.exact_pricer().vix_future(first, EXPIRY / SESSIONS_PER_YEAR)[0]
    strikes = future * VIX_MONEYNESS
    options = spx(model, np.zeros(1), first, EXPIRY)[:, 0]
    return options, strikes, vix(model, strikes, first, EXPIRY)[:, 0]


def test_prices_agree_with_brute_force(name: str) -> None:
    model = model_of(name)
    log_spot, states = (part[-1] for part in paths(name))
    options, strikes, futures = today(name)
    sample = spx(model, log_spot, states, 0)
    assert np.abs(scores(options, sample)).max() < 4.0
    level = model.exact_pricer().vix(states)
    assert np.abs(scores(futures, np.stack([level, *np.maximum(level - strikes[:, None], 0.0)]))).max() < 4.0
    # at and near the money the same within 10 basis points of volatility
    ttm = EXPIRY / SESSIONS_PER_YEAR
    near = np.abs(LOG_MONEYNESS) < 0.031
    k, call = np.exp(LOG_MONEYNESS[near]), LOG_MONEYNESS[near] > 0.0
    exact, brute = (implied_volatility(p[near], 1.0, k, ttm, is_call=call) for p in (options, sample.mean(axis=1)))
    np.testing.assert_allclose(exact, brute, atol=1e-3)


def test_prices_are_martingales_along_paths(name: str) -> None:
    """Spot, options, VIX future and VIX options half-way to expiry, on a part of the paths."""
    model, day = model_of(name), HALF
    n = 1000
    log_spot, states = paths(name)[0][day - 1, :n], paths(name)[1][day - 1][:, :n]
    options, strikes, futures = today(name)
    left = EXPIRY - HALF
    assert np.abs(scores(np.ones(1), np.exp(paths(name)[0][[day - 1]]))).max() < 4.0
    assert np.abs(scores(options, spx(model, log_spot, states, left))).max() < 4.0
    assert np.abs(scores(futures, vix(model, strikes, states, left))).max() < 4.0


def test_paths_priced_with_a_wrong_parameter_are_found_out(name: str) -> None:
    wrong = models.create(name, **{**PARAMETERS[name], **WRONG[name]})
    future = wrong.exact_pricer().vix_future(start(name), EXPIRY / SESSIONS_PER_YEAR)
    level = model_of(name).exact_pricer().vix(paths(name)[1][-1])
    assert abs(scores(future, level[None])[0]) > 4.0


def test_a_strip_of_options_is_the_expected_variance(name: str) -> None:
    """Identity (vi): twice the integral of OTM prices over squared strikes, to the session before expiry."""
    model, first, sessions = model_of(name), start(name), EXPIRY - 1
    nodes, weights = np.polynomial.legendre.leggauss(60)
    ttm = sessions / SESSIONS_PER_YEAR
    spot = np.exp(-(model.rate - model.dividend_yield) * ttm)
    total = 0.0
    for low, high in ((-0.6, -0.15), (-0.15, 0.0), (0.0, 0.15), (0.15, 0.4)):
        k = 0.5 * (low + high) + 0.5 * (high - low) * nodes
        value = model.exact_pricer().spx_option(spot, first, strike=np.exp(k), ttm=ttm, is_call=k > 0.0)
        total += 0.5 * (high - low) * float(weights @ (value.price * np.exp(model.rate * ttm - k)))
    expected = (
        model.dynamics("q").mean_variance(0, sessions)(first)
        if isinstance(model, TwoFactorLogSv)
        else model.expected_variance(0, sessions, "q", first)  # type: ignore[attr-defined]
    )
    assert 2.0 * total / sessions == pytest.approx(float(expected[0]), rel=1e-4)
    assert model.vix(first)[0] == pytest.approx(float(model.exact_pricer().vix(first)[0]), rel=1e-14)  # type: ignore[attr-defined]


def test_vix_derivatives_of_the_quintic_model_agree_with_gaussian_quadrature() -> None:
    """An independent route: the factors are jointly normal at every horizon."""
    model = model_of("quintic_ou")
    for sessions in (3, 21, 63):
        slope, constant, covariance = model.factors("q").factor_law(sessions)  # type: ignore[attr-defined]
        for state in ((-0.1, -0.5), (0.05, 0.4), (0.2, 1.0)):
            now = np.array(state)
            pricer, ttm = model.exact_pricer(), sessions / SESSIONS_PER_YEAR
            future = float(pricer.vix_future(now[:, None], ttm)[0])
            strikes = future * VIX_MONEYNESS
            exact, calls = future_and_calls(pricer.vix, constant + slope * now, covariance, strikes)
            assert future == pytest.approx(exact, rel=2e-4)
            if sessions == 3:
                own = vix(model, strikes, now[:, None], sessions)[1:, 0]
                np.testing.assert_allclose(own, calls, atol=3e-4 * future)


def test_table_slices_agree_with_the_exact_pricer(name: str) -> None:
    model = model_of(name)
    states = np.concatenate([start(name), -2.0 * start(name), 3.0 * start(name)], axis=1)
    scaled = np.array([0.0, 1.0, 2.0, 3.0])
    slices = list(model.slice_source().spx_slices(states, scaled, 5))  # type: ignore[attr-defined]
    for sessions in (3, 5):
        deviation, puts, calls = slices[sessions - 1]
        ttm = sessions / SESSIONS_PER_YEAR
        forward = np.exp(-(model.rate - model.dividend_yield) * ttm)
        for side, is_call, sign in ((puts, False, -1.0), (calls, True, 1.0)):
            strike = np.exp(sign * deviation[:, None] * scaled)
            value = model.exact_pricer().spx_option(
                forward, states[:, :, None], strike=strike, ttm=ttm, is_call=is_call
            )
            expected = value.price * np.exp(model.rate * ttm) / deviation[:, None]
            # 1e-4 of a deviation is 2.5 basis points of volatility over the volatility at the money
            np.testing.assert_allclose(side, expected, atol=5e-5)


def test_parity_holds(name: str) -> None:
    """Identity (i) on the recursion's own prices."""
    model, ttm = model_of(name), HALF / SESSIONS_PER_YEAR
    strike = np.exp(LOG_MONEYNESS)
    put, call = (
        model.exact_pricer().spx_option(1.0, start(name), strike=strike, ttm=ttm, is_call=side).price
        for side in (False, True)
    )
    forward = np.exp((model.rate - model.dividend_yield) * ttm)
    np.testing.assert_allclose(call - put, np.exp(-model.rate * ttm) * (forward - strike), atol=1e-10)
    assert put.min() > 0.0 < call.min()


@pytest.mark.slow
@pytest.mark.parametrize("sessions", [21, 63])
def test_longer_options_agree_with_brute_force(name: str, sessions: int) -> None:
    """A million paths; every strike within four standard errors, those near the money within 10 basis points."""
    model, k = model_of(name), np.array([-0.15, -0.08, -0.03, 0.0, 0.03, 0.06])
    ttm, strike, is_call = sessions / SESSIONS_PER_YEAR, np.exp(k), k > 0.0
    spot = np.exp(-(model.rate - model.dividend_yield) * ttm)
    exact = model.exact_pricer().spx_option(spot, start(name), strike=strike, ttm=ttm, is_call=is_call).price
    parts = []
    for block in range(20):
        state = np.repeat(start(name), 50_000, axis=1)
        stream = Stream(seed=31, scenario=2, first_path=50_000 * block)
        log_return = model.propagate(state, sessions, stream, measure="q")[0].sum(axis=0)
        end = spot * np.exp(log_return)[None]
        payoff = np.maximum(np.where(is_call[:, None], end - strike[:, None], strike[:, None] - end), 0.0)
        parts.append(np.exp(-model.rate * ttm) * payoff)
    sample = np.concatenate(parts, axis=1)
    assert np.abs(scores(exact, sample)).max() < 4.0
    vols = [
        implied_volatility(p[2:5] * np.exp(model.rate * ttm), 1.0, strike[2:5], ttm, is_call=is_call[2:5])
        for p in (exact, sample.mean(axis=1))
    ]
    np.testing.assert_allclose(vols[0], vols[1], atol=1e-3)
