r"""The GJR-GARCH model with a free law under Q.

.. math::

    r_{t+1} &= \mu + \lambda\sqrt{h_{t+1}} - h_{t+1}/2 + \sqrt{h_{t+1}}\, z_{t+1} \\
    h_{t+2} &= \omega + h_{t+1} [\beta + (\alpha + \gamma 1_{z<0}) z_{t+1}^2]

with z a standardised skewed t; see ``models.garch_dynamics`` for what replaces the root for shocks that are not
normal, and ``models.garch_family`` for the law under Q.

References
----------
.. [1] L. R. Glosten, R. Jagannathan, D. E. Runkle (1993), "On the relation between the expected value and the
   volatility of the nominal excess return on stocks", Journal of Finance 48(5).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from models.errors import ModelParameterError
from models.garch_family import GarchFamily


@dataclass(frozen=True, slots=True, kw_only=True)
class GjrGarch(GarchFamily):
    r"""GJR-GARCH under P, with free persistence, level and scale under Q.

    Parameters
    ----------
    omega : float
        > 0. [1/session]
    alpha, beta : float
        >= 0: weights of the squared shock and of today's variance.
    gamma : float
        Additional weight of a squared shock below 0; ``alpha + gamma >= 0``.
    tail : float
        One over the degrees of freedom of the return shock, in [0, 1/4); 0 is the normal law.
    skew : float
        Its asymmetry (Hansen), in (-1, 1); negative for a heavier left tail.
    equity_premium_coefficient : float
        :math:`\\lambda`: expected simple return above rate less dividend yield, per root of variance. [1/session]
    persistence_q : float
        Weight of today's variance in tomorrow's under Q, in [0, 1); 0 stands for that under P.
    volatility_q : float
        Long-run volatility of returns under Q at Y = 0; 0 stands for that under P, scaled. [annual, decimal]
    variance_scale_q : float
        Q variance over P variance one session ahead, > 0.
    factor_persistence, factor_volatility : float
        AR(1) coefficient in [0, 1) and shock deviation >= 0 of the factor Y; at 0 there is none.
    factor_persistence_q : float
        AR(1) coefficient of the factors under Q, in [0, 1); 0 stands for that of Y under P.
    premium_loading, level_loading : float
        Weights of Y in log variance: beyond P under Q, and under both.
    premium_persistence, premium_volatility : float
        AR(1) coefficient in [0, 1) and shock deviation >= 0 of the factor X, which Q weighs like Y and P not at all.
    jump_share_q, return_jump_mean_q, return_jump_std_q : float
        Share in [0, 1) of the Q variance that is the price of jumps, and mean and deviation of a jump of the log
        return.
    rate, dividend_yield : float
        Continuous rates. [1/year]
    vix_sessions : int
        Sessions over which the VIX averages variance; 21 stand for its 30 calendar days.
    residuals : tuple of float
        Standardised residuals of a fit: if given, the shock has their law, smoothed, in place of the skewed t
        (filtered historical simulation).

    Raises
    ------
    ModelParameterError
        If a parameter lies outside its domain, or variance does not revert to a mean under P or Q.
    """

    gamma: float

    name: ClassVar[str] = "gjr_garch"

    def _asymmetry(self) -> tuple[float, float]:
        if self.alpha + self.gamma < 0.0:
            raise ModelParameterError(f"gamma must be >= -alpha = {-self.alpha!r}, got {self.gamma!r}")
        return self.gamma, 0.0
