"""Baselines: the Cboe condor and tail-hedge indices by hand, buy and hold, cash, and the value-at-risk stop."""

from __future__ import annotations

import math
from datetime import date, timedelta
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from models.protocols import PathBlock, SimulationGrid, Stream
from sim.config import AccountConfig, CostsConfig, EngineConfig, StrategyConfig
from sim.contracts import Product
from sim.evaluator import deciding
from sim.strategies.cash import CashConfig
from sim.strategies.cndr import CndrConfig
from sim.strategies.iron_condor import IronCondorConfig
from sim.strategies.memory import roll_phases
from sim.strategies.put_spread_hedge import PutSpreadHedgeConfig
from sim.strategies.spx import SpxConfig
from sim.strategies.var_stop import VarStopConfig
from sim.strategies.vxth import VxthConfig, call_weight
from tests.toy_market import DIVIDEND_YIELD, RATE, chosen_paths, run_recorded, toy_market

VOL = 0.2
FREE = CostsConfig(
    commission_per_contract=0.0,
    exchange_fee_spx=0.0,
    exchange_fee_vix=0.0,
    regulatory_fee=0.0,
    commission_per_share=0.0,
    crossing={1: 0.0, 2: 0.0, 4: 0.0},
)
FRACTIONS = AccountConfig(initial_equity=1e6, fractional=True)


def constant_volatility(n_days: int, n_paths: int, drift: float = 0.04, seed: int = 3) -> PathBlock:
    """Black-Scholes closes with the VIX at 20, as the toy pricer prices them."""
    grid = SimulationGrid(n_days=n_days, warmup_days=5)
    shock = np.random.default_rng(seed).standard_normal((grid.n_times, n_paths))
    log_spot = np.cumsum((drift - 0.5 * VOL**2) / 252 + VOL / math.sqrt(252) * shock, axis=0)
    spot = 4000.0 * np.exp(log_spot - log_spot[5])
    return PathBlock(
        grid=grid, spot=spot, state=np.full((grid.n_times, 1, n_paths), VOL**2), vix=np.full(spot.shape, 100.0 * VOL)
    )


def black(spot: float, strike: float, sessions: int, is_call: bool) -> float:
    years = sessions / 252
    forward, total = spot * math.exp((RATE - DIVIDEND_YIELD) * years), VOL * math.sqrt(years)
    d1 = math.log(forward / strike) / total + 0.5 * total
    sign = 1.0 if is_call else -1.0
    up, down = (NormalDist().cdf(sign * d) for d in (d1, d1 - total))
    return math.exp(-RATE * years) * sign * (forward * up - strike * down)


def strike_of(spot: float, sessions: int, delta: float) -> float:
    years = sessions / 252
    quantile = NormalDist().inv_cdf(abs(delta) * math.exp(DIVIDEND_YIELD * years))
    d1 = quantile if delta > 0 else -quantile
    forward = spot * math.exp((RATE - DIVIDEND_YIELD) * years)
    return 5.0 * round(forward * math.exp(0.5 * VOL**2 * years - d1 * VOL * math.sqrt(years)) / 5.0)


def third_fridays(year: int) -> list[date]:
    """15th to 21st of each month that is a Friday."""
    days = (date(year, month, 15) + timedelta(days=d) for month in range(1, 13) for d in range(7))
    return [day for day in days if day.weekday() == 4]


