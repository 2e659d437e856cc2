"""Decisions of the iron condor on markets with chosen closes, against strikes, sizes and exits worked out by hand."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pytest
from scipy.stats import norm

from sim.config import AccountConfig
from sim.strategies.iron_condor import IronCondorConfig
from tests.toy_market import DIVIDEND_YIELD, RATE, Journal, black_scholes, chosen_paths, run_recorded, toy_market

WARMUP = 5
CONDOR = "iron_condor"
IS_CALL = np.array([[False], [False], [True], [True]])


def run(
    spot: Any, vix: Any = 20.0, start: str = "2019-03-04", *, account: AccountConfig | None = None, **config: Any
) -> tuple[Journal, Any]:
    """Decisions and dates on a market whose closes from day 0 on are given, flat before; 2019-03-04 is a Monday."""
    spot = np.atleast_2d(np.asarray(spot, dtype=float).T).T
    spot, vix = np.broadcast_arrays(spot, np.atleast_2d(np.asarray(vix, dtype=float).T).T)
    before = [np.repeat(values[:1], WARMUP, axis=0) for values in (spot, vix)]
    paths = chosen_paths(np.concatenate([before[0], spot]), np.concatenate([before[1], vix]), WARMUP)
    market = toy_market(paths, start_date=start)
    return run_recorded(market, IronCondorConfig(**config), account=account), market.calendar


def prices(spot: Any, vol: Any, strike: Any, sessions: int) -> Any:
    return black_scholes(spot, vol, strike, sessions / 252, IS_CALL).price


def strike_by_hand(spot: float, vol: float, sessions: int, delta: float) -> float:
    """Strike of a delta: delta = +-exp(-q T) N(+-d1), solved for the strike and rounded to 5 points."""
    years = sessions / 252
    sign = 1.0 if delta > 0 else -1.0
    d1 = sign * norm.ppf(abs(delta) * np.exp(DIVIDEND_YIELD * years))
    forward = spot * np.exp((RATE - DIVIDEND_YIELD) * years)
    return 5.0 * round(forward * np.exp(0.5 * vol**2 * years - d1 * vol * np.sqrt(years)) / 5.0)


def entry_dates(journal: Journal, calendar: Any) -> list[date]:
    return [calendar.date(t) for t, _ in journal.opens(CONDOR)]


def test_a_tranche_every_monday_and_none_on_the_last_day() -> None:
    journal, calendar = run(np.full(16, 4000.0))  # 4 to 25 March, Mondays at both ends
    assert entry_dates(journal, calendar) == [date(2019, 3, 4), date(2019, 3, 11), date(2019, 3, 18)]


@pytest.mark.parametrize(("start", "enters"), [("2019-03-04", True), ("2019-03-05", False), ("2019-01-22", True)])
def test_a_run_without_history_knows_its_first_weekday(start: str, enters: bool) -> None:
    market = toy_market(chosen_paths(np.full((3, 1), 4000.0), 20.0, 0), start_date=start)  # 21 January is a holiday
    journal = run_recorded(market, IronCondorConfig())
    assert [t for t, _ in journal.opens(CONDOR)] == ([0] if enters else [])


def test_another_weekday_and_a_start_in_mid_week() -> None:
    journal, calendar = run(np.full(16, 4000.0), entry_weekday="thursday")
    assert entry_dates(journal, calendar) == [date(2019, 3, 7), date(2019, 3, 14), date(2019, 3, 21)]
    journal, calendar = run(np.full(5, 4000.0), start="2019-03-05")  # Tuesday to Monday: its Monday was before day 0
    assert entry_dates(journal, calendar) == []


def test_a_closed_monday_moves_the_entry_to_tuesday() -> None:
    journal, calendar = run(np.full(7, 4000.0), start="2019-01-17")  # 21 January: Martin Luther King day
    assert entry_dates(journal, calendar) == [date(2019, 1, 22)]
    journal, calendar = run(np.full(8, 4000.0), start="2019-04-15", entry_weekday="friday")  # Good Friday on the 19th
    assert entry_dates(journal, calendar) == [date(2019, 4, 22)]  # Monday makes up for it; the 26th is the last day


@pytest.mark.parametrize(
    ("window", "expiry"),
    [
        (
            {},
            date(2019, 4, 26),
        ),  # Fridays: 46 days on 19 April (closed: the 18th, 45 days), 53 on the 26th, 60 on 3 May
        ({"target_days": 45}, date(2019, 4, 18)),
        ({"target_days": 59}, date(2019, 5, 3)),
        ({"target_days": 30, "min_days": 22, "max_days": 31}, date(2019, 3, 29)),  # 25 days; 5 April is too far
        ({"target_days": 30, "min_days": 22, "max_days": 32}, date(2019, 4, 5)),  # 32 days
    ],
)
def test_expiry_is_the_nearest_within_the_window(window: dict[str, int], expiry: date) -> None:
    journal, calendar = run(np.full(3, 4000.0), **window)
    assert [calendar.date(order.contracts.expiry) for _, order in journal.opens(CONDOR)] == [expiry]


def test_no_expiry_in_the_window_no_entry() -> None:
    window = {"target_days": 34, "min_days": 33, "max_days": 38, "exit_days": 10}  # Fridays are 32 and 39 days away
    journal, _ = run(np.full(3, 4000.0), **window)
    assert journal.opens(CONDOR) == []
    assert journal.decisions != []
    journal, _ = run(np.full(3, 4000.0), **{**window, "max_days": 39})
    assert len(journal.opens(CONDOR)) == 1


@pytest.mark.parametrize("delta", [0.20, 0.12])
def test_strikes_stand_at_the_delta_and_wings_at_their_width(delta: float) -> None:
    vix = np.array([[12.0, 20.0, 45.0]] * 3)
    journal, _ = run(np.full((3, 3), 4000.0), vix, short_delta=delta, wing_width=75.0, risk_per_tranche=0.05)
    ((t, order),) = journal.opens(CONDOR)
    strike, sessions = order.contracts.strike, order.contracts.expiry - t
    for path, level in enumerate((0.12, 0.20, 0.45)):
        put = strike_by_hand(4000.0, level, sessions, -delta)
        call = strike_by_hand(4000.0, level, sessions, delta)
        assert strike[:, path].tolist() == [put - 75.0, put, call, call + 75.0]
    assert strike[1, 0] > strike[1, 1] > strike[1, 2]
    assert order.contracts.is_call.tolist() == [False, False, True, True]
    np.testing.assert_array_equal(np.sign(order.quantity[:, 0]), [1.0, -1.0, -1.0, 1.0])


def test_wings_by_delta() -> None:
    journal, _ = run(np.full(3, 4000.0), wing_width=None, wing_delta=0.05, risk_per_tranche=0.2)
    ((t, order),) = journal.opens(CONDOR)
    sessions = order.contracts.expiry - t
    expected = [strike_by_hand(4000.0, 0.20, sessions, delta) for delta in (-0.05, -0.20, 0.20, 0.05)]
    assert order.contracts.strike[:, 0].tolist() == expected


def unit_risk(order: Any, t: int, spot: float, vol: float) -> tuple[float, float]:
    """Credit and largest loss of one condor [USD]."""
    strike = order.contracts.strike[:, 0]
    mid = prices(spot, vol, order.contracts.strike[:, :1], order.contracts.expiry - t)[:, 0]
    credit = mid[1] + mid[2] - mid[0] - mid[3]
    return 100.0 * credit, 100.0 * (max(strike[1] - strike[0], strike[3] - strike[2]) - credit)


@pytest.mark.parametrize("share", [0.03, 0.011])
def test_size_is_whole_contracts_of_the_risk_budget(share: float) -> None:
    journal, _ = run(np.full(3, 4000.0), risk_per_tranche=share)
    ((t, order),) = journal.opens(CONDOR)
    credit, risk = unit_risk(order, t, 4000.0, 0.20)
    assert credit > 0
    units = np.floor(share * 1_000_000.0 / risk)
    assert units >= 1
    assert order.quantity[:, 0].tolist() == [units, -units, -units, units]


def test_fractions_of_contracts_on_request() -> None:
    journal, _ = run(np.full(3, 4000.0), account=AccountConfig(fractional=True, initial_equity=50_000.0))
    ((t, order),) = journal.opens(CONDOR)
    units = 1500.0 / unit_risk(order, t, 4000.0, 0.20)[1]
    assert 0 < units < 1
    np.testing.assert_allclose(order.quantity[:, 0], [units, -units, -units, units], rtol=1e-9)


def test_an_account_too_small_for_one_contract_does_not_enter() -> None:
    journal, _ = run(np.full(3, 4000.0), account=AccountConfig(initial_equity=50_000.0))
    assert journal.opens(CONDOR) == []


def test_open_risk_is_capped() -> None:
    exits_off = {"profit_target": None, "stop_loss_x_credit": None, "exit_days": None}
    journal, _ = run(np.full(26, 4000.0), risk_per_tranche=0.03, max_open_risk=0.07, **exits_off)
    opens = journal.opens(CONDOR)
    open_risk = 0.0
    equity = {d.t: d.equity[0] for d in journal.decisions}
    for t, order in opens:
        risk = unit_risk(order, t, 4000.0, 0.20)[1]
        units = np.floor(min(0.03 * equity[t], 0.07 * equity[t] - open_risk) / risk)
        assert order.quantity[0, 0] == units
        open_risk += units * risk
        assert open_risk <= 0.07 * equity[t]
    # two full tranches and a third of one fill the cap; afterwards there is only room for what the profits add
    assert [t - WARMUP for t, _ in opens[:3]] == [0, 5, 10]
    assert opens[2][1].quantity[0, 0] < 0.5 * opens[1][1].quantity[0, 0]
    assert all(order.quantity[0, 0] <= 1 for _, order in opens[3:])
    last = max(equity)
    assert 0.07 * equity[last] - open_risk < unit_risk(opens[-1][1], opens[-1][0], 4000.0, 0.20)[1]


def exits(journal: Journal) -> list[tuple[int, int]]:
    """(day of entry, day of exit) on path 0, counted from day 0."""
    return [(held.entry_day - WARMUP, t - WARMUP) for t, held, mask in journal.closes(CONDOR) if mask[0]]


def profits(journal: Journal, spot: Any, vix: Any) -> list[float]:
    """Profit of the first tranche over its credit, day by day, by the closed form."""
    (entry, order), *_ = journal.opens(CONDOR)
    sign = order.quantity[:, 0] / order.quantity[0, 0]
    values = [
        float(sign @ prices(s, v / 100.0, order.contracts.strike[:, :1], order.contracts.expiry - WARMUP - day)[:, 0])
        for day, (s, v) in enumerate(zip(spot, vix, strict=True))
    ]
    assert entry == WARMUP
    return [(value - values[0]) / -values[0] for value in values]


def test_profit_target() -> None:
    spot, vix = [4000.0] * 10, [20.0, 19.0, 18.0, 17.0, 16.0, 15.0, 14.0, 13.0, 12.0, 11.0]
    journal, _ = run(spot, vix)
    share = profits(journal, spot, vix)
    reached = next(day for day, value in enumerate(share) if value >= 0.5)
    assert 2 < reached < 9
    assert exits(journal)[0] == (0, reached)
    for factor, day in ((1 - 1e-6, reached), (1 + 1e-6, reached + 1)):
        near, _ = run(spot, vix, profit_target=share[reached] * factor)
        assert exits(near)[0] == (0, day)
    never, _ = run(spot, vix, profit_target=None)
    assert exits(never) == []
    later, _ = run(spot, vix, profit_target=0.6)
    assert exits(later)[0] == (0, next(day for day, value in enumerate(share) if value >= 0.6))


def test_stop() -> None:
    spot, vix = [4000.0 - 40.0 * day for day in range(10)], [20.0 + 1.5 * day for day in range(10)]
    journal, _ = run(spot, vix, stop_loss_x_credit=0.6)
    share = profits(journal, spot, vix)
    hit = next(day for day, value in enumerate(share) if value <= -0.6)
    assert 2 < hit < 9
    assert exits(journal)[0] == (0, hit)
    # a hair below the loss of that day and above it
    for factor, day in ((1 - 1e-6, hit), (1 + 1e-6, hit + 1)):
        near, _ = run(spot, vix, stop_loss_x_credit=-share[hit] * factor)
        assert [leaves for enters, leaves in exits(near) if enters == 0] == ([day] if day < 9 else [])
    tolerant, _ = run(spot, vix, stop_loss_x_credit=2.0)
    assert min(share) > -2.0
    assert exits(tolerant) == []


def test_only_the_paths_that_reach_the_target_are_closed() -> None:
    spot = np.full((6, 2), 4000.0)
    vix = np.array([[20.0, 20.0]] + [[10.0, 20.0]] * 5)
    journal, _ = run(spot, vix)
    ((t, held, mask),) = journal.closes(CONDOR)
    assert t == WARMUP + 1
    assert mask.tolist() == [True, False]
    assert journal.held(CONDOR, WARMUP + 2)[0].quantity[:, 0].tolist() == [0.0] * 4
    np.testing.assert_array_equal(journal.held(CONDOR, WARMUP + 2)[0].quantity[:, 1], held.quantity[:, 1])


def test_time_exit() -> None:
    off = {"profit_target": None, "stop_loss_x_credit": None}
    journal, calendar = run(np.full(40, 4000.0), **off)
    first = exits(journal)[0]
    expiry = date(2019, 4, 26)
    # Friday 5 April is the first session with 21 calendar days left
    assert (expiry - calendar.date(first[1] + WARMUP)).days == 21
    assert (expiry - calendar.date(first[1] + WARMUP - 1)).days == 22
    held, calendar = run(np.full(42, 4000.0), exit_days=None, **off)
    assert exits(held) == []
    assert calendar.date(WARMUP + 38) == expiry
    assert held.held(CONDOR, WARMUP + 37)[0].entry_day == WARMUP
    assert held.held(CONDOR, WARMUP + 39)[0].entry_day == WARMUP + 5  # the first one was held to its settlement


def test_closed_risk_makes_room_on_the_same_day() -> None:
    """On a Monday a tranche at its target no longer counts against the cap."""
    spot, vix = [4000.0] * 8, [20.0] * 5 + [11.0] * 3
    journal, _ = run(spot, vix, max_open_risk=0.03)
    assert exits(journal) == [(0, 5)]
    assert [t - WARMUP for t, _ in journal.opens(CONDOR)] == [0, 5]
    full, _ = run(spot, vix, max_open_risk=0.03, profit_target=None)
    assert [t - WARMUP for t, _ in full.opens(CONDOR)] == [0]


def test_entry_pays_its_costs() -> None:
    journal, _ = run(np.full(2, 4000.0))
    ((t, order),) = journal.opens(CONDOR)
    mid = prices(4000.0, 0.20, order.contracts.strike[:, :1], order.contracts.expiry - t)[:, 0]
    half = np.maximum(0.025, 0.03 + 0.004 * mid)
    units = order.quantity[0, 0]
    cost = units * (0.53 * 100.0 * half.sum() + 4 * 1.16)
    np.testing.assert_allclose(journal.outcomes.equity[0], 1_000_000.0 - cost, rtol=1e-12)
