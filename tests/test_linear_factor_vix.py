"""VIX derivatives of models on two linear factors, against closed forms, other quadratures and brute force."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import models
from models.factor_noise import gaussian_noise
from models.kernels.vix_sums import vix_options
from models.linear_factor_pricer import SPACING
from models.linear_factor_vix import SMOOTH, squares, vix_slices
from models.log_variance_noise import log_variance_noise
from models.presets import load_preset
from models.protocols import SESSIONS_PER_YEAR, Stream
from models.two_factor_log_sv import TwoFactorLogSv
from models.two_factor_ou import TwoFactorOu
from tests.gaussian_vix import future_and_calls

FloatArray = NDArray[np.float64]

BERGOMI = {
    "mean_variance": 0.04,
    "vol_of_vol": 2.8,
    "reversion_fast_p": 8.0,
    "reversion_slow_p": 0.9,
    "reversion_fast_q": 7.0,
    "reversion_slow_q": 0.7,
    "weight_fast": 0.7,
    "rho": -0.75,
    "mean_fast_q": 0.02,
    "mean_slow_q": 0.2,
}
PARAMETERS: dict[str, dict[str, Any]] = {
    "two_factor_log_sv": dict(load_preset("two_factor_log_sv_2018").parameters),
    "quintic_ou": dict(load_preset("quintic_ou_stylised").parameters),
    "two_factor_bergomi": BERGOMI,
}
MODELS: dict[str, Any] = {name: models.create(name, **values) for name, values in PARAMETERS.items()}
STATES = {
    "two_factor_log_sv": np.array([[-0.8, 0.0, 0.5, 1.5], [-1.0, 0.0, 0.4, 2.0]]),
    "quintic_ou": np.array([[-0.1, 0.05, 0.2, 0.3], [-0.5, 0.4, 1.0, 2.0]]),
    "two_factor_bergomi": np.array([[-0.3, 0.05, 0.2, 0.5], [-0.5, 0.2, 0.8, 1.0]]),
}
LOG_SV: TwoFactorLogSv = MODELS["two_factor_log_sv"]
MONEYNESS = np.array([0.9, 1.0, 1.1, 1.25, 1.5])


@pytest.fixture(params=list(MODELS))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def priced(name: str, sessions: int, spacing: float) -> tuple[FloatArray, FloatArray]:
    """Futures (n_states,) and undiscounted calls (n_moneyness, n_states), on nodes of a given spacing."""
    model, states = MODELS[name], STATES[name]
    future = MODELS[name].exact_pricer().vix_future(states, sessions / SESSIONS_PER_YEAR)
    noise = model.noise(sessions, spacing)
    call = np.empty((MONEYNESS.size, future.size))
    everything = np.concatenate(list(squares(model, sessions, states, noise)))
    for row, moneyness in zip(call, MONEYNESS, strict=True):
        vix_options(row, everything, noise.weight, moneyness * future, np.ones(future.size, dtype=bool))
    return future, call


# closed forms


@pytest.mark.parametrize("spacing", [SMOOTH, 0.08])
@pytest.mark.parametrize("sessions", [1, 2, 5, 21, 63, 276])
def test_the_mean_of_squared_vix_is_forward_variance(name: str, sessions: int, spacing: float) -> None:
    """The tower property; a session's difference would be seen."""
    model, states = MODELS[name], STATES[name]
    noise = model.noise(sessions, spacing)
    mean = np.concatenate(list(squares(model, sessions, states, noise))) @ noise.weight
    right, wrong = (1e4 * SESSIONS_PER_YEAR * model.squared_vix(ahead=n)(states) for n in (sessions, sessions + 1))
    np.testing.assert_allclose(mean, right, rtol=2e-8)
    assert np.abs(mean / wrong - 1.0).max() > 1e-4


def test_squares_are_the_model_s_own(name: str) -> None:
    model, states = MODELS[name], STATES[name]
    noise = model.noise(21, SMOOTH)
    moved = model.decay(21)[:, None, None] * states[:, :, None] + noise.points[:, None]
    inside = np.concatenate(list(squares(model, 21, states, noise)))
    np.testing.assert_allclose(np.sqrt(inside), model.vix(moved), rtol=1e-10)


def one_session_cumulant(order: int) -> float:
    """Of the fast factor's noise: cumulants of independent shocks add up."""
    q = LOG_SV.dynamics("q")
    normal = np.linspace(-9.0, 9.0, 200_001)
    density = np.exp(-0.5 * normal**2)
    density /= density.sum()
    z, w = q.return_shock.value(normal), q.noise_shock.value(normal)
    moved = -LOG_SV.leverage_fast * z + LOG_SV.magnitude_fast * (np.abs(z) - density @ np.abs(z))
    total = 0.0
    for part in (moved, LOG_SV.noise_fast * w):
        centred = part - density @ part
        total += float(density @ centred**order) - (3.0 * float(density @ centred**2) ** 2 if order == 4 else 0.0)
    return total


