"""Signals against their definitions, and none of them looks ahead."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from models.protocols import PathBlock, SimulationGrid
from sim import signals
from sim.config import MarketConfig
from sim.errors import ConfigError, DataError
from sim.etn import short_term_index
from sim.market import MarketBlock
from tests.toy_market import ON_THE_CLOSE, VIX_VOL, ToyPricer, chosen_paths, toy_market, toy_paths

GRID = SimulationGrid(n_days=90, warmup_days=40)


class FixedBreadth:
    """A chosen A/D line."""

    def __init__(self, line: Any) -> None:
        self.line = line

    def ad_line(self) -> Any:
        return self.line


@pytest.fixture(scope="module")
def paths() -> PathBlock:
    return toy_paths(GRID, 5)


@pytest.fixture(scope="module")
def market(paths: PathBlock) -> MarketBlock:
    return toy_market(paths)


def changed_after(paths: PathBlock, t: int) -> PathBlock:
    other = toy_paths(paths.grid, paths.n_paths, seed=99)
    blocks = {name: getattr(paths, name).copy() for name in ("spot", "state", "vix")}
    for name, block in blocks.items():
        block[t + 1 :] = getattr(other, name)[t + 1 :] * 1.3
    blocks["vix"] = 100.0 * np.sqrt(blocks["state"][:, 0])
    return replace(paths, **blocks)


UNMOVED = {"inverted", "vvix", "days_to_event", "days_since_event", "event_type", "cpi_surprise", "ppi_surprise"}
"""Signals that these changes of closes do not reach: both futures move together, the toy's volatility of the VIX is
constant, and the rest are known from the calendar or independent of the market."""


@pytest.mark.parametrize("name", signals.REGISTRY)
def test_no_signal_looks_ahead(name: str, paths: PathBlock, market: MarketBlock) -> None:
    for t in (60, 85, 110):
        other = toy_market(changed_after(paths, t)).signal(name)
        np.testing.assert_array_equal(other[: t + 1], market.signal(name)[: t + 1])
        if name not in UNMOVED:
            assert (other[t + 1 :] != market.signal(name)[t + 1 :]).any()


@pytest.mark.parametrize("name", signals.REGISTRY)
def test_every_signal_is_known_from_day_zero_with_the_history_it_asks_for(name: str) -> None:
    short = toy_paths(SimulationGrid(n_days=20, warmup_days=signals.REGISTRY[name].history), 2)
    values = toy_market(short).signal(name)
    assert values.shape == short.spot.shape
    assert np.isfinite(values[short.grid.warmup_days :]).all()


@pytest.mark.parametrize("name", [name for name, signal in signals.REGISTRY.items() if signal.history])
def test_one_session_less_of_history_is_refused(name: str) -> None:
    least = signals.REGISTRY[name].history
    short = toy_paths(SimulationGrid(n_days=20, warmup_days=least - 1), 2)
    with pytest.raises(DataError, match=f"warmup_days must be >= {least} for the signal '{name}'.*got {least - 1}"):
        toy_market(short, required_signals=(name,))


def test_an_unknown_signal_is_named_with_its_neighbour(market: MarketBlock) -> None:
    with pytest.raises(ConfigError, match=r"got 'rsi_spy'; did you mean 'rsi_spx'\?"):
        market.signal("rsi_spy")


def test_every_signal_says_what_it_is() -> None:
    for name, signal in signals.REGISTRY.items():
        assert signal.meaning, name
        assert signal.unit, name
        assert set(signal.sources.split()) <= {"S0", "S1", "S2", "S3", "S4"}, name


def test_vix_against_its_five_day_mean(paths: PathBlock, market: MarketBlock) -> None:
    mean = pd.DataFrame(paths.vix).rolling(5).mean().to_numpy()
    np.testing.assert_array_equal(market.signal("vix"), paths.vix)
    np.testing.assert_allclose(market.signal("vix_sma5"), mean, rtol=1e-12)
    np.testing.assert_allclose(market.signal("vix_vs_sma5")[4:], (paths.vix / mean - 1.0)[4:], atol=1e-13)


def test_realised_volatility_and_the_premium_over_it(paths: PathBlock, market: MarketBlock) -> None:
    returns = pd.DataFrame(np.log(paths.spot)).diff()
    variance = (returns**2).rolling(21).mean().to_numpy() * 252
    np.testing.assert_allclose(market.signal("realized_vol") ** 2, variance, rtol=1e-10)
    np.testing.assert_allclose(market.signal("vrp"), (paths.vix / 100) ** 2 - variance, atol=1e-12)


def test_realised_volatility_of_a_constant_daily_move_is_that_move() -> None:
    grid = SimulationGrid(n_days=10, warmup_days=30)
    spot = np.tile(100.0 * np.exp(0.01 * (np.arange(grid.n_times) % 2))[:, None], (1, 2))
    paths = replace(toy_paths(grid, 2), spot=spot)
    np.testing.assert_allclose(toy_market(paths).signal("realized_vol")[21:], 0.01 * np.sqrt(252), rtol=1e-9)


def test_term_structure_signals(paths: PathBlock, market: MarketBlock) -> None:
    first, second = market.vx(1), market.vx(2)
    np.testing.assert_allclose(market.signal("contango"), (second - first) / first, atol=1e-14)
    np.testing.assert_array_equal(market.signal("vx_spread"), second - first)
    # The toy curve reverts to 20: it is inverted exactly where the VIX is above 20.
    np.testing.assert_array_equal(market.signal("inverted"), (paths.vix > 20.0).astype(float))
    assert 0.0 < market.signal("inverted").mean() < 1.0
    frame = pd.DataFrame(market.signal("contango")).rolling(30)
    expected = (market.signal("contango") - frame.mean().to_numpy()) / frame.std().to_numpy()
    np.testing.assert_allclose(market.signal("contango_z")[29:], expected[29:], rtol=1e-8)


def test_drawdown_counts_from_the_highest_close_of_the_history() -> None:
    grid = SimulationGrid(n_days=3, warmup_days=1)
    spot = np.array([[120.0], [100.0], [90.0], [130.0], [117.0]])
    paths = replace(toy_paths(grid, 1), spot=spot)
    np.testing.assert_allclose(toy_market(paths).signal("drawdown_spx")[:, 0], [0, 1 / 6, 1 / 4, 0, 0.1], atol=1e-15)


def test_the_spliced_future_earns_the_returns_of_the_held_contract(paths: PathBlock, market: MarketBlock) -> None:
    pricer, spliced = ToyPricer(), market.spliced_vx1()
    np.testing.assert_array_equal(spliced[0], market.vx(1)[0])
    for t in range(1, paths.grid.n_times):
        expiry = market.front_vix_expiry(t - 1)
        before = pricer.vix_future(paths.state[t - 1], (expiry - t + 1) / 252)
        after = pricer.vix_future(paths.state[t], (expiry - t) / 252)  # at expiry: the VIX itself
        np.testing.assert_allclose(spliced[t] / spliced[t - 1], after / before, rtol=1e-12)


def test_rolls_leave_no_jump_in_the_spliced_future() -> None:
    calm = toy_paths(GRID, 2)
    state = np.full_like(calm.state, 0.01)  # VIX 10 for ever, futures far above it
    market = toy_market(replace(calm, state=state, vix=np.full_like(calm.vix, 10.0)))
    rolls = [int(e) for e in market.expiries.vix_monthly if 0 < e < market.n_times]
    jump = market.vx(1)[rolls, 0] / market.vx(1)[np.array(rolls) - 1, 0] - 1.0
    assert (jump > 0.2).all()
    assert (np.diff(market.spliced_vx1()[:, 0]) < 0.0).all()  # nothing but roll-down
    np.testing.assert_array_equal(market.signal("rsi_vx1")[14:], 0.0)


def test_macd_of_the_front_future_is_that_of_the_chart_ending_today(market: MarketBlock) -> None:
    spliced, t = market.spliced_vx1(), 100
    chart = pd.DataFrame(spliced[: t + 1] * market.vx(1)[t] / spliced[t])
    line = chart.ewm(span=12, adjust=False).mean() - chart.ewm(span=26, adjust=False).mean()
    histogram = (line - line.ewm(span=9, adjust=False).mean()).to_numpy()[t]
    # pandas starts its averages elsewhere: after 100 sessions a start weighs (25 / 27)^75 = 0.3 %.
    np.testing.assert_allclose(market.signal("macd_vx1")[t], histogram, atol=0.02)
    assert np.abs(histogram).max() > 0.1


def test_the_volatility_of_the_vix_is_that_of_its_options(market: MarketBlock) -> None:
    """The toy's VIX options are Black-76 with a volatility of 80%."""
    np.testing.assert_allclose(market.signal("vvix"), 100.0 * VIX_VOL, rtol=1e-9)


