"""Layers and second engines: when they go on and off, what they buy and how much, against values worked out by hand.

Closes stand still at 4000 and signals are scripted by day, so that every price follows from two formulas.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError
from scipy.special import ndtr

from models.protocols import Stream
from sim.config import AccountConfig, EngineConfig
from sim.contracts import Product
from sim.strategies.crash_synthetic import CrashSyntheticConfig
from sim.strategies.delta_neutral import DeltaNeutralConfig
from sim.strategies.gates import IrrGateConfig
from sim.strategies.hedging import HedgeConfig
from sim.strategies.iron_condor import IronCondorConfig
from sim.strategies.layer1_call_spread import Layer1CallSpreadConfig
from sim.strategies.layer2_acceleration import Layer2AccelerationConfig
from sim.strategies.layer3_full_defence import Layer3FullDefenceConfig
from sim.strategies.memory import BookMemory, roll_phases
from sim.strategies.partial_layer import PartialLayerConfig
from sim.strategies.put_spread_hedge import PutSpreadHedgeConfig
from sim.strategies.ratio_backspread import RatioBackspreadConfig
from sim.strategies.rigid_vix import RigidVixConfig
from sim.strategies.self_funding import SelfFundingConfig
from sim.strategies.sub_sma5 import SubSma5Config
from sim.strategies.temporal_buffer import TemporalBufferConfig
from sim.strategies.vix_ladder import VixLadderConfig
from tests.toy_market import RATE, Journal, black_scholes, chosen_paths, run_recorded, toy_market

WARMUP, DAYS, SPOT = 40, 34, 4000.0
N_TIMES = WARMUP + DAYS + 1
CONDOR = "iron_condor"
HELD = IronCondorConfig(profit_target=None, stop_loss_x_credit=None, exit_days=None, combined_cap=None)
EQUITY = 2e7
QUIET = {
    "ad_break": 0.0,
    "ad_divergence": 0.0,
    "ad_line": 0.0,
    "macd_vix": -1.0,
    "rsi_spx": 55.0,
    "contango": 0.1,
    "contango_z": -0.5,
    "concentration": 0.0,
    "ddm_gap": 0.0,
    "days_to_event": 15.0,
    "p_cf": 0.0,
    "equity_risk_premium": 0.5,
    "reer": 0.0,
    "gdp_revision": 0.0,
    "drawdown_spx": 0.0,
    "vx_spread": 0.5,
    "vix_vs_sma5": 0.0,
    "vix_sma5": 5.0,
    "inverted": 0.0,
    "vvix": 100.0,
    "rsi_vx1": 50.0,
}
"""Signals that switch nothing on."""

Script = dict[str, dict[int, float]]


def run(
    config: EngineConfig, script: Script, *others: EngineConfig, vix: Any = 16.0, equity: float = EQUITY
) -> tuple[Journal, Any]:
    """Journal and market; day 0 is Monday 4 March 2019. The MACD of VX1 and the rate differential alternate mildly."""
    sign = np.where(np.arange(N_TIMES) % 2 == 0, 1.0, -1.0)[:, None]
    series = {name: np.full((N_TIMES, 1), value) for name, value in QUIET.items()}
    series |= {"macd_vx1": 0.1 * np.abs(sign) + 0.01 * sign, "rate_diff": 0.1 * sign}
    for name, days in script.items():
        for day, value in days.items():
            series[name][WARMUP + day] = value
    market = toy_market(
        chosen_paths(np.full((N_TIMES, 1), SPOT), vix, WARMUP), start_date="2019-03-04", tail_sessions=200
    )
    condor_first = (HELD, config, *others)
    return run_recorded(market, *condor_first, account=AccountConfig(initial_equity=equity), scripted=series), market


def days_of(journal: Journal, name: str) -> tuple[list[int], list[int]]:
    opened = [t - WARMUP for t, _ in journal.opens(name)]
    closed = [t - WARMUP for t, _, mask in journal.closes(name) if mask.any()]
    return opened, closed


def span(first: int, last: int, value: float) -> dict[int, float]:
    return dict.fromkeys(range(first, last + 1), value)


def future(vix: float, sessions: int) -> float:
    return 20.0 + (vix - 20.0) * math.exp(-5.0 * sessions / 252)


def vix_option(vix: float, strike: float, sessions: int, *, is_call: bool = True) -> tuple[float, float]:
    """Price and delta on the future of a VIX option, both discounted."""
    years = sessions / 252
    total, discount = 0.8 * math.sqrt(years), math.exp(-RATE * years)
    d1 = math.log(future(vix, sessions) / strike) / total + 0.5 * total
    sign = 1.0 if is_call else -1.0
    price = discount * sign * (future(vix, sessions) * ndtr(sign * d1) - strike * ndtr(sign * (d1 - total)))
    return float(price), float(discount * sign * ndtr(sign * d1))


def listed(strike: float) -> float:
    step = 0.5 if strike < 20 else 1.0 if strike < 30 else 2.5 if strike < 50 else 5.0
    return step * round(strike / step)


def spx_put(strike: float, vix: float, sessions: int) -> float:
    return float(black_scholes(SPOT, vix / 100.0, strike, sessions / 252, False).price)


def risk_capital(journal: Journal, t: int, vix: float) -> float:
    """(Wing - credit) x 100 x condors of what is held when session ``t`` is decided."""
    total = 0.0
    for held in journal.held(CONDOR, t):
        k, n = held.contracts.strike[:, 0], held.quantity[0, 0]
        years = (held.contracts.expiry - held.entry_day) / 252
        mids = [
            float(black_scholes(SPOT, vix / 100.0, x, years, right).price)
            for x, right in zip(k, (False, False, True, True), strict=True)
        ]
        total += 100.0 * n * (max(k[1] - k[0], k[3] - k[2]) - (mids[1] + mids[2] - mids[0] - mids[3]))
    return total


def only(journal: Journal, name: str, product: Product) -> Any:
    (found,) = [order for _, order in journal.opens(name) if order.contracts.product is product]
    return found


@pytest.mark.parametrize("strong", [False, True])
def test_layer_2_buys_futures_and_calls(strong: bool) -> None:
    script: Script = {"ad_break": span(7, 9, 1.0), "contango_z": span(13, 13, 1.0)}
    if strong:
        script["rate_diff"] = {7: 3.0}
    journal, _ = run(Layer2AccelerationConfig(), script)
    opened, closed = days_of(journal, "layer2_acceleration")
    assert (sorted(set(opened)), sorted(set(closed))) == ([7], [13])  # off when all has calmed down
    half = 0.5 * 0.15 * (1.25 if strong else 1.0) * risk_capital(journal, WARMUP + 7, 16.0)
    bought = only(journal, "layer2_acceleration", Product.VIX_FUTURE)
    left = bought.contracts.expiry - WARMUP - 7
    assert left == 25  # the second monthly expiry, 17 April; Wednesday 13 March is day 7
    assert bought.quantity[0, 0] == math.floor(half / (0.45 * 1000.0 * future(16.0, left))) > 5
    calls = only(journal, "layer2_acceleration", Product.VIX_OPTION)
    strike = listed(future(16.0, left) + 3.0)
    assert calls.contracts.strike[0, 0] == strike
    assert calls.quantity[0, 0] == math.floor(half / (100.0 * vix_option(16.0, strike, left)[0]))


def test_a_strengthened_layer_2_stays_under_the_cap_of_a_high_vix() -> None:
    journal, _ = run(
        Layer2AccelerationConfig(size=0.4, strength=4.0),
        {"ad_break": {7: 1.0}, "rate_diff": {7: 3.0}, "contango_z": {9: 1.0}},
        vix=34.0,
    )
    cap = 0.40 * risk_capital(journal, WARMUP + 7, 34.0)
    futures, calls = (only(journal, "layer2_acceleration", p) for p in (Product.VIX_FUTURE, Product.VIX_OPTION))
    left = futures.contracts.expiry - WARMUP - 7
    each = 0.45 * 1000.0 * future(34.0, left)
    assert futures.quantity[0, 0] == math.floor(0.5 * cap / each)
    call = 100.0 * vix_option(34.0, calls.contracts.strike[0, 0], left)[0]
    assert calls.quantity[0, 0] == math.floor(0.5 * (cap - futures.quantity[0, 0] * each) / call)


def test_layer_1_stays_off_where_its_trees_overlap() -> None:
    always = {"signal": "vix", "op": ">", "value": 1.0}
    never = {"signal": "vix", "op": "<", "value": 1.0}
    for off, expected in ((always, 0), (never, 1)):
        rule = Layer1CallSpreadConfig.model_validate({"engine": "layer1_call_spread", "on": always, "off": off})
        assert len([day for day in days_of(run(rule, {})[0], "layer1_call_spread")[0] if day < 20]) == expected


def test_layer_2_goes_on_with_a_decisive_fall_of_the_macd() -> None:
    small = run(Layer2AccelerationConfig(), {"macd_vx1": {7: 0.0}})[0]
    large = run(Layer2AccelerationConfig(), {"macd_vx1": {7: -0.2}})[0]
    assert days_of(small, "layer2_acceleration")[0] == []
    assert set(days_of(large, "layer2_acceleration")[0]) == {7, 25}  # and rolled on 8 April


def test_layer_3_buys_put_spreads_and_deep_calls() -> None:
    journal, market = run(Layer3FullDefenceConfig(), {"concentration": {7: 1.7, 8: 1.2, 9: 1.2, 10: 0.9}})
    opened, closed = days_of(journal, "layer3_full_defence")
    assert (sorted(set(opened)), sorted(set(closed))) == ([7], sorted({10}))
    half = 0.5 * 0.15 * risk_capital(journal, WARMUP + 7, 16.0)
    puts = only(journal, "layer3_full_defence", Product.SPX_OPTION)
    sessions = puts.contracts.expiry - WARMUP - 7
    assert market.calendar.days_between(WARMUP + 7, puts.contracts.expiry) in range(57, 64)
    long, short = puts.contracts.strike[:, 0]
    delta = [
        float(black_scholes(SPOT, 0.16, k, sessions / 252, False).delta) for k in (long - 5, long, long + 5, short)
    ]
    assert abs(delta[1] + 0.25) <= min(abs(delta[0] + 0.25), abs(delta[2] + 0.25))
    assert delta[3] == pytest.approx(-0.10, abs=0.003)
    debit = 100.0 * (spx_put(long, 16.0, sessions) - spx_put(short, 16.0, sessions))
    assert puts.quantity[:, 0].tolist() == [math.floor(half / debit), -math.floor(half / debit)]
    calls = only(journal, "layer3_full_defence", Product.VIX_OPTION)
    left = calls.contracts.expiry - WARMUP - 7
    assert calls.contracts.strike[0, 0] == listed(future(16.0, left) + 8.0)
    # what the puts cost today has no share in the budget of the calls while the VIX is low
    assert calls.quantity[0, 0] == math.floor(half / (100.0 * vix_option(16.0, calls.contracts.strike[0, 0], left)[0]))


@pytest.mark.parametrize(
    ("script", "vix", "expected"),
    [
        ({"days_to_event": {7: 2.0}}, 27.0, [7]),
        ({"days_to_event": {7: 3.0}}, 27.0, []),
        ({"days_to_event": {7: 2.0}}, 24.0, []),
        ({"days_to_event": {7: 2.0}, "p_cf": {7: 1.1}}, 27.0, []),
        ({"days_to_event": {7: 2.0}, "equity_risk_premium": {7: -0.1}}, 27.0, []),
    ],
)
def test_the_partial_layer_waits_for_event_level_and_valuation(script: Script, vix: float, expected: list[int]) -> None:
    journal, _ = run(PartialLayerConfig(), script, vix=vix)
    assert days_of(journal, "partial_layer")[0][:1] == expected
    if expected:
        order = journal.opens("partial_layer")[0][1]
        left = order.contracts.expiry - WARMUP - 7
        strikes = [listed(future(vix, left) + offset) for offset in (2.0, 12.0)]
        assert order.contracts.strike[:, 0].tolist() == strikes
        debit = 100.0 * (vix_option(vix, strikes[0], left)[0] - vix_option(vix, strikes[1], left)[0])
        assert order.quantity[0, 0] == math.floor(0.05 * risk_capital(journal, WARMUP + 7, vix) / debit)


@pytest.mark.parametrize(("vix", "expected"), [(16.0, 0), (22.0, 1)])
def test_the_rigid_hedge_knows_the_level_alone(vix: float, expected: int) -> None:
    journal, _ = run(RigidVixConfig(), {}, vix=vix)
    assert len(days_of(journal, "rigid_vix")[0]) >= expected
    assert days_of(journal, "rigid_vix")[0][:1] == [1][:expected]  # sized on the condors of the day before
    later, _ = run(RigidVixConfig(level=22.0), {}, vix=vix)
    assert days_of(later, "rigid_vix")[0][:1] == ([1] if future(vix, 11) >= 22.0 else [])


PRIMED: Script = {"vix_sma5": {7: 17.0}, "ad_divergence": {7: 1.0}}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, [7]),
        ({"ad_divergence": {}}, []),
        ({"vix_sma5": {7: 15.0}}, []),
        ({"macd_vix": {7: 0.1}}, []),
        ({"rsi_spx": {7: 49.0}}, []),
        ({"reer": {7: 2.1}}, []),
        ({"gdp_revision": {7: -2.1}}, []),
    ],
)
def test_sub_sma5_is_primed_by_all_filters_and_vetoed_by_any(change: Script, expected: list[int]) -> None:
    assert days_of(run(SubSma5Config(), {**PRIMED, **change})[0], "sub_sma5")[0] == expected


@pytest.mark.parametrize("max_delta", [0.02, 5.0])
def test_sub_sma5_keeps_the_change_of_delta_in_bounds(max_delta: float) -> None:
    journal, market = run(SubSma5Config(max_delta=max_delta), {**PRIMED, "vix_vs_sma5": {11: 0.2}})
    order = journal.opens("sub_sma5")[0][1]
    assert days_of(journal, "sub_sma5") == ([7], [11])
    left = order.contracts.expiry - WARMUP - 7
    assert market.calendar.days_between(WARMUP + 7, order.contracts.expiry) == 35  # 17 April; 20 March is too near
    near, far = (listed(future(16.0, left) + offset) for offset in (1.0, 6.0))
    assert order.contracts.strike[:, 0].tolist() == [near, far]
    (p1, d1), (p2, d2) = vix_option(16.0, near, left), vix_option(16.0, far, left)
    per_unit = 3.0 * 100.0 * (d1 - d2) * future(16.0, left)  # a 3% move of the future a per cent of the SPX, times 100
    equity = float(journal.decisions[2 * 7].equity[0])
    by_size = 0.20 * risk_capital(journal, WARMUP + 7, 16.0) / (100.0 * (p1 - p2))
    by_delta = max_delta * equity / per_unit
    assert (by_delta < by_size) == (max_delta < 1.0)
    assert order.quantity[0, 0] == pytest.approx(math.floor(min(by_size, by_delta)), abs=1)


@pytest.mark.parametrize("n_scores", [0, 1, 3])
@pytest.mark.parametrize("instrument", ["future", "synthetic"])
def test_the_crash_engine_hedges_a_share_of_vega(n_scores: int, instrument: Any) -> None:
    script: Script = {"drawdown_spx": span(7, 20, 0.06)}
    scores: list[Script] = [{"rsi_spx": {7: 39.0}}, {"macd_vix": {7: 0.1}}, {"ad_line": {7: -1.0}}]
    for score in scores[:n_scores]:
        script |= score
    journal, _ = run(CrashSyntheticConfig(instrument=instrument, size=1.0), script)
    order = journal.opens("crash_synthetic")[0][1]
    vega = 0.0
    for held in journal.held(CONDOR, WARMUP + 7):
        years = (held.contracts.expiry - WARMUP - 7) / 252
        for k, n, right in zip(
            held.contracts.strike[:, 0], held.quantity[:, 0], (False, False, True, True), strict=True
        ):
            up, down = (float(black_scholes(SPOT, vol, k, years, right).price) for vol in (0.1605, 0.1595))
            vega += 100.0 * n * (up - down) / 0.1
    assert vega < 0.0
    ratio = 0.25 + 0.75 * n_scores / 3
    each = 1000.0 if instrument == "future" else 100.0
    assert order.quantity[0, 0] == math.floor(ratio * -vega / (each * 0.6)) > 0
    if instrument == "synthetic":
        assert order.contracts.is_call.tolist() == [True, False]
        assert order.quantity[1, 0] == -order.quantity[0, 0]
        assert order.contracts.strike[0, 0] == order.contracts.strike[1, 0]
    assert days_of(journal, "crash_synthetic")[1][-1:] == [21]  # the drawdown has healed


@pytest.mark.parametrize("vix", [16.0, 34.0])
def test_what_the_crash_engine_adds_stays_within_size_and_cap(vix: float) -> None:
    """The vega of the condors asks for far more futures than a small size, or the cap of a high VIX, allows."""
    size, cap = (0.04, 0.4) if vix < 30.0 else (0.5, 0.04)
    free, bound = (
        run(CrashSyntheticConfig(size=a, high_vix_cap=b), {"drawdown_spx": span(7, DAYS, 0.06)}, vix=vix)[0]
        for a, b in ((1.0, 1.0), (size, cap))
    )
    numbers = []
    for day in range(7, 24):
        held = [
            h.quantity[0, 0] for journal in (free, bound) for h in journal.held("crash_synthetic", WARMUP + day + 1)
        ]
        capital = risk_capital(bound, WARMUP + day, vix)
        expiry = bound.held("crash_synthetic", WARMUP + day + 1)[0].contracts.expiry
        entry = 0.45 * 1000.0 * future(vix, expiry - bound.held("crash_synthetic", WARMUP + day + 1)[0].entry_day)
        assert held[1] * entry <= 0.04 * capital
        assert held[0] > 2.0 * held[1] > 0.0
        numbers.append(held[1])
    assert numbers[-1] > numbers[0]  # it does grow, with the condors


def test_the_crash_engine_follows_the_drawdown_of_the_account() -> None:
    """The VIX jumps on day 7 and marks the condors down: by the equity of the day, not by the index, which stands."""
    vix = np.where(np.arange(N_TIMES) < WARMUP + 7, 16.0, 22.0)[:, None]
    never = {"signal": "vix", "op": "<", "value": 1.0}
    plain = run(RigidVixConfig(level=90.0), {}, vix=vix)[0].outcomes.equity[:, 0]
    loss = 1.0 - plain[7] / plain[:8].max()
    assert loss > 1e-3
    for share, expected in ((0.99, [7]), (1.01, [])):
        tree = {"signal": "drawdown_nav", "op": ">", "value": share * loss}
        settings = {"engine": "crash_synthetic", "on": tree, "off": never, "size": 1.0}
        journal, _ = run(CrashSyntheticConfig.model_validate(settings), {}, vix=vix)
        assert [day for day in days_of(journal, "crash_synthetic")[0] if day <= 7] == expected


def test_the_buffer_is_rolled_every_monday_and_taken_off_as_the_curve_normalises() -> None:
    script: Script = {"vx_spread": {7: -1.6}, "contango": {**span(0, 16, -0.1), **span(17, DAYS, 0.05)}}
    journal, market = run(TemporalBufferConfig(use_beta=False, off=calm(40.0)), script, vix=34.0)
    opened, closed = days_of(journal, "temporal_buffer")
    assert (opened, closed) == ([7, 10, 15], [10, 15, 17])  # Mondays 18 and 25 March; profit is taken on day 17
    order = journal.opens("temporal_buffer")[0][1]
    left = order.contracts.expiry - WARMUP - 7
    assert market.calendar.days_between(WARMUP + 7, order.contracts.expiry) == 35  # the 19th is 6 days away
    strike = listed(future(34.0, left) + 2.0)
    assert order.contracts.strike[0, 0] == strike
    cap = 0.40 * risk_capital(journal, WARMUP + 7, 34.0)
    assert order.quantity[0, 0] == math.floor(cap / (100.0 * vix_option(34.0, strike, left)[0]))


def calm(vix: float) -> Any:
    return {"all": [{"signal": "vix", "op": "<", "value": vix}, {"signal": "contango", "op": ">", "value": 0.0}]}


def test_the_buffer_needs_a_spread_of_a_point_and_a_half() -> None:
    assert days_of(run(TemporalBufferConfig(), {"vx_spread": {7: 1.4}}, vix=34.0)[0], "temporal_buffer")[0] == []
    assert days_of(run(TemporalBufferConfig(), {"vx_spread": {7: 1.6}}, vix=28.0)[0], "temporal_buffer")[0] == []


def test_a_shock_switches_the_buffer_on_below_30_and_holds_it_for_a_week() -> None:
    """The VIX jumps from 16 to 22 on day 7 in contango; five sessions later it has stood still for five."""
    for size, expected in ((6.0, ([7, 10], [10, 12])), (4.9, ([], []))):
        vix = np.where(np.arange(N_TIMES) < WARMUP + 7, 16.0, 16.0 + size)[:, None]
        journal, _ = run(TemporalBufferConfig(use_beta=False), {"vx_spread": span(7, DAYS, 1.6)}, vix=vix)
        assert days_of(journal, "temporal_buffer") == expected


@pytest.mark.parametrize("window", [20, 45])
def test_the_slope_looks_back_over_the_chosen_sessions(window: int) -> None:
    rng = np.random.default_rng(20190304)
    moves, noise = rng.standard_normal((2, 80, 1))
    daily = -300.0 * moves * (1.0 + np.arange(80)[:, None] / 80.0) + 50.0 * noise
    for n in (window - 1, window, 80):  # sessions since day 0, on which nothing is held
        memory = BookMemory.start(1, np.zeros((2, 1)), window)
        memory.note(np.ones(1), np.zeros(1), np.zeros(1))
        for day in range(n):
            memory.note(np.ones(1), daily[: day + 1].sum(axis=0), moves[day])
        beta = memory.condor_beta()
        if n < 20:
            assert beta is None
        else:
            recent = slice(max(n - window, 0), n)
            slope = np.polyfit(moves[recent, 0], daily[recent, 0], 1)[0]
            assert beta is not None
            assert beta[0] == pytest.approx(slope, rel=1e-9)


def test_the_window_of_the_slope_reaches_the_buffer() -> None:
    """Condors held since day 0 gain slope with every tranche: a shorter window sees more of it."""
    sign = np.where(np.arange(N_TIMES) % 2 == 0, 1.0, -1.0)[:, None]
    script: Script = {"vx_spread": {30: 1.6}, "contango": span(0, DAYS, -0.1)}
    bought = {}
    for window in (20, 30):
        rule = TemporalBufferConfig(size=1.0, high_vix_cap=1.0, beta_sessions=window)
        bought[window] = run(rule, script, vix=34.0 + sign)[0].opens("temporal_buffer")[0][1].quantity[0, 0]
    assert bought[20] > 1.05 * bought[30] > 0.0


@pytest.mark.parametrize(
    ("rule", "field", "vix", "script"),
    [
        (TemporalBufferConfig(use_beta=False), "roll_weekday", 34.0, {"vx_spread": 1.6, "contango": -0.1}),
        (CrashSyntheticConfig(), "rebalance_weekday", 16.0, {"drawdown_spx": 0.06}),
        (RatioBackspreadConfig(near_max_profit=0.01, breadth=False), "entry_weekday", 16.0, {"rsi_vx1": 20.0}),
    ],
)
def test_a_path_of_a_drawn_phase_does_what_the_fixed_one_of_its_weekday_does(
    rule: HedgeConfig, field: str, vix: float, script: dict[str, float]
) -> None:
    days = ("monday", "tuesday", "wednesday", "thursday", "friday")
    weekday = (5.0 * roll_phases(Stream(seed=0), 20)[0]).astype(int)
    wave = vix * (1.0 + 0.1 * np.sin(np.arange(N_TIMES) / 3.0))[:, None]
    market = toy_market(
        chosen_paths(np.full((N_TIMES, 20), SPOT), wave, WARMUP), start_date="2019-03-04", tail_sessions=200
    )
    series = {name: np.full((N_TIMES, 20), value) for name, value in {**QUIET, **script}.items()}

    def equity(**settings: Any) -> Any:
        account = AccountConfig(initial_equity=EQUITY)
        engine = rule.model_copy(update=settings)
        return run_recorded(market, HELD, engine, account=account, scripted=series).outcomes.equity[-1]

    fixed = np.stack([equity(**{field: day}) for day in days])
    np.testing.assert_array_equal(equity(roll_phase="drawn"), fixed[weekday, np.arange(20)])
    assert set(weekday) == {0, 1, 2, 3, 4}
    assert len({float(value) for value in fixed[:, 0]}) > 2  # the phase matters


def test_a_put_spread_of_a_drawn_phase_begins_in_the_week_of_its_path() -> None:
    flat = np.full((N_TIMES, 20), SPOT)
    market = toy_market(chosen_paths(flat, 16.0, WARMUP), start_date="2019-03-04", tail_sessions=200)
    rule = PutSpreadHedgeConfig(roll_phase="drawn", size=0.5)
    journal = run_recorded(market, HELD, rule, account=AccountConfig(initial_equity=EQUITY))
    first = np.full(20, -1)
    for t, order in reversed(journal.opens("put_spread_hedge")):
        first[order.quantity[0] > 0.0] = t - WARMUP
    week = (4.0 * roll_phases(Stream(seed=0), 20)[1]).astype(int)
    assert first.tolist() == np.maximum(5 * week, 1).tolist()  # on day 0 there is no condor yet
    assert set(week) == {0, 1, 2, 3}


def test_the_ladder_counts_calls_by_condors() -> None:
    journal, market = run(VixLadderConfig(), {})
    t = journal.opens("vix_ladder")[0][0]
    assert t - WARMUP == 5  # the Monday after the first condors
    condors = -sum(held.quantity[1, 0] for held in journal.held(CONDOR, t))
    orders = [order for day, order in journal.opens("vix_ladder") if day == t]
    assert [order.quantity[0, 0] for order in orders] == [math.floor(share * condors) for share in (0.4, 0.4, 0.2)]
    tenors = [int(market.calendar.days_between(t, order.contracts.expiry)) for order in orders]
    assert all(abs(days - target) <= 18 for days, target in zip(tenors, (30, 110, 220), strict=True))
    for order, offset in zip(orders, (3.0, 6.0, 8.0), strict=True):
        assert order.contracts.strike[0, 0] == listed(future(16.0, order.contracts.expiry - t) + offset)
    # a week later one more tranche of condors: the ladder grows by its share of it
    later = [order for day, order in journal.opens("vix_ladder") if day == t + 5]
    grown = -sum(held.quantity[1, 0] for held in journal.held(CONDOR, t + 5))
    assert later[0].quantity[0, 0] == math.floor(0.4 * grown - math.floor(0.4 * condors) + 1e-9)


@pytest.mark.parametrize(("high_vix", "share"), [(30.0, 1.0), (15.0, 0.4)])
def test_self_funding_puts_cost_what_the_short_future_is_to_earn(high_vix: float, share: float) -> None:
    """Futures and puts together keep to the size; to 40% of the condor's risk where a VIX of 16 is above the limit."""
    script: Script = {"vix_sma5": {7: 17.0}, "ad_divergence": {7: 1.0}, "vix_vs_sma5": {12: 0.2}}
    journal, market = run(SelfFundingConfig(size=1.0, expiry_number=2, high_vix=high_vix), script)
    opened, closed = days_of(journal, "self_funding")
    assert (set(opened), set(closed)) == ({7}, {12})
    sold = only(journal, "self_funding", Product.VIX_FUTURE)
    left = sold.contracts.expiry - WARMUP - 7
    level = future(16.0, left)
    days = market.calendar.days_between(WARMUP + 7, sold.contracts.expiry)
    roll_down = 1000.0 * (level - 16.0) * (days - 5) / days
    allowed = share * risk_capital(journal, WARMUP + 7, 16.0)
    number = math.floor(allowed / (0.45 * 1000.0 * level + roll_down))
    assert sold.quantity[0, 0] == -number
    puts = only(journal, "self_funding", Product.SPX_OPTION)
    sessions = puts.contracts.expiry - WARMUP - 7
    long, short = puts.contracts.strike[:, 0]
    debit = 100.0 * (spx_put(long, 16.0, sessions) - spx_put(short, 16.0, sessions))
    assert puts.quantity[0, 0] == math.floor(number * roll_down / debit) > 0
    bound = number * 0.45 * 1000.0 * level + puts.quantity[0, 0] * debit
    assert 0.9 * allowed < bound <= allowed


