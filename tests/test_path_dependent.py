"""Path-dependent volatility: its steps, its laws, its VIX and its prices, each by an independent route."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import kstest, norm

import models
from models.black import black_price, implied_volatility
from models.errors import ModelParameterError, PricingDomainError
from models.path_dependent import PathDependent
from models.path_dependent_curve import path_dependent_curve
from models.path_dependent_nest import nested_sessions, over_states
from models.path_dependent_pricer import NestedPricer
from models.path_dependent_vix import vix_regression
from models.polynomial_pricer import PolynomialTablePricer
from models.polynomial_table import NestSize, tabulated_pricer
from models.protocols import SESSIONS_PER_YEAR, SimulationGrid, Start, Stream
from models.rows import RowPricer
from models.streams import Purpose, normals

FloatArray = NDArray[np.float64]

GUYON_LEKEUFACK = PathDependent(
    beta_constant=0.04,
    beta_trend=-0.13,
    beta_activity=0.65,
    trend_rate_fast=55.0,
    trend_rate_slow=10.0,
    trend_weight_slow=0.25,
    activity_rate_fast=20.0,
    activity_rate_slow=3.0,
    activity_weight_slow=0.5,
)
"""Table 3 of Guyon and Lekeufack (2023)."""

GAZZANI_GUYON = PathDependent(
    beta_constant=0.0254,
    beta_trend=-0.1602,
    beta_activity=0.6922,
    beta_rebound=0.1639,
    trend_rate_fast=44.42,
    trend_rate_slow=33.19,
    trend_weight_slow=0.398,
    activity_rate_fast=4.311,
    activity_rate_slow=3.254,
    activity_weight_slow=0.72,
)
"""Fit to SPX and VIX smiles of 2 June 2021, Gazzani and Guyon (2025)."""

PUBLISHED = {
    "guyon_lekeufack": (GUYON_LEKEUFACK, (0.078, 0.16, 0.007, 0.016, 0.0)),
    "gazzani_guyon": (GAZZANI_GUYON, (0.2689, 0.2375, 0.0249, 0.02491, 0.0)),
}

_preset = models.load_preset("path_dependent_2018")
PRESET = PathDependent(**_preset.parameters)

CONSTANT = replace(GUYON_LEKEUFACK, beta_constant=0.2, beta_trend=0.0, beta_activity=0.0, rate=0.02)
"""Volatility is 0.2 whatever the past: Black's world."""

LEVEL_ONLY = replace(CONSTANT, level_volatility=0.6, level_rate_p=3.0, level_rate_q=2.0, level_mean_q=0.1)
"""Volatility is 0.2 times the exponential of an Ornstein-Uhlenbeck process."""

SIZE = NestSize(n_states=2000, n_pairs=1024)


def column(state: tuple[float, ...]) -> FloatArray:
    return np.array(state)[:, None]


@cache
def held_out(n: int = 7) -> FloatArray:
    """States of the P-law from calm to stress, which no regression has seen."""
    states = PRESET.stationary_state(4000, Stream(seed=41))
    order = np.argsort(vix_regression(PRESET)(states))
    return np.ascontiguousarray(states[:, order[np.linspace(20, 3980, n).astype(int)]])


@cache
def preset_tables() -> PolynomialTablePricer:
    return tabulated_pricer(PRESET, max_sessions=10, size=SIZE)


# steps


