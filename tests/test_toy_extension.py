"""A model and an engine from outside the packages run through the whole program, to numbers worked out by hand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import pytest
from numpy.typing import NDArray
from pydantic import Field

import models
from models import registry as model_registry
from models.protocols import Measure, PathBlock, SimulationGrid, Start, Stream
from sim import open_results, run_experiment
from sim.config import EngineConfig
from sim.contracts import Product
from sim.experiment import parse_experiment
from sim.expiries import nearest_expiry
from sim.report.page import write_report
from sim.strategies import registry as engine_registry
from sim.strategies.protocols import DayView, Open, Orders
from tests.toy_market import DIVIDEND_YIELD, RATE, ToyPricer, black_scholes

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


@pytest.fixture(autouse=True)
def _registered() -> Iterator[None]:
    models.register("constant_volatility", ConstantVolatility)
    engine_registry.register("buy_puts", BuyPuts)
    yield
    del model_registry.REGISTRY["constant_volatility"], engine_registry.REGISTRY["buy_puts"]


def experiment(**more: Any) -> dict[str, Any]:
    market = {"model": "constant_volatility", "parameters": {"volatility": 0.2}, "start_date": "2019-01-02"}
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
    }


def expected_pnl(volatility: float, strike: float, quantity: float) -> FloatArray:
    """Cash less the premium earns interest to the expiry, 2019-02-01, and with the payoff on to the end."""
    paths = ConstantVolatility(volatility=volatility).simulate(
        SimulationGrid(n_days=DAYS, warmup_days=60), PATHS, Stream(seed=5)
    )
    life = 21  # sessions from 2 January to 1 February 2019: closed on 21 January
    premium = black_scholes(4000.0, volatility, strike, life / 252, False).price
    payoff = np.maximum(strike - paths.spot[60 + life], 0.0)
    grow = np.exp(RATE / 252)
    cash = (EQUITY - 100 * quantity * premium) * grow**life + 100 * quantity * payoff
    return np.asarray(cash * grow ** (DAYS - life) - EQUITY)


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_toy_model_and_a_toy_engine_run_an_experiment(tmp_path: Path, jobs: int) -> None:
    config = parse_experiment(experiment(compute={"block_paths": 16}))
    results = open_results(run_experiment(config, output=tmp_path / "toy", jobs=jobs))
    pnl = results.data["terminal_pnl"]
    for scenario, volatility in (("flat", 0.2), ("loud", 0.4)):
        for strategy, strike, quantity in (("near", 4000.0, 1.0), ("far", 3900.0, 3.0)):
            result = pnl.sel(scenario=scenario, strategy=strategy).values
            np.testing.assert_allclose(result, expected_pnl(volatility, strike, quantity), rtol=1e-9, atol=1e-6)
    assert not np.allclose(pnl.sel(scenario="flat"), pnl.sel(scenario="loud"), rtol=1e-3)
    assert float(results.data["engine_cost"].max()) == 0.0
    assert results.manifest["premium"]["flat"]["equity_premium"]["value"] == pytest.approx(0.05 - RATE + DIVIDEND_YIELD)


def test_its_report_is_drawn_whatever_metrics_are_kept(tmp_path: Path) -> None:
    for metrics in (["terminal_pnl"], ["max_drawdown"], ["expected_shortfall"]):
        config = parse_experiment(experiment(metrics=metrics, name="toy", question="Is 1 < 2?"))
        directory = run_experiment(config, output=tmp_path / metrics[0], jobs=1)
        text = write_report(directory).read_text(encoding="utf-8")
        assert "Is 1 &lt; 2?" in text
        assert "Is 1 < 2?" not in text
        for name in ("flat", "loud", "near", "far"):
            assert f">{name}</td>" in text or f"<h3>{name}</h3>" in text
