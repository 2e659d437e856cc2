r"""Characteristic functions known on knots, for many states at once: deviations, and cosine series from them.

Between knots the logarithm is interpolated: it does not oscillate and is nearly a parabola.

References
----------
.. [1] F. Fang, C. W. Oosterlee (2008), "A novel pricing method for European options based on Fourier-cosine series
   expansions", SIAM Journal on Scientific Computing 31(2).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np

from models.backward_fourier import ComplexArray, Knots
from models.kernels.transform_read import read_transforms, unwrap_logarithms
from models.protocols import FloatArray

WIDTH = 40.0
"""Half width of the cosine series, in standard deviations of the law."""

_MAX_TERMS = 2**14


@dataclass(frozen=True, slots=True, kw_only=True)
class LogTransform:
    r"""Logarithm of :math:`E[\exp(iuY)]` for the law of Y in each state.

    Parameters
    ----------
    knots : Knots
        Arguments.
    size, phase : ndarray of shape (n_states, n_knots)
        Real part, and imaginary part without jumps.
    """

    knots: Knots
    size: FloatArray
    phase: FloatArray

    @classmethod
    def of(cls, knots: Knots, transform: ComplexArray) -> Self:
        """Take the logarithm of transforms of shape (n_knots, n_states)."""
        size, phase = np.empty((2, transform.shape[1], transform.shape[0]))
        unwrap_logarithms(np.ascontiguousarray(transform), size, phase)
        return cls(knots=knots, size=size, phase=phase)

    @property
    def deviation(self) -> FloatArray:
        """Standard deviation of Y (n_states,), from the curvature at 0."""
        u = self.knots.values[1:3]
        # two arguments remove the fourth cumulant
        near, far = -2.0 * self.size[:, 1] / u[0] ** 2, -2.0 * self.size[:, 2] / u[1] ** 2
        return np.asarray(np.sqrt((near * u[1] ** 2 - far * u[0] ** 2) / (u[1] ** 2 - u[0] ** 2)))

    def terms(self, deviation: FloatArray) -> int:
        """Number of terms of the series that reaches the last knot in any state."""
        alive = self.size > np.log(1e-10)
        last = self.size.shape[1] - 1 - np.argmax(alive[:, ::-1], axis=1)
        reach = float(np.max(self.knots.values[np.minimum(last + 1, self.knots.n - 1)] * deviation))
        return int(np.clip(np.ceil(reach * 2.0 * WIDTH / np.pi), 64, _MAX_TERMS))

    def density_terms(self, deviation: FloatArray, n_terms: int | None = None) -> FloatArray:
        """Cosine coefficients of the density of Y on WIDTH deviations to either side of 0, (n_states, n_terms)."""
        n_terms = self.terms(deviation) if n_terms is None else n_terms
        spacing = np.pi / (2.0 * WIDTH * deviation)
        values = np.empty((deviation.size, n_terms), dtype=np.complex128)
        read_transforms(values, spacing, self.size, self.phase, self.knots.scale, self.knots.step)
        quarter = np.array([1.0, 1j, -1.0, -1j])[np.arange(n_terms) % 4]
        density = np.real(values * quarter)
        density[:, 0] *= 0.5
        return np.asarray(density)


def scaled_puts(density: FloatArray, deviation: FloatArray, scaled: FloatArray) -> tuple[FloatArray, FloatArray]:
    r"""Puts over forward and deviation, and chances of ending below, struck at :math:`e^{k}`, k = scaled x deviation.

    Parameters
    ----------
    density : ndarray of shape (n_states, n_terms)
        From ``LogTransform.density_terms``.
    deviation : ndarray of shape (n_states,)
        Standard deviations.
    scaled : ndarray of shape (n_strikes,) or (n_states, n_strikes)
        Log-moneyness over deviation, below ``WIDTH`` in size.

    Returns
    -------
    put, below : ndarray of shape (n_states, n_strikes)
    """
    order = np.arange(density.shape[1])
    spacing = np.pi / (2.0 * WIDTH * deviation)[:, None]
    u = spacing * order
    k = scaled * deviation[:, None]
    lorentz = density / (1.0 + u * u)
    plain, odd = np.zeros(density.shape), np.zeros(density.shape)
    plain[:, 1:], odd[:, 1:] = density[:, 1:] / u[:, 1:], lorentz[:, 1:] / u[:, 1:]
    half = WIDTH * deviation[:, None]
    angle = (scaled + WIDTH)[..., None] * (np.pi / (2.0 * WIDTH) * order)
    sine, cosine = np.sin(angle), np.cos(angle)

    def summed(wave: FloatArray, terms: FloatArray) -> FloatArray:
        if scaled.ndim == 1:
            return np.asarray(terms @ wave.T)
        return np.asarray(np.einsum("skt,st->sk", wave, terms, optimize=True))

    below = (summed(sine, plain) + density[:, :1] * (k + half)) / half
    floor = np.exp(-half) * lorentz.sum(axis=1, keepdims=True)
    put = np.exp(k) * (summed(sine, odd) - summed(cosine, lorentz) + density[:, :1] * (k + half)) + floor
    return put / (half * deviation[:, None]), below
