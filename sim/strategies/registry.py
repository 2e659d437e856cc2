"""The engines by name. A new engine is its own file and one line here."""

from __future__ import annotations

from sim.strategies.iron_condor import IronCondor
from sim.strategies.layer1_call_spread import Layer1CallSpread
from sim.strategies.protocols import Engine
from sim.strategies.ratio_backspread import RatioBackspread

REGISTRY: dict[str, type[Engine]] = {
    "iron_condor": IronCondor,
    "layer1_call_spread": Layer1CallSpread,
    "ratio_backspread": RatioBackspread,
}

SHIPPED = frozenset(REGISTRY)
"""Names of the engines that every process knows."""


def register(name: str, engine: type[Engine]) -> None:
    """Add an engine from outside the package."""
    REGISTRY[name] = engine
