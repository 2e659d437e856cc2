r"""Tail index of losses: shape of the generalised Pareto law of what exceeds a threshold.

Above a high threshold, losses of almost any law follow :math:`P(L - u > y) = (1 + \xi y / \sigma)^{-1/\xi}` [1]_. A
shape :math:`\xi > 0` is a power tail with exponent :math:`1/\xi`, 0 an exponential one, below 0 a largest loss exists.
The shape comes from probability-weighted moments of the exceedances [2]_, which exist for bounded losses and need no
search: :math:`\xi = 2 - a_0 / (a_0 - 2 a_1)` with :math:`a_0 = E[Y]` and :math:`a_1 = E[Y (1 - F(Y))]`; they need
:math:`\xi < 1`, and :math:`\xi < 1/2` for a finite error.

References
----------
.. [1] J. Pickands (1975), "Statistical inference using extreme order statistics", Annals of Statistics 3.
.. [2] J. R. M. Hosking, J. R. Wallis (1987), "Parameter and quantile estimation for the generalized Pareto
   distribution", Technometrics 29.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sim.metrics.estimate import INDEPENDENT, Estimate, SampleDesign, degrees_of, from_influence, student, undefined

FloatArray = NDArray[np.float64]

TAIL = 0.05
"""Share of paths above the threshold."""

LEAST = 25
"""Exceedances below which no shape is estimated."""


def pareto_shape(excess: FloatArray, weight: FloatArray) -> tuple[float, FloatArray]:
    r"""Shape of the generalised Pareto law from probability-weighted moments, and the first-order effect of each value.

    Twice the second moment is the mean of the lower of two values, :math:`2 a_1 = E[\min(Y, Y')]`, whose influence at
    ``y`` is :math:`2 (E[\min(y, Y)] - 2 a_1)`.

    Parameters
    ----------
    excess : ndarray of shape (n,)
        Exceedances over the threshold, >= 0.
    weight : ndarray of shape (n,)
        Weight of each, with a mean of 1.

    Returns
    -------
    shape : float
    influence : ndarray of shape (n,)
        Weights included.
    """
    order = np.argsort(excess, kind="stable")
    y, w = excess[order], weight[order] / excess.size
    up_to, mass = np.cumsum(w * y), np.cumsum(w)
    lower = up_to + y * (1.0 - mass)  # E[min(y, Y)]
    first, twice = float(w @ y), float(w @ lower)
    if weight.max() == weight.min() and y.size > 1:  # without the pairs of a value with itself: unbiased
        twice = (y.size * twice - first) / (y.size - 1.0)
    gap = first - twice
    influence = np.empty(y.size)
    influence[order] = (twice * (y - first) - 2.0 * first * (lower - twice)) / gap**2
    return 2.0 - first / gap, weight * influence


def tail_index(loss: FloatArray, design: SampleDesign = INDEPENDENT) -> Estimate:
    """Shape of the worst ``TAIL`` share of losses; undefined with fewer than ``LEAST`` of them, or if all are alike.

    Above a threshold that is high enough the shape does not depend on where it lies, so the error is that of the
    exceedances, and the interval is Student's for as many.
    """
    weight = design.relative(loss.size)
    order = np.argsort(-loss, kind="stable")
    n_beyond = int(np.searchsorted(np.cumsum(weight[order]), TAIL * loss.size * (1.0 + 1e-12), side="right"))
    threshold = float(loss[order[min(n_beyond, loss.size - 1)]])
    beyond = loss > threshold
    excess, w = loss[beyond] - threshold, weight[beyond]
    if excess.size < LEAST or not w.any():
        return undefined(loss.size, f"fewer than {LEAST} paths lie above the 95% quantile", design.cluster)
    if np.ptp(excess) <= 1e-9 * float(np.abs(loss).max()):
        return undefined(loss.size, "the worst losses are all alike", design.cluster)
    shape, effect = pareto_shape(excess, w / w.mean())
    influence = np.zeros(loss.size)
    influence[beyond] = effect * loss.size / excess.size
    degrees = degrees_of(weight * beyond, design.cluster)
    return from_influence(shape, influence, design.cluster, student(degrees))