def cndr_by_hand(market: Any, path: int, collateral: float) -> float:
    """Equity at the end, month by month: credit and cash at the short rate, less the payoff on the third Friday."""
    dates = [market.calendar.date(t) for t in range(market.calendar.dates.size)]
    rolls = []
    for day in third_fridays(2019):  # Good Friday 2019 is 19 April: the options expire on the Thursday
        while day not in dates and day > dates[0]:
            day -= timedelta(days=1)
        if day >= dates[market.day0]:
            rolls.append(dates.index(day))
    last = market.n_times - 1
    equity, t, sold = 1e6, market.day0, None
    for roll in [*[r for r in rolls if r < last], last]:
        spot = float(market.spot(roll)[path])
        cash = equity - (0.0 if sold is None else sold["value"])
        equity = cash * math.exp(RATE * (roll - t) / 252)
        if sold is not None:
            left = sold["expiry"] - roll
            for sign, k, right in zip((1, -1, -1, 1), sold["strikes"], (False, False, True, True), strict=True):
                value = max((spot - k) if right else (k - spot), 0.0) if left == 0 else black(spot, k, left, right)
                equity += 100.0 * sold["units"] * sign * value
        if roll == last:
            return equity
        expiry = min(r for r in rolls if r > roll)
        strikes = [strike_of(spot, expiry - roll, d) for d in (-0.05, -0.20, 0.20, 0.05)]
        prices = [black(spot, k, expiry - roll, r) for k, r in zip(strikes, (False, False, True, True), strict=True)]
        value = prices[0] - prices[1] - prices[2] + prices[3]
        loss = 100.0 * (max(strikes[1] - strikes[0], strikes[3] - strikes[2]) + value)
        units = equity / (collateral * loss)
        sold = {"strikes": strikes, "units": units, "value": 100.0 * units * value, "expiry": expiry}
        t = roll
    raise AssertionError


@pytest.mark.parametrize("collateral", [10.0, 3.0])
def test_cndr_on_black_scholes_paths(collateral: float) -> None:
    market = toy_market(constant_volatility(150, 4), start_date="2019-01-02")
    rule = CndrConfig(is_am=False, collateral=collateral)
    journal = run_recorded(market, rule, account=FRACTIONS, costs=FREE)
    expected = [cndr_by_hand(market, path, collateral) for path in range(4)]
    np.testing.assert_allclose(journal.outcomes.equity[-1], expected, rtol=1e-9)
    entered = [market.calendar.date(t) for t, _ in journal.opens("cndr")]
    assert entered[:4] == [date(2019, 1, 18), date(2019, 2, 15), date(2019, 3, 15), date(2019, 4, 18)]


def test_drawn_phases_of_cndr_trade_listed_series_only() -> None:
    """Third Fridays have an AM-settled series, the others a weekly one; Good Friday, 19 April, has the Thursday."""
    market = toy_market(constant_volatility(150, 64), start_date="2019-01-02")
    rule = CndrConfig(roll_phase="drawn")
    journal = run_recorded(market, rule, account=FRACTIONS, costs=FREE)
    monthly = {date(2019, 4, 18) if day == date(2019, 4, 19) else day for day in third_fridays(2019)}
    kinds = set()
    for t, order in journal.opens("cndr"):
        entered, expiry = market.calendar.date(t), market.calendar.date(order.contracts.expiry)
        assert entered.weekday() == 4 or entered == date(2019, 4, 18)
        assert expiry.weekday() == 4 or expiry == date(2019, 4, 18)
        assert 27 <= (expiry - entered).days <= 36
        assert order.contracts.is_am == (expiry in monthly)
        kinds.add(order.contracts.is_am)
    assert kinds == {False, True}


@pytest.mark.parametrize("kind", [VxthConfig, CndrConfig])
def test_a_path_of_a_drawn_phase_does_what_the_fixed_phase_of_its_week_does(kind: Any) -> None:
    market = toy_market(constant_volatility(120, 24), start_date="2019-01-02")
    market = toy_market(chosen_paths(market.spot_series, 1.3 * market.vix_series, 5), start_date="2019-01-02")
    drawn = run_recorded(market, kind(roll_phase="drawn"), account=FRACTIONS).outcomes.equity[-1]
    fixed = np.stack(
        [run_recorded(market, kind(roll_week=week), account=FRACTIONS).outcomes.equity[-1] for week in range(4)]
    )
    week = (4.0 * roll_phases(Stream(seed=0), 24)[1]).astype(int)
    np.testing.assert_allclose(drawn, fixed[week, np.arange(24)], rtol=1e-12)
    assert set(week) == {0, 1, 2, 3}
    assert (np.ptp(fixed, axis=0) > 0.0).all()  # the phase matters on every path
    with pytest.raises(ValidationError, match="roll_week must be 0 where roll_phase is drawn"):
        kind(roll_phase="drawn", roll_week=1)


