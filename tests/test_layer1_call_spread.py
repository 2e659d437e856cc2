"""Layer 1 of the hedge: when it goes on and off, what it buys, and how much, against values worked out by hand."""

from __future__ import annotations

from datetime import date
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from sim.strategies.iron_condor import IronCondorConfig
from sim.strategies.layer1_call_spread import Layer1CallSpreadConfig
from tests.toy_market import VIX_MEAN, VIX_SPEED, Journal, ToyPricer, chosen_paths, run_recorded, toy_market

WARMUP, DAYS = 40, 30
N_TIMES = WARMUP + DAYS + 1
LAYER, CONDOR = "layer1_call_spread", "iron_condor"
HELD_CONDORS = IronCondorConfig(profit_target=None, stop_loss_x_credit=None, exit_days=None)
CALM = {"contango_z": -0.5, "rsi_spx": 55.0, "inverted": 0.0, "ad_line": 0.0}
"""Signals that neither switch the layer on nor off."""


def run(script: dict[str, dict[int, float]], *, vix: float = 16.0, condors: bool = True, **config: Any) -> Any:
    """Journal and calendar on flat closes with signals chosen by day; 2019-03-04, day 0, is a Monday."""
    signals = {}
    for name, calm in CALM.items():
        series = np.full((N_TIMES, 1), calm)
        for day, value in script.get(name, {}).items():
            series[WARMUP + day] = value
        signals[name] = series
    market = toy_market(chosen_paths(np.full((N_TIMES, 1), 4000.0), vix, WARMUP), start_date="2019-03-04")
    # without condors there is nothing to protect: these ask for expiries that are never listed
    window = {} if condors else {"target_days": 34, "min_days": 33, "max_days": 34}
    condor = HELD_CONDORS.model_copy(update=window)
    layer = Layer1CallSpreadConfig(**{"breadth": False, **config})
    return run_recorded(market, condor, layer, scripted=signals), market.calendar


def days(journal: Journal, last: int = 24) -> tuple[list[int], list[int]]:
    """Days of entries and of exits, counted from day 0, up to the last one before a layer of March is rolled."""
    opened = [t - WARMUP for t, _ in journal.opens(LAYER)]
    closed = [t - WARMUP for t, _, mask in journal.closes(LAYER) if mask.any()]
    return [day for day in opened if day <= last], [day for day in closed if day <= last]


def span(first: int, last: int, value: float) -> dict[int, float]:
    return dict.fromkeys(range(first, last + 1), value)


ERODED = {"contango_z": {7: -2.0}, "rsi_spx": {7: 45.0}}
"""Contango two deviations below its mean, and an RSI that fell from 55 to 45, on day 7."""


def test_on_when_contango_has_eroded_and_the_index_weakens() -> None:
    assert days(run(ERODED)[0]) == ([7], [])


@pytest.mark.parametrize(
    "script",
    [
        {},
        {"contango_z": {7: -1.5}, "rsi_spx": {7: 45.0}},  # at the threshold, not below it
        {"contango_z": {7: -2.0}, "rsi_spx": {7: 50.0}},  # falling, not below 50
        {"contango_z": {7: -2.0}, "rsi_spx": {2: 45.0, 7: 45.0}},  # below 50, no lower than five sessions ago
        {"contango_z": {7: -2.0}},
        {"rsi_spx": {7: 45.0}},
        {"contango_z": {7: np.nan}, "rsi_spx": {7: 45.0}},
    ],
)
def test_off_while_any_part_of_the_trigger_is_missing(script: dict[str, dict[int, float]]) -> None:
    assert days(run(script)[0]) == ([], [])


def test_fall_of_the_rsi_is_read_over_the_chosen_sessions() -> None:
    script = {"contango_z": {7: -2.0}, "rsi_spx": {2: 44.0, 4: 46.0, 7: 45.0}}
    assert days(run(script)[0]) == ([], [])
    assert days(run(script, rsi_fall_days=3)[0]) == ([7], [])


def test_inversion_switches_on_early_where_asked() -> None:
    script = {"inverted": {9: 1.0}, "rsi_spx": {9: 54.0}}  # RSI above 50 but falling; contango_z above its threshold
    assert days(run(script)[0]) == ([9], [])
    assert days(run(script, early=False)[0]) == ([], [])
    assert days(run({"inverted": {9: 1.0}})[0]) == ([], [])  # the RSI does not fall


