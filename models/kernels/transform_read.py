"""Log characteristic functions between their knots: unwrapped along them, and read at the terms of cosine series."""

from __future__ import annotations

import numpy as np
from numba import njit

from models.kernels.backward_step import ComplexArray
from models.kernels.exponential import exp_bounded
from models.kernels.fastmath import cos_sin_turn, log_positive
from models.protocols import FloatArray

_SMALL = 1e-10  # below this a transform is rounding: its logarithm goes on as a straight line
_LEAST_FALL = 0.3
_TURN = 2.0 * np.pi


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def unwrap_logarithms(transform: ComplexArray, size: FloatArray, phase: FloatArray) -> None:
    """Fill ``size`` and ``phase`` (n_nodes, n_knots) with the logarithm of ``transform`` (n_knots, n_nodes).

    The phase is followed from knot to knot by the parabola through the last three, so that it may turn by more than
    half a circle between two knots.
    """
    n_knots, n_nodes = transform.shape
    for i in range(n_nodes):
        size[i, 0], phase[i, 0] = 0.0, 0.0
        dead = False
        for k in range(1, n_knots):
            value = transform[k, i]
            modulus = abs(value)
            if dead or modulus < _SMALL:
                dead = True
                fall = min(size[i, k - 1] - size[i, k - 2], -_LEAST_FALL) if k > 1 else -_LEAST_FALL
                size[i, k], phase[i, k] = size[i, k - 1] + fall, phase[i, k - 1]
                continue
            expected = phase[i, k - 1]
            if k == 2:
                expected = 2.0 * phase[i, 1]
            elif k > 2:
                expected = 3.0 * (phase[i, k - 1] - phase[i, k - 2]) + phase[i, k - 3]
            angle = np.arctan2(value.imag, value.real)
            size[i, k] = np.log(modulus)
            phase[i, k] = angle + _TURN * np.round((expected - angle) / _TURN)


@njit(cache=True, nogil=True, fastmath={"contract", "nsz"}, error_model="numpy")  # type: ignore[untyped-decorator]
def _positions(position: FloatArray, spacing: float, step: float) -> None:
    """Fill the places of the terms among the knots: the inverse hyperbolic sine of ``spacing * term`` in steps."""
    for term in range(position.size):
        x = spacing * term
        position[term] = log_positive(x + np.sqrt(x * x + 1.0)) / step


@njit(cache=True, nogil=True, fastmath={"contract", "nsz"}, error_model="numpy")  # type: ignore[untyped-decorator]
def _interpolated(
    real: FloatArray, imag: FloatArray, position: FloatArray, size: FloatArray, phase: FloatArray
) -> None:
    """Fill ``real`` and ``imag`` by six-point Lagrange interpolation at places among the knots."""
    last = size.size - 6
    for term in range(position.size):
        first = min(max(int(position[term]) - 2, 0), last)
        t = position[term] - first
        a, b, c, d, e = t - 1.0, t - 2.0, t - 3.0, t - 4.0, t - 5.0
        ab, de, tc = a * b, d * e, t * c
        w0, w1, w2 = -ab * c * de / 120.0, b * tc * de / 24.0, -a * tc * de / 12.0
        w3, w4, w5 = t * ab * de / 12.0, -ab * tc * e / 24.0, ab * tc * d / 120.0
        real[term] = (
            w0 * size[first]
            + w1 * size[first + 1]
            + w2 * size[first + 2]
            + w3 * size[first + 3]
            + w4 * size[first + 4]
            + w5 * size[first + 5]
        )
        imag[term] = (
            w0 * phase[first]
            + w1 * phase[first + 1]
            + w2 * phase[first + 2]
            + w3 * phase[first + 3]
            + w4 * phase[first + 4]
            + w5 * phase[first + 5]
        )


@njit(cache=True, nogil=True, fastmath={"contract", "nsz"}, error_model="numpy")  # type: ignore[untyped-decorator]
def _exponentials(real: FloatArray, imag: FloatArray) -> None:
    """Replace real and imaginary parts of logarithms by those of the numbers."""
    for term in range(real.size):
        turns = imag[term] / _TURN
        cosine, sine = cos_sin_turn(turns - np.floor(turns + 0.5) + 0.5)
        size = exp_bounded(real[term])
        real[term], imag[term] = size * cosine, size * sine


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def read_transforms(
    result: ComplexArray, spacing: FloatArray, size: FloatArray, phase: FloatArray, scale: float, step: float
) -> None:
    """Fill ``result`` (n_nodes, n_terms) with the transforms at ``spacing[node] * term``.

    Knots are ``scale * sinh(step * k)``, on which the logarithm is interpolated by six-point Lagrange polynomials.
    Beyond the last knot the transform is 0.
    """
    n_nodes, n_knots = size.shape
    n_terms = result.shape[1]
    position, real, imag = np.empty(n_terms), np.empty(n_terms), np.empty(n_terms)
    for i in range(n_nodes):
        _positions(position, spacing[i] / scale, step)
        inside = min(int(np.searchsorted(position, n_knots - 1.0, side="right")), n_terms)
        _interpolated(real[:inside], imag[:inside], position[:inside], size[i], phase[i])
        _exponentials(real[:inside], imag[:inside])
        for term in range(inside):
            result[i, term] = complex(real[term], imag[term])
        result[i, inside:] = 0.0
        result[i, 0] = 1.0