def test_cndr_loses_a_tenth_at_most_a_month() -> None:
    paths = constant_volatility(60, 2)
    spot = paths.spot.copy()
    spot[20:, 0] *= 0.6  # both wings are passed, one on each path
    spot[20:, 1] *= 1.5
    crashed = PathBlock(grid=paths.grid, spot=spot, state=paths.state, vix=paths.vix)
    journal = run_recorded(
        toy_market(crashed, start_date="2019-01-02"), CndrConfig(is_am=False), account=FRACTIONS, costs=FREE
    )
    expiry = journal.opens("cndr")[0][1].contracts.expiry
    change = journal.outcomes.equity[expiry - 5] / journal.outcomes.equity[0] - 1.0
    assert abs(change[1] + 0.10) < 0.005  # the wider wing, that of the calls: a tenth, but for interest
    assert -0.10 < change[0] < -0.05


def test_cndr_earns_the_rate_where_the_drift_is_that_of_q() -> None:
    market = toy_market(constant_volatility(100, 4000, drift=RATE - DIVIDEND_YIELD), start_date="2019-01-02")
    outcome = run_recorded(market, CndrConfig(is_am=False, collateral=2.0), account=FRACTIONS, costs=FREE).outcomes
    excess = outcome.equity[-1] * math.exp(-RATE * 100 / 252) - 1e6
    assert abs(excess.mean()) < 4.0 * excess.std(ddof=1) / math.sqrt(4000)
    assert excess.std() > 1e4
    shifted = toy_market(constant_volatility(100, 4000, drift=0.6), start_date="2019-01-02")
    lost = run_recorded(shifted, CndrConfig(is_am=False, collateral=2.0), account=FRACTIONS, costs=FREE).outcomes
    excess = lost.equity[-1] * math.exp(-RATE * 100 / 252) - 1e6
    assert excess.mean() < -4.0 * excess.std(ddof=1) / math.sqrt(4000)  # a strong trend hurts who sells both sides


@pytest.mark.parametrize(
    ("future", "weight"),
    [(9.0, 0.0), (15.0, 0.0), (15.01, 0.01), (30.0, 0.01), (30.01, 0.005), (50.0, 0.005), (50.01, 0.0), (90.0, 0.0)],
)
def test_vxth_weights(future: float, weight: float) -> None:
    assert call_weight(VxthConfig(), np.array([future]))[0] == weight


# the VIX future 20 sessions out stands at 20 + (VIX - 20) exp(-5 x 20/252) on the toy curve: 12.6, 20, 36.8, 46.9, 67.1
@pytest.mark.parametrize(("vix", "weight"), [(9.0, 0.0), (20.0, 0.01), (45.0, 0.005), (60.0, 0.005), (90.0, 0.0)])
def test_vxth_buys_its_weight_in_thirty_delta_calls(vix: float, weight: float) -> None:
    """On 16 January 2019, the first VIX expiry: calls for a share of equity, the rest in the index."""
    vix_series = np.full((41, 1), vix)
    spot = np.full((41, 1), 4000.0)
    market = toy_market(chosen_paths(spot, vix_series, 5), start_date="2019-01-02")
    journal = run_recorded(market, VxthConfig(), account=FRACTIONS, costs=FREE)
    calls = [(t, o) for t, o in journal.opens("vxth") if o.contracts.product is Product.VIX_OPTION]
    if weight == 0.0:
        assert calls == []
        return
    t, order = calls[0]
    assert market.calendar.date(t) == date(2019, 1, 16)
    assert market.calendar.date(order.contracts.expiry) == date(2019, 2, 13)
    strike = float(order.contracts.strike[0, 0])
    years = (order.contracts.expiry - t) / 252
    future = 20.0 + (vix - 20.0) * math.exp(-5.0 * years)
    total = 0.8 * math.sqrt(years)

    def delta(k: float) -> float:
        return math.exp(-RATE * years) * NormalDist().cdf(math.log(future / k) / total + 0.5 * total)

    listed = [0.5 * k if k <= 40 else 20.0 + (k - 40) if k <= 50 else 30 + 2.5 * (k - 50) for k in range(20, 58)]
    best = min(abs(delta(k) - 0.30) for k in listed)
    assert abs(delta(strike) - 0.30) <= best + 0.02  # candidates are 5% of the future apart
    d1 = math.log(future / strike) / total + 0.5 * total
    call = math.exp(-RATE * years) * (future * NormalDist().cdf(d1) - strike * NormalDist().cdf(d1 - total))
    equity = float(journal.outcomes.equity[t - 5, 0])
    assert float(order.quantity[0, 0]) * 100.0 * call == pytest.approx(weight * equity, rel=1e-6)


