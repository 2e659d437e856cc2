"""Identities of every law without arbitrage, for every registered model: a new one is tested by being listed."""

from __future__ import annotations

from functools import cache
from math import exp, sqrt

import numpy as np
import pytest
from numpy.typing import NDArray

import models
from models.black import implied_volatility
from models.protocols import SESSIONS_PER_YEAR, VIX_HORIZON, Model, Pricer, Stream
from models.typical_state import typical_state
from tests.test_registry import VALID

FloatArray = NDArray[np.float64]
NAMES = sorted(set(models.names()))
SESSIONS = 5
TTM = SESSIONS / SESSIONS_PER_YEAR
SPOT, RATE, YIELD = 4000.0, 0.03, 0.01
NESTED = {"path_dependent"}
"""Models whose exact pricer is itself a simulation: identities of prices hold up to its noise."""

BOOTSTRAPPED = {"block_bootstrap"}
"""Models priced through the surface of another, whose VIX is not the surface's own."""


@cache
def model(name: str) -> Model:
    return models.create(name, **{**VALID[name], "rate": RATE, "dividend_yield": YIELD})


@cache
def pricer(name: str) -> Pricer:
    return model(name).exact_pricer()


@cache
def state(name: str) -> FloatArray:
    vix = float(np.median(pricer(name).vix(model(name).stationary_state(400, Stream(seed=4), measure="q"))))
    return typical_state(model(name), vix)[:, None]


@cache
def q_paths(name: str) -> tuple[FloatArray, FloatArray]:
    """Log returns and states of 20,000 paths under Q."""
    start = np.repeat(state(name), 20_000, axis=1)
    log_return, states = model(name).propagate(start, SESSIONS, Stream(seed=41, scenario=7), measure="q")
    return log_return.sum(axis=0), states[-1]


def deviations(sample: FloatArray, value: float) -> float:
    return float((sample.mean() - value) / (sample.std() / sqrt(sample.size)))


@pytest.mark.parametrize("name", NAMES)
def test_the_discounted_index_is_a_martingale(name: str) -> None:
    growth = np.exp(q_paths(name)[0] - (RATE - YIELD) * TTM)
    assert abs(deviations(growth, 1.0)) < 4.0
    assert abs(deviations(growth, 1.0 + 0.05 * sqrt(TTM))) > 4.0


@pytest.mark.parametrize("name", NAMES)
def test_calls_and_puts_differ_by_the_forward(name: str) -> None:
    strike = SPOT * np.array([[0.95], [1.0], [1.03]])
    call, put = (
        pricer(name).spx_option(SPOT, state(name), strike=strike, ttm=TTM, is_call=right).price
        for right in (True, False)
    )
    forward = exp(-YIELD * TTM) * SPOT - exp(-RATE * TTM) * strike
    np.testing.assert_allclose(call - put, forward, atol=1e-6 * SPOT if name not in NESTED else 1e-3 * SPOT)
    future = pricer(name).vix_future(state(name), TTM)
    asked = future * np.array([[0.8], [1.0], [1.4]])
    call, put = (pricer(name).vix_option(state(name), strike=asked, ttm=TTM, is_call=right) for right in (True, False))
    np.testing.assert_allclose(call - put, exp(-RATE * TTM) * (future - asked), atol=1e-6 * 20.0)
    assert np.all(call >= 0.0)
    assert np.all(put >= 0.0)


@pytest.mark.parametrize("name", [n for n in NAMES if n not in BOOTSTRAPPED])
def test_the_future_is_the_mean_of_the_vix_at_its_end(name: str) -> None:
    end = pricer(name).vix(q_paths(name)[1])
    future = float(np.ravel(pricer(name).vix_future(state(name), TTM))[0])
    # where the curve is a regression its own error comes beside that of the paths
    own = 0.004 * future if name in NESTED else 0.0
    assert abs(end.mean() - future) < 4.0 * end.std() / sqrt(end.size) + own
    assert abs(end.mean() - 1.05 * future) > 4.0 * end.std() / sqrt(end.size) + own
    # Jensen: the future is below the root of the expected square
    assert future <= sqrt(float(np.mean(end**2))) + 4.0 * end.std() / sqrt(end.size)


@pytest.mark.parametrize("name", [n for n in NAMES if n not in BOOTSTRAPPED])
def test_an_option_is_the_mean_of_its_payoff(name: str) -> None:
    log_return, end = q_paths(name)
    for ratio in (0.97, 1.0):
        payoff = exp(-RATE * TTM) * np.maximum(ratio * SPOT - SPOT * np.exp(log_return), 0.0)
        price = pricer(name).spx_option(SPOT, state(name), strike=ratio * SPOT, ttm=TTM, is_call=False).price
        own = 0.02 * float(np.ravel(price)[0]) if name in NESTED else 0.0
        assert abs(payoff.mean() - float(np.ravel(price)[0])) < 4.0 * payoff.std() / sqrt(payoff.size) + own
    vix = pricer(name).vix(end)
    strike = float(vix.mean())
    payoff = exp(-RATE * TTM) * np.maximum(vix - strike, 0.0)
    call = float(np.ravel(pricer(name).vix_option(state(name), strike=strike, ttm=TTM, is_call=True))[0])
    own = 0.05 * call if name in NESTED else 0.0
    assert abs(payoff.mean() - call) < 4.0 * payoff.std() / sqrt(payoff.size) + own
    assert abs(payoff.mean() - 1.3 * call) > 4.0 * payoff.std() / sqrt(payoff.size), "a call dearer by 30% is seen"


