"""The command that tells what a strategy did on one path."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sim.cli.app import app
from sim.cli.text import columns, print_json


@app.command()
def journal(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="Result directory of a run.")],
    scenario: Annotated[str | None, typer.Option("--scenario", help="Scenario [the first].")] = None,
    strategy: Annotated[str | None, typer.Option("--strategy", help="Strategy [the first].")] = None,
    path: Annotated[
        str | None,
        typer.Option(
            "--path",
            metavar="PATH",
            help="Number, or worst, median, best, p01 to p99 of the terminal P&L [keep.example_paths, journal_paths].",
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", metavar="FILE", help="Write a row a leg: .csv, or .parquet with pyarrow.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """Show every order, roll, adjustment and settlement of a strategy on a path, with its reason.

    The path is simulated again by its number and must end at its stored P&L. The table shows orders and settlements;
    files and JSON also hold interest, daily variation of futures and fees of notes, so that cash adds up.

    \b
    Examples:
      regimesim journal outputs/quickstart --scenario svcj_high_vix --strategy condor_layer1 --path worst
      regimesim journal outputs/quickstart --path 17 --json
      regimesim journal outputs/quickstart --path p01 --output trades.csv
    """  # noqa: D301
    from sim.journal import journal_of, kept_paths
    from sim.journal.files import NUMBERS, as_tree, check_file, payments, table, title, write_journals
    from sim.storage import open_results

    if output is not None:
        check_file(output)
    results = open_results(directory)
    config = results.manifest["config"]
    names = scenario or next(iter(config["scenarios"])), strategy or next(iter(config["strategies"]))
    wanted: list[str | int] = [path] if path is not None else [*kept_paths(results)]
    journals = [journal_of(results, *names, number) for number in wanted]
    if output is not None:
        write_journals(journals, output)
        typer.echo(str(output), err=as_json)
    if as_json:
        print_json([as_tree(item) for item in journals])
    elif output is None:
        for item in journals:
            typer.echo("\n".join([title(item), *columns(table(item), right=NUMBERS), payments(item), ""]))
