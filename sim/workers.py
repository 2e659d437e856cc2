"""Run the cells of an experiment in parallel; every finished one is a block on disk before the next is asked for.

A worker is a process (``loky``) or a thread (``threading``) of this machine; those of a Dask cluster are in
``sim.cluster``. All of them do the same work on the same cells.
"""

from __future__ import annotations

import pickle
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import joblib
from threadpoolctl import threadpool_limits

from sim.blocks import Arrays, block_arrays, write_block
from sim.cell import Cell, run_cell
from sim.config import ComputeConfig, ExperimentConfig
from sim.cutting import cut_paths
from sim.experiment import build_model
from sim.extensions import Extensions
from sim.parallel import begun, in_parallel

CELL_ERRORS = (ValueError, RuntimeError, ArithmeticError)
"""What may go wrong in a cell without the others being wrong."""

START_WORK = 5e6
"""Paths x sessions x scenarios x strategies that one worker does in about 4 s; processes take 2 to 3 to start."""


WAIT_SECONDS = 0.02
"""How often a process that has started looks whether it may begin."""


class WorkerTraceback(Exception):
    """Traceback of an error that arose in another process or thread, as text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """A cell whose block is on disk.

    Parameters
    ----------
    cell : Cell
        Which paths.
    cpu_seconds : float
        Processor time that it took [s].
    """

    cell: Cell
    cpu_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A cell that ended in an error.

    Parameters
    ----------
    cell : Cell
        Which paths.
    error : Exception
        The error.
    trace : str
        Where it arose.
    cpu_seconds : float
        Processor time that the cell took [s].
    """

    cell: Cell
    error: Exception
    trace: str = ""
    cpu_seconds: float = 0.0

    @property
    def reason(self) -> str:
        """Kind and text of the error."""
        return f"{type(self.error).__name__}: {self.error}"

    def __str__(self) -> str:
        last = self.cell.first_path + self.cell.n_paths - 1
        return f"scenario {self.cell.scenario}, paths {self.cell.first_path} to {last}: {self.reason}"

    def reraise(self) -> None:
        """Raise the error as it was, with the place in the worker as its cause."""
        raise self.error from WorkerTraceback(f"\n{self.trace}")


Outcome = Finished | Failure


@dataclass(slots=True)
class Gate:
    """Keeps threads that outlive an interrupted run from writing blocks when it has let go of its folder."""

    is_shut: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def write(self, path: Path, arrays: Arrays) -> None:
        """Write a block, unless the gate is shut."""
        with self._lock:
            if not self.is_shut:
                write_block(path, arrays)

    def shut(self) -> None:
        """Let nothing be written any more; waits for a block that is being written."""
        with self._lock:
            self.is_shut = True


def workers_of(config: ExperimentConfig, compute: ComputeConfig) -> tuple[int, str]:
    """Say how many workers an experiment is run by, and of which kind.

    ``auto`` takes one worker for runs that processes would not end sooner, their start included, and processes
    otherwise. It never takes threads, of which two are slower than one: rules in Python, which only one of them can run
    at a time, stand between kernels too short to gain from.

    Parameters
    ----------
    config : ExperimentConfig
        The experiment.
    compute : ComputeConfig
        What was asked for.

    Returns
    -------
    n_jobs : int
        Workers, one at least; ``auto`` takes no more than asked for, and one where more are of no use.
    backend : str
        ``loky`` (processes), ``threading`` or ``dask``.
    """
    n_jobs = compute.jobs if compute.jobs > 0 else int(joblib.cpu_count())
    if compute.backend != "auto":
        return n_jobs, compute.backend
    if compute.dask_scheduler is not None:
        return n_jobs, "dask"
    cells = [n_paths for _, n_paths in cut_paths(config.paths, config.compute.block_paths)] * len(config.scenarios)
    n_jobs = min(n_jobs, len(cells))
    if Extensions.registered().are_used(config):
        return n_jobs, "loky"
    saved = (sum(cells) - _longest_share(cells, n_jobs)) * config.days * len(config.strategies)
    return (n_jobs, "loky") if saved > START_WORK else (1, "threading")


def _longest_share(cells: Sequence[int], n_jobs: int) -> int:
    """Paths of the worker that has most to do, each taking the next cell when it is free."""
    shares = [0] * n_jobs
    for n_paths in cells:
        shares[shares.index(min(shares))] += n_paths
    return max(shares)


@contextmanager
def run_blocks(
    config: ExperimentConfig, blocks: Mapping[Path, Cell], *, n_jobs: int, backend: str, ready: Path
) -> Iterator[Iterator[Outcome]]:
    """Run cells and write their blocks; the end of the ``with`` statement stops the workers.

    Processes start at once, import what they need, and wait for ``ready``: tables are built and kernels compiled once,
    by the process that starts them.

    Parameters
    ----------
    config : ExperimentConfig
        The experiment.
    blocks : mapping of Path to Cell
        What to run, and where its block goes.
    n_jobs : int
        Workers; one works in this thread.
    backend : str
        ``loky`` (processes) or ``threading``.
    ready : Path
        File that is there once the cells may be run; cells of one worker or of threads run when they are asked for.

    Yields
    ------
    iterator of Finished or Failure
        Cells in the order in which they end.

    Raises
    ------
    concurrent.futures.process.BrokenProcessPool
        If a worker process has died.
    """
    gate = Gate()
    calls = ((config, cell, path) for path, cell in blocks.items())
    if n_jobs == 1 or backend == "threading":
        do = partial(work, write=gate.write) if backend == "threading" else work
        try:
            with closing(in_parallel(do, calls, n_jobs=n_jobs, backend=backend)) as outcomes:
                yield outcomes
        finally:
            gate.shut()
        return
    with begun(partial(_work_when, ready), calls, n_jobs=n_jobs, backend=backend) as outcomes:
        yield outcomes


def _work_when(ready: Path, config: ExperimentConfig, cell: Cell, path: Path) -> Outcome:
    """Wait until cells may be run, with the scenario's model imported, and run one."""
    with suppress(*CELL_ERRORS):  # the cell itself will say what is wrong
        build_model(config.scenarios[cell.scenario])
    while not ready.exists():
        if not ready.parent.is_dir():
            raise FileNotFoundError(f"{ready.parent} is gone: the run that this worker waits for has ended")
        time.sleep(WAIT_SECONDS)
    return work(config, cell, path)


def work(
    config: ExperimentConfig,
    cell: Cell,
    path: Path,
    *,
    write: Callable[[Path, Arrays], None] = write_block,
) -> Outcome:
    """Run a cell and write its block.

    Parameters
    ----------
    config : ExperimentConfig
        The experiment.
    cell : Cell
        Which paths.
    path : Path
        Where the block goes.
    write : callable
        Writes the block.
    """
    started = time.thread_time()
    try:
        with threadpool_limits(limits=1):
            write(path, block_arrays(run_cell(config, cell), config))
    except CELL_ERRORS as error:
        spent = time.thread_time() - started
        return Failure(cell=cell, error=_portable(error), trace=traceback.format_exc(), cpu_seconds=spent)
    return Finished(cell=cell, cpu_seconds=time.thread_time() - started)


def _portable(error: Exception) -> Exception:
    """Return the error, or one of the same text where it would not survive the way to another process."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:  # whatever a class of its own may raise
        portable = RuntimeError(f"{type(error).__name__}: {error}")
        portable.__notes__ = list(getattr(error, "__notes__", ()))
        return portable
    return error
