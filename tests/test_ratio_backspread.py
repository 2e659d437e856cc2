"""The VIX ratio spread: triggers, strikes, size and roll, against values worked out by hand."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pytest
from scipy.optimize import brentq

from sim.strategies.iron_condor import IronCondorConfig
from sim.strategies.ratio_backspread import RatioBackspreadConfig
from tests.toy_market import VIX_MEAN, VIX_SPEED, Journal, ToyPricer, chosen_paths, run_recorded, toy_market

WARMUP, DAYS = 5, 36
N_TIMES = WARMUP + DAYS + 1
RATIO, CONDOR = "ratio_backspread", "iron_condor"
DIP = 9.0
"""VIX close at which a condor opened at 20 has earned most of its credit."""


def run(
    dips: dict[int, float],
    *,
    rsi: dict[int, float] | None = None,
    contango: dict[int, float] | None = None,
    macd: dict[str, float] | None = None,
    condor: dict[str, Any] | None = None,
    start: str = "2019-03-04",
    threshold: float = 0.08,
    **config: Any,
) -> Any:
    """Journal and calendar on a flat SPX with the VIX at 20, lower on the days of ``dips``; day 0 is a Monday.

    The future's RSI is 20 and contango 12% but for the days given: calm enough for an entry.
    """
    vix = np.full((N_TIMES, 1), 20.0)
    signals = {"rsi_vx1": np.full((N_TIMES, 1), 20.0), "contango": np.full((N_TIMES, 1), 0.12)}
    signals |= {name: np.full((N_TIMES, 1), value) for name, value in (macd or {}).items()}
    for series, values in ((vix, dips), (signals["rsi_vx1"], rsi or {}), (signals["contango"], contango or {})):
        for day, value in values.items():
            series[WARMUP + day] = value
    market = toy_market(chosen_paths(np.full((N_TIMES, 1), 4000.0), vix, WARMUP), start_date=start)
    exits = {"profit_target": None, "stop_loss_x_credit": None, "exit_days": None}
    condors = IronCondorConfig(**{**exits, **(condor or {})})
    rule = RatioBackspreadConfig(**{"contango": threshold, "breadth": False, **config})
    return run_recorded(market, condors, rule, scripted=signals), market.calendar


def opened(journal: Journal, last: int = 14) -> list[int]:
    """Days of entries in the first three weeks, before condors come near their profit by the passing of time."""
    return [t - WARMUP for t, _ in journal.opens(RATIO) if t - WARMUP <= last]


def closed(journal: Journal) -> list[int]:
    return [t - WARMUP for t, _, mask in journal.closes(RATIO) if mask.any()]


def condor_mids(strike: Any, vix: float, sessions: int) -> Any:
    state, right = np.full((1, 1), (vix / 100.0) ** 2), np.array([[False], [False], [True], [True]])
    value = ToyPricer().spx_option(4000.0, state, strike=strike[:, None], ttm=sessions / 252, is_call=right)
    return value.price[:, 0]


def profit_share(journal: Journal, vix: float, day: int) -> float:
    """Profit of the condor of day 0 over its credit, with the VIX at a level on a day."""
    contracts, sign = journal.opens(CONDOR)[0][1].contracts, np.array([1.0, -1.0, -1.0, 1.0])
    entry, now = (
        float(sign @ condor_mids(contracts.strike[:, 0], level, contracts.expiry - WARMUP - later))
        for level, later in ((20.0, 0), (vix, day))
    )
    return (now - entry) / -entry


def condor_risk(journal: Journal, t: int, entry_vix: dict[int, float]) -> float:
    """Width less credit of the condors held [USD]."""
    total = 0.0
    for held in journal.held(CONDOR, t):
        strike, level = held.contracts.strike[:, 0], entry_vix.get(held.entry_day - WARMUP, 20.0)
        mid = condor_mids(strike, level, held.contracts.expiry - held.entry_day)
        credit = mid[1] + mid[2] - mid[0] - mid[3]
        total += 100.0 * abs(held.quantity[1, 0]) * (max(strike[1] - strike[0], strike[3] - strike[2]) - credit)
    return total


def test_entered_on_the_monday_after_a_condor_came_near_its_profit() -> None:
    journal, calendar = run({8: DIP})
    assert profit_share(journal, DIP, 8) > 0.6
    assert profit_share(journal, 20.0, 10) < 0.6
    assert opened(journal) == [10]
    assert calendar.date(WARMUP + 10) == date(2019, 3, 18)
    assert opened(run({})[0]) == []


def test_profit_is_remembered_for_so_many_sessions() -> None:
    assert opened(run({5: DIP}, rsi={5: 40.0})[0]) == []  # the next Monday is five sessions later
    assert opened(run({6: DIP})[0]) == [10]
    assert opened(run({8: DIP}, memory_sessions=2)[0]) == []
    assert opened(run({8: DIP}, memory_sessions=3)[0]) == [10]
    assert opened(run({10: DIP}, memory_sessions=1)[0]) == [10]


def test_near_means_the_lower_of_share_and_profit_target() -> None:
    level = 14.5
    journal, _ = run({5: level})
    assert 0.35 < profit_share(journal, level, 5) < 0.6
    assert opened(journal) == []
    assert opened(run({5: level}, near_max_profit=0.35)[0]) == [5]
    with_target, _ = run({5: level}, condor={"profit_target": 0.35})
    assert opened(with_target) == [5]
    assert with_target.closes(CONDOR)[0][0] == WARMUP + 5  # sized on the condor that leaves at the same close
    assert opened(run({5: level}, condor={"profit_target": 0.7})[0]) == []


@pytest.mark.parametrize(
    "change",
    [
        {"rsi": {10: 30.0}},  # at the threshold, not below it
        {"rsi": {10: np.nan}},
        {"contango": {10: 0.08}},
        {"contango": {10: np.nan}},
        {"entry_weekday": "wednesday"},
    ],
)
def test_not_on_monday_without_each_of_the_triggers(change: dict[str, Any]) -> None:
    assert 10 not in opened(run({8: DIP}, **change)[0])


def test_other_thresholds_and_weekdays() -> None:
    assert opened(run({8: DIP}, rsi={10: 39.0}, rsi_vx1=40.0)[0]) == [10]
    assert opened(run({8: DIP}, contango={10: 0.05}, threshold=0.04)[0]) == [10]
    assert opened(run({8: DIP}, contango={10: 0.05}, threshold=0.06)[0]) == []
    assert opened(run({8: DIP}, entry_weekday="wednesday")[0]) == [12]
    # 21 January 2019 is a holiday: the week's first session is Tuesday the 22nd
    journal, calendar = run({4: DIP}, start="2019-01-14")
    assert calendar.date(journal.opens(RATIO)[0][0]) == date(2019, 1, 22)


@pytest.mark.parametrize(("ad", "vx1", "enters"), [(5.0, -0.1, True), (-5.0, -0.1, False), (5.0, 0.1, False)])
def test_by_default_breadth_and_term_structure_must_agree(ad: float, vx1: float, enters: bool) -> None:
    assert RatioBackspreadConfig().breadth
    journal, _ = run({8: DIP}, macd={"macd_ad": ad, "macd_vx1": vx1}, breadth=True)
    assert opened(journal) == ([10] if enters else [])


def test_nothing_without_condors() -> None:
    never = {"target_days": 34, "min_days": 33, "max_days": 34}  # no such expiry is listed
    journal, _ = run({8: DIP}, condor=never)
    assert journal.opens(CONDOR) == []
    assert opened(journal) == []


def future_by_hand(vix: float, sessions: int) -> float:
    return VIX_MEAN + (vix - VIX_MEAN) * np.exp(-VIX_SPEED * sessions / 252)


def call_by_hand(vix: float, strike: float, sessions: int) -> float:
    state = np.array([[(vix / 100.0) ** 2]])
    return float(ToyPricer().vix_option(state, strike=strike, ttm=sessions / 252, is_call=True)[0])


def break_even_by_hand(near: float, far: float, ratio: int, credit: float) -> float:
    """Settlement above the far strike at which short 1, long ``ratio`` neither gain nor lose."""

    def profit(settlement: float) -> float:
        return credit - max(settlement - near, 0.0) + ratio * max(settlement - far, 0.0)

    return float(brentq(profit, far, 500.0)) if profit(far) < 0.0 else -np.inf


def listed(low: float, high: float) -> list[float]:
    """Listed VIX strikes in (low, high]: 0.5 apart up to 20, 1 up to 30, 2.5 up to 50."""
    grid = [0.5 * k for k in range(1, 41)] + [20.0 + k for k in range(1, 11)] + [30.0 + 2.5 * k for k in range(1, 9)]
    return [k for k in grid if low < k <= high]


@pytest.mark.parametrize("vix", [20.0, 13.0, 26.0])
@pytest.mark.parametrize(
    "config", [{}, {"ratio": 3}, {"break_even": 4.0, "size": 0.2}, {"near_offset": 1.0, "sign": -1}]
)
def test_strikes_and_size_by_hand(vix: float, config: dict[str, Any]) -> None:
    ratio = config.get("ratio", 2)
    journal, calendar = run({8: DIP, 10: vix}, **config)
    ((t, order),) = journal.opens(RATIO)[:1]
    assert calendar.date(t) == date(2019, 3, 18)
    # 19 March is tomorrow and 17 April 30 days away
    assert calendar.date(order.contracts.expiry) == date(2019, 4, 17)
    sessions = order.contracts.expiry - t
    future = future_by_hand(vix, sessions)
    near, far = order.contracts.strike[:, 0]
    wanted = future + config.get("near_offset", 0.0)
    assert near in listed(0.0, 60.0)
    assert abs(near - wanted) == min(abs(k - wanted) for k in listed(0.0, 60.0))
    sold = call_by_hand(vix, near, sessions)
    target = future + config.get("break_even", 5.0)
    miss = {}
    for strike in listed(near, near + 10.0):
        credit = sold - ratio * call_by_hand(vix, strike, sessions)
        reached = break_even_by_hand(near, strike, ratio, credit)
        if np.isfinite(reached):
            miss[strike] = abs(reached - target)
    assert far == min(miss, key=lambda strike: miss[strike])
    assert miss[far] < 1.0
    loss = 100.0 * (far - near - sold + ratio * call_by_hand(vix, far, sessions))
    sign = config.get("sign", 1)
    if sign < 0:  # a debit spread, and one naked call: 20% of the future less what it is out of the money, at least 10%
        loss = 100.0 * (sold - call_by_hand(vix, far, sessions))
        loss += 100.0 * (ratio - 1) * max(0.2 * future - max(far - future, 0.0), 0.1 * future)
    capital = condor_risk(journal, t, {10: vix})
    units = np.floor(config.get("size", 0.35) * capital / loss)
    assert units > 1
    assert order.quantity[:, 0].tolist() == [-sign * units, sign * ratio * units]


def test_expiry_is_the_first_with_enough_days() -> None:
    journal, calendar = run({8: DIP}, min_days=31)  # 17 April is 30 days away
    assert calendar.date(journal.opens(RATIO)[0][1].contracts.expiry) == date(2019, 5, 22)
    journal, calendar = run({8: DIP}, min_days=30)
    assert calendar.date(journal.opens(RATIO)[0][1].contracts.expiry) == date(2019, 4, 17)


def test_no_second_spread_while_one_is_held() -> None:
    journal, _ = run({8: DIP, 15: DIP, 20: DIP})
    assert opened(journal, last=28) == [10]


def test_too_little_capital_for_one_unit() -> None:
    assert opened(run({8: DIP}, size=0.001)[0]) == []


def test_rolled_five_days_before_its_expiry_while_contango_is_left() -> None:
    journal, calendar = run({8: DIP}, rsi=dict.fromkeys(range(11, DAYS), 60.0), contango={29: 0.01})
    first, second = journal.opens(RATIO)
    # 12 April, day 29, is the first session within 5 days of 17 April; neither RSI nor 8% is asked for again
    assert calendar.date(second[0]) == date(2019, 4, 12)
    assert calendar.date(second[1].contracts.expiry) == date(2019, 5, 22)
    ((t, held, mask),) = journal.closes(RATIO)
    assert (t, mask.tolist()) == (second[0], [True])
    assert held.contracts is first[1].contracts
    np.testing.assert_array_equal(held.quantity, first[1].quantity)


def test_closed_and_not_rolled_without_contango() -> None:
    journal, _ = run({8: DIP}, rsi=dict.fromkeys(range(11, DAYS), 60.0), contango={29: 0.0})
    assert (opened(journal, last=DAYS), closed(journal)) == ([10], [29])


def test_other_days_to_the_roll() -> None:
    calm = dict.fromkeys(range(11, DAYS), 60.0)
    journal, calendar = run({8: DIP}, rsi=calm, roll_days=9)
    assert [calendar.date(t) for t, _, _ in journal.closes(RATIO)] == [date(2019, 4, 8)]
    journal, _ = run({8: DIP}, rsi=calm, roll_days=0)  # 17 April, day 32, is the expiry: settled, nothing to close
    assert closed(journal) == []
    assert journal.held(RATIO, WARMUP + 31)[0].quantity.any()
    assert not any(held.quantity.any() for held in journal.held(RATIO, WARMUP + 32))
