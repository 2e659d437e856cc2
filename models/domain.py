"""Checks of parameter domains that all models share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import Field, fields
from math import isfinite
from typing import Any, ClassVar, Protocol

from models.errors import ModelParameterError


class _DataclassInstance(Protocol):
    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]


def check_domain(model: _DataclassInstance, *, positive: Sequence[str] = (), non_negative: Sequence[str] = ()) -> None:
    """Check that all parameters are finite numbers, and the named ones positive or not negative.

    Raises
    ------
    ModelParameterError
        Naming the parameter, the rule and the value received.
    """
    for item in fields(model):
        value = getattr(model, item.name)
        if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
            raise ModelParameterError(f"{item.name} must be a finite number, got {value!r}")
        if item.name in positive and value <= 0.0:
            raise ModelParameterError(f"{item.name} must be > 0, got {value!r}")
        if item.name in non_negative and value < 0.0:
            raise ModelParameterError(f"{item.name} must be >= 0, got {value!r}")
