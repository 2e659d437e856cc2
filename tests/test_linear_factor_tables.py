"""SPX options of models on two linear factors, and the tables of both underlyings, against independent routes."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import ndtr

import models
from models.black import implied_volatility
from models.linear_factor_slices import LinearFactorSlices
from models.presets import load_preset
from models.protocols import SESSIONS_PER_YEAR, Stream
from models.shock_rule import shock_rule
from models.sinh_arcsinh import SinhArcsinh
from models.spline_axis import SplineAxis
from models.table_layout import table_layout
from models.table_pricer import TablePricer, build_tables
from models.two_factor_ou import TwoFactorOu

FloatArray = NDArray[np.float64]

NAMES = ["two_factor_log_sv", "quintic_ou"]
MODELS: dict[str, Any] = {name: models.create(name, **load_preset(f"{name}_2018").parameters) for name in NAMES}
RAY = {"two_factor_log_sv": (0.35, 0.8), "quintic_ou": (0.1, 0.4)}
LEVELS = (12.0, 18.0, 30.0, 50.0)
SHORT = 5
DELTAS = np.array([-0.01, -0.05, -0.16, -0.3, -0.5, 0.5, 0.3, 0.16, 0.05, 0.01])
BASIS_POINT = 1e-4


@pytest.fixture(params=NAMES, scope="module")
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@cache
def states_at(name: str, levels: tuple[float, ...] = LEVELS) -> FloatArray:
    """States on a ray at which the VIX has these levels, (2, n)."""
    model, ray = MODELS[name], np.array(RAY[name])

    def excess(t: float, level: float) -> float:
        return float(model.vix((t * ray)[:, None])[0]) - level

    lowest = min(np.linspace(-3.0, 3.0, 601), key=lambda t: excess(t, 0.0)) if name == "quintic_ou" else -8.0
    return np.stack([brentq(excess, lowest, 12.0, args=(level,)) * ray for level in levels], axis=1)


@cache
def table(name: str, max_sessions: int) -> TablePricer:
    model = MODELS[name]
    layout = table_layout(model)
    return TablePricer(model, layout, build_tables(model.slice_source(), layout, max_sessions), key="test")


def volatility(price: FloatArray, strike: FloatArray, sessions: int, is_call: Any, forward: Any = 1.0) -> FloatArray:
    return implied_volatility(price, forward, strike, sessions / SESSIONS_PER_YEAR, is_call=is_call)


# parts


def test_product_rules_integrate_polynomials_times_any_phase() -> None:
    law = SinhArcsinh(skew=-0.3, tail=0.8)
    normal = np.linspace(-10.0, 10.0, 400_001)
    density = np.exp(-0.5 * normal**2)
    density /= density.sum()
    z = law.value(normal)
    for is_split, values in ((False, lambda x: x**3 - x), (True, lambda x: np.abs(x) + x**2 * (x > 0.0))):
        rule = shock_rule(law, 5, is_split=is_split)
        for place in (0, 250, 1500):
            omega = place * rule.step
            expected = density @ (np.exp(1j * omega * z) * values(z))
            assert abs(rule.tables[:, place] @ values(rule.nodes) - expected) < 1e-7
            assert abs(rule.tables[:, place].sum() - density @ np.exp(1j * omega * z)) < 1e-9


def test_quintic_splines_read_quintics_exactly_and_others_closely() -> None:
    nodes = np.linspace(-1.0, 2.0, 40)
    axis, points = SplineAxis(nodes), np.random.default_rng(0).uniform(-1.0, 2.0, 500)
    np.testing.assert_allclose(axis.matrix(points) @ nodes**5, points**5, atol=1e-11)
    first, weight = axis.read(points)
    coefficients = axis.coefficients @ np.sin(4.0 * nodes)
    read = (weight * coefficients[first[:, None] + np.arange(6)]).sum(axis=1)
    np.testing.assert_allclose(read, np.sin(4.0 * points), atol=2e-5)
    np.testing.assert_allclose(read, axis.matrix(points) @ np.sin(4.0 * nodes), atol=1e-13)


# one session: the law itself


def without_jumps(name: str) -> Any:
    """Model with shocks alone; what jumps add has tests of its own."""
    model = MODELS[name]
    return replace(model, jump_share_q=0.0) if hasattr(model, "jump_share_q") else model


def one_session_puts(name: str, state: FloatArray, k: FloatArray) -> FloatArray:
    """Undiscounted puts over the forward, one session ahead, by quadrature of the shock."""
    model = without_jumps(name)
    z = np.linspace(-9.0, 9.0, 90_001)
    density = np.exp(-0.5 * z**2)
    density /= density.sum()
    if isinstance(model, TwoFactorOu):
        shared = float(model.shared_deviation(state[:, None])[0])
        own = float(np.sqrt(model.return_variance(state[:, None])[0] - shared**2))
        forward = np.exp(shared * z - 0.5 * shared**2)
        d = (np.log(forward) - k[:, None]) / own + 0.5 * own
        return np.asarray((np.exp(k)[:, None] * ndtr(own - d) - forward * ndtr(-d)) @ density)
    scale = float(np.sqrt(model.return_variance(state[:, None])[0]))
    end = scale * model.dynamics("q").return_shock.value(z)
    end -= np.log(density @ np.exp(end))
    return np.asarray(np.maximum(np.exp(k)[:, None] - np.exp(end), 0.0) @ density)


@pytest.mark.parametrize("column", range(4))
def test_one_session_is_priced_by_its_own_law(name: str, column: int) -> None:
    state = states_at(name)[:, column]
    scaled = np.array([0.0, 0.5, 1.0, 2.0, 3.0])
    (deviation, puts, calls), *_ = LinearFactorSlices(without_jumps(name)).spx_slices(state[:, None], scaled, 1)
    k = np.concatenate([-scaled, scaled]) * deviation[0]
    expected = one_session_puts(name, state, k)
    # 1e-6 of a deviation is a fortieth of a basis point where the volatility is 10%
    np.testing.assert_allclose(puts[0], expected[: scaled.size] / deviation[0], atol=2e-6)
    parity = np.expm1(k[scaled.size :])
    np.testing.assert_allclose(calls[0], (expected[scaled.size :] - parity) / deviation[0], atol=2e-6)


# refinement


def test_a_finer_recursion_changes_nothing_that_counts(name: str) -> None:
    states, scaled = states_at(name), np.array([0.0, 0.7, 1.5, 2.3])
    runs = [
        list(LinearFactorSlices(MODELS[name], refinement=finer).spx_slices(states, scaled, 21)) for finer in (1.0, 1.3)
    ]
    for sessions in (2, 5, 21):
        (deviation, *sides), (_, *finer) = (run[sessions - 1] for run in runs)
        for side, other, sign in zip(sides, finer, (-1.0, 1.0), strict=True):
            strike = np.exp(sign * deviation[:, None] * scaled)
            vols = [volatility(p * deviation[:, None], strike, sessions, sign > 0.0) for p in (side, other)]
            # the worst is a call two deviations out at a VIX of 50
            counts = side > 1e-4
            assert np.abs(vols[0] - vols[1])[counts].max() < 5.0 * BASIS_POINT
            assert np.median(np.abs(vols[0] - vols[1])[counts]) < 0.2 * BASIS_POINT


# tables


@pytest.fixture(scope="module")
def wanderers(name: str) -> FloatArray:
    """States that paths visit under P, between the nodes of the tables."""
    model = MODELS[name]
    state = model.stationary_state(150, Stream(seed=12))
    vix = model.vix(state)
    return np.asarray(state[:, (vix > 9.0) & (vix < 80.0)])


@pytest.mark.parametrize("sessions", [1, 2, 5])
def test_tables_hold_what_the_exact_pricer_says_of_the_spx(name: str, sessions: int, wanderers: FloatArray) -> None:
    exact, ttm = MODELS[name].exact_pricer(), sessions / SESSIONS_PER_YEAR
    spot = np.exp(-(MODELS[name].rate - MODELS[name].dividend_yield) * ttm)
    growth = np.exp(MODELS[name].rate * ttm)
    for delta in DELTAS:
        strike = exact.strike_for_delta(spot, wanderers, delta=delta, ttm=ttm)
        price = exact.spx_option(spot, wanderers, strike=strike, ttm=ttm, is_call=delta > 0.0).price
        row = table(name, SHORT).price_spx_legs(
            np.full(strike.size, spot), wanderers, strike[None], sessions, np.array([delta > 0.0])
        )[0]
        error = np.abs(np.subtract(*(volatility(p * growth, strike, sessions, delta > 0.0) for p in (price, row))))
        assert np.quantile(error, 0.99) < 5.0 * BASIS_POINT
        assert error.max() < 10.0 * BASIS_POINT


@pytest.mark.parametrize("sessions", [1, 5])
def test_tables_hold_what_the_exact_pricer_says_of_the_vix(name: str, sessions: int, wanderers: FloatArray) -> None:
    exact, ttm = MODELS[name].exact_pricer(), sessions / SESSIONS_PER_YEAR
    future = exact.vix_future(wanderers, ttm)
    np.testing.assert_allclose(table(name, SHORT).vix_future_rows(wanderers, sessions), future, rtol=1e-4)
    for moneyness in (0.9, 1.0, 1.2, 1.5):
        strike, is_call = moneyness * future, np.array([moneyness >= 1.0])
        price = exact.vix_option(wanderers, strike=strike, ttm=ttm, is_call=is_call[0])
        row = table(name, SHORT).price_vix_legs(wanderers, strike[None], sessions, is_call)[0]
        # a hundredth of a point is the smallest price that is quoted
        np.testing.assert_allclose(row, price, atol=0.006)
        if name == "two_factor_log_sv" and moneyness <= 1.2:
            vols = [volatility(p / future, np.full(1, moneyness), sessions, is_call[0]) for p in (price, row)]
            counts = price > 0.01
            assert np.abs(vols[0] - vols[1])[counts].max(initial=0.0) < 10.0 * BASIS_POINT


def test_the_vix_of_tables_is_the_closed_form(name: str, wanderers: FloatArray) -> None:
    np.testing.assert_allclose(table(name, SHORT).vix(wanderers), MODELS[name].vix(wanderers), rtol=1e-13)
    squared = 1e4 * SESSIONS_PER_YEAR * MODELS[name].squared_vix()(wanderers)
    np.testing.assert_allclose(table(name, SHORT).vix_future_rows(wanderers, 0) ** 2, squared, rtol=1e-13)


def test_tables_have_no_butterfly_and_no_calendar_arbitrage(name: str) -> None:
    pricer, model = table(name, SHORT), MODELS[name]
    for state in states_at(name).T:
        wide = np.sqrt(SHORT * model.return_variance(state[:, None])[0])
        k = np.linspace(-4.0, 3.0, 141) * wide
        rows = np.repeat(state[:, None], k.size, axis=1)
        puts = []
        for sessions in (1, 2, 3, 4, 5):
            ttm = sessions / SESSIONS_PER_YEAR
            spot = np.full(k.size, np.exp(-(model.rate - model.dividend_yield) * ttm))
            put = pricer.price_spx_legs(spot, rows, np.exp(k)[None], sessions, np.array([False]))[0]
            puts.append(put * np.exp(model.rate * ttm))
            slopes = np.diff(puts[-1]) / np.diff(np.exp(k))
            assert np.diff(slopes).min() > -1e-5
            assert slopes.min() > -1e-6
            assert slopes.max() < 1.0 + 1e-6
        assert np.diff(puts, axis=0).min() > -2e-6 * wide


# brute force


def terminal(
    name: str, state: FloatArray, sessions: int, first: int, n: int
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Log of the return but for what moves no factor, variance of that, and the state, under Q: (n,), (n,), (2, n)."""
    model = MODELS[name]
    start = np.repeat(state[:, None], n, axis=1)
    log_return, states = model.propagate(start, sessions, Stream(seed=417, first_path=first), measure="q")
    carry = (model.rate - model.dividend_yield) / SESSIONS_PER_YEAR
    if not isinstance(model, TwoFactorOu):
        return (log_return - carry).sum(axis=0), np.zeros(n), states[-1]
    q = model.factors("q")
    slope, constant, _ = q.factor_law(1)
    total, variance, before = np.zeros(n), np.zeros(n), start
    for after in states:
        z = (after[0] - slope[0] * before[0] - constant[0]) / q.deviation[0]
        shared = model.shared_deviation(before)
        total += shared * z - 0.5 * shared**2
        variance += model.return_variance(before) - shared**2
        before = after
    return total, variance, before


