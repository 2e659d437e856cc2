r"""The two-factor quintic Ornstein-Uhlenbeck model in its stationary form.

The volatility of the index is a polynomial of degree 5 of a mixture Z of two factors driven by one shock
(``models.two_factor_ou``),

.. math:: \sigma = \sqrt{\bar v}\, p(Z) / \sqrt{E^P p(Z)^2}, \qquad p(z) = a_0 + a_1 z + \dots + a_5 z^5

with the expectation under the stationary law of P: the forward-variance curve of [1]_ and [2]_ is replaced by its
long-run limit, which makes the model homogeneous in time. The polynomial may be negative: then the index moves
against its shock, and its falls still go with a rise of variance.

A session has the mean volatility and the mean variance that :math:`\sigma` has on average while Z moves through it as
a Brownian motion from its start. So no session is without risk, not even one that starts where p is 0. Variance is a
polynomial of degree 10 of Z, and squared VIX one of the factors.

References
----------
.. [1] E. Abi Jaber, C. Illand, S. Li (2023), "The quintic Ornstein-Uhlenbeck model for joint SPX and VIX
   calibration", Risk.
.. [2] E. Abi Jaber, S. Li (2025), "Volatility models in practice: rough, path-dependent or Markovian?", Mathematical
   Finance 35(4), section 5: two factors.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import ClassVar, final

import numpy as np

from models.errors import ModelParameterError
from models.ou_factors import OuFactors
from models.polynomial_variance import BivariatePolynomial, expected_polynomial, normal_moments, session_average
from models.protocols import SESSIONS_PER_YEAR, FloatArray, Measure
from models.two_factor_ou import TwoFactorOu


@dataclass(frozen=True, slots=True, kw_only=True)
class QuinticOu(TwoFactorOu):
    r"""Two-factor quintic Ornstein-Uhlenbeck volatility.

    Parameters
    ----------
    mean_variance : float
        :math:`\bar v > 0`: mean annual variance under P.
    reversion_fast_p, reversion_slow_p : float
        Speeds of the factors under P, > 0. [1/year]
    reversion_fast_q, reversion_slow_q : float
        The same under Q.
    weight_fast : float
        :math:`\theta`: weight of the fast factor in Z, in [0, 1].
    rho : float
        Correlation of the index with the factors' shock, in (-1, 1).
    constant, linear, quadratic, cubic, quartic, quintic : float
        Coefficients of the volatility polynomial; their common scale does not matter.
    mean_fast_q, mean_slow_q : float
        Means of the factors under Q; they are 0 under P.
    equity_premium : float
        Expected simple return under P above rate less dividend yield, in every state. [1/year, continuous]
    rate, dividend_yield : float
        Continuous rates. [1/year]
    vix_sessions : int
        Sessions over which the VIX averages variance; 21 stand for its 30 calendar days.

    Raises
    ------
    ModelParameterError
        If a parameter lies outside its domain.
    """

    mean_variance: float
    reversion_fast_p: float
    reversion_slow_p: float
    reversion_fast_q: float
    reversion_slow_q: float
    weight_fast: float
    rho: float
    constant: float
    linear: float = 0.0
    quadratic: float = 0.0
    cubic: float = 0.0
    quartic: float = 0.0
    quintic: float = 0.0
    mean_fast_q: float = 0.0
    mean_slow_q: float = 0.0
    equity_premium: float = 0.0
    rate: float = 0.0
    dividend_yield: float = 0.0
    vix_sessions: int = 21

    name: ClassVar[str] = "quintic_ou"

    def __post_init__(self) -> None:
        self._check_domain()
        if not np.any(self.polynomial):
            raise ModelParameterError("constant, linear, .. quintic must not all be 0: there would be no volatility")

    @property
    def polynomial(self) -> FloatArray:
        """Coefficients of p, from the constant up, shape (6,)."""
        return np.array([self.constant, self.linear, self.quadratic, self.cubic, self.quartic, self.quintic])

    @property
    def session(self) -> SessionVolatility:
        """Mean volatility and variance of a session as polynomials of Z."""
        return _session_volatility(self.polynomial.tobytes(), self.factors("p"), self.mean_variance)

    def mean_volatility(self, state: FloatArray) -> FloatArray:
        """See ``TwoFactorOu.mean_volatility``."""
        return np.asarray(np.polynomial.polynomial.polyval(self._mixture(state), self.session.mean))

    def return_variance(self, state: FloatArray) -> FloatArray:
        """See ``TwoFactorOu.return_variance``."""
        return np.asarray(np.polynomial.polynomial.polyval(self._mixture(state), self.session.variance))

    def variance_function(self, first: int, sessions: int, measure: Measure) -> BivariatePolynomial:
        """See ``TwoFactorOu.variance_function``."""
        return _mean_variance(self.session.variance.tobytes(), self.factors(measure), first, sessions)

    def path_coefficients(self) -> tuple[bool, FloatArray, FloatArray]:
        """See ``TwoFactorOu.path_coefficients``."""
        return False, self.session.mean.copy(), self.session.variance.copy()

    def pricing_key(self) -> str:
        """Text that identifies the law under Q: models with the same key have the same prices at zero rates."""
        # the number tells recursions that differ by more than rounding apart, where tables are stored
        return f"{replace(self, equity_premium=0.0, rate=0.0, dividend_yield=0.0)!r} 2"

    def _mixture(self, state: FloatArray) -> FloatArray:
        return np.asarray(self.weight_fast * state[0] + (1.0 - self.weight_fast) * state[1])


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class SessionVolatility:
    """Mean volatility (6,) and variance (11,) of a session: coefficients of polynomials of Z, daily."""

    mean: FloatArray
    variance: FloatArray


@lru_cache(maxsize=64)
def _session_volatility(coefficients: bytes, factors: OuFactors, mean_variance: float) -> SessionVolatility:
    """Average volatility over a session, brought to the mean daily variance under the stationary law."""
    p = np.frombuffer(coefficients)
    moved = float(factors.weight @ factors.deviation) ** 2
    mean, variance = session_average(p, moved), session_average(np.convolve(p, p), moved)
    moments = normal_moments(np.array(0.0), np.array(factors.stationary_variance), variance.size)
    scale = mean_variance / SESSIONS_PER_YEAR / float(variance @ moments)
    return SessionVolatility(mean=np.sqrt(scale) * mean, variance=scale * variance)


@lru_cache(maxsize=512)
def _mean_variance(coefficients: bytes, factors: OuFactors, first: int, sessions: int) -> BivariatePolynomial:
    weight = np.full(sessions, 1.0 / sessions)
    return expected_polynomial(np.frombuffer(coefficients), factors.mixture_law(first, sessions), weight)
