"""Daily and monthly P&L of all paths together: histograms against sorting, known laws, and repeated samples."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from sim.metrics.estimate import Estimate, SampleDesign, paired_difference
from sim.metrics.path_groups import N_GROUPS, group_of
from sim.metrics.pooled import (
    LEVELS,
    N_BINS,
    QUANTILES,
    RESOLUTION,
    SMALLEST,
    PooledPnl,
    count_pnl,
    edges,
    middles,
    pooled_estimates,
)
from tests.equity_cases import histogram

FloatArray = NDArray[np.float64]
EQUITY = 1e6


def equity_of(pnl: FloatArray) -> FloatArray:
    """Equity at closes from P&L by session, shape (n_days, n_paths)."""
    return np.vstack([np.full((1, pnl.shape[1]), EQUITY), EQUITY + np.cumsum(pnl, axis=0)])


def daily(seed: int, n_days: int = 30, n_paths: int = 400) -> FloatArray:
    return 5000.0 * np.random.default_rng(seed).standard_t(5, (n_days, n_paths))


@pytest.mark.parametrize("level", LEVELS.values())
def test_value_at_risk_and_shortfall_are_those_of_the_sorted_days(level: float) -> None:
    pnl = daily(1)
    pooled = histogram(equity_of(pnl), EQUITY)
    loss = np.sort(-pnl.ravel())[::-1]
    tail = round((1.0 - level) * loss.size, 9)
    whole = int(tail)
    shortfall = (loss[:whole].sum() + (tail - whole) * loss[whole]) / tail
    assert pooled.value_at_risk(level).estimate == pytest.approx(loss[math.ceil(tail) - 1], rel=1.01 * RESOLUTION)
    assert pooled.expected_shortfall(level).estimate == pytest.approx(shortfall, rel=0.5 * RESOLUTION)


def test_bins_are_narrow_and_cover_everything() -> None:
    cuts = edges()
    assert cuts.size == 2 * N_BINS + 2
    assert (np.diff(cuts) > 0.0).all()
    assert (cuts[1:] / cuts[:-1])[N_BINS + 1 :].max() == pytest.approx(1.0 + RESOLUTION)
    assert cuts[-1] > 100.0
    assert middles()[N_BINS] == 0.0
    values = np.array([-1e9, -1.0, -SMALLEST * 0.99, 0.0, SMALLEST * 1.01, 1.0, 1e9]) * EQUITY
    pooled = histogram(np.vstack([np.full(7, EQUITY), EQUITY + values]), EQUITY)
    found = np.flatnonzero(pooled.counts.sum(axis=0))
    assert pooled.counts.sum() == 7
    assert (found[0], found[-1]) == (0, 2 * N_BINS)
    inner = cuts[found[1]], cuts[found[1] + 1]
    assert inner[0] <= -1.0 <= inner[1]


def test_the_first_session_counts_from_the_equity_before_the_first_orders() -> None:
    equity = np.array([[990.0], [1000.0], [1200.0]])  # orders of day 0 cost 10
    pooled = histogram(equity, 1000.0)
    assert pooled.counts[:, N_BINS].sum() == 1  # 1000 after 1000: nothing gained
    assert pooled.quantile(1.0).estimate == pytest.approx(200.0, rel=RESOLUTION)


def test_months_do_not_overlap_and_whole_ones_count() -> None:
    pnl = np.arange(1.0, 51.0)[:, None] * 1000.0
    pooled = histogram(equity_of(pnl), EQUITY, step=21)
    months = [pnl[:21].sum(), pnl[21:42].sum()]
    assert pooled.counts.sum() == 2
    assert pooled.quantile(0.4).estimate == pytest.approx(months[0], rel=RESOLUTION)
    assert pooled.quantile(0.9).estimate == pytest.approx(months[1], rel=RESOLUTION)
    assert not histogram(equity_of(pnl[:20]), EQUITY, step=21).counts.any()


def test_counts_do_not_depend_on_the_cut_and_windows_count_their_own_sessions() -> None:
    pnl, rng = daily(2, 20, 50), np.random.default_rng(3)
    equity = equity_of(pnl).astype(np.float32)
    bits = rng.integers(0, 4, equity.shape).astype(np.uint32)
    weight, group = rng.random(50), group_of(50, 2)
    found = []
    for cuts in ([0, 50], [0, 7, 8, 31, 50]):
        counts = np.zeros((3, N_GROUPS, 2 * N_BINS + 1))
        for first, last in pairwise(cuts):
            part = slice(first, last)
            block = np.ascontiguousarray(equity[:, part]), bits[:, part], weight[part], group[part]
            count_pnl(block[0], EQUITY, 1, block[1], block[2], block[3], counts)
        found.append(counts)
    assert found[0].tobytes() == found[1].tobytes()
    for w in range(2):
        inside = (bits[1:] >> w) & 1
        assert found[0][1 + w].sum() == pytest.approx(float((inside * weight).sum()))
    assert found[0][0].sum() == pytest.approx(20 * weight.sum())


def test_a_normal_law() -> None:
    rng, n_paths = np.random.default_rng(4), 20_000
    pooled = histogram(equity_of(1000.0 * rng.standard_normal((20, n_paths))), EQUITY)
    for level in LEVELS.values():
        z = stats.norm.ppf(level)
        for result, truth in (
            (pooled.value_at_risk(level), 1000.0 * z),
            (pooled.expected_shortfall(level), 1000.0 * stats.norm.pdf(z) / (1.0 - level)),
        ):
            assert abs(result.estimate - truth) < 4.0 * result.standard_error + 0.5 * RESOLUTION * truth
            assert abs(result.estimate - 1.05 * truth) > 4.0 * result.standard_error  # another law is noticed
            assert result.standard_error < 0.02 * truth
    for probability in QUANTILES.values():
        result, truth = pooled.quantile(probability), 1000.0 * stats.norm.ppf(probability)
        assert abs(result.estimate - truth) < 4.0 * result.standard_error + 0.5 * RESOLUTION * abs(truth)
        assert abs(result.estimate - truth - 50.0) > 4.0 * result.standard_error  # another law is noticed
    assert pooled.tail_ratio().estimate == pytest.approx(1.0, abs=4.0 * pooled.tail_ratio().standard_error)


def spread_of(results: list[Estimate]) -> tuple[float, float]:
    """Deviation of the estimates over samples, and the mean of their standard errors."""
    return float(np.std([r.estimate for r in results], ddof=1)), float(np.mean([r.standard_error for r in results]))


@pytest.mark.parametrize("kind", ["value at risk", "expected shortfall", "tail ratio"])
def test_errors_are_those_of_repeated_samples(kind: str) -> None:
    """Days of a path share a scale, so errors of independent days would be far too small."""
    rng, n_runs, n_paths, n_days = np.random.default_rng(5), 300, 640, 40
    results = []
    for _ in range(n_runs):
        scale = rng.gamma(3.0, 1000.0, n_paths)
        pooled = histogram(equity_of(scale * rng.standard_normal((n_days, n_paths))), EQUITY)
        found = {
            "value at risk": lambda p=pooled: p.value_at_risk(0.95),
            "expected shortfall": lambda p=pooled: p.expected_shortfall(0.95),
            "tail ratio": lambda p=pooled: p.tail_ratio(),
        }
        results.append(found[kind]())
    spread, error = spread_of(results)
    assert error == pytest.approx(spread, rel=4.0 / math.sqrt(2 * n_runs))


@pytest.mark.slow
@pytest.mark.parametrize("level", [0.95, 0.99])
@pytest.mark.parametrize("kind", ["value_at_risk", "expected_shortfall"])
def test_intervals_cover_the_truth(kind: str, level: float) -> None:
    rng, n_runs, n_paths, n_days = np.random.default_rng(6), 1000, 2000, 40
    sample = rng.gamma(3.0, 1000.0, 4_000_000) * rng.standard_normal(4_000_000)
    edge = float(np.quantile(sample, level))
    truth = edge if kind == "value_at_risk" else float(sample[sample >= edge].mean())  # the law is symmetric
    hits = 0
    for _ in range(n_runs):
        scale = rng.gamma(3.0, 1000.0, n_paths)
        pooled = histogram(equity_of(scale * rng.standard_normal((n_days, n_paths))), EQUITY)
        result = getattr(pooled, kind)(level)
        hits += result.ci_low <= truth <= result.ci_high
    assert 0.93 <= hits / n_runs <= 0.97


def test_weights_and_pairs() -> None:
    pnl = daily(7, 10, 320)
    weight = np.where(np.arange(320) % 2 == 0, 2.0, 1.0)
    twice = np.repeat(pnl, weight.astype(int), axis=1)
    weighted = histogram(equity_of(pnl), EQUITY, design=SampleDesign(weights=weight))
    for name in ("value_at_risk", "expected_shortfall"):
        whole = getattr(histogram(equity_of(twice), EQUITY), name)(0.95).estimate
        assert getattr(weighted, name)(0.95).estimate == pytest.approx(whole, rel=1e-9)
    pairs = histogram(equity_of(np.repeat(pnl, 2, axis=1)), EQUITY, design=SampleDesign(cluster=2))
    single = histogram(equity_of(pnl), EQUITY).expected_shortfall(0.95)
    assert pairs.expected_shortfall(0.95).standard_error == pytest.approx(single.standard_error, rel=1e-6)


def test_paired_differences_use_common_paths() -> None:
    pnl = daily(8, 30, 640)
    first = histogram(equity_of(pnl), EQUITY).expected_shortfall(0.95)
    second = histogram(equity_of(1.1 * pnl), EQUITY).expected_shortfall(0.95)
    pair = paired_difference(first, second)
    assert pair.estimate == pytest.approx(0.1 * first.estimate, rel=0.02)
    assert pair.standard_error < 0.3 * math.hypot(first.standard_error, second.standard_error)


@pytest.mark.parametrize("kind", ["no day", "nothing happens", "one path", "only gains"])
def test_edge_cases(kind: str) -> None:
    if kind == "no day":
        found = pooled_estimates(PooledPnl(counts=np.zeros((N_GROUPS, 2 * N_BINS + 1)), scale=1.0), "daily", "none")
        assert all(math.isnan(item.estimate) and item.note == "none" for item in found.values())
        return
    pnl = {"nothing happens": np.zeros((5, 40)), "one path": daily(9, 50, 1), "only gains": np.full((5, 40), 300.0)}
    found = pooled_estimates(histogram(equity_of(pnl[kind]), EQUITY), "daily", "none")
    for name, item in found.items():
        assert math.isnan(item.estimate) == bool(item.note), name
        if kind == "one path":
            assert item.standard_error == math.inf
        elif not item.note:
            level = LEVELS[name.removeprefix("daily_expected_shortfall_")] if "shortfall" in name else 0.0
            has_tail = (1.0 - level) * pnl[kind].size > 2.0
            assert item.standard_error == pytest.approx(0.0 if has_tail else math.inf, abs=1e-9), name
    assert bool(found["daily_tail_ratio"].note) == (kind != "one path")
    if kind == "only gains":
        assert found["daily_value_at_risk_95"].estimate == pytest.approx(-300.0, rel=RESOLUTION)


def test_groups_keep_clusters_together() -> None:
    assert group_of(8, 2).tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    assert group_of(3, 1, first_path=N_GROUPS - 1).tolist() == [N_GROUPS - 1, 0, 1]
