"""Baseline: buy the SPX with its dividends and hold it."""

from __future__ import annotations

from typing import ClassVar, Literal, final

import numpy as np
from pydantic import Field

from sim.config import EngineConfig
from sim.contracts import Product
from sim.strategies.protocols import DayView, Open, Orders

NAME = "spx"


class SpxConfig(EngineConfig):
    """Units of an SPX fund that reinvests its dividends, bought on day 0 and held."""

    engine: Literal["spx"] = "spx"
    share: float = Field(default=1.0, gt=0.0, le=1.0, description="of equity that is invested on day 0 [-]")


@final
class Spx:
    """Buy and hold; see ``SpxConfig``."""

    config_type: ClassVar[type[EngineConfig]] = SpxConfig
    required_signals: ClassVar[tuple[str, ...]] = ()

    def __init__(self, config: SpxConfig, n_paths: int) -> None:
        self.config = config
        self.is_bought = False

    def decide(self, view: DayView) -> Orders:
        """Buy on the first day."""
        if self.is_bought:
            return Orders()
        self.is_bought = True
        contracts = view.holding(Product.SPX_UNIT)
        units = view.whole(self.config.share * np.maximum(view.equity, 0.0) / view.mids(contracts)[0])
        return Orders(opens=[Open(contracts=contracts, quantity=units[None, :])])
