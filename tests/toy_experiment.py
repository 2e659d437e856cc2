"""A model and an engine that are no part of the packages: constant volatility, and puts bought once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

import models
from models import registry as model_registry
from models.protocols import Measure, PathBlock, SimulationGrid, Start, Stream
from sim.config import EngineConfig
from sim.contracts import Product
from sim.expiries import nearest_expiry
from sim.strategies import registry as engine_registry
from sim.strategies.protocols import DayView, Open, Orders
from tests.toy_market import DIVIDEND_YIELD, RATE, ToyPricer

FloatArray = NDArray[np.float64]

DAYS, PATHS = 60, 40
EQUITY = 500_000.0


@dataclass(frozen=True, kw_only=True)
class ConstantVolatility:
    """Black-Scholes with a drift; its paths hang on path number and seed alone."""

    volatility: float
    drift: float = 0.05
    rate: float = RATE
    dividend_yield: float = DIVIDEND_YIELD
    name: ClassVar[str] = "constant_volatility"
    state_names: ClassVar[tuple[str, ...]] = ("variance",)

    def stationary_state(self, n_paths: int, stream: Stream, *, measure: Measure = "p") -> FloatArray:
        return np.full((1, n_paths), self.volatility**2)

    def propagate(
        self, state: FloatArray, n_days: int, stream: Stream, *, first_day: int = 0, measure: Measure = "p"
    ) -> tuple[FloatArray, FloatArray]:
        shock = np.stack(
            [
                np.random.default_rng([stream.seed, stream.first_path + i]).standard_normal(n_days)
                for i in range(state.shape[1])
            ],
            axis=1,
        )
        mean = (self.drift if measure == "p" else self.rate - self.dividend_yield) - 0.5 * self.volatility**2
        log_return = mean / 252 + self.volatility * np.sqrt(1 / 252) * shock
        return log_return, np.repeat(state[None], n_days, axis=0)

    def simulate(
        self,
        grid: SimulationGrid,
        n_paths: int,
        stream: Stream,
        *,
        start: Start | None = None,
        spot0: float = 4000.0,
        measure: Measure = "p",
    ) -> PathBlock:
        state = self.stationary_state(n_paths, stream)
        log_return, _ = self.propagate(state, grid.n_times - 1, stream, measure=measure)
        log_spot = np.concatenate([np.zeros((1, n_paths)), np.cumsum(log_return, axis=0)])
        spot = spot0 * np.exp(log_spot - log_spot[grid.warmup_days])
        states = np.repeat(state[None], grid.n_times, axis=0)
        return PathBlock(grid=grid, spot=spot, state=states, vix=100.0 * np.sqrt(states[:, 0]))

    def exact_pricer(self) -> ToyPricer:
        return ToyPricer()

    def tabulated_pricer(self, *, max_sessions: int = 90) -> ToyPricer:
        return ToyPricer()

    def scaled_premium(self, *, variance: float = 1.0, equity: float = 1.0) -> ConstantVolatility:
        carry = self.rate - self.dividend_yield
        return replace(self, drift=carry + equity * (self.drift - carry))

    def premium(self) -> Mapping[str, tuple[float, str]]:
        return {"equity_premium": (self.drift - self.rate + self.dividend_yield, "1/year")}


class BuyPutsConfig(EngineConfig):
    """Buy puts once and hold them to their expiry."""

    engine: Literal["buy_puts"] = "buy_puts"
    strike: float = Field(gt=0.0, description="strike [points]")
    quantity: float = Field(default=1.0, gt=0.0, description="contracts")


class BuyPuts:
    config_type: ClassVar[type[EngineConfig]] = BuyPutsConfig
    required_signals: ClassVar[tuple[str, ...]] = ()

    def __init__(self, config: BuyPutsConfig, n_paths: int) -> None:
        self.config, self.is_done = config, False

    def decide(self, view: DayView) -> Orders:
        if self.is_done:
            return Orders()
        self.is_done = True
        expiry = nearest_expiry(
            view.calendar, view.t, target_days=30, min_days=20, max_days=40, expiries=view.expiries.spx_weekly
        )
        assert expiry is not None
        strike = np.full((1, view.n_paths), self.config.strike)
        contracts = view.contracts(("buy_puts", self.config.strike), Product.SPX_OPTION, [False], strike, expiry)
        return Orders(opens=[Open(contracts=contracts, quantity=np.full((1, view.n_paths), self.config.quantity))])


@contextmanager
def registered() -> Iterator[None]:
    """Have both in the registries for a while."""
    models.register("constant_volatility", ConstantVolatility)
    engine_registry.register("buy_puts", BuyPuts)
    try:
        yield
    finally:
        del model_registry.REGISTRY["constant_volatility"], engine_registry.REGISTRY["buy_puts"]


def experiment(**more: Any) -> dict[str, Any]:
    market = {"model": "constant_volatility", "parameters": {"volatility": 0.2}, "start_date": "2019-01-02"}
    keep = more.get("keep", {})
    free = {
        "commission_per_contract": 0.0,
        "exchange_fee_spx": 0.0,
        "regulatory_fee": 0.0,
        "crossing": {1: 0.0, 2: 0.0, 4: 0.0},
    }
    return {
        "name": "toy",
        "seed": 5,
        "paths": PATHS,
        "days": DAYS,
        "scenarios": {"flat": market, "loud": {**market, "parameters": {"volatility": 0.4}}},
        "strategies": {
            "near": {"engines": [{"engine": "buy_puts", "strike": 4000.0}]},
            "far": {"engines": [{"engine": "buy_puts", "strike": 3900.0, "quantity": 3.0}]},
        },
        "account": {"initial_equity": EQUITY, "spot": 4000.0},
        "costs": free,
        **more,
        "keep": {"explorer": [], **keep} if isinstance(keep, dict) else keep,
    }
