"""Break-even cost: worked out by hand, against the bootstrap, and where there is nothing to divide by."""

from __future__ import annotations

import numpy as np
import pytest
from arch.bootstrap import IIDBootstrap

from sim.metrics.cost_statistics import COSTS
from sim.metrics.estimate import Estimate
from tests.equity_cases import outcomes_of


def computed(name: str, first: object, cost: object, hedge: object = 0.0, hedge_cost: object = 0.0) -> Estimate:
    arrays = np.broadcast_arrays(*(np.asarray(item, dtype=np.float64) for item in (first, cost, hedge, hedge_cost)))
    names = ("first_engine_pnl", "first_engine_cost", "hedge_pnl", "hedge_cost")
    equity = np.full((22, arrays[0].size), 1e6)  # 21 sessions, a twelfth of a year
    outcomes = outcomes_of(equity, with_periods=False, **dict(zip(names, arrays, strict=True)))
    return COSTS[name].compute(outcomes)


def test_multiples_by_hand() -> None:
    """Net 300 and 100 after costs of 50 and 150: 600 at mid over 200. Hedges: -50 net after 20, and 30 after 40."""
    first, cost, hedge, hedge_cost = [300.0, 100.0], [50.0, 150.0], [-50.0, 30.0], [20.0, 40.0]
    assert computed("break_even_cost", first, cost).estimate == pytest.approx(3.0)
    assert computed("hedge_break_even_cost", first, cost, hedge, hedge_cost).estimate == pytest.approx(40.0 / 60.0)
    assert computed("break_even_cost", first, cost, hedge, hedge_cost).estimate == pytest.approx(640.0 / 260.0)
    assert computed("costs_per_year", first, cost, hedge, hedge_cost).estimate == pytest.approx(12.0 * 130.0)


def test_at_the_multiple_nothing_is_left() -> None:
    rng = np.random.default_rng(7)
    cost = rng.uniform(50.0, 150.0, 500)
    gross = 180.0 + 900.0 * rng.standard_normal(500)
    multiple = computed("break_even_cost", gross - cost, cost).estimate
    assert np.mean(gross - multiple * cost) == pytest.approx(0.0, abs=1e-9)
    assert abs(np.mean(gross - 1.1 * multiple * cost)) > 1.0


def test_what_loses_before_costs_has_a_multiple_below_0_and_no_costs_none() -> None:
    losing = computed("break_even_cost", [-300.0, -100.0], [50.0, 50.0])
    assert losing.estimate == pytest.approx(-3.0)
    assert np.isfinite([losing.ci_low, losing.ci_high]).all()
    free = computed("break_even_cost", [300.0, 100.0], 0.0)
    assert np.isnan(free.estimate)
    assert free.note == "no costs"
    assert computed("hedge_break_even_cost", [300.0, 100.0], [50.0, 50.0]).note == "no costs"  # no hedges


def test_its_error_is_that_of_the_bootstrap() -> None:
    rng = np.random.default_rng(8)
    cost = rng.gamma(4.0, 25.0, 2000)
    net = 2.0 * cost + 500.0 * rng.standard_normal(2000)
    result = computed("break_even_cost", net, cost)
    rows = np.stack([net + cost, cost], axis=1)
    resampled = IIDBootstrap(rows, seed=np.random.default_rng(9)).apply(
        lambda x: np.atleast_1d(x[:, 0].sum() / x[:, 1].sum()), 1000
    )
    assert result.standard_error == pytest.approx(resampled.std(ddof=1), rel=0.1)
    assert abs(result.estimate - 3.0) < 4.0 * result.standard_error
