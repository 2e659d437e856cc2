"""Commands about experiment files: validate, schema, init."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sim.cli.app import BAD_INPUT, app
from sim.cli.text import print_json

TEMPLATE = Path(__file__).with_name("experiment.yaml")
"""The commented file that `init` writes."""

Overrides = Annotated[
    list[str] | None,
    typer.Option("-o", "--override", metavar="KEY=VALUE", help="Override a value of the file; may be repeated."),
]


@app.command()
def validate(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Experiment files.")],
    override: Overrides = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a file on stdout.")] = False,
) -> None:
    """Check experiment files and show every fault at once.

    \b
    Examples:
      regimesim validate experiments/quickstart.yaml
      regimesim validate my.yaml -o paths=2000 -o scenarios.calm.start.vix=[11,13]
    """  # noqa: D301
    from sim.errors import ConfigError
    from sim.experiment import load_experiment

    rows = []
    n_faults = 0
    for file in files:
        try:
            config = load_experiment(file, override or ())
        except ConfigError as error:
            n_faults += max(len(error.faults), 1)
            rows.append(
                {
                    "file": str(file),
                    "valid": False,
                    "faults": [
                        {"source": f.source, "line": f.line, "key": f.key, "message": f.message} for f in error.faults
                    ],
                }
            )
            if not as_json:
                typer.echo(str(error), err=True)
            continue
        rows.append({"file": str(file), "valid": True, "faults": []})
        if not as_json:
            cells = f"{len(config.scenarios)} scenarios x {len(config.strategies)} strategies"
            typer.echo(f"{file}: valid ({cells}, {config.paths:,} paths x {config.days} days each)")
    if as_json:
        print_json(rows)
    if n_faults:
        typer.secho(f"error: {n_faults} fault{'s' if n_faults > 1 else ''}", fg="red", err=True)
        raise typer.Exit(BAD_INPUT)


@app.command()
def schema(
    output: Annotated[Path | None, typer.Option("--output", help="Write to this file instead of stdout.")] = None,
) -> None:
    """Print the JSON Schema of experiment files, for editors.

    \b
    Examples:
      regimesim schema --output experiments/schema.json
      # then, as first line of an experiment file:
      # yaml-language-server: $schema=schema.json
    """  # noqa: D301
    import json

    from sim.experiment import experiment_schema

    text = json.dumps(experiment_schema(), indent=2) + "\n"
    if output is None:
        typer.echo(text, nl=False)
    else:
        output.write_text(text, encoding="utf-8")
        typer.echo(str(output))


@app.command()
def init(
    file: Annotated[Path, typer.Argument(metavar="[FILE]", help="File to write.")] = Path("experiment.yaml"),
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file if it exists.")] = False,
) -> None:
    """Write a commented experiment file to start from.

    \b
    Examples:
      regimesim init
      regimesim init my_condor.yaml
    """  # noqa: D301
    from sim.errors import ConfigError

    if file.exists() and not overwrite:
        raise ConfigError(f"{file} exists already; choose another name, or replace it with --overwrite")
    if not file.parent.is_dir():
        raise ConfigError(f"{file} cannot be written: {file.parent} is no directory")
    name = "".join(c if c.isalnum() or c in "-_" else "_" for c in file.stem).lstrip("-_") or "experiment"
    text = TEMPLATE.read_text(encoding="utf-8").replace("name: experiment\n", f"name: {name}\n", 1)
    file.write_text(text, encoding="utf-8")
    typer.echo(f"{file}: written; next: regimesim validate {file}")