@pytest.mark.parametrize("sessions", [1, 2, 5, 21, 276])
def test_cumulants_of_the_noise_are_sums_of_powers(sessions: int) -> None:
    noise = LOG_SV.noise(sessions, SMOOTH)
    u = noise.points[0] - noise.points[0] @ noise.weight
    phi = LOG_SV.persistence_fast_q
    for order in (2, 3, 4):
        own = float(noise.weight @ u**order) - (3.0 * float(noise.weight @ u**2) ** 2 if order == 4 else 0.0)
        kept = (1.0 - phi ** (order * sessions)) / (1.0 - phi**order)
        assert own == pytest.approx(kept * one_session_cumulant(order), rel=2e-6)


# other quadratures


@cache
def three_shocks(column: int) -> tuple[FloatArray, FloatArray]:
    """VIX after one session of the log-variance model for all outcomes of its three shocks, and their chances."""
    q, state = LOG_SV.dynamics("q"), STATES["two_factor_log_sv"][:, column]
    kink = q.return_shock.normal_at_zero
    nodes, weights = np.polynomial.legendre.leggauss(60)
    sides = [(low, high, nodes) for low, high in ((-8.5, kink), (kink, 8.5))]
    normal = np.concatenate([0.5 * (low + high) + 0.5 * (high - low) * x for low, high, x in sides])
    mass = np.concatenate([0.5 * (high - low) * weights for low, high, _ in sides]) * np.exp(-0.5 * normal**2)
    z = q.return_shock.value(normal)
    own = np.linspace(-8.0, 8.0, 1601)
    u, chance = np.polynomial.hermite_e.hermegauss(16)
    size = np.abs(z) - (mass / mass.sum()) @ np.abs(z)
    x = q.fast.persistence * state[0] + q.fast.drift - q.fast.leverage * z + q.fast.magnitude * size
    y = q.slow.persistence * state[1] + q.slow.drift - q.slow.leverage * z + q.slow.magnitude * size
    first = x[:, None, None] + q.fast.noise * q.noise_shock.value(own)[None, :, None]
    second = y[:, None, None] + q.slow.noise * u
    level = LOG_SV.vix(np.stack(np.broadcast_arrays(first, second)))
    joint = mass[:, None, None] * np.exp(-0.5 * own**2)[None, :, None] * chance
    return level.ravel(), (joint / joint.sum()).ravel()


@pytest.mark.parametrize("column", range(4))
def test_one_session_of_log_variance_agrees_with_the_sum_over_its_three_shocks(column: int) -> None:
    level, chance = three_shocks(column)
    future, calls = priced("two_factor_log_sv", 1, SPACING)
    assert future[column] == pytest.approx(float(chance @ level), rel=1e-7)
    expected = [float(chance @ np.maximum(level - k * future[column], 0.0)) for k in MONEYNESS]
    # far out, what the sums leave of the tail is a billionth of a point
    np.testing.assert_allclose(calls[:, column], expected, rtol=1e-4, atol=1e-9)


@pytest.mark.parametrize("sessions", [1, 3, 21, 63])
@pytest.mark.parametrize("ou", ["quintic_ou", "two_factor_bergomi"])
def test_normal_factors_agree_with_gaussian_quadrature(ou: str, sessions: int) -> None:
    model: TwoFactorOu = MODELS[ou]
    slope, constant, covariance = model.factors("q").factor_law(sessions)
    future, calls = priced(ou, sessions, SPACING)
    for column, state in enumerate(STATES[ou].T):
        strikes = MONEYNESS * future[column]
        mean, options = future_and_calls(model.vix, constant + slope * state, covariance, strikes)
        assert future[column] == pytest.approx(mean, rel=1e-6)
        np.testing.assert_allclose(calls[:, column], options, rtol=1e-3, atol=1e-6 * mean)
        np.testing.assert_allclose(calls[:2, column], options[:2], rtol=2e-4)


def test_a_normal_law_has_its_moments_also_on_a_line() -> None:
    mean = np.array([0.3, -0.2])
    for across in (0.0, 0.02):
        covariance = np.outer([0.4, 0.1], [0.4, 0.1]) + across * np.diag([0.1, 1.0])
        noise = gaussian_noise(mean, covariance, np.array([0.5, 1.0]), 0.3)
        np.testing.assert_allclose(noise.points @ noise.weight, mean, atol=1e-9)
        gap = noise.points - mean[:, None]
        np.testing.assert_allclose((gap * noise.weight) @ gap.T, covariance, rtol=1e-7)


# refinement, parity, limits


