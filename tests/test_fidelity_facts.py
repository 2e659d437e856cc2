"""The 34 facts: against pandas and scipy on random histories, and against the closes of the real market."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from models.errors import ModelParameterError
from models.fidelity.facts import FACTS, history_facts
from models.fidelity.real_market import real_facts

DATA = Path(__file__).parents[2] / "shared" / "data"
SIX_YEARS = ((1990, 1995), (1996, 2001), (2002, 2007), (2007, 2012), (2008, 2013), (2013, 2018))
N_DAYS = 1512


def random_history(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """A history that visits every range of the VIX: log AR(1) VIX, returns that follow it, a curve that reverts."""
    rng = np.random.default_rng(seed)
    log_vix = np.empty(N_DAYS + 1)
    log_vix[0] = np.log(20.0)
    shocks = rng.standard_normal((2, N_DAYS))
    for day in range(N_DAYS):
        log_vix[day + 1] = log_vix[day] + 0.02 * (np.log(21.0) - log_vix[day]) + 0.09 * shocks[0, day]
    vix = np.exp(log_vix)
    r = vix[:-1] / 100.0 / np.sqrt(252.0) * (-0.7 * shocks[0] + 0.5 * shocks[1] ** 3 / 3.0)
    noise = 0.01 * rng.standard_normal((2, N_DAYS + 1))
    vx1 = np.exp(0.8 * log_vix + 0.2 * np.log(21.0) + noise[0])
    vx2 = np.exp(0.7 * log_vix + 0.3 * np.log(21.0) + noise[1])
    return r, vix, vx1, vx2


def by_pandas(r: np.ndarray, vix: np.ndarray, vx1: np.ndarray, vx2: np.ndarray) -> dict[str, float]:
    """The same facts by pandas and scipy, from the words of their definitions."""
    level, r_series = pd.Series(vix), pd.Series(r, index=range(1, r.size + 1))
    log_level = np.log(level)
    moves = pd.DataFrame({"r": r_series, "d": level.diff(), "l": log_level.diff(), "start": level.shift()}).dropna()
    price = pd.Series(np.exp(np.concatenate([[0.0], np.cumsum(r)])))
    later = (r_series**2).rolling(21).sum().shift(-21)
    later.loc[0] = (r[:21] ** 2).sum()
    realised = (later * 252.0 / 21.0).dropna().sort_index()
    implied = level.loc[realised.index] / 100.0
    slope = 100.0 * (pd.Series(vx2) / vx1 - 1.0)

    def acf(x: pd.Series, lag: int) -> float:
        d = x.to_numpy() - x.mean()
        return float(np.correlate(d, d, "full")[d.size - 1 + lag] / np.dot(d, d))

    def beta(part: pd.DataFrame) -> float:
        return float(stats.linregress(part.r, part.l).slope) if len(part) >= 100 else np.nan

    def mean_of(part: pd.Series) -> float:
        return float(part.mean()) if len(part) >= 20 else np.nan

    return {
        "spx_ann_vol": 100.0 * float(r_series.std(ddof=0)) * 252.0**0.5,
        "spx_skew": float(stats.skew(r)),
        "spx_exkurt": float(stats.kurtosis(r)),
        **{f"acf_abs_{lag}": acf(r_series.abs(), lag) for lag in (1, 5, 20, 60)},
        "worst_day_pct": 100.0 * float(price.pct_change().min()),
        "max_drawdown_pct": 100.0 * float((price / price.cummax() - 1.0).min()),
        "corr_r_dvix": float(moves.r.corr(moves.d)),
        "corr_r_dlogvix": float(moves.r.corr(moves.l)),
        "beta_dlogvix_r": beta(moves),
        "vix_mean": float(level[1:].mean()),
        "vix_median": float(level[1:].median()),
        **{f"vix_p{p}": float(level[1:].quantile(p / 100.0)) for p in (5, 95, 99)},
        "std_dlogvix": float(moves.l.std(ddof=0)),
        "skew_dlogvix": float(stats.skew(moves.l)),
        **{f"acf_logvix_{lag}": acf(log_level, lag) for lag in (20, 60)},
        "beta_dlogvix_low": beta(moves[moves.start < 15.0]),
        "beta_dlogvix_high": beta(moves[moves.start > 30.0]),
        "rv_over_iv": float(realised.mean() / (implied**2).mean()),
        "vrp_positive_pct": 100.0 * float((implied > np.sqrt(realised)).mean()),
        "vrp_volpts": 100.0 * float((implied - np.sqrt(realised)).mean()),
        "contango_pct": 100.0 * float((slope > 0.0).mean()),
        "vx2_vx1_mean": float(slope.mean()),
        "vx2_vx1_p5": float(slope.quantile(0.05)),
        "vx2_vx1_p95": float(slope.quantile(0.95)),
        "vx1_vix_mean": 100.0 * float((pd.Series(vx1) / level - 1.0).mean()),
        "vx2_vx1_lt15": mean_of(slope[level < 15.0]),
        "vx2_vx1_20_30": mean_of(slope[(level >= 20.0) & (level < 30.0)]),
        "vx2_vx1_gt40": mean_of(slope[level > 40.0]),
    }


def test_every_fact_is_that_of_pandas_and_scipy() -> None:
    histories = [random_history(seed) for seed in (5, 6, 7)]
    ours = history_facts(*(np.stack(part) for part in zip(*histories, strict=True)))
    theirs = [by_pandas(*history) for history in histories]
    for name, column in zip(FACTS, ours.T, strict=True):
        np.testing.assert_allclose(column, [facts[name] for facts in theirs], rtol=1e-9, err_msg=name)
    assert np.isfinite(ours).mean() > 0.9


def test_a_range_that_is_seldom_visited_gives_no_number() -> None:
    r, vix, vx1, vx2 = random_history(5)
    calm = np.full_like(vix, 20.0) + 0.1 * np.sin(np.arange(vix.size))
    facts = dict(zip(FACTS, history_facts(r[None], calm[None], vx1[None], vx2[None])[0], strict=True))
    missing = {name for name, value in facts.items() if np.isnan(value)}
    assert missing == {"beta_dlogvix_low", "beta_dlogvix_high", "vx2_vx1_lt15", "vx2_vx1_gt40"}


def test_days_without_futures_are_left_out() -> None:
    r, vix, vx1, vx2 = random_history(6)
    part = vx1.copy()
    part[:700] = np.nan
    facts = history_facts(r[None], vix[None], part[None], vx2[None])[0]
    slope = 100.0 * (vx2[700:] / vx1[700:] - 1.0)
    assert facts[FACTS.index("vx2_vx1_mean")] == pytest.approx(slope.mean(), rel=1e-12)
    none = history_facts(r[None], vix[None], np.full_like(part, np.nan)[None], vx2[None])[0]
    assert np.isnan(none[FACTS.index("contango_pct")])
    assert np.isfinite(none[: FACTS.index("contango_pct")]).all()


def test_shapes_that_do_not_fit_are_refused() -> None:
    r, vix, vx1, vx2 = (part[None] for part in random_history(5))
    with pytest.raises(ModelParameterError, match="one day more"):
        history_facts(r, vix[:, 1:], vx1, vx2)
    with pytest.raises(ModelParameterError, match="at least"):
        history_facts(r[:, :50], vix[:, :51], vx1[:, :51], vx2[:, :51])


def test_the_real_facts_are_complete() -> None:
    facts = real_facts()
    assert len(facts) == 34
    assert all(fact.low <= fact.high and fact.meaning and fact.unit for fact in facts)
    assert [fact.name for fact in facts if not fact.envelope_counts] == ["vx2_vx1_gt40"]


def real_history(first: int, last: int) -> list[np.ndarray]:
    if not DATA.is_dir():
        pytest.skip(f"NOT CHECKED against the real market: {DATA} is absent")
    spx = pd.read_csv(DATA / "spx_daily.csv.gz", index_col="date", parse_dates=True).close
    vix = pd.read_csv(DATA / "vix_daily.csv", index_col="date", parse_dates=True).close
    vx = pd.read_csv(DATA / "vx_term_structure_daily.csv.gz", index_col="date", parse_dates=True)[["VX1", "VX2"]]
    days = pd.DataFrame({"spx": spx, "vix": vix}).dropna().join(vx).loc[str(first) : str(last)]
    levels = [days[name].to_numpy()[None] for name in ("vix", "VX1", "VX2")]
    return [np.diff(np.log(days.spx.to_numpy()))[None], *levels]


def test_the_real_facts_are_those_of_the_closes() -> None:
    whole = history_facts(*real_history(1990, 2018))[0]
    windows = np.stack([history_facts(*real_history(*years))[0] for years in SIX_YEARS])
    checked = 0
    for i, fact in enumerate(real_facts()):
        is_of_futures = fact.window.startswith("2004")
        # the files at hand have no futures before 2006: the whole sample and 2002-2007 cannot be had from them
        parts = np.delete(windows[:, i], 2) if is_of_futures else windows[:, i]
        ours = [] if is_of_futures else [(whole[i], fact.real)]
        low, high = np.nanmin(parts), np.nanmax(parts)
        for value, shipped in ((low, fact.low), (high, fact.high)):
            if is_of_futures and abs(value - shipped) > 6e-4:
                assert fact.low < value < fact.high, fact.name  # then the window 2002-2007 is the outermost
            else:
                ours.append((value, shipped))
        for value, shipped in ours:
            assert value == pytest.approx(shipped, abs=6e-4), fact.name
            checked += 1
    assert checked >= 85
