"""Orders that are filled at a later close: a book worked out by hand, cancelled and ignored orders, every engine."""

from __future__ import annotations

from collections.abc import Mapping
from math import erf, exp, expm1, log, sqrt
from typing import Any, ClassVar, Literal

import numpy as np
import pytest

from models.protocols import SimulationGrid
from sim.config import AccountConfig, CostsConfig, EngineConfig, MarginConfig, StrategyConfig
from sim.contracts import Product
from sim.evaluator import evaluate
from sim.journal.run import RecordedRun
from sim.market import MarketBlock
from sim.outcomes import Outcomes
from sim.strategies import registry
from sim.strategies.protocols import Close, DayView, Open, Orders, Trade
from tests.engine_cases import CASES, IDLE, engines_of
from tests.toy_market import DIVIDEND_YIELD, RATE, chosen_paths, toy_market, toy_paths

WARMUP, EQUITY, STRIKE = 1, 500_000.0, 3900.0
SPOTS = [4000.0, 3980.0, 3950.0, 3990.0, 3900.0, 3850.0, 3880.0, 3910.0]
VOLS = [0.16, 0.17, 0.19, 0.18, 0.22, 0.25, 0.24, 0.22]
EXPIRY = WARMUP + 30
Act = Literal["buy", "add", "close"]


class ScriptedConfig(EngineConfig):
    """Puts that are bought, added to and closed on given days."""

    engine: Literal["scripted"] = "scripted"


class Scripted:
    """``days`` says what is ordered on which day after day 0, ``lots`` how many contracts, sold if negative."""

    config_type: ClassVar[type[EngineConfig]] = ScriptedConfig
    required_signals: ClassVar[tuple[str, ...]] = ()
    days: ClassVar[Mapping[int, Act]] = {}
    lots: ClassVar[float] = 3.0
    expiry: ClassVar[int] = EXPIRY

    def __init__(self, config: ScriptedConfig, n_paths: int) -> None:
        self.config = config

    def decide(self, view: DayView) -> Orders:
        orders, held = Orders(), view.tranches("scripted")
        act = self.days.get(view.t - WARMUP)
        if act == "buy":
            strike = np.full((1, view.n_paths), STRIKE)
            contracts = view.contracts("put", Product.SPX_OPTION, [False], strike, self.expiry)
            quantity = np.where(view.alive, self.lots, 0.0)[None, :]
            orders.opens.append(Open(contracts=contracts, quantity=quantity))
        for tranche in held:
            if act == "add":
                change = np.where(tranche.is_open & view.alive, self.lots, 0.0)[None, :]
                orders.trades.append(Trade(tranche=tranche, change=change))
            if act == "close":
                orders.closes.append(Close(tranche=tranche, mask=tranche.is_open))
        return orders


@pytest.fixture(autouse=True)
def _registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(registry.REGISTRY, "scripted", Scripted)


def script(monkeypatch: pytest.MonkeyPatch, days: Mapping[int, Act], **more: Any) -> None:
    for name, value in {"days": days, **more}.items():
        monkeypatch.setattr(Scripted, name, value)


def market_of(spots: list[float], vols: list[float]) -> MarketBlock:
    spot, vix = (np.array([values[0], *values])[:, None] for values in (spots, vols))
    return toy_market(chosen_paths(spot, 100.0 * vix, WARMUP))


def run(lag: int, *, spots: list[float] = SPOTS, vols: list[float] = VOLS, equity: float = EQUITY) -> Outcomes:
    account = AccountConfig(initial_equity=equity, execution_lag=lag)
    strategies = {"book": StrategyConfig(engines=(ScriptedConfig(),))}
    outcomes = evaluate(market_of(spots, vols), strategies, account=account, costs=CostsConfig(), margin=MarginConfig())
    return outcomes["book"]


def put(day: int, spots: list[float] = SPOTS, vols: list[float] = VOLS) -> float:
    ttm, spot, vol = (EXPIRY - WARMUP - day) / 252, spots[day], vols[day]
    d1 = (log(spot / STRIKE) + (RATE - DIVIDEND_YIELD + 0.5 * vol * vol) * ttm) / (vol * sqrt(ttm))
    call = spot * exp(-DIVIDEND_YIELD * ttm) * 0.5 * (1.0 + erf(d1 / sqrt(2.0)))
    call -= STRIKE * exp(-RATE * ttm) * 0.5 * (1.0 + erf((d1 - vol * sqrt(ttm)) / sqrt(2.0)))
    return call - spot * exp(-DIVIDEND_YIELD * ttm) + STRIKE * exp(-RATE * ttm)


def cost(day: int) -> float:
    """Fees of 0.65 + 0.45 + 0.06 and the half-spread of one put, of which a single leg pays 75%."""
    mid, widen = put(day), 1.0 + max(100.0 * VOLS[day] / 20.0 - 1.0, 0.0)
    return 1.16 + 100.0 * CostsConfig().crossing_fraction(1) * min(max(0.025, 0.03 + 0.004 * mid) * widen, mid)


