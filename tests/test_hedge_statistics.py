"""What hedges cost, and what they pay when the first engine does worst."""

from __future__ import annotations

import math

import numpy as np
import pytest
from arch.bootstrap import IIDBootstrap
from scipy import stats

from sim import parse_experiment
from sim.metrics.estimate import SampleDesign
from sim.metrics.hedge_statistics import HEDGES, worst_mean
from sim.metrics.path_outcomes import PathOutcomes
from sim.outcome_reader import path_outcomes
from tests.equity_cases import outcomes_of

EQUITY = np.full((3, 3000), 1e6)
A_YEAR = 252 / 2


def test_the_worst_paths_by_hand() -> None:
    first = np.array([3.0, -5.0, 1.0, -9.0, 2.0, 0.0, 4.0, 7.0])
    hedge = np.array([1.0, 10.0, 2.0, 30.0, 3.0, 5.0, 0.0, 0.0])
    for share, expected in (
        (0.25, (30.0 + 10.0) / 2),
        (0.3125, (30.0 + 10.0 + 0.5 * 5.0) / 2.5),  # the path at the edge in part
        (1.0, hedge.mean()),
    ):
        assert worst_mean(first, hedge, share=share).estimate == pytest.approx(expected)
    assert worst_mean(np.zeros(8), hedge).estimate == pytest.approx(hedge.mean())  # all alike: all count
    heavy = SampleDesign(weights=np.where(first == -9.0, 2.0, 1.0))
    assert worst_mean(first, hedge, heavy, 2.0 / 9.0).estimate == pytest.approx(30.0)


def outcomes(first: np.ndarray, hedge: np.ndarray) -> PathOutcomes:
    return outcomes_of(EQUITY[:, : first.size], with_periods=False, first_engine_pnl=first, hedge_pnl=hedge)


def sample(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    x, noise = rng.standard_normal((2, n))
    return 1000.0 * x, -400.0 * x - 50.0 + 300.0 * noise


def test_payoffs_of_jointly_normal_engines() -> None:
    """With H = -0.4 F - 50 + noise the worst 5% of F have a mean of -1000 pdf(z) / 0.05."""
    first, hedge = sample(np.random.default_rng(1), 3000)
    tail = -1000.0 * stats.norm.pdf(stats.norm.ppf(0.05)) / 0.05
    truths = {
        "hedge_cost_per_year": 50.0 * A_YEAR,
        "hedge_payoff_worst_5": -0.4 * tail - 50.0,
        "hedge_offset_worst_5": -(-0.4 * tail - 50.0) / tail,
    }
    for name, truth in truths.items():
        result = HEDGES[name].compute(outcomes(first, hedge))
        assert abs(result.estimate - truth) < 4.0 * result.standard_error, name
        assert abs(result.estimate - 2.0 * truth) > 4.0 * result.standard_error, name


@pytest.mark.parametrize("name", HEDGES)
def test_errors_are_those_of_the_bootstrap(name: str) -> None:
    first, hedge = sample(np.random.default_rng(2), 3000)
    bootstrap = IIDBootstrap(np.stack([first, hedge], axis=1), seed=np.random.default_rng(3))

    def plain(rows: np.ndarray) -> np.ndarray:
        order = np.argsort(rows[:, 0])[: rows.shape[0] // 20]
        paid, lost = rows[order, 1].mean(), rows[order, 0].mean()
        return np.atleast_1d(
            {"hedge_cost_per_year": -rows[:, 1].mean() * A_YEAR, "hedge_payoff_worst_5": paid}.get(name, -paid / lost)
        )

    result = HEDGES[name].compute(outcomes(first, hedge))
    assert result.estimate == pytest.approx(float(plain(np.stack([first, hedge], axis=1))[0]), rel=1e-9)
    resampled = bootstrap.apply(plain, 1000)
    assert result.standard_error == pytest.approx(resampled.std(ddof=1), rel=0.12)


def test_a_strategy_without_hedges_pays_nothing() -> None:
    first, _ = sample(np.random.default_rng(4), 400)
    for statistic in HEDGES.values():
        result = statistic.compute(outcomes(first, np.zeros(400)))
        assert (result.estimate, result.standard_error, result.note) == (0.0, 0.0, "")


def test_a_first_engine_that_never_loses_has_nothing_to_offset() -> None:
    first = np.abs(sample(np.random.default_rng(5), 400)[0])
    result = HEDGES["hedge_offset_worst_5"].compute(outcomes(first, np.ones(400)))
    assert math.isnan(result.estimate)
    assert result.note == "the first engine loses nothing where it does worst"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["hedge_payoff_worst_5", "hedge_offset_worst_5"])
def test_intervals_cover_the_truth(name: str) -> None:
    rng, n_runs, n_paths, hits = np.random.default_rng(6), 1000, 2000, 0
    tail = -1000.0 * stats.norm.pdf(stats.norm.ppf(0.05)) / 0.05
    truth = -0.4 * tail - 50.0
    truth = truth if name == "hedge_payoff_worst_5" else -truth / tail
    for _ in range(n_runs):
        result = HEDGES[name].compute(outcomes(*sample(rng, n_paths)))
        hits += result.ci_low <= truth <= result.ci_high
    assert 0.93 <= hits / n_runs <= 0.97


def test_the_order_in_which_engines_are_written_changes_no_statistic() -> None:
    """P&L and costs of the first engine and of the others are told by the condor's name, not by its place."""
    rng = np.random.default_rng(8)
    pnl, cost = rng.normal(0.0, 1e4, (3, 50)), rng.uniform(0.0, 100.0, (3, 50))
    names = ["iron_condor", "layer1_call_spread", "var_stop"]
    engines = [{"engine": "iron_condor"}, {"engine": "layer1_call_spread"}]
    config = parse_experiment(
        {"name": "order", "days": 10, "scenarios": {"a": {"model": "svcj", "preset": "svcj_index_2018"}}}
        | {"strategies": {"book": {"engines": engines}}}
    )
    made = [
        path_outcomes(
            config,
            lambda name: np.zeros(50),
            pnl[order],
            cost[order],
            engines=[names[i] for i in order],
            rate=0.0,
            pooled={},
        )
        for order in ([0, 1, 2], [2, 0, 1], [1, 2, 0])
    ]
    for other in made[1:]:
        for name in ("first_engine_pnl", "hedge_pnl", "first_engine_cost", "hedge_cost"):
            np.testing.assert_allclose(getattr(other, name), getattr(made[0], name), rtol=1e-12)
    np.testing.assert_array_equal(made[0].first_engine_pnl, pnl[0] - cost[0])
