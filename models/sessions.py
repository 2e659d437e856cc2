"""Questions to pricers that answer in whole sessions: broadcast, flattened and sorted by tenor."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from models.errors import PricingDomainError
from models.protocols import SESSIONS_PER_YEAR, FloatArray


def whole_sessions(ttm: ArrayLike) -> FloatArray:
    """Tenors [years] as whole numbers of sessions.

    Raises
    ------
    PricingDomainError
        If one of them is none.
    """
    exact = np.asarray(ttm, dtype=float) * SESSIONS_PER_YEAR
    sessions = np.rint(exact)
    if np.any(np.abs(exact - sessions) > 1e-6) or np.any(sessions < 0):
        raise PricingDomainError(f"ttm must be a whole number of sessions / {SESSIONS_PER_YEAR} here, got {ttm!r}")
    return np.asarray(sessions)


def flattened(state: FloatArray, *others: ArrayLike) -> tuple[FloatArray, tuple[int, ...], list[FloatArray]]:
    """Broadcast the state's trailing shape with the other arguments, and flatten all of them.

    Returns
    -------
    states : ndarray of shape (n_factors, n)
    shape : tuple of int
        The broadcast shape.
    others : list of ndarray of shape (n,)
    """
    factors = np.asarray(state, dtype=float)
    arrays = np.broadcast_arrays(factors[0], *(np.asarray(other, dtype=float) for other in others))
    shape = arrays[0].shape
    states = np.stack([np.broadcast_to(factor, shape).ravel() for factor in factors])
    return states, shape, [np.ascontiguousarray(array).ravel() for array in arrays[1:]]


def by_session(sessions: FloatArray) -> list[tuple[int, NDArray[np.intp]]]:
    """Each number of sessions that occurs, and where."""
    values, inverse = np.unique(sessions, return_inverse=True)
    return [(int(value), np.flatnonzero(inverse == i)) for i, value in enumerate(values)]
