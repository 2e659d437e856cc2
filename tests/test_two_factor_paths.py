"""Paths of models whose jumps follow the variance, against their own exact prices and moments."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray

from models.burn_in import burn_in_sessions
from models.errors import ModelParameterError
from models.protocols import SESSIONS_PER_YEAR, Measure, SimulationGrid, Start, Stream
from models.svcj import Svcj
from models.two_factor_paths import propagate_two_factor
from models.two_factor_svcj import TwoFactorSvcj
from tests.model_sets import STATE_INTENSITY, TWO_FACTOR

FloatArray = NDArray[np.float64]
AnyModel = Svcj | TwoFactorSvcj

SPOT, EXPIRY, N_PATHS = 4000.0, 42, 60_000
MODELS: dict[str, AnyModel] = {"two_factor": TWO_FACTOR, "state_intensity": STATE_INTENSITY}
STARTS = {"two_factor": np.array([0.015, 0.025]), "state_intensity": np.array([0.03])}
WRONG: dict[str, AnyModel] = {
    "two_factor": replace(TWO_FACTOR, jump_intensity_ratio=1.8),
    "state_intensity": replace(STATE_INTENSITY, jump_intensity_slope_q=24.0),
}
"""Partners that must fail: the same paths, priced with one parameter off."""
SPX = ((0.85, False), (0.95, False), (1.0, False), (1.0, True), (1.05, True))
VIX_STRIKES = np.array([14.0, 18.0, 25.0])


@cache
def paths(name: str, measure: Measure = "q") -> tuple[FloatArray, FloatArray]:
    """Spot (n_days, n_paths) and state (n_days, n_factors, n_paths)."""
    start = np.repeat(STARTS[name][:, None], N_PATHS, axis=1)
    log_return, states = MODELS[name].propagate(start, EXPIRY, Stream(seed=1809, scenario=2), measure=measure)
    return SPOT * np.exp(np.cumsum(log_return, axis=0)), states


def scores(today: FloatArray, sample: FloatArray) -> FloatArray:
    """Distance of sample means from today's values in standard errors."""
    error = sample.std(axis=-1, ddof=1) / np.sqrt(sample.shape[-1])
    return np.asarray((sample.mean(axis=-1) - today) / error)


def values(model: AnyModel, spot: FloatArray, state: FloatArray, sessions: int) -> FloatArray:
    """VIX future, VIX calls and SPX options of one expiry, undiscounted but for the SPX; (n_products, n)."""
    pricer, ttm = model.exact_pricer(), sessions / SESSIONS_PER_YEAR
    future = pricer.vix_future(state, ttm) if sessions else pricer.vix(state)
    calls = [pricer.vix_option(state, strike=k, ttm=ttm, is_call=True) for k in VIX_STRIKES]
    options = [pricer.spx_option(spot, state, strike=SPOT * k, ttm=ttm, is_call=is_call).price for k, is_call in SPX]
    return np.stack([future, *calls, *options])


def all_scores(name: str, day: int, pricing: AnyModel) -> FloatArray:
    """Scores of all products after ``day`` sessions, priced by ``pricing`` at both ends."""
    spot, state = (part[day - 1] for part in paths(name))
    index = slice(None) if day == EXPIRY else slice(0, 300)  # exact prices on every path would take minutes
    spot, state = spot[index], state[:, index]
    today = values(pricing, np.array([SPOT]), STARTS[name][:, None], EXPIRY)[:, 0]
    discount = np.exp(-pricing.rate * day / SESSIONS_PER_YEAR)
    shrink = np.r_[1.0, np.full(today.size - 1, discount)][:, None]
    return scores(today, shrink * values(pricing, spot, state, EXPIRY - day))


@pytest.mark.parametrize("name", list(MODELS))
@pytest.mark.parametrize("day", [21, EXPIRY])
def test_prices_are_martingales_along_paths_under_q(name: str, day: int) -> None:
    result = all_scores(name, day, MODELS[name])
    assert np.abs(result).max() < 4.0, result


@pytest.mark.parametrize("name", list(MODELS))
def test_paths_priced_with_a_wrong_parameter_are_found_out(name: str) -> None:
    result = np.abs(all_scores(name, EXPIRY, WRONG[name]))
    assert result[:4].max() > 4.0
    assert result[4:].max() > 4.0


