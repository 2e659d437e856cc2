"""Margin of option positions against the worst payoff on a fine grid of the underlying."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from sim.config import CostsConfig
from sim.contracts import ContractSet, Product
from sim.expiry_risk import worst_expiry_loss
from sim.ledger import Ledger
from sim.margin import MarginBook
from sim.strategies.protocols import condor_risk
from sim.tranche import Tranche

Legs = list[tuple[bool, float, float]]
"""(is call, strike, signed contracts) of each leg."""


def tranche_of(legs: Legs, mids: list[float], product: Product = Product.SPX_OPTION, n_paths: int = 1) -> Tranche:
    strike = np.repeat(np.array([[strike] for _, strike, _ in legs]), n_paths, axis=1)
    contracts = ContractSet(product=product, is_call=np.array([right for right, _, _ in legs]), strike=strike, expiry=9)
    quantity = np.repeat(np.array([[contracts] for _, _, contracts in legs], dtype=float), n_paths, axis=1)
    mid = np.repeat(np.array(mids, dtype=float)[:, None], n_paths, axis=1)
    ledger = Ledger(("engine",), n_paths, 1e9, CostsConfig())
    return ledger.open("engine", contracts, quantity, 0, mid, np.full(n_paths, 20.0))


def bound_of(tranche: Tranche, underlying: np.ndarray, book: MarginBook | None = None) -> np.ndarray:
    (part,) = (book or MarginBook()).parts([tranche], lambda _: underlying)
    return part.bound


def margin_of(legs: Legs, mids: list[float], underlying: float, product: Product = Product.SPX_OPTION) -> float:
    return float(bound_of(tranche_of(legs, mids, product), np.array([underlying]))[0])


def payoff(legs: Legs, spot: float) -> float:
    return sum(q * max((spot - k) if right else (k - spot), 0.0) for right, k, q in legs)


def worst_on_grid(legs: Legs, low: float, high: float, step: float) -> float:
    """Largest loss at expiry over a grid, at least 0 [points]."""
    values = [payoff(legs, low + i * step) for i in range(round((high - low) / step) + 1)]
    return max(0.0, -min(values))


def value_of(legs: Legs, mids: list[float]) -> float:
    return 100.0 * sum(q * mid for (_, _, q), mid in zip(legs, mids, strict=True))


def short_of(legs: Legs, right: bool) -> float:
    """Contracts of one right that are short on balance."""
    return -sum(q for is_call, _, q in legs if is_call is right)


def naked_points(legs: Legs, underlying: float, rate: float) -> float:
    """Add-on of naked contracts: the larger of rate x underlying - out-of-the-money amount and the 10% floor."""
    total = 0.0
    if short_of(legs, True) > 0:
        nearest = min(k for is_call, k, q in legs if is_call and q < 0)
        each = max(rate * underlying - max(nearest - underlying, 0.0), 0.10 * underlying)
        total += short_of(legs, True) * each
    if short_of(legs, False) > 0:
        nearest = max(k for is_call, k, q in legs if not is_call and q < 0)
        each = max(rate * underlying - max(underlying - nearest, 0.0), 0.10 * nearest)
        total += short_of(legs, False) * each
    return total


def naked_premium(legs: Legs, mids: list[float]) -> float:
    """Mid of the naked contracts: of the dearest of those at the strike that is short nearest to the money."""
    total = 0.0
    for right in (True, False):
        number = short_of(legs, right)
        if number > 0:
            strikes = [k for is_call, k, q in legs if is_call is right and q < 0]
            nearest = min(strikes) if right else max(strikes)
            total += number * max(
                m for (c, k, q), m in zip(legs, mids, strict=True) if (c, k) == (right, nearest) and q < 0
            )
    return total


def condor(put_wing: float, call_wing: float, n: float) -> Legs:
    return [(False, 3800.0 - put_wing, n), (False, 3800.0, -n), (True, 4200.0, -n), (True, 4200.0 + call_wing, n)]


@pytest.mark.parametrize(("put_wing", "call_wing"), [(50.0, 50.0), (50.0, 75.0), (100.0, 25.0)])
@pytest.mark.parametrize("n", [1.0, 6.0])
def test_a_condor_binds_its_wider_wing_less_what_closing_costs(put_wing: float, call_wing: float, n: float) -> None:
    legs, mids = condor(put_wing, call_wing, n), [6.0, 14.0, 12.0, 5.0]
    to_close = 100.0 * n * (14.0 + 12.0 - 6.0 - 5.0)
    expected = 100.0 * n * max(put_wing, call_wing) - to_close
    assert margin_of(legs, mids, 4000.0) == pytest.approx(expected, rel=1e-12)
    brute = 100.0 * worst_on_grid(legs, 0.0, 8000.0, 0.5) + value_of(legs, mids)
    assert expected == pytest.approx(brute, rel=1e-12)


def test_spreads_by_hand() -> None:
    # a debit spread loses what it is worth: long 100 call, short 110 call
    debit: Legs = [(True, 100.0, 2.0), (True, 110.0, -2.0)]
    assert margin_of(debit, [6.0, 2.5], 100.0) == pytest.approx(2 * 100 * 3.5, rel=1e-12)
    # a credit spread loses its width less the credit
    credit: Legs = [(True, 100.0, -2.0), (True, 110.0, 2.0)]
    assert margin_of(credit, [6.0, 2.5], 100.0) == pytest.approx(2 * 100 * (10.0 - 3.5), rel=1e-12)
    # short 1 at 20, long 2 at 24: worst at 24, where 4 points are lost
    ratio: Legs = [(True, 20.0, -1.0), (True, 24.0, 2.0)]
    expected = 100 * (4.0 - 2.0 + 2 * 0.9)
    assert margin_of(ratio, [2.0, 0.9], 19.0, Product.VIX_OPTION) == pytest.approx(expected, rel=1e-12)


def test_a_long_option_binds_its_value() -> None:
    for right in (True, False):
        assert margin_of([(right, 4000.0, 3.0)], [21.5], 4000.0) == pytest.approx(3 * 100 * 21.5, rel=1e-12)


def test_naked_contracts_by_hand() -> None:
    """Premium and add-on less the premium that equity has borne: the add-on."""
    # SPX call at 4200, index at 4000: 0.15 x 4000 - 200 = 400 points, the floor of 400 ties
    assert margin_of([(True, 4200.0, -1.0)], [9.0], 4000.0) == pytest.approx(100 * 400.0, rel=1e-12)
    # SPX put at 3900: 0.15 x 4000 - 100 = 500 points
    assert margin_of([(False, 3900.0, -2.0)], [9.0], 4000.0) == pytest.approx(2 * 100 * 500.0, rel=1e-12)
    # SPX put at 3000, far out of the money: the floor is a tenth of the strike
    assert margin_of([(False, 3000.0, -1.0)], [1.0], 4000.0) == pytest.approx(100 * 300.0, rel=1e-12)
    # SPX put at 4400, 400 in the money: the add-on is that of 0.15 x 4000, or of 0.10 x 4400
    assert margin_of([(False, 4400.0, -1.0)], [410.0], 4000.0) == pytest.approx(100 * 600.0, rel=1e-12)
    # VIX call at 24, future at 22: 0.20 x 22 - 2 = 2.4 points, above the floor of 2.2
    short = margin_of([(True, 24.0, -1.0)], [0.7], 22.0, Product.VIX_OPTION)
    assert short == pytest.approx(100 * 2.4, rel=1e-12)
    # long 1 at 20, short 2 at 24: a debit spread, which is paid in full, and one naked call
    ratio: Legs = [(True, 20.0, 1.0), (True, 24.0, -2.0)]
    assert margin_of(ratio, [3.0, 0.7], 22.0, Product.VIX_OPTION) == pytest.approx(100 * (3.0 - 0.7 + 2.4), rel=1e-12)
    # the same with the future at 40: the spread near its width of 4, the call binds 8 points
    assert margin_of(ratio, [20.1, 16.3], 40.0, Product.VIX_OPTION) == pytest.approx(100 * (3.8 + 8.0), rel=1e-12)


@pytest.mark.parametrize("right", [True, False])
@given(mid=st.floats(0.0, 2000.0), strike=st.integers(500, 1600).map(lambda k: 5.0 * k))
def test_equity_covers_a_naked_contract_where_cash_covers_premium_and_add_on(
    right: bool, mid: float, strike: float
) -> None:
    """The rule as brokers state it, on cash: that is proceeds and deposits, before the short option is valued."""
    out_of_money = max(strike - 4000.0 if right else 4000.0 - strike, 0.0)
    needed = mid + max(0.15 * 4000.0 - out_of_money, 0.10 * (4000.0 if right else strike))
    for cash in (100.0 * needed - 0.01, 100.0 * needed + 0.01):
        equity = cash - 100.0 * mid
        assert (margin_of([(right, strike, -1.0)], [mid], 4000.0) <= equity) == (cash >= 100.0 * needed)


@given(
    near=st.integers(10, 40).map(float),
    width=st.integers(1, 20).map(float),
    n_short=st.integers(2, 5),
    future=st.floats(9.0, 80.0),
    share=st.floats(0.0, 1.0),
    far_mid=st.floats(0.0, 60.0),
)
def test_a_short_ratio_is_a_debit_spread_and_naked_calls(
    near: float, width: float, n_short: int, future: float, share: float, far_mid: float
) -> None:
    mids = [far_mid + share * width, far_mid]  # a spread is worth from nothing to its width
    ratio: Legs = [(True, near, 1.0), (True, near + width, -float(n_short))]
    spread: Legs = [(True, near, 1.0), (True, near + width, -1.0)]
    naked: Legs = [(True, near + width, 1.0 - n_short)]
    parts = margin_of(spread, mids, future, Product.VIX_OPTION)
    parts += margin_of(naked, mids[1:], future, Product.VIX_OPTION)
    assert margin_of(ratio, mids, future, Product.VIX_OPTION) == pytest.approx(parts, rel=1e-9, abs=1e-6)


def test_a_covered_short_adds_nothing() -> None:
    spread: Legs = [(True, 4200.0, -3.0), (True, 4250.0, 3.0)]
    naked: Legs = [(True, 4200.0, -3.0), (True, 4250.0, 2.0)]
    mids = [9.0, 5.0]
    assert margin_of(spread, mids, 4000.0) == pytest.approx(3 * 100 * (50.0 - 4.0), rel=1e-12)
    # one call short: 150 points lost at 4250, minus 18 + 10 of value of the rest, plus the add-on of 400
    expected = 100 * (150.0 - 18.0 + 10.0 + 400.0)
    assert margin_of(naked, mids, 4000.0) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("n", [2.0, -2.0])
@pytest.mark.parametrize(
    ("level", "each"),
    # 7000 at 15 and 9000 at 20; 5000 below the first level; in proportion above the last, 40000 at 80
    [(18.5, 7000.0 + 0.7 * 2000.0), (9.0, 5000.0), (40.0, 19000.0), (100.0, 50000.0)],
)
def test_a_future_binds_by_its_level_on_either_side(n: float, level: float, each: float) -> None:
    future: Legs = [(False, 0.0, n)]
    assert margin_of(future, [level], level, Product.VIX_FUTURE) == pytest.approx(2 * each, rel=1e-12)


@st.composite
def positions(draw: st.DrawFn) -> tuple[Legs, list[float]]:
    n = draw(st.integers(1, 6))
    leg = st.tuples(st.booleans(), st.integers(1, 60).map(lambda k: 5.0 * k), st.integers(-5, 5).map(float))
    legs = draw(st.lists(leg, min_size=n, max_size=n))
    mids = draw(st.lists(st.floats(0.0, 50.0), min_size=n, max_size=n))
    return legs, mids


@given(position=positions(), underlying=st.floats(20.0, 350.0))
def test_any_position(position: tuple[Legs, list[float]], underlying: float) -> None:
    legs, mids = position
    strikes = [k for _, k, q in legs if q] or [0.0]
    loss = worst_on_grid(legs, min(strikes), max(strikes), 0.5)
    if short_of(legs, True) <= 0 and short_of(legs, False) <= 0:
        # covered on both sides: between the strikes is as bad as it gets anywhere
        assert loss == worst_on_grid(legs, 0.0, 700.0, 0.5)
    rest = value_of(legs, mids) + 100.0 * naked_premium(legs, mids)
    expected = max(100.0 * loss + rest, 0.0) + 100.0 * naked_points(legs, underlying, rate=0.15)
    assert margin_of(legs, mids, underlying) == pytest.approx(expected, rel=1e-9, abs=1e-6)


@given(position=positions(), factor=st.integers(2, 9), underlying=st.floats(20.0, 350.0))
def test_margin_scales_with_quantity(position: tuple[Legs, list[float]], factor: int, underlying: float) -> None:
    legs, mids = position
    once = margin_of(legs, mids, underlying)
    assume(once > 0.0)
    many = margin_of([(right, k, factor * q) for right, k, q in legs], mids, underlying)
    assert many == pytest.approx(factor * once, rel=1e-9)


def test_paths_do_not_mix() -> None:
    rng = np.random.default_rng(7)
    strike, quantity = 5.0 * rng.integers(1, 60, (4, 25)), rng.integers(-4, 5, (4, 25)).astype(float)
    right = np.array([False, True, False, True])
    loss = worst_expiry_loss(right, strike, quantity)
    for path in range(25):
        legs = [(bool(right[i]), float(strike[i, path]), float(quantity[i, path])) for i in range(4)]
        held = strike[quantity[:, path] != 0.0, path]
        low, high = held.min(), held.max()
        assert loss[path] == worst_on_grid(legs, low, high, 0.5)


def test_margin_follows_trades_and_marks() -> None:
    ledger = Ledger(("engine",), 2, 1e9, CostsConfig())
    tranche, book = tranche_of(condor(50.0, 50.0, 4.0), [6.0, 14.0, 12.0, 5.0], n_paths=2), MarginBook()
    np.testing.assert_allclose(bound_of(tranche, np.full(2, 4000.0), book), 4 * 100 * (50.0 - 15.0))
    ledger.trade(tranche, np.array([[2.0, 0.0], [-2.0, 0.0], [-2.0, 0.0], [2.0, 0.0]]), np.full(2, 20.0))
    np.testing.assert_allclose(bound_of(tranche, np.full(2, 4000.0), book), [6 * 3500.0, 4 * 3500.0])
    ledger.close(tranche, np.array([False, True]), np.full(2, 20.0))
    np.testing.assert_allclose(bound_of(tranche, np.full(2, 4000.0), book), [6 * 3500.0, 0.0])
    ledger.mark(tranche, np.repeat([[1.0], [3.0], [40.0], [20.0]], 2, axis=1))  # closing costs 22 points now
    np.testing.assert_allclose(bound_of(tranche, np.full(2, 4150.0), book), [6 * 100 * (50.0 - 22.0), 0.0])


class Traded:
    """A ledger under random orders in options of two expiries: opened, pooled, changed, closed, marked, settled."""

    def __init__(self, seed: int, n_paths: int) -> None:
        self.rng, self.n_paths = np.random.default_rng(seed), n_paths
        self.ledger = Ledger(("engine",), n_paths, 1e9, CostsConfig())
        self.vix = np.full(n_paths, 20.0)

    def order(self) -> None:
        rng, held = self.rng, self.ledger.tranches
        what = rng.integers(0, 5 if held else 2)
        if what < 2:
            expiry, rights = int(rng.choice([9, 14])), np.array([False, True])
            strike = rng.choice([3800.0, 3900.0, 4000.0, 4100.0], (2, self.n_paths))
            contracts = ContractSet(product=Product.SPX_OPTION, is_call=rights, strike=strike, expiry=expiry)
            number, mid = self.number(), rng.uniform(1.0, 90.0, (2, self.n_paths))
            self.ledger.open("engine", contracts, number, 0, mid, self.vix, is_pooled=bool(what))
            return
        tranche = held[rng.integers(len(held))]
        if what == 2:
            self.ledger.trade(tranche, np.where(tranche.is_open, self.number(), 0.0), self.vix)
        else:
            self.ledger.close(tranche, rng.random(self.n_paths) < 0.6, self.vix)
        self.ledger.drop_closed()

    def number(self) -> np.ndarray:
        return self.rng.integers(-2, 3, (2, self.n_paths)) * (self.rng.random(self.n_paths) < 0.5)

    def mark(self) -> None:
        for tranche in self.ledger.tranches:
            self.ledger.mark(tranche, self.rng.uniform(1.0, 90.0, tranche.mid.shape))


def bounds_of(
    book: MarginBook, tranches: list[Tranche], underlying: np.ndarray, *, is_marked: bool
) -> list[np.ndarray]:
    return [part.bound.copy() for part in book.parts(tranches, lambda _: underlying, is_marked=is_marked)]


@pytest.mark.parametrize("n_paths", [1, 7])
@pytest.mark.parametrize("seed", range(6))
def test_what_is_kept_is_what_would_be_worked_out_anew(seed: int, n_paths: int) -> None:
    """Margin before and after the orders of a day, largest losses, and what a position is worth, over 40 days."""
    traded, book, told = Traded(seed, n_paths), MarginBook(), 0
    for _ in range(40):
        traded.mark()
        underlying = traded.rng.uniform(3700.0, 4300.0, n_paths)
        for is_marked in (True, False):
            tranches = traded.ledger.tranches
            kept = bounds_of(book, tranches, underlying, is_marked=is_marked)
            anew = bounds_of(MarginBook(), tranches, underlying, is_marked=True)
            np.testing.assert_array_equal(kept, anew)
            told += sum(bound.any() for bound in kept)
            for tranche in tranches:
                contracts, quantity = tranche.contracts, tranche.quantity
                loss = 100.0 * worst_expiry_loss(contracts.is_call, contracts.strike, quantity)
                paid = 100.0 * (quantity * tranche.entry_mid).sum(axis=0)
                np.testing.assert_allclose(condor_risk(tranche), np.maximum(loss + paid, 0.0), atol=1e-9)
                np.testing.assert_allclose(tranche.value(), 100.0 * (quantity * tranche.mid).sum(axis=0), atol=1e-9)
                np.testing.assert_array_equal(tranche.held, np.flatnonzero(quantity.any(axis=0)))
            equity = traded.ledger.cash + sum(tranche.value() for tranche in tranches)
            np.testing.assert_allclose(traded.ledger.equity(), equity, rtol=1e-15)
            for _ in range(3 if is_marked else 0):
                traded.order()
    assert told > 50


def test_kept_risk_that_misses_an_order_is_found() -> None:
    """The partner of the test above: a book that is not told of an order binds what it bound before."""
    traded, book = Traded(1, 7), MarginBook()
    traded.order()
    (tranche,), underlying = traded.ledger.tranches, np.full(7, 4000.0)
    before = bounds_of(book, [tranche], underlying, is_marked=True)
    traded.ledger.trade(tranche, 3.0 * tranche.quantity, traded.vix)
    tranche.traded.clear()
    assert (bounds_of(book, [tranche], underlying, is_marked=False)[0] == before[0]).all()
    assert (bounds_of(MarginBook(), [tranche], underlying, is_marked=True)[0] != before[0]).any()