@pytest.mark.parametrize(("line", "expected"), [(-300.0, [7]), (300.0, []), (0.0, [])])
def test_by_default_the_early_trigger_listens_to_breadth(line: float, expected: list[int]) -> None:
    """The curve inverts on day 7; the RSI stands still, the A/D line has moved over the five sessions before."""
    assert Layer1CallSpreadConfig().breadth
    script = {"inverted": {7: 1.0}, "ad_line": span(3, DAYS, line)}
    assert days(run(script, breadth=True)[0])[0] == expected


def test_nothing_to_protect_nothing_bought() -> None:
    journal, _ = run(ERODED, condors=False)
    assert journal.opens(CONDOR) == []
    assert days(journal) == ([], [])
    # on day 0 the condor itself is only being opened
    journal, _ = run({"contango_z": {0: -2.0}, "rsi_spx": {0: 45.0}})
    assert journal.opens(CONDOR)[0][0] == WARMUP
    assert days(journal) == ([], [])


def test_held_once_while_the_trigger_lasts() -> None:
    script = {"contango_z": span(7, 12, -2.0), "rsi_spx": {day: 50.0 - day for day in range(7, 13)}}
    assert days(run(script)[0]) == ([7], [])


def test_off_when_contango_has_recovered() -> None:
    script = {"contango_z": {7: -2.0, 13: 0.0, 15: 0.1}, "rsi_spx": {7: 45.0}}
    assert days(run(script)[0]) == ([7], [15])  # 0.0 on day 13 is not above 0
    # not while the curve is inverted
    assert days(run({**script, "inverted": {15: 1.0}})[0]) == ([7], [])
    # and on again at the next trigger
    again = {"contango_z": {7: -2.0, 13: 0.5, 20: -3.0}, "rsi_spx": {7: 45.0, 20: 40.0}}
    assert days(run(again)[0]) == ([7, 20], [13])


def future_by_hand(vix: float, sessions: int) -> float:
    return VIX_MEAN + (vix - VIX_MEAN) * np.exp(-VIX_SPEED * sessions / 252)


def call_by_hand(vix: float, strike: float, sessions: int) -> float:
    state = np.array([[(vix / 100.0) ** 2]])
    return float(ToyPricer().vix_option(state, strike=strike, ttm=sessions / 252, is_call=True)[0])


def condor_risk_by_hand(journal: Journal, t: int) -> float:
    """Width less credit of the condors held, from the closed form on flat closes (VIX 16) [USD]."""
    total = 0.0
    for held in journal.held(CONDOR, t):
        strike = held.contracts.strike[:, 0]
        years = (held.contracts.expiry - held.entry_day) / 252
        state, right = np.full((1, 1), 0.16**2), np.array([False, False, True, True])
        mid = [
            float(ToyPricer().spx_option(4000.0, state, strike=k, ttm=years, is_call=call).price[0])
            for k, call in zip(strike, right, strict=True)
        ]
        credit = mid[1] + mid[2] - mid[0] - mid[3]
        total += 100.0 * abs(held.quantity[1, 0]) * (max(strike[1] - strike[0], strike[3] - strike[2]) - credit)
    return total


@pytest.mark.parametrize(
    ("config", "expiry"),
    [
        ({}, date(2019, 4, 17)),  # after 13 March: the monthly expiries are 19 March, 17 April, 22 May
        ({"expiry_number": 1, "roll_days": 2}, date(2019, 3, 19)),
        ({"expiry_number": 1, "roll_days": 6}, date(2019, 4, 17)),  # six days to 19 March: it would be rolled at once
        ({"expiry_number": 3, "long_offset": 4.0, "short_offset": 9.0, "size": 0.25}, date(2019, 5, 22)),
    ],
)
def test_strikes_and_size_by_hand(config: dict[str, Any], expiry: date) -> None:
    journal, calendar = run(ERODED, **config)
    t, order = journal.opens(LAYER)[0]
    contracts = order.contracts
    assert calendar.date(t) == date(2019, 3, 13)
    assert calendar.date(contracts.expiry) == expiry
    sessions = contracts.expiry - t
    future = future_by_hand(16.0, sessions)
    # 0.5 points between strikes up to 20, 1 up to 30
    wanted = [future + config.get("long_offset", 2.0), future + config.get("short_offset", 12.0)]
    listed = [round(k / step) * step for k in wanted for step in [0.5 if k < 20 else 1.0 if k < 30 else 2.5]]
    assert contracts.strike[:, 0].tolist() == listed
    assert contracts.is_call.all()
    debit = 100.0 * (call_by_hand(16.0, listed[0], sessions) - call_by_hand(16.0, listed[1], sessions))
    units = np.floor(config.get("size", 0.10) * condor_risk_by_hand(journal, t) / debit)
    assert units > 1
    assert order.quantity[:, 0].tolist() == [units, -units]


