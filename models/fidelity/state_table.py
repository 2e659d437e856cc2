"""A quantity on the grid of a model's states, looked up by cubic splines: what futures and VVIX of a history need."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self, final

import numpy as np

from models.axes import Axis
from models.errors import ModelParameterError
from models.kernels.state_spline import spline_day
from models.protocols import FloatArray, Model

_PAD = 8  # nodes beyond each end: what the mirrored ends of the splines do fades by four a node
_BELOW = _PAD - 1  # coefficients left of the second tap of the lowest cell


def axes_of(model: Model) -> tuple[Axis, ...]:
    """Axes of a model's state.

    Raises
    ------
    ModelParameterError
        If the model names no axes, or has more than two continuous factors.
    """
    if not hasattr(model, "table_axes"):
        raise ModelParameterError(f"{model.name} must name the axes of its state (table_axes) to be put on a grid")
    axes: tuple[Axis, ...] = tuple(model.table_axes())
    continuous = [axis for axis in axes if axis.kind != "index"]
    if not 1 <= len(continuous) <= 2 or any(axis.kind == "index" for axis in axes[1:]):
        raise ModelParameterError(
            f"{model.name} must have one or two continuous factors after its regime to be put on a grid"
        )
    return axes


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class StateTable:
    """Splines of several quantities over the states of a model.

    Parameters
    ----------
    axes : tuple of Axis
        Axes of the state, the regime first where there is one.
    coefficients : ndarray of shape (n_tables, n_regimes, n_x, n_y)
        B-spline coefficients on the padded grid.
    """

    axes: tuple[Axis, ...]
    coefficients: FloatArray

    @classmethod
    def of(cls, axes: Sequence[Axis], quantity: Callable[[FloatArray], FloatArray]) -> Self:
        """Evaluate ``quantity`` of states (n_factors, n_nodes), of shape (n_tables, n_nodes), on the whole grid."""
        from scipy.ndimage import spline_filter1d  # slow to import, and reading stored scores does without

        axes = tuple(axes)
        n_regimes = axes[0].n_nodes if axes[0].kind == "index" else 1
        nodes = [axis.value(axis.nodes(pad=0 if axis.kind == "index" else _PAD)) for axis in axes]
        grid = np.stack([part.ravel() for part in np.meshgrid(*nodes, indexing="ij")])
        values = np.asarray(quantity(grid), dtype=np.float64)
        sizes = [n_regimes, *(part.size for part, axis in zip(nodes, axes, strict=True) if axis.kind != "index")]
        coefficients = values.reshape(values.shape[0], *sizes)
        for dimension in range(2, coefficients.ndim):
            coefficients = spline_filter1d(coefficients, order=3, axis=dimension, mode="mirror")
        if coefficients.ndim == 3:
            coefficients = coefficients[..., None]
        return cls(axes=axes, coefficients=np.ascontiguousarray(coefficients))

    def day(self, out: FloatArray, state: FloatArray, *, tables: slice | FloatArray | None = None) -> int:
        """Fill ``out`` (n_tables, n_paths) for states (n_factors, n_paths); returns how many lay off the grid."""
        coefficients = self.coefficients if tables is None else self.coefficients[tables]
        continuous = [i for i, axis in enumerate(self.axes) if axis.kind != "index"]
        places = [
            (self.axes[i].coordinate(state[i]) - self.axes[i].ends[0]) / self.axes[i].step + _BELOW for i in continuous
        ]
        regime = state[0].astype(np.int64) if continuous[0] == 1 else np.zeros(state.shape[1], dtype=np.int64)
        ends = [[_BELOW, _BELOW + self.axes[i].n_nodes - 1] for i in continuous]
        bounds = np.array([*ends[0], *ends[-1]], dtype=np.float64)
        return int(spline_day(out, places[0], places[-1], regime, coefficients, bounds))


def spread_over_tenors(known: FloatArray, tenors: FloatArray, wanted: FloatArray) -> FloatArray:
    """Values at all tenors from those at a few, by a cubic spline in the root of the tenor.

    Parameters
    ----------
    known : ndarray of shape (n_known, n_nodes)
        Values at the known tenors.
    tenors, wanted : ndarray
        Known tenors, increasing, and those wanted, inside their range.
    """
    from scipy.interpolate import make_interp_spline  # likewise

    return np.asarray(make_interp_spline(np.sqrt(tenors), known, k=3, axis=0)(np.sqrt(wanted)))
