"""Gather what is counted through time, and the roll phases of the paths, into tables of results.h5."""

from __future__ import annotations

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from sim.blocks import Arrays
from sim.cell import address_of
from sim.config import ExperimentConfig
from sim.storage import QUANTILES, ResultsWriter
from sim.strategies.memory import roll_phases
from sim.usage import EDGES, quantiles_of_counts

DRAWN = "drawn"


class UsageGather:
    """Sums of counts over blocks; whole numbers, so that their order does not matter.

    Parameters
    ----------
    config : ExperimentConfig
        The experiment.
    engines : list of str
        Engines of all strategies.
    """

    def __init__(self, config: ExperimentConfig, engines: list[str]) -> None:
        self.config, self.engines = config, engines
        shape = (len(config.scenarios), len(config.strategies))
        n_days = config.days + 1
        self._open = np.zeros((*shape, len(engines), n_days), dtype=np.int64)
        self._margin = np.zeros((*shape, EDGES.size + 1, n_days), dtype=np.int64)

    def add(self, index: tuple[int, int], values: Arrays) -> None:
        """Add a block of one scenario and strategy."""
        names = self.config.engines_of(index[1])
        counts: NDArray[np.int32] = values["engine_open"].astype(np.int32)
        for row, name in enumerate(names):
            self._open[*index, self.engines.index(name)] += counts[row]
        self._margin[index] += values["margin_use"].astype(np.int64)

    def finish(self, writer: ResultsWriter, *, is_weighted: bool) -> None:
        """Write the tables ``usage`` and, where an engine draws its phase, ``phases``.

        Weighted paths have no table ``usage``: it counts paths as they come.
        """
        if not is_weighted:
            writer.write_table("usage", self._usage())
        if self._draws():
            writer.write_table("phases", self._phases())

    def _usage(self) -> xr.Dataset:
        cell = ("scenario", "strategy")
        share = self._open / self.config.paths
        margin = np.array([[quantiles_of_counts(counts, QUANTILES) for counts in row] for row in self._margin])
        return xr.Dataset(
            {
                "engine_open": (
                    (*cell, "engine", "day"),
                    share,
                    {"units": "1", "long_name": "share of paths on which the engine holds a position at the close"},
                ),
                "margin_use": (
                    (*cell, "quantile", "day"),
                    margin,
                    {
                        "units": "1",
                        "long_name": "quantiles of the day's largest margin over equity, from counts in bins",
                    },
                ),
            },
            coords={
                "scenario": list(self.config.scenarios),
                "strategy": list(self.config.strategies),
                "engine": self.engines,
                "quantile": list(QUANTILES),
                "day": list(range(self.config.days + 1)),
            },
        )

    def _draws(self) -> bool:
        engines = [engine for strategy in self.config.strategies.values() for engine in strategy.engines]
        return any(getattr(engine, "roll_phase", None) == DRAWN for engine in engines)

    def _phases(self) -> xr.Dataset:
        """Weekday and week of the roll cycle that each path has drawn."""
        found = []
        for name in self.config.scenarios:
            found.append(roll_phases(address_of(self.config, name), self.config.paths))
        phases = np.array(found)
        units = {"units": "1"}
        return xr.Dataset(
            {
                "weekday": (
                    ("scenario", "path"),
                    (5.0 * phases[:, 0]).astype(np.int8),
                    {**units, "long_name": "weekday of the roll, 0 is Monday, of engines that draw it"},
                ),
                "week": (
                    ("scenario", "path"),
                    (4.0 * phases[:, 1]).astype(np.int8),
                    {**units, "long_name": "week of the roll cycle, of engines that draw it"},
                ),
            },
            coords={"scenario": list(self.config.scenarios)},
        )
