"""Models and engines registered from outside the packages, carried to workers that are processes of their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self

from models import registry as models
from sim.strategies import registry as engines
from sim.strategies.protocols import Engine


@dataclass(frozen=True, slots=True, kw_only=True)
class Extensions:
    """What a worker must register before it can run a cell.

    Parameters
    ----------
    models : mapping
        Name to what makes the model.
    engines : mapping
        Name to class of the engine.
    """

    models: Mapping[str, Callable[..., Any]]
    engines: Mapping[str, type[Engine]]

    @classmethod
    def registered(cls) -> Self:
        """Collect what this process has registered."""
        return cls(
            models={name: target for name, target in models.REGISTRY.items() if not isinstance(target, str)},
            engines={name: engine for name, engine in engines.REGISTRY.items() if name not in engines.SHIPPED},
        )

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self.models or self.engines)

    def register(self) -> None:
        """Register it in this process."""
        for name, factory in self.models.items():
            models.register(name, factory)
        for name, engine in self.engines.items():
            engines.register(name, engine)
