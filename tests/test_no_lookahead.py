"""Nothing that an engine does up to a day depends on what comes after it."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from models.protocols import PathBlock, SimulationGrid
from sim.config import AccountConfig, CostsConfig, EventsConfig, MarginConfig, MarketConfig, StrategyConfig
from sim.evaluator import evaluate
from sim.ledger import Ledger
from sim.quotes import QuoteBook
from sim.strategies.hedging import HedgeConfig
from sim.strategies.iron_condor import IronCondorConfig
from sim.strategies.layer1_call_spread import Layer1CallSpreadConfig
from sim.strategies.protocols import DayView
from sim.strategies.ratio_backspread import RatioBackspreadConfig
from sim.strategies.registry import REGISTRY
from tests.engine_cases import CASES, IDLE, covered, engines_of
from tests.toy_market import Journal, run_recorded, toy_market, toy_paths

GRID = SimulationGrid(n_days=80, warmup_days=40)
N_PATHS = 12
DAY0 = GRID.warmup_days
CUTS = (DAY0 + 20, DAY0 + 41, DAY0 + 63)
CONDOR, LAYER, RATIO = "iron_condor", "layer1_call_spread", "ratio_backspread"
ENGINES = (
    IronCondorConfig(),
    # thresholds within reach, so that the hedges come and go on this market
    Layer1CallSpreadConfig(contango_z=-0.5, rsi_level=60.0, exit_contango_z=0.3),
    RatioBackspreadConfig(rsi_vx1=55.0, contango=0.0, near_max_profit=0.2),
)


@cache
def original() -> PathBlock:
    return toy_paths(GRID, N_PATHS, seed=5)


def changed_from(first: int) -> PathBlock:
    """The same closes before session ``first``; others from it on."""
    paths = original()
    rng = np.random.default_rng(first)
    shape = (GRID.n_times - first, N_PATHS)
    spot, vix, state = paths.spot.copy(), paths.vix.copy(), paths.state.copy()
    spot[first:] *= np.exp(0.05 * rng.standard_normal(shape))
    vix[first:] *= np.exp(0.4 * rng.standard_normal(shape))
    state[first:, 0] = np.square(vix[first:] / 100.0)
    return replace(paths, spot=spot, vix=vix, state=state)


@cache
def journal_of(first: int | None = None) -> Journal:
    paths = original() if first is None else changed_from(first)
    return run_recorded(toy_market(paths, start_date="2019-03-04"), *ENGINES)


def orders(journal: Journal, t: int) -> list[Any]:
    """Everything that was decided on session ``t``, as plain values."""
    told: list[Any] = []
    for decision in journal.decisions:
        if decision.t == t:
            for order in decision.opens:
                contracts = order.contracts
                told.append((decision.engine, contracts.expiry, contracts.strike.tolist(), order.quantity.tolist()))
            for held, mask in decision.closes:
                told.append((decision.engine, held.entry_day, mask.tolist()))
    return told


def positions(journal: Journal, t: int) -> list[Any]:
    """Everything that was held when session ``t`` was decided, as plain values."""
    return [
        (name, held.entry_day, held.contracts.expiry, held.contracts.strike.tolist(), held.quantity.tolist())
        for name in (CONDOR, LAYER, RATIO)
        for held in journal.held(name, t)
    ]


@pytest.mark.parametrize("cut", CUTS)
def test_the_past_does_not_know_the_future(cut: int) -> None:
    """The market is another one after session ``cut``; up to it, all stays as it was to the last bit."""
    before, after = journal_of(), journal_of(cut + 1)
    for t in range(DAY0, cut + 1):
        assert orders(after, t) == orders(before, t)
        assert positions(after, t) == positions(before, t)
    known = cut - DAY0 + 1
    np.testing.assert_array_equal(after.outcomes.equity[:known], before.outcomes.equity[:known])
    assert (after.outcomes.equity[known] != before.outcomes.equity[known]).all()  # and then it is another one


def test_openings_and_events_do_not_tell_the_future() -> None:
    """The same with contracts that settle on openings and with jumps on event days: one cut, after a VIX expiry."""
    config, cut = MarketConfig(events=EventsConfig()), CUTS[1]
    before, after = (
        run_recorded(toy_market(paths, start_date="2019-03-04", config=config), *ENGINES)
        for paths in (original(), changed_from(cut + 1))
    )
    for t in range(DAY0, cut + 1):
        assert orders(after, t) == orders(before, t)
    known = cut - DAY0 + 1
    np.testing.assert_array_equal(after.outcomes.equity[:known], before.outcomes.equity[:known])
    assert (after.outcomes.equity[known] != before.outcomes.equity[known]).all()
    assert (before.outcomes.equity[-1] != journal_of().outcomes.equity[-1]).all()  # it is another market


@pytest.mark.parametrize("cut", CUTS)
def test_a_change_of_yesterday_is_felt(cut: int) -> None:
    before, after = journal_of(), journal_of(cut - 1)
    row = cut - 1 - DAY0
    np.testing.assert_array_equal(after.outcomes.equity[:row], before.outcomes.equity[:row])
    assert (after.outcomes.equity[row] != before.outcomes.equity[row]).all()
    later = range(cut - 1, cut + 6)  # a week holds a Monday
    assert any(orders(after, t) != orders(before, t) for t in later)


@pytest.mark.parametrize("name", [CONDOR, LAYER, RATIO])
@pytest.mark.parametrize("cut", CUTS)
def test_every_engine_has_acted_before_and_acts_otherwise_after(name: str, cut: int) -> None:
    before, after = journal_of(), journal_of(cut + 1)
    assert any(t <= cut for t, _ in before.opens(name))
    assert any(t > cut for t, _ in before.opens(name))

    def entries(journal: Journal) -> list[Any]:
        return [(t, order.contracts.strike.tolist(), order.quantity.tolist()) for t, order in journal.opens(name)]

    assert entries(before) != entries(after)


@pytest.mark.parametrize("days_ago", [-1, DAY0 + 3])
def test_signals_of_later_days_cannot_be_asked_for(days_ago: int) -> None:
    """Neither by a negative distance, nor by one that reaches back beyond the first session and wraps around."""
    market = toy_market(original(), start_date="2019-03-04")
    ledger = Ledger((CONDOR,), N_PATHS, 1e6, CostsConfig())
    view = DayView(market, QuoteBook(market), ledger, AccountConfig(), DAY0 + 2, alive=np.ones(N_PATHS, dtype=bool))
    np.testing.assert_array_equal(view.signal("vix", days_ago=DAY0 + 2), original().vix[0])
    with pytest.raises(ValueError, match=rf"days_ago must be from 0 to {DAY0 + 2}.*got {days_ago}"):
        view.signal("vix", days_ago=days_ago)


def test_the_length_of_the_run_is_not_seen() -> None:
    """A run that ends earlier decides the same up to the day before its end."""
    cut = CUTS[1]
    paths, grid = original(), SimulationGrid(n_days=cut - DAY0, warmup_days=DAY0)
    end = grid.n_times
    short = PathBlock(grid=grid, spot=paths.spot[:end], state=paths.state[:end], vix=paths.vix[:end])
    ended = run_recorded(toy_market(short, start_date="2019-03-04"), *ENGINES)
    for t in range(DAY0, cut):
        assert orders(ended, t) == orders(journal_of(), t)
    assert orders(ended, cut) == []  # nothing is decided on the last session
    np.testing.assert_array_equal(ended.outcomes.equity[:-1], journal_of().outcomes.equity[: cut - DAY0])


def test_a_path_does_not_see_its_neighbours() -> None:
    """Orders and equity of a path are those it has when it runs alone."""
    paths = original()
    for path in (0, 7):
        one = slice(path, path + 1)
        alone = replace(paths, spot=paths.spot[:, one], vix=paths.vix[:, one], state=paths.state[:, :, one])
        single = run_recorded(toy_market(alone, start_date="2019-03-04", first_path=path), *ENGINES)
        together = journal_of().outcomes
        np.testing.assert_allclose(single.outcomes.equity[:, 0], together.equity[:, path], rtol=1e-12)
        assert single.outcomes.n_trades[0] == together.n_trades[path]


def test_every_registered_engine_has_a_case() -> None:
    assert covered() == frozenset(REGISTRY)


@cache
def case_journal(case: str, first: int | None = None) -> Journal:
    paths = original() if first is None else changed_from(first)
    return run_recorded(toy_market(paths, start_date="2019-03-04", tail_sessions=200), *engines_of(case))


@pytest.mark.parametrize("case", CASES)
def test_no_engine_knows_the_future(case: str) -> None:
    """Orders, positions and equity up to the cut are the same to the last bit in a market that differs after it."""
    cut, name = CUTS[1], CASES[case][0]
    before, after = case_journal(case), case_journal(case, cut + 1)
    for t in range(DAY0, cut + 1):
        assert orders(after, t) == orders(before, t)
        held = [
            [
                (h.entry_day, h.contracts.expiry, h.contracts.strike.tolist(), h.quantity.tolist())
                for h in j.held(name, t)
            ]
            for j in (before, after)
        ]
        assert held[0] == held[1]
    known = cut - DAY0 + 1
    np.testing.assert_array_equal(after.outcomes.equity[:known], before.outcomes.equity[:known])
    if case in IDLE:
        assert not before.decisions[0].opens
        return
    assert (after.outcomes.equity[known] != before.outcomes.equity[known]).any()
    if case.startswith("var"):  # it only closes what the condor has opened
        assert any(t <= cut for t, _, _ in before.closes(name))
    else:
        assert any(t <= cut for t, _ in before.opens(name))


@pytest.mark.parametrize("case", CASES)
def test_every_book_balances(case: str) -> None:
    """P&L by engine less costs plus interest is the change of equity, to 1e-9 of it."""
    outcomes = case_journal(case).outcomes
    explained = outcomes.engine_pnl.sum(axis=0) - outcomes.engine_cost.sum(axis=0) + outcomes.interest
    np.testing.assert_allclose(outcomes.equity[-1] - 1e6, explained, rtol=0.0, atol=1e-3)
    assert outcomes.largest_residual < 1e-9


def test_the_order_of_engines_changes_nothing() -> None:
    """The same engines written down in another order: equity, P&L and costs of each, under a cap that they share."""
    rows = ["condor", "ladder", "rigid", "layer2", "crash_future", "buffer", "sub_sma5", "neutral", "put_spread"]
    cap = {"high_vix": 15.0, "high_vix_cap": 0.3}
    configs = [engines_of(name)[-1] for name in rows]
    configs = [config.model_copy(update=cap if isinstance(config, HedgeConfig) else {}) for config in configs]
    market = toy_market(original(), start_date="2019-03-04", tail_sessions=200)
    settings: dict[str, Any] = {"account": AccountConfig(), "costs": CostsConfig(), "margin": MarginConfig()}
    orders = (configs, configs[::-1], configs[4:] + configs[:4])
    books = {str(i): StrategyConfig(engines=tuple(order)) for i, order in enumerate(orders)}
    first, *others = evaluate(market, books, **settings).values()
    assert first.n_trades.min() > 20
    for other in others:
        np.testing.assert_allclose(other.equity, first.equity, rtol=1e-9)
        for row, name in enumerate(other.engines):
            mine = first.engines.index(name)
            np.testing.assert_allclose(other.engine_pnl[row], first.engine_pnl[mine], rtol=1e-9, atol=1e-4)
            np.testing.assert_allclose(other.engine_cost[row], first.engine_cost[mine], rtol=1e-9, atol=1e-4)
