r"""Characteristic functions and expectations of models in sessions, by recursion from expiry backwards.

With x the state and z the shock that moves return and state,

.. math:: \phi_{t+1}(u, x) = \sum_j w_j\, e^{iu(m(x) + \sqrt{h(x)} z_j)}\, \phi_t(u, x'(x, z_j)), \qquad \phi_0 = 1

gives the characteristic function of the log return over the forward to every session from one sweep, for the law of
the model itself: no approximation but the grid, on which values are interpolated by six-point Lagrange polynomials.
Expectations of functions of the state (VIX futures, payoffs of VIX options) are the case u = 0 from other start
values.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

from models.backward_grid import BackwardGrid
from models.backward_model import BackwardModel, deviations_of_return, jump_factor
from models.kernels.backward_step import (
    apply_matrices,
    fill_phases,
    fill_session_matrices,
    step_two_factors,
)
from models.protocols import FloatArray

ComplexArray = NDArray[np.complex128]
Step = Callable[[ComplexArray], ComplexArray]

_BLOCK = 8  # arguments that are stepped together: their phases stay in the second-level cache
_NEGLIGIBLE = 1e-11
_DENSE = 512  # shocks of the first session
_SMALL_GRID, _FEW = 1600, 4  # nodes and functions for which a dense matrix is the faster way
_AGREEMENT = 0.2
_HIGHEST = 200.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Knots:
    """Arguments of the characteristic function: ``scale * sinh(step * k)`` for k = 0 .. n - 1.

    Parameters
    ----------
    scale, step : float
        Of the knots, > 0.
    n : int
        Number of knots.
    """

    scale: float
    step: float
    n: int

    @property
    def values(self) -> FloatArray:
        """The arguments (n,)."""
        return np.asarray(self.scale * np.sinh(self.step * np.arange(self.n)))


def knots_for(grid: BackwardGrid, max_sessions: int, *, step: float) -> Knots:
    """Knots dense enough for the widest law on the grid and far enough for the narrowest.

    Parameters
    ----------
    grid : BackwardGrid
        Grid of the recursion.
    max_sessions : int
        Longest horizon.
    step : float
        Relative distance of large knots.
    """
    limit = shock_limit(grid.model, _DENSE)
    reach = np.sqrt(-2.0 * np.log(_NEGLIGIBLE))
    with np.errstate(divide="ignore"):
        top = np.minimum(limit / np.abs(grid.shared_deviation), reach / np.sqrt(grid.own_variance)).max()
    scale = 0.25 / np.sqrt(grid.variance.max() * max_sessions)
    return Knots(scale=float(scale), step=step, n=int(np.ceil(np.arcsinh(top / scale) / step)) + 1)


def first_session(model: BackwardModel, states: FloatArray, u: FloatArray) -> ComplexArray:
    """Transform of one session's return at states (n_factors, ...), of shape (n_knots, ...).

    It is the shock's own, scaled and centred. No state is read after it, so that it can have all the nodes that its
    quadrature wants, and it wants no grid.
    """
    z, w = model.shock_nodes(_DENSE)
    limit = shock_limit(model, _DENSE)
    frequency = np.linspace(0.0, limit, int(limit / 0.05) + 8)
    # what is interpolated is (transform - 1) / frequency^2, which keeps the variance near 0
    above = frequency[1:, None]
    bend = np.concatenate([[-0.5 * w @ z**2], np.expm1(1j * above * z) @ w / above[:, 0] ** 2])
    shock = CubicSpline(frequency, bend)
    deviation, own_variance = deviations_of_return(model, states)
    growth = np.log(np.exp(deviation[..., None] * z) @ w) + 0.5 * own_variance
    jumps = jump_factor(model, states, u)
    u = u.reshape(-1, *(1,) * deviation.ndim)
    argument = np.abs(u * deviation)
    value = np.where(argument <= limit, 1.0 + argument**2 * shock(np.minimum(argument, limit)), 0.0)
    value = np.where(deviation < 0.0, np.conj(value), value)
    value = value * np.exp(-1j * u * growth - 0.5 * u * u * own_variance)
    return value if jumps is None else np.asarray(value * np.moveaxis(jumps, -1, 0))


def shock_limit(model: BackwardModel, n_shocks: int) -> float:
    """Frequency beyond which the shock's characteristic function is nil, or ``n_shocks`` nodes no longer tell it."""
    frequency = np.linspace(0.0, _HIGHEST, 801)
    coarse, fine = (
        np.exp(1j * frequency[:, None] * z) @ w
        for z, w in (model.shock_nodes(n_shocks), model.shock_nodes(4 * n_shocks))
    )
    # a transform with a small error is better than none
    wrong = np.abs(coarse - fine) > _AGREEMENT * np.abs(fine)
    nil = np.flatnonzero(np.abs(fine) > _NEGLIGIBLE)[-1] + 1
    first_wrong = int(np.argmax(wrong)) if wrong.any() else frequency.size
    return float(frequency[max(min(first_wrong, nil, frequency.size - 1), 1)])


