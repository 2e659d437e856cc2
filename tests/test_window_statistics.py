"""Statistics of windows and correlations from sums by group, against resampling and laws that are known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from arch.bootstrap import IIDBootstrap
from numpy.typing import NDArray

from sim.metrics.correlation import pooled_correlation
from sim.metrics.estimate import INDEPENDENT, SampleDesign
from sim.metrics.window_paths import WindowPaths
from sim.metrics.windows import REGISTRY

FloatArray = NDArray[np.float64]
N_DAYS = 60
RATE = 0.03
SESSION_RATE = math.expm1(RATE / 252)
COURSES = (
    "return_cube_sum",
    "return_fourth_sum",
    "shortfall_square_sum",
    "excess_gain_sum",
    "max_drawdown",
    "drawdown_part",
)


def paths_of(values: dict[str, FloatArray], design: SampleDesign = INDEPENDENT) -> WindowPaths:
    """What the statistics read, from rows of a sample."""
    plain = {name: row for name, row in values.items() if name not in COURSES}
    courses = {name: values[name] for name in COURSES}
    return WindowPaths(n_days=N_DAYS, **plain, courses=courses, rate=RATE, design=design)  # type: ignore[arg-type]


def sample(rng: np.random.Generator, n: int) -> dict[str, FloatArray]:
    """Paths that are in the window at random, each on its own level of volatility."""
    sessions = rng.binomial(N_DAYS, 0.3, n).astype(float)
    scale = 0.01 * rng.gamma(4.0, 0.25, n)
    daily = 2e-4 + scale * rng.standard_t(6.0, (N_DAYS, n)) * (np.arange(N_DAYS)[:, None] < sessions)
    daily *= np.arange(N_DAYS)[:, None] < sessions
    total, squares = daily.sum(axis=0), (daily**2).sum(axis=0)
    excess = (daily - SESSION_RATE) * (np.arange(N_DAYS)[:, None] < sessions)
    loss = -rng.exponential(1000.0, n) * (rng.random(n) < 0.4)
    return {
        "sessions": sessions,
        "runs": np.ceil(sessions / 4.0),
        "pnl": 1e5 * total,
        "hedge_pnl": 20.0 * sessions - 500.0 + 300.0 * rng.standard_normal(n),
        "return_sum": total,
        "return_square_sum": squares,
        "loss_first_engine": loss,
        "loss_hedges": -0.4 * loss + 200.0 * rng.standard_normal(n) * (loss < 0.0),
        "return_cube_sum": (daily**3).sum(axis=0),
        "return_fourth_sum": (daily**4).sum(axis=0),
        "shortfall_square_sum": (np.minimum(excess, 0.0) ** 2).sum(axis=0),
        "excess_gain_sum": np.maximum(excess, 0.0).sum(axis=0),
        "max_drawdown": scale * np.sqrt(sessions),
        "drawdown_part": scale * np.sqrt(sessions) * rng.random(n),
        "path_drawdown": scale * 8.0,
    }


def plain(name: str, rows: FloatArray) -> float:
    """The statistics as anyone would work them out from the paths together."""
    sessions, runs, pnl, hedge, total, squares, loss, offset, cubes, fourths, short, gain, fall, part, whole = rows.sum(
        axis=1
    )
    n, reached = rows.shape[1], np.count_nonzero(rows[0])
    mean = total / sessions
    variance = squares / sessions - mean**2
    third = cubes / sessions - 3 * mean * variance - mean**3
    fourth = fourths / sessions - 4 * mean * third - 6 * mean**2 * variance - mean**4
    loss_below = gain - (total - SESSION_RATE * sessions)
    return {
        "session_share": sessions / (n * N_DAYS),
        "path_share": reached / n,
        "runs_per_year": 252 * runs / (n * N_DAYS),
        "run_length": sessions / runs,
        "pnl_per_year": 252 * pnl / sessions,
        "volatility": math.sqrt(252 * variance),
        "hedge_carry": 252 * hedge / sessions,
        "offset_ratio": -offset / loss,
        "skewness": third / variance**1.5,
        "kurtosis": fourth / variance**2 - 3,
        "sharpe_ratio": math.sqrt(252 / variance) * (mean - SESSION_RATE),
        "sortino_ratio": math.sqrt(252 / (short / sessions)) * (mean - SESSION_RATE),
        "omega_ratio": gain / loss_below,
        "max_drawdown_mean": fall / reached,
        "drawdown_share": part / whole,
    }[name]


@pytest.mark.parametrize("name", REGISTRY)
def test_estimates_and_errors_are_those_of_the_bootstrap(name: str) -> None:
    values = sample(np.random.default_rng(1), 1500)
    rows = np.stack(list(values.values()))
    result = REGISTRY[name].compute(paths_of(values))
    assert result.estimate == pytest.approx(plain(name, rows), rel=1e-9)
    bootstrap = IIDBootstrap(rows.T, seed=np.random.default_rng(2))
    resampled = bootstrap.apply(lambda x: np.atleast_1d(plain(name, x.T)), 1000)
    assert result.standard_error == pytest.approx(resampled.std(ddof=1), rel=0.1)


@pytest.mark.parametrize("name", REGISTRY)
def test_weights_and_clusters_are_heeded(name: str) -> None:
    """Paths of weight 2 count as two, and every path twice in a row tells no more than once."""
    values = sample(np.random.default_rng(3), 400)
    weights = np.where(np.arange(400) < 150, 2.0, 1.0)
    twice = {key: np.repeat(row, weights.astype(int)) for key, row in values.items()}
    weighted = REGISTRY[name].compute(paths_of(values, SampleDesign(weights=weights)))
    assert weighted.estimate == pytest.approx(REGISTRY[name].compute(paths_of(twice)).estimate)
    pairs = {key: np.repeat(row, 2) for key, row in values.items()}
    single = REGISTRY[name].compute(paths_of(values))
    clustered = REGISTRY[name].compute(paths_of(pairs, SampleDesign(cluster=2)))
    naive = REGISTRY[name].compute(paths_of(pairs))
    assert clustered.standard_error == pytest.approx(single.standard_error, rel=1e-9)
    assert naive.standard_error == pytest.approx(single.standard_error / math.sqrt(2.0), rel=1e-2)


def test_edge_cases_are_named_and_never_warn() -> None:
    n = 5
    zero = dict.fromkeys(sample(np.random.default_rng(0), n), np.zeros(n))
    for name, statistic in REGISTRY.items():
        result = statistic.compute(paths_of(zero))
        assert math.isnan(result.estimate) == bool(result.note), name
    still = {**zero, "sessions": np.full(n, 6.0), "runs": np.ones(n)}
    assert REGISTRY["volatility"].compute(paths_of(still)).estimate == 0.0
    constant = {**still, "return_sum": np.full(n, 6 * 0.001), "return_square_sum": np.full(n, 6 * 0.001**2)}
    assert REGISTRY["volatility"].compute(paths_of(constant)).estimate == pytest.approx(0, abs=1e-8)
    alone = {key: row[:1] for key, row in constant.items()}
    for statistic in REGISTRY.values():
        result = statistic.compute(paths_of(alone))
        assert result.note or result.standard_error in (0.0, math.inf)


# correlation


def by_group(x: FloatArray, y: FloatArray, n_groups: int) -> tuple[FloatArray, ...]:
    """Sums of each group of paths; x and y have shape (n_paths, n_sessions)."""
    group = np.arange(x.shape[0]) % n_groups

    def sums(values: FloatArray) -> FloatArray:
        return np.bincount(group, weights=values.sum(axis=1), minlength=n_groups)

    return sums(np.ones_like(x)), sums(x), sums(y), sums(x * x), sums(y * y), sums(x * y)


def correlation(x: FloatArray, y: FloatArray, n_groups: int = 64) -> tuple[float, float, float]:
    count, a, b, aa, bb, ab = by_group(x, y, n_groups)
    result = pooled_correlation(count, (a, b), (aa, bb), ab)
    return result.estimate, result.ci_low, result.ci_high


def test_a_correlation_from_sums_is_that_of_all_days() -> None:
    rng = np.random.default_rng(5)
    x = 3.0 + rng.standard_normal((200, 20))
    y = 0.5 * x - 7.0 + rng.standard_normal((200, 20))
    estimate, low, high = correlation(x, y)
    assert estimate == pytest.approx(np.corrcoef(x.ravel(), y.ravel())[0, 1], rel=1e-10)
    assert low < estimate < high
    assert correlation(x, -2.0 * x)[0] == pytest.approx(-1.0)


@pytest.mark.parametrize("kind", ["constant", "no session", "one group"])
def test_a_correlation_that_is_not_defined(kind: str) -> None:
    x = np.random.default_rng(6).standard_normal((8, 5))
    if kind == "one group":
        estimate, low, high = correlation(x, x**2, n_groups=1)
        assert (low, high) == (-1.0, 1.0)
        assert -1.0 < estimate < 1.0
        return
    y = np.zeros_like(x) if kind == "constant" else x[:, :0]
    assert np.isnan(correlation(x if kind == "constant" else y, y)).all()


@pytest.mark.parametrize("n_paths", [300, 1000])
def test_intervals_of_a_correlation_cover_the_truth(n_paths: int) -> None:
    """Days of a path share a random scale, so they are not independent; intervals of independent days are too short."""
    rng, rho, n_runs = np.random.default_rng(7), 0.6, 1000
    hits, naive = 0, 0
    for _ in range(n_runs):
        scale = rng.gamma(2.0, 1.0, (n_paths, 1))
        x = scale * rng.standard_normal((n_paths, 12))
        y = rho * x + math.sqrt(1.0 - rho**2) * scale * rng.standard_normal((n_paths, 12))
        estimate, low, high = correlation(x, y)
        hits += low <= rho <= high
        naive += abs(math.atanh(estimate) - math.atanh(rho)) < 1.96 / math.sqrt(x.size - 3)
    assert 0.93 <= hits / n_runs <= 0.97
    assert naive / n_runs < 0.9
