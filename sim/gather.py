"""Gather the blocks of a run into results.h5: values of each path block by block, then fans and statistics.

Daily values of every path are needed for fans; they wait in memory-mapped scratch files and are read back day by day.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from sim.blocks import MARKET_SERIES, START_VALUES, Arrays
from sim.cell import Cell
from sim.config import ExperimentConfig
from sim.exposure_gather import ExposureGather
from sim.fidelity_table import TABLE as FIDELITY
from sim.fidelity_table import fidelity_table
from sim.layout import engines_of, layout_of, waiting_bytes
from sim.metrics.design import CLUSTER, WEIGHT, weighted_quantiles
from sim.metrics.estimate import SampleDesign
from sim.metrics.path_outcomes import PathOutcomes
from sim.outcome_reader import OutcomeReader
from sim.pooled_gather import Pooled, has_daily_windows, periods_of, pooled_of
from sim.scratch import Scratch, require_room
from sim.source_gather import SourceGather
from sim.statistics import controlled_table, statistics_tables
from sim.storage import QUANTILES, RESULTS, TENORS, VARIABLES, ResultsWriter
from sim.stress_results import StressResults
from sim.usage_gather import UsageGather
from sim.window_gather import WindowGather

ENGINE_VARIABLES = ("engine_pnl", "engine_cost", "engine_active")
PATH_VARIABLES = tuple(name for name, item in VARIABLES.items() if item.dimensions == ("scenario", "strategy", "path"))
TABLES_BYTES = 1_000_000
"""Room for tables of statistics, windows and greeks, which do not grow with the paths."""

_DAYS_AT_ONCE = 16


class Gather:
    """The one writer of a run.

    Parameters
    ----------
    directory : Path
        Where results.h5 and scratch files are written.
    config : ExperimentConfig
        The experiment.
    """

    def __init__(self, directory: Path, config: ExperimentConfig) -> None:
        self.config = config
        self.directory = directory
        self.scenarios, self.strategies = list(config.scenarios), list(config.strategies)
        self.engines = engines_of(config)
        self.n_times, self.n_paths = config.days + 1, config.paths
        self.n_examples = min(config.keep.example_paths, config.paths)
        self.counts: dict[str, Any] = {
            "state_clamps": 0,
            "margin_calls": 0,
            "ruined_paths": 0,
            "largest_ledger_residual": 0.0,
        }
        self._is_weighted = config.sampling.method == "importance"
        self._windows = WindowGather(config, self.engines, self.design)
        self._exposures = ExposureGather(config, self.engines)
        self._sources = SourceGather(config, self.engines)
        self._scratch = Scratch(directory, config.paths)
        self._writer = self._create()
        self._usage = UsageGather(config, self.engines)
        self._stress = StressResults(config, self.engines)
        self._stress.create(self._writer)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.__exit__(kind, error, trace)
        self._scratch.clear()

    def add(self, cell: Cell, arrays: Arrays) -> None:
        """Write a block.

        Parameters
        ----------
        cell : Cell
            Which paths.
        arrays : dict of ndarray
            From ``block_arrays``.
        """
        i = self.scenarios.index(cell.scenario)
        part = slice(cell.first_path, cell.first_path + cell.n_paths)
        examples = slice(cell.first_path, min(part.stop, self.n_examples))
        self._add_sampling(i, arrays, part)
        for j, (name, strategy) in enumerate(self.config.strategies.items()):
            values = {key.partition("/")[2]: value for key, value in arrays.items() if key.startswith(f"{j}/")}
            for key in PATH_VARIABLES:
                if key in values:
                    self._writer.write(key, (i, j, part), values[key])
            for row, engine in enumerate(strategy.engines):
                e = self.engines.index(engine.engine)
                for key in ENGINE_VARIABLES:
                    self._writer.write(key, (i, j, e, part), values[key][row])
            self._usage.add((i, j), values)
            self._windows.add(self._writer, (i, j), cell, values, arrays["market/window_sessions"])
            weights = self._weights_of_measured(i, part.stop)
            self._exposures.add(self._writer, (i, j), cell, values, weights)
            self._sources.add(self._writer, (i, j), values, weights)
            if self.config.keep.fan or periods_of(self.config):
                self._scratch.keep((cell.scenario, name), part, values["equity"])
            if self.config.keep.daily_equity:
                self._writer.write("daily_equity", (i, j, slice(None), part), values["equity"])
            if examples.stop > examples.start:
                self._writer.write("example_equity", (i, j, examples), values["example_equity"])
            self.counts["margin_calls"] += int(values["margin_calls"].sum())
            self.counts["ruined_paths"] += int(values["ruined"].sum())
        self._add_market(i, cell, arrays, part, examples)
        self._stress.add(self._writer, cell, arrays)
        clamps, residual = arrays["counts"]
        self.counts["state_clamps"] += int(clamps)
        self.counts["largest_ledger_residual"] = max(self.counts["largest_ledger_residual"], float(residual))

    def _add_sampling(self, i: int, arrays: Arrays, part: slice) -> None:
        """Write weights and controls of a block."""
        if self._is_weighted:
            self._writer.write(WEIGHT, (i, part), arrays[f"market/{WEIGHT}"])
        if self.config.sampling.controls:
            self._writer.write("control_value", (i, slice(None), part), arrays["market/controls"])

    def _weights_of_measured(self, i: int, written: int) -> NDArray[np.float64] | None:
        """Weights of the paths whose greeks are measured, as far as they are written."""
        if not self._is_weighted:
            return None
        return self._writer.read(WEIGHT, (i, slice(0, min(self._exposures.n_paths, written))))

    def design(self, scenario: int) -> SampleDesign:
        """How the paths of a scenario were drawn, once all blocks are written."""
        weights = self._writer.read(WEIGHT, (scenario,)) if self._is_weighted else None
        return SampleDesign(weights=weights, cluster=self.config.sampling.cluster)

    def sampling(self) -> dict[str, Any]:
        """How each scenario was sampled, and how many independent paths its paths are worth for a mean."""
        sampling, n = self.config.sampling, self.n_paths
        weights = [self.weights(name) for name in self.scenarios]
        return {
            name: {
                "method": sampling.method,
                "paths": n,
                "cluster": sampling.cluster,
                "effective_paths": n if item is None else SampleDesign(weights=item).effective_paths(n),
                "largest_weight": 1.0 if item is None else float(item.max() / item.mean()),
            }
            for name, item in zip(self.scenarios, weights, strict=True)
        }

    def weights(self, scenario: str) -> NDArray[np.float64] | None:
        """Weights of all paths of a scenario, once all blocks are written; None where all are alike."""
        return self.design(self.scenarios.index(scenario)).weights

    def terminal_pnl(self, scenario: str) -> NDArray[Any]:
        """Terminal P&L of the first strategy on all paths [USD], once all blocks are written."""
        return self._writer.read("terminal_pnl", (self.scenarios.index(scenario), 0))

    def write_table(self, name: str, table: xr.Dataset) -> None:
        """Write a small table as a group of its own."""
        self._writer.write_table(name, table)

    def finish(self) -> None:
        """Compute fans and statistics, and mark the file as complete."""
        if self.config.keep.fan:
            for i, scenario in enumerate(self.scenarios):
                weights = self.design(i).weights
                for j, strategy in enumerate(self.strategies):
                    self._writer.write("equity_fan", (i, j), self._fan((scenario, strategy), weights))
                for name in MARKET_SERIES:
                    self._writer.write(f"{name}_fan", (i,), self._fan((scenario, f"={name}"), weights))
                curves = self._scratch[(scenario, "=curves")].reshape(2, len(TENORS), self.n_paths)
                self._writer.write("term_structure", (i,), fan_of(curves, weights).transpose(1, 0, 2))
        pooled = self._pooled()
        reader = OutcomeReader(self._writer, self.config, pooled, self.design)
        tables = statistics_tables(self.scenarios, self.strategies, self.config.metrics, reader.outcomes)
        for name, table in zip(("statistics", "paired", "pairwise"), tables, strict=True):
            self._writer.write_table(name, table)
        if self.config.sampling.controls:
            self._writer.write_table("controlled", self._controlled(reader.outcomes))
        scores = fidelity_table(self.config.scenarios)
        if scores is not None:
            self._writer.write_table(FIDELITY, scores)
        self._windows.finish(self._writer, pooled)
        self._usage.finish(self._writer, is_weighted=self._is_weighted)
        self._writer.complete()

    def _create(self) -> ResultsWriter:
        layout, sampling = layout_of(self.config), self.config.sampling
        require_room(self.directory, layout.n_bytes + waiting_bytes(self.config) + TABLES_BYTES)
        return ResultsWriter(
            self.directory / RESULTS,
            sizes=layout.sizes,
            coordinates=layout.coordinates,
            attributes={
                "name": self.config.name,
                "title": self.config.question or self.config.name,
                "question": self.config.question,
                "source": f"regimesim {version('regimesim')}: Monte Carlo simulation",
                "seed": self.config.seed,
                "created": datetime.now(UTC).isoformat(timespec="seconds"),
                **({} if sampling.is_plain else {"sampling": sampling.method}),
                **({CLUSTER: sampling.cluster} if sampling.cluster > 1 else {}),
            },
            variables=layout.variables,
            chunk_paths=self.config.compute.block_paths,
        )

    def _add_market(self, i: int, cell: Cell, arrays: Arrays, part: slice, examples: slice) -> None:
        for name in START_VALUES:
            self._writer.write(name, (i, part), arrays[f"market/{name}"])
        self._writer.write("short_rate", (i,), arrays["market/short_rate"])
        if has_daily_windows(self.config):
            self._scratch.keep((cell.scenario, "=windows"), part, arrays["market/window_codes"])
        self._windows.add_market(self._writer, i, part, arrays)
        if self.config.keep.fan:
            for name in MARKET_SERIES:
                self._scratch.keep((cell.scenario, f"={name}"), part, arrays[f"market/{name}"])
            self._scratch.keep((cell.scenario, "=curves"), part, arrays["market/curves"])
        if self.config.keep.daily_market:
            for name in MARKET_SERIES:
                self._writer.write(f"daily_{name}", (i, slice(None), part), arrays[f"market/{name}"])
        if examples.stop > examples.start:
            for name in ("spot", "vix"):
                self._writer.write(f"example_{name}", (i, examples), arrays[f"market/example_{name}"])

    def _controlled(self, outcomes_of: Callable[[int, int], PathOutcomes]) -> xr.Dataset:
        return controlled_table(
            self.scenarios,
            self.strategies,
            self.config.metrics,
            outcomes_of,
            lambda i: self._writer.read("control_value", (i,)),
        )

    def _fan(self, key: tuple[str, ...], weights: NDArray[np.float64] | None) -> NDArray[Any]:
        daily = self._scratch[key]
        slabs = [
            fan_of(np.asarray(daily[first : first + _DAYS_AT_ONCE]), weights)
            for first in range(0, daily.shape[0], _DAYS_AT_ONCE)
        ]
        return np.concatenate(slabs, axis=1)

    def _pooled(self) -> dict[tuple[int, int], list[Pooled]]:
        """Estimates from the P&L of all sessions, by scenario and strategy, where they are asked for."""
        if not periods_of(self.config):
            return {}
        pooled: dict[tuple[int, int], list[Pooled]] = {}
        for i, scenario in enumerate(self.scenarios):
            inside = self._scratch.get((scenario, "=windows"))
            for j, strategy in enumerate(self.strategies):
                equity = self._scratch[scenario, strategy]
                pooled[i, j] = pooled_of(self.config, equity, inside, self.design(i))
        return pooled


def fan_of(values: NDArray[Any], weights: NDArray[np.float64] | None) -> NDArray[Any]:
    """Quantiles over the last axis, shape (n_quantiles, ...), of weighted paths where there are weights."""
    if weights is None:
        ordered = np.sort(values, axis=-1)  # vectorised, and seven quantiles of sorted values cost next to nothing
        return np.asarray(np.quantile(ordered, QUANTILES, axis=-1, overwrite_input=True))
    return weighted_quantiles(values, QUANTILES, weights)