@pytest.mark.parametrize("is_off", [False, True])
def test_the_short_future_leaves_with_the_puts_that_pay_for_it(is_off: bool) -> None:
    """Puts of about 30 days expire long before the third future: no close leaves the future without them."""
    script: Script = {"vix_sma5": {7: 17.0}, "ad_divergence": {7: 1.0}}
    rule = SelfFundingConfig(size=1.0, expiry_number=3, put_days=30)
    journal, _ = run(rule, {**script, "inverted": {28: 1.0} if is_off else {}})
    sold, puts = (journal.opens("self_funding")[k][1] for k in (0, 1))
    over = puts.contracts.expiry - WARMUP
    assert sold.contracts.product is Product.VIX_FUTURE
    assert sold.contracts.expiry - WARMUP > DAYS > over > 25
    opened, closed = days_of(journal, "self_funding")
    assert set(closed) == {28 if is_off else over}
    assert set(opened) == ({7} if is_off else {7, over})  # opened anew at once while not off
    for day in range(8, DAYS):
        held = journal.held("self_funding", WARMUP + day)
        short = [h for h in held if h.contracts.product is Product.VIX_FUTURE and h.quantity.any()]
        paid = [h for h in held if h.contracts.product is Product.SPX_OPTION and h.quantity.any()]
        assert len(short) == len(paid) or day == over


