r"""Estimates from paths, with standard errors and 95% intervals.

A statistic :math:`T` of the empirical distribution has an influence value for every path, its first-order effect; their
standard deviation over :math:`\sqrt n` is the standard error, and for two strategies on the same paths that of the
difference is the standard error of the paired difference [1]_. Quantiles take their interval from order statistics and
shares from Wilson's formula, which hold at any n.

Paths need not be independent draws from the law that is asked about. A ``SampleDesign`` says how they were drawn: with
likelihood ratios as weights, which are divided by their sum (self-normalised, so that a constant is estimated without
error and no estimate of a share leaves [0, 1]), and in clusters of consecutive paths that depend on one another, over
which influence values are averaged before the standard error is taken [3]_.

References
----------
.. [1] F. R. Hampel (1974), "The influence curve and its role in robust estimation", JASA 69.
.. [2] E. B. Wilson (1927), "Probable inference, the law of succession, and statistical inference", JASA 22.
.. [3] A. B. Owen (2013), "Monte Carlo theory, methods and examples", sections 8.2 and 9.2.
.. [4] R. S. Woodruff (1952), "Confidence intervals for medians and other position measures", JASA 47.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri, stdtrit

from sim.metrics.binomial import binomial_quantile

FloatArray = NDArray[np.float64]

CONFIDENCE = 0.95
"""Level of all intervals."""

Z = float(ndtri(0.5 + 0.5 * CONFIDENCE))
"""Standard normal quantile of the intervals."""

FEWEST_IN_TAIL = 2.0
"""Paths that a tail must hold for its mean to have an error."""

_TAIL = 0.5 * (1.0 - CONFIDENCE)
_STEP = 1e-30
"""Imaginary step of derivatives: so small that its square is nothing beside 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleDesign:
    """How the paths were drawn.

    Parameters
    ----------
    weights : ndarray of shape (n_paths,), optional
        Likelihood ratios of the law that is asked about to the law that was simulated, >= 0; equal where left out.
    cluster : int
        Consecutive paths that depend on one another: 2 for antithetic pairs, the paths of a replicate for stratified
        or Sobol points. Clusters are independent of one another.

    Raises
    ------
    ValueError
        If a weight is negative or not finite, if all are 0, or if ``cluster`` is below 1.
    """

    weights: FloatArray | None = None
    cluster: int = 1

    def __post_init__(self) -> None:
        if self.cluster < 1:
            raise ValueError(f"cluster must be >= 1, got {self.cluster}")
        w = self.weights
        if w is not None and not (w.ndim == 1 and np.isfinite(w).all() and (w >= 0.0).all() and w.sum() > 0.0):
            raise ValueError("weights must be one finite number >= 0 a path, not all 0")

    @property
    def is_plain(self) -> bool:
        """Whether paths are independent draws of equal weight."""
        return self.weights is None and self.cluster == 1

    def relative(self, n_paths: int) -> FloatArray:
        """Weights over their mean, shape (n_paths,)."""
        if self.weights is None:
            return np.ones(n_paths)
        if self.weights.size != n_paths:
            raise ValueError(f"weights must be one a path: {n_paths} paths, {self.weights.size} weights")
        return self.weights / np.mean(self.weights)

    def effective_paths(self, n_paths: int) -> float:
        """Independent paths of equal weight that tell as much about a mean, by Kish's formula; clusters count once."""
        w = self.relative(n_paths)
        return float(w.sum() ** 2 / np.sum(w**2)) / min(self.cluster, n_paths)


