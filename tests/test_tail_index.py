"""The tail index: samples of generalised Pareto laws, scipy's own fit, and laws whose tail is known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from sim.metrics.estimate import SampleDesign
from sim.metrics.tail_index import LEAST, pareto_shape, tail_index

SHAPES = [-0.5, -0.2, 0.0, 0.3]
of_shape = pytest.mark.parametrize("shape", SHAPES)


def losses(rng: np.random.Generator, shape: float, n: int) -> np.ndarray:
    """A law whose worst 5% exceed their threshold by a generalised Pareto law, as all of it does."""
    return np.asarray(stats.genpareto.rvs(shape, scale=1000.0, size=n, random_state=rng)) - 700.0


@of_shape
def test_the_shape_of_a_pareto_law_is_found(shape: float) -> None:
    result = tail_index(losses(np.random.default_rng(1), shape, 100_000))
    assert abs(result.estimate - shape) < 4.0 * result.standard_error
    assert abs(result.estimate - shape - 0.15) > 4.0 * result.standard_error
    assert result.standard_error < 0.05


@of_shape
def test_the_shape_is_that_of_scipys_likelihood(shape: float) -> None:
    """Both are consistent; on one sample they differ by part of their error, about (1 + shape) / root n."""
    excess = np.asarray(stats.genpareto.rvs(shape, size=5000, random_state=np.random.default_rng(2)))
    fitted = stats.genpareto.fit(excess, floc=0.0)[0]
    assert abs(pareto_shape(excess, np.ones(5000))[0] - fitted) < 4.0 / math.sqrt(5000)


def test_the_tail_of_a_student_law_is_a_power() -> None:
    """With 3 degrees of freedom the index is 1/3; far enough out, which 5% are not quite."""
    sample = stats.t.rvs(3, size=400_000, random_state=np.random.default_rng(3))
    assert tail_index(sample).estimate == pytest.approx(1.0 / 3.0, abs=0.07)
    assert tail_index(np.random.default_rng(4).standard_normal(400_000)).estimate < 0.0


def test_scale_and_place_do_not_matter() -> None:
    sample = losses(np.random.default_rng(5), 0.2, 5000)
    one, other = tail_index(sample), tail_index(1e6 + 17.0 * sample)
    assert (one.estimate, one.standard_error) == pytest.approx((other.estimate, other.standard_error), rel=1e-6)


@pytest.mark.slow
@of_shape
def test_intervals_cover_the_truth(shape: float) -> None:
    rng, n_runs, hits = np.random.default_rng(6), 1000, 0
    for _ in range(n_runs):
        result = tail_index(losses(rng, shape, 30_000))
        hits += result.ci_low <= shape <= result.ci_high
    assert 0.93 <= hits / n_runs <= 0.97


def test_weights_and_clusters() -> None:
    sample = losses(np.random.default_rng(7), 0.1, 8000)
    weight = np.where(np.arange(8000) < 4000, 2.0, 1.0)
    weighted = tail_index(sample, SampleDesign(weights=weight)).estimate
    assert weighted == pytest.approx(tail_index(np.repeat(sample, weight.astype(int))).estimate, abs=0.02)
    pairs = tail_index(np.repeat(sample, 2), SampleDesign(cluster=2))
    assert pairs.standard_error == pytest.approx(tail_index(sample).standard_error, rel=0.05)


@pytest.mark.parametrize("n", [1, 20 * LEAST - 20])
def test_few_paths_have_no_tail_index(n: int) -> None:
    result = tail_index(losses(np.random.default_rng(8), 0.1, n))
    assert math.isnan(result.estimate)
    assert result.note == f"fewer than {LEAST} paths lie above the 95% quantile"


def test_losses_that_are_all_alike_have_none() -> None:
    assert tail_index(np.zeros(5000)).note.startswith("fewer than")
    capped = np.where(np.arange(5000) < 200, 1000.0, 0.0)
    assert tail_index(capped).note == "the worst losses are all alike"
