"""The command line, `regimesim`.

Commands import what they need when they run, so that help and completion answer at once.
"""

from __future__ import annotations

from sim.cli import (
    bench,
    calibrate,
    check,
    claims,
    doctor,
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
from sim.cli.app import INTERRUPTED, app
from sim.cli.interruption import end_promptly, leave

__all__ = ["app", "bench", "calibrate", "check", "claims", "doctor", "fidelity", "journal", "main", "price"]
__all__ += ["replay", "run", "sensitivity", "show", "status", "stress"]


def main() -> None:
    """Run the command line: the entry point of `regimesim`."""
    end_promptly()
    try:
        app(prog_name="regimesim")
    except SystemExit as done:
        if done.code == INTERRUPTED:
            leave()
        raise
