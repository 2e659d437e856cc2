"""Transforms of one model on two linear factors at the sessions and states that are asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from models.linear_factor_model import LinearFactorModel
from models.linear_factor_spx import transform_recursion
from models.log_transform import LogTransform
from models.protocols import FloatArray

IntArray = NDArray[np.int64]

LONGEST = 276
"""Sessions to which knots are laid; the recursion itself goes on as far as it is asked to."""

REFINEMENT = 1.2


class LinearFactorSweep:
    """Logarithms of characteristic functions, kept for the sessions that were asked for.

    Parameters
    ----------
    model : LinearFactorModel
        The model.
    """

    def __init__(self, model: LinearFactorModel) -> None:
        self._recursion = transform_recursion(model, LONGEST, refinement=REFINEMENT)
        self._kept: dict[int, tuple[FloatArray, FloatArray]] = {}
        self._restart()

    def _restart(self) -> None:
        self._done = 0
        self._sweep: Iterator[LogTransform] = self._recursion.logarithms(10**9)

    def prepare(self, sessions: Iterable[int]) -> None:
        """Have the transforms of these sessions ready, from one sweep where that is possible."""
        missing = sorted(set(sessions) - set(self._kept) - {0})
        if missing and missing[0] <= self._done:
            self._restart()
        for wanted in missing:
            while self._done < wanted:
                nodes = next(self._sweep)
                self._done += 1
            self._kept[wanted] = self._coefficients(nodes.size), self._coefficients(nodes.phase)

    def at(self, states: FloatArray, sessions: int) -> LogTransform:
        """Transform to a session for each of the states (2, n)."""
        if sessions == 1:
            return self._recursion.first_session(states)
        self.prepare([sessions])
        reads = [axis.read(values) for axis, values in zip(self._recursion.axes, states, strict=True)]
        size, phase = (self._read(part, reads) for part in self._kept[sessions])
        return LogTransform(knots=self._recursion.knots, size=size, phase=phase)

    def _coefficients(self, values: FloatArray) -> FloatArray:
        """Spline coefficients (n_1, n_2, n_knots) of values at the nodes."""
        first, second = (axis.coefficients for axis in self._recursion.axes)
        return np.asarray(np.matmul(second, np.tensordot(first, values.reshape(*self._recursion.shape, -1), axes=1)))

    @staticmethod
    def _read(coefficients: FloatArray, reads: list[tuple[IntArray, FloatArray]]) -> FloatArray:
        """Values (n_states, n_knots) at states."""
        (first, weight), (second, other) = reads
        total = np.zeros((first.size, coefficients.shape[-1]))
        for i in range(weight.shape[1]):
            for j in range(other.shape[1]):
                total += (weight[:, i] * other[:, j])[:, None] * coefficients[first + i, second + j]
        return total


@lru_cache(maxsize=2)
def sweep_of(model: LinearFactorModel) -> LinearFactorSweep:
    """Sweep of a model; kept for the models last asked about."""
    return LinearFactorSweep(model)
