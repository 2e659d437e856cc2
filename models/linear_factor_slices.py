"""Table slices of models on two linear factors: the SPX by the backward recursion, the VIX by sums over one law."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

import numpy as np

from models.cosine_sides import CosineSides
from models.linear_factor_model import LinearFactorModel
from models.linear_factor_spx import transform_recursion
from models.linear_factor_vix import vix_slices
from models.log_transform import WIDTH, LogTransform
from models.protocols import FloatArray
from models.slices import SpxSlice, VixSlice
from models.spline_axis import SplineAxis

_NEGLIGIBLE = 1e-9
_FEWEST, _MOST = 64, 2**13


@final
@dataclass(frozen=True, slots=True)
class LinearFactorSlices:
    """Slice source; see ``models.slices``.

    Parameters
    ----------
    model : LinearFactorModel
        The model.
    refinement : float
        Nodes of the recursion over those that the model asks for.
    """

    model: LinearFactorModel
    refinement: float = 1.0

    def spx_slices(self, states: FloatArray, scaled: FloatArray, max_sessions: int) -> Iterator[SpxSlice]:
        """See ``SliceSource.spx_slices``; the deviation is the root of the expected variance.

        States are those of a product grid, in the order of the first factor and then the second.
        """
        if scaled.size == 0:
            empty = np.empty((states.shape[1], 0))
            yield from ((deviation, empty, empty) for deviation in self._deviations(states, max_sessions))
            return
        recursion = transform_recursion(self.model, max_sessions, refinement=self.refinement)
        reader, sides = StateReader(recursion.axes, states), CosineSides(scaled)
        scales = self._deviations(states, max_sessions), self._deviations(recursion.grid.states[:, 0], max_sessions)
        own: LogTransform | None = recursion.first_session(states)
        for nodes, deviation, spread in zip(recursion.logarithms(max_sessions), *scales, strict=True):
            own = own or LogTransform(knots=nodes.knots, size=reader(nodes.size), phase=reader(nodes.phase))
            # counted at the nodes: between them nothing can be read where the transform has died out
            n_terms = terms_needed(nodes, spread)
            yield deviation, *sides(own.density_terms(deviation, n_terms), deviation)
            own = None

    def _deviations(self, states: FloatArray, max_sessions: int) -> Iterator[FloatArray]:
        """Root of the expected variance of the log return to 1, 2, .. sessions, (n_states,)."""
        total = np.zeros(states.shape[1])
        for ahead in range(max_sessions):
            total = total + self.model.forward_variance(ahead)(states)
            yield np.sqrt(total)

    def vix_slices(self, states: FloatArray, scaled: FloatArray, max_sessions: int) -> Iterator[VixSlice]:
        """See ``SliceSource.vix_slices``."""
        return vix_slices(self.model, states, scaled, max_sessions)


def terms_needed(transform: LogTransform, deviation: FloatArray) -> int:
    """Number of cosine terms after which none of the transforms, over the square of its argument, still counts."""
    u = transform.knots.values * deviation[:, None]
    counts = transform.size - np.log1p(u * u) > np.log(_NEGLIGIBLE)
    n_knots = u.shape[1]
    after = np.minimum(n_knots - np.argmax(counts[:, ::-1], axis=1), n_knots - 1)
    reach = float(u[np.arange(u.shape[0]), after].max())
    return int(np.clip(np.ceil(reach * 2.0 * WIDTH / np.pi), _FEWEST, _MOST))


@final
class StateReader:
    """Reads functions of the recursion's grid at the states of a table.

    Parameters
    ----------
    axes : list of SplineAxis
        Nodes of the grid along both factors.
    states : ndarray of shape (2, n_states)
        Where functions are wanted.
    """

    def __init__(self, axes: list[SplineAxis], states: FloatArray) -> None:
        distinct = [np.unique(factor, return_inverse=True) for factor in states]
        self._place = tuple(inverse for _, inverse in distinct)
        self._shape = tuple(axis.nodes.size for axis in axes)
        self._matrices = [axis.matrix(values) for (values, _), axis in zip(distinct, axes, strict=True)]

    def __call__(self, values: FloatArray) -> FloatArray:
        """Values (n_states, n_columns) from those at the nodes of the grid, (n_nodes, n_columns)."""
        first, second = self._matrices
        n_1, n_2 = self._shape
        rows = (first @ values.reshape(n_1, -1)).reshape(first.shape[0], n_2, -1)
        return np.ascontiguousarray(np.matmul(second, rows)[self._place])
