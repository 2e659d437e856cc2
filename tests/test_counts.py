"""Quantiles of counts against those of scipy.stats."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from models.counts import negative_binomial_quantile, poisson_quantile
from sim.metrics.binomial import binomial_quantile

UNIFORMS = np.concatenate(
    [(np.array([0, 1, 2**32 - 2, 2**32 - 1]) + 0.5) / 2.0**32, np.random.default_rng(7).random(5000)]
)


@pytest.mark.parametrize("share", [1e-4, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.999])
def test_binomial_quantiles(share: float) -> None:
    numbers = [*range(1, 300), 10_000, 999_983, 10**9, 10**15]
    for probability in (0.025, 0.3, 0.975):
        found = [binomial_quantile(probability, n, share) for n in numbers]
        np.testing.assert_array_equal(found, stats.binom.ppf(probability, numbers, share))


@pytest.mark.parametrize("shape", [0.01, 0.3, 1.0, 2.7, 20.3, 1000.0])
@pytest.mark.parametrize("share", [0.001, 0.05, 0.5, 0.95])
def test_negative_binomial_quantiles(shape: float, share: float) -> None:
    found = negative_binomial_quantile(UNIFORMS, shape, share)
    np.testing.assert_array_equal(found, stats.nbinom.ppf(UNIFORMS, shape, share))


@pytest.mark.parametrize("mean", [1e-3, 0.1, 1.0, 3.0, 100.0])
def test_poisson_quantiles(mean: float) -> None:
    np.testing.assert_array_equal(poisson_quantile(UNIFORMS, mean), stats.poisson.ppf(UNIFORMS, mean))
