r"""Fit of the SVCJ model: P from returns and changes of the VIX, Q from quotes and the variance premium, in turns.

Given Q, the VIX is affine in the variance state, so the state of every day is known and P is estimated by quasi-maximum
likelihood of daily pairs (return, change of variance): a mixture of a Gaussian diffusion step and a step with one
co-jump, whose density is closed. The long-run variance is targeted: returns have the variance of their whole sample,
which is four times as long as that of the VIX. Given P, the Q parameters are fitted by least squares to quoted smiles,
VIX call volatilities, the mean futures curve and the variance premium of the sample.

Limits: Gaussian steps take some of the skewed moves of small variances for jumps, so jumps come out smaller and more
frequent than they are; standard errors are those given Q and the target, and leave that out.
"""

from __future__ import annotations

from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import least_squares, minimize
from scipy.special import expit, log_ndtr, logit

from models.affine_pricer import AffinePricer
from models.calibration.hessian import standard_errors
from models.calibration.history import DIVIDEND_YIELD, RATE, FitHistory, gjr_reference, variance_premium
from models.calibration.quotes import quote_residuals
from models.errors import CalibrationError, ModelParameterError, PricingDomainError
from models.protocols import SESSIONS_PER_YEAR, CalibrationReport, FloatArray
from models.svcj import Svcj
from models.svcj_dynamics import SvcjDynamics

DT = 1.0 / SESSIONS_PER_YEAR
ROUNDS = 4

P_NAMES = (
    "kappa_p",
    "vol_of_vol",
    "rho",
    "jump_intensity_p",
    "variance_jump_mean_p",
    "return_jump_mean_p",
    "return_jump_std_p",
    "jump_correlation",
)
Q_NAMES = ("kappa_q", "jump_intensity_q", "variance_jump_mean_q", "return_jump_mean_q", "return_jump_std_q")
SEARCH: dict[str, tuple[float, float]] = {
    "kappa_p": (1.5, 12.0),
    "kappa_q": (1.5, 8.0),
    "vol_of_vol": (0.2, 0.6),
    "rho": (-0.92, -0.6),
    "jump_intensity_p": (0.3, 1.7),
    "jump_intensity_q": (0.3, 3.0),
    "variance_jump_mean_p": (0.01, 0.045),
    "variance_jump_mean_q": (0.01, 0.12),
    "return_jump_mean_p": (-0.06, 0.01),
    "return_jump_mean_q": (-0.12, -0.01),
    "return_jump_std_p": (0.005, 0.05),
    "return_jump_std_q": (0.01, 0.12),
    "jump_correlation": (-1.5, 0.0),
}
"""Range in which each parameter is searched: that of published estimates for the SPX, generously."""

_START = {
    "kappa_p": 5.0,
    "kappa_q": 3.0,
    "theta_p": 0.02,
    "vol_of_vol": 0.45,
    "rho": -0.75,
    "jump_intensity_p": 1.0,
    "jump_intensity_q": 1.2,
    "variance_jump_mean_p": 0.03,
    "variance_jump_mean_q": 0.04,
    "return_jump_mean_p": -0.01,
    "return_jump_mean_q": -0.05,
    "return_jump_std_p": 0.015,
    "return_jump_std_q": 0.04,
    "jump_correlation": -0.4,
}
_LOWEST_VARIANCE = 1e-4
_FAR = 9.0
"""Bound of a parameter on the real line: within a thousandth of the end of its range."""


def calibrate_svcj(
    dates: NDArray[Any],
    spx_close: ArrayLike,
    vix_close: ArrayLike,
    *,
    rate: float = RATE,
    dividend_yield: float = DIVIDEND_YIELD,
) -> CalibrationReport:
    """Fit ``Svcj`` to history.

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
        If the history is too short or no round finds a valid model.
    """
    history = FitHistory.of(dates, spx_close, vix_close)
    variance = float(np.var(history.returns)) * SESSIONS_PER_YEAR
    drift = float(np.mean(history.returns)) * SESSIONS_PER_YEAR + 0.5 * variance
    fixed = {"rate": rate, "dividend_yield": dividend_yield, "equity_premium": drift - rate + dividend_yield}
    parameters = {**_START, **fixed}
    premium = variance_premium(history)
    lowest = float(np.nanmin(history.vix))
    for _ in range(ROUNDS):
        parameters = _fit_q(parameters, premium.ratio, lowest)
        likelihood = PairLikelihood(history, variance, Svcj(**parameters))
        parameters = likelihood.fit(parameters)
    model = Svcj(**parameters)
    at_bound = tuple(name for name in SEARCH if is_at_bound(name, parameters[name]))
    errors = likelihood.standard_errors(parameters, at_bound)
    errors["equity_premium"] = sqrt(variance / (history.returns.size * DT))
    reference, _ = gjr_reference(history.returns)
    return CalibrationReport(
        parameters=parameters,
        standard_errors=errors,
        diagnostics={
            "loglikelihood": -likelihood.objective(parameters),
            **_levels(model),
            "variance_premium_of_data": premium.ratio,
            "variance_premium_of_data_standard_error": premium.standard_error,
            "variance_premium_of_model": premium_of(model),
            **{f"rms_error_{name}": value for name, value in quote_residuals(model).root_mean_squares().items()},
        },
        reference=reference,
        sample=history.sample,
        at_bound=at_bound,
    )


