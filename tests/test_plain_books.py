"""A book of every engine kept in plain Python: prices, costs, variation, settlement and interest worked out again.

The journal says what was traded, when, and nothing else is believed: each price is a closed form of the toy market at
that close, each cost the published schedule, and equity at every close is cash plus positions at those prices.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import replace
from functools import cache
from math import exp, expm1
from typing import Any

import numpy as np
import pytest

from models.protocols import PathBlock
from sim.config import StrategyConfig
from sim.journal import Entry, Journal
from sim.market import MarketBlock
from sim.strategies.registry import REGISTRY, SHIPPED
from tests.engine_cases import CASES, engines_of
from tests.test_journal import recorded
from tests.test_no_lookahead import original
from tests.toy_market import DIVIDEND_YIELD, RATE, ToyPricer, black_scholes, toy_market

BOOKS = [
    "condor_side",
    "condor_whole",
    "layer1",
    "layer2",
    "layer3",
    "partial",
    "ratio",
    "sub_sma5",
    "crash_synthetic",
    "crash_etn",
    "buffer",
    "ladder",
    "self_funding",
    "neutral",
    "var_parametric",
    "rigid",
    "put_spread",
    "cndr",
    "vxth",
    "spx",
    "cash",
]
MULTIPLIER = {"spx_option": 100, "vix_option": 100, "vix_future": 1000, "spx_unit": 1, "vix_etn": 1}
TENOR = {"vix_option": ((0, 90, 220), (1, 1, 1.5)), "vix_future": ((0, 35, 70, 220), (1, 1, 2, 4))}
SPREAD = {  # fixed, share of the premium, smallest, widening by 100% of VIX above 20
    "spx_option": (0.03, 0.004, 0.025, 1.0),
    "vix_option": (0.0, 0.065, 0.025, 0.3),
    "vix_future": (0.0, 0.0, 0.025, 1.0),
    "spx_unit": (0.0, 0.0001, 0.005, 1.0),
    "vix_etn": (0.0, 0.0005, 0.005, 1.0),
}
Contract = tuple[str, str, float | None, str | None]


class Clerk:
    """Prices of one path of a toy market, from its closes."""

    def __init__(self, market: MarketBlock) -> None:
        self.market, self.day0 = market, market.day0
        self.dates = [str(date) for date in market.calendar.dates]
        self.monthly = [int(expiry) for expiry in market.expiries.vix_monthly]

    def future(self, t: int, expiry: int) -> float:
        variance = np.array([float(self.market.state(t)[0, 0])])
        return float(ToyPricer().vix_future(variance, (expiry - t) / 252))

    @cache  # noqa: B019
    def note(self, t: int) -> float:
        """100 on the first session; every day in the first two futures, by the sessions left to the first."""
        if t == 0:
            return 100.0
        left = [expiry for expiry in self.monthly if expiry > t - 1]
        gone = [expiry for expiry in self.monthly if expiry <= t - 1]
        period = left[0] - gone[-1] if gone else max(21, left[0] - (t - 1))
        share = (left[0] - t) / period
        then, now = (
            share * self.future(day, left[0]) + (1.0 - share) * self.future(day, left[1]) for day in (t - 1, t)
        )
        return self.note(t - 1) * (now / then + expm1(RATE / 252))

    def price(self, contract: Contract, t: int) -> float:
        product, right, strike, expiry = contract
        spot, vix = float(self.market.spot(t)[0]), float(self.market.vix(t)[0])
        if product == "spx_unit":
            return spot * exp(DIVIDEND_YIELD * (t - self.day0) / 252)
        if product == "vix_etn":
            return self.note(t)
        assert expiry is not None
        left = self.dates.index(expiry) - t
        if product == "vix_future":
            return vix if left == 0 else self.future(t, t + left)
        assert strike is not None
        if left == 0:
            level = spot if product == "spx_option" else vix
            return max(level - strike if right == "call" else strike - level, 0.0)
        if product == "spx_option":
            return float(black_scholes(spot, vix / 100.0, strike, left / 252, right == "call").price)
        variance = np.array([(vix / 100.0) ** 2])
        return float(ToyPricer().vix_option(variance, strike=strike, ttm=left / 252, is_call=right == "call"))

    def cost(self, entry: Entry, t: int) -> float:
        """What the legs of one order cost; settlement is free."""
        if entry.action == "settle":
            return 0.0
        total, crossing = 0.0, {1: 1.0, 2: 0.75, 4: 0.53}[len(entry.legs)]
        for leg in entry.legs:
            mid = self.price((leg.product, leg.right, leg.strike, leg.expiry), t)
            fixed, share, least, slope = SPREAD[leg.product]
            wide = max(least, fixed + share * mid) * (1.0 + slope * max(float(self.market.vix(t)[0]) / 20.0 - 1.0, 0.0))
            if leg.product in TENOR:
                assert leg.expiry is not None
                wide *= float(np.interp((self.dates.index(leg.expiry) - t) * 365 / 252, *TENOR[leg.product]))
            if leg.product != "vix_future":
                wide = min(wide, mid)
            total += abs(leg.quantity) * (crossing * wide * MULTIPLIER[leg.product] + fee(leg.product, mid))
        return total


def fee(product: str, mid: float) -> float:
    if product == "spx_option":
        return 0.71 + (0.36 if mid < 1.0 else 0.45)
    if product == "vix_option":
        return 0.71 + (0.10, 0.25, 0.40, 0.45)[bisect_right([0.11, 1.0, 2.0], mid)]
    return 0.87 + 1.51 if product == "vix_future" else 0.005


def equity_by_hand(journal: Journal, market: MarketBlock) -> list[float]:
    clerk, cash, equity = Clerk(market), 1e6, []
    held: dict[Contract, float] = {}
    for day in range(len(journal.days)):
        t = market.day0 + day
        if day:
            cash += cash * expm1(RATE / 252)
        for contract, number in held.items():
            before = clerk.price(contract, t - 1)
            if contract[0] == "vix_future":
                cash += 1000 * number * (clerk.price(contract, t) - before)
            if contract[0] == "vix_etn":
                cash -= number * before * 0.0089 / 252
        for entry in journal.entries:
            if entry.session != day or not entry.is_order:
                continue
            cash -= clerk.cost(entry, t)
            for leg in entry.legs:
                contract = (leg.product, leg.right, leg.strike, leg.expiry)
                if leg.product != "vix_future":
                    cash -= MULTIPLIER[leg.product] * leg.quantity * clerk.price(contract, t)
                held[contract] = held.get(contract, 0.0) + leg.quantity
        held = {contract: number for contract, number in held.items() if abs(number) > 1e-9}
        assert all(expiry is None or expiry > clerk.dates[t] for *_, expiry in held)  # what has expired is gone
        worth = [MULTIPLIER[c[0]] * n * clerk.price(c, t) for c, n in held.items() if c[0] != "vix_future"]
        equity.append(cash + sum(worth))
    return equity


def test_there_is_a_book_of_every_engine() -> None:
    assert {CASES[case][0] for case in BOOKS} == SHIPPED & REGISTRY.keys()


@pytest.mark.parametrize("case", BOOKS)
def test_equity_at_every_close_is_that_of_a_plain_book(case: str) -> None:
    whole = original()
    part: dict[str, Any] = {name: getattr(whole, name)[..., 4:6].copy() for name in ("spot", "state", "vix")}
    paths: PathBlock = replace(whole, **part)
    market = toy_market(paths, start_date="2019-03-04", tail_sessions=200)
    journal, outcomes = recorded(market, StrategyConfig(engines=engines_of(case)))
    expected = equity_by_hand(journal, market)
    np.testing.assert_allclose(outcomes.equity[:, 0], expected, rtol=0.0, atol=0.01)
    if case != "cash":
        ours = [entry for entry in journal.entries if entry.is_order and entry.engine == CASES[case][0]]
        assert ours or case == "var_parametric"


def test_a_fee_that_is_a_dollar_too_high_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    right = fee
    monkeypatch.setattr("tests.test_plain_books.fee", lambda product, mid: right(product, mid) + 1.0)
    market = toy_market(original(), start_date="2019-03-04", tail_sessions=200)
    journal, outcomes = recorded(market, StrategyConfig(engines=engines_of("put_spread")))
    assert np.abs(outcomes.equity[:, 0] - equity_by_hand(journal, market)).max() > 1.0
