"""Maximum likelihood of GJR-GARCH and NGARCH on returns, then their law under Q from the VIX and its futures.

The P recursion with its skewed t comes from the returns alone, its constant such that long-run variance is that of the
sample: left free, it gives long-run volatilities that no market had. Persistence,
long-run volatility and variance scale under Q are then those at which the model's VIX, on the filtered variance, is
nearest to the index (level and slope) and its futures curve nearest to the mean curves by VIX level: the VIX alone
tells only two of the three. What is left of log VIX gives the premium factor of NGARCH its persistence and deviation.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import least_squares, minimize
from scipy.special import expit, gammaln, logit

from models.calibration.hessian import standard_errors
from models.calibration.history import DIVIDEND_YIELD, RATE, FitHistory, gjr_reference
from models.calibration.quotes import CURVE, CURVE_SCALE, CURVE_SESSIONS
from models.errors import CalibrationError, ModelParameterError
from models.garch_family import GarchFamily
from models.gjr_garch import GjrGarch
from models.ngarch import Ngarch
from models.protocols import SESSIONS_PER_YEAR, CalibrationReport, FloatArray

_REFUSED = 1e10
_VIX_SCALE, _VIX_WEIGHT = 0.1, 30.0  # deviation of log VIX from the model, and independent closes that it counts as
_LEGENDRE = np.polynomial.legendre.leggauss(120)
_START: dict[type[GarchFamily], tuple[float, ...]] = {
    GjrGarch: (0.005, 0.89, 0.15, 0.04, 0.12, -0.12),
    Ngarch: (0.089, 0.80, 1.0, 0.035, 0.12, -0.12),
}
_SCALE: dict[type[GarchFamily], FloatArray] = {
    GjrGarch: np.array([0.1, 1.0, 0.1, 0.1, 0.1, 0.1]),
    Ngarch: np.array([0.1, 1.0, 1.0, 0.1, 0.1, 0.1]),
}


@njit(cache=True, nogil=True)
def filter_garch(excess, x, is_gjr, log_constant, first, variance):  # type: ignore[no-untyped-def]
    """Filter the daily variance of each return; the log-likelihood under Hansen's skewed t is returned.

    Parameters
    ----------
    excess : ndarray of shape (n,)
        Log returns minus the riskless growth of the index.
    x : ndarray of shape (7,)
        omega, alpha, beta, gamma (GJR) or theta (NGARCH), equity premium coefficient, tail, skew.
    is_gjr : bool
        Which recursion.
    log_constant : float
        Log of the density's constant c for that tail.
    first : float
        Variance of the first return.
    variance : ndarray of shape (n + 1,)
        Receives the variances, that of the day after the sample last.
    """
    omega, alpha, beta, shape, premium, tail, skew = x[0], x[1], x[2], x[3], x[4], x[5], x[6]
    a = 4.0 * skew * np.exp(log_constant) * (1.0 - 2.0 * tail) / (1.0 - tail)
    b = np.sqrt(1.0 + 3.0 * skew * skew - a * a)
    total, h = 0.0, first
    for t in range(excess.size):
        variance[t] = h
        root = np.sqrt(h)
        z = (excess[t] + 0.5 * h) / root - premium
        y = b * z + a
        y = y / (1.0 - skew) if y < 0.0 else y / (1.0 + skew)
        core = -0.5 * (1.0 / tail + 1.0) * np.log1p(y * y * tail / (1.0 - 2.0 * tail)) if tail > 0.0 else -0.5 * y * y
        total += np.log(b) + log_constant + core - 0.5 * np.log(h)
        news = (alpha + shape * (z < 0.0)) * z * z if is_gjr else alpha * (z - shape) ** 2
        h = omega + h * (beta + news)
    variance[excess.size] = h
    return total


def log_constant(tail: float) -> float:
    """Log of the constant of the standardised t density with 1 / ``tail`` degrees of freedom."""
    if tail <= 0.0:
        return float(-0.5 * np.log(2.0 * np.pi))
    nu = 1.0 / tail
    return float(gammaln(0.5 * (nu + 1.0)) - gammaln(0.5 * nu) - 0.5 * np.log(np.pi * (nu - 2.0)))


def calibrate_gjr_garch(
    dates: NDArray[Any],
    spx_close: ArrayLike,
    vix_close: ArrayLike,
    *,
    rate: float = RATE,
    dividend_yield: float = DIVIDEND_YIELD,
) -> CalibrationReport:
    """Fit ``GjrGarch`` to history; see ``calibrate_ngarch``."""
    return _calibrate(GjrGarch, FitHistory.of(dates, spx_close, vix_close), rate, dividend_yield)


def calibrate_ngarch(
    dates: NDArray[Any],
    spx_close: ArrayLike,
    vix_close: ArrayLike,
    *,
    rate: float = RATE,
    dividend_yield: float = DIVIDEND_YIELD,
) -> CalibrationReport:
    """Fit ``Ngarch`` to history.

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
    return _calibrate(Ngarch, FitHistory.of(dates, spx_close, vix_close), rate, dividend_yield)


