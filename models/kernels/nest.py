"""A session of nested paths: many futures of each of a few states, in antithetic pairs."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from models.kernels.exponential import exp_bounded
from models.kernels.fastmath import log_positive
from models.kernels.path_dependent_path import Steps, level_row, scale_row, substep_row, volatility_of
from models.kernels.philox import UintArray, fill_normals
from models.kernels.polynomial import cubic_rows, linear_rows
from models.protocols import FloatArray

_CHUNK = 512  # pairs whose state and draws stay in the first-level cache


class VixPolynomial(NamedTuple):
    """Regression of the squared VIX on the state.

    Parameters
    ----------
    weight : float
        Weight of the slow activity.
    shift, matrix, low, high : ndarray
        The polynomial basis.
    coefficients : ndarray of shape (56,)
        Of the square over the squared level, in nested order.
    lowest : float
        Least value of that square.
    """

    weight: float
    shift: FloatArray
    matrix: FloatArray
    low: FloatArray
    high: FloatArray
    coefficients: FloatArray
    lowest: float


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def draw_session(
    normal: FloatArray, ready: FloatArray, first_pair: int, session: int, purpose: int, key: UintArray
) -> None:
    """Fill the normals of a session of one state's pairs; ``normal`` has shape (substeps + 1, n_pairs).

    Numbers are used in the order of sessions and rows, four to a block: ``ready`` (4, n_pairs) keeps those of the
    block that an earlier session began.
    """
    rows = normal.shape[0]
    for row in range(rows):
        number = session * rows + row
        if number % 4 == 0:
            fill_normals(ready, np.uint64(first_pair), np.uint64(0), np.uint64(number // 4), np.uint64(purpose), key)
        normal[row] = ready[number % 4]


@njit(cache=True, nogil=True, fastmath={"contract", "nsz", "reassoc"}, error_model="numpy")  # type: ignore[untyped-decorator]
def variance_sum(moving: FloatArray, c: Steps) -> float:
    """Sum over paths of the next substep's variance, before the level."""
    total = 0.0
    for i in range(moving.shape[1]):
        volatility = volatility_of(moving[0, i], moving[1, i], moving[2, i], moving[3, i], c)
        total += volatility * volatility
    return total


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def advance_pairs(log_price: FloatArray, moving: FloatArray, normal: FloatArray, c: Steps) -> float:
    """Move nested paths of one state on by a session, in place.

    Parameters
    ----------
    log_price : ndarray of shape (2 * n_pairs,)
        Log price; the second half holds the antithetic paths.
    moving : ndarray of shape (5, 2 * n_pairs)
        State.
    normal : ndarray of shape (substeps + 1, n_pairs)
        Normals of the level and of the substeps.
    c : Steps
        Coefficients.

    Returns
    -------
    float
        Mean over paths and substeps of the variance before the level.
    """
    n_pairs = normal.shape[1]
    total = 0.0
    scales = np.empty(min(_CHUNK, n_pairs))
    for half in range(2):
        sign = 1.0 - 2.0 * half
        for low in range(0, n_pairs, _CHUNK):
            high = min(low + _CHUNK, n_pairs)
            first, last = half * n_pairs + low, half * n_pairs + high
            scale, level = scales[: high - low], moving[4, first:last]
            scale_row(level, scale)
            for j in range(c.substeps):
                total += variance_sum(moving[:, first:last], c)
                substep_row(
                    moving[0, first:last],
                    moving[1, first:last],
                    moving[2, first:last],
                    moving[3, first:last],
                    scale,
                    log_price[first:last],
                    normal[1 + j, low:high],
                    sign,
                    c,
                )
            level_row(level, normal[0, low:high], sign, c)
    return total / (2 * n_pairs * c.substeps)  # type: ignore[no-any-return]


@njit(cache=True, nogil=True, fastmath={"contract", "nsz", "reassoc"}, error_model="numpy")  # type: ignore[untyped-decorator]
def growth(log_price: FloatArray, grown: FloatArray) -> float:
    """Fill the exponentials of the log prices and return their mean."""
    total = 0.0
    for i in range(log_price.size):
        value = exp_bounded(log_price[i])
        grown[i] = value
        total += value
    return total / log_price.size


@njit(cache=True, nogil=True, fastmath={"contract", "nsz"}, error_model="numpy")  # type: ignore[untyped-decorator]
def _raw_rows(moving: FloatArray, weight: float, raw: FloatArray) -> None:
    for i in range(moving.shape[1]):
        mixed = moving[2, i] + weight * (moving[3, i] - moving[2, i])
        raw[0, i] = moving[0, i]
        raw[1, i] = moving[1, i]
        raw[2, i] = np.sqrt(mixed)
        raw[3, i] = np.sqrt(moving[3, i])
        raw[4, i] = moving[4, i]


@njit(cache=True, nogil=True, fastmath={"contract", "nsz"}, error_model="numpy")  # type: ignore[untyped-decorator]
def _log_vix_rows(log_vix: FloatArray, level: FloatArray, lowest: float) -> None:
    for i in range(log_vix.size):
        log_vix[i] = level[i] + 0.5 * log_positive(max(log_vix[i], lowest))


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def log_vix_rows(moving: FloatArray, vix: VixPolynomial, log_vix: FloatArray) -> None:
    """Fill the log of the VIX over 100 of states (5, n); ``log_vix`` (n,)."""
    raw, points = np.empty(moving.shape), np.empty(moving.shape)
    _raw_rows(moving, vix.weight, raw)
    linear_rows(raw, vix.shift, vix.matrix, vix.low, vix.high, points)
    cubic_rows(points, vix.coefficients, log_vix)
    _log_vix_rows(log_vix, moving[4], vix.lowest)


@njit(cache=True, nogil=True, fastmath={"contract", "nsz", "reassoc"}, error_model="numpy")  # type: ignore[untyped-decorator]
def mean_and_deviation(values: FloatArray) -> tuple[float, float]:
    """Mean and standard deviation of values."""
    total, square = 0.0, 0.0
    for i in range(values.size):
        total += values[i]
    mean = total / values.size
    for i in range(values.size):
        square += (values[i] - mean) * (values[i] - mean)
    return mean, np.sqrt(square / values.size)
