r"""Sessions of volatility models on two Ornstein-Uhlenbeck factors of one shock, all paths of a day at once.

.. math:: r = g - \sigma^2/2 + \sigma (\rho z + \sqrt{1 - \rho^2}\,\varepsilon), \qquad X' = c + \phi X + s z

with the volatility of the session known at its start; both factors move by the same z. It is exact: the model lives
in sessions.
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
    shared, own : float
        Weights of the shared and of the independent shock in the return.
    persistence_fast, constant_fast, deviation_fast : float
        Of the fast factor.
    persistence_slow, constant_slow, deviation_slow : float
        Of the slow factor.
    weight_fast : float
        Of the fast factor in Z.
    """

    drift: float
    shared: float
    own: float
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
    volatility: FloatArray, fast: FloatArray, slow: FloatArray, weight: float, p: FloatArray
) -> None:
    """Fill with the polynomial of Z of degree 5 and coefficients ``p`` (6,); it may be negative."""
    p0, p1, p2, p3, p4, p5 = p[0], p[1], p[2], p[3], p[4], p[5]
    for i in range(volatility.size):
        x = weight * fast[i] + (1.0 - weight) * slow[i]
        volatility[i] = p0 + x * (p1 + x * (p2 + x * (p3 + x * (p4 + x * p5))))


@njit(cache=True, nogil=True, fastmath={"contract", "nsz"}, error_model="numpy")  # type: ignore[untyped-decorator]
def exponential_volatility(
    volatility: FloatArray, fast: FloatArray, slow: FloatArray, weight: float, p: FloatArray
) -> None:
    """Fill with ``exp(p[0] + p[1] * Z)``."""
    p0, p1 = p[0], p[1]
    for i in range(volatility.size):
        volatility[i] = exp_bounded(p0 + p1 * (weight * fast[i] + (1.0 - weight) * slow[i]))


@njit(cache=True, nogil=True, fastmath={"contract", "nsz"}, error_model="numpy")  # type: ignore[untyped-decorator]
def return_row(log_return: FloatArray, volatility: FloatArray, z: FloatArray, e: FloatArray, step: OuStep) -> None:
    """Log return of one session."""
    for i in range(log_return.size):
        v = volatility[i]
        log_return[i] = step.drift - 0.5 * v * v + v * (step.shared * z[i] + step.own * e[i])


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
    p: FloatArray,
) -> None:
    """Move all paths on by ``log_return.shape[0]`` sessions; ``state`` (2, n_paths) is left at the last state.

    ``log_return`` (n_days, n_paths) and ``states`` (n_days, 2, n_paths) are filled.
    """
    n_days, n_paths = log_return.shape
    size = min(_CHUNK, n_paths)
    all_z, all_e, all_v = np.empty(size), np.empty(size), np.empty(size)
    word = np.uint64(purpose)
    for low in range(0, n_paths, _CHUNK):
        high = min(low + _CHUNK, n_paths)
        z, e, v = all_z[: high - low], all_e[: high - low], all_v[: high - low]
        fast, slow = state[0, low:high], state[1, low:high]
        for k in range(n_days):
            day = np.uint64(np.int64(first_day + k) & np.int64(LOW))
            draw_two_normals(z, e, np.uint64(first_path + low), day, word, key)
            if is_exponential:
                exponential_volatility(v, fast, slow, step.weight_fast, p)
            else:
                polynomial_volatility(v, fast, slow, step.weight_fast, p)
            return_row(log_return[k, low:high], v, z, e, step)
            factor_row(fast, z, step.persistence_fast, step.constant_fast, step.deviation_fast)
            factor_row(slow, z, step.persistence_slow, step.constant_slow, step.deviation_slow)
            states[k, 0, low:high] = fast
            states[k, 1, low:high] = slow
