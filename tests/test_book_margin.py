"""Margin of whole books: any mix of legs against brute force over the underlying, and what may offset what."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.config import CostsConfig, MarginConfig
from sim.contracts import ContractSet, Product
from sim.ledger import Ledger
from sim.margin import MarginBook
from sim.tranche import Tranche

SPOT = 4000.0
Legs = list[tuple[bool, float, float]]
"""(is call, strike, signed contracts) of each leg."""


def tranches_of(*books: tuple[Product, int, Legs], mid: float = 0.0) -> list[Tranche]:
    """One tranche an entry (product, expiry, legs), all mids alike, on one path."""
    ledger = Ledger(("engine",), 1, 1e9, CostsConfig())
    for product, expiry, legs in books:
        contracts = ContractSet(
            product=product,
            is_call=np.array([right for right, _, _ in legs]),
            strike=np.array([[strike] for _, strike, _ in legs]),
            expiry=expiry,
        )
        quantity = np.array([[n] for _, _, n in legs])
        ledger.open("engine", contracts, quantity, 0, np.full(quantity.shape, mid), np.array([20.0]))
    return ledger.tranches


def bound(tranches: list[Tranche], underlying: float = SPOT) -> float:
    parts = MarginBook().parts(tranches, lambda _: np.array([underlying]))
    return float(np.sum([part.bound for part in parts]))


leg = st.tuples(st.booleans(), st.integers(20, 60).map(lambda k: 100.0 * k), st.integers(-4, 4).map(float))


@given(st.lists(st.lists(leg, min_size=1, max_size=4), min_size=1, max_size=4))
def test_any_mix_of_one_expiry_binds_its_worst_loss(books: list[Legs]) -> None:
    """Every settlement between the outermost strikes in steps of 50, which holds all kinks; naked tails by formula."""
    legs = [leg for book in books for leg in book]
    strikes = [k for _, k, n in legs if n] or [0.0]
    grid = np.arange(min(strikes), max(strikes) + 1.0, 50.0)
    payoff = sum(n * np.maximum((grid - k) if call else (k - grid), 0.0) for call, k, n in legs)
    worst = max(0.0, -float(np.min(payoff)))
    calls, puts = (-sum(n for call, _, n in legs if call is right) for right in (True, False))
    naked = 0.0
    if calls > 0:
        nearest = min(k for call, k, n in legs if call and n < 0)
        naked += calls * max(0.15 * SPOT - max(nearest - SPOT, 0.0), 0.10 * SPOT)
    if puts > 0:
        nearest = max(k for call, k, n in legs if not call and n < 0)
        naked += puts * max(0.15 * SPOT - max(SPOT - nearest, 0.0), 0.10 * nearest)
    tranches = tranches_of(*((Product.SPX_OPTION, 9, book) for book in books))
    assert bound(tranches) == pytest.approx(100.0 * (worst + naked), abs=1e-6)


def test_a_hedge_of_the_same_expiry_offsets_and_of_another_does_not() -> None:
    short: Legs = [(False, 3800.0, -1.0)]
    long: Legs = [(False, 3700.0, 1.0)]
    same = tranches_of((Product.SPX_OPTION, 9, short), (Product.SPX_OPTION, 9, long))
    other = tranches_of((Product.SPX_OPTION, 9, short), (Product.SPX_OPTION, 14, long))
    assert bound(same) == 100.0 * 100.0
    assert bound(other) == 100.0 * max(0.15 * SPOT - 200.0, 380.0)  # naked; the long put, worth nothing here, binds 0


def test_futures_of_one_expiry_net_and_calendar_spreads_do_not() -> None:
    long, short = [(False, 0.0, 3.0)], [(False, 0.0, -2.0)]
    netted = tranches_of((Product.VIX_FUTURE, 9, long), (Product.VIX_FUTURE, 9, short), mid=20.0)
    calendar = tranches_of((Product.VIX_FUTURE, 9, long), (Product.VIX_FUTURE, 30, short), mid=20.0)
    assert bound(netted, 20.0) == 9000.0
    assert bound(calendar, 20.0) == 5 * 9000.0


@pytest.mark.parametrize("product", [Product.SPX_UNIT, Product.VIX_ETN])
def test_units_and_notes_bind_a_quarter_of_their_value(product: Product) -> None:
    held = tranches_of((product, 99, [(False, 0.0, 12.0)]), mid=50.0)
    assert bound(held) == pytest.approx(0.25 * 600.0)


def test_closing_a_tranche_tells_what_the_others_bind() -> None:
    tranches = tranches_of(
        (Product.SPX_OPTION, 9, [(True, 4100.0, -1.0)]), (Product.SPX_OPTION, 9, [(True, 4150.0, 1.0)])
    )
    (part,) = MarginBook().parts(tranches, lambda _: np.array([SPOT]))
    assert part.bound == [5000.0]
    assert part.without(tranches[0], MarginConfig(), np.array([0])) == [0.0]
    assert part.without(tranches[1], MarginConfig(), np.array([0])) == [100.0 * 500.0]  # naked: 0.15 x 4000 - 100
