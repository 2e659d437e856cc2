"""Run an experiment: blocks of paths in parallel, one writer, results published when complete.

Work is cut into cells of ``compute.block_paths`` paths of a scenario. A cell carries names and numbers, not arrays;
what a path does depends on seed, scenario and path number alone, so that results are the same bits for any number of
jobs, any block size and any order of completion. Memory is bounded by the cells in flight.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_limits

from models import load_preset
from models.building import observed
from models.protocols import Model, Pricer
from sim.blocks import read_block
from sim.calendar import SessionCalendar
from sim.cell import Cell, check_start, prepare, run_cell, stream_number
from sim.config import ExperimentConfig
from sim.errors import CellsFailed, ConfigError, StorageError
from sim.experiment import build_model
from sim.explorer import explore
from sim.gather import Gather
from sim.manifest import code_version, machine, package_versions, write_manifest
from sim.partial import PartialRun
from sim.storage import MANIFEST, RESULTS, check_vacant, file_checksum
from sim.workers import run_blocks

Progress = Callable[[int, int], None]
Notify = Callable[[str, int, int], None]
Prepared = dict[str, tuple[Model, Pricer, SessionCalendar]]

EXPLORER = "paths of the explorer"
"""What is told to be prepared while chosen paths are run again."""

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
    resume: bool = False,
    keep_going: bool = False,
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
        Whether results that are there already are replaced, when the run is complete, and a stopped run is forgotten.
    resume : bool
        Whether a stopped run of the same experiment goes on; it ends bit for bit like one that was never stopped.
    keep_going : bool
        Whether the other cells are run after one has failed.

    Returns
    -------
    Path
        The result directory.

    Raises
    ------
    ConfigError
        If something in the result directory is in the way, or a stopped run that is not to be resumed.
    StorageError
        If the results cannot be written, or another run writes them.
    CellsFailed
        If cells failed; the others are kept for ``resume``.
    """
    directory = Path(output) if output is not None else Path("outputs") / config.name
    check_vacant(directory, overwrite=overwrite)
    n_jobs, chosen = config.compute.jobs if jobs is None else jobs, backend or config.compute.backend
    started, cpu = time.time(), time.process_time()
    with PartialRun(directory) as run:
        run.open(_identity(config), resume=resume, overwrite=overwrite)
        try:
            prepared = _prepare(config, notify or (lambda what, done, total: None))
            blocks = {run.block(number): cell for number, cell in enumerate(_cells(config))}
            missing = {path: cell for path, cell in blocks.items() if read_block(path) is None}
            failures = run_blocks(
                config,
                missing,
                n_jobs=n_jobs,
                backend=chosen,
                keep_going=keep_going,
                finished=_counted(progress, blocks, missing),
            )
            if failures:
                raise CellsFailed([str(failure) for failure in failures], len(blocks))
            draft = run.new_results()
            with Gather(draft, config) as gather:
                _gather(gather, blocks)
                told = partial(notify, EXPLORER) if notify is not None else None
                explored = explore(config, gather.terminal_pnl, n_jobs=n_jobs, backend=chosen, progress=told)
                if explored is not None:
                    gather.write_table("explorer", explored)
                gather.finish()
                counts = gather.counts
            record = _record(draft, config, prepared, counts)
            record["wall_seconds"] = time.time() - started
            record["cpu_seconds_of_parent"] = time.process_time() - cpu
            write_manifest(draft / MANIFEST, record)
            run.publish()
        except OSError as error:
            raise StorageError(f"{directory} cannot be written: {error}") from error
    return directory


def _identity(config: ExperimentConfig) -> dict[str, Any]:
    """What decides the numbers of a run."""
    code = code_version()
    made = {name: repr(build_model(scenario)) for name, scenario in config.scenarios.items()}
    return {
        "config": config.model_dump(mode="json"),
        "models": made,  # a preset may be a file that has changed
        "version": code["version"],
        "commit": code["commit"],
    }


def _counted(
    progress: Progress | None, blocks: Mapping[Path, Cell], missing: Mapping[Path, Cell]
) -> Callable[[Cell], None]:
    """Count the paths of finished cells, those of an earlier attempt included."""
    total = sum(cell.n_paths for cell in blocks.values())
    done = total - sum(cell.n_paths for cell in missing.values())

    def count(cell: Cell | None) -> None:
        nonlocal done
        done += cell.n_paths if cell is not None else 0
        if progress is not None:
            progress(done, total)

    count(None)
    return count


def _gather(gather: Gather, blocks: Mapping[Path, Cell]) -> None:
    """Write the blocks into results.h5, in their order."""
    for path, cell in blocks.items():
        arrays = read_block(path)
        if arrays is None:
            raise StorageError(f"{path} is damaged; go on with --resume, which runs it again")
        gather.add(cell, arrays)


def _prepare(config: ExperimentConfig, notify: Notify) -> Prepared:
    """Build the tables that are missing, and compile the kernels by running a few paths."""
    _refuse_shared_streams(config)
    for name in config.scenarios:
        check_start(config, name)
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


def _record(draft: Path, config: ExperimentConfig, prepared: Prepared, counts: dict[str, Any]) -> dict[str, Any]:
    """Content of the manifest."""
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