@pytest.mark.parametrize("lag", [0, 1, 2])
def test_a_book_is_filled_at_the_closes_after_its_decisions(lag: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three puts ordered on day 0, three more on day 2 and all sold on day 5: each filled ``lag`` closes later."""
    script(monkeypatch, {0: "buy", 2: "add", 5: "close"})
    outcomes = run(lag)
    cash, held, paid = EQUITY, 0.0, 0.0
    for day in range(len(SPOTS)):
        cash += cash * expm1(RATE / 252) if day else 0.0
        change = {lag: 3.0, 2 + lag: 3.0, 5 + lag: -6.0}.get(day, 0.0)
        cash -= 100.0 * change * put(day) + abs(change) * cost(day)
        held, paid = held + change, paid + abs(change) * cost(day)
        assert outcomes.equity[day, 0] == pytest.approx(cash + 100.0 * held * put(day), abs=1e-6)
    assert held == 0.0
    assert outcomes.engine_cost[0, 0] == pytest.approx(paid, abs=1e-9)
    assert outcomes.n_trades[0] == 3


def test_what_is_not_due_before_the_end_is_not_filled(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last decision is that of day 6: with a lag of 1 its fill is the last close, with 2 there is none."""
    script(monkeypatch, {6: "buy"})
    assert run(0).n_trades[0] == 1
    assert run(1).equity[-1, 0] == pytest.approx(EQUITY * exp(7 * RATE / 252) - 3.0 * cost(7), abs=1e-6)
    assert run(2).n_trades[0] == 0


def test_contracts_that_have_expired_are_not_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    script(monkeypatch, {3: "buy"}, expiry=WARMUP + 5)
    assert [run(lag).n_trades[0] for lag in (0, 1, 2, 3)] == [1, 1, 0, 0]


FALL = [4000.0] * 3 + [3850.0] * 5
CRASH = [4000.0] * 3 + [3300.0] * 5
FLAT = [0.2] * 8


def test_a_margin_call_cancels_what_is_to_be_traded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Six naked puts are held when the SPX falls to 3850; six more, ordered the day before, are not sold then."""
    script(monkeypatch, {0: "buy", 2: "add"}, lots=-6.0)
    called = run(1, spots=FALL, vols=FLAT, equity=300_000.0)
    assert called.margin_calls[0] > 0
    assert called.n_trades[0] == 2  # the opening, and its close by the call
    assert run(0, spots=FALL, vols=FLAT, equity=300_000.0).n_trades[0] == 3  # added before the fall
    rich = run(1, spots=FALL, vols=FLAT, equity=5e6)
    assert (rich.margin_calls[0], rich.n_trades[0]) == (0, 2)  # the opening, and what is added


def test_the_close_of_what_is_gone_is_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    """A close is ordered on day 2, and the margin call of day 3 comes first."""
    script(monkeypatch, {0: "buy", 2: "close"}, lots=-6.0)
    outcomes = run(1, spots=FALL, vols=FLAT, equity=300_000.0)
    assert outcomes.margin_calls[0] == 1
    assert outcomes.n_trades[0] == 2


def test_a_ruined_path_trades_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    script(monkeypatch, {0: "buy", 2: "buy"}, lots=-6.0)
    outcomes = run(1, spots=CRASH, vols=FLAT, equity=300_000.0)
    assert outcomes.ruined[0]
    assert outcomes.n_trades[0] == 2


def test_an_engine_waits_until_its_orders_are_filled(monkeypatch: pytest.MonkeyPatch) -> None:
    """An order every day: with a lag of 3 those of days 0, 3 and 6 are taken, and the last is not filled in time."""
    script(monkeypatch, dict.fromkeys(range(7), "buy"))
    assert [run(lag).n_trades[0] for lag in (0, 1, 2, 3)] == [7, 7, 3, 2]


def test_the_journal_says_when_an_order_was_decided(monkeypatch: pytest.MonkeyPatch) -> None:
    script(monkeypatch, {0: "buy", 4: "close"})
    runs: list[RecordedRun] = []

    def start(*arguments: Any) -> RecordedRun:
        runs.append(RecordedRun(*arguments))
        return runs[0]

    market = market_of(SPOTS, VOLS)
    evaluate(
        market,
        {"book": StrategyConfig(engines=(ScriptedConfig(),))},
        account=AccountConfig(execution_lag=2),
        costs=CostsConfig(),
        margin=MarginConfig(),
        run_type=start,
    )
    orders = [entry for entry in runs[0].ledger.entries if entry.is_order]
    decided = [str(market.calendar.dates[WARMUP + day]) for day in (0, 4)]
    assert [(entry.session, entry.action) for entry in orders] == [(2, "open"), (6, "close")]
    assert [entry.reason for entry in orders] == [f"rule of scripted (decided on {day})" for day in decided]


GRID = SimulationGrid(n_days=45, warmup_days=40)


@pytest.mark.parametrize("case", sorted(CASES))
def test_every_engine_runs_with_a_lag(case: str) -> None:
    """The book balances on every path and day, and what is earned is another amount."""
    market = toy_market(toy_paths(GRID, 5), start_date="2019-03-04", tail_sessions=260)
    strategies = {"book": StrategyConfig(engines=engines_of(case))}

    def pnl(lag: int) -> Any:
        account = AccountConfig(execution_lag=lag)
        return evaluate(market, strategies, account=account, costs=CostsConfig(), margin=MarginConfig())["book"].equity

    at_once, later = pnl(0), pnl(2)
    assert np.isfinite(later).all()
    assert (at_once != later).any() or CASES[case][0] in IDLE
    np.testing.assert_array_equal(later[:2], np.broadcast_to(later[:2, :1], later[:2].shape))  # interest alone
