"""Paths of volatility models on two Ornstein-Uhlenbeck factors: exact sessions and exact stationary draws."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from models.kernels.ou_volatility_path import OuStep, propagate_rows
from models.ou_factors import OuFactors
from models.protocols import FloatArray, Measure, Stream
from models.streams import Purpose, check_paths, normals, stream_key
from models.two_factor_log_sv_paths import check_factors

if TYPE_CHECKING:
    from models.two_factor_ou import TwoFactorOu


def propagate_factors(
    model: TwoFactorOu,
    state: FloatArray,
    n_days: int,
    stream: Stream,
    *,
    first_day: int = 0,
    measure: Measure = "p",
) -> tuple[FloatArray, FloatArray]:
    """Move paths on; see ``models.protocols.Model.propagate``.

    Parameters
    ----------
    model : TwoFactorOu
        The model.
    state : ndarray of shape (2, n_paths)
        Fast and slow factor; it is not changed.
    n_days : int
        Sessions, >= 0.
    stream : Stream
        Address of the random numbers.
    first_day : int
        Day of the first move; may be negative.
    measure : {"p", "q"}
        Whose law.

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
    factors = model.factors(measure)
    decay, constant, _ = factors.factor_law(1)
    step = OuStep(
        drift=model.growth(measure),
        rho=model.rho,
        persistence_fast=float(decay[0]),
        constant_fast=float(constant[0]),
        deviation_fast=factors.deviation_fast,
        persistence_slow=float(decay[1]),
        constant_slow=float(constant[1]),
        deviation_slow=factors.deviation_slow,
        weight_fast=factors.weight_fast,
    )
    is_exponential, mean, variance = model.path_coefficients()
    log_return, states = np.empty((n_days, n_paths)), np.empty((n_days, 2, n_paths))
    propagate_rows(
        log_return,
        states,
        current,
        stream.first_path,
        first_day,
        int(Purpose.PATH),
        key,
        step,
        is_exponential,
        mean,
        variance,
    )
    return log_return, states


def stationary_factors(factors: OuFactors, n_paths: int, stream: Stream) -> FloatArray:
    """Draw from the stationary law, which is normal.

    Parameters
    ----------
    factors : OuFactors
        Law of the factors.
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
    normal = normals(stream, n_paths, purpose=Purpose.STATIONARY)[:2]
    values, vectors = np.linalg.eigh(factors.stationary_covariance)
    return np.asarray(factors.mean[:, None] + (vectors * np.sqrt(np.maximum(values, 0.0))) @ normal)