def test_spx_is_the_index_with_dividends_and_cash_is_the_rate() -> None:
    paths = constant_volatility(50, 3)
    market = toy_market(paths, start_date="2019-01-02")
    held = run_recorded(market, SpxConfig(), account=FRACTIONS, costs=FREE).outcomes.equity
    t = np.arange(51)[:, None]
    np.testing.assert_allclose(held, 1e6 * paths.spot[5:] / 4000.0 * np.exp(DIVIDEND_YIELD * t / 252), rtol=1e-12)
    cash = run_recorded(market, CashConfig(), account=FRACTIONS, costs=FREE).outcomes.equity
    np.testing.assert_allclose(cash, np.broadcast_to(1e6 * np.exp(RATE * t / 252), (51, 3)), rtol=1e-12)


def test_costs_of_the_first_day_are_part_of_the_result() -> None:
    """The index is bought on day 0: what that costs is lost, and engines add up to it."""
    market = toy_market(constant_volatility(10, 3), start_date="2019-01-02")
    free, paid = (
        run_recorded(market, SpxConfig(), account=FRACTIONS, costs=costs).outcomes
        for costs in (FREE, FREE.model_copy(update={"commission_per_share": 0.01}))
    )
    assert np.all(paid.equity[0] < 1e6)
    assert np.all(paid.terminal_pnl < free.terminal_pnl - 1.0)
    for outcomes in (free, paid):
        engines = (outcomes.engine_pnl - outcomes.engine_cost).sum(axis=0) + outcomes.interest
        np.testing.assert_allclose(outcomes.terminal_pnl, engines, rtol=1e-9)


def test_the_put_spread_is_bought_for_a_share_of_risk_and_rolled() -> None:
    market = toy_market(constant_volatility(80, 2), start_date="2019-01-02")
    journal = run_recorded(
        market,
        IronCondorConfig(profit_target=None, stop_loss_x_credit=None),
        PutSpreadHedgeConfig(size=0.3),
        costs=FREE,
    )
    opens = journal.opens("put_spread_hedge")
    t, order = opens[0]
    # condors are opened on Monday 7 January, and the hedge is sized on what is open the day after
    assert [market.calendar.date(t) for t, _ in opens][:1] == [date(2019, 1, 8)]
    condor = journal.opens("iron_condor")[0][1]
    for path in range(2):
        spot = float(market.spot(t)[path])
        sessions = order.contracts.expiry - t
        strikes = [strike_of(spot, sessions, delta) for delta in (-0.25, -0.10)]
        assert order.contracts.strike[:, path].tolist() == strikes
        debit = 100.0 * (black(spot, strikes[0], sessions, False) - black(spot, strikes[1], sessions, False))
        k = condor.contracts.strike[:, path]
        entry, life = float(market.spot(t - 1)[path]), condor.contracts.expiry - t + 1
        mids = [black(entry, x, life, right) for x, right in zip(k, (False, False, True, True), strict=True)]
        credit = mids[1] + mids[2] - mids[0] - mids[3]
        risk = 100.0 * condor.quantity[0, path] * (max(k[1] - k[0], k[3] - k[2]) - credit)
        assert order.quantity[:, path].tolist() == [math.floor(0.30 * risk / debit), -math.floor(0.30 * risk / debit)]
    days = [
        int(market.calendar.days_between(t, held.contracts.expiry)) for t, held, _ in journal.closes("put_spread_hedge")
    ]
    assert days
    assert all(17 <= left <= 20 for left in days)