@pytest.mark.parametrize("substeps", [1, 4])
@pytest.mark.parametrize("measure", ["p", "q"])
def test_paths_follow_the_recursion_of_the_paper(substeps: int, measure: str) -> None:
    """The scheme written out in numpy, on the same normals."""
    model = replace(
        GAZZANI_GUYON,
        **{"substeps": substeps, "level_volatility": 0.5, "level_mean_q": 0.1, "volatility_scale_q": 1.1},
        **{"volatility_shift_q": 0.02, "equity_premium": 0.05, "rate": 0.03, "dividend_yield": 0.01},
    )
    is_q, n_days, n = measure == "q", 3, 50
    stream, dt = Stream(seed=6, scenario=2, first_path=9), 1.0 / (252 * substeps)
    start = np.array([0.3, 0.2, 0.03, 0.02, 0.1])[:, None] * np.linspace(0.5, 1.5, n)
    got = model.propagate(start, n_days, stream, first_day=-1, measure=measure)  # type: ignore[arg-type]
    r10, r11, r20, r21, y = start
    for k in range(n_days):
        blocks = [normals(stream, n, purpose=Purpose.PATH, day=k - 1, block=b) for b in range(2)]
        z = np.concatenate(blocks)
        log_return = np.zeros(n)
        for j in range(substeps):
            trend, activity = 0.602 * r10 + 0.398 * r11, 0.28 * r20 + 0.72 * r21
            sigma = 0.0254 - 0.1602 * trend + 0.6922 * np.sqrt(activity) + 0.1639 * np.maximum(trend, 0.0) ** 2
            sigma = np.clip(0.02 + 1.1 * sigma if is_q else sigma, 0.01, 1.5)
            dw, total = np.sqrt(dt) * z[1 + j], sigma * np.exp(y)
            log_return += (0.02 + (0.0 if is_q else 0.05) - 0.5 * total**2) * dt + total * dw
            r10, r11 = (
                np.exp(-44.42 * dt) * (r10 + 44.42 * sigma * dw),
                np.exp(-33.19 * dt) * (r11 + 33.19 * sigma * dw),
            )
            r20 = np.exp(-4.311 * dt) * (r20 + 4.311 * sigma**2 * dt)
            r21 = np.exp(-3.254 * dt) * (r21 + 3.254 * sigma**2 * dt)
        decay, mean = np.exp(-1.0 / 252), 0.1 if is_q else 0.0
        y = mean + decay * (y - mean) + 0.5 * np.sqrt((1.0 - decay**2) / 2.0) * z[0]
        np.testing.assert_allclose(got[0][k], log_return, rtol=1e-11, atol=1e-14)
        np.testing.assert_allclose(got[1][k], np.stack([r10, r11, r20, r21, y]), rtol=1e-11, atol=1e-14)


def score(sample: FloatArray, expected: float) -> float:
    return float((sample.mean() - expected) / (sample.std(ddof=1) / np.sqrt(sample.size)))


def test_the_index_is_a_martingale_under_q_and_earns_its_premium_under_p() -> None:
    start = PRESET.stationary_state(15_000, Stream(seed=8))
    growth = {m: np.exp(PRESET.propagate(start, 126, Stream(seed=9), measure=m)[0].sum(axis=0)) for m in ("p", "q")}  # type: ignore[arg-type]
    assert abs(score(growth["q"], 1.0)) < 4.0
    assert abs(score(growth["p"], np.exp(0.06 * 0.5))) < 4.0
    assert abs(score(growth["p"], 1.0)) > 4.0


def test_the_stationary_law_is_kept() -> None:
    states = PRESET.stationary_state(3000, Stream(seed=10))
    later = PRESET.propagate(PRESET.stationary_state(3000, Stream(seed=11)), 252, Stream(seed=11))[1][-1]
    deviation = 0.85 / np.sqrt(2.0 * 2.5)
    assert kstest(states[4], norm(scale=deviation).cdf).pvalue > 1e-3
    assert kstest(states[4], norm(scale=1.3 * deviation).cdf).pvalue < 1e-3
    for factor in range(4):
        assert kstest(states[factor], later[factor]).pvalue > 1e-3
    # a year from the long-run mean is too short: it is the burn-in that spreads the slow activity
    still = np.repeat(states.mean(axis=1)[:, None], 3000, axis=1)
    early = PRESET.propagate(still, 21, Stream(seed=11))[1][-1]
    assert kstest(states[3], early[3]).pvalue < 1e-3


