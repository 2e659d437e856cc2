r"""The two log-variance factors under one measure: their moments and the variance they lead to expect.

.. math::

    v_t = F + e^{l + X_t + Y_t}, \qquad X_{t+1} = \phi_x X_t + m_x - a_x z + b_x (|z| - E|z|) + c_x w

and likewise Y with its own normal noise u. X and Y are linear filters of independent shocks, so that the mean of
:math:`e^{X_{t+j} + Y_{t+j}}` is a product of moment generating functions of one session.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from models.exponential_sum import ExponentialSum
from models.protocols import FloatArray
from models.return_jumps import NO_JUMPS, ReturnJumps
from models.sinh_arcsinh import SinhArcsinh, quadrature


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class FactorDynamics:
    """One factor under one measure.

    Parameters
    ----------
    persistence : float
        Weight of today's value in tomorrow's, in [0, 1).
    drift : float
        Constant of a session.
    leverage, magnitude, noise : float
        Response to the return's shock z (its sign reversed), to the surprise in its size, and to own noise.
    """

    persistence: float
    drift: float
    leverage: float
    magnitude: float
    noise: float

    @property
    def stationary_mean(self) -> float:
        """Long-run mean."""
        return self.drift / (1.0 - self.persistence)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class LogVarianceDynamics:
    """Both factors and the variance under one measure, in daily units.

    Parameters
    ----------
    fast, slow : FactorDynamics
        The factors.
    floor : float
        Least variance. [1/session]
    log_level : float
        Logarithm of what variance has above its floor where both factors are 0.
    drift : float
        Logarithm of the expected growth of the index a session.
    return_shock, noise_shock : SinhArcsinh
        Laws of z, which moves the index and both factors, and of w, the fast factor's own noise.
    jumps : ReturnJumps
        Jumps of the return beside the shock, under Q; they have their share of the variance and the shock the rest.
    """

    fast: FactorDynamics
    slow: FactorDynamics
    floor: float
    log_level: float
    drift: float
    return_shock: SinhArcsinh
    noise_shock: SinhArcsinh
    jumps: ReturnJumps = NO_JUMPS

    @property
    def stationary_mean(self) -> FloatArray:
        """Long-run means, shape (2,)."""
        return np.array([self.fast.stationary_mean, self.slow.stationary_mean])

    @property
    def persistence(self) -> FloatArray:
        """Persistence of the factors, shape (2,)."""
        return np.array([self.fast.persistence, self.slow.persistence])

    @property
    def session_covariance(self) -> FloatArray:
        """Covariance of one session's shocks to the factors, shape (2, 2)."""
        values, weights = quadrature(self.return_shock)
        surprise = np.abs(values) - self.return_shock.mean_size
        both = np.stack([factor.magnitude * surprise - factor.leverage * values for factor in (self.fast, self.slow)])
        return np.asarray((both * weights) @ both.T + np.diag([self.fast.noise**2, self.slow.noise**2]))

    @property
    def stationary_covariance(self) -> FloatArray:
        """Covariance of the factors in the long run, shape (2, 2)."""
        return np.asarray(self.session_covariance / (1.0 - np.outer(self.persistence, self.persistence)))

    def session_variance(self, state: FloatArray) -> FloatArray:
        """Variance of the next session at states (2, ...), daily."""
        return np.asarray(self.floor + np.exp(self.log_level + state[0] + state[1]))

    def mean_variance(self, first: int, sessions: int) -> ExponentialSum:
        """Average over ``sessions`` sessions, the first being ``first`` sessions ahead, of the expected variance.

        Parameters
        ----------
        first : int
            >= 0; 0 is the next session, whose variance the state tells.
        sessions : int
            > 0.

        Returns
        -------
        ExponentialSum
            Function of the factors. [1/session]
        """
        ahead = np.arange(first + sessions)
        fast, slow = np.power(self.persistence[:, None], ahead)
        # the shock that comes i sessions before the end has the weight persistence**i
        growth = np.concatenate([[0.0], np.cumsum(self._log_growth(fast, slow))[:-1]])
        log_weight = self.log_level - np.log(sessions) + growth
        return ExponentialSum(
            constant=self.floor, log_weight=log_weight[first:], first_slope=fast[first:], second_slope=slow[first:]
        )

    def _log_growth(self, fast: FloatArray, slow: FloatArray) -> FloatArray:
        """Log of E exp(fast * (shock of X) + slow * (shock of Y)), drifts included."""
        x, y = self.fast, self.slow
        magnitude = fast * x.magnitude + slow * y.magnitude
        return np.asarray(
            fast * x.drift
            + slow * y.drift
            + self.return_shock.log_moment(-(fast * x.leverage + slow * y.leverage), magnitude)
            - magnitude * self.return_shock.mean_size
            + self.noise_shock.log_moment(fast * x.noise)
            + 0.5 * (slow * y.noise) ** 2
        )
