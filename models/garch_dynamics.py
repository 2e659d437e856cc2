r"""One GARCH recursion under one measure: what GJR and NGARCH share.

With h the daily variance of the next session and z the standardised shock,

.. math::

    h' = \omega + h\,[\beta + \alpha (z - \theta)^2 + \gamma z^2 1_{z<0}]

and the variance of the return is :math:`v = s\, e^{c Y} h`, with Y an independent log AR(1) factor of volatility. The
log return is :math:`\mu + \lambda\sqrt v - v/2 + c(v) z`, where the scale c(v) solves :math:`E e^{c z} = e^{v/2}`: it
is :math:`\sqrt v` for a normal shock and within a percent of it for others. So v is twice the fair price of a log
contract on the session, and VIX squared is a plain average of expected v.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.protocols import SESSIONS_PER_YEAR, FloatArray
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
    loading : float
        c: weight of the factor Y in log variance.
    factor_persistence, factor_volatility : float
        AR(1) coefficient and shock deviation of Y; without volatility there is no Y.
    shock : ReturnShock
        Law of z.
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
    factor_persistence: float
    factor_volatility: float
    shock: ReturnShock

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
    def factor_variance(self) -> float:
        """Long-run variance of Y."""
        return self.factor_volatility**2 / (1.0 - self.factor_persistence**2)

    @property
    def stationary_variance(self) -> float:
        """Long-run mean of the daily variance of returns."""
        return self.scale * self.stationary_mean * float(np.exp(0.5 * self.loading**2 * self.factor_variance))

    def mean_variance(self, h: FloatArray, factor: FloatArray, sessions: int) -> FloatArray:
        """Average of the expected daily variance of the next ``sessions`` returns, given today's h and Y."""
        total = np.zeros(np.broadcast_shapes(np.shape(h), np.shape(factor)))
        level, excess = self.stationary_mean, h - self.stationary_mean
        for j in range(sessions):
            weight = self.loading * self.factor_persistence**j
            known = 0.5 * self.loading**2 * self.factor_variance * (1.0 - self.factor_persistence ** (2 * j))
            total = total + (level + excess * self.persistence**j) * np.exp(weight * factor + known)
        return np.asarray(self.scale * total / sessions)

    def return_variance(self, state: FloatArray) -> FloatArray:
        """Daily v of states (n_factors, ...), the first of which is the annualised h."""
        growth = np.exp(self.loading * state[1]) if len(state) > 1 else 1.0
        return np.asarray(self.scale / SESSIONS_PER_YEAR * state[0] * growth)

    def next_variance(self, h: FloatArray, z: FloatArray) -> FloatArray:
        """H one session later."""
        news = self.alpha * (z - self.theta) ** 2 + self.gamma * np.minimum(z, 0.0) ** 2
        return np.asarray(self.omega + h * (self.beta + news))
