"""Growth, moments of daily returns and their ratios, against scipy, closed forms, plain loops and resampling."""

from __future__ import annotations

import math

import numpy as np
import pytest
from arch.bootstrap import IIDBootstrap
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from sim.metrics.estimate import SampleDesign
from sim.metrics.registry import REGISTRY
from sim.metrics.return_statistics import RETURNS
from sim.metrics.returns import RECENT, annual_growth, is_long, recent_outcomes, recovery, return_sums
from tests.equity_cases import outcomes_of

FloatArray = NDArray[np.float64]
RATE = 0.03
DAILY_RATE = math.expm1(RATE / 252)


def equity_paths(rng: np.random.Generator, n_paths: int, n_days: int = 60) -> FloatArray:
    """Equity with skewed returns, each path on its own level of volatility."""
    scale = 0.008 * rng.gamma(4.0, 0.25, n_paths)
    returns = 0.0004 + scale * (1.0 - rng.gamma(2.0, 0.5, (n_days, n_paths)))
    return 1e6 * np.cumprod(np.vstack([np.ones((1, n_paths)), 1.0 + returns]), axis=0)


def plain(name: str, equity: FloatArray) -> float:
    """The statistics as anyone would work them out from equity paths of shape (n_days + 1, n_paths)."""
    returns = (equity[1:] / equity[:-1] - 1.0).ravel()
    excess = returns - DAILY_RATE
    years = (equity.shape[0] - 1) / 252
    growth = (equity[-1] / equity[0]) ** (1 / years) - 1.0
    drawdown = np.max(1.0 - equity / np.maximum.accumulate(equity, axis=0), axis=0)
    return float(
        {
            "cagr_mean": lambda: growth.mean(),
            "cagr_median": lambda: np.median(growth),
            "irr": lambda: (equity[-1].sum() / equity[0].sum()) ** (1 / years) - 1.0,
            "volatility": lambda: returns.std() * math.sqrt(252),
            "skewness": lambda: stats.skew(returns),
            "kurtosis": lambda: stats.kurtosis(returns),
            "sharpe_ratio": lambda: excess.mean() / returns.std() * math.sqrt(252),
            "sortino_ratio": lambda: excess.mean() / math.sqrt(np.mean(np.minimum(excess, 0.0) ** 2)) * math.sqrt(252),
            "omega_ratio": lambda: excess[excess > 0].sum() / -excess[excess < 0].sum(),
            "calmar_ratio": lambda: growth.mean() / drawdown.mean(),
            "mar_ratio": lambda: growth.mean() / drawdown.mean(),
        }[name]()
    )


@pytest.mark.parametrize("name", RETURNS)
def test_estimates_and_errors_are_those_of_the_bootstrap(name: str) -> None:
    equity = equity_paths(np.random.default_rng(1), 1500)
    result = RETURNS[name].compute(outcomes_of(equity, rate=RATE, with_periods=False))
    assert result.estimate == pytest.approx(plain(name, equity), rel=1e-9)
    bootstrap = IIDBootstrap(equity.T, seed=np.random.default_rng(2))
    resampled = bootstrap.apply(lambda x: np.atleast_1d(plain(name, x.T)), 400)
    assert result.standard_error == pytest.approx(resampled.std(ddof=1), rel=0.16)  # 400 resamples know it to 4%


def test_a_normal_law_has_the_ratios_of_the_books() -> None:
    rng, m, s = np.random.default_rng(3), 0.0006, 0.01
    returns = m + s * rng.standard_normal((100, 20_000))
    equity = np.cumprod(np.vstack([np.ones((1, 20_000)), 1.0 + returns]), axis=0)
    outcomes = outcomes_of(equity, rate=RATE, with_periods=False)
    z = (m - DAILY_RATE) / s
    gain = s * (stats.norm.pdf(z) + z * stats.norm.cdf(z))
    loss = gain - (m - DAILY_RATE)
    shortfall = s * math.sqrt((1 + z * z) * stats.norm.cdf(-z) - z * stats.norm.pdf(z))
    root = math.sqrt(252)
    truths = {
        "volatility": s * root,
        "skewness": 0.0,
        "kurtosis": 0.0,
        "sharpe_ratio": z * root,
        "sortino_ratio": (m - DAILY_RATE) / shortfall * root,
        "omega_ratio": gain / loss,
        "irr": (1.0 + m) ** 252 - 1.0,
    }
    for name, truth in truths.items():
        result = RETURNS[name].compute(outcomes)
        assert abs(result.estimate - truth) < 4.0 * result.standard_error, name
        wrong = truth * 1.1 + 0.02 * (truth == 0.0)
        assert abs(result.estimate - wrong) > 4.0 * result.standard_error, name


