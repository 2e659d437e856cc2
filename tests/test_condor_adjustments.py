"""What happens to a condor between entry and exit: rolls in time, widening, tightening, the 6% cap, drawn phases."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from models.protocols import Stream
from models.streams import Purpose, uniforms
from sim.config import AccountConfig, EngineConfig
from sim.strategies.iron_condor import IronCondorConfig
from sim.strategies.memory import roll_phases
from sim.strategies.put_spread_hedge import PutSpreadHedgeConfig
from sim.strategies.spx import SpxConfig
from sim.strategies.var_stop import VarStopConfig
from tests.toy_market import Journal, black_scholes, chosen_paths, run_recorded, toy_market

WARMUP, DAYS = 20, 14
N_TIMES = WARMUP + DAYS + 1
CONDOR = "iron_condor"
PLAIN: dict[str, Any] = {"profit_target": None, "stop_loss_x_credit": None, "exit_days": None, "entry_every": 63}
"""One tranche, on day 0, Monday 4 March 2019, held."""


def run(
    *engines: EngineConfig, moves: dict[int, float] | None = None, vix: Any = 16.0, n_paths: int = 1, **scripted: Any
) -> Journal:
    """Closes at 4000 that move by a factor on some days; signals by name."""
    spot = np.full((N_TIMES, n_paths), 4000.0)
    for day, factor in (moves or {}).items():
        spot[WARMUP + day :] *= factor
    market = toy_market(chosen_paths(spot, vix, WARMUP), start_date="2019-03-04")
    series = {name: np.full((N_TIMES, n_paths), values) for name, values in scripted.items()}
    return run_recorded(market, *engines, account=AccountConfig(initial_equity=1e6), scripted=series)


def opens(journal: Journal) -> list[tuple[int, Any]]:
    return [(t - WARMUP, order) for t, order in journal.opens(CONDOR)]


def equity(journal: Journal, day: int) -> float:
    """Equity when a day's orders are given."""
    return float(next(d.equity for d in journal.decisions if d.t == WARMUP + day)[0])


def unit_risk(order: Any, day: int, spot: float = 4000.0, vix: float = 16.0) -> float:
    """Wider wing less the credit of one condor or one side, at a day's prices [USD]."""
    k, years = order.contracts.strike[:, 0], (order.contracts.expiry - day - WARMUP) / 252
    rights, number = order.contracts.is_call, np.sign(order.quantity[:, 0])
    mids = [float(black_scholes(spot, vix / 100, x, years, right).price) for x, right in zip(k, rights, strict=True)]
    wings = [abs(float(np.diff(k[rights == right])[0])) for right in set(rights.tolist())]
    return 100.0 * (max(wings) + float(np.dot(number, mids)))


def after(day: int, vix: float) -> np.ndarray:
    """A VIX of 16, and another level from a day on."""
    return np.where(np.arange(N_TIMES) < WARMUP + day, 16.0, vix)[:, None]


def test_a_tested_side_is_rolled_to_a_later_expiry() -> None:
    """4000 to 4400 on day 8 passes the call that was sold; the puts stay as they are."""
    journal = run(IronCondorConfig(**PLAIN, time_shift="side"), moves={8: 1.1})
    (_, first), (day, rolled) = opens(journal)
    assert day == 8
    assert first.contracts.strike[2, 0] <= 4400.0
    assert rolled.contracts.is_call.tolist() == [True, True]
    assert rolled.contracts.expiry > first.contracts.expiry
    held = first.quantity[0, 0]
    units = min(held, math.floor(0.03 * equity(journal, 8) / unit_risk(rolled, 8, 4400.0)))
    assert rolled.quantity[:, 0].tolist() == [-units, units]
    short, long = rolled.contracts.strike[:, 0]
    assert long - short == 50.0
    years = (rolled.contracts.expiry - WARMUP - 8) / 252
    delta = [float(black_scholes(4400.0, 0.16, k, years, True).delta) for k in (short - 5, short, short + 5)]
    assert abs(delta[1] - 0.20) <= min(abs(delta[0] - 0.20), abs(delta[2] - 0.20))
    kept, new = journal.held(CONDOR, WARMUP + 9)
    assert kept.quantity[:, 0].tolist() == [held, -held, 0.0, 0.0]
    assert new.quantity[:, 0].tolist() == [-units, units]
    assert journal.outcomes.largest_residual < 1e-9