def payoffs(log_spot: FloatArray, variance: FloatArray, strike: FloatArray, is_call: bool) -> FloatArray:
    """Options on one path, what moves no factor integrated out."""
    sign, spot = (1.0 if is_call else -1.0), np.exp(log_spot)
    if not variance.any():
        return np.maximum(sign * (spot - strike), 0.0)
    own = np.sqrt(variance)
    d = (log_spot - np.log(strike)) / own + 0.5 * own
    return np.asarray(sign * (spot * ndtr(sign * d) - strike * ndtr(sign * (d - own))))


def check_against_paths(name: str, column: int, sessions: int, n_paths: int, pricer: Any) -> None:
    model, state, block = MODELS[name], states_at(name)[:, column], 50_000
    ttm = sessions / SESSIONS_PER_YEAR
    spot, growth = np.exp(-(model.rate - model.dividend_yield) * ttm), np.exp(model.rate * ttm)
    strikes = pricer.strike_for_delta(spot, state[:, None], delta=DELTAS, ttm=ttm)
    future = float(pricer.vix_future(state[:, None], ttm)[0])
    levels = future * np.array([0.9, 1.0, 1.2, 1.5])
    parts = []
    for first in range(0, n_paths, block):
        log_spot, variance, after = terminal(name, state, sessions, first, block)
        spx = [payoffs(log_spot, variance, k, d > 0.0) for k, d in zip(strikes, DELTAS, strict=True)]
        vix = model.vix(after)
        sample = np.stack([*spx, vix, *np.maximum(vix - levels[:, None], 0.0)])
        parts.append([sample.mean(axis=1), (sample**2).mean(axis=1)])
    mean, square = np.mean(parts, axis=0)
    error = np.sqrt((square - mean**2) / n_paths)
    options = pricer.spx_option(spot, state[:, None], strike=strikes, ttm=ttm, is_call=DELTAS > 0.0).price * growth
    n = DELTAS.size
    vols = [volatility(p, strikes, sessions, DELTAS > 0.0) for p in (options, mean[:n])]
    assert np.all((np.abs(options - mean[:n]) < 4.0 * error[:n]) | (np.abs(vols[0] - vols[1]) < 10.0 * BASIS_POINT))
    assert abs(future - mean[n]) < 4.0 * error[n] + 1e-4 * future
    calls = pricer.vix_option(state[:, None], strike=levels, ttm=ttm, is_call=True) * growth
    assert np.all(np.abs(calls - mean[n + 1 :]) < 4.0 * error[n + 1 :] + 2e-3)
    # a volatility that is off by a part in twenty would be seen
    wrong = np.abs(1.05 * options - mean[:n]) > 4.0 * error[:n]
    assert wrong.sum() >= n // 2


