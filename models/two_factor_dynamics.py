"""Parameters of two-factor SVCJ under one measure, and the moments that follow; see ``models.two_factor_svcj``."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp

import numpy as np
from scipy.linalg import expm

from models.kernels.riccati import RiccatiParameters
from models.protocols import FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class TwoFactorDynamics:
    """Drift, diffusion and jumps under one measure; all rates per year.

    Parameters
    ----------
    kappa_fast, kappa_slow : float
        Mean reversion.
    drift_fast, drift_slow : float
        Constant drift of the variances: mean reversion times the level without jumps and without the other factor.
    vol_of_vol_fast, vol_of_vol_slow, rho_fast, rho_slow : float
        Volatility of variance, and correlation with the price.
    slow_to_fast : float
        Drift of the fast variance for a unit of the slow one.
    jump_intensity, jump_intensity_slope : float
        Co-jumps a year: constant, and for a unit of the fast variance.
    variance_jump_mean, return_jump_mean, return_jump_std, jump_correlation : float
        Law of the jumps; see ``models.svcj``.
    drift : float
        Growth rate of the mean price, jumps included.
    """

    kappa_fast: float
    kappa_slow: float
    drift_fast: float
    drift_slow: float
    vol_of_vol_fast: float
    vol_of_vol_slow: float
    rho_fast: float
    rho_slow: float
    slow_to_fast: float
    jump_intensity: float
    jump_intensity_slope: float
    variance_jump_mean: float
    return_jump_mean: float
    return_jump_std: float
    jump_correlation: float
    drift: float

    @property
    def mean_jump(self) -> float:
        """Mean relative price jump."""
        growth = exp(self.return_jump_mean + 0.5 * self.return_jump_std**2)
        return growth / (1.0 - self.jump_correlation * self.variance_jump_mean) - 1.0

    @property
    def mean_log_jump(self) -> float:
        """Mean log-price jump."""
        return self.return_jump_mean + self.jump_correlation * self.variance_jump_mean

    @property
    def reversion_fast(self) -> float:
        """Mean reversion of the fast variance, less what jumps that follow jumps take from it."""
        return self.kappa_fast - self.jump_intensity_slope * self.variance_jump_mean

    @property
    def stationary_mean(self) -> FloatArray:
        """Long-run means of both variances, shape (2,)."""
        slow = self.drift_slow / self.kappa_slow
        jumps = self.jump_intensity * self.variance_jump_mean
        return np.array([(self.drift_fast + jumps + self.slow_to_fast * slow) / self.reversion_fast, slow])

    def mean(self, ttm: float) -> tuple[FloatArray, FloatArray]:
        """Constant (2,) and matrix (2, 2) of the expected variances after ``ttm`` in today's."""
        moments = expm(self._generator() * ttm)
        return moments[1:3, 0], moments[1:3, 1:3]

    def log_contract_variance(self, ttm: float) -> tuple[float, FloatArray]:
        """Constant and slope (2,) of -2/ttm times the expected log contract to ``ttm``."""
        row = self._generator()[3] if ttm <= 0.0 else expm(self._generator() * ttm)[3] / ttm
        return float(row[0]), row[1:3]

    def riccati_parameters(self) -> RiccatiParameters:
        """The same numbers as the transforms' equations name them."""
        return RiccatiParameters(
            n_factors=2,
            gamma_1=self.drift_fast,
            kappa_1=self.kappa_fast,
            xi_1=self.vol_of_vol_fast,
            rho_1=self.rho_fast,
            gamma_2=self.drift_slow,
            kappa_2=self.kappa_slow,
            xi_2=self.vol_of_vol_slow,
            rho_2=self.rho_slow,
            coupling=self.slow_to_fast,
            intensity=self.jump_intensity,
            intensity_slope=self.jump_intensity_slope,
            variance_jump=self.variance_jump_mean,
            return_jump=self.return_jump_mean,
            return_jump_std=self.return_jump_std,
            jump_slope=self.jump_correlation,
            mean_jump=self.mean_jump,
        )

    def _generator(self) -> FloatArray:
        """Linear equations of (1, mean fast, mean slow, integrated log-contract variance)."""
        convexity = 2.0 * (self.mean_jump - self.mean_log_jump)
        jumps = self.jump_intensity * self.variance_jump_mean
        return np.array(
            [
                [0.0, 0.0, 0.0, 0.0],
                [self.drift_fast + jumps, -self.reversion_fast, self.slow_to_fast, 0.0],
                [self.drift_slow, 0.0, -self.kappa_slow, 0.0],
                [convexity * self.jump_intensity, 1.0 + convexity * self.jump_intensity_slope, 1.0, 0.0],
            ]
        )
