"""Paths of the Heston-Nandi model: its recursion, in units of the annualised P variance."""

from __future__ import annotations

from math import ceil, log
from typing import TYPE_CHECKING

import numpy as np

from models.kernels.heston_nandi_path import Recursion, propagate_rows
from models.protocols import SESSIONS_PER_YEAR, FloatArray, Measure, Stream
from models.streams import Purpose, check_paths, stream_key
from models.svcj_paths import check_state

if TYPE_CHECKING:
    from models.heston_nandi import HestonNandi

BURN_IN_RESIDUAL = 1e-4
"""Weight that the start of a burn-in keeps in the variance it ends with."""


def propagate_heston_nandi(
    model: HestonNandi,
    state: FloatArray,
    n_days: int,
    stream: Stream,
    *,
    first_day: int = 0,
    measure: Measure = "p",
) -> tuple[FloatArray, FloatArray]:
    """Move Heston-Nandi paths on; see ``models.protocols.Model.propagate``.

    Parameters
    ----------
    model : HestonNandi
        The model.
    state : ndarray of shape (1, n_paths)
        Annualised P variance of the next session; it is not changed.
    n_days : int
        Sessions, >= 0.
    stream : Stream
        Address of the random numbers.
    first_day : int
        Day of the first move; may be negative.
    measure : {"p", "q"}
        Whose recursion is used. The state returned is the annualised P variance under either, so that one pricer
        reads both.

    Returns
    -------
    log_return : ndarray of shape (n_days, n_paths)
    state : ndarray of shape (n_days, 1, n_paths)

    Raises
    ------
    ModelParameterError
        If the state has a wrong shape or a negative or non-finite value.
    """
    variance = check_state(state, n_days=n_days)
    return _propagate(model, variance, n_days, stream, first_day=first_day, measure=measure, purpose=Purpose.PATH)


def stationary_heston_nandi(model: HestonNandi, n_paths: int, stream: Stream, *, measure: Measure = "p") -> FloatArray:
    """Draw from the stationary law by a burn-in from the long-run mean.

    Its length is such that the start keeps the weight ``BURN_IN_RESIDUAL`` in the mean: the persistence to the power
    of the number of sessions.

    Parameters
    ----------
    model : HestonNandi
        The model.
    n_paths : int
        Number of paths, >= 1.
    stream : Stream
        Address of the random numbers; purpose ``STATIONARY``.
    measure : {"p", "q"}
        Whose law.

    Returns
    -------
    ndarray of shape (1, n_paths)
        Annualised P variance.

    Raises
    ------
    ModelParameterError
        If the stream or the number of paths lies outside its range.
    """
    check_paths(stream, n_paths)
    dynamics = model.dynamics(measure)
    n_days = max(1, ceil(log(BURN_IN_RESIDUAL) / log(max(dynamics.persistence, 1e-3))))
    variance = np.full(n_paths, SESSIONS_PER_YEAR * dynamics.stationary_mean / _q_units(model, measure))
    # Blocks of a year keep the memory of long burn-ins small.
    for first_day in range(0, n_days, SESSIONS_PER_YEAR):
        length = min(SESSIONS_PER_YEAR, n_days - first_day)
        _, states = _propagate(
            model, variance, length, stream, first_day=first_day, measure=measure, purpose=Purpose.STATIONARY
        )
        variance = states[-1, 0]
    return variance[None, :].copy()


def _q_units(model: HestonNandi, measure: Measure) -> float:
    """Variance under ``measure`` per unit of variance under P."""
    return 1.0 if measure == "p" else model.variance_ratio


def _propagate(
    model: HestonNandi,
    variance: FloatArray,
    n_days: int,
    stream: Stream,
    *,
    first_day: int,
    measure: Measure,
    purpose: Purpose,
) -> tuple[FloatArray, FloatArray]:
    key = stream_key(stream)
    check_paths(stream, variance.size)
    dynamics = model.dynamics(measure)
    coefficients = Recursion(
        omega=dynamics.omega,
        alpha=dynamics.alpha,
        beta=dynamics.beta,
        gamma=dynamics.gamma,
        mean=dynamics.premium - 0.5,
        drift=dynamics.drift,
    )
    units = _q_units(model, measure) / SESSIONS_PER_YEAR
    log_return = np.empty((n_days, variance.size))
    states = np.empty((n_days, 1, variance.size))
    propagate_rows(
        log_return,
        states[:, 0],
        variance * units,
        1.0 / units,
        stream.first_path,
        first_day,
        int(purpose),
        key,
        coefficients,
    )
    return log_return, states