def test_breadth_signals_by_hand() -> None:
    """Thirty closes with a chosen A/D line: its low, its divergence from the SPX, and their first sessions."""
    spot = np.linspace(4000.0, 4290.0, 30)
    line = np.concatenate([np.arange(20.0), [19.0, -1.0, -1.0, -2.0, 30.0], np.full(5, -3.0)])[:, None]
    market = toy_market(chosen_paths(spot[:, None], 20.0, 20))
    object.__setattr__(market, "carried", FixedBreadth(line))
    is_break = market.signal("ad_break")[:, 0]
    assert np.isnan(is_break[:20]).all()
    assert is_break[20:].tolist() == [0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0]
    diverges = market.signal("ad_divergence")[:, 0]
    assert np.isnan(diverges[:20]).all()
    # against closes 0 .. 9 of the line, which are 0 .. 9, with the SPX always up
    assert diverges[20:].tolist() == [0.0, 1.0, 1.0, 1.0, 0.0, 1.0, 1.0, 1.0, 1.0, 1.0]


def test_nothing_diverges_where_the_spx_falls() -> None:
    spot = np.linspace(4290.0, 4000.0, 30)[:, None]
    market = toy_market(chosen_paths(spot, 20.0, 20))
    object.__setattr__(market, "carried", FixedBreadth(np.arange(30.0, 0.0, -1.0)[:, None]))
    np.testing.assert_array_equal(market.signal("ad_divergence")[20:], 0.0)


