"""What an experiment would take: cells, memory, disk, and time from a short trial of each scenario on this machine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from sim.calendar import WARMUP_DAYS
from sim.config import ExperimentConfig
from sim.cutting import cut_paths
from sim.layout import layout_of, waiting_bytes
from sim.trial import Trial, try_scenario
from sim.workers import workers_of

PROCESS_BYTES = 350e6
"""Memory of a process of the program with its compiled kernels and price tables, before any path."""

ARRAYS_PER_PATH_DAY = 40
"""Values held for each path and day of a block, where none are measured: market, signals, futures, quotes and books."""

GATHER_BYTES_PER_PATH = 400
"""Memory for each path of a scenario and strategy while quantiles and statistics are computed."""

START_SECONDS = {"threading": 0.0, "loky": 9.0, "dask": 10.0}
"""Processor time that each worker takes to start: imports, compiled kernels, tables."""

EFFICIENCY = {"loky": 0.95, "dask": 0.9}
"""Share of the workers' time in which they work, as measured with two of them."""

THREADS = 0.85
"""Speed of threads over that of one worker, as measured with two: however many there are, one runs rules at a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What an experiment would take.

    Parameters
    ----------
    n_scenarios, n_strategies, n_paths, n_blocks, n_jobs : int
        Counts; paths are those of one scenario, blocks those of all.
    backend : str
        Kind of workers.
    memory_bytes : float
        Largest memory of all workers together.
    disk_bytes : float
        Size of the result directory.
    working_disk_bytes : float
        Room that the run needs until it is complete, results included.
    paths_per_second : float, optional
        Expected speed with all workers, paths of any scenario.
    seconds : float, optional
        Expected wall-clock time, once the tables exist.
    scenarios : list of dict
        What was measured of each scenario: ``scenario``, ``cell_seconds`` of a block, ``cpu_seconds`` of all its
        paths, ``paths_per_second`` of one worker, ``table_seconds``.
    """

    n_scenarios: int
    n_strategies: int
    n_paths: int
    n_blocks: int
    n_jobs: int
    backend: str
    memory_bytes: float
    disk_bytes: float
    working_disk_bytes: float
    paths_per_second: float | None = None
    seconds: float | None = None
    scenarios: list[dict[str, Any]] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Fields by name."""
        return asdict(self)


def plan_experiment(
    config: ExperimentConfig, *, measure: bool = True, progress: Callable[[int, int], None] | None = None
) -> Plan:
    """Estimate what an experiment would take.

    Parameters
    ----------
    config : ExperimentConfig
        The experiment.
    measure : bool
        Try some paths of each scenario, to time them; builds the tables that are missing.
    progress : callable, optional
        Called with the number of scenarios tried and in all.
    """
    n_jobs, backend = workers_of(config, config.compute)
    block = min(config.compute.block_paths, config.paths)
    per_scenario = len(cut_paths(config.paths, config.compute.block_paths))
    n_blocks = per_scenario * len(config.scenarios)
    trials: list[Trial] = []
    if measure:
        for number, name in enumerate(config.scenarios):
            if progress is not None:
                progress(number, len(config.scenarios))
            trials.append(try_scenario(config, name))
        if progress is not None:
            progress(len(config.scenarios), len(config.scenarios))
    results = float(layout_of(config).n_bytes)
    waiting = float(waiting_bytes(config))
    blocks = per_scenario * sum(trial.block_bytes for trial in trials) if trials else results + waiting
    cell_bytes = max((trial.cell_bytes for trial in trials), default=_guess(config, block))
    cpu = per_scenario * sum(trial.cell_seconds for trial in trials)
    busy = min(n_jobs, n_blocks)
    seconds = cpu / _speed(busy, backend) if trials else None
    if seconds is not None and busy > 1:
        seconds += START_SECONDS[backend]
    return Plan(
        n_scenarios=len(config.scenarios),
        n_strategies=len(config.strategies),
        n_paths=config.paths,
        n_blocks=n_blocks,
        n_jobs=n_jobs,
        backend=backend,
        memory_bytes=_memory(config, cell_bytes, busy, backend),
        disk_bytes=results,
        working_disk_bytes=results + blocks + waiting,
        paths_per_second=None if seconds is None else config.paths * len(config.scenarios) / seconds,
        seconds=seconds,
        scenarios=[_row(config, trial, per_scenario) for trial in trials],
    )


def _speed(busy: int, backend: str) -> float:
    """How many workers that never wait do as much as these."""
    if busy == 1:
        return 1.0
    return THREADS if backend == "threading" else busy * EFFICIENCY[backend]


def _memory(config: ExperimentConfig, cell_bytes: float, busy: int, backend: str) -> float:
    """Largest memory: while cells run, or afterwards while one process puts the results together."""
    processes = busy + 1 if busy > 1 and backend != "threading" else 1
    gathering = PROCESS_BYTES + GATHER_BYTES_PER_PATH * config.paths * len(config.strategies)
    return max(PROCESS_BYTES * processes + cell_bytes * busy, gathering)


def _guess(config: ExperimentConfig, block: int) -> float:
    """Memory of a cell of which nothing was measured."""
    return 8.0 * ARRAYS_PER_PATH_DAY * block * (config.days + 1 + WARMUP_DAYS)


def _row(config: ExperimentConfig, trial: Trial, n_cells: int) -> dict[str, Any]:
    cpu = trial.cell_seconds * n_cells
    return {
        "scenario": trial.scenario,
        "cell_seconds": trial.cell_seconds,
        "cpu_seconds": cpu,
        "paths_per_second": config.paths / cpu if cpu > 0.0 else None,
        "table_seconds": trial.table_seconds,
    }
