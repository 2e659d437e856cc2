"""Breadth: the statistics of the real series on an existing preset, and its parts by hand."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from scipy.special import ndtr, ndtri
from scipy.stats import binom

import models
from models.breadth import Breadth
from models.breadth_paths import advancing_share, net_advances
from models.errors import ModelParameterError
from models.protocols import PathBlock, SimulationGrid, Stream
from tests.toy_market import chosen_paths, toy_paths

STREAM = Stream(seed=20181231, scenario=3)

# NYSE (advances - declines) / (advances + declines) with SPX and VIX closes, 1990-2018: name, value, and how far a
# simulation may lie from it, about half the spread of the statistic over six-year windows of that history
NYSE = {
    "mean": (0.022, 0.015),
    "std": (0.31, 0.03),
    "lag-1 autocorrelation": (0.10, 0.04),
    "correlation with the SPX return": (0.81, 0.03),
    "correlation with dlogVIX": (-0.70, 0.05),
    "1% quantile": (-0.73, 0.06),
    "99% quantile": (0.68, 0.06),
}


@cache
def preset_paths(name: str = "svcj_index_2018") -> PathBlock:
    preset = models.load_preset(name)
    model = models.create(preset.model, **preset.parameters)
    return model.simulate(SimulationGrid(n_days=2520, warmup_days=0), 60, STREAM)


def statistics(net: Any, paths: PathBlock) -> dict[str, float]:
    """Over all days of all paths; the autocorrelation is the mean of those of the paths."""
    net, returns = net[1:], np.diff(np.log(paths.spot), axis=0)
    vix = np.diff(np.log(paths.vix), axis=0)
    lagged = [np.corrcoef(net[1:, p], net[:-1, p])[0, 1] for p in range(net.shape[1])]
    return {
        "mean": net.mean(),
        "std": net.std(),
        "lag-1 autocorrelation": float(np.mean(lagged)),
        "correlation with the SPX return": np.corrcoef(net.ravel(), returns.ravel())[0, 1],
        "correlation with dlogVIX": np.corrcoef(net.ravel(), vix.ravel())[0, 1],
        "1% quantile": float(np.quantile(net, 0.01)),
        "99% quantile": float(np.quantile(net, 0.99)),
    }


def misses(breadth: Breadth) -> list[str]:
    found = statistics(net_advances(breadth, preset_paths(), STREAM), preset_paths())
    return [name for name, (value, reach) in NYSE.items() if not abs(found[name] - value) < reach]


def test_breadth_has_the_statistics_of_the_nyse() -> None:
    assert misses(Breadth()) == []


@pytest.mark.parametrize(
    ("change", "missed"),
    [
        ({"drift": 0.08}, "mean"),
        ({"idio_to_vix": 4.0}, "std"),
        ({"participation_std": 0.4}, "lag-1 autocorrelation"),
        ({"rotation_std": 0.4}, "correlation with the SPX return"),
        ({"vix_response": -0.5}, "correlation with dlogVIX"),
        ({"market_beta": 2.0}, "99% quantile"),
    ],
)
def test_other_parameters_have_not(change: dict[str, float], missed: str) -> None:
    assert missed in misses(replace(Breadth(), **change))


def test_divergences_occur() -> None:
    """The SPX up over 20 sessions and the A/D line down: on more than 2 days in 100, and on less than 25."""
    paths = preset_paths()
    line = np.cumsum(net_advances(Breadth(), paths, STREAM), axis=0)
    diverges = (paths.spot[20:] > paths.spot[:-20]) & (line[20:] < line[:-20])
    assert 0.02 < diverges.mean() < 0.25


def test_the_share_is_the_formula_of_the_module() -> None:
    """Without participation, rotation and response: Phi(beta r / sigma), sigma from the VIX of the day before."""
    bare = Breadth(
        drift=0.0, participation_std=0.0, vix_response=0.0, rotation_std=0.0, market_beta=1.2, idio_to_vix=2.5
    )
    paths = chosen_paths(np.array([[4000.0], [4080.0], [3998.4]]), np.array([[16.0], [14.0], [20.0]]), 1)
    share = advancing_share(bare, paths, STREAM)[:, 0]
    # 16% / sqrt(252) = 1.00791%, times 2.5 0.0251977; ln 1.02 = 0.0198026; then 14% and ln 0.98 = -0.0202027
    expected = ndtr([0.0, 1.2 * 0.0198026 / 0.0251977, -1.2 * 0.0202027 / 0.0220480])
    np.testing.assert_allclose(share, expected, rtol=1e-5)
    response = advancing_share(replace(bare, vix_response=0.75), paths, STREAM)[:, 0]
    shift = -0.75 * np.log([1.0, 14.0 / 16.0, 20.0 / 14.0])
    np.testing.assert_allclose(response, ndtr(np.array([0.0, 0.943065, -1.09957]) + shift), rtol=1e-4)


def test_the_number_of_advances_is_binomial() -> None:
    """Flat closes: all randomness is that of 500 stocks with one chance; mean, variance and quantiles."""
    n_paths, n = 20_000, 500
    bare = Breadth(n_stocks=n, drift=0.4, participation_std=0.0, vix_response=0.0, rotation_std=0.0)
    net = net_advances(bare, chosen_paths(np.full((3, n_paths), 4000.0), 20.0, 1), STREAM)[1]
    advances = 0.5 * n * (1.0 + net)
    np.testing.assert_allclose(advances, np.rint(advances), atol=1e-9)
    law = binom(n, ndtr(0.4))
    assert abs(advances.mean() - law.mean()) < 4.0 * law.std() / np.sqrt(n_paths)
    assert abs(advances.var() / law.var() - 1.0) < 4.0 * np.sqrt(2.0 / n_paths)
    for q in (0.05, 0.5, 0.95):
        assert abs(np.quantile(advances, q) - law.ppf(q)) <= 1.0


def test_participation_is_an_autoregression_with_its_half_life() -> None:
    """Flat closes and nothing else: the probit of the share is the factor; its deviation and autocorrelation."""
    n_paths = 4000
    only = Breadth(drift=0.0, participation_std=0.3, participation_correlation=0.0, vix_response=0.0, rotation_std=0.0)
    factor = ndtri(advancing_share(only, chosen_paths(np.full((201, n_paths), 4000.0), 20.0, 100), STREAM))
    assert abs(factor.std(axis=1) / 0.3 - 1.0).max() < 5.0 / np.sqrt(2.0 * n_paths)
    for lag, expected in ((1, 0.5 ** (1 / 40)), (40, 0.5), (80, 0.25)):
        found = np.corrcoef(factor[100], factor[100 + lag])[0, 1]
        assert abs(found - expected) < 4.0 * (1.0 - expected**2) / np.sqrt(n_paths)


@pytest.mark.parametrize("correlation", [-0.5, 0.0, 0.6])
def test_participation_answers_to_shocks_of_the_vix(correlation: float) -> None:
    """Its innovation is rho V + sqrt(1 - rho^2) noise: the correlation with V, whose deviation is that of the paths."""
    paths = toy_paths(SimulationGrid(n_days=60, warmup_days=0), 2000)
    only = Breadth(
        drift=0.0, market_beta=0.0, vix_response=0.0, rotation_std=0.0, participation_correlation=correlation
    )
    factor = ndtri(advancing_share(only, paths, STREAM))
    innovation = factor[1:] - 0.5 ** (1 / 40) * factor[:-1]
    shock = np.diff(np.log(paths.vix), axis=0)
    part = correlation * shock.std() / 0.0695
    expected = part / np.sqrt(part**2 + 1.0 - correlation**2)
    assert abs(np.corrcoef(innovation.ravel(), shock.ravel())[0, 1] - expected) < 4.0 / np.sqrt(shock.size)


def test_breadth_knows_no_later_closes_and_no_other_paths() -> None:
    paths = toy_paths(SimulationGrid(n_days=30, warmup_days=10), 6)
    net = net_advances(Breadth(), paths, STREAM)
    spot, vix = paths.spot.copy(), paths.vix.copy()
    spot[21:] *= 0.8
    vix[21:] *= 1.5
    changed = net_advances(Breadth(), replace(paths, spot=spot, vix=vix), STREAM)
    np.testing.assert_array_equal(changed[:21], net[:21])
    assert (changed[21] < net[21]).all()
    part = replace(paths, spot=paths.spot[:, 2:], vix=paths.vix[:, 2:], state=paths.state[:, :, 2:])
    cut = net_advances(Breadth(), part, replace(STREAM, first_path=2))
    np.testing.assert_array_equal(cut, net[:, 2:])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_stocks": 0}, "n_stocks must be > 0"),
        ({"idio_to_vix": 0.0}, "idio_to_vix must be > 0"),
        ({"rotation_std": -0.1}, "rotation_std must be >= 0"),
        ({"participation_correlation": 1.5}, "participation_correlation must lie in -1 .. 1"),
        ({"drift": float("nan")}, "drift must be a finite number"),
    ],
)
def test_parameters_outside_their_domain_are_refused(change: dict[str, float], message: str) -> None:
    with pytest.raises(ModelParameterError, match=message):
        Breadth(**change)  # type: ignore[arg-type]
