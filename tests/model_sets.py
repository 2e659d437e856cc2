"""Parameter sets that several tests price: jumps in price and variance, and a fitted Heston-Nandi recursion."""

from __future__ import annotations

from models.heston_nandi import HestonNandi
from models.svcj import Svcj
from models.two_factor_svcj import TwoFactorSvcj

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

STATE_INTENSITY = Svcj(
    kappa_p=4.0,
    kappa_q=3.0,
    theta_p=0.015,
    vol_of_vol=0.4,
    rho=-0.8,
    jump_intensity_p=0.2,
    jump_intensity_q=0.5,
    jump_intensity_slope_p=10.0,
    jump_intensity_slope_q=15.0,
    variance_jump_mean_p=0.04,
    variance_jump_mean_q=0.06,
    return_jump_mean_p=-0.03,
    return_jump_mean_q=-0.05,
    return_jump_std_p=0.04,
    return_jump_std_q=0.06,
    jump_correlation=-0.3,
    equity_premium=0.06,
    rate=0.03,
    dividend_yield=0.015,
)
"""Jumps that come more often when variance is high."""

TWO_FACTOR = TwoFactorSvcj(
    kappa_fast_p=11.0,
    kappa_fast_q=4.0,
    theta_fast_p=0.002,
    vol_of_vol_fast=1.2,
    rho_fast=-0.9,
    kappa_slow_p=0.8,
    kappa_slow_q=1.2,
    theta_slow_p=0.023,
    vol_of_vol_slow=0.2,
    rho_slow=-0.8,
    slow_to_fast=3.0,
    jump_intensity_base=0.2,
    jump_intensity_slope=9.0,
    jump_intensity_ratio=1.2,
    variance_jump_mean_p=0.08,
    variance_jump_mean_q=0.12,
    return_jump_mean_p=-0.04,
    return_jump_mean_q=-0.06,
    return_jump_std_p=0.04,
    return_jump_std_q=0.08,
    jump_correlation=-0.25,
    equity_premium=0.06,
    rate=0.03,
    dividend_yield=0.015,
)
"""Every parameter at work: two factors, one feeding the other, jumps at a rate that follows the fast one."""