def test_no_future_is_sold_that_is_not_above_the_vix() -> None:
    script: Script = {"vix_sma5": {7: 25.0}, "ad_divergence": {7: 1.0}}
    assert days_of(run(SelfFundingConfig(size=1.0), script, vix=24.0)[0], "self_funding")[0] == []


def test_delta_is_brought_to_zero_when_it_leaves_the_band() -> None:
    journal, _ = run(DeltaNeutralConfig(band=0.001), {}, vix=30.0)
    t, order = journal.opens("delta_neutral")[0]
    total = 0.0
    for held in journal.held(CONDOR, t):
        years = (held.contracts.expiry - t) / 252
        for k, n, right in zip(
            held.contracts.strike[:, 0], held.quantity[:, 0], (False, False, True, True), strict=True
        ):
            total += 100.0 * n * float(black_scholes(SPOT, 0.30, k, years, right).delta)
    assert abs(total) * SPOT / EQUITY > 0.001
    years = (order.contracts.expiry - t) / 252
    strike = order.contracts.strike[0, 0]
    call, put = (float(black_scholes(SPOT, 0.30, strike, years, right).delta) for right in (True, False))
    hedged = total + 100.0 * order.quantity[0, 0] * (call - put)
    assert order.quantity[1, 0] == -order.quantity[0, 0]
    assert abs(hedged) <= 50.0  # half a forward
    wide, _ = run(DeltaNeutralConfig(band=5.0), {}, vix=30.0)
    assert days_of(wide, "delta_neutral")[0] == []


