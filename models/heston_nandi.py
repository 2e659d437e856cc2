r"""The Heston-Nandi GARCH model with the variance-dependent pricing kernel.

Under P, with daily variance h known one session ahead,

.. math::

    R_{t+1} &= r + (\mu - 1/2) h_{t+1} + \sqrt{h_{t+1}}\, z_{t+1} \\
    h_{t+2} &= \omega + \beta h_{t+1} + \alpha (z_{t+1} - \gamma \sqrt{h_{t+1}})^2

The kernel of [2]_ keeps this form under Q with :math:`h^* = \eta h`, :math:`\omega^* = \eta\omega`,
:math:`\alpha^* = \eta^2\alpha`, :math:`\gamma^* = (\mu - 1/2 + \gamma)/\eta + 1/2`, :math:`\beta^* = \beta`, where
:math:`\eta \ge 1` is ``variance_ratio``: the premium on variance. The state is the annualised P variance,
:math:`252\,h_{t+1}`.

References
----------
.. [1] S. L. Heston, S. Nandi (2000), "A closed-form GARCH option valuation model", Review of Financial Studies 13(3).
.. [2] P. Christoffersen, S. Heston, K. Jacobs (2013), "Capturing option anomalies with a variance-dependent pricing
   kernel", Review of Financial Studies 26(8), proposition 1.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import reduce
from math import sqrt
from typing import ClassVar, Self

import numpy as np

from models.affine import ComplexArray
from models.affine_family import AffineFamily
from models.axes import Axis
from models.complex_log import complex_log1p
from models.domain import check_domain
from models.errors import ModelParameterError, PricingDomainError
from models.protocols import (
    SESSIONS_PER_YEAR,
    FloatArray,
    Measure,
    Stream,
)

Pair = tuple[ComplexArray, ComplexArray]


@dataclass(frozen=True, slots=True, kw_only=True)
class HestonNandiDynamics:
    """The recursion under one measure, in daily units.

    Parameters
    ----------
    omega, alpha, beta, gamma : float
        Coefficients of the variance.
    premium : float
        Coefficient of h in the expected log return, without the -1/2: 0 under Q.
    drift : float
        Riskless growth of the index a session.
    """

    omega: float
    alpha: float
    beta: float
    gamma: float
    premium: float
    drift: float

    @property
    def persistence(self) -> float:
        """Weight of today's variance in the expectation of tomorrow's."""
        return self.beta + self.alpha * self.gamma**2

    @property
    def stationary_mean(self) -> float:
        """Long-run mean of the daily variance."""
        return (self.omega + self.alpha) / (1.0 - self.persistence)

    def mean_variance(self, sessions: int) -> tuple[float, float]:
        """Constant and slope, in the next session's variance, of the average expected daily variance."""
        psi = self.persistence
        weight = (1.0 - psi**sessions) / (sessions * (1.0 - psi))
        return (1.0 - weight) * self.stationary_mean, weight


