"""Run the cells of an experiment in parallel; every finished one is a block on disk before the next is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import joblib
from threadpoolctl import threadpool_limits

from sim.blocks import block_arrays, write_block
from sim.cell import Cell, run_cell
from sim.config import ExperimentConfig
from sim.extensions import Extensions

CELL_ERRORS = (ValueError, RuntimeError, ArithmeticError)
"""What may go wrong in a cell without the others being wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A cell that ended in an error.

    Parameters
    ----------
    cell : Cell
        Which paths.
    reason : str
        Kind and text of the error.
    """

    cell: Cell
    reason: str

    def __str__(self) -> str:
        last = self.cell.first_path + self.cell.n_paths - 1
        return f"scenario {self.cell.scenario}, paths {self.cell.first_path} to {last}: {self.reason}"


def run_blocks(
    config: ExperimentConfig,
    blocks: Mapping[Path, Cell],
    *,
    n_jobs: int,
    backend: str,
    keep_going: bool,
    finished: Callable[[Cell], None],
) -> list[Failure]:
    """Run cells and write their blocks.

    Parameters
    ----------
    config : ExperimentConfig
        The experiment.
    blocks : mapping of Path to Cell
        What to run, and where its block goes.
    n_jobs : int
        Workers, -1 for every core.
    backend : str
        ``loky`` (processes) or ``threading``.
    keep_going : bool
        Whether the other cells are run after one has failed; otherwise its error is raised.
    finished : callable
        Called with each cell whose block is on disk.

    Returns
    -------
    list of Failure
        Cells that failed, where the run was to keep going.
    """
    failures: list[Failure] = []
    for outcome in _outcomes(config, blocks, n_jobs=n_jobs, backend=backend, keep_going=keep_going):
        if isinstance(outcome, Failure):
            failures.append(outcome)
        else:
            finished(outcome)
    return failures


def _outcomes(
    config: ExperimentConfig, blocks: Mapping[Path, Cell], *, n_jobs: int, backend: str, keep_going: bool
) -> Iterator[Cell | Failure]:
    extensions = Extensions.registered()
    if n_jobs == 1:
        yield from (_work(config, cell, path, extensions, keep_going) for path, cell in blocks.items())
        return
    parallel = joblib.Parallel(
        n_jobs=n_jobs, backend=backend, return_as="generator_unordered", pre_dispatch="2 * n_jobs", batch_size=1
    )
    yield from parallel(
        joblib.delayed(_work)(config, cell, path, extensions, keep_going) for path, cell in blocks.items()
    )


def _work(config: ExperimentConfig, cell: Cell, path: Path, extensions: Extensions, keep_going: bool) -> Cell | Failure:
    extensions.register()
    try:
        with threadpool_limits(limits=1):
            write_block(path, block_arrays(run_cell(config, cell), config))
    except CELL_ERRORS as error:
        if not keep_going:
            raise
        return Failure(cell=cell, reason=f"{type(error).__name__}: {error}")
    return cell
