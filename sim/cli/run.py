"""Commands that work on an experiment: run, plan, report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from sim.cli.app import app
from sim.cli.check import Overrides
from sim.cli.running import Quiet, Verbose, describe_machine, draw, is_whole
from sim.cli.text import Progress, columns, duration, print_json, size

if TYPE_CHECKING:
    from sim.config import ExperimentConfig

BackendChoice = Literal["auto", "loky", "threading", "dask"]
ExperimentFile = Annotated[Path, typer.Argument(metavar="FILE", help="Experiment file.")]
Jobs = Annotated[int | None, typer.Option("--jobs", "-j", min=-1, help="Workers; -1 for every core.")]


def load(
    file: Path,
    override: list[str] | None,
    jobs: int | None = None,
    backend: str | None = None,
    scheduler: str | None = None,
) -> ExperimentConfig:
    """Load an experiment; options of the command line are overrides like any other."""
    from sim.experiment import load_experiment

    options = {"jobs": jobs, "backend": backend, "dask_scheduler": scheduler}
    given = [f"compute.{key}={value}" for key, value in options.items() if value is not None]
    return load_experiment(file, [*(override or ()), *given])


@app.command()
def run(
    file: ExperimentFile,
    override: Overrides = None,
    output: Annotated[Path | None, typer.Option("--output", help="Result directory [outputs/NAME].")] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace results that are there, and forget a stopped run.")
    ] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on where a stopped run of this file ended.")] = False,
    keep_going: Annotated[
        bool, typer.Option("--keep-going/--fail-fast", help="After a failed cell, run the others (exit code 3).")
    ] = False,
    jobs: Jobs = None,
    backend: Annotated[
        BackendChoice | None,
        typer.Option("--backend", help="Processes (loky), threads, a Dask cluster, or whichever suits (auto)."),
    ] = None,
    scheduler: Annotated[
        str | None, typer.Option("--scheduler", metavar="ADDRESS", help="Run on this Dask cluster, tcp://host:8786.")
    ] = None,
    report: Annotated[bool, typer.Option("--report/--no-report", help="Draw report.html afterwards.")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print where the results are as JSON.")] = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Run an experiment and draw its report.

    Writes results.h5, manifest.json and report.html into the result directory; prints where they are. A run that is
    interrupted keeps what it has done: `--resume` goes on, `regimesim status` shows how far it is.

    \b
    Examples:
      regimesim run experiments/quickstart.yaml
      regimesim run experiments/quickstart.yaml -o paths=2000 --output outputs/short
      regimesim run experiments/quickstart.yaml --resume
      regimesim run my.yaml -o costs.commission_per_contract=1.25 --jobs 1 --overwrite
      regimesim run my.yaml --keep-going --backend dask --scheduler tcp://node1:8786
    """  # noqa: D301
    config = load(file, override, jobs, backend or ("dask" if scheduler else None), scheduler)
    directory = output if output is not None else Path("outputs") / config.name

    from sim.runner import run_experiment
    from sim.storage import check_vacant

    progress = Progress(quiet=quiet, verbose=verbose)
    if not (resume and not overwrite and is_whole(config, directory, progress)):
        check_vacant(directory, overwrite=overwrite)
        describe_machine(progress)
        if not quiet:
            cells = len(config.scenarios) * len(config.strategies)
            typer.echo(f"{config.name}: {cells} cells of {config.paths:,} paths x {config.days} days", err=True)
        run_experiment(
            config,
            output=directory,
            progress=progress,
            notify=progress.prepare,
            failed=(lambda failure: progress.note(f"failed: {failure}"))
            if keep_going
            else None,  # else the error tells
            overwrite=overwrite,
            resume=resume,
            keep_going=keep_going,
        )
    made = {"results": directory / "results.h5", "manifest": directory / "manifest.json"}
    if report:
        made["report"] = draw(directory, progress)
    progress.stage("")
    _warn_of_few(directory, progress)
    if as_json:
        print_json({kind: str(path) for kind, path in made.items()})
    else:
        typer.echo("\n".join(columns([[kind, str(path)] for kind, path in made.items()])))


