"""Paths of path-dependent volatility, and its stationary law by a burn-in."""

from __future__ import annotations

from math import ceil, log

import numpy as np

from models.errors import ModelParameterError
from models.kernels.path_dependent_path import propagate_rows
from models.path_dependent_dynamics import PathDependentDynamics
from models.protocols import SESSIONS_PER_YEAR, FloatArray, Stream
from models.streams import Purpose, check_paths, normals, stream_key

N_FACTORS = 5

BURN_IN_RESIDUAL = 1e-3
"""Weight that the start of a burn-in keeps in the mean activity it ends with, by its slowest rate."""

MAX_BURN_IN = 40 * SESSIONS_PER_YEAR
"""Longest burn-in [sessions]; where volatility hardly reverts, it is shorter than the residual asks for."""


def propagate_path_dependent(
    dynamics: PathDependentDynamics, state: FloatArray, n_days: int, stream: Stream, *, first_day: int = 0
) -> tuple[FloatArray, FloatArray]:
    """Move paths on; see ``models.protocols.Model.propagate``.

    Parameters
    ----------
    dynamics : PathDependentDynamics
        Of the measure.
    state : ndarray of shape (5, n_paths)
        Trends, activities and level; it is not changed.
    n_days : int
        Sessions, >= 0.
    stream : Stream
        Address of the random numbers.
    first_day : int
        Day of the first move; may be negative.

    Returns
    -------
    log_return : ndarray of shape (n_days, n_paths)
    state : ndarray of shape (n_days, 5, n_paths)

    Raises
    ------
    ModelParameterError
        If the state has a wrong shape, a negative activity or a value that is not finite.
    """
    moving = check_state(state)
    if n_days < 0:
        raise ModelParameterError(f"n_days must be >= 0, got {n_days!r}")
    key = stream_key(stream)
    check_paths(stream, moving.shape[1])
    log_return = np.empty((n_days, moving.shape[1]))
    states = np.empty((n_days, *moving.shape))
    propagate_rows(log_return, states, moving, stream.first_path, first_day, int(Purpose.PATH), key, dynamics.steps())
    return log_return, states


def stationary_path_dependent(dynamics: PathDependentDynamics, n_paths: int, stream: Stream) -> FloatArray:
    """Draw from the stationary law: the level exactly, the averages by a burn-in from their long-run mean.

    The burn-in is as long as the persistence of activity needs to leave ``BURN_IN_RESIDUAL`` of the start.

    Parameters
    ----------
    dynamics : PathDependentDynamics
        Of the measure.
    n_paths : int
        Number of paths, >= 1.
    stream : Stream
        Address of the random numbers; purpose ``STATIONARY``.

    Returns
    -------
    ndarray of shape (5, n_paths)
    """
    key = stream_key(stream)
    check_paths(stream, n_paths)
    moving = np.zeros((N_FACTORS, n_paths))
    moving[2:4] = dynamics.mean_variance()
    # day -1 starts the level in its own law, which the burn-in keeps
    start = normals(stream, n_paths, purpose=Purpose.STATIONARY, day=-1)[0]
    moving[4] = dynamics.level[1] + dynamics.level_deviation * start
    sessions = burn_in_sessions(dynamics)
    nothing = np.empty((0, N_FACTORS, n_paths))
    for first_day in range(0, sessions, 16):
        log_return = np.empty((min(16, sessions - first_day), n_paths))
        propagate_rows(
            log_return, nothing, moving, stream.first_path, first_day, int(Purpose.STATIONARY), key, dynamics.steps()
        )
    return moving


def burn_in_sessions(dynamics: PathDependentDynamics) -> int:
    """Sessions of the burn-in."""
    keep = dynamics.persistence()
    if keep >= 1.0:
        return MAX_BURN_IN
    return min(max(ceil(log(BURN_IN_RESIDUAL) / log(keep)), SESSIONS_PER_YEAR), MAX_BURN_IN)


def check_state(state: FloatArray) -> FloatArray:
    """Copy of a state of shape (5, n_paths), checked.

    Raises
    ------
    ModelParameterError
        Naming the rule and what was received.
    """
    moving = np.array(state, dtype=np.float64, order="C")
    if moving.ndim != 2 or moving.shape[0] != N_FACTORS:
        raise ModelParameterError(f"state must have shape ({N_FACTORS}, n_paths), got {moving.shape}")
    if not np.isfinite(moving).all() or (moving[2:4] < 0.0).any():
        raise ModelParameterError("state must be finite, with activities >= 0")
    return moving