@pytest.mark.parametrize(("sessions", "column"), [(1, 0), (1, 2), (5, 0), (5, 3)])
def test_tables_agree_with_brute_force(name: str, sessions: int, column: int) -> None:
    check_against_paths(name, column, sessions, 200_000, table(name, SHORT))


@pytest.mark.slow
@pytest.mark.parametrize("column", range(4))
@pytest.mark.parametrize("sessions", [1, 5, 21, 63])
def test_tables_agree_with_a_million_paths(name: str, sessions: int, column: int) -> None:
    check_against_paths(name, column, sessions, 1_000_000, table(name, 63))


@pytest.mark.slow
def test_long_tables_hold_what_a_finer_recursion_says(name: str, wanderers: FloatArray) -> None:
    """At 126 sessions: what a recursion errs a session would have added up."""
    model, pricer = MODELS[name], table(name, 126)
    for sessions in (63, 126):
        ttm = sessions / SESSIONS_PER_YEAR
        spot = np.exp(-(model.rate - model.dividend_yield) * ttm)
        for delta in DELTAS:
            strike = model.exact_pricer().strike_for_delta(spot, wanderers, delta=delta, ttm=ttm)
            price = model.exact_pricer().spx_option(spot, wanderers, strike=strike, ttm=ttm, is_call=delta > 0.0).price
            row = pricer.price_spx_legs(
                np.full(strike.size, spot), wanderers, strike[None], sessions, np.array([delta > 0.0])
            )[0]
            growth = np.exp(model.rate * ttm)
            vols = [volatility(p * growth, strike, sessions, delta > 0.0) for p in (price, row)]
            assert np.abs(vols[0] - vols[1]).max() < 5.0 * BASIS_POINT
