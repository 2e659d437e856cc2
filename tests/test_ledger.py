"""The ledger against a book kept by plain lists, under random trades; and that a corrupted one is refused."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.protocols import SimulationGrid
from sim.config import CostsConfig
from sim.contracts import ContractSet, Product
from sim.errors import LedgerError
from sim.ledger import Ledger
from sim.market import MarketBlock
from sim.quotes import QuoteBook
from sim.tranche import Tranche
from tests.toy_market import RATE, ToyPricer, toy_market, toy_paths

N_PATHS, WARMUP, DAYS = 5, 4, 30
EQUITY = 1_000_000.0
ENGINES = ("first", "second")
EXPIRIES = {"condor": (14, 22, 60), "calls": (12, 40), "future": (12, 40)}
"""Sessions on which what is opened expires: some within the run, some after it."""

PATHS = toy_paths(SimulationGrid(n_days=DAYS, warmup_days=WARMUP), N_PATHS, seed=11)
MARKET: MarketBlock = toy_market(PATHS)
ALIVE = np.array([True, True, True, True, False])


@dataclass
class Lot:
    """One tranche as a person would note it: contracts, and cash received, per path."""

    engine: str
    tranche: Tranche
    quantity: Any
    cash: Any = field(default_factory=lambda: np.zeros(N_PATHS))


def price(contracts: ContractSet, t: int) -> Any:
    """Mids from the toy pricer itself, intrinsic value on the expiry."""
    state, spot, vix = PATHS.state[t], PATHS.spot[t], PATHS.vix[t]
    ttm, right = (contracts.expiry - t) / 252, contracts.is_call[:, None]
    pricer = ToyPricer()
    if contracts.product is Product.VIX_FUTURE:
        return (vix if ttm == 0 else pricer.vix_future(state, ttm))[None, :]
    if ttm == 0:
        level = spot if contracts.product is Product.SPX_OPTION else vix
        return np.maximum(np.where(right, level - contracts.strike, contracts.strike - level), 0.0)
    if contracts.product is Product.SPX_OPTION:
        return pricer.spx_option(spot, state, strike=contracts.strike, ttm=ttm, is_call=right).price
    return pricer.vix_option(state, strike=contracts.strike, ttm=ttm, is_call=right)


def hand_cost(product: Product, change: Any, mid: Any, vix: Any, sessions: int = 0) -> Any:
    """Default schedule, written out."""
    stress = np.maximum(vix / 20.0 - 1.0, 0.0)
    crossing = np.array([0.0, 1.0, 0.75, 0.75, 0.53])[(change != 0.0).sum(axis=0)]  # by the legs that a path trades
    if product is Product.VIX_FUTURE:
        days = sessions * 365 / 252
        assert days < 70.0
        tenor = 1.0 + max(days - 35.0, 0.0) / 35.0
        return (np.abs(change) * (1000.0 * 0.025 * tenor * (1.0 + stress) + 2.38)).sum(axis=0)
    if product is Product.SPX_OPTION:
        half = np.minimum(np.maximum(0.025, 0.03 + 0.004 * mid) * (1.0 + stress), mid)
        fee = 0.71 + np.where(mid < 1.0, 0.36, 0.45)
    else:
        half = np.minimum(np.maximum(0.025, 0.065 * mid) * (1.0 + 0.3 * stress), mid)
        fee = 0.71 + np.select([mid < 0.11, mid < 1.0, mid < 2.0], [0.10, 0.25, 0.40], 0.45)
    return (np.abs(change) * (100.0 * crossing * half + fee)).sum(axis=0)


class Pair:
    """The ledger and the plain book beside it, given the same trades."""

    def __init__(self) -> None:
        self.quotes = QuoteBook(MARKET)
        self.ledger = Ledger(ENGINES, N_PATHS, EQUITY, CostsConfig())
        self.lots: list[Lot] = []
        self.closed = {name: np.zeros(N_PATHS) for name in ENGINES}
        self.paid = {name: np.zeros(N_PATHS) for name in ENGINES}
        self.cash = np.full(N_PATHS, EQUITY)
        self.interest = np.zeros(N_PATHS)
        self.gross = np.full(N_PATHS, EQUITY)
        self.orders = np.zeros(N_PATHS, dtype=int)

    def start_day(self, t: int) -> None:
        """Interest, marks and settlement."""
        self.ledger.accrue(RATE, ALIVE)
        earned = np.where(ALIVE, self.cash * (math.exp(RATE / 252) - 1.0), 0.0)
        self.cash, self.interest = self.cash + earned, self.interest + earned
        for tranche in self.ledger.tranches:
            self.ledger.mark(tranche, self.quotes.mids(tranche.contracts, t))
            if tranche.contracts.expiry == t:
                self.ledger.settle(tranche)
        for lot in self.lots:
            contracts = lot.tranche.contracts
            if contracts.product is Product.VIX_FUTURE:
                self._pay(lot, 1000.0 * (lot.quantity * (price(contracts, t) - price(contracts, t - 1))).sum(axis=0))
            if contracts.expiry == t:
                if contracts.product is not Product.VIX_FUTURE:
                    self._pay(lot, 100.0 * (lot.quantity * price(contracts, t)).sum(axis=0))
                lot.quantity = np.zeros_like(lot.quantity)

    def _pay(self, lot: Lot, amount: Any) -> None:
        lot.cash = lot.cash + amount
        self.cash = self.cash + amount
        self.gross = self.gross + np.abs(amount)

    def note(self, lot: Lot, change: Any, t: int) -> None:
        """Enter a trade at mid in the plain book."""
        contracts, mid = lot.tranche.contracts, price(lot.tranche.contracts, t)
        if contracts.product is not Product.VIX_FUTURE:
            self._pay(lot, -100.0 * (change * mid).sum(axis=0))
        cost = hand_cost(contracts.product, change, mid, PATHS.vix[t], contracts.expiry - t)
        self.paid[lot.engine] = self.paid[lot.engine] + cost
        self.cash = self.cash - cost
        self.orders = self.orders + (change != 0).any(axis=0)
        lot.quantity = lot.quantity + change

    def act(self, kind: str, seed: int, t: int) -> None:
        """One random trade: open something, change it, or close it on some paths."""
        rng = np.random.default_rng(seed)
        vix, self.ledger.session = PATHS.vix[t], t
        live = [lot for lot in self.lots if lot.tranche.contracts.expiry > t and lot.quantity.any()]
        if kind in EXPIRIES:
            contracts = self.contracts(kind, rng, t)
            quantity = rng.integers(-6, 7, contracts.strike.shape).astype(float) * (rng.random(N_PATHS) < 0.8)
            engine = ENGINES[int(rng.integers(2))]
            mids = self.quotes.mids(contracts, t)
            lot = Lot(
                engine, self.ledger.open(engine, contracts, quantity, t, mids, vix), np.zeros(contracts.strike.shape)
            )
            self.lots.append(lot)
            self.note(lot, quantity, t)
        elif live:
            lot = live[int(rng.integers(len(live)))]
            if kind == "trade":
                change = rng.integers(-4, 5, lot.quantity.shape).astype(float) * (rng.random(N_PATHS) < 0.5)
                self.ledger.trade(lot.tranche, change, vix)
            else:
                mask = rng.random(N_PATHS) < 0.5
                self.ledger.close(lot.tranche, mask, vix)
                change = np.where(mask, -lot.quantity, 0.0)
            self.note(lot, change, t)

    def contracts(self, kind: str, rng: np.random.Generator, t: int) -> ContractSet:
        expiry = int(rng.choice([day for day in EXPIRIES[kind] if day > t]))
        if kind == "future":
            return self.quotes.future(expiry)
        centre = 4000.0 if kind == "condor" else 22.0
        offset = np.array([-150.0, -100.0, 100.0, 150.0]) if kind == "condor" else np.array([-2.0, 3.0])
        strike = np.repeat((centre + offset)[:, None], N_PATHS, axis=1) + rng.integers(-4, 5, N_PATHS)
        product = Product.SPX_OPTION if kind == "condor" else Product.VIX_OPTION
        return self.quotes.contracts((kind, t, expiry, strike.tobytes()), product, offset > 0, strike, expiry)

    def compare(self, t: int) -> None:
        """Every number of the ledger against the plain book, to 1e-9 of gross value on every path."""
        worth = {name: np.zeros(N_PATHS) for name in ENGINES}
        for lot in self.lots:
            held = lot.cash
            if lot.quantity.any() and lot.tranche.contracts.product is not Product.VIX_FUTURE:
                held = held + 100.0 * (lot.quantity * price(lot.tranche.contracts, t)).sum(axis=0)
            worth[lot.engine] = worth[lot.engine] + held
        by_stock = self.cash + sum(worth.values()) - sum(lot.cash for lot in self.lots)
        ledger, allowed = self.ledger, 1e-9 * self.gross
        assert (np.abs(ledger.cash - self.cash) <= allowed).all()
        assert (np.abs(ledger.interest - self.interest) <= allowed).all()
        assert (np.abs(ledger.equity() - by_stock) <= allowed).all()
        for row, name in enumerate(ENGINES):
            assert (np.abs(ledger.gross_pnl[row] - worth[name]) <= allowed).all()
            assert (np.abs(ledger.cost[row] - self.paid[name]) <= allowed).all()
        change = ledger.gross_pnl.sum(axis=0) - ledger.cost.sum(axis=0) + ledger.interest
        assert (np.abs(ledger.equity() - EQUITY - change) <= allowed).all()
        np.testing.assert_array_equal(ledger.n_trades, self.orders)


ACTIONS = st.tuples(st.sampled_from(["condor", "calls", "future", "trade", "close"]), st.integers(0, 2**32 - 1))


@settings(max_examples=60)
@given(days=st.lists(st.lists(ACTIONS, max_size=3), min_size=DAYS, max_size=DAYS))
def test_random_trades_balance_on_every_path_and_day(days: list[list[tuple[str, int]]]) -> None:
    pair = Pair()
    for number, actions in enumerate(days):
        t = WARMUP + number
        if number:
            pair.start_day(t)
        for kind, seed in actions:
            pair.act(kind, seed, t)
        pair.ledger.drop_closed()
        pair.ledger.verify(number)
        pair.compare(t)
    assert pair.ledger.largest_residual <= 1e-9


def busy_pair(last_day: int) -> Pair:
    """A book with all three products after a few days."""
    pair = Pair()
    for t in range(WARMUP, WARMUP + last_day + 1):
        if t > WARMUP:
            pair.start_day(t)
        if t < WARMUP + 4:
            for kind in ("condor", "calls", "future"):
                pair.act(kind, 100 * t + len(kind), t)
        pair.ledger.verify(t - WARMUP)
    return pair


def _add_cash(ledger: Ledger) -> None:
    ledger.cash[2] += 1.0


def _add_interest(ledger: Ledger) -> None:
    ledger.interest[2] += 1.0


def _add_pnl(ledger: Ledger) -> None:
    ledger.gross_pnl[1, 2] += 1.0


def _forget_cost(ledger: Ledger) -> None:
    ledger.cost[0, 2] -= 1.0


def _shift_both(ledger: Ledger) -> None:
    """Cash and its explanation by tranche agree, and still nothing was earned."""
    ledger.cash[2] += 1.0
    ledger.tranches[0].flow[2] += 1.0


def _invent_profit(ledger: Ledger) -> None:
    """Equity agrees with P&L, but no tranche has paid the cash."""
    ledger.cash[2] += 1.0
    ledger.gross_pnl[0, 2] += 1.0


@pytest.mark.parametrize(
    "corrupt", [_add_cash, _add_interest, _add_pnl, _forget_cost, _shift_both, _invent_profit], ids=lambda f: f.__name__
)
def test_a_dollar_from_nowhere_is_refused(corrupt: Callable[[Ledger], None]) -> None:
    pair = busy_pair(6)
    pair.ledger.verify(6)  # balances until it is touched
    corrupt(pair.ledger)
    with pytest.raises(LedgerError, match=r"path 2, day 17\b"):
        pair.ledger.verify(17)


def test_a_lost_tranche_is_refused() -> None:
    pair = busy_pair(6)
    held = np.flatnonzero(pair.ledger.tranches[0].is_open)
    del pair.ledger.tranches[0]
    with pytest.raises(LedgerError, match=rf"path {held[0]}, day 6\b"):
        pair.ledger.verify(6)


def test_contracts_from_nowhere_are_refused_at_the_next_mark() -> None:
    pair = busy_pair(6)
    pair.ledger.tranches[0].quantity[1, 3] += 1.0
    pair.start_day(WARMUP + 7)
    name = rf"path 3, day 7: {pair.ledger.tranches[0].engine}'s spx_option of session"
    with pytest.raises(LedgerError, match=name):
        pair.ledger.verify(7)


def test_not_a_number_is_refused() -> None:
    pair = busy_pair(6)
    pair.ledger.cash[4] = np.nan
    with pytest.raises(LedgerError, match=r"path 4, day 6\b"):
        pair.ledger.verify(6)


@pytest.mark.parametrize(
    ("product", "rights"),
    [(Product.SPX_OPTION, (False, True)), (Product.VIX_FUTURE, (False,)), (Product.SPX_UNIT, (False,))],
)
@pytest.mark.parametrize("closes", [False, True])
def test_an_order_at_a_mid_that_is_no_number_is_refused(product: Product, rights: Any, closes: bool) -> None:
    """On the third path; the first, which trades nothing, may have no mid either."""
    ledger = Ledger(ENGINES, 3, EQUITY, CostsConfig())
    ledger.session, ledger.first_session = 9, 4
    legs = len(rights)
    contracts = ContractSet(product=product, is_call=np.array(rights), strike=np.full((legs, 3), 4000.0), expiry=40)
    mid, bad, vix = np.full((legs, 3), 20.0), np.full((legs, 3), 20.0), np.full(3, 18.0)
    bad[0, [0, 2]] = np.nan
    quantity = np.tile([0.0, 1.0, 2.0], (legs, 1))
    message = rf"path 2, day 5: a mid of {product.value} of session 40"
    if not closes:
        with pytest.raises(LedgerError, match=message):
            ledger.open("first", contracts, quantity, 9, bad, vix)
        return
    tranche = ledger.open("first", contracts, quantity, 9, mid, vix)
    tranche.mid = bad
    with pytest.raises(LedgerError, match=message):
        ledger.close(tranche, np.array([False, True, True]), vix)
    ledger.close(tranche, np.array([True, True, False]), vix)
    assert np.isfinite(ledger.cost).all()


@pytest.mark.parametrize("kind", ["condor", "calls", "future"])
def test_close_is_a_trade_of_minus_the_quantity(kind: str) -> None:
    one, other = Pair(), Pair()
    mask = np.array([True, False, True, True, False])
    vix = PATHS.vix[WARMUP + 1]
    for pair in (one, other):
        pair.act(kind, 5, WARMUP)
        pair.start_day(WARMUP + 1)
    tranche = one.ledger.tranches[0]
    is_traded = mask & tranche.is_open
    assert is_traded.any()
    one.ledger.close(tranche, mask, vix)
    change = np.where(mask, -other.ledger.tranches[0].quantity, 0.0)
    other.ledger.trade(other.ledger.tranches[0], change, vix)
    for name in ("cash", "gross_pnl", "cost"):
        np.testing.assert_allclose(getattr(one.ledger, name), getattr(other.ledger, name), rtol=1e-13)
    np.testing.assert_array_equal(tranche.quantity, other.ledger.tranches[0].quantity)
    np.testing.assert_array_equal(tranche.is_open, other.ledger.tranches[0].is_open)
    np.testing.assert_array_equal(one.ledger.n_trades, other.ledger.n_trades)
    np.testing.assert_allclose(one.ledger.equity(), other.ledger.equity(), rtol=1e-13)
    assert not tranche.is_open[mask].any()


def test_settlement_pays_intrinsic_value_without_costs() -> None:
    quotes, ledger = QuoteBook(MARKET), Ledger(ENGINES, N_PATHS, EQUITY, CostsConfig())
    spot = PATHS.spot[14]
    strike = np.stack([np.rint(spot) + 30.0, np.rint(spot) - 40.0])  # a put and a call, both in the money
    pair = quotes.contracts("pair", Product.SPX_OPTION, [False, True], strike, 14)
    quantity = np.array([[2.0] * N_PATHS, [-3.0] * N_PATHS])
    tranche = ledger.open("first", pair, quantity, 13, quotes.mids(pair, 13), PATHS.vix[13])
    before = ledger.cash.copy()
    costs = ledger.cost.copy()
    ledger.mark(tranche, quotes.mids(pair, 14))
    ledger.settle(tranche)
    intrinsic = 100.0 * (2.0 * (strike[0] - spot) - 3.0 * (spot - strike[1]))
    np.testing.assert_allclose(ledger.cash - before, intrinsic, rtol=1e-9)
    np.testing.assert_array_equal(ledger.cost, costs)
    np.testing.assert_allclose(ledger.equity(), ledger.cash, rtol=1e-15)
    ledger.drop_closed()
    assert ledger.tranches == []
    ledger.verify(10)


def test_interest_compounds_on_cash_of_paths_that_live() -> None:
    ledger = Ledger(ENGINES, 3, EQUITY, CostsConfig())
    alive = np.array([True, True, False])
    for _ in range(252):
        ledger.accrue(0.05, alive)
    np.testing.assert_allclose(ledger.cash, [EQUITY * math.exp(0.05)] * 2 + [EQUITY], rtol=1e-12)
    np.testing.assert_allclose(ledger.interest, ledger.cash - EQUITY, rtol=1e-9)
    ledger.verify(252)
