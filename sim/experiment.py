"""Load an experiment: the file's layers, checked against the models, engines and signals that exist."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import models
from models.errors import ModelParameterError
from models.premium_dial import with_premium
from models.protocols import Model, Start
from models.regimes import load_regime, regime_names
from models.steering_fit import in_regime
from sim.calendar import WARMUP_DAYS
from sim.conditions import conditions_of
from sim.config import EngineConfig, ExperimentConfig, ScenarioConfig
from sim.config.claim_faults import claim_faults
from sim.config.document import Document, Key, plain_document
from sim.config.faults import nearest, one_of
from sim.config.layers import expand_grid, read_layers
from sim.config.resolve import resolve_experiment
from sim.config.schema import KEEP_LEVELS, MOST_MEASURED
from sim.errors import DataError
from sim.replay import available_sessions, locate_files, read_series
from sim.sampling import sampling_faults
from sim.signals import REGISTRY as SIGNALS
from sim.strategies.registry import REGISTRY as ENGINES
from sim.stress import BASE_SCRIPT, lay_scripts, script_names
from sim.variation import study_faults
from sim.windows.definition import DEFAULT_WINDOWS, Window


def load_experiment(path: str | Path, overrides: Sequence[str] = ()) -> ExperimentConfig:
    """Read and check an experiment file.

    Parameters
    ----------
    path : path-like
        YAML file; may extend others and may hold a grid of scenarios.
    overrides : sequence of str
        ``key.path=value``, as after ``-o`` on the command line.

    Returns
    -------
    ExperimentConfig
        The experiment with all defaults filled in.

    Raises
    ------
    ConfigError
        With every fault of the file, one line each.
    """
    return _resolve(read_layers(Path(path), overrides))


def parse_experiment(tree: Mapping[str, Any], label: str = "experiment") -> ExperimentConfig:
    """Check an experiment that is given as plain values, for example the resolved one of a manifest.

    Parameters
    ----------
    tree : mapping
        Keys and values as in a file.
    label : str
        Name in messages.

    Raises
    ------
    ConfigError
        With every fault, one line each.
    """
    document = plain_document(tree, label)
    expand_grid(document)
    return _resolve(document)


def build_model(scenario: ScenarioConfig) -> Model:
    """Make the model of a scenario: preset, parameters over it, premia scaled.

    Raises
    ------
    ModelParameterError
        If a parameter is unknown, missing or out of its domain, or a premium cannot be scaled so far.
    """
    parameters: dict[str, Any] = {}
    if scenario.preset is not None:
        parameters.update(models.load_preset(scenario.preset).parameters)
    model = models.create(scenario.model, **{**parameters, **scenario.parameters})
    return with_premium(model, variance=scenario.variance_premium_scale, equity=scenario.equity_premium_scale)


def steered_model(scenario: ScenarioConfig) -> Model:
    """Model of a scenario, steered through its episode where it names one; solving for the tilts takes seconds."""
    model = build_model(scenario)
    return model if scenario.regime is None else in_regime(model, scenario.regime)


def start_of(scenario: ScenarioConfig) -> Start:
    """Where the paths of a scenario start: as it says, else at the VIX of its episode."""
    start = scenario.start.to_start()
    if scenario.regime is not None and start == Start():
        return Start(vix=load_regime(scenario.regime).start_vix)
    return start


def engine_types() -> dict[str, type[EngineConfig]]:
    """Class of the configuration of each engine, by the engine's name."""
    return {name: engine.config_type for name, engine in ENGINES.items()}


