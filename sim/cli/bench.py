"""The command that measures speed against the machine's own limit, and what ways of drawing paths save."""

from __future__ import annotations

from dataclasses import fields
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sim.cli.app import app
from sim.cli.running import Quiet, Verbose, describe_machine
from sim.cli.text import Progress, columns, print_json

if TYPE_CHECKING:
    from sim.bench import Row

GUARD_PATHS = 5000
"""Paths of the headline that is compared with a stored run."""


@app.command()
def bench(
    repeats: Annotated[int, typer.Option("--repeats", min=3, help="Turns of each ratio.")] = 41,
    builds: Annotated[bool, typer.Option("--builds/--no-builds", help="Build tables too: minutes.")] = True,
    headline: Annotated[int, typer.Option("--headline", min=0, help="Paths of the whole method; 0: without.")] = 0,
    against: Annotated[
        Path | None, typer.Option("--against", help="Stored `bench --json`: fail where a ratio is far above it.")
    ] = None,
    variance: Annotated[
        bool, typer.Option("--variance", help="Measure what each `sampling.method` saves instead of speed: minutes.")
    ] = False,
    paths: Annotated[int, typer.Option("--paths", min=1024, help="Paths of each run of --variance.")] = 1024,
    runs: Annotated[int, typer.Option("--runs", min=2, help="Runs of each method of --variance.")] = 16,
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Measure speed against one numpy normal, or what ways of drawing paths save.

    Each ratio is the time of a path step or of an option leg over that of one standard normal of numpy's PCG64, in one
    process, runs interleaved; the median and half the distance between the quartiles are printed. The headline is a
    year of weekly condors with three layers and a ratio backspread, over the time of the steps and legs that it takes.

    Other packages are measured where they are installed, with the same parameters, after their values were checked.

    With --against: the ratios of a stored run are measured again, and the exit code is 1 where one exceeds the stored
    one by more than 60%, or was not measured.

    With --variance: squared standard errors of independent paths over those of each method at equal numbers of paths,
    as reported and from run to run, for means, drawdowns and expected shortfall.

    \b
    Examples:
      regimesim bench
      regimesim bench --no-builds --json
      regimesim bench --no-builds --headline 10000
      regimesim bench --no-builds --against docs/speed.json
      regimesim bench --variance
    """  # noqa: D301
    said = Progress(quiet=quiet, verbose=verbose)
    describe_machine(said)
    if variance:
        _variance(paths, runs, said, as_json=as_json)
        return
    from sim.bench import HEADLINE_ROWS, bench_rows, headline_rows, package_rows, stored_rows, until_measured

    def tell(name: str) -> None:
        said.stage(name)
        if not said.quiet:
            typer.echo(name, err=True)

    stored = stored_rows(against) if against is not None else {}
    steps = chain(bench_rows(repeats=repeats, with_builds=builds, progress=tell), package_rows(progress=tell))
    rows = list(until_measured(steps, stored.keys() - HEADLINE_ROWS) if stored else steps)
    if stored:
        whole = headline_rows(paths=headline or GUARD_PATHS, repeats=repeats, progress=tell)
        rows.extend(until_measured(whole, stored.keys() & HEADLINE_ROWS))
    elif headline:
        rows.extend(headline_rows(paths=headline, repeats=repeats, progress=tell))
    said.stage("")
    if as_json:
        fields = ("name", "value", "unit", "reach", "met", "spread")
        print_json({"rows": [{field: getattr(row, field) for field in fields} for row in rows]})
    else:
        _print_rows(rows)
    if against is not None:
        _judge(rows, stored, against)


def _print_rows(rows: list[Row]) -> None:
    table = [["row", "value", "spread", "unit", "reach", "met"]]
    for row in rows:
        reach = "" if row.reach is None else f"<= {row.reach:.3g}"
        met = {True: "yes", False: "NO", None: ""}[row.met]
        table.append([row.name, f"{row.value:.2f}", f"{row.spread:.2f}", row.unit, reach, met])
    typer.echo("\n".join(columns(table, right=(1, 2))))


def _judge(rows: list[Row], stored: dict[str, float], against: Path) -> None:
    """Say what is far above the stored run, or was not measured at all, and fail where anything is."""
    from sim.bench import compared, unmeasured

    pairs = compared(rows, stored)
    slower = [pair for pair in pairs if pair.is_slower]
    for pair in slower:
        typer.echo(f"slower: {pair.name}: {pair.value:.2f}, stored {pair.stored:.2f}", err=True)
    missing = unmeasured(rows, stored)
    for name in missing:
        typer.echo(f"not measured: {name}, stored {stored[name]:.2f}", err=True)
    typer.echo(f"{len(pairs)} of {len(stored)} ratios of {against} compared, {len(slower)} slower", err=True)
    if slower or missing:
        raise typer.Exit(1)


def _variance(paths: int, runs: int, progress: Progress, *, as_json: bool) -> None:
    """Print what each method saves."""
    from sim.bench.variance import VarianceRow, variance_rows

    told = partial(progress.count, "variance", unit="runs")
    rows = variance_rows(paths=paths, repeats=runs, progress=told)
    if as_json:
        names = [item.name for item in fields(VarianceRow)]
        print_json(
            {"paths": paths, "runs": runs, "rows": [{name: getattr(row, name) for name in names} for row in rows]}
        )
        return
    table = [["method", "statistic", "estimate", "error", "saves", "run to run", "95% of it", "off by", "time"]]
    table += [
        [
            row.method,
            row.statistic,
            f"{row.estimate:,.4g}",
            f"{row.standard_error:,.3g}",
            f"{row.variance_ratio:.2f}",
            f"{row.spread_ratio:.2f}",
            f"{row.spread_low:.2f} to {row.spread_high:.2f}",
            f"{row.bias_errors:+.1f} s.e.",
            f"{row.cost_ratio:.2f}",
        ]
        for row in rows
    ]
    typer.echo("\n".join(columns(table, right=(2, 3, 4, 5, 6, 7, 8))))
    typer.echo(
        f"{runs} runs of {paths:,} paths each. saves: squared error that independent paths report over that of the "
        "method; run to run: the same of the variance of the estimates; off by: distance from the mean of the plain "
        "runs; time: of a path, over that of a plain one."
    )
