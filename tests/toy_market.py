"""A market simple enough to price by hand: Black-Scholes options, and a VIX curve that reverts to 20.

Used by the tests of the market layer; its prices are written out here, without any code of the project.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

import numpy as np
from scipy.special import ndtr, ndtri

from models.protocols import OptionValue, PathBlock, SimulationGrid, Stream
from sim import signals
from sim.calendar import SessionCalendar
from sim.config import AccountConfig, CostsConfig, EngineConfig, MarginConfig, StrategyConfig
from sim.config.market import MarketConfig, SettlementConfig
from sim.contracts import ContractSet
from sim.evaluator import evaluate
from sim.given import NOTHING, Given
from sim.market import MarketBlock
from sim.outcomes import Outcomes
from sim.strategies.protocols import Open, Orders
from sim.strategies.registry import REGISTRY

RATE, DIVIDEND_YIELD = 0.03, 0.01
VIX_MEAN, VIX_SPEED, VIX_VOL = 20.0, 5.0, 0.8


def black_scholes(spot: Any, vol: Any, strike: Any, ttm: Any, is_call: Any) -> OptionValue:
    sign = np.where(is_call, 1.0, -1.0)
    root = np.sqrt(ttm)
    d1 = (np.log(spot / strike) + (RATE - DIVIDEND_YIELD + 0.5 * vol**2) * ttm) / (vol * root)
    d2 = d1 - vol * root
    carry, discount = np.exp(-DIVIDEND_YIELD * ttm), np.exp(-RATE * ttm)
    price = sign * (spot * carry * ndtr(sign * d1) - strike * discount * ndtr(sign * d2))
    density = np.exp(-0.5 * d1**2) / np.sqrt(2.0 * np.pi)
    decay = (
        -spot * carry * density * vol / (2.0 * root)
        - sign * RATE * strike * discount * ndtr(sign * d2)
        + sign * DIVIDEND_YIELD * spot * carry * ndtr(sign * d1)
    )
    return OptionValue(
        price=price, delta=sign * carry * ndtr(sign * d1), vega=0.01 * spot * carry * density * root, theta=decay / 252
    )


class ToyPricer:
    """Answers the general protocol; the state is the annual variance."""

    def vix(self, state: Any) -> Any:
        return 100.0 * np.sqrt(state[0])

    def vix_future(self, state: Any, ttm: Any) -> Any:
        return VIX_MEAN + (self.vix(state) - VIX_MEAN) * np.exp(-VIX_SPEED * np.asarray(ttm))

    def vix_option(self, state: Any, *, strike: Any, ttm: Any, is_call: Any) -> Any:
        future, total = self.vix_future(state, ttm), VIX_VOL * np.sqrt(ttm)
        d1 = np.log(future / strike) / total + 0.5 * total
        sign = np.where(is_call, 1.0, -1.0)
        return np.exp(-RATE * ttm) * sign * (future * ndtr(sign * d1) - strike * ndtr(sign * (d1 - total)))

    def spx_option(self, spot: Any, state: Any, *, strike: Any, ttm: Any, is_call: Any) -> OptionValue:
        return black_scholes(spot, np.sqrt(state[0]), strike, ttm, is_call)

    def strike_for_delta(self, spot: Any, state: Any, *, delta: Any, ttm: Any) -> Any:
        vol, carry = np.sqrt(state[0]), np.exp(-DIVIDEND_YIELD * ttm)
        d1 = np.where(delta > 0, ndtri(np.abs(delta) / carry), -ndtri(np.abs(delta) / carry))
        return spot * np.exp((RATE - DIVIDEND_YIELD + 0.5 * vol**2) * ttm - d1 * vol * np.sqrt(ttm))


def toy_paths(grid: SimulationGrid, n_paths: int, seed: int = 20181231) -> PathBlock:
    """Lognormal variance that reverts, and a spot driven by it."""
    rng = np.random.default_rng(seed)
    log_variance = np.full((grid.n_times, n_paths), np.log(0.04))
    for t in range(1, grid.n_times):
        pull = 0.05 * (np.log(0.04) - log_variance[t - 1])
        log_variance[t] = log_variance[t - 1] + pull + 0.1 * rng.standard_normal(n_paths)
    variance = np.exp(log_variance)
    shock = rng.standard_normal((grid.n_times, n_paths))
    log_spot = np.cumsum(np.sqrt(variance / 252) * shock, axis=0)
    spot = 4000.0 * np.exp(log_spot - log_spot[grid.warmup_days])
    return PathBlock(grid=grid, spot=spot, state=variance[:, None, :], vix=100.0 * np.sqrt(variance))


ON_THE_CLOSE = SettlementConfig(overnight_share=1.0, vix_noise=0.0)
"""Every contract settles on the close of its expiry, without noise: what can be worked out by hand from closes."""


def toy_market(
    paths: PathBlock,
    *,
    start_date: str = "2019-01-02",
    pricer: Any = None,
    required_signals: tuple[str, ...] = (),
    config: MarketConfig | None = None,
    tail_sessions: int = 130,
    given: Given = NOTHING,
    first_path: int = 0,
) -> MarketBlock:
    calendar = SessionCalendar.build(start_date, paths.grid.warmup_days, paths.grid.n_days, tail_sessions)
    return MarketBlock.build(
        paths,
        calendar,
        pricer or ToyPricer(),
        rate=RATE,
        dividend_yield=DIVIDEND_YIELD,
        required_signals=required_signals,
        config=config or MarketConfig(settlement=ON_THE_CLOSE),
        stream=Stream(seed=0, first_path=first_path),
        given=given,
    )


def chosen_paths(spot: Any, vix: Any, warmup_days: int) -> PathBlock:
    """Paths with the given closes, each of shape (n_times, n_paths)."""
    spot, vix = (
        np.array(values) for values in np.broadcast_arrays(np.asarray(spot, np.float64), np.asarray(vix, np.float64))
    )
    grid = SimulationGrid(n_days=spot.shape[0] - 1 - warmup_days, warmup_days=warmup_days)
    return PathBlock(grid=grid, spot=spot, state=np.square(vix / 100.0)[:, None, :], vix=vix)


@dataclass(frozen=True)
class Holding:
    """What an engine held at the time of a decision; a copy."""

    engine: str
    contracts: ContractSet
    entry_day: int
    quantity: Any


@dataclass(frozen=True)
class Decision:
    """What an engine saw of the book and what it ordered on session ``t``."""

    t: int
    engine: str
    equity: Any
    held: list[Holding]
    opens: list[Open]
    closes: list[tuple[Holding, Any]]


@dataclass
class Journal:
    """Decisions of the engines of one strategy, and what came of them."""

    decisions: list[Decision] = field(default_factory=list)
    outcomes: Any = None

    def opens(self, engine: str) -> list[tuple[int, Open]]:
        return [(d.t, order) for d in self.decisions if d.engine == engine for order in d.opens]

    def closes(self, engine: str) -> list[tuple[int, Holding, Any]]:
        return [(d.t, held, mask) for d in self.decisions if d.engine == engine for held, mask in d.closes]

    def held(self, engine: str, t: int) -> list[Holding]:
        """Positions of the engine when session ``t`` was decided."""
        day = next(d for d in self.decisions if (d.t, d.engine) == (t, engine))
        return [holding for holding in day.held if holding.engine == engine]


def _recorded(engine: Any, journal: Journal, names: list[str]) -> Any:
    def holding(tranche: Any) -> Holding:
        return Holding(tranche.engine, tranche.contracts, tranche.entry_day, tranche.quantity.copy())

    class Recorded:
        config_type = engine.config_type
        required_signals = engine.required_signals

        def __init__(self, config: EngineConfig, n_paths: int) -> None:
            self.engine, self.name = engine(config, n_paths), config.engine

        def decide(self, view: Any) -> Orders:
            held = [holding(tranche) for name in names for tranche in view.tranches(name)]
            orders: Orders = self.engine.decide(view)
            closes = [(holding(close.tranche), close.mask.copy()) for close in orders.closes]
            equity = np.array(view.equity)
            journal.decisions.append(Decision(view.t, self.name, equity, held, list(orders.opens), closes))
            return orders

    return Recorded


def run_recorded(
    market: MarketBlock,
    *engines: EngineConfig,
    account: AccountConfig | None = None,
    costs: CostsConfig | None = None,
    scripted: Mapping[str, Any] | None = None,
) -> Journal:
    """Evaluate one strategy and keep what its engines decided; ``scripted`` signals take the place of computed ones."""
    journal = Journal()
    names = [config.engine for config in engines]
    recorded = {name: _recorded(REGISTRY[name], journal, names) for name in names}
    series = {
        name: signals.Signal(lambda _, values=values: np.array(values, dtype=np.float64), name, "", "")
        for name, values in (scripted or {}).items()
    }
    with patch.dict(REGISTRY, recorded), patch.dict(signals.REGISTRY, series):
        outcomes: dict[str, Outcomes] = evaluate(
            market,
            {"book": StrategyConfig(engines=engines)},
            account=account or AccountConfig(),
            costs=costs or CostsConfig(),
            margin=MarginConfig(),
        )
    journal.outcomes = outcomes["book"]
    return journal
