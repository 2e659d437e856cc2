r"""Quadratic-exponential steps of square-root variance and log price, with co-jumps.

One diffusion step of length :math:`\Delta` matches the mean :math:`m` and variance :math:`s^2` of the exact
transition. With :math:`r = s^2/m` and :math:`\psi = r/m`, Andersen's two branches [1]_ need few operations as

.. math::

    \psi \le 3/2:\quad& v' = (\sqrt{m - a} + \sqrt{a}\,Z)^2, \quad a = \tfrac{r/2}{1 + \sqrt{1 - \psi/2}} \\
    \psi > 3/2:\quad& v' = g \max(0, -\ln[(\psi + 1)(1 - U)/2]), \quad g = (r + m)/2

(his :math:`b^2 = m/a - 1` and :math:`1/\beta = g`). The log price moves by
:math:`K_0^* + K_1 v + K_2 v' + \sqrt{K_3 v + K_4 v'}\,Z'` with his martingale correction :math:`K_0^*`, which makes the
mean of the price exact at any step. The correction exists for every variance where
:math:`A \xi^2 (1 - e^{-\kappa\Delta})/\kappa < 1`, :math:`A = K_2 + K_4/2`, because :math:`r` never exceeds
:math:`\xi^2 (1 - e^{-\kappa\Delta})/\kappa`; ``step_coefficients`` refuses other parameters, so no path can meet an
undefined logarithm.

A jump arrives at a uniform time within the step. Of a variance jump :math:`z`, the fraction
:math:`w = (1 - e^{-\kappa\Delta})/(\kappa\Delta)` is left on average at the end of the step, and
:math:`x = z (1 - w)/\kappa` has been added to the integrated variance, so the log price moves by another
:math:`-x/2 + \sqrt{x}\,Z''`. First moments of variance and integrated variance are exact, and so is the
mean of the price.

Where the intensity follows the variance, the rate of a step is that of the mean of the variances at its two ends.

References
----------
.. [1] L. Andersen (2008), "Simple and efficient simulation of the Heston stochastic volatility model", Journal of
   Computational Finance 11(3): sections 3.2 (variance), 4.2 (log price) and 4.3 (martingale correction).
.. [2] D. Duffie, J. Pan, K. Singleton (2000), "Transform analysis and asset pricing for affine jump-diffusions",
   Econometrica 68(6), section 4: the jumps.
"""

from __future__ import annotations

from math import exp, expm1
from typing import NamedTuple

import numpy as np
from numba import njit

from models.errors import ModelParameterError
from models.kernels.fastmath import log_positive
from models.kernels.philox import LOW, UintArray, normals_of, philox, uniform_of
from models.protocols import FloatArray

PSI_CRITICAL = 1.5
"""Where the branches change over; Andersen advises any value in [1, 2]."""

MAX_JUMPS = 63
"""Most jumps in one step; also the number of counter blocks that one step owns beyond its first."""

_BLOCKS_A_STEP = MAX_JUMPS + 1
_CHUNK = 1024  # paths whose state and draws stay in the first-level cache


class StepCoefficients(NamedTuple):
    """What one step needs, computed once.

    Parameters
    ----------
    decay, mean_constant : float
        Mean of the next variance: ``mean_constant + decay * variance``.
    spread_slope, spread_constant : float
        Its variance: ``spread_constant + spread_slope * variance``.
    k1, k2, k3, a : float
        Weights of the log price (k4 = k3) and the argument of the martingale correction.
    drift : float
        Growth of the mean price without jumps, over the step: jump compensator subtracted.
    jump_rate : float
        Expected jumps in the step.
    no_jump : float
        Probability of none.
    variance_jump, return_jump, return_jump_variance, jump_slope : float
        Mean of the exponential variance jump, mean and variance of the log jump, slope of the latter on the former.
    left, integrated : float
        Fraction of a variance jump left at the end of the step; its share of the integrated variance [year].
    jump_rate_slope : float
        Expected further jumps in the step for a unit of the sum of the variances at its start and end.
    mean_jump : float
        Mean relative price jump.
    """

    decay: float
    mean_constant: float
    spread_slope: float
    spread_constant: float
    k1: float
    k2: float
    k3: float
    a: float
    drift: float
    jump_rate: float
    no_jump: float
    variance_jump: float
    return_jump: float
    return_jump_variance: float
    jump_slope: float
    left: float
    integrated: float
    jump_rate_slope: float
    mean_jump: float


