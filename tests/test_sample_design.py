"""Estimates from paths that were not drawn at random from the law in question: weights and clusters."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from sim.metrics.estimate import (
    Estimate,
    SampleDesign,
    expected_shortfall,
    mean,
    of_means,
    paired_difference,
    quantile,
    ratio,
    relative_difference,
    share,
)

FloatArray = NDArray[np.float64]
Statistic = Callable[[FloatArray, SampleDesign], Estimate]

N_RUNS = 1000
FOUR_ERRORS = 4.0 * math.sqrt(0.95 * 0.05 / N_RUNS)

STATISTICS: dict[str, Statistic] = {
    "mean": mean,
    "share": lambda x, design: share(x < -1.0, design),
    "median": lambda x, design: quantile(x, 0.5, design),
    "5% quantile": lambda x, design: quantile(x, 0.05, design),
    "expected shortfall": lambda x, design: expected_shortfall(x, 0.95, design),
    "ratio": lambda x, design: ratio(x, x**2, design),
    "deviation": lambda x, design: of_means(lambda a, b: np.sqrt(b - a * a), np.stack([x, x * x]), design),
}
TRUTH = {
    "mean": 0.0,
    "share": float(stats.norm.cdf(-1.0)),
    "median": 0.0,
    "5% quantile": float(stats.norm.ppf(0.05)),
    "expected shortfall": float(stats.norm.pdf(stats.norm.ppf(0.05)) / 0.05),
    "ratio": 0.0,
    "deviation": 1.0,
}
of_statistic = pytest.mark.parametrize("name", STATISTICS)


def fields(result: Estimate) -> tuple[float, ...]:
    return result.estimate, result.standard_error, result.ci_low, result.ci_high


@of_statistic
def test_equal_weights_change_nothing(name: str) -> None:
    values = np.random.default_rng(1).standard_normal(2001)
    plain = STATISTICS[name](values, SampleDesign())
    weighted = STATISTICS[name](values, SampleDesign(weights=np.full(2001, 0.37)))
    assert weighted.estimate == pytest.approx(plain.estimate, rel=2e-2, abs=1e-12)  # quantiles interpolate or not
    assert weighted.standard_error == pytest.approx(plain.standard_error, rel=0.1)
    if name not in ("median", "5% quantile"):
        # n or n - 1 in a variance, whole or broken paths in a tail
        tolerance = {"share": 1e-3, "expected shortfall": 1e-4}.get(name, 1e-9)
        assert fields(weighted) == pytest.approx(fields(plain), rel=tolerance, abs=1e-12)


@of_statistic
def test_the_scale_of_weights_does_not_matter(name: str) -> None:
    rng = np.random.default_rng(2)
    values, weights = rng.standard_normal(500), rng.random(500)
    one, other = (STATISTICS[name](values, SampleDesign(weights=k * weights)) for k in (1.0, 1e6))
    assert fields(one) == pytest.approx(fields(other), rel=1e-9, abs=1e-12)


@of_statistic
def test_a_path_of_weight_three_counts_as_three(name: str) -> None:
    rng = np.random.default_rng(3)
    values, weights = rng.standard_normal(601), rng.integers(1, 4, 601)
    weighted = STATISTICS[name](values, SampleDesign(weights=weights.astype(float)))
    whole = np.repeat(values, weights)
    if "quantile" in name or name == "median":
        expected = np.quantile(whole, 0.5 if name == "median" else 0.05, method="inverted_cdf")
    else:
        expected = STATISTICS[name](whole, SampleDesign()).estimate
    assert weighted.estimate == pytest.approx(float(expected), rel=1e-9, abs=1e-12)


def tilted(rng: np.random.Generator, n: int) -> tuple[FloatArray, SampleDesign]:
    """Normal draws shifted to the left, with the likelihood ratios that undo it."""
    shift = -0.5
    values = shift + rng.standard_normal(n)
    return values, SampleDesign(weights=np.exp(-shift * values + 0.5 * shift**2))


def antithetic(rng: np.random.Generator, n: int) -> tuple[FloatArray, SampleDesign]:
    half = rng.standard_normal(n // 2)
    return np.stack([half, -half], axis=1).ravel(), SampleDesign(cluster=2)


def stratified(rng: np.random.Generator, n: int) -> tuple[FloatArray, SampleDesign]:
    """Replicates of 8 strata each."""
    uniform = (rng.random((n // 8, 8)) + np.arange(8)) / 8
    return stats.norm.ppf(uniform).ravel(), SampleDesign(cluster=8)


DESIGNS = {"tilted": tilted, "antithetic": antithetic, "stratified": stratified}


@pytest.mark.slow
@of_statistic
@pytest.mark.parametrize("design", DESIGNS)
def test_intervals_cover_the_truth(name: str, design: str) -> None:
    rng, n_paths, hits = np.random.default_rng(4), 4000, 0
    for _ in range(N_RUNS):
        result = STATISTICS[name](*DESIGNS[design](rng, n_paths))
        hits += result.ci_low - 1e-9 <= TRUTH[name] <= result.ci_high + 1e-9
    exact = {"antithetic": ("mean", "ratio", "median"), "stratified": ("median",)}  # the same half in every sample
    if name in exact.get(design, ()):
        assert hits == N_RUNS
    else:
        assert abs(hits / N_RUNS - 0.95) < FOUR_ERRORS


@pytest.mark.parametrize("design", ["antithetic", "stratified"])
@pytest.mark.parametrize("name", ["share", "expected shortfall", "deviation"])
def test_errors_of_clusters_are_those_of_repeated_runs(name: str, design: str) -> None:
    """Against the spread of the estimate over runs; taking paths as independent gives another one."""
    rng, n_paths = np.random.default_rng(5), 2000
    samples = [DESIGNS[design](rng, n_paths) for _ in range(400)]
    results = [STATISTICS[name](*item) for item in samples]
    spread = float(np.std([item.estimate for item in results], ddof=1))
    error = float(np.mean([item.standard_error for item in results]))
    assert error == pytest.approx(spread, rel=4.0 / math.sqrt(2 * 400))
    if (name, design) != ("expected shortfall", "antithetic"):  # the two hardly ever lie in the tail together
        naive = float(np.mean([STATISTICS[name](values, SampleDesign()).standard_error for values, _ in samples]))
        assert abs(naive / spread - 1.0) > 4.0 / math.sqrt(2 * 400)


def test_tilting_narrows_the_tail() -> None:
    rng, n_paths = np.random.default_rng(6), 4000
    shift, level = -2.6, 0.999
    values = shift + rng.standard_normal(n_paths)
    design = SampleDesign(weights=np.exp(-shift * values + 0.5 * shift**2))
    tail = expected_shortfall(values, level, design)
    truth = float(stats.norm.pdf(stats.norm.ppf(level)) / (1.0 - level))
    assert tail.ci_low < truth < tail.ci_high
    z = stats.norm.ppf(level)
    second_moment = (1.0 + z * z) * stats.norm.sf(z) - z * stats.norm.pdf(z)  # of the excess over z, exact
    assert tail.standard_error < 0.3 * math.sqrt(second_moment / n_paths) / (1.0 - level)
    edge = quantile(values, 1.0 - level, design)
    assert edge.ci_low < float(stats.norm.ppf(1.0 - level)) < edge.ci_high
    plain = 2.0 * 1.96 * math.sqrt(level * (1.0 - level) / n_paths) / stats.norm.pdf(z)
    assert edge.ci_high - edge.ci_low < 0.5 * plain
    unweighted = expected_shortfall(values, level)
    assert not unweighted.ci_low < truth < unweighted.ci_high


def test_paired_differences_keep_the_design() -> None:
    rng = np.random.default_rng(7)
    first, design = antithetic(rng, 2000)
    second = first**2 + 0.1 * rng.standard_normal(2000)
    pair = paired_difference(mean(first, design), mean(second, design))
    halves = (second - first).reshape(-1, 2).mean(axis=1)
    assert pair.estimate == pytest.approx(halves.mean())
    assert pair.standard_error == pytest.approx(halves.std(ddof=1) / math.sqrt(1000))
    relative = relative_difference(mean(second, design), mean(2.0 * second, design))
    assert fields(relative) == pytest.approx((1.0, 0.0, 1.0, 1.0), abs=1e-12)
    assert math.isnan(relative_difference(mean(np.zeros(3)), mean(np.ones(3))).estimate)


def test_a_function_of_means_is_the_delta_method_by_hand() -> None:
    rng = np.random.default_rng(8)
    a, b = 3.0 + rng.standard_normal(900), 2.0 + 0.5 * rng.standard_normal(900)
    result = of_means(lambda x, y: x / y, np.stack([a, b]))
    q = a.mean() / b.mean()
    assert result.estimate == pytest.approx(q)
    assert result.standard_error == pytest.approx(np.std((a - q * b) / b.mean(), ddof=1) / 30.0)
    assert fields(ratio(a, b)) == pytest.approx(fields(result))


@pytest.mark.parametrize("hits", [0, 400])
def test_a_share_of_none_or_all_still_has_an_interval(hits: int) -> None:
    values = np.arange(400) < hits
    plain, paired = share(values), share(values, SampleDesign(cluster=2))
    assert 0.0 < plain.ci_high - plain.ci_low < paired.ci_high - paired.ci_low < 0.03


@of_statistic
def test_a_single_cluster_tells_nothing_about_uncertainty(name: str) -> None:
    result = STATISTICS[name](np.array([-1.5, 1.0]), SampleDesign(cluster=2))
    assert math.isfinite(result.estimate)
    assert result.standard_error in (0.0, math.inf)


@pytest.mark.parametrize("weights", [[], [1.0, -1.0], [0.0, 0.0], [1.0, math.nan], [[1.0]]])
def test_impossible_weights_are_refused(weights: list[float]) -> None:
    with pytest.raises(ValueError, match="weights must be"):
        SampleDesign(weights=np.array(weights))


def test_impossible_designs_are_refused() -> None:
    with pytest.raises(ValueError, match="cluster must be >= 1, got 0"):
        SampleDesign(cluster=0)
    with pytest.raises(ValueError, match="3 paths, 2 weights"):
        mean(np.ones(3), SampleDesign(weights=np.ones(2)))
