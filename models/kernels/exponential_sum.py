"""Sums of exponentials of two factors, all states of an array at once."""

from __future__ import annotations

from numba import njit

from models.kernels.exponential import exp_bounded
from models.protocols import FloatArray

_CHUNK = 1024


@njit(cache=True, nogil=True, fastmath={"contract", "nsz"}, error_model="numpy")  # type: ignore[untyped-decorator]
def add_exponentials(total: FloatArray, first: FloatArray, second: FloatArray, c: float, a: float, b: float) -> None:
    """Add ``exp(c + a * first + b * second)`` to ``total``."""
    for i in range(total.size):
        total[i] += exp_bounded(c + a * first[i] + b * second[i])


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def exponential_sum(
    total: FloatArray,
    first: FloatArray,
    second: FloatArray,
    log_weight: FloatArray,
    first_slope: FloatArray,
    second_slope: FloatArray,
) -> None:
    """Add the sum over terms ``j`` of ``exp(log_weight[j] + first_slope[j] * first + second_slope[j] * second)``."""
    for low in range(0, total.size, _CHUNK):
        high = min(low + _CHUNK, total.size)
        part, x, y = total[low:high], first[low:high], second[low:high]
        for j in range(log_weight.size):
            add_exponentials(part, x, y, log_weight[j], first_slope[j], second_slope[j])
