"""The command that lays stress scripts over an experiment and says what broke, and when."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sim.cli.app import app
from sim.cli.check import Overrides
from sim.cli.run import Jobs
from sim.cli.running import Output, Overwrite, Quiet, Report, Resume, Verbose, run_quietly
from sim.cli.text import columns, print_json

if TYPE_CHECKING:
    from sim.config import ExperimentConfig

Row = dict[str, Any]


@app.command()
def stress(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Experiment file, or a result directory.")],
    script: Annotated[
        str | None, typer.Option("--script", help="Script laid over every scenario: a name, or a YAML file.")
    ] = None,
    override: Overrides = None,
    output: Output = None,
    overwrite: Overwrite = False,
    resume: Resume = False,
    jobs: Jobs = None,
    report: Report = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Run stress scripts: loss by engine and leg, margin day by day, and the day things broke.

    Runs an experiment whose scenarios have `stress:`, or lays --script over every scenario of a file
    (`regimesim list scripts`). A result directory is only printed again.

    \b
    Examples:
      regimesim stress experiments/stress/six_episodes.yaml
      regimesim stress experiments/quickstart.yaml --script volmageddon_2018 -o paths=1000
      regimesim stress my.yaml --script my_script.yaml --json
      regimesim stress outputs/six_episodes
    """  # noqa: D301
    from sim.report.stress import has_stress, stress_summary
    from sim.storage import open_results

    if file.is_dir():
        results = open_results(file)
    else:
        config = _scripted(file, script, [*(override or ()), *([f"compute.jobs={jobs}"] if jobs is not None else [])])
        directory = output if output is not None else Path("outputs") / config.name
        results = open_results(
            run_quietly(
                config,
                directory,
                overwrite=overwrite,
                resume=resume,
                report=report,
                quiet=quiet,
                verbose=verbose,
            )
        )
    if not has_stress(results):
        raise typer.BadParameter("no scenario of these results has a script", param_hint="FILE")
    summary = stress_summary(results)
    if as_json:
        print_json({"results": str(results.directory), "rows": summary})
        return
    for item in summary:
        typer.echo("\n".join(_page(item)))
    typer.echo(f"results in {results.directory}")


def _scripted(file: Path, script: str | None, overrides: list[str]) -> ExperimentConfig:
    """Experiment with a script in every scenario that is to have one."""
    from sim.errors import ConfigError
    from sim.experiment import load_experiment

    config = load_experiment(file, overrides)
    if script is None:
        if not any(item.stress for item in config.scenarios.values()):
            raise ConfigError(f"{file} has no scenario with a script; lay one over all with --script NAME")
        return config
    laid = [f"scenarios.{name}.stress={script}" for name in config.scenarios]
    laid.append(f"name={config.name}_{Path(script).stem}")
    return load_experiment(file, [*overrides, *laid])


def _page(item: Row) -> Iterator[str]:
    """Lines of one scenario."""
    sessions = f"sessions {item['first_session']} to {item['last_session']}"
    yield f"{item['scenario']}: {item['script'] or 'script'}, {sessions}"
    yield f"  {item['meaning']}"
    yield f"  figures: {item['source']}"
    yield from (f"  note: {note}" for note in item["notes"])
    yield from _indented(_sessions(item), right=(0, 2, 3, 4, 5, 6, 7, 8, 9))
    for one in item["strategies"]:
        pnl = one["pnl"]
        yield ""
        yield (
            f"  {one['strategy']}: P&L over the script {pnl['mean']:+,.0f} USD ({pnl['share_of_equity']:+.1%} of "
            f"equity), 5% of paths below {pnl['p05']:+,.0f}, worst {pnl['worst']:+,.0f}"
        )
        yield from _indented(_losses(one), right=(2, 3, 4, 5, 6))
        yield from _indented(_margins(one, item), right=(0, 1, 2, 3, 4))
        yield from _indented(_broken(one), right=(1, 2, 3, 4))
    yield ""


def _indented(rows: list[list[str]], *, right: tuple[int, ...]) -> Iterator[str]:
    for line in columns(rows, right=right):
        yield f"    {line}"


def _sessions(item: Row) -> list[list[str]]:
    """What was asked of the sessions and what came of it."""
    from sim.report.stress import LEAST_MISS

    head = ["session", "what", "SPX asked", "SPX", "VIX asked", "VIX", "missed by", "VX1", "curve", "missed by"]
    rows = [head]
    for row in item["sessions"]:
        is_step = row["spx_asked"] is not None or row["vix_asked"] is not None or row["spx_shock"] is not None
        if not is_step and row["vix_points"] is None and row["curve_asked"] is None:
            continue  # on the way to what a later session asks for
        rows.append(
            [
                str(row["session"]),
                row["note"],
                _maybe(row["spx_asked"], "+.1%"),
                _maybe(row["spx_return"], "+.1%"),
                _maybe(row["vix_asked"], ".1f"),
                _maybe(row["vix"], ".1f"),
                _miss(row["vix_miss"], LEAST_MISS["vix"], "+.1f"),
                _maybe(row["vx1"], ".1f"),
                _maybe(row["curve_ratio"], ".2f"),
                _miss(row["curve_miss"], LEAST_MISS["curve"], "+.2f"),
            ]
        )
    return rows


def _maybe(value: float | None, form: str) -> str:
    return "" if value is None else format(value, form)


def _miss(value: float | None, least: float, form: str) -> str:
    return "" if value is None or abs(value) < least else format(value, form)


def _losses(one: Row) -> list[list[str]]:
    """P&L by engine, and below each by leg."""
    rows = [["engine", "leg", "mean [USD]", "5%", "median", "95%", "costs"]]
    for engine in one["engines"]:
        net = [f"{engine['net'][key]:+,.0f}" for key in ("mean", "p05", "p50", "p95")]
        rows.append([engine["engine"], "net of costs", *net, f"{engine['costs']:,.0f}"])
        for leg in one["legs"]:
            if leg["engine"] == engine["engine"]:
                at_mid = [f"{leg['at_mid'][key]:+,.0f}" for key in ("mean", "p05", "p50", "p95")]
                rows.append(["", leg["leg"], *at_mid, ""])
    return rows


def _margins(one: Row, item: Row) -> list[list[str]]:
    """Margin on the close before the script, on the worst day, and on the last session of script and aftermath."""
    days = one["margin"]
    last = item["last_session"] - item["first_session"] + 1
    worst = max(days, key=lambda row: row["margin"]["p95"])
    rows = [["session", "margin, median", "95%", "of equity, median", "95%"]]
    for row in sorted({row["stress_day"]: row for row in (days[0], worst, days[last], days[-1])}.items()):
        used = [("gone" if row[1]["used"][key] is None else f"{row[1]['used'][key]:.0%}") for key in ("p50", "p95")]
        session = str(item["first_session"] - 1 + row[0])
        rows.append([session, f"{row[1]['margin']['p50']:,.0f}", f"{row[1]['margin']['p95']:,.0f}", *used])
    return rows


def _broken(one: Row) -> list[list[str]]:
    rows = [["what broke", "paths", "session, 5%", "median", "95%"]]
    for key, name in (("margin_call", "first margin call"), ("ruin", "ruin"), ("worst_session", "largest loss")):
        row = one[key]
        rows.append([name, f"{row['share']:.1%}", *(_maybe(row[q], ".0f") for q in ("p05", "p50", "p95"))])
    return rows
