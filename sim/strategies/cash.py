"""Baseline: cash at the short rate."""

from __future__ import annotations

from typing import ClassVar, Literal, final

from sim.config import EngineConfig
from sim.strategies.protocols import DayView, Orders


class CashConfig(EngineConfig):
    """Hold cash, which earns the short rate; no orders."""

    engine: Literal["cash"] = "cash"


@final
class Cash:
    """No orders; see ``CashConfig``."""

    config_type: ClassVar[type[EngineConfig]] = CashConfig
    required_signals: ClassVar[tuple[str, ...]] = ()

    def __init__(self, config: CashConfig, n_paths: int) -> None:
        self.config = config

    def decide(self, view: DayView) -> Orders:
        """Do nothing."""
        return Orders()