def step_coefficients(
    *,
    dt: float,
    kappa: float,
    theta: float,
    vol_of_vol: float,
    rho: float,
    drift: float,
    jump_intensity: float = 0.0,
    variance_jump_mean: float = 0.0,
    return_jump_mean: float = 0.0,
    return_jump_std: float = 0.0,
    jump_correlation: float = 0.0,
    jump_intensity_slope: float = 0.0,
) -> StepCoefficients:
    """Coefficients of a step of ``dt`` years; see ``models.svcj_dynamics.SvcjDynamics`` for the parameters.

    Raises
    ------
    ModelParameterError
        If the martingale correction does not exist, or more than a handful of jumps a step are expected.
    """
    decay = exp(-kappa * dt)
    mean_step = -expm1(-kappa * dt)
    weight = 0.5 * dt * (kappa * rho / vol_of_vol - 0.5)
    k3 = 0.5 * dt * (1.0 - rho * rho)
    k2 = weight + rho / vol_of_vol
    a = k2 + 0.5 * k3
    spread = vol_of_vol**2 * mean_step / kappa
    if a * spread >= 1.0:
        raise ModelParameterError(
            f"rho = {rho:g} with vol_of_vol = {vol_of_vol:g} leaves the price without a mean over one step of "
            f"{dt:g} years; vol_of_vol must be smaller, or rho negative"
        )
    if jump_intensity * dt > 5.0:
        raise ModelParameterError(f"jump_intensity must be at most {5.0 / dt:g} [1/year], got {jump_intensity:g}")
    growth = exp(return_jump_mean + 0.5 * return_jump_std**2) / (1.0 - jump_correlation * variance_jump_mean)
    left = mean_step / (kappa * dt)
    # a jump raises the intensity for what is left of the step, half of it on average
    followed = 1.0 + 0.5 * jump_intensity_slope * variance_jump_mean * dt
    return StepCoefficients(
        decay=decay,
        mean_constant=theta * mean_step,
        spread_slope=spread * decay,
        spread_constant=0.5 * theta * mean_step * spread,
        k1=weight - rho / vol_of_vol,
        k2=k2,
        k3=k3,
        a=a,
        drift=(drift - jump_intensity * followed * (growth - 1.0)) * dt,
        jump_rate=jump_intensity * followed * dt,
        no_jump=exp(-jump_intensity * followed * dt),
        variance_jump=variance_jump_mean,
        return_jump=return_jump_mean,
        return_jump_variance=return_jump_std**2,
        jump_slope=jump_correlation,
        left=left,
        integrated=(1.0 - left) / kappa,
        jump_rate_slope=0.5 * jump_intensity_slope * followed * dt,
        mean_jump=growth - 1.0,
    )