def _calibrate(
    make: type[GjrGarch] | type[Ngarch], history: FitHistory, rate: float, dividend_yield: float
) -> CalibrationReport:
    excess = history.returns - (rate - dividend_yield) / SESSIONS_PER_YEAR
    shape = "gamma" if make is GjrGarch else "theta"
    names = ("alpha", "beta", shape, "equity_premium_coefficient", "tail", "skew")
    estimate, loglikelihood, errors, variance = fit_returns(make, excess)
    fixed: dict[str, Any] = dict(zip(("omega", *names), map(float, estimate), strict=True))
    fixed |= {"rate": rate, "dividend_yield": dividend_yield}
    known = np.isfinite(history.vix)
    state, vix = SESSIONS_PER_YEAR * variance[1:][known], history.vix[known]
    under_q = fit_q_law(make, fixed, state, vix)
    left = 2.0 * np.log(vix / make(**fixed, **under_q).vix(state[None]))
    # GJR-GARCH stays the plain model of one factor, whose tables are small
    factor = premium_factor(left, make(**fixed).vix_sessions) if make is Ngarch else {}
    model = make(**fixed, **under_q, **factor)
    one_factor = make(**fixed, **under_q)
    misfit = one_factor.vix(state[None]) - vix
    reference, _ = gjr_reference(history.returns)
    return CalibrationReport(
        parameters=fixed | under_q | factor,
        standard_errors={n: float(e) for n, e in zip(names, errors, strict=True) if np.isfinite(e)},
        diagnostics={
            "loglikelihood": loglikelihood,
            "persistence_p": model.dynamics("p").persistence,
            "stationary_volatility_p": float(np.sqrt(SESSIONS_PER_YEAR * model.dynamics("p").stationary_variance)),
            "vix_bias_points": float(np.mean(misfit)),
            "vix_rmse_points": float(np.sqrt(np.mean(misfit**2))),
            "curve_rmse": float(np.sqrt(np.mean(curve_errors(one_factor) ** 2))),
            "log_vix_residual_deviation": 0.5 * float(np.std(left)),
        },
        reference=reference,
        sample=history.sample,
        at_bound=tuple(n for n, e in zip(names, errors, strict=True) if not np.isfinite(e)),
    )


def fit_returns(
    make: type[GjrGarch] | type[Ngarch], excess: FloatArray
) -> tuple[FloatArray, float, FloatArray, FloatArray]:
    """Maximum likelihood on excess log returns.

    Returns
    -------
    estimate : ndarray of shape (7,)
        omega, alpha, beta, gamma or theta, equity premium coefficient, tail, skew.
    loglikelihood : float
    errors : ndarray of shape (6,)
        Standard errors of all but omega, which follows from the sample's variance.
    variance : ndarray of shape (n + 1,)
        Filtered daily variances.
    """
    scale, first, variance = _SCALE[make], float(np.var(excess)), np.empty(excess.size + 1)

    def complete(point: FloatArray) -> FloatArray:
        alpha, beta, shape, _, tail, skew = point * scale
        half = negative_half(tail, skew) if make is GjrGarch else 0.0
        response = alpha + shape * half if make is GjrGarch else alpha * (1.0 + shape**2)
        return np.array([first * (1.0 - beta - response), *(point * scale)])

    def objective(point: FloatArray) -> float:
        alpha, beta, shape, _, tail, skew = point * scale
        outside = alpha < 0.0 or beta < 0.0 or not 0.0 <= tail < 0.24 or abs(skew) > 0.9
        if outside or (make is GjrGarch and alpha + shape < 0.0):
            return _REFUSED
        x = complete(point)
        if x[0] < 1e-3 * first:
            return _REFUSED
        value = filter_garch(excess, x, make is GjrGarch, log_constant(tail), first, variance)
        return -float(value) if np.isfinite(value) else _REFUSED

    best = np.array(_START[make]) / scale
    for _ in range(4):  # a restart frees a collapsed simplex
        found = minimize(
            objective,
            best,
            method="Nelder-Mead",
            options={"maxiter": 3000, "maxfev": 3000, "xatol": 1e-6, "fatol": 1e-7},
        )
        best = found.x
    if found.fun >= _REFUSED:
        raise CalibrationError(f"the likelihood of {make.name} has no maximum inside its domain on this history")
    errors = standard_errors(objective, best) * scale
    objective(best)
    return complete(best), -float(found.fun), errors, variance