def test_the_whole_condor_is_rolled_and_struck_anew() -> None:
    journal = run(IronCondorConfig(**PLAIN, time_shift="whole"), moves={8: 0.9})
    (_, first), (day, rolled) = opens(journal)
    assert day == 8
    assert [t - WARMUP for t, _, mask in journal.closes(CONDOR) if mask.any()] == [8]
    assert rolled.contracts.expiry > first.contracts.expiry
    units = min(first.quantity[0, 0], math.floor(0.03 * equity(journal, 8) / unit_risk(rolled, 8, 3600.0)))
    assert rolled.quantity[:, 0].tolist() == [units, -units, -units, units]
    put, call = rolled.contracts.strike[1:3, 0]
    assert put < 3600.0 < call


@pytest.mark.parametrize("how", ["side", "whole"])
@pytest.mark.parametrize(("risk", "total"), [(0.03, 0.20), (0.05, 0.08)])
def test_a_roll_risks_no_more_than_the_caps_of_a_new_tranche(how: Any, risk: float, total: float) -> None:
    """Wings of 10 points are 25 wide where strikes are 25 apart: the old number would risk twice as much."""
    rule = IronCondorConfig(
        **PLAIN, wing_width=10.0, time_shift=how, risk_per_tranche=risk, max_open_risk=total, combined_cap=None
    )
    journal = run(rule, moves={8: 0.9}, vix=after(8, 95.0))
    (_, first), (day, rolled) = opens(journal)[:2]
    put, wing = (rolled.contracts.strike[:2, 0] if how == "side" else rolled.contracts.strike[1::-1, 0]).tolist()
    assert (day, put - wing) == (8, 25.0)
    stays = 0.0
    if how == "side":  # the calls stay
        years = (first.contracts.expiry - WARMUP) / 252
        call, far = (float(black_scholes(4000.0, 0.16, k, years, True).price) for k in first.contracts.strike[2:, 0])
        stays = first.quantity[0, 0] * 100.0 * (10.0 + far - call)
    allowed = min(risk * equity(journal, 8), total * equity(journal, 8) - stays)
    each = unit_risk(rolled, 8, 3600.0, 95.0)
    assert abs(rolled.quantity[0, 0]) == math.floor(allowed / each) < first.quantity[0, 0]
    assert first.quantity[0, 0] * each > 1.5 * allowed


@pytest.mark.parametrize(("vix", "is_rolled"), [(100.0, False), (101.0, True)])
def test_a_side_without_a_wing_is_not_rolled(vix: float, is_rolled: bool) -> None:
    """Calls of 20 and 19.3 delta are both listed at 6500 where strikes are 100 apart; a point of the VIX parts them."""
    rule: dict[str, Any] = {**PLAIN, "wing_width": None, "wing_delta": 0.193, "combined_cap": None}
    for how in ("side", "whole"):
        journal = run(IronCondorConfig(**rule, risk_per_tranche=0.1, time_shift=how), moves={8: 1.1}, vix=after(8, vix))
        entries = opens(journal)
        assert (8 in [day for day, _ in entries]) == is_rolled
        if not is_rolled:
            (kept,) = journal.held(CONDOR, WARMUP + 9)
            assert kept.quantity[:, 0].tolist() == entries[0][1].quantity[:, 0].tolist()


