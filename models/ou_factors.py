r"""Two Ornstein-Uhlenbeck factors driven by one shock, in sessions, under one measure.

.. math:: X_{t+1} = m_x + \phi_x (X_t - m_x) + s_x z, \qquad Y_{t+1} = m_y + \phi_y (Y_t - m_y) + s_y z

with z standard normal. The model reads them through :math:`Z = \theta X + (1 - \theta) Y`, which is normal given the
state at every horizon.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, sqrt
from typing import final

import numpy as np

from models.protocols import SESSIONS_PER_YEAR, FloatArray


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class MixtureLaw:
    """Law of Z given the state at several horizons: normal, its mean linear in the state.

    Parameters
    ----------
    fast, slow : ndarray of shape (n,)
        Slopes of the mean in the two factors.
    offset : ndarray of shape (n,)
        Constant of the mean.
    variance : ndarray of shape (n,)
        Variance.
    """

    fast: FloatArray
    slow: FloatArray
    offset: FloatArray
    variance: FloatArray


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class OuFactors:
    """The factors under one measure.

    Parameters
    ----------
    persistence_fast, persistence_slow : float
        Weight of today's value in tomorrow's, in (0, 1).
    mean_fast, mean_slow : float
        Long-run means.
    deviation_fast, deviation_slow : float
        Deviations of a session's shock.
    weight_fast : float
        Theta, the fast factor's weight in Z.
    """

    persistence_fast: float
    persistence_slow: float
    mean_fast: float
    mean_slow: float
    deviation_fast: float
    deviation_slow: float
    weight_fast: float

    @property
    def persistence(self) -> FloatArray:
        """Of both factors, shape (2,)."""
        return np.array([self.persistence_fast, self.persistence_slow])

    @property
    def mean(self) -> FloatArray:
        """Of both factors, shape (2,)."""
        return np.array([self.mean_fast, self.mean_slow])

    @property
    def deviation(self) -> FloatArray:
        """Of a session's shock to both factors, shape (2,)."""
        return np.array([self.deviation_fast, self.deviation_slow])

    @property
    def weight(self) -> FloatArray:
        """Of both factors in Z, shape (2,)."""
        return np.array([self.weight_fast, 1.0 - self.weight_fast])

    @property
    def stationary_covariance(self) -> FloatArray:
        """Of the factors, shape (2, 2)."""
        return np.outer(self.deviation, self.deviation) / (1.0 - np.outer(self.persistence, self.persistence))

    @property
    def stationary_variance(self) -> float:
        """Of Z."""
        return float(self.weight @ self.stationary_covariance @ self.weight)

    def factor_law(self, sessions: int) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Slopes (2,) and constants (2,) of the factors' conditional means, and their covariance (2, 2)."""
        decay = self.persistence**sessions
        kept = 1.0 - np.outer(decay, decay)
        return decay, (1.0 - decay) * self.mean, self.stationary_covariance * kept

    def mixture_law(self, first: int, sessions: int) -> MixtureLaw:
        """Law of Z after ``first``, ``first + 1``, .. sessions, given the state, for ``sessions`` horizons."""
        ahead = np.arange(first, first + sessions)
        decay = self.persistence[:, None] ** ahead
        covariance = self.stationary_covariance[..., None] * (1.0 - decay[:, None] * decay[None])
        variance = np.einsum("i,ijn,j->n", self.weight, covariance, self.weight)
        slopes = self.weight[:, None] * decay
        return MixtureLaw(
            fast=slopes[0],
            slow=slopes[1],
            offset=(self.weight * self.mean) @ (1.0 - decay),
            variance=np.maximum(variance, 0.0),
        )


def session_step(reversion: float) -> tuple[float, float]:
    """Persistence of a session and deviation of its shock, for dX = -reversion X dt + dW in years."""
    persistence = exp(-reversion / SESSIONS_PER_YEAR)
    return persistence, sqrt((1.0 - persistence**2) / (2.0 * reversion))
