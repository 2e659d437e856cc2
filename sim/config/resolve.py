"""From a document to a checked experiment: every fault of the file in one go.

Models and engines rank above the configuration; what is known of them is handed in, so that a model or an engine that
is registered by somebody else is checked like those that ship.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from pydantic import ValidationError

from sim.config.document import Document, Key
from sim.config.faults import blame_validation, one_of, show
from sim.config.schema import ExperimentConfig, ScenarioConfig
from sim.config.section import EngineConfig
from sim.config.window import WindowConfig

EngineTypes = Mapping[str, type[EngineConfig]]
"""Engine name -> class of its configuration."""

ScenarioCheck = Callable[[ScenarioConfig], Iterable[tuple[Key, str]]]
"""Faults of a scenario that need the models to be seen: key below the scenario, message."""


def resolve_experiment(
    document: Document,
    engines: EngineTypes,
    check_scenario: ScenarioCheck,
    window_type: type[WindowConfig] = WindowConfig,
) -> ExperimentConfig:
    """Check a document and make the experiment that it describes.

    Parameters
    ----------
    document : Document
        Merged document; its entries of engines and windows are replaced by their configurations.
    engines : mapping
        Known engines.
    check_scenario : callable
        Check of a scenario against the known models.
    window_type : type of WindowConfig
        Class of the configuration of a window, its condition included.

    Raises
    ------
    ConfigError
        With every fault found.
    """
    config: ExperimentConfig | None = None
    _build_engines(document, engines)
    _build_windows(document, window_type)
    try:
        config = ExperimentConfig.model_validate(document.tree)
    except ValidationError as error:
        blame_validation(document, error, ExperimentConfig)
    _check_scenarios(document, check_scenario)
    document.raise_faults()
    assert config is not None  # a failed validation leaves at least one fault
    return config


def _build_engines(document: Document, engines: EngineTypes) -> None:
    strategies = document.tree.get("strategies") if isinstance(document.tree, dict) else None
    if not isinstance(strategies, dict):
        return
    for name, strategy in strategies.items():
        entries = strategy.get("engines") if isinstance(strategy, dict) else None
        if isinstance(entries, list):
            for i, entry in enumerate(entries):
                entries[i] = _build_engine(document, ("strategies", name, "engines", i), entry, engines)


def _build_engine(document: Document, key: Key, entry: Any, engines: EngineTypes) -> EngineConfig:
    """Make one engine's configuration; a stand-in where the entry is faulty, so that the rest can be checked."""
    stand_in = EngineConfig.model_construct(engine="")
    if isinstance(entry, EngineConfig):
        return entry
    if not isinstance(entry, dict) or "engine" not in entry:
        received = f"got {show(entry)}" if not isinstance(entry, dict) else "engine is missing"
        document.blame(key, f"{received}; must be a mapping with the key engine, one of {', '.join(engines)}")
        return stand_in
    name = entry["engine"]
    if not isinstance(name, str) or name not in engines:
        document.blame((*key, "engine"), one_of(name, engines))
        return stand_in
    try:
        return engines[name].model_validate(entry)
    except ValidationError as error:
        blame_validation(document, error, engines[name], key)
        return stand_in


def _build_windows(document: Document, window_type: type[WindowConfig]) -> None:
    windows = document.tree.get("windows") if isinstance(document.tree, dict) else None
    if not isinstance(windows, dict):
        return
    for name, entry in windows.items():
        if isinstance(entry, WindowConfig):
            continue
        try:
            windows[name] = window_type.model_validate(entry)
        except ValidationError as error:
            blame_validation(document, error, window_type, ("windows", name))
            windows[name] = WindowConfig()


def _check_scenarios(document: Document, check: ScenarioCheck) -> None:
    scenarios = document.tree.get("scenarios") if isinstance(document.tree, dict) else None
    if not isinstance(scenarios, dict):
        return
    for name, entry in scenarios.items():
        try:
            scenario = ScenarioConfig.model_validate(entry)
        except ValidationError:
            continue  # blamed by the validation of the whole
        for key, message in check(scenario):
            document.blame(("scenarios", name, *key), message)