@pytest.mark.parametrize("name", list(MODELS))
def test_spot_grows_at_the_carry_under_q_and_earns_the_equity_premium_under_p(name: str) -> None:
    model = MODELS[name]
    years = np.arange(1, EXPIRY + 1) / SESSIONS_PER_YEAR
    carry = model.rate - model.dividend_yield
    for measure, growth in (("q", carry), ("p", carry + model.equity_premium)):
        spot = paths(name, measure)[0] * np.exp(-growth * years)[:, None]  # type: ignore[arg-type]
        assert np.abs(scores(np.full(EXPIRY, SPOT), spot)).max() < 4.0
    assert scores(np.array([SPOT]), (paths(name, "p")[0] * np.exp(-carry * years)[:, None])[-1:])[0] > 4.0


@pytest.mark.parametrize("measure", ["p", "q"])
@pytest.mark.parametrize("state", [(0.0, 0.0), (0.02, 0.05), (0.4, 0.01)])
def test_the_mean_of_both_variances_is_that_of_their_equations(measure: Measure, state: tuple[float, float]) -> None:
    days, n = 63, 40_000
    start = np.repeat(np.array(state)[:, None], n, axis=1)
    end = TWO_FACTOR.propagate(start, days, Stream(seed=12), measure=measure)[1][-1]
    # the linear equations of the means, by small steps
    d, v, dt = TWO_FACTOR.dynamics(measure), np.array(state), days / SESSIONS_PER_YEAR / 20_000
    for _ in range(20_000):
        jumps = (d.jump_intensity + d.jump_intensity_slope * v[0]) * d.variance_jump_mean
        fast = d.drift_fast + d.slow_to_fast * v[1] - d.kappa_fast * v[0] + jumps
        v = v + dt * np.array([fast, d.drift_slow - d.kappa_slow * v[1]])
    assert np.abs(scores(v, end)).max() < 4.0
    assert np.abs(scores(v * 1.1 + 1e-3, end)).max() > 4.0


def test_one_step_a_day_is_enough() -> None:
    """Four steps a day move a month's option prices by less than half of a bid-ask spread of 1% of the price."""
    start = np.repeat(STARTS["two_factor"][:, None], 200_000, axis=1)
    means = []
    for steps in (1, 4):
        move, states = propagate_two_factor(TWO_FACTOR, start, 21, Stream(seed=31), measure="q", steps_per_day=steps)
        spot, vix = np.exp(move.sum(axis=0)), TWO_FACTOR.exact_pricer().vix(states[-1])
        payoffs = np.stack([np.maximum(0.95 - spot, 0), np.maximum(spot - 1.0, 0), vix, np.maximum(vix - 25.0, 0)])
        means.append((payoffs.mean(axis=1), payoffs.std(axis=1) / np.sqrt(spot.size)))
    (one, error), (four, other) = means
    assert np.all(np.abs(one / four - 1.0) < 0.005 + 4.0 * np.hypot(error, other) / four)


# stationary law


@pytest.mark.parametrize("name", list(MODELS))
@pytest.mark.parametrize("measure", ["p", "q"])
def test_stationary_draws_have_the_stationary_mean_and_stay(name: str, measure: Measure) -> None:
    model = MODELS[name]
    state = model.stationary_state(20_000, Stream(seed=77), measure=measure)
    mean = np.atleast_1d(model.dynamics(measure).stationary_mean)
    assert np.abs(scores(mean, state)).max() < 4.0
    later = model.propagate(state, 126, Stream(seed=78), measure=measure)[1][-1]
    for now, then in zip(np.log(state + 1e-3), np.log(later + 1e-3), strict=True):
        difference = then.mean() - now.mean()
        assert abs(difference) < 4.0 * np.sqrt((now.var() + then.var()) / now.size)
        spread = (then - then.mean()) ** 2, (now - now.mean()) ** 2
        assert abs(spread[0].mean() - spread[1].mean()) < 4.0 * np.sqrt((spread[0].var() + spread[1].var()) / now.size)


def test_the_stationary_variance_is_that_of_the_moment_equations() -> None:
    """Second moments of the two variances solve linear equations; solved here at rest."""
    d = TWO_FACTOR.dynamics("p")
    m1, m2 = d.stationary_mean
    slow = d.vol_of_vol_slow**2 * m2 / (2.0 * d.kappa_slow)
    cross = d.slow_to_fast * slow / (d.reversion_fast + d.kappa_slow)
    jumps = 2.0 * d.variance_jump_mean**2 * (d.jump_intensity + d.jump_intensity_slope * m1)
    fast = (d.vol_of_vol_fast**2 * m1 + jumps + 2.0 * d.slow_to_fast * cross) / (2.0 * d.reversion_fast)
    state = TWO_FACTOR.stationary_state(100_000, Stream(seed=79))
    central = state - np.array([[m1], [m2]])
    moments = np.stack([central[0] ** 2, central[1] ** 2, central[0] * central[1]])
    assert np.abs(scores(np.array([fast, slow, cross]), moments)).max() < 4.0
    assert np.abs(scores(np.array([fast, slow, 0.0]), moments)).max() > 4.0


