r"""Two-factor Bergomi's model with one shock, in its stationary form: variance is the exponential of a mixture.

The variance of the index is lognormal in a mixture Z of two factors driven by one shock (``models.two_factor_ou``),

.. math:: \sigma^2 = \bar v \exp(\omega Z - \omega^2 \operatorname{Var}^P Z / 2)

with the variance of Z in the long run under P: the forward-variance curve of [1]_ is replaced by its long-run limit,
and the correlation of the factors' shocks is 1. Squared VIX is a sum of exponentials of the factors.

References
----------
.. [1] L. Bergomi (2005), "Smile dynamics II", Risk; and (2016), "Stochastic Volatility Modeling", chapter 7.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from models.exponential_sum import ExponentialSum
from models.protocols import SESSIONS_PER_YEAR, FloatArray, Measure
from models.two_factor_ou import TwoFactorOu


@dataclass(frozen=True, slots=True, kw_only=True)
class TwoFactorBergomi(TwoFactorOu):
    r"""Two-factor lognormal variance with one shock.

    Parameters
    ----------
    mean_variance : float
        :math:`\bar v > 0`: mean annual variance under P.
    vol_of_vol : float
        :math:`\omega`: lognormal volatility of the variance of the moment. [1/sqrt(year)]
    reversion_fast_p, reversion_slow_p : float
        Speeds of the factors under P, > 0. [1/year]
    reversion_fast_q, reversion_slow_q : float
        The same under Q.
    weight_fast : float
        :math:`\theta`: weight of the fast factor in Z, in [0, 1].
    rho : float
        Correlation of the index with the factors' shock, in (-1, 1).
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
    vol_of_vol: float
    reversion_fast_p: float
    reversion_slow_p: float
    reversion_fast_q: float
    reversion_slow_q: float
    weight_fast: float
    rho: float
    mean_fast_q: float = 0.0
    mean_slow_q: float = 0.0
    equity_premium: float = 0.0
    rate: float = 0.0
    dividend_yield: float = 0.0
    vix_sessions: int = 21

    name: ClassVar[str] = "two_factor_bergomi"

    def __post_init__(self) -> None:
        self._check_domain()

    @property
    def log_daily_variance(self) -> float:
        """Log of the daily variance where Z is 0."""
        spread = self.vol_of_vol**2 * self.factors("p").stationary_variance
        return float(np.log(self.mean_variance / SESSIONS_PER_YEAR) - 0.5 * spread)

    def mean_volatility(self, state: FloatArray) -> FloatArray:
        """See ``TwoFactorOu.mean_volatility``; the volatility of a session is that of its start."""
        z = self.weight_fast * state[0] + (1.0 - self.weight_fast) * state[1]
        return np.asarray(np.exp(0.5 * (self.log_daily_variance + self.vol_of_vol * z)))

    def return_variance(self, state: FloatArray) -> FloatArray:
        """See ``TwoFactorOu.return_variance``."""
        return self.mean_volatility(state) ** 2

    def variance_function(self, first: int, sessions: int, measure: Measure) -> ExponentialSum:
        """See ``TwoFactorOu.variance_function``."""
        law = self.factors(measure).mixture_law(first, sessions)
        omega = self.vol_of_vol
        log_weight = self.log_daily_variance + omega * law.offset + 0.5 * omega**2 * law.variance - np.log(sessions)
        return ExponentialSum(
            constant=0.0, log_weight=log_weight, first_slope=omega * law.fast, second_slope=omega * law.slow
        )

    def path_coefficients(self) -> tuple[bool, FloatArray, FloatArray]:
        """See ``TwoFactorOu.path_coefficients``."""
        return True, 0.5 * np.array([self.log_daily_variance, self.vol_of_vol]), np.empty(0)

    def pricing_key(self) -> str:
        """Text that identifies the law under Q: models with the same key have the same prices at zero rates."""
        # the number tells recursions that differ by more than rounding apart, where tables are stored
        return f"{replace(self, equity_premium=0.0, rate=0.0, dividend_yield=0.0)!r} 2"
