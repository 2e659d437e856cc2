"""Run an experiment: blocks of paths in parallel, one writer, results published when complete.

Work is cut into cells of ``compute.block_paths`` paths of a scenario. A cell carries names and numbers, not arrays;
what a path does depends on seed, scenario and path number alone, so that results are the same bits for any number of
jobs, any block size and any order of completion. Memory is bounded by the cells in flight.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import joblib
from threadpoolctl import threadpool_limits

from models import load_preset
from models.building import observed
from models.protocols import Model, Pricer
from sim.calendar import SessionCalendar
from sim.cell import Cell, CellResult, path_arrays, prepare, run_cell, stream_number
from sim.config import ExperimentConfig
from sim.errors import ConfigError, StorageError
from sim.extensions import Extensions
from sim.gather import Gather
from sim.manifest import code_version, machine, package_versions, write_manifest
from sim.storage import MANIFEST, RESULTS, check_vacant, file_checksum

Progress = Callable[[int, int], None]
Notify = Callable[[str, int, int], None]
Prepared = dict[str, tuple[Model, Pricer, SessionCalendar]]

WARM_UP_PATHS = 16
"""Paths that compile and cache the kernels before the workers start, which then only load them."""


def run_experiment(
    config: ExperimentConfig,
    *,
    output: str | Path | None = None,
    jobs: int | None = None,
    backend: str | None = None,
    progress: Progress | None = None,
    notify: Notify | None = None,
    overwrite: bool = False,
) -> Path:
    """Run an experiment and publish its results.

    Parameters
    ----------
    config : ExperimentConfig
        From ``load_experiment``.
    output : path-like, optional
        Result directory, ``outputs/NAME`` by default.
    jobs : int, optional
        Workers, -1 for every core; that of the experiment by default.
    backend : str, optional
        ``loky`` (processes) or ``threading``.
    progress : callable, optional
        Called with the number of paths done and in all.
    notify : callable, optional
        Called with what is being prepared before the first path: what, how much of it is done, and of how much.
    overwrite : bool
        Whether results that are there already are replaced, when the run is complete.

    Returns
    -------
    Path
        The result directory.

    Raises
    ------
    ConfigError
        If something in the result directory is in the way.
    StorageError
        If the results cannot be written.
    """
    directory = Path(output) if output is not None else Path("outputs") / config.name
    check_vacant(directory, overwrite=overwrite)
    started, cpu = time.time(), time.process_time()
    try:
        directory.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f".{directory.name}.", dir=directory.parent))
    except OSError as error:
        raise StorageError(f"{directory} cannot be written: {error}") from error
    try:
        prepared = _prepare(config, notify or (lambda what, done, total: None))
        record = _run_into(draft, config, prepared, jobs=jobs, backend=backend, progress=progress)
        record["wall_seconds"] = time.time() - started
        record["cpu_seconds_of_parent"] = time.process_time() - cpu
        write_manifest(draft / MANIFEST, record)
        _publish(draft, directory)
    except OSError as error:
        raise StorageError(f"{directory} cannot be written: {error}") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return directory


def _prepare(config: ExperimentConfig, notify: Notify) -> Prepared:
    """Build the tables that are missing, and compile the kernels by running a few paths."""
    _refuse_shared_streams(config)
    prepared: Prepared = {}
    for name in config.scenarios:
        with observed(partial(notify, f"price tables of {name}")):
            prepared[name] = prepare(config, name)
    cell = next(_cells(config))
    notify("kernels", 0, 1)
    with threadpool_limits(limits=1):
        run_cell(config, replace(cell, n_paths=min(WARM_UP_PATHS, cell.n_paths)))
    notify("kernels", 1, 1)
    return prepared


def _refuse_shared_streams(config: ExperimentConfig) -> None:
    """Two scenarios on the same random numbers would look alike; with 32 bits of a hash it hardly ever happens."""
    taken: dict[int, str] = {}
    for name in config.scenarios:
        other = taken.setdefault(stream_number(name), name)
        if other != name:
            raise ConfigError(f"scenarios {other} and {name} would share their random numbers; rename one of them")


def _run_into(
    draft: Path,
    config: ExperimentConfig,
    prepared: Prepared,
    *,
    jobs: int | None,
    backend: str | None,
    progress: Progress | None,
) -> dict[str, Any]:
    cells = list(_cells(config))
    total = config.paths * len(config.scenarios)
    n_jobs = config.compute.jobs if jobs is None else jobs
    done = 0
    if progress is not None:
        progress(0, total)
    with Gather(draft, config) as gather:
        for result in _results(config, cells, n_jobs=n_jobs, backend=backend or config.compute.backend):
            gather.add(result, {name: path_arrays(item) for name, item in result.outcomes.items()})
            done += result.cell.n_paths
            if progress is not None:
                progress(done, total)
        gather.finish()
        counts = gather.counts
    return {
        "name": config.name,
        "config": config.model_dump(mode="json"),
        "seed": config.seed,
        "streams": {name: stream_number(name) for name in config.scenarios},
        "code": code_version(),
        "packages": package_versions(),
        "machine": machine(),
        "tables": {name: getattr(item[1], "table_hash", None) for name, item in prepared.items()},
        "models": {name: repr(item[0]) for name, item in prepared.items()},
        "premium": {
            name: {key: {"value": value, "meaning": meaning} for key, (value, meaning) in item[0].premium().items()}
            for name, item in prepared.items()
        },
        "presets": _presets(config),
        "counts": counts,
        "sha256": {RESULTS: file_checksum(draft / RESULTS)},
    }


def _presets(config: ExperimentConfig) -> dict[str, dict[str, Any]]:
    """Where the parameters of every preset come from and how well they fit."""
    used = sorted({scenario.preset for scenario in config.scenarios.values() if scenario.preset})
    presets = {name: load_preset(name) for name in used}
    return {
        name: {
            "source": preset.source,
            "command": preset.command,
            "diagnostics": dict(preset.diagnostics),
            "at_bound": list(preset.at_bound),
        }
        for name, preset in presets.items()
    }


def _cells(config: ExperimentConfig) -> Iterator[Cell]:
    size = config.compute.block_paths
    for first in range(0, config.paths, size):
        for scenario in config.scenarios:
            yield Cell(scenario=scenario, first_path=first, n_paths=min(size, config.paths - first))


def _results(config: ExperimentConfig, cells: list[Cell], *, n_jobs: int, backend: str) -> Iterator[CellResult]:
    if n_jobs == 1:
        with threadpool_limits(limits=1):
            yield from (run_cell(config, cell) for cell in cells)
        return
    parallel = joblib.Parallel(
        n_jobs=n_jobs, backend=backend, return_as="generator_unordered", pre_dispatch="2 * n_jobs", batch_size=1
    )
    extensions = Extensions.registered()
    yield from parallel(joblib.delayed(_work)(config, cell, extensions) for cell in cells)


def _work(config: ExperimentConfig, cell: Cell, extensions: Extensions) -> CellResult:
    extensions.register()
    with threadpool_limits(limits=1):
        return run_cell(config, cell)


def _publish(draft: Path, directory: Path) -> None:
    """Put the finished directory under its final name; the old one goes only when the new one is in place."""
    draft.chmod(0o755)
    old = None
    if directory.exists():
        old = directory.with_name(f".{directory.name}.{os.getpid()}.old")
        os.replace(directory, old)
    try:
        os.replace(draft, directory)
    except OSError:
        if old is not None:
            os.replace(old, directory)
        raise
    if old is not None:
        shutil.rmtree(old, ignore_errors=True)
