r"""One GARCH recursion under one measure: what GJR and NGARCH share.

With h the daily variance of the next session and z the standardised shock,

.. math::

    h' = \omega + h\,[\beta + \alpha (z - \theta)^2 + \gamma z^2 1_{z<0}]

and the variance of the return is :math:`v = s\, e^{c Y + d X} h`, with Y and X independent log AR(1) factors of
volatility. The log return is :math:`\mu + \lambda\sqrt v - v/2 + c(v) z`, where the scale c(v) solves
:math:`E e^{c z} = e^{v/2}`: it is :math:`\sqrt v` for a normal shock and within a percent of it for others. So v is
twice the fair price of a log contract on the session, and VIX squared is a plain average of expected v.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.protocols import SESSIONS_PER_YEAR, FloatArray
from models.return_jumps import NO_JUMPS, ReturnJumps
from models.return_shock import ReturnShock


@dataclass(frozen=True, slots=True, kw_only=True)
class GarchDynamics:
    """The recursion under one measure, in daily units.

    Parameters
    ----------
    omega, alpha, beta, gamma, theta : float
        Coefficients of h.
    scale : float
        s: variance of the return per unit of h.
    premium : float
        Expected excess return per root of variance; 0 under Q.
    drift : float
        Riskless growth of the index a session.
    loading, premium_loading : float
        c and d: weights of the factors Y and X in log variance; d is 0, or c.
    factor_persistence, factor_volatility : float
        AR(1) coefficient and shock deviation of Y; without volatility there is no Y.
    premium_persistence, premium_volatility : float
        The same of X; as for Y where d is c, so that their sum is one AR(1).
    shock : ReturnShock
        Law of z.
    jumps : ReturnJumps
        Jumps of the return beside the shock, under Q; they have their share of v and the shock the rest.
    """

    omega: float
    alpha: float
    beta: float
    gamma: float
    theta: float
    scale: float
    premium: float
    drift: float
    loading: float
    premium_loading: float
    factor_persistence: float
    factor_volatility: float
    premium_persistence: float
    premium_volatility: float
    shock: ReturnShock
    jumps: ReturnJumps = NO_JUMPS

    @property
    def response(self) -> float:
        """Mean of what the shock adds, per unit of h."""
        return self.alpha * (1.0 + self.theta**2) + self.gamma * self.shock.negative_half

    @property
    def persistence(self) -> float:
        """Weight of today's h in the expectation of tomorrow's."""
        return self.beta + self.response

    @property
    def stationary_mean(self) -> float:
        """Long-run mean of h."""
        return self.omega / (1.0 - self.persistence)

    @property
    def n_factors(self) -> int:
        """Components of the state: h, then Y + X where there is Y or X, then X."""
        if self.premium_persistence > 0.0 or self.premium_volatility > 0.0:
            return 3
        return 2 if self.factor_volatility > 0.0 else 1

    @property
    def factor_variances(self) -> FloatArray:
        """Long-run variances of Y and X, shape (2,)."""
        persistence = np.array([self.factor_persistence, self.premium_persistence])
        volatility = np.array([self.factor_volatility, self.premium_volatility])
        return np.asarray(volatility**2 / (1.0 - persistence**2))

    @property
    def stationary_variance(self) -> float:
        """Long-run mean of the daily variance of returns."""
        spread = np.array([self.loading, self.premium_loading]) ** 2 @ self.factor_variances
        return self.scale * self.stationary_mean * float(np.exp(0.5 * spread))

    def mean_variance(self, h: FloatArray, factor: FloatArray, sessions: int) -> FloatArray:
        """Average of the expected daily variance of the next ``sessions`` returns.

        Parameters
        ----------
        h, factor : ndarray
            Today's h, and of the factors what the law reads: Y, or Y + X where it weighs both.
        sessions : int
            Returns.
        """
        total = np.zeros(np.broadcast_shapes(np.shape(h), np.shape(factor)))
        level, excess = self.stationary_mean, h - self.stationary_mean
        spread = np.array([self.loading, self.premium_loading]) ** 2 * self.factor_variances
        decay = np.array([self.factor_persistence, self.premium_persistence])
        for j in range(sessions):
            weight = self.loading * self.factor_persistence**j
            known = float(0.5 * spread @ (1.0 - decay ** (2 * j)))
            total = total + (level + excess * self.persistence**j) * np.exp(weight * factor + known)
        return np.asarray(self.scale * total / sessions)

    def return_variance(self, state: FloatArray) -> FloatArray:
        """Daily v of states (n_factors, ...): annualised h, Y + X and X, as far as there are factors."""
        log_growth = self.loading * state[1] if len(state) > 1 else 0.0
        if len(state) > 2 and self.premium_loading != self.loading:
            log_growth = log_growth + (self.premium_loading - self.loading) * state[2]
        return np.asarray(self.scale / SESSIONS_PER_YEAR * state[0] * np.exp(log_growth))

    def next_variance(self, h: FloatArray, z: FloatArray) -> FloatArray:
        """H one session later."""
        news = self.alpha * (z - self.theta) ** 2 + self.gamma * np.minimum(z, 0.0) ** 2
        return np.asarray(self.omega + h * (self.beta + news))
