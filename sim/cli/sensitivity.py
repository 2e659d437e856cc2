"""The command that asks which parameters a result hangs on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from sim.cli.app import CELLS_FAILED, app
from sim.cli.check import Overrides
from sim.cli.run import ExperimentFile, Jobs, load
from sim.cli.running import Quiet, Verbose, describe_machine, is_whole
from sim.cli.text import Progress, columns, print_json

if TYPE_CHECKING:
    from sim.study import Study

MOSTLY_NOISE = 0.5
"""Share of noise in the variance of an output from which its indices say more of the paths than of the factors."""


@app.command()
def sensitivity(
    file: ExperimentFile,
    override: Overrides = None,
    output: Annotated[Path | None, typer.Option("--output", help="Result directory [outputs/NAME].")] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace results that are there, and forget a stopped study.")
    ] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on where a stopped study of this file ended.")] = False,
    jobs: Jobs = None,
    backend: Annotated[
        Literal["loky", "threading"] | None, typer.Option("--backend", help="Processes or threads.")
    ] = None,
    report: Annotated[bool, typer.Option("--report/--no-report", help="Draw report.html afterwards.")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print the measures as JSON rows.")] = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Vary parameters of an experiment and say which of them its results hang on.

    The file's `sensitivity:` names factors, outputs and method: Sobol indices, Morris screening, a tornado or a grid.
    Writes sensitivity.h5, sensitivity.csv, manifest.json and report.html; prints the measures, the most important
    factor first, with 95% intervals, and beside each output the share of its variance that is Monte Carlo noise.
    Exit code 3 if some evaluations failed; they are named, and the others are used.

    \b
    Examples:
      regimesim sensitivity experiments/sensitivity/tornado.yaml
      regimesim sensitivity experiments/sensitivity/condor.yaml -o paths=200 -o sensitivity.samples=8
      regimesim sensitivity experiments/sensitivity/condor.yaml --resume
    """  # noqa: D301
    config = load(file, override, jobs, backend)
    from sim.sensitivity.run import run_study
    from sim.study import open_study

    progress = Progress(quiet=quiet, verbose=verbose)
    describe_machine(progress)
    if not quiet and config.sensitivity is not None:
        n = config.sensitivity.n_evaluations
        text = f"{config.name}: {config.sensitivity.method}, {n:,} evaluations of {config.paths:,} paths"
        typer.echo(f"{text} x {config.days} days", err=True)
    directory = output if output is not None else Path("outputs") / config.name
    if not (resume and not overwrite and is_whole(config, directory, progress)):
        run_study(
            config,
            output=directory,
            progress=lambda done, total: progress.count("study", done, total, "evaluations"),
            notify=progress.prepare,
            overwrite=overwrite,
            resume=resume,
        )
    if report:
        from sim.report.sensitivity import write_study_report

        progress.stage("report")
        write_study_report(directory)
    progress.stage("")
    study = open_study(directory)
    if as_json:
        print_json(_as_json(study))
    else:
        typer.echo("\n".join(_lines(study)))
    failures = study.failures()
    for row, values, reason in failures[:10]:
        typer.secho(f"evaluation {row} failed: {values}: {reason}", fg="red", err=True)
    if failures:
        typer.secho(f"error: {len(failures)} evaluations failed; the others are used", fg="red", err=True)
        raise typer.Exit(CELLS_FAILED)


def _as_json(study: Study) -> dict[str, Any]:
    from sim.study import long_rows, spread_rows

    return {
        "directory": str(study.directory),
        "method": study.method,
        "outputs": list(spread_rows(study.measures)),
        "rows": list(long_rows(study.measures, study.method)),
        "failures": [{"evaluation": n, "values": values, "reason": why} for n, values, why in study.failures()],
    }


def _lines(study: Study) -> list[str]:
    """The measures as text: a block an output."""
    from sim.study import long_rows, spread_rows

    rows, lines = list(long_rows(study.measures, study.method)), []
    for item in spread_rows(study.measures):
        lines += [f"{item['output']}: {item['label']} [{item['unit']}]", f"  {_spread_text(item)}"]
        own = [row for row in rows if row["output"] == item["output"] and item["status"] == "ok"]
        for name in ("surface", "second_order"):
            lines += _matrix([row for row in own if row["measure"] == name])
            own = [row for row in own if row["measure"] != name]
        lines += [*_factor_table(own), ""]
    lines.append(str(study.directory))
    return lines


def _factor_table(rows: list[dict[str, Any]]) -> list[str]:
    """A line a factor, a column a measure with its interval."""
    from sim.study import MEASURES

    names = list(dict.fromkeys(row["measure"] for row in rows))
    cells = {(row["factor"], row["measure"]): _with_interval(row) for row in rows}
    table = [["factor", *(MEASURES[name].label for name in names)]]
    table += [[factor, *(cells[factor, name] for name in names)] for factor in dict.fromkeys(f for f, _ in cells)]
    return [f"  {line}" for line in columns(table)] if rows else []


def _matrix(rows: list[dict[str, Any]]) -> list[str]:
    """Two factors against each other."""
    firsts, others = (list(dict.fromkeys(row[key] for row in rows)) for key in ("factor", "other"))
    cells = {(row["factor"], row["other"]): _number(row["estimate"]) for row in rows}
    table = [["", *others], *([first, *(cells.get((first, other), "") for other in others)] for first in firsts)]
    return [f"  {line}" for line in columns(table, right=range(1, len(others) + 1))] if rows else []


def _with_interval(row: dict[str, Any]) -> str:
    if row["estimate"] is None or row["ci_low"] is None:
        return _number(row["estimate"])
    return f"{_number(row['estimate'])} [{_number(row['ci_low'])}, {_number(row['ci_high'])}]"


def _spread_text(item: dict[str, Any]) -> str:
    """How an output varies, and how much of that is noise."""
    if item["status"] != "ok":
        return f"no measures: {item['status']}"
    deviation = None if item["variance"] is None else item["variance"] ** 0.5
    text = f"mean {_number(item['mean'])}, deviation over {item['n_used']} evaluations {_number(deviation)}"
    share = item["noise_share"]
    if share is None:
        return f"{text}, share of noise unknown"
    much = "; more paths would tell more" if share > MOSTLY_NOISE else ""
    return f"{text}, of its variance {share:.1%} is noise{much}"


def _number(value: float | None) -> str:
    return "n/a" if value is None else f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
