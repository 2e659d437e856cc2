"""A condor book of three weeks, kept by hand in plain Python and compared with the evaluator number by number.

The market: sixteen closes from Monday 4 to Monday 25 March 2019 for two paths, A and B, and an option formula with the
VIX as its volatility, a short rate of 3% and a dividend yield of 1%. The rule: every Monday an iron condor that expires
on the Friday 11 days later (9 sessions), 20-delta shorts, wings of 50 points, 3% of equity at risk; closed at 80% of
its credit, or at a loss of its whole credit; otherwise held to settlement.

What happens, in ``BOOK_A`` and ``BOOK_B`` below (equity at the close, after costs):

* A, first tranche: held to Friday the 15th, settled with its short call in the money.
* A, second tranche: closed on Wednesday the 20th at 80% of its credit. Third: open on the last day, valued at mid.
* B, first tranche: stopped out on Friday the 8th in a fall. Second: target on Thursday the 21st.
  Third: stopped out on Friday the 22nd in a second fall.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest

from sim.config import AccountConfig
from sim.strategies.iron_condor import IronCondorConfig
from tests.toy_market import Journal, chosen_paths, run_recorded, toy_market

WARMUP = 3
RATE, DIVIDEND_YIELD = 0.03, 0.01
RULE = IronCondorConfig(
    target_days=11,
    min_days=8,
    max_days=14,
    exit_days=None,
    profit_target=0.8,
    stop_loss_x_credit=1.0,
    short_delta=0.20,
    wing_width=50.0,
    risk_per_tranche=0.03,
)

# day, SPX close, VIX close, tranche opened, tranche that leaves and why, equity [USD, to the dollar]
BOOK_A = [
    (0, 4000.0, 20.0, 0, None, 999824),
    (1, 4010.0, 19.5, None, None, 1001545),
    (2, 4025.0, 19.0, None, None, 1003176),
    (3, 4020.0, 19.2, None, None, 1004592),
    (4, 4030.0, 18.6, None, None, 1006475),
    (5, 4055.0, 18.0, 5, None, 1007021),
    (6, 4080.0, 17.5, None, None, 1007994),
    (7, 4095.0, 17.8, None, None, 1008277),
    (8, 4126.0, 17.0, None, None, 1005520),
    (9, 4146.0, 16.5, None, (0, "settled"), 1005419),
    (10, 4120.0, 17.0, 10, None, 1009331),
    (11, 4105.0, 16.8, None, None, 1013745),
    (12, 4095.0, 16.4, None, (5, "target"), 1017689),
    (13, 4100.0, 15.0, None, None, 1020784),
    (14, 4108.0, 15.2, None, None, 1022374),
    (15, 4100.0, 15.1, None, None, 1023736),
]
BOOK_B = [
    (0, 4000.0, 20.0, 0, None, 999824),
    (1, 3990.0, 20.5, None, None, 1000510),
    (2, 4005.0, 20.0, None, None, 1002462),
    (3, 3940.0, 23.0, None, None, 999423),
    (4, 3790.0, 29.0, None, (0, "stop"), 985321),
    (5, 3840.0, 29.0, 5, None, 985138),
    (6, 3905.0, 27.0, None, None, 986937),
    (7, 3925.0, 26.0, None, None, 988017),
    (8, 3935.0, 25.5, None, None, 989019),
    (9, 3950.0, 25.0, None, None, 989533),
    (10, 3945.0, 24.5, 10, None, 991315),
    (11, 3950.0, 24.0, None, None, 994257),
    (12, 3960.0, 23.0, None, None, 997781),
    (13, 3880.0, 28.0, None, (5, "target"), 998644),
    (14, 3690.0, 38.0, None, (10, "stop"), 983763),
    (15, 3730.0, 36.0, None, None, 983880),
]


def black(spot: float, vol: float, strike: float, sessions: int, is_call: bool) -> float:
    """Black's formula on the forward; intrinsic value at expiry."""
    if sessions == 0:
        return max(spot - strike if is_call else strike - spot, 0.0)
    years = sessions / 252
    forward = spot * math.exp((RATE - DIVIDEND_YIELD) * years)
    total = vol * math.sqrt(years)
    d1 = math.log(forward / strike) / total + 0.5 * total
    sign = 1.0 if is_call else -1.0
    up, down = (0.5 * (1.0 + math.erf(sign * d / math.sqrt(2.0))) for d in (d1, d1 - total))
    return math.exp(-RATE * years) * sign * (forward * up - strike * down)


