"""Named parameter sets: the output of ``regimesim calibrate``, one YAML file each, in this folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from models.errors import ModelParameterError
from models.notebook_view import preset_html


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """A fitted parameter set.

    Parameters
    ----------
    name : str
        Name of the file, without its ending.
    model : str
        Registry name of the model.
    parameters : mapping
        Parameters of the model: numbers, and where a model takes them texts or tuples.
    source : str
        Data and windows of the fit.
    command : str
        Command that made the file.
    diagnostics : mapping
        Numbers that judge the fit.
    at_bound : tuple of str
        Parameters that the fit left on a bound of their search range.
    """

    name: str
    model: str
    parameters: Mapping[str, Any]
    source: str
    command: str
    diagnostics: Mapping[str, float]
    at_bound: tuple[str, ...] = ()

    def _repr_html_(self) -> str:
        return preset_html(self)


def preset_names() -> tuple[str, ...]:
    """Names of the presets, sorted."""
    return tuple(sorted(item.name[:-5] for item in files(__name__).iterdir() if item.name.endswith(".yaml")))


def load_preset(name: str) -> Preset:
    """Read a preset: one of the program's own by its name, or a file that ``regimesim calibrate --output`` wrote.

    Parameters
    ----------
    name : str
        Name, or path of a file ending in ``.yaml``.

    Raises
    ------
    ModelParameterError
        If there is none of that name, where the nearest is suggested, or the file is no preset.
    """
    return _from_file(Path(name)) if name.endswith(".yaml") else _shipped(name)


@cache
def _shipped(name: str) -> Preset:
    known = preset_names()
    if name not in known:
        close = get_close_matches(name, known, n=1)
        hint = f"; did you mean {close[0]}?" if close else ""
        raise ModelParameterError(
            f"preset must be one of {', '.join(known)} or a file ending in .yaml, got {name!r}{hint}"
        )
    return _parsed(name, files(__name__).joinpath(f"{name}.yaml").read_text(encoding="utf-8"))


def _from_file(path: Path) -> Preset:
    try:
        return _parsed(str(path), path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, YAMLError) as error:
        raise ModelParameterError(f"preset {path} cannot be read: {error}") from None
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ModelParameterError(
            f"preset {path} must hold model and parameters, as `regimesim calibrate --output` writes them: {error!r}"
        ) from None


def _parsed(name: str, text: str) -> Preset:
    content = YAML(typ="safe", pure=True).load(text)
    return Preset(
        name=name,
        model=str(content["model"]),
        parameters={str(key): _value(value) for key, value in content["parameters"].items()},
        source="; ".join(f"{series} {window}" for series, window in content.get("sample", {}).items()),
        command=str(content.get("command", "")),
        diagnostics={str(key): float(value) for key, value in content.get("diagnostics", {}).items()},
        at_bound=tuple(content.get("at_bound", ())),
    )


def _value(value: object) -> object:
    """Numbers as floats, lists as tuples: parameters of a model can be hashed."""
    if isinstance(value, bool | int | float):
        return float(value)
    return tuple(_value(item) for item in value) if isinstance(value, list) else value
