"""Parameters of SVCJ under one measure, and the moments that follow from them; see ``models.svcj``."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp

import numpy as np

from models.kernels.riccati import RiccatiParameters


@dataclass(frozen=True, slots=True, kw_only=True)
class SvcjDynamics:
    """Drift, diffusion and jumps of SVCJ under one measure; all rates per year.

    Parameters
    ----------
    kappa, theta, vol_of_vol, rho : float
        Mean reversion, long-run diffusive variance, volatility of variance, correlation.
    jump_intensity : float
        Expected number of co-jumps a year at no variance.
    variance_jump_mean : float
        Mean of the exponential variance jump.
    return_jump_mean, return_jump_std : float
        Mean (at no variance jump) and standard deviation of the log-price jump.
    jump_correlation : float
        Slope of the log-price jump on the variance jump.
    drift : float
        Growth rate of the mean price, jumps included.
    jump_intensity_slope : float
        More co-jumps a year for a unit of variance.
    """

    kappa: float
    theta: float
    vol_of_vol: float
    rho: float
    jump_intensity: float
    variance_jump_mean: float
    return_jump_mean: float
    return_jump_std: float
    jump_correlation: float
    drift: float
    jump_intensity_slope: float = 0.0

    @property
    def mean_jump(self) -> float:
        r"""Mean relative price jump, :math:`\bar\mu = E[e^{z^s}] - 1`."""
        growth = exp(self.return_jump_mean + 0.5 * self.return_jump_std**2)
        return growth / (1.0 - self.jump_correlation * self.variance_jump_mean) - 1.0

    @property
    def mean_log_jump(self) -> float:
        """Mean log-price jump."""
        return self.return_jump_mean + self.jump_correlation * self.variance_jump_mean

    @property
    def reversion(self) -> float:
        """Mean reversion of the variance, less what jumps that follow jumps take from it."""
        return self.kappa - self.jump_intensity_slope * self.variance_jump_mean

    @property
    def stationary_mean(self) -> float:
        """Long-run mean of the variance, jumps included."""
        intensity = self.jump_intensity + self.jump_intensity_slope * self.theta
        return self.theta + intensity * self.variance_jump_mean / self.reversion

    def log_contract_variance(self, ttm: float) -> tuple[float, float]:
        """Constant and slope of -2/ttm times the expected log contract to ``ttm``."""
        rate = self.reversion
        weight = -np.expm1(-rate * ttm) / (rate * ttm) if ttm > 0.0 else 1.0
        jumps = 2.0 * self.jump_intensity * (self.mean_jump - self.mean_log_jump)
        scale = 1.0 + 2.0 * self.jump_intensity_slope * (self.mean_jump - self.mean_log_jump)
        return (1.0 - weight) * self.stationary_mean * scale + jumps, weight * scale

    def riccati_parameters(self) -> RiccatiParameters:
        """The same numbers as the transforms' equations name them; the second factor is absent."""
        return RiccatiParameters(
            n_factors=1,
            gamma_1=self.kappa * self.theta,
            kappa_1=self.kappa,
            xi_1=self.vol_of_vol,
            rho_1=self.rho,
            gamma_2=0.0,
            kappa_2=0.0,
            xi_2=0.0,
            rho_2=0.0,
            coupling=0.0,
            intensity=self.jump_intensity,
            intensity_slope=self.jump_intensity_slope,
            variance_jump=self.variance_jump_mean,
            return_jump=self.return_jump_mean,
            return_jump_std=self.return_jump_std,
            jump_slope=self.jump_correlation,
            mean_jump=self.mean_jump,
        )
