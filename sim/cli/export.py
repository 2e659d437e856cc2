"""Command that writes tables and figures of a report as files: export."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sim.cli.app import app
from sim.cli.running import Quiet
from sim.cli.text import Progress, print_json


@app.command()
def export(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="Result directory of a run.")],
    output: Annotated[Path | None, typer.Option("--output", help="Where to [DIR-export, beside DIR].")] = None,
    formats: Annotated[
        list[str] | None,
        typer.Option("--format", help="csv, parquet, png or svg, as often as wanted; all if left out."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the files as JSON.")] = False,
    quiet: Quiet = False,
) -> None:
    """Write a report's tables as CSV and Parquet, and its figures as PNG and SVG.

    Values have columns of their own for the ends of their 95% intervals. Figures are drawn by a Chromium or Chrome of
    this machine; tables need none.

    \b
    Examples:
      regimesim export outputs/quickstart
      regimesim export outputs/quickstart --format csv --output tables
      regimesim export outputs/quickstart --format svg --format png
    """  # noqa: D301
    from sim.config.faults import one_of
    from sim.errors import ConfigError
    from sim.report.export import FIGURE_FORMATS, TABLE_FORMATS
    from sim.report.export import export as write

    known = (*TABLE_FORMATS, *FIGURE_FORMATS)
    for name in formats or ():
        if name not in known:
            raise ConfigError(f"--format {one_of(name, known)}")
    folder = output if output is not None else directory.with_name(f"{directory.name}-export")
    progress = Progress(quiet=quiet)
    files = write(
        directory,
        folder,
        formats or known,
        lambda what, done, total: progress.count(what, done, total, "figures"),
    )
    if as_json:
        print_json({"files": [str(path) for path in files]})
    else:
        typer.echo(f"{len(files)} files in {folder}")
