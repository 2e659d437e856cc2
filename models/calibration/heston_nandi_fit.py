"""Maximum likelihood of the Heston-Nandi model on returns, then its variance premium from the VIX.

The five parameters of the P recursion come from the returns alone. ``variance_ratio`` is then the one number at which
the model's mean squared VIX exceeds its mean variance by as much as the index exceeded realised variance: it is the
premium that is matched, not the level, since the filtered variance of so simple a recursion is off in calm years.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq, minimize

from models.affine_pricer import AffinePricer
from models.calibration.hessian import standard_errors
from models.calibration.history import (
    DIVIDEND_YIELD,
    RATE,
    FitHistory,
    VariancePremium,
    gjr_reference,
    variance_premium,
)
from models.errors import CalibrationError, ModelParameterError
from models.heston_nandi import HestonNandi
from models.protocols import SESSIONS_PER_YEAR, CalibrationReport, FloatArray

NAMES = ("omega", "alpha", "beta", "gamma", "equity_premium_coefficient")


@njit(cache=True, nogil=True)
def filter_variance(excess, omega, alpha, beta, gamma, premium, first, variance):  # type: ignore[no-untyped-def]
    """Filter the daily variance of each return; the log-likelihood is returned.

    Parameters
    ----------
    excess : ndarray of shape (n,)
        Log returns minus the riskless growth of the index.
    omega, alpha, beta, gamma, premium : float
        Parameters of the recursion.
    first : float
        Variance of the first return.
    variance : ndarray of shape (n + 1,)
        Receives the variances, that of the day after the sample last.
    """
    total = 0.0
    h = first
    for t in range(excess.size):
        variance[t] = h
        root = np.sqrt(h)
        z = (excess[t] - (premium - 0.5) * h) / root
        total -= 0.5 * (np.log(2.0 * np.pi * h) + z * z)
        shock = z - gamma * root
        h = omega + beta * h + alpha * shock * shock
    variance[excess.size] = h
    return total


def calibrate_heston_nandi(
    dates: NDArray[Any],
    spx_close: ArrayLike,
    vix_close: ArrayLike,
    *,
    rate: float = RATE,
    dividend_yield: float = DIVIDEND_YIELD,
) -> CalibrationReport:
    """Fit ``HestonNandi`` to history.

    Parameters
    ----------
    dates : ndarray of shape (n,)
        Sessions.
    spx_close, vix_close : array_like of shape (n,)
        Closes; NaN where there is no VIX.
    rate, dividend_yield : float
        Mean rates over the sample. [1/year]

    Raises
    ------
    CalibrationError
        If the history is too short or the likelihood has no interior maximum.
    """
    history = FitHistory.of(dates, spx_close, vix_close)
    excess = history.returns - (rate - dividend_yield) / SESSIONS_PER_YEAR
    scale, variance = np.array([1e-7, 1e-6, 1.0, 100.0, 1.0]), np.empty(excess.size + 1)
    first = float(np.var(excess))

    def objective(x: FloatArray) -> float:
        omega, alpha, beta, gamma, premium = x * scale
        persistence = beta + alpha * gamma * gamma
        if omega < 0.0 or alpha <= 0.0 or not 0.0 <= beta < 1.0 or not 0.0 < persistence < 0.9999:
            return 1e10
        value = filter_variance(excess, omega, alpha, beta, gamma, premium, first, variance)
        return -float(value) if np.isfinite(value) else 1e10

    fits = [_minimize(objective, np.array(start) / scale) for start in _STARTS]
    best = min(fits, key=lambda fit: fit[1])
    if best[1] >= 1e10:
        raise CalibrationError("the likelihood of heston_nandi has no maximum inside its domain on this history")
    estimate = best[0] * scale
    objective(best[0])
    parameters = {name: float(value) for name, value in zip(NAMES, estimate, strict=True)}
    state = SESSIONS_PER_YEAR * variance[1:]
    known = np.isfinite(history.vix)
    premium = variance_premium(history)
    ratio, ratio_error = _variance_ratio(parameters, premium)
    parameters |= {"variance_ratio": ratio, "rate": rate, "dividend_yield": dividend_yield}
    errors = dict(zip(NAMES, standard_errors(objective, best[0]) * scale, strict=True))
    model = _model(parameters)
    misfit = AffinePricer(model).vix(state[None, known]) - history.vix[known]
    reference, _ = gjr_reference(history.returns)
    return CalibrationReport(
        parameters=parameters,
        standard_errors={
            **{name: float(value) for name, value in errors.items() if np.isfinite(value)},
            "variance_ratio": ratio_error,
        },
        diagnostics={
            "loglikelihood": -best[1],
            "persistence_p": model.dynamics("p").persistence,
            "persistence_q": model.dynamics("q").persistence,
            "stationary_volatility_p": float(np.sqrt(SESSIONS_PER_YEAR * model.dynamics("p").stationary_mean)),
            "stationary_volatility_q": float(np.sqrt(SESSIONS_PER_YEAR * model.dynamics("q").stationary_mean)),
            "variance_premium_of_data": premium.ratio,
            "variance_premium_of_data_standard_error": premium.standard_error,
            "variance_premium_of_model": premium_of(model),
            "vix_bias_points": float(np.mean(misfit)),
            "vix_rmse_points": float(np.sqrt(np.mean(misfit**2))),
        },
        reference=reference,
        sample=history.sample,
        at_bound=tuple(name for name, value in errors.items() if not np.isfinite(value)),
    )


def premium_of(model: HestonNandi) -> float:
    """Mean squared VIX over the mean variance of returns, under P."""
    constant, slope = model.vix_squared_coefficients()
    variance = SESSIONS_PER_YEAR * model.dynamics("p").stationary_mean
    return float((constant + slope[0] * variance) / variance)


_STARTS = (
    (1e-8, 5e-6, 0.80, 170.0, 2.0),
    (5e-7, 3e-6, 0.70, 280.0, 1.0),
    (1e-7, 8e-6, 0.85, 110.0, 3.0),
)


def _model(parameters: Mapping[str, Any], **more: Any) -> HestonNandi:
    return HestonNandi(**parameters, **more)


def _minimize(objective: Any, start: FloatArray) -> tuple[FloatArray, float]:
    options = {"maxiter": 4000, "maxfev": 4000, "xatol": 1e-7, "fatol": 1e-8}
    x = start
    for _ in range(3):  # a restart frees a collapsed simplex
        found = minimize(objective, x, method="Nelder-Mead", options=options)
        x = found.x
    return np.asarray(found.x), float(found.fun)


def _variance_ratio(parameters: dict[str, float], premium: VariancePremium) -> tuple[float, float]:
    """Ratio at which mean squared VIX over mean variance is that of the data, and its standard error."""

    def gap(ratio: float) -> float:
        model = _model(parameters, variance_ratio=ratio)
        mean = SESSIONS_PER_YEAR * model.dynamics("p").stationary_mean
        constant, slope = model.vix_squared_coefficients()
        return float((constant + slope[0] * mean) / mean) - premium.ratio

    top = 1.0
    while gap(top) < 0.0:
        try:
            _model(parameters, variance_ratio=top + 0.01)
        except ModelParameterError as error:
            raise CalibrationError(
                f"no variance_ratio gives heston_nandi the variance premium {premium.ratio:.3f}: {error}"
            ) from error
        top += 0.01
    bottom = 1.0
    while gap(bottom) > 0.0:
        bottom -= 0.02
    ratio = float(brentq(gap, bottom, top, xtol=1e-10))
    slope = (gap(ratio * 1.001) - gap(ratio * 0.999)) / (0.002 * ratio)
    return ratio, premium.standard_error / slope