def strike_of_delta(spot: float, vol: float, sessions: int, delta: float) -> float:
    """Strike with exp(-q T) N(d1) = delta for a call, -exp(-q T) N(-d1) = delta for a put, on the 5-point grid."""
    years = sessions / 252
    quantile = NormalDist().inv_cdf(abs(delta) * math.exp(DIVIDEND_YIELD * years))
    d1 = quantile if delta > 0 else -quantile
    forward = spot * math.exp((RATE - DIVIDEND_YIELD) * years)
    return 5.0 * round(forward * math.exp(0.5 * vol**2 * years - d1 * vol * math.sqrt(years)) / 5.0)


RIGHTS = (False, False, True, True)
SIGNS = (1, -1, -1, 1)
"""Long put, short put, short call, long call."""


@dataclass
class Condor:
    """One tranche as noted by hand."""

    entry: int
    expiry: int
    strikes: list[float]
    units: int
    entry_mids: list[float]

    def mids(self, day: int, close: float, vix: float) -> list[float]:
        left = self.expiry - day
        return [black(close, vix / 100.0, k, left, right) for k, right in zip(self.strikes, RIGHTS, strict=True)]

    def value(self, mids: list[float]) -> float:
        """Dollars that the position is worth: negative, closing it would cost."""
        return 100.0 * self.units * sum(sign * mid for sign, mid in zip(SIGNS, mids, strict=True))

    def cost(self, mids: list[float], vix: float) -> float:
        """Order of four legs: 0.53 of the half-spread 0.03 + 0.4% of the mid (at least 0.025, at most the mid), wider
        with the VIX above 20; 0.65 + 0.45 + 0.06 dollars a contract, 0.36 instead of 0.45 below a premium of 1."""
        stress = 1.0 + max(vix / 20.0 - 1.0, 0.0)
        half = [min(max(0.025, 0.03 + 0.004 * mid) * stress, mid) for mid in mids]
        fees = sum(1.16 if mid >= 1.0 else 1.07 for mid in mids)
        return self.units * (sum(100.0 * 0.53 * h for h in half) + fees)


@dataclass
class HandBook:
    """The whole account by hand; lists hold one number a day."""

    cash: float = 1_000_000.0
    interest: float = 0.0
    costs: float = 0.0
    trades: int = 0
    open: list[Condor] = field(default_factory=list)
    all: list[Condor] = field(default_factory=list)
    events: list[tuple[int | None, tuple[int, str] | None]] = field(default_factory=list)
    equity: list[float] = field(default_factory=list)
    margin: list[float] = field(default_factory=list)
    held: list[list[int]] = field(default_factory=list)

    def day(self, day: int, close: float, vix: float, *, is_monday: bool, is_last: bool) -> None:
        """One session."""
        left: tuple[int, str] | None = None
        if day > 0:  # interest of one session on yesterday's cash
            earned = self.cash * (math.exp(RATE / 252) - 1.0)
            self.cash += earned
            self.interest += earned
        for condor in [c for c in self.open if c.expiry == day]:  # settled at intrinsic value, free of costs
            self.cash += condor.value(condor.mids(day, close, vix))
            self.open.remove(condor)
            left = (condor.entry, "settled")
        marks = [condor.mids(day, close, vix) for condor in self.open]
        values = [condor.value(mids) for condor, mids in zip(self.open, marks, strict=True)]
        # a condor binds its wing of 50 points, less what closing it costs
        self.note_margin(day, close, vix)
        before_orders = self.cash + sum(values)
        opened = None
        if not is_last:
            for condor, mids, value in list(zip(self.open, marks, values, strict=True)):
                credit = -condor.value(condor.entry_mids)
                profit = value + credit
                if profit >= 0.8 * credit or profit <= -credit:
                    self.cash += value - condor.cost(mids, vix)
                    self.costs += condor.cost(mids, vix)
                    self.trades += 1
                    self.open.remove(condor)
                    left = (condor.entry, "target" if profit > 0 else "stop")
            if is_monday:
                opened = self.enter(day, close, vix, before_orders)
        self.note_margin(day, close, vix)
        self.events.append((opened, left))
        self.equity.append(self.cash + sum(c.value(c.mids(day, close, vix)) for c in self.open))
        self.held.append([condor.entry for condor in self.open])

    def note_margin(self, day: int, close: float, vix: float) -> None:
        """What the condors bind before or after the day's orders."""
        self.margin.append(sum(100.0 * 50.0 * c.units + c.value(c.mids(day, close, vix)) for c in self.open))

    def enter(self, day: int, close: float, vix: float, equity: float) -> int:
        """Open a condor that risks 3% of equity: (50 points - credit) x 100 a unit."""
        put, call = (strike_of_delta(close, vix / 100.0, 9, delta) for delta in (-0.20, 0.20))
        condor = Condor(day, day + 9, [put - 50.0, put, call, call + 50.0], 1, [])
        condor.entry_mids = condor.mids(day, close, vix)
        credit = -condor.value(condor.entry_mids)
        condor.units = math.floor(0.03 * equity / (50.0 * 100.0 - credit))
        cost = condor.cost(condor.entry_mids, vix)
        self.cash += -condor.value(condor.entry_mids) - cost
        self.costs += cost
        self.trades += 1
        self.open.append(condor)
        self.all.append(condor)
        return day


