"""Named parameter sets: the output of ``regimesim calibrate``, one YAML file each, in this folder."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib.resources import files

from ruamel.yaml import YAML

from models.errors import ModelParameterError


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
        Parameters of the model.
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
    parameters: Mapping[str, float]
    source: str
    command: str
    diagnostics: Mapping[str, float]
    at_bound: tuple[str, ...] = ()


def preset_names() -> tuple[str, ...]:
    """Names of the presets, sorted."""
    return tuple(sorted(item.name[:-5] for item in files(__name__).iterdir() if item.name.endswith(".yaml")))


@cache
def load_preset(name: str) -> Preset:
    """Read a preset.

    Raises
    ------
    ModelParameterError
        If there is none of that name; the nearest is suggested.
    """
    known = preset_names()
    if name not in known:
        close = get_close_matches(name, known, n=1)
        hint = f"; did you mean {close[0]}?" if close else ""
        raise ModelParameterError(f"preset must be one of {', '.join(known)}, got {name!r}{hint}")
    content = YAML(typ="safe", pure=True).load(files(__name__).joinpath(f"{name}.yaml").read_text(encoding="utf-8"))
    return Preset(
        name=name,
        model=str(content["model"]),
        parameters={key: float(value) for key, value in content["parameters"].items()},
        source="; ".join(f"{name} {window}" for name, window in content.get("sample", {}).items()),
        command=str(content.get("command", "")),
        diagnostics={key: float(value) for key, value in content.get("diagnostics", {}).items()},
        at_bound=tuple(content.get("at_bound", ())),
    )