def experiment_schema() -> dict[str, Any]:
    """JSON Schema of the experiment file, engines and layers included."""
    schema = ExperimentConfig.model_json_schema(mode="validation")
    definitions = schema["$defs"]
    definitions.pop("EngineConfig", None)
    branches = []
    for name, engine in engine_types().items():
        part = engine.model_json_schema(mode="validation", ref_template="#/$defs/{model}")
        definitions.update(part.pop("$defs", {}))
        part["properties"]["engine"] = {"const": name, "description": "registry name of the engine"}
        part["required"] = sorted({*part.get("required", ()), "engine"})
        definitions[engine.__name__] = part
        branches.append({"$ref": f"#/$defs/{engine.__name__}"})
    definitions["EngineConfig"] = {"oneOf": branches}
    window = Window.model_json_schema(mode="validation", ref_template="#/$defs/{model}")
    definitions.update(window.pop("$defs"))
    definitions["WindowConfig"] = window
    definitions["ScenarioConfig"]["properties"]["model"]["enum"] = list(models.names())
    definitions["ScenarioConfig"]["properties"]["preset"]["examples"] = list(models.preset_names())
    definitions["ScenarioConfig"]["properties"]["regime"]["examples"] = list(regime_names())
    definitions["ScenarioConfig"]["properties"]["stress"]["anyOf"].append(
        {"type": "string", "description": "a shipped script, or a YAML file", "examples": list(script_names())}
    )
    definitions["StressConfig"]["properties"][BASE_SCRIPT] = {
        "type": "string",
        "description": "script that the other keys change: a shipped one, or a YAML file",
        "examples": list(script_names()),
    }
    definitions["StressConfig"].pop("required", None)  # `sessions` may be those of the script
    schema["properties"]["keep"] = {
        "description": "what is stored; a level alone is short for {level: ...}",
        "anyOf": [schema["properties"]["keep"], {"enum": list(KEEP_LEVELS)}],
    }
    schema["properties"]["extends"] = {
        "description": "file or files, relative to this one, that this file is laid over",
        "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}],
    }
    schema["properties"]["grid"] = {
        "description": "axes -> labels -> parts of a scenario; every combination becomes a scenario",
        "type": "object",
        "additionalProperties": {"type": "object", "additionalProperties": {"type": "object"}},
    }
    schema["required"] = ["name"]  # scenarios and strategies may come from `grid` and `extends`
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "regimesim experiment"}


def _resolve(document: Document) -> ExperimentConfig:
    if isinstance(document.tree, dict) and "windows" not in document.tree:
        document.tree["windows"] = dict(DEFAULT_WINDOWS)
    has_days = isinstance(document.tree, dict) and "days" in document.tree
    lay_scripts(document)
    locate_files(document)
    config = resolve_experiment(document, engine_types(), _scenario_faults, Window)
    lengths = _replay_lengths(document, config)
    if lengths and not has_days:
        config = config.model_copy(update={"days": min(lengths.values())})
    for key, message in (
        *_missing_series(config),
        *_missing_in_windows(config),
        *_measured_faults(config),
        *_stress_faults(config),
        *_replay_faults(config, lengths),
        *claim_faults(config, windows_of(config)),
        *sampling_faults(config, build_model),
    ):
        document.blame(key, message)
    document.raise_faults()
    if config.sensitivity is not None:
        from sim.metrics.registry import REGISTRY as STATISTICS  # takes half a second, which most files need not

        for key, message in study_faults(config, list(STATISTICS), parse_experiment):
            document.blame(key, message)
        document.raise_faults()
    return config


def signals_read(engine: EngineConfig) -> tuple[str, ...]:
    """Names of the market signals that an engine reads: those of its own, of its settings and of its conditions."""
    names = {*ENGINES[engine.engine].required_signals, *engine.reads}
    names.update(name for tree in conditions_of(engine) for name in tree.signals())
    return tuple(sorted(names & SIGNALS.keys()))


def windows_of(config: ExperimentConfig) -> dict[str, Window]:
    """Windows of an experiment, by name."""
    return {name: window for name, window in config.windows.items() if isinstance(window, Window)}


def _measured_faults(config: ExperimentConfig) -> Iterator[tuple[Key, str]]:
    """Greeks of every path where they are too many to be held in memory."""
    if config.keep.measured(config.paths) > MOST_MEASURED:
        yield (
            ("keep", "greek_paths"),
            f"measures every path, of {config.paths}; at most {MOST_MEASURED} can be: give a number, or fewer paths",
        )


def _missing_in_windows(config: ExperimentConfig) -> Iterator[tuple[Key, str]]:
    """Windows on a series which a market does not carry."""
    for name, window in windows_of(config).items():
        for signal in sorted(window.when.signals()):
            part = SIGNALS[signal].needs
            lacking = [item for item in config.scenarios if part and getattr(config.market_of(item), part) is None]
            if lacking:
                yield (
                    ("windows", name, "when"),
                    f"reads the signal {signal}, which needs market.{part}; it is switched off in scenario "
                    f"{lacking[0]}: leave out `{part}: null` or the window",
                )