def test_a_budget_below_one_contract_buys_nothing() -> None:
    assert days(run(ERODED, size=0.0004)[0]) == ([], [])
    assert days(run(ERODED, size=0.0100)[0])[0] == [7]


def test_rolled_into_the_next_expiry_ten_days_before() -> None:
    journal, calendar = run(ERODED)
    # the spread of 17 April goes on 13 March; 8 April, day 25, is the first session within 10 days of it
    assert days(journal, DAYS) == ([7, 25], [25])
    opens = journal.opens(LAYER)
    assert calendar.date(opens[1][0]) == date(2019, 4, 8)
    assert calendar.date(opens[1][1].contracts.expiry) == date(2019, 5, 22)  # second monthly after 8 April
    (closed,) = journal.closes(LAYER)
    assert closed[1].contracts is opens[0][1].contracts
    assert closed[2].tolist() == [True]


def test_not_rolled_where_the_layer_is_over() -> None:
    journal, _ = run({**ERODED, "contango_z": {7: -2.0, 25: 0.5}})
    assert days(journal, DAYS) == ([7], [25])


def test_other_days_to_the_roll() -> None:
    journal, calendar = run(ERODED, roll_days=20)
    assert [calendar.date(t) for t, _ in journal.opens(LAYER)] == [date(2019, 3, 13), date(2019, 3, 28)]
    journal, _ = run(ERODED, roll_days=5)
    assert days(journal, DAYS) == ([7, 29], [29])
    assert calendar.date(WARMUP + 29) == date(2019, 4, 12)


def wilder_rsi(closes: Any, window: int = 14) -> list[float]:
    moves = [b - a for a, b in pairwise(closes)]
    up, down = (sum(max(s * m, 0.0) for m in moves[:window]) / window for s in (1.0, -1.0))
    values = [np.nan] * window + [100.0 * up / (up + down)]
    for move in moves[window:]:
        up = (up * (window - 1) + max(move, 0.0)) / window
        down = (down * (window - 1) + max(-move, 0.0)) / window
        values.append(100.0 * up / (up + down))
    return values


def test_real_signals_switch_on_where_the_rule_says() -> None:
    """A sell-off: the trigger computed from the closes by plain Python, and the layer's first entry."""
    rng = np.random.default_rng(3)
    spot = 4000.0 * np.exp(np.cumsum(rng.normal(0.0, 0.004, N_TIMES)))
    vix = 15.0 + 0.3 * rng.standard_normal(N_TIMES)
    for step in range(12):
        spot[WARMUP + 8 + step :] *= 0.99
        vix[WARMUP + 8 + step :] += 0.6
    market = toy_market(chosen_paths(spot[:, None], vix[:, None], WARMUP), start_date="2019-03-04")
    journal = run_recorded(market, HELD_CONDORS, Layer1CallSpreadConfig(early=False))
    monthly = [int(day) for day in market.expiries.vix_monthly]
    contango = []
    for t in range(N_TIMES):
        first, second = [day for day in monthly if day > t][:2]
        contango.append(future_by_hand(vix[t], second - t) / future_by_hand(vix[t], first - t) - 1.0)
    rsi, fires = wilder_rsi(spot.tolist()), []
    for t in range(WARMUP + 1, N_TIMES - 1):
        window = np.array(contango[t - 29 : t + 1])
        z = (contango[t] - window.mean()) / window.std(ddof=1)
        if z < -1.5 and rsi[t] < 50.0 and rsi[t] < rsi[t - 5]:
            fires.append(t)
    assert fires[0] > WARMUP + 3  # not at once
    assert journal.opens(LAYER)[0][0] == fires[0]
