"""Run a study: parameter sets in parallel, batches of them written when they are done, published when all are.

A stopped study goes on where it ended: what an evaluation gives depends on seed and parameters alone, not on what is
evaluated beside it, so that the end is the same to the bit.
"""

from __future__ import annotations

import csv
import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import joblib

from sim.blocks import read_block, write_block
from sim.config import ExperimentConfig
from sim.errors import ConfigError, StorageError, WorkersLost
from sim.experiment import build_model
from sim.manifest import code_version, machine, package_versions, sources, write_manifest
from sim.parallel import in_parallel
from sim.partial import PartialRun
from sim.runlog import DONE, GATHERING, PREPARING, RUNNING, STARTED, RunLog
from sim.sensitivity.design import Design, make_design
from sim.sensitivity.evaluation import Evaluation, Evaluator, Point, batch_arrays, read_batch
from sim.sensitivity.market_evaluator import MarketEvaluator
from sim.sensitivity.tables import evaluations_table, measures_table
from sim.storage import MANIFEST, STUDY, STUDY_TABLE, check_vacant, file_checksum
from sim.study import long_rows, write_study

Progress = Callable[[int, int], None]
Notify = Callable[[str, int, int], None]


def run_study(
    config: ExperimentConfig,
    *,
    output: str | Path | None = None,
    jobs: int | None = None,
    backend: str | None = None,
    progress: Progress | None = None,
    notify: Notify | None = None,
    overwrite: bool = False,
    resume: bool = False,
    evaluator: Evaluator | None = None,
) -> Path:
    """Run the sensitivity study of an experiment and publish its results.

    Parameters
    ----------
    config : ExperimentConfig
        From ``load_experiment``, with a study.
    output : path-like, optional
        Result directory, ``outputs/NAME`` by default.
    jobs : int, optional
        Workers, -1 for every core; that of the experiment by default.
    backend : str, optional
        ``loky`` (processes) or ``threading``.
    progress : callable, optional
        Called with the number of evaluations done and in all.
    notify : callable, optional
        Called with what is being prepared: what, how much of it is done, and of how much.
    overwrite : bool
        Whether results that are there already are replaced, and a stopped study is forgotten.
    resume : bool
        Whether a stopped study of the same experiment goes on.
    evaluator : Evaluator, optional
        What is evaluated in place of the experiment: a function whose indices are known.

    Returns
    -------
    Path
        The result directory: sensitivity.h5, sensitivity.csv, manifest.json.

    Raises
    ------
    ConfigError
        If the experiment has no study, or something in the result directory is in the way.
    StorageError
        If the results cannot be written, or no evaluation gave a result.
    WorkersLost
        If a worker process has died; finished evaluations are kept for ``resume``.
    """
    study = config.sensitivity
    if study is None:
        raise ConfigError(
            f"{config.name} has no section `sensitivity:`, which says what is varied and what is looked at"
        )
    directory = Path(output) if output is not None else Path("outputs") / config.name
    check_vacant(directory, overwrite=overwrite)
    given = evaluator or MarketEvaluator(config=config)
    with PartialRun(directory) as run:
        run.open(_identity(config), resume=resume, overwrite=overwrite)
        try:
            design = make_design(study, config.seed)
            _evaluate_missing(
                given,
                design.points,
                run,
                n_paths=config.paths,
                n_jobs=int(joblib.effective_n_jobs(config.compute.jobs if jobs is None else jobs)),
                backend=backend or config.compute.backend,
                progress=progress or (lambda done, total: None),
                notify=notify or (lambda what, done, total: None),
            )
            evaluations = _stored(run)
            lost = [point.number for point in design.points if point.number not in evaluations]
            if lost:
                raise StorageError(f"evaluation {lost[0]} is damaged; go on with --resume, which runs it again")
            if all(item.failure for item in evaluations.values()):
                for block in list(run.blocks()):
                    block.unlink()
                raise StorageError(f"all {len(evaluations)} evaluations failed, the first: {evaluations[0].failure}")
            draft = run.new_results()
            run.log.add(GATHERING)
            _write(draft, config, design, [evaluations[point.number] for point in design.points], run.log)
            run.publish()
        except OSError as error:
            raise StorageError(f"{directory} cannot be written: {error}") from error
        except BrokenProcessPool as error:
            raise WorkersLost(
                "a worker process has died, perhaps for want of memory; the finished evaluations are kept, go on with "
                "--resume, fewer --jobs or a smaller compute.block_paths"
            ) from error
    return directory


def _identity(config: ExperimentConfig) -> dict[str, Any]:
    """What decides the numbers of a study."""
    return {
        "kind": "sensitivity",
        "config": config.model_dump(mode="json"),
        "models": _models(config),  # a preset may be a file that has changed
        "sources": sources(),
        "SALib": version("SALib"),
    }