def test_hedges_share_a_cap_while_the_vix_is_high() -> None:
    """Above a VIX of 30 all hedges together are held to 40% of the condor's risk capital."""
    config = Layer3FullDefenceConfig(size=0.6)
    for vix, cap in ((28.0, None), (34.0, 0.40)):
        journal, _ = run(config, {"concentration": span(7, 9, 2.0)}, vix=vix)
        capital = risk_capital(journal, WARMUP + 7, vix)
        puts = only(journal, "layer3_full_defence", Product.SPX_OPTION)
        sessions = puts.contracts.expiry - WARMUP - 7
        long, short = puts.contracts.strike[:, 0]
        debit = 100.0 * (spx_put(long, vix, sessions) - spx_put(short, vix, sessions))
        share = 0.5 * (0.6 if cap is None else cap)
        assert puts.quantity[0, 0] == math.floor(share * capital / debit)
        spent = puts.quantity[0, 0] * debit
        calls = only(journal, "layer3_full_defence", Product.VIX_OPTION)
        left = calls.contracts.expiry - WARMUP - 7
        each = 100.0 * vix_option(vix, calls.contracts.strike[0, 0], left)[0]
        room = 0.5 * (0.6 * capital if cap is None else min(0.6 * capital, cap * capital - spent))
        assert calls.quantity[0, 0] == math.floor(room / each)


