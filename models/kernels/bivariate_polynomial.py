"""Polynomials in two variables, all states of an array at once."""

from __future__ import annotations

import numpy as np
from numba import njit

from models.protocols import FloatArray

_CHUNK = 512


@njit(cache=True, nogil=True, fastmath={"contract", "nsz"}, error_model="numpy")  # type: ignore[untyped-decorator]
def _times_plus(value: FloatArray, factor: FloatArray, constant: float) -> None:
    for i in range(value.size):
        value[i] = value[i] * factor[i] + constant


@njit(cache=True, nogil=True, fastmath={"contract", "nsz"}, error_model="numpy")  # type: ignore[untyped-decorator]
def _times_plus_each(value: FloatArray, factor: FloatArray, other: FloatArray) -> None:
    for i in range(value.size):
        value[i] = value[i] * factor[i] + other[i]


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def bivariate_polynomial(out: FloatArray, first: FloatArray, second: FloatArray, coefficients: FloatArray) -> None:
    """Fill ``out`` with the sum of ``coefficients[i, j] * first**i * second**j`` over ``i + j < n`` by Horner."""
    n = coefficients.shape[0]
    scratch = np.empty(min(_CHUNK, out.size))
    for low in range(0, out.size, _CHUNK):
        high = min(low + _CHUNK, out.size)
        total, inner = out[low:high], scratch[: high - low]
        x, y = first[low:high], second[low:high]
        total[:] = 0.0
        for i in range(n - 1, -1, -1):
            inner[:] = 0.0
            for j in range(n - 1 - i, -1, -1):
                _times_plus(inner, y, coefficients[i, j])
            _times_plus_each(total, x, inner)