def _models(config: ExperimentConfig) -> dict[str, str]:
    """Model of each scenario with its parameters."""
    return {name: repr(build_model(scenario)) for name, scenario in config.scenarios.items()}


def _stored(run: PartialRun) -> dict[int, Evaluation]:
    """Evaluations that are on disk, by number."""
    blocks = (read_block(path) for path in sorted(run.blocks()))
    return {item.number: item for arrays in blocks if arrays is not None for item in read_batch(arrays)}


def _evaluate_missing(
    evaluator: Evaluator,
    points: Sequence[Point],
    run: PartialRun,
    *,
    n_paths: int,
    n_jobs: int,
    backend: str,
    progress: Progress,
    notify: Notify,
) -> None:
    """Evaluate the points that are not on disk."""
    run.log.add(STARTED, pid=os.getpid(), jobs=n_jobs, backend=backend)
    known = _stored(run)
    missing = [point for point in points if point.number not in known]
    done = len(points) - len(missing)
    progress(done, len(points))
    if not missing:
        return
    tasks = evaluator.tasks(missing, n_jobs)
    cpu = time.process_time()
    run.log.add(PREPARING, what="tables and kernels")
    evaluator.prepare(tasks, notify)
    run.log.add(RUNNING, cpu_seconds=time.process_time() - cpu)
    for ended in _parallel(evaluator, tasks, run.block(0).parent, n_jobs=min(n_jobs, len(tasks)), backend=backend):
        run.log.add(DONE, n_paths=ended.n_evaluations * n_paths, cpu_seconds=ended.cpu_seconds)
        done += ended.n_evaluations
        progress(done, len(points))


@dataclass(frozen=True, slots=True)
class _Ended:
    """Evaluations that are on disk, and the processor time that they took [s]."""

    n_evaluations: int
    cpu_seconds: float


def _parallel(
    evaluator: Evaluator, tasks: Sequence[Sequence[Point]], folder: Path, *, n_jobs: int, backend: str
) -> Iterator[_Ended]:
    """Run tasks, and say what is done: after each batch where one worker does all, else after each task."""
    if n_jobs == 1:
        for task in tasks:
            yield from _work(evaluator, task, folder)
        return
    calls = ((evaluator, task, folder) for task in tasks)
    with closing(in_parallel(_whole_task, calls, n_jobs=n_jobs, backend=backend)) as ended:
        yield from ended


def _whole_task(evaluator: Evaluator, points: Sequence[Point], folder: Path) -> _Ended:
    batches = list(_work(evaluator, points, folder))
    return _Ended(sum(batch.n_evaluations for batch in batches), sum(batch.cpu_seconds for batch in batches))


def _work(evaluator: Evaluator, points: Sequence[Point], folder: Path) -> Iterator[_Ended]:
    """Write batches of evaluations, named by the number of the first and how many there are."""
    began = time.thread_time()
    for batch in evaluator.evaluate(points):
        write_block(folder / f"{batch[0].number:06d}-{len(batch)}.npz", batch_arrays(batch))
        now = time.thread_time()
        yield _Ended(len(batch), now - began)
        began = now


def _write(
    draft: Path, config: ExperimentConfig, design: Design, evaluations: Sequence[Evaluation], log: RunLog
) -> None:
    """Write sensitivity.h5, sensitivity.csv and the manifest."""
    study = config.sensitivity
    assert study is not None
    failed = [item for item in evaluations if item.failure]
    measures = measures_table(config, design, evaluations)
    attributes: dict[str, str | int | float] = {
        "name": config.name,
        "question": config.question,
        "seed": config.seed,
        "method": study.method,
    }
    write_study(draft / STUDY, evaluations_table(config, design, evaluations), measures, attributes)
    rows = list(long_rows(measures, study.method))
    with (draft / STUDY_TABLE).open("w", encoding="utf-8", newline="") as stream:
        table = csv.DictWriter(stream, fieldnames=list(rows[0]))
        table.writeheader()
        table.writerows(rows)
        stream.flush()
        os.fsync(stream.fileno())
    effort = log.effort(until=time.time())
    record = {
        "name": config.name,
        "kind": "sensitivity",
        "config": config.model_dump(mode="json"),
        "seed": config.seed,
        "models": _models(config),
        "code": code_version(),
        "packages": {**package_versions(), "SALib": version("SALib")},
        "machine": machine(),
        "counts": {"evaluations": len(evaluations), "failed_evaluations": len(failed)},
        "workers": {"attempts": effort.attempts},
        "wall_seconds": effort.wall_seconds,
        "cpu_seconds": effort.cpu_seconds,
        "sha256": {STUDY: file_checksum(draft / STUDY)},
    }
    write_manifest(draft / MANIFEST, record)
