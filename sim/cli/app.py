"""The application: options that all commands share, and how errors become one message and an exit code."""

from __future__ import annotations

import os
import re
import sys
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

DONE, FAILED, BAD_INPUT, CELLS_FAILED, INTERRUPTED = 0, 1, 2, 3, 130
"""Exit codes."""

COMPLETE = "_REGIMESIM_COMPLETE"
"""Variable in which a shell asks for completions."""

ORDER = (
    "init",
    "validate",
    "plan",
    "run",
    "status",
    "report",
    "export",
    "compare",
    "index",
    "journal",
    "claims",
    "stress",
    "replay",
    "sensitivity",
    "price",
    "calibrate",
    "fidelity",
    "list",
    "schema",
    "completion",
    "bench",
    "doctor",
)
"""Commands in the order in which a newcomer meets them."""


class Commands(TyperGroup):
    """Command group that turns errors into one message on stderr and an exit code."""

    def list_commands(self, ctx: Any) -> list[str]:
        """List commands in the order of use."""
        return sorted(self.commands, key=lambda name: ORDER.index(name) if name in ORDER else len(ORDER))

    def make_context(self, info_name: Any, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """Make the context of a run: without colours where the user wants none (no-color.org)."""
        if os.environ.get("NO_COLOR"):
            extra.setdefault("color", False)
        return super().make_context(info_name, args, parent, **extra)

    def invoke(self, ctx: Any) -> Any:
        """Run a command."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            typer.echo("interrupted; a run keeps its finished blocks, and goes on with --resume", err=True)
            raise typer.Exit(INTERRUPTED) from None
        except BrokenPipeError:  # the reader of our output, `head` for example, has seen enough
            raise typer.Exit(DONE) from None
        except typer.BadParameter as error:
            error.message = _with_suggestion(error.message)
            raise
        except Exception as error:
            # exceptions of the command-line library carry their own exit code and are shown by it
            if hasattr(error, "exit_code") or isinstance(error, typer.Exit | typer.Abort) or ctx.params.get("debug"):
                raise
            _report(error)


def _with_suggestion(message: str) -> str:
    """Say of a wrong choice what is allowed, and which of it is nearest."""
    wrong = re.fullmatch(r"(?:Value error, )?'(.*?)' is not one of (.+?)\.?", message)
    if wrong is None:
        return message
    from sim.config.faults import one_of

    return one_of(wrong[1], re.findall(r"'(.+?)'", wrong[2]))


def _report(error: Exception) -> NoReturn:
    """Show an error and leave with its exit code."""
    from models.errors import CalibrationError, ModelParameterError, PricingDomainError
    from sim.errors import CellsFailed, ConfigError, DataError, LedgerError, StorageError, WorkersLost

    if isinstance(error, ConfigError) and error.faults:
        for fault in error.faults:
            typer.echo(str(fault), err=True)
        count = len(error.faults)
        typer.secho(f"error: {count} fault{'s' if count > 1 else ''}, nothing was done", fg="red", err=True)
        raise typer.Exit(BAD_INPUT)
    message = ", ".join([str(error), *getattr(error, "__notes__", ())])  # a note says where in a run it arose
    if isinstance(error, ConfigError | DataError | ModelParameterError | PricingDomainError):
        typer.secho(f"error: {message}", fg="red", err=True)
        raise typer.Exit(BAD_INPUT)
    if isinstance(error, CellsFailed):
        typer.secho(f"error: {message}", fg="red", err=True)
        raise typer.Exit(CELLS_FAILED)
    if isinstance(error, CalibrationError | StorageError | LedgerError | WorkersLost | OSError):
        typer.secho(f"error: {message}", fg="red", err=True)
        raise typer.Exit(FAILED)
    if isinstance(error, MemoryError):
        typer.secho("error: not enough memory; take fewer --jobs or a smaller compute.block_paths", fg="red", err=True)
        raise typer.Exit(FAILED)
    typer.secho(f"internal error: {type(error).__name__}: {message}", fg="red", err=True)
    typer.echo("This is a fault of the program; `regimesim --debug ...` shows where.", err=True)
    raise typer.Exit(FAILED)


app = typer.Typer(
    cls=Commands,
    no_args_is_help=True,
    rich_markup_mode=None,  # plain help: the same in a pipe and on a terminal, and twice as fast
    pretty_exceptions_enable=False,
    add_completion=False,  # the command `completion` prints the script, and changes no file of the user
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"regimesim {version('regimesim')}, Python {sys.version.split()[0]}")
        raise typer.Exit(DONE)


@app.callback()
def shared(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and leave.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show where an error arose.")] = False,
) -> None:
    """Show what a rule set would have done in every market that the models can imagine, and how sure that is.

    Simulates SPX and VIX jointly, trades an iron condor book with its VIX hedges on every path, and reports the
    outcomes with their intervals.

    \b
    A first round:
      regimesim run experiments/quickstart.yaml     simulate, evaluate, draw outputs/quickstart/report.html
      regimesim init my.yaml                        a commented file to start from
      regimesim validate my.yaml                    every fault of the file at once
      regimesim plan my.yaml                        how long it would take, and how much memory and disk

    Exit codes: 0 done, 1 error, 2 bad input, 3 some cells failed, 130 interrupted.
    """  # noqa: D301 - \b keeps the help text's lines apart
