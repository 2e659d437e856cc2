"""Quantiles of the binomial law, by inversion of the incomplete beta function.

They are those of ``scipy.stats``, whose import takes longer than loading all kernels of a worker.
"""

from __future__ import annotations

import numpy as np
from scipy.special import bdtrik, betainc

_MANY_TRIALS = 10**7
"""Number of trials up to which the inversion finds the very count."""


def binomial_quantile(probability: float, n: int, share: float) -> int:
    """Least count of successes whose probability of not being exceeded is at least ``probability``.

    Parameters
    ----------
    probability : float
        In (0, 1).
    n : int
        Number of trials, >= 1.
    share : float
        Probability of a success, in (0, 1).

    Examples
    --------
    >>> binomial_quantile(0.5, 10, 0.5)
    5
    """
    if n > _MANY_TRIALS:
        from scipy.stats import binom

        return int(binom.ppf(probability, n, share))
    found = float(np.ceil(bdtrik(probability, float(n), share)))
    before = max(found - 1.0, 0.0)
    return int(before if betainc(n - before, before + 1.0, 1.0 - share) >= probability else found)
