r"""Sinh-arcsinh normals brought to mean 0 and variance 1: skewed shocks whose exponentials have a mean.

With N standard normal, skewness :math:`\epsilon` and tail :math:`\delta`,

.. math::

    x = \sinh\frac{\operatorname{asinh} N + \epsilon}{\delta}, \qquad z = (x - E x) / \sqrt{\operatorname{Var} x}.

A tail below 1 is heavier than the normal's; above 1/2 the moment generating function is finite everywhere.

References
----------
.. [1] M. C. Jones, A. Pewsey (2009), "Sinh-arcsinh distributions", Biometrika 96(4), sections 2.1 and 2.3.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import asinh, cosh, exp, pi, sinh, sqrt
from typing import final

import numpy as np
from numpy.polynomial import Chebyshev, Polynomial
from numpy.typing import ArrayLike
from scipy.linalg import eigh_tridiagonal
from scipy.optimize import brentq
from scipy.special import kv

from models.protocols import FloatArray

_REACH, _WIDTH, _ORDER = 13.0, 2.0, 24  # panels no wider than twice the distance of the branch points at +-i
_NARROW = 0.125
_LARGEST_DEVIATION = 1.0
_DEGREE = 12


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class SinhArcsinh:
    """The law of a standardised sinh-arcsinh normal.

    Parameters
    ----------
    skew : float
        Epsilon: negative for a longer left tail, 0 for symmetry.
    tail : float
        Delta > 1/2: 1 with no skew is the normal law.
    """

    skew: float
    tail: float

    @property
    def location(self) -> float:
        """Mean before standardising: [1]_, section 2.3."""
        return sinh(self.skew / self.tail) * _moment(1.0 / self.tail)

    @property
    def scale(self) -> float:
        """Standard deviation before standardising."""
        second = 0.5 * (cosh(2.0 * self.skew / self.tail) * _moment(2.0 / self.tail) - 1.0)
        return sqrt(second - self.location**2)

    @property
    def normal_at_zero(self) -> float:
        """Normal whose shock is 0: where the size of the shock has its kink."""
        return sinh(self.tail * asinh(self.location) - self.skew)

    @property
    def mean_size(self) -> float:
        """Expected size of the shock."""
        values, weights = quadrature(self)
        return float(weights @ np.abs(values))

    def value(self, normal: ArrayLike) -> FloatArray:
        """Shocks of given standard normals."""
        raw = np.sinh((np.arcsinh(np.asarray(normal, dtype=np.float64)) + self.skew) / self.tail)
        return np.asarray((raw - self.location) / self.scale)

    def log_moment(self, slope: ArrayLike, size_slope: ArrayLike = 0.0) -> FloatArray:
        """Logarithm of E exp(slope * z + size_slope * abs(z)), elementwise."""
        values, weights = quadrature(self)
        a, b = np.broadcast_arrays(np.asarray(slope, dtype=np.float64), np.asarray(size_slope, dtype=np.float64))
        exponent = a[..., None] * values + b[..., None] * np.abs(values)
        largest = exponent.max(axis=-1, keepdims=True)
        return np.asarray(largest[..., 0] + np.log(np.exp(exponent - largest) @ weights))


@lru_cache(maxsize=32)
def quadrature(law: SinhArcsinh) -> tuple[FloatArray, FloatArray]:
    """Shocks and weights that integrate smooth functions of the shock and of its size to rounding.

    Parameters
    ----------
    law : SinhArcsinh
        The law.

    Returns
    -------
    values, weights : ndarray of shape (n_nodes,)
    """
    kink = min(max(law.normal_at_zero, 1.0 - _REACH), _REACH - 1.0)
    edges = np.concatenate([_panels(-_REACH, kink)[:-1], _panels(kink, _REACH)])
    nodes, weights = np.polynomial.legendre.leggauss(_ORDER)
    half = 0.5 * np.diff(edges)[:, None]
    normal = (0.5 * (edges[1:] + edges[:-1])[:, None] + half * nodes).ravel()
    mass = (half * weights).ravel() * np.exp(-0.5 * normal**2)
    return law.value(normal), mass / mass.sum()


@lru_cache(maxsize=32)
def gauss_quadrature(law: SinhArcsinh, n_nodes: int) -> tuple[FloatArray, FloatArray]:
    """Gauss quadrature of the law: of few nodes the best for polynomials of the shock on either side of 0.

    Parameters
    ----------
    law : SinhArcsinh
        The law.
    n_nodes : int
        Number of nodes, half of them on either side of 0.

    Returns
    -------
    values, weights : ndarray of shape (n_nodes,)
    """
    values, weights = quadrature(law)
    sides = [_gauss(values[side], weights[side], (n_nodes + 1) // 2) for side in (values < 0.0, values > 0.0)]
    return np.concatenate([side[0] for side in sides]), np.concatenate([side[1] for side in sides])


def gauss_nodes(values: FloatArray, weights: FloatArray, n_nodes: int) -> FloatArray:
    """Nodes of Gauss quadrature of a measure on many values."""
    return _gauss(values, weights, n_nodes)[0]


def normal_panels(low: float, high: float) -> tuple[FloatArray, FloatArray]:
    """Quadrature of the normal law between two values, fine enough for integrands that turn many times.

    Parameters
    ----------
    low, high : float
        Ends.

    Returns
    -------
    normal, weight : ndarray of shape (n_nodes,)
        Nodes and chances.
    """
    edges = np.linspace(low, high, int(np.ceil((high - low) / _NARROW)) + 1)
    nodes, weights = np.polynomial.legendre.leggauss(_ORDER)
    half = 0.5 * np.diff(edges)[:, None]
    normal = (0.5 * (edges[1:] + edges[:-1])[:, None] + half * nodes).ravel()
    return normal, (half * weights).ravel() * np.exp(-0.5 * normal**2) / sqrt(2.0 * pi)


@lru_cache(maxsize=32)
def deviation_of_variance(law: SinhArcsinh) -> tuple[float, ...]:
    r"""Scale of a log return whose compensator is half its variance, as a polynomial.

    The return is :math:`c z - v/2`. For a normal shock :math:`c = \sqrt v` makes the mean of its exponential 1; here
    c solves :math:`\ln E e^{c z} = v/2`, so that v is what a log contract on the session pays, as for a normal.

    Parameters
    ----------
    law : SinhArcsinh
        Law of z.

    Returns
    -------
    tuple of float
        Coefficients, from the constant up, of :math:`c/\sqrt v` as a polynomial in :math:`\sqrt v` on [0, 1].
    """
    # Chebyshev nodes of the interval, where a fit is as good as the best to a small factor
    angle = (np.arange(2 * _DEGREE) + 0.5) * pi / (2 * _DEGREE)
    root = 0.5 * _LARGEST_DEVIATION * (1.0 - np.cos(angle))

    def excess(scale: float, target: float) -> float:
        return float(law.log_moment(scale)) - target

    scale = np.array([brentq(excess, 0.1 * y, 10.0 * y, args=(0.5 * y * y,), xtol=1e-15, rtol=1e-14) for y in root])
    fit = Chebyshev.fit(root, scale / root, _DEGREE, domain=[0.0, _LARGEST_DEVIATION])
    return tuple(float(c) for c in fit.convert(kind=Polynomial).coef)


def _moment(power: float) -> float:
    """E of the power of N + sqrt(1 + N^2), by Bessel functions: [1]_, section 2.3."""
    bessel = kv(0.5 * (power + 1.0), 0.25) + kv(0.5 * (power - 1.0), 0.25)
    return float(exp(0.25) / sqrt(8.0 * pi) * bessel)


def _panels(low: float, high: float) -> FloatArray:
    count = int(np.ceil((high - low) / _WIDTH))
    return np.linspace(low, high, count + 1)


def _gauss(values: FloatArray, weights: FloatArray, n_nodes: int) -> tuple[FloatArray, FloatArray]:
    """Gauss quadrature of a discrete measure by Stieltjes' recurrence and the eigenvalues of its Jacobi matrix."""
    diagonal, off = np.empty(n_nodes), np.zeros(n_nodes)
    before, now = np.zeros(values.size), np.full(values.size, 1.0 / sqrt(weights.sum()))
    for k in range(n_nodes):
        diagonal[k] = (weights * now * now) @ values
        after = (values - diagonal[k]) * now - off[k - 1] * before
        off[k] = sqrt((weights * after) @ after)
        before, now = now, after / off[k]
    nodes, vectors = eigh_tridiagonal(diagonal, off[:-1])
    return nodes, weights.sum() * vectors[0] ** 2
