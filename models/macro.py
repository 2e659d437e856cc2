"""Macro and valuation factors carried beside the paths of any model: correlated, mean-reverting, and no forecasts.

Every factor is a standardised AR(1) deviation ``x`` with a half-life and unit stationary variance ::

    x_t = phi x_{t-1} + sqrt(1 - phi^2) n_t,   phi = 2^(-1 / half-life),
    n_t = a E_t + b V_t + c W_t + own noise, whose variance makes up to one

where ``E`` is the shock of the SPX return, ``V`` that of the VIX (``models.shocks``) and ``W`` a normal that all
valuation factors share. Loadings have plausible signs - prices move valuations on the day, implied and real-estate
volatility move together - and no factor feeds back into the market: whatever a rule earns by listening to one of them
comes from its correlation with closes that have happened.

Surprises of releases are independent normals on release days and zero on all others. Real-estate trusts return, each
day, their volatility of the day before (the factor ``reit_vol``) times a normal that is correlated with the SPX shock.

References
----------
.. [1] Statistics of an AR(1): G. Box, G. Jenkins (1976), "Time Series Analysis", section 3.2.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from models.domain import check_domain
from models.errors import ModelParameterError
from models.protocols import FloatArray
from models.shocks import half_life_decay


@dataclass(frozen=True, slots=True, kw_only=True)
class MacroFactor:
    """A mean-reverting factor in standard deviations.

    Parameters
    ----------
    half_life : float
        Half-life of a deviation [sessions], > 0.
    equity : float
        Loading of its innovations on SPX shocks [-].
    variance : float
        Loading on VIX shocks [-].
    valuation : float
        Loading on the valuation shock that factors share [-].

    Raises
    ------
    ModelParameterError
        If a parameter lies outside its domain, or the loadings explain more than everything.
    """

    half_life: float
    equity: float = 0.0
    variance: float = 0.0
    valuation: float = 0.0

    def __post_init__(self) -> None:
        check_domain(self, positive=("half_life",))
        if self.explained > 1.0:
            raise ModelParameterError(
                f"equity, variance and valuation must have squares that sum to <= 1, got {self.explained:.3f}"
            )

    @property
    def explained(self) -> float:
        """Variance of the innovations that the three loadings explain, were their shocks independent."""
        return self.equity**2 + self.variance**2 + self.valuation**2

    @property
    def decay(self) -> float:
        """Autocorrelation at one session of a factor whose shocks are independent from day to day."""
        return half_life_decay(self.half_life)

    @property
    def own(self) -> float:
        """Loading on the factor's own noise."""
        return float(np.sqrt(1.0 - self.explained))


@dataclass(frozen=True, slots=True, kw_only=True)
class MacroMeaning:
    """What a standardised factor stands for.

    Parameters
    ----------
    meaning : str
        What it measures.
    centre, spread : float
        Long-run level and standard deviation, in ``unit``; of its logarithm where ``is_log``.
    unit : str
        Unit of the level.
    is_log : bool
        Whether the level is ``centre * exp(spread * x)`` instead of ``centre + spread * x``.
    """

    meaning: str
    centre: float
    spread: float
    unit: str
    is_log: bool = False

    def level(self, deviation: FloatArray) -> FloatArray:
        """Level of the factor at a standardised deviation."""
        scaled = self.spread * deviation
        return np.asarray(self.centre * np.exp(scaled) if self.is_log else self.centre + scaled)


FACTORS: dict[str, MacroFactor] = {
    "rate_diff": MacroFactor(half_life=250.0, equity=0.10, variance=0.10),
    "reer": MacroFactor(half_life=1350.0, equity=-0.15, variance=0.15),
    "gdp_revision": MacroFactor(half_life=60.0, equity=0.15),
    "p_cf": MacroFactor(half_life=750.0, equity=0.70, valuation=0.45),
    "ddm_gap": MacroFactor(half_life=500.0, equity=0.60, valuation=0.55),
    "equity_risk_premium": MacroFactor(half_life=500.0, equity=-0.50, variance=0.35, valuation=-0.40),
    "concentration": MacroFactor(half_life=1000.0, equity=0.10, valuation=0.30),
    "reit_vol": MacroFactor(half_life=30.0, equity=-0.10, variance=0.70),
}
"""Default parameters: chosen for plausible persistence and signs, not fitted; the real effective exchange rate's
half-life and spread are those of the BIS broad index, 1994 to 2018 (64 months, 8.3%)."""

SURPRISES: tuple[str, ...] = ("cpi_surprise", "ppi_surprise")
"""Factors that live on release days only; unit variance there."""

REIT_RETURN = "reit_return"
"""Daily return of real-estate trusts, whose volatility is the factor ``reit_vol``."""

REIT_CORRELATION = 0.65
"""Correlation of that return with the SPX; an assumption, near what funds of both showed since 2005."""

MEANINGS: dict[str, MacroMeaning] = {
    "rate_diff": MacroMeaning(
        meaning="US short rate less that of its trading partners", centre=0.5, spread=1.2, unit="% points"
    ),
    "reer": MacroMeaning(
        meaning="real effective exchange rate of the dollar", centre=100.0, spread=0.083, unit="index", is_log=True
    ),
    "cpi_surprise": MacroMeaning(
        meaning="monthly CPI change less its consensus, on release days",
        centre=0.0,
        spread=0.1,
        unit="% points",
    ),
    "ppi_surprise": MacroMeaning(
        meaning="monthly PPI change less its consensus, on release days",
        centre=0.0,
        spread=0.3,
        unit="% points",
    ),
    "gdp_revision": MacroMeaning(meaning="revision of annualised GDP growth", centre=0.0, spread=0.6, unit="% points"),
    "p_cf": MacroMeaning(meaning="price to cash flow of the SPX", centre=13.0, spread=0.20, unit="ratio", is_log=True),
    "ddm_gap": MacroMeaning(
        meaning="SPX over its dividend-discount value, less one", centre=0.0, spread=0.20, unit="ratio"
    ),
    "equity_risk_premium": MacroMeaning(
        meaning="equity risk premium asked for under the CAPM", centre=5.0, spread=1.0, unit="% a year"
    ),
    "concentration": MacroMeaning(
        meaning="share of the ten largest stocks in the SPX", centre=0.22, spread=0.18, unit="fraction", is_log=True
    ),
    "reit_vol": MacroMeaning(
        meaning="annual volatility of real-estate trusts", centre=0.19, spread=0.40, unit="decimal", is_log=True
    ),
}
"""What each factor stands for; levels are for the eye, rules read standard deviations."""


def stationary_covariance(first: MacroFactor, second: MacroFactor, shock_correlation: float = 0.0) -> float:
    """Covariance of two factors' standardised deviations in the long run.

    Parameters
    ----------
    first, second : MacroFactor
        The same object twice for a variance.
    shock_correlation : float
        Correlation of SPX and VIX shocks, which are assumed to have unit variance and no memory.

    Returns
    -------
    float
        ``cov(n, n') sqrt((1 - phi^2)(1 - phi'^2)) / (1 - phi phi')`` [1]_.
    """
    innovation = first.equity * second.equity + first.variance * second.variance + first.valuation * second.valuation
    innovation += shock_correlation * (first.equity * second.variance + first.variance * second.equity)
    if first is second:
        innovation += first.own**2
    scale = np.sqrt((1.0 - first.decay**2) * (1.0 - second.decay**2)) / (1.0 - first.decay * second.decay)
    return float(innovation * scale)
