"""Properties that hold for every engine: scale, round trips, one settlement for all, and no edge without premia."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.protocols import SimulationGrid
from sim.config import AccountConfig, CostsConfig
from sim.contracts import Product
from sim.ledger import Ledger
from sim.quotes import QuoteBook
from tests.engine_cases import CASES, engines_of
from tests.toy_market import run_recorded, toy_market, toy_paths

GRID = SimulationGrid(n_days=60, warmup_days=40)
MARKET = toy_market(toy_paths(GRID, 6, seed=5), start_date="2019-03-04", tail_sessions=200)


@pytest.mark.parametrize("case", CASES)
def test_an_account_three_times_as_large_earns_three_times_as_much(case: str) -> None:
    """With fractions of contracts every size is a share of something; fees and spreads are paid by the contract."""
    small, large = (
        run_recorded(MARKET, *engines_of(case), account=AccountConfig(initial_equity=equity, fractional=True)).outcomes
        for equity in (1e6, 3e6)
    )
    np.testing.assert_allclose(large.equity, 3.0 * small.equity, rtol=1e-9)
    np.testing.assert_allclose(large.engine_pnl, 3.0 * small.engine_pnl, rtol=1e-6, atol=1e-3)
    np.testing.assert_allclose(large.max_margin, 3.0 * small.max_margin, rtol=1e-9)


LEGS = st.lists(st.tuples(st.booleans(), st.integers(-5, 5), st.integers(-20, 20)), min_size=1, max_size=4)


@given(LEGS, st.sampled_from([Product.SPX_OPTION, Product.VIX_OPTION]))
def test_closing_at_once_costs_two_half_spreads_and_fees(legs: list[tuple[bool, int, int]], product: Product) -> None:
    quotes, t = QuoteBook(MARKET), 45
    is_spx = product is Product.SPX_OPTION
    rights = np.array([right for right, _, _ in legs])
    centre, step = (4000.0, 25.0) if is_spx else (20.0, 1.0)
    strike = np.array([[centre + step * k] * 6 for _, k, _ in legs])
    expiry = int((MARKET.expiries.spx_weekly if is_spx else MARKET.expiries.vix_monthly)[-1])
    expiry = min(expiry, t + 60)
    contracts = quotes.contracts(("any", tuple(legs), product), product, rights, strike, expiry)
    mid = quotes.mids(contracts, t)
    number = np.array([[float(n)] * 6 for _, _, n in legs])
    ledger = Ledger(("engine",), 6, 1e6, CostsConfig())
    ledger.session = t
    tranche = ledger.open("engine", contracts, number, t, mid, np.full(6, 18.0))
    ledger.close(tranche, np.ones(6, dtype=bool), np.full(6, 18.0))
    if is_spx:
        half = np.minimum(np.maximum(0.025, 0.03 + 0.004 * mid), mid)
        fee = 0.71 + np.where(mid < 1.0, 0.36, 0.45)
    else:
        half = np.minimum(np.maximum(0.025, 0.065 * mid), mid)
        fee = 0.71 + np.select([mid < 0.11, mid < 1.0, mid < 2.0], [0.10, 0.25, 0.40], 0.45)
    crossing = (0.0, 1.0, 0.75, 0.75, 0.53)[sum(n != 0 for _, _, n in legs)]
    expected = 2.0 * np.sum(np.abs(number) * (100.0 * crossing * half + fee), axis=0)
    np.testing.assert_allclose(1e6 - ledger.equity(), expected, rtol=1e-9, atol=1e-6)


def test_all_legs_of_an_expiry_settle_on_one_value() -> None:
    """At expiry call - put + strike is the settlement, the same for every strike, set and engine; also the future's."""
    quotes = QuoteBook(MARKET)
    weekly, monthly = (
        expiries[(expiries > 50) & (expiries < 95)]
        for expiries in (MARKET.expiries.spx_weekly, MARKET.expiries.vix_monthly)
    )
    for product, expiries, strikes in (
        (Product.SPX_OPTION, weekly, (3500.0, 4000.0, 4600.0)),
        (Product.VIX_OPTION, monthly, (12.0, 20.0, 45.0)),
    ):
        for expiry in (int(e) for e in expiries):
            seen = []
            for k in strikes:
                pair = quotes.contracts((product, k, expiry), product, [True, False], np.full((2, 6), k), expiry)
                call, put = quotes.settle(pair, expiry)
                assert (np.minimum(call, put) == 0.0).all()
                seen.append(call - put + k)
            for other in seen[1:]:
                np.testing.assert_allclose(other, seen[0], rtol=1e-12)
            if product is Product.VIX_OPTION:
                np.testing.assert_allclose(quotes.settle(quotes.future(expiry), expiry)[0], seen[0], rtol=1e-12)
