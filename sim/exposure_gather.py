"""Gather greeks and break-evens of a run: quantiles and means over the measured paths, and averages in time."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sim.blocks import Arrays
from sim.cell import Cell
from sim.config import ExperimentConfig
from sim.exposures import ExposurePlan
from sim.greeks import GREEKS
from sim.metrics.design import weighted_quantiles
from sim.storage import EXPOSURE_VARIABLES, QUANTILES, ResultsWriter
from sim.strategies.break_even import SIDES

FloatArray = NDArray[np.float32]

NAMES = list(GREEKS)


class ExposureGather:
    """What is gathered of greeks and break-evens; does nothing where none are measured.

    Parameters
    ----------
    config : ExperimentConfig
        The experiment.
    engines : list of str
        Engines of all strategies.
    """

    def __init__(self, config: ExperimentConfig, engines: list[str]) -> None:
        self.engines = engines
        self.n_paths = config.keep.measured(config.paths)
        self.days = ExposurePlan(n_paths=self.n_paths, every=config.keep.greek_every).days(config.days)
        self._names = [config.engines_of(strategy) for strategy in range(len(config.strategies))]
        self._known: dict[tuple[int, int], dict[str, FloatArray]] = {}

    @property
    def variables(self) -> frozenset[str]:
        """Variables of ``storage.VARIABLES`` that are written."""
        return EXPOSURE_VARIABLES if self.n_paths else frozenset()

    @property
    def sizes(self) -> Mapping[str, int]:
        """Lengths of the dimensions of its own."""
        if not self.n_paths:
            return {}
        return {"greek": len(NAMES), "side": len(SIDES), "greek_day": len(self.days), "greek_path": self.n_paths}

    @property
    def coordinates(self) -> Mapping[str, Sequence[Any]]:
        """Values along them."""
        return {"greek": NAMES, "side": list(SIDES), "greek_day": list(self.days)} if self.n_paths else {}

    def add(
        self,
        writer: ResultsWriter,
        index: tuple[int, int],
        cell: Cell,
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
        cell : Cell
            Which paths; blocks come in their order.
        values : dict of ndarray
            ``greeks`` and ``break_evens`` of the strategy, where its block has measured paths.
        weights : ndarray of shape (n_measured,), optional
            Weights of the measured paths as far as they are known, where an importance design has tilted them.
        """
        if "greeks" not in values:
            return
        parts = self._known.setdefault(index, {name: np.empty((*values[name].shape[:-1], 0)) for name in _PARTS})
        for name in _PARTS:
            parts[name] = np.concatenate([parts[name], values[name]], axis=-1, dtype=np.float32)
        if parts["greeks"].shape[-1] == self.n_paths:
            self._write(writer, index, weights, **self._known.pop(index))

    def _write(
        self,
        writer: ResultsWriter,
        index: tuple[int, int],
        weights: NDArray[np.float64] | None,
        greeks: FloatArray,
        break_evens: FloatArray,
    ) -> None:
        for row, name in enumerate(self._names[index[1]]):
            e, own = self.engines.index(name), greeks[row]
            writer.write("engine_greek", (*index, e), _quantiles(own, weights))
            writer.write("engine_greek_mean", (*index, e), _mean(own, weights))
            for target, values in _averages(own).items():
                writer.write(target, (*index, e), values)
        book = greeks.sum(axis=0, dtype=np.float64)
        writer.write("book_greek", index, _quantiles(book, weights))
        writer.write("book_greek_mean", index, _mean(book, weights))
        for target, values in _averages(book).items():
            writer.write(f"book_{target}", index, values)
        writer.write("break_even", index, _quantiles(break_evens, weights))
        writer.write("break_even_share", index, _mean(np.isfinite(break_evens[0]), weights))


_PARTS = ("greeks", "break_evens")


def _mean(values: NDArray[Any], weights: NDArray[np.float64] | None) -> NDArray[Any]:
    """Mean over paths."""
    if weights is None:
        return np.asarray(values.mean(axis=-1, dtype=np.float64))
    return np.asarray(np.average(values, axis=-1, weights=weights))


def _quantiles(values: NDArray[Any], weights: NDArray[np.float64] | None) -> NDArray[Any]:
    """Quantiles over the paths that have a value, shape (..., n_quantiles, n_days); NaN where none has."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "All-NaN slice encountered", RuntimeWarning)
        if weights is None:
            return np.moveaxis(np.nanquantile(values, QUANTILES, axis=-1), 0, -2)
        return np.moveaxis(weighted_quantiles(values, QUANTILES, weights), 0, -2)


def _averages(greeks: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """Averages over the measured sessions of greeks (n_greeks, n_days, n_paths), one value a path."""
    delta, vega, vix_delta = (greeks[NAMES.index(name)] for name in ("delta", "vega", "vix_delta"))
    return {
        "mean_abs_delta": np.abs(delta).mean(axis=0, dtype=np.float64),
        "mean_vega": vega.mean(axis=0, dtype=np.float64),
        "mean_vix_delta": vix_delta.mean(axis=0, dtype=np.float64),
    }
