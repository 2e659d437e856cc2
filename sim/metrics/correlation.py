"""Correlation of two series pooled over paths and sessions, from sums over groups of paths."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from sim.metrics.estimate import CONFIDENCE

FloatArray = NDArray[np.float64]

_CERTAIN = 1.0 - 1e-12
"""Correlation beyond which rounding decides and the interval has no width."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupedEstimate:
    """An estimate whose uncertainty comes from groups of paths, without influence values of single paths."""

    estimate: float
    standard_error: float
    ci_low: float
    ci_high: float


def pooled_correlation(
    count: FloatArray, sums: tuple[FloatArray, FloatArray], squares: tuple[FloatArray, FloatArray], product: FloatArray
) -> GroupedEstimate:
    """Correlation over all path-days, with a jackknife interval over groups on Fisher's scale.

    Parameters
    ----------
    count : ndarray of shape (n_groups,)
        Path-days of each group; groups without any are left out.
    sums, squares : two ndarray of shape (n_groups,) each
        Sums of both series and of their squares.
    product : ndarray of shape (n_groups,)
        Sums of their products.

    Returns
    -------
    GroupedEstimate
        NaN where a series does not vary, or where there is no path-day.
    """
    used = count > 0.0
    parts = np.stack([count, *sums, *squares, product])[:, used]
    whole = parts.sum(axis=1)
    estimate = float(_correlation(whole[:, None])[0])
    n = parts.shape[1]
    if np.isnan(estimate):
        return GroupedEstimate(estimate=estimate, standard_error=estimate, ci_low=estimate, ci_high=estimate)
    if abs(estimate) > _CERTAIN:
        return GroupedEstimate(estimate=estimate, standard_error=0.0, ci_low=estimate, ci_high=estimate)
    if n < 2:
        return GroupedEstimate(estimate=estimate, standard_error=float("inf"), ci_low=-1.0, ci_high=1.0)
    left = _correlation(whole[:, None] - parts)
    known = left[np.isfinite(left)]  # without one group a series may not vary any more
    turned = np.arctanh(np.clip(known, -_CERTAIN, _CERTAIN))
    error = float(np.sqrt((n - 1.0) / n * np.sum((turned - turned.mean()) ** 2)))
    half = float(stdtrit(n - 1, 0.5 + 0.5 * CONFIDENCE)) * error
    centre = np.arctanh(estimate)
    return GroupedEstimate(
        estimate=estimate,
        standard_error=error * (1.0 - estimate**2),
        ci_low=float(np.tanh(centre - half)),
        ci_high=float(np.tanh(centre + half)),
    )


def _correlation(parts: FloatArray) -> FloatArray:
    """Correlation from sums in columns: path-days, two sums, two sums of squares, sum of products."""
    with np.errstate(divide="ignore", invalid="ignore"):
        count, first, second, first_square, second_square, product = parts
        variance = (first_square - first**2 / count) * (second_square - second**2 / count)
        varies = (first_square > 0.0) & (second_square > 0.0) & (variance > 1e-24 * first_square * second_square)
        covariance = product - first * second / count
        return np.asarray(np.where(varies, np.clip(covariance / np.sqrt(variance), -1.0, 1.0), np.nan))
