"""Macro factors: stationary moments against closed forms, signs of their loadings, surprises on release days only."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from models.errors import ModelParameterError
from models.macro import FACTORS, MEANINGS, SURPRISES, MacroFactor, MacroMeaning, stationary_covariance
from models.macro_paths import simulate_factors, simulate_reit_returns, simulate_surprise
from models.protocols import PathBlock, SimulationGrid, Stream
from models.shocks import RETURN_SCALE, VIX_SCALE, equity_shocks, variance_shocks
from tests.toy_market import chosen_paths, toy_paths

STREAM = Stream(seed=20181231, scenario=4)
N_PATHS = 6000


def gaussian_paths(correlation: float, n_days: int = 400) -> PathBlock:
    """Closes whose shocks are standard normals with a given correlation, independent from day to day."""
    rng = np.random.default_rng(11)
    v = rng.standard_normal((n_days, N_PATHS))
    e = correlation * v + math.sqrt(1.0 - correlation**2) * rng.standard_normal((n_days, N_PATHS))
    vix = 20.0 * np.exp(np.concatenate([np.zeros((1, N_PATHS)), np.cumsum(VIX_SCALE * v, axis=0)]))
    deviation = RETURN_SCALE * vix[:-1] / (100.0 * math.sqrt(252.0))
    log_spot = np.concatenate([np.zeros((1, N_PATHS)), np.cumsum(deviation * e, axis=0)])
    return chosen_paths(4000.0 * np.exp(log_spot), vix, 0)


def test_shocks_are_moves_in_units_of_what_was_expected() -> None:
    paths = chosen_paths(np.array([[4000.0], [4040.0]]), np.array([[20.0], [18.0]]), 0)
    # ln 1.01 = 0.00995033 over 0.84 x 0.20 / sqrt(252) = 0.0105830; ln 0.9 = -0.105361 over 0.0695
    np.testing.assert_allclose(equity_shocks(paths)[:, 0], [0.0, 0.940219], rtol=1e-5)
    np.testing.assert_allclose(variance_shocks(paths)[:, 0], [0.0, -1.515981], rtol=1e-5)


FAST = {
    "p_cf": MacroFactor(half_life=12.0, equity=0.5, variance=-0.2, valuation=0.4),
    "ddm_gap": MacroFactor(half_life=30.0, equity=0.3, variance=0.4, valuation=0.6),
    "reit_vol": MacroFactor(half_life=5.0),
}


def score(found: float, expected: float, n: int) -> float:
    """Distance of a covariance of ``n`` independent pairs from its expectation, in standard errors (at most)."""
    return abs(found - expected) / math.sqrt(2.0 / n)


@pytest.mark.parametrize("correlation", [0.0, -0.7])
def test_long_run_covariances_are_the_closed_form(correlation: float) -> None:
    """After 400 sessions, more than 13 half-lives of the slowest factor."""
    values = simulate_factors(FAST, gaussian_paths(correlation), STREAM)
    for one, first in FAST.items():
        for other, second in FAST.items():
            found = float(np.mean(values[one][-1] * values[other][-1]))
            expected = stationary_covariance(first, second, correlation)
            assert score(found, expected, N_PATHS) < 4.0, (one, other)
    # by hand: phi = 0.5 ** (1 / 12) and 0.5 ** (1 / 30)
    phi, psi = 0.5 ** (1 / 12), 0.5 ** (1 / 30)
    innovation = 0.5 * 0.3 - 0.2 * 0.4 + 0.4 * 0.6 + correlation * (0.5 * 0.4 - 0.2 * 0.3)
    by_hand = innovation * math.sqrt((1 - phi**2) * (1 - psi**2)) / (1 - phi * psi)
    assert stationary_covariance(FAST["p_cf"], FAST["ddm_gap"], correlation) == pytest.approx(by_hand, rel=1e-12)


def test_a_wrong_half_life_would_be_found_out() -> None:
    values = simulate_factors(FAST, gaussian_paths(0.0), STREAM)
    found = float(np.mean(values["p_cf"][-1] * values["ddm_gap"][-1]))
    wrong = stationary_covariance(FAST["p_cf"], replace(FAST["ddm_gap"], half_life=200.0))
    assert score(found, wrong, N_PATHS) > 6.0


def test_variances_are_one_without_correlated_shocks() -> None:
    for factor in FACTORS.values():
        assert stationary_covariance(factor, factor) == pytest.approx(1.0, rel=1e-12)


@pytest.mark.parametrize("lag", [1, 12, 40])
def test_a_deviation_halves_in_its_half_life(lag: int) -> None:
    values = simulate_factors(FAST, gaussian_paths(0.0), STREAM)["p_cf"]
    found = float(np.corrcoef(values[-1 - lag], values[-1])[0, 1])
    expected = 0.5 ** (lag / 12)
    assert abs(found - expected) < 4.0 * (1.0 - expected**2) / math.sqrt(N_PATHS)


@pytest.mark.parametrize("name", FACTORS)
def test_defaults_answer_to_the_market_with_the_signs_they_declare(name: str) -> None:
    """Correlation of a day's change with the day's shocks is the loading, to first order in 1 / half-life."""
    paths, factor = gaussian_paths(0.0, 50), FACTORS[name]
    values = simulate_factors({name: factor}, paths, STREAM)[name]
    change = values[1:] - factor.decay * values[:-1]
    for shock, loading in ((equity_shocks(paths), factor.equity), (variance_shocks(paths), factor.variance)):
        found = np.corrcoef(change.ravel(), shock[1:].ravel())[0, 1]
        assert abs(found - loading) < 4.0 / math.sqrt(change.size)


def test_valuation_factors_share_a_shock_and_others_do_not() -> None:
    paths = gaussian_paths(0.0, 50)
    values = simulate_factors(FACTORS, paths, STREAM)

    def own(name: str) -> Any:
        factor = FACTORS[name]
        change = (values[name][1:] - factor.decay * values[name][:-1]) / math.sqrt(1.0 - factor.decay**2)
        return change - factor.equity * equity_shocks(paths)[1:] - factor.variance * variance_shocks(paths)[1:]

    shared = np.mean(own("p_cf") * own("ddm_gap"))
    assert abs(shared - 0.45 * 0.55) < 0.01
    assert abs(np.mean(own("p_cf") * own("rate_diff"))) < 0.01


def test_surprises_live_on_release_days() -> None:
    paths = chosen_paths(np.full((30, 4000), 4000.0), 20.0, 5)
    release = np.zeros(30, dtype=np.bool_)
    release[[3, 12, 29]] = True
    cpi, ppi = (simulate_surprise(name, release, paths, STREAM) for name in SURPRISES)
    np.testing.assert_array_equal(cpi[~release], 0.0)
    for row in (3, 12, 29):
        assert abs(cpi[row].mean()) < 4.0 / math.sqrt(4000)
        assert abs(cpi[row].std() - 1.0) < 4.0 / math.sqrt(8000)
        assert abs(np.corrcoef(cpi[row], ppi[row])[0, 1]) < 4.0 / math.sqrt(4000)
    assert abs(np.corrcoef(cpi[3], cpi[12])[0, 1]) < 4.0 / math.sqrt(4000)


def test_a_factor_knows_no_later_closes_no_other_paths_and_no_other_factors() -> None:
    paths = toy_paths(SimulationGrid(n_days=30, warmup_days=10), 6)
    whole = simulate_factors(FACTORS, paths, STREAM)
    spot, vix = paths.spot.copy(), paths.vix.copy()
    spot[21:] *= 0.8
    vix[21:] *= 1.5
    changed = simulate_factors(FACTORS, replace(paths, spot=spot, vix=vix), STREAM)
    part = replace(paths, spot=paths.spot[:, 2:], vix=paths.vix[:, 2:], state=paths.state[:, :, 2:])
    cut = simulate_factors(FACTORS, part, replace(STREAM, first_path=2))
    for name, factor in FACTORS.items():
        np.testing.assert_array_equal(changed[name][:21], whole[name][:21])
        assert (changed[name][21] != whole[name][21]).all()
        np.testing.assert_array_equal(cut[name], whole[name][:, 2:])
        np.testing.assert_array_equal(simulate_factors({name: factor}, paths, STREAM)[name], whole[name])


def test_trusts_return_what_yesterdays_volatility_and_the_index_say() -> None:
    """Known volatility, 0.19 a year at level 0: deviation, correlation with the SPX; a wrong one is found out."""
    paths = gaussian_paths(-0.7, 40)
    level = np.zeros(paths.spot.shape)
    level[20:] = 1.0  # exp(0.4) times as volatile from here on
    returns = simulate_reit_returns(level, 0.65, paths, STREAM)
    np.testing.assert_array_equal(returns[0], 0.0)
    daily = 0.19 / math.sqrt(252.0)
    for rows, expected in ((slice(1, 21), daily), (slice(21, None), daily * math.exp(0.4))):
        n = returns[rows].size
        assert abs(returns[rows].std() / expected - 1.0) < 4.0 / math.sqrt(2.0 * n)
        found = np.corrcoef(returns[rows].ravel(), equity_shocks(paths)[rows].ravel())[0, 1]
        assert abs(found - 0.65) < 4.0 * (1.0 - 0.65**2) / math.sqrt(n)
        assert abs(found - 0.62) > 4.0 * (1.0 - 0.65**2) / math.sqrt(n)
    cut = simulate_reit_returns(level[:30], 0.65, replace(paths, spot=paths.spot[:30], vix=paths.vix[:30]), STREAM)
    np.testing.assert_array_equal(cut, returns[:30])


def test_every_factor_says_what_it_is() -> None:
    assert set(MEANINGS) == {*FACTORS, *SURPRISES}
    for meaning in MEANINGS.values():
        assert meaning.meaning
        assert meaning.unit
        assert meaning.spread > 0.0


def test_levels_are_centre_and_spread() -> None:
    plain = MacroMeaning(meaning="x", centre=5.0, spread=1.5, unit="%")
    logged = MacroMeaning(meaning="x", centre=0.2, spread=0.5, unit="decimal", is_log=True)
    np.testing.assert_allclose(plain.level(np.array([-2.0, 0.0, 1.0])), [2.0, 5.0, 6.5])
    np.testing.assert_allclose(logged.level(np.array([0.0, 2.0])), [0.2, 0.2 * math.e])


def test_loadings_that_explain_more_than_everything_are_refused() -> None:
    with pytest.raises(ModelParameterError, match=r"squares that sum to <= 1, got 1\.280"):
        MacroFactor(half_life=10.0, equity=0.8, valuation=0.8)
    with pytest.raises(ModelParameterError, match="half_life must be > 0"):
        MacroFactor(half_life=0.0)
