r"""Steps of the four-factor path-dependent volatility model, all paths of a substep at once.

With volatility :math:`\sigma = \beta_0 + \beta_1 R_1 + \beta_2 \sqrt{R_2} + \beta_{12} (R_1 - c)_+^2`, kept between a
floor and a cap, and a substep of :math:`\delta` years,

.. math::

    x &\leftarrow x + (\mu - \sigma^2 e^{2Y} / 2)\,\delta + \sigma e^{Y} \sqrt{\delta}\, z \\
    R_{1j} &\leftarrow e^{-\lambda_{1j}\delta} (R_{1j} + \lambda_{1j} \sigma \sqrt\delta\, z) \\
    R_{2j} &\leftarrow e^{-\lambda_{2j}\delta} (R_{2j} + \lambda_{2j} \sigma^2 \delta)

and the level Y moves once a session. This is the scheme of the authors of [1]_.

References
----------
.. [1] J. Guyon, J. Lekeufack (2023), "Volatility is (mostly) path-dependent", Quantitative Finance 23(9), section 4.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from models.kernels.exponential import exp_bounded
from models.kernels.philox import LOW, UintArray, normals_of, philox
from models.protocols import FloatArray

_CHUNK = 1024  # paths whose state and draws stay in the first-level cache


class Steps(NamedTuple):
    """Coefficients of a substep under one measure.

    Parameters
    ----------
    b0, b1, b2, b12, centre, floor, cap : float
        Of the volatility.
    weight1, weight2 : float
        Weight of the second trend and of the second activity.
    decay10, decay11, decay20, decay21 : float
        Of the factors over a substep.
    gain10, gain11 : float
        Of a trend, per unit of volatility times normal.
    gain20, gain21 : float
        Of an activity, per unit of variance.
    root : float
        Root of the substep.
    half : float
        Half the substep.
    drift : float
        Of the log price, without the -1/2 variance, over a substep.
    level_decay, level_pull, level_scale : float
        Of the level over a session: weight of the old one, what is added, and the deviation of its shock.
    substeps : int
        Substeps a session.
    """

    b0: float
    b1: float
    b2: float
    b12: float
    centre: float
    floor: float
    cap: float
    weight1: float
    weight2: float
    decay10: float
    decay11: float
    decay20: float
    decay21: float
    gain10: float
    gain11: float
    gain20: float
    gain21: float
    root: float
    half: float
    drift: float
    level_decay: float
    level_pull: float
    level_scale: float
    substeps: int


@njit(cache=True, nogil=True, forceinline=True, error_model="numpy")  # type: ignore[untyped-decorator]
def volatility_of(r10: float, r11: float, r20: float, r21: float, c: Steps) -> float:
    """Volatility before the level, between its floor and its cap."""
    trend = r10 + c.weight1 * (r11 - r10)
    activity = max(r20 + c.weight2 * (r21 - r20), 0.0)
    above = max(trend - c.centre, 0.0)
    return min(max(c.b0 + c.b1 * trend + c.b2 * np.sqrt(activity) + c.b12 * above * above, c.floor), c.cap)  # type: ignore[no-any-return]


@njit(cache=True, nogil=True, fastmath={"contract", "nsz"}, error_model="numpy")  # type: ignore[untyped-decorator]
def substep_row(
    r10: FloatArray,
    r11: FloatArray,
    r20: FloatArray,
    r21: FloatArray,
    scale: FloatArray,
    log_price: FloatArray,
    normal: FloatArray,
    sign: float,
    c: Steps,
) -> None:
    """One substep of every path, in place; ``scale`` is the exponential of the level, ``sign`` flips the normals."""
    for i in range(log_price.size):
        volatility = volatility_of(r10[i], r11[i], r20[i], r21[i], c)
        variance = volatility * volatility
        shock = sign * volatility * normal[i]
        total = scale[i] * scale[i]
        log_price[i] += c.drift - c.half * variance * total + c.root * shock * scale[i]
        r10[i] = c.decay10 * r10[i] + c.gain10 * shock
        r11[i] = c.decay11 * r11[i] + c.gain11 * shock
        r20[i] = c.decay20 * r20[i] + c.gain20 * variance
        r21[i] = c.decay21 * r21[i] + c.gain21 * variance


@njit(cache=True, nogil=True, fastmath={"contract", "nsz"}, error_model="numpy")  # type: ignore[untyped-decorator]
def scale_row(level: FloatArray, scale: FloatArray) -> None:
    """Fill the exponential of the level."""
    for i in range(level.size):
        scale[i] = exp_bounded(level[i])


@njit(cache=True, nogil=True, fastmath={"contract", "nsz"}, error_model="numpy")  # type: ignore[untyped-decorator]
def level_row(level: FloatArray, normal: FloatArray, sign: float, c: Steps) -> None:
    """Move the level on by a session, exactly."""
    pull, decay, scale = c.level_pull, c.level_decay, sign * c.level_scale
    for i in range(level.size):
        level[i] = pull + decay * level[i] + scale * normal[i]


@njit(cache=True, nogil=True, inline="always")  # type: ignore[untyped-decorator]
def even_rows(n: int) -> int:
    """``n`` rounded up to an even number."""
    return n + n % 2


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def draw_rows(normal: FloatArray, first_path: np.uint64, day: np.uint64, purpose: np.uint64, key: UintArray) -> None:
    """Fill the normals of a session, shape (even number of rows, n_paths): row 0 is the level's, row 1 + j substep j's.

    Block ``b`` of a path's numbers fills rows ``4 b`` to ``4 b + 3``.
    """
    for row in range(0, normal.shape[0], 4):
        block = np.uint64(row // 4)
        _low_words(normal[row], normal[row + 1], first_path, day, block, purpose, key)
        if row + 2 < normal.shape[0]:
            _high_words(normal[row + 2], normal[row + 3], first_path, day, block, purpose, key)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _low_words(first, second, first_path, day, block, purpose, key):  # type: ignore[no-untyped-def]
    """Two normals a path from the first two words of a block."""
    k0, k1 = key[0], key[1]
    for i in range(first.size):
        w0, w1, _, _ = philox(first_path + np.uint64(i), day, block, purpose, k0, k1)
        first[i], second[i] = normals_of(w0, w1)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _high_words(first, second, first_path, day, block, purpose, key):  # type: ignore[no-untyped-def]
    """Two normals a path from the last two words of a block."""
    k0, k1 = key[0], key[1]
    for i in range(first.size):
        _, _, w2, w3 = philox(first_path + np.uint64(i), day, block, purpose, k0, k1)
        first[i], second[i] = normals_of(w2, w3)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def propagate_rows(
    log_return: FloatArray,
    state: FloatArray,
    moving: FloatArray,
    first_path: int,
    first_day: int,
    purpose: int,
    key: UintArray,
    c: Steps,
) -> None:
    """Move all paths on by ``log_return.shape[0]`` sessions; ``moving`` (5, n_paths) is left at the last state.

    ``log_return`` of shape (n_days, n_paths) and ``state`` of shape (n_days, 5, n_paths) are filled; a ``state`` of
    no rows is left alone.
    """
    n_days, n_paths = log_return.shape
    scales = np.empty(min(_CHUNK, n_paths))
    word = np.uint64(purpose)
    for low in range(0, n_paths, _CHUNK):
        high = min(low + _CHUNK, n_paths)
        # rows cut out of wider ones would not be known to be contiguous, and stay scalar code
        normal, scale = np.empty((even_rows(c.substeps + 1), high - low)), scales[: high - low]
        r10, r11, r20 = moving[0, low:high], moving[1, low:high], moving[2, low:high]
        r21, level = moving[3, low:high], moving[4, low:high]
        for k in range(n_days):
            day = np.uint64(np.int64(first_day + k) & np.int64(LOW))
            draw_rows(normal, np.uint64(first_path + low), day, word, key)
            scale_row(level, scale)
            log_price = log_return[k, low:high]
            log_price[:] = 0.0
            for j in range(c.substeps):
                substep_row(r10, r11, r20, r21, scale, log_price, normal[1 + j], 1.0, c)
            level_row(level, normal[0], 1.0, c)
            if state.shape[0] > 0:
                for factor in range(5):
                    state[k, factor, low:high] = moving[factor, low:high]
