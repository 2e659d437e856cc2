"""States moved to a level of the VIX, and onto a curve of futures, in every kind of model."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.optimize import brentq

import models
from models.protocols import SESSIONS_PER_YEAR, Model, Stream
from models.rising_root import rising_root
from models.state_at_vix import has_two_speeds, state_on_curve, state_with_vix, states_at_vix
from models.steering import SteeredModel
from models.typical_state import typical_state

PRESETS = (
    "block_bootstrap_arch",
    "gjr_garch_2018",
    "heston_nandi_index_2018",
    "ngarch_2018",
    "path_dependent_2018",
    "quintic_ou_2018",
    "svcj_index_2018",
    "two_factor_log_sv_2018",
    "two_factor_svcj_c_2018",
)
ONE_FACTOR = ("gjr_garch_2018", "heston_nandi_index_2018", "svcj_index_2018")
LEVELS = (13.0, 21.0, 37.3, 82.7)


def model_of(preset: str) -> Model:
    chosen = models.load_preset(preset)
    return models.create(chosen.model, **chosen.parameters)


# roots


def test_roots_are_those_of_a_scalar_solver() -> None:
    rng = np.random.default_rng(11)
    shift, power = rng.uniform(-3.0, 3.0, 500), rng.uniform(0.3, 3.0, 500)

    def value(u: Any) -> Any:
        return np.sinh(power * (u - shift)) + 0.1 * (u - shift)

    found = rising_root(value, np.where(shift > 0, 0.1, -2.0), reach=4.0, tolerance=1e-13)
    expected = [brentq(lambda u, i=i: value(u)[i], -4.0, 4.0, xtol=1e-15) for i in range(0, 500, 25)]
    np.testing.assert_allclose(found[::25], expected, atol=1e-12)
    assert (np.abs(value(found)) < 1e-13).all()


def test_without_a_root_the_nearest_point_is_given() -> None:
    low = rising_root(lambda u: np.arctan(u) + 2.0, np.full(3, -1.0), reach=4.0)
    high = rising_root(lambda u: np.arctan(u) - 2.0, np.full(3, 1.0), reach=4.0)
    np.testing.assert_allclose([low, high], [[-4.0] * 3, [4.0] * 3])


def test_a_path_s_root_depends_on_no_other_path() -> None:
    model = model_of("path_dependent_2018")
    state = model.stationary_state(64, Stream(seed=3))
    vix = np.linspace(9.0, 90.0, 64)
    whole = state_with_vix(model, state, vix)
    halves = [
        state_with_vix(model, np.ascontiguousarray(state[:, part]), vix[part]) for part in (slice(0, 17), slice(17, 64))
    ]
    np.testing.assert_array_equal(np.concatenate(halves, axis=1), whole)


# levels


@pytest.mark.parametrize("preset", PRESETS)
def test_the_vix_is_met_from_any_state(preset: str) -> None:
    model = model_of(preset)
    state = model.stationary_state(1000, Stream(seed=5))
    for level in LEVELS:
        moved = state_with_vix(model, state, np.full(1000, level))
        np.testing.assert_allclose(model.exact_pricer().vix(moved), level, rtol=1e-9)
    np.testing.assert_allclose(model.exact_pricer().vix(states_at_vix(model, np.array(LEVELS))), LEVELS, rtol=1e-9)


@pytest.mark.parametrize("preset", ONE_FACTOR)
def test_one_factor_is_inverted_exactly(preset: str) -> None:
    model = model_of(preset)
    expected = np.array([typical_state(model, level)[0] for level in LEVELS])
    np.testing.assert_allclose(states_at_vix(model, np.array(LEVELS))[0], expected, rtol=1e-8)
    # wrong partner: the state at another VIX
    assert np.abs(states_at_vix(model, 1.01 * np.array(LEVELS))[0] / expected - 1.0).min() > 0.01


@pytest.mark.parametrize("preset", ["svcj_index_2018", "two_factor_svcj_c_2018", "quintic_ou_2018"])
def test_a_level_out_of_reach_leads_to_the_nearest_end(preset: str) -> None:
    model = model_of(preset)
    state = model.stationary_state(500, Stream(seed=6))
    lowest = model.exact_pricer().vix(state_with_vix(model, state, np.full(500, 6.0)))
    least = model.exact_pricer().vix(model.stationary_state(20_000, Stream(seed=7))).min()
    assert (lowest > 6.5).all()
    assert (lowest < 1.01 * least).all()


def test_a_state_that_has_the_vix_stays() -> None:
    for preset in PRESETS:
        model = model_of(preset)
        state = model.stationary_state(50, Stream(seed=8))
        np.testing.assert_allclose(state_with_vix(model, state, model.exact_pricer().vix(state)), state, rtol=1e-8)


def test_states_stay_within_the_price_tables() -> None:
    model = model_of("two_factor_svcj_c_2018")
    moved = state_with_vix(model, model.stationary_state(100, Stream(seed=9)), np.full(100, 300.0))
    axes = model.table_axes()  # type: ignore[attr-defined]
    np.testing.assert_allclose(moved.max(axis=1), [axis.high for axis in axes])


def test_a_hidden_regime_stays() -> None:
    chain, levels = ((0.98, 0.02), (0.05, 0.95)), (1.0, 3.0)
    model = models.create("regime_switching", base="svcj_index_2018", transition_p=chain, level_p=levels)
    state = model.stationary_state(300, Stream(seed=10))
    moved = state_with_vix(model, state, np.full(300, 40.0))
    np.testing.assert_array_equal(moved[0], state[0])
    np.testing.assert_allclose(model.exact_pricer().vix(moved), 40.0, rtol=1e-9)
    typical = states_at_vix(model, np.array([12.0, 60.0]))
    np.testing.assert_array_equal(typical[0], typical[0].round())


def test_the_model_below_steering_is_taken() -> None:
    model = model_of("svcj_index_2018")
    steered = SteeredModel(model=model, regime="calm", tilts=())
    vix = np.array([12.0, 30.0])
    np.testing.assert_array_equal(states_at_vix(steered, vix), states_at_vix(model, vix))


# curves


def future_of(model: Model, sessions: int) -> Any:
    pricer = model.exact_pricer()
    return lambda state: pricer.vix_future(state, sessions / SESSIONS_PER_YEAR)


@pytest.mark.parametrize("preset", ["two_factor_svcj_c_2018"])
def test_who_carries_the_vix_decides_the_curve(preset: str) -> None:
    model = model_of(preset)
    assert has_two_speeds(model)
    start = states_at_vix(model, np.array([16.0]))
    far = future_of(model, 84)
    moved = {by: state_with_vix(model, start, np.array([30.0]), carried_by=by) for by in ("fast", "typical", "slow")}  # type: ignore[arg-type]
    assert moved["fast"][1] == start[1]
    assert moved["slow"][0] == start[0]
    ratios = [float(far(moved[by])[0]) / 30.0 for by in ("fast", "typical", "slow")]
    assert ratios[0] < ratios[1] - 0.01 < ratios[2] - 0.02


def test_a_wanted_curve_is_met_where_the_model_has_it() -> None:
    model = model_of("two_factor_svcj_c_2018")
    start, vix = states_at_vix(model, np.array([16.0, 16.0, 30.0, 30.0])), np.array([16.0, 16.0, 30.0, 30.0])
    own = future_of(model, 63)(start)
    wanted = own * np.array([0.97, 1.0003, 0.95, 1.05])
    found = state_on_curve(model, start, vix, future_of(model, 63), wanted)
    np.testing.assert_allclose(model.exact_pricer().vix(found), vix, rtol=1e-9)
    np.testing.assert_allclose(future_of(model, 63)(found), wanted, rtol=1e-5)


def test_the_vix_comes_first_where_the_curve_is_out_of_reach() -> None:
    model = model_of("two_factor_svcj_c_2018")
    vix = np.array([30.0, 30.0])
    found = state_on_curve(model, states_at_vix(model, vix), vix, future_of(model, 63), np.array([8.0, 90.0]))
    np.testing.assert_allclose(model.exact_pricer().vix(found), vix, rtol=1e-9)
    low, high = future_of(model, 63)(found)
    assert 12.0 < low < 30.0 < high < 60.0


def test_one_factor_keeps_its_own_curve() -> None:
    model = model_of("svcj_index_2018")
    vix = np.array([30.0])
    state = states_at_vix(model, vix)
    np.testing.assert_array_equal(state_on_curve(model, state, vix, future_of(model, 63), np.array([20.0])), state)
