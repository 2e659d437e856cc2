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


def check_jumps(
    *,
    jump_correlation: float,
    variance_jump_mean: float,
    kappa: float,
    slope: float,
    measure: str,
    factor: str = "",
) -> None:
    """Check that the mean price jump is finite, and that jumps which follow jumps leave the variance a mean.

    Parameters
    ----------
    jump_correlation, variance_jump_mean, kappa : float
        Parameters of the jumps, and mean reversion of the factor that jumps.
    slope : float
        Jumps a year for a unit of that factor, under the measure.
    measure : str
        ``p`` or ``q``, for the message.
    factor : str
        What follows ``kappa`` in the parameter's name.

    Raises
    ------
    ModelParameterError
        Naming the parameters, the rule and the values received.
    """
    mean = variance_jump_mean
    if jump_correlation * mean >= 1.0:
        raise ModelParameterError(
            f"jump_correlation must be < 1 / variance_jump_mean_{measure} = {1.0 / mean:g}, "
            f"got {jump_correlation!r}: the mean price jump would be infinite"
        )
    if kappa <= slope * mean:
        raise ModelParameterError(
            f"kappa{factor}_{measure} must be > jump intensity slope * variance_jump_mean_{measure} = "
            f"{slope * mean:g}, got {kappa!r}: the variance would not revert to a mean under {measure.upper()}"
        )
