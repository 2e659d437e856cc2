"""The premium dial of every preset: 0 makes P and Q one law, 1 is the preset, 2 twice as far; none is refused."""

from __future__ import annotations

import numpy as np
import pytest

import models
from models.errors import ModelParameterError
from models.premium_dial import dialled, with_premium
from models.protocols import Model, Stream

NAMES = [name for name in models.preset_names() if models.load_preset(name).model != "block_bootstrap"]
"""The bootstrap has no law of its own under Q, and tests of its own."""

SIMULATED = {"path_dependent_2018"}
"""Presets whose VIX is a regression on simulations of each scale: only their domain is looked at here."""


def made(preset: str) -> Model:
    chosen = models.load_preset(preset)
    return models.create(chosen.model, **chosen.parameters)


@pytest.mark.parametrize("preset", NAMES)
def test_without_premia_p_and_q_move_alike_and_with_them_they_do_not(preset: str) -> None:
    model, stream = made(preset), Stream(seed=6)
    bare = model.scaled_premium(variance=0.0, equity=0.0)
    for chosen, is_same in ((bare, True), (model, False)):
        state = chosen.stationary_state(40, stream)
        p, q = (chosen.propagate(state, 3, stream, measure=measure) for measure in ("p", "q"))
        assert all(np.allclose(a, b, rtol=1e-9, atol=1e-12) for a, b in zip(p, q, strict=True)) is is_same


@pytest.mark.parametrize("preset", [name for name in NAMES if name not in SIMULATED])
def test_the_vix_of_one_state_grows_with_the_dial(preset: str) -> None:
    model = made(preset)
    state = np.median(model.stationary_state(40, Stream(seed=6)), axis=1)[:, None]
    scales = (0.0, 0.5, 1.0, 1.5, 2.0)
    levels = [float(model.scaled_premium(variance=scale).exact_pricer().vix(state)[0]) for scale in scales]
    assert levels[2] == pytest.approx(float(model.exact_pricer().vix(state)[0]), rel=1e-9)
    assert np.all(np.diff(levels) > 0.0)


def test_every_scale_of_a_simulated_preset_is_a_model() -> None:
    for preset in SIMULATED:
        for scale in (0.5, 1.5, 2.0):
            assert made(preset).scaled_premium(variance=scale) != made(preset)


@pytest.mark.parametrize("preset", models.preset_names())
def test_a_scale_that_is_refused_says_how_far_it_may_go(preset: str) -> None:
    model = made(preset)
    assert with_premium(model, variance=2.0, equity=0.5) == model.scaled_premium(variance=2.0, equity=0.5)
    try:
        model.scaled_premium(variance=10.0)
    except ModelParameterError:
        with pytest.raises(ModelParameterError, match=r"variance_premium_scale must be at most .* got 10: ") as refused:
            with_premium(model, variance=10.0, equity=1.0)
        most = float(str(refused.value).split("at most ")[1].split()[0])
        assert 2.0 < most < 10.0
        model.scaled_premium(variance=most)
        with pytest.raises(ModelParameterError):
            model.scaled_premium(variance=most + 0.02)
    else:
        assert with_premium(model, variance=10.0, equity=1.0) == model.scaled_premium(variance=10.0)


def test_the_scale_that_is_at_fault_is_named() -> None:
    """The premium of Heston-Nandi's variance is of one with that of its returns: too much of these is no model."""
    model = made("heston_nandi_2018")
    with pytest.raises(ModelParameterError, match=r"^equity_premium_scale must be at most .* got 10: ") as refused:
        with_premium(model, variance=1.0, equity=10.0)
    most = float(str(refused.value).split("at most ")[1].split()[0])
    assert model.scaled_premium(variance=1.0, equity=most) != model
    with pytest.raises(ModelParameterError):
        model.scaled_premium(variance=1.0, equity=most + 0.02)


@pytest.mark.parametrize("scale", [0.0, 1.0, 2.0, 10.0])
def test_a_grid_reaches_as_far_as_options_live_and_no_further(scale: float) -> None:
    """At ten times the premium the fast factor hardly reverts: its stationary law is wider than any option sees."""
    model = made("quintic_ou_2018").scaled_premium(variance=scale)
    (low, high), _ = model.reach_q()  # type: ignore[attr-defined]
    q = model.factors("q")  # type: ignore[attr-defined]
    for sessions in (21, 90, 280):
        _, constant, covariance = q.factor_law(sessions)
        side = 4.5 * np.sqrt(covariance[0, 0])
        assert low <= constant[0] - side
        assert high >= constant[0] + side
    assert high - low < 10.0
    if scale == 10.0:
        assert 2.0 * 5.0 * np.sqrt(q.stationary_covariance[0, 0]) > 200.0


def test_a_parameter_moves_on_its_line() -> None:
    assert dialled(0.1, 0.3, 1.0, is_log=True) == 0.3
    assert dialled(4.0, 2.0, 2.0, is_log=True) == pytest.approx(1.0)
    assert dialled(4.0, 2.0, 3.0, is_log=False) == pytest.approx(-2.0)
    assert dialled(-0.1, -0.3, 2.0, is_log=True) == pytest.approx(-0.5)


def test_the_fast_variance_reverts_to_a_mean_whatever_the_scale() -> None:
    model = made("two_factor_svcj_2018")
    nets = []
    for scale in (0.0, 1.0, 2.0, 4.0):
        q = model.scaled_premium(variance=scale).dynamics("q")  # type: ignore[attr-defined]
        nets.append(q.kappa_fast - q.jump_intensity_slope * q.variance_jump_mean)
    assert nets[2] == pytest.approx(nets[1] ** 2 / nets[0])
    assert nets[3] == pytest.approx(nets[1] ** 4 / nets[0] ** 3)
