"""Six-point Lagrange interpolation on uniform nodes, as stencils and as matrices."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.protocols import FloatArray

WIDTH = 6
"""Nodes that an interpolation uses."""

_OFFSETS = np.arange(WIDTH, dtype=np.float64)
_DENOMINATORS = np.array([np.prod([i - k for k in range(WIDTH) if k != i]) for i in range(WIDTH)], dtype=np.float64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stencil:
    """Where values are read and with which weights.

    Parameters
    ----------
    first : ndarray of int64
        First node of each point.
    weight : ndarray of shape (*first.shape, width)
        Weights of that node and the ones after it; they sum to 1.
    """

    first: NDArray[np.int64]
    weight: FloatArray

    def matrix(self, n_nodes: int) -> FloatArray:
        """Dense matrix (*shape, n_nodes) that reads all points from values at the nodes."""
        points = self.first.size
        dense = np.zeros((points, n_nodes))
        columns = self.first.reshape(points, 1) + np.arange(self.weight.shape[-1])
        dense[np.arange(points)[:, None], columns] = self.weight.reshape(points, -1)
        return dense.reshape(*self.first.shape, n_nodes)


def stencil(points: FloatArray, *, low: float, step: float, n_nodes: int) -> Stencil:
    """Stencils of points on the nodes ``low + step * k``; points beyond the nodes are read at the last one.

    Parameters
    ----------
    points : ndarray
        Coordinates.
    low, step : float
        First node and distance of nodes, > 0.
    n_nodes : int
        Number of nodes, >= 6.
    """
    position = np.clip((points - low) / step, 0.0, n_nodes - 1.0)
    first = np.clip(np.floor(position) - (WIDTH // 2 - 1), 0, n_nodes - WIDTH)
    gaps = (position - first)[..., None] - _OFFSETS
    weight = np.empty(gaps.shape)
    for k in range(WIDTH):
        weight[..., k] = np.prod(np.delete(gaps, k, axis=-1), axis=-1) / _DENOMINATORS[k]
    return Stencil(first=first.astype(np.int64), weight=weight)
