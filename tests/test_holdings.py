"""Products without expiry: units of an SPX fund, notes on the short-term VIX futures index, and futures' variation."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from models.protocols import SimulationGrid
from sim.config import CostsConfig
from sim.contracts import Product
from sim.etn import front_weight, short_term_index
from sim.ledger import Ledger
from sim.quotes import QuoteBook
from tests.toy_market import DIVIDEND_YIELD, RATE, toy_market, toy_paths

GRID = SimulationGrid(n_days=70, warmup_days=10)
FREE = CostsConfig(
    commission_per_contract=0.0,
    exchange_fee_spx=0.0,
    exchange_fee_vix=0.0,
    regulatory_fee=0.0,
    commission_per_future=0.0,
    exchange_fee_vix_future=0.0,
    commission_per_share=0.0,
    crossing={1: 0.0},
)


def test_a_unit_is_the_index_with_its_dividends() -> None:
    market = toy_market(toy_paths(GRID, 3))
    quotes = QuoteBook(market)
    unit = quotes.holding(Product.SPX_UNIT)
    assert unit is quotes.holding(Product.SPX_UNIT)
    for t in (10, 40, 80):
        expected = market.spot(t) * np.exp(DIVIDEND_YIELD * (t - 10) / 252)
        np.testing.assert_allclose(quotes.mids(unit, t)[0], expected, rtol=1e-14)


def test_the_weight_of_the_front_future_falls_in_equal_steps() -> None:
    expiries = np.array([10, 30, 55])
    # from the settlement on session 10 to the day before that on session 30: 19/20, 18/20, ... 0
    assert [front_weight(expiries, t) for t in (10, 11, 28, 29)] == [0.95, 0.9, 0.05, 0.0]
    assert front_weight(expiries, 30) == pytest.approx(24 / 25)


def test_the_index_against_a_portfolio_of_futures() -> None:
    """Rolled by hand: each day the value goes into two futures by weight, contracts named by their expiry."""
    market = toy_market(toy_paths(GRID, 4))
    expiries = [int(e) for e in market.expiries.vix_monthly]
    level = np.full(4, 100.0)
    index = short_term_index(market)
    for t in range(1, GRID.n_times):
        left = [e for e in expiries if e > t - 1]
        before = [e for e in expiries if e <= t - 1]
        if not before:
            level = index[t]
            continue
        share = (left[0] - t) / (left[0] - before[-1])
        near, far = (market.pricer.vix_future(market.state(t - 1), (e - t + 1) / 252) for e in left[:2])
        near_now, far_now = (market.pricer.vix_future(market.state(t), (e - t) / 252) for e in left[:2])
        notional = level / (share * near + (1 - share) * far)
        gain = notional * (share * (near_now - near) + (1 - share) * (far_now - far))
        level = level + gain + level * np.expm1(RATE / 252)
        np.testing.assert_allclose(index[t], level, rtol=1e-12)


def test_the_index_knows_no_future() -> None:
    paths = toy_paths(GRID, 2)
    state, cut = paths.state.copy(), 40
    state[cut:] *= 2.0
    changed = replace(paths, state=state, vix=100.0 * np.sqrt(state[:, 0]))
    before, after = (short_term_index(toy_market(block)) for block in (paths, changed))
    np.testing.assert_array_equal(before[:cut], after[:cut])
    assert (before[cut] != after[cut]).all()


def test_a_future_costs_nothing_and_pays_its_variation_daily() -> None:
    market = toy_market(toy_paths(GRID, 2))
    quotes, ledger = QuoteBook(market), Ledger(("engine",), 2, 1e6, FREE)
    expiry = int(market.expiries.vix_monthly[market.expiries.vix_monthly > 20][0])
    future = quotes.future(expiry)
    tranche = ledger.open("engine", future, np.array([[2.0, -1.0]]), 12, quotes.mids(future, 12), market.vix(12))
    assert (ledger.cash == 1e6).all()
    for t in range(13, expiry + 1):
        ledger.mark(tranche, quotes.mids(future, t))
        moved = np.array([2000.0, -1000.0]) * (quotes.mids(future, t)[0] - quotes.mids(future, 12)[0])
        np.testing.assert_allclose(ledger.cash, 1e6 + moved, rtol=1e-12)
    ledger.settle(tranche)
    ledger.verify(expiry)
    np.testing.assert_allclose(
        ledger.equity() - 1e6, [2000.0, -1000.0] * (market.vix(expiry) - quotes.mids(future, 12)[0])
    )


def test_a_note_pays_its_fee_every_session() -> None:
    market = toy_market(toy_paths(GRID, 2))
    quotes, ledger = QuoteBook(market), Ledger(("engine",), 2, 1e6, FREE)
    note = quotes.holding(Product.VIX_ETN)
    tranche = ledger.open("engine", note, np.array([[100.0, -50.0]]), 12, quotes.mids(note, 12), market.vix(12))
    ledger.mark(tranche, quotes.mids(note, 13))
    ledger.verify(13)
    fee = 100.0 * quotes.mids(note, 12)[0, 0] * 0.0089 / 252
    np.testing.assert_allclose(ledger.cost[0], [fee, 0.0], rtol=1e-12)  # who is short receives no fee


@pytest.mark.parametrize("product", [Product.SPX_UNIT, Product.VIX_ETN, Product.VIX_FUTURE])
def test_opened_and_closed_at_once_costs_two_half_spreads_and_fees(product: Product) -> None:
    market = toy_market(toy_paths(GRID, 1))
    costs = CostsConfig()
    quotes, ledger = QuoteBook(market), Ledger(("engine",), 1, 1e6, costs)
    ledger.session = 12
    expiry = market.front_vix_expiry(12)  # within a month: the spread of the front future
    contracts = quotes.future(expiry) if product is Product.VIX_FUTURE else quotes.holding(product)
    mid, vix = quotes.mids(contracts, 12), np.array([15.0])
    tranche = ledger.open("engine", contracts, np.array([[3.0]]), 12, mid, vix)
    ledger.close(tranche, np.array([True]), vix)
    half, fee, multiplier = {
        Product.SPX_UNIT: (1e-4 * mid[0, 0], 0.005, 1.0),
        Product.VIX_ETN: (5e-4 * mid[0, 0], 0.005, 1.0),
        Product.VIX_FUTURE: (0.025, 0.87 + 1.51, 1000.0),
    }[product]
    expected = 2 * 3 * (multiplier * half + fee)
    np.testing.assert_allclose(1e6 - ledger.equity(), expected, rtol=1e-9)
