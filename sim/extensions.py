"""Models and engines registered from outside the packages, carried to workers that are processes of their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self

from models import registry as models
from sim.config import ExperimentConfig
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

    def are_used(self, config: ExperimentConfig) -> bool:
        """Whether an experiment has any of them."""
        models_used = {scenario.model for scenario in config.scenarios.values()}
        engines_used = {engine.engine for strategy in config.strategies.values() for engine in strategy.engines}
        return bool(models_used & self.models.keys() or engines_used & self.engines.keys())

    def register(self) -> None:
        """Register it in this process."""
        for name, factory in self.models.items():
            models.register(name, factory)
        for name, engine in self.engines.items():
            engines.register(name, engine)
