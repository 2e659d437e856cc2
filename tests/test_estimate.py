"""Estimates with 95% intervals, against formulas and resampling that share nothing with them."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from arch.bootstrap import IIDBootstrap
from numpy.typing import NDArray
from scipy import stats

from sim.metrics.estimate import (
    Estimate,
    SampleDesign,
    expected_shortfall,
    mean,
    paired_difference,
    quantile,
    relative_difference,
    share,
)

FloatArray = NDArray[np.float64]
Law = Callable[[np.random.Generator, int], FloatArray]

N_RUNS, N_PATHS = 2000, 400
FOUR_ERRORS = 4.0 * math.sqrt(0.95 * 0.05 / N_RUNS)
"""Four binomial standard errors of a coverage of 95%."""


def normal_shortfall(level: float) -> float:
    """Expected shortfall of the standard normal law, a textbook result: density at the quantile over the tail."""
    return float(stats.norm.pdf(stats.norm.ppf(level)) / (1.0 - level))


def sample(seed: int, n: int = 3000) -> FloatArray:
    return np.random.default_rng(seed).standard_t(5, n) * 1e4


def test_the_mean_has_the_interval_of_the_normal_law() -> None:
    values = sample(1)
    result = mean(values)
    low, high = stats.norm.interval(0.95, loc=math.fsum(values) / values.size, scale=stats.sem(values))
    assert result.estimate == pytest.approx(math.fsum(values) / values.size, rel=1e-12)
    assert result.standard_error == pytest.approx(stats.sem(values), rel=1e-12)
    assert (result.ci_low, result.ci_high) == pytest.approx((low, high), rel=1e-12)


@pytest.mark.parametrize("hits", [0, 1, 7, 150, 299, 300])
def test_a_share_has_wilsons_interval(hits: int) -> None:
    result = share(np.arange(300) < hits)
    known = stats.binomtest(hits, 300).proportion_ci(0.95, method="wilson")
    assert result.estimate == hits / 300
    assert (result.ci_low, result.ci_high) == pytest.approx((known.low, known.high), rel=1e-10, abs=1e-15)


@pytest.mark.parametrize("probability", [0.05, 0.5, 0.95])
def test_a_quantile_lies_between_the_order_statistics_of_its_interval(probability: float) -> None:
    values = sample(2, 500)
    result = quantile(values, probability)
    known = stats.quantile_test(values, p=probability).confidence_interval(0.95)  # exact, by the binomial law too
    ordered = np.sort(values)
    assert result.estimate == pytest.approx(np.percentile(values, 100 * probability), rel=1e-12)
    for bound, reference in ((result.ci_low, known.low), (result.ci_high, known.high)):
        ranks = np.searchsorted(ordered, [bound, reference])
        assert abs(int(ranks[0]) - int(ranks[1])) <= 1  # ties of the discrete law are broken either way


def test_expected_shortfall_is_the_mean_of_the_worst_paths() -> None:
    pnl = np.random.default_rng(3).permutation(np.arange(1.0, 101.0)) - 60.0  # -59 .. 40, each once
    assert expected_shortfall(pnl, 0.95).estimate == pytest.approx((59 + 58 + 57 + 56 + 55) / 5)
    assert expected_shortfall(pnl, 0.99).estimate == pytest.approx(59.0)
    assert expected_shortfall(pnl, 0.925).estimate == pytest.approx((59 + 58 + 57 + 56 + 55 + 54 + 53 + 0.5 * 52) / 7.5)


def test_expected_shortfall_of_the_normal_law() -> None:
    values = 250.0 + 1000.0 * np.random.default_rng(4).standard_normal(1_000_000)
    for level in (0.95, 0.99):
        result = expected_shortfall(values, level)
        assert abs(result.estimate - (1000.0 * normal_shortfall(level) - 250.0)) < 4.0 * result.standard_error
        assert result.standard_error < 5.0


@pytest.mark.parametrize(
    ("statistic", "plain"),
    [
        (mean, np.mean),
        (lambda x: quantile(x, 0.5), np.median),
        (lambda x: quantile(x, 0.05), lambda x: np.percentile(x, 5)),
        (lambda x: expected_shortfall(x, 0.95), lambda x: -np.sort(x)[: x.size // 20].mean()),
        (lambda x: share(x < 0.0), lambda x: np.count_nonzero(x < 0.0) / x.size),
    ],
    ids=["mean", "median", "5% quantile", "expected shortfall", "share"],
)
def test_standard_errors_agree_with_the_bootstrap(
    statistic: Callable[[FloatArray], Estimate], plain: Callable[[FloatArray], float]
) -> None:
    values = sample(5, 4000)
    bootstrap = IIDBootstrap(values, seed=np.random.default_rng(6))
    resampled = bootstrap.apply(lambda x: np.atleast_1d(plain(x)), 1500)
    # 1500 resamples know a deviation to 2%; the density at a far quantile is harder to estimate
    assert statistic(values).standard_error == pytest.approx(resampled.std(ddof=1), rel=0.15)


def coverage(statistic: Callable[[FloatArray], Estimate], law: Law, truth: float, *, scale: float = 1.0) -> float:
    """Share of samples whose interval, widened by ``scale`` around the estimate, holds the truth."""
    rng = np.random.default_rng(20181231)
    hits = 0
    for _ in range(N_RUNS):
        result = statistic(law(rng, N_PATHS))
        low = result.estimate - scale * (result.estimate - result.ci_low)
        high = result.estimate + scale * (result.ci_high - result.estimate)
        hits += low <= truth <= high
    return hits / N_RUNS


def _normal(rng: np.random.Generator, n: int) -> FloatArray:
    return rng.standard_normal(n)


def _exponential(rng: np.random.Generator, n: int) -> FloatArray:
    return rng.exponential(size=n)


CASES = {
    "mean": (mean, _normal, 0.0),
    "mean of a skewed law": (mean, _exponential, 1.0),
    "share": (lambda x: share(x < -1.0), _normal, float(stats.norm.cdf(-1.0))),
    "median": (lambda x: quantile(x, 0.5), _exponential, math.log(2.0)),
    "95% quantile": (lambda x: quantile(x, 0.95), _normal, float(stats.norm.ppf(0.95))),
}


@pytest.mark.parametrize("case", CASES)
def test_intervals_cover_the_truth_nineteen_times_in_twenty(case: str) -> None:
    assert abs(coverage(*CASES[case]) - 0.95) < FOUR_ERRORS


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("scale", [0.75, 1.35])
def test_intervals_of_a_wrong_width_would_be_noticed(case: str, scale: float) -> None:
    assert abs(coverage(*CASES[case], scale=scale) - 0.95) > FOUR_ERRORS


def test_the_interval_of_expected_shortfall_covers_with_many_paths() -> None:
    """The tail of a sample is short of its worst cases, so coverage nears 95% from below as paths grow."""
    rng, truth, n_paths = np.random.default_rng(7), normal_shortfall(0.95), 10_000
    hits = {0.7: 0, 1.0: 0}
    for _ in range(N_RUNS):
        result = expected_shortfall(rng.standard_normal(n_paths), 0.95)
        for scale in hits:
            hits[scale] += abs(result.estimate - truth) < scale * 1.959964 * result.standard_error
    assert abs(hits[1.0] / N_RUNS - 0.95) < FOUR_ERRORS
    assert abs(hits[0.7] / N_RUNS - 0.95) > FOUR_ERRORS


@pytest.mark.parametrize(
    "statistic",
    [mean, lambda x: expected_shortfall(x, 0.95), lambda x: share(x < -1.0), lambda x: quantile(x, 0.5)],
    ids=["mean", "expected shortfall", "share", "median"],
)
def test_paired_differences_are_narrower_than_unpaired_ones(statistic: Callable[[FloatArray], Estimate]) -> None:
    rng = np.random.default_rng(8)
    common = rng.standard_normal(5000)
    first, second = common, common + 0.1 + 0.1 * rng.standard_normal(5000)
    stranger = rng.standard_normal(5000) + 0.1
    paired = paired_difference(statistic(first), statistic(second))
    unpaired = paired_difference(statistic(first), statistic(stranger))
    independent = math.hypot(statistic(first).standard_error, statistic(stranger).standard_error)
    assert unpaired.standard_error == pytest.approx(independent, rel=0.05)
    assert paired.standard_error < 0.5 * independent
    assert paired.estimate == pytest.approx(statistic(second).estimate - statistic(first).estimate, rel=1e-12)


def test_the_paired_difference_of_means_is_the_paired_t_statistic() -> None:
    rng = np.random.default_rng(9)
    first = rng.standard_normal(800)
    second = first + 0.05 + 0.2 * rng.standard_normal(800)
    result = paired_difference(mean(first), mean(second))
    known = stats.ttest_rel(second, first)
    assert result.estimate / result.standard_error == pytest.approx(known.statistic, rel=1e-10)
    assert (result.ci_low, result.ci_high) == pytest.approx(tuple(known.confidence_interval(0.95)), rel=0.02)


@pytest.mark.parametrize("difference_in", [mean, lambda x: expected_shortfall(x, 0.9)], ids=["mean", "shortfall"])
def test_paired_intervals_cover_the_truth(difference_in: Callable[[FloatArray], Estimate]) -> None:
    """A second strategy that always earns 0.3 more than 0.8 of the first, plus noise of its own."""
    rng, n_paths = np.random.default_rng(10), 3000
    tail = {True: 0.0, False: normal_shortfall(0.9)}[difference_in is mean]
    deviation = math.hypot(0.8, 0.3)
    truth = 0.3 if difference_in is mean else tail * deviation - 0.3 - tail
    hits, unpaired_hits = 0, 0
    for _ in range(N_RUNS):
        x, noise = rng.standard_normal((2, n_paths))
        first, second = difference_in(x), difference_in(0.3 + 0.8 * x + 0.3 * noise)
        result = paired_difference(first, second)
        hits += result.ci_low <= truth <= result.ci_high
        wide = 1.959964 * math.hypot(first.standard_error, second.standard_error)
        unpaired_hits += abs(result.estimate - truth) <= wide
    assert abs(hits / N_RUNS - 0.95) < FOUR_ERRORS
    assert unpaired_hits / N_RUNS - 0.95 > FOUR_ERRORS


@pytest.mark.parametrize(("n_paths", "is_known"), [(20, False), (39, False), (40, True), (41, True)])
@pytest.mark.parametrize("design", [SampleDesign(), SampleDesign(weights=None, cluster=2)], ids=["plain", "pairs"])
def test_a_tail_of_fewer_than_two_paths_has_no_interval(n_paths: int, is_known: bool, design: SampleDesign) -> None:
    """Two paths of forty are 5%. With fewer the spread of the tail cannot be seen, whatever the formula would give."""
    pnl = np.random.default_rng(11).standard_normal(n_paths)
    worst, n_tail = np.sort(-pnl)[::-1], n_paths / 20
    result = expected_shortfall(pnl, 0.95, design)
    parts = np.clip(n_tail - np.arange(n_paths), 0.0, 1.0)  # how much of each path is in the tail, from the worst
    assert result.estimate == pytest.approx(float(parts @ worst) / n_tail)
    assert math.isfinite(result.standard_error) == is_known
    assert math.isfinite(result.ci_high - result.ci_low) == is_known
    other = expected_shortfall(pnl + 1.0, 0.95, design)
    for moved in (paired_difference(result, other), relative_difference(result, other)):
        assert math.isfinite(moved.ci_high - moved.ci_low) == is_known
        assert math.isfinite(moved.estimate)


def test_weights_count_in_a_tail() -> None:
    """A hundred paths have five in their tail; where one of them has nearly all the weight, it is one."""
    pnl = np.arange(100.0)
    weights = np.ones(100)
    assert math.isfinite(expected_shortfall(pnl, 0.95, SampleDesign(weights=weights)).standard_error)
    weights[0] = 20.0
    assert expected_shortfall(pnl, 0.95, SampleDesign(weights=weights)).standard_error == math.inf


def test_one_path_tells_nothing_about_uncertainty() -> None:
    for result in (mean(np.array([3.0])), quantile(np.array([3.0]), 0.5), expected_shortfall(np.array([3.0]), 0.95)):
        assert abs(result.estimate) == 3.0
        assert result.standard_error == math.inf
        assert result.ci_high == math.inf
    assert 0.0 < share(np.array([True])).ci_low < 0.5