INDEPENDENT = SampleDesign()
"""Independent draws of equal weight."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """An estimate with its uncertainty.

    Parameters
    ----------
    estimate, standard_error, ci_low, ci_high : float
        In the unit of the statistic; the uncertainty is infinite where the paths cannot tell. NaN with a ``note``.
    influence : ndarray of shape (n_paths,)
        First-order effect of each path, weights included.
    cluster : int
        Consecutive paths whose influence is averaged.
    critical : float
        Standard errors from the estimate to an end of its interval: the normal quantile, or Student's where few paths
        or groups make up the error.
    note : str
        Why there is no estimate, where there is none.
    """

    estimate: float
    standard_error: float
    ci_low: float
    ci_high: float
    influence: FloatArray
    cluster: int = 1
    critical: float = Z
    note: str = ""


def undefined(n_paths: int, note: str, cluster: int = 1) -> Estimate:
    """Estimate of something that the paths do not define, and why."""
    nan = float("nan")
    return Estimate(
        estimate=nan,
        standard_error=nan,
        ci_low=nan,
        ci_high=nan,
        influence=np.full(n_paths, nan),
        cluster=cluster,
        note=note,
    )


def from_influence(estimate: float, influence: FloatArray, cluster: int = 1, critical: float = Z) -> Estimate:
    """Estimate with the interval of its influence values."""
    error = standard_error(influence, cluster)
    return Estimate(
        estimate=estimate,
        standard_error=error,
        ci_low=estimate - critical * error,
        ci_high=estimate + critical * error,
        influence=influence,
        cluster=cluster,
        critical=critical,
    )


def student(degrees: float) -> float:
    """Student's quantile of the intervals, for an error made up of ``degrees`` + 1 independent parts; finite always."""
    return float(stdtrit(max(degrees, 1.0), 0.5 + 0.5 * CONFIDENCE))


def degrees_of(counted: FloatArray, cluster: int = 1) -> float:
    """Degrees of freedom of the paths that count, by their weights in it, shape (n_paths,); 0 for those that do not.

    Paths of a cluster that count together tell as much as one, by Kish's formula for the sums of clusters.
    """
    sums = np.add.reduceat(counted, np.arange(0, counted.size, cluster))
    return float(sums.sum() ** 2 / np.sum(sums**2)) - 1.0


def standard_error(influence: FloatArray, cluster: int = 1) -> float:
    """Standard error of a statistic from its influence values; infinite for a single path or cluster."""
    n = influence.size
    if cluster == 1:
        return float(np.std(influence, ddof=1) / np.sqrt(n)) if n > 1 else float("inf")
    sums = np.add.reduceat(influence, np.arange(0, n, cluster))
    if sums.size < 2:
        return float("inf")
    return float(np.sqrt(sums.size / (sums.size - 1.0) * np.sum((sums - sums.mean()) ** 2)) / n)


def mean(values: FloatArray, design: SampleDesign = INDEPENDENT) -> Estimate:
    """Mean, with the normal interval."""
    if design.is_plain:
        average = float(np.mean(values))
        return from_influence(average, values - average)
    weight = design.relative(values.size)
    average = float(np.mean(weight * values))
    return from_influence(average, weight * (values - average), design.cluster)


def share(hits: NDArray[np.bool_], design: SampleDesign = INDEPENDENT) -> Estimate:
    """Share of paths, with Wilson's interval [2]_ for the paths that tell as much if independent."""
    n, values = float(hits.size), hits.astype(np.float64)
    weight = design.relative(hits.size)
    p = float(np.mean(values)) if design.is_plain else float(np.mean(weight * values))
    influence = values - p if design.is_plain else weight * (values - p)
    error = standard_error(influence, design.cluster)
    if not design.is_plain:
        known = 0.0 < p < 1.0 and 0.0 < error < float("inf")
        n = p * (1.0 - p) / error**2 if known else design.effective_paths(hits.size)
    centre = (p + Z * Z / (2 * n)) / (1 + Z * Z / n)
    half = Z * np.sqrt(max(p * (1 - p), 0.0) / n + Z * Z / (4 * n * n)) / (1 + Z * Z / n)
    return Estimate(
        estimate=p,
        standard_error=error,
        ci_low=0.0 if p == 0.0 else float(centre - half),
        ci_high=1.0 if p == 1.0 else float(centre + half),
        influence=influence,
        cluster=design.cluster,
    )