@pytest.mark.parametrize("sessions", [1, 2, 5, 21, 63])
def test_half_the_spacing_changes_nothing_that_counts(name: str, sessions: int) -> None:
    _, calls = priced(name, sessions, SPACING)
    _, finer = priced(name, sessions, 0.5 * SPACING)
    counts = finer > 1e-3 * finer.max(axis=0)
    np.testing.assert_allclose(calls[counts], finer[counts], rtol=1e-4)
    assert counts[:3].all()


@pytest.mark.parametrize("sessions", [1, 5, 21])
def test_slices_hold_the_exact_pricer_s_prices_and_parity(name: str, sessions: int) -> None:
    model, states = MODELS[name], STATES[name]
    scaled = np.sinh(np.linspace(-0.8, 2.0, 15))
    *_, (future, deviation, puts, calls) = vix_slices(model, states, scaled, sessions)
    *_, (smooth, spread, _, _) = vix_slices(model, states, np.empty(0), sessions)
    np.testing.assert_allclose(smooth, future, rtol=1e-8)
    np.testing.assert_allclose(spread, deviation, rtol=1e-6)
    ttm = sessions / SESSIONS_PER_YEAR
    for side, sign in ((calls, 1.0), (puts, -1.0)):
        strike = future[:, None] * np.exp(sign * deviation[:, None] * scaled)
        expected = model.exact_pricer().vix_option(states[:, :, None], strike=strike, ttm=ttm, is_call=sign > 0.0)
        expected *= np.exp(model.rate * ttm) / (future * deviation)[:, None]
        # at the money an option is worth 0.4 here: 1e-4 of its volatility
        np.testing.assert_allclose(side, expected, atol=4e-5)
    # a put struck as far out on its own side as a call is on the other has the same strike
    at = np.linspace(-0.7, 0.7, 5)
    *_, (future, deviation, puts, calls) = vix_slices(model, states, at, sessions)
    forward = (1.0 - np.exp(deviation[:, None] * at)) / deviation[:, None]
    np.testing.assert_allclose(calls - puts[:, ::-1], forward, atol=1e-10)


@pytest.mark.parametrize(("fast", "slow"), [(0.0, 0.03), (0.15, 0.0), (0.0, 0.0)])
def test_factors_without_own_noise_are_priced_too(fast: float, slow: float) -> None:
    model = replace(LOG_SV, noise_fast=fast, noise_slow=slow)
    noise = log_variance_noise(model.dynamics("q"), 1, SMOOTH)
    level = np.concatenate(list(squares(model, 1, np.zeros((2, 1)), noise)))[0]
    future = float(noise.weight @ np.sqrt(level))
    state = np.zeros((2, 400_000))
    sample = model.vix(model.propagate(state, 1, Stream(seed=71), measure="q")[1][0])
    assert abs(sample.mean() - future) < 4.0 * sample.std() / np.sqrt(sample.size)


# brute force


def brute_force(name: str, column: int, sessions: int, n_paths: int) -> FloatArray:
    """VIX at settlement, simulated under Q."""
    model = MODELS[name]
    parts = []
    for first in range(0, n_paths, 50_000):
        state = np.repeat(STATES[name][:, column : column + 1], 50_000, axis=1)
        stream = Stream(seed=905, scenario=sessions, first_path=first)
        parts.append(model.vix(model.propagate(state, sessions, stream, measure="q")[1][-1]))
    return np.concatenate(parts)


def check_brute_force(name: str, column: int, sessions: int, n_paths: int) -> None:
    sample = brute_force(name, column, sessions, n_paths)
    futures, calls = priced(name, sessions, SPACING)
    future = futures[column]
    error = sample.std() / np.sqrt(n_paths)
    assert abs(sample.mean() - future) < 4.0 * error
    for moneyness, call in zip(MONEYNESS, calls[:, column], strict=True):
        payoff = np.maximum(sample - moneyness * future, 0.0)
        if np.count_nonzero(payoff) < 30:  # too few for a standard error
            assert call < 1e-3 * future
        else:
            assert abs(payoff.mean() - call) < 4.0 * payoff.std() / np.sqrt(n_paths)
    wrong = priced(name, sessions + 1, SPACING)[1][1, column]
    payoff = np.maximum(sample - future, 0.0)
    assert sessions > 5 or abs(payoff.mean() - wrong) > 4.0 * payoff.std() / np.sqrt(n_paths)


@pytest.mark.parametrize("sessions", [1, 5])
def test_futures_and_calls_agree_with_brute_force(name: str, sessions: int) -> None:
    check_brute_force(name, 2, sessions, 200_000)


@pytest.mark.slow
@pytest.mark.parametrize("column", range(4))
@pytest.mark.parametrize("sessions", [1, 5, 21, 63])
def test_futures_and_calls_agree_with_a_million_paths(name: str, sessions: int, column: int) -> None:
    check_brute_force(name, column, sessions, 1_000_000)
