r"""Paths of SVCJ and its special cases: quadratic-exponential steps, and the stationary law in closed form.

The variance is a square-root diffusion with exponential jumps. With :math:`c = \xi^2/(2\kappa)` its stationary Laplace
transform is [1]_

.. math::

    E[e^{-s v}] = (1 + c s)^{-\theta/c} \left(\frac{1 + c s}{1 + \mu_v s}\right)^{\delta},
    \quad \delta = \frac{\lambda\mu_v}{\kappa(\mu_v - c)}.

The first factor is a Gamma law of shape :math:`\theta/c` and scale :math:`c`. The second is the generating function of
a negative binomial number of independent exponentials: of size :math:`|\delta|`, success probability
:math:`\min(c, \mu_v)/\max(c, \mu_v)` and exponentials of mean :math:`\min(c, \mu_v)`; in the limit
:math:`\mu_v = c` the number is Poisson of mean :math:`\lambda/\kappa`. So the law can be drawn exactly. Where the
intensity of jumps follows the variance there is no such form: paths start from the law of the same model with the
intensity of the mean variance, and run until that start is forgotten (``models.burn_in``).

References
----------
.. [1] D. Duffie, J. Pan, K. Singleton (2000), "Transform analysis and asset pricing for affine jump-diffusions",
   Econometrica 68(6): the transform, here at infinite horizon.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import gammaincinv

from models.burn_in import burn_in_sessions
from models.counts import negative_binomial_quantile, poisson_quantile
from models.errors import ModelParameterError
from models.kernels.quadratic_exponential import StepCoefficients, propagate_rows, step_coefficients
from models.protocols import SESSIONS_PER_YEAR, FloatArray, Measure, Stream
from models.streams import Purpose, check_paths, stream_key, uniforms

if TYPE_CHECKING:
    from models.svcj import Svcj
    from models.svcj_dynamics import SvcjDynamics

STEPS_PER_DAY = 1
"""Steps a session. One is enough: the error of prices is measured in ``tests/test_martingales.py``."""

_SLAB = 63  # sessions of a burn-in at a time, whose returns are thrown away
_POISSON_LIMIT = 1e-6  # relative distance of mu_v and c below which the negative binomial is taken as Poisson


def propagate_svcj(
    model: Svcj,
    state: FloatArray,
    n_days: int,
    stream: Stream,
    *,
    first_day: int = 0,
    measure: Measure = "p",
    steps_per_day: int = STEPS_PER_DAY,
) -> tuple[FloatArray, FloatArray]:
    """Move SVCJ paths on; see ``models.protocols.Model.propagate``.

    Parameters
    ----------
    model : Svcj
        The model.
    state : ndarray of shape (1, n_paths)
        Variance [1/year]; it is not changed.
    n_days : int
        Sessions, >= 0.
    stream : Stream
        Address of the random numbers.
    first_day : int
        Day of the first move; may be negative.
    measure : {"p", "q"}
        Whose dynamics are used. P and Q read the same numbers.
    steps_per_day : int
        Steps a session, >= 1.

    Returns
    -------
    log_return : ndarray of shape (n_days, n_paths)
    state : ndarray of shape (n_days, 1, n_paths)

    Raises
    ------
    ModelParameterError
        If the state has a wrong shape or a negative or non-finite value, or the scheme cannot take the parameters.
    """
    variance = check_state(state, n_days=n_days)
    if steps_per_day < 1:
        raise ModelParameterError(f"steps_per_day must be >= 1, got {steps_per_day!r}")
    key = stream_key(stream)
    check_paths(stream, variance.size)
    coefficients = _coefficients(model.dynamics(measure), 1.0 / (SESSIONS_PER_YEAR * steps_per_day))
    log_return = np.empty((n_days, variance.size))
    states = np.empty((n_days, 1, variance.size))
    propagate_rows(
        log_return,
        states.reshape(n_days, variance.size),
        variance,
        steps_per_day,
        stream.first_path,
        first_day,
        int(Purpose.PATH),
        key,
        coefficients,
    )
    return log_return, states


def stationary_svcj(model: Svcj, n_paths: int, stream: Stream, *, measure: Measure = "p") -> FloatArray:
    """Draw the stationary variance exactly, by inversion; by a burn-in where the intensity follows the variance.

    Parameters
    ----------
    model : Svcj
        The model.
    n_paths : int
        Number of paths, >= 1.
    stream : Stream
        Address of the random numbers; purpose ``STATIONARY``.
    measure : {"p", "q"}
        Whose law.

    Returns
    -------
    ndarray of shape (1, n_paths)
        Variance [1/year].

    Raises
    ------
    ModelParameterError
        If the stream or the number of paths lies outside its range.
    """
    dynamics = model.dynamics(measure)
    slope = dynamics.jump_intensity_slope
    if slope > 0.0:
        constant = dynamics.jump_intensity + slope * dynamics.stationary_mean
        near = replace(dynamics, jump_intensity=constant, jump_intensity_slope=0.0)
        return _settled(dynamics, _stationary_draw(near, n_paths, stream), stream)[None, :]
    return _stationary_draw(dynamics, n_paths, stream)[None, :]


def _stationary_draw(dynamics: SvcjDynamics, n_paths: int, stream: Stream) -> FloatArray:
    """Stationary variance, (n_paths,), of a constant intensity."""
    scale = 0.5 * dynamics.vol_of_vol**2 / dynamics.kappa
    draws = uniforms(stream, n_paths, purpose=Purpose.STATIONARY)
    fine = draws[0] + (draws[1] - 0.5) * 2.0**-32  # two words: a shape far below one reaches deep into the tail at 0
    variance = scale * gammaincinv(dynamics.theta / scale, fine)
    if dynamics.jump_intensity > 0.0 and dynamics.variance_jump_mean > 0.0:
        variance = variance + _stationary_jumps(dynamics, scale, draws[2], draws[3])
    return np.asarray(variance)


def _settled(dynamics: SvcjDynamics, variance: FloatArray, stream: Stream) -> FloatArray:
    """Run on until the start is forgotten, (n_paths,)."""
    coefficients = _coefficients(dynamics, 1.0 / SESSIONS_PER_YEAR)
    variance = np.array(variance)
    left, day = burn_in_sessions(dynamics.reversion), 1
    while left > 0:
        n_days = min(left, _SLAB)
        log_return, states = np.empty((n_days, variance.size)), np.empty((n_days, variance.size))
        propagate_rows(
            log_return,
            states,
            variance,
            1,
            stream.first_path,
            day,
            int(Purpose.STATIONARY),
            stream_key(stream),
            coefficients,
        )
        left, day = left - n_days, day + n_days
    return variance


def check_state(state: FloatArray, *, n_days: int) -> FloatArray:
    """Check a one-factor variance state and copy its row.

    Parameters
    ----------
    state : ndarray of shape (1, n_paths)
        Variance.
    n_days : int
        Sessions to move.

    Returns
    -------
    ndarray of shape (n_paths,)
        A contiguous copy.

    Raises
    ------
    ModelParameterError
        If the shape is wrong, a value is negative or not finite, or ``n_days`` is negative.
    """
    values: FloatArray = np.asarray(state, dtype=np.float64)
    if values.ndim != 2 or values.shape[0] != 1:
        raise ModelParameterError(f"state must have shape (1, n_paths), got {values.shape}")
    if n_days < 0:
        raise ModelParameterError(f"n_days must be >= 0, got {n_days!r}")
    is_bad = ~(np.isfinite(values[0]) & (values[0] >= 0.0))
    if is_bad.any():
        worst = int(np.argmax(is_bad))
        raise ModelParameterError(f"state: variance must be finite and >= 0, got {values[0, worst]!r} on path {worst}")
    return np.array(values[0])


def _stationary_jumps(dynamics: SvcjDynamics, scale: float, number: FloatArray, size: FloatArray) -> FloatArray:
    """What jumps add to the stationary variance: a random number of exponentials, hence a Gamma law given it."""
    jump = dynamics.variance_jump_mean
    if abs(jump - scale) < _POISSON_LIMIT * scale:
        count = poisson_quantile(number, dynamics.jump_intensity / dynamics.kappa)
    else:
        delta = dynamics.jump_intensity * jump / (dynamics.kappa * abs(jump - scale))
        count = negative_binomial_quantile(number, delta, min(jump, scale) / max(jump, scale))
    total = gammaincinv(np.maximum(count, 1.0), size)
    return np.asarray(np.where(count > 0.0, min(jump, scale) * total, 0.0))


def _coefficients(dynamics: SvcjDynamics, dt: float) -> StepCoefficients:
    return step_coefficients(
        dt=dt,
        kappa=dynamics.kappa,
        theta=dynamics.theta,
        vol_of_vol=dynamics.vol_of_vol,
        rho=dynamics.rho,
        drift=dynamics.drift,
        jump_intensity=dynamics.jump_intensity,
        variance_jump_mean=dynamics.variance_jump_mean,
        return_jump_mean=dynamics.return_jump_mean,
        return_jump_std=dynamics.return_jump_std,
        jump_correlation=dynamics.jump_correlation,
        jump_intensity_slope=dynamics.jump_intensity_slope,
    )
