"""The command that teaches a shell to complete `regimesim`."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from sim.cli.app import COMPLETE, app

Shell = Literal["bash", "zsh", "fish"]


@app.command()
def completion(shell: Annotated[Shell, typer.Argument(help="Shell that is to complete.")]) -> None:
    """Print the script that lets a shell complete commands, options and choices.

    The script asks `regimesim` for completions whenever the tabulator is pressed; `regimesim` must be on the PATH.

    \b
    Examples:
      regimesim completion bash > ~/.local/share/bash-completion/completions/regimesim
      regimesim completion zsh > ~/.zfunc/_regimesim
      regimesim completion fish > ~/.config/fish/completions/regimesim.fish
    """  # noqa: D301
    from typer.completion import get_completion_script  # type: ignore[attr-defined]

    typer.echo(get_completion_script(prog_name="regimesim", complete_var=COMPLETE, shell=shell))
