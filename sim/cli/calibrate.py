"""The command that fits a model to the history of SPX and VIX."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sim.cli.app import app
from sim.cli.running import Quiet, Verbose, describe_machine
from sim.cli.text import Progress, columns, print_json

if TYPE_CHECKING:
    from models.protocols import CalibrationReport
    from sim.history import History


@app.command()
def calibrate(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="Model to fit; see `regimesim list models`.")],
    spx: Annotated[Path | None, typer.Option("--spx", help="CSV of SPX closes (Cboe, Yahoo, Stooq, FRED).")] = None,
    vix: Annotated[Path | None, typer.Option("--vix", help="CSV of VIX closes (Cboe, Yahoo, Stooq, FRED).")] = None,
    output: Annotated[Path | None, typer.Option("--output", help="Write the fit as a preset to this file.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the output file if it exists.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> None:
    """Fit a model to the history of SPX and VIX.

    Prints parameters with standard errors, diagnostics, and a GJR-GARCH fit by arch beside them. Without files the
    history inside the `arch` package is used: SPX 1999 to 2018, VIX 2014 to 2018.

    \b
    Examples:
      regimesim calibrate heston_nandi
      regimesim calibrate svcj --spx SPX.csv --vix VIX_History.csv --output my_svcj.yaml
    """  # noqa: D301
    from models.calibration import CALIBRATORS
    from models.calibration.history import MIN_SESSIONS, MIN_VIX
    from sim.config.faults import one_of
    from sim.errors import ConfigError

    if model not in CALIBRATORS:
        raise ConfigError(f"MODEL: {one_of(model, CALIBRATORS)}")
    if output is not None and output.exists() and not overwrite:
        raise ConfigError(f"{output} exists already; choose another name, or replace it with --overwrite")
    if output is not None and not output.resolve().parent.is_dir():
        raise ConfigError(f"--output: the directory {output.resolve().parent} does not exist")
    history = _history(spx, vix).require(MIN_SESSIONS + 1, MIN_VIX)
    dropped = f", {history.vix_dropped} VIX closes on days without SPX left out" if history.vix_dropped else ""
    progress = Progress(quiet=quiet, verbose=verbose)
    describe_machine(progress)
    if not progress.quiet:
        typer.echo(f"fitting {model} to {history.source}{dropped} ...", err=True)
    progress.stage("fit")
    report = CALIBRATORS[model](history.dates, history.spx_close, history.vix_close)
    progress.stage("")
    if output is not None:
        write_preset(output, model, report, command="regimesim " + " ".join(sys.argv[1:]))
    if as_json:
        parts = ("parameters", "standard_errors", "diagnostics", "reference", "sample")
        fit = {part: dict(getattr(report, part)) for part in parts}
        print_json({"model": model, **fit, "at_bound": list(report.at_bound)})
    else:
        typer.echo("\n".join(_lines(report)))


def _history(spx: Path | None, vix: Path | None) -> History:
    from sim.errors import ConfigError
    from sim.history import default_history, read_history

    if spx is None and vix is None:
        return default_history()
    if spx is None or vix is None:
        raise ConfigError("--spx and --vix must be given together, or neither for the history that is shipped")
    return read_history(spx, vix)


def _lines(report: CalibrationReport) -> list[str]:
    rows = [["parameter", "estimate", "s.e."]]
    for name, value in report.parameters.items():
        error = report.standard_errors.get(name)
        unknown = "at bound" if name in report.at_bound else ""
        rows.append([name, f"{value:.6g}", unknown if error is None else f"{error:.2g}"])
    lines = columns(rows, right=(1, 2))
    for title, part in (
        ("sample", report.sample),
        ("diagnostics", report.diagnostics),
        ("reference: GJR-GARCH by arch on the same returns", report.reference),
    ):
        if part:
            shown = [
                [f"  {name}", f"{value:.6g}" if isinstance(value, float) else str(value)]
                for name, value in part.items()
            ]
            lines += ["", title, *columns(shown, right=(1,))]
    return lines


def write_preset(path: Path, model: str, report: CalibrationReport, *, command: str) -> None:
    """Write a fit as a preset, all of it or nothing.

    Parameters
    ----------
    path : Path
        File to write; replaced at once when the new one is complete.
    model : str
        Registry name of the model.
    report : CalibrationReport
        The fit.
    command : str
        Command that made it, kept in the file.
    """
    import os

    from ruamel.yaml import YAML

    def plain(part: object) -> dict[str, object]:
        return {str(k): float(v) if isinstance(v, float) else v for k, v in dict(part).items()}  # type: ignore[call-overload]

    content = {
        "model": model,
        "command": command,
        "sample": plain(report.sample),
        "parameters": plain(report.parameters),
        "standard_errors": plain(report.standard_errors),
        "at_bound": list(report.at_bound),
        "diagnostics": plain(report.diagnostics),
    }
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.width = 200
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    draft = path.with_name(f".{path.name}.{os.getpid()}.draft")
    try:
        with draft.open("w", encoding="utf-8") as stream:
            yaml.dump(content, stream)
            stream.flush()
            os.fsync(stream.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
