"""A margin call and a ruin, worked out by hand on naked puts in a falling market."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
import pytest

from models.protocols import PathBlock, SimulationGrid
from sim.config import AccountConfig, CostsConfig, EngineConfig, MarginConfig, StrategyConfig
from sim.contracts import Product
from sim.evaluator import evaluate
from sim.outcomes import Outcomes
from sim.strategies import registry
from sim.strategies.protocols import DayView, Open, Orders
from tests.toy_market import RATE, black_scholes, toy_market

STRIKE, LOTS, EQUITY, VOL = 3800.0, 6.0, 950_000.0, 0.2
SPOTS = [4000.0, 4000.0, 4000.0, 3700.0, 3700.0]
EXPIRY = 30  # sessions after day 0


class SellPutsConfig(EngineConfig):
    """Sell naked puts at every close."""

    engine: Literal["sell_puts"] = "sell_puts"


class SellPuts:
    config_type: ClassVar[type[EngineConfig]] = SellPutsConfig
    required_signals: ClassVar[tuple[str, ...]] = ()

    def __init__(self, config: SellPutsConfig, n_paths: int) -> None:
        self.config = config

    def decide(self, view: DayView) -> Orders:
        strike = np.full((1, view.n_paths), STRIKE)
        contracts = view.contracts("sell_puts", Product.SPX_OPTION, [False], strike, 1 + EXPIRY)
        lots = view.whole(np.full(view.n_paths, LOTS))
        return Orders(opens=[Open(contracts=contracts, quantity=-lots[None, :])])


@pytest.fixture(autouse=True)
def _registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(registry.REGISTRY, "sell_puts", SellPuts)


def run(last: float, equity: float) -> Outcomes:
    spot = np.array([4000.0, *SPOTS[:-2], last, last])[:, None]
    state = np.full((spot.size, 1, 1), VOL**2)
    grid = SimulationGrid(n_days=len(SPOTS) - 1, warmup_days=1)
    market = toy_market(PathBlock(grid=grid, spot=spot, state=state, vix=np.full(spot.shape, 20.0)))
    costs = CostsConfig(commission_per_contract=0.0, exchange_fee_spx=0.0, regulatory_fee=0.0, crossing={1: 0.0})
    account = AccountConfig(initial_equity=equity)
    strategies = {"naked": StrategyConfig(engines=(SellPutsConfig(),))}
    return evaluate(market, strategies, account=account, costs=costs, margin=MarginConfig())["naked"]


def put(spot: float, day: int) -> float:
    return float(black_scholes(spot, VOL, STRIKE, (EXPIRY - day) / 252, False).price)


def margin_per_lot(spot: float, day: int) -> float:
    """15% of the index less what the put is out of the money; its premium is no part of equity any more."""
    return 100.0 * max(0.15 * spot - max(spot - STRIKE, 0.0), 0.10 * STRIKE)


def equity_by_hand(spots: list[float], equity: float) -> list[tuple[float, float]]:
    """Equity and lots before the orders of each close, nothing ever closed."""
    cash, lots, rows = equity, 0.0, []
    for day, spot in enumerate(spots):
        cash *= np.exp(RATE / 252) if day else 1.0
        rows.append((cash - 100.0 * lots * put(spot, day), lots))
        cash += 100.0 * LOTS * put(spot, day)
        lots += LOTS
    return rows


def test_a_fall_that_margin_does_not_survive_closes_the_oldest_first() -> None:
    equity, lots = equity_by_hand(SPOTS, EQUITY)[3]
    needed = margin_per_lot(SPOTS[3], 3)
    assert lots * needed > equity  # called
    assert (lots - LOTS) * needed < equity  # closing the oldest tranche is enough
    outcomes = run(SPOTS[3], EQUITY)
    assert outcomes.margin_calls[0] == 1
    # sold on days 0, 1, 2; the first bought back on day 3, on which nothing is sold; day 4 is the last
    assert outcomes.n_trades[0] == 4
    assert outcomes.equity[3, 0] == pytest.approx(equity, rel=1e-12)
    # the day after: cash less what buying the first lots back has cost, and the other two tranches
    left = lots - LOTS
    cash = (equity + 100.0 * left * put(SPOTS[3], 3)) * np.exp(RATE / 252)
    assert outcomes.equity[4, 0] == pytest.approx(cash - 100.0 * left * put(SPOTS[4], 4), rel=1e-12)
    kept = (equity + 100.0 * lots * put(SPOTS[3], 3)) * np.exp(RATE / 252) - 100.0 * lots * put(SPOTS[4], 4)
    assert abs(kept - outcomes.equity[4, 0]) > 50.0  # had nothing been closed
    assert not outcomes.ruined[0]


def test_with_more_equity_there_is_no_call_and_selling_goes_on() -> None:
    outcomes = run(SPOTS[3], 2.0 * EQUITY)
    assert outcomes.margin_calls[0] == 0
    assert outcomes.n_trades[0] == 4  # days 0 to 3
    # after the orders of each day; on the last day, without orders, the four tranches stand once more
    lots = [LOTS, 2 * LOTS, 3 * LOTS, 4 * LOTS, 4 * LOTS]
    bound = [held * margin_per_lot(spot, day) for day, (held, spot) in enumerate(zip(lots, SPOTS, strict=True))]
    assert outcomes.max_margin[0] == pytest.approx(max(bound), rel=1e-12)


def test_a_ruined_path_closes_everything_and_stays_where_it_is() -> None:
    crash = 3200.0
    equity, _ = equity_by_hand([*SPOTS[:3], crash], EQUITY)[3]
    assert equity < 0.0
    outcomes = run(crash, EQUITY)
    assert outcomes.ruined[0]
    np.testing.assert_allclose(outcomes.equity[3:, 0], equity, rtol=1e-12)  # a debt earns no interest here
    assert outcomes.n_trades[0] == 6  # three sold, three bought back
