r"""Monte Carlo noise of a study: how much of what its outputs vary by is chance.

An output at point :math:`i` is :math:`y_i = f(x_i) + \varepsilon_i`. With common random numbers the
:math:`\varepsilon_i` share most of their value, and what the variance of the :math:`y_i` contains of them is
:math:`\mathrm{E}\,\frac{1}{n-1}\sum_i (\varepsilon_i - \bar\varepsilon)^2`, not the mean squared standard error. It is
estimated from the errors of groups of paths, :math:`\varepsilon_i = \sum_g e_{ig}` with independent terms.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

FloatArray = NDArray[np.float64]

CONSTANT = 1e-12
"""An output whose range is below this share of its size does not vary."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """How an output varies over the evaluations of a study.

    Parameters
    ----------
    n_used : int
        Evaluations that gave a number.
    mean, variance : float
        Over these.
    standard_error : float
        Median standard error of one evaluation.
    noise_variance : float
        Part of the variance that is Monte Carlo noise; NaN where there are too few paths to tell.
    is_constant : bool
        Whether the output is the same at all points.
    """

    n_used: int
    mean: float
    variance: float
    standard_error: float
    noise_variance: float
    is_constant: bool

    @property
    def noise_share(self) -> float:
        """Noise over variance; NaN where the output does not vary. May exceed 1 by chance."""
        return self.noise_variance / self.variance if self.variance > 0.0 and not self.is_constant else float("nan")


def spread_of(estimate: FloatArray, standard_error: FloatArray, errors: FloatArray) -> Spread:
    """Measure how an output varies, and how much of that is noise.

    Parameters
    ----------
    estimate, standard_error : ndarray of shape (n_evaluations,)
        Of one output; NaN where an evaluation has none.
    errors : ndarray of shape (n_evaluations, n_groups)
        Errors of groups of paths.
    """
    used = np.isfinite(estimate)
    values, n_used = estimate[used], int(used.sum())
    nan = float("nan")
    if n_used == 0:
        return Spread(n_used=0, mean=nan, variance=nan, standard_error=nan, noise_variance=nan, is_constant=False)
    return Spread(
        n_used=n_used,
        mean=float(np.mean(values)),
        variance=float(np.var(values, ddof=1)) if n_used > 1 else nan,
        standard_error=float(np.median(standard_error[used])),
        noise_variance=_noise_variance(errors[used]),
        is_constant=bool(np.ptp(values) <= CONSTANT * np.max(np.abs(values))),
    )


def difference_error(first: FloatArray, second: FloatArray) -> tuple[float, float]:
    """Standard error of the difference of two evaluations on the same paths, and half of its 95% interval.

    Parameters
    ----------
    first, second : ndarray of shape (n_groups,)
        Errors of the groups of paths.
    """
    n_groups = first.size
    if n_groups < 2:
        return float("inf"), float("inf")
    parts = second - first
    error = float(np.sqrt(n_groups / (n_groups - 1.0) * np.sum((parts - parts.mean()) ** 2)))
    return error, float(stdtrit(n_groups - 1, 0.975)) * error


def _noise_variance(errors: FloatArray) -> float:
    n_used, n_groups = errors.shape
    if n_used < 2 or n_groups < 2 or not np.isfinite(errors).all():
        return float("nan")
    parts = errors - errors.mean(axis=0)  # what is common to all evaluations does not vary over them
    parts = parts - parts.mean(axis=1, keepdims=True)
    return float(n_groups / (n_groups - 1.0) * np.sum(parts**2) / (n_used - 1.0))