def var_by_hand(market: Any, t: int, path: int, holding: Any, method: str) -> float:
    """One-day 95% VaR by numerical greeks and the last 60 sessions, one path in plain Python."""
    spot, left = float(market.spot(t)[path]), holding.contracts.expiry - t
    strikes, number = holding.contracts.strike[:, path], holding.quantity[:, path]

    def value(s: float, vol: float) -> float:
        total = 0.0
        for k, n, right in zip(strikes, number, (False, False, True, True), strict=True):
            years = left / 252
            forward, dev = s * math.exp((RATE - DIVIDEND_YIELD) * years), vol * math.sqrt(years)
            d1 = math.log(forward / k) / dev + 0.5 * dev
            sign = 1.0 if right else -1.0
            up, down = (NormalDist().cdf(sign * d) for d in (d1, d1 - dev))
            total += 100.0 * n * math.exp(-RATE * years) * sign * (forward * up - k * down)
        return total

    vol = float(market.vix(t)[path]) / 100.0
    delta = (value(spot + 0.5, vol) - value(spot - 0.5, vol)) / 1.0
    gamma = (value(1.01 * spot, vol) - 2 * value(spot, vol) + value(0.99 * spot, vol)) / (0.01 * spot) ** 2
    vega = (value(spot, vol + 1e-4) - value(spot, vol - 1e-4)) / 2e-2
    moves = []
    for s in range(max(t - 60, 0) + 1, t + 1):
        move = (market.spot(s)[path] / market.spot(s - 1)[path] - 1.0) * spot
        change = market.vix(s)[path] - market.vix(s - 1)[path]
        moves.append(delta * move + vega * change + (0.5 * gamma * move**2 if method == "historical" else 0.0))
    if method == "historical":
        ordered = sorted(moves)
        place = 0.05 * (len(ordered) - 1)
        low = int(place)
        return -(ordered[low] + (place - low) * (ordered[low + 1] - ordered[low]))
    mean = sum(moves) / len(moves)
    return 1.6448536 * math.sqrt(sum((m - mean) ** 2 for m in moves) / (len(moves) - 1))


@pytest.mark.parametrize("method", ["parametric", "historical"])
def test_the_var_stop_closes_where_the_limit_is_passed(method: Any) -> None:
    rng = np.random.default_rng(8)
    vix = 20.0 * np.exp(np.cumsum(0.06 * rng.standard_normal((46, 3)), axis=0))
    spot = 4000.0 * np.exp(np.cumsum(vix / 100.0 / math.sqrt(252) * rng.standard_normal((46, 3)), axis=0))
    market = toy_market(chosen_paths(spot, vix, 25), start_date="2019-03-04")
    condor = IronCondorConfig(profit_target=None, stop_loss_x_credit=None, entry_every=63)
    free = run_recorded(market, condor, costs=FREE)
    held = [free.held("iron_condor", t)[0] for t in range(26, 45)]
    measured = np.array([[var_by_hand(market, t, p, held[t - 26], method) for p in range(3)] for t in range(26, 45)])
    limit = float(np.median(measured / free.outcomes.equity[1:20]))
    rule = VarStopConfig(method=method, limit=limit, loss_stop=None)
    journal = run_recorded(market, rule, condor, costs=FREE)
    hit = measured > limit * free.outcomes.equity[1:20]
    first = [26 + int(np.argmax(hit[:, p])) for p in range(3)]
    closed = {p: t for t, _, mask in journal.closes("var_stop") for p in range(3) if mask[p]}
    assert hit.any(axis=0).all()
    assert [closed[p] for p in range(3)] == first


@pytest.mark.parametrize("engines", [(VarStopConfig(), IronCondorConfig()), (IronCondorConfig(), VarStopConfig())])
def test_the_var_stop_decides_before_the_condor_however_they_are_written(engines: tuple[EngineConfig, ...]) -> None:
    assert [config.engine for config in deciding(StrategyConfig(engines=engines))] == ["var_stop", "iron_condor"]
