"""Coordinates in which a search moves the parameters of a model: each on the whole line, with steps of like effect.

What a model allows is asked of the model itself, by making it with other values: a parameter that may not change its
sign moves in its logarithm, one that may not reach one in its inverse hyperbolic tangent, any other in units of its
own start value.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Self, final

import numpy as np

from models.errors import ModelParameterError
from models.protocols import FloatArray, Model

Maker = Callable[..., Model]

SMALL = 0.01
"""Unit of a parameter that starts at zero."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Coordinate:
    """How one parameter moves.

    Parameters
    ----------
    name : str
        The parameter.
    kind : {"log", "tanh", "linear"}
        Logarithm of its size, inverse hyperbolic tangent, or itself over its unit.
    start : float
        Start value; its size is the unit of a linear coordinate.
    """

    name: str
    kind: Literal["log", "tanh", "linear"]
    start: float

    @property
    def unit(self) -> float:
        """Unit of a linear coordinate."""
        return abs(self.start) or SMALL

    @property
    def origin(self) -> float:
        """Coordinate of the start value."""
        if self.kind == "log":
            return float(np.log(abs(self.start)))
        return float(np.arctanh(self.start)) if self.kind == "tanh" else self.start / self.unit

    def value(self, coordinate: float) -> float:
        """Value of the parameter at a coordinate."""
        if self.kind == "log":
            return float(np.copysign(np.exp(coordinate), self.start))
        return float(np.tanh(coordinate)) if self.kind == "tanh" else float(coordinate * self.unit)


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class FreeCoordinates:
    """The parameters that a search may move, and the rest, which stay.

    Parameters
    ----------
    start : mapping
        All parameters at the start.
    coordinates : tuple of Coordinate
        The free ones.
    """

    start: Mapping[str, float]
    coordinates: tuple[Coordinate, ...]

    @classmethod
    def of(cls, make: Maker, start: Mapping[str, float], free: Sequence[str]) -> Self:
        """Choose a coordinate for each free parameter.

        Raises
        ------
        ModelParameterError
            If none is free, or one is not among the parameters of the start.
        """
        if not free:
            raise ModelParameterError("a fit needs at least one free parameter")
        for name in free:
            if name not in start:
                raise ModelParameterError(f"free must name parameters of the start, {', '.join(start)}; got {name!r}")

        def allows(name: str, value: float) -> bool:
            try:
                make(**{**start, name: value})
            except ModelParameterError:
                return False
            return True

        rows = []
        for name in free:
            value = float(start[name])
            kind: Literal["log", "tanh", "linear"] = "linear"
            if 0.0 < abs(value) < 1.0 and not allows(name, float(np.copysign(1.0, value))):
                kind = "tanh"
            elif value != 0.0 and not allows(name, -value):
                kind = "log"
            rows.append(Coordinate(name=name, kind=kind, start=value))
        return cls(start=dict(start), coordinates=tuple(rows))

    @property
    def origin(self) -> FloatArray:
        """Coordinates of the start."""
        return np.array([item.origin for item in self.coordinates])

    def parameters(self, point: FloatArray) -> dict[str, float]:
        """All parameters at a point."""
        moved = {item.name: item.value(float(x)) for item, x in zip(self.coordinates, point, strict=True)}
        return {**self.start, **moved}
