"""Tables of the windows of a run: estimates with intervals, by engine too, and differences from the first strategy."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from sim.metrics.correlation import GroupedEstimate, pooled_correlation
from sim.metrics.estimate import Estimate, paired_difference
from sim.metrics.window_paths import WindowPaths, WindowStatistic
from sim.metrics.windows import CORRELATION, PNL_BY_ENGINE, yearly
from sim.statistics import FIELDS, MEANINGS, NOTE, UNITS, fields_of
from sim.windows.accumulate import engine_pairs

FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowCell:
    """What the tables read of one strategy in one window of one scenario.

    Parameters
    ----------
    paths : WindowPaths
        Values of the paths.
    engines : tuple of str
        Engines of the strategy.
    engine_pnl : ndarray of shape (n_engines, n_paths)
        P&L of each, net of its costs [USD].
    session_groups : ndarray of shape (n_groups,)
        Sessions of the window by group of paths.
    pnl_groups : ndarray of shape (n_groups, n_engines)
        P&L of each engine by group of paths.
    product_groups : ndarray of shape (n_groups, n_pairs)
        Sums of products of daily P&L by group, pairs as in ``engine_pairs``.
    """

    paths: WindowPaths
    engines: tuple[str, ...]
    engine_pnl: FloatArray
    session_groups: FloatArray
    pnl_groups: FloatArray
    product_groups: FloatArray


def window_tables(
    scenarios: Sequence[str],
    strategies: Sequence[str],
    windows: dict[str, str],
    engines: Sequence[str],
    statistics: Mapping[str, WindowStatistic],
    cell_of: Callable[[int, int, int], WindowCell],
) -> tuple[xr.Dataset, xr.Dataset]:
    """Compute all statistics of all windows.

    Parameters
    ----------
    scenarios, strategies, engines : sequence of str
        Names.
    windows : dict of str
        Name to description.
    statistics : mapping
        Name to statistic.
    cell_of : callable
        From index of scenario, strategy and window to what is read; one window of one scenario is held at a time.

    Returns
    -------
    windows : xarray.Dataset
        ``estimate`` and its interval over (scenario, strategy, window, statistic); ``engine_pnl_per_year`` over
        (scenario, strategy, window, engine) and ``engine_correlation`` over (..., engine, other_engine), likewise.
    paired : xarray.Dataset
        ``difference`` from the first strategy over (scenario, strategy, window, statistic).
    """
    shape = (len(scenarios), len(strategies), len(windows))
    n = len(engines)
    single, paired = (np.full((len(FIELDS), *shape, len(statistics)), np.nan) for _ in range(2))
    notes = np.full((*shape, len(statistics)), "", dtype=object)
    by_engine = np.full((len(FIELDS), *shape, n), np.nan)
    correlation = np.full((len(FIELDS), *shape, n, n), np.nan)
    for i, w in np.ndindex(len(scenarios), len(windows)):
        first: list[Estimate] = []
        for j in range(len(strategies)):
            cell = cell_of(i, j, w)
            estimates = [statistic.compute(cell.paths) for statistic in statistics.values()]
            first = first or estimates
            for k, estimate in enumerate(estimates):
                single[:, i, j, w, k], notes[i, j, w, k] = fields_of(estimate), estimate.note
                paired[:, i, j, w, k] = fields_of(paired_difference(first[k], estimate))
            places = [engines.index(name) for name in cell.engines]
            for place, pnl in zip(places, cell.engine_pnl, strict=True):
                by_engine[:, i, j, w, place] = fields_of(yearly(pnl, cell.paths.sessions, cell.paths.design))
            for a, b, value in _correlations(cell):
                correlation[:, i, j, w, places[a], places[b]] = fields_of(value)
                correlation[:, i, j, w, places[b], places[a]] = fields_of(value)
    coordinates = _coordinates(scenarios, strategies, windows, statistics)
    dims = ("scenario", "strategy", "window", "statistic")
    table = xr.Dataset(
        {
            **_variables(FIELDS, single, dims, UNITS),
            "note": (dims, notes, {"units": "1", "long_name": NOTE}),
            **_named("engine_pnl_per_year", by_engine, (*dims[:3], "engine"), "USD/year", PNL_BY_ENGINE),
            **_named("engine_correlation", correlation, (*dims[:3], "engine", "other_engine"), "1", CORRELATION),
        },
        coords={**coordinates, "engine": list(engines), "other_engine": list(engines)},
    )
    differences = xr.Dataset(_variables(("difference", *FIELDS[1:]), paired, dims, UNITS), coords=coordinates)
    return table, differences


def _correlations(cell: WindowCell) -> list[tuple[int, int, GroupedEstimate]]:
    """Correlations of all pairs of engines, each with itself included."""
    pairs = engine_pairs(len(cell.engines))
    square = {a: cell.product_groups[:, k] for k, (a, b) in enumerate(pairs) if a == b}
    return [
        (
            a,
            b,
            pooled_correlation(
                cell.session_groups,
                (cell.pnl_groups[:, a], cell.pnl_groups[:, b]),
                (square[a], square[b]),
                cell.product_groups[:, k],
            ),
        )
        for k, (a, b) in enumerate(pairs)
    ]


def _coordinates(
    scenarios: Sequence[str],
    strategies: Sequence[str],
    windows: dict[str, str],
    statistics: Mapping[str, WindowStatistic],
) -> dict[str, object]:
    return {
        "scenario": list(scenarios),
        "strategy": list(strategies),
        "window": list(windows),
        "description": ("window", list(windows.values())),
        "statistic": list(statistics),
        "unit": ("statistic", [item.unit for item in statistics.values()]),
        "label": ("statistic", [item.label for item in statistics.values()]),
        "better": ("statistic", [item.better for item in statistics.values()]),
        "definition": ("statistic", [item.definition for item in statistics.values()]),
    }


def _variables(names: Sequence[str], values: FloatArray, dims: tuple[str, ...], units: str) -> dict[str, object]:
    return {name: (dims, values[n], {"units": units, "long_name": MEANINGS[name]}) for n, name in enumerate(names)}


def _named(name: str, values: FloatArray, dims: tuple[str, ...], units: str, meaning: str) -> dict[str, object]:
    """Variables ``NAME``, ``NAME_ci_low``, ``NAME_ci_high`` and ``NAME_standard_error``."""
    return {
        (name if field == FIELDS[0] else f"{name}_{field}"): (
            dims,
            values[n],
            {"units": units, "long_name": meaning if field == FIELDS[0] else f"{name}: {MEANINGS[field]}"},
        )
        for n, field in enumerate(FIELDS)
    }
