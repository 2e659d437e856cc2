r"""Quadratic-exponential steps of two square-root variances, the slow one feeding the fast, and of the log price.

The slow factor moves first. Over the step it then enters the drift of the fast one as a constant, the mean of its two
ends. Given the slow factor the fast one is square-root with that drift, so Andersen's martingale correction [1]_ of
each factor is exact in turn, and so is the mean of the price. One normal serves the two parts of the price that neither
variance explains: their sum is normal with the sum of their variances. Jumps: see
``models.kernels.quadratic_exponential``.

References
----------
.. [1] L. Andersen (2008), "Simple and efficient simulation of the Heston stochastic volatility model", Journal of
   Computational Finance 11(3).
"""

from __future__ import annotations

import numpy as np
from numba import njit

from models.kernels.fastmath import log_positive
from models.kernels.philox import LOW, UintArray, normals_of, philox, uniform_of
from models.kernels.quadratic_exponential import (
    MAX_JUMPS,
    PSI_CRITICAL,
    StepCoefficients,
    jump_row_at_rates,
    rate_row,
)
from models.protocols import FloatArray

_BLOCKS_A_STEP = MAX_JUMPS + 2  # two of draws, the second one counted among those of jumps
_CHUNK = 1024


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def draw_pair_row(
    draws: FloatArray,
    n: int,
    first_path: np.uint64,
    day: np.uint64,
    block: np.uint64,
    purpose: np.uint64,
    key: UintArray,
) -> None:
    """Fill six rows: normals of fast, slow and price, uniforms of fast, slow and jumps."""
    fast, slow, price = draws[0], draws[1], draws[2]
    uniform_fast, uniform_slow, uniform_n = draws[3], draws[4], draws[5]
    k0, k1 = key[0], key[1]
    for i in range(n):
        w0, w1, w2, w3 = philox(first_path + np.uint64(i), day, block, purpose, k0, k1)
        fast[i], slow[i] = normals_of(w0, w1)
        uniform_fast[i] = uniform_of(w2)
        uniform_slow[i] = uniform_of(w3)
    for i in range(n):
        w0, w1, w2, _ = philox(first_path + np.uint64(i), day, block + np.uint64(1), purpose, k0, k1)
        price[i], _ = normals_of(w0, w1)
        uniform_n[i] = uniform_of(w2)


@njit(cache=True, nogil=True, fastmath={"contract", "nsz", "arcp"}, error_model="numpy")  # type: ignore[untyped-decorator]
def diffuse_factor_row(
    variance: FloatArray,
    log_return: FloatArray,
    spread: FloatArray,
    feed: FloatArray,
    normal: FloatArray,
    uniform: FloatArray,
    feed_mean: float,
    feed_spread: float,
    c: StepCoefficients,
) -> None:
    """One step of a factor: ``variance`` in place; what it explains of the price is added to ``log_return``.

    ``spread`` gains the variance of what it does not explain; ``feed`` is the level of the factor that feeds it.
    """
    for i in range(variance.size):
        v = variance[i]
        mean = c.mean_constant + feed_mean * feed[i] + c.decay * v
        ratio = (c.spread_constant + feed_spread * feed[i] + c.spread_slope * v) / mean
        psi = ratio / mean
        is_quadratic = psi <= PSI_CRITICAL
        scale_q = 0.5 * ratio / (1.0 + np.sqrt(max(1.0 - 0.5 * psi, 0.0)))
        scale_e = 0.5 * (ratio + mean)
        root = np.sqrt(max(mean - scale_q, 0.0)) + np.sqrt(scale_q) * normal[i]
        tail = -log_positive(0.5 * (psi + 1.0) * (1.0 - uniform[i]))
        v_next = root * root if is_quadratic else scale_e * max(tail, 0.0)
        denominator = 1.0 - (2.0 * c.a * scale_q if is_quadratic else c.a * scale_e)
        fraction = c.a * (mean - scale_q if is_quadratic else mean) / denominator
        log_moment = log_positive(denominator if is_quadratic else 1.0 + fraction)
        correction = 0.5 * log_moment - fraction if is_quadratic else -log_moment
        log_return[i] += c.drift + correction - 0.5 * c.k3 * v + c.k2 * v_next
        spread[i] += c.k3 * (v + v_next)
        variance[i] = v_next


@njit(cache=True, nogil=True, fastmath={"contract", "nsz", "arcp"}, error_model="numpy")  # type: ignore[untyped-decorator]
def noise_row(log_return: FloatArray, spread: FloatArray, normal: FloatArray) -> None:
    """Add the part of the price that the variances do not explain."""
    for i in range(log_return.size):
        log_return[i] += np.sqrt(spread[i]) * normal[i]


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def propagate_pair_rows(
    log_return: FloatArray,
    states: FloatArray,
    pair: FloatArray,
    steps_per_day: int,
    first_path: int,
    first_day: int,
    purpose: int,
    key: UintArray,
    feed_mean: float,
    feed_spread: float,
    fast: StepCoefficients,
    slow: StepCoefficients,
) -> None:
    """Move all paths on by ``log_return.shape[0]`` days; ``pair`` (2, n_paths) is left at the last day's values.

    ``log_return`` (n_days, n_paths) and ``states`` (n_days or 0, 2, n_paths) are filled, the latter where it has rows.
    """
    n_days, n_paths = log_return.shape
    width = min(_CHUNK, n_paths)
    draws, work = np.empty((6, width)), np.empty((3, width))
    has_jumps = fast.jump_rate > 0.0 or fast.jump_rate_slope > 0.0
    word = np.uint64(purpose)
    for low in range(0, n_paths, _CHUNK):
        high = min(low + _CHUNK, n_paths)
        n = high - low
        path = np.uint64(first_path + low)
        v1, v2 = pair[0, low:high], pair[1, low:high]
        spread, feed, rate = work[0, :n], work[1, :n], work[2, :n]
        normal_1, normal_2, normal_s = draws[0, :n], draws[1, :n], draws[2, :n]
        uniform_1, uniform_2, uniform_n = draws[3, :n], draws[4, :n], draws[5, :n]
        for k in range(n_days):
            day = np.uint64(np.int64(first_day + k) & np.int64(LOW))
            row = log_return[k, low:high]
            row[:] = 0.0
            for step in range(steps_per_day):
                block = np.uint64(step * _BLOCKS_A_STEP)
                draw_pair_row(draws, n, path, day, block, word, key)
                spread[:] = 0.0
                feed[:] = v2
                rate[:] = v1
                diffuse_factor_row(v2, row, spread, feed, normal_2, uniform_2, 0.0, 0.0, slow)
                feed[:] = 0.5 * (feed + v2)
                diffuse_factor_row(v1, row, spread, feed, normal_1, uniform_1, feed_mean, feed_spread, fast)
                noise_row(row, spread, normal_s)
                if has_jumps:
                    rate_row(rate, v1, row, fast)
                    jump_row_at_rates(v1, row, uniform_n, rate, path, day, block + np.uint64(1), word, key, fast)
            if states.shape[0] > 0:
                states[k, 0, low:high] = v1
                states[k, 1, low:high] = v2
