r"""Stochastic volatility with correlated co-jumps (SVCJ); Heston and Bates are its special cases.

Under either measure, with :math:`\mathrm{d}\langle W, Z\rangle_t = \rho\,\mathrm{d}t`,

.. math::

    \mathrm{d}\ln S_t &= (\mu - \lambda\bar\mu - v_t/2)\,\mathrm{d}t + \sqrt{v_t}\,\mathrm{d}W_t + z^s\,\mathrm{d}N_t \\
    \mathrm{d}v_t &= \kappa(\theta - v_t)\,\mathrm{d}t + \xi\sqrt{v_t}\,\mathrm{d}Z_t + z^v\,\mathrm{d}N_t

with :math:`z^v \sim \mathrm{Exp}(\mu_v)`, :math:`z^s | z^v \sim N(\mu_s + \rho_J z^v, \sigma_s^2)` and jumps at the
rate :math:`\lambda = \lambda_0 + \lambda_1 v_t`. Transforms are closed where :math:`\lambda_1 = 0`, and integrated
numerically elsewhere. P and Q share
:math:`\kappa\theta, \xi, \rho, \rho_J`; they differ in :math:`\kappa` (variance premium), in the jumps (jump premium)
and in the drift (equity premium).

References
----------
.. [1] D. Duffie, J. Pan, K. Singleton (2000), "Transform analysis and asset pricing for affine jump-diffusions",
   Econometrica 68(6), section 4.
.. [2] R. Lord, C. Kahl (2010), "Complex logarithms in Heston-like models", Mathematical Finance 20(4).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import exp, expm1, sqrt
from typing import ClassVar, Self

import numpy as np

from models.affine import ComplexArray
from models.affine_family import AffineFamily
from models.axes import Axis
from models.complex_log import complex_log1p, log1p_ratio
from models.domain import check_domain, check_jumps
from models.errors import ModelParameterError
from models.path_design import JumpDraw, ShockDraw, direction
from models.premium_dial import dialled
from models.protocols import SESSIONS_PER_YEAR, VIX_HORIZON, FloatArray, Measure, Stream
from models.riccati import (
    log_return_coefficients,
    log_return_sessions,
    variance_bound,
    variance_coefficients,
    variance_sessions,
)
from models.svcj_dynamics import SvcjDynamics


@dataclass(frozen=True, slots=True, kw_only=True)
class Svcj(AffineFamily):
    r"""Stochastic volatility with correlated co-jumps under P and Q.

    Parameters
    ----------
    kappa_p, kappa_q : float
        Mean reversion of variance, > 0. [1/year]
    theta_p : float
        Long-run diffusive variance under P, > 0; under Q it is ``kappa_p * theta_p / kappa_q``. [1/year]
    vol_of_vol : float
        Volatility of variance, > 0; the Feller condition is not required. [1/year]
    rho : float
        Correlation of the Brownian motions, in (-1, 1).
    jump_intensity_p, jump_intensity_q : float
        Co-jumps a year at no variance, >= 0. [1/year]
    variance_jump_mean_p, variance_jump_mean_q : float
        Mean of the exponential variance jump, >= 0. [1/year]
    return_jump_mean_p, return_jump_mean_q : float
        Mean log-price jump where the variance does not jump.
    return_jump_std_p, return_jump_std_q : float
        Standard deviation of the log-price jump given the variance jump, >= 0.
    jump_correlation : float
        Slope of the log-price jump on the variance jump; ``jump_correlation * variance_jump_mean < 1``.
    jump_intensity_slope_p, jump_intensity_slope_q : float
        More co-jumps a year for a unit of variance, >= 0; times ``variance_jump_mean`` less than ``kappa``.
    equity_premium : float
        Expected excess return of the SPX (dividends included) under P. [1/year]
    rate, dividend_yield : float
        Continuous rates. [1/year]

    Raises
    ------
    ModelParameterError
        If a parameter lies outside its domain.
    """

    kappa_p: float
    kappa_q: float
    theta_p: float
    vol_of_vol: float
    rho: float
    jump_intensity_p: float = 0.0
    jump_intensity_q: float = 0.0
    variance_jump_mean_p: float = 0.0
    variance_jump_mean_q: float = 0.0
    return_jump_mean_p: float = 0.0
    return_jump_mean_q: float = 0.0
    return_jump_std_p: float = 0.0
    return_jump_std_q: float = 0.0
    jump_correlation: float = 0.0
    jump_intensity_slope_p: float = 0.0
    jump_intensity_slope_q: float = 0.0
    equity_premium: float = 0.0
    rate: float = 0.0
    dividend_yield: float = 0.0

    name: ClassVar[str] = "svcj"
    state_names: ClassVar[tuple[str, ...]] = ("variance",)

    def __post_init__(self) -> None:
        positive = ("kappa_p", "kappa_q", "theta_p", "vol_of_vol")
        non_negative = tuple(
            f"{stem}_{measure}"
            for stem in ("jump_intensity", "jump_intensity_slope", "variance_jump_mean", "return_jump_std")
            for measure in "pq"
        )
        check_domain(self, positive=positive, non_negative=non_negative)
        if not -1.0 < self.rho < 1.0:
            raise ModelParameterError(f"rho must lie in (-1, 1), got {self.rho!r}")
        for measure in "pq":
            check_jumps(
                jump_correlation=self.jump_correlation,
                variance_jump_mean=getattr(self, f"variance_jump_mean_{measure}"),
                kappa=getattr(self, f"kappa_{measure}"),
                slope=getattr(self, f"jump_intensity_slope_{measure}"),
                measure=measure,
            )

    def dynamics(self, measure: Measure) -> SvcjDynamics:
        """Equations under ``measure``: the only place where P and Q part."""
        kappa = self.kappa_p if measure == "p" else self.kappa_q
        premium = self.equity_premium if measure == "p" else 0.0
        return SvcjDynamics(
            kappa=kappa,
            theta=self.kappa_p * self.theta_p / kappa,
            vol_of_vol=self.vol_of_vol,
            rho=self.rho,
            jump_intensity=getattr(self, f"jump_intensity_{measure}"),
            jump_intensity_slope=getattr(self, f"jump_intensity_slope_{measure}"),
            variance_jump_mean=getattr(self, f"variance_jump_mean_{measure}"),
            return_jump_mean=getattr(self, f"return_jump_mean_{measure}"),
            return_jump_std=getattr(self, f"return_jump_std_{measure}"),
            jump_correlation=self.jump_correlation,
            drift=self.rate - self.dividend_yield + premium,
        )

    def table_axes(self) -> tuple[Axis, ...]:
        """Coordinate of the variance in tables: its root, as volatility is what smiles move with."""
        return (Axis(kind="root", low=0.0, high=1.0, n_nodes=49),)

    def pricing_key(self) -> str:
        """See ``AffineModel.pricing_key``."""
        return repr(replace(self.dynamics("q"), drift=0.0))

    def log_return_transform(self, u: ComplexArray, ttm: float) -> tuple[ComplexArray, ComplexArray]:
        """See ``AffineModel.log_return_transform``; branch-safe form of Lord and Kahl [2]_."""
        q = self.dynamics("q")
        if q.jump_intensity_slope > 0.0:
            return log_return_coefficients(q.riccati_parameters(), u, ttm)
        iu = 1j * np.asarray(u, dtype=np.complex128)
        variance = q.vol_of_vol**2
        b = q.kappa - q.vol_of_vol * q.rho * iu
        d = np.sqrt(b * b + variance * (iu - iu * iu))
        # (b - d) / variance and all that follows from it, without the difference: vol_of_vol may be tiny
        root = (iu * iu - iu) / (b + d)
        g = variance * root / (b + d)
        decay = np.exp(-d * ttm)
        slope = root * (1.0 - decay) / (1.0 - g * decay)
        log_ratio = complex_log1p(g * (1.0 - decay) / (1.0 - g))
        constant = q.kappa * q.theta * (root * ttm - 2.0 / variance * log_ratio)
        if q.jump_intensity > 0.0:
            constant = constant + _return_jump_exponent(q, iu, d=d, g=g, root=root, ttm=ttm)
        return constant, slope[None, :]

    def log_return_sessions(self, u: ComplexArray, max_sessions: int) -> ComplexArray:
        """See ``AffineFamily.log_return_sessions``."""
        q = self.dynamics("q")
        if q.jump_intensity_slope > 0.0:
            return log_return_sessions(q.riccati_parameters(), u, max_sessions)
        return AffineFamily.log_return_sessions(self, u, max_sessions)

    def variance_transform(self, s: ComplexArray, ttm: float) -> tuple[ComplexArray, ComplexArray]:
        """See ``AffineModel.variance_transform``: square-root process with exponential jumps."""
        q = self.dynamics("q")
        offset, slope = self.vix_squared_coefficients()
        if q.jump_intensity_slope > 0.0:
            return variance_coefficients(q.riccati_parameters(), s, ttm, (offset, slope))
        p = -slope[0] * np.asarray(s, dtype=np.complex128)
        decay = exp(-q.kappa * ttm)
        half = q.vol_of_vol**2 / (2.0 * q.kappa)
        spread = p * half * (1.0 - decay)
        # log1p: the Laplace formula weighs tiny p heavily, where log(1 + p) has no digits left
        constant = offset * np.asarray(s) - q.theta / half * complex_log1p(spread)
        if q.jump_intensity > 0.0 and q.variance_jump_mean > 0.0:
            weight = (1.0 - decay) / (1.0 + q.variance_jump_mean * p)
            z = -p * (q.variance_jump_mean - half) * weight
            constant = constant - q.jump_intensity * q.variance_jump_mean * p * weight / q.kappa * log1p_ratio(z)
        return constant, (-p * decay / (1.0 + spread))[None, :]

    def variance_sessions(self, s: ComplexArray, max_sessions: int) -> ComplexArray:
        """See ``AffineFamily.variance_sessions``."""
        q = self.dynamics("q")
        if q.jump_intensity_slope > 0.0:
            return variance_sessions(q.riccati_parameters(), s, max_sessions, self.vix_squared_coefficients())
        return AffineFamily.variance_sessions(self, s, max_sessions)

    def variance_transform_bound(self, ttm: float) -> float:
        """See ``AffineModel.variance_transform_bound``."""
        q = self.dynamics("q")
        _, slope = self.vix_squared_coefficients()
        if q.jump_intensity_slope > 0.0:
            return variance_bound(q.riccati_parameters(), ttm, (float(slope[0]),))
        decay = exp(-q.kappa * ttm)
        diffusion = q.vol_of_vol**2 / (2.0 * q.kappa) * (1.0 - decay)
        jump = q.variance_jump_mean if q.jump_intensity > 0.0 else 0.0
        return float(1.0 / (max(diffusion + jump * decay, jump, diffusion) * slope[0]))

    def vix_squared_coefficients(self) -> tuple[float, FloatArray]:
        """See ``AffineModel.vix_squared_coefficients``."""
        return self.mean_variance_coefficients(VIX_HORIZON)

    def mean_variance_coefficients(self, ttm: float) -> tuple[float, FloatArray]:
        """See ``AffineModel.mean_variance_coefficients``."""
        constant, slope = self.dynamics("q").log_contract_variance(ttm)
        return constant, np.array([slope])

    def variance_mean(self, ttm: float) -> tuple[float, FloatArray]:
        """See ``AffineModel.variance_mean``."""
        q = self.dynamics("q")
        offset, slope = self.vix_squared_coefficients()
        decay = exp(-q.reversion * ttm)
        return float(offset + slope[0] * (1.0 - decay) * q.stationary_mean), slope * decay

    def stationary_state(self, n_paths: int, stream: Stream, *, measure: Measure = "p") -> FloatArray:
        """See ``Model.stationary_state``."""
        from models.svcj_paths import stationary_svcj

        return stationary_svcj(self, n_paths, stream, measure=measure)

    def propagate(
        self, state: FloatArray, n_days: int, stream: Stream, *, first_day: int = 0, measure: Measure = "p"
    ) -> tuple[FloatArray, FloatArray]:
        """See ``Model.propagate``."""
        from models.svcj_paths import propagate_svcj

        return propagate_svcj(self, state, n_days, stream, first_day=first_day, measure=measure)

    def with_level(self, level: float) -> Self:
        """The same model with its long-run diffusive variance multiplied by ``level``."""
        return replace(self, theta_p=level * self.theta_p)

    def jump_draw(self) -> JumpDraw | None:
        """See ``models.path_design.JumpModel``."""
        p = self.dynamics("p")
        mean = p.jump_intensity + p.jump_intensity_slope * p.stationary_mean
        chance = -expm1(-mean / SESSIONS_PER_YEAR)
        # jumps are sized by that of the variance, and by the normal of the return where there is none
        size = 2 if p.variance_jump_mean > 0.0 else 0
        return JumpDraw(block=0, word=3, chance=chance, size_block=1, size_word=size) if chance > 0.0 else None

    def shock_draw(self) -> ShockDraw:
        """See ``models.path_design.ShockModel``."""
        return ShockDraw(block=0, rise=direction(1.0), move=direction(self.rho, sqrt(1.0 - self.rho**2)))

    def strip_mean(self, ttm: float) -> tuple[float, FloatArray]:
        """See ``models.known_means.MomentModel``."""
        constant, slope = self.dynamics("p").log_contract_variance(ttm)
        return constant * ttm, np.array([slope * ttm])

    def state_mean(self, ttm: float) -> tuple[FloatArray, FloatArray]:
        """See ``models.known_means.MomentModel``."""
        p = self.dynamics("p")
        decay = exp(-p.reversion * ttm)
        return np.array([(1.0 - decay) * p.stationary_mean]), np.array([[decay]])

    def expected_growth(self) -> float:
        """See ``models.known_means.GrowthModel``."""
        return self.rate - self.dividend_yield + self.equity_premium

    def scaled_premium(self, *, variance: float = 1.0, equity: float = 1.0) -> Self:
        """Move Q along the line from P (0) through the calibrated Q (1) and beyond.

        Mean reversion and jump means move linearly; intensities, standard deviations and variance jumps move
        log-linearly where both ends are positive, so that they stay positive.
        """
        changes: dict[str, float] = {"equity_premium": equity * self.equity_premium}
        for stem, is_log in _PREMIUM_FIELDS.items():
            p, q = getattr(self, f"{stem}_p"), getattr(self, f"{stem}_q")
            changes[f"{stem}_q"] = dialled(p, q, variance, is_log=is_log)
        return replace(self, **changes)

    def premium(self) -> Mapping[str, tuple[float, str]]:
        """See ``Model.premium``."""
        p, q = self.dynamics("p"), self.dynamics("q")
        level = p.stationary_mean
        vols = []
        for dynamics in (p, q):
            constant, slope = dynamics.log_contract_variance(VIX_HORIZON)
            vols.append(100.0 * sqrt(constant + slope * level))
        rows = {
            "equity_premium": (self.equity_premium, "1/year: expected excess return of the SPX under P"),
            "vix_premium": (
                vols[1] - vols[0],
                "VIX points: VIX minus the same expectation under P, at the mean variance",
            ),
        }
        for stem in _PREMIUM_FIELDS:
            for measure in "pq":
                key = f"{stem}_{measure}"
                rows[key] = (float(getattr(self, key)), f"{_UNITS[stem]} under {measure.upper()}")
        return rows


_PREMIUM_FIELDS: dict[str, bool] = {
    "kappa": False,
    "jump_intensity": True,
    "jump_intensity_slope": True,
    "variance_jump_mean": True,
    "return_jump_mean": False,
    "return_jump_std": True,
}
"""Parameters that differ between P and Q, and whether they scale log-linearly."""

_UNITS = {
    "kappa": "1/year: mean reversion of variance",
    "jump_intensity": "1/year: co-jumps at no variance",
    "jump_intensity_slope": "co-jumps a year for a unit of variance",
    "variance_jump_mean": "1/year: mean variance jump",
    "return_jump_mean": "log: mean price jump at no variance jump",
    "return_jump_std": "log: standard deviation of the price jump",
}


def _return_jump_exponent(
    q: SvcjDynamics, iu: ComplexArray, *, d: ComplexArray, g: ComplexArray, root: ComplexArray, ttm: float
) -> ComplexArray:
    """Jump part of the log-return exponent [1]_.

    The integral over time of ``1 / (c - mu_v D(t))`` is rational in ``exp(-d t)``, hence closed.
    """
    c = 1.0 - q.jump_correlation * q.variance_jump_mean * iu
    alpha = c - q.variance_jump_mean * root
    beta = c * g - q.variance_jump_mean * root
    decay = np.exp(-d * ttm)
    weight = (1.0 - decay) / (alpha - beta)
    integral = ttm / alpha + (beta / alpha - g) / d * weight * log1p_ratio(beta * weight)
    size = np.exp(q.return_jump_mean * iu + 0.5 * q.return_jump_std**2 * iu * iu)
    return q.jump_intensity * (size * integral - ttm - iu * q.mean_jump * ttm)
