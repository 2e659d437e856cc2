"""Replay one stored path and keep its journal: the path hangs on seed, scenario and number alone."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from sim.cell import chosen_market, prepare
from sim.config import ExperimentConfig
from sim.config.faults import one_of
from sim.errors import ConfigError, StorageError
from sim.evaluator import evaluate
from sim.experiment import parse_experiment
from sim.journal.entries import Journal
from sim.journal.run import RecordedRun
from sim.ledger import TOLERANCE
from sim.manifest import code_version
from sim.metrics.design import WEIGHT
from sim.storage import Results

NAMED = {"worst": 0.0, "median": 0.5, "best": 1.0}
"""Paths that have a name: share of paths with a lower terminal P&L."""


def journal_of(results: Results, scenario: str, strategy: str, path: str | int) -> Journal:
    """Journal of one path of stored results.

    Parameters
    ----------
    results : Results
        From ``open_results``.
    scenario, strategy : str
        Names in the experiment.
    path : str or int
        Number of the path, or ``worst``, ``median``, ``best``, ``p01`` .. ``p99`` of the terminal P&L.

    Raises
    ------
    ConfigError
        If there is no such scenario, strategy or path.
    StorageError
        If the path cannot be reproduced: by another version of the program, another preset, or another machine.
    """
    config = parse_experiment(results.manifest["config"], "manifest.json")
    for what, name, known in (("scenario", scenario, config.scenarios), ("strategy", strategy, config.strategies)):
        if name not in known:
            raise ConfigError(f"--{what} {one_of(name, list(known))}")
    terminal = results.data["terminal_pnl"].sel(scenario=scenario, strategy=strategy).values
    weights = results.data[WEIGHT].sel(scenario=scenario).values if WEIGHT in results.data else None
    number = chosen_path(terminal, path, weights)
    check_reproducible(results.manifest, config, scenario)
    journal = replay(config, scenario, strategy, number)
    difference = abs(journal.terminal_pnl - float(terminal[number]))
    if not difference <= TOLERANCE * config.account.initial_equity:
        raise StorageError(
            f"path {number} ends at a P&L of {journal.terminal_pnl:.2f} USD when it is replayed, stored is "
            f"{terminal[number]:.2f}; the program or its packages have changed since, run the experiment again"
        )
    return journal


def kept_paths(results: Results) -> list[int]:
    """Paths whose journals an experiment asks for: its examples, then ``keep.journal_paths``."""
    keep, paths = results.manifest["config"]["keep"], int(results.manifest["config"]["paths"])
    examples = range(min(int(keep["example_paths"]), paths))
    return list(dict.fromkeys([*examples, *keep.get("journal_paths", ())]))


def replay(config: ExperimentConfig, scenario: str, strategy: str, path: int) -> Journal:
    """Simulate one path again and evaluate one strategy on it, written down.

    Parameters
    ----------
    config : ExperimentConfig
        The experiment.
    scenario, strategy : str
        Names in it.
    path : int
        Number of the path.
    """
    runs: list[RecordedRun] = []

    def start(*arguments: Any) -> RecordedRun:
        runs.append(RecordedRun(*arguments, jump_deviations=config.keep.jump_deviations))
        return runs[-1]

    market, stream = chosen_market(config, scenario, [path])
    evaluate(
        market,
        {strategy: config.strategies[strategy]},
        account=config.account,
        costs=config.costs,
        margin=config.margin,
        stream=stream,
        run_type=start,
    )
    (run,) = runs
    return Journal(
        scenario=scenario,
        strategy=strategy,
        path=path,
        initial_equity=config.account.initial_equity,
        entries=run.ledger.entries,
        days=run.days,
    )


def chosen_path(terminal: np.ndarray, path: str | int, weights: np.ndarray | None = None) -> int:
    """Number of a path that is given by its number or by its rank.

    Parameters
    ----------
    terminal : ndarray of shape (n_paths,)
        Terminal P&L [USD].
    path : str or int
        See ``journal_of``. A rank that falls between two paths is the lower one; of equals the first.
    weights : ndarray of shape (n_paths,), optional
        Weights of the paths, where an importance design has tilted them.

    Raises
    ------
    ConfigError
        If there is no such path.
    """
    text = str(path)
    share = NAMED.get(text)
    if share is None and re.fullmatch(r"p\d\d", text) and text != "p00":
        share = int(text[1:]) / 100.0
    if share is not None and weights is not None:
        order = np.argsort(terminal, kind="stable")
        below = np.cumsum(weights[order]) / np.sum(weights)
        return int(order[min(int(np.searchsorted(below, share)), terminal.size - 1)])
    if share is not None:
        return int(np.argsort(terminal, kind="stable")[int(share * (terminal.size - 1) + 1e-9)])
    if not text.isdecimal():
        raise ConfigError(f"--path must be a number, worst, median, best or p01 to p99, got {text!r}")
    if int(text) >= terminal.size:
        raise ConfigError(f"--path must be below {terminal.size}, the number of paths, got {text}")
    return int(text)


def check_reproducible(manifest: dict[str, Any], config: ExperimentConfig, scenario: str) -> None:
    """Check that this program makes the paths of a manifest.

    Raises
    ------
    StorageError
        If version, model, preset or price tables differ.
    """
    made, here = manifest["code"], code_version()
    if any(made[key] != here[key] for key in ("version", "commit")):
        raise StorageError(
            f"the results were made by version {made['version']}, commit {made['commit']}, this is version "
            f"{here['version']}, commit {here['commit']}: paths cannot be reproduced; use that version, or run the "
            "experiment again"
        )
    model, pricer, _ = prepare(config, scenario)
    if repr(model) != manifest["models"][scenario]:
        preset = config.scenarios[scenario].preset
        whose = f"preset {preset}" if preset else "model"
        raise StorageError(
            f"the {whose} of scenario {scenario} has changed since the results were made: paths cannot be reproduced; "
            f"then {manifest['models'][scenario]}, now {model!r}"
        )
    if getattr(pricer, "table_hash", None) != manifest["tables"][scenario]:
        raise StorageError(
            f"the price tables of scenario {scenario} have changed since the results were made: paths cannot be "
            "reproduced; run the experiment again"
        )
