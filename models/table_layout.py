"""Grids of the tables of a model: states, finer states of what has no strike, and strikes."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from models.axes import Axis
from models.grid_table import StateGrid
from models.slices import TableModel
from models.strike_grid import StrikeGrid

_VIX_BEND = 0.1
_VIX_STEP = {1: 0.035, 2: 0.07}  # of the bent axes, by the number of factors


@dataclass(frozen=True, slots=True, kw_only=True)
class TableLayout:
    """Grids of the tables of a model.

    Parameters
    ----------
    state : StateGrid
        States of the options on the SPX.
    fine : StateGrid
        States of what has no strike: futures and the deviations of the SPX.
    vix_state, vix_fine : StateGrid
        The same for options on the VIX and its deviations.
    spx, vix : StrikeGrid
        Strikes of the options.
    dtype : str
        Type of the stored numbers: two factors are stored in single precision, which changes no digit that counts.
    """

    state: StateGrid
    fine: StateGrid
    vix_state: StateGrid
    vix_fine: StateGrid
    spx: StrikeGrid
    vix: StrikeGrid
    dtype: str


def table_layout(model: TableModel) -> TableLayout:
    """Grids that meet 2 bp of implied volatility (99%) and 5 bp at worst."""
    axes = model.table_axes()
    state = StateGrid(axes=axes)
    bent = tuple(_bent(axis, _VIX_STEP[len(state.continuous)]) for axis in axes)
    one_factor = len(state.continuous) == 1
    finer = 4 if one_factor else 2
    return TableLayout(
        state=state,
        fine=StateGrid(axes=axes, refinement=finer),
        vix_state=StateGrid(axes=bent),
        vix_fine=StateGrid(axes=bent, refinement=finer),
        spx=StrikeGrid() if one_factor else StrikeGrid(n_nodes=81, pad=7),
        vix=StrikeGrid(n_nodes=81, pad=8, reach=12.0) if one_factor else StrikeGrid(n_nodes=41, pad=5, reach=12.0),
        dtype="f8" if one_factor else "f4",
    )


def _bent(axis: Axis, step: float) -> Axis:
    """A root axis with nodes crowded at low variance.

    There the law of the VIX some sessions ahead has a lump at its floor, whose place in deviations changes quickly
    with the state.
    """
    if axis.kind != "root":
        return axis
    length = float(np.ptp(replace(axis, bend=_VIX_BEND).ends))
    return replace(axis, bend=_VIX_BEND, n_nodes=int(np.ceil(length / step)) + 1)
