"""Scripts over the paths of a model: exact where they speak, the model's own everywhere else."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

import models
from models.errors import ModelParameterError
from models.protocols import SESSIONS_PER_YEAR, Model, PathBlock, SimulationGrid, Start, Stream
from models.scripted import ScriptedModel, ScriptedPart
from models.state_at_vix import state_with_vix
from models.steering import SteeredModel, Tilt

PATHS, STREAM = 200, Stream(seed=77, scenario=9)
GRID = SimulationGrid(n_days=40, warmup_days=20)
PRESETS = ("svcj_index_2018", "two_factor_svcj_c_2018", "path_dependent_2018", "block_bootstrap_arch")
CRASH = (
    ScriptedPart(first_day=9, log_return=np.log(0.8), vix=80.0),
    ScriptedPart(first_day=10, log_shock=-0.02, vix_points=-5.0),
    ScriptedPart(first_day=14, sessions=10, log_return=-0.05, vix=35.0),
)


@cache
def model_of(preset: str) -> Model:
    chosen = models.load_preset(preset)
    return models.create(chosen.model, **chosen.parameters)


def simulate(model: Model, **more: Any) -> PathBlock:
    return model.simulate(
        GRID, more.pop("n_paths", PATHS), more.pop("stream", STREAM), start=Start(vix=(12.0, 25.0)), **more
    )


@pytest.mark.parametrize("preset", PRESETS)
def test_scripted_sessions_are_what_the_script_says(preset: str) -> None:
    model = model_of(preset)
    own, paths = simulate(model), simulate(ScriptedModel(model=model, parts=CRASH))
    move = np.diff(np.log(paths.spot), axis=0)[GRID.warmup_days :]
    vix = paths.vix[GRID.warmup_days :]
    np.testing.assert_allclose(move[9], np.log(0.8), atol=1e-12)
    np.testing.assert_allclose(vix[10], 80.0, rtol=1e-9)
    np.testing.assert_allclose(move[14:24].sum(axis=0), -0.05, atol=1e-12)
    np.testing.assert_allclose(vix[24], 35.0, rtol=1e-9)
    # the model has its own moves on the way there
    assert move[14:20].std(axis=1).min() > 0.003
    assert np.log(vix[15:20]).std(axis=1).min() > 0.005
    # before the script all bits are those of the model
    first = GRID.warmup_days + 10
    np.testing.assert_array_equal(paths.spot[:first], own.spot[:first])
    np.testing.assert_array_equal(paths.state[:first], own.state[:first])
    np.testing.assert_array_equal(paths.vix, model.exact_pricer().vix(np.moveaxis(paths.state, 1, 0)))


@pytest.mark.parametrize("preset", PRESETS)
def test_a_shock_is_laid_over_the_model_s_own_move(preset: str) -> None:
    model = model_of(preset)
    paths = simulate(ScriptedModel(model=model, parts=CRASH))
    t = GRID.warmup_days + 10  # the close after the crash
    log_return, moved = model.propagate(paths.state[t], 1, STREAM, first_day=10)
    np.testing.assert_allclose(np.log(paths.spot[t + 1] / paths.spot[t]), log_return[0] - 0.02, atol=1e-12)
    np.testing.assert_allclose(paths.vix[t + 1], model.exact_pricer().vix(moved[0]) - 5.0, rtol=1e-9)
    # and free sessions go on from the shocked state
    log_return, moved = model.propagate(paths.state[t + 1], 3, STREAM, first_day=11)
    np.testing.assert_array_equal(paths.state[t + 2 : t + 5], moved)
    np.testing.assert_allclose(np.diff(np.log(paths.spot[t + 1 : t + 5]), axis=0), log_return, atol=1e-12)
    # wrong partner: not from the state of the unshocked path
    unshocked = simulate(model).state[t + 1]
    assert np.abs(model.propagate(unshocked, 3, STREAM, first_day=11)[1] - moved).max() > 1e-3


def test_prices_are_those_of_the_shocked_state() -> None:
    model = model_of("svcj_index_2018")
    paths = simulate(ScriptedModel(model=model, parts=CRASH[:1]))
    t, pricer = GRID.warmup_days + 10, model.exact_pricer()
    at_80 = state_with_vix(model, np.full((1, 1), 0.02), np.array([80.0]))
    future = pricer.vix_future(paths.state[t], 42 / SESSIONS_PER_YEAR)
    np.testing.assert_allclose(future, pricer.vix_future(at_80, 42 / SESSIONS_PER_YEAR)[0], rtol=1e-8)


def test_the_law_under_q_knows_no_script() -> None:
    model = model_of("svcj_index_2018")
    scripted = simulate(ScriptedModel(model=model, parts=CRASH), measure="q")
    np.testing.assert_array_equal(scripted.spot, simulate(model, measure="q").spot)


def test_blocks_do_not_matter() -> None:
    for preset in PRESETS:
        scripted = ScriptedModel(model=model_of(preset), parts=CRASH)
        whole = simulate(scripted, n_paths=60)
        part = simulate(scripted, n_paths=20, stream=Stream(seed=77, scenario=9, first_path=40))
        np.testing.assert_array_equal(part.spot, whole.spot[:, 40:])
        np.testing.assert_array_equal(part.state, whole.state[:, :, 40:])


def test_a_call_that_starts_inside_a_part_goes_on_in_proportion() -> None:
    scripted = ScriptedModel(model=model_of("svcj_index_2018"), parts=CRASH)
    state = scripted.stationary_state(10, STREAM)
    log_return, _ = scripted.propagate(state, 5, STREAM, first_day=19)  # five of ten sessions are over
    np.testing.assert_allclose(log_return.sum(axis=0), -0.025, atol=1e-12)
    empty, none = scripted.propagate(state, 0, STREAM, first_day=3)
    assert empty.shape == (0, 10)
    assert none.shape == (0, 1, 10)


def test_a_steered_model_can_be_scripted() -> None:
    model = model_of("svcj_index_2018")
    centre = float(np.log(20.0))
    tilt = Tilt(log_vix=2.0, log_return=0.0, centre=centre, log_vix_deviation=0.1, log_return_deviation=0.01)
    steered = SteeredModel(model=model, regime="calm", tilts=(tilt,) * 30)
    own, paths = simulate(steered, n_paths=20), simulate(ScriptedModel(model=steered, parts=CRASH[:1]), n_paths=20)
    t = GRID.warmup_days + 10
    np.testing.assert_array_equal(paths.spot[:t], own.spot[:t])
    np.testing.assert_allclose(paths.vix[t], 80.0, rtol=1e-9)


def test_the_curve_is_led_where_the_script_wants_it() -> None:
    model = model_of("two_factor_svcj_c_2018")
    start, tables = Start(vix=(12.0, 25.0)), model.exact_pricer()
    grid = SimulationGrid(n_days=3, warmup_days=2)

    def ratio(wanted: float | None) -> Any:
        curve = None if wanted is None else (42, wanted)
        part = ScriptedPart(first_day=1, log_return=-0.04, vix=37.0, curve=curve)
        paths = ScriptedModel(model=model, parts=(part,), pricer=tables).simulate(grid, 4, STREAM, start=start)
        np.testing.assert_allclose(paths.vix[4], 37.0, rtol=1e-9)
        return tables.vix_future(paths.state[4], 42 / SESSIONS_PER_YEAR) / 37.0

    own = ratio(None)
    np.testing.assert_allclose(ratio(0.70), 0.70, rtol=1e-5)
    assert np.abs(own - 0.70).min() > 0.01
    assert (ratio(0.20) > 0.30).all()  # no state of this model has such a curve


def test_faulty_parts_are_refused() -> None:
    model = model_of("svcj_index_2018")
    for arguments, match in (
        ({"first_day": -1}, "day >= 0"),
        ({"first_day": 0, "sessions": 0}, "last >= 1"),
        ({"first_day": 0, "vix": 0.0}, "vix of a part"),
        ({"first_day": 0, "sessions": 2, "vix_points": 1.0}, "parts of one session"),
    ):
        with pytest.raises(ModelParameterError, match=match):
            ScriptedPart(**arguments)  # type: ignore[arg-type]
    with pytest.raises(ModelParameterError, match="overlap"):
        ScriptedModel(model=model, parts=(ScriptedPart(first_day=0, sessions=3), ScriptedPart(first_day=2)))
    with pytest.raises(ModelParameterError, match="needs a pricer"):
        ScriptedModel(model=model, parts=(ScriptedPart(first_day=0, curve=(42, 0.8)),))
