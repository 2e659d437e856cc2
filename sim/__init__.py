"""The simulator: market, book, experiments and reports on the paths of ``models``.

>>> from sim import load_experiment, run_experiment, open_results
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sim.experiment import load_experiment
    from sim.runner import run_experiment
    from sim.storage import open_results

__all__ = ["load_experiment", "open_results", "run_experiment"]

_HOMES = {"load_experiment": "sim.experiment", "run_experiment": "sim.runner", "open_results": "sim.storage"}


def __getattr__(name: str) -> Any:
    """Import what is asked for when it is asked for, so that the command line starts fast."""
    if name not in _HOMES:
        raise AttributeError(f"module 'sim' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