def by_hand(book: list[Any]) -> HandBook:
    account = HandBook()
    for day, close, vix, *_ in book:
        account.day(day, close, vix, is_monday=day % 5 == 0, is_last=day == len(book) - 1)
    return account


@pytest.fixture(scope="module")
def books() -> list[HandBook]:
    return [by_hand(BOOK_A), by_hand(BOOK_B)]


@pytest.fixture(scope="module")
def journal() -> Journal:
    """The evaluator on both paths at once; before day 0 the closes do not move."""
    spot, vix = (np.array([[row[i] for row in book] for book in (BOOK_A, BOOK_B)], dtype=float).T for i in (1, 2))
    spot, vix = (np.concatenate([np.repeat(values[:1], WARMUP, axis=0), values]) for values in (spot, vix))
    market = toy_market(chosen_paths(spot, vix, WARMUP), start_date="2019-03-04")
    return run_recorded(market, RULE, account=AccountConfig(initial_equity=1_000_000.0))


@pytest.mark.parametrize("path", [0, 1])
def test_the_table_is_what_the_arithmetic_gives(books: list[HandBook], path: int) -> None:
    table, account = (BOOK_A, BOOK_B)[path], books[path]
    assert [(row[3], row[4]) for row in table] == account.events
    assert [row[5] for row in table] == [round(equity) for equity in account.equity]


@pytest.mark.parametrize("path", [0, 1])
def test_entries(books: list[HandBook], journal: Journal, path: int) -> None:
    opens = journal.opens("iron_condor")
    assert len(opens) == len(books[path].all) == 3
    for (t, order), condor in zip(opens, books[path].all, strict=True):
        assert (t - WARMUP, order.contracts.expiry - WARMUP) == (condor.entry, condor.expiry)
        assert order.contracts.strike[:, path].tolist() == condor.strikes
        assert order.quantity[:, path].tolist() == [sign * condor.units for sign in SIGNS]


@pytest.mark.parametrize("path", [0, 1])
def test_equity_of_every_day(books: list[HandBook], journal: Journal, path: int) -> None:
    np.testing.assert_allclose(journal.outcomes.equity[:, path], books[path].equity, rtol=1e-9)


@pytest.mark.parametrize("path", [0, 1])
def test_positions_of_every_day(books: list[HandBook], journal: Journal, path: int) -> None:
    """What is held when a day is decided is what was held at the last close, less what settles today."""
    for day in range(1, 15):
        holdings = journal.held("iron_condor", WARMUP + day)
        held = [h.entry_day - WARMUP for h in holdings if h.quantity[:, path].any()]
        settled = [c.entry for c in books[path].all if c.expiry == day]
        assert held == [entry for entry in books[path].held[day - 1] if entry not in settled]


@pytest.mark.parametrize("path", [0, 1])
def test_exits(books: list[HandBook], journal: Journal, path: int) -> None:
    ordered = {(t - WARMUP, held.entry_day - WARMUP) for t, held, mask in journal.closes("iron_condor") if mask[path]}
    expected = {
        (day, left[0]) for day, (_, left) in enumerate(books[path].events) if left is not None and left[1] != "settled"
    }
    assert ordered == expected


@pytest.mark.parametrize("path", [0, 1])
def test_the_account_at_the_end(books: list[HandBook], journal: Journal, path: int) -> None:
    account, outcomes = books[path], journal.outcomes
    pnl = account.equity[-1] - 1_000_000.0 - account.interest + account.costs
    np.testing.assert_allclose(outcomes.engine_pnl[0, path], pnl, rtol=1e-9, atol=1e-6)
    np.testing.assert_allclose(outcomes.engine_cost[0, path], account.costs, rtol=1e-9)
    np.testing.assert_allclose(outcomes.interest[path], account.interest, rtol=1e-9)
    np.testing.assert_allclose(outcomes.max_margin[path], max(account.margin), rtol=1e-9)
    assert outcomes.n_trades[path] == account.trades
    assert outcomes.engine_active[0, path] == sum(bool(held) for held in account.held) / 16
    assert (outcomes.margin_calls[path], outcomes.ruined[path]) == (0, False)
    still_held = sum(c.value(c.mids(15, *(BOOK_A, BOOK_B)[path][15][1:3])) for c in account.open)
    np.testing.assert_allclose(outcomes.equity[-1, path] - still_held, account.cash, rtol=1e-9)