def quantile(values: FloatArray, probability: float, design: SampleDesign = INDEPENDENT) -> Estimate:
    """Quantile, with the interval between two order statistics.

    The ranks are binomial quantiles, so the interval covers whatever the distribution. The influence needs the
    density at the quantile, which the same two order statistics give. With weights or clusters, the binomial law is
    that of as many independent paths as know the probability below the quantile as well [4]_.
    """
    if not design.is_plain:
        return _designed_quantile(values, probability, design)
    ordered, n = np.sort(values), values.size
    estimate = float(np.quantile(ordered, probability))
    low = binomial_quantile(_TAIL, n, probability) - 1
    high = binomial_quantile(1.0 - _TAIL, n, probability)
    ci_low = float(ordered[low]) if low >= 0 else -float("inf")
    ci_high = float(ordered[high]) if high < n else float("inf")
    spacing = float(ordered[min(high, n - 1)] - ordered[max(low, 0)])
    ranks = min(high, n - 1) - max(low, 0)
    slope = spacing * n / ranks if ranks > 0 else 0.0
    influence = slope * (probability - (values <= estimate).astype(np.float64))
    error = standard_error(influence)
    return Estimate(estimate=estimate, standard_error=error, ci_low=ci_low, ci_high=ci_high, influence=influence)


def _designed_quantile(values: FloatArray, probability: float, design: SampleDesign) -> Estimate:
    order = np.argsort(values, kind="stable")
    ordered, weight = values[order], design.relative(values.size)
    below = np.cumsum(weight[order]) / values.size

    def at(p: float) -> float:
        return float(ordered[min(int(np.searchsorted(below, p * (1.0 - 1e-12))), values.size - 1)])

    estimate = at(probability)
    effect = weight * (probability - (values <= estimate).astype(np.float64))
    error = standard_error(effect, design.cluster)
    if not 0.0 < error < float("inf"):
        n = design.effective_paths(values.size)
    else:
        n = probability * (1.0 - probability) / error**2
    n = max(round(min(n, 1e15)), 1)  # a share that every cluster knows exactly has no error at all
    low = binomial_quantile(_TAIL, n, probability) - 1
    high = binomial_quantile(1.0 - _TAIL, n, probability) + 1
    ends = at(max(low + 1, 1) / n), at(min(high / n, 1.0))
    width = min(high / n, 1.0) - max(low + 1, 1) / n
    influence = ((ends[1] - ends[0]) / width if width > 0.0 else 0.0) * effect
    return Estimate(
        estimate=estimate,
        standard_error=standard_error(influence, design.cluster),
        ci_low=ends[0] if low >= 0 else -float("inf"),
        ci_high=ends[1] if high <= n else float("inf"),
        influence=influence,
        cluster=design.cluster,
    )


def expected_shortfall(values: FloatArray, confidence_level: float, design: SampleDesign = INDEPENDENT) -> Estimate:
    """Mean of the worst (1 - confidence_level) share of outcomes, as a loss > 0.

    The share need not be a whole number of paths: the path at the edge counts in part. The error is that of the paths
    in the tail, so the interval is Student's for as many: with ten of them it is an eighth wider. A tail of fewer than
    two paths, or of one cluster, shows no spread: the estimate stands, its error is infinite.
    """
    loss = -values
    tail = 1.0 - confidence_level
    if design.is_plain:
        edge = float(np.quantile(loss, confidence_level, method="inverted_cdf"))
        excess = np.maximum(loss - edge, 0.0)
        estimate = edge + float(np.mean(excess)) / tail
        n_tail = values.size * tail
        found = from_influence(estimate, edge + excess / tail - estimate, critical=student(n_tail - 1.0))
        return found if n_tail > FEWEST_IN_TAIL - 1e-9 else without_error(found)
    weight = design.relative(values.size)
    edge = _designed_quantile(loss, confidence_level, design).estimate
    excess = np.maximum(loss - edge, 0.0)
    estimate = edge + float(np.mean(weight * excess)) / tail
    degrees = degrees_of(weight * (loss >= edge), design.cluster)
    influence = weight * (edge + excess / tail - estimate)
    found = from_influence(estimate, influence, design.cluster, student(degrees))
    return found if _shows_spread(loss, edge, weight, tail, design.cluster) else without_error(found)


