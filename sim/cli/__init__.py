"""The command line, `regimesim`.

Commands import what they need when they run, so that help and completion answer at once.
"""

from __future__ import annotations

import os

from sim.cli import (
    bench,
    calibrate,
    check,
    claims,
    compare,
    completion,
    doctor,
    export,
    fidelity,
    journal,
    price,
    replay,
    run,
    sensitivity,
    show,
    status,
    stress,
)
from sim.cli.app import COMPLETE, INTERRUPTED, app
from sim.cli.interruption import end_promptly, leave

__all__ = [
    "app",
    "bench",
    "calibrate",
    "check",
    "claims",
    "compare",
    "completion",
    "doctor",
    "export",
    "fidelity",
    "journal",
    "main",
    "price",
]
__all__ += ["price", "replay", "run", "sensitivity", "show", "status", "stress"]


def main() -> None:
    """Run the command line: the entry point of `regimesim`."""
    end_promptly()
    if COMPLETE in os.environ:
        from typer.completion import completion_init  # type: ignore[attr-defined]

        completion_init()
    try:
        app(prog_name="regimesim")
    except SystemExit as done:
        if done.code == INTERRUPTED:
            leave()
        raise
