"""The simulator: market, book, experiments and reports on the paths of ``models``.

>>> from sim import load_experiment, run_experiment, open_results

| name | does |
|---|---|
| `load_experiment(file, overrides)` | reads and checks an experiment file |
| `parse_experiment(tree)` | the same from a dict |
| `run_experiment(config, output=...)` | runs it and returns the result directory |
| `open_results(directory)` | `Results`: xarray data sets, `frame()` for pandas |
| `write_report(directory)` | draws report.html |
| `journal_of(results, scenario, strategy, path)` | what a strategy did on a path, and why |
| `register_engine(name, engine)` | adds an engine of your own |

Models and pricers are in the package ``models``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sim.experiment import load_experiment, parse_experiment
    from sim.journal import journal_of
    from sim.report import write_report
    from sim.runner import run_experiment
    from sim.storage import Results, open_results
    from sim.strategies.registry import register as register_engine

__all__ = [
    "Results",
    "journal_of",
    "load_experiment",
    "open_results",
    "parse_experiment",
    "register_engine",
    "run_experiment",
    "write_report",
]

_HOMES = {
    "load_experiment": ("sim.experiment", "load_experiment"),
    "parse_experiment": ("sim.experiment", "parse_experiment"),
    "run_experiment": ("sim.runner", "run_experiment"),
    "open_results": ("sim.storage", "open_results"),
    "Results": ("sim.storage", "Results"),
    "write_report": ("sim.report", "write_report"),
    "journal_of": ("sim.journal", "journal_of"),
    "register_engine": ("sim.strategies.registry", "register"),
}


def __getattr__(name: str) -> Any:
    """Import what is asked for when it is asked for, so that the command line starts fast."""
    if name not in _HOMES:
        raise AttributeError(f"module 'sim' has no attribute {name!r}")
    from importlib import import_module

    module, attribute = _HOMES[name]
    return getattr(import_module(module), attribute)


def __dir__() -> list[str]:
    return sorted(__all__)
