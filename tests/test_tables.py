"""Price tables against exact prices, and the compiled lookup against scipy's splines on the same coefficients."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from math import exp

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

from models import create
from models.affine import AffineModel
from models.affine_pricer import AffinePricer
from models.black import implied_volatility
from models.errors import PricingDomainError
from models.grid_table import StateGrid
from models.protocols import SESSIONS_PER_YEAR
from models.slices import SpxSlice, VixSlice
from models.strike_grid import StrikeGrid
from models.table_layout import table_layout
from models.table_pricer import TablePricer, build_tables
from tests import model_sets

FloatArray = NDArray[np.float64]
SLICES = (1, 2, 5, 13, 38, 90)
VIX_SLICES = (1, 5, 21, 42)
SPOT = 4000.0

SVCJ = replace(model_sets.SVCJ, rate=0.03)
MODELS: dict[str, AffineModel] = {
    "svcj": SVCJ,
    "heston": create("heston", kappa_p=3.0, kappa_q=3.0, theta_p=0.045, vol_of_vol=0.7, rho=-0.75, rate=0.02),
    "heston_nandi": model_sets.HESTON_NANDI,
}


@dataclass(frozen=True)
class OneProduct:
    """Slices of one product; those of the other are not a number, and so are sessions that no test asks for."""

    model: AffineModel
    is_vix: bool

    def spx_slices(self, states: FloatArray, scaled: FloatArray, max_sessions: int) -> Iterator[SpxSlice]:
        if not self.is_vix:
            yield from self.model.slice_source().spx_slices(states, scaled, max_sessions)
            return
        blank = np.full((states.shape[1], scaled.size), np.nan)
        yield from ((blank[:, 0] if scaled.size else np.full(states.shape[1], np.nan), blank, blank),) * max_sessions

    def vix_slices(self, states: FloatArray, scaled: FloatArray, max_sessions: int) -> Iterator[VixSlice]:
        if self.is_vix:
            yield from self.model.slice_source().vix_slices(states, scaled, max_sessions)
            return
        blank, line = np.full((states.shape[1], scaled.size), np.nan), np.full(states.shape[1], np.nan)
        yield from ((line, line, blank, blank),) * max_sessions


@cache
def spx_table(name: str) -> TablePricer:
    """All slices of the options on the SPX, none on the VIX."""
    return one_table(name, is_vix=False, max_sessions=90)


@cache
def vix_table(name: str) -> TablePricer:
    """Slices of the futures and options on the VIX, none on the SPX."""
    return one_table(name, is_vix=True, max_sessions=max(VIX_SLICES))


def one_table(name: str, *, is_vix: bool, max_sessions: int) -> TablePricer:
    model = MODELS[name]
    layout = table_layout(model)
    return TablePricer(model, layout, build_tables(OneProduct(model, is_vix), layout, max_sessions), key=name)


@dataclass(frozen=True)
class Sample:
    """Options of one expiry over states and call deltas."""

    sessions: int
    state: FloatArray
    delta: FloatArray
    strike: FloatArray

    @property
    def ttm(self) -> float:
        return self.sessions / SESSIONS_PER_YEAR


def sample(table: TablePricer, sessions: int, n: int = 48, seed: int = 41) -> Sample:
    """Variances 0.0025 to 1 and call deltas 0.01 to 0.99, both ends among them."""
    rng = np.random.default_rng([seed, sessions])
    v = np.exp(rng.uniform(np.log(0.0025), 0.0, n))
    delta = rng.uniform(0.01, 0.99, n)
    v[:4], delta[:4] = (0.0025, 0.0025, 1.0 - 1e-9, 1.0 - 1e-9), (0.01, 0.98, 0.01, 0.98)
    strike = table.strike_for_delta(SPOT, v[None], delta=delta, ttm=sessions / SESSIONS_PER_YEAR)
    return Sample(sessions, v[None], delta, strike)


def volatility(model: AffineModel, s: Sample, call: FloatArray) -> FloatArray:
    """Implied volatility of calls, by their out-of-the-money partners."""
    discount = exp(-model.rate * s.ttm)
    forward = SPOT * exp((model.rate - model.dividend_yield) * s.ttm)
    is_call = s.strike > forward
    undiscounted = call / discount - np.where(is_call, 0.0, forward - s.strike)
    return implied_volatility(undiscounted, forward, s.strike, s.ttm, is_call=is_call)


def errors_in_bp(name: str, exact_model: AffineModel, slices: tuple[int, ...] = SLICES) -> FloatArray:
    """Implied volatility of the table less that of the exact price."""
    table, errors = spx_table(name), []
    for sessions in slices:
        s = sample(table, sessions)
        calls = [
            pricer.spx_option(SPOT, s.state, strike=s.strike, ttm=s.ttm, is_call=True).price
            for pricer in (table, AffinePricer(exact_model))
        ]
        errors.append(1e4 * (volatility(exact_model, s, calls[0]) - volatility(exact_model, s, calls[1])))
    return np.abs(np.concatenate(errors))


@pytest.mark.parametrize("name", list(MODELS))
def test_nearly_all_options_within_2_bp_and_all_within_5(name: str) -> None:
    error = errors_in_bp(name, MODELS[name])
    assert np.quantile(error, 0.99) < 2.0
    assert error.max() < 5.0


def test_the_table_of_another_parameter_is_seen() -> None:
    assert np.quantile(errors_in_bp("svcj", replace(SVCJ, vol_of_vol=0.52), (13, 38)), 0.99) > 5.0


@pytest.mark.parametrize("name", list(MODELS))
@pytest.mark.parametrize("sessions", [2, 38])
def test_strikes_for_delta_are_the_exact_ones(name: str, sessions: int) -> None:
    model = MODELS[name]
    state, ttm = np.array([[0.003, 0.02, 0.1, 0.7]]), sessions / SESSIONS_PER_YEAR
    delta = np.array([-0.3, -0.05, 0.01, 0.2, 0.5, 0.95])[:, None]
    exact = AffinePricer(model).strike_for_delta(SPOT, state, delta=delta, ttm=ttm)
    result = spx_table(name).strike_for_delta(SPOT, state, delta=delta, ttm=ttm)
    _, deviation = growth_and_deviation(spx_table(name), state[0], sessions)
    # a hundredth of a standard deviation of the index
    assert np.max(np.abs(np.log(result / exact)) / deviation) < 0.01


@pytest.mark.parametrize("name", list(MODELS))
@pytest.mark.parametrize("is_call", [True, False])
def test_greeks_are_the_exact_ones(name: str, is_call: bool) -> None:
    for sessions in (2, 5, 38):
        s = sample(spx_table(name), sessions, n=30)
        result, exact = (
            pricer.spx_option(SPOT, s.state, strike=s.strike, ttm=s.ttm, is_call=is_call)
            for pricer in (spx_table(name), AffinePricer(MODELS[name]))
        )
        np.testing.assert_allclose(result.delta, exact.delta, atol=0.003)
        # 5 bp of a volatility of 17% move the vega of a wing by 2%
        np.testing.assert_allclose(result.vega, exact.vega, rtol=0.02, atol=1e-3)
        # 5 bp of volatility on both of the prices that theta is the difference of
        assert np.all(np.abs(result.theta - exact.theta) < 0.1 * exact.vega + 1e-6 * SPOT)


@pytest.mark.parametrize("name", ["svcj", "heston_nandi"])
@pytest.mark.parametrize("sessions", VIX_SLICES)
def test_vix_futures_and_options_are_the_exact_ones(name: str, sessions: int) -> None:
    rng = np.random.default_rng([42, sessions])
    n, ttm = 80, sessions / SESSIONS_PER_YEAR
    state = np.exp(rng.uniform(np.log(0.0025), 0.0, n))[None]
    table, pricer = vix_table(name), AffinePricer(MODELS[name])
    future = pricer.vix_future(state, ttm)
    np.testing.assert_allclose(table.vix_future(state, ttm), future, atol=1e-3)
    np.testing.assert_allclose(table.vix(state), pricer.vix(state), rtol=1e-12)
    strike, is_call = future * np.exp(rng.uniform(-0.3, 0.9, n)), np.arange(n) % 2 == 0
    exact = pricer.vix_option(state, strike=strike, ttm=ttm, is_call=is_call)
    result = table.vix_option(state, strike=strike, ttm=ttm, is_call=is_call)
    # the exchange quotes these options in cents
    np.testing.assert_allclose(result, exact, atol=0.005)
    wrong = table.vix_option(1.02 * state, strike=strike, ttm=ttm, is_call=is_call)
    assert np.max(np.abs(wrong - exact)) > 0.05


def place(states: StateGrid, v: FloatArray) -> FloatArray:
    """Row of variances, counted in nodes: roots on even nodes, or their inverse hyperbolic sine on bent ones."""
    (axis,) = states.axes
    root = np.sqrt(v)
    return (np.arcsinh(root / axis.bend) if axis.bend else root) / states.step(axis) + 1.0


def lookup(
    coefficients: FloatArray, states: StateGrid, grid: StrikeGrid, v: FloatArray, scaled: FloatArray
) -> FloatArray:
    """Spline of puts below the forward and of calls above, by scipy."""
    state = place(states, v)
    column = grid.pad + np.arcsinh(np.abs(scaled)) / grid.step
    sides = [map_coordinates(part, [state, column], order=3, prefilter=False) for part in coefficients]
    return np.where(scaled <= 0.0, *sides)


def line_lookup(table: TablePricer, name: str, v: FloatArray, sessions: int) -> FloatArray:
    """Spline in the state alone, by scipy."""
    states = table.layout.vix_fine if name == "vix_deviation" else table.layout.fine
    return map_coordinates(table._tables[name][sessions - 1], [place(states, v)], order=3, prefilter=False)


def growth_and_deviation(table: TablePricer, v: FloatArray, sessions: int) -> tuple[float, FloatArray]:
    model, ttm = table.model, sessions / SESSIONS_PER_YEAR
    return exp((model.rate - model.dividend_yield) * ttm), line_lookup(table, "spx_deviation", v, sessions)


def spx_twin(
    table: TablePricer, spot: FloatArray, v: FloatArray, strike: FloatArray, sessions: int, is_call: bool
) -> FloatArray:
    """Present value by the table's definition: price over forward and deviation, and parity."""
    growth, deviation = growth_and_deviation(table, v, sessions)
    forward = spot * growth
    scaled = np.log(strike / forward) / deviation
    layout = table.layout
    value = lookup(table._tables["spx"][sessions - 1], layout.state, layout.spx, v, scaled)
    otm = forward * deviation * np.maximum(value, 0.0)
    forward_part = (forward - strike) if is_call else (strike - forward)
    in_the_money = (scaled <= 0.0) if is_call else (scaled > 0.0)
    value = otm + np.where(in_the_money, forward_part, 0.0)
    return value * exp(-table.model.rate * sessions / SESSIONS_PER_YEAR)


