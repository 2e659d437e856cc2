"""A short trial of a scenario: what its cells take, measured on a few of its paths."""

from __future__ import annotations

import time
import tracemalloc
from dataclasses import dataclass
from math import log

from threadpoolctl import threadpool_limits

from sim.blocks import block_arrays
from sim.cell import Cell, prepare, run_cell
from sim.config import ExperimentConfig

WARM_UP_PATHS = 16
"""Paths that compile and load the kernels before anything is timed."""

TRIAL_PATHS = 1000
"""Paths of the larger of two timed cells, at most."""

SMALLER = 4
"""How many times fewer paths the smaller one has."""

MEMORY_PATHS = 100
"""Paths of the cell whose memory is measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What a scenario takes.

    Parameters
    ----------
    scenario : str
        Its name.
    table_seconds : float
        Time that building or loading its price tables took [s].
    cell_seconds : float
        Processor time of a cell of ``compute.block_paths`` paths [s].
    cell_bytes : float
        Largest memory of such a cell.
    block_bytes : float
        Size of its block on disk.
    """

    scenario: str
    table_seconds: float
    cell_seconds: float
    cell_bytes: float
    block_bytes: float


def try_scenario(config: ExperimentConfig, scenario: str) -> Trial:
    """Measure what the cells of a scenario take.

    A cell of more paths takes less than proportionally longer: part of its time goes into rules that are the same for
    any number, and engines on more paths hold more contracts up to a point. The time of a whole cell is between a
    straight line through two shorter ones and a power law; the mean of both is taken.

    Parameters
    ----------
    config : ExperimentConfig
        The experiment.
    scenario : str
        Which one.
    """
    started = time.perf_counter()
    prepare(config, scenario)
    table_seconds = time.perf_counter() - started
    whole = min(config.compute.block_paths, config.paths)
    large = min(TRIAL_PATHS, whole)
    small = max(1, large // SMALLER)
    with threadpool_limits(limits=1):
        _seconds(config, scenario, min(WARM_UP_PATHS, whole))
        first, second = _seconds(config, scenario, small), _seconds(config, scenario, large)
        cell_bytes, block_bytes = _bytes(config, scenario, min(MEMORY_PATHS, whole))
    return Trial(
        scenario=scenario,
        table_seconds=table_seconds,
        cell_seconds=extrapolated(small, first, large, second, whole),
        cell_bytes=cell_bytes * whole,
        block_bytes=block_bytes * whole,
    )


def extrapolated(small: int, first: float, large: int, second: float, whole: int) -> float:
    """Time of a cell of ``whole`` paths from those of two smaller ones.

    Parameters
    ----------
    small, large, whole : int
        Paths.
    first, second : float
        Times of the cells of ``small`` and ``large`` paths [s].

    Examples
    --------
    >>> extrapolated(100, 2.0, 200, 3.0, 200)
    3.0
    >>> extrapolated(100, 1.0, 200, 2.0, 400)
    4.0
    """
    if whole <= large or small >= large:
        return second * whole / large
    first = min(first, second)
    line = second + (second - first) / (large - small) * (whole - large)
    exponent = min(1.0, log(second / first) / log(large / small)) if first > 0.0 else 1.0
    return 0.5 * (line + second * float((whole / large) ** exponent))


def _seconds(config: ExperimentConfig, scenario: str, n_paths: int) -> float:
    """Processor time of a cell."""
    started = time.thread_time()
    block_arrays(run_cell(config, Cell(scenario=scenario, first_path=0, n_paths=n_paths)), config)
    return time.thread_time() - started


def _bytes(config: ExperimentConfig, scenario: str, n_paths: int) -> tuple[float, float]:
    """Largest memory of a cell while it runs, and size of its block, for each path."""
    tracemalloc.start()
    try:
        arrays = block_arrays(run_cell(config, Cell(scenario=scenario, first_path=0, n_paths=n_paths)), config)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    return peak / n_paths, sum(values.nbytes for values in arrays.values()) / n_paths