def test_paths_do_not_depend_on_how_they_are_cut() -> None:
    whole_start = PRESET.stationary_state(1500, Stream(seed=3))
    whole = PRESET.propagate(whole_start, 10, Stream(seed=3))
    part = Stream(seed=3, first_path=1200)
    start = PRESET.stationary_state(300, part)
    np.testing.assert_array_equal(start, whole_start[:, 1200:])
    first = PRESET.propagate(start, 4, part)
    second = PRESET.propagate(first[1][-1], 6, part, first_day=4)
    np.testing.assert_array_equal(np.concatenate((first[1], second[1])), whole[1][:, :, 1200:])
    np.testing.assert_array_equal(np.concatenate((first[0], second[0])), whole[0][:, 1200:])


def test_paths_start_at_a_state_and_in_a_range_of_the_vix() -> None:
    grid = SimulationGrid(n_days=3, warmup_days=10)
    block = PRESET.simulate(grid, 50, Stream(seed=5), start=Start(vix=(18.0, 22.0)))
    assert ((block.vix[10] >= 18.0) & (block.vix[10] <= 22.0)).all()
    state = (0.1, 0.1, 0.02, 0.02, 0.1)
    given = PRESET.simulate(grid, 50, Stream(seed=5), start=Start(state=state))
    np.testing.assert_array_equal(given.state[10], np.repeat(column(state), 50, axis=1))


# the VIX


def nested_vix(model: PathDependent, state: FloatArray, *, batches: int, n_pairs: int) -> tuple[float, float]:
    """VIX by plain nested simulation, and its standard error [points]."""
    dynamics = model.dynamics("q")

    def batch(index: int) -> float:
        stream = Stream(seed=71, first_path=index * n_pairs)
        rows = enumerate(nested_sessions(dynamics, state, model.vix_sessions, n_pairs, stream))
        level = [float(dynamics.level_weight(state[4:], j)[0]) for j in range(model.vix_sessions)]
        return float(np.mean([level[j] * variance for j, (_, _, variance) in rows]))

    squared = np.array(over_states(batch, batches))
    vix = 100.0 * float(np.sqrt(squared.mean()))
    return vix, 5000.0 / vix * float(squared.std(ddof=1)) / np.sqrt(batches)


@pytest.mark.parametrize(
    ("name", "expected", "error"), [("guyon_lekeufack", 13.514, 0.027), ("gazzani_guyon", 18.02, 0.05)]
)
def test_published_sets_have_their_vix_with_ten_steps_a_session(name: str, expected: float, error: float) -> None:
    model, state = PUBLISHED[name]
    vix, own_error = nested_vix(replace(model, substeps=10), np.array(state), batches=20, n_pairs=4000)
    assert abs(vix - expected) < 4.0 * np.hypot(error, own_error)
    coarse, coarse_error = nested_vix(model, np.array(state), batches=20, n_pairs=4000)
    assert abs(coarse - expected) > 4.0 * np.hypot(error, coarse_error)


@pytest.mark.parametrize(("name", "expected"), [("guyon_lekeufack", 0.09690), ("gazzani_guyon", 0.10434)])
def test_published_sets_have_their_volatility(name: str, expected: float) -> None:
    model, state = PUBLISHED[name]
    assert float(model.dynamics("q").volatility(np.array(state[:4]))) == pytest.approx(expected, abs=5e-6)


def test_one_step_a_session_is_another_model() -> None:
    """The published set has a VIX of 12.60 then, by simulation and by the regression on the state."""
    model, state = PUBLISHED["guyon_lekeufack"]
    vix, error = nested_vix(model, np.array(state), batches=20, n_pairs=4000)
    assert abs(vix - 12.60) < 4.0 * np.hypot(0.01, error)
    assert abs(float(model.exact_pricer().vix(column(state))[0]) - vix) < 4.0 * error + 0.05


