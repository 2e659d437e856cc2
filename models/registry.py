"""The models by name. A new model is its own file and one line here."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import import_module
from typing import Any, cast

from models.errors import ModelParameterError
from models.protocols import Model

REGISTRY: dict[str, str | Callable[..., Model]] = {
    "heston": "models.heston:heston",
    "bates": "models.bates:bates",
    "svcj": "models.svcj:Svcj",
    "double_heston": "models.double_heston:double_heston",
    "two_factor_svcj": "models.two_factor_svcj:TwoFactorSvcj",
    "heston_nandi": "models.heston_nandi:HestonNandi",
    "gjr_garch": "models.gjr_garch:GjrGarch",
    "ngarch": "models.ngarch:Ngarch",
    "regime_switching": "models.regime_switching:RegimeSwitching",
    "two_factor_log_sv": "models.two_factor_log_sv:TwoFactorLogSv",
    "quintic_ou": "models.quintic_ou:QuinticOu",
    "two_factor_bergomi": "models.two_factor_bergomi:TwoFactorBergomi",
    "path_dependent": "models.path_dependent:PathDependent",
    "block_bootstrap": "models.block_bootstrap:BlockBootstrap",
}
"""Name to ``module:attribute`` (imported when first used) or to what makes the model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A parameter of a model: its name, its default, and whether it must be given."""

    name: str
    default: float | None
    required: bool


def names() -> tuple[str, ...]:
    """Names of the registered models."""
    return tuple(REGISTRY)


def register(name: str, factory: Callable[..., Model]) -> None:
    """Add a model from outside the package; ``factory`` takes its parameters as keywords."""
    REGISTRY[name] = factory


def factory_of(name: str) -> Callable[..., Model]:
    """What makes the model called ``name``.

    Raises
    ------
    ModelParameterError
        If there is no such model; the nearest name is suggested.
    """
    if name not in REGISTRY:
        raise ModelParameterError(f"model must be one of {', '.join(REGISTRY)}, got {name!r}{_suggest(name, REGISTRY)}")
    target = REGISTRY[name]
    if isinstance(target, str):
        module, attribute = target.split(":")
        return cast(Callable[..., Model], getattr(import_module(module), attribute))
    return target


def parameters_of(name: str) -> tuple[Parameter, ...]:
    """Parameters of the model called ``name``, in its own order."""
    rows = []
    for item in inspect.signature(factory_of(name)).parameters.values():
        required = item.default is inspect.Parameter.empty
        rows.append(Parameter(name=item.name, default=None if required else item.default, required=required))
    return tuple(rows)


def meaning_of(name: str) -> str:
    """First line of the documentation of the model called ``name``."""
    return (inspect.getdoc(factory_of(name)) or "").partition("\n")[0]


def create(name: str, **parameters: Any) -> Model:
    """Make a model from its registry name and its parameters.

    Raises
    ------
    ModelParameterError
        If the name or a parameter is unknown, a parameter is missing, or one lies outside its domain.
    """
    factory = factory_of(name)
    known = parameters_of(name)
    allowed = [item.name for item in known]
    for key in parameters:
        if key not in allowed:
            raise ModelParameterError(
                f"{key} is no parameter of {name}; they are {', '.join(allowed)}{_suggest(key, allowed)}"
            )
    missing = [item.name for item in known if item.required and item.name not in parameters]
    if missing:
        raise ModelParameterError(f"{name} needs {', '.join(missing)}")
    return factory(**parameters)


def _suggest(name: str, known: Any) -> str:
    close = get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f"; did you mean {close[0]}?" if close else ""
