"""Commands that look at several results: compare two, and index all."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sim.cli.app import app
from sim.cli.status import OUTPUTS
from sim.cli.text import columns, print_json

if TYPE_CHECKING:
    from sim.report.compare import Comparison, Difference

SIGNS = {"better": "better", "worse": "worse", "same": "="}


@app.command()
def compare(
    a: Annotated[Path, typer.Argument(metavar="A", help="Result directory of a run.")],
    b: Annotated[Path, typer.Argument(metavar="B", help="Result directory of the run that is held against it.")],
    everything: Annotated[bool, typer.Option("--all", help="Print all statistics, not the most telling ones.")] = False,
    html: Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Draw a page, too.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON: all statistics, and what differs.")] = False,
) -> None:
    """Compare two runs: every statistic of both, the difference and its 95% interval.

    Scenarios, strategies and statistics of the same name are compared. Runs of one seed and as many paths share their
    random numbers and are compared path by path; others as independent samples, which is said of each row.

    \b
    Examples:
      regimesim compare outputs/quickstart outputs/cheaper
      regimesim compare outputs/quickstart outputs/cheaper --html outputs/cheaper.html
      regimesim compare outputs/quickstart outputs/cheaper --all --json
    """  # noqa: D301
    from sim.report.compare import compare as comparison_of
    from sim.report.compare import summary, write_comparison

    comparison = comparison_of(a, b)
    drawn = write_comparison(comparison, html) if html is not None else None
    if as_json:
        rows = [row.as_dict() for row in comparison.rows]
        changed = [{"key": key, "a": one, "b": other} for key, one, other in comparison.changed]
        page = str(drawn) if drawn else None
        print_json({"a": str(a), "b": str(b), "rows": rows, "changed": changed, "page": page})
        return
    typer.echo("\n".join(_lines(comparison, everything=everything)))
    typer.echo(summary(comparison))
    if drawn:
        typer.echo(str(drawn))


def _lines(comparison: Comparison, *, everything: bool) -> list[str]:
    from sim.metrics.interval_text import interval_text
    from sim.report.compare import HEADLINES
    from sim.report.tables import form_in

    def line(row: Difference) -> list[str]:
        form = form_in(row.unit, row.statistic)
        interval = interval_text(row.ci_low, row.ci_high, form)
        values = [f"{value:{form}}" for value in (row.a, row.b, row.difference)]
        return [row.scenario, row.strategy, row.label, *values, interval, SIGNS[row.verdict], row.method]

    head = ["scenario", "strategy", "statistic", "A", "B", "B less A", "95% interval", "B is", "compared"]
    rows = [row for row in comparison.rows if everything or row.statistic in HEADLINES] or comparison.rows
    return columns([head, *map(line, rows)])


@app.command()
def index(
    directory: Annotated[Path, typer.Argument(metavar="[DIR]", help="Folder of results.")] = OUTPUTS,
    as_json: Annotated[bool, typer.Option("--json", help="Print where the page is as JSON.")] = False,
) -> None:
    """Draw a page that lists all results below a folder, with their questions and links to their reports.

    A run into `outputs/` draws it again when it is done.

    \b
    Examples:
      regimesim index
      regimesim index outputs --json
    """  # noqa: D301
    from sim.report.index import write_index
    from sim.status import find_runs

    drawn = write_index(directory, find_runs(directory))
    if as_json:
        print_json({"page": str(drawn)})
    else:
        typer.echo(str(drawn))
