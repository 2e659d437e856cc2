"""Command about runs that are under way, stopped or complete: status."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sim.cli.app import app
from sim.cli.text import columns, duration, print_json

if TYPE_CHECKING:
    from sim.status import RunStatus

OUTPUTS = Path("outputs")


@app.command()
def status(
    directory: Annotated[
        Path | None, typer.Argument(metavar="[DIR]", help="Result directory of a run; all below outputs/ if left out.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON: a list of runs.")] = False,
) -> None:
    """Show how far runs are: complete, running or stopped, paths done, speed, time left, failed cells.

    A run may be watched while another process is at work on it.

    \b
    Examples:
      regimesim status
      regimesim status outputs/quickstart
      regimesim status outputs/quickstart --json
    """  # noqa: D301
    from sim.status import find_runs, run_status

    runs = [run_status(folder) for folder in (find_runs(OUTPUTS) if directory is None else [directory])]
    if as_json:
        print_json([run.as_dict() for run in runs])
    elif directory is not None:
        typer.echo("\n".join(_in_full(runs[0])))
    elif runs:
        rows = [["run", "state", "paths done", "last active", "failed"], *map(_in_short, runs)]
        typer.echo("\n".join(columns(rows)))
    else:
        typer.echo(f"no runs below {OUTPUTS}/", err=True)


def _in_short(run: RunStatus) -> list[str]:
    left = f", {duration(run.seconds_left)} left" if run.seconds_left is not None else ""
    failed = str(len(run.failures)) if run.failures else ""
    return [run.directory, run.state, _paths(run) + left, _ago(run), failed]


def _in_full(run: RunStatus) -> list[str]:
    rows = [["run", run.directory], ["state", run.state + (f" (process {run.process})" if run.process else "")]]
    if run.activity:
        rows.append(["activity" if run.state == "running" else "stopped while", run.activity])
    if run.paths:
        rows += [["paths", _paths(run)], ["blocks", f"{run.blocks_done:,} of {run.blocks:,}"]]
    elif run.blocks_done:
        rows.append(["blocks", f"{run.blocks_done:,} done"])
    if run.paths_per_second is not None:
        rows.append(["speed", f"{run.paths_per_second:,.0f} paths/s"])
    if run.seconds_left is not None:
        rows.append(["time left", duration(run.seconds_left)])
    rows += [["attempts", str(run.attempts)], ["last active", _ago(run)]]
    rows += [["failed", text] for text in run.failures]
    if run.state == "stopped":
        kept = "; earlier results are in place until it is complete" if run.has_results else ""
        rows.append(["next", f"run the same experiment with --resume{kept}"])
    return columns(rows)


def _paths(run: RunStatus) -> str:
    if not run.paths:
        return ""
    return f"{run.paths_done:,} of {run.paths:,} ({run.paths_done / max(run.paths, 1):.0%})"


def _ago(run: RunStatus) -> str:
    if run.last_active is None:
        return "never"
    return f"{duration(max(0.0, time.time() - run.last_active))} ago"