def test_a_student_law_has_its_kurtosis() -> None:
    rng, df = np.random.default_rng(4), 12.0
    returns = 0.01 * rng.standard_t(df, (100, 20_000))
    equity = np.cumprod(np.vstack([np.ones((1, 20_000)), 1.0 + returns]), axis=0)
    result = RETURNS["kurtosis"].compute(outcomes_of(equity, with_periods=False))
    assert abs(result.estimate - 6.0 / (df - 4.0)) < 4.0 * result.standard_error
    assert result.standard_error < 0.03


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["cagr_mean", "volatility", "skewness", "sharpe_ratio", "sortino_ratio", "omega_ratio"]
)
def test_intervals_cover_the_truth(name: str) -> None:
    rng, m, s, n_runs, n_paths, n_days = np.random.default_rng(5), 0.0006, 0.01, 1000, 400, 21
    z = m / s
    gain = s * (stats.norm.pdf(z) + z * stats.norm.cdf(z))
    shortfall = s * math.sqrt((1 + z * z) * stats.norm.cdf(-z) - z * stats.norm.pdf(z))
    large = np.prod(1.0 + m + s * rng.standard_normal((n_days, 1_000_000)), axis=0)
    truth = {
        "cagr_mean": float(np.mean(large ** (252 / n_days) - 1.0)),
        "volatility": s * math.sqrt(252),
        "skewness": 0.0,
        "sharpe_ratio": z * math.sqrt(252),
        "sortino_ratio": m / shortfall * math.sqrt(252),
        "omega_ratio": gain / (gain - m),
    }[name]
    hits = 0
    for _ in range(n_runs):
        returns = m + s * rng.standard_normal((n_days, n_paths))
        equity = np.cumprod(np.vstack([np.ones((1, n_paths)), 1.0 + returns]), axis=0)
        result = RETURNS[name].compute(outcomes_of(equity, with_periods=False))
        hits += result.ci_low <= truth <= result.ci_high
    assert 0.93 <= hits / n_runs <= 0.97


# what is stored of a path


@given(st.lists(st.floats(-50.0, 60.0), min_size=1, max_size=9), st.floats(0.0, 0.1))
def test_return_sums_are_those_of_a_plain_loop(changes: list[float], rate: float) -> None:
    equity = 100.0 + np.cumsum([0.5, *changes])  # 0.5 is gained by the orders of day 0
    sums = return_sums(equity[:, None], 100.0, rate)
    daily, before, ruined_rates = math.expm1(rate / 252), 100.0, 0
    expected = np.zeros(6)
    for value in equity[1:]:
        if before > 0.0:
            change = value / before - 1.0
            excess = change - daily
            expected += [change, change**2, change**3, change**4, min(excess, 0.0) ** 2, max(excess, 0.0)]
        else:
            ruined_rates += 1
        before = value
    found = [float(getattr(sums, name)[0]) for name in type(sums).__slots__]
    np.testing.assert_allclose(found, expected, rtol=1e-7, atol=1e-12)


def recovery_by_loop(path: list[float]) -> tuple[int, bool]:
    peak, worst, trough, target = path[0], 0.0, 0, path[0]
    for day, equity in enumerate(path):
        peak = max(peak, equity)
        if 1.0 - equity / peak > worst:
            worst, trough, target = 1.0 - equity / peak, day, peak
    if worst == 0.0:
        return 0, True
    for day in range(trough, len(path)):
        if path[day] >= target:
            return day - trough, True
    return len(path) - 1 - trough, False


@given(st.lists(st.integers(1, 12), min_size=1, max_size=12))
def test_recovery_is_that_of_a_plain_loop(path: list[int]) -> None:
    sessions, recovered = recovery(np.array(path, dtype=float)[:, None])
    assert (int(sessions[0]), bool(recovered[0])) == recovery_by_loop([float(x) for x in path])


def test_recovery_by_hand() -> None:
    for path, expected in (
        ([10, 11, 12], (0, True)),
        ([10, 8, 9, 10, 7], (0, False)),  # the last close is the trough
        ([10, 8, 9, 10, 12], (2, True)),
        ([10, 8, 5, 9, 9], (2, False)),
        ([10, 5, 10, 6, 9], (1, True)),  # the deepest one recovered; a later one has not
    ):
        sessions, recovered = recovery(np.array(path, dtype=float)[:, None])
        assert (sessions[0], recovered[0]) == expected, path


def test_growth_by_hand() -> None:
    np.testing.assert_allclose(annual_growth(np.array([1.21, 1.0, 0.0, -0.5]), 504), [0.1, 0.0, -1.0, -1.0])


