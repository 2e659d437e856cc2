"""Terms of the cosine series of log returns on a grid of states, read from splines of the transform."""

from __future__ import annotations

import numpy as np
from numba import njit

from models.kernels.riccati import ComplexArray
from models.protocols import FloatArray


@njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def terms_needed(
    needed: FloatArray,
    coefficients: ComplexArray,
    knots: FloatArray,
    states: FloatArray,
    spacing: FloatArray,
    choices: FloatArray,
    negligible: float,
) -> float:
    """Fill ``needed`` (n_nodes,) with the least of ``choices`` after which a node's series may end.

    ``coefficients`` (1 + n_factors, n_knots) are those of the log transform. Returns the largest remainder left.
    """
    worst = 0.0
    for i in range(spacing.size):
        at = 0
        for k in range(choices.size):
            while at < knots.size - 1 and knots[at] < choices[k] * spacing[i]:
                at += 1
            exponent = coefficients[0, at].real
            for factor in range(states.shape[0]):
                exponent += coefficients[1 + factor, at].real * states[factor, i]
            # a truncated series misses about this much of a scaled price; 1 bp of volatility is 1e-4 or more
            remainder = np.exp(exponent) / choices[k]
            needed[i] = choices[k]
            if remainder < negligible:
                break
        worst = max(worst, remainder)
    return worst


@njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def cosine_terms(
    even: FloatArray,
    odd: FloatArray,
    spline: ComplexArray,
    knots: FloatArray,
    states: FloatArray,
    spacing: FloatArray,
) -> None:
    """Fill the weights of cosines and sines, (n_nodes, n_terms).

    With ``u = spacing * term`` they are the real part of the transform, turned to the middle of the interval, over
    ``1 + u^2``; and the same over ``u``, 0 for the first term.

    Parameters
    ----------
    even, odd : ndarray of shape (n_nodes, n_terms)
        To fill.
    spline : ndarray of shape (n_knots - 1, 1 + n_factors, 4)
        Cubic polynomials of the log transform's coefficients between the knots, highest power first.
    knots : ndarray of shape (n_knots,)
        Arguments, rising from 0.
    states : ndarray of shape (n_factors, n_nodes)
        Grid states.
    spacing : ndarray of shape (n_nodes,)
        Argument of the first term.
    """
    n_factors = states.shape[0]
    for i in range(spacing.size):
        at = 0
        even[i, 0], odd[i, 0] = 0.5, 0.0
        for term in range(1, even.shape[1]):
            u = spacing[i] * term
            while at < knots.size - 2 and knots[at + 1] < u:
                at += 1
            x = u - knots[at]
            piece = spline[at]
            exponent = ((piece[0, 0] * x + piece[0, 1]) * x + piece[0, 2]) * x + piece[0, 3]
            for factor in range(n_factors):
                p = piece[1 + factor]
                exponent += states[factor, i] * (((p[0] * x + p[1]) * x + p[2]) * x + p[3])
            size = np.exp(exponent.real)
            quarter = term % 4
            if quarter == 0:
                real = np.cos(exponent.imag)
            elif quarter == 1:
                real = -np.sin(exponent.imag)
            elif quarter == 2:
                real = -np.cos(exponent.imag)
            else:
                real = np.sin(exponent.imag)
            even[i, term] = size * real / (1.0 + u * u)
            odd[i, term] = even[i, term] / u
