"""Tables of one factor, two factors and hidden regimes on a law whose prices are Black's formulas."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from math import exp

import numpy as np
import pytest
from numba import njit
from numpy.typing import NDArray
from scipy.stats import norm

from models.axes import Axis
from models.black import black_price, implied_volatility
from models.cosine_sides import CosineSides
from models.errors import PricingDomainError
from models.grid_table import Locator, StateGrid
from models.kernels.state_rows import bend_roots, fill_roots, grid_places
from models.kernels.tap_sum import tap_sum, tap_sums
from models.protocols import SESSIONS_PER_YEAR
from models.slices import SpxSlice
from models.table_layout import table_layout
from models.table_pricer import TablePricer, build_tables, tabulated_pricer
from tests.lognormal_source import LognormalLaw

FloatArray = NDArray[np.float64]
SESSIONS = (1, 4, 8)
SPOT = 4000.0
ROOT = Axis(kind="root", low=0.0, high=1.0, n_nodes=33)
SLOW = Axis(kind="root", low=0.0, high=0.5, n_nodes=25)
LOG = Axis(kind="log", low=0.002, high=1.0, n_nodes=41)
LINEAR = Axis(kind="linear", low=-6.0, high=0.0, n_nodes=33)
REGIME = Axis(kind="index", low=0.0, high=2.0, n_nodes=3)
LAWS = {
    "root": LognormalLaw((ROOT,)),
    "log": LognormalLaw((LOG,)),
    "two roots": LognormalLaw((ROOT, SLOW)),
    "two linear": LognormalLaw((LINEAR, LINEAR)),
    "regime and root": LognormalLaw((REGIME, ROOT)),
    "regime and two": LognormalLaw((REGIME, ROOT, SLOW)),
}


@cache
def table(name: str) -> TablePricer:
    law = LAWS[name]
    layout = table_layout(law)
    return TablePricer(law, layout, build_tables(law, layout, max(SESSIONS)), key=name)


def states(law: LognormalLaw, n: int, seed: int = 7) -> FloatArray:
    """States inside the axes; roots and logarithms not below a volatility of about 5%."""
    rng = np.random.default_rng(seed)
    rows = []
    for axis in law.axes:
        if axis.kind == "index":
            rows.append(rng.integers(0, axis.n_nodes, n).astype(float))
        elif axis.kind == "linear":
            rows.append(rng.uniform(axis.low, axis.high, n))
        else:
            rows.append(np.exp(rng.uniform(np.log(max(axis.low, 0.0025)), np.log(axis.high), n)))
    return np.array(rows)


def spx_law(law: LognormalLaw, state: FloatArray, ttm: float) -> tuple[float, FloatArray]:
    return SPOT * exp((law.rate - law.dividend_yield) * ttm), np.sqrt(law.variance(state, ttm))


@pytest.mark.parametrize("sessions", SESSIONS)
@pytest.mark.parametrize("name", list(LAWS))
def test_spx_options_deltas_and_strikes_are_those_of_black(name: str, sessions: int) -> None:
    law, pricer, ttm = LAWS[name], table(name), sessions / SESSIONS_PER_YEAR
    state = states(law, 300)
    forward, volatility = spx_law(law, state, ttm)
    call_delta = np.random.default_rng(8).uniform(0.01, 0.99, 300)
    d1 = norm.ppf(call_delta)
    strike = forward * np.exp(0.5 * volatility**2 * ttm - d1 * volatility * np.sqrt(ttm))
    is_call = strike > forward
    value = pricer.spx_option(SPOT, state, strike=strike, ttm=ttm, is_call=is_call)
    found = implied_volatility(value.price * exp(law.rate * ttm), forward, strike, ttm, is_call=is_call)
    assert np.quantile(np.abs(found - volatility), 0.99) < 2e-4
    assert np.max(np.abs(found - volatility)) < 5e-4
    carry = exp(-law.dividend_yield * ttm)
    exact_delta = carry * np.where(is_call, call_delta, call_delta - 1.0)
    np.testing.assert_allclose(value.delta, exact_delta, atol=1e-3)
    again = pricer.strike_for_delta(SPOT, state, delta=exact_delta, ttm=ttm)
    assert np.max(np.abs(np.log(again / strike)) / (volatility * np.sqrt(ttm))) < 0.01
    wrong = implied_volatility(value.price * exp(law.rate * ttm), forward, 1.001 * strike, ttm, is_call=is_call)
    assert np.quantile(np.abs(wrong - volatility), 0.5) > 2e-4, "a strike a thousandth off is seen"


@pytest.mark.parametrize("sessions", SESSIONS)
@pytest.mark.parametrize("name", list(LAWS))
def test_vix_futures_and_options_are_those_of_black(name: str, sessions: int) -> None:
    law, pricer, ttm = LAWS[name], table(name), sessions / SESSIONS_PER_YEAR
    state = states(law, 300, seed=9)
    future, deviation = law.vix_law(state, ttm)
    np.testing.assert_allclose(pricer.vix_future(state, ttm), future, rtol=1e-4)
    strike = future * np.exp(deviation * np.random.default_rng(10).uniform(-1.5, 3.0, 300))
    for is_call in (True, False):
        exact = exp(-law.rate * ttm) * black_price(future, strike, 1.0, deviation, is_call=is_call)
        result = pricer.vix_option(state, strike=strike, ttm=ttm, is_call=is_call)
        # the exchange quotes these options in cents
        np.testing.assert_allclose(result, exact, atol=5e-3)
    np.testing.assert_allclose(pricer.vix(state), law.vix(state), rtol=1e-12)


@pytest.mark.parametrize("name", list(LAWS))
def test_splines_pass_through_the_nodes_and_states_beyond_are_counted(name: str) -> None:
    law = LAWS[name]
    grid = StateGrid(axes=law.axes)
    pricer = table(name)
    at_nodes = grid.states()
    inside = np.all(
        [
            (axis.coordinate(row) >= axis.ends[0] - 1e-9) & (axis.coordinate(row) <= axis.ends[1] - 1e-9)
            for axis, row in zip(law.axes, at_nodes, strict=True)
            if axis.kind != "index"
        ],
        axis=0,
    )
    chosen = at_nodes[:, inside]
    before = pricer.clamp_count
    np.testing.assert_allclose(pricer.vix_future_rows(chosen, 4), law.vix_law(chosen, 4 / 252)[0], rtol=1e-4)
    assert pricer.clamp_count == before
    factor = next(number for number, axis in enumerate(law.axes) if axis.kind != "index")
    beyond = np.repeat(chosen[:, -1:], 3, axis=1)
    beyond[factor] = law.axes[factor].high + np.array([0.5, 1.0, 2.0])
    ends = beyond.copy()
    ends[factor] = law.axes[factor].high
    np.testing.assert_allclose(pricer.vix_future_rows(beyond, 4), pricer.vix_future_rows(ends, 4), rtol=1e-6)
    assert pricer.clamp_count >= before + 3


def test_regimes_do_not_mix() -> None:
    pricer = table("regime and root")
    state = np.array([[0.0, 1.0, 2.0], [0.04, 0.04, 0.04]])
    future = pricer.vix_future_rows(state, 4)
    exact, _ = LAWS["regime and root"].vix_law(state, 4 / 252)
    np.testing.assert_allclose(future, exact, rtol=1e-4)
    assert np.all(np.diff(future) > 5.0)


class _WithoutPrices(LognormalLaw):
    """No price in the last session of its second state."""

    def pricing_key(self) -> str:
        return f"without prices, {super().pricing_key()}"

    def spx_slices(self, states: FloatArray, scaled: FloatArray, max_sessions: int) -> Iterator[SpxSlice]:
        for number, (deviation, puts, calls) in enumerate(super().spx_slices(states, scaled, max_sessions), start=1):
            puts[1, :] = puts[1, :] if number < max_sessions else np.nan
            yield deviation, puts, calls


def test_tables_with_what_is_no_number_are_refused() -> None:
    with pytest.raises(PricingDomainError, match=r"table spx, row 2 of 2"):
        tabulated_pricer(_WithoutPrices((ROOT,)), max_sessions=2)


def test_calls_of_the_widest_laws_are_finite_and_fall_outwards() -> None:
    sides = CosineSides(np.linspace(0.0, 12.0, 40))
    for side in sides(np.array([[0.5, 0.1, -0.2]]), np.array([400.0])):
        assert np.isfinite(side).all()
        assert np.all(np.diff(side) <= 0.0)


@pytest.mark.parametrize("bend", [0.0, 0.1])
def test_places_are_the_coordinates_of_the_axis(bend: float) -> None:
    axis = Axis(kind="root", low=0.0, high=1.0, n_nodes=21, bend=bend)
    grid, values = StateGrid(axes=(axis,), refinement=1), np.array([-0.1, 0.0, 1e-9, 0.003, 0.04, 0.5, 1.5, np.nan])
    n_cells, step, place = grid.n_cells(axis), grid.step(axis), np.empty(8)
    cells, root, scratch = Locator(grid).cells, np.empty((1, 8)), np.empty((1, 8))
    fill_roots(values[None], 0, cells, 8, root)
    (coordinate,) = bend_roots(root, cells, 8, scratch)
    assert grid_places(coordinate, axis.ends[0], step, n_cells, place) == 2  # 1.5 and what is no number
    np.testing.assert_allclose(place[:6], (axis.coordinate(values[:6]) - axis.ends[0]) / step, rtol=1e-12, atol=1e-12)
    assert np.all(place[6:] == n_cells - 1e-9)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("strides", [(30,), (90, 30)])
def test_sums_over_coefficients_are_those_of_numpy(dtype: type, strides: tuple[int, ...]) -> None:
    rng = np.random.default_rng(7)
    flat: NDArray[np.float64] = rng.normal(size=800).astype(dtype)
    rows = tuple(tuple(rng.normal(size=4)) for _ in strides)
    columns = tuple(tuple(rng.normal(size=4)) for _ in range(2))
    at = np.array(17)
    for stride in (*strides, 1):
        at = np.add.outer(at, stride * np.arange(4))
    coefficients = flat[at].astype(float)
    for weights in rows:
        coefficients = np.tensordot(weights, coefficients, 1)
    expected = [float(coefficients @ np.array(column)) for column in columns]
    found = _tap_sum(flat, np.uint64(17), tuple(np.uint64(n) for n in strides), rows, columns)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("strides", [(30,), (90, 30)])
def test_sums_of_four_paths_are_those_of_each_to_the_last_bit(dtype: type, strides: tuple[int, ...]) -> None:
    rng = np.random.default_rng(8)
    flat: NDArray[np.float64] = rng.normal(size=800).astype(dtype)
    start = rng.integers(0, 300, 8).astype(np.uint64)
    steps = tuple(np.uint64(n) for n in strides)
    rows, columns, slopes = (rng.normal(size=(4 * n, 8)) for n in (len(strides), 1, 1))
    found = np.zeros((2, 8))
    _tap_sums(flat, start, steps, rows, (columns, slopes), (found[0], found[1]))
    assert not found[:, :4].any(), "only the four paths that were asked for"
    for p in range(4, 8):
        of_path = tuple(tuple(rows[4 * k : 4 * k + 4, p]) for k in range(len(strides)))
        weights = tuple(columns[:, p]), tuple(slopes[:, p])
        assert tuple(found[:, p]) == _tap_sum(flat, start[p], steps, of_path, weights)


@njit
def _tap_sums(flat, start, strides, rows, columns, sums):  # type: ignore[no-untyped-def]
    tap_sums(flat, start, 4, strides, rows, columns, sums)


@njit
def _tap_sum(flat, k, strides, rows, columns):  # type: ignore[no-untyped-def]
    return tap_sum(flat, k, strides, rows, columns)
