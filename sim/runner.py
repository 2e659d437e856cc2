"""Run an experiment: blocks of paths in parallel, one writer, results published when complete.

Work is cut into cells of ``compute.block_paths`` paths of a scenario. A cell carries names and numbers, not arrays;
what a path does depends on seed, scenario and path number alone, so that results are the same bits for any number of
jobs, any block size and any order of completion. Memory is bounded by the cells in flight.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager, closing, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_limits

from models import load_preset
from models.building import observed
from models.protocols import Model, Pricer
from sim.blocks import read_block
from sim.calendar import SessionCalendar
from sim.cell import Cell, cells_of, check_start, notes_of, prepare, run_cell, stream_of
from sim.compiled import note_compiled, was_compiled
from sim.config import ComputeConfig, ExperimentConfig
from sim.errors import CellsFailed, ConfigError, StorageError, WorkersLost
from sim.experiment import build_model
from sim.explorer import explore
from sim.gather import Gather
from sim.manifest import code_version, machine, package_versions, sources, write_manifest
from sim.notebook import NotebookBar, in_notebook
from sim.partial import PartialRun
from sim.replay import read_series
from sim.runlog import DONE, FAILED, GATHERING, PREPARING, RUNNING, STARTED
from sim.storage import MANIFEST, RESULTS, check_vacant, file_checksum
from sim.workers import CELL_ERRORS, Failure, Finished, Outcome, run_blocks, workers_of

Progress = Callable[[int, int], None]
Notify = Callable[[str, int, int], None]
Prepared = dict[str, tuple[Model, Pricer, SessionCalendar]]

EXPLORER = "paths of the explorer"
"""What is told to be prepared while chosen paths are run again."""

WARM_UP_PATHS = 16
"""Paths that compile and cache the kernels while processes wait, which then only load them."""


def run_experiment(
    config: ExperimentConfig,
    *,
    output: str | Path | None = None,
    jobs: int | None = None,
    backend: str | None = None,
    scheduler: str | None = None,
    progress: Progress | bool | None = None,
    notify: Notify | None = None,
    failed: Callable[[Failure], None] | None = None,
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
        ``auto``, ``loky`` (processes), ``threading`` or ``dask``; that of the experiment by default.
    scheduler : str, optional
        Address of the scheduler of a Dask cluster, ``tcp://host:8786``; that of the experiment by default, and a
        cluster on this machine where there is none.
    progress : callable or bool, optional
        Called with the number of paths done and in all; by default a bar in a notebook and nothing elsewhere, False
        for nothing.
    notify : callable, optional
        Called with what is being prepared before the first path: what, how much of it is done, and of how much.
    failed : callable, optional
        Called with each cell that fails, when it does.
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
    WorkersLost
        If workers have died or cannot be reached; finished blocks are kept for ``resume``.
    CellsFailed
        If cells failed; the others are kept for ``resume``.
    """
    directory = Path(output) if output is not None else Path("outputs") / config.name
    check_vacant(directory, overwrite=overwrite)
    given = {"jobs": jobs, "backend": backend, "dask_scheduler": scheduler}
    compute = config.compute.model_copy(update={key: value for key, value in given.items() if value is not None})
    if progress is None or progress is True:
        progress, notify = _bar(notify)
    progress = progress or None
    job = _Job(config=config, compute=compute, progress=progress, notify=notify, failed=failed, keep_going=keep_going)
    with PartialRun(directory) as run:
        run.open(_identity(config), resume=resume, overwrite=overwrite)
        try:
            job.do(run)
        except OSError as error:
            raise StorageError(f"{directory} cannot be written: {error}") from error
        except BrokenProcessPool as error:
            raise WorkersLost(
                "a worker process has died, perhaps for want of memory; the finished blocks are kept, go on with "
                "--resume, fewer --jobs or a smaller compute.block_paths"
            ) from error
    return directory


def _bar(notify: Notify | None) -> tuple[Progress | None, Notify | None]:
    """The bar of a notebook, where there is one; a caller who is notified draws his own."""
    if notify is not None or not in_notebook():
        return None, notify
    bar = NotebookBar()
    return bar, bar.prepare


