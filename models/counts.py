"""Quantiles of laws of counts, by inversion of the incomplete beta and gamma functions.

They are those of ``scipy.stats``, whose import takes longer than loading all kernels of a worker.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import betainc, nbdtrik, pdtr, pdtrik


def negative_binomial_quantile(probability: ArrayLike, shape: float, share: float) -> NDArray[np.float64]:
    """Least counts of failures before success number ``shape``, not exceeded with at least these probabilities.

    Parameters
    ----------
    probability : array_like
        In (0, 1).
    shape : float
        Number of successes, > 0, whole or not.
    share : float
        Probability of a success, in (0, 1).

    Examples
    --------
    >>> negative_binomial_quantile([0.2, 0.8], 1.0, 0.5)
    array([0., 2.])
    """
    found = np.ceil(nbdtrik(probability, shape, share))
    before = np.maximum(found - 1.0, 0.0)
    return np.asarray(np.where(betainc(shape, before + 1.0, share) >= probability, before, found))


def poisson_quantile(probability: ArrayLike, mean: float) -> NDArray[np.float64]:
    """Least counts not exceeded with at least these probabilities.

    Parameters
    ----------
    probability : array_like
        In (0, 1).
    mean : float
        Mean of the count, > 0.

    Examples
    --------
    >>> poisson_quantile([0.2, 0.8], 1.0)
    array([0., 2.])
    """
    found = np.ceil(pdtrik(probability, mean))
    before = np.maximum(found - 1.0, 0.0)
    return np.asarray(np.where(pdtr(before, mean) >= probability, before, found))
