"""The command that measures speed against the machine's own limit."""

from __future__ import annotations

from typing import Annotated

import typer

from sim.cli.app import app
from sim.cli.running import Quiet
from sim.cli.text import columns, print_json


@app.command()
def bench(
    repeats: Annotated[int, typer.Option("--repeats", min=3, help="Turns of each ratio.")] = 41,
    builds: Annotated[bool, typer.Option("--builds/--no-builds", help="Build tables too: minutes.")] = True,
    headline: Annotated[int, typer.Option("--headline", min=0, help="Paths of the whole method; 0: without.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
    quiet: Quiet = False,
) -> None:
    """Measure speed against one numpy normal.

    Each ratio is the time of a path step or of an option leg over that of one standard normal of numpy's PCG64, in one
    process, runs interleaved; the median and half the distance between the quartiles are printed. The headline is a
    year of weekly condors with three layers and a ratio backspread, over the time of the steps and legs that it takes.

    \b
    Examples:
      regimesim bench
      regimesim bench --no-builds --json
      regimesim bench --no-builds --headline 10000
    """  # noqa: D301
    from sim.bench import bench_rows, headline_rows

    def tell(name: str) -> None:
        if not quiet:
            typer.echo(name, err=True)

    rows = list(bench_rows(repeats=repeats, with_builds=builds, progress=tell))
    if headline:
        rows.extend(headline_rows(paths=headline, repeats=repeats, progress=tell))
    if as_json:
        fields = ("name", "value", "unit", "reach", "met", "spread")
        print_json({"rows": [{field: getattr(row, field) for field in fields} for row in rows]})
        return
    table = [["row", "value", "spread", "unit", "reach", "met"]]
    for row in rows:
        reach = "" if row.reach is None else f"<= {row.reach:g}"
        met = {True: "yes", False: "NO", None: ""}[row.met]
        table.append([row.name, f"{row.value:.2f}", f"{row.spread:.2f}", row.unit, reach, met])
    typer.echo("\n".join(columns(table, right=(1, 2))))