@pytest.mark.parametrize("sessions", [1, 13, 90])
@pytest.mark.parametrize("is_call", [True, False])
def test_lookup_of_spx_options_is_that_of_scipy(sessions: int, is_call: bool) -> None:
    table, rng = spx_table("svcj"), np.random.default_rng([43, sessions])
    n = 2000
    v = rng.uniform(0.01, 0.99, n) ** 2
    spot = rng.uniform(3000.0, 5000.0, n)
    growth, deviation = growth_and_deviation(table, v, sessions)
    strike = spot * growth * np.exp(deviation * np.sinh(rng.uniform(-2.5, 2.5, n)))
    result = table.spx_option(spot, v[None], strike=strike, ttm=sessions / SESSIONS_PER_YEAR, is_call=is_call)
    expected = spx_twin(table, spot, v, strike, sessions, is_call)
    np.testing.assert_allclose(result.price, expected, rtol=1e-10, atol=1e-9)
    h = 1e-4 * deviation * spot
    ends = [spx_twin(table, spot + step, v, strike, sessions, is_call) for step in (h, -h)]
    away = np.abs(np.log(strike / spot / growth) / deviation) > 1e-3  # the two surfaces meet at the forward
    np.testing.assert_allclose(result.delta[away], ((ends[0] - ends[1]) / (2.0 * h))[away], atol=1e-5)


