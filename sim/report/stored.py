"""Names, samples and quantiles out of stored results, as the sections of the report need them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from sim.metrics.design import equal_weight, stored_design
from sim.report.figures import colour_of

FloatArray = NDArray[np.float64]


def names(data: xr.Dataset, dimension: str) -> list[str]:
    """Values of a named dimension: scenarios, strategies, engines, statistics."""
    return [str(name) for name in data[dimension].values]


def colours(data: xr.Dataset) -> dict[str, str]:
    """Strategy to its colour, the same in all figures."""
    return {name: colour_of(i) for i, name in enumerate(names(data, "strategy"))}


def samples(data: xr.Dataset, variable: str, scenario: str, *, sign: float = 1.0) -> dict[str, FloatArray]:
    """Values of all paths of a scenario by strategy; of weighted paths as many values as there are effective paths."""
    cell = data.sel(scenario=scenario)
    design = stored_design(cell)
    return {
        name: equal_weight(sign * cell[variable].sel(strategy=name).values, design) for name in names(data, "strategy")
    }


def cells(data: xr.Dataset) -> Iterator[tuple[str, str, xr.Dataset]]:
    """Every scenario and strategy with what is stored of them."""
    for scenario in names(data, "scenario"):
        for strategy in names(data, "strategy"):
            yield scenario, strategy, data.sel(scenario=scenario, strategy=strategy)


def engines_used(cell: xr.Dataset) -> list[str]:
    """Engines that ever held a position on a path of a cell."""
    return [name for name in names(cell, "engine") if bool((cell["engine_active"].sel(engine=name) > 0.0).any())]


def quantiles(variable: xr.DataArray) -> dict[float, FloatArray]:
    """Probability to stored quantiles."""
    return {round(float(q), 4): variable.sel(quantile=q).values for q in variable["quantile"].values}