@pytest.mark.parametrize("engine", ["crash_synthetic", "ratio_backspread"])
def test_what_a_hedge_binds_counts_under_the_cap_on_later_days_too(engine: str) -> None:
    """A synthetic future costs next to nothing, and naked calls bring a credit: both bind what they were sized by."""
    hedges: dict[str, EngineConfig] = {
        "crash_synthetic": CrashSyntheticConfig(instrument="synthetic", vega_response=0.1),
        "ratio_backspread": RatioBackspreadConfig(sign=-1, rsi_vx1=60.0, near_max_profit=0.01, size=0.2, breadth=False),
    }
    layer = Layer3FullDefenceConfig(size=0.6, put_share=1.0)
    script = {"drawdown_spx": span(10, DAYS, 0.06), "concentration": {12: 2.0}}
    journal, _ = run(hedges[engine], script, layer, vix=34.0)
    t, order = journal.opens(engine)[0]
    level = future(34.0, order.contracts.expiry - t)
    if engine == "crash_synthetic":
        each = 0.45 * 100.0 * level
    else:
        left, (near, far) = order.contracts.expiry - t, order.contracts.strike[:, 0]
        spread = vix_option(34.0, near, left)[0] - vix_option(34.0, far, left)[0]
        each = 100.0 * (spread + max(0.2 * level - max(far - level, 0.0), 0.1 * level))
    capital, bound = risk_capital(journal, WARMUP + 12, 34.0), order.quantity[0, 0] * each
    assert t < WARMUP + 12
    assert bound > 0.05 * capital
    puts = only(journal, "layer3_full_defence", Product.SPX_OPTION)
    debit = float(
        np.dot(
            [1.0, -1.0], [spx_put(k, 34.0, puts.contracts.expiry - WARMUP - 12) for k in puts.contracts.strike[:, 0]]
        )
    )
    assert puts.quantity[0, 0] == math.floor((0.4 * capital - bound) / (100.0 * debit))


