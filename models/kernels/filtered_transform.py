"""Characteristic function of two filters of one sequence of shocks, on a grid of arguments."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from models.protocols import FloatArray

ComplexArray = NDArray[np.complex128]

_NIL = 1e-17


@njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _read(table: ComplexArray, position: float) -> complex:
    """Four-point Lagrange interpolation at a position counted in nodes; negative ones are conjugates."""
    place = min(abs(position), table.size - 3.0)
    first = max(int(place) - 1, 0)
    t = place - first
    a, b, c = t - 1.0, t - 2.0, t - 3.0
    value = (
        (-a * b * c / 6.0) * table[first]
        + (0.5 * t * b * c) * table[first + 1]
        + (-0.5 * t * a * c) * table[first + 2]
        + (t * a * b / 6.0) * table[first + 3]
    )
    return value if position >= 0.0 else value.conjugate()  # type: ignore[no-any-return]


@njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def filtered_transform(
    result: ComplexArray,
    first: FloatArray,
    second: FloatArray,
    persistence: FloatArray,
    slope: FloatArray,
    tables: ComplexArray,
    step: float,
    n_sessions: int,
) -> None:
    r"""Multiply ``result`` (n_first, n_second) by the sessions' transforms at the arguments ``first``, ``second``.

    The shock of the session k before the last has the weights ``persistence**k``. With a shock z it moves the factors
    by ``slope[0] * z`` where z is positive and by ``slope[1] * z`` where it is negative (2, 2), and the first factor by
    ``slope[2, 0]`` times own noise. ``tables`` (3, n) hold on arguments ``step`` apart the transform of z over its
    positive values, over its negative values, and that of the noise.
    """
    for i in range(first.size):
        for j in range(second.size):
            s, t = first[i] / step, second[j] / step
            value = result[i, j]
            for _ in range(n_sessions):
                shock = _read(tables[0], slope[0, 0] * s + slope[0, 1] * t)
                shock += _read(tables[1], slope[1, 0] * s + slope[1, 1] * t)
                value *= shock * _read(tables[2], slope[2, 0] * s)
                if abs(value.real) + abs(value.imag) < _NIL:
                    value = 0.0 + 0.0j
                    break
                s *= persistence[0]
                t *= persistence[1]
            result[i, j] = value


@njit(cache=True, nogil=True, fastmath={"contract", "nsz", "reassoc"}, error_model="numpy")  # type: ignore[untyped-decorator]
def _turn(real: FloatArray, imag: FloatArray, cosine: FloatArray, sine: FloatArray) -> tuple[float, float]:
    """Return the sums of both parts, and turn every number by its angle."""
    first, second = 0.0, 0.0
    for i in range(real.size):
        x, y = real[i], imag[i]
        first += x
        second += y
        real[i] = x * cosine[i] - y * sine[i]
        imag[i] = x * sine[i] + y * cosine[i]
    return first, second


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def transform_table(result: ComplexArray, values: FloatArray, weights: FloatArray, step: float) -> None:
    """Fill ``result`` with the sums of ``weights * exp(1j * k * step * values)`` for k = 0, 1, .."""
    real, imag = weights.copy(), np.zeros(weights.size)
    cosine, sine = np.cos(step * values), np.sin(step * values)
    for k in range(result.size):
        x, y = _turn(real, imag, cosine, sine)
        result[k] = complex(x, y)
