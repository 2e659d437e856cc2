r"""European options from the characteristic function of the log return by the COS method.

The density of :math:`y = \ln(S_T/F)` on ``[a, b]`` is a cosine series whose coefficients are the characteristic
function; the put payoff's coefficients are closed. The interval and the number of terms grow until two successive
answers agree, so that the result does not rest on a rule of thumb.

References
----------
.. [1] F. Fang, C. W. Oosterlee (2008), "A novel pricing method for European options based on Fourier-cosine series
   expansions", SIAM Journal on Scientific Computing 31(2).
"""

from __future__ import annotations

import numpy as np

from models.affine import AffineModel
from models.errors import PricingDomainError
from models.protocols import FloatArray

_FIRST_WIDTH = 16.0
_GROWTH = 1.6
_AGREEMENT = 1e-12
_ACCEPTABLE = 1e-9  # where the density is so rough, or its transform so rounded, that there is no more to gain
_MAX_TERMS = 2**17
_MAX_ELEMENTS = 4_000_000  # complex numbers held at once


def relative_puts(
    model: AffineModel, state: FloatArray, log_moneyness: FloatArray, ttm: float
) -> tuple[FloatArray, FloatArray]:
    """Undiscounted puts over the forward, and the probability of ending below the strike.

    Parameters
    ----------
    model : AffineModel
        Gives the characteristic function.
    state : ndarray of shape (n_factors, n)
        State of each option.
    log_moneyness : ndarray of shape (n,)
        ln(strike / forward).
    ttm : float
        Time to maturity, > 0. [years]

    Returns
    -------
    put : ndarray of shape (n,)
        Price over forward.
    below : ndarray of shape (n,)
        Q-probability of S_T < strike.

    Raises
    ------
    PricingDomainError
        If the series does not converge.
    """
    constant, slope = model.mean_variance_coefficients(ttm)
    deviation = float(np.sqrt(np.max(constant + slope @ state) * ttm))
    spread = max(deviation, _fourth_cumulant_scale(model, state, ttm))
    reach = float(np.max(np.abs(log_moneyness)))
    width, previous, last_change = _FIRST_WIDTH, None, np.inf
    for _ in range(12):
        half = width * spread + reach
        n_terms = _terms(model, state, half, ttm)
        current = _series(model, state, log_moneyness, ttm, half, n_terms)
        change = np.inf if previous is None else float(np.max(np.abs(current[0] - previous[0])))
        # a transform that is integrated has a rounding of its own, where answers stop drawing nearer
        ended = n_terms >= _MAX_TERMS or change > 0.5 * last_change
        if change < _AGREEMENT or (ended and change < _ACCEPTABLE):
            return current
        previous, last_change, width = current, change, width * _GROWTH
    raise PricingDomainError(f"the COS series did not converge for ttm={ttm:g} (half width {half:g}, {n_terms} terms)")


def _fourth_cumulant_scale(model: AffineModel, state: FloatArray, ttm: float) -> float:
    """Fourth root of the fourth cumulant at the largest state: the reach of rare jumps."""
    radius, n_nodes = 0.5, 32
    z = radius * np.exp(2j * np.pi * np.arange(n_nodes) / n_nodes)
    constant, slope = model.log_return_transform(-1j * z, ttm)
    exponent = constant[None, :] + (slope.T @ state).T
    fourth = 24.0 * np.real(exponent @ z**-4) / n_nodes
    return float(np.max(np.abs(fourth)) ** 0.25)


def _terms(model: AffineModel, state: FloatArray, half: float, ttm: float) -> int:
    """Number of terms after which the characteristic function is negligible."""
    u = np.pi / (2.0 * half) * 2.0 ** np.arange(4.0, 17.5, 0.5)
    constant, slope = model.log_return_transform(u.astype(np.complex128), ttm)
    size = np.max(np.real(constant)[None, :] + (np.real(slope).T @ state).T, axis=0)
    # the payoff's coefficients fall off like u^-2 themselves
    negligible = size - 2.0 * np.log(u * half) < np.log(1e-17)
    last = int(np.argmax(negligible)) if negligible.any() else u.size - 1
    return int(np.clip(np.ceil(u[last] * 2.0 * half / np.pi), 256, _MAX_TERMS))


def _series(
    model: AffineModel, state: FloatArray, k: FloatArray, ttm: float, half: float, n_terms: int
) -> tuple[FloatArray, FloatArray]:
    """Sum the cosine series on [-half, half], slab by slab."""
    put, below = np.empty(k.shape), np.empty(k.shape)
    u = np.pi / (2.0 * half) * np.arange(n_terms, dtype=np.float64)
    constant, slope = model.log_return_transform(u.astype(np.complex128), ttm)
    constant[0], slope[:, 0] = 0.0, 0.0
    slab = max(1, _MAX_ELEMENTS // n_terms)
    for first in range(0, k.size, slab):
        part = slice(first, first + slab)
        exponent = constant[:, None] + slope.T @ state[:, part] + (1j * half) * u[:, None]
        density = np.real(np.exp(exponent))
        density[0] *= 0.5
        digital, asset = _payoff(u[:, None], half, k[None, part])
        scale = 1.0 / half
        below[part] = scale * np.sum(density * digital, axis=0)
        put[part] = scale * np.sum(density * (np.exp(k[None, part]) * digital - asset), axis=0)
    return put, below


def _payoff(u: FloatArray, half: float, k: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Cosine coefficients of 1 and of exp(y) over [-half, k]: equations (22) and (23) of [1]_."""
    shift = k + half
    safe = np.where(u == 0.0, 1.0, u)
    sine, cosine = np.sin(u * shift), np.cos(u * shift)
    digital = np.where(u == 0.0, shift, sine / safe)
    asset = ((cosine + u * sine) * np.exp(k) - np.exp(-half)) / (1.0 + u * u)
    return digital, asset