@pytest.mark.parametrize(
    ("name", "smile"),
    [
        ("guyon_lekeufack", (0.2157, 0.1634, 0.1069, 0.0768)),
        ("gazzani_guyon", (0.2469, 0.1905, 0.1344, 0.1144)),
    ],
)
def test_published_sets_have_their_smile(name: str, smile: tuple[float, ...]) -> None:
    model, state = PUBLISHED[name]
    log_strike = np.array([-0.10, -0.05, 0.0, 0.025])
    pricer = NestedPricer(replace(model, substeps=10), n_pairs=60_000)
    question = {"strike": np.exp(log_strike), "ttm": 21 / 252, "is_call": log_strike > 0.0}
    price, error = pricer.spx_option_with_error(1.0, column(state), **question)
    bounds = [
        implied_volatility(price + s * error, 1.0, np.exp(log_strike), 21 / 252, is_call=log_strike > 0.0)
        for s in (-1.0, 0.0, 1.0)
    ]
    own = 0.5 * (bounds[2] - bounds[0])
    assert np.all(np.abs(bounds[1] - smile) < 4.0 * np.hypot(3e-4, own))
    assert not np.all(np.abs(bounds[1] - np.array(smile)[::-1]) < 4.0 * np.hypot(3e-4, own))


def test_the_vix_of_a_level_alone_is_a_closed_form() -> None:
    level = np.linspace(-0.8, 0.9, 8)
    states = np.zeros((5, 8))
    states[2:4], states[4] = 0.04, level
    years = np.arange(21) / 252.0
    keep = np.exp(-2.0 * years)[:, None]
    mean = 0.1 + keep * (level - 0.1)
    second = np.exp(2.0 * mean + 2.0 * 0.6**2 / (2.0 * 2.0) * (1.0 - keep**2))
    expected = 100.0 * np.sqrt(0.04 * second.mean(axis=0))
    regression = vix_regression(LEVEL_ONLY)
    np.testing.assert_allclose(regression(states), expected, rtol=5e-4)
    assert regression.clamp_count == 0
    # a level that does not move reverts to its mean without noise
    states[4] = np.linspace(-0.3, 0.3, 8)
    second = np.exp(2.0 * np.exp(-years)[:, None] * states[4])
    still = 100.0 * np.sqrt(0.04 * second.mean(axis=0))
    np.testing.assert_allclose(vix_regression(CONSTANT)(states), still, rtol=1e-5)


def test_the_regression_of_the_vix_meets_nested_simulation_on_states_it_has_not_seen() -> None:
    regression = vix_regression(PRESET)
    assert regression.rms_error < 0.003
    for state in held_out().T:
        vix, error = nested_vix(PRESET, state, batches=8, n_pairs=4000)
        assert abs(float(regression(state[:, None])[0]) - vix) < 4.0 * error + 0.003 * vix


def test_states_beyond_the_sample_are_counted() -> None:
    regression = replace(vix_regression(PRESET), clamp_count=0)
    regression(held_out())
    assert regression.clamp_count == 0
    beyond = held_out()[:, :2].copy()
    beyond[2:4] = 30.0
    assert np.isfinite(regression(beyond)).all()
    assert regression.clamp_count >= 2


# prices


@cache
def black_tables() -> PolynomialTablePricer:
    return tabulated_pricer(CONSTANT, max_sessions=10, size=SIZE)


def some_constant_states(n: int) -> FloatArray:
    return CONSTANT.stationary_state(n, Stream(seed=2), measure="q")


