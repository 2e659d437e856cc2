"""Volatilities of VIX options in tables against exact ones, from the first sessions on, and the way their smile slopes.

A few sessions ahead the VIX of an affine model has a lump at its floor and a jump tail beside it, so that prices as
functions of the state bend within a tenth of what one step of an even grid spans.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import norm

import models
from models.affine import AffineModel
from models.black import implied_volatility
from models.protocols import SESSIONS_PER_YEAR, Stream
from models.table_layout import table_layout
from models.table_pricer import TablePricer, build_tables
from tests.test_tables import OneProduct

FloatArray = NDArray[np.float64]
DEVIATIONS = np.array([-2.0, -1.2, -0.6, 0.0, 0.6, 1.2, 2.0])
LONG = pytest.mark.slow
CASES = [
    ("heston_2018", (1, 2, 5, 10, 21), 60),
    ("svcj_index_2018", (2, 5, 10), 60),
    ("two_factor_svcj_2018", (2,), 30),
    pytest.param("bates_2018", (1, 2, 3, 5, 10, 21), 100, marks=LONG),
    pytest.param("svcj_state_intensity_2018", (1, 2, 5, 10, 21), 100, marks=LONG),
    pytest.param("two_factor_svcj_2018", (1, 2, 3, 4, 5, 10, 21), 80, marks=LONG),
    pytest.param("double_heston_2018", (1, 2, 3, 5, 10, 21), 80, marks=LONG),
]


@dataclass(frozen=True)
class Volatilities:
    """Implied volatilities and prices [points] by strike and state, and which options count."""

    table: FloatArray
    exact: FloatArray
    prices: tuple[FloatArray, FloatArray]
    counts: NDArray[np.bool_]

    @property
    def errors(self) -> FloatArray:
        """Basis points of the options that count."""
        return np.asarray(1e4 * np.abs(self.table - self.exact)[self.counts])


@cache
def affine(preset: str) -> AffineModel:
    chosen = models.load_preset(preset)
    model: AffineModel = models.create(chosen.model, **chosen.parameters)
    return model


@cache
def table(preset: str, max_sessions: int) -> TablePricer:
    model = affine(preset)
    layout = table_layout(model)
    return TablePricer(model, layout, build_tables(OneProduct(model, True), layout, max_sessions), key=preset)


def volatilities(model: AffineModel, pricer: TablePricer, states: FloatArray, sessions: int) -> Volatilities:
    exact, ttm = model.exact_pricer(), sessions / SESSIONS_PER_YEAR
    future = exact.vix_future(states, ttm)
    lowest = 100.0 * np.sqrt(model.vix_squared_coefficients()[0])
    spread = np.sqrt(np.log((1e4 * sum_of(model.variance_mean(ttm), states)) / future**2))
    strike = future * np.exp(DEVIATIONS[:, None] * spread)
    is_call = np.broadcast_to(DEVIATIONS[:, None] > 0.0, strike.shape)
    growth = np.exp(model.rate * ttm)
    vols, prices = [], []
    for priced in (pricer, exact):
        prices.append(priced.vix_option(states, strike=strike, ttm=ttm, is_call=is_call) * growth)
        vols.append(implied_volatility(prices[-1], future, strike, ttm, is_call=is_call))
    with np.errstate(divide="ignore"):
        width = vols[1] * np.sqrt(ttm)
        delta = norm.cdf(np.log(future / strike) / width + 0.5 * width)
    # at the floor itself the law is singular, and a put is worth next to nothing
    counts = (delta > 0.01) & (delta < 0.99) & (strike > 1.02 * lowest)
    return Volatilities(vols[0], vols[1], (prices[0], prices[1]), counts)


def sum_of(coefficients: tuple[float, FloatArray], states: FloatArray) -> FloatArray:
    constant, slope = coefficients
    return np.asarray(constant + slope @ states)


@pytest.mark.parametrize(("preset", "sessions", "n_states"), CASES)
def test_nearly_all_vix_options_within_2_bp(preset: str, sessions: tuple[int, ...], n_states: int) -> None:
    model, pricer = affine(preset), table(preset, max(sessions))
    states = model.stationary_state(n_states, Stream(seed=3))  # type: ignore[attr-defined]
    cases = [volatilities(model, pricer, states, n) for n in sessions]
    errors = np.concatenate([case.errors for case in cases])
    assert errors.size > 3 * n_states * len(sessions)
    assert np.quantile(errors, 0.99) < 2.0
    assert np.quantile(errors, 0.995) < 5.0
    # beyond are puts just above the floor, worth little: a tenth of the smallest tick
    assert errors.max() < 25.0
    assert max(np.abs(case.prices[0] - case.prices[1])[case.counts].max() for case in cases) < 0.001


def test_tables_of_another_parameter_are_seen() -> None:
    model = affine("heston_2018")
    other = replace(model, vol_of_vol=1.01 * model.vol_of_vol)  # type: ignore[type-var, attr-defined]
    states = model.stationary_state(30, Stream(seed=3))  # type: ignore[attr-defined]
    assert np.median(volatilities(other, table("heston_2018", 21), states, 5).errors) > 5.0
