"""Run an experiment for a command that prints an answer of its own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sim.cli.text import Progress

if TYPE_CHECKING:
    from sim.config import ExperimentConfig

Output = Annotated[Path | None, typer.Option("--output", help="Result directory [outputs/NAME].")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace results that are there, and a stopped run.")]
Resume = Annotated[bool, typer.Option("--resume", help="Go on where a stopped run of this file ended.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")]
Loudness = Annotated[
    bool | None,
    typer.Option("--verbose/--quiet", "-v/-q", help="Say more on stderr, or no progress.", show_default=False),
]
"""Verbose, quiet or neither, for commands that have many options."""
Verbose = Annotated[
    bool, typer.Option("--verbose", "-v", help="Say more on stderr: versions, workers, the time of each stage.")
]
Report = Annotated[bool, typer.Option("--report/--no-report", help="Draw report.html afterwards.")]


def run_quietly(
    config: ExperimentConfig,
    directory: Path,
    *,
    overwrite: bool = False,
    resume: bool = False,
    report: bool = True,
    quiet: bool = False,
    verbose: bool = False,
) -> Path:
    """Run an experiment with progress on stderr; nothing is printed on stdout.

    Parameters
    ----------
    config : ExperimentConfig
        The experiment.
    directory : Path
        Result directory.
    overwrite, resume : bool
        As of ``run_experiment``.
    report : bool
        Whether report.html is drawn.
    quiet : bool
        Whether there is no progress.
    verbose : bool
        Whether stages are named with the time that each took.

    Returns
    -------
    Path
        The result directory.
    """
    from sim.runner import run_experiment
    from sim.storage import check_vacant

    progress = Progress(quiet=quiet, verbose=verbose)
    if resume and not overwrite and is_whole(config, directory, progress):
        if report:
            draw(directory, progress)
        progress.stage("")
        return directory
    check_vacant(directory, overwrite=overwrite)
    describe_machine(progress)
    if not quiet:
        cells = len(config.scenarios) * len(config.strategies)
        typer.echo(f"{config.name}: {cells} cells of {config.paths:,} paths x {config.days} days", err=True)
    results = run_experiment(
        config,
        output=directory,
        jobs=config.compute.jobs,
        backend=config.compute.backend,
        progress=progress,
        notify=progress.prepare,
        overwrite=overwrite,
        resume=resume,
    )
    if report:
        draw(results, progress)
    progress.stage("")
    return results


def is_whole(config: ExperimentConfig, directory: Path, progress: Progress) -> bool:
    """Whether a run that is to be resumed lacks at most its report, which is said."""
    from sim.reuse import is_complete

    if not is_complete(directory, config):
        return False
    progress.note(f"{directory} holds the complete results of this run")
    return True


def draw(results: Path, progress: Progress) -> Path:
    """Draw the report of a run, and the index of all runs."""
    from sim.report import write_report

    progress.stage("report")
    drawn = write_report(results)
    refresh_index(results)
    return drawn


def refresh_index(directory: Path) -> None:
    """Draw the index of ``outputs/`` again after a run below it; that it cannot be written fails no run."""
    from sim.errors import StorageError
    from sim.report.index import write_index
    from sim.status import find_runs

    root = Path("outputs")
    if root.resolve() not in directory.resolve().parents:
        return
    try:
        write_index(root, find_runs(root))
    except StorageError as error:
        typer.echo(f"the index of {root} is not drawn: {error}", err=True)


def describe_machine(progress: Progress) -> None:
    """Say what a run depends on and where its price tables are kept, if ``--verbose`` asks for it."""
    if not progress.verbose:
        return
    import platform
    from importlib.metadata import version

    import joblib

    from models.table_cache import cache_directory

    packages = ", ".join(f"{name} {version(name)}" for name in ("regimesim", "numpy", "numba", "scipy"))
    progress.detail(f"Python {platform.python_version()}, {packages}")
    progress.detail(f"{joblib.cpu_count()} cores, price tables in {cache_directory()}")
