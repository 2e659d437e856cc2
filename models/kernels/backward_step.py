r"""One session backwards of a characteristic function on a grid of states.

With one factor the session is a matrix for each argument u; with two, factors that are moved by one shock make it

.. math:: \phi'_{ab} = \sum_j P_{jab} \sum_l (M_2)_{jbl} \sum_k (M_1)_{jak}\, \phi_{kl}

whose stencils are short. Arguments are the last axis, in blocks that stay in the cache: every inner loop runs over
neighbours.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from models.protocols import FloatArray

ComplexArray = NDArray[np.complex128]
IntArray = NDArray[np.int64]


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def fill_session_matrices(
    real: FloatArray,
    imag: FloatArray,
    knots: FloatArray,
    log_return: FloatArray,
    damping: FloatArray,
    weight: FloatArray,
    first: IntArray,
    stencil: FloatArray,
    u_limit: FloatArray,
) -> None:
    """Fill ``real`` and ``imag`` (n_u, n, n) of the matrices of one session.

    Row i sums the shocks, each with the phase of its return, at the stencil of the next state. ``log_return``,
    ``first`` (n, n_z) and ``stencil`` (n, n_z, width) belong to state and shock, ``damping`` (n,) is
    the variance of the part of the return that no factor sees, ``u_limit`` (n,) the argument beyond which the shock's
    characteristic function is 0 to the accuracy of its quadrature.
    """
    n, n_shocks = log_return.shape
    for m in range(knots.size):
        u = knots[m]
        for i in range(n):
            real[m, i, :] = 0.0
            imag[m, i, :] = 0.0
            if u > u_limit[i]:
                continue
            size = np.exp(-0.5 * u * u * damping[i])
            for j in range(n_shocks):
                angle = u * log_return[i, j]
                x, y = weight[j] * size * np.cos(angle), weight[j] * size * np.sin(angle)
                for k in range(stencil.shape[2]):
                    real[m, i, first[i, j] + k] += x * stencil[i, j, k]
                    imag[m, i, first[i, j] + k] += y * stencil[i, j, k]


@njit(cache=True, nogil=True, fastmath={"contract", "nsz", "reassoc"}, error_model="numpy")  # type: ignore[untyped-decorator]
def _dot(a: FloatArray, b: FloatArray, x: FloatArray, y: FloatArray) -> tuple[float, float]:
    """Complex scalar product of rows a + ib and x + iy."""
    real, imag = 0.0, 0.0
    for k in range(a.size):
        real += a[k] * x[k] - b[k] * y[k]
        imag += a[k] * y[k] + b[k] * x[k]
    return real, imag


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def apply_matrices(real: FloatArray, imag: FloatArray, values: ComplexArray, result: ComplexArray) -> None:
    """Set ``result[m]`` to the m-th matrix times ``values[m]``, for (n_u, n, n) and (n_u, n)."""
    n = values.shape[1]
    x, y = np.empty(n), np.empty(n)
    for m in range(values.shape[0]):
        x[:], y[:] = values[m].real, values[m].imag
        for i in range(n):
            a, b = _dot(real[m, i], imag[m, i], x, y)
            result[m, i] = complex(a, b)


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def fill_phases(
    cosine: FloatArray,
    sine: FloatArray,
    knots: FloatArray,
    log_return: FloatArray,
    damping: FloatArray,
    weight: FloatArray,
    u_limit: FloatArray,
) -> None:
    """Fill ``cosine`` and ``sine`` (n_z, n_nodes, n_u): weighted phases of the return; arguments as above."""
    for j in range(weight.size):
        for i in range(damping.size):
            for q in range(knots.size):
                u = knots[q]
                size = weight[j] * np.exp(-0.5 * u * u * damping[i]) if u <= u_limit[i] else 0.0
                angle = u * log_return[i, j]
                cosine[j, i, q] = size * np.cos(angle)
                sine[j, i, q] = size * np.sin(angle)


@njit(cache=True, nogil=True, fastmath={"contract", "nsz", "reassoc"}, error_model="numpy")  # type: ignore[untyped-decorator]
def _gather(target: FloatArray, source: FloatArray, first: int, weight: FloatArray) -> None:
    """Set ``target`` to the weighted rows of ``source`` from ``first`` on."""
    n = target.size
    row = source[first]
    c = weight[0]
    for m in range(n):
        target[m] = c * row[m]
    for k in range(1, weight.size):
        row = source[first + k]
        c = weight[k]
        for m in range(n):
            target[m] += c * row[m]


@njit(cache=True, nogil=True, fastmath={"contract", "nsz", "reassoc"}, error_model="numpy")  # type: ignore[untyped-decorator]
def _turn(
    real: FloatArray, imag: FloatArray, x: FloatArray, y: FloatArray, cosine: FloatArray, sine: FloatArray
) -> None:
    """Add (x + iy)(cosine + i sine) to real + i imag."""
    for q in range(real.size):
        real[q] += x[q] * cosine[q] - y[q] * sine[q]
        imag[q] += x[q] * sine[q] + y[q] * cosine[q]


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def step_two_factors(
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

    ``result`` and ``values`` have shape (2, n_1, n_2, n_u), real and imaginary parts; the phases (n_z, n_1 n_2, n_u);
    stencils (n_z, n) and (n_z, n, width).
    """
    n_shocks, n_1 = first_1.shape
    n_2, n_u = values.shape[2], values.shape[3]
    real, imag = values[0].reshape(n_1, n_2 * n_u), values[1].reshape(n_1, n_2 * n_u)
    row_real, row_imag = np.empty(n_2 * n_u), np.empty(n_2 * n_u)
    lines_real, lines_imag = row_real.reshape(n_2, n_u), row_imag.reshape(n_2, n_u)
    x, y = np.empty(n_u), np.empty(n_u)
    result[:] = 0.0
    for j in range(n_shocks):
        for a in range(n_1):
            _gather(row_real, real, first_1[j, a], weight_1[j, a])
            _gather(row_imag, imag, first_1[j, a], weight_1[j, a])
            for b in range(n_2):
                _gather(x, lines_real, first_2[j, b], weight_2[j, b])
                _gather(y, lines_imag, first_2[j, b], weight_2[j, b])
                _turn(result[0, a, b], result[1, a, b], x, y, cosine[j, a * n_2 + b], sine[j, a * n_2 + b])