@pytest.mark.parametrize("chart", ["vix", "ad", "etn", "vx1"])
def test_macd_signals_are_those_of_ta_lib(chart: str, market: MarketBlock) -> None:
    talib = pytest.importorskip("talib", reason="TA-Lib is not installed: the comparison with it is NOT made")
    charts = {"ad": market.carried.ad_line, "vix": lambda: market.vix_series, "vx1": market.spliced_vx1}
    series = (charts | {"etn": lambda: short_term_index(market)})[chart]()
    scale = market.vx(1) / series if chart == "vx1" else np.ones(series.shape)
    for path in range(market.n_paths):
        values = np.ascontiguousarray(series[:, path])
        # from the averages, because talib.MACD starts the fast one in another row
        line = (talib.EMA(values, 12) - talib.EMA(values, 26))[25:]
        smooth = talib.EMA(line, 9)
        for suffix, expected in (("_line", line), ("_signal", smooth), ("", line - smooth)):
            found = market.signal(f"macd_{chart}{suffix}")[25:, path]
            np.testing.assert_allclose(found, expected * scale[25:, path], rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("name", ["rsi_spx", "rsi_vix", "rsi_vx1"])
def test_rsi_signals_are_those_of_ta_lib(name: str, market: MarketBlock) -> None:
    talib = pytest.importorskip("talib", reason="TA-Lib is not installed: the comparison with it is NOT made")
    series = {"rsi_spx": market.spot_series, "rsi_vix": market.vix_series, "rsi_vx1": market.spliced_vx1()}[name]
    for path in range(market.n_paths):
        expected = talib.RSI(np.ascontiguousarray(series[:, path]), 14)
        np.testing.assert_allclose(market.signal(name)[14:, path], expected[14:], rtol=1e-9)


def test_event_signals_count_sessions_of_published_dates() -> None:
    """January 2019: PPI on Tuesday 15, CPI on Friday 11, FOMC on Wednesday 30."""
    market = toy_market(toy_paths(SimulationGrid(n_days=25, warmup_days=5), 2), start_date="2019-01-09")
    dates = [str(day) for day in market.calendar.dates[: market.n_times]]
    kind, ahead, since = (market.signal(name)[:, 1] for name in ("event_type", "days_to_event", "days_since_event"))
    row = dates.index
    assert (kind[row("2019-01-10")], ahead[row("2019-01-10")]) == (2.0, 1.0)
    assert (kind[row("2019-01-11")], ahead[row("2019-01-11")], since[row("2019-01-11")]) == (3.0, 2.0, 0.0)
    assert (kind[row("2019-01-15")], since[row("2019-01-15")]) == (1.0, 0.0)
    # to the 30th: 16, 17, 18, then Tuesday 22 after a holiday, 23, 24, 25, 28, 29, 30
    assert ahead[row("2019-01-15")] == 10.0
    assert since[row("2019-01-29")] == 9.0


@pytest.mark.parametrize(("part", "name"), [("breadth", "ad_break"), ("macro", "concentration")])
def test_a_signal_of_a_series_that_is_switched_off_is_refused(part: str, name: str, paths: PathBlock) -> None:
    market = toy_market(paths, config=MarketConfig(settlement=ON_THE_CLOSE, **{part: None}))
    with pytest.raises(ConfigError, match=rf"market\.{part} is switched off"):
        market.signal(name)
    assert signals.REGISTRY[name].needs == part
