"""Bates's model: Heston with log-normal price jumps, which is SVCJ without variance jumps.

References
----------
.. [1] D. S. Bates (1996), "Jumps and stochastic volatility: exchange rate processes implicit in Deutsche Mark
   options", Review of Financial Studies 9(1).
"""

from __future__ import annotations

from models.svcj import Svcj


def bates(
    *,
    kappa_p: float,
    kappa_q: float,
    theta_p: float,
    vol_of_vol: float,
    rho: float,
    jump_intensity_p: float,
    jump_intensity_q: float,
    return_jump_mean_p: float,
    return_jump_mean_q: float,
    return_jump_std_p: float,
    return_jump_std_q: float,
    equity_premium: float = 0.0,
    rate: float = 0.0,
    dividend_yield: float = 0.0,
) -> Svcj:
    """Heston's model with price jumps [1]_; the parameters are those of ``Svcj``, the variance does not jump.

    Returns
    -------
    Svcj
        With ``variance_jump_mean`` and ``jump_correlation`` 0.

    Raises
    ------
    ModelParameterError
        If a parameter lies outside its domain.
    """
    return Svcj(
        kappa_p=kappa_p,
        kappa_q=kappa_q,
        theta_p=theta_p,
        vol_of_vol=vol_of_vol,
        rho=rho,
        jump_intensity_p=jump_intensity_p,
        jump_intensity_q=jump_intensity_q,
        return_jump_mean_p=return_jump_mean_p,
        return_jump_mean_q=return_jump_mean_q,
        return_jump_std_p=return_jump_std_p,
        return_jump_std_q=return_jump_std_q,
        equity_premium=equity_premium,
        rate=rate,
        dividend_yield=dividend_yield,
    )
