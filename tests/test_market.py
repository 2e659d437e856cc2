"""The market of a block of paths: futures, their expiries, and the two ways to price them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from models.protocols import PathBlock, SimulationGrid
from models.rows import RowPricer, RowsFromPricer
from sim import signals
from sim.calendar import SessionCalendar
from sim.contracts import Product
from sim.errors import DataError
from sim.market import MarketBlock, settlement_value
from tests.toy_market import VIX_MEAN, VIX_SPEED, ToyPricer, toy_market, toy_paths

GRID = SimulationGrid(n_days=60, warmup_days=40)


class RowToyPricer(ToyPricer):
    """The toy pricer with rows of its own, which it counts."""

    def __init__(self) -> None:
        self.rows = 0

    def vix_future_rows(self, state: Any, sessions: int) -> Any:
        self.rows += 1
        return self.vix_future(state, sessions / 252)

    def price_spx_legs(self, spot: Any, state: Any, strike: Any, sessions: int, is_call: Any) -> Any:
        self.rows += 1
        return self.spx_option(spot, state, strike=strike, ttm=sessions / 252, is_call=is_call[:, None]).price

    def price_vix_legs(self, state: Any, strike: Any, sessions: int, is_call: Any) -> Any:
        self.rows += 1
        return self.vix_option(state, strike=strike, ttm=sessions / 252, is_call=is_call[:, None])


@pytest.fixture(scope="module")
def paths() -> PathBlock:
    return toy_paths(GRID, 4)


@pytest.fixture(scope="module")
def market(paths: PathBlock) -> MarketBlock:
    return toy_market(paths)


def test_day_zero_and_slices(paths: PathBlock, market: MarketBlock) -> None:
    assert market.day0 == 40
    assert (market.n_times, market.n_paths) == (101, 4)
    np.testing.assert_array_equal(market.spot(market.day0), 4000.0)
    np.testing.assert_array_equal(market.vix(50), 100 * np.sqrt(paths.state[50, 0]))
    np.testing.assert_array_equal(market.state(50), paths.state[50])


def test_futures_use_the_sessions_to_their_expiry(paths: PathBlock, market: MarketBlock) -> None:
    t = market.day0
    expiry = market.front_vix_expiry(t)
    # From 2 January 2019 to 16 January 2019 the exchange is open on ten sessions after the first.
    assert str(market.calendar.date(expiry)) == "2019-01-16"
    assert expiry - t == 10
    expected = VIX_MEAN + (paths.vix[t] - VIX_MEAN) * np.exp(-VIX_SPEED * 10 / 252)
    np.testing.assert_allclose(market.vix_future(t, expiry), expected, rtol=1e-14)
    np.testing.assert_array_equal(market.vx(1)[t], market.vix_future(t, expiry))


def test_the_second_future_is_that_of_the_next_month(market: MarketBlock) -> None:
    second = market.front_vix_expiry(market.day0, 2)
    assert str(market.calendar.date(second)) == "2019-02-13"
    np.testing.assert_array_equal(market.vx(2)[market.day0], market.vix_future(market.day0, second))


def test_a_future_settles_on_the_vix_and_hands_over_to_the_next(paths: PathBlock, market: MarketBlock) -> None:
    expiry = market.front_vix_expiry(market.day0)
    np.testing.assert_array_equal(market.vix_future(expiry, expiry), paths.vix[expiry])
    assert market.front_vix_expiry(expiry - 1) == expiry
    assert str(market.calendar.date(market.front_vix_expiry(expiry))) == "2019-02-13"
    np.testing.assert_array_equal(
        market.vx(1)[expiry], market.vix_future(expiry, market.front_vix_expiry(expiry - 1, 2))
    )


def test_an_expired_future_has_no_price(market: MarketBlock) -> None:
    with pytest.raises(DataError, match="of session 50 has expired before session 51"):
        market.vix_future(51, 50)


def test_futures_beyond_the_calendar_are_refused(paths: PathBlock) -> None:
    calendar = SessionCalendar.build("2019-01-02", 40, 60, tail_sessions=5)
    market = MarketBlock.build(paths, calendar, ToyPricer(), rate=0.03, dividend_yield=0.01)
    with pytest.raises(DataError, match=r"not on the calendar.*tail must hold it"):
        market.vx(2)


def test_settlement_values_are_the_closes_of_their_own_index(paths: PathBlock, market: MarketBlock) -> None:
    np.testing.assert_array_equal(settlement_value(market, Product.SPX_OPTION, 70), paths.spot[70])
    np.testing.assert_array_equal(settlement_value(market, Product.VIX_OPTION, 70), paths.vix[70])
    np.testing.assert_array_equal(settlement_value(market, Product.VIX_FUTURE, 70), paths.vix[70])


def test_a_calendar_of_another_length_is_refused(paths: PathBlock) -> None:
    calendar = SessionCalendar.build("2019-01-02", 39, 60)
    with pytest.raises(DataError, match="same warmup_days and n_days, got 39 and 60 against 40 and 60"):
        MarketBlock.build(paths, calendar, ToyPricer(), rate=0.03, dividend_yield=0.01)


def test_row_prices_are_used_where_a_pricer_has_them(paths: PathBlock, market: MarketBlock) -> None:
    rows = RowToyPricer()
    fast = toy_market(paths, pricer=rows)
    assert isinstance(fast.pricer, RowPricer)
    assert isinstance(market.pricer, RowsFromPricer)
    for name in signals.REGISTRY:
        np.testing.assert_array_equal(fast.signal(name), market.signal(name))
    # One row a session and future, and a month's future and call for the VIX's own volatility; settlement on closes
    # needs none.
    assert rows.rows == 4 * market.n_times


def test_only_requested_signals_are_computed(paths: PathBlock) -> None:
    rows = RowToyPricer()
    toy_market(paths, pricer=rows, required_signals=("vix_sma5", "rsi_spx", "drawdown_spx"))
    assert rows.rows == 0
    toy_market(paths, pricer=rows, required_signals=("rsi_vx1",))
    assert rows.rows == paths.grid.n_times


def test_series_and_signals_are_read_only(market: MarketBlock) -> None:
    for series in (market.vx(1), market.spliced_vx1(), market.signal("vix")):
        with pytest.raises(ValueError, match="read-only"):
            series[0, 0] = 1.0


def test_one_path_is_enough() -> None:
    single = toy_market(toy_paths(GRID, 1))
    assert all(single.signal(name).shape == (GRID.n_times, 1) for name in signals.REGISTRY)
