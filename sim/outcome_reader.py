"""Read back what the statistics of a run need of the paths' outcomes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.config import ExperimentConfig
from sim.metrics.path_outcomes import PathOutcomes
from sim.metrics.returns import RECENT
from sim.pooled_gather import Pooled
from sim.storage import ResultsWriter

FloatArray = NDArray[np.float64]

RECENT_VARIABLES = ("recent_growth", "recent_drawdown")
"""Variables of runs that are longer than three years."""

_AS_STORED = (
    "terminal_pnl",
    "max_drawdown",
    "drawdown_duration",
    "time_under_water",
    "ulcer_index",
    "margin_calls",
    "worst_trade",
    "recovery_time",
    "return_sum",
    "return_square_sum",
    "return_cube_sum",
    "return_fourth_sum",
    "shortfall_square_sum",
    "excess_gain_sum",
)


class OutcomeReader:
    """Outcomes of the paths of a run that is being written.

    Parameters
    ----------
    writer : ResultsWriter
        The file.
    config : ExperimentConfig
        The experiment.
    pooled : mapping
        Estimates of daily and monthly P&L, by scenario and strategy; those of all sessions first.
    """

    def __init__(
        self, writer: ResultsWriter, config: ExperimentConfig, pooled: Mapping[tuple[int, int], Sequence[Pooled]]
    ) -> None:
        self._writer, self._config, self._pooled = writer, config, pooled
        strategies = config.strategies.values()
        self._engines = list(dict.fromkeys(engine.engine for item in strategies for engine in item.engines))

    def outcomes(self, scenario: int, strategy: int) -> PathOutcomes:
        """Read one strategy in one scenario, given by their numbers."""
        index, config = (scenario, strategy), self._config
        values: dict[str, Any] = {name: self._read(name, index) for name in _AS_STORED}
        first_engine, hedges = self._engine_pnl(index)
        if config.days > RECENT:
            values.update({name: self._read(name, index) for name in RECENT_VARIABLES})
        else:
            growth = 1.0 + values["terminal_pnl"] / config.account.initial_equity
            values.update(recent_growth=growth, recent_drawdown=values["max_drawdown"])
        return PathOutcomes(
            **values,
            n_days=config.days,
            initial_equity=config.account.initial_equity,
            rate=float(self._writer.read("short_rate", (scenario,))),
            ruined=self._writer.read("ruined", index).astype(bool),
            recovered=self._writer.read("recovered", index).astype(bool),
            first_engine_pnl=first_engine,
            hedge_pnl=hedges,
            pooled=self._pooled[index][0] if index in self._pooled else {},
        )

    def _engine_pnl(self, index: tuple[int, int]) -> tuple[FloatArray, FloatArray]:
        """P&L of the strategy's first engine and of its others, net of costs."""
        engines = list(self._config.strategies.values())[index[1]].engines
        rows = [self._engines.index(engine.engine) for engine in engines]
        net = [self._read("engine_pnl", (*index, row)) - self._read("engine_cost", (*index, row)) for row in rows]
        return net[0], np.sum(net[1:], axis=0) if len(net) > 1 else np.zeros_like(net[0])

    def _read(self, name: str, index: tuple[int, ...]) -> FloatArray:
        return self._writer.read(name, index).astype(np.float64)
