r"""Sessions of the two-factor log-variance model, all paths of a day at once.

.. math::

    v_t &= F + e^{l + X_t + Y_t}, \qquad r_{t+1} = g - v_t/2 + c(v_t) z \\
    X_{t+1} &= \phi_x X_t + m_x - a_x z + b_x |z| + c_x w, \qquad Y_{t+1} = \phi_y Y_t + m_y - a_y z + b_y |z| + c_y u

with sinh-arcsinh shocks z and w and a normal u. It is exact: the model lives in sessions.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from models.kernels.exponential import exp_bounded
from models.kernels.fastmath import log_positive
from models.kernels.philox import LOW, UintArray, normals_of, philox
from models.protocols import FloatArray

_CHUNK = 512  # paths whose state and draws stay in the first-level cache
_ZERO = np.uint64(0)


class ShockLaw(NamedTuple):
    """Constants of a sinh-arcsinh normal: ``sinh((asinh(N) + skew) * inverse_tail)``, then standardised."""

    skew: float
    inverse_tail: float
    location: float
    inverse_scale: float


class FactorStep(NamedTuple):
    """One factor's session: persistence, constant, and slopes in z, the size of z, and its own noise."""

    persistence: float
    constant: float
    shock: float
    size: float
    noise: float


class ReturnStep(NamedTuple):
    """One session's return: riskless growth and premium, floor and log level of the variance."""

    drift: float
    floor: float
    log_level: float


@njit(cache=True, nogil=True, forceinline=True, fastmath={"contract", "nsz"}, error_model="numpy")  # type: ignore[untyped-decorator]
def shock_of(normal: float, law: ShockLaw) -> float:
    """Standardised sinh-arcsinh shock of a standard normal."""
    angle = log_positive(normal + np.sqrt(normal * normal + 1.0))
    grown = exp_bounded((angle + law.skew) * law.inverse_tail)
    return (0.5 * (grown - 1.0 / grown) - law.location) * law.inverse_scale  # type: ignore[no-any-return]


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def draw_three_normals(
    z: FloatArray,
    w: FloatArray,
    u: FloatArray,
    first_path: np.uint64,
    day: np.uint64,
    purpose: np.uint64,
    key: UintArray,
) -> None:
    """Fill three standard normals a path."""
    k0, k1 = key[0], key[1]
    for i in range(z.size):
        w0, w1, w2, w3 = philox(first_path + np.uint64(i), day, _ZERO, purpose, k0, k1)
        z[i], w[i] = normals_of(w0, w1)
        u[i], _ = normals_of(w2, w3)


@njit(cache=True, nogil=True, fastmath={"contract", "nsz"}, error_model="numpy")  # type: ignore[untyped-decorator]
def shape_shocks(normal: FloatArray, law: ShockLaw) -> None:
    """Turn standard normals into sinh-arcsinh shocks in place."""
    for i in range(normal.size):
        normal[i] = shock_of(normal[i], law)


@njit(cache=True, nogil=True, fastmath={"contract", "nsz"}, error_model="numpy")  # type: ignore[untyped-decorator]
def return_row(
    log_return: FloatArray, fast: FloatArray, slow: FloatArray, z: FloatArray, step: ReturnStep, deviation: FloatArray
) -> None:
    """Log return of one session; ``deviation`` (13,) is the polynomial of ``deviation_of_variance``."""
    d0, d1, d2, d3, d4 = deviation[0], deviation[1], deviation[2], deviation[3], deviation[4]
    d5, d6, d7, d8 = deviation[5], deviation[6], deviation[7], deviation[8]
    d9, d10, d11, d12 = deviation[9], deviation[10], deviation[11], deviation[12]
    for i in range(log_return.size):
        variance = step.floor + exp_bounded(step.log_level + fast[i] + slow[i])
        root = np.sqrt(variance)
        y = min(root, 1.0)
        ratio = d6 + y * (d7 + y * (d8 + y * (d9 + y * (d10 + y * (d11 + y * d12)))))
        ratio = d0 + y * (d1 + y * (d2 + y * (d3 + y * (d4 + y * (d5 + y * ratio)))))
        log_return[i] = step.drift - 0.5 * variance + root * ratio * z[i]


@njit(cache=True, nogil=True, fastmath={"contract", "nsz"}, error_model="numpy")  # type: ignore[untyped-decorator]
def factor_row(factor: FloatArray, z: FloatArray, own: FloatArray, step: FactorStep) -> None:
    """Move one factor on in place."""
    for i in range(factor.size):
        factor[i] = (
            step.persistence * factor[i]
            + step.constant
            + step.shock * z[i]
            + step.size * abs(z[i])
            + step.noise * own[i]
        )


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def propagate_rows(
    log_return: FloatArray,
    states: FloatArray,
    state: FloatArray,
    first_path: int,
    first_day: int,
    purpose: int,
    key: UintArray,
    returns: ReturnStep,
    deviation: FloatArray,
    fast_step: FactorStep,
    slow_step: FactorStep,
    return_shock: ShockLaw,
    noise_shock: ShockLaw,
) -> None:
    """Move all paths on by ``log_return.shape[0]`` sessions; ``state`` (2, n_paths) is left at the last state.

    ``log_return`` (n_days, n_paths) and ``states`` (n_days, 2, n_paths) are filled.
    """
    n_days, n_paths = log_return.shape
    size = min(_CHUNK, n_paths)
    all_z, all_w, all_u = np.empty(size), np.empty(size), np.empty(size)
    word = np.uint64(purpose)
    for low in range(0, n_paths, _CHUNK):
        high = min(low + _CHUNK, n_paths)
        z, w, u = all_z[: high - low], all_w[: high - low], all_u[: high - low]
        fast, slow = state[0, low:high], state[1, low:high]
        for k in range(n_days):
            day = np.uint64(np.int64(first_day + k) & np.int64(LOW))
            draw_three_normals(z, w, u, np.uint64(first_path + low), day, word, key)
            shape_shocks(z, return_shock)
            shape_shocks(w, noise_shock)
            return_row(log_return[k, low:high], fast, slow, z, returns, deviation)
            factor_row(fast, z, w, fast_step)
            factor_row(slow, z, u, slow_step)
            states[k, 0, low:high] = fast
            states[k, 1, low:high] = slow
