r"""Estimates from independent paths, with standard errors and 95% intervals.

A statistic :math:`T` of the empirical distribution has an influence value for every path, its first-order effect; their
standard deviation over :math:`\sqrt n` is the standard error, and for two strategies on the same paths that of the
difference is the standard error of the paired difference [1]_. Quantiles take their interval from order statistics and
shares from Wilson's formula, which hold at any n.

References
----------
.. [1] F. R. Hampel (1974), "The influence curve and its role in robust estimation", JASA 69.
.. [2] E. B. Wilson (1927), "Probable inference, the law of succession, and statistical inference", JASA 22.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

FloatArray = NDArray[np.float64]

CONFIDENCE = 0.95
"""Level of all intervals."""

Z = float(stats.norm.ppf(0.5 + 0.5 * CONFIDENCE))
"""Standard normal quantile of the intervals."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """An estimate with its uncertainty.

    Parameters
    ----------
    estimate, standard_error, ci_low, ci_high : float
        In the unit of the statistic; the uncertainty is infinite where one path cannot tell.
    influence : ndarray of shape (n_paths,)
        First-order effect of each path.
    """

    estimate: float
    standard_error: float
    ci_low: float
    ci_high: float
    influence: FloatArray


def _from_influence(estimate: float, influence: FloatArray) -> Estimate:
    error = standard_error(influence)
    return Estimate(
        estimate=estimate,
        standard_error=error,
        ci_low=estimate - Z * error,
        ci_high=estimate + Z * error,
        influence=influence,
    )


def standard_error(influence: FloatArray) -> float:
    """Standard error of a statistic from its influence values; infinite for a single path."""
    if influence.size < 2:
        return float("inf")
    return float(np.std(influence, ddof=1) / np.sqrt(influence.size))


def mean(values: FloatArray) -> Estimate:
    """Mean, with the normal interval."""
    average = float(np.mean(values))
    return _from_influence(average, values - average)


def share(hits: NDArray[np.bool_]) -> Estimate:
    """Share of paths, with Wilson's interval [2]_."""
    n, p = hits.size, float(np.mean(hits))
    centre = (p + Z * Z / (2 * n)) / (1 + Z * Z / n)
    half = Z * np.sqrt(p * (1 - p) / n + Z * Z / (4 * n * n)) / (1 + Z * Z / n)
    influence = hits.astype(np.float64) - p
    return Estimate(
        estimate=p,
        standard_error=standard_error(influence),
        ci_low=0.0 if p == 0.0 else float(centre - half),
        ci_high=1.0 if p == 1.0 else float(centre + half),
        influence=influence,
    )


def quantile(values: FloatArray, probability: float) -> Estimate:
    """Quantile, with the interval between two order statistics.

    The ranks are binomial quantiles, so the interval covers whatever the distribution. The influence needs the
    density at the quantile, which the same two order statistics give.
    """
    ordered, n = np.sort(values), values.size
    estimate = float(np.quantile(ordered, probability))
    tail = 0.5 * (1.0 - CONFIDENCE)
    low = int(stats.binom.ppf(tail, n, probability)) - 1
    high = int(stats.binom.ppf(1.0 - tail, n, probability))
    ci_low = float(ordered[low]) if low >= 0 else -float("inf")
    ci_high = float(ordered[high]) if high < n else float("inf")
    spacing = float(ordered[min(high, n - 1)] - ordered[max(low, 0)])
    ranks = min(high, n - 1) - max(low, 0)
    slope = spacing * n / ranks if ranks > 0 else 0.0
    influence = slope * (probability - (values <= estimate).astype(np.float64))
    error = standard_error(influence)
    return Estimate(estimate=estimate, standard_error=error, ci_low=ci_low, ci_high=ci_high, influence=influence)


def expected_shortfall(values: FloatArray, confidence_level: float) -> Estimate:
    """Mean of the worst (1 - confidence_level) share of outcomes, as a loss > 0.

    The share need not be a whole number of paths: the path at the edge counts in part.
    """
    loss = -values
    tail = 1.0 - confidence_level
    edge = float(np.quantile(loss, confidence_level, method="inverted_cdf"))
    excess = np.maximum(loss - edge, 0.0)
    estimate = edge + float(np.mean(excess)) / tail
    return _from_influence(estimate, edge + excess / tail - estimate)


def paired_difference(first: Estimate, second: Estimate) -> Estimate:
    """Second minus first on the same paths."""
    difference = second.estimate - first.estimate
    return _from_influence(difference, second.influence - first.influence)
