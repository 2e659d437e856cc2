"""The command that judges the claims about the method."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sim.cli.app import app
from sim.cli.check import Overrides
from sim.cli.running import Quiet, Verbose, describe_machine
from sim.cli.text import Progress, columns, print_json

if TYPE_CHECKING:
    from sim.claims import Judgement
    from sim.config import ExperimentConfig

FOLDER = Path("experiments/claims")
OUTPUT = Path("outputs/claims")
HEADER = ["claim", "measure", "compared", "model", "regime", "claimed", "measured [95% interval]", "verdict"]


@app.command()
def claims(
    ids: Annotated[
        list[str] | None, typer.Argument(metavar="[ID...]", help="Claims by number, or files; all by default.")
    ] = None,
    list_only: Annotated[bool, typer.Option("--list", help="Say which claims there are, and leave.")] = False,
    override: Overrides = None,
    folder: Annotated[Path, typer.Option("--folder", help="Where the files of the claims are.")] = FOLDER,
    output: Annotated[Path, typer.Option("--output", help="Directory of the results, one a claim inside.")] = OUTPUT,
    jobs: Annotated[int | None, typer.Option("--jobs", "-j", min=-1, help="Workers; -1 for every core.")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on where a stopped run ended.")] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Run anew where results are of another configuration.")
    ] = False,
    report: Annotated[bool, typer.Option("--report/--no-report", help="Draw report.html of each claim.")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="Print rows and verdicts as JSON.")] = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Judge the claims about the method: measured values with intervals, and verdicts.

    Each claim is an experiment with the key `claim`. What has not been run is run; complete results of the same
    configuration and version are used again. Writes claims.json, claims.csv and claims.h5 beside them.

    \b
    Examples:
      regimesim claims --list
      regimesim claims C10 C13 -o paths=500 --output outputs/claims_short
      regimesim claims --json --jobs 2
      regimesim claims my_claim.yaml
    """  # noqa: D301
    found = _selected(ids or [], folder, override or [], jobs)
    if list_only:
        _show_list(found, as_json=as_json)
        return
    progress = Progress(quiet=quiet, verbose=verbose)
    describe_machine(progress)
    judgements = []
    for config in found:
        judgements.append(_judged(config, output, progress, resume=resume, overwrite=overwrite, report=report))
        if not as_json:
            _show(judgements[-1])

    from sim.claims.files import as_tree, write_claims

    made = write_claims(output, judgements)
    if as_json:
        print_json(as_tree(judgements))
    else:
        typer.echo("\n".join(columns([[kind, str(path)] for kind, path in made.items()])))


def _selected(ids: Sequence[str], folder: Path, override: Sequence[str], jobs: int | None) -> list[ExperimentConfig]:
    """Experiments of the claims that are asked for, each with its claim."""
    from sim.config.faults import nearest
    from sim.errors import ConfigError
    from sim.experiment import load_experiment

    files = {path.stem: path for path in sorted(folder.glob("*.yaml"), key=_number) if path.stem != "base"}
    by_name = {name.lower(): path for name, path in files.items()}
    chosen = []
    for name in ids or files:
        path = Path(name) if name.endswith((".yaml", ".yml")) else by_name.get(name.lower())
        if path is None:
            where = f"must be one of {', '.join(files)}" if files else f"{folder} holds no claims"
            raise ConfigError(f"claim {name!r} is not known; {where}{nearest(name, files)}")
        chosen.append(path)
    if not chosen:
        raise ConfigError(f"{folder} holds no claims; name another folder with --folder, or a file")
    extra = [*override, *([f"compute.jobs={jobs}"] if jobs is not None else [])]
    configs = [load_experiment(path, extra) for path in dict.fromkeys(chosen)]
    for path, config in zip(dict.fromkeys(chosen), configs, strict=True):
        if config.claim is None:
            raise ConfigError(f"{path} has no key `claim`; `regimesim run` runs it as it is")
    return configs


def _number(path: Path) -> tuple[str, int]:
    """Order of names: C2 before C10."""
    digits = re.search(r"\d+$", path.stem)
    return (path.stem[: digits.start()], int(digits[0])) if digits else (path.stem, -1)


def _judged(
    config: ExperimentConfig, output: Path, progress: Progress, *, resume: bool, overwrite: bool, report: bool
) -> Judgement:
    from sim.claims import judge
    from sim.report import write_report
    from sim.reuse import run_or_reuse
    from sim.storage import REPORT

    cells = f"{len(config.scenarios)} scenarios x {len(config.strategies)} strategies"
    if not progress.quiet:
        typer.echo(f"{config.name}: {cells}, {config.paths:,} paths x {config.days} days", err=True)
    results, origin = run_or_reuse(
        config, output / config.name, progress=progress, notify=progress.prepare, resume=resume, overwrite=overwrite
    )
    if origin != "run" and not progress.quiet:
        typer.echo(f"{config.name}: results of {results.directory} are used again", err=True)
    judgement = judge(results)
    if report and (origin != "reused" or not (results.directory / REPORT).is_file()):
        progress.stage(f"report of {config.name}")
        write_report(results.directory)
    progress.stage("")
    return judgement


def _show_list(configs: Sequence[ExperimentConfig], *, as_json: bool) -> None:
    found = [config.claim for config in configs if config.claim is not None]
    if as_json:
        print_json([{"id": claim.id, "source": list(claim.source), "text": claim.text} for claim in found])
        return
    typer.echo("\n".join(columns([[claim.id, " ".join(claim.source), claim.text] for claim in found])))


def _show(judgement: Judgement) -> None:
    from sim.claims.text import claimed_text, compared_text, measured_text, sentence, verdict_text

    claim = judgement.claim
    rows = [
        [
            row.claim,
            row.measure,
            compared_text(row),
            row.model,
            row.regime,
            claimed_text(row),
            measured_text(row),
            f"{verdict_text(row)}{f' ({row.note})' if row.note else ''}",
        ]
        for row in judgement.rows
    ]
    typer.echo(f"{claim.id} ({', '.join(claim.source)}): {claim.text}")
    typer.echo("\n".join(columns([HEADER, *rows])))
    typer.echo(f"{sentence(judgement)}\n")