@pytest.mark.parametrize("sessions", [1, 21])
def test_lookup_of_vix_options_is_that_of_scipy(sessions: int) -> None:
    table, rng = vix_table("svcj"), np.random.default_rng([44, sessions])
    n = 2000
    v = rng.uniform(0.01, 0.99, n) ** 2
    future, deviation = (line_lookup(table, name, v, sessions) for name in ("vix_future", "vix_deviation"))
    np.testing.assert_allclose(table.vix_future_rows(v[None], sessions), future, rtol=1e-12)
    strike = future * np.exp(deviation * rng.uniform(-3.0, 6.0, n))
    scaled = np.log(strike / future) / deviation
    value = lookup(table._tables["vix"][sessions - 1], table.layout.vix_state, table.layout.vix, v, scaled)
    otm = future * deviation * np.maximum(value, 0.0)
    call = otm + np.where(scaled <= 0.0, future - strike, 0.0)
    put = otm + np.where(scaled > 0.0, strike - future, 0.0)
    discount = exp(-0.03 * sessions / SESSIONS_PER_YEAR)
    result = table.price_vix_legs(v[None], np.stack([strike] * 2), sessions, np.array([True, False]))
    np.testing.assert_allclose(result, discount * np.stack([call, put]), rtol=1e-10, atol=1e-10)


