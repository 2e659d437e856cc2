"""Models as commands name them: a preset or a registry name, with parameters over it, and a state."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sim.config.document import parse_document
from sim.config.faults import one_of
from sim.errors import ConfigError

if TYPE_CHECKING:
    from models.protocols import FloatArray, Model


def parse_parameters(texts: Sequence[str]) -> dict[str, Any]:
    """Read ``name=value`` pairs; a value is a number, a text, or a list of them as YAML writes it in one line.

    Raises
    ------
    ConfigError
        If one of them is no name with such a value.
    """
    parameters: dict[str, Any] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        tree = parse_document(value, f"-p {text}", with_lines=False).tree if equals else None
        if not name.strip() or not _is_value(tree):
            raise ConfigError(
                f"-p {text}: must be NAME=VALUE with a number, a text or a list, for example -p kappa_p=3.5 or "
                "-p 'level_p=[0.7, 2.5]'"
            )
        parameters[name.strip()] = _as_parameter(tree)
    return parameters


def _is_value(tree: object) -> bool:
    if isinstance(tree, list):
        return all(_is_value(item) for item in tree)
    return isinstance(tree, int | float | str) and not isinstance(tree, bool)


def _as_parameter(tree: Any) -> Any:
    """Numbers as floats, lists as tuples, as in presets: parameters can then be hashed."""
    if isinstance(tree, list):
        return tuple(_as_parameter(item) for item in tree)
    return tree if isinstance(tree, str) else float(tree)


def make_model(name: str | None, preset: str | None, parameters: dict[str, Any]) -> Model:
    """Make a model from a preset, or from a registry name with all of its parameters.

    Raises
    ------
    ConfigError
        If the model or preset is unknown, or the two do not belong together.
    ModelParameterError
        If a parameter is unknown, missing or out of its domain.
    """
    import models

    if name is not None and name not in models.names():
        raise ConfigError(f"--model: {one_of(name, models.names())}")
    if preset is None:
        if name is None:
            raise ConfigError(f"--preset must be given, one of {', '.join(models.preset_names())}; or --model and -p")
        return models.create(name, **parameters)
    if not preset.endswith(".yaml") and preset not in models.preset_names():
        raise ConfigError(f"--preset: {one_of(preset, models.preset_names())}")
    chosen = models.load_preset(preset)
    if name not in (None, chosen.model):
        raise ConfigError(f"--preset: got {preset!r}, made for {chosen.model}; must be a preset of {name}")
    return models.create(chosen.model, **{**chosen.parameters, **parameters})


def state_at_vix(model: Model, vix: float) -> FloatArray:
    """State of a model at which the VIX stands at ``vix`` points, shape (n_factors,).

    Raises
    ------
    ConfigError
        If its VIX cannot be that low or high.
    """
    from models.errors import ModelParameterError
    from models.typical_state import typical_state

    try:
        return typical_state(model, vix)
    except ModelParameterError as error:
        raise ConfigError(f"--{error}") from None