@pytest.mark.parametrize(("vvix", "scale"), [(100.0, 1.0), (80.0, 1.5)])
def test_a_promoter_expands_while_the_vix_is_quiet(vvix: float, scale: float) -> None:
    journal, _ = run(SubSma5Config(profile="promoter", max_delta=9.0), {**PRIMED, "vvix": {7: vvix}})
    order = journal.opens("sub_sma5")[0][1]
    left = order.contracts.expiry - WARMUP - 7
    p1, p2 = (vix_option(16.0, k, left)[0] for k in order.contracts.strike[:, 0])
    capital = risk_capital(journal, WARMUP + 7, 16.0)
    assert order.quantity[0, 0] == math.floor(scale * 0.20 * capital / (100.0 * (p1 - p2)))


@pytest.mark.parametrize(
    ("settings", "held", "size"), [({}, 5, 1.0), ({"horizon_sessions": 10, "fomc_scale": 2.0}, 10, 2.0)]
)
def test_the_gate_compares_the_projected_return_with_the_funding_cost(
    settings: dict[str, Any], held: int, size: float
) -> None:
    """One scenario, the future moves by x: the gate opens where value / cost beats the short rate.

    From 13 March, a day of PPI, the hedge is held to the FOMC's decision of 20 March: 5 sessions.
    """

    def gated(move: float) -> list[int]:
        moves = [{"spx": 0.0, "vix_future": move / size, "probability": 1.0}]
        gate = IrrGateConfig.model_validate({**settings, "moves": moves, "cpi_scale": 0.0, "ppi_scale": 0.0})
        return days_of(run(SubSma5Config(irr_gate=gate), PRIMED)[0], "sub_sma5")[0]

    left = 25  # sessions from 13 March to 17 April
    strikes = [listed(future(16.0, left) + offset) for offset in (1.0, 6.0)]
    today = sum(s * vix_option(16.0, k, left)[0] for s, k in zip((1, -1), strikes, strict=True))

    def later(move: float) -> float:
        years, level = (left - held) / 252, future(16.0, left) * (1.0 + move)
        total = 0.8 * math.sqrt(years)
        value = 0.0
        for s, k in zip((1, -1), strikes, strict=True):
            d1 = math.log(level / k) / total + 0.5 * total
            value += s * math.exp(-RATE * years) * (level * ndtr(d1) - k * ndtr(d1 - total))
        return float(value)

    low, high = 0.0, 1.0
    for _ in range(60):  # the move at which the return is the short rate, by bisection
        middle = 0.5 * (low + high)
        earns = (later(middle) / today) ** (252 / held) - 1.0 > RATE
        low, high = (low, middle) if earns else (middle, high)
    assert 0.01 < high < 0.5
    assert gated(high + 0.002) == [7]
    assert gated(high - 0.002) == []


