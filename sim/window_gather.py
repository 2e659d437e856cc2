"""Gather the windows of a run: sums of each path as they are, products of engines by group of paths, then tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from sim.blocks import WINDOW_VALUES, Arrays
from sim.cell import Cell
from sim.config import ExperimentConfig
from sim.experiment import windows_of
from sim.metrics.design import WEIGHT
from sim.metrics.estimate import SampleDesign
from sim.metrics.first_engine import first_engine
from sim.metrics.window_paths import WindowPaths
from sim.metrics.windows import statistics_of
from sim.pooled_gather import Pooled, has_daily_windows
from sim.storage import ResultsWriter
from sim.window_tables import WindowCell, window_tables
from sim.windows.accumulate import engine_pairs
from sim.windows.courses import courses_of
from sim.windows.groups import N_GROUPS, add_by_group

FloatArray = NDArray[np.float64]

SUMS = ("pnl", "return_sum", "return_square_sum", "loss_first_engine", "loss_hedges")
"""Values of each path and window, beside those by engine."""


class WindowGather:
    """What is gathered of the windows; does nothing where there is none.

    Parameters
    ----------
    config : ExperimentConfig
        The experiment.
    engines : list of str
        Engines of all strategies.
    design_of : callable
        From the number of a scenario to how its paths were drawn; asked for at the end.
    """

    def __init__(self, config: ExperimentConfig, engines: list[str], design_of: Callable[[int], SampleDesign]) -> None:
        self.config, self.engines, self._design_of = config, engines, design_of
        self.windows = {name: window.description for name, window in windows_of(config).items()}
        self._is_weighted = config.sampling.method == "importance"
        self._groups: dict[tuple[int, int], FloatArray] = {}

    def add_market(self, writer: ResultsWriter, i: int, part: slice, arrays: Arrays) -> None:
        """Write what the sessions of a block's paths belong to."""
        if self.windows:
            for name in WINDOW_VALUES:
                writer.write(name, (i, slice(None), part), arrays[f"market/{name}"])

    def add(
        self, writer: ResultsWriter, index: tuple[int, int], cell: Cell, values: Arrays, sessions: NDArray[np.generic]
    ) -> None:
        """Write the sums of one strategy's paths, and add up its products; blocks come in the order of their paths.

        Parameters
        ----------
        writer : ResultsWriter
            The file.
        index : tuple of int
            Scenario and strategy.
        cell : Cell
            Which paths.
        values : dict of ndarray
            ``window_NAME`` of the strategy.
        sessions : ndarray of shape (n_windows, n_paths)
            Sessions of each window.
        """
        if not self.windows:
            return
        part = slice(cell.first_path, cell.first_path + cell.n_paths)
        weight = writer.read(WEIGHT, (index[0], part)) if self._is_weighted else np.ones(cell.n_paths)
        for name in (*SUMS, *courses_of(self.config.metrics)):
            writer.write(f"window_{name}", (*index, slice(None), part), values[f"window_{name}"])
        pnl, products = values["window_engine_pnl"], values["window_products"]
        for row, name in enumerate(self._names(index[1])):
            writer.write("window_engine_pnl", (*index, slice(None), self.engines.index(name), part), pnl[:, row])
        if index not in self._groups:
            shape = (len(self.windows), N_GROUPS, 1 + pnl.shape[1] + products.shape[1])
            self._groups[index] = np.zeros(shape)
        for w in range(len(self.windows)):
            rows = np.concatenate([sessions[None, w], pnl[w], products[w]]).astype(np.float32)
            add_by_group(rows, weight, cell.first_path, self.config.sampling.cluster, self._groups[index][w])

    def finish(self, writer: ResultsWriter, pooled: Mapping[tuple[int, int], Sequence[Pooled]]) -> None:
        """Compute the tables and write them; ``pooled`` has the estimates of daily P&L of each window, if any."""
        if self.windows:
            table, paired = self._tables(writer, pooled)
            writer.write_table("windows", table)
            writer.write_table("windows_paired", paired)

    def _tables(
        self, writer: ResultsWriter, pooled: Mapping[tuple[int, int], Sequence[Pooled]]
    ) -> tuple[xr.Dataset, xr.Dataset]:
        def cell_of(i: int, j: int, w: int) -> WindowCell:
            names = self._names(j)
            engine_pnl = np.stack(
                [_read(writer, "window_engine_pnl", (i, j, w, self.engines.index(name))) for name in names]
            )
            groups = self._groups[i, j][w]
            n_engines = len(names)
            assert groups.shape[1] == 1 + n_engines + len(engine_pairs(n_engines))
            return WindowCell(
                paths=WindowPaths(
                    n_days=self.config.days,
                    **{name.removeprefix("window_"): _read(writer, name, (i, w)) for name in WINDOW_VALUES},
                    **{name: _read(writer, f"window_{name}", (i, j, w)) for name in SUMS},
                    courses={name: _read(writer, f"window_{name}", (i, j, w)) for name in kept},
                    path_drawdown=_read(writer, "max_drawdown", (i, j)),
                    rate=float(writer.read("short_rate", (i,))),
                    hedge_pnl=np.delete(engine_pnl, first_engine(names), axis=0).sum(axis=0),
                    pooled=pooled[i, j][1 + w] if is_daily else {},
                    design=self._design_of(i),
                ),
                engines=names,
                engine_pnl=engine_pnl,
                session_groups=groups[:, 0],
                pnl_groups=groups[:, 1 : 1 + n_engines],
                product_groups=groups[:, 1 + n_engines :],
            )

        is_daily, kept = has_daily_windows(self.config), courses_of(self.config.metrics)
        statistics = statistics_of(self.config.metrics)
        strategies, scenarios = list(self.config.strategies), list(self.config.scenarios)
        return window_tables(scenarios, strategies, self.windows, self.engines, statistics, cell_of)

    def _names(self, strategy: int) -> tuple[str, ...]:
        return tuple(self.config.engines_of(strategy))


def _read(writer: ResultsWriter, name: str, index: tuple[int, ...]) -> FloatArray:
    return writer.read(name, index).astype(np.float64)
