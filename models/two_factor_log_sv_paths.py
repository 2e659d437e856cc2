"""Paths of the two-factor log-variance model: exact sessions, and draws from the stationary law."""

from __future__ import annotations

from math import ceil, log, log1p

import numpy as np

from models.errors import ModelParameterError
from models.kernels.log_variance_path import FactorStep, ReturnStep, ShockLaw, propagate_rows
from models.log_variance_dynamics import FactorDynamics, LogVarianceDynamics
from models.protocols import SESSIONS_PER_YEAR, FloatArray, Stream
from models.sinh_arcsinh import SinhArcsinh, deviation_of_variance
from models.streams import Purpose, check_paths, normals, stream_key

BURN_IN_RESIDUAL = 1e-2
"""Share of a normal start that a burn-in leaves in the third cumulants; the first two are exact from the start."""


def propagate_log_variance(
    dynamics: LogVarianceDynamics,
    state: FloatArray,
    n_days: int,
    stream: Stream,
    *,
    first_day: int = 0,
    purpose: Purpose = Purpose.PATH,
) -> tuple[FloatArray, FloatArray]:
    """Move paths on under one law; see ``models.protocols.Model.propagate``.

    Parameters
    ----------
    dynamics : LogVarianceDynamics
        The law.
    state : ndarray of shape (2, n_paths)
        Fast and slow factor; it is not changed.
    n_days : int
        Sessions, >= 0.
    stream : Stream
        Address of the random numbers.
    first_day : int
        Day of the first move; may be negative.
    purpose : Purpose
        What the numbers are for.

    Returns
    -------
    log_return : ndarray of shape (n_days, n_paths)
    state : ndarray of shape (n_days, 2, n_paths)

    Raises
    ------
    ModelParameterError
        If the state has a wrong shape or a non-finite value.
    """
    current = check_factors(state, n_days=n_days)
    key = stream_key(stream)
    n_paths = current.shape[1]
    check_paths(stream, n_paths)
    mean_size = dynamics.return_shock.mean_size
    jumps = dynamics.jumps
    log_return, states = np.empty((n_days, n_paths)), np.empty((n_days, 2, n_paths))
    propagate_rows(
        log_return,
        states,
        current,
        stream.first_path,
        first_day,
        int(purpose),
        key,
        ReturnStep(
            drift=dynamics.drift,
            floor=(1.0 - jumps.share) * dynamics.floor,
            log_level=dynamics.log_level + log1p(-jumps.share),
        ),
        np.array(deviation_of_variance(dynamics.return_shock)),
        _factor_step(dynamics.fast, mean_size),
        _factor_step(dynamics.slow, mean_size),
        _shock_law(dynamics.return_shock),
        _shock_law(dynamics.noise_shock),
    )
    if jumps.share > 0.0:
        for day in range(n_days):
            variance = dynamics.session_variance(state if day == 0 else states[day - 1])
            log_return[day] += jumps.draw(variance, stream, first_day + day)
    return log_return, states


def stationary_log_variance(dynamics: LogVarianceDynamics, n_paths: int, stream: Stream) -> FloatArray:
    """Draw from the stationary law: normal draws with its mean and covariance, and a burn-in that gives them its shape.

    The factors are linear filters, so mean and covariance stay exact through the burn-in; its length is such that the
    share ``BURN_IN_RESIDUAL`` of the start's third cumulant is left, and less of the higher ones.

    Parameters
    ----------
    dynamics : LogVarianceDynamics
        The law.
    n_paths : int
        Number of paths, >= 1.
    stream : Stream
        Address of the random numbers; purpose ``STATIONARY``.

    Returns
    -------
    ndarray of shape (2, n_paths)

    Raises
    ------
    ModelParameterError
        If the stream or the number of paths lies outside its range.
    """
    normal = normals(stream, n_paths, purpose=Purpose.STATIONARY, block=1)[:2]
    values, vectors = np.linalg.eigh(dynamics.stationary_covariance)
    root = vectors * np.sqrt(np.maximum(values, 0.0))
    state: FloatArray = dynamics.stationary_mean[:, None] + root @ normal
    slowest = max(float(dynamics.persistence.max()), 1e-3)
    n_days = max(1, ceil(log(BURN_IN_RESIDUAL) / (3.0 * log(slowest))))
    # Blocks of a quarter keep the memory of long burn-ins small.
    block = SESSIONS_PER_YEAR // 4
    for first_day in range(0, n_days, block):
        length = min(block, n_days - first_day)
        _, states = propagate_log_variance(
            dynamics, state, length, stream, first_day=first_day, purpose=Purpose.STATIONARY
        )
        state = states[-1]
    return state.copy()


def check_factors(state: FloatArray, *, n_days: int) -> FloatArray:
    """Check a state of two unbounded factors and copy it.

    Parameters
    ----------
    state : ndarray of shape (2, n_paths)
        The factors.
    n_days : int
        Sessions to move.

    Returns
    -------
    ndarray of shape (2, n_paths)
        A contiguous copy.

    Raises
    ------
    ModelParameterError
        If the shape is wrong, a value is not finite, or ``n_days`` is negative.
    """
    values = np.array(state, dtype=np.float64, order="C")
    if values.ndim != 2 or values.shape[0] != 2:
        raise ModelParameterError(f"state must have shape (2, n_paths), got {values.shape}")
    if n_days < 0:
        raise ModelParameterError(f"n_days must be >= 0, got {n_days!r}")
    if not np.isfinite(values).all():
        factor, path = np.argwhere(~np.isfinite(values))[0]
        raise ModelParameterError(f"state: factors must be finite, got {values[factor, path]!r} on path {path}")
    return values


def _factor_step(factor: FactorDynamics, mean_size: float) -> FactorStep:
    return FactorStep(
        persistence=factor.persistence,
        constant=factor.drift - factor.magnitude * mean_size,
        shock=-factor.leverage,
        size=factor.magnitude,
        noise=factor.noise,
    )


def _shock_law(law: SinhArcsinh) -> ShockLaw:
    return ShockLaw(skew=law.skew, inverse_tail=1.0 / law.tail, location=law.location, inverse_scale=1.0 / law.scale)
