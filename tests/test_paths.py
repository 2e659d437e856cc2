"""Paths of the models: exact moments, stationary laws, starts with their history, and independence of the cutting."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray

import models
from models.errors import ModelParameterError
from models.heston_nandi import HestonNandi
from models.protocols import SESSIONS_PER_YEAR, Measure, Model, PathBlock, SimulationGrid, Start, Stream
from models.svcj import Svcj

FloatArray = NDArray[np.float64]

SVCJ = Svcj(
    kappa_p=5.0,
    kappa_q=3.0,
    theta_p=0.02,
    vol_of_vol=0.5,
    rho=-0.75,
    jump_intensity_p=2.0,
    jump_intensity_q=2.5,
    variance_jump_mean_p=0.03,
    variance_jump_mean_q=0.05,
    return_jump_mean_p=-0.02,
    return_jump_mean_q=-0.05,
    return_jump_std_p=0.02,
    return_jump_std_q=0.04,
    jump_correlation=-0.3,
    rate=0.03,
    dividend_yield=0.015,
    equity_premium=0.05,
)
HESTON_NANDI = HestonNandi(
    omega=1e-7, alpha=3.62e-6, beta=0.7585, gamma=241.76, equity_premium_coefficient=1.678, variance_ratio=1.24
)
MODELS: dict[str, Model] = {
    "svcj": SVCJ,
    "heston": models.create("heston", kappa_p=6.0, kappa_q=4.0, theta_p=0.03, vol_of_vol=0.6, rho=-0.7),
    "heston_nandi": HESTON_NANDI,
}
STARTS = {"stationary": None, "range": Start(vix=(16.0, 22.0)), "state": Start(state=(0.03,))}
GRID = SimulationGrid(n_days=25, warmup_days=30)


@cache
def block(name: str, start: str, measure: Measure = "p", n_paths: int = 600) -> PathBlock:
    return MODELS[name].simulate(GRID, n_paths, Stream(seed=91, scenario=2), start=STARTS[start], measure=measure)


def score(sample: FloatArray, expected: float) -> float:
    return float((sample.mean() - expected) / (sample.std(ddof=1) / np.sqrt(sample.size)))


# moments of one long step, by formulas of the continuous-time law


def svcj_mean(v: float, days: int, *, intensity: float = 2.0) -> float:
    """Mean of the variance by its linear differential equation."""
    target = 0.02 + intensity * 0.03 / 5.0
    return target + (v - target) * float(np.exp(-5.0 * days / SESSIONS_PER_YEAR))


@pytest.mark.parametrize("v", [0.0, 0.02, 0.3])
def test_svcj_variance_has_its_conditional_mean_and_variance(v: float) -> None:
    days, n = 21, 60_000
    state = SVCJ.propagate(np.full((1, n), v), days, Stream(seed=4), measure="p")[1][-1, 0]
    assert abs(score(state, svcj_mean(v, days))) < 4.0
    assert abs(score(state, svcj_mean(v, days, intensity=3.0))) > 4.0
    # d Var/dt = -2 kappa Var + vol_of_vol^2 E[v] + intensity E[z^2], integrated on a fine grid
    steps = 40_000
    dt, mean, variance = days / SESSIONS_PER_YEAR / steps, v, 0.0
    for _ in range(steps):
        variance += dt * (-10.0 * variance + 0.25 * mean + 2.0 * 2.0 * 0.03**2)
        mean += dt * (5.0 * (0.02 - mean) + 2.0 * 0.03)
    assert abs(score((state - state.mean()) ** 2, variance)) < 4.0


def test_svcj_returns_have_their_quadratic_variation() -> None:
    days, n, v = 21, 60_000, 0.05
    log_return = SVCJ.propagate(np.full((1, n), v), days, Stream(seed=6), measure="p")[0]
    time = days / SESSIONS_PER_YEAR
    target = 0.02 + 2.0 * 0.03 / 5.0
    diffusive = target * time + (v - target) * (1.0 - np.exp(-5.0 * time)) / 5.0
    jump_square = (-0.02 - 0.3 * 0.03) ** 2 + 0.02**2 + (0.3 * 0.03) ** 2
    compensated = log_return - log_return.mean(axis=1, keepdims=True)
    assert abs(score((compensated**2).sum(axis=0), diffusive + 2.0 * time * jump_square)) < 4.0


def test_heston_nandi_follows_its_recursion() -> None:
    """The noise is recovered from the returns, the recursion repeated in plain Python."""
    n = 200
    first = np.full((1, n), 0.04)
    log_return, state = HESTON_NANDI.propagate(first, 30, Stream(seed=8), measure="p")
    h = first[0] / SESSIONS_PER_YEAR
    noise = []
    for day in range(30):
        z = (log_return[day] - (1.678 - 0.5) * h) / np.sqrt(h)
        noise.append(z)
        h = 1e-7 + 0.7585 * h + 3.62e-6 * (z - 241.76 * np.sqrt(h)) ** 2
        np.testing.assert_allclose(state[day, 0], SESSIONS_PER_YEAR * h, rtol=1e-11)
    z = np.concatenate(noise)
    assert abs(score(z, 0.0)) < 4.0
    assert abs(score(z**2, 1.0)) < 4.0
    assert abs(score(z**4, 3.0)) < 4.0


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("measure", ["p", "q"])
def test_the_stationary_law_is_stationary(name: str, measure: Measure) -> None:
    model, n = MODELS[name], 40_000
    state = model.stationary_state(n, Stream(seed=10), measure=measure)
    later = model.propagate(state, 20, Stream(seed=11), measure=measure)[1][-1, 0]
    for power in (1.0, 2.0, 0.5):
        before, after = state[0] ** power, later**power
        assert abs(score(after - before, 0.0)) < 4.0, power
    wrong = model.propagate(1.2 * state, 20, Stream(seed=11), measure=measure)[1][-1, 0]
    assert abs(score(wrong - 1.2 * state[0], 0.0)) > 4.0


def test_the_stationary_mean_of_svcj_is_that_of_its_formula() -> None:
    state = SVCJ.stationary_state(60_000, Stream(seed=12), measure="p")[0]
    assert abs(score(state, 0.02 + 2.0 * 0.03 / 5.0)) < 4.0
    assert abs(score(state, 0.02 + 2.2 * 0.03 / 5.0)) > 4.0


# how paths are cut, and what their addresses mean


@pytest.mark.parametrize("start", STARTS)
@pytest.mark.parametrize("name", MODELS)
def test_paths_do_not_depend_on_how_they_are_cut_into_blocks(name: str, start: str) -> None:
    whole = block(name, start)
    for first, n in ((0, 1), (1, 130), (131, 469)):
        stream = Stream(seed=91, scenario=2, first_path=first)
        part = MODELS[name].simulate(GRID, n, stream, start=STARTS[start])
        np.testing.assert_array_equal(part.spot, whole.spot[:, first : first + n])
        np.testing.assert_array_equal(part.vix, whole.vix[:, first : first + n])
        np.testing.assert_array_equal(part.state, whole.state[:, :, first : first + n])


@pytest.mark.parametrize("name", MODELS)
def test_a_longer_horizon_only_adds_days(name: str) -> None:
    long = MODELS[name].simulate(
        SimulationGrid(n_days=40, warmup_days=30), 600, Stream(seed=91, scenario=2), start=STARTS["range"]
    )
    np.testing.assert_array_equal(long.spot[: GRID.n_times], block(name, "range").spot)


@pytest.mark.parametrize("other", [Stream(seed=92, scenario=2), Stream(seed=91, scenario=3)])
def test_another_seed_or_scenario_gives_other_paths(other: Stream) -> None:
    paths = SVCJ.simulate(GRID, 600, other, start=STARTS["state"])
    correlation = np.corrcoef(np.log(paths.spot[-1]), np.log(block("svcj", "state").spot[-1]))[0, 1]
    assert abs(correlation) < 4.0 / np.sqrt(600)


def test_days_are_addressed_not_counted() -> None:
    state = np.full((1, 50), 0.04)
    whole = SVCJ.propagate(state, 10, Stream(seed=3))
    first = SVCJ.propagate(state, 4, Stream(seed=3))
    rest = SVCJ.propagate(first[1][-1], 6, Stream(seed=3), first_day=4)
    np.testing.assert_array_equal(np.concatenate([first[1], rest[1]]), whole[1])
    np.testing.assert_array_equal(np.concatenate([first[0], rest[0]]), whole[0])


# starts


@pytest.mark.parametrize("name", MODELS)
def test_a_range_of_the_vix_is_met_on_day_0_and_history_leads_to_it(name: str) -> None:
    paths = block(name, "range")
    day0 = GRID.warmup_days
    assert paths.vix[day0].min() >= 16.0
    assert paths.vix[day0].max() <= 22.0
    np.testing.assert_allclose(paths.spot[day0], 4000.0, rtol=1e-12)
    pricer = MODELS[name].exact_pricer()
    np.testing.assert_allclose(paths.vix, pricer.vix(np.moveaxis(paths.state, 1, 0)), rtol=1e-12)
    assert paths.vix[0].std() > paths.vix[day0].std()
    step = np.log(paths.spot[day0 + 1] / paths.spot[day0])
    before = np.log(paths.spot[day0] / paths.spot[day0 - 1])
    assert 0.6 < before.std() / step.std() < 1.6  # history moves like the paths that follow it


def test_a_range_selects_from_the_stationary_law() -> None:
    """The VIX of day 0 given the range has the law of stationary draws inside the range."""
    paths = SVCJ.simulate(SimulationGrid(n_days=1, warmup_days=1), 4000, Stream(seed=7), start=Start(vix=(16.0, 22.0)))
    state = SVCJ.stationary_state(40_000, Stream(seed=55), measure="p")
    vix = SVCJ.exact_pricer().vix(state)
    inside = vix[(vix >= 16.0) & (vix <= 22.0)]
    difference = paths.vix[1].mean() - inside.mean()
    # windows of one pool path are alike; the pool has at least 200 independent ones
    error = inside.std() * np.sqrt(1.0 / inside.size + 1.0 / 200)
    assert abs(difference) < 4.0 * error
    assert abs(paths.vix[1].mean() - vix.mean()) > 4.0 * vix.std() * np.sqrt(1.0 / 200)


@pytest.mark.parametrize("name", MODELS)
def test_a_given_state_holds_on_every_day_of_the_history(name: str) -> None:
    paths = block(name, "state")
    np.testing.assert_array_equal(paths.state[: GRID.warmup_days + 1], 0.03)
    assert np.ptp(paths.vix[: GRID.warmup_days + 1]) == 0.0
    assert np.diff(np.log(paths.spot[: GRID.warmup_days + 1]), axis=0).std() > 0.0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"start": Start(vix=(300.0, 400.0))}, "VIX"),
        ({"start": Start(vix=(22.0, 16.0))}, "0 <= low < high"),
        ({"start": Start(vix=(16.0, 22.0), state=(0.03,))}, "got both"),
        ({"start": Start(state=(0.03, 0.02))}, "got 2 values"),
        ({"start": Start(state=(-0.03,))}, "state: variance must be finite and >= 0"),
        ({"spot0": 0.0}, "spot0 must be > 0"),
        ({"grid": SimulationGrid(n_days=0)}, "n_days must be > 0"),
        ({"n_paths": 0}, "n_paths must lie in"),
    ],
)
def test_a_start_that_cannot_be_is_refused(arguments: dict[str, object], message: str) -> None:
    given: dict[str, object] = {"grid": GRID, "n_paths": 10, **arguments}
    with pytest.raises(ModelParameterError, match=message):
        SVCJ.simulate(given.pop("grid"), given.pop("n_paths"), Stream(seed=1), **given)  # type: ignore[arg-type]