def test_strikes_for_delta_invert_the_tables_own_delta() -> None:
    for name in MODELS:
        for sessions in (1, 38, 90):
            s = sample(spx_table(name), sessions)
            result = spx_table(name).spx_option(SPOT, s.state, strike=s.strike, ttm=s.ttm, is_call=True)
            np.testing.assert_allclose(result.delta, s.delta, atol=1e-7)


def test_options_at_expiry_are_worth_their_payoff() -> None:
    state, strike, is_call = np.array([[0.04] * 3]), np.array([3900.0, 4000.0, 4100.0]), np.array([True, True, False])
    value = spx_table("heston").spx_option(SPOT, state, strike=strike, ttm=0.0, is_call=is_call)
    np.testing.assert_array_equal(value.price, [100.0, 0.0, 100.0])
    np.testing.assert_array_equal(value.delta, [1.0, 0.0, -1.0])
    np.testing.assert_array_equal(value.vega, 0.0)
    vix = vix_table("svcj").vix(state)
    np.testing.assert_array_equal(vix_table("svcj").vix_future(state, 0.0), vix)
    np.testing.assert_allclose(vix_table("svcj").vix_option(state, strike=vix - 3, ttm=0.0, is_call=True), 3.0)


@pytest.mark.parametrize(("sessions", "message"), [(1.5, "whole number"), (-1, "whole number"), (91, "cover 1 to 90")])
def test_a_time_without_a_table_is_refused(sessions: float, message: str) -> None:
    table, state, ttm = spx_table("heston"), np.array([[0.04]]), sessions / SESSIONS_PER_YEAR
    with pytest.raises(PricingDomainError, match=message):
        table.spx_option(SPOT, state, strike=SPOT, ttm=ttm, is_call=True)
    with pytest.raises(PricingDomainError, match=message):
        table.strike_for_delta(SPOT, state, delta=0.2, ttm=ttm)
    with pytest.raises(PricingDomainError, match=message):
        table.vix_future(state, ttm)


def test_an_index_of_next_to_nothing_has_options_without_vega() -> None:
    """A path of a crash may end there, with contracts in the book that were opened at another level."""
    spot = np.array([2e-10, 1e-13, 3e-15, 1e-20])[:, None]
    strike, is_call = np.array([40.0, 40.0, 85.0]), np.array([True, False, True])
    state = np.full((1, 4, 1), 0.5)
    value = spx_table("heston").spx_option(
        spot, state, strike=np.broadcast_to(strike, (4, 3)), ttm=33 / SESSIONS_PER_YEAR, is_call=is_call
    )
    np.testing.assert_allclose(value.vega, 0.0, atol=1e-9)
    assert np.isfinite(value.price).all()
    assert np.isfinite(value.delta).all()


def test_a_delta_that_no_option_has_is_refused() -> None:
    for delta in (0.0, 1.0, -1.0, 2.0):
        with pytest.raises(PricingDomainError, match="delta must lie in"):
            spx_table("heston").strike_for_delta(SPOT, np.array([[0.04]]), delta=delta, ttm=1 / SESSIONS_PER_YEAR)


def test_variances_beyond_the_grid_are_priced_at_its_end_and_counted() -> None:
    table = spx_table("heston")
    before = table.clamp_count
    args = {"strike": 3000.0, "ttm": 38 / SESSIONS_PER_YEAR, "is_call": False}
    inside = table.spx_option(SPOT, np.array([[0.5, 1.0 - 1e-8]]), **args)
    assert table.clamp_count == before
    beyond = table.spx_option(SPOT, np.array([[1.5, 20.0]]), **args)
    assert table.clamp_count > before
    np.testing.assert_allclose(beyond.price, inside.price[1], rtol=1e-6)
    assert beyond.price[0] > 1.1 * inside.price[0]
