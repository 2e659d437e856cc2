"""The history that models are fitted to, and the GJR-GARCH fit that stands beside every calibration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from arch.univariate import arch_model
from numpy.typing import ArrayLike, NDArray

from models.errors import CalibrationError
from models.protocols import SESSIONS_PER_YEAR, FloatArray

MIN_SESSIONS = 1000
MIN_VIX = 250

RATE = 0.019
"""Mean 3-month Treasury bill rate, 1999 to 2018 [1/year] (FRED DGS3MO)."""

DIVIDEND_YIELD = 0.019
"""Dividend yield of the SPX over the same years, rounded to the rate, so that the index has no carry [1/year]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FitHistory:
    """Log returns with the VIX of the same closes.

    Parameters
    ----------
    returns : ndarray of shape (n,)
        Close-to-close log returns of the SPX.
    vix : ndarray of shape (n,)
        VIX at the end of each return [points]; NaN where there is none.
    sample : dict
        Dates and counts, for the report.
    """

    returns: FloatArray
    vix: FloatArray
    sample: dict[str, str]

    @classmethod
    def of(cls, dates: NDArray[Any], spx_close: ArrayLike, vix_close: ArrayLike) -> Self:
        """Make the history from closes.

        Raises
        ------
        CalibrationError
            If there are too few closes of SPX or VIX.
        """
        returns = np.diff(np.log(np.asarray(spx_close, dtype=float)))
        vix = np.asarray(vix_close, dtype=float)[1:]
        n_vix = int(np.isfinite(vix).sum())
        if returns.size < MIN_SESSIONS or n_vix < MIN_VIX:
            raise CalibrationError(
                f"a fit needs at least {MIN_SESSIONS} SPX returns and {MIN_VIX} VIX closes, "
                f"got {returns.size} and {n_vix}"
            )
        with_vix = np.asarray(dates)[1:][np.isfinite(vix)]
        return cls(
            returns=returns,
            vix=vix,
            sample={
                "spx": f"{dates[0]} to {dates[-1]}, {returns.size} returns",
                "vix": f"{with_vix[0]} to {with_vix[-1]}, {n_vix} closes",
            },
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class VariancePremium:
    """Mean squared VIX over mean realised variance of the 21 sessions after it.

    Parameters
    ----------
    ratio : float
        The ratio [-]; above 1 where sellers of variance were paid.
    standard_error : float
        From the jackknife over quarters.
    """

    ratio: float
    standard_error: float


def variance_premium(history: FitHistory, *, sessions: int = 21, block: int = 63) -> VariancePremium:
    """Measure the variance premium on the closes with a VIX."""
    squared = np.cumsum(np.concatenate([[0.0], history.returns**2]))
    last = history.returns.size - sessions
    realized = (squared[1 + sessions :][:last] - squared[1:][:last]) * SESSIONS_PER_YEAR / sessions
    implied = history.vix[:last] ** 2 * 1e-4
    known = np.isfinite(implied)
    implied, realized = implied[known], realized[known]
    ratio = float(implied.sum() / realized.sum())
    n_blocks = max(implied.size // block, 2)
    parts = np.array_split(np.arange(implied.size), n_blocks)
    left_out = np.array([(implied.sum() - implied[i].sum()) / (realized.sum() - realized[i].sum()) for i in parts])
    error = float(np.sqrt((n_blocks - 1) / n_blocks * np.sum((left_out - left_out.mean()) ** 2)))
    return VariancePremium(ratio=ratio, standard_error=error)


def gjr_reference(returns: FloatArray) -> tuple[dict[str, float], FloatArray]:
    """GJR-GARCH(1,1) with skewed Student innovations by ``arch``.

    Parameters
    ----------
    returns : ndarray of shape (n,)
        Daily log returns.

    Returns
    -------
    reference : dict
        Parameters (of returns in percent), log-likelihood and annualised volatility.
    variance : ndarray of shape (n,)
        Filtered annualised variance of each day.
    """
    fit = arch_model(100.0 * returns, mean="Constant", vol="GARCH", p=1, o=1, q=1, dist="skewt").fit(disp="off")
    names = {"mu": "mu", "omega": "omega", "alpha[1]": "alpha", "gamma[1]": "gamma", "beta[1]": "beta"}
    reference = {names.get(str(key), str(key)): float(value) for key, value in fit.params.items()}
    reference["loglikelihood"] = float(fit.loglikelihood)
    variance = np.asarray(fit.conditional_volatility, dtype=float) ** 2 * 1e-4 * SESSIONS_PER_YEAR
    reference["mean_volatility"] = float(np.sqrt(variance.mean()))
    return reference, variance
