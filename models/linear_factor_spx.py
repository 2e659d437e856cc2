r"""Characteristic functions of the log return in models on two linear factors, by recursion from expiry backwards.

The recursion is that of ``models.backward_fourier``; here both factors are moved by one shock, and the shock is
integrated by product rules, so that a session needs few nodes however fast the return's phase turns.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from math import ceil
from typing import final

import numpy as np

from models.backward_fourier import ComplexArray, Knots
from models.backward_grid import BackwardGrid
from models.backward_model import deviations_of_return, jump_factor
from models.kernels.linear_factor_step import IntArray, fill_phases, spline_coefficients, step_linear_factors
from models.linear_factor_model import LinearFactorModel
from models.log_transform import LogTransform
from models.protocols import FloatArray
from models.shock_rule import ShockRule
from models.spline_axis import SplineAxis

_BLOCK = 16  # arguments that are stepped together: their planes stay in the second-level cache
_NEGLIGIBLE = 1e-11
_KNOT_STEP = 0.08
_MARGIN = (0.12, 0.06)  # of the range, beyond each end: the slow factor moves little


@dataclass(frozen=True, kw_only=True)
class FactorGrid(BackwardGrid):
    """Grid of two linear factors with its own number of nodes along each.

    Parameters
    ----------
    counts : tuple of int
        Nodes along the factors.
    """

    counts: tuple[int, int]

    @cached_property
    def coordinates(self) -> tuple[FloatArray, ...]:
        """Coordinates of the nodes: some way beyond the range of the tables, and as far as the law under Q goes.

        What is added for Q has nodes as far apart as the rest.
        """
        nodes, reach = [], self.model.reach_q()  # type: ignore[attr-defined]
        for axis, count, share, ends in zip(self.model.table_axes(), self.counts, _MARGIN, reach, strict=True):
            margin = share * (axis.high - axis.low)
            low, high = axis.low - margin, axis.high + margin
            longer = max(high, ends[1]) - min(low, ends[0])
            n_nodes = ceil((count - 1) * longer / (high - low) - 1e-9) + 1
            nodes.append(np.linspace(min(low, ends[0]), max(high, ends[1]), n_nodes))
        return tuple(nodes)


@final
class TransformRecursion:
    """Transforms of one model on a grid of states, session by session.

    Parameters
    ----------
    grid : FactorGrid
        States.
    rule : ShockRule
        Integration over the shock.
    max_sessions : int
        Sessions to which knots are laid.
    knot_step : float
        Relative distance of large arguments.
    """

    def __init__(self, grid: FactorGrid, rule: ShockRule, max_sessions: int, knot_step: float) -> None:
        self.grid, self.rule = grid, rule
        self.deviation = grid.shared_deviation[0]
        self.damping = grid.own_variance[0]
        self.growth = np.log(np.exp(self.deviation[:, None] * rule.values) @ rule.chances) + 0.5 * self.damping
        self.knots = self._knots(max_sessions, knot_step)
        self.shape = tuple(nodes.size for nodes in grid.coordinates)
        self.axes = [SplineAxis(nodes) for nodes in grid.coordinates]
        self._coefficients = [self._averaged(factor) for factor in (0, 1)]
        self._reads = [self._moved(factor) for factor in (0, 1)]
        self.parts = [slice(low, min(low + _BLOCK, self.knots.n)) for low in range(0, self.knots.n, _BLOCK)]

    def sessions(self, n_sessions: int) -> Iterator[FloatArray]:
        """Yield real and imaginary parts of the transforms, (2, n_nodes, n_knots), to 1, 2, .. sessions."""
        u = self.knots.values
        with ThreadPoolExecutor(max_workers=len(os.sched_getaffinity(0))) as pool:
            phases = list(pool.map(lambda part: self._phases(u[part]), self.parts))
            jumps = [jump_factor(self.grid.model, self.grid.states[:, 0], u[part]) for part in self.parts]
            planes: list[FloatArray | None] = [self._start(part) for part in self.parts]
            for _ in range(n_sessions):
                planes = list(pool.map(self._step, planes, phases, jumps))
                result = np.zeros((2, self.grid.size, u.size))
                for part, plane in zip(self.parts, planes, strict=True):
                    if plane is not None:
                        result[..., part] = plane.reshape(2, self.grid.size, -1)
                yield result

    def first_session(self, states: FloatArray) -> LogTransform:
        """Logarithms one session ahead of states (2, n): of the shock itself, read from no grid."""
        model, rule = self.grid.model, self.rule
        deviation, damping = deviations_of_return(model, states)
        growth = np.log(np.exp(deviation[:, None] * rule.values) @ rule.chances) + 0.5 * damping
        cosine, sine = np.empty((2, 1, deviation.size, self.knots.n))
        whole = rule.tables.sum(axis=0, keepdims=True)
        fill_phases(cosine, sine, self.knots.values, deviation, damping, growth, whole, rule.step)
        transform = cosine[0] + 1j * sine[0]
        jumps = jump_factor(model, states, self.knots.values)
        return LogTransform.of(self.knots, np.ascontiguousarray((transform if jumps is None else transform * jumps).T))

    def logarithms(self, n_sessions: int) -> Iterator[LogTransform]:
        """Yield logarithms at the nodes of the grid, to 1, 2, .. sessions."""
        for parts in self.sessions(n_sessions):
            yield LogTransform.of(self.knots, np.ascontiguousarray((parts[0] + 1j * parts[1]).T))

    def _knots(self, max_sessions: int, step: float) -> Knots:
        reach = np.sqrt(-2.0 * np.log(_NEGLIGIBLE))
        with np.errstate(divide="ignore"):
            top = np.minimum(self.rule.limit / np.abs(self.deviation), reach / np.sqrt(self.damping)).max()
        scale = 0.25 / np.sqrt(self.grid.variance.max() * max_sessions)
        return Knots(scale=float(scale), step=step, n=int(np.ceil(np.arcsinh(top / scale) / step)) + 1)

    def _start(self, part: slice) -> FloatArray:
        plane = np.zeros((2, *self.shape, part.stop - part.start))
        plane[0] = 1.0
        return plane

    def _phases(self, u: FloatArray) -> tuple[FloatArray, FloatArray]:
        cosine, sine = np.empty((2, self.rule.nodes.size, self.deviation.size, u.size))
        fill_phases(cosine, sine, u, self.deviation, self.damping, self.growth, self.rule.tables, self.rule.step)
        return cosine, sine

    def _moved(self, factor: int) -> tuple[IntArray, FloatArray]:
        """Where a factor is read after each shock, (n_basis, n) and (n_basis, n, 6)."""
        axis = self.axes[factor]
        first, weight = axis.read(self.grid.model.next_coordinate(factor, axis.nodes, self.rule.nodes).T)
        return np.ascontiguousarray(first), np.ascontiguousarray(weight)

    def _averaged(self, factor: int) -> FloatArray:
        """Matrix (n, n) from values at the nodes to the coefficients of their average over the factor's own noise."""
        axis = self.axes[factor]
        noise, chances = self.grid.model.own_noise(factor)
        if noise.size == 0:
            return np.ascontiguousarray(axis.coefficients)
        average = sum(chance * axis.matrix(axis.nodes + shift) for shift, chance in zip(noise, chances, strict=True))
        return np.ascontiguousarray(axis.coefficients @ average)

    def _step(
        self, plane: FloatArray | None, phases: tuple[FloatArray, FloatArray], jumps: ComplexArray | None
    ) -> FloatArray | None:
        # what has died out stays dead
        if plane is None or np.abs(plane).max() < _NEGLIGIBLE:
            return None
        coefficients, result = np.empty(plane.shape), np.empty(plane.shape)
        spline_coefficients(coefficients, plane, *self._coefficients)
        step_linear_factors(result, coefficients, *phases, *self._reads[0], *self._reads[1])
        if jumps is not None:
            turned = (result[0] + 1j * result[1]) * jumps.reshape(result.shape[1:])
            result[0], result[1] = turned.real, turned.imag
        return result


def transform_recursion(
    model: LinearFactorModel, max_sessions: int, *, refinement: float = 1.0, knot_step: float = _KNOT_STEP
) -> TransformRecursion:
    """Recursion of a model on the grid that it asks for.

    Parameters
    ----------
    model : LinearFactorModel
        The model.
    max_sessions : int
        Longest horizon.
    refinement : float
        Nodes of the grid and of the shock over those that the model asks for.
    knot_step : float
        Relative distance of large arguments.
    """
    first, second = (round(refinement * count) for count in model.recursion_nodes)
    grid = FactorGrid(model=model, n_nodes=0, n_shocks=1, counts=(first, second))
    return TransformRecursion(grid, model.shock_rule(refinement), max_sessions, knot_step)
