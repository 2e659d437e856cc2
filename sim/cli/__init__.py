"""The command line, `regimesim`.

Commands import what they need when they run, so that help and completion answer at once.
"""

from __future__ import annotations

from sim.cli import bench, calibrate, check, doctor, fidelity, journal, price, run, sensitivity, show, stress
from sim.cli.app import app

__all__ = [
    "app",
    "bench",
    "calibrate",
    "check",
    "doctor",
    "fidelity",
    "journal",
    "main",
    "price",
    "run",
    "sensitivity",
    "show",
    "stress",
]


def main() -> None:
    """Run the command line: the entry point of `regimesim`."""
    app(prog_name="regimesim")
