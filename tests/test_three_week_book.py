"""A book of three weeks, number by number: two paths of condors, worked out with nothing but the standard library.

Sessions, with the closes and volatilities that both paths see (interest 3%, dividends 1%, Black-Scholes prices):

====  ==========  ===================================  =============================================
day   date        path 0: quiet, volatility fades      path 1: falls, volatility doubles
====  ==========  ===================================  =============================================
0-2   2-4 Jan     4000, 16%                            4000, 16%
3     Mon 7 Jan   4000, 16%: first condor              4000, 16%: first condor
8     Mon 14 Jan  4005, 13%: second condor             3930, 20%: second condor
9     Tue 15 Jan  4010, 12%: first at its target       3900, 22%
12    Fri 18 Jan  4010, 10%                            3300, 32%: first stopped out
13    Tue 22 Jan  4010, 10%: third condor              3150, 30%: second stopped out, third condor
15    Thu 24 Jan  4010, 10%: second at its target      3170, 29%
====  ==========  ===================================  =============================================

Monday 21 January is a holiday, so the third week's condor is opened on Tuesday. On 7 January the last session
of February is 52 days away, 36 sessions; on 14 and 22 January the nearest Friday is 8 and 15 March: 53 and 52 days,
each 37 sessions.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import erf, exp, expm1, floor, log, sqrt
from statistics import NormalDist

import numpy as np
import pytest

from models.protocols import PathBlock, SimulationGrid
from sim.config import AccountConfig, CostsConfig, MarginConfig, StrategyConfig
from sim.evaluator import evaluate
from sim.market import MarketBlock
from sim.outcomes import Outcomes
from sim.strategies.iron_condor import IronCondorConfig
from tests.toy_market import toy_market

RATE, DIVIDEND_YIELD = 0.03, 0.01
WARMUP = 1
DATES = ["02", "03", "04", "07", "08", "09", "10", "11", "14", "15", "16", "17", "18", "22", "23", "24", "25"]
SPOTS = (
    [4000, 4000, 4000, 4000, 4000, 4005, 4005, 4000, 4005, 4010, 4010, 4005, 4010, 4010, 4015, 4010, 4010],
    [4000, 4000, 4000, 4000, 3990, 3980, 3960, 3950, 3930, 3900, 3820, 3650, 3300, 3150, 3180, 3170, 3150],
)
VOLS = (
    [0.16, 0.16, 0.16, 0.16, 0.16, 0.15, 0.15, 0.14, 0.13, 0.12, 0.11, 0.11, 0.10, 0.10, 0.10, 0.10, 0.10],
    [0.16, 0.16, 0.16, 0.16, 0.16, 0.17, 0.18, 0.19, 0.20, 0.22, 0.25, 0.30, 0.32, 0.30, 0.29, 0.29, 0.30],
)
ENTRY_DAYS = (3, 8, 13)
LIVES = {3: 36, 8: 37, 13: 37}
EQUITY = 1_000_000.0
STOP = 1.5  # at 2.0 it would need a larger loss than these wings allow: credits are above a third of the width


def normal(x: float) -> float:
    return 0.5 * (1.0 + erf(x / sqrt(2.0)))


def price(spot: float, vol: float, strike: float, sessions: int, is_call: bool) -> float:
    ttm = sessions / 252
    d1 = (log(spot / strike) + (RATE - DIVIDEND_YIELD + 0.5 * vol * vol) * ttm) / (vol * sqrt(ttm))
    d2 = d1 - vol * sqrt(ttm)
    call = spot * exp(-DIVIDEND_YIELD * ttm) * normal(d1) - strike * exp(-RATE * ttm) * normal(d2)
    return call if is_call else call - spot * exp(-DIVIDEND_YIELD * ttm) + strike * exp(-RATE * ttm)


def short_strikes(spot: float, vol: float, day: int) -> tuple[int, int]:
    """Strikes of the 20-delta put and call, to the nearest 5 points."""
    ttm = LIVES[day] / 252
    d1 = NormalDist().inv_cdf(1.0 - 0.2 * exp(DIVIDEND_YIELD * ttm))
    middle, reach = (RATE - DIVIDEND_YIELD + 0.5 * vol * vol) * ttm, d1 * vol * sqrt(ttm)
    put, call = spot * exp(middle - reach), spot * exp(middle + reach)
    return 5 * round(put / 5), 5 * round(call / 5)


@dataclass
class Condor:
    """One tranche of the hand-kept book."""

    opened: int
    strikes: tuple[int, int, int, int]
    units: int
    credit: float = 0.0
    mids: list[float] = field(default_factory=list)

    def mark(self, spot: float, vol: float, day: int) -> float:
        """Points that closing costs: what the shorts cost less what the longs bring."""
        left = self.opened + LIVES[self.opened] - day
        rights = (False, False, True, True)
        self.mids = [price(spot, vol, k, left, right) for k, right in zip(self.strikes, rights, strict=True)]
        return self.mids[1] - self.mids[0] + self.mids[2] - self.mids[3]

    def order_cost(self, vix: float) -> float:
        """Fees of 0.65 + 0.45 + 0.06 a contract, 0.09 less below 1 point; 53% of the half-spread on four legs."""
        widen = 1.0 + max(vix / 20.0 - 1.0, 0.0)
        spreads = [min(max(0.025, 0.03 + 0.004 * mid) * widen, mid) for mid in self.mids]
        fees = sum(1.16 if mid >= 1.0 else 1.07 for mid in self.mids)
        return self.units * (fees + sum(100.0 * 0.53 * spread for spread in spreads))


@dataclass
class Book:
    """What the arithmetic gives for one path."""

    equity: list[float] = field(default_factory=list)
    interest: float = 0.0
    costs: float = 0.0
    margin: float = 0.0
    trades: int = 0
    events: list[tuple[int, str, tuple[int, int, int, int], int]] = field(default_factory=list)


def keep_book(spots: list[int], vols: list[float]) -> Book:
    book, cash = Book(), EQUITY
    held: list[Condor] = []
    for day, (spot, vol) in enumerate(zip(spots, vols, strict=True)):
        earned = cash * expm1(RATE / 252) if day else 0.0
        book.interest += earned
        cash += earned
        value = {id(condor): -100.0 * condor.units * condor.mark(spot, vol, day) for condor in held}
        equity = cash + sum(value.values())
        book.margin = max(book.margin, sum(100.0 * 50.0 * c.units + value[id(c)] for c in held))
        if day < len(spots) - 1:  # nothing is decided on the last day
            staying = []
            for condor in held:
                profit = condor.credit + value[id(condor)] / (100.0 * condor.units)
                if profit >= 0.5 * condor.credit or -profit >= STOP * condor.credit:
                    cost = condor.order_cost(100.0 * vol)
                    cash += value[id(condor)] - cost
                    book.costs += cost
                    book.trades += 1
                    book.events.append((day, "close", condor.strikes, condor.units))
                else:
                    staying.append(condor)
            held = staying
            if day in ENTRY_DAYS:
                put, call = short_strikes(spot, vol, day)
                condor = Condor(day, (put - 50, put, call, call + 50), 0)
                condor.credit = condor.mark(spot, vol, day)
                condor.units = floor(0.03 * equity / (100.0 * (50.0 - condor.credit)))
                cost = condor.order_cost(100.0 * vol)
                cash += 100.0 * condor.units * condor.credit - cost
                book.costs += cost
                book.trades += 1
                book.events.append((day, "open", condor.strikes, condor.units))
                held.append(condor)
        after = sum(100.0 * c.units * (50.0 - c.mark(spot, vol, day)) for c in held)
        book.margin = max(book.margin, after)
        book.equity.append(cash - sum(100.0 * c.units * c.mark(spot, vol, day) for c in held))
    return book


def book_market(*order: int) -> MarketBlock:
    """Market of the two paths, in the given order."""
    n_days = len(DATES) - 1
    spot = np.array([[4000.0] * len(order), *zip(*(SPOTS[i] for i in order), strict=True)])
    vol = np.array([[0.16] * len(order), *zip(*(VOLS[i] for i in order), strict=True)])
    paths = PathBlock(
        grid=SimulationGrid(n_days=n_days, warmup_days=WARMUP), spot=spot, state=vol[:, None] ** 2, vix=100.0 * vol
    )
    market = toy_market(paths, start_date="2019-01-02")
    dates = market.calendar.dates[WARMUP : WARMUP + n_days + 1]
    assert [str(date) for date in dates] == [f"2019-01-{day}" for day in DATES]
    return market


BOOK = {"book": StrategyConfig(engines=(IronCondorConfig(stop_loss_x_credit=STOP),))}


@pytest.fixture(scope="module")
def outcomes() -> Outcomes:
    market = book_market(0, 1)
    return evaluate(market, BOOK, account=AccountConfig(), costs=CostsConfig(), margin=MarginConfig())["book"]


BOOKS = [keep_book(list(spots), list(vols)) for spots, vols in zip(SPOTS, VOLS, strict=True)]


def test_the_story_is_the_one_told_above() -> None:
    quiet, falling = ([(day, what, strikes[0]) for day, what, strikes, _ in book.events] for book in BOOKS)
    (first, second, third), (lower, lowest) = (3770, 3805, 3845), (3655, 2835)
    assert quiet == [
        (3, "open", first),
        (8, "open", second),
        (9, "close", first),
        (13, "open", third),
        (15, "close", second),
    ]
    assert falling == [
        (3, "open", first),
        (8, "open", lower),
        (12, "close", first),
        (13, "close", lower),
        (13, "open", lowest),
    ]


@pytest.mark.parametrize("path", [0, 1])
def test_every_close_has_the_equity_worked_out(outcomes: Outcomes, path: int) -> None:
    np.testing.assert_allclose(outcomes.equity[:, path], BOOKS[path].equity, rtol=1e-12)


@pytest.mark.parametrize("path", [0, 1])
def test_costs_interest_margin_and_trades_are_those_worked_out(outcomes: Outcomes, path: int) -> None:
    book = BOOKS[path]
    assert outcomes.engine_cost[0, path] == pytest.approx(book.costs, rel=1e-12)
    assert outcomes.interest[path] == pytest.approx(book.interest, rel=1e-12)
    assert outcomes.max_margin[path] == pytest.approx(book.margin, rel=1e-12)
    assert outcomes.n_trades[path] == book.trades
    gross = book.equity[-1] - EQUITY - book.interest + book.costs
    assert outcomes.engine_pnl[0, path] == pytest.approx(gross, rel=1e-9)
    assert not outcomes.ruined[path]
    assert outcomes.margin_calls[path] == 0