def _levels(model: Svcj) -> dict[str, float]:
    p = model.dynamics("p")
    constant, slope = model.vix_squared_coefficients()
    return {
        "vix_at_mean_variance": 100.0 * sqrt(constant + slope[0] * p.stationary_mean),
        "vix_floor": 100.0 * sqrt(constant),
        "spx_volatility": sqrt(variance_of_returns(model)),
    }


class PairLikelihood:
    """Quasi-likelihood under P of the days with a VIX on both ends, the state read off the VIX by a given Q.

    Parameters
    ----------
    history : FitHistory
        Returns and VIX.
    variance : float
        What the annual variance of returns is to be.
    model : Svcj
        Its Q turns the VIX into the state.
    """

    def __init__(self, history: FitHistory, variance: float, model: Svcj) -> None:
        known = np.isfinite(history.vix)
        pairs = np.flatnonzero(known[1:] & known[:-1]) + 1
        constant, slope = model.vix_squared_coefficients()
        states = np.maximum((1e-4 * history.vix**2 - constant) / slope[0], _LOWEST_VARIANCE)
        self.returns = history.returns[pairs]
        self.before, self.after = states[pairs - 1], states[pairs]
        self.variance = variance

    def complete(self, parameters: dict[str, float]) -> dict[str, float]:
        """Set the long-run variance so that returns have the variance aimed at."""
        intensity, mean = parameters["jump_intensity_p"], parameters["variance_jump_mean_p"]
        slope, std = parameters["jump_correlation"], parameters["return_jump_std_p"]
        second = (parameters["return_jump_mean_p"] + slope * mean) ** 2 + std**2 + (slope * mean) ** 2
        theta = self.variance - intensity * second - intensity * mean / parameters["kappa_p"]
        return {**parameters, "theta_p": theta}

    def objective(self, parameters: dict[str, float]) -> float:
        """Minus the log-likelihood; 1e10 outside the domain."""
        try:
            model = Svcj(**self.complete(parameters))
        except (ModelParameterError, OverflowError):
            return 1e10
        total = float(np.sum(_log_density(model, self.returns, self.before, self.after)))
        return -total if np.isfinite(total) else 1e10

    def fit(self, parameters: dict[str, float]) -> dict[str, float]:
        """Maximise over the P parameters, from where they stand and from the usual start."""

        def target(x: FloatArray) -> float:
            return self.objective({**parameters, **_decode(P_NAMES, x)})

        starts = [_encode(P_NAMES, parameters), _encode(P_NAMES, _START)]
        options = {"maxiter": 500, "maxfun": 20000}
        bounds = [(-_FAR, _FAR)] * len(P_NAMES)
        found = min(
            (minimize(target, x, method="L-BFGS-B", bounds=bounds, options=options) for x in starts),
            key=lambda result: float(result.fun),
        )
        if found.fun >= 1e10:
            raise CalibrationError("the likelihood of svcj has no maximum inside its domain on this history")
        return self.complete({**parameters, **_decode(P_NAMES, found.x)})

    def standard_errors(self, parameters: dict[str, float], at_bound: tuple[str, ...]) -> dict[str, float]:
        """Errors of the P parameters inside their ranges, given Q and those on a bound."""
        free = tuple(name for name in P_NAMES if name not in at_bound)
        x = np.array([parameters[name] for name in free])
        scale = np.array([high - low for low, high in (SEARCH[name] for name in free)])

        def objective(y: FloatArray) -> float:
            return self.objective({**parameters, **dict(zip(free, y * scale, strict=True))})

        errors = standard_errors(objective, x / scale, step=3e-3) * scale
        return {name: float(error) for name, error in zip(free, errors, strict=True)}