def negative_half(tail: float, skew: float) -> float:
    """E[z^2; z < 0] of Hansen's skewed t, by Gauss-Legendre on its density."""
    constant = log_constant(tail)
    a = 4.0 * skew * np.exp(constant) * (1.0 - 2.0 * tail) / (1.0 - tail)
    b = np.sqrt(1.0 + 3.0 * skew * skew - a * a)
    x, w = _LEGENDRE
    z, jacobian = 1.0 - 1.0 / (0.5 * (x + 1.0)), 0.5 * w / (0.5 * (x + 1.0)) ** 2
    y = b * z + a
    y = np.where(y < 0.0, y / (1.0 - skew), y / (1.0 + skew))
    core = -0.5 * (1.0 / tail + 1.0) * np.log1p(y * y * tail / (1.0 - 2.0 * tail)) if tail > 0.0 else -0.5 * y * y
    return float(np.sum(jacobian * z * z * b * np.exp(constant + core)))


def fit_q_law(
    make: type[GjrGarch] | type[Ngarch], fixed: dict[str, Any], state: FloatArray, vix: FloatArray
) -> dict[str, Any]:
    """Persistence, long-run volatility and variance scale under Q from VIX closes and mean futures curves."""

    def law(x: FloatArray) -> dict[str, Any]:
        return {
            "persistence_q": float(expit(x[0])),
            "volatility_q": float(np.exp(x[1])),
            "variance_scale_q": float(np.exp(x[2])),
        }

    def residuals(x: FloatArray) -> FloatArray:
        try:
            model = make(**fixed, **law(x))
        except ModelParameterError:
            return np.full(vix.size + 9, 1e3)
        spot = np.log(model.vix(state[None]) / vix) * np.sqrt(_VIX_WEIGHT / vix.size) / _VIX_SCALE
        return np.concatenate([spot, curve_errors(model) / CURVE_SCALE])

    start = np.array([logit(0.985), np.log(0.22), np.log(1.2)])
    # sellers of variance are paid at every level: the scale is not below 1
    bounds = ([logit(0.9), np.log(0.1), 0.0], [logit(0.999), np.log(0.6), np.log(2.0)])
    found = least_squares(residuals, start, bounds=bounds, x_scale=(1.0, 0.2, 0.2), diff_step=1e-3, max_nfev=40)
    return law(found.x)


def curve_errors(model: GarchFamily) -> FloatArray:
    """Model minus market of futures relative to the front one, at the VIX levels of the quotes, (9,)."""
    grid = np.geomspace(*(model.table_axes()[0].low, model.table_axes()[0].high), 400)
    levels = np.array(list(CURVE))
    state = np.exp(np.interp(np.log(levels), np.log(model.vix(grid[None])), np.log(grid)))
    curve = np.stack([model.exact_pricer().vix_future(state[None], n / SESSIONS_PER_YEAR) for n in CURVE_SESSIONS])
    quotes = np.array(list(CURVE.values())).T
    return np.asarray((curve[1:] / curve[0] - 1.0 - quotes).ravel())


def premium_factor(left: FloatArray, sessions: int) -> dict[str, Any]:
    """AR(1) law of the factor from what the model leaves of the log of squared VIX."""
    centred = left - left.mean()
    persistence = float(np.clip(centred[1:] @ centred[:-1] / (centred[:-1] @ centred[:-1]), 0.0, 0.995))
    # squared VIX moves by the mean of the factor's expected values over its sessions
    share = (1.0 - persistence**sessions) / (sessions * (1.0 - persistence))
    noise = float(np.std(centred[1:] - persistence * centred[:-1]))
    return {"factor_persistence": persistence, "factor_volatility": noise / share}
