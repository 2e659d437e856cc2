"""Signals of the book: what open condors and hedges are worth, worked out on chosen positions and in plain Python."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy.special import ndtr

from sim.conditions import BOOK_SIGNALS, BOOK_UNITS, condition
from sim.config import AccountConfig, CostsConfig
from sim.contracts import Product
from sim.ledger import Ledger
from sim.quotes import QuoteBook
from sim.strategies.book_signals import FUNCTIONS, GATE
from sim.strategies.protocols import DayView
from tests.toy_market import RATE, VIX_MEAN, VIX_SPEED, VIX_VOL, black_scholes, chosen_paths, toy_market

SPOT, VIX, DAY, EXPIRY = 4000.0, 22.0, 5, 41
"""Everything stands still; positions are opened on day 0 and looked at on session ``DAY``."""

STRIKES, RIGHTS = (3750.0, 3800.0, 4200.0, 4250.0), (False, False, True, True)
YEARS = (EXPIRY - DAY) / 252
MOVES = ((0.02, -0.10, 0.20), (0.005, -0.04, 0.45), (-0.01, 0.05, 0.22), (-0.03, 0.25, 0.10), (-0.07, 0.70, 0.03))
"""Outcomes of a release: return of the SPX, of VIX futures, probability."""


@pytest.fixture
def view() -> DayView:
    """Two paths, of which the first alone will hold anything."""
    market = toy_market(chosen_paths(np.full((30, 2), SPOT), VIX, 0))
    ledger = Ledger(("iron_condor", "hedge", "spx"), 2, 1e6, CostsConfig())
    return DayView(market, QuoteBook(market), ledger, AccountConfig(), DAY, alive=np.ones(2, dtype=np.bool_))


def hold(view: DayView, engine: str, product: Product, rights: Any, strikes: Any, quantity: Any, day: int = 0) -> None:
    """Open at the mids of ``day`` and mark at those of ``DAY``."""
    strike = np.repeat(np.array(strikes, dtype=float)[:, None], 2, axis=1)
    held = np.array(quantity, dtype=float)[:, None] * np.array([1.0, 0.0])
    if product is Product.VIX_FUTURE:
        contracts = view.future(EXPIRY)
    elif product is Product.VIX_ETN:
        contracts = view.holding(product)
    else:
        contracts = view.contracts((engine, product, str(strikes)), product, list(rights), strike, EXPIRY)
    ledger, quotes, vix = view._ledger, view._quotes, np.full(2, VIX)
    tranche = ledger.open(engine, contracts, held, day, quotes.mids(contracts, day), vix)
    mids = np.where(held != 0.0, quotes.mids(contracts, DAY), 0.0)  # as quotes of held contracts come
    ledger.mark(tranche, mids)


def condor(view: DayView) -> None:
    hold(view, "iron_condor", Product.SPX_OPTION, RIGHTS, STRIKES, (3.0, -3.0, -3.0, 3.0))


def spx_option(strike: float, right: bool, sessions: int) -> float:
    return float(black_scholes(SPOT, VIX / 100.0, strike, sessions / 252, right).price)


def condor_credit(sessions: int) -> float:
    prices = [spx_option(k, right, sessions) for k, right in zip(STRIKES, RIGHTS, strict=True)]
    return prices[1] + prices[2] - prices[0] - prices[3]


def signal(view: DayView, name: str) -> float:
    values = view.book_signal(name)
    assert values.shape == (2,)
    return float(values[0])


def test_every_book_signal_has_a_meaning_and_a_function() -> None:
    assert FUNCTIONS.keys() == BOOK_SIGNALS.keys() == BOOK_UNITS.keys()


@pytest.mark.parametrize("name", ["extrinsic", "breakeven_lo", "breakeven_hi", "hedge_irr", "funding_cost"])
def test_without_a_position_there_is_nothing_to_know(name: str, view: DayView) -> None:
    assert np.isnan(view.book_signal(name)).all()
    for op in ("<", ">="):
        assert not view.holds(condition({"signal": name, "op": op, "value": 0.0})).any()


def test_extrinsic_value_is_what_the_clock_still_pays(view: DayView) -> None:
    """The SPX stands between the sold strikes: all that closing costs is time value."""
    condor(view)
    assert signal(view, "extrinsic") == pytest.approx(condor_credit(EXPIRY - DAY) / condor_credit(EXPIRY), rel=1e-9)
    assert np.isnan(view.book_signal("extrinsic")[1])


def test_extrinsic_value_leaves_out_what_is_lost_at_todays_spx(view: DayView) -> None:
    """Put spread sold with its short strike 30 points above the SPX: 30 of its value are no time value."""
    hold(view, "iron_condor", Product.SPX_OPTION, (False, False), (3950.0, 4030.0), (1.0, -1.0))
    left, credit = (
        spx_option(4030.0, False, days) - spx_option(3950.0, False, days) for days in (EXPIRY - DAY, EXPIRY)
    )
    assert signal(view, "extrinsic") == pytest.approx((left - 30.0) / credit, rel=1e-9)


def test_break_evens_are_distances_to_strike_and_credit(view: DayView) -> None:
    condor(view)
    credit = condor_credit(EXPIRY)
    assert signal(view, "breakeven_lo") == pytest.approx((SPOT - (3800.0 - credit)) / SPOT, rel=1e-9)
    assert signal(view, "breakeven_hi") == pytest.approx((4200.0 + credit - SPOT) / SPOT, rel=1e-9)


def future(sessions: int) -> float:
    return VIX_MEAN + (VIX - VIX_MEAN) * math.exp(-VIX_SPEED * sessions / 252)


def vix_call(level: float, strike: float, years: float) -> float:
    total = VIX_VOL * math.sqrt(years)
    d1 = math.log(level / strike) / total + 0.5 * total
    return math.exp(-RATE * years) * float(level * ndtr(d1) - strike * ndtr(d1 - total))


def test_irr_and_funding_of_a_mixed_book_by_hand(view: DayView) -> None:
    """A naked short call beside a long one, two futures and 30 notes; the condor is no hedge.

    Session 5 is 9 January 2019: the next release is the CPI of 11 January, two sessions later.
    """
    condor(view)
    hold(view, "hedge", Product.VIX_OPTION, (True, True), (20.0, 25.0), (1.0, -2.0))
    hold(view, "hedge", Product.VIX_FUTURE, (False,), (0.0,), (2.0,))
    hold(view, "hedge", Product.VIX_ETN, (False,), (0.0,), (30.0,))
    level, note = future(EXPIRY - DAY), float(view.mids(view.holding(Product.VIX_ETN))[0, 0])
    near, far = (vix_call(level, k, YEARS) for k in (20.0, 25.0))
    later = {
        k: sum(p * vix_call(level * (1.0 + move), k, YEARS - 2 / 252) for _, move, p in MOVES) for k in (20.0, 25.0)
    }
    mean = sum(p * move for _, move, p in MOVES)
    gain = 100.0 * (later[20.0] - near - 2.0 * (later[25.0] - far)) + 2000.0 * mean * level + 30.0 * mean * note
    value = 100.0 * (near - 2.0 * far)
    naked = 100.0 * max(0.20 * level - max(25.0 - level, 0.0), 0.10 * level)
    margin = 100.0 * (near - far) + naked - max(value, 0.0) + 2.0 * 0.45 * 1000.0 * level
    paid = max(value, 0.0) + 30.0 * note
    growth = 1.0 + gain / (paid + margin)
    assert signal(view, "hedge_irr") == pytest.approx(growth ** (252 / 2) - 1.0, rel=1e-9)
    weight = margin / (paid + margin)
    assert signal(view, "funding_cost") == pytest.approx(weight * 0.08 + (1.0 - weight) * RATE, rel=1e-9)
    assert np.isnan(view.book_signal("hedge_irr")[1])


def test_the_outcomes_are_those_of_the_gate() -> None:
    assert tuple((m.spx, m.vix_future, m.probability) for m in GATE.moves) == MOVES
    assert (GATE.horizon_sessions, GATE.opportunity_rate) == (None, 0.08)