QUICK = {"heston", "bates", "svcj", "double_heston", "two_factor_svcj", "heston_nandi", "gjr_garch", "regime_switching"}
STRIPS = [
    name if name in QUICK else pytest.param(name, marks=pytest.mark.slow)
    for name in NAMES
    if name not in BOOTSTRAPPED | NESTED
]


def strip_variance(chosen: Pricer, name: str, sessions: float) -> float:
    """Annual variance of the log contract that ends after ``sessions``, replicated by options as the index does."""
    ttm = sessions / SESSIONS_PER_YEAR
    forward = SPOT * exp((RATE - YIELD) * ttm)
    scale = float(np.ravel(pricer(name).vix(state(name)))[0]) / 100.0 * sqrt(ttm)
    k = np.linspace(-14.0 * scale - 0.25, 8.0 * scale + 0.05, 1201)
    strike = forward * np.exp(k)
    value = exp(RATE * ttm) * chosen.spx_option(SPOT, state(name), strike=strike, ttm=ttm, is_call=k > 0.0).price
    return float(2.0 / ttm * np.trapezoid(value / strike**2, strike))


def horizon(name: str) -> float:
    """Sessions over which the VIX of a model averages variance."""
    in_sessions = hasattr(model(name), "vix_sessions") or not name.endswith(("heston", "bates", "svcj"))
    if name == "regime_switching":
        pytest.skip("its base lives on the calendar's 30 days, its chain on whole sessions")
    return 21.0 if in_sessions else VIX_HORIZON * SESSIONS_PER_YEAR


@pytest.mark.parametrize("name", STRIPS)
def test_the_strip_of_options_is_the_vix(name: str) -> None:
    vix = float(np.ravel(pricer(name).vix(state(name)))[0])
    assert 100.0 * sqrt(strip_variance(pricer(name), name, horizon(name))) == pytest.approx(vix, rel=2e-3)


@pytest.mark.parametrize(
    "name",
    [
        name if name in {"heston", "svcj", "heston_nandi"} else pytest.param(name, marks=pytest.mark.slow)
        for name in NAMES
        if name not in BOOTSTRAPPED | NESTED
    ],
)
def test_the_mean_of_the_squared_vix_is_forward_variance(name: str) -> None:
    """Options on the VIX replicate its square, and log contracts that end later and now the variance between."""
    days = horizon(name)
    future = float(np.ravel(pricer(name).vix_future(state(name), TTM))[0])
    strike = future * np.exp(np.linspace(-3.0, 3.0, 801))
    is_call = strike > future
    value = np.ravel(pricer(name).vix_option(state(name), strike=strike, ttm=TTM, is_call=is_call)) * exp(RATE * TTM)
    squared = future**2 + 2.0 * np.trapezoid(value, strike)
    near, far = (strip_variance(pricer(name), name, end) for end in (SESSIONS, SESSIONS + days))
    forward_variance = 1e4 * ((SESSIONS + days) * far - SESSIONS * near) / days
    assert squared == pytest.approx(forward_variance, rel=4e-3)
    assert squared != pytest.approx(1e4 * far, rel=4e-3)


@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=pytest.mark.slow) if n in NESTED else n for n in NAMES if n not in BOOTSTRAPPED],
)
def test_the_future_of_the_next_session_is_near_the_vix(name: str) -> None:
    """After a fall of the market: what reverts in a session is a small part of what does in a month."""
    high = np.quantile(model(name).stationary_state(400, Stream(seed=8)), 0.99, axis=1)[:, None]
    today = float(np.ravel(pricer(name).vix(high))[0])
    one, few, month = (
        abs(float(np.ravel(pricer(name).vix_future(high, n / SESSIONS_PER_YEAR))[0]) - today) for n in (1, 5, 21)
    )
    assert month > 0.02 * today
    assert one < 0.2 * month
    assert few > 0.2 * month, "a future that lives five sessions for one is seen"


FALLING = {"heston", "bates", "regime_switching", "block_bootstrap"}
"""One square-root variance without jumps, or with a small part in jumps: the higher the VIX, the less it moves."""

TURNING = {"svcj"}
"""Jumps of one variance: its diffusion makes the smile fall, its jumps make the wing rise again."""

CHEAP = {"heston", "svcj", "heston_nandi", "quintic_ou", "two_factor_bergomi", "two_factor_log_sv", "two_factor_svcj"}


@pytest.mark.parametrize(
    "name", [name if name in CHEAP else pytest.param(name, marks=pytest.mark.slow) for name in NAMES]
)
def test_the_smile_of_the_vix_slopes_as_the_model_says(name: str) -> None:
    """Upwards, unless it is said here that a family cannot; volatilities are those of the future of the same expiry."""
    ttm = 21 / SESSIONS_PER_YEAR
    future = np.ravel(pricer(name).vix_future(state(name), ttm))[0]
    strike = future * np.array([0.9, 1.0, 1.25, 1.5])
    vols = []
    for is_call in (True, False):
        price = np.ravel(pricer(name).vix_option(state(name), strike=strike, ttm=ttm, is_call=is_call))
        vols.append(implied_volatility(price * exp(RATE * ttm), future, strike, ttm, is_call=np.full(4, is_call)))
    # parity: a call and a put have one volatility
    np.testing.assert_allclose(vols[0], vols[1], rtol=1e-4)
    assert np.all(vols[0] > 0.1)
    slope = vols[0][2] - vols[0][0]
    if name in TURNING:
        assert slope < 0.0 < vols[0][3] - vols[0][2]
    else:
        assert (slope < 0.0) if name in FALLING else (slope > 0.0)