def _replay_lengths(document: Document, config: ExperimentConfig) -> dict[str, int]:
    """Sessions that each replay has; histories that cannot be replayed are blamed."""
    lengths = {}
    for name, scenario in config.scenarios.items():
        if scenario.replay is not None:
            try:
                first, last = available_sessions(read_series(scenario.replay), scenario.replay, WARMUP_DAYS)
            except DataError as error:
                document.blame(("scenarios", name, "replay"), str(error))
            else:
                lengths[name] = last - first
    return lengths


def _replay_faults(config: ExperimentConfig, lengths: Mapping[str, int]) -> Iterator[tuple[Key, str]]:
    """Replays that end before the simulation does."""
    for name, length in lengths.items():
        replay = config.scenarios[name].replay
        if replay is not None and replay.future == "history" and config.days > length:
            yield (
                ("scenarios", name, "replay"),
                f"the history ends after {length} sessions, before the last of {config.days} days; "
                f"days must be <= {length}, or be left out",
            )


def _stress_faults(config: ExperimentConfig) -> Iterator[tuple[Key, str]]:
    """Scripts that are longer than the simulation."""
    for name, scenario in config.scenarios.items():
        if scenario.stress is not None and scenario.stress.last_session > config.days:
            yield (
                ("scenarios", name, "stress"),
                f"the script ends on session {scenario.stress.last_session}, after the last of {config.days} days; "
                f"days must be >= {scenario.stress.last_session}, or first_session earlier",
            )


def _missing_series(config: ExperimentConfig) -> Iterator[tuple[Key, str]]:
    """Rules that read a series which a market does not carry."""
    for name, strategy in config.strategies.items():
        for i, engine in enumerate(strategy.engines):
            needed = [(signal, SIGNALS[signal].needs) for signal in signals_read(engine)]
            for scenario in config.scenarios:
                market = config.market_of(scenario)
                missing = [(signal, part) for signal, part in needed if part and getattr(market, part) is None]
                for signal, part in missing[:1]:
                    yield (
                        ("strategies", name, "engines", i),
                        f"{engine.engine} reads the signal {signal}, which needs market.{part}; "
                        f"it is switched off in scenario {scenario}: leave out `{part}: null` or the rule",
                    )


def _scenario_faults(scenario: ScenarioConfig) -> Iterator[tuple[Key, str]]:
    """Check a scenario against the models, presets and episodes that exist."""
    if scenario.regime is not None and scenario.regime not in regime_names():
        yield ("regime",), one_of(scenario.regime, regime_names())
    if scenario.model not in models.names():
        yield ("model",), one_of(scenario.model, models.names())
        return
    preset_fault = _preset_fault(scenario)
    if preset_fault is not None:
        yield ("preset",), preset_fault
        return
    known = [parameter.name for parameter in models.parameters_of(scenario.model)]
    unknown = [name for name in scenario.parameters if name not in known]
    for name in unknown:
        message = f"is no parameter of {scenario.model}; must be one of {', '.join(known)}{nearest(name, known)}"
        yield ("parameters", name), message
    if unknown:
        return
    try:
        model = build_model(scenario)
    except ModelParameterError as error:
        yield _parameter_key(scenario, str(error)), str(error)
        return
    state = scenario.start.state
    if state is not None and len(state) != len(model.state_names):
        yield ("start", "state"), f"got {len(state)} values; must be one each for {', '.join(model.state_names)}"


def _preset_fault(scenario: ScenarioConfig) -> str | None:
    """Say what is wrong with the preset of a scenario, None where nothing is."""
    if scenario.preset is None:
        return None
    if not scenario.preset.endswith(".yaml") and scenario.preset not in models.preset_names():
        return one_of(scenario.preset, models.preset_names())
    try:
        made_for = models.load_preset(scenario.preset).model
    except ModelParameterError as error:
        return str(error)
    if made_for != scenario.model:
        return f"got {scenario.preset!r}, made for {made_for}; must be a preset of {scenario.model}"
    return None


def _parameter_key(scenario: ScenarioConfig, message: str) -> Key:
    """Key of the parameter that a model's message names first, as far as the file gives it."""
    for word in re.findall(r"\w+", message):
        if word in scenario.parameters:
            return ("parameters", word)
        if word in ("variance_premium_scale", "equity_premium_scale"):
            return (word,)
    return ("parameters",) if scenario.parameters else ()
