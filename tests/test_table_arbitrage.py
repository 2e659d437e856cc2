"""No arbitrage inside the tables of any registered model, near and far: a new one is tested by being listed.

Tables reach 276 sessions, 400 calendar days. Prices are counted on a grid of strikes between deltas of 0.01 and 0.99,
at states of the stationary law. What a table may err by is a tenth of the smallest tick of an index option at an index
of 4,000.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray

import models
from models.protocols import SESSIONS_PER_YEAR, Model, Stream
from models.table_layout import table_layout
from models.table_pricer import TablePricer, build_tables
from tests.test_registry import VALID
from tests.test_tables import OneProduct

FloatArray = NDArray[np.float64]
SPOT, RATE, YIELD = 4000.0, 0.03, 0.01
SESSIONS = 6
LONGEST = 276
LONG = (10, 21, 42, 63, 94, 126, 180, 220, 252, LONGEST)
N_STATES = 8
TOLERANCE = 0.005
"""Index points: a tenth of the tick of 0.05."""

VIX_TOLERANCE = 0.001
"""VIX points: a tenth of the tick of 0.01."""

QUICK = {"heston", "bates", "svcj", "heston_nandi", "gjr_garch"}
SLOW = [
    name if name in QUICK else pytest.param(name, marks=pytest.mark.slow)
    for name in sorted(set(models.names()) - {"path_dependent"})
]
"""Tables of two factors take longer; those of path-dependent volatility are regressions, with a test of their own."""

FAR = [
    name if name == "heston" else pytest.param(name, marks=pytest.mark.slow)
    for name in sorted(set(models.names()) - {"path_dependent", "block_bootstrap"})
]
"""The bootstrap has the tables of another model."""


@cache
def model(name: str) -> Model:
    return models.create(name, **{**VALID[name], "rate": RATE, "dividend_yield": YIELD})


@cache
def tables(name: str) -> TablePricer:
    return model(name).tabulated_pricer(max_sessions=SESSIONS)  # type: ignore[return-value]


@cache
def long_tables(name: str) -> TablePricer:
    """Tables of the SPX alone, to the longest tenor."""
    chosen, layout = model(name), table_layout(model(name))  # type: ignore[arg-type]
    return TablePricer(chosen, layout, build_tables(OneProduct(chosen, False), layout, LONGEST), key=name)  # type: ignore[arg-type]


@cache
def states(name: str) -> FloatArray:
    drawn = np.asarray(model(name).stationary_state(4 * N_STATES, Stream(seed=11)))
    if name == "block_bootstrap":  # below the floor of its surface's VIX the next session has no variance to price
        drawn = drawn[:, drawn[0] > 0.0]
    return np.ascontiguousarray(drawn[:, :N_STATES])


def forward_calls(pricer: TablePricer, name: str, sessions: int, moneyness: FloatArray) -> FloatArray:
    """Undiscounted calls per ``SPOT`` of forward [index points], (n_strikes, n_states), at strikes over the forward."""
    years = sessions / SESSIONS_PER_YEAR
    forward = SPOT * np.exp((RATE - YIELD) * years)
    strike = np.repeat(forward * moneyness[:, None], N_STATES, axis=1)
    price = pricer.price_spx_legs(
        np.full(N_STATES, SPOT), states(name), strike, sessions, np.ones(moneyness.size, dtype=bool)
    )
    return np.asarray(price * np.exp(RATE * years) * SPOT / forward)


def span(pricer: TablePricer, name: str, sessions: int) -> FloatArray:
    """Strikes over the forward, evenly spaced, that all states have between deltas of 0.01 and 0.99."""
    spot = np.full(N_STATES, SPOT)
    low, high = pricer.strikes_for_delta(spot, states(name), np.array([-0.01, 0.01]), sessions)
    forward = SPOT * np.exp((RATE - YIELD) * sessions / SESSIONS_PER_YEAR)
    return np.linspace(float(low.max()), float(high.min()), 161) / forward


def assert_no_arbitrage(pricer: TablePricer, name: str, tenors: Iterable[int]) -> None:
    """Calls fall with the strike, by less than it, bend upwards, and grow with time at one moneyness."""
    moneyness = span(pricer, name, min(tenors))
    before = np.maximum(SPOT * (1.0 - moneyness), 0.0)[:, None]
    for sessions in tenors:
        later = forward_calls(pricer, name, sessions, moneyness)
        assert np.min(later - before) > -TOLERANCE, sessions
        before = later
        own = span(pricer, name, sessions)
        calls = forward_calls(pricer, name, sessions, own)
        fall = -np.diff(calls, axis=0)
        assert fall.min() > -TOLERANCE, sessions
        assert (SPOT * np.diff(own)[:, None] - fall).min() > -TOLERANCE, sessions
        butterfly = calls[:-2] - 2.0 * calls[1:-1] + calls[2:]
        assert butterfly.min() > -TOLERANCE, sessions
        # wide butterflies are worth something: the test looks where there is density
        wide = calls[0] - 2.0 * calls[80] + calls[160]
        assert np.all(wide > 20.0 * TOLERANCE)


@pytest.mark.parametrize("name", SLOW)
def test_prices_of_the_next_days_allow_no_arbitrage(name: str) -> None:
    assert_no_arbitrage(tables(name), name, range(1, SESSIONS + 1))


@pytest.mark.parametrize("name", FAR)
def test_prices_to_400_days_allow_no_arbitrage(name: str) -> None:
    pricer = long_tables(name)
    assert_no_arbitrage(pricer, name, LONG)
    # states that paths visit lie inside the grid; what lies beyond is counted
    assert pricer.clamp_count == 0
    beyond = np.array([1e3 if axis.kind in ("root", "log") else 0.0 for axis in pricer.layout.state.axes])
    if beyond.any():
        pricer.price_spx_legs(np.full(1, SPOT), beyond[:, None], np.full((1, 1), SPOT), 21, np.array([True]))
        assert pricer.clamp_count > 0


@pytest.mark.parametrize("name", SLOW)
def test_vix_options_keep_parity_and_bend_upwards(name: str) -> None:
    for sessions in (1, SESSIONS):
        future = tables(name).vix_future_rows(states(name), sessions)
        ratios = np.linspace(0.6, 2.0, 141)[:, None]
        strike = ratios * future
        both = [
            tables(name).price_vix_legs(states(name), strike, sessions, np.full(ratios.size, is_call))
            for is_call in (True, False)
        ]
        discount = np.exp(-RATE * sessions / SESSIONS_PER_YEAR)
        np.testing.assert_allclose(both[0] - both[1], discount * (future - strike), atol=1e-9)
        calls = both[0] / discount
        fall = -np.diff(calls, axis=0)
        assert fall.min() > -VIX_TOLERANCE
        assert (np.diff(strike, axis=0) - fall).min() > -VIX_TOLERANCE
        assert (calls[:-2] - 2.0 * calls[1:-1] + calls[2:]).min() > -VIX_TOLERANCE
        assert both[0].min() >= 0.0
        assert both[1].min() >= 0.0
        within = (ratios > 0.9) & (ratios < 1.2)  # beyond, a session ahead of a law without jumps, there is nothing
        assert np.all(np.where(within, calls, 1.0) > 0.0)


def test_a_dent_in_a_table_is_seen() -> None:
    """A call half a tick too dear near a delta of 0.01, where the law has little density."""
    pricer = tables("heston")
    calls = forward_calls(pricer, "heston", SESSIONS, span(pricer, "heston", SESSIONS))
    calls[-4] += 5.0 * TOLERANCE
    assert (calls[:-2] - 2.0 * calls[1:-1] + calls[2:]).min() < -TOLERANCE
