"""Read back what the statistics of a run need of the paths' outcomes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.config import ExperimentConfig
from sim.metrics.estimate import INDEPENDENT, SampleDesign
from sim.metrics.first_engine import hedged_accounts
from sim.metrics.path_outcomes import PathOutcomes
from sim.metrics.returns import RECENT
from sim.pooled_gather import Pooled
from sim.storage import ResultsWriter

FloatArray = NDArray[np.float64]

RECENT_VARIABLES = ("recent_growth", "recent_drawdown")
"""Variables of runs that are longer than three years."""

AS_STORED = (
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
"""Variables that the statistics read as they are."""

FLAGS = ("ruined", "recovered")
"""Variables that are true or false."""


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
    design_of : callable
        From the number of a scenario to how its paths were drawn.
    """

    def __init__(
        self,
        writer: ResultsWriter,
        config: ExperimentConfig,
        pooled: Mapping[tuple[int, int], Sequence[Pooled]],
        design_of: Callable[[int], SampleDesign],
    ) -> None:
        self._writer, self._config, self._pooled, self._design_of = writer, config, pooled, design_of
        strategies = config.strategies.values()
        self._engines = list(dict.fromkeys(engine.engine for item in strategies for engine in item.engines))

    def outcomes(self, scenario: int, strategy: int) -> PathOutcomes:
        """Read one strategy in one scenario, given by their numbers."""
        index = (scenario, strategy)
        return path_outcomes(
            self._config,
            lambda name: self._writer.read(name, index),
            *self._engine_accounts(index),
            engines=self._config.engines_of(strategy),
            rate=float(self._writer.read("short_rate", (scenario,))),
            pooled=self._pooled[index][0] if index in self._pooled else {},
            design=self._design_of(scenario),
        )

    def _engine_accounts(self, index: tuple[int, int]) -> tuple[FloatArray, FloatArray]:
        """P&L of the strategy's engines at mid, and their costs, each of shape (n_engines, n_paths)."""
        rows = [self._engines.index(name) for name in self._config.engines_of(index[1])]
        read = self._writer.read
        gross, cost = (np.stack([read(name, (*index, row)) for row in rows]) for name in ("engine_pnl", "engine_cost"))
        return gross, cost


def path_outcomes(
    config: ExperimentConfig,
    read: Callable[[str], NDArray[Any]],
    engine_pnl: FloatArray,
    engine_cost: FloatArray,
    *,
    engines: Sequence[str],
    rate: float,
    pooled: Pooled,
    design: SampleDesign = INDEPENDENT,
) -> PathOutcomes:
    """Put together what the statistics read of one strategy in one scenario.

    Parameters
    ----------
    config : ExperimentConfig
        The experiment.
    read : callable
        From the name of a variable to its values, one a path.
    engine_pnl, engine_cost : ndarray of shape (n_engines, n_paths)
        P&L of the strategy's engines at mid, and their costs [USD].
    engines : sequence of str
        Engines of the strategy, as it lists them.
    rate : float
        Short rate [1/year].
    pooled : mapping
        Estimates of daily and monthly P&L, by name.
    design : SampleDesign
        How the paths were drawn.
    """
    initial = config.account.initial_equity
    values: dict[str, Any] = {name: read(name).astype(np.float64) for name in AS_STORED}
    values.update({name: read(name).astype(np.bool_) for name in FLAGS})
    if config.days > RECENT:
        values.update({name: read(name).astype(np.float64) for name in RECENT_VARIABLES})
    else:
        growth = 1.0 + values["terminal_pnl"] / initial
        values.update(recent_growth=growth, recent_drawdown=values["max_drawdown"])
    return PathOutcomes(
        **values,
        n_days=config.days,
        initial_equity=initial,
        rate=rate,
        **hedged_accounts(engines, engine_pnl, engine_cost),
        pooled=pooled,
        design=design,
    )
