"""Statistics of one series, or of two: moments, autocorrelation, slopes, quantiles, as compiled loops.

Moments are those of the population (no correction of degrees of freedom); an autocorrelation divides by the sum of
squares of the whole series, and takes the mean of the whole series from both factors. Pairs and days that a flag
leaves out do not count; what has no answer is NaN.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from models.protocols import FloatArray

BoolArray = NDArray[np.bool_]


@njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def moments(x: FloatArray) -> tuple[float, float, float, float]:
    """Mean, standard deviation, skewness and excess kurtosis."""
    mean = x.mean()
    m2 = m3 = m4 = 0.0
    for value in x:
        d = value - mean
        m2 += d * d
        m3 += d * d * d
        m4 += d * d * d * d
    m2 /= x.size
    return mean, np.sqrt(m2), m3 / x.size / m2**1.5, m4 / x.size / (m2 * m2) - 3.0


@njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def autocorrelation(x: FloatArray, lag: int) -> float:
    """Autocorrelation at ``lag`` >= 1."""
    mean = x.mean()
    total = shared = 0.0
    for i in range(x.size):
        total += (x[i] - mean) ** 2
        if i >= lag:
            shared += (x[i] - mean) * (x[i - lag] - mean)
    return shared / total  # type: ignore[no-any-return]


@njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def slope_and_correlation(x: FloatArray, y: FloatArray, used: BoolArray, fewest: int) -> tuple[float, float]:
    """Slope of the regression of y on x, and their correlation, over the pairs used; NaN if fewer than ``fewest``."""
    n, sx, sy = 0, 0.0, 0.0
    for i in range(x.size):
        if used[i]:
            n += 1
            sx += x[i]
            sy += y[i]
    if n < fewest:
        return np.nan, np.nan
    mx, my = sx / n, sy / n
    sxx = sxy = syy = 0.0
    for i in range(x.size):
        if used[i]:
            sxx += (x[i] - mx) ** 2
            sxy += (x[i] - mx) * (y[i] - my)
            syy += (y[i] - my) ** 2
    return sxy / sxx, sxy / np.sqrt(sxx * syy)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def mean_where(x: FloatArray, used: BoolArray, fewest: int) -> float:
    """Mean of the values used; NaN where fewer than ``fewest``."""
    n, total = 0, 0.0
    for i in range(x.size):
        if used[i]:
            n += 1
            total += x[i]
    return total / n if n >= fewest else np.nan


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def quantile_sorted(x: FloatArray, probability: float) -> float:
    """Quantile of an increasing array, linear between the order statistics (numpy's default)."""
    place = probability * (x.size - 1)
    low = int(place)
    high = min(low + 1, x.size - 1)
    return x[low] + (place - low) * (x[high] - x[low])  # type: ignore[no-any-return]


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def drawdown(log_price_change: FloatArray) -> float:
    """Deepest fall of a price below its highest close so far, as a simple return <= 0."""
    level = top = deepest = 0.0
    for change in log_price_change:
        level += change
        top = max(top, level)
        deepest = min(deepest, level - top)
    return np.expm1(deepest)  # type: ignore[no-any-return]


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def changes(x: FloatArray) -> FloatArray:
    """Differences of neighbours."""
    result = np.empty(x.size - 1)
    for i in range(result.size):
        result[i] = x[i + 1] - x[i]
    return result


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def forward_variance(log_return: FloatArray, sessions: int, per_year: float) -> FloatArray:
    """Realised variance of the ``sessions`` returns from each on that has as many [1/year]."""
    n = log_return.size - sessions + 1
    result = np.empty(n)
    total = 0.0
    for i in range(sessions - 1):
        total += log_return[i] ** 2
    for i in range(n):
        total += log_return[i + sessions - 1] ** 2
        result[i] = max(total, 0.0) * per_year / sessions  # what rounding leaves of a calm spell may be below 0
        total -= log_return[i] ** 2
    return result
