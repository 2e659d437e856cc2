"""Rows beside the scorecard: against pandas, Monte Carlo and hand-made months, and against the real closes."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from models.fidelity.breadth_rows import breadth_rows
from models.fidelity.condor import COLLATERAL, condor_returns, condor_rows, months_of
from models.fidelity.context import history_context
from models.fidelity.event_rows import EVERY, event_days, event_rows
from models.fidelity.smiles import MONTH, TTM, spx_smile, vix_smile, vvix
from models.fidelity.study import context_facts, study
from models.heston import heston
from models.presets import load_preset
from models.protocols import Model, Stream
from models.registry import create

DATA = Path(__file__).parents[2] / "shared" / "data"
SIX_YEARS = ((1990, 1995), (1996, 2001), (2002, 2007), (2007, 2012), (2008, 2013), (2013, 2018))


@pytest.fixture(scope="module")
def svcj() -> Model:
    preset = load_preset("svcj_index_2018")
    return create(preset.model, **preset.parameters)


def random_market(seed: int, n_days: int = 1512) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    r = 0.012 * rng.standard_t(4, n_days)
    log_vix = np.log(20.0) + np.concatenate([[0.0], np.cumsum(-3.0 * r + 0.03 * rng.standard_normal(n_days))])
    vix = 16.0 + 3.0 * np.sin(np.arange(n_days + 1) / 60.0) + np.exp(0.4 * (log_vix - log_vix.mean()))
    futures = np.stack([vix**weight * 20.0 ** (1.0 - weight) for weight in 0.9 ** np.arange(1.0, 8.0)])
    rolls = np.arange(n_days) % 21 == 20
    return r, vix, futures * np.exp(0.002 * rng.standard_normal(futures.shape)), rolls


def test_rows_are_those_of_pandas() -> None:
    r, vix, futures, rolls = random_market(4)
    rows = {name: v[0] for name, v in history_context(r[None], vix[None], futures[:, None], rolls).items()}
    days = pd.DataFrame({"r": 100.0 * np.expm1(r), "d": np.diff(vix), "l": np.diff(np.log(vix)), "start": vix[:-1]})
    part = days[(days.r >= -2.0) & (days.r < -1.0)]
    assert rows["dvix_m2_to_m1"] == pytest.approx(part.d.mean(), rel=1e-12)
    assert rows["dlogvix_m2_to_m1"] == pytest.approx(part.l.mean(), rel=1e-12)
    assert rows["vix_up_pct_m2_to_m1"] == pytest.approx(100.0 * (part.d > 0.0).mean(), rel=1e-12)
    for name, sign in (("down", -1.0), ("up", 1.0)):
        side = days[sign * days.r > 0.0]
        assert rows[f"vix_points_{name}_day"] == pytest.approx(-stats.linregress(side.r, side.d).slope, rel=1e-9)
    level = pd.Series(vix)
    inside = (level >= 15.0) & (level < 20.0)
    assert rows["vix_share_15_20"] == pytest.approx(100.0 * inside.mean(), rel=1e-12)
    assert rows["vix_stay_15_20"] == pytest.approx(inside.shift(-1)[:-1][inside[:-1]].astype(float).mean(), rel=1e-12)
    assert rows["vix_rise_5d_q999"] == pytest.approx(level.diff(5).quantile(0.999), rel=1e-12)
    assert rows["vix_fall_21d_q999"] == pytest.approx(-level.diff(21).quantile(0.001), rel=1e-12)
    assert rows["vix_rise_1d_max_pct"] == pytest.approx(100.0 * level.pct_change().max(), rel=1e-12)
    curve = pd.Series(100.0 * (futures[3] / futures[0] - 1.0))
    assert rows["vx4_vx1_15_20"] == pytest.approx(curve[inside].mean(), rel=1e-12)


def decays(vix: np.ndarray) -> list[float]:
    """Sessions from each peak to the close that has lost half of its rise, from the words of the definition."""
    series = pd.Series(vix)
    start = series.shift(1).rolling(63).min()
    peak = (series > series.shift(1).rolling(63).max()) & (series > series[::-1].shift(1).rolling(63).max()[::-1])
    found = []
    for t in np.flatnonzero(peak & (series >= 1.5 * start)):
        later = series[t + 1 :]
        reached = later.index[later <= 0.5 * (start[t] + series[t])]
        found.append(float(reached[0] - t) if len(reached) else math.inf)
    return found


def test_peaks_decay_as_a_search_by_hand_finds() -> None:
    rng = np.random.default_rng(8)
    log_vix = np.zeros(1513)
    for t in range(1512):
        log_vix[t + 1] = 0.97 * log_vix[t] + 0.05 * rng.standard_normal() + 0.6 * (rng.random() < 0.008)
    vix = 15.0 * np.exp(log_vix)
    found = decays(vix)
    assert len(found) >= 4
    r, futures, rolls = rng.standard_normal(1512), np.full((7, 1, 1513), np.nan), np.zeros(1512, dtype=bool)
    rows = history_context(0.01 * r[None], vix[None], futures, rolls)
    assert rows["vix_peaks_a_year"][0] == pytest.approx(len(found) / 6.0)
    assert rows["vix_peak_half_life"][0] == np.median(found)
    slower = history_context(0.01 * r[None], np.repeat(vix, 2)[None, :1513], futures, rolls)
    assert slower["vix_peak_half_life"][0] != np.median(found)


def test_the_first_component_is_that_of_the_covariance() -> None:
    rng = np.random.default_rng(9)
    common, own = rng.standard_normal((1, 1513)), rng.standard_normal((7, 1513))
    moves = 0.03 * common + 0.01 * own
    futures = 20.0 * np.exp(np.cumsum(moves, axis=1))[:, None]
    rolls = np.zeros(1512, dtype=bool)
    rows = history_context(0.01 * common[:, 1:], np.full((1, 1513), 20.0), futures, rolls)
    values = np.linalg.eigvalsh(np.cov(moves[:, 1:]))
    assert rows["vx_first_component_pct"][0] == pytest.approx(100.0 * values[-1] / values.sum(), rel=1e-9)


def test_event_days_come_as_often_as_they_are_said_to() -> None:
    days = event_days(6 * 252)
    assert {kind: part.size for kind, part in days.items()} == {"fomc": 48, "cpi": 72, "ppi": 72, "expiry": 72}
    for kind, part in days.items():
        assert np.all(np.abs(np.diff(part) - EVERY[kind]) < 1.0)
    np.testing.assert_array_equal(days["ppi"], days["cpi"] + 1)


def test_the_vix_drops_by_what_an_event_was_priced_at() -> None:
    """A VIX of 17.4 without events, and one FOMC decision among CPI releases that cost nothing."""
    n_windows, n_days = 400, 1512
    log_return = np.full((n_windows, n_days), 0.0)
    log_return[:, ::2], log_return[:, 1::2] = 0.01, -0.01
    vix = np.full((n_windows, n_days + 1), 17.4)
    sizes = {"fomc": (0.004, 0.01), "cpi": (0.0, 0.0)}
    rows = dict(event_rows(log_return, vix, Stream(seed=3), sizes))
    # decisions are 31 or 32 sessions apart, beyond the VIX's 21: never two ahead
    drop = -0.5 * math.log1p(1e4 * 365.0 / 30.0 * 0.01**2 / 17.4**2)
    np.testing.assert_allclose(rows["dlogvix_fomc_day"], drop, rtol=1e-12)
    assert drop == pytest.approx(-0.02, abs=5e-4)  # as in reality: the default size was chosen by it
    # CPI days change nothing of their own, but a decision may come into view on them
    assert np.all(rows["dlogvix_cpi_day"] >= 0.0)
    ratio = rows["variance_ratio_fomc_day"]
    assert abs(ratio.mean() - 1.16) < 4.0 * ratio.std() / math.sqrt(n_windows)
    assert abs(ratio.mean() - 1.0) > 8.0 * ratio.std() / math.sqrt(n_windows)
    np.testing.assert_allclose(dict(event_rows(log_return, vix, Stream(seed=3), {}))["variance_ratio_expiry_day"], 1.0)


def test_breadth_rows_are_those_of_pandas() -> None:
    r, vix, _, _ = random_market(6)
    net = pd.Series(np.tanh(40.0 * r + 0.3 * np.random.default_rng(1).standard_normal(r.size)))
    rows = {name: value[0] for name, value in breadth_rows(net.to_numpy()[None], r[None], vix[None])}
    assert rows["breadth_std"] == pytest.approx(net.std(ddof=0), rel=1e-12)
    assert rows["breadth_q01"] == pytest.approx(net.quantile(0.01), rel=1e-12)
    assert rows["breadth_acf_1"] == pytest.approx(net.autocorr(1), rel=1e-9)
    assert rows["corr_breadth_r"] == pytest.approx(net.corr(pd.Series(r)), rel=1e-9)
    assert rows["corr_breadth_dlogvix"] == pytest.approx(net.corr(pd.Series(np.diff(np.log(vix)))), rel=1e-9)


def test_changes_of_a_contract_follow_it_through_the_roll() -> None:
    r, vix, _, rolls = random_market(3)
    # contract c has on day t the price p[c, t]; it is the nearest of cycle c
    n_days = r.size
    rng = np.random.default_rng(5)
    contracts = np.exp(3.0 + np.cumsum(0.03 * rng.standard_normal((90, n_days + 1)), axis=1))
    first = np.concatenate([[0], np.cumsum(rolls)])
    futures = np.stack([contracts[first + place, np.arange(n_days + 1)] for place in range(7)])
    rows = history_context(r[None], vix[None], futures[:, None], rolls)
    for place in (0, 1, 6):
        moves = np.diff(np.log(contracts), axis=1)[first[:-1] + place, np.arange(n_days)]
        if place == 0:
            moves = moves[~rolls]  # it expires before the next close
        assert rows[f"std_dlog_vx{place + 1}"][0] == pytest.approx(moves.std(), rel=1e-9)
    assert rows["carry_vx2_pct"][0] == pytest.approx(
        25200.0 * np.diff(np.log(contracts), axis=1)[first[:-1] + 1, np.arange(n_days)].mean(), rel=1e-9
    )


def test_the_vvix_is_that_of_simulated_settlements(svcj: Model) -> None:
    state = np.array([[0.01, 0.04, 0.12]])
    ours = vvix(svcj, svcj.exact_pricer(), state)
    n = 100_000
    for i, value in enumerate(ours):
        _, moved = svcj.propagate(np.full((1, n), state[0, i]), MONTH, Stream(seed=12), measure="q")
        level = svcj.exact_pricer().vix(moved[-1])
        share = level / level.mean()
        squared = -2.0 / TTM * np.log(share)
        error = (squared + 2.0 / TTM * (share - 1.0)).std() / math.sqrt(n)  # what the estimated mean moves is removed
        assert abs((value / 100.0) ** 2 - squared.mean()) < 4.0 * error
        assert abs((value / 104.0) ** 2 - squared.mean()) > 4.0 * error  # a VVIX of 4% less is told apart


def test_a_smile_without_volatility_of_volatility_is_flat() -> None:
    nearly_black = heston(kappa_p=3.0, kappa_q=3.0, theta_p=0.04, vol_of_vol=1e-3, rho=-0.5, rate=0.02)
    smile = spx_smile(nearly_black, nearly_black.exact_pricer(), np.array([[0.04, 0.04]]))
    for volatility in smile.values():
        np.testing.assert_allclose(volatility, 20.0, atol=0.02)


def test_smiles_slope_as_their_model_does(svcj: Model) -> None:
    state = np.array([[0.02, 0.05]])
    pricer = svcj.exact_pricer()
    smile = spx_smile(svcj, pricer, state)
    assert np.all(smile["put10"] > smile["put25"])
    assert np.all(smile["put25"] > smile["atm"])
    assert np.all(smile["atm"] > smile["call25"])
    calls = vix_smile(svcj, pricer, state)
    future = pricer.vix_future(state, TTM)
    price = pricer.vix_option(state, strike=1.25 * future, ttm=TTM, is_call=True) * np.exp(svcj.rate * TTM)
    d1 = (np.log(1.0 / 1.25) + 0.5 * calls["125"] ** 2 * TTM) / (calls["125"] * math.sqrt(TTM))
    black = future * (stats.norm.cdf(d1) - 1.25 * stats.norm.cdf(d1 - calls["125"] * math.sqrt(TTM)))
    np.testing.assert_allclose(black, price, rtol=1e-6)


def test_a_condor_loses_at_most_a_tenth_and_keeps_its_credit_inside(svcj: Model) -> None:
    pricer = svcj.exact_pricer()
    state = np.full((1, 4), 0.03)
    growth = np.array([1.0, 0.5, 2.0, 1.001])
    returns = condor_returns(svcj, pricer, state, growth)
    deltas = np.array([-0.05, -0.20, 0.20, 0.05])
    strikes = pricer.strike_for_delta(1.0, np.full((1, 4), 0.03), delta=deltas, ttm=TTM)
    price = pricer.spx_option(1.0, np.full((1, 4), 0.03), strike=strikes, ttm=TTM, is_call=deltas > 0).price
    credit = price[1] + price[2] - price[0] - price[3]
    below, above = strikes[1] - strikes[0], strikes[3] - strikes[2]
    collateral = COLLATERAL * max(below, above)
    grown = credit * math.exp(svcj.rate * TTM)
    np.testing.assert_allclose(returns, np.array([grown, grown - below, grown - above, grown]) / collateral, rtol=1e-8)
    assert -0.1 < returns.min() < -0.07


def test_without_premia_the_condor_earns_nothing(svcj: Model) -> None:
    fair = svcj.scaled_premium(variance=0.0, equity=0.0)
    n, state = 200_000, np.full((1, 1), 0.03)
    log_return, _ = fair.propagate(np.full((1, n), 0.03), MONTH, Stream(seed=6))
    growth = np.exp(log_return.sum(axis=0))
    returns = condor_returns(fair, fair.exact_pricer(), state, growth)
    error = returns.std() / math.sqrt(n)
    assert abs(returns.mean()) < 4.0 * error
    rich = condor_returns(svcj, svcj.exact_pricer(), state, growth)
    assert rich.mean() > 4.0 * error  # the same paths, sold at prices with a premium


def test_months_become_rows() -> None:
    returns = np.array([[0.01, -0.05, 0.02, 0.01], [0.0, 0.01, 0.0, -0.01]])
    vix = np.array([[12.0, 31.0, 14.0, 22.0], [16.0, 16.0, 16.0, 16.0]])
    rows = condor_rows(returns, vix)
    total = 1.01 * 0.95 * 1.02 * 1.01
    assert rows["condor_excess_pct"][0] == pytest.approx(100.0 * (total**3 - 1.0))
    assert rows["condor_drawdown_pct"][0] == pytest.approx(-5.0)
    assert rows["condor_worst_month_pct"].tolist() == pytest.approx([-5.0, -1.0])
    assert rows["condor_vol_pct"][1] == pytest.approx(100.0 * np.std(returns[1], ddof=1) * math.sqrt(12.0))
    assert rows["condor_month_lt15_pct"][0] == pytest.approx(1.5)
    assert np.isnan(rows["condor_month_lt15_pct"][1])
    assert months_of(1513)[[0, 1, -1]].tolist() == [0, 21, 1512]


def test_a_study_has_every_row_of_the_file(svcj: Model) -> None:
    seen: list[tuple[int, int]] = []
    scores = study(svcj, n_windows=40, seed=2, progress=lambda *report: seen.append(report))
    assert [score.fact.name for score in scores] == [fact.name for fact in context_facts()]
    assert seen == [(40, 40)]
    values = {score.fact.name: score for score in scores}
    assert values["vix_share_lt15"].low < values["vix_share_lt15"].median < values["vix_share_lt15"].high
    assert np.isnan(values["vvix_mean"].low)
    few = study(svcj, n_windows=20, seed=2, options=False)
    assert {score.fact.name for score in few} == {name for name in values if not name.startswith(("vvix", "spx_"))} - {
        name for name in values if name.startswith(("condor", "vix_call", "corr_vvix"))
    }


def test_the_real_rows_are_those_of_the_closes() -> None:
    if not DATA.is_dir():
        pytest.skip(f"NOT CHECKED against the real market: {DATA} is absent")
    spx = pd.read_csv(DATA / "spx_daily.csv.gz", index_col="date", parse_dates=True).close
    vix = pd.read_csv(DATA / "vix_daily.csv", index_col="date", parse_dates=True).close
    listed = pd.read_csv(DATA / "nyse_advance_decline.csv.gz", index_col="date", parse_dates=True)
    net = ((listed.adv - listed.dec) / (listed.adv + listed.dec)).rename("net")
    places = [f"VX{place}" for place in range(1, 8)]
    vx = pd.read_csv(DATA / "vx_term_structure_daily.csv.gz", index_col="date", parse_dates=True)[[*places, "dte1"]]
    days = pd.DataFrame({"spx": spx, "vix": vix}).dropna().join(vx).join(net)

    def rows(first: int, last: int) -> dict[str, float]:
        part = days.loc[str(first) : str(last)]
        rolls = np.diff(part.dte1.to_numpy()) > 0
        curve = part[places].to_numpy().T[:, None]
        log_return, level = np.diff(np.log(part.spx.to_numpy()))[None], part.vix.to_numpy()[None]
        values = history_context(log_return, level, curve, rolls)
        values.update(breadth_rows(part.net.to_numpy()[None, 1:], log_return, level))
        return {name: float(value[0]) for name, value in values.items()}

    whole, windows = rows(1990, 2018), [rows(*years) for years in SIX_YEARS]
    options = pd.read_csv(DATA / "vol_indices_daily.csv", index_col="date", parse_dates=True).loc[:"2018"]
    options = options[["VVIX", "VIX"]].dropna()
    whole["vvix_mean"] = options.VVIX.mean()
    whole["corr_vvix_vix"] = options.VVIX.corr(options.VIX)
    for fact in context_facts():
        if fact.name in whole:
            assert fact.real == pytest.approx(whole[fact.name], abs=6e-5), fact.name
        if fact.name in windows[0] and np.isfinite(fact.low):
            known = [window[fact.name] for window in windows if np.isfinite(window[fact.name])]
            assert (fact.low, fact.high) == pytest.approx((min(known), max(known)), abs=6e-5), fact.name
    assert set(windows[0]) < {fact.name for fact in context_facts()}
