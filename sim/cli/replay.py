"""The command that replays history and places it in the simulated distribution."""

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

PARTNER = "_simulated"
"""Ends the name of the scenario that simulates what another replays."""


@app.command()
def replay(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Experiment file, or a result directory.")],
    override: Overrides = None,
    simulated: Annotated[
        bool, typer.Option("--simulated/--no-simulated", help="Simulate the same period from the same start.")
    ] = True,
    output: Output = None,
    overwrite: Overwrite = False,
    resume: Resume = False,
    jobs: Jobs = None,
    report: Report = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Replay real SPX and VIX closes, beside the simulated distribution of the same period and start.

    Runs an experiment whose scenarios have `replay:`; for each of them the model also simulates the period, from the
    real past on. Prints both and the percentile of the replay. A result directory is only printed again.

    \b
    Examples:
      regimesim replay experiments/replay/embedded_2014_2018.yaml
      regimesim replay experiments/replay/embedded_2014_2018.yaml -o paths=200 --output outputs/short
      regimesim replay my.yaml --json
      regimesim replay outputs/embedded_2014_2018
    """  # noqa: D301
    from sim.report.replay import replay_rows
    from sim.storage import open_results

    if file.is_dir():
        results = open_results(file)
    else:
        config = _replays(file, [*(override or ()), *([f"compute.jobs={jobs}"] if jobs is not None else [])])
        config = with_partners(config) if simulated else config
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
    rows = replay_rows(results)
    if not rows:
        raise typer.BadParameter("no scenario of these results replays a history", param_hint="FILE")
    if as_json:
        print_json({"results": str(results.directory), "rows": rows})
        return
    for item in rows:
        typer.echo("\n".join(_page(item)))
    typer.echo(f"results in {results.directory}")


def _replays(file: Path, overrides: list[str]) -> ExperimentConfig:
    from sim.errors import ConfigError
    from sim.experiment import load_experiment

    config = load_experiment(file, overrides)
    if not any(item.replay is not None and item.replay.future == "history" for item in config.scenarios.values()):
        raise ConfigError(f"{file} has no scenario that replays a history; give one `replay: {{}}`")
    return config


def with_partners(config: ExperimentConfig) -> ExperimentConfig:
    """Experiment with a scenario that simulates the period of each replay, where it has none."""
    scenarios = dict(config.scenarios)
    for name, item in config.scenarios.items():
        if item.replay is None or item.replay.future == "model":
            continue
        partner = item.model_copy(update={"replay": item.replay.model_copy(update={"future": "model"})})
        if partner not in scenarios.values():
            scenarios[f"{name}{PARTNER}"] = partner
    return config.model_copy(update={"scenarios": scenarios})


def _page(item: Row) -> Iterator[str]:
    """Lines of one replay."""
    from sim.report.replay import describe_history

    yield item["scenario"]
    for part in describe_history(item["history"]).split("; "):
        yield f"  {part}"
    if item["simulated"] is not None:
        yield f"  simulated by {item['simulated']}, from the same past"
    for one in item["strategies"]:
        yield ""
        rows = [[one["strategy"], "replayed", "5%", "95%", "simulated 5%", "median", "95%", "percentile"]]
        for value in one["values"]:
            form = ".1%" if value["unit"] == "share" else ",.0f"
            real, drawn = value["replayed"], value["simulated"]
            cells = [format(real[key], form) for key in ("p50", "p05", "p95")]
            cells += ["" if drawn is None else format(drawn[key], form) for key in ("p05", "p50", "p95")]
            rows.append([value["label"], *cells, _percentile(value)])
        for line in columns(rows, right=range(1, 8)):
            yield f"  {line}"
    yield ""


def _percentile(value: Row) -> str:
    if value["percentile"] is None:
        return ""
    return f"{value['percentile']:.1%} [{value['ci_low']:.1%}, {value['ci_high']:.1%}]"