def test_a_burn_in_forgets_its_start_or_is_refused() -> None:
    sessions = burn_in_sessions(2.0)
    assert np.exp(-2.0 * sessions / SESSIONS_PER_YEAR) <= 1e-4 < np.exp(-2.0 * (sessions - 2) / SESSIONS_PER_YEAR)
    with pytest.raises(ModelParameterError, match=r"reverts to its mean at 0\.01 a year"):
        burn_in_sessions(0.01)


# addresses of the random numbers


@pytest.mark.parametrize("name", list(MODELS))
def test_paths_do_not_depend_on_how_they_are_cut(name: str) -> None:
    model, grid = MODELS[name], SimulationGrid(n_days=8, warmup_days=12)
    for start in (None, Start(state=tuple(STARTS[name]))):
        whole = model.simulate(grid, 300, Stream(seed=91, scenario=2), start=start)
        for first, n in ((0, 1), (1, 130), (131, 169)):
            part = model.simulate(grid, n, Stream(seed=91, scenario=2, first_path=first), start=start)
            np.testing.assert_array_equal(part.spot, whole.spot[:, first : first + n])
            np.testing.assert_array_equal(part.state, whole.state[:, :, first : first + n])


@pytest.mark.parametrize("name", list(MODELS))
def test_days_are_addressed_not_counted(name: str) -> None:
    state = np.repeat(STARTS[name][:, None], 1500, axis=1)
    model = MODELS[name]
    whole = model.propagate(state, 10, Stream(seed=3))
    first = model.propagate(state, 4, Stream(seed=3))
    rest = model.propagate(first[1][-1], 6, Stream(seed=3), first_day=4)
    np.testing.assert_array_equal(np.concatenate([first[1], rest[1]]), whole[1])
    np.testing.assert_array_equal(np.concatenate([first[0], rest[0]]), whole[0])


@pytest.mark.parametrize("name", list(MODELS))
def test_without_premia_p_and_q_are_the_same_law(name: str) -> None:
    model = MODELS[name].scaled_premium(variance=0.0, equity=0.0)
    state = np.repeat(STARTS[name][:, None], 500, axis=1)
    p, q = (model.propagate(state, 20, Stream(seed=5), measure=measure) for measure in ("p", "q"))  # type: ignore[arg-type]
    np.testing.assert_array_equal(p[0], q[0])
    np.testing.assert_array_equal(p[1], q[1])


def test_normals_of_the_kernel_are_shared_by_no_two_uses() -> None:
    """Shocks recovered from a calm model: those of fast, slow and price are uncorrelated over paths and days."""
    calm = replace(
        TWO_FACTOR,
        **{"jump_intensity_base": 0.0, "jump_intensity_slope": 0.0, "slow_to_fast": 0.0, "rho_fast": 0.0},
        **{"rho_slow": 0.0, "vol_of_vol_fast": 0.05, "vol_of_vol_slow": 0.05},
    )
    move, states = calm.propagate(np.full((2, 20_000), 0.04), 2, Stream(seed=8))
    second = states[1, 0] - np.exp(-11.0 / SESSIONS_PER_YEAR) * states[0, 0]
    shocks = np.stack([states[0, 0], states[0, 1], move[0], second, move[1]])
    off = np.corrcoef(shocks) - np.eye(5)
    assert np.abs(off).max() < 4.0 / np.sqrt(20_000)


@pytest.mark.parametrize(
    ("state", "message"),
    [(np.full((1, 3), 0.02), r"shape \(2, n_paths\)"), (np.array([[0.02], [-0.01]]), "finite and >= 0")],
)
def test_states_that_cannot_be_are_refused(state: FloatArray, message: str) -> None:
    with pytest.raises(ModelParameterError, match=message):
        TWO_FACTOR.propagate(state, 3, Stream(seed=1))


def test_an_intensity_without_slope_moves_paths_as_before() -> None:
    """A slope of nearly nothing takes the other kernel and must arrive at the same paths."""
    flat = replace(STATE_INTENSITY, jump_intensity_slope_p=0.0, jump_intensity_slope_q=0.0)
    nearly = replace(flat, jump_intensity_slope_p=1e-12)
    state = np.full((1, 4000), 0.03)
    one, other = (model.propagate(state, 30, Stream(seed=4)) for model in (flat, nearly))
    np.testing.assert_allclose(one[0], other[0], rtol=1e-7, atol=1e-12)
    np.testing.assert_allclose(one[1], other[1], rtol=1e-7, atol=1e-12)