def is_at_bound(name: str, value: float) -> bool:
    """Whether a parameter lies within a thousandth of its search range from an end of it."""
    low, high = SEARCH[name]
    return min(value - low, high - value) < 1e-3 * (high - low)


def variance_of_returns(model: Svcj) -> float:
    """Mean annual variance of returns under P, jumps included."""
    p = model.dynamics("p")
    return p.stationary_mean + p.jump_intensity * _second_moment(p)


def premium_of(model: Svcj) -> float:
    """Mean squared VIX over the mean variance of returns, under P."""
    constant, slope = model.vix_squared_coefficients()
    return float((constant + slope[0] * model.dynamics("p").stationary_mean) / variance_of_returns(model))


def _second_moment(p: SvcjDynamics) -> float:
    """Second moment of the log-price jump."""
    return p.mean_log_jump**2 + p.return_jump_std**2 + (p.jump_correlation * p.variance_jump_mean) ** 2


def _log_density(model: Svcj, returns: FloatArray, before: FloatArray, after: FloatArray) -> FloatArray:
    """Log density of (return, next variance) given the variance: no jump, or one co-jump integrated in closed form."""
    p = model.dynamics("p")
    deviation_v = p.vol_of_vol * np.sqrt(before * DT)
    deviation_r = np.sqrt(before * DT)
    x = after - before - p.kappa * (p.theta - before) * DT
    excess = returns - (p.drift - p.jump_intensity * p.mean_jump - 0.5 * before) * DT
    beta = p.rho * deviation_r / deviation_v
    y = excess - beta * x
    rest = before * DT * (1.0 - p.rho**2)
    no_jump = -0.5 * ((x / deviation_v) ** 2 + y**2 / rest) - np.log(2.0 * np.pi * deviation_v * np.sqrt(rest))
    chance = p.jump_intensity * DT
    if chance <= 0.0 or p.variance_jump_mean <= 0.0:
        return np.asarray(no_jump)
    width = rest + p.return_jump_std**2
    c = p.jump_correlation - beta
    u = y - p.return_jump_mean
    a = 1.0 / deviation_v**2 + c**2 / width
    b = x / deviation_v**2 + c * u / width - 1.0 / p.variance_jump_mean
    one_jump = (
        -0.5 * ((x / deviation_v) ** 2 + u**2 / width)
        + 0.5 * b**2 / a
        + log_ndtr(b / np.sqrt(a))
        - 0.5 * np.log(2.0 * np.pi * a)
        - np.log(deviation_v * np.sqrt(width) * p.variance_jump_mean)
    )
    return np.asarray(np.logaddexp(np.log1p(-min(chance, 0.5)) + no_jump, np.log(chance) + one_jump))


def _fit_q(parameters: dict[str, float], premium: float, lowest: float) -> dict[str, float]:
    """Least squares of quotes and premium over the Q parameters, kept near the P jumps by weak priors."""

    def residuals(x: FloatArray) -> FloatArray:
        try:
            model = Svcj(**{**parameters, **_decode(Q_NAMES, x)})
            quotes = quote_residuals(model).scaled()
        except (ModelParameterError, PricingDomainError, OverflowError):
            return np.full(quote_residuals.size + 5, 1e3)
        floor = float(AffinePricer(model).vix(np.zeros((1, 1)))[0])
        levels = [(premium_of(model) - premium) / 0.01, max(floor - 0.92 * lowest, 0.0) / 0.1]
        prior = [
            np.log(model.jump_intensity_q / model.jump_intensity_p) / 1.5,
            np.log(model.variance_jump_mean_q / model.variance_jump_mean_p) / 1.0,
            np.log(model.return_jump_std_q / model.return_jump_std_p) / 1.5,
        ]
        return np.concatenate([quotes, levels, prior])

    found = least_squares(residuals, _encode(Q_NAMES, parameters), max_nfev=25, diff_step=1e-3)
    return {**parameters, **_decode(Q_NAMES, found.x)}


def _encode(names: tuple[str, ...], parameters: dict[str, float]) -> FloatArray:
    """Map the search range of each parameter onto the real line."""
    low, high = np.array([SEARCH[name] for name in names]).T
    inside = np.clip([parameters[name] for name in names], low + 1e-6 * (high - low), high - 1e-6 * (high - low))
    return np.asarray(logit((inside - low) / (high - low)))


def _decode(names: tuple[str, ...], x: FloatArray) -> dict[str, float]:
    low, high = np.array([SEARCH[name] for name in names]).T
    return {name: float(v) for name, v in zip(names, low + (high - low) * expit(x), strict=True)}
