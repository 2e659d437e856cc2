"""Market breadth carried beside the paths of any model: how many of the listed stocks advance on a day.

A one-factor model of stock returns. Stock ``i`` returns ``beta r_t + u_t + sigma_idio,t e_i`` with the market's return
``r_t``, a move ``u_t`` that all of the many small stocks share, and noise of its own. The share that advances is
``Phi((beta r_t + u_t) / sigma_idio,t)``, and their number binomial. In units of ``sigma_idio,t`` the shared move is ::

    u_t / sigma_idio,t = drift + m_t - response * (log VIX_t - log VIX_{t-1}) + d_t

with a slow participation factor ``m_t`` (divergences last for weeks), the response of small stocks to the variance
shock, and a rotation ``d_t`` that is new each day. ``sigma_idio,t`` moves with the VIX of the day before: breadth
answers to the size of a return relative to what was expected.

The defaults give, on the SVCJ index preset, the statistics of the NYSE's (advances - declines) / (advances + declines)
from 1990 to 2018: mean 0.02, deviation 0.31, lag-1 autocorrelation 0.10, correlation 0.81 with the SPX return and -0.70
with the change of log VIX.
"""

from __future__ import annotations

from dataclasses import dataclass

from models.domain import check_domain
from models.errors import ModelParameterError


@dataclass(frozen=True, slots=True, kw_only=True)
class Breadth:
    """One-factor model of advancing stocks.

    Parameters
    ----------
    n_stocks : int
        Listed stocks, >= 1.
    market_beta : float
        Sensitivity of a stock to the SPX return [-].
    idio_to_vix : float
        Stock-specific daily deviation over that of the SPX which the VIX of the day before implies [-], > 0.
    drift : float
        Mean of the shared move, in stock-specific deviations [-].
    participation_std : float
        Stationary standard deviation of the participation factor [-], >= 0.
    participation_half_life : float
        Half-life of the participation factor [sessions], > 0.
    participation_correlation : float
        Correlation of its innovations with changes of log VIX, -1 .. 1.
    vix_response : float
        Fall of the shared move per unit of change of log VIX on the same day [-].
    rotation_std : float
        Standard deviation of the daily rotation [-], >= 0.

    Raises
    ------
    ModelParameterError
        If a parameter lies outside its domain.
    """

    n_stocks: int = 2000
    market_beta: float = 1.0
    idio_to_vix: float = 2.333
    drift: float = 0.017
    participation_std: float = 0.13
    participation_half_life: float = 40.0
    participation_correlation: float = -0.5
    vix_response: float = 0.754
    rotation_std: float = 0.142

    def __post_init__(self) -> None:
        check_domain(
            self,
            positive=("n_stocks", "idio_to_vix", "participation_half_life"),
            non_negative=("participation_std", "rotation_std"),
        )
        if not -1.0 <= self.participation_correlation <= 1.0:
            raise ModelParameterError(
                f"participation_correlation must lie in -1 .. 1, got {self.participation_correlation!r}"
            )
