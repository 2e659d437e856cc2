"""Estimates and their intervals: closed forms, other libraries, and coverage of the truth."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from sim.metrics.drawdown import max_drawdown
from sim.metrics.estimate import Estimate, expected_shortfall, mean, paired_difference, quantile, share

FloatArray = NDArray[np.float64]

SAMPLES, SIZE = 2000, 400


@given(
    changes=st.lists(
        st.lists(st.floats(-0.3, 0.3), min_size=3, max_size=3),
        min_size=1,
        max_size=30,
    )
)
def test_max_drawdown_by_a_plain_loop(changes: list[list[float]]) -> None:
    equity = 100.0 * np.cumprod(1.0 + np.vstack([np.zeros(3), changes]), axis=0)
    expected = []
    for path in equity.T:
        peak, worst = path[0], 0.0
        for value in path:
            peak = max(peak, value)
            worst = max(worst, (peak - value) / peak)
        expected.append(worst)
    np.testing.assert_allclose(max_drawdown(equity), expected, rtol=1e-12, atol=1e-15)


def test_a_loss_on_the_first_day_is_a_drawdown() -> None:
    np.testing.assert_allclose(max_drawdown(np.array([[100.0, 100.0], [90.0, 110.0], [95.0, 99.0]])), [0.1, 0.1])
    np.testing.assert_allclose(max_drawdown(np.array([[100.0], [-20.0]])), [1.2])


def tail_mean(loss: FloatArray, share_of_worst: float) -> float:
    """Mean of the worst share of losses by a plain loop; the last path counts in part."""
    left, total = share_of_worst * loss.size, 0.0
    for value in sorted(loss, reverse=True):
        weight = min(left, 1.0)
        total += weight * value
        left -= weight
        if left <= 1e-12:
            break
    return total / (share_of_worst * loss.size)


@pytest.mark.parametrize("n", [10, 37, 400, 1001])
@pytest.mark.parametrize("level", [0.9, 0.95, 0.99])
def test_expected_shortfall_by_a_plain_loop(n: int, level: float) -> None:
    values = np.random.default_rng([3, n]).standard_t(4, n)
    assert expected_shortfall(values, level).estimate == pytest.approx(tail_mean(-values, 1.0 - level), rel=1e-10)


def test_expected_shortfall_of_the_normal_law() -> None:
    values = np.random.default_rng(4).normal(0.3, 2.0, 400_000)
    result = expected_shortfall(values, 0.95)
    expected = -0.3 + 2.0 * stats.norm.pdf(stats.norm.ppf(0.95)) / 0.05
    assert abs(result.estimate - expected) < 4.0 * result.standard_error
    assert abs(result.estimate - 1.01 * expected) > 4.0 * result.standard_error


def test_mean_and_share_have_their_textbook_intervals() -> None:
    values = np.random.default_rng(5).gamma(2.0, 1.0, 250)
    low, high = stats.norm.interval(0.95, values.mean(), stats.sem(values))
    result = mean(values)
    assert (result.ci_low, result.ci_high) == pytest.approx((low, high), rel=1e-12)
    for hits in (0, 3, 125, 250):
        wilson = stats.binomtest(hits, 250).proportion_ci(0.95, method="wilson")
        got = share(np.arange(250) < hits)
        assert (got.ci_low, got.ci_high) == pytest.approx((wilson.low, wilson.high), abs=1e-12)


def test_quantile_interval_is_that_of_order_statistics() -> None:
    """scipy's binomial quantile test inverts the same law."""
    values = np.random.default_rng(6).normal(size=300)
    for probability in (0.05, 0.5, 0.95):
        interval = stats.quantile_test(values, p=probability).confidence_interval(0.95)
        result = quantile(values, probability)
        assert result.estimate == pytest.approx(np.quantile(values, probability))
        ordered = np.sort(values)
        for got, expected in ((result.ci_low, interval.low), (result.ci_high, interval.high)):
            assert abs(int(np.searchsorted(ordered, got)) - int(np.searchsorted(ordered, expected))) <= 1


STATISTICS: dict[str, tuple[Callable[[FloatArray], Estimate], float]] = {
    "mean": (mean, np.exp(0.5 * 0.25)),
    "median": (lambda x: quantile(x, 0.5), 1.0),
    "q05": (lambda x: quantile(x, 0.05), float(np.exp(0.5 * stats.norm.ppf(0.05)))),
    "shortfall": (
        lambda x: expected_shortfall(x, 0.9),
        -float(np.exp(0.125) * stats.norm.cdf(stats.norm.ppf(0.1) - 0.5) / 0.1),
    ),
    "share": (lambda x: share(x < 1.0), 0.5),
}
"""Function, and its true value under the lognormal law of volatility 0.5."""


def coverage(name: str, *, stretch: float = 1.0) -> float:
    """Share of samples whose interval, stretched about the estimate, holds the truth."""
    function, truth = STATISTICS[name]
    rng = np.random.default_rng(7)
    held = 0
    for _ in range(SAMPLES):
        result = function(np.exp(0.5 * rng.standard_normal(SIZE)))
        low = result.estimate - stretch * (result.estimate - result.ci_low)
        high = result.estimate + stretch * (result.ci_high - result.estimate)
        held += low <= truth <= high
    return held / SAMPLES


@pytest.mark.parametrize("name", STATISTICS)
def test_intervals_cover_the_truth_nineteen_times_in_twenty(name: str) -> None:
    """Order statistics and shares are discrete and cover a little more; a sample's own error a little less."""
    error = np.sqrt(0.95 * 0.05 / SAMPLES)
    assert 0.95 - 4.0 * error - 0.005 < coverage(name) < 0.95 + 4.0 * error + 0.01
    assert coverage(name, stretch=0.8) < 0.95 - 4.0 * error - 0.005
    assert coverage(name, stretch=1.25) > 0.95 + 4.0 * error


def test_paired_differences_cover_their_truth_and_are_narrower() -> None:
    rng = np.random.default_rng(8)
    held, narrower = 0, 0
    truth = -2.0 * (stats.norm.pdf(stats.norm.ppf(0.9)) / 0.1) + 2.2 * (stats.norm.pdf(stats.norm.ppf(0.9)) / 0.1)
    for _ in range(600):
        common = rng.standard_normal(500)
        first = expected_shortfall(2.0 * common, 0.9)
        second = expected_shortfall(2.2 * (0.98 * common + np.sqrt(1 - 0.98**2) * rng.standard_normal(500)), 0.9)
        result = paired_difference(first, second)
        held += result.ci_low <= truth <= result.ci_high
        narrower += result.standard_error < 0.5 * np.hypot(first.standard_error, second.standard_error)
    assert held / 600 > 0.95 - 4.0 * np.sqrt(0.95 * 0.05 / 600) - 0.005
    assert held / 600 < 0.995
    assert narrower == 600


def test_standard_errors_are_those_of_the_bootstrap() -> None:
    values = np.random.default_rng(9).standard_t(5, 800)
    for function in (mean, lambda x: expected_shortfall(x, 0.95)):
        rng = np.random.default_rng(10)
        copies = [function(rng.choice(values, values.size)).estimate for _ in range(1500)]
        # a bootstrap of 1,500 knows a standard error to 2%; four of that, and the bias of a finite sample
        assert function(values).standard_error == pytest.approx(np.std(copies, ddof=1), rel=0.1)


def test_a_single_path_knows_no_error() -> None:
    result = mean(np.array([5.0]))
    assert (result.estimate, result.ci_low, result.ci_high) == (5.0, -np.inf, np.inf)