@pytest.mark.parametrize("sessions", [1, 4, 10])
def test_without_a_past_prices_are_those_of_black(sessions: int) -> None:
    ttm = sessions / SESSIONS_PER_YEAR
    states, forward = some_constant_states(3), 100.0 * np.exp(0.02 * ttm)
    strike = forward * np.exp(0.2 * np.sqrt(ttm) * np.array([-2.3, -1.0, 0.0, 1.0, 2.3]))[:, None]
    is_call = np.array([False, False, True, True, True])
    nested = NestedPricer(CONSTANT, n_pairs=40_000)
    price, error = nested.spx_option_with_error(100.0, states, strike=strike, ttm=ttm, is_call=is_call[:, None])
    expected = np.exp(-0.02 * ttm) * black_price(forward, strike, ttm, 0.2, is_call=is_call[:, None])
    assert np.all(np.abs(price - expected) < 4.0 * error + 1e-12)
    assert np.any(np.abs(price - 1.03 * expected) > 4.0 * error)
    tables = black_tables().price_spx_legs(np.full(3, 100.0), states, np.repeat(strike, 3, axis=1), sessions, is_call)
    undiscounted = tables * np.exp(0.02 * ttm)
    fitted = implied_volatility(undiscounted, forward, strike, ttm, is_call=is_call[:, None])
    assert np.sqrt(np.mean((fitted - 0.2) ** 2)) < 5e-4
    np.testing.assert_allclose(fitted, 0.2, atol=1.5e-3)


def test_vix_futures_and_options_of_a_level_alone_are_integrals() -> None:
    sessions, level = 10, np.array([-0.4, 0.1, 0.5])
    states = np.zeros((5, 3))
    states[2:4], states[4] = 0.04, level
    years = np.arange(21) / 252.0
    keep = np.exp(-2.0 * years)[:, None]
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    weights = weights / weights.sum()
    decay = np.exp(-2.0 * sessions / 252.0)
    ends = 0.1 + decay * (level - 0.1) + 0.6 * np.sqrt((1.0 - decay**2) / 4.0) * nodes[:, None]
    second = np.exp(2.0 * (0.1 + keep[:, :, None] * (ends - 0.1)) + 0.18 * (1.0 - keep[:, :, None] ** 2))
    vix = 100.0 * np.sqrt(0.04 * second.mean(axis=0))
    future = weights @ vix
    pricer = tabulated_pricer(LEVEL_ONLY, max_sessions=sessions, size=SIZE)
    np.testing.assert_allclose(pricer.vix_future_rows(states, sessions), future, rtol=2e-3)
    np.testing.assert_allclose(
        path_dependent_curve(LEVEL_ONLY, sessions).vix_future_rows(states, sessions), future, rtol=2e-3
    )
    # a kink needs more nodes than a smooth function: strikes lie between nodes in their thousands
    fine = norm.ppf((np.arange(20_000) + 0.5) / 20_000)
    ends = 0.1 + decay * (level - 0.1) + 0.6 * np.sqrt((1.0 - decay**2) / 4.0) * fine[:, None]
    second = np.exp(2.0 * (0.1 + keep[:, :, None] * (ends - 0.1)) + 0.18 * (1.0 - keep[:, :, None] ** 2))
    vix = 100.0 * np.sqrt(0.04 * second.mean(axis=0))
    strike = future * np.array([0.9, 1.0, 1.2])[:, None]
    calls = np.maximum(vix[None] - strike[:, None], 0.0).mean(axis=1) * np.exp(-0.02 * sessions / 252.0)
    rows = pricer.price_vix_legs(states, strike, sessions, np.array([True, True, True]))
    np.testing.assert_allclose(rows, calls, atol=0.015)


