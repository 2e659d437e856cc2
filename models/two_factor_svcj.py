r"""Two-factor stochastic volatility with co-jumps: a fast variance that jumps, and a slow one that feeds it.

Under either measure the diffusive variance of the log price is :math:`v_1 + v_2`, and

.. math::

    \mathrm{d}v_1 &= (\kappa_1\theta_1 + h v_2 - \kappa_1 v_1)\,\mathrm{d}t + \xi_1\sqrt{v_1}\,\mathrm{d}W_1
        + z^v\,\mathrm{d}N_t \\
    \mathrm{d}v_2 &= \kappa_2(\theta_2 - v_2)\,\mathrm{d}t + \xi_2\sqrt{v_2}\,\mathrm{d}W_2

where :math:`W_i` has correlation :math:`\rho_i` with the price's own Brownian motion of variance :math:`v_i`, jumps
come at the rate :math:`\lambda_0 + \lambda_1 v_1`, :math:`z^v \sim \mathrm{Exp}(\mu_v)` and
:math:`z^s | z^v \sim N(\mu_s + \rho_J z^v, \sigma_s^2)`. P and Q share
:math:`\kappa_i\theta_i, h, \xi_i, \rho_i, \rho_J`; they differ in :math:`\kappa_i` (variance premium), in the jumps and
their intensity (jump premium) and in the drift (equity premium). Without jumps and with :math:`h = 0` this is the
double Heston model.

References
----------
.. [1] P. Christoffersen, S. Heston, K. Jacobs (2009), "The shape and term structure of the index option smirk: why
   multifactor stochastic volatility models work so well", Management Science 55(12): two factors.
.. [2] D. Duffie, J. Pan, K. Singleton (2000), "Transform analysis and asset pricing for affine jump-diffusions",
   Econometrica 68(6): co-jumps, and intensities affine in the state.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import expm1
from typing import ClassVar, Self

import numpy as np

from models.affine import ComplexArray
from models.affine_family import AffineFamily
from models.axes import Axis
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
from models.two_factor_dynamics import TwoFactorDynamics


@dataclass(frozen=True, slots=True, kw_only=True)
class TwoFactorSvcj(AffineFamily):
    r"""Two square-root variances, the fast one with co-jumps at a state-dependent rate, under P and Q.

    Parameters
    ----------
    kappa_fast_p, kappa_fast_q, kappa_slow_p, kappa_slow_q : float
        Mean reversion of the variances, > 0. [1/year]
    theta_fast_p, theta_slow_p : float
        Levels under P that the variances revert to without jumps and without each other, > 0; under Q they are
        ``kappa_p * theta_p / kappa_q``. [1/year]
    vol_of_vol_fast, vol_of_vol_slow : float
        Volatility of variance, > 0. [1/year]
    rho_fast, rho_slow : float
        Correlations with the price, in (-1, 1).
    slow_to_fast : float
        Drift of the fast variance for a unit of the slow one, >= 0. [1/year]
    jump_intensity_base : float
        Co-jumps a year under P at no fast variance, >= 0. [1/year]
    jump_intensity_slope : float
        More of them under P for a unit of the fast variance, >= 0.
    jump_intensity_ratio : float
        Intensity under Q over that under P, >= 0.
    variance_jump_mean_p, variance_jump_mean_q : float
        Mean of the exponential jump of the fast variance, >= 0. [1/year]
    return_jump_mean_p, return_jump_mean_q : float
        Mean log-price jump where the variance does not jump.
    return_jump_std_p, return_jump_std_q : float
        Standard deviation of the log-price jump given the variance jump, >= 0.
    jump_correlation : float
        Slope of the log-price jump on the variance jump; ``jump_correlation * variance_jump_mean < 1``.
    equity_premium : float
        Expected excess return of the SPX (dividends included) under P, jumps included. [1/year]
    rate, dividend_yield : float
        Continuous rates. [1/year]

    Raises
    ------
    ModelParameterError
        If a parameter lies outside its domain, or the fast variance does not revert to a mean under P or Q.
    """

    kappa_fast_p: float
    kappa_fast_q: float
    theta_fast_p: float
    vol_of_vol_fast: float
    rho_fast: float
    kappa_slow_p: float
    kappa_slow_q: float
    theta_slow_p: float
    vol_of_vol_slow: float
    rho_slow: float
    slow_to_fast: float = 0.0
    jump_intensity_base: float = 0.0
    jump_intensity_slope: float = 0.0
    jump_intensity_ratio: float = 1.0
    variance_jump_mean_p: float = 0.0
    variance_jump_mean_q: float = 0.0
    return_jump_mean_p: float = 0.0
    return_jump_mean_q: float = 0.0
    return_jump_std_p: float = 0.0
    return_jump_std_q: float = 0.0
    jump_correlation: float = 0.0
    equity_premium: float = 0.0
    rate: float = 0.0
    dividend_yield: float = 0.0

    name: ClassVar[str] = "two_factor_svcj"
    state_names: ClassVar[tuple[str, ...]] = ("variance_fast", "variance_slow")

    def __post_init__(self) -> None:
        factors = tuple(f"{stem}_{factor}" for stem in ("kappa", "theta") for factor in ("fast", "slow"))
        positive = (*(f"{stem}_p" for stem in factors), "kappa_fast_q", "kappa_slow_q")
        stems = ("variance_jump_mean", "return_jump_std")
        check_domain(
            self,
            positive=(*positive, "vol_of_vol_fast", "vol_of_vol_slow"),
            non_negative=(
                "slow_to_fast",
                "jump_intensity_base",
                "jump_intensity_slope",
                "jump_intensity_ratio",
                *(f"{stem}_{measure}" for stem in stems for measure in "pq"),
            ),
        )
        for name in ("rho_fast", "rho_slow"):
            if not -1.0 < getattr(self, name) < 1.0:
                raise ModelParameterError(f"{name} must lie in (-1, 1), got {getattr(self, name)!r}")
        for measure, ratio in (("p", 1.0), ("q", self.jump_intensity_ratio)):
            check_jumps(
                jump_correlation=self.jump_correlation,
                variance_jump_mean=getattr(self, f"variance_jump_mean_{measure}"),
                kappa=getattr(self, f"kappa_fast_{measure}"),
                slope=ratio * self.jump_intensity_slope,
                measure=measure,
                factor="_fast",
            )

    def dynamics(self, measure: Measure) -> TwoFactorDynamics:
        """Equations under ``measure``: the only place where P and Q part."""
        ratio, premium = (1.0, self.equity_premium) if measure == "p" else (self.jump_intensity_ratio, 0.0)
        return TwoFactorDynamics(
            kappa_fast=getattr(self, f"kappa_fast_{measure}"),
            kappa_slow=getattr(self, f"kappa_slow_{measure}"),
            drift_fast=self.kappa_fast_p * self.theta_fast_p,
            drift_slow=self.kappa_slow_p * self.theta_slow_p,
            vol_of_vol_fast=self.vol_of_vol_fast,
            vol_of_vol_slow=self.vol_of_vol_slow,
            rho_fast=self.rho_fast,
            rho_slow=self.rho_slow,
            slow_to_fast=self.slow_to_fast,
            jump_intensity=ratio * self.jump_intensity_base,
            jump_intensity_slope=ratio * self.jump_intensity_slope,
            variance_jump_mean=getattr(self, f"variance_jump_mean_{measure}"),
            return_jump_mean=getattr(self, f"return_jump_mean_{measure}"),
            return_jump_std=getattr(self, f"return_jump_std_{measure}"),
            jump_correlation=self.jump_correlation,
            drift=self.rate - self.dividend_yield + premium,
        )

    def table_axes(self) -> tuple[Axis, ...]:
        """Coordinates of the factors in tables: roots, as volatility is what smiles move with."""
        return (
            Axis(kind="root", low=0.0, high=1.0, n_nodes=33),
            Axis(kind="root", low=0.0, high=max(0.25, 10.0 * self.theta_slow_p), n_nodes=29),
        )

    def pricing_key(self) -> str:
        """See ``AffineModel.pricing_key``."""
        return repr(replace(self.dynamics("q"), drift=0.0))

    def log_return_transform(self, u: ComplexArray, ttm: float) -> tuple[ComplexArray, ComplexArray]:
        """See ``AffineModel.log_return_transform``."""
        return log_return_coefficients(self.dynamics("q").riccati_parameters(), u, ttm)

    def log_return_sessions(self, u: ComplexArray, max_sessions: int) -> ComplexArray:
        """See ``AffineFamily.log_return_sessions``."""
        return log_return_sessions(self.dynamics("q").riccati_parameters(), u, max_sessions)

    def variance_transform(self, s: ComplexArray, ttm: float) -> tuple[ComplexArray, ComplexArray]:
        """See ``AffineModel.variance_transform``."""
        parameters = self.dynamics("q").riccati_parameters()
        return variance_coefficients(parameters, s, ttm, self.vix_squared_coefficients())

    def variance_sessions(self, s: ComplexArray, max_sessions: int) -> ComplexArray:
        """See ``AffineFamily.variance_sessions``."""
        parameters = self.dynamics("q").riccati_parameters()
        return variance_sessions(parameters, s, max_sessions, self.vix_squared_coefficients())

    def variance_transform_bound(self, ttm: float) -> float:
        """See ``AffineModel.variance_transform_bound``."""
        _, slope = self.vix_squared_coefficients()
        return variance_bound(self.dynamics("q").riccati_parameters(), ttm, (float(slope[0]), float(slope[1])))

    def vix_squared_coefficients(self) -> tuple[float, FloatArray]:
        """See ``AffineModel.vix_squared_coefficients``."""
        return self.mean_variance_coefficients(VIX_HORIZON)

    def mean_variance_coefficients(self, ttm: float) -> tuple[float, FloatArray]:
        """See ``AffineModel.mean_variance_coefficients``."""
        return self.dynamics("q").log_contract_variance(ttm)

    def variance_mean(self, ttm: float) -> tuple[float, FloatArray]:
        """See ``AffineModel.variance_mean``."""
        offset, slope = self.vix_squared_coefficients()
        constant, matrix = self.dynamics("q").mean(ttm)
        return float(offset + slope @ constant), slope @ matrix

    def stationary_state(self, n_paths: int, stream: Stream, *, measure: Measure = "p") -> FloatArray:
        """See ``Model.stationary_state``."""
        from models.two_factor_paths import stationary_two_factor

        return stationary_two_factor(self, n_paths, stream, measure=measure)

    def propagate(
        self, state: FloatArray, n_days: int, stream: Stream, *, first_day: int = 0, measure: Measure = "p"
    ) -> tuple[FloatArray, FloatArray]:
        """See ``Model.propagate``."""
        from models.two_factor_paths import propagate_two_factor

        return propagate_two_factor(self, state, n_days, stream, first_day=first_day, measure=measure)

    def with_level(self, level: float) -> Self:
        """The same model with the long-run levels of both variances multiplied by ``level``."""
        return replace(self, theta_fast_p=level * self.theta_fast_p, theta_slow_p=level * self.theta_slow_p)

    def jump_draw(self) -> JumpDraw | None:
        """See ``models.path_design.JumpModel``."""
        p = self.dynamics("p")
        mean = p.jump_intensity + p.jump_intensity_slope * float(p.stationary_mean[0])
        chance = -expm1(-mean / SESSIONS_PER_YEAR)
        # jumps are sized by that of the variance, and by the normal of the return where there is none
        size = 2 if p.variance_jump_mean > 0.0 else 0
        return JumpDraw(block=1, word=2, chance=chance, size_block=2, size_word=size) if chance > 0.0 else None

    def shock_draw(self) -> ShockDraw:
        """See ``models.path_design.ShockModel``."""
        return ShockDraw(block=0, rise=direction(1.0), move=direction(self.rho_fast, self.rho_slow))

    def strip_mean(self, ttm: float) -> tuple[float, FloatArray]:
        """See ``models.known_means.MomentModel``."""
        constant, slope = self.dynamics("p").log_contract_variance(ttm)
        return constant * ttm, slope * ttm

    def state_mean(self, ttm: float) -> tuple[FloatArray, FloatArray]:
        """See ``models.known_means.MomentModel``."""
        return self.dynamics("p").mean(ttm)

    def expected_growth(self) -> float:
        """See ``models.known_means.GrowthModel``."""
        return self.rate - self.dividend_yield + self.equity_premium

    def scaled_premium(self, *, variance: float = 1.0, equity: float = 1.0) -> Self:
        """Move Q along the line from P (0) through the calibrated Q (1) and beyond.

        The mean of the price jump moves linearly; all else moves log-linearly where both ends are positive, and of the
        fast variance the reversion net of its own jumps, so that every scale gives a law that reverts to a mean.
        """
        changes = {
            f"{stem}_q": dialled(getattr(self, f"{stem}_p"), getattr(self, f"{stem}_q"), variance, is_log=is_log)
            for stem, is_log in _PREMIUM_FIELDS.items()
        }
        changes["equity_premium"] = equity * self.equity_premium
        changes["jump_intensity_ratio"] = ratio = dialled(1.0, self.jump_intensity_ratio, variance, is_log=True)
        if variance not in (0.0, 1.0):
            slope_p, slope_q = self.jump_intensity_slope, self.jump_intensity_slope * self.jump_intensity_ratio
            net = dialled(
                self.kappa_fast_p - slope_p * self.variance_jump_mean_p,
                self.kappa_fast_q - slope_q * self.variance_jump_mean_q,
                variance,
                is_log=True,
            )
            changes["kappa_fast_q"] = net + slope_p * ratio * changes["variance_jump_mean_q"]
        return replace(self, **changes)

    def premium(self) -> Mapping[str, tuple[float, str]]:
        """See ``Model.premium``."""
        level = self.dynamics("p").stationary_mean
        vols = []
        for measure in ("p", "q"):
            constant, slope = self.dynamics(measure).log_contract_variance(VIX_HORIZON)  # type: ignore[arg-type]
            vols.append(100.0 * float(np.sqrt(constant + slope @ level)))
        rows = {
            "equity_premium": (self.equity_premium, "1/year: expected excess return of the SPX under P"),
            "vix_premium": (
                vols[1] - vols[0],
                "VIX points: VIX minus the same expectation under P, at the mean variances",
            ),
            "jump_intensity_ratio": (self.jump_intensity_ratio, "co-jumps a year under Q over those under P"),
        }
        for stem in _PREMIUM_FIELDS:
            for measure in "pq":
                key = f"{stem}_{measure}"
                rows[key] = (float(getattr(self, key)), f"{_UNITS[stem]} under {measure.upper()}")
        return rows


_PREMIUM_FIELDS: dict[str, bool] = {
    "kappa_fast": True,
    "kappa_slow": True,
    "variance_jump_mean": True,
    "return_jump_mean": False,
    "return_jump_std": True,
}
"""Parameters that differ between P and Q, and whether they scale log-linearly."""

_UNITS = {
    "kappa_fast": "1/year: mean reversion of the fast variance",
    "kappa_slow": "1/year: mean reversion of the slow variance",
    "variance_jump_mean": "1/year: mean jump of the fast variance",
    "return_jump_mean": "log: mean price jump at no variance jump",
    "return_jump_std": "log: standard deviation of the price jump",
}