def test_a_tranche_beside_a_roll_of_the_day_finds_what_it_leaves_of_the_open_risk() -> None:
    """A roll and an entry of day 5: with the calls that stay they risk 8% of equity at most."""
    rule = IronCondorConfig(
        **{**PLAIN, "entry_every": 5}, wing_width=10.0, time_shift="side", max_open_risk=0.08, combined_cap=None
    )
    journal = run(rule, moves={5: 0.9}, vix=after(5, 50.0))
    (_, first), *rest = [(day, order) for day, order in opens(journal) if day <= 5]
    assert [order.contracts.n_legs for _, order in rest] == [2, 4]
    calls = first.contracts.strike[2:, 0]
    years = (first.contracts.expiry - WARMUP) / 252
    call, far = (float(black_scholes(4000.0, 0.16, k, years, True).price) for k in calls)
    risk = first.quantity[0, 0] * 100.0 * (10.0 + far - call)
    for _, order in rest:
        each = unit_risk(order, 5, 3600.0, 50.0)
        units = abs(order.quantity[0, 0])
        allowed = min(0.03 * equity(journal, 5), 0.08 * equity(journal, 5) - risk)
        assert units == math.floor(allowed / each)
        risk += units * each


def test_an_untested_condor_is_left_alone() -> None:
    for mode in ("side", "whole"):
        assert len(opens(run(IronCondorConfig(**PLAIN, time_shift=mode), moves={8: 1.01}))) == 1
    assert len(opens(run(IronCondorConfig(**PLAIN), moves={8: 1.1}))) == 1


@pytest.mark.parametrize(("how", "moves"), [({"time_shift": "side"}, {8: 1.1}), ({"time_shift": "whole"}, {8: 0.9})])
def test_what_a_stop_closes_is_not_rolled(how: dict[str, Any], moves: dict[int, float]) -> None:
    """The SPX passes a sold strike on day 8, and the open loss breaks the stop: all is closed, none is sold."""
    stop = VarStopConfig(limit=1.0, loss_stop=0.005)
    journal = run(stop, IronCondorConfig(**PLAIN, **how), moves=moves)
    assert [day for day, _ in opens(journal)] == [0]
    assert [t - WARMUP for t, _, mask in journal.closes("var_stop") if mask.any()] == [8]
    assert journal.held(CONDOR, WARMUP + 9) == []
    free = run(stop.model_copy(update={"loss_stop": 0.5}), IronCondorConfig(**PLAIN, **how), moves=moves)
    assert [day for day, _ in opens(free)] == [0, 8]


SIGMAS = math.log(1.03) / (0.16 * math.sqrt(5 / 252))
"""A rise of 3% in 5 sessions in deviations that a VIX of 16 implied for them: 1.31."""


@pytest.mark.parametrize(("sigmas", "acts"), [(SIGMAS - 0.01, True), (SIGMAS + 0.01, False)])
def test_the_call_side_is_widened_after_a_rally(sigmas: float, acts: bool) -> None:
    rule = IronCondorConfig(**PLAIN, widen_sigmas=sigmas, adjust_from_hedges=False)
    journal = run(rule, moves={5: 1.03})
    entries = opens(journal)
    assert [day for day, _ in entries][1:2] == ([5] if acts else [])
    if acts:
        (_, first), (_, wider) = entries[:2]
        assert wider.contracts.expiry == first.contracts.expiry
        assert wider.contracts.strike[0, 0] > first.contracts.strike[2, 0]
        units = math.floor(0.03 * equity(journal, 5) / unit_risk(wider, 5, 4120.0))
        assert wider.quantity[:, 0].tolist() == [-units, units]
        assert units <= first.quantity[0, 0]


def test_adjustments_wait_for_profits_of_the_other_engines() -> None:
    """Widening costs a debit; without hedges there is no profit that could pay it."""
    rule = IronCondorConfig(**PLAIN, widen_sigmas=SIGMAS - 0.01)
    assert len(opens(run(rule, moves={5: 1.03}))) == 1
    tight = IronCondorConfig(**PLAIN, tighten_sessions=2)
    assert len(opens(run(tight, days_to_event=1.0))) == 1


