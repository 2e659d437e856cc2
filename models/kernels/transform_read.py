"""Log characteristic functions between their knots: unwrapped along them, and read at the terms of cosine series."""

from __future__ import annotations

import numpy as np
from numba import njit

from models.kernels.backward_step import ComplexArray
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


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _weights(t: float, weight: FloatArray) -> None:
    """Weights of six-point Lagrange interpolation at ``t`` on the nodes 0 .. 5."""
    a, b, c, d, e = t - 1.0, t - 2.0, t - 3.0, t - 4.0, t - 5.0
    weight[0] = -a * b * c * d * e / 120.0
    weight[1] = t * b * c * d * e / 24.0
    weight[2] = -t * a * c * d * e / 12.0
    weight[3] = t * a * b * d * e / 12.0
    weight[4] = -t * a * b * c * e / 24.0
    weight[5] = t * a * b * c * d / 120.0


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def read_transforms(
    result: ComplexArray, spacing: FloatArray, size: FloatArray, phase: FloatArray, scale: float, step: float
) -> None:
    """Fill ``result`` (n_nodes, n_terms) with the transforms at ``spacing[node] * term``.

    Knots are ``scale * sinh(step * k)``, on which the logarithm is interpolated by six-point Lagrange polynomials.
    Beyond the last knot the transform is 0.
    """
    n_nodes, n_knots = size.shape
    weight = np.empty(6)
    for i in range(n_nodes):
        result[i, 0] = 1.0
        for term in range(1, result.shape[1]):
            position = np.arcsinh(spacing[i] * term / scale) / step
            if position > n_knots - 1.0:
                result[i, term] = 0.0
                continue
            first = min(max(int(position) - 2, 0), n_knots - 6)
            _weights(position - first, weight)
            real, imag = 0.0, 0.0
            for k in range(6):
                real += weight[k] * size[i, first + k]
                imag += weight[k] * phase[i, first + k]
            factor = np.exp(real)
            result[i, term] = complex(factor * np.cos(imag), factor * np.sin(imag))