@njit(cache=True, nogil=True, forceinline=True, fastmath={"contract", "nsz", "arcp"}, error_model="numpy")  # type: ignore[untyped-decorator]
def diffused(v: float, normal_v: float, normal_s: float, uniform_v: float, c: StepCoefficients) -> tuple[float, float]:
    """Variance after one diffusion step, and the step's log return.

    Both branches are evaluated and one is chosen, so that the loop around has no jump in it; arguments of the branch
    that is not chosen are clamped to where it is defined.
    """
    mean = c.mean_constant + c.decay * v
    ratio = (c.spread_constant + c.spread_slope * v) / mean
    psi = ratio / mean
    is_quadratic = psi <= PSI_CRITICAL
    scale_q = 0.5 * ratio / (1.0 + np.sqrt(max(1.0 - 0.5 * psi, 0.0)))
    scale_e = 0.5 * (ratio + mean)
    root = np.sqrt(max(mean - scale_q, 0.0)) + np.sqrt(scale_q) * normal_v
    tail = -log_positive(0.5 * (psi + 1.0) * (1.0 - uniform_v))
    v_next = root * root if is_quadratic else scale_e * max(tail, 0.0)
    denominator = 1.0 - (2.0 * c.a * scale_q if is_quadratic else c.a * scale_e)
    fraction = c.a * (mean - scale_q if is_quadratic else mean) / denominator
    log_moment = log_positive(denominator if is_quadratic else 1.0 + fraction)
    correction = 0.5 * log_moment - fraction if is_quadratic else -log_moment
    diffusion = np.sqrt(c.k3 * (v + v_next)) * normal_s
    return v_next, c.drift + correction - 0.5 * c.k3 * v + c.k2 * v_next + diffusion


@njit(cache=True, nogil=True, fastmath={"contract", "nsz", "arcp"}, error_model="numpy")  # type: ignore[untyped-decorator]
def diffuse_row(
    variance: FloatArray,
    log_return: FloatArray,
    normal_v: FloatArray,
    normal_s: FloatArray,
    uniform_v: FloatArray,
    c: StepCoefficients,
) -> None:
    """One diffusion step of all paths on given numbers: ``variance`` in place, log returns added to ``log_return``."""
    for i in range(variance.size):
        variance[i], gain = diffused(variance[i], normal_v[i], normal_s[i], uniform_v[i], c)
        log_return[i] += gain


@njit(cache=True, nogil=True, fastmath={"contract", "nsz", "arcp"}, error_model="numpy")  # type: ignore[untyped-decorator]
def draw_and_diffuse_row(
    before: FloatArray,
    variance: FloatArray,
    log_return: FloatArray,
    adds: bool,
    uniform_n: FloatArray,
    first_path: np.uint64,
    day: np.uint64,
    block: np.uint64,
    purpose: np.uint64,
    key: UintArray,
    c: StepCoefficients,
) -> None:
    """As ``diffuse_row``, on numbers drawn in the same pass: integers of draws are worked out beside roots of the step.

    ``before`` holds the variance at the start of the step and may be ``variance`` itself, which receives that at its
    end; ``log_return`` receives the step's, added to what is there where ``adds``; ``uniform_n`` the uniform of jumps.
    """
    k0, k1 = key[0], key[1]
    for i in range(variance.size):
        w0, w1, w2, w3 = philox(first_path + np.uint64(i), day, block, purpose, k0, k1)
        normal_v, normal_s = normals_of(w0, w1)
        uniform_n[i] = uniform_of(w3)
        variance[i], gain = diffused(before[i], normal_v, normal_s, uniform_of(w2), c)
        log_return[i] = (log_return[i] if adds else 0.0) + gain


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def jump_row(
    variance: FloatArray,
    log_return: FloatArray,
    uniform_n: FloatArray,
    first_path: np.uint64,
    day: np.uint64,
    block: np.uint64,
    purpose: np.uint64,
    key: UintArray,
    c: StepCoefficients,
) -> None:
    """Add the jumps of one step; their number inverts ``uniform_n``, jump ``j`` draws from block ``block + j``."""
    for i in range(variance.size):
        if uniform_n[i] <= c.no_jump:
            continue
        probability = c.no_jump
        cumulative = probability
        j = 0
        while uniform_n[i] > cumulative and j < MAX_JUMPS:
            j += 1
            probability *= c.jump_rate / j
            cumulative += probability
            w0, w1, w2, _ = philox(first_path + np.uint64(i), day, block + np.uint64(j), purpose, key[0], key[1])
            normal, _ = normals_of(w0, w1)
            z = -c.variance_jump * log_positive(uniform_of(w2))
            x = c.integrated * z
            variance[i] += c.left * z
            mean = c.return_jump + c.jump_slope * z - 0.5 * x
            log_return[i] += mean + np.sqrt(c.return_jump_variance + x) * normal