def _warn_of_few(results: Path, progress: Progress) -> None:
    """Say how many independent paths the weighted ones are worth, and warn where they are few."""
    from sim.metrics.design import LOW_SHARE
    from sim.storage import open_results

    for scenario, sampled in open_results(results).manifest["sampling"].items():
        paths, effective = sampled["paths"], sampled["effective_paths"]
        if sampled["method"] != "importance":
            continue
        progress.note(f"{scenario}: {paths:,} weighted paths are worth {effective:,.0f} independent ones for a mean")
        if effective < LOW_SHARE * paths:
            progress.note(
                f"warning: {scenario}: that is below {LOW_SHARE:.0%}; lower sampling.trend, variance_rise or "
                "start_tilt, or raise plain_share"
            )


@app.command()
def report(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="Result directory of a run.")],
    table: Annotated[
        bool, typer.Option("--table", help="Instead of drawing, print the key statistics with 95% intervals.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print where the report is as JSON.")] = False,
) -> None:
    """Draw report.html again from stored results, those of a run or of a sensitivity study.

    \b
    Examples:
      regimesim report outputs/quickstart
      regimesim report outputs/quickstart --table
    """  # noqa: D301
    from sim.study import holds_study

    if table:
        from sim.results_view import key_table
        from sim.storage import open_results

        header, *rows = key_table(open_results(directory))
        if as_json:
            print_json({"rows": [dict(zip(header, row, strict=True)) for row in rows]})
        else:
            typer.echo("\n".join(columns([header, *rows], right=range(2, len(header)))))
        return
    if holds_study(directory):
        from sim.report.sensitivity import write_study_report as write_report
    else:
        from sim.report import write_report

    drawn = write_report(directory)
    if as_json:
        print_json({"report": str(drawn)})
    else:
        typer.echo(str(drawn))


@app.command()
def plan(
    file: ExperimentFile,
    override: Overrides = None,
    jobs: Jobs = None,
    backend: Annotated[
        BackendChoice | None, typer.Option("--backend", help="Kind of workers; chosen by the experiment if left out.")
    ] = None,
    measure: Annotated[bool, typer.Option("--measure/--no-measure", help="Time some paths of each scenario.")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Show cells, paths, memory, disk and time of an experiment.

    The time comes from some paths of each scenario on this machine; tables that are not cached yet are built by it.
    Estimates are meant to hold within a factor of two.

    \b
    Examples:
      regimesim plan experiments/quickstart.yaml
      regimesim plan experiments/quickstart.yaml -o paths=1000000 --no-measure
    """  # noqa: D301
    from sim.plan import plan_experiment

    config = load(file, override, jobs, backend)
    progress = Progress(quiet=quiet, verbose=verbose)
    describe_machine(progress)
    planned = plan_experiment(
        config, measure=measure, progress=lambda done, total: progress.count("trial", done, total, "scenarios")
    )
    progress.stage("")
    if as_json:
        print_json(planned.as_dict())
        return
    rows = [
        ["scenarios", f"{planned.n_scenarios}"],
        ["strategies", f"{planned.n_strategies}"],
        ["cells", f"{planned.n_scenarios * planned.n_strategies}"],
        ["paths", f"{planned.n_paths:,} ({planned.n_blocks} blocks)"],
        ["workers", f"{planned.n_jobs} ({planned.backend})"],
        ["memory", f"about {size(planned.memory_bytes)}"],
        ["disk", f"about {size(planned.disk_bytes)}, {size(planned.working_disk_bytes)} until it is complete"],
    ]
    if planned.seconds is not None:
        rows.append(["time", f"about {duration(planned.seconds)} ({planned.paths_per_second:,.0f} paths/s)"])
    typer.echo("\n".join(columns(rows)))
    if planned.scenarios:
        head = ["scenario", "processor time", "paths/s of a worker"]
        costs = [
            [row["scenario"], duration(row["cpu_seconds"]), f"{row['paths_per_second'] or 0.0:,.0f}"]
            for row in planned.scenarios
        ]
        typer.echo("\n" + "\n".join(columns([head, *costs], right=[1, 2])))
