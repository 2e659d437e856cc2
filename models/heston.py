"""Heston's model: SVCJ without jumps.

References
----------
.. [1] S. L. Heston (1993), "A closed-form solution for options with stochastic volatility", Review of Financial
   Studies 6(2).
"""

from __future__ import annotations

from models.svcj import Svcj


def heston(
    *,
    kappa_p: float,
    kappa_q: float,
    theta_p: float,
    vol_of_vol: float,
    rho: float,
    equity_premium: float = 0.0,
    rate: float = 0.0,
    dividend_yield: float = 0.0,
) -> Svcj:
    """Heston's stochastic volatility [1]_; the parameters are those of ``Svcj`` [1/year], jumps are 0.

    Returns
    -------
    Svcj
        With all jump parameters 0.

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
        equity_premium=equity_premium,
        rate=rate,
        dividend_yield=dividend_yield,
    )
