"""Quintic splines on the nodes of one axis, as stencils of six coefficients and as matrices.

Six-point polynomials err over a hundred times more on the same nodes, and a recursion adds up what they err.
"""

from __future__ import annotations

from functools import cached_property
from typing import final

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import BSpline

from models.protocols import FloatArray

DEGREE = 5


@final
class SplineAxis:
    """Interpolation between nodes; beyond them functions keep their last value.

    Parameters
    ----------
    nodes : ndarray of shape (n,)
        Increasing, n > 6.
    """

    def __init__(self, nodes: FloatArray) -> None:
        self.nodes = nodes
        # knots at all nodes but those next to the ends: as many coefficients as nodes
        inner = nodes[(DEGREE + 1) // 2 : -(DEGREE + 1) // 2]
        self._knots = np.concatenate([[nodes[0]] * (DEGREE + 1), inner, [nodes[-1]] * (DEGREE + 1)])

    @cached_property
    def coefficients(self) -> FloatArray:
        """Matrix (n, n) from values at the nodes to coefficients."""
        return np.asarray(np.linalg.inv(self._basis(self.nodes)))

    def read(self, points: FloatArray) -> tuple[NDArray[np.int64], FloatArray]:
        """First coefficient (...) of each point, and weights (..., 6) of it and those after it."""
        held = np.clip(points, self.nodes[0], self.nodes[-1])
        span = np.searchsorted(self._knots, held, side="right") - 1
        first = np.clip(span - DEGREE, 0, self.nodes.size - DEGREE - 1)
        rows = self._basis(held.ravel())
        columns = first.reshape(-1, 1) + np.arange(DEGREE + 1)
        weight = np.take_along_axis(rows, columns, axis=1)
        return first.astype(np.int64), weight.reshape(*held.shape, DEGREE + 1)

    def matrix(self, points: FloatArray) -> FloatArray:
        """Matrix (n_points, n) from values at the nodes to values at the points."""
        return np.asarray(self._basis(np.clip(points, self.nodes[0], self.nodes[-1])) @ self.coefficients)

    def _basis(self, points: FloatArray) -> FloatArray:
        return np.asarray(BSpline.design_matrix(points, self._knots, DEGREE).toarray())