def call_later(vix: float, strike: float, left: int, move: float, horizon: int = 10) -> float:
    """VIX call after the horizon, its future moved: Black's formula at the volatility of today."""
    years, level = (left - horizon) / 252, future(vix, left) * (1.0 + move)
    total = 0.8 * math.sqrt(years)
    d1 = math.log(level / strike) / total + 0.5 * total
    return float(math.exp(-RATE * years) * (level * ndtr(d1) - strike * ndtr(d1 - total)))


def gate_of(move: float, opportunity_rate: float = 0.08) -> dict[str, Any]:
    moves = [{"spx": 0.0, "vix_future": move, "probability": 1.0}]
    return {"moves": moves, "opportunity_rate": opportunity_rate, "horizon_sessions": 10}


def ratio_threshold(order: Any, vix: float, left: int, move: float) -> float:
    """Opportunity rate at which a ratio earns its funding, from its strikes and signed contracts of one unit."""
    strikes, unit = order.contracts.strike[:, 0], order.quantity[:, 0] / np.abs(order.quantity[:, 0]).min()
    today = sum(n * vix_option(vix, k, left)[0] for n, k in zip(unit, strikes, strict=True))
    gain = sum(n * call_later(vix, k, left, move) for n, k in zip(unit, strikes, strict=True)) - today
    level, (near, far) = future(vix, left), strikes
    add_on = max(0.2 * level - max(far - level, 0.0), 0.1 * level)  # a spread less the call, and the naked call
    loss = far - near if unit[1] > 0 else vix_option(vix, far, left)[0] + add_on
    capital = loss + today  # a debit is paid beside the loss, a credit lessens it
    weight = (loss + min(today, 0.0)) / capital
    rate = (1.0 + gain / capital) ** (252 / 10) - 1.0
    assert rate > RATE
    return float((rate - (1.0 - weight) * RATE) / weight)


