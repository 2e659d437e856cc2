"""Greeks of contracts in dollars against closed forms, written out here or in the toy market, and differences."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.special import ndtr

from models.black import black_price
from models.protocols import SimulationGrid
from sim.config.market import MarketConfig, SettlementConfig
from sim.contracts import ContractSet, Product
from sim.etn import front_weight
from sim.greeks import GREEKS, GreekBook, black_greeks, first_paths
from sim.market import MarketBlock
from sim.quotes import QuoteBook
from tests.toy_market import (
    DIVIDEND_YIELD,
    ON_THE_CLOSE,
    RATE,
    VIX_MEAN,
    VIX_SPEED,
    VIX_VOL,
    ToyPricer,
    black_scholes,
    chosen_paths,
    toy_market,
    toy_paths,
)

GRID = SimulationGrid(n_days=40, warmup_days=30)
N_PATHS, MEASURED = 6, 4
T = 42
NAMES = list(GREEKS)


@pytest.fixture(scope="module")
def market() -> MarketBlock:
    return toy_market(toy_paths(GRID, N_PATHS))


@pytest.fixture
def quotes(market: MarketBlock) -> QuoteBook:
    return QuoteBook(market)


def measured(quotes: QuoteBook, *sets: ContractSet, t: int = T) -> list[dict[str, Any]]:
    """Greeks of each set by name, on paths that hold it all."""
    book = GreekBook(quotes, MEASURED)
    book.measure(dict.fromkeys(sets, np.ones(MEASURED, dtype=np.bool_)), t)
    return [dict(zip(NAMES, book.each(contracts), strict=True)) for contracts in sets]


def strikes(*levels: float) -> Any:
    return np.repeat(np.array(levels)[:, None], N_PATHS, axis=1)


def vix_set(quotes: QuoteBook, expiry: int, *levels: float, is_call: Any = True) -> ContractSet:
    right = np.broadcast_to(is_call, len(levels))
    return quotes.contracts(("vix", levels, expiry), Product.VIX_OPTION, right, strikes(*levels), expiry)


def test_spx_options_have_the_greeks_of_black_and_scholes(market: MarketBlock, quotes: QuoteBook) -> None:
    contracts = quotes.contracts("condor", Product.SPX_OPTION, [False, True], strikes(3800.0, 4150.0), T + 26)
    (greeks,) = measured(quotes, contracts)
    spot, vol = market.spot(T)[:MEASURED], np.sqrt(market.state(T)[0, :MEASURED])
    right = np.array([[False], [True]])
    value = black_scholes(spot, vol, contracts.strike[:, :MEASURED], 26 / 252, right)
    np.testing.assert_allclose(greeks["delta"], 100.0 * 0.01 * spot * value.delta, rtol=1e-12)
    np.testing.assert_allclose(greeks["vega"], 100.0 * value.vega, rtol=1e-12)
    np.testing.assert_allclose(greeks["theta"], 100.0 * value.theta, rtol=1e-12)
    for name in ("vix_delta", "vix_vega"):
        np.testing.assert_array_equal(greeks[name], 0.0)
    # in words: what the option gains while the SPX rises by a hundredth of a per cent, times 100
    higher = black_scholes(1.0001 * spot, vol, contracts.strike[:, :MEASURED], 26 / 252, right).price
    np.testing.assert_allclose(greeks["delta"], 1e4 * (higher - value.price), rtol=5e-3)


def test_vix_futures_move_by_their_multiplier(market: MarketBlock, quotes: QuoteBook) -> None:
    expiry = market.front_vix_expiry(T, 2)
    (greeks,) = measured(quotes, quotes.future(expiry))
    years = (expiry - T) / 252
    np.testing.assert_array_equal(greeks["vix_delta"], 1000.0)
    np.testing.assert_allclose(greeks["vega"], 1000.0 * np.exp(-VIX_SPEED * years), rtol=1e-9)
    rolled = (market.vix(T)[:MEASURED] - VIX_MEAN) * (
        np.exp(-VIX_SPEED * (years - 1 / 252)) - np.exp(-VIX_SPEED * years)
    )
    np.testing.assert_allclose(greeks["theta"][0], 1000.0 * rolled, rtol=1e-9)
    for name in ("delta", "vix_vega"):
        np.testing.assert_array_equal(greeks[name], 0.0)


def test_vix_options_have_the_greeks_of_black_on_their_future(market: MarketBlock, quotes: QuoteBook) -> None:
    """In the toy market VIX options have one volatility: their vega to the VIX is delta times that of the future."""
    expiry = market.front_vix_expiry(T, 2)
    years = (expiry - T) / 252
    contracts = vix_set(quotes, expiry, 17.0, 24.0, is_call=[False, True])
    (greeks,) = measured(quotes, contracts)
    future, strike = market.vix_future(T, expiry)[:MEASURED], contracts.strike[:, :MEASURED]
    sign, total = np.array([[-1.0], [1.0]]), VIX_VOL * np.sqrt(years)
    d1 = np.log(future / strike) / total + 0.5 * total
    delta = sign * np.exp(-RATE * years) * ndtr(sign * d1)
    vega = 0.01 * np.exp(-RATE * years) * future * np.exp(-0.5 * d1**2) / np.sqrt(2.0 * np.pi) * np.sqrt(years)
    np.testing.assert_allclose(greeks["vix_delta"], 100.0 * delta, rtol=1e-9)
    np.testing.assert_allclose(greeks["vix_vega"], 100.0 * vega, rtol=1e-9)
    np.testing.assert_allclose(greeks["vega"], 100.0 * delta * np.exp(-VIX_SPEED * years), rtol=1e-4)
    np.testing.assert_array_equal(greeks["delta"], 0.0)


def test_black_greeks_are_differences_of_prices() -> None:
    rng = np.random.default_rng(20181231)
    future, strike = rng.uniform(12.0, 45.0, 40), rng.uniform(12.0, 45.0, 40)
    volatility, is_call = rng.uniform(0.4, 1.5, 40), rng.uniform(size=40) < 0.5
    years, rate = 0.15, 0.04

    def price(f: Any, v: Any) -> Any:
        return np.exp(-rate * years) * black_price(f, strike, years, v, is_call=is_call)

    delta, vega = black_greeks(price(future, volatility), future, strike, years, rate, is_call)
    np.testing.assert_allclose(
        delta, (price(future + 1e-4, volatility) - price(future - 1e-4, volatility)) / 2e-4, rtol=1e-6, atol=1e-8
    )
    np.testing.assert_allclose(
        vega, 0.01 * (price(future, volatility + 1e-4) - price(future, volatility - 1e-4)) / 2e-4, rtol=1e-5, atol=1e-9
    )
    wrong, _ = black_greeks(price(future, volatility), future, strike, 2.0 * years, rate, is_call)
    assert np.abs(wrong - delta).max() > 0.005


def test_a_note_moves_as_its_two_futures_do(market: MarketBlock, quotes: QuoteBook) -> None:
    note = quotes.holding(Product.VIX_ETN)
    (greeks,) = measured(quotes, note)
    weight = front_weight(market.expiries.vix_monthly, T)
    near, far = (market.front_vix_expiry(T, n) for n in (1, 2))
    value = weight * market.vx(1)[T] + (1.0 - weight) * market.vx(2)[T]
    held = (quotes.mids(note, T)[0] / value)[:MEASURED]
    np.testing.assert_allclose(greeks["vix_delta"][0], held, rtol=1e-12)
    fades = [np.exp(-VIX_SPEED * (expiry - T) / 252) for expiry in (near, far)]
    np.testing.assert_allclose(greeks["vega"][0], held * (weight * fades[0] + (1.0 - weight) * fades[1]), rtol=1e-9)
    # on the next session the note has made what the futures' shares have, and interest
    first, second = (market.vix_future(T + 1, expiry) - market.vx(n)[T] for n, expiry in ((1, near), (2, far)))
    made = (quotes.mids(note, T + 1)[0] - quotes.mids(note, T)[0])[:MEASURED]
    expected = held * (weight * first + (1.0 - weight) * second)[:MEASURED]
    np.testing.assert_allclose(made, expected + quotes.mids(note, T)[0, :MEASURED] * np.expm1(RATE / 252), rtol=1e-9)


def test_a_fund_unit_gains_one_per_cent_with_the_spx(quotes: QuoteBook) -> None:
    unit = quotes.holding(Product.SPX_UNIT)
    (greeks,) = measured(quotes, unit)
    np.testing.assert_allclose(greeks["delta"], 0.01 * quotes.mids(unit, T)[:, :MEASURED])
    for name in NAMES[1:]:
        np.testing.assert_array_equal(greeks[name], 0.0)


def test_sets_measured_together_have_the_greeks_that_each_has_alone(market: MarketBlock, quotes: QuoteBook) -> None:
    expiry = market.front_vix_expiry(T, 1)
    sets = [vix_set(quotes, expiry, 15.0, 25.0), vix_set(quotes, expiry, 18.0, is_call=False), quotes.future(expiry)]
    sets.append(quotes.contracts("put", Product.SPX_OPTION, [False], strikes(3900.0), T + 11))
    together = measured(quotes, *sets)
    for contracts, greeks in zip(sets, together, strict=True):
        (alone,) = measured(quotes, contracts)
        for name in NAMES:
            np.testing.assert_array_equal(greeks[name], alone[name])


def test_black_is_asked_only_where_options_are_held(market: MarketBlock, quotes: QuoteBook) -> None:
    contracts = vix_set(quotes, market.front_vix_expiry(T, 1), 22.0)
    book = GreekBook(quotes, MEASURED)
    held = np.array([True, False, True, False])
    book.measure({contracts: held}, T)
    delta = book.each(contracts)[NAMES.index("vix_delta"), 0]
    assert (delta[held] > 0.0).all()
    np.testing.assert_array_equal(delta[~held], 0.0)


def test_a_state_without_variance_has_finite_greeks() -> None:
    """A share of nothing is no move: the state is lifted before it is moved."""

    class Floored(ToyPricer):
        def vix(self, state: Any) -> Any:
            return 100.0 * np.sqrt(0.01 + state[0])

    n_times = GRID.n_times
    paths = chosen_paths(np.full((n_times, N_PATHS), 4000.0), np.zeros((n_times, N_PATHS)), GRID.warmup_days)
    market = toy_market(paths, pricer=Floored())
    quotes = QuoteBook(market)
    (greeks,) = measured(quotes, quotes.future(market.front_vix_expiry(T, 1)))
    years = (market.front_vix_expiry(T, 1) - T) / 252
    np.testing.assert_allclose(greeks["vega"], 1000.0 * np.exp(-VIX_SPEED * years), rtol=1e-3)


def test_the_measured_part_of_a_market_is_the_market(market: MarketBlock) -> None:
    """With openings, noise and carried series; its prices, futures and settlements are those of the first paths."""
    whole = toy_market(toy_paths(GRID, N_PATHS), config=MarketConfig(settlement=SettlementConfig()))
    part = first_paths(whole, MEASURED)
    assert part.n_paths == MEASURED
    expiry = whole.front_vix_expiry(T, 1)
    for t in (T, expiry):
        np.testing.assert_array_equal(part.vix_future(t, expiry), whole.vix_future(t, expiry)[:MEASURED])
    for name in ("rsi_vx1", "ad_line", "rate_diff"):
        np.testing.assert_array_equal(part.signal(name), whole.signal(name)[:, :MEASURED])
    assert whole.config.settlement != ON_THE_CLOSE
    assert market.dividend_yield == DIVIDEND_YIELD
