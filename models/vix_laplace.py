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

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.special import wofz

from models.affine import AffineModel
from models.protocols import FloatArray

_SQRT_PI = float(np.sqrt(np.pi))
_REACH, _TILT, _GROUP = 16.0, 0.5, 512
_GROWTH = 1.0  # of the integrand's logarithm along a bent line, beyond which the line is not bent


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


def vix_calls(
    model: AffineModel, state: FloatArray, strike: FloatArray, ttm: float, *, step: float = 0.01
) -> FloatArray:
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
    step : float
        Step of the quadrature: 0.01 reaches rounding, 0.05 about 1e-7 points.

    Returns
    -------
    ndarray of shape (n,)
        Prices [VIX points].
    """
    bound = model.variance_transform_bound(ttm)
    future = vix_futures(model, state, ttm)
    result = future - strike
    constant, slope = model.variance_mean(ttm)
    spread = np.sqrt(np.maximum(1e4 * (constant + slope @ state) - future**2, 0.0))
    # below its floor, or eight deviations below its mean, the VIX never ends: the call is a forward
    above_floor = strike**2 > _floor_squared(model, state, ttm)
    optional = above_floor & (future - strike < 8.0 * spread)
    is_near = strike > future - 3.0 * spread
    for tilt, side in ((_TILT, is_near), (0.0, ~is_near)):
        for part in _alike(strike, np.flatnonzero(optional & side)):
            price = 100.0 * _calls(model, state[:, part], strike[part] / 100.0, ttm, bound, tilt, step)
            result[part] = np.maximum(price, np.maximum(result[part], 0.0))
    return result


def _floor_squared(model: AffineModel, state: FloatArray, ttm: float) -> FloatArray:
    """Lowest possible squared VIX [squared points]: the slope of the log transform far out on the left."""
    constant, slope = model.variance_mean(ttm)
    far = np.array([-1e9 / float(np.min(constant + slope @ state))], dtype=np.complex128)
    exponent_c, exponent_d = model.variance_transform(far, ttm)
    return np.asarray(1e4 * (np.real(exponent_c[0]) + np.real(exponent_d[:, 0]) @ state) / np.real(far[0]))


def _alike(strike: FloatArray, chosen: NDArray[np.intp]) -> Iterator[NDArray[np.intp]]:
    """Split options into groups of like strikes: one contour serves a group, and its scale is that of the strike."""
    order = chosen[np.argsort(strike[chosen], kind="stable")]
    first = 0
    while first < order.size:
        last = int(np.searchsorted(strike[order], 1.5 * strike[order[first]], side="right"))
        last = min(last, first + _GROUP)
        yield order[first:last]
        first = last


def _calls(
    model: AffineModel, state: FloatArray, strike: FloatArray, ttm: float, bound: float, tilt: float, step: float
) -> FloatArray:
    """Integrate along a hyperbola.

    On the vertical line of [1]_ (``tilt`` 0) the integrand falls off like a power only and oscillates. The
    singularities lie on the real axis, so the line may be bent to the right, where the integrand falls off
    exponentially unless the strike lies deep below the future, or below the floor that the VIX has where a hidden
    regime has changed: there it grows, and the line stays vertical.
    """
    mean_constant, mean_slope = model.variance_mean(ttm)
    # far below its mean the integrand grows with the radius, and digits are lost
    highest = float(np.max(mean_constant + mean_slope @ state))
    radius = min(0.5 * bound, 2.0 / float(np.min(strike)) ** 2, 10.0 / highest)
    t = np.arange(0.5 * step, _REACH, step)
    z = radius * (1.0 + tilt * (np.cosh(t) - 1.0) + 1j * np.sinh(t))
    weight = step * radius * (np.cosh(t) - 1j * tilt * np.sinh(t))
    root = np.sqrt(z)
    constant, slope = model.variance_transform(z, ttm)
    argument = root[:, None] * strike[None, :]
    # erfc(w) = exp(-w^2) * wofz(i w): with the two exponents added, nothing overflows
    exponent = constant[:, None] + slope.T @ state - argument * argument
    grows = np.zeros(strike.size, dtype=bool)
    if tilt > 0.0:
        size = np.real(exponent)
        grows = ~(size.max(axis=0) < size[0] + _GROWTH)
        exponent[:, grows] = 0.0
    value = np.exp(exponent) * wofz(1j * argument)
    price = np.real((weight / (z * root)) @ value) / (2.0 * _SQRT_PI)
    if grows.any():
        price[grows] = _calls(model, state[:, grows], strike[grows], ttm, bound, 0.0, step)
    return np.asarray(price)