@dataclass(frozen=True, slots=True, kw_only=True)
class HestonNandi(AffineFamily):
    r"""Heston-Nandi GARCH under P and Q.

    Parameters
    ----------
    omega : float
        >= 0. [1/session]
    alpha : float
        > 0. [1/session]
    beta : float
        >= 0.
    gamma : float
        Asymmetry under P; ``beta + alpha * gamma**2 < 1``, and likewise under Q.
    equity_premium_coefficient : float
        :math:`\mu`: expected excess return per unit of variance.
    variance_ratio : float
        :math:`\eta = h^*/h > 0`; 1 removes the variance premium.
    rate, dividend_yield : float
        Continuous rates. [1/year]
    vix_sessions : int
        Sessions over which the VIX averages variance; 21 stand for its 30 calendar days.

    Raises
    ------
    ModelParameterError
        If a parameter lies outside its domain, or variance does not revert to a mean under P or Q.
    """

    omega: float
    alpha: float
    beta: float
    gamma: float
    equity_premium_coefficient: float = 0.0
    variance_ratio: float = 1.0
    rate: float = 0.0
    dividend_yield: float = 0.0
    vix_sessions: int = 21

    name: ClassVar[str] = "heston_nandi"
    state_names: ClassVar[tuple[str, ...]] = ("variance",)

    def __post_init__(self) -> None:
        check_domain(self, positive=("alpha", "variance_ratio", "vix_sessions"), non_negative=("omega", "beta"))
        for measure in ("p", "q"):
            persistence = self.dynamics(measure).persistence
            if persistence >= 1.0:
                raise ModelParameterError(
                    f"beta + alpha * gamma**2 must be < 1 under {measure.upper()}, got {persistence:.6g}; "
                    "lower gamma, alpha or variance_ratio"
                )

    def dynamics(self, measure: Measure) -> HestonNandiDynamics:
        """Recursion under ``measure``: the only place where P and Q part."""
        drift = (self.rate - self.dividend_yield) / SESSIONS_PER_YEAR
        premium = self.equity_premium_coefficient
        if measure == "p":
            return HestonNandiDynamics(
                omega=self.omega, alpha=self.alpha, beta=self.beta, gamma=self.gamma, premium=premium, drift=drift
            )
        ratio = self.variance_ratio
        return HestonNandiDynamics(
            omega=ratio * self.omega,
            alpha=ratio**2 * self.alpha,
            beta=self.beta,
            gamma=(premium - 0.5 + self.gamma) / ratio + 0.5,
            premium=0.0,
            drift=drift,
        )

    def table_axes(self) -> tuple[Axis, ...]:
        """Coordinate of the variance in tables: its root, as volatility is what smiles move with."""
        return (Axis(kind="root", low=0.0, high=1.0, n_nodes=49),)

    def pricing_key(self) -> str:
        """See ``AffineModel.pricing_key``."""
        return f"{replace(self.dynamics('q'), drift=0.0)!r} {self.variance_ratio!r} {self.vix_sessions!r}"

    def log_return_transform(self, u: ComplexArray, ttm: float) -> tuple[ComplexArray, ComplexArray]:
        """See ``AffineModel.log_return_transform``: equations (11) to (13) of [1]_ under Q.

        Raises
        ------
        PricingDomainError
            If ``ttm`` is no whole number of sessions.
        """
        u = np.asarray(u, dtype=np.complex128)
        start = np.zeros_like(u), np.zeros_like(u)
        constant, slope = reduce(_later, self._log_return_recursion(u, _whole_sessions(ttm)), start)
        return constant, (slope * self._daily_q)[None, :]

    def log_return_sessions(self, u: ComplexArray, max_sessions: int) -> ComplexArray:
        """See ``AffineFamily.log_return_sessions``: the recursion passes all of them."""
        pairs = self._log_return_recursion(np.asarray(u, dtype=np.complex128), max_sessions)
        return np.stack([np.stack([constant, slope * self._daily_q]) for constant, slope in pairs])

    def variance_transform(self, s: ComplexArray, ttm: float) -> tuple[ComplexArray, ComplexArray]:
        """See ``AffineModel.variance_transform``; ``ttm`` in whole sessions."""
        start = self._variance_start(s)
        constant, slope = reduce(_later, self._variance_recursion(*start, _whole_sessions(ttm)), start)
        return constant, (slope * self._daily_q)[None, :]

    def variance_sessions(self, s: ComplexArray, max_sessions: int) -> ComplexArray:
        """See ``AffineFamily.variance_sessions``: the recursion passes all of them."""
        pairs = self._variance_recursion(*self._variance_start(s), max_sessions)
        return np.stack([np.stack([constant, slope * self._daily_q]) for constant, slope in pairs])

    def _log_return_recursion(self, u: ComplexArray, n_sessions: int) -> Iterator[Pair]:
        """Constant and slope in the daily Q variance, session by session."""
        q = self.dynamics("q")
        phi = 1j * u
        constant, slope = np.zeros_like(phi), np.zeros_like(phi)
        for _ in range(n_sessions):
            spread = -2.0 * q.alpha * slope
            constant = constant + q.omega * slope - 0.5 * complex_log1p(spread)
            slope = (
                phi * (q.gamma - 0.5) - 0.5 * q.gamma**2 + q.beta * slope + 0.5 * (phi - q.gamma) ** 2 / (1.0 + spread)
            )
            yield constant, slope

    def _variance_start(self, s: ComplexArray) -> tuple[ComplexArray, ComplexArray]:
        offset, slope_vix = self.vix_squared_coefficients()
        s = np.asarray(s, dtype=np.complex128)
        return offset * s, s * slope_vix[0] / self._daily_q

    def _variance_recursion(self, constant: ComplexArray, slope: ComplexArray, n_sessions: int) -> Iterator[Pair]:
        q = self.dynamics("q")
        for _ in range(n_sessions):
            spread = -2.0 * q.alpha * slope
            constant = constant + q.omega * slope - 0.5 * complex_log1p(spread)
            slope = q.beta * slope + q.alpha * q.gamma**2 * slope / (1.0 + spread)
            yield constant, slope

    def variance_transform_bound(self, ttm: float) -> float:
        """See ``AffineModel.variance_transform_bound``: the recursion run backwards from its singularity."""
        q = self.dynamics("q")
        _, slope_vix = self.vix_squared_coefficients()
        limit = 1.0 / (2.0 * q.alpha)
        bound = limit
        for _ in range(_whole_sessions(ttm) - 1):
            # the largest B whose image beta B + alpha gamma^2 B / (1 - 2 alpha B) is the bound of the step before
            a, b, c = 2.0 * q.alpha * q.beta, -(q.persistence + 2.0 * q.alpha * bound), bound
            bound = (-b - sqrt(b * b - 4.0 * a * c)) / (2.0 * a) if a > 0.0 else -c / b
        return float(bound * self._daily_q / slope_vix[0])

    def vix_squared_coefficients(self) -> tuple[float, FloatArray]:
        """See ``AffineModel.vix_squared_coefficients``."""
        return self._annual_coefficients(self.vix_sessions)

    def mean_variance_coefficients(self, ttm: float) -> tuple[float, FloatArray]:
        """See ``AffineModel.mean_variance_coefficients``; ``ttm`` in whole sessions."""
        return self._annual_coefficients(_whole_sessions(ttm))

    def variance_mean(self, ttm: float) -> tuple[float, FloatArray]:
        """See ``AffineModel.variance_mean``; ``ttm`` in whole sessions."""
        q = self.dynamics("q")
        offset, slope = self.vix_squared_coefficients()
        decay = q.persistence ** _whole_sessions(ttm)
        mean = q.stationary_mean / self._daily_q
        return float(offset + slope[0] * (1.0 - decay) * mean), slope * decay

    @property
    def _daily_q(self) -> float:
        """Daily Q variance per unit of the state (the annualised P variance)."""
        return self.variance_ratio / SESSIONS_PER_YEAR

    def _annual_coefficients(self, sessions: int) -> tuple[float, FloatArray]:
        constant, slope = self.dynamics("q").mean_variance(max(sessions, 1))
        return SESSIONS_PER_YEAR * constant, np.array([slope * self.variance_ratio])

    def stationary_state(self, n_paths: int, stream: Stream, *, measure: Measure = "p") -> FloatArray:
        """See ``Model.stationary_state``."""
        from models.heston_nandi_paths import stationary_heston_nandi

        return stationary_heston_nandi(self, n_paths, stream, measure=measure)

    def propagate(
        self, state: FloatArray, n_days: int, stream: Stream, *, first_day: int = 0, measure: Measure = "p"
    ) -> tuple[FloatArray, FloatArray]:
        """See ``Model.propagate``."""
        from models.heston_nandi_paths import propagate_heston_nandi

        return propagate_heston_nandi(self, state, n_days, stream, first_day=first_day, measure=measure)

    def with_level(self, level: float) -> Self:
        """The same model with its long-run variance multiplied by ``level``; omega carries the change.

        Raises
        ------
        ModelParameterError
            If omega would be negative.
        """
        return replace(self, omega=level * (self.omega + self.alpha) - self.alpha)

    def scaled_premium(self, *, variance: float = 1.0, equity: float = 1.0) -> Self:
        """Scale ``variance_ratio - 1`` and the equity premium; 0 and 0 make P and Q the same."""
        return replace(
            self,
            variance_ratio=1.0 + variance * (self.variance_ratio - 1.0),
            equity_premium_coefficient=equity * self.equity_premium_coefficient,
        )

    def premium(self) -> Mapping[str, tuple[float, str]]:
        """See ``Model.premium``."""
        p, q = self.dynamics("p"), self.dynamics("q")
        level = p.stationary_mean
        vols = []
        for dynamics, today in ((p, level), (q, self.variance_ratio * level)):
            constant, slope = dynamics.mean_variance(self.vix_sessions)
            vols.append(100.0 * sqrt(SESSIONS_PER_YEAR * (constant + slope * today)))
        return {
            "equity_premium": (
                self.equity_premium_coefficient * level * SESSIONS_PER_YEAR,
                "1/year: expected excess log return plus half the variance, at the mean variance",
            ),
            "vix_premium": (
                vols[1] - vols[0],
                "VIX points: VIX minus the same expectation under P, at the mean variance",
            ),
            "variance_ratio": (self.variance_ratio, "Q variance over P variance, one session ahead"),
            "persistence_p": (p.persistence, "1/session: weight of today's variance in tomorrow's under P"),
            "persistence_q": (q.persistence, "1/session: the same under Q"),
        }


def _whole_sessions(ttm: float) -> int:
    sessions = round(ttm * SESSIONS_PER_YEAR)
    if abs(ttm * SESSIONS_PER_YEAR - sessions) > 1e-6 or sessions < 0:
        raise PricingDomainError(
            f"ttm must be a whole number of sessions / {SESSIONS_PER_YEAR} in heston_nandi, got {ttm!r} years"
        )
    return sessions


def _later(_: Pair, pair: Pair) -> Pair:
    return pair
