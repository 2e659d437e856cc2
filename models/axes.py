"""Coordinates in which a model's state lies on a uniform grid: tables and backward recursions share them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, final

import numpy as np
from numpy.typing import ArrayLike

from models.errors import ModelParameterError
from models.protocols import FloatArray

AxisKind = Literal["root", "log", "linear", "index"]
"""How a factor becomes a coordinate: its square root, its logarithm, itself, or itself without interpolation."""

PAD = 4
"""Nodes beyond each end of the range, which keep the end conditions of splines away from the cells that are used."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """Uniform nodes of one factor of the state.

    Parameters
    ----------
    kind : {"root", "log", "linear", "index"}
        Coordinate of the factor. ``index`` is a discrete factor (a regime 0, 1, ...), which is never interpolated.
    low, high : float
        Range of the factor, in its own units. Values beyond are priced at its end and counted.
    n_nodes : int
        Nodes on the range, both ends included; for ``index`` the number of values.
    bend : float
        Of a root axis: the root below which nodes are about even; beyond they are even in logs. 0 leaves them even.

    Raises
    ------
    ModelParameterError
        If the range is empty or does not suit the kind.
    """

    kind: AxisKind
    low: float
    high: float
    n_nodes: int
    bend: float = 0.0

    def __post_init__(self) -> None:
        lowest = {"root": 0.0, "index": 0.0}.get(self.kind, -np.inf)
        if not (lowest <= self.low < self.high) or (self.kind == "log" and self.low <= 0.0) or self.n_nodes < 2:
            raise ModelParameterError(
                f"an axis of kind {self.kind} cannot have {self.n_nodes} nodes from {self.low!r} to {self.high!r}"
            )

    @property
    def ends(self) -> tuple[float, float]:
        """Coordinates of the range."""
        low, high = self.coordinate(np.array([self.low, self.high]))
        return float(low), float(high)

    @property
    def step(self) -> float:
        """Step of the nodes, in coordinates."""
        low, high = self.ends
        return (high - low) / (self.n_nodes - 1)

    def coordinate(self, values: ArrayLike) -> FloatArray:
        """Coordinates of values of the factor; not clamped to the range."""
        x: FloatArray = np.asarray(values, dtype=np.float64)
        if self.kind == "root":
            root = np.sqrt(np.maximum(x, 0.0))
            return np.asarray(np.arcsinh(root / self.bend) if self.bend > 0.0 else root)
        return np.asarray(np.log(np.maximum(x, 1e-300))) if self.kind == "log" else x

    def value(self, coordinates: ArrayLike) -> FloatArray:
        """Values of the factor at coordinates."""
        x: FloatArray = np.asarray(coordinates, dtype=np.float64)
        if self.kind == "root":
            return np.asarray((self.bend * np.sinh(x)) ** 2 if self.bend > 0.0 else x * x)
        return np.asarray(np.exp(x)) if self.kind == "log" else x

    def nodes(self, *, pad: int = 0) -> FloatArray:
        """Coordinates of the nodes, with ``pad`` more beyond each end; a root axis from 0 has its mirror below 0."""
        if self.kind == "index":
            return np.arange(self.n_nodes, dtype=np.float64)
        return np.asarray(self.ends[0] + self.step * np.arange(-pad, self.n_nodes + pad))
