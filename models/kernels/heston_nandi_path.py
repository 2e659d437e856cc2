r"""The Heston-Nandi recursion, all paths of a day at once.

.. math::

    R_{t+1} &= r + (\mu - 1/2) h_{t+1} + \sqrt{h_{t+1}}\, z_{t+1} \\
    h_{t+2} &= \omega + \beta h_{t+1} + \alpha (z_{t+1} - \gamma \sqrt{h_{t+1}})^2

It is exact: the model lives in sessions.

References
----------
.. [1] S. L. Heston, S. Nandi (2000), "A closed-form GARCH option valuation model", Review of Financial Studies 13(3),
   equation (1).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from models.kernels.philox import LOW, UintArray, normals_of, philox
from models.protocols import FloatArray

_CHUNK = 1024  # paths whose state and draws stay in the first-level cache
_ZERO = np.uint64(0)


class Recursion(NamedTuple):
    """Coefficients of the recursion in daily units.

    Parameters
    ----------
    omega, alpha, beta, gamma : float
        Of the variance.
    mean : float
        Coefficient of the variance in the log return, -1/2 included.
    drift : float
        Riskless growth a session.
    """

    omega: float
    alpha: float
    beta: float
    gamma: float
    mean: float
    drift: float


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def draw_normals(normal: FloatArray, first_path: np.uint64, day: np.uint64, purpose: np.uint64, key: UintArray) -> None:
    """Fill one standard normal a path."""
    k0, k1 = key[0], key[1]
    for i in range(normal.size):
        w0, w1, _, _ = philox(first_path + np.uint64(i), day, _ZERO, purpose, k0, k1)
        normal[i], _ = normals_of(w0, w1)


@njit(cache=True, nogil=True, fastmath={"contract", "nsz"}, error_model="numpy")  # type: ignore[untyped-decorator]
def recursion_row(variance: FloatArray, log_return: FloatArray, normal: FloatArray, c: Recursion) -> None:
    """One session of every path: ``variance`` (known ahead, daily) moves on in place, ``log_return`` is filled."""
    for i in range(variance.size):
        h = variance[i]
        root = np.sqrt(h)
        shock = normal[i] - c.gamma * root
        log_return[i] = c.drift + c.mean * h + root * normal[i]
        variance[i] = c.omega + c.beta * h + c.alpha * shock * shock


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def propagate_rows(
    log_return: FloatArray,
    state: FloatArray,
    variance: FloatArray,
    scale: float,
    first_path: int,
    first_day: int,
    purpose: int,
    key: UintArray,
    c: Recursion,
) -> None:
    """Move all paths on by ``log_return.shape[0]`` sessions; ``variance`` (n_paths,) is left at the last value.

    ``log_return`` and ``state`` of shape (n_days, n_paths) are filled, ``state`` with ``scale`` times the variance.
    """
    n_days, n_paths = log_return.shape
    draws = np.empty(min(_CHUNK, n_paths))
    word = np.uint64(purpose)
    for low in range(0, n_paths, _CHUNK):
        high = min(low + _CHUNK, n_paths)
        normal = draws[: high - low]
        h = variance[low:high]
        for k in range(n_days):
            day = np.uint64(np.int64(first_day + k) & np.int64(LOW))
            draw_normals(normal, np.uint64(first_path + low), day, word, key)
            recursion_row(h, log_return[k, low:high], normal, c)
            for i in range(high - low):
                state[k, low + i] = h[i] * scale
