"""Transforms of square-root models with jumps whose intensity depends on the state: no closed form, so integrated.

The log transforms are smooth in their argument. Where a pricer asks for thousands of real arguments at one horizon,
the equations are therefore solved on common knots, once, and interpolated.
"""

from __future__ import annotations

from functools import lru_cache
from math import asinh
from typing import TYPE_CHECKING

import numpy as np

from models.affine import ComplexArray
from models.kernels.riccati import RiccatiParameters, solve_riccati
from models.protocols import SESSIONS_PER_YEAR, FloatArray

if TYPE_CHECKING:
    from scipy.interpolate import CubicSpline

TOLERANCE = 1e-8
"""Of the embedded error estimate; solutions are then right to about 1e-10 of themselves."""

_BOTTOM, _TOP, _KNOTS = 0.02, 2e5, 2000
_MANY = 100  # arguments from which on the knots, which are kept, are cheaper
_VANISHED = -800.0  # log transforms below are 0 in double precision
_SATURATED = 1e14  # slopes beyond fall to the same curve within an instant


def riccati_solution(p: RiccatiParameters, w: ComplexArray, start: ComplexArray, times: FloatArray) -> ComplexArray:
    """Coefficients of the transform at every time.

    Parameters
    ----------
    p : RiccatiParameters
        Parameters of the equations.
    w : ndarray of shape (n_arguments,)
        Exponents of the log price: ``1j * u``.
    start : ndarray of shape (2, n_arguments)
        Coefficients of the two factors at the horizon; row 1 is ignored with one factor.
    times : ndarray of shape (n_times,)
        Horizons, rising, > 0. [years]

    Returns
    -------
    ndarray of shape (n_times, 1 + n_factors, n_arguments)
        Constant, then slopes. Not a number where the transform does not exist.
    """
    out = np.empty((times.size, 3, w.size), dtype=np.complex128)
    solve_riccati(out, w, start, times, TOLERANCE, False, p)
    return out[:, : 1 + p.n_factors]


def log_return_coefficients(p: RiccatiParameters, u: ComplexArray, ttm: float) -> tuple[ComplexArray, ComplexArray]:
    """See ``AffineModel.log_return_transform``."""
    u = np.asarray(u, dtype=np.complex128)
    if ttm <= 0.0:
        return np.zeros_like(u), np.zeros((p.n_factors, u.size), dtype=np.complex128)
    real = np.real(u)
    if u.size >= _MANY and not np.any(np.imag(u)) and real.min() >= 0.0 and real.max() <= _TOP:
        value = _knots_of_log_return(p, ttm)(np.arcsinh(real / _BOTTOM))
        return value[0], value[1:]
    value = riccati_solution(p, 1j * u, np.zeros((2, u.size), dtype=np.complex128), np.array([ttm]))[0]
    return value[0], value[1:]


@lru_cache(maxsize=32)
def _knots_of_log_return(p: RiccatiParameters, ttm: float) -> CubicSpline:
    from scipy.interpolate import CubicSpline  # slow to import, and not needed where tables are there

    x = np.linspace(0.0, asinh(_TOP / _BOTTOM), _KNOTS)
    u = (_BOTTOM * np.sinh(x)).astype(np.complex128)
    value = riccati_solution(p, 1j * u, np.zeros((2, u.size), dtype=np.complex128), np.array([ttm]))[0]
    return CubicSpline(x, value, axis=1)


def log_return_sessions(p: RiccatiParameters, u: ComplexArray, max_sessions: int) -> ComplexArray:
    """Log-return coefficients of every horizon of 1 .. max_sessions sessions, from one integration.

    Returns
    -------
    ndarray of shape (max_sessions, 1 + n_factors, n_u)
        Constant, then slopes.
    """
    w = 1j * np.asarray(u, dtype=np.complex128)
    return riccati_solution(p, w, np.zeros((2, w.size), dtype=np.complex128), _sessions(max_sessions))


def variance_coefficients(
    p: RiccatiParameters, s: ComplexArray, ttm: float, vix_squared: tuple[float, FloatArray]
) -> tuple[ComplexArray, ComplexArray]:
    """See ``AffineModel.variance_transform``; ``vix_squared`` are its coefficients in the state."""
    s = np.asarray(s, dtype=np.complex128)
    if ttm <= 0.0:
        return vix_squared[0] * s, vix_squared[1][:, None] * s
    value = _variance_solution(p, s.tobytes(), (ttm,), vix_squared[0], tuple(vix_squared[1]))[0]
    return value[0], value[1:]


def variance_sessions(
    p: RiccatiParameters, s: ComplexArray, max_sessions: int, vix_squared: tuple[float, FloatArray]
) -> ComplexArray:
    """Coefficients of the squared VIX of every horizon, shaped as those of ``log_return_sessions``."""
    s = np.asarray(s, dtype=np.complex128)
    return _solve_variance(p, s, _sessions(max_sessions), *vix_squared)


@lru_cache(maxsize=256)
def _variance_solution(
    p: RiccatiParameters, arguments: bytes, times: tuple[float, ...], constant: float, slope: tuple[float, ...]
) -> ComplexArray:
    """Pricers come back to the same contour for every group of options."""
    s = np.frombuffer(arguments, dtype=np.complex128)
    return _solve_variance(p, s, np.array(times), constant, np.array(slope))


def _solve_variance(
    p: RiccatiParameters, s: ComplexArray, times: FloatArray, constant: float, slope: FloatArray
) -> ComplexArray:
    size = np.maximum(np.abs(s), 1e-300)
    shortened = s * np.minimum(1.0, _SATURATED / size)
    start = np.zeros((2, s.size), dtype=np.complex128)
    start[: p.n_factors] = slope[:, None] * shortened
    # for s < 0 the slopes only lower the transform further
    start[:, (np.imag(s) == 0.0) & (constant * np.real(s) < _VANISHED)] = 0.0
    value = riccati_solution(p, np.zeros_like(s), start, times)
    value[:, 0] += constant * s
    value.setflags(write=False)
    return value


@lru_cache(maxsize=1024)
def variance_bound(p: RiccatiParameters, ttm: float, slope: tuple[float, ...]) -> float:
    """Largest real argument, less a margin, whose solution reaches the horizon.

    Parameters
    ----------
    p : RiccatiParameters
        Parameters of the equations.
    ttm : float
        Horizon. [years]
    slope : tuple of float
        Slopes of the squared VIX in the factors.

    Returns
    -------
    float
        See ``AffineModel.variance_transform_bound``.
    """
    low, high = 0.0, 1.0

    def exists(s: float) -> bool:
        if p.variance_jump * slope[0] * s >= 1.0 and (p.intensity > 0.0 or p.intensity_slope > 0.0):
            return False
        start = np.zeros((2, 1), dtype=np.complex128)
        start[: p.n_factors, 0] = np.array(slope) * s
        out = np.empty((1, 3, 1), dtype=np.complex128)
        return bool(solve_riccati(out, np.zeros(1, dtype=np.complex128), start, np.array([ttm]), 1e-7, True, p) == 0)

    while exists(high) and high < 1e12:
        low, high = high, 4.0 * high
    while high - low > 1e-3 * high:
        middle = 0.5 * (low + high)
        low, high = (middle, high) if exists(middle) else (low, middle)
    return 0.99 * low


def _sessions(max_sessions: int) -> FloatArray:
    return np.asarray(np.arange(1, max_sessions + 1) / SESSIONS_PER_YEAR)