@pytest.mark.parametrize("config_type", [SpxConfig, PutSpreadHedgeConfig])
def test_a_fund_beside_the_condor_pays_no_adjustment(config_type: type[EngineConfig]) -> None:
    """The SPX gains, or puts do in a fall: the fund's gain is not a hedge's."""
    tight = IronCondorConfig(**PLAIN, tighten_sessions=2)
    days = np.where(np.arange(N_TIMES) < WARMUP + 8, 9.0, 1.0)[:, None]
    is_fund = config_type is SpxConfig
    other = SpxConfig(share=0.5) if is_fund else PutSpreadHedgeConfig(size=1.0)
    moves = {4: 1.01} if is_fund else {4: 0.97}
    assert len(opens(run(tight, other, moves=moves, days_to_event=days))) == (1 if is_fund else 2)


def test_wings_are_tightened_before_an_event_once() -> None:
    days = np.full((N_TIMES, 1), 9.0)
    days[WARMUP + 6 : WARMUP + 9] = 2.0
    rule = IronCondorConfig(**PLAIN, tighten_sessions=2, tighten_share=0.5, adjust_from_hedges=False)
    (_, first), (day, tight) = opens(run(rule, days_to_event=days))
    assert day == 6
    lp, sp, sc, lc = first.contracts.strike[:, 0]
    assert tight.contracts.strike[:, 0].tolist() == [sp - 25.0, sp, sc, sc + 25.0]
    assert (sp - lp, lc - sc) == (50.0, 50.0)
    assert tight.quantity.tolist() == first.quantity.tolist()
    assert tight.contracts.expiry == first.contracts.expiry


@pytest.mark.parametrize(
    ("width", "share", "narrow"), [(52.0, 0.5, 25.0), (48.0, 0.5, 25.0), (50.0, 0.99, None), (50.0, 0.9, 45.0)]
)
def test_wings_of_any_width_are_tightened_once(width: float, share: float, narrow: float | None) -> None:
    """52 and 48 points are listed as 50; 49.5 would be 50 again."""
    rule = IronCondorConfig(
        **PLAIN, wing_width=width, tighten_sessions=2, tighten_share=share, adjust_from_hedges=False
    )
    (_, first), *later = opens(run(rule, days_to_event=1.0))
    lp, sp, sc, lc = first.contracts.strike[:, 0]
    assert (sp - lp, lc - sc) == (50.0, 50.0)
    widths = [(k[1] - k[0], k[3] - k[2]) for k in (order.contracts.strike[:, 0] for _, order in later)]
    assert len(widths) == (narrow is not None)  # every day is near an event, and still it is done once
    for pair in widths:
        assert pair == pytest.approx((narrow, narrow), abs=0.1)


def test_a_tranche_every_so_many_sessions() -> None:
    rule = IronCondorConfig(**{**PLAIN, "entry_every": 4})
    assert [day for day, _ in opens(run(rule))] == [0, 4, 8, 12]


def test_drawn_phases_spread_entries_over_the_week() -> None:
    n_paths = 60
    rule = IronCondorConfig(**{**PLAIN, "entry_every": None, "roll_phase": "drawn"})
    journal = run(rule, n_paths=n_paths)
    drawn = uniforms(Stream(seed=0), n_paths, purpose=Purpose.ROLL_PHASE)[0]
    first = np.full(n_paths, -1)
    for day, order in reversed(opens(journal)):
        first[order.quantity[0] > 0.0] = day
    assert first.tolist() == [int(5 * u) for u in drawn]  # day 0 is a Monday
    assert set(first) == {0, 1, 2, 3, 4}


def test_phases_do_not_depend_on_how_paths_are_cut() -> None:
    whole = roll_phases(Stream(seed=4, scenario=9), 10)
    np.testing.assert_array_equal(roll_phases(Stream(seed=4, scenario=9, first_path=6), 4), whole[:, 6:])
