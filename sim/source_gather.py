"""Gather P&L by source of a run: totals of every measured path, means through time, and sums by window."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.blocks import Arrays
from sim.config import ExperimentConfig
from sim.experiment import windows_of
from sim.sources import NAMES
from sim.storage import SOURCE_VARIABLES, ResultsWriter

_PARTS = ("sources", "source_course", "window_sources")


class SourceGather:
    """What is gathered of P&L by source; does nothing where it is not split.

    Parameters
    ----------
    config : ExperimentConfig
        The experiment.
    engines : list of str
        Engines of all strategies.
    """

    def __init__(self, config: ExperimentConfig, engines: list[str]) -> None:
        self.engines = engines
        self.n_paths = config.keep.measured(config.paths) if config.keep.sources else 0
        self._has_windows = bool(windows_of(config))
        self._names = [config.engines_of(strategy) for strategy in range(len(config.strategies))]
        self._known: dict[tuple[int, int], list[Arrays]] = {}

    @property
    def variables(self) -> frozenset[str]:
        """Variables of ``storage.VARIABLES`` that are written."""
        kept = SOURCE_VARIABLES if self.n_paths else frozenset()
        return kept if self._has_windows else kept - {"window_engine_source"}

    @property
    def coordinates(self) -> Mapping[str, Sequence[Any]]:
        """Values along the dimension of its own; days and paths are those of the greeks."""
        return {"source": list(NAMES)} if self.n_paths else {}

    def add(
        self,
        writer: ResultsWriter,
        index: tuple[int, int],
        values: Arrays,
        weights: NDArray[np.float64] | None = None,
    ) -> None:
        """Keep the measurements of a block, and write those of a strategy that are complete.

        Parameters
        ----------
        writer : ResultsWriter
            The file.
        index : tuple of int
            Scenario and strategy.
        values : dict of ndarray
            ``sources``, ``source_course`` and ``window_sources`` of the strategy, where its block has measured paths;
            blocks come in the order of their paths.
        weights : ndarray of shape (n_measured,), optional
            Weights of the measured paths as far as they are known, where an importance design has tilted them.
        """
        if not self.n_paths or "sources" not in values:
            return
        parts = self._known.setdefault(index, [])
        parts.append({name: values[name] for name in _PARTS})
        if sum(part["sources"].shape[-1] for part in parts) == self.n_paths:
            whole = {name: np.concatenate([part[name] for part in parts], axis=-1) for name in _PARTS}
            del self._known[index]
            self._write(writer, index, whole, weights)

    def _write(
        self, writer: ResultsWriter, index: tuple[int, int], whole: Arrays, weights: NDArray[np.float64] | None
    ) -> None:
        mean = np.average(whole["source_course"].astype(np.float64), axis=-1, weights=weights)
        writer.write("book_source", index, whole["sources"].sum(axis=0))
        writer.write("book_source_mean", index, mean.sum(axis=0))
        for row, name in enumerate(self._names[index[1]]):
            e = self.engines.index(name)
            writer.write("engine_source", (*index, e), whole["sources"][row])
            writer.write("engine_source_mean", (*index, e), mean[row])
            if self._has_windows:
                writer.write("window_engine_source", (*index, slice(None), e), whole["window_sources"][:, row])
