"""Parameter sets that several tests price: jumps in price and variance, and a fitted Heston-Nandi recursion."""

from __future__ import annotations

from models.heston_nandi import HestonNandi
from models.svcj import Svcj

SVCJ = Svcj(
    kappa_p=5.0,
    kappa_q=3.0,
    theta_p=0.02,
    vol_of_vol=0.5,
    rho=-0.75,
    jump_intensity_q=1.0,
    variance_jump_mean_q=0.05,
    return_jump_mean_q=-0.05,
    return_jump_std_q=0.05,
    jump_correlation=-0.3,
    rate=0.02,
    dividend_yield=0.01,
)
"""Jumps under Q only; the VIX smile slopes upwards."""

HESTON_NANDI = HestonNandi(
    omega=0.0,
    alpha=5.123e-6,
    beta=0.80218,
    gamma=171.24,
    equity_premium_coefficient=3.436,
    variance_ratio=1.2,
    rate=0.02,
)
"""Maximum likelihood on SPX returns 1990-2026, with a variance premium of a fifth."""
