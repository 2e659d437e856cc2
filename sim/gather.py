"""Gather the blocks of a run into results.h5: values of each path as they come, fans and statistics at the end.

Daily values of every path are needed for fans; they wait in memory-mapped scratch files and are read back day by day.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from sim.cell import CellResult
from sim.config import ExperimentConfig
from sim.metrics.registry import PathOutcomes
from sim.statistics import statistics_tables
from sim.storage import QUANTILES, RESULTS, TENORS, VARIABLES, ResultsWriter

MARKET_SERIES = ("spot", "vix", "vx1", "vx2")
SCRATCH = ".scratch-"
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
        engines = [engine.engine for strategy in config.strategies.values() for engine in strategy.engines]
        self.engines = list(dict.fromkeys(engines))
        self.n_times, self.n_paths = config.days + 1, config.paths
        self.n_examples = min(config.keep.example_paths, config.paths)
        self.counts: dict[str, Any] = {
            "state_clamps": 0,
            "margin_calls": 0,
            "ruined_paths": 0,
            "largest_ledger_residual": 0.0,
        }
        self._scratch: dict[tuple[str, ...], np.memmap[Any, np.dtype[np.float32]]] = {}
        self._writer = self._create()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.__exit__(kind, error, trace)
        self._scratch.clear()
        for path in self.directory.glob(f"{SCRATCH}*"):
            path.unlink(missing_ok=True)

    def add(self, result: CellResult, paths: Mapping[str, Mapping[str, NDArray[Any]]]) -> None:
        """Write a block.

        Parameters
        ----------
        result : CellResult
            The block.
        paths : mapping
            Strategy to the values of each path.
        """
        i = self.scenarios.index(result.cell.scenario)
        first = result.cell.first_path
        part = slice(first, first + result.cell.n_paths)
        examples = slice(first, min(part.stop, self.n_examples))
        for j, name in enumerate(self.strategies):
            outcome = result.outcomes[name]
            for key, values in paths[name].items():
                self._writer.write(key, (i, j, part), values)
            for row, engine in enumerate(outcome.engines):
                e = self.engines.index(engine)
                self._writer.write("engine_pnl", (i, j, e, part), outcome.engine_pnl[row])
                self._writer.write("engine_cost", (i, j, e, part), outcome.engine_cost[row])
                self._writer.write("engine_active", (i, j, e, part), outcome.engine_active[row])
            self._keep_daily((result.cell.scenario, name), part, outcome.equity)
            if self.config.keep.daily_equity:
                self._writer.write("daily_equity", (i, j, slice(None), part), outcome.equity.astype(np.float32))
            if examples.stop > examples.start:
                self._example("example_equity", (i, j), examples, outcome.equity)
            self._count(outcome.margin_calls, outcome.ruined, outcome.largest_residual)
        self._add_market(i, result, part, examples)
        self.counts["state_clamps"] += result.clamp_count

    def finish(self) -> None:
        """Compute fans and statistics, and mark the file as complete."""
        if self.config.keep.fan:
            for i, scenario in enumerate(self.scenarios):
                for j, strategy in enumerate(self.strategies):
                    self._writer.write("equity_fan", (i, j), self._fan((scenario, strategy)))
                for name in MARKET_SERIES:
                    self._writer.write(f"{name}_fan", (i,), self._fan((scenario, f"={name}")))
                curves = self._scratch[(scenario, "=curves")].reshape(2, len(TENORS), self.n_paths)
                self._writer.write("term_structure", (i,), np.quantile(curves, QUANTILES, axis=2).transpose(1, 0, 2))
        statistics, paired = statistics_tables(self.scenarios, self.strategies, self.config.metrics, self._outcomes_of)
        self._writer.write_table("statistics", statistics)
        self._writer.write_table("paired", paired)
        self._writer.complete()

    def _create(self) -> ResultsWriter:
        config, keep = self.config, self.config.keep
        optional = {
            "daily_equity": keep.daily_equity,
            "term_structure": keep.fan,
            **{name: keep.fan for name in VARIABLES if name.endswith("_fan")},
            **{name: self.n_examples > 0 for name in VARIABLES if name.startswith("example_")},
        }
        return ResultsWriter(
            self.directory / RESULTS,
            sizes={
                "scenario": len(self.scenarios),
                "strategy": len(self.strategies),
                "engine": len(self.engines),
                "path": self.n_paths,
                "day": self.n_times,
                "quantile": len(QUANTILES),
                "tenor": len(TENORS),
                "moment": 2,
                "example": max(self.n_examples, 1),
            },
            coordinates={
                "scenario": self.scenarios,
                "strategy": self.strategies,
                "engine": self.engines,
                "day": list(range(self.n_times)),
                "quantile": list(QUANTILES),
                "tenor": list(TENORS),
                "moment": ["day 0", "last day"],
            },
            attributes={
                "name": config.name,
                "question": config.question,
                "seed": config.seed,
                "created": datetime.now(UTC).isoformat(timespec="seconds"),
            },
            variables=[name for name in VARIABLES if optional.get(name, True)],
        )

    def _add_market(self, i: int, result: CellResult, part: slice, examples: slice) -> None:
        if not result.market:
            return
        scenario = result.cell.scenario
        for name in MARKET_SERIES:
            self._keep_daily((scenario, f"={name}"), part, result.market[name])
        curves = result.market["term_structure"].reshape(-1, result.cell.n_paths)
        self._keep_daily((scenario, "=curves"), part, curves)
        if examples.stop > examples.start:
            for name in ("spot", "vix"):
                self._example(f"example_{name}", (i,), examples, result.market[name])

    def _example(self, name: str, cell: tuple[int, ...], examples: slice, daily: NDArray[Any]) -> None:
        count = examples.stop - examples.start
        self._writer.write(name, (*cell, examples), daily[:, :count].T.astype(np.float32))

    def _count(self, margin_calls: NDArray[Any], ruined: NDArray[Any], residual: float) -> None:
        self.counts["margin_calls"] += int(margin_calls.sum())
        self.counts["ruined_paths"] += int(ruined.sum())
        self.counts["largest_ledger_residual"] = max(self.counts["largest_ledger_residual"], residual)

    def _keep_daily(self, key: tuple[str, ...], part: slice, values: NDArray[Any]) -> None:
        if not self.config.keep.fan:
            return
        if key not in self._scratch:
            path = self.directory / f"{SCRATCH}{len(self._scratch)}"  # numbered: joined names may be the same
            shape = (values.shape[0], self.n_paths)
            self._scratch[key] = np.memmap(path, dtype=np.float32, mode="w+", shape=shape)
        self._scratch[key][:, part] = values

    def _fan(self, key: tuple[str, ...]) -> NDArray[Any]:
        daily = self._scratch[key]
        slabs = [
            np.quantile(np.asarray(daily[first : first + _DAYS_AT_ONCE]), QUANTILES, axis=1)
            for first in range(0, daily.shape[0], _DAYS_AT_ONCE)
        ]
        return np.concatenate(slabs, axis=1)

    def _outcomes_of(self, scenario: int, strategy: int) -> PathOutcomes:
        index = (scenario, strategy)
        return PathOutcomes(
            terminal_pnl=self._writer.read("terminal_pnl", index),
            max_drawdown=self._writer.read("max_drawdown", index),
            ruined=self._writer.read("ruined", index).astype(bool),
        )