def test_the_last_three_years() -> None:
    """A path that halves early and doubles later, one that falls to half at the end, one with nothing left."""
    n = RECENT + 253
    early = np.concatenate([np.full(100, 8.0), np.full(100, 4.0), np.linspace(4.0, 8.0, n - 200)])
    late = np.concatenate([np.full(n - 100, 8.0), np.full(100, 4.0)])
    gone = np.concatenate([np.full(100, 8.0), np.full(n - 100, -1.0)])
    equity = np.stack([early, late, gone], axis=1)
    assert is_long(equity)
    assert not is_long(equity[: RECENT + 1])
    growth, drawdown = recent_outcomes(equity)
    np.testing.assert_allclose(growth, [8.0 / early[-RECENT - 1], 0.5, 0.0])
    np.testing.assert_allclose(drawdown, [0.0, 0.5, 1.0])
    long = outcomes_of(equity[:, :2], with_periods=False, recent_growth=growth[:2], recent_drawdown=drawdown[:2])
    expected = np.mean(growth[:2] ** (1.0 / 3.0) - 1.0) / 0.25
    assert RETURNS["calmar_ratio"].compute(long).estimate == pytest.approx(expected)
    assert RETURNS["mar_ratio"].compute(long).estimate == pytest.approx(plain("mar_ratio", equity[:, :2]))


# edges


def compute_all(outcomes: object) -> dict[str, tuple[float, float, str]]:
    found = {}
    for name, statistic in REGISTRY.items():
        item = statistic.compute(outcomes)  # type: ignore[arg-type]
        found[name] = (item.estimate, item.standard_error, item.note)
    return found


def constant(n_paths: int = 40) -> FloatArray:
    return 1e6 * np.exp(np.linspace(0.0, 0.01, 64))[:, None] * np.ones(n_paths)


CASES = {
    "no trades": np.full((64, 40), 1e6),
    "no drawdown": constant(),
    "one path": equity_paths(np.random.default_rng(6), 1, 63),
    "one path that stands still": np.full((64, 1), 1e6),
    "one day": equity_paths(np.random.default_rng(7), 40, 1),
    "first-day loss": np.vstack([np.full((1, 40), 1e6), np.full((63, 40), 8.9e5)]),
    "everyone ruined": np.vstack([np.full((2, 40), 1e6), np.full((62, 40), -5.0)]),
    "ruined half": np.hstack([constant(20), np.vstack([np.full((2, 20), 1e6), np.full((62, 20), 0.0)])]),
    "two paths": equity_paths(np.random.default_rng(8), 2, 63),
}


@pytest.mark.parametrize("case", CASES)
def test_no_statistic_warns_or_is_undefined_without_a_reason(case: str) -> None:
    for design in (SampleDesign(), SampleDesign(cluster=2), SampleDesign(weights=np.ones(CASES[case].shape[1]))):
        for name, (estimate, error, note) in compute_all(outcomes_of(CASES[case], design=design)).items():
            assert math.isnan(estimate) == bool(note), (name, note)
            assert math.isnan(error) == bool(note), name
            assert math.isfinite(estimate) or note, name


def test_edge_cases_have_the_values_that_they_must_have() -> None:
    still = compute_all(outcomes_of(CASES["no trades"]))
    assert still["terminal_pnl_mean"][:2] == still["volatility"][:2] == still["max_drawdown_mean"][:2] == (0.0, 0.0)
    assert still["sharpe_ratio"][2] == "daily returns do not vary"
    assert still["mar_ratio"][2] == "no path has a drawdown"
    growing = compute_all(outcomes_of(CASES["no drawdown"]))
    assert growing["recovery_time_mean"][0] == growing["probability_of_no_recovery"][0] == 0.0
    assert growing["cagr_mean"][0] == pytest.approx(math.exp(0.01 * 252 / 63) - 1.0)
    assert growing["sortino_ratio"][2] == "no daily return lies below the short rate"
    fallen = compute_all(outcomes_of(CASES["first-day loss"]))
    assert fallen["max_drawdown_mean"][0] == pytest.approx(0.11)
    assert fallen["probability_of_drawdown_10"][0] == 1.0
    assert fallen["probability_of_drawdown_20"][0] == 0.0
    ruined = compute_all(outcomes_of(CASES["everyone ruined"]))
    assert ruined["probability_of_ruin"][0] == 1.0
    assert ruined["cagr_mean"][0] == -1.0
    assert ruined["irr"][2] == "the paths together lose all of their equity"
    half = compute_all(outcomes_of(CASES["ruined half"]))
    assert half["probability_of_ruin"][0] == 0.5
    assert half["irr"][0] == pytest.approx((0.5 * math.exp(0.01)) ** (252 / 63) - 1.0)
    alone = compute_all(outcomes_of(CASES["one path"]))
    assert alone["terminal_pnl_mean"][1] == alone["sharpe_ratio"][1] == math.inf
    assert compute_all(outcomes_of(CASES["one day"]))["monthly_value_at_risk_95"][2]
