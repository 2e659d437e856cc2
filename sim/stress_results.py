"""The group ``stress`` of results.h5: what scripts did to markets and books, path by path, written block by block."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sim.cell import Cell
from sim.config import ExperimentConfig
from sim.stored_variables import Variable
from sim.stress_run import LEGS

if TYPE_CHECKING:
    from sim.storage import ResultsWriter

GROUP = "stress"

_CELL = ("scenario", "strategy")
_DAYS = ("stress_day", "path")

STRESS_VARIABLES: dict[str, Variable] = {
    "spx_return": Variable(("scenario", *_DAYS), "f4", "1", "simple return of the SPX on the session"),
    "vix": Variable(("scenario", *_DAYS), "f4", "VIX points", "VIX at the close"),
    "vx1": Variable(("scenario", *_DAYS), "f4", "VIX points", "nearest VIX future at the close"),
    "curve_ratio": Variable(("scenario", *_DAYS), "f4", "1", "VIX future of the script's tenor over the VIX"),
    "leg_pnl": Variable((*_CELL, "engine", "leg", "path"), "f4", "USD", "P&L at mid of a kind of leg over the script"),
    "engine_cost": Variable((*_CELL, "engine", "path"), "f8", "USD", "costs of the engine over the script"),
    "interest": Variable((*_CELL, "path"), "f8", "USD", "interest over the script"),
    "margin": Variable((*_CELL, *_DAYS), "f4", "USD", "equity bound by margin, the larger before or after orders"),
    "equity": Variable((*_CELL, *_DAYS), "f8", "USD", "equity at the close"),
    "first_margin_call": Variable(
        (*_CELL, "path"),
        "i4",
        "sessions",
        "session after day 0 of the first margin call in the script or its aftermath",
    ),
    "ruin": Variable((*_CELL, "path"), "i4", "sessions", "session after day 0 of the ruin, likewise"),
    "worst_session": Variable((*_CELL, "path"), "i4", "sessions", "session after day 0 of the largest loss, likewise"),
    "worst_session_pnl": Variable((*_CELL, "path"), "f8", "USD", "P&L of that session"),
}
"""Variables over scenarios with a script; days count from the close before it, what never happened is missing."""

ENGINE_VARIABLES = ("leg_pnl", "engine_cost")
MARKET_VARIABLES = ("spx_return", "vix", "vx1", "curve_ratio")


class StressResults:
    """Writer of the group; it does nothing where no scenario has a script.

    Parameters
    ----------
    config : ExperimentConfig
        The experiment.
    engines : list of str
        Names of all engines, the rows of the file.
    """

    def __init__(self, config: ExperimentConfig, engines: list[str]) -> None:
        self.config, self.engines = config, engines
        scripts = {name: item.stress for name, item in config.scenarios.items() if item.stress is not None}
        self.scenarios = list(scripts)
        lengths = [min(s.n_sessions + s.aftermath, config.days - s.first_session + 1) + 1 for s in scripts.values()]
        self.n_days = max(lengths, default=0)

    def create(self, writer: ResultsWriter) -> None:
        """Create the group."""
        if self.scenarios:
            writer.add_group(
                GROUP,
                sizes={"path": self.config.paths},
                coordinates={
                    "scenario": self.scenarios,
                    "strategy": list(self.config.strategies),
                    "engine": self.engines,
                    "leg": list(LEGS),
                    "stress_day": list(range(self.n_days)),
                },
                variables=STRESS_VARIABLES,
            )

    def add(self, writer: ResultsWriter, cell: Cell, arrays: Mapping[str, NDArray[Any]]) -> None:
        """Write what a block holds of it: ``market/stress_NAME`` and ``NUMBER/stress_NAME``."""
        if cell.scenario not in self.scenarios:
            return
        i, part = self.scenarios.index(cell.scenario), slice(cell.first_path, cell.first_path + cell.n_paths)
        for name in MARKET_VARIABLES:
            values = arrays[f"market/stress_{name}"]
            writer.write(f"{GROUP}/{name}", (i, slice(0, values.shape[0]), part), values)
        for j, strategy in enumerate(self.config.strategies.values()):
            rows = [self.engines.index(engine.engine) for engine in strategy.engines]
            for name, item in STRESS_VARIABLES.items():
                if name in MARKET_VARIABLES:
                    continue
                values, target = arrays[f"{j}/stress_{name}"], f"{GROUP}/{name}"
                if name in ENGINE_VARIABLES:
                    for row, e in enumerate(rows):
                        inner = (slice(None),) if "leg" in item.dimensions else ()
                        writer.write(target, (i, j, e, *inner, part), values[row])
                elif "stress_day" in item.dimensions:
                    writer.write(target, (i, j, slice(0, values.shape[0]), part), values)
                else:
                    writer.write(target, (i, j, part), values)


def stress_arrays(values: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Arrays of a block under the names that ``StressResults.add`` reads, in the types of the file."""
    return {f"stress_{name}": array.astype(np.dtype(STRESS_VARIABLES[name].dtype)) for name, array in values.items()}
