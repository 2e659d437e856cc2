r"""One session backwards of a characteristic function of two linear factors, with product-integration weights.

.. math:: \phi'_{ab}(u) = \sum_p W_p(u, ab) \sum_l (M_2)_{pbl} \sum_k (M_1)_{pak}\, \phi_{kl}(u)

where the stencils M move each factor as the p-th shock does, and W_p is the integral of the return's phase times the
p-th basis function of the shock. Arguments u are the last axis, in blocks that stay in the cache.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from models.protocols import FloatArray

ComplexArray = NDArray[np.complex128]
IntArray = NDArray[np.int64]


@njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def fill_phases(
    cosine: FloatArray,
    sine: FloatArray,
    knots: FloatArray,
    deviation: FloatArray,
    damping: FloatArray,
    growth: FloatArray,
    tables: ComplexArray,
    step: float,
) -> None:
    """Fill ``cosine`` and ``sine`` (n_basis, n_nodes, n_u) of the weights.

    ``tables`` (n_basis, n) hold the transforms of the basis functions at arguments ``step`` apart; beyond them they
    are nil. ``deviation`` (n_nodes,) scales the shock and may be negative, ``damping`` is the variance of the part of
    the return that moves no factor, ``growth`` its drift.
    """
    n_basis, n = tables.shape
    for i in range(deviation.size):
        for q in range(knots.size):
            u = knots[q]
            place = abs(u * deviation[i]) / step
            if place >= n - 2.0:
                cosine[:, i, q] = 0.0
                sine[:, i, q] = 0.0
                continue
            first = max(int(place) - 1, 0)
            t = place - first
            a, b, c = t - 1.0, t - 2.0, t - 3.0
            w0, w1, w2, w3 = -a * b * c / 6.0, 0.5 * t * b * c, -0.5 * t * a * c, t * a * b / 6.0
            size = np.exp(-0.5 * u * u * damping[i])
            x, y = size * np.cos(u * growth[i]), -size * np.sin(u * growth[i])
            for p in range(n_basis):
                row = tables[p]
                value = w0 * row[first] + w1 * row[first + 1] + w2 * row[first + 2] + w3 * row[first + 3]
                imag = value.imag if deviation[i] >= 0.0 else -value.imag
                cosine[p, i, q] = value.real * x - imag * y
                sine[p, i, q] = value.real * y + imag * x


@njit(cache=True, nogil=True, fastmath={"contract", "nsz", "reassoc"}, error_model="numpy")  # type: ignore[untyped-decorator]
def _gather(target: FloatArray, source: FloatArray, first: int, w: FloatArray) -> None:
    """Set ``target`` to six weighted rows of ``source`` from ``first`` on."""
    a, b, c = source[first], source[first + 1], source[first + 2]
    d, e, f = source[first + 3], source[first + 4], source[first + 5]
    for m in range(target.size):
        target[m] = w[0] * a[m] + w[1] * b[m] + w[2] * c[m] + w[3] * d[m] + w[4] * e[m] + w[5] * f[m]


@njit(cache=True, nogil=True, fastmath={"contract", "nsz", "reassoc"}, error_model="numpy")  # type: ignore[untyped-decorator]
def _turn(
    real: FloatArray, imag: FloatArray, x: FloatArray, y: FloatArray, cosine: FloatArray, sine: FloatArray
) -> None:
    """Add (x + iy)(cosine + i sine) to real + i imag."""
    for q in range(real.size):
        real[q] += x[q] * cosine[q] - y[q] * sine[q]
        imag[q] += x[q] * sine[q] + y[q] * cosine[q]


@njit(cache=True, nogil=True, fastmath={"contract", "nsz", "reassoc"}, error_model="numpy")  # type: ignore[untyped-decorator]
def _multiply(target: FloatArray, matrix: FloatArray, source: FloatArray) -> None:
    """Set ``target`` (n, m) to the product of a small matrix (n, n) and ``source``."""
    for a in range(matrix.shape[0]):
        row = target[a]
        row[:] = 0.0
        for k in range(matrix.shape[1]):
            factor, other = matrix[a, k], source[k]
            for m in range(row.size):
                row[m] += factor * other[m]


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def spline_coefficients(result: FloatArray, values: FloatArray, first: FloatArray, second: FloatArray) -> None:
    """Set ``result`` (2, n_1, n_2, n_u) to ``values`` times a matrix along each factor, (n_1, n_1) and (n_2, n_2)."""
    n_1, n_2, n_u = values.shape[1:]
    along = np.empty((n_1, n_2 * n_u))
    for part in range(2):
        _multiply(along, first, values[part].reshape(n_1, n_2 * n_u))
        for a in range(n_1):
            _multiply(result[part, a], second, along[a].reshape(n_2, n_u))


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def step_linear_factors(
    result: FloatArray,
    values: FloatArray,
    cosine: FloatArray,
    sine: FloatArray,
    first_1: IntArray,
    weight_1: FloatArray,
    first_2: IntArray,
    weight_2: FloatArray,
) -> None:
    """One session back for a block of arguments.

    ``result`` and ``values`` have shape (2, n_1, n_2, n_u), real and imaginary parts, ``values`` as spline coefficients
    of what is averaged over the factors' own noise; the phases (n_basis, n_1 n_2,
    n_u); stencils (n_basis, n) and (n_basis, n, 6).
    """
    n_basis, n_1 = first_1.shape
    n_2, n_u = values.shape[2], values.shape[3]
    real, imag = values[0].reshape(n_1, n_2 * n_u), values[1].reshape(n_1, n_2 * n_u)
    row_real, row_imag = np.empty(n_2 * n_u), np.empty(n_2 * n_u)
    lines_real, lines_imag = row_real.reshape(n_2, n_u), row_imag.reshape(n_2, n_u)
    x, y = np.empty(n_u), np.empty(n_u)
    result[:] = 0.0
    for a in range(n_1):
        for p in range(n_basis):
            _gather(row_real, real, first_1[p, a], weight_1[p, a])
            _gather(row_imag, imag, first_1[p, a], weight_1[p, a])
            for b in range(n_2):
                _gather(x, lines_real, first_2[p, b], weight_2[p, b])
                _gather(y, lines_imag, first_2[p, b], weight_2[p, b])
                _turn(result[0, a, b], result[1, a, b], x, y, cosine[p, a * n_2 + b], sine[p, a * n_2 + b])