def _shows_spread(loss: FloatArray, edge: float, weight: FloatArray, tail: float, cluster: int) -> bool:
    """Whether a tail of weighted paths has two paths by Kish's formula, the edge in part, from two clusters."""
    beyond = weight * (loss > edge)
    at_edge = weight * (loss == edge)
    left = max(tail * loss.size - beyond.sum(), 0.0)
    counted = beyond + at_edge * (left / at_edge.sum())
    sums = np.add.reduceat(counted, np.arange(0, counted.size, cluster))
    n_tail = counted.sum() ** 2 / np.sum(counted**2)
    return bool(n_tail > FEWEST_IN_TAIL - 1e-9 and np.count_nonzero(sums) > 1)


def without_error(found: Estimate) -> Estimate:
    """The estimate alone: what its error is, the paths do not tell."""
    infinite = float("inf")
    return replace(found, standard_error=infinite, ci_low=-infinite, ci_high=infinite)


def of_means(
    function: Callable[..., np.complex128 | complex], columns: FloatArray, design: SampleDesign = INDEPENDENT
) -> Estimate:
    r"""Smooth function of means, with the normal interval of its first-order expansion (delta method).

    Parameters
    ----------
    function : callable
        Of the means, one argument each; arithmetic, powers and numpy functions that take complex numbers. Its
        derivatives are taken by a complex step, exact to rounding.
    columns : ndarray of shape (n_means, n_paths)
        What the means are taken of.
    design : SampleDesign
        How the paths were drawn.
    """
    weight = design.relative(columns.shape[1])
    means = np.mean(weight * columns, axis=1)
    influence = np.zeros(columns.shape[1])
    for k, column in enumerate(columns):
        point = means.astype(np.complex128)
        point[k] += 1j * _STEP
        influence += np.imag(function(*point)) / _STEP * weight * (column - means[k])
    estimate = float(np.real(function(*means.astype(np.complex128))))
    return from_influence(estimate, influence, design.cluster)


def ratio(
    numerator: FloatArray, denominator: FloatArray, design: SampleDesign = INDEPENDENT, *, note: str = "0 over 0"
) -> Estimate:
    """Sum over paths of one thing over the sum of another; undefined, with the note, where the latter is 0."""
    if not np.any(design.relative(denominator.size) * denominator):
        return undefined(numerator.size, note, design.cluster)
    return of_means(lambda a, b: a / b, np.stack([numerator, denominator]), design)


def paired_difference(first: Estimate, second: Estimate) -> Estimate:
    """Second minus first on the same paths."""
    note = first.note or second.note
    if note:
        return undefined(first.influence.size, note, first.cluster)
    difference = second.estimate - first.estimate
    critical = max(first.critical, second.critical)
    found = from_influence(difference, second.influence - first.influence, first.cluster, critical)
    return found if _has_error(first, second) else without_error(found)


def relative_difference(first: Estimate, second: Estimate) -> Estimate:
    """Second over first, less 1, on the same paths; undefined where the first is 0."""
    if first.note or second.note or first.estimate == 0.0:
        note = first.note or second.note or "relative to 0"
        return undefined(first.influence.size, note, first.cluster)
    quotient = second.estimate / first.estimate
    influence = (second.influence - quotient * first.influence) / first.estimate
    found = from_influence(quotient - 1.0, influence, first.cluster, max(first.critical, second.critical))
    return found if _has_error(first, second) else without_error(found)


def _has_error(*estimates: Estimate) -> bool:
    """Whether the error of all estimates is known."""
    return all(np.isfinite(item.standard_error) for item in estimates)
