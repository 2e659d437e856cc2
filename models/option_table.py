r"""Slices of SPX option prices on a grid of states, by the COS method.

A slice holds out-of-the-money prices over ``forward x deviation``, where ``deviation = sqrt(mean variance x ttm)`` is
known in closed form. Scaled so, the surface looks alike at every tenor and state. The half width of the series is a
number of deviations, so that sines and cosines at the scaled strikes are the same for all slices and states, and a
slice is a product of matrices. The log transform does not oscillate: it is evaluated once, on knots that all sessions
and states share, and interpolated.

References
----------
.. [1] F. Fang, C. W. Oosterlee (2008), "A novel pricing method for European options based on Fourier-cosine series
   expansions", SIAM Journal on Scientific Computing 31(2).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.interpolate import CubicSpline

from models.affine import AffineModel, ComplexArray
from models.errors import PricingDomainError
from models.kernels.cosine_terms import cosine_terms, terms_needed
from models.protocols import SESSIONS_PER_YEAR, FloatArray
from models.slices import SpxSlice

_WIDTHS = (48.0, 192.0, 768.0)  # half widths of the cosine series, in deviations
_REACH = 12.0  # fourth roots of the fourth cumulant that a series covers: rare jumps beside a small deviation
_TERMS = np.array([256.0, 512.0, 768.0, 1024.0, 1536.0, 2048.0, 3072.0, 4096.0, 8192.0, 16384.0])
_NEGLIGIBLE = 1e-9
_TOLERABLE = 1e-5
_KNOTS_A_FACTOR = 85  # knots while the argument grows by a factor e


def spx_slices(model: AffineModel, states: FloatArray, scaled: FloatArray, max_sessions: int) -> Iterator[SpxSlice]:
    """See ``models.slices.SliceSource.spx_slices``.

    Raises
    ------
    PricingDomainError
        If a characteristic function falls off too slowly.
    """
    deviations = np.empty((max_sessions, states.shape[1]))
    for n in range(1, max_sessions + 1):
        ttm = n / SESSIONS_PER_YEAR
        constant, slope = model.mean_variance_coefficients(ttm)
        deviations[n - 1] = np.sqrt((constant + slope @ states) * ttm)
    if scaled.size == 0:
        empty = np.empty((states.shape[1], 0))
        yield from ((deviation, empty, empty) for deviation in deviations)
        return
    reaches = _reaches(model, states, max_sessions) / deviations
    knots = _common_knots(deviations)
    coefficients = model.log_return_sessions(knots.astype(np.complex128), max_sessions)
    coefficients[:, :, 0] = 0.0
    bases = [CosineBasis(np.concatenate([-scaled, scaled]), width) for width in _WIDTHS]
    for deviation, reach, part in zip(deviations, reaches, coefficients, strict=True):
        wanted = np.minimum(np.searchsorted(_WIDTHS, reach), len(_WIDTHS) - 1)
        puts = np.empty((deviation.size, 2 * scaled.size))
        for number, basis in enumerate(bases):
            nodes = np.flatnonzero(wanted == number)
            if nodes.size:
                nearby = np.ascontiguousarray(states[:, nodes])
                puts[nodes] = _scaled_puts(basis, knots, part, nearby, deviation[nodes])
        calls = puts[:, scaled.size :] - np.expm1(scaled * deviation[:, None]) / deviation[:, None]
        yield deviation, puts[:, : scaled.size], calls


class CosineBasis:
    """Sines and cosines of the series at the scaled strikes, shared by every slice and state.

    Parameters
    ----------
    scaled : ndarray of shape (n_strikes,)
        Scaled log-moneyness.
    width : float
        Half width of the interval, in deviations.
    """

    def __init__(self, scaled: FloatArray, width: float) -> None:
        self.scaled, self.width = scaled, width
        self._sine: FloatArray = np.empty((0, scaled.size))
        self._cosine: FloatArray = np.empty((0, scaled.size))

    def rows(self, n_terms: int) -> tuple[FloatArray, FloatArray]:
        """Matrices of shape (n_terms, n_strikes)."""
        if n_terms > self._sine.shape[0]:
            angle = (np.pi / (2.0 * self.width) * np.arange(n_terms))[:, None] * (self.scaled + self.width)
            self._sine, self._cosine = np.sin(angle), np.cos(angle)
        return self._sine[:n_terms], self._cosine[:n_terms]


def _common_knots(deviations: FloatArray) -> FloatArray:
    """Arguments that resolve the transform from the first term of the widest slice to the last of the narrowest."""
    bottom, top = np.pi / (2.0 * _WIDTHS[0]) / np.array([deviations.max(), deviations.min() / _TERMS[-1]])
    length = float(np.arcsinh(top / bottom))
    return np.asarray(bottom * np.sinh(np.linspace(0.0, length, int(_KNOTS_A_FACTOR * length))))


def _reaches(model: AffineModel, states: FloatArray, max_sessions: int) -> FloatArray:
    """What the series must cover of each session and node [log]: a multiple of the fourth root of the cumulant."""
    n_nodes = 32
    z = 0.5 * np.exp(2j * np.pi * np.arange(n_nodes) / n_nodes)
    fourth = np.real(model.log_return_sessions(-1j * z, max_sessions) @ z**-4) * 24.0 / n_nodes
    return np.asarray(_REACH * np.abs(fourth[:, :1] + fourth[:, 1:] @ states) ** 0.25)


def _scaled_puts(
    basis: CosineBasis, knots: FloatArray, coefficients: ComplexArray, states: FloatArray, deviation: FloatArray
) -> FloatArray:
    """Puts over forward and deviation, (n_nodes, n_strikes)."""
    spacing = np.pi / (2.0 * basis.width) / deviation
    needed = np.empty(deviation.size)
    choices = _TERMS * basis.width / _WIDTHS[0]
    remainder = terms_needed(needed, coefficients, knots, states, spacing, choices, _NEGLIGIBLE)
    if remainder > _TOLERABLE:
        raise PricingDomainError(
            f"the characteristic function does not fall off: {remainder:.1e} is left after {choices[-1]:g} terms"
        )
    spline = np.ascontiguousarray(np.moveaxis(CubicSpline(knots, coefficients, axis=1).c, (0, 1, 2), (2, 0, 1)))
    puts = np.empty((deviation.size, basis.scaled.size))
    for count in np.unique(needed):
        nodes = np.flatnonzero(needed == count)
        even, odd = np.empty((nodes.size, int(count))), np.empty((nodes.size, int(count)))
        cosine_terms(even, odd, spline, knots, np.ascontiguousarray(states[:, nodes]), spacing[nodes])
        sine, cosine = basis.rows(int(count))
        d = deviation[nodes, None]
        k = basis.scaled * d
        series = odd @ sine - even @ cosine + 0.5 * (k + basis.width * d)
        floor = np.exp(-basis.width * d) * even.sum(axis=1, keepdims=True)
        puts[nodes] = (np.exp(k) * series + floor) / (basis.width * d * d)
    return puts
