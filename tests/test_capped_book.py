"""A week in which the cap on a condor and its hedges cuts an order, number by number, with the standard library alone.

Closes of the SPX and of the VIX on six sessions from Monday 4 March 2019 (interest 3%, dividends 1%, Black-Scholes
prices; the VIX curve reverts to 20 and its options have a volatility of 80%):

===  =====  =====  =======================================================================================
day  SPX    VIX    orders
===  =====  =====  =======================================================================================
0    4000   16     15 condors on 26 April, 38 sessions: 5% of equity at risk, R
1    3990   17     372 VIX call spreads on 17 April, 31 sessions: their premium is all of that risk, H
2    4010   16.5   11 condors on 26 April, 36 sessions: of their risk r, r + H r / (R + r) may be 6% of equity
3    4005   18
4    3985   17     13 condors on 30 April, 36 sessions, likewise, beside those that are open
5    4000   16     none, it is the last day
===  =====  =====  =======================================================================================

Good Friday, 19 April, is no session.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import exp, expm1, floor, log, sqrt
from statistics import NormalDist

import pytest

from sim.strategies.iron_condor import IronCondorConfig
from sim.strategies.rigid_vix import RigidVixConfig
from tests.test_three_week_book import DIVIDEND_YIELD, RATE, normal, price
from tests.toy_market import chosen_paths, run_recorded, toy_market

SPOTS = [4000.0, 3990.0, 4010.0, 4005.0, 3985.0, 4000.0]
VIX = [16.0, 17.0, 16.5, 18.0, 17.0, 16.0]
EXPIRY = {0: 38, 2: 38, 4: 40}
"""Day of a condor -> session of its expiry."""

SPREAD_EXPIRY = 32
RIGHTS = (False, False, True, True)


def strikes(day: int) -> tuple[float, ...]:
    """Listed strikes of the 20-delta put and call, 5 points apart, and of wings 50 points away."""
    spot, vol, ttm = SPOTS[day], VIX[day] / 100.0, (EXPIRY[day] - day) / 252
    middle = (RATE - DIVIDEND_YIELD + 0.5 * vol * vol) * ttm
    reach = NormalDist().inv_cdf(1.0 - 0.2 * exp(DIVIDEND_YIELD * ttm)) * vol * sqrt(ttm)
    put, call = (5.0 * round(spot * exp(middle + sign * reach) / 5.0) for sign in (-1.0, 1.0))
    return put - 50.0, put, call, call + 50.0


def vix_call(day: int, strike: float) -> float:
    ttm = (SPREAD_EXPIRY - day) / 252
    future, total = 20.0 + (VIX[day] - 20.0) * exp(-5.0 * ttm), 0.8 * sqrt(ttm)
    d1 = log(future / strike) / total + 0.5 * total
    return exp(-RATE * ttm) * (future * normal(d1) - strike * normal(d1 - total))


def spread_strikes(day: int) -> tuple[float, float]:
    """2 and 12 points above the future: half a point apart up to 20, one point up to 30, 2.5 beyond."""
    future = 20.0 + (VIX[day] - 20.0) * exp(-5.0 * (SPREAD_EXPIRY - day) / 252)
    steps = [0.5 if wanted < 20.0 else 1.0 if wanted < 30.0 else 2.5 for wanted in (future + 2.0, future + 12.0)]
    near, far = (step * round((future + up) / step) for step, up in zip(steps, (2.0, 12.0), strict=True))
    return near, far


@dataclass
class Book:
    """The hand-kept account."""

    cash: float = 1e6
    condors: list[tuple[int, tuple[float, ...], int, float]] = field(default_factory=list)
    spread: tuple[tuple[float, float], int, float] | None = None
    equity: list[float] = field(default_factory=list)

    def condor_mids(self, day: int, opened: int, legs: tuple[float, ...]) -> list[float]:
        left = EXPIRY[opened] - day
        return [price(SPOTS[day], VIX[day] / 100.0, k, left, right) for k, right in zip(legs, RIGHTS, strict=True)]

    def worth(self, day: int) -> float:
        total = self.cash
        for opened, legs, units, _ in self.condors:
            lp, sp, sc, lc = self.condor_mids(day, opened, legs)
            total += 100.0 * units * (lp - sp - sc + lc)
        if self.spread is not None:
            (near, far), units, _ = self.spread
            total += 100.0 * units * (vix_call(day, near) - vix_call(day, far))
        return total

    def sell_condor(self, day: int, cap: float | None) -> None:
        legs = strikes(day)
        lp, sp, sc, lc = mids = self.condor_mids(day, day, legs)
        credit, equity = sp + sc - lp - lc, self.worth(day)
        open_risk = sum(100.0 * units * (50.0 - entry) for _, _, units, entry in self.condors)
        premium = self.spread[2] if self.spread is not None else 0.0
        allowed = min(0.05 * equity, 0.20 * equity - open_risk)
        if cap is not None:  # the positive root of r^2 + (R + H - C) r - C R = 0
            most = cap * equity
            half = 0.5 * (open_risk + premium - most)
            allowed = min(allowed, sqrt(half * half + most * open_risk) - half)
        units = floor(allowed / (100.0 * (50.0 - credit)))
        widen = 1.0 + max(VIX[day] / 20.0 - 1.0, 0.0)
        halves = [min(max(0.025, 0.03 + 0.004 * mid) * widen, mid) for mid in mids]
        fees = sum(0.65 + 0.06 + (0.45 if mid >= 1.0 else 0.36) for mid in mids)
        self.cash += units * (100.0 * credit - 100.0 * 0.53 * sum(halves) - fees)
        self.condors.append((day, legs, units, credit))

    def buy_spread(self, day: int) -> None:
        near, far = spread_strikes(day)
        mids = [vix_call(day, near), vix_call(day, far)]
        risk = sum(100.0 * units * (50.0 - entry) for _, _, units, entry in self.condors)
        units = floor(risk / (100.0 * (mids[0] - mids[1])))
        halves = [min(max(0.025, 0.065 * mid), mid) for mid in mids]  # the VIX is below 20
        fees = sum(
            0.65 + 0.06 + (0.45 if mid >= 2.0 else 0.40 if mid >= 1.0 else 0.25 if mid >= 0.11 else 0.10)
            for mid in mids
        )
        self.cash -= units * (100.0 * (mids[0] - mids[1]) + 100.0 * 0.75 * sum(halves) + fees)
        self.spread = ((near, far), units, 100.0 * units * (mids[0] - mids[1]))


def keep_book(cap: float | None) -> Book:
    book = Book()
    for day in range(6):
        if day:
            book.cash += book.cash * expm1(RATE / 252)
        if day in EXPIRY:
            book.sell_condor(day, cap)
        if day == 1:
            book.buy_spread(day)
        book.equity.append(book.worth(day))
    return book


def test_the_story_is_the_one_told_above() -> None:
    """Of 15 condors that 5% of equity allows, the cap leaves 11 on day 2, and 13 on day 4 beside more open risk."""
    capped, free = keep_book(0.06), keep_book(None)
    assert [units for _, _, units, _ in capped.condors] == [15, 11, 13]
    assert [units for _, _, units, _ in free.condors] == [15, 15, 15]
    assert capped.spread == free.spread
    assert capped.spread is not None
    assert capped.spread[:2] == ((20.0, 30.0), 372)


@pytest.mark.parametrize("cap", [0.06, None])
def test_the_book_of_a_week_in_which_the_cap_cuts_an_order(cap: float | None) -> None:
    market = toy_market(
        chosen_paths([[4000.0], *([spot] for spot in SPOTS)], [[16.0], *([vix] for vix in VIX)], 1),
        start_date="2019-03-04",
    )
    rule = IronCondorConfig(
        entry_every=2,
        risk_per_tranche=0.05,
        combined_cap=cap,
        profit_target=None,
        stop_loss_x_credit=None,
        exit_days=None,
    )
    journal = run_recorded(market, rule, RigidVixConfig(level=10.0, size=1.0))
    book = keep_book(cap)
    sold = [(t - 1, order.contracts.expiry - 1, order) for t, order in journal.opens("iron_condor")]
    assert [(day, expiry) for day, expiry, _ in sold] == list(EXPIRY.items())
    for (_, _, order), (_, legs, units, _) in zip(sold, book.condors, strict=True):
        assert order.contracts.strike[:, 0].tolist() == list(legs)
        assert order.quantity[:, 0].tolist() == [units, -units, -units, units]
    ((bought, order),) = journal.opens("rigid_vix")
    assert book.spread is not None
    assert (bought - 1, order.contracts.expiry - 1) == (1, SPREAD_EXPIRY)
    assert order.contracts.strike[:, 0].tolist() == list(book.spread[0])
    assert order.quantity[0, 0] == book.spread[1]
    assert journal.outcomes.equity[:, 0] == pytest.approx(book.equity, rel=1e-12)