@dataclass(frozen=True, kw_only=True)
class _Job:
    """An experiment, how it is run, and whom to tell; takes arguments of ``run_experiment``."""

    config: ExperimentConfig
    compute: ComputeConfig
    progress: Progress | None
    notify: Notify | None
    failed: Callable[[Failure], None] | None
    keep_going: bool

    def do(self, run: PartialRun) -> None:
        """Run the cells that are missing, put the results together and publish them."""
        config, n_jobs, backend = self.config, *workers_of(self.config, self.compute)
        run.log.add(STARTED, pid=os.getpid(), jobs=n_jobs, backend=backend)
        cpu = time.process_time()
        _refuse_shared_streams(config)  # before processes start, which cannot be stopped at once
        for name in config.scenarios:
            check_start(config, name)
        blocks = {run.block(number): cell for number, cell in enumerate(cells_of(config))}
        missing = {path: cell for path, cell in blocks.items() if read_block(path) is None}
        with self._begun(missing, n_jobs, backend, run.ready) as outcomes:
            prepared = _prepare(config, partial(self._tell, run), warms_up=n_jobs > 1 and backend != "threading")
            run.ready.touch()
            run.log.add(RUNNING, cpu_seconds=time.process_time() - cpu)
            failures = self._watch(run, outcomes, _counted(self.progress, blocks, missing))
        if failures:
            raise CellsFailed([str(failure) for failure in failures], len(blocks))
        run.log.add(GATHERING)
        cpu = time.process_time()
        draft = run.new_results()
        counts, sampled = self._put_together(draft, blocks, n_jobs, backend)
        record = {**_record(draft, config, prepared, counts), "sampling": sampled}
        effort = run.log.effort(until=time.time())
        record["workers"] = {"jobs": n_jobs, "backend": backend, "attempts": effort.attempts}
        record["wall_seconds"] = effort.wall_seconds
        record["cpu_seconds"] = effort.cpu_seconds + time.process_time() - cpu
        write_manifest(draft / MANIFEST, record)
        run.publish()

    def _watch(self, run: PartialRun, outcomes: Iterable[Outcome], count: Callable[[Cell], None]) -> list[Failure]:
        """Write down and report each missing cell that is done or has failed."""
        failures = []
        for outcome in outcomes:
            cell = outcome.cell
            what = {"scenario": cell.scenario, "first_path": cell.first_path, "n_paths": cell.n_paths}
            if isinstance(outcome, Finished):
                run.log.add(DONE, **what, cpu_seconds=outcome.cpu_seconds)
                count(cell)
                continue
            run.log.add(FAILED, **what, reason=outcome.reason, cpu_seconds=outcome.cpu_seconds)
            if self.failed is not None:
                self.failed(outcome)
            if not self.keep_going:
                outcome.reraise()
            failures.append(outcome)
            run.is_worth_keeping = True
        return failures

    def _begun(
        self, missing: Mapping[Path, Cell], n_jobs: int, backend: str, ready: Path
    ) -> AbstractContextManager[Iterable[Outcome]]:
        if backend == "dask":
            from sim.cluster import run_on_cluster

            return closing(run_on_cluster(self.config, missing, n_jobs=n_jobs, scheduler=self.compute.dask_scheduler))
        return run_blocks(self.config, missing, n_jobs=n_jobs, backend=backend, ready=ready)

    def _put_together(
        self, draft: Path, blocks: Mapping[Path, Cell], n_jobs: int, backend: str
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Write results.h5 from the blocks and from the paths that are run again; return counts and sampling."""
        with Gather(draft, self.config) as gather:
            _gather(gather, blocks)
            told = partial(self.notify, EXPLORER) if self.notify is not None else None
            explored = explore(
                self.config,
                gather.terminal_pnl,
                weights=gather.weights,
                n_jobs=n_jobs,
                backend=backend,
                progress=told,
            )
            if explored is not None:
                gather.write_table("explorer", explored)
            gather.finish()
            return gather.counts, gather.sampling()

    def _tell(self, run: PartialRun, what: str, done: int, total: int) -> None:
        """Pass on what is being prepared; the log has when it began."""
        if done == 0:
            run.log.add(PREPARING, what=what)
        if self.notify is not None:
            self.notify(what, done, total)


def _identity(config: ExperimentConfig) -> dict[str, Any]:
    """What decides the numbers of a run."""
    made = {name: repr(build_model(scenario)) for name, scenario in config.scenarios.items()}
    return {
        "config": config.model_dump(mode="json"),
        "models": made,  # a preset may be a file that has changed
        "files": {
            name: read_series(s.replay).checksums for name, s in config.scenarios.items() if s.replay is not None
        },
        "sources": sources(),
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


def _prepare(config: ExperimentConfig, notify: Notify, *, warms_up: bool) -> Prepared:
    """Build the tables that are missing, and compile new kernels by running a few paths where processes load them."""
    prepared: Prepared = {}
    for name in config.scenarios:
        with observed(partial(notify, f"price tables of {name}")):
            prepared[name] = prepare(config, name)
    if not warms_up or was_compiled(config):
        return prepared  # processes find what they need; of threads the first one compiles it, while others wait
    cell = next(cells_of(config))
    notify("kernels", 0, 1)
    with threadpool_limits(limits=1), suppress(*CELL_ERRORS):  # the cell itself will say what is wrong
        run_cell(config, replace(cell, n_paths=min(WARM_UP_PATHS, cell.n_paths)))
        note_compiled(config)
    notify("kernels", 1, 1)
    return prepared


def _refuse_shared_streams(config: ExperimentConfig) -> None:
    """Two scenarios on the same random numbers, unasked, would look alike; with 32 bits it hardly ever happens."""
    taken: dict[int, str] = {}
    for name in () if config.common_random_numbers else config.scenarios:
        other = taken.setdefault(stream_of(config, name), name)
        if other != name:
            raise ConfigError(f"scenarios {other} and {name} would share their random numbers; rename one of them")


def _record(draft: Path, config: ExperimentConfig, prepared: Prepared, counts: dict[str, Any]) -> dict[str, Any]:
    """Content of the manifest."""
    return {
        "name": config.name,
        "config": config.model_dump(mode="json"),
        "seed": config.seed,
        "streams": {name: stream_of(config, name) for name in config.scenarios},
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
        "replays": {name: notes_of(config, name) for name, item in config.scenarios.items() if item.replay is not None},
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
