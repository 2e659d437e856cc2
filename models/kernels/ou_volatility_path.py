r"""Sessions of volatility models on two Ornstein-Uhlenbeck factors of one shock, all paths of a day at once.

.. math:: r = g - v/2 + \rho\, m z + \sqrt{v - \rho^2 m^2}\,\varepsilon, \qquad X' = c + \phi X + s z

with m the mean volatility and v the variance of the session, known at its start; both factors move by the same z. It
is exact: the model lives in sessions.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from models.kernels.exponential import exp_bounded
from models.kernels.philox import LOW, UintArray, normals_of, philox
from models.protocols import FloatArray

_CHUNK = 512  # paths whose state and draws stay in the first-level cache
_ZERO = np.uint64(0)


class OuStep(NamedTuple):
    """Coefficients of a session.

    Parameters
    ----------
    drift : float
        Log of the expected growth.
    rho : float
        Correlation of the return with the shared shock.
    persistence_fast, constant_fast, deviation_fast : float
        Of the fast factor.
    persistence_slow, constant_slow, deviation_slow : float
        Of the slow factor.
    weight_fast : float
        Of the fast factor in Z.
    """

    drift: float
    rho: float
    persistence_fast: float
    constant_fast: float
    deviation_fast: float
    persistence_slow: float
    constant_slow: float
    deviation_slow: float
    weight_fast: float


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def draw_two_normals(
    z: FloatArray, e: FloatArray, first_path: np.uint64, day: np.uint64, purpose: np.uint64, key: UintArray
) -> None:
    """Fill two standard normals a path."""
    k0, k1 = key[0], key[1]
    for i in range(z.size):
        w0, w1, _, _ = philox(first_path + np.uint64(i), day, _ZERO, purpose, k0, k1)
        z[i], e[i] = normals_of(w0, w1)


@njit(cache=True, nogil=True, fastmath={"contract", "nsz"}, error_model="numpy")  # type: ignore[untyped-decorator]
def polynomial_volatility(
    mean: FloatArray,
    variance: FloatArray,
    fast: FloatArray,
    slow: FloatArray,
    weight: float,
    m: FloatArray,
    v: FloatArray,
) -> None:
    """Fill mean volatility and variance with polynomials of Z of degrees 5 and 10, coefficients (6,) and (11,)."""
    m0, m1, m2, m3, m4, m5 = m[0], m[1], m[2], m[3], m[4], m[5]
    v0, v1, v2, v3, v4, v5 = v[0], v[1], v[2], v[3], v[4], v[5]
    v6, v7, v8, v9, v10 = v[6], v[7], v[8], v[9], v[10]
    for i in range(mean.size):
        x = weight * fast[i] + (1.0 - weight) * slow[i]
        mean[i] = m0 + x * (m1 + x * (m2 + x * (m3 + x * (m4 + x * m5))))
        upper = v5 + x * (v6 + x * (v7 + x * (v8 + x * (v9 + x * v10))))
        variance[i] = v0 + x * (v1 + x * (v2 + x * (v3 + x * (v4 + x * upper))))


@njit(cache=True, nogil=True, fastmath={"contract", "nsz"}, error_model="numpy")  # type: ignore[untyped-decorator]
def exponential_volatility(
    mean: FloatArray,
    variance: FloatArray,
    fast: FloatArray,
    slow: FloatArray,
    weight: float,
    m: FloatArray,
) -> None:
    """Fill mean volatility with ``exp(m[0] + m[1] * Z)`` and variance with its square."""
    m0, m1 = m[0], m[1]
    for i in range(mean.size):
        level = exp_bounded(m0 + m1 * (weight * fast[i] + (1.0 - weight) * slow[i]))
        mean[i] = level
        variance[i] = level * level


@njit(cache=True, nogil=True, fastmath={"contract", "nsz"}, error_model="numpy")  # type: ignore[untyped-decorator]
def return_row(
    log_return: FloatArray, mean: FloatArray, variance: FloatArray, z: FloatArray, e: FloatArray, step: OuStep
) -> None:
    """Log return of one session."""
    for i in range(log_return.size):
        shared = step.rho * mean[i]
        own = np.sqrt(max(variance[i] - shared * shared, 0.0))
        log_return[i] = step.drift - 0.5 * variance[i] + shared * z[i] + own * e[i]


@njit(cache=True, nogil=True, fastmath={"contract", "nsz"}, error_model="numpy")  # type: ignore[untyped-decorator]
def factor_row(factor: FloatArray, z: FloatArray, persistence: float, constant: float, deviation: float) -> None:
    """Move one factor on in place."""
    for i in range(factor.size):
        factor[i] = constant + persistence * factor[i] + deviation * z[i]


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def propagate_rows(
    log_return: FloatArray,
    states: FloatArray,
    state: FloatArray,
    first_path: int,
    first_day: int,
    purpose: int,
    key: UintArray,
    step: OuStep,
    is_exponential: bool,
    m: FloatArray,
    v: FloatArray,
) -> None:
    """Move all paths on by ``log_return.shape[0]`` sessions; ``state`` (2, n_paths) is left at the last state.

    ``log_return`` (n_days, n_paths) and ``states`` (n_days, 2, n_paths) are filled; ``m`` and ``v`` are the
    coefficients of ``polynomial_volatility``, or ``m`` those of ``exponential_volatility``.
    """
    n_days, n_paths = log_return.shape
    size = min(_CHUNK, n_paths)
    all_z, all_e, all_mean, all_variance = np.empty(size), np.empty(size), np.empty(size), np.empty(size)
    word = np.uint64(purpose)
    for low in range(0, n_paths, _CHUNK):
        high = min(low + _CHUNK, n_paths)
        z, e = all_z[: high - low], all_e[: high - low]
        mean, variance = all_mean[: high - low], all_variance[: high - low]
        fast, slow = state[0, low:high], state[1, low:high]
        for k in range(n_days):
            day = np.uint64(np.int64(first_day + k) & np.int64(LOW))
            draw_two_normals(z, e, np.uint64(first_path + low), day, word, key)
            if is_exponential:
                exponential_volatility(mean, variance, fast, slow, step.weight_fast, m)
            else:
                polynomial_volatility(mean, variance, fast, slow, step.weight_fast, m, v)
            return_row(log_return[k, low:high], mean, variance, z, e, step)
            factor_row(fast, z, step.persistence_fast, step.constant_fast, step.deviation_fast)
            factor_row(slow, z, step.persistence_slow, step.constant_slow, step.deviation_slow)
            states[k, 0, low:high] = fast
            states[k, 1, low:high] = slow
