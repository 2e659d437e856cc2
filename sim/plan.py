"""What an experiment would take: cells, memory, disk, and time from a short run on this machine."""

from __future__ import annotations

import tempfile
import time
from dataclasses import asdict, dataclass
from math import ceil
from pathlib import Path
from typing import Any

import joblib

from sim.calendar import WARMUP_DAYS
from sim.config import ExperimentConfig
from sim.runner import Notify, run_experiment

ARRAYS_PER_PATH_DAY = 40
"""Values held for each path and day of a block: market, signals, futures, quotes and books, as measured."""

OUTCOMES_PER_PATH = 12
"""Values stored for each path and strategy."""

QUANTILES = 7
"""Quantiles stored for each day of a fan."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What an experiment would take.

    Parameters
    ----------
    n_scenarios, n_strategies, n_paths, n_blocks, n_jobs : int
        Counts; paths are those of one scenario, blocks those of all.
    memory_bytes, disk_bytes : float
        Estimates for all workers together and for the result directory.
    paths_per_second : float, optional
        Measured speed with all workers, paths of any scenario.
    seconds : float, optional
        Expected wall-clock time once the tables exist.
    """

    n_scenarios: int
    n_strategies: int
    n_paths: int
    n_blocks: int
    n_jobs: int
    memory_bytes: float
    disk_bytes: float
    paths_per_second: float | None = None
    seconds: float | None = None

    def as_dict(self) -> dict[str, Any]:
        """Fields by name."""
        return asdict(self)


def plan_experiment(config: ExperimentConfig, *, measure: bool = True, notify: Notify | None = None) -> Plan:
    """Estimate what an experiment would take.

    Parameters
    ----------
    config : ExperimentConfig
        The experiment.
    measure : bool
        Run one block per worker of the experiment, to time it; builds the tables that are missing.
    notify : callable, optional
        As of ``run_experiment``: told of what is prepared for the measurement.
    """
    n_jobs = config.compute.jobs if config.compute.jobs > 0 else int(joblib.cpu_count())
    n_scenarios, n_strategies = len(config.scenarios), len(config.strategies)
    block = min(config.compute.block_paths, config.paths)
    n_blocks = ceil(config.paths / config.compute.block_paths) * n_scenarios
    path_days = block * (config.days + 1 + WARMUP_DAYS)
    outcomes = n_scenarios * n_strategies * config.paths * OUTCOMES_PER_PATH * 8.0
    fans = n_scenarios * (n_strategies + 4) * QUANTILES * (config.days + 1) * 8.0 if config.keep.fan else 0.0
    daily = n_scenarios * n_strategies * config.paths * (config.days + 1) * 4.0
    kept = daily if config.keep.daily_equity else 0.0
    speed = _measure(config, n_jobs, notify) if measure else None
    return Plan(
        n_scenarios=n_scenarios,
        n_strategies=n_strategies,
        n_paths=config.paths,
        n_blocks=n_blocks,
        n_jobs=n_jobs,
        memory_bytes=8.0 * ARRAYS_PER_PATH_DAY * path_days * min(n_jobs, n_blocks) + outcomes + kept,
        disk_bytes=outcomes + fans + kept,
        paths_per_second=speed,
        seconds=None if speed is None else config.paths * n_scenarios / speed,
    )


def _measure(config: ExperimentConfig, n_jobs: int, notify: Notify | None) -> float:
    """Paths per second of a run of one block per worker; the first run builds tables and starts workers."""
    n_scenarios = len(config.scenarios)
    paths = min(config.paths, config.compute.block_paths * ceil(n_jobs / n_scenarios))
    keep = config.keep.model_copy(update={"explorer": ()})  # as many paths for any number of others
    short = config.model_copy(update={"paths": paths, "keep": keep})
    seconds = 0.0
    with tempfile.TemporaryDirectory() as scratch:
        for attempt in ("first", "second"):
            started = time.perf_counter()
            run_experiment(
                short,
                output=Path(scratch) / attempt,
                jobs=config.compute.jobs,
                backend=config.compute.backend,
                notify=notify,
            )
            seconds = time.perf_counter() - started
    return paths * n_scenarios / seconds
