r"""Tables of SPX option prices: one slice a session to expiry, in (root of variance, scaled strike).

A slice stores out-of-the-money prices over ``forward x deviation``, where ``deviation = sqrt(mean variance x ttm)`` is
known in closed form; the strike axis is :math:`y = \operatorname{asinh}(|\ln(K/F)| / \text{deviation})`. Scaled so, the
surface looks alike at every tenor and state, and a uniform cubic B-spline meets 2 bp of implied volatility with few
nodes. Puts serve strikes up to the forward and calls those beyond; each surface is continued a few nodes past the
forward, so that neither has a kink there.
"""

from __future__ import annotations

import numpy as np
from scipy.interpolate import CubicSpline

from models.affine import AffineModel, ComplexArray
from models.errors import PricingDomainError
from models.protocols import FloatArray

_WIDTH = 48.0  # half width of the cosine series, in deviations
_TERMS = (512, 1024, 2048, 4096, 8192, 16384)
_NEGLIGIBLE = 1e-9
_TOLERABLE = 1e-5
_KNOTS = 1500


class CosineBasis:
    """Sines and cosines of the series at the scaled strikes, shared by every slice and state."""

    def __init__(self, scaled: FloatArray) -> None:
        self.scaled = scaled
        self._sine: FloatArray = np.empty((scaled.size, 0))
        self._cosine: FloatArray = np.empty((scaled.size, 0))

    def columns(self, n_terms: int) -> tuple[FloatArray, FloatArray]:
        """Matrices of shape (n_strikes, n_terms)."""
        if n_terms > self._sine.shape[1]:
            angle = (self.scaled[:, None] + _WIDTH) * (np.pi / (2.0 * _WIDTH) * np.arange(n_terms))
            self._sine, self._cosine = np.sin(angle), np.cos(angle)
        return self._sine[:, :n_terms], self._cosine[:, :n_terms]


def scaled_spx_prices(
    model: AffineModel, basis: CosineBasis, variances: FloatArray, deviation: FloatArray, ttm: float
) -> tuple[FloatArray, FloatArray]:
    """Puts and calls over forward and deviation, (n_state, n_strikes), by the COS method."""
    exponent = _exponents(model, variances, deviation, ttm)
    n_terms = exponent.shape[0]
    order = np.arange(n_terms)
    u = np.pi / (2.0 * _WIDTH) * order[:, None] / deviation[None, :]
    quarter = np.array([1.0, 1j, -1.0, -1j])[order % 4]
    density = np.real(np.exp(exponent) * quarter[:, None])
    density[0] *= 0.5
    lorentz = density / (1.0 + u * u)
    sine, cosine = basis.columns(n_terms)
    with np.errstate(divide="ignore", invalid="ignore"):
        odd = np.where(order[:, None] > 0, lorentz / u, 0.0)
    k = basis.scaled[:, None] * deviation[None, :]
    floor = np.exp(-_WIDTH * deviation) * lorentz.sum(axis=0)
    linear = density[0] * (k + _WIDTH * deviation)
    puts = (np.exp(k) * (sine @ odd - cosine @ lorentz + linear) + floor) / (_WIDTH * deviation)
    calls = puts - np.expm1(k)
    return (puts / deviation).T, (calls / deviation).T


def _exponents(model: AffineModel, variances: FloatArray, deviation: FloatArray, ttm: float) -> ComplexArray:
    """Log characteristic function at every term and state, with as many terms as any state needs.

    The transform is evaluated on common knots and interpolated: its logarithm does not oscillate, and a recursion
    over sessions would otherwise be run for every state anew.
    """
    per_term = np.pi / (2.0 * _WIDTH) / deviation
    top = float(_TERMS[-1] * per_term.max())
    bottom = float(per_term.min())
    knots = bottom * np.sinh(np.linspace(0.0, np.arcsinh(top / bottom), _KNOTS))
    constant, slope = model.log_return_transform(knots.astype(np.complex128), ttm)
    constant[0], slope[0, 0] = 0.0, 0.0
    size = np.exp(np.real(constant)[:, None] + np.real(slope[0])[:, None] * variances[None, :])
    for n_terms in _TERMS:
        at = np.minimum(np.searchsorted(knots, n_terms * per_term), _KNOTS - 1)
        # a truncated series misses about this much of a scaled price; 1 bp of volatility is 1e-4 or more
        remainder = float(np.max(size[at, np.arange(variances.size)])) / n_terms
        if remainder < _NEGLIGIBLE:
            break
    if remainder > _TOLERABLE:
        raise PricingDomainError(
            f"the characteristic function does not fall off: {remainder:.1e} is left after {n_terms} terms "
            f"at ttm={ttm:g}"
        )
    points = np.arange(n_terms)[:, None] * per_term[None, :]
    spline = CubicSpline(knots, np.stack([constant, slope[0]], axis=-1))
    value = spline(points)
    return np.asarray(value[..., 0] + value[..., 1] * variances[None, :])
