"""Spline tables on a grid of states: how states become rows, and how slices become coefficients.

A table holds one row a node of the state grid (index axis first, then the continuous ones, the last running fastest).
A root axis from 0 is continued by its mirror image, as prices are even in the root of variance; every other end has
``PAD`` nodes beyond it, which keep the spline's end conditions away from the cells that are used.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import final

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import spline_filter1d

from models.axes import PAD, Axis
from models.frozen import frozen
from models.kernels.state_rows import INDEX, PLAIN, ROOT, bend_roots, fill_roots, locate, spline_rows
from models.protocols import FloatArray

_LOWEST_ROOT = 0.01  # of a step: at variance 0 some models have no deviation one session ahead, only a limit
_HIGH_PAD = 8  # nodes beyond a variance of 1, where surfaces bend most


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class StateGrid:
    """Nodes of the state, and the rows that they have in a table.

    Parameters
    ----------
    axes : tuple of Axis
        Axes of the factors, in their order.
    refinement : int
        Cells into which every cell of an axis is cut, for tables without strikes.
    """

    axes: tuple[Axis, ...]
    refinement: int = 1

    @property
    def continuous(self) -> tuple[Axis, ...]:
        """Axes along which the table is interpolated."""
        return tuple(axis for axis in self.axes if axis.kind != "index")

    @property
    def n_regimes(self) -> int:
        """Number of values of the index axis, 1 where there is none."""
        return next((axis.n_nodes for axis in self.axes if axis.kind == "index"), 1)

    def step(self, axis: Axis) -> float:
        """Step of the nodes of an axis, refined."""
        return axis.step / self.refinement

    def n_cells(self, axis: Axis) -> int:
        """Number of cells on the range of an axis, refined."""
        return (axis.n_nodes - 1) * self.refinement

    def coordinates(self, axis: Axis) -> FloatArray:
        """Coordinates of the nodes of a continuous axis, pads included."""
        low, step, first = axis.ends[0], self.step(axis), -_low_pad(axis)
        nodes = np.asarray(low + step * np.arange(first, self.n_cells(axis) + 1 + _high_pad(axis)))
        if first == 0:
            nodes[0] = _LOWEST_ROOT * step
        return nodes

    def states(self) -> FloatArray:
        """All nodes, shape (n_factors, n_nodes)."""
        values = [
            axis.value(self.coordinates(axis)) if axis.kind != "index" else np.arange(axis.n_nodes, dtype=np.float64)
            for axis in self.axes
        ]
        return np.array(list(product(*values))).T

    def node_shape(self) -> tuple[int, ...]:
        """Nodes along each axis, the index axis first."""
        return self.n_regimes, *(self.coordinates(axis).size for axis in self.continuous)

    def row_counts(self) -> tuple[int, ...]:
        """Rows of the table along each continuous axis: the nodes, and the mirror image where there is one."""
        return tuple(self.coordinates(axis).size + (_low_pad(axis) == 0) for axis in self.continuous)

    def coefficients(self, values: FloatArray) -> FloatArray:
        """Spline coefficients of values at the nodes.

        Parameters
        ----------
        values : ndarray of shape (n_nodes, n_columns)
            In the order of ``states``; splined along the columns too, where there are more than one.

        Returns
        -------
        ndarray of shape (n_rows, n_columns)
        """
        n_columns = values.shape[1]
        table = values.reshape(*self.node_shape(), n_columns)
        if n_columns > 1:
            table = spline_filter1d(table, order=3, axis=-1, mode="mirror")
        for number, axis in enumerate(self.continuous, start=1):
            table = spline_filter1d(table, order=3, axis=number, mode="mirror")
            if _low_pad(axis) == 0:
                table = np.concatenate([np.take(table, [1], axis=number), table], axis=number)
        return np.ascontiguousarray(table.reshape(-1, n_columns))

    def strides(self, n_columns: int) -> tuple[int, ...]:
        """Distance between neighbouring rows along each continuous axis, in elements of the table."""
        counts = self.row_counts()
        return tuple(int(np.prod(counts[number + 1 :], dtype=int)) * n_columns for number in range(len(counts)))


@final
class Locator:
    """Tells kernels where states lie on a grid; what does not change from session to session is worked out once.

    Parameters
    ----------
    grid : StateGrid
        Nodes of the table.

    Attributes
    ----------
    cells : ndarray of shape (n_factors, 7)
        As ``models.kernels.state_rows.locate`` takes them.
    """

    def __init__(self, grid: StateGrid) -> None:
        counts = iter(grid.row_counts())
        self.cells = np.array([_cells(grid, axis, 0 if axis.kind == "index" else next(counts)) for axis in grid.axes])
        self._grid = grid
        self._as_they_are = all(axis.kind != "log" for axis in grid.axes)

    def strides(self, n_columns: int) -> tuple[np.uint64, ...]:
        """Distance between neighbouring rows along each continuous factor, in elements of the table."""
        return tuple(np.uint64(stride) for stride in self._grid.strides(n_columns))

    def values(self, state: FloatArray) -> FloatArray:
        """What kernels locate: the state, with coordinates in the place of factors on a logarithmic axis.

        Parameters
        ----------
        state : ndarray of shape (n_factors, n_paths)
            States; what comes after the factors of the grid moves no price and is not read.
        """
        values = frozen(state)
        if self._as_they_are:
            return values
        rows = zip(self._grid.axes, values, strict=False)
        return frozen([axis.coordinate(row) if axis.kind == "log" else row for axis, row in rows])

    def locate(self, state: FloatArray) -> tuple[NDArray[np.int64], FloatArray, int]:
        """First row and weights of each state, and how many were clamped to the range.

        Parameters
        ----------
        state : ndarray of shape (n_factors, n_paths)
            States.

        Returns
        -------
        row : ndarray of int64, shape (n_paths,)
            Row of the first coefficient.
        weight : ndarray of shape (4 n_continuous, n_paths)
            Weights of four rows along each continuous axis.
        n_clamped : int
            Number of coordinates beyond the range.
        """
        n_paths = state.shape[1]
        row, weight = np.empty(n_paths, np.int64), np.empty((4 * len(self._grid.continuous), n_paths))
        root, scratch = np.empty((2, len(self.cells), n_paths))
        fill_roots(self.values(state), 0, self.cells, n_paths, root)
        coordinate = bend_roots(root, self.cells, n_paths, scratch)
        clamped = locate(coordinate, self.cells, np.empty(n_paths), row, weight)
        return row, weight, int(clamped)

    def spline(self, row: NDArray[np.int64], weight: FloatArray, table: FloatArray) -> FloatArray:
        """Values (n_paths,) of a table (n_rows,) without strikes at rows and weights from ``locate``."""
        values = np.empty(row.size)
        spline_rows(row, weight, self.strides(1), table, values)
        return values


def _cells(grid: StateGrid, axis: Axis, n_rows: int) -> tuple[float, ...]:
    """What ``models.kernels.state_rows.locate`` needs to know of a factor."""
    if axis.kind == "index":
        return INDEX, 0.0, 0.0, 1.0, axis.n_nodes - 1, 0, 0
    kind, first = ROOT if axis.kind == "root" else PLAIN, max(_low_pad(axis) - 1, 0)
    return kind, axis.bend, axis.ends[0], grid.step(axis), grid.n_cells(axis), first, n_rows


def _low_pad(axis: Axis) -> int:
    return 0 if axis.kind == "root" and axis.low == 0.0 else PAD


def _high_pad(axis: Axis) -> int:
    return _HIGH_PAD if axis.kind == "root" else PAD