@pytest.mark.parametrize("sessions", [1, 5, 10])
def test_tables_meet_nested_simulation_on_states_they_have_not_seen(sessions: int) -> None:
    tables, states = preset_tables(), held_out()
    spot = np.full(states.shape[1], 100.0)
    delta = np.array([-0.01, -0.05, -0.2, -0.5, 0.3, 0.1, 0.01])
    strike = tables.strikes_for_delta(spot, states, delta, sessions)
    is_call, ttm = delta > 0.0, sessions / SESSIONS_PER_YEAR
    mine = tables.price_spx_legs(spot, states, strike, sessions, is_call)
    nested = NestedPricer(PRESET, n_pairs=32_768)
    price, error = nested.spx_option_with_error(100.0, states, strike=strike, ttm=ttm, is_call=is_call[:, None])
    growth = np.exp(0.019 * ttm)

    def volatility(value: FloatArray) -> FloatArray:
        return implied_volatility(value * growth, 100.0, strike, ttm, is_call=is_call[:, None])

    tolerance = 4.0 * (volatility(price + error) - volatility(price)) + 1e-3
    assert np.all(np.abs(volatility(mine) - volatility(price)) < tolerance)
    wrong = tables.price_spx_legs(spot, np.ascontiguousarray(states[:, ::-1]), strike, sessions, is_call)
    assert np.mean(np.abs(wrong - price) > 4.0 * error + 0.01 * price) > 0.5
    # and VIX options, whose strikes are multiples of the future
    future = tables.vix_future_rows(states, sessions)
    np.testing.assert_allclose(future, nested.vix_future(states, ttm), rtol=4e-3)
    strike = future * np.array([0.9, 1.0, 1.2])[:, None]
    call = np.array([False, True, True])
    legs = tables.price_vix_legs(states, strike, sessions, call)
    price, error = nested.vix_option_with_error(states, strike=strike, ttm=ttm, is_call=call[:, None])
    assert np.all(np.abs(legs - price) < 4.0 * error + 4e-3 * future)


def test_table_prices_allow_no_arbitrage() -> None:
    tables, states = preset_tables(), held_out()
    spot = np.full(states.shape[1], 100.0)
    deviation = 0.01 * tables.vix(states) * np.sqrt(10 / 252)
    # an even grid of strikes, so that second differences are those of a convex function
    strike = 100.0 * (1.0 + deviation * np.linspace(-3.0, 3.0, 61)[:, None])
    both = [tables.price_spx_legs(spot, states, strike, 10, np.full(61, right)) for right in (True, False)]
    discount = np.exp(-0.019 * 10 / 252)
    np.testing.assert_allclose(both[0] - both[1], discount * (100.0 - strike), atol=1e-11)
    unit = 100.0 * deviation
    assert np.all(np.diff(both[0], axis=0) < 1e-5 * unit)
    assert np.all(np.diff(both[0], axis=0) > -discount * np.diff(strike, axis=0))
    assert np.all(np.diff(both[0], n=2, axis=0) > -2e-4 * unit)


def test_strikes_of_deltas_are_inverses() -> None:
    tables, states = preset_tables(), held_out()
    spot = np.full(states.shape[1], 4000.0)
    for delta in (-0.3, -0.05, 0.15, 0.6):
        strike = tables.strikes_for_delta(spot, states, np.array([delta]), 7)[0]
        value = tables.spx_option(spot, states, strike=strike, ttm=7 / 252, is_call=delta > 0.0)
        np.testing.assert_allclose(value.delta, delta, atol=1e-9)
        np.testing.assert_allclose(tables.strike_for_delta(spot, states, delta=delta, ttm=7 / 252), strike, rtol=1e-12)
        nested = PRESET.exact_pricer().strike_for_delta(spot, states, delta=delta, ttm=7 / 252)
        np.testing.assert_allclose(nested, strike, rtol=4e-3)
        # delta is the slope in spot: prices are homogeneous in spot and strike
        up, down = (
            tables.spx_option(spot + h, states, strike=strike, ttm=7 / 252, is_call=delta > 0.0).price for h in (1, -1)
        )
        np.testing.assert_allclose(0.5 * (up - down), value.delta, atol=1e-4)


