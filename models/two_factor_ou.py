r"""What volatility models on two Ornstein-Uhlenbeck factors of one shock do alike, whatever their volatility function.

Under P and under Q, in years,

.. math::

    dX = \lambda_x (m_x - X)\, dt + dW, \qquad dY = \lambda_y (m_y - Y)\, dt + dW, \qquad Z = \theta X + (1-\theta) Y

and the index has the volatility f(Z) and the correlation rho with W. The model lives in sessions: the mean volatility
and the variance of a session are functions of the state at its start, both factors move by the same standard normal
shock, and each has its exact law. Speeds and means under Q are its own; the noise is that of P.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Self, cast

import numpy as np
from scipy.special import roots_hermitenorm

from models.axes import Axis
from models.domain import check_domain
from models.errors import ModelParameterError
from models.factor_noise import FactorNoise, gaussian_noise
from models.linear_factor_family import LinearFactorFamily
from models.linear_factor_model import SplitFunction
from models.ou_factors import OuFactors, session_step
from models.premium_dial import dialled
from models.protocols import SESSIONS_PER_YEAR, FloatArray, Measure, Stream
from models.shock_rule import ShockRule, shock_rule
from models.sinh_arcsinh import SinhArcsinh

AXIS_REACH = (5.0, 4.5)
"""Stationary deviations of the factors to either side that tables cover."""

LONGEST_LIFE = 280
"""Sessions of the longest life of an option, 400 calendar days and some."""

AXIS_NODES = (25, 57)
"""The VIX looks past what the fast factor has forgotten: it asks for more nodes along the slow one."""


class TwoFactorOu(LinearFactorFamily):
    """Base of the quintic and the exponential model; it reads the fields that both have."""

    __slots__ = ()

    weight_fast: float
    reversion_fast_p: float
    reversion_slow_p: float
    reversion_fast_q: float
    reversion_slow_q: float
    mean_fast_q: float
    mean_slow_q: float
    mean_variance: float
    rho: float
    equity_premium: float
    rate: float
    dividend_yield: float
    vix_sessions: int

    @property
    def state_names(self) -> tuple[str, ...]:
        """See ``Model.state_names``."""
        return ("fast", "slow")

    def mean_volatility(self, state: FloatArray) -> FloatArray:
        """Mean volatility of the next session at states (2, ...), daily; negative where its function is."""
        raise NotImplementedError

    def return_variance(self, state: FloatArray) -> FloatArray:
        """Variance of the next session's log return, daily, at states (2, ...)."""
        raise NotImplementedError

    def variance_function(self, first: int, sessions: int, measure: Measure) -> SplitFunction:
        """Average expected daily variance of ``sessions`` sessions from ``first`` ahead on, of the state."""
        raise NotImplementedError

    def path_coefficients(self) -> tuple[bool, FloatArray, FloatArray]:
        """Whether volatility is exponential, and the coefficients of the path kernel: mean volatility, variance."""
        raise NotImplementedError

    def factors(self, measure: Measure) -> OuFactors:
        """Law of the factors under ``measure``: with the equity premium the only place where P and Q part."""
        fast, deviation_fast = session_step(self.reversion_fast_p)
        slow, deviation_slow = session_step(self.reversion_slow_p)
        is_q = measure == "q"
        return OuFactors(
            persistence_fast=session_step(self.reversion_fast_q)[0] if is_q else fast,
            persistence_slow=session_step(self.reversion_slow_q)[0] if is_q else slow,
            mean_fast=self.mean_fast_q if is_q else 0.0,
            mean_slow=self.mean_slow_q if is_q else 0.0,
            deviation_fast=deviation_fast,
            deviation_slow=deviation_slow,
            weight_fast=self.weight_fast,
        )

    def expected_variance(self, first: int, sessions: int, measure: Measure, state: FloatArray) -> FloatArray:
        """Average expected daily variance of ``sessions`` sessions from ``first`` ahead on, given the state."""
        return self.variance_function(first, sessions, measure)(state)

    def squared_vix(self, *, ahead: int = 0) -> SplitFunction:
        """See ``LinearFactorModel.squared_vix``."""
        return self.variance_function(ahead, self.vix_sessions, "q")

    def forward_variance(self, ahead: int) -> SplitFunction:
        """E^Q of the variance of the session that starts ``ahead`` sessions on, daily."""
        return self.variance_function(ahead, 1, "q")

    def reach_q(self) -> tuple[tuple[float, float], ...]:
        """See ``LinearFactorModel.reach_q``: a fast factor that reverts more slowly under Q goes further.

        As far as it gets in the longest life of an option from either end of the tables. The slow one hardly moves.
        """
        decay, constant, covariance = self.factors("q").factor_law(LONGEST_LIFE)
        fast, side = self.table_axes()[0], AXIS_REACH[0] * float(np.sqrt(covariance[0, 0]))
        low, high = (float(decay[0] * end + constant[0]) for end in (fast.low, fast.high))
        return (low - side, high + side), (0.0, 0.0)

    @property
    def recursion_nodes(self) -> tuple[int, int]:
        """See ``LinearFactorModel.recursion_nodes``: about the same distance along both, counted in Z."""
        return (37, 77)

    def decay(self, n_sessions: int) -> FloatArray:
        """See ``LinearFactorModel.decay``."""
        return self.factors("q").factor_law(n_sessions)[0]

    def noise(self, n_sessions: int, spacing: float) -> FactorNoise:
        """See ``LinearFactorModel.noise``; payoffs bend along the mean of Z over the sessions that the VIX looks at."""
        q = self.factors("q")
        _, constant, covariance = q.factor_law(n_sessions)
        law = q.mixture_law(0, self.vix_sessions)
        slope = np.array([law.fast.mean(), law.slow.mean()])
        return gaussian_noise(constant, covariance, slope, spacing)

    def shock_rule(self, refinement: float) -> ShockRule:
        """See ``LinearFactorModel.shock_rule``."""
        return shock_rule(SinhArcsinh(skew=0.0, tail=1.0), round(12 * refinement), is_split=False)

    def growth(self, measure: Measure) -> float:
        """Log of the index' expected growth of a session."""
        premium = self.equity_premium if measure == "p" else 0.0
        return (self.rate - self.dividend_yield + premium) / SESSIONS_PER_YEAR

    def vix(self, state: FloatArray) -> FloatArray:
        """VIX [points] of shape ``state.shape[1:]``."""
        variance = self.expected_variance(0, self.vix_sessions, "q", state)
        return np.asarray(100.0 * np.sqrt(SESSIONS_PER_YEAR * variance))

    def stationary_state(self, n_paths: int, stream: Stream, *, measure: Measure = "p") -> FloatArray:
        """See ``Model.stationary_state``."""
        from models.two_factor_ou_paths import stationary_factors

        return stationary_factors(self.factors(measure), n_paths, stream)

    def propagate(
        self, state: FloatArray, n_days: int, stream: Stream, *, first_day: int = 0, measure: Measure = "p"
    ) -> tuple[FloatArray, FloatArray]:
        """See ``Model.propagate``."""
        from models.two_factor_ou_paths import propagate_factors

        return propagate_factors(self, state, n_days, stream, first_day=first_day, measure=measure)

    def table_axes(self) -> tuple[Axis, ...]:
        """Axes of price tables: both factors, over the states that the P law visits."""
        reach = np.array(AXIS_REACH) * np.sqrt(np.diag(self.factors("p").stationary_covariance))
        return tuple(
            Axis(kind="linear", low=-float(side), high=float(side), n_nodes=n_nodes)
            for side, n_nodes in zip(reach, AXIS_NODES, strict=True)
        )

    def expected_growth(self) -> float:
        """See ``models.known_means.GrowthModel``."""
        return self.rate - self.dividend_yield + self.equity_premium

    def scaled_premium(self, *, variance: float = 1.0, equity: float = 1.0) -> Self:
        """Scale what makes Q differ from P, and the equity premium; with 0 and 0 the two laws are the same.

        Speeds move along their logarithms, so that every scale gives factors that revert to a mean.
        """
        changed = replace(
            cast(Any, self),  # a frozen dataclass, as its subclasses are
            reversion_fast_q=dialled(self.reversion_fast_p, self.reversion_fast_q, variance, is_log=True),
            reversion_slow_q=dialled(self.reversion_slow_p, self.reversion_slow_q, variance, is_log=True),
            mean_fast_q=variance * self.mean_fast_q,
            mean_slow_q=variance * self.mean_slow_q,
            equity_premium=equity * self.equity_premium,
        )
        return cast(Self, changed)

    def premium(self) -> Mapping[str, tuple[float, str]]:
        """See ``Model.premium``."""
        state = np.zeros((2, 1))
        p, q = (
            100.0 * np.sqrt(SESSIONS_PER_YEAR * self.expected_variance(0, self.vix_sessions, measure, state)[0])
            for measure in ("p", "q")
        )
        return {
            "equity_premium": (self.equity_premium, "1/year: expected simple return above rate less dividend yield"),
            "vix_premium": (float(q - p), "VIX points: VIX minus the same expectation under P, at the mean state"),
            "fast_shift": (self.mean_fast_q, "mean of the fast factor under Q; 0 under P"),
            "slow_shift": (self.mean_slow_q, "mean of the slow factor under Q; 0 under P"),
            "fast_reversion": (self.reversion_fast_q - self.reversion_fast_p, "1/year: Q speed less P speed"),
            "slow_reversion": (self.reversion_slow_q - self.reversion_slow_p, "1/year: Q speed less P speed"),
        }

    # one session under Q, for the backward recursion

    def shared_deviation(self, state: FloatArray) -> FloatArray:
        """See ``SharedReturn``: the recursion's shock is the factors' own."""
        return self.rho * self.mean_volatility(state)

    def shock_nodes(self, n_nodes: int) -> tuple[FloatArray, FloatArray]:
        """Gauss-Hermite quadrature of the shock, by formulas that hold for any number of nodes."""
        nodes, weights = roots_hermitenorm(n_nodes)
        return nodes, weights / weights.sum()

    def next_coordinate(self, axis: int, coordinates: FloatArray, z: FloatArray, *, regime: int = 0) -> FloatArray:
        """See ``BackwardModel.next_coordinate``."""
        q = self.factors("q")
        decay, constant, _ = q.factor_law(1)
        return np.asarray(decay[axis] * coordinates[:, None] + constant[axis] + q.deviation[axis] * z)

    def _check_domain(self) -> None:
        speeds = ("reversion_fast_p", "reversion_slow_p", "reversion_fast_q", "reversion_slow_q")
        check_domain(cast(Any, self), positive=(*speeds, "mean_variance", "vix_sessions"))
        if not 0.0 <= self.weight_fast <= 1.0:
            raise ModelParameterError(f"weight_fast must lie in [0, 1], got {self.weight_fast!r}")
        if not -1.0 < self.rho < 1.0:
            raise ModelParameterError(f"rho must lie in (-1, 1), got {self.rho!r}")
