"""Paths of GARCH models: states in annualised units, moved by the compiled recursion."""

from __future__ import annotations

from dataclasses import asdict
from math import ceil, log

import numpy as np

from models.errors import ModelParameterError
from models.garch_dynamics import GarchDynamics
from models.kernels.garch_path import GarchCoefficients, propagate_garch
from models.protocols import SESSIONS_PER_YEAR, FloatArray, Stream
from models.return_shock import CELLS_PER_UNIT, END, MAX_ROOT, ROOT_CELLS
from models.streams import Purpose, check_paths, normals, stream_key
from models.svcj_paths import check_state

BURN_IN_RESIDUAL = 1e-4
"""Weight that the start of a burn-in keeps in the variance it ends with."""


def propagate_states(
    dynamics: GarchDynamics,
    state: FloatArray,
    n_days: int,
    stream: Stream,
    *,
    first_day: int = 0,
    purpose: Purpose = Purpose.PATH,
) -> tuple[FloatArray, FloatArray]:
    """Move GARCH paths on; see ``models.protocols.Model.propagate``.

    Parameters
    ----------
    dynamics : GarchDynamics
        The recursion of the measure wanted.
    state : ndarray of shape (n_factors, n_paths)
        Annualised h, the sum of both factors, and the premium, as far as there are factors; it is not changed.
    n_days : int
        Sessions, >= 0.
    stream : Stream
        Address of the random numbers.
    first_day : int
        Day of the first move; may be negative.
    purpose : Purpose
        What the random numbers are for.

    Returns
    -------
    log_return : ndarray of shape (n_days, n_paths)
    state : ndarray of shape (n_days, n_factors, n_paths)

    Raises
    ------
    ModelParameterError
        If the state has a wrong shape, a negative variance or a non-finite value.
    """
    n_factors = dynamics.n_factors
    if np.ndim(state) != 2 or len(state) != n_factors:
        raise ModelParameterError(f"state must have shape ({n_factors}, n_paths), got {np.shape(state)}")
    h = check_state(state[:1], n_days=n_days) / SESSIONS_PER_YEAR
    if not np.isfinite(state[1:]).all():
        raise ModelParameterError("state: the factors must be finite")
    premium = np.array(state[2], dtype=np.float64) if n_factors == 3 else np.empty(0)
    factor = np.array(state[1], dtype=np.float64) if n_factors >= 2 else np.zeros(h.size)
    if n_factors == 3:
        factor -= premium
    check_paths(stream, h.size)
    shock = dynamics.shock
    jumps = dynamics.jumps
    values = asdict(dynamics) | {"scale": (1.0 - jumps.share) * dynamics.scale}
    none = np.empty((0, 4))
    log_return, states = np.empty((n_days, h.size)), np.empty((n_days, n_factors, h.size))
    propagate_garch(
        log_return,
        states,
        h,
        factor,
        premium,
        float(SESSIONS_PER_YEAR),
        none if shock.is_normal else np.array(shock.table()),
        (END, float(CELLS_PER_UNIT)),
        none if shock.is_normal else np.array(shock.scale_table()),
        ROOT_CELLS / MAX_ROOT,
        (stream.first_path, first_day, int(purpose)),
        stream_key(stream),
        GarchCoefficients(**{name: values[name] for name in GarchCoefficients._fields}),
    )
    if jumps.share > 0.0:
        for day in range(n_days):
            variance = dynamics.return_variance(state if day == 0 else states[day - 1])
            log_return[day] += jumps.draw(variance, stream, first_day + day)
    return log_return, states


def stationary_states(dynamics: GarchDynamics, n_paths: int, stream: Stream) -> FloatArray:
    """Draw from the stationary law by a burn-in from the long-run mean; the factors start in their own laws.

    The burn-in is so long that its start keeps the weight ``BURN_IN_RESIDUAL`` in the mean.

    Parameters
    ----------
    dynamics : GarchDynamics
        The recursion of the measure wanted.
    n_paths : int
        Number of paths, >= 1.
    stream : Stream
        Address of the random numbers; purpose ``STATIONARY``.

    Returns
    -------
    ndarray of shape (n_factors, n_paths)
    """
    check_paths(stream, n_paths)
    state = np.full((1, n_paths), SESSIONS_PER_YEAR * dynamics.stationary_mean)
    if dynamics.n_factors > 1:
        draws = normals(stream, n_paths, purpose=Purpose.STATIONARY, day=-1)[:2]
        factor, premium = np.sqrt(dynamics.factor_variances)[:, None] * draws
        state = np.stack([state[0], factor + premium, premium][: dynamics.n_factors])
    n_days = max(1, ceil(log(BURN_IN_RESIDUAL) / log(max(dynamics.persistence, 1e-3))))
    # Blocks of a year keep the memory of long burn-ins small.
    for first_day in range(0, n_days, SESSIONS_PER_YEAR):
        length = min(SESSIONS_PER_YEAR, n_days - first_day)
        _, states = propagate_states(dynamics, state, length, stream, first_day=first_day, purpose=Purpose.STATIONARY)
        state = states[-1]
    return state.copy()
