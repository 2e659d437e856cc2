r"""VIX futures and options from the transform of squared VIX.

With :math:`L(s) = E^Q[e^{-s V}]`, :math:`V = \mathrm{VIX}_T^2` (annual decimal):

.. math::

    E\sqrt V &= \frac{1}{2\sqrt\pi}\int_0^\infty (1 - L(s))\,s^{-3/2}\,\mathrm{d}s \\
    E(\sqrt V - K)^+ &= \frac{1}{2\sqrt\pi}\int_0^\infty
        \Re\left[L(-z)\,\mathrm{erfc}(K\sqrt z)\,z^{-3/2}\right]\mathrm{d}z_I,\qquad z = z_R + i z_I

for any :math:`z_R` inside the strip where the moment generating function of V exists.

References
----------
.. [1] G.-H. Lian, S.-P. Zhu (2013), "Pricing VIX options with stochastic volatility and random jumps",
   Decisions in Economics and Finance 36(1).
"""

from __future__ import annotations

import numpy as np
from scipy.special import wofz

from models.affine import AffineModel
from models.protocols import FloatArray

_SQRT_PI = float(np.sqrt(np.pi))
_STEP, _REACH, _TILT = 0.01, 16.0, 0.5


def vix_futures(model: AffineModel, state: FloatArray, ttm: float) -> FloatArray:
    """E^Q of the VIX.

    Parameters
    ----------
    model : AffineModel
        Gives the transform of squared VIX.
    state : ndarray of shape (n_factors, n)
        States.
    ttm : float
        Time to settlement, >= 0. [years]

    Returns
    -------
    ndarray of shape (n,)
        Futures [VIX points].
    """
    constant, slope = model.variance_mean(ttm)
    mean = constant + slope @ state
    # s = exp(y) / mean: the trapezoidal rule is exponentially accurate for this doubly decaying integrand
    step = 0.05
    y = np.arange(-64.0, 64.0 + step, step)
    total = np.zeros(state.shape[1])
    for first in range(0, state.shape[1], 512):
        part = slice(first, first + 512)
        level = float(np.exp(np.mean(np.log(mean[part]))))
        s = np.exp(y) / level
        exponent_c, exponent_d = model.variance_transform(-s.astype(np.complex128), ttm)
        exponent = np.real(exponent_c)[:, None] + np.real(exponent_d).T @ state[:, part]
        weight = step / np.sqrt(s)
        total[part] = weight @ -np.expm1(exponent)
    return 100.0 * total / (2.0 * _SQRT_PI)


def vix_calls(model: AffineModel, state: FloatArray, strike: FloatArray, ttm: float) -> FloatArray:
    """Undiscounted calls on the VIX.

    Parameters
    ----------
    model : AffineModel
        Gives the transform of squared VIX.
    state : ndarray of shape (n_factors, n)
        State of each option.
    strike : ndarray of shape (n,)
        Strikes, > 0. [VIX points]
    ttm : float
        Time to settlement, > 0. [years]

    Returns
    -------
    ndarray of shape (n,)
        Prices [VIX points].
    """
    bound = model.variance_transform_bound(ttm)
    floor, _ = model.vix_squared_coefficients()
    result = vix_futures(model, state, ttm) - strike
    optional = np.flatnonzero(strike**2 > 1e4 * floor)
    for first in range(0, optional.size, 256):
        part = optional[first : first + 256]
        price = 100.0 * _calls(model, state[:, part], strike[part] / 100.0, ttm, bound)
        result[part] = np.maximum(price, np.maximum(result[part], 0.0))
    return result


def _calls(model: AffineModel, state: FloatArray, strike: FloatArray, ttm: float, bound: float) -> FloatArray:
    """Integrate along a hyperbola that bends to the right.

    On the vertical line of [1]_ the integrand falls off like a power only and oscillates. The singularities of the
    transform lie on the real axis beyond ``bound``, so the line may be bent; there ``exp(-z K^2)`` makes it fall off
    exponentially.
    """
    radius = min(0.5 * bound, 2.0 / float(np.min(strike)) ** 2)
    t = np.arange(0.5 * _STEP, _REACH, _STEP)
    z = radius * (1.0 + _TILT * (np.cosh(t) - 1.0) + 1j * np.sinh(t))
    weight = _STEP * radius * (np.cosh(t) - 1j * _TILT * np.sinh(t))
    root = np.sqrt(z)
    constant, slope = model.variance_transform(z, ttm)
    argument = root[:, None] * strike[None, :]
    # erfc(w) = exp(-w^2) * wofz(i w): with the two exponents added, nothing overflows
    exponent = constant[:, None] + slope.T @ state - argument * argument
    value = np.exp(exponent) * wofz(1j * argument)
    return np.asarray(np.real((weight / (z * root)) @ value) / (2.0 * _SQRT_PI))
