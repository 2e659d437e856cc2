r"""Generalised Riccati equations of one or two square-root variances with co-jumps, by an implicit Runge-Kutta method.

With :math:`w` the exponent of the log price, the coefficients of :math:`\exp(C + D_1 v_1 + D_2 v_2)` solve [1]_

.. math::

    \dot D_1 &= \tfrac12(w^2 - w) + (\rho_1\xi_1 w - \kappa_1) D_1 + \tfrac12\xi_1^2 D_1^2 + \lambda_1 J(w, D_1) \\
    \dot D_2 &= \tfrac12(w^2 - w) + (\rho_2\xi_2 w - \kappa_2) D_2 + \tfrac12\xi_2^2 D_2^2 + h D_1 \\
    \dot C &= \gamma_1 D_1 + \gamma_2 D_2 + \lambda_0 J(w, D_1) \\
    J(w, D) &= \frac{e^{\mu_s w + \sigma_s^2 w^2/2}}{1 - \mu_v(D + \rho_J w)} - 1 - w\bar\mu.

For large arguments the solution falls to a slow curve within a tiny fraction of a session, so the equations are stiff;
the three-stage Radau IIA method (order 5, L-stable) with its embedded error estimate [2]_ follows both parts. Each
:math:`D_i` is a scalar equation, :math:`D_2` with :math:`D_1` as a source, so Newton's method meets 3 x 3 systems only.

References
----------
.. [1] D. Duffie, J. Pan, K. Singleton (2000), "Transform analysis and asset pricing for affine jump-diffusions",
   Econometrica 68(6), section 2.
.. [2] E. Hairer, G. Wanner (1996), "Solving Ordinary Differential Equations II", sections IV.5 and IV.8.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from models.protocols import FloatArray

ComplexArray = NDArray[np.complex128]

_S6 = 6.0**0.5
_A00, _A01, _A02 = (88.0 - 7.0 * _S6) / 360.0, (296.0 - 169.0 * _S6) / 1800.0, (-2.0 + 3.0 * _S6) / 225.0
_A10, _A11, _A12 = (296.0 + 169.0 * _S6) / 1800.0, (88.0 + 7.0 * _S6) / 360.0, (-2.0 - 3.0 * _S6) / 225.0
_A20, _A21, _A22 = (16.0 - _S6) / 36.0, (16.0 + _S6) / 36.0, 1.0 / 9.0
_C0, _C1 = (4.0 - _S6) / 10.0, (4.0 + _S6) / 10.0
_E0, _E1, _E2 = (-13.0 - 7.0 * _S6) / 3.0, (-13.0 + 7.0 * _S6) / 3.0, -1.0 / 3.0
_GAMMA = 3.0 + 3.0 ** (2.0 / 3.0) - 3.0 ** (1.0 / 3.0)
_NEWTON = 1e-8  # relative change at which Newton's method stops: it is quadratic, so the next would be 1e-16
_MAX_STEPS = 20_000


class RiccatiParameters(NamedTuple):
    """Parameters of the equations; all rates per year. With ``n_factors`` 1 the second factor is absent.

    Parameters
    ----------
    n_factors : int
        1 or 2.
    gamma_1, kappa_1, xi_1, rho_1 : float
        Constant drift, mean reversion, volatility and correlation of the factor that jumps.
    gamma_2, kappa_2, xi_2, rho_2 : float
        The same of the other one.
    coupling : float
        Drift of the first factor for a unit of the second.
    intensity, intensity_slope : float
        Jumps a year: constant, and for a unit of the first factor.
    variance_jump, return_jump, return_jump_std, jump_slope : float
        Mean variance jump; mean and standard deviation of the log-price jump, and its slope on the variance jump.
    mean_jump : float
        Mean relative price jump.
    """

    n_factors: int
    gamma_1: float
    kappa_1: float
    xi_1: float
    rho_1: float
    gamma_2: float
    kappa_2: float
    xi_2: float
    rho_2: float
    coupling: float
    intensity: float
    intensity_slope: float
    variance_jump: float
    return_jump: float
    return_jump_std: float
    jump_slope: float
    mean_jump: float


class _Scalar(NamedTuple):
    """Right-hand side ``a + b y + c y^2 + (top + tilt y) / (pole - m y)`` of one equation, its source apart.

    The fraction is the jump term; ``top`` is exactly 0 at ``w = 0``, so that tiny solutions keep their digits.
    ``push`` is the numerator of its derivative.
    """

    a: complex
    b: complex
    c: float
    top: complex
    tilt: complex
    push: complex
    pole: complex
    m: float


@njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _rate(y: complex, e: _Scalar) -> tuple[complex, complex]:
    """Right-hand side and its derivative."""
    inverse = 1.0 / (e.pole - e.m * y)
    jump = (e.top + e.tilt * y) * inverse
    return e.a + y * (e.b + e.c * y) + jump, e.b + 2.0 * e.c * y + e.push * inverse * inverse


@njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _stages(
    y: complex, h: float, e: _Scalar, source: tuple[complex, complex, complex, complex]
) -> tuple[complex, complex, complex, complex, bool]:
    """Increments of the three stages, the error estimate, and whether Newton's method converged.

    ``source`` is added to the right-hand side: at the start of the step, and at the three stages.
    """
    f, slope = _rate(y, e)
    f += source[0]
    z0 = _C0 * h * f / (1.0 - _C0 * h * slope)
    z1 = _C1 * h * f / (1.0 - _C1 * h * slope)
    z2 = h * f / (1.0 - h * slope)
    converged = False
    for _ in range(10):
        f0, d0 = _rate(y + z0, e)
        f1, d1 = _rate(y + z1, e)
        f2, d2 = _rate(y + z2, e)
        f0, f1, f2 = h * (f0 + source[1]), h * (f1 + source[2]), h * (f2 + source[3])
        d0, d1, d2 = h * d0, h * d1, h * d2
        r0 = _A00 * f0 + _A01 * f1 + _A02 * f2 - z0
        r1 = _A10 * f0 + _A11 * f1 + _A12 * f2 - z1
        r2 = _A20 * f0 + _A21 * f1 + _A22 * f2 - z2
        m00, m01, m02 = 1.0 - _A00 * d0, -_A01 * d1, -_A02 * d2
        m10, m11, m12 = -_A10 * d0, 1.0 - _A11 * d1, -_A12 * d2
        m20, m21, m22 = -_A20 * d0, -_A21 * d1, 1.0 - _A22 * d2
        k0, k1, k2 = m11 * m22 - m12 * m21, m12 * m20 - m10 * m22, m10 * m21 - m11 * m20
        inverse = 1.0 / (m00 * k0 + m01 * k1 + m02 * k2)
        x0 = inverse * (k0 * r0 + (m02 * m21 - m01 * m22) * r1 + (m01 * m12 - m02 * m11) * r2)
        x1 = inverse * (k1 * r0 + (m00 * m22 - m02 * m20) * r1 + (m02 * m10 - m00 * m12) * r2)
        x2 = inverse * (k2 * r0 + (m01 * m20 - m00 * m21) * r1 + (m00 * m11 - m01 * m10) * r2)
        z0, z1, z2 = z0 + x0, z1 + x1, z2 + x2
        change = abs(x0) + abs(x1) + abs(x2)
        if change <= _NEWTON * (abs(y) + abs(z2)) + 1e-300:
            converged = True
            break
    error = (f + (_E0 * z0 + _E1 * z1 + _E2 * z2) / h) / (_GAMMA / h - slope)
    return z0, z1, z2, error, converged


@njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _step(
    d1: complex, d2: complex, h: float, first: _Scalar, second: _Scalar, p: RiccatiParameters
) -> tuple[complex, complex, complex, float]:
    """One step: both slopes, what C gains, and the relative error (inf where Newton's method fails)."""
    none = 0.0j
    z0, z1, z2, error, converged = _stages(d1, h, first, (none, none, none, none))
    size = abs(error) / (abs(d1) + abs(d1 + z2) + 1e-300)
    x0, x1, x2 = d1 + z0, d1 + z1, d1 + z2
    gain = p.gamma_1 * (_A20 * x0 + _A21 * x1 + _A22 * x2)
    if p.intensity > 0.0:
        gain += _A20 * (second.top + second.tilt * x0) / (second.pole - second.m * x0)
        gain += _A21 * (second.top + second.tilt * x1) / (second.pole - second.m * x1)
        gain += _A22 * (second.top + second.tilt * x2) / (second.pole - second.m * x2)
    if p.n_factors == 2:
        jumpless = _Scalar(second.a, second.b, second.c, none, none, none, 1.0 + 0.0j, 0.0)
        source = (p.coupling * d1, p.coupling * x0, p.coupling * x1, p.coupling * x2)
        z0, z1, z2, error, also = _stages(d2, h, jumpless, source)
        size = max(size, abs(error) / (abs(d2) + abs(d2 + z2) + 1e-300))
        converged = converged and also
        gain += p.gamma_2 * (d2 + _A20 * z0 + _A21 * z1 + _A22 * z2)
        d2 = d2 + z2
    if not (converged and size < 1e300):
        size = np.inf
    return x2, d2, h * gain, size


@njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _equations(w: complex, p: RiccatiParameters) -> tuple[_Scalar, _Scalar]:
    """Both equations; the fraction of the second one is the jump term of C'."""
    level = 0.5 * (w * w - w)
    size = np.exp(p.return_jump * w + 0.5 * p.return_jump_std**2 * w * w)
    level_jump = 1.0 + w * p.mean_jump
    pole = 1.0 - p.variance_jump * p.jump_slope * w
    top, tilt = size - level_jump * pole, p.variance_jump * level_jump
    push = p.variance_jump * size
    first = _Scalar(
        level,
        p.rho_1 * p.xi_1 * w - p.kappa_1,
        0.5 * p.xi_1**2,
        p.intensity_slope * top,
        p.intensity_slope * tilt,
        p.intensity_slope * push,
        pole,
        p.variance_jump,
    )
    second = _Scalar(
        level,
        p.rho_2 * p.xi_2 * w - p.kappa_2,
        0.5 * p.xi_2**2,
        p.intensity * top,
        p.intensity * tilt,
        p.intensity * push,
        pole,
        p.variance_jump,
    )
    return first, second


@njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def solve_riccati(
    out: ComplexArray,
    w: ComplexArray,
    start: ComplexArray,
    times: FloatArray,
    tolerance: float,
    is_mean: bool,
    p: RiccatiParameters,
) -> int:
    """Solve the equations for every argument and keep the solution at every time.

    Parameters
    ----------
    out : ndarray of shape (n_times, 3, n_arguments)
        Filled with C (without its starting value), D1 and D2; not a number from where a solution does not exist.
    w : ndarray of shape (n_arguments,)
        Exponents of the log price.
    start : ndarray of shape (2, n_arguments)
        D1 and D2 at time 0.
    times : ndarray of shape (n_times,)
        Times, rising, > 0. [years]
    tolerance : float
        Of the embedded error estimate, relative to ``|D|``; the true error is far smaller, being of higher order.
    is_mean : bool
        Whether arguments are real and positive, so that slopes which turn negative have passed a pole.
    p : RiccatiParameters
        Parameters.

    Returns
    -------
    int
        Number of arguments without a solution up to the last time.
    """
    n_failed = 0
    for i in range(w.size):
        first, second = _equations(w[i], p)
        d1, d2, integral = start[0, i], start[1, i], 0.0j
        time = 0.0
        _, slope = _rate(d1, first)
        h = min(times[0], 0.02 / (abs(slope) + abs(second.b + 2.0 * second.c * d2) + 1e-300))
        n_steps = 0
        failed = False
        for k in range(times.size):
            while not failed and time < times[k] * (1.0 - 1e-14):
                left = times[k] - time
                trial = left if h > 0.999 * left else h
                e1, e2, gain, size = _step(d1, d2, trial, first, second, p)
                n_steps += 1
                ratio = size / tolerance
                if ratio <= 1.0:
                    time = times[k] if trial == left else time + trial
                    d1, d2, integral = e1, e2, integral + gain
                    grown = trial * min(8.0, 0.9 * (ratio + 1e-12) ** -0.25)
                    h = grown if trial < left else max(h, grown)
                else:
                    h = trial * max(0.2, 0.9 * ratio**-0.25)
                passed = is_mean and not (d1.real >= 0.0 and d2.real >= 0.0 and p.variance_jump * d1.real < 1.0)
                failed = passed or n_steps > _MAX_STEPS or h < 1e-60
            if failed:
                out[k:, :, i] = np.nan
                n_failed += 1
                break
            out[k, 0, i] = integral
            out[k, 1, i] = d1
            out[k, 2, i] = d2
    return n_failed
