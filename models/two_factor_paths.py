"""Paths of the two-factor models: steps of the kernel, and stationary draws.

The slow variance is autonomous, so its stationary law is Gamma in closed form. The fast one, started at its mean,
then runs beside it from there until its start is forgotten (``models.burn_in``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import gammaincinv

from models.burn_in import burn_in_sessions
from models.errors import ModelParameterError
from models.kernels.quadratic_exponential import StepCoefficients, step_coefficients
from models.kernels.two_factor_path import propagate_pair_rows
from models.protocols import SESSIONS_PER_YEAR, FloatArray, Measure, Stream
from models.streams import Purpose, check_paths, stream_key, uniforms

if TYPE_CHECKING:
    from models.two_factor_dynamics import TwoFactorDynamics
    from models.two_factor_svcj import TwoFactorSvcj

STEPS_PER_DAY = 1
"""Steps a session. One is enough: the error of prices is measured in ``tests/test_two_factor_paths.py``."""

_SLAB = 63  # sessions of the burn-in at a time, whose returns are thrown away


def propagate_two_factor(
    model: TwoFactorSvcj,
    state: FloatArray,
    n_days: int,
    stream: Stream,
    *,
    first_day: int = 0,
    measure: Measure = "p",
    steps_per_day: int = STEPS_PER_DAY,
) -> tuple[FloatArray, FloatArray]:
    """Move paths on; see ``models.protocols.Model.propagate``.

    Parameters
    ----------
    model : TwoFactorSvcj
        The model.
    state : ndarray of shape (2, n_paths)
        Fast and slow variance [1/year]; it is not changed.
    n_days : int
        Sessions, >= 0.
    stream : Stream
        Address of the random numbers.
    first_day : int
        Day of the first move; may be negative.
    measure : {"p", "q"}
        Whose dynamics are used. P and Q read the same numbers.
    steps_per_day : int
        Steps a session, >= 1.

    Returns
    -------
    log_return : ndarray of shape (n_days, n_paths)
    state : ndarray of shape (n_days, 2, n_paths)

    Raises
    ------
    ModelParameterError
        If the state has a wrong shape or a negative or non-finite value, or the scheme cannot take the parameters.
    """
    pair = _checked(state, n_days=n_days)
    if steps_per_day < 1:
        raise ModelParameterError(f"steps_per_day must be >= 1, got {steps_per_day!r}")
    check_paths(stream, pair.shape[1])
    states = np.empty((n_days, *pair.shape))
    log_return = _move(
        model.dynamics(measure), pair, states, n_days, stream, first_day, steps_per_day, purpose=Purpose.PATH
    )
    return log_return, states


def stationary_two_factor(model: TwoFactorSvcj, n_paths: int, stream: Stream, *, measure: Measure = "p") -> FloatArray:
    """Draw from the stationary law: the slow variance by inversion, the fast one by a burn-in beside it.

    Parameters
    ----------
    model : TwoFactorSvcj
        The model.
    n_paths : int
        Number of paths, >= 1.
    stream : Stream
        Address of the random numbers; purpose ``STATIONARY``.
    measure : {"p", "q"}
        Whose law.

    Returns
    -------
    ndarray of shape (2, n_paths)
        Fast and slow variance [1/year].

    Raises
    ------
    ModelParameterError
        If the stream or the number of paths lies outside its range, or the burn-in would take a century.
    """
    dynamics = model.dynamics(measure)
    draws = uniforms(stream, n_paths, purpose=Purpose.STATIONARY)
    fine = draws[0] + (draws[1] - 0.5) * 2.0**-32
    scale = 0.5 * dynamics.vol_of_vol_slow**2 / dynamics.kappa_slow
    pair = np.empty((2, n_paths))
    pair[0] = dynamics.stationary_mean[0]
    pair[1] = scale * gammaincinv(dynamics.drift_slow / (dynamics.kappa_slow * scale), fine)
    left, day = burn_in_sessions(dynamics.reversion_fast), 1
    nowhere = np.empty((0, 2, n_paths))
    while left > 0:
        n_days = min(left, _SLAB)
        _move(dynamics, pair, nowhere, n_days, stream, day, STEPS_PER_DAY, purpose=Purpose.STATIONARY)
        left, day = left - n_days, day + n_days
    return pair


def _move(
    dynamics: TwoFactorDynamics,
    pair: FloatArray,
    states: FloatArray,
    n_days: int,
    stream: Stream,
    first_day: int,
    steps_per_day: int,
    *,
    purpose: Purpose,
) -> FloatArray:
    """Move ``pair`` in place; states are kept where ``states`` has rows. Returns the log returns."""
    dt = 1.0 / (SESSIONS_PER_YEAR * steps_per_day)
    fast, slow = _coefficients(dynamics, dt)
    feed_mean = dynamics.slow_to_fast * -np.expm1(-dynamics.kappa_fast * dt) / dynamics.kappa_fast
    # spread_constant is proportional to the drift, of which the feed is a part
    feed_spread = fast.spread_constant * dynamics.slow_to_fast / dynamics.drift_fast
    log_return = np.empty((n_days, pair.shape[1]))
    propagate_pair_rows(
        log_return,
        states,
        pair,
        steps_per_day,
        stream.first_path,
        first_day,
        int(purpose),
        stream_key(stream),
        float(feed_mean),
        float(feed_spread),
        fast,
        slow,
    )
    return log_return


def _coefficients(dynamics: TwoFactorDynamics, dt: float) -> tuple[StepCoefficients, StepCoefficients]:
    fast = step_coefficients(
        dt=dt,
        kappa=dynamics.kappa_fast,
        theta=dynamics.drift_fast / dynamics.kappa_fast,
        vol_of_vol=dynamics.vol_of_vol_fast,
        rho=dynamics.rho_fast,
        drift=dynamics.drift,
        jump_intensity=dynamics.jump_intensity,
        variance_jump_mean=dynamics.variance_jump_mean,
        return_jump_mean=dynamics.return_jump_mean,
        return_jump_std=dynamics.return_jump_std,
        jump_correlation=dynamics.jump_correlation,
        jump_intensity_slope=dynamics.jump_intensity_slope,
    )
    slow = step_coefficients(
        dt=dt,
        kappa=dynamics.kappa_slow,
        theta=dynamics.drift_slow / dynamics.kappa_slow,
        vol_of_vol=dynamics.vol_of_vol_slow,
        rho=dynamics.rho_slow,
        drift=0.0,
    )
    return fast, slow


def _checked(state: FloatArray, *, n_days: int) -> FloatArray:
    values: FloatArray = np.asarray(state, dtype=np.float64)
    if values.ndim != 2 or values.shape[0] != 2:
        raise ModelParameterError(f"state must have shape (2, n_paths), got {values.shape}")
    if n_days < 0:
        raise ModelParameterError(f"n_days must be >= 0, got {n_days!r}")
    is_bad = ~(np.isfinite(values) & (values >= 0.0)).all(axis=0)
    if is_bad.any():
        worst = int(np.argmax(is_bad))
        raise ModelParameterError(f"state: variance must be finite and >= 0, got {values[:, worst]!r} on path {worst}")
    return np.array(values)