@pytest.mark.parametrize(
    ("settings", "move"),
    [
        ({"engine": "sub_sma5", "shape": "ratio", "far_offset": 3.0, "max_delta": 9.0}, 1.0),
        ({"engine": "ratio_backspread", "rsi_vx1": 60.0, "near_max_profit": 0.01, "breadth": False}, 1.0),
        ({"engine": "ratio_backspread", "rsi_vx1": 60.0, "near_max_profit": 0.01, "breadth": False, "sign": -1}, 0.02),
    ],
)
def test_the_gate_asks_the_opportunity_rate_on_what_a_ratio_binds(settings: dict[str, Any], move: float) -> None:
    kind: Any = SubSma5Config if settings["engine"] == "sub_sma5" else RatioBackspreadConfig

    def first(**gate: Any) -> Any:
        found = run(kind.model_validate({**settings, **gate}), PRIMED, vix=16.0)[0].opens(settings["engine"])
        return found[0] if found else None

    t, order = first()
    threshold = ratio_threshold(order, 16.0, order.contracts.expiry - t, move)
    assert first(irr_gate=gate_of(move, threshold * 0.995))[0] == t
    late = first(irr_gate=gate_of(move, threshold * 1.005))
    assert late is None or late[0] > t


def test_the_gate_asks_the_opportunity_rate_on_futures() -> None:
    """A future of which 45% are bound and that gains 2% in ten sessions."""
    threshold = (1.0 + 0.02 / 0.45) ** (252 / 10) - 1.0
    for rate, expected in ((threshold - 0.01, 1), (threshold + 0.01, 0)):
        rule = Layer2AccelerationConfig.model_validate(
            {"engine": "layer2_acceleration", "irr_gate": gate_of(0.02, rate), "futures_share": 1.0}
        )
        opened = days_of(run(rule, {"ad_break": {7: 1.0}})[0], "layer2_acceleration")[0]
        assert opened.count(7) == expected


@pytest.mark.parametrize(("move", "expected"), [(-0.3, False), (0.5, True)])
def test_the_ladder_asks_the_gate(move: float, expected: bool) -> None:
    rule = VixLadderConfig.model_validate({"engine": "vix_ladder", "irr_gate": gate_of(move)})
    assert bool(days_of(run(rule, {})[0], "vix_ladder")[0]) == expected


@pytest.mark.parametrize("engine", [CrashSyntheticConfig, SelfFundingConfig])
def test_a_gate_that_would_not_be_asked_is_refused(engine: type[EngineConfig]) -> None:
    name = engine.model_fields["engine"].default
    with pytest.raises(ValidationError, match=f"irr_gate must be null, as {name} "):
        engine.model_validate({"engine": name, "irr_gate": {}})