def test_both_pricers_answer_the_whole_protocol_alike() -> None:
    tables, nested, states = preset_tables(), NestedPricer(PRESET, n_pairs=65_536), held_out(3)
    question = {"strike": np.array([[3900.0], [4100.0]]), "ttm": 10 / 252, "is_call": [[False], [True]]}
    mine, theirs = (pricer.spx_option(4000.0, states, **question) for pricer in (tables, nested))
    for name, tolerance in (("price", 1.0), ("delta", 0.005), ("vega", 0.1), ("theta", 0.3)):
        np.testing.assert_allclose(getattr(mine, name), getattr(theirs, name), rtol=0.02, atol=tolerance, err_msg=name)
    np.testing.assert_array_equal(tables.vix(states), nested.vix(states))
    np.testing.assert_allclose(tables.vix_future(states, 10 / 252), nested.vix_future(states, 10 / 252), rtol=3e-3)
    vix = {"strike": 20.0, "ttm": 10 / 252, "is_call": True}
    np.testing.assert_allclose(tables.vix_option(states, **vix), nested.vix_option(states, **vix), atol=0.08)
    assert isinstance(tables, RowPricer)
    assert len(tables.table_hash) == 64
    # a level that moves with hardly any reversion over the month of the VIX moves all variances alike
    np.testing.assert_allclose(tables.vix(tables.moved_state(states, 0.02)), tables.vix(states) * 1.02**0.48, rtol=1e-3)
    now = tables.spx_option(4000.0, states, strike=3990.0, ttm=0.0, is_call=True)
    np.testing.assert_array_equal(now.price, 10.0)
    np.testing.assert_array_equal(now.delta, 1.0)


def test_pricers_refuse_what_they_do_not_cover() -> None:
    tables, states = preset_tables(), held_out(3)
    with pytest.raises(PricingDomainError, match="cover 1 to 10 sessions to expiry, got 11"):
        tables.vix_future_rows(states, 11)
    for pricer in (tables, PRESET.exact_pricer()):
        with pytest.raises(PricingDomainError, match="whole number of sessions"):
            pricer.vix_future(states, 0.1234)
        with pytest.raises(PricingDomainError, match="delta must lie in"):
            pricer.strike_for_delta(100.0, states, delta=1.0, ttm=5 / 252)


# premia and parameters


def test_without_premia_p_and_q_are_one_law() -> None:
    bare = PRESET.scaled_premium(variance=0.0, equity=0.0)
    assert bare.dynamics("p") == bare.dynamics("q")
    assert PRESET.dynamics("p") != PRESET.dynamics("q")
    assert PRESET.scaled_premium() == PRESET
    half = PRESET.scaled_premium(variance=0.5, equity=0.5)
    assert half.premium()["equity_premium"][0] == pytest.approx(0.03)
    assert half.volatility_scale_q == pytest.approx(1.025)
    assert bare.premium()["volatility_premium"][0] == 0.0 < PRESET.premium()["volatility_premium"][0]
    # prices know the law under Q alone
    assert replace(PRESET, equity_premium=0.2, rate=0.05, level_rate_p=9.0).pricing_key() == PRESET.pricing_key()
    assert replace(PRESET, level_rate_q=9.0).pricing_key() != PRESET.pricing_key()
    assert replace(PRESET, substeps=2).pricing_key() != PRESET.pricing_key()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"trend_rate_fast": 0.0}, "trend_rate_fast must be > 0, got 0.0"),
        ({"beta_activity": -0.1}, "beta_activity must be >= 0, got -0.1"),
        ({"trend_weight_slow": 1.2}, "trend_weight_slow must lie in [0, 1], got 1.2"),
        ({"substeps": 1.5}, "substeps must be a whole number, got 1.5"),
        ({"volatility_floor": 2.0}, "volatility_floor must be < volatility_cap = 1.5, got 2.0"),
        ({"level_volatility": float("nan")}, "level_volatility must be a finite number, got nan"),
    ],
)
def test_parameters_out_of_their_domain_are_refused(changes: dict[str, float], message: str) -> None:
    with pytest.raises(ModelParameterError) as error:
        models.create("path_dependent", **{**_preset.parameters, **changes})
    assert str(error.value) == message


def test_states_that_are_none_are_refused() -> None:
    good = held_out(3)
    wrong = good.copy()
    wrong[2, 0] = -1e-3
    for state in (good[:4], wrong, np.where(good == good[0, 0], np.nan, good)):
        with pytest.raises(ModelParameterError, match="state must"):
            PRESET.propagate(state, 1, Stream(seed=1))
