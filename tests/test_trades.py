"""Trades measured at their end: a condor tranche with its part of the hedges."""

from __future__ import annotations

import numpy as np

from models.protocols import PathBlock, SimulationGrid
from sim.strategies.iron_condor import IronCondorConfig
from sim.strategies.rigid_vix import RigidVixConfig
from sim.strategies.spx import SpxConfig
from tests.toy_market import run_recorded, toy_market, toy_paths

GRID = SimulationGrid(n_days=34, warmup_days=20)
MARKET = toy_market(toy_paths(GRID, 12, seed=2), start_date="2019-03-04")
HEDGE = RigidVixConfig(level=10.0, size=0.4)


def test_one_trade_takes_all_that_the_hedge_made() -> None:
    """A single condor tranche, open from day 0 to the end: its result is the P&L of the whole account but interest."""
    single = IronCondorConfig(entry_every=63, profit_target=None, stop_loss_x_credit=None, exit_days=None)
    outcomes = run_recorded(MARKET, single, HEDGE).outcomes
    made = (outcomes.engine_pnl - outcomes.engine_cost).sum(axis=0)
    np.testing.assert_allclose(outcomes.worst_trade, np.maximum(-made / 1e6, 0.0), rtol=1e-9, atol=1e-12)
    assert (outcomes.worst_trade > 0.0).any()


def test_a_trade_that_ends_early_takes_the_hedge_up_to_its_end() -> None:
    """Each condor leaves at 10% of its credit, won or lost; then its result is the account's, whatever follows."""
    quick = IronCondorConfig(entry_every=63, profit_target=0.1, stop_loss_x_credit=0.1, exit_days=None)
    journal = run_recorded(MARKET, quick, HEDGE)
    closed = {int(p): t for t, _, mask in journal.closes("iron_condor") for p in np.flatnonzero(mask)}
    assert len(closed) == 12
    for path, t in closed.items():
        days = t + 1 - GRID.warmup_days  # a run that ends with the session after the close
        grid = SimulationGrid(n_days=days, warmup_days=GRID.warmup_days)
        end = grid.n_times
        full = MARKET.paths
        short = PathBlock(
            grid=grid,
            spot=full.spot[:end, path : path + 1],
            state=full.state[:end, :, path : path + 1],
            vix=full.vix[:end, path : path + 1],
        )
        ended = run_recorded(toy_market(short, start_date="2019-03-04"), quick, HEDGE).outcomes
        np.testing.assert_allclose(journal.outcomes.worst_trade[path], ended.worst_trade[0], rtol=1e-9, atol=1e-15)
        # on the last day the hedge alone moved, and the trade was over
        before = ended.equity[-2, 0] - 1e6
        lost = np.maximum(-before / 1e6, 0.0)
        assert abs(ended.worst_trade[0] - lost) < 0.002  # but for interest of some days and the last order's costs


def test_without_hedges_it_is_the_condor_alone() -> None:
    single = IronCondorConfig(entry_every=63, profit_target=None, stop_loss_x_credit=None, exit_days=None)
    outcomes = run_recorded(MARKET, single).outcomes
    made = (outcomes.engine_pnl - outcomes.engine_cost)[0]
    np.testing.assert_allclose(outcomes.worst_trade, np.maximum(-made / 1e6, 0.0), rtol=1e-9, atol=1e-12)


def test_an_index_fund_beside_a_condor_hedges_none_of_its_trades() -> None:
    single = IronCondorConfig(entry_every=63, profit_target=None, stop_loss_x_credit=None, exit_days=None)
    beside = run_recorded(MARKET, single, SpxConfig(share=0.3)).outcomes
    assert (np.abs(beside.engine_pnl[1]) > 1e3).any()
    condor = (beside.engine_pnl - beside.engine_cost)[0]
    np.testing.assert_allclose(beside.worst_trade, np.maximum(-condor / 1e6, 0.0), rtol=0.01, atol=1e-4)


def test_what_trades_take_of_the_hedges_adds_up() -> None:
    """Two tranches a week apart share the hedge: no trade loses more than both together, nor less than its half."""
    pair = IronCondorConfig(entry_every=20, profit_target=None, stop_loss_x_credit=None, exit_days=None)
    outcomes = run_recorded(MARKET, pair, HEDGE).outcomes
    made = (outcomes.engine_pnl - outcomes.engine_cost).sum(axis=0)
    losing = made < 0.0
    equity = outcomes.equity.max(axis=0)
    assert losing.any()
    assert (outcomes.worst_trade[losing] * equity[losing] >= -0.5 * made[losing] * (1.0 - 1e-9)).all()