@njit(cache=True, nogil=True, fastmath={"contract", "nsz", "arcp"}, error_model="numpy")  # type: ignore[untyped-decorator]
def rate_row(rate: FloatArray, variance: FloatArray, log_return: FloatArray, c: StepCoefficients) -> None:
    """Expected jumps of a step whose intensity follows the variance, and their compensator in the log return.

    ``rate`` holds the variance at the start of the step and receives the rate. Given the diffusion the jumps are
    independent of it, so a compensator at this very rate keeps the mean of the price exact.
    """
    for i in range(variance.size):
        further = c.jump_rate_slope * (rate[i] + variance[i])
        log_return[i] -= further * c.mean_jump
        rate[i] = c.jump_rate + further


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def jump_row_at_rates(
    variance: FloatArray,
    log_return: FloatArray,
    uniform_n: FloatArray,
    rate: FloatArray,
    first_path: np.uint64,
    day: np.uint64,
    block: np.uint64,
    purpose: np.uint64,
    key: UintArray,
    c: StepCoefficients,
) -> None:
    """As ``jump_row``, where each path has its own rate."""
    for i in range(variance.size):
        if uniform_n[i] <= 1.0 - rate[i]:
            continue
        probability = np.exp(-rate[i])
        cumulative = probability
        j = 0
        while uniform_n[i] > cumulative and j < MAX_JUMPS:
            j += 1
            probability *= rate[i] / j
            cumulative += probability
            w0, w1, w2, _ = philox(first_path + np.uint64(i), day, block + np.uint64(j), purpose, key[0], key[1])
            normal, _ = normals_of(w0, w1)
            z = -c.variance_jump * log_positive(uniform_of(w2))
            x = c.integrated * z
            variance[i] += c.left * z
            mean = c.return_jump + c.jump_slope * z - 0.5 * x
            log_return[i] += mean + np.sqrt(c.return_jump_variance + x) * normal


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def copy_row(source: FloatArray, target: FloatArray) -> None:
    """Copy numbers one by one: assigning arrays to one another takes longer to compile than all of this."""
    for i in range(target.size):
        target[i] = source[i]


@njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def propagate_rows(
    log_return: FloatArray,
    state: FloatArray,
    variance: FloatArray,
    steps_per_day: int,
    first_path: int,
    first_day: int,
    purpose: int,
    key: UintArray,
    c: StepCoefficients,
) -> None:
    """Move all paths on by ``log_return.shape[0]`` days; ``variance`` (n_paths,) is left at the last day's value.

    ``log_return`` and ``state`` of shape (n_days, n_paths) are filled. Paths are taken a chunk at a time so that their
    draws stay in cache; the counter of a draw depends on its path, day and step alone.
    """
    n_days, n_paths = log_return.shape
    uniform_n = np.empty(min(_CHUNK, n_paths))
    rate = np.empty(min(_CHUNK, n_paths))
    word = np.uint64(purpose)
    for low in range(0, n_paths, _CHUNK):
        high = min(low + _CHUNK, n_paths)
        n = high - low
        path = np.uint64(first_path + low)
        before = variance[low:high]
        for k in range(n_days):
            day = np.uint64(np.int64(first_day + k) & np.int64(LOW))
            row, v = log_return[k, low:high], state[k, low:high]
            for step in range(steps_per_day):
                block = np.uint64(step * _BLOCKS_A_STEP)
                if c.jump_rate_slope > 0.0:
                    copy_row(before, rate[:n])
                draw_and_diffuse_row(before, v, row, step > 0, uniform_n[:n], path, day, block, word, key, c)
                if c.jump_rate_slope > 0.0:
                    rate_row(rate[:n], v, row, c)
                    jump_row_at_rates(v, row, uniform_n[:n], rate[:n], path, day, block, word, key, c)
                elif c.jump_rate > 0.0:
                    jump_row(v, row, uniform_n[:n], path, day, block, word, key, c)
                before = v
        copy_row(before, variance[low:high])
