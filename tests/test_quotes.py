"""Quotes of contract sets: prices by closed forms, settlement, listed strikes, and one pricing a session."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.protocols import PathBlock, SimulationGrid
from sim.contracts import (
    MULTIPLIER,
    ContractSet,
    Product,
    listed_spx_strike,
    listed_spx_wing,
    listed_vix_strike,
    payoff,
)
from sim.errors import DataError
from sim.market import MarketBlock
from sim.quotes import QuoteBook
from sim.strikes import StrikeBook
from tests.toy_market import DIVIDEND_YIELD, RATE, VIX_MEAN, VIX_SPEED, ToyPricer, toy_market, toy_paths

GRID = SimulationGrid(n_days=60, warmup_days=40)
N_PATHS = 4


class CountingPricer(ToyPricer):
    def __init__(self) -> None:
        self.calls = 0

    def spx_option(self, *arguments: Any, **keywords: Any) -> Any:
        self.calls += 1
        return super().spx_option(*arguments, **keywords)


@pytest.fixture(scope="module")
def paths() -> PathBlock:
    return toy_paths(GRID, N_PATHS)


@pytest.fixture
def market(paths: PathBlock) -> MarketBlock:
    return toy_market(paths, pricer=CountingPricer())


@pytest.fixture
def book(market: MarketBlock) -> QuoteBook:
    return QuoteBook(market)


def condor(book: QuoteBook, key: object = "condor", expiry: int = 75) -> ContractSet:
    strike = np.repeat(np.array([3800.0, 3850.0, 4150.0, 4200.0])[:, None], N_PATHS, axis=1)
    return book.contracts(key, Product.SPX_OPTION, [False, False, True, True], strike, expiry)


def vix_calls(book: QuoteBook, expiry: int, key: object = "calls") -> ContractSet:
    strike = np.repeat(np.array([20.0, 30.0])[:, None], N_PATHS, axis=1)
    return book.contracts(key, Product.VIX_OPTION, [True, True], strike, expiry)


def test_multipliers() -> None:
    assert {product.value: dollars for product, dollars in MULTIPLIER.items()} == {
        "spx_option": 100.0,
        "vix_option": 100.0,
        "vix_future": 1000.0,
        "spx_unit": 1.0,
        "vix_etn": 1.0,
    }


@pytest.mark.parametrize(
    ("wanted", "listed"),
    [
        # SPX at 4000: 5 points apart from 3200 to 4800, 25 to 2400 and 5600, 100 beyond
        ([3998.0, 4002.4, 4002.6, 3201.0, 3202.6, 4798.0, 4800.0], [4000, 4000, 4005, 3200, 3205, 4800, 4800]),
        ([3199.0, 3187.0, 3160.0, 2405.0, 4810.0, 4813.0, 5590.0], [3200, 3175, 3150, 2400, 4800, 4825, 5600]),
        ([2399.0, 2340.0, 2360.0, 120.0, 1.0, 5601.0, 5660.0], [2400, 2300, 2400, 100, 100, 5600, 5700]),
    ],
)
def test_listed_spx_strikes(wanted: list[float], listed: list[float]) -> None:
    assert listed_spx_strike(wanted, 4000.0, 40).tolist() == listed
    np.testing.assert_array_equal(listed_spx_strike(listed, 4000.0, 40), listed)  # listed strikes stay


def test_far_spx_expiries_have_fewer_strikes() -> None:
    assert listed_spx_strike([3998.0, 4013.0, 2350.0], 4000.0, 127).tolist() == [4000.0, 4025.0, 2400.0]
    assert listed_spx_strike([3998.0, 4013.0], 4000.0, 126).tolist() == [4000.0, 4015.0]


def test_the_grid_follows_the_spx_of_each_path() -> None:
    listed = listed_spx_strike([[3187.0, 3187.0], [4212.0, 4212.0]], np.array([4000.0, 3500.0]), 30)
    assert listed.tolist() == [[3175.0, 3185.0], [4210.0, 4200.0]]  # 4212 is a fifth above 3500


def test_one_strike_on_several_paths_is_listed_on_the_grid_of_each() -> None:
    spot = np.array([4000.0, 3500.0, 3000.0])
    assert listed_spx_strike(3187.0, spot, 30).tolist() == [3175.0, 3185.0, 3185.0]
    assert listed_spx_strike([[3187.0], [4212.0]], spot, 30).tolist() == [
        [3175.0, 3185.0, 3185.0],
        [4210.0, 4200.0, 4200.0],
    ]
    assert listed_spx_wing(4180.0, 32.0, spot, 30).tolist() == [4210.0, 4200.0, 4200.0]
    assert listed_spx_strike(3187.0, 4000.0, 30).shape == ()


def test_wings_lie_beyond_the_strike_that_is_sold() -> None:
    """At 2300 strikes are 100 apart: 50 points below are as near to 2300, so the wing is 100 wide."""
    sold = np.array([3800.0, 3250.0, 3210.0, 2300.0, 4200.0, 5700.0])
    width = np.array([-50.0, -50.0, -20.0, -50.0, 50.0, 20.0])
    assert listed_spx_wing(sold, width, 4000.0, 40).tolist() == [3750.0, 3200.0, 3200.0, 2200.0, 4250.0, 5800.0]


@given(
    st.floats(500.0, 9000.0),
    st.floats(500.0, 9000.0),
    st.floats(5.0, 300.0),
    st.sampled_from([-1.0, 1.0]),
    st.integers(1, 300),
)
def test_listed_spx_strikes_are_near_and_stay_and_wings_are_beyond(
    spot: float, wanted: float, width: float, sign: float, sessions: int
) -> None:
    listed = listed_spx_strike(wanted, spot, sessions)
    assert abs(listed - wanted) <= max(50.0, 100.0 - wanted)
    assert listed == listed_spx_strike(listed, spot, sessions)
    if abs(wanted / spot - 1.0) <= 0.2 and sessions <= 126:
        assert listed == max(np.rint(wanted / 5.0), 1.0) * 5.0
    wing = listed_spx_wing(listed, sign * width, spot, sessions)
    assert sign * (wing - listed) > 0.0 or listed <= 100.0
    assert abs(wing - listed) <= width + 100.0
    assert wing > 0.0


@pytest.mark.parametrize(
    ("wanted", "listed"),
    [
        ([12.2, 12.3, 19.9, 20.6, 29.6], [12.0, 12.5, 20.0, 21.0, 30.0]),
        ([31.0, 33.0, 49.0, 52.4, 53.0, 0.1], [30.0, 32.5, 50.0, 50.0, 55.0, 0.5]),
    ],
)
def test_listed_vix_strikes(wanted: list[float], listed: list[float]) -> None:
    assert listed_vix_strike(wanted).tolist() == listed
    np.testing.assert_array_equal(listed_vix_strike(listed), listed)


def test_shapes_of_a_contract_set_are_checked() -> None:
    with pytest.raises(ValueError, match=r"got \(4,\) and \(4,\)"):
        ContractSet(product=Product.SPX_OPTION, is_call=np.zeros(4, bool), strike=np.zeros(4), expiry=5)


def test_spx_parity(book: QuoteBook, market: MarketBlock) -> None:
    contracts, t = condor(book), 50
    put, call = book.mids(contracts, t)[0], book.mids(contracts, t)[2]
    same_strike = book.contracts("call", Product.SPX_OPTION, [True], contracts.strike[:1], contracts.expiry)
    years = (75 - t) / 252
    forward = market.spot(t) * np.exp(-DIVIDEND_YIELD * years) - 3800.0 * np.exp(-RATE * years)
    np.testing.assert_allclose(book.mids(same_strike, t)[0] - put, forward, rtol=1e-10)
    assert (call > 0).all()


def test_vix_parity_holds_on_the_future(book: QuoteBook, market: MarketBlock) -> None:
    t, expiry = market.day0, market.front_vix_expiry(market.day0, 2)
    strike = np.full((2, N_PATHS), 22.0)
    pair = book.contracts("pair", Product.VIX_OPTION, [True, False], strike, expiry)
    call, put = book.mids(pair, t)
    future = book.mids(book.future(expiry), t)[0]
    np.testing.assert_allclose(call - put, np.exp(-RATE * (expiry - t) / 252) * (future - 22.0), atol=1e-10)
    np.testing.assert_array_equal(future, market.vix_future(t, expiry))


def test_settlement_of_every_product(book: QuoteBook, paths: PathBlock, market: MarketBlock) -> None:
    options = condor(book)
    spot = paths.spot[75]
    expected = [np.maximum(k - spot, 0) for k in (3800, 3850)] + [np.maximum(spot - k, 0) for k in (4150, 4200)]
    np.testing.assert_allclose(book.settle(options, 75), expected, atol=1e-12)
    assert np.max(expected) > 0  # some leg ends in the money
    expiry = market.front_vix_expiry(market.day0)
    vix = paths.vix[expiry]
    calls = vix_calls(book, expiry)
    np.testing.assert_allclose(book.settle(calls, expiry), [np.maximum(vix - 20, 0), np.maximum(vix - 30, 0)])
    np.testing.assert_array_equal(book.settle(book.future(expiry), expiry), vix[None, :])
    np.testing.assert_array_equal(book.mids(options, 75), book.settle(options, 75))


def test_settlement_and_quotes_keep_to_their_days(book: QuoteBook) -> None:
    contracts = condor(book)
    with pytest.raises(DataError, match="expire on session 75 cannot settle on session 74"):
        book.settle(contracts, 74)
    with pytest.raises(DataError, match="expired on session 75, before session 76"):
        book.mids(contracts, 76)
    with pytest.raises(DataError, match=r"expiry must be a session of the calendar, 0 to 230, got 231"):
        condor(book, key="late", expiry=231)


def test_payoff_of_a_put_and_a_call_by_hand() -> None:
    strike = np.array([[100.0, 100.0], [100.0, 100.0]])
    contracts = ContractSet(product=Product.SPX_OPTION, is_call=np.array([False, True]), strike=strike, expiry=1)
    np.testing.assert_array_equal(payoff(contracts, np.array([90.0, 120.0])), [[10.0, 0.0], [0.0, 20.0]])


def test_the_same_key_is_the_same_object(book: QuoteBook) -> None:
    first = condor(book)
    assert condor(book) is first
    assert book.find("condor") is first
    assert condor(book, key="other") is not first
    with pytest.raises(DataError, match="key 'condor' already stands for other contracts"):
        condor(book, key="condor", expiry=76)
    assert book.future(90) is not book.future(91)
    held = book.future(90)
    assert book.future(90) is held


def test_contracts_keep_their_own_copy_of_the_strikes(book: QuoteBook) -> None:
    strike = np.full((1, N_PATHS), 4000.0)
    contracts = book.contracts("copy", Product.SPX_OPTION, [True], strike, 75)
    strike[:] = 1.0
    np.testing.assert_array_equal(contracts.strike, 4000.0)
    with pytest.raises(ValueError, match="read-only"):
        contracts.strike[0, 0] = 1.0


def test_contracts_are_priced_once_a_session(book: QuoteBook, market: MarketBlock) -> None:
    pricer = market.pricer.pricer  # type: ignore[attr-defined]
    contracts = condor(book)
    today = book.mids(contracts, 50)
    assert book.mids(condor(book), 50) is today
    tomorrow = book.mids(contracts, 51)
    assert book.mids(contracts, 50) is today  # yesterday is still known
    assert pricer.calls == 2
    assert (today != tomorrow).all()
    book.mids(contracts, 52)
    book.mids(contracts, 50)  # two sessions ago is not
    assert pricer.calls == 4
    with pytest.raises(ValueError, match="read-only"):
        today[0, 0] = 0.0


def test_contracts_nobody_holds_are_forgotten(book: QuoteBook) -> None:
    contracts = condor(book)
    book.mids(contracts, 50)
    gone = weakref.ref(contracts)
    del contracts
    gc.collect()
    assert gone() is None
    assert book.find("condor") is None
    assert all(len(cache) == 0 for cache in book._mids.values())


def test_strikes_for_deltas_are_listed_and_nearest(book: QuoteBook, market: MarketBlock) -> None:
    t, expiry = 45, 75
    strike = book.strikes.for_delta(t, [-0.20, 0.20], expiry)
    assert strike.shape == (2, N_PATHS)
    np.testing.assert_array_equal(strike % 5.0, 0.0)
    legs = book.contracts("short", Product.SPX_OPTION, [False, True], strike, expiry)
    delta = book.greeks(legs, t).delta
    for step in (-5.0, 5.0):
        shifted = book.contracts(("shift", step), Product.SPX_OPTION, [False, True], strike + step, expiry)
        worse = np.abs(book.greeks(shifted, t).delta - [[-0.2], [0.2]])
        # nearest in strike; the delta is not quite linear between strikes
        assert (np.abs(delta - [[-0.2], [0.2]]) < worse + 2e-4).all()
    assert (strike[0] < market.spot(t)).all()
    assert (strike[1] > market.spot(t)).all()
    assert book.strikes.for_delta(t, [-0.20, 0.20], expiry) is strike


def test_spx_greeks_are_derivatives_of_the_mids(paths: PathBlock, book: QuoteBook, market: MarketBlock) -> None:
    contracts, t, bump = condor(book), 50, 0.5
    greeks = book.greeks(contracts, t)

    def price(spot: Any, vol: Any, n: float) -> Any:
        right = contracts.is_call[:, None]
        return ToyPricer().spx_option(spot, vol[None] ** 2, strike=contracts.strike, ttm=n / 252, is_call=right).price

    spot, vol = paths.spot[t], np.sqrt(paths.state[t, 0])
    slope = (price(spot + bump, vol, 25) - price(spot - bump, vol, 25)) / (2 * bump)
    np.testing.assert_allclose(greeks.delta, slope, rtol=1e-4)
    vega = (price(spot, vol + 0.0005, 25) - price(spot, vol - 0.0005, 25)) / 0.1
    np.testing.assert_allclose(greeks.vega, vega, rtol=1e-3)
    decay = (price(spot, vol, 24.9) - price(spot, vol, 25.1)) / 0.2
    np.testing.assert_allclose(greeks.theta, decay, rtol=1e-3)


def test_vix_greeks(paths: PathBlock, book: QuoteBook, market: MarketBlock) -> None:
    t, expiry = market.day0, market.front_vix_expiry(market.day0, 2)
    sessions = expiry - t
    fade = np.exp(-VIX_SPEED * sessions / 252)
    future = book.greeks(book.future(expiry), t)
    np.testing.assert_array_equal(future.delta, 0.0)
    np.testing.assert_allclose(future.vega, fade, rtol=1e-9)  # points of the future per point of the VIX
    distance = paths.vix[t] - VIX_MEAN
    one_day_on = distance * (np.exp(-VIX_SPEED * (sessions - 1) / 252) - fade)
    np.testing.assert_allclose(future.theta[0], one_day_on, rtol=1e-9)
    contracts = vix_calls(book, expiry)
    calls = book.greeks(contracts, t)
    up, down = (
        ToyPricer().vix_option(
            ((paths.vix[t] + shift) / 100)[None] ** 2, strike=contracts.strike, ttm=sessions / 252, is_call=True
        )
        for shift in (0.01, -0.01)
    )
    np.testing.assert_allclose(calls.vega, (up - down) / 0.02, rtol=2e-3)
    assert (calls.vega < fade).all()


def test_greeks_on_the_last_day_and_at_expiry(paths: PathBlock, book: QuoteBook, market: MarketBlock) -> None:
    expiry = market.front_vix_expiry(market.day0)
    calls = vix_calls(book, expiry)
    last = book.greeks(calls, expiry - 1)
    at_once = [np.maximum(paths.vix[expiry - 1] - k, 0.0) for k in (20.0, 30.0)]  # theta keeps today's VIX
    np.testing.assert_allclose(last.theta, at_once - book.mids(calls, expiry - 1), atol=1e-12)
    for contracts, t in ((calls, expiry), (condor(book), 75)):
        done = book.greeks(contracts, t)
        for values in (done.delta, done.vega, done.theta):
            np.testing.assert_array_equal(values, np.zeros((contracts.n_legs, N_PATHS)))


def test_strikes_of_a_mask_do_not_hang_on_who_asked_before(market: MarketBlock) -> None:
    mask = np.array([True, True, False, False])
    alone = StrikeBook(market).for_delta(45, [-0.2, -0.05], 75, where=mask)
    strikes = StrikeBook(market)
    everywhere = strikes.for_delta(45, [-0.2, -0.05], 75)
    after = strikes.for_delta(45, [-0.2, -0.05], 75, where=mask)
    np.testing.assert_array_equal(after, alone)
    np.testing.assert_array_equal(after[:, mask], everywhere[:, mask])
    assert np.all(np.abs(after[:, ~mask] - market.spot(45)[~mask]) <= 2.5)
    assert np.any(everywhere[:, ~mask] != after[:, ~mask])