def log_return_transforms(grid: BackwardGrid, knots: Knots, max_sessions: int) -> Iterator[ComplexArray]:
    r"""Yield :math:`E[\exp(iu \ln(S_T/F))]` for 1, 2, .. sessions, each of shape (n_knots, n_regimes, n_nodes).

    Parameters
    ----------
    grid : BackwardGrid
        States.
    knots : Knots
        Arguments u.
    max_sessions : int
        Last session.
    """
    u = knots.values
    step = _stepper(grid, u, shock_limit(grid.model, grid.n_shocks))
    jumps = jump_factor(grid.model, grid.states, u)
    values = first_session(grid.model, grid.states, u)
    yield values
    for _ in range(max_sessions - 1):
        # what has died out stays dead: the knots are sorted, and transforms fall with the session
        alive = np.flatnonzero(np.abs(values).max(axis=(1, 2)) > _NEGLIGIBLE)
        n = min(_BLOCK * (int(alive[-1]) // _BLOCK + 1), u.size)
        values[n:] = 0.0
        values[:n] = step(values[:n])
        if jumps is not None:
            values[:n] *= np.moveaxis(jumps[..., :n], -1, 0)
        yield values


def expectations(grid: BackwardGrid, values: FloatArray, n_sessions: int) -> Iterator[FloatArray]:
    """Yield expectations of functions of the state after 1, 2, .. sessions.

    Parameters
    ----------
    grid : BackwardGrid
        States.
    values : ndarray of shape (n_functions, n_regimes, n_nodes)
        Functions at the nodes.
    n_sessions : int
        Number of sessions.

    Yields
    ------
    ndarray of shape (n_functions, n_regimes, n_nodes)
    """
    if len(grid.factors) == 1 or (grid.size <= _SMALL_GRID and values.shape[0] <= _FEW):
        matrices = [expectation_matrix(grid, regime) for regime in range(grid.n_regimes)]
        for _ in range(n_sessions):
            mixed = grid.mixed(values.transpose(1, 2, 0))
            values = np.stack([m @ part for m, part in zip(matrices, mixed, strict=True)]).transpose(2, 0, 1)
            yield values
        return
    # two real functions travel as one complex function
    n = values.shape[0]
    pairs = np.zeros(((n + 1) // 2, *values.shape[1:]), dtype=np.complex128)
    pairs.real[:], pairs.imag[: n // 2] = values[0::2], values[1::2]
    step = _stepper(grid, np.zeros(pairs.shape[0]), np.inf)
    for _ in range(n_sessions):
        pairs = step(pairs)
        result = np.empty(values.shape)
        result[0::2], result[1::2] = pairs.real, pairs.imag[: n // 2]
        yield result


def expectation_matrix(grid: BackwardGrid, regime: int) -> FloatArray:
    """Matrix of one session's expectation, (n_nodes, n_nodes)."""
    weight = grid.shocks[1]
    parts = []
    for factor, nodes in enumerate(grid.coordinates):
        noise = grid.noise_matrix(factor)
        moved = grid.stencil(factor, regime).matrix(nodes.size)
        moved = moved if noise is None else moved @ noise
        parts.append(np.broadcast_to(moved, (nodes.size, weight.size, nodes.size)))
    if len(parts) == 1:
        return np.asarray(np.einsum("j,ajk->ak", weight, parts[0]))
    joint = np.tensordot(parts[0] * weight[:, None], parts[1], axes=(1, 1))
    return np.asarray(joint.transpose(0, 2, 1, 3).reshape(grid.size, grid.size))


def _stepper(grid: BackwardGrid, u: FloatArray, limit: float) -> Step:
    """One session back for all arguments."""
    damping, u_limit = grid.own_variance, limit / np.maximum(np.abs(grid.shared_deviation), 1e-150)
    if len(grid.factors) == 1:
        return _one_factor(grid, u, damping, u_limit)
    return _two_factors(grid, u, damping, u_limit)


def _parts(n: int) -> list[slice]:
    return [slice(low, min(low + _BLOCK, n)) for low in range(0, n, _BLOCK)]


def _each(work: Callable[[int, slice], None], n_regimes: int, n_arguments: int) -> None:
    """Do ``work`` for every regime and block of arguments, on all cores."""
    jobs = [(regime, part) for regime in range(n_regimes) for part in _parts(n_arguments)]
    with ThreadPoolExecutor(max_workers=len(os.sched_getaffinity(0))) as pool:
        list(pool.map(lambda job: work(*job), jobs))


def _one_factor(grid: BackwardGrid, u: FloatArray, damping: FloatArray, u_limit: FloatArray) -> Step:
    n, weight = grid.size, grid.shocks[1]
    noise = grid.noise_matrix(0)
    real, imag = np.empty((2, grid.n_regimes, u.size, n, n))

    def fill(regime: int, part: slice) -> None:
        read, moves = grid.stencil(0, regime), grid.log_return[regime]
        first = np.ascontiguousarray(np.broadcast_to(read.first, moves.shape))
        spread = np.ascontiguousarray(np.broadcast_to(read.weight, (*moves.shape, read.weight.shape[-1])))
        own = real[regime, part], imag[regime, part]
        fill_session_matrices(*own, u[part], moves, damping[regime], weight, first, spread, u_limit[regime])
        if noise is not None:
            for side in own:
                side[:] = side @ noise

    def step(values: ComplexArray) -> ComplexArray:
        mixed = np.ascontiguousarray(grid.mixed(values.transpose(1, 0, 2)))
        result = np.empty(mixed.shape, dtype=np.complex128)

        def advance(regime: int, part: slice) -> None:
            own = real[regime, part], imag[regime, part]
            apply_matrices(*own, mixed[regime, part], result[regime, part])

        _each(advance, grid.n_regimes, values.shape[0])
        return np.ascontiguousarray(result.transpose(1, 0, 2))

    _each(fill, grid.n_regimes, u.size)
    return step


def _two_factors(grid: BackwardGrid, u: FloatArray, damping: FloatArray, u_limit: FloatArray) -> Step:
    n_1, n_2 = (nodes.size for nodes in grid.coordinates)
    weight = grid.shocks[1]
    reads = [[_for_kernel(grid, factor, regime) for factor in (0, 1)] for regime in range(grid.n_regimes)]
    noises = [grid.noise_matrix(factor) for factor in (0, 1)]
    phases = {
        (regime, part.start): _phases(u[part], grid.log_return[regime], damping[regime], weight, u_limit[regime])
        for regime in range(grid.n_regimes)
        for part in _parts(u.size)
    }

    def step(values: ComplexArray) -> ComplexArray:
        mixed = grid.mixed(values.transpose(1, 0, 2)).reshape(grid.n_regimes, -1, n_1, n_2)
        for noise, form in zip(noises, ("ak,rukb->ruab", "bk,ruak->ruab"), strict=True):
            mixed = mixed if noise is None else np.einsum(form, noise, mixed, optimize=True)
        result = np.empty(values.shape, dtype=np.complex128)

        def advance(regime: int, part: slice) -> None:
            block = np.ascontiguousarray(mixed[regime, part].transpose(1, 2, 0))
            planes = np.stack([block.real, block.imag])
            stepped = np.empty(planes.shape)
            cosine, sine = phases[regime, part.start]
            (first_1, weight_1), (first_2, weight_2) = reads[regime]
            step_two_factors(stepped, planes, cosine, sine, first_1, weight_1, first_2, weight_2)
            result[part, regime] = (stepped[0] + 1j * stepped[1]).reshape(n_1 * n_2, -1).T

        _each(advance, grid.n_regimes, values.shape[0])
        return result

    return step


def _phases(
    u: FloatArray, log_return: FloatArray, damping: FloatArray, weight: FloatArray, u_limit: FloatArray
) -> tuple[FloatArray, FloatArray]:
    cosine, sine = np.empty((2, weight.size, damping.size, u.size))
    fill_phases(cosine, sine, u, log_return, damping, weight, u_limit)
    return cosine, sine


def _for_kernel(grid: BackwardGrid, factor: int, regime: int) -> tuple[NDArray[np.int64], FloatArray]:
    """Stencil with the shocks first, (n_z, n_nodes) and (n_z, n_nodes, width)."""
    read = grid.stencil(factor, regime)
    shape = (grid.shocks[0].size, read.first.shape[0])
    first = np.broadcast_to(read.first.T, shape)
    weight = np.broadcast_to(read.weight.transpose(1, 0, 2), (*shape, read.weight.shape[-1]))
    return np.ascontiguousarray(first), np.ascontiguousarray(weight)
