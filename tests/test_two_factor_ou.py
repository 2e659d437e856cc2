"""Volatility on two Ornstein-Uhlenbeck factors: published VIX prices, paths, and the closed forms of its VIX."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from numpy.typing import ArrayLike, NDArray

import models
from models.black import implied_volatility
from models.errors import ModelParameterError
from models.exponential_sum import ExponentialSum
from models.ou_factors import MixtureLaw
from models.polynomial_variance import expected_polynomial, normal_moments, session_average
from models.presets import load_preset
from models.protocols import SESSIONS_PER_YEAR, Measure, SimulationGrid, Start, Stream
from models.quintic_ou import QuinticOu
from models.two_factor_bergomi import TwoFactorBergomi
from tests.gaussian_vix import future_and_calls

FloatArray = NDArray[np.float64]

QUINTIC = QuinticOu(**load_preset("quintic_ou_stylised").parameters)  # type: ignore[arg-type]
BERGOMI = TwoFactorBergomi(
    mean_variance=0.04,
    vol_of_vol=2.8,
    reversion_fast_p=8.0,
    reversion_slow_p=0.9,
    reversion_fast_q=7.0,
    reversion_slow_q=0.7,
    weight_fast=0.7,
    rho=-0.75,
    mean_fast_q=0.02,
    mean_slow_q=0.3,
    equity_premium=0.05,
    rate=0.02,
    dividend_yield=0.01,
)
MODELS: dict[str, QuinticOu | TwoFactorBergomi] = {"quintic_ou": QUINTIC, "two_factor_bergomi": BERGOMI}
STATES = np.array([[-0.15, 0.0, 0.1], [-0.8, 0.0, 1.2]])
N_PATHS = 100_000


def score(sample: FloatArray, expected: float) -> float:
    return float((sample.mean() - expected) / (sample.std(ddof=1) / np.sqrt(sample.size)))


# published values: the continuous-time models from their day 0, on the same closed forms


def legendre(horizon: float, n_nodes: int = 48) -> tuple[FloatArray, FloatArray]:
    nodes, weights = np.polynomial.legendre.leggauss(n_nodes)
    return 0.5 * horizon * (nodes + 1.0), 0.5 * weights


def quintic_smile(
    polynomial: ArrayLike,
    rates: tuple[float, float],
    noise: float,
    weight: float,
    level: float,
    *,
    expiry: float,
    horizon: float,
    moneyness: ArrayLike,
) -> tuple[float, FloatArray]:
    """Future and calls of the model whose factors start at 0 and whose forward variance is flat today."""
    p, lam, theta = np.asarray(polynomial), np.array(rates), np.array([weight, 1.0 - weight])
    total = lam[:, None] + lam[None, :]

    def covariance(time: FloatArray) -> FloatArray:
        return noise**2 * (1.0 - np.exp(-total[..., None] * time)) / total[..., None]

    def mixture_variance(time: FloatArray) -> FloatArray:
        return np.einsum("i,ijn,j->n", theta, covariance(time), theta)

    ahead, share = legendre(horizon)
    square = np.convolve(p, p)
    norm = square @ normal_moments(np.zeros(ahead.size), mixture_variance(expiry + ahead), square.size)
    slopes = theta[:, None] * np.exp(-lam[:, None] * ahead)
    law = MixtureLaw(fast=slopes[0], slow=slopes[1], offset=0.0 * ahead, variance=mixture_variance(ahead))
    squared_vix = expected_polynomial(square, law, share * level / norm)

    def vix(state: FloatArray) -> FloatArray:
        return 100.0 * np.sqrt(squared_vix(state))

    now = covariance(np.array([expiry]))[..., 0]
    future, _ = future_and_calls(vix, [0.0, 0.0], now, [])
    return future, future_and_calls(vix, [0.0, 0.0], now, future * np.atleast_1d(moneyness))[1]


ONE_FACTOR = {"hurst": -0.1, "scale": 1.0 / 52.0}


def one_factor(expiry: float, moneyness: ArrayLike = ()) -> tuple[float, FloatArray]:
    """Abi Jaber, Illand, Li (2023): dX = -(1/2 - H)/eps X dt + eps^(H - 1/2) dW."""
    hurst, scale = ONE_FACTOR["hurst"], ONE_FACTOR["scale"]
    return quintic_smile(
        [0.01, 1.0, 0.0, 0.214, 0.0, 0.227],
        ((0.5 - hurst) / scale, 1.0),
        scale ** (hurst - 0.5),
        1.0,
        0.02,
        expiry=expiry,
        horizon=30.0 / 365.0,
        moneyness=moneyness,
    )


@pytest.mark.parametrize(
    ("expiry", "expected"),
    [
        (1e-12, 14.14213562),
        (9 / 365, 13.31464874),
        (30 / 365, 13.15362735),
        (58 / 365, 13.14936163),
        (0.25, 13.14932593),
    ],
)
def test_futures_of_the_one_factor_quintic_model(expiry: float, expected: float) -> None:
    assert one_factor(expiry)[0] == pytest.approx(expected, abs=2e-8)


def test_calls_of_the_one_factor_quintic_model() -> None:
    future, calls = one_factor(30 / 365, [1.0, 1.2, 1.5, 2.0])
    np.testing.assert_allclose(calls, [1.337836, 0.851328, 0.506071, 0.262229], atol=1.5e-6)
    vol = implied_volatility(calls, future, future * np.array([1.0, 1.2, 1.5, 2.0]), 30 / 365, is_call=True)
    np.testing.assert_allclose(vol, [0.89169, 1.14511, 1.38561, 1.63398], atol=2e-5)


@pytest.mark.parametrize(
    ("weeks", "days", "expected"),
    [
        *((7, 360, 1.378), (30, 360, 1.552), (90, 360, 1.399), (180, 360, 1.172)),
        *((7, 365, 1.381), (30, 365, 1.557), (90, 365, 1.403), (180, 365, 1.175)),
    ],
)
def test_vix_volatilities_of_the_two_factor_quintic_model(weeks: int, days: int, expected: float) -> None:
    """Abi Jaber, Li (2025), set of 6 May 2024: at-the-money volatility to the digits of the table."""
    expiry = {7: 1 / 52, 30: 1 / 12, 90: 0.25, 180: 0.5}[weeks]
    future, calls = quintic_smile(
        [0.0025, 0.009, -0.0594, -0.0328, 0.3239, 1.0],
        (33.754, 2.027),
        1.0,
        0.678,
        0.03,
        expiry=expiry,
        horizon=30.0 / days,
        moneyness=[1.0],
    )
    vol = implied_volatility(calls, future, future, expiry, is_call=True)
    np.testing.assert_allclose(vol, expected, atol=1.5e-3)


@pytest.mark.parametrize(("expiry", "expected"), [(1 / 12, 20.73470289), (0.25, 20.08892205), (0.5, 20.06573953)])
def test_futures_of_the_one_factor_bergomi_model(expiry: float, expected: float) -> None:
    omega, reversion, level = 8.0, 10.0, 0.24**2
    ahead, share = legendre(30.0 / 365.0)
    spread = (1.0 - np.exp(-2.0 * reversion * expiry)) / (2.0 * reversion)
    slope = omega * np.exp(-reversion * ahead)
    squared_vix = ExponentialSum(
        constant=0.0,
        log_weight=np.log(share * level) - 0.5 * slope**2 * spread,
        first_slope=slope,
        second_slope=0.0 * slope,
    )

    def vix(state: FloatArray) -> FloatArray:
        return 100.0 * np.sqrt(squared_vix(state))

    covariance = np.diag([spread, 0.0])
    future, _ = future_and_calls(vix, [0.0, 0.0], covariance, [])
    assert future == pytest.approx(expected, abs=2e-8)
    if expiry == 1 / 12:
        _, calls = future_and_calls(vix, [0.0, 0.0], covariance, [future, 1.2 * future])
        np.testing.assert_allclose(calls, [4.31201458, 2.98647845], atol=2e-6)
        vol = implied_volatility(calls, future, [future, 1.2 * future], expiry, is_call=True)
        np.testing.assert_allclose(vol, [1.826719, 1.844955], atol=2e-6)


# paths


@cache
def sessions(name: str, column: int, measure: Measure) -> tuple[FloatArray, FloatArray]:
    state = np.repeat(STATES[:, column : column + 1], N_PATHS, axis=1)
    return MODELS[name].propagate(state, 21, Stream(seed=612, scenario=column), measure=measure)


def decay(rate: float) -> float:
    return float(np.exp(-rate / SESSIONS_PER_YEAR))


@pytest.mark.parametrize("measure", ["p", "q"])
@pytest.mark.parametrize("name", MODELS)
def test_paths_follow_the_recursion(name: str, measure: Measure) -> None:
    """The shared shock is recovered from the slow factor; it moves the fast one exactly, and the return with rho."""
    model = MODELS[name]
    rng = np.random.default_rng(5)
    state = np.stack([rng.normal(0.0, 0.12, N_PATHS), rng.normal(0.0, 0.8, N_PATHS)])
    log_return, after = model.propagate(state, 1, Stream(seed=8), measure=measure)
    is_q = measure == "q"
    speeds = (
        (model.reversion_fast_q, model.reversion_slow_q)
        if is_q
        else (
            model.reversion_fast_p,
            model.reversion_slow_p,
        )
    )
    means = (model.mean_fast_q, model.mean_slow_q) if is_q else (0.0, 0.0)
    noise = [(1.0 - decay(2.0 * rate)) / (2.0 * rate) for rate in (model.reversion_fast_p, model.reversion_slow_p)]
    shocks = [(after[0, k] - means[k] - decay(speeds[k]) * (state[k] - means[k])) / np.sqrt(noise[k]) for k in range(2)]
    np.testing.assert_allclose(shocks[0], shocks[1], atol=1e-9)
    assert abs(score(shocks[0], 0.0)) < 4.0
    assert abs(score(shocks[0] ** 2, 1.0)) < 4.0
    growth = model.rate - model.dividend_yield + (0.0 if is_q else model.equity_premium)
    variance, mean = model.return_variance(state), model.mean_volatility(state)
    surprise = log_return[0] - growth / SESSIONS_PER_YEAR + 0.5 * variance
    assert abs(score(surprise / np.sqrt(variance), 0.0)) < 4.0
    assert abs(score(surprise**2 / variance, 1.0)) < 4.0
    own = surprise - model.rho * mean * shocks[0]
    assert abs(score(own * shocks[0] / np.sqrt(variance), 0.0)) < 4.0
    assert abs(score((surprise - 0.9 * model.rho * mean * shocks[0]) * shocks[0] / np.sqrt(variance), 0.0)) > 4.0


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("measure", ["p", "q"])
def test_growth_is_the_same_in_every_state(name: str, measure: Measure) -> None:
    model = MODELS[name]
    growth = model.rate - model.dividend_yield + (model.equity_premium if measure == "p" else 0.0)
    for column in range(STATES.shape[1]):
        sample = np.exp(sessions(name, column, measure)[0].sum(axis=0))
        assert abs(score(sample, float(np.exp(21 * growth / SESSIONS_PER_YEAR)))) < 4.0


@pytest.mark.parametrize("name", MODELS)
def test_the_stationary_law_has_its_moments_and_its_variance(name: str) -> None:
    model = MODELS[name]
    state = model.stationary_state(N_PATHS, Stream(seed=2))
    fast, slow = model.reversion_fast_p, model.reversion_slow_p
    assert abs(score(state[0] ** 2, 1.0 / (2.0 * fast))) < 4.0
    assert abs(score(state[1] ** 2, 1.0 / (2.0 * slow))) < 4.0
    assert abs(score(state[1] ** 2, 1.03 / (2.0 * slow))) > 4.0
    product = np.sqrt((1.0 - decay(2.0 * fast)) * (1.0 - decay(2.0 * slow)) / (4.0 * fast * slow))
    expected = product / (1.0 - decay(fast + slow))
    assert abs(score(state[0] * state[1], expected)) < 4.0
    assert abs(score(SESSIONS_PER_YEAR * model.return_variance(state), model.mean_variance)) < 4.0
    _, later = model.propagate(state, 10, Stream(seed=2))
    assert abs(score(later[-1, 1] * state[1], decay(10 * slow) / (2.0 * slow))) < 4.0
    assert abs(score(later[-1, 0] * state[0], decay(10 * fast) / (2.0 * fast))) < 4.0
    assert abs(score(later[-1, 0] ** 2, 1.0 / (2.0 * fast))) < 4.0
    q = model.stationary_state(N_PATHS, Stream(seed=3), measure="q")
    assert abs(score(q[0], model.mean_fast_q)) < 4.0 < abs(score(q[0], 0.0))


# VIX


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("column", range(3))
def test_squared_vix_is_expected_variance_and_a_log_contract(name: str, column: int) -> None:
    """Brute force under Q; a shifted mean is found out."""
    model = MODELS[name]
    log_return, states = sessions(name, column, "q")
    now = STATES[:, column : column + 1]
    path = np.concatenate([np.repeat(now, N_PATHS, axis=1)[None], states[:-1]])
    sample = 1e4 * SESSIONS_PER_YEAR * model.return_variance(np.moveaxis(path, 1, 0)).mean(axis=0)
    expected = float(model.vix(now)[0] ** 2)
    assert abs(score(sample, expected)) < 4.0
    growth = 21 * (model.rate - model.dividend_yield) / SESSIONS_PER_YEAR
    contract = -2e4 * SESSIONS_PER_YEAR / 21 * (log_return.sum(axis=0) - growth)
    assert abs(score(contract, expected)) < 4.0
    wrong = replace(model, mean_slow_q=model.mean_slow_q + 3.0)
    assert abs(score(sample, float(wrong.vix(now)[0] ** 2))) > 4.0


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("ahead", [1, 21])
def test_expected_squared_vix_is_forward_variance(name: str, ahead: int) -> None:
    """Identities (iii) and (v) by quadrature over the normal factors at expiry, and by brute force."""
    model = MODELS[name]
    slope, constant, covariance = model.factors("q").factor_law(ahead)
    for column in range(3):
        now = STATES[:, column]
        mean = constant + slope * now
        forward = 1e4 * SESSIONS_PER_YEAR * float(model.expected_variance(ahead, 21, "q", now[:, None])[0])
        square, _ = future_and_calls(lambda x: model.vix(x) ** 2, mean, covariance, [])
        assert square == pytest.approx(forward, rel=1e-9)
        future, calls = future_and_calls(model.vix, mean, covariance, [15.0, 20.0, 30.0])
        assert future < np.sqrt(forward)
        vix = model.vix(sessions(name, column, "q")[1][ahead - 1])
        assert abs(score(vix, future)) < 4.0
        for strike, call in zip((15.0, 20.0, 30.0), calls, strict=True):
            payoff = np.maximum(vix - strike, 0.0)
            assert payoff.max() == 0.0 or abs(score(payoff, call)) < 4.0


def test_a_session_has_the_average_volatility_of_a_brownian_motion_through_it() -> None:
    """Brute force on 50 points of the session; the volatility of the start alone is found out."""
    rng = np.random.default_rng(12)
    polynomial, moved = np.array([0.05, 0.4, 0.05, 1.0, 0.06, 1.0]), 0.05**2
    mean, variance = session_average(polynomial, moved), session_average(np.convolve(polynomial, polynomial), moved)
    for z in (-0.11, 0.0, 0.3):
        steps = rng.standard_normal((50, 40_000)) * np.sqrt(moved / 50)
        motion = z + np.cumsum(steps, axis=0) - 0.5 * steps
        sigma = np.polynomial.polynomial.polyval(motion, polynomial)
        assert abs(score(sigma.mean(axis=0), np.polynomial.polynomial.polyval(z, mean))) < 4.0
        expected = np.polynomial.polynomial.polyval(z, variance)
        assert abs(score((sigma**2).mean(axis=0), expected)) < 4.0
        assert abs(score((sigma**2).mean(axis=0), np.polynomial.polynomial.polyval(z, polynomial) ** 2)) > 4.0


def test_futures_converge_to_the_vix() -> None:
    """Identity (iv): the conditional law shrinks to the state."""
    for model in MODELS.values():
        future, _ = future_and_calls(model.vix, STATES[:, 2], 1e-10 * np.eye(2), [])
        assert future == pytest.approx(float(model.vix(STATES[:, 2:])[0]), rel=1e-6)


def test_the_vix_of_a_linear_volatility_is_elementary() -> None:
    """With p(z) = z the expected variance is the squared mean of Z plus its variance, and half a session's in it."""
    model = replace(
        QUINTIC, constant=0.0, linear=1.0, quadratic=0.0, cubic=0.0, quartic=0.0, quintic=0.0, vix_sessions=2
    )
    theta, x, y = model.weight_fast, 0.3, -0.7
    phi, s = [], []
    for rate_p, rate_q in [
        (model.reversion_fast_p, model.reversion_fast_q),
        (model.reversion_slow_p, model.reversion_slow_q),
    ]:
        phi.append(decay(rate_q))
        s.append(np.sqrt((1.0 - decay(2.0 * rate_p)) / (2.0 * rate_p)))
    weight = np.array([theta, 1.0 - theta])
    means = np.array([model.mean_fast_q, model.mean_slow_q])
    z0 = weight @ [x, y]
    z1 = weight @ (means + np.array(phi) * (np.array([x, y]) - means))
    moved = (weight @ s) ** 2
    expected = 0.5 * (z0**2 + z1**2 + moved) + 0.5 * moved
    scale = model.mean_variance / (model.factors("p").stationary_variance + 0.5 * moved)
    assert float(model.vix(np.array([[x], [y]]))[0]) == pytest.approx(100.0 * np.sqrt(expected * scale), rel=1e-12)


# premia, starts, addresses, domains


@pytest.mark.parametrize("name", MODELS)
def test_premia_are_what_separates_q_from_p(name: str) -> None:
    model = MODELS[name]
    bare = model.scaled_premium(variance=0.0, equity=0.0)
    both = [bare.propagate(np.repeat(STATES, 50, axis=1), 20, Stream(seed=5), measure=m) for m in ("p", "q")]
    for p, q in zip(*both, strict=True):
        np.testing.assert_array_equal(p, q)
    assert bare.premium()["vix_premium"][0] == bare.premium()["equity_premium"][0] == 0.0
    assert model.premium()["vix_premium"][0] > 0.1
    double = model.scaled_premium(variance=2.0, equity=2.0)
    assert double.mean_slow_q == 2.0 * model.mean_slow_q
    assert double.equity_premium == 2.0 * model.equity_premium
    assert double.factors("p") == model.factors("p")
    np.testing.assert_allclose(model.scaled_premium().vix(STATES), model.vix(STATES), rtol=1e-13)
    assert np.all(double.vix(STATES[:, 1:]) > bare.vix(STATES[:, 1:]))


@pytest.mark.parametrize("name", MODELS)
def test_a_range_of_the_vix_is_met_on_day_0(name: str) -> None:
    grid = SimulationGrid(n_days=5, warmup_days=10)
    paths = MODELS[name].simulate(grid, 300, Stream(seed=3), start=Start(vix=(14.0, 20.0)))
    assert 14.0 <= paths.vix[10].min() <= paths.vix[10].max() <= 20.0


@pytest.mark.parametrize("name", MODELS)
def test_numbers_belong_to_paths_and_days(name: str) -> None:
    model = MODELS[name]
    state = np.repeat(STATES, 400, axis=1)
    whole = model.propagate(state, 6, Stream(seed=9))
    part = model.propagate(state[:, 700:], 6, Stream(seed=9, first_path=700))
    np.testing.assert_array_equal(part[0], whole[0][:, 700:])
    rest = model.propagate(whole[1][1], 4, Stream(seed=9), first_day=2)
    np.testing.assert_array_equal(rest[1], whole[1][2:])
    draw = model.stationary_state(900, Stream(seed=9))
    np.testing.assert_array_equal(model.stationary_state(200, Stream(seed=9, first_path=700)), draw[:, 700:])


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("quintic_ou", {"rho": -1.0}, "rho must lie in (-1, 1), got -1.0"),
        ("quintic_ou", {"weight_fast": 1.1}, "weight_fast must lie in [0, 1], got 1.1"),
        ("quintic_ou", {"reversion_fast_q": 0.0}, "reversion_fast_q must be > 0, got 0.0"),
        (
            "quintic_ou",
            dict.fromkeys(("constant", "linear", "quadratic", "cubic", "quartic", "quintic"), 0.0),
            "constant, linear, .. quintic must not all be 0",
        ),
        ("two_factor_bergomi", {"mean_variance": -0.04}, "mean_variance must be > 0, got -0.04"),
        ("two_factor_bergomi", {"vix_sessions": 0}, "vix_sessions must be > 0, got 0"),
    ],
)
def test_parameters_out_of_their_domain_are_refused(name: str, changes: dict[str, float], message: str) -> None:
    model = MODELS[name]
    known = {item.name: getattr(model, item.name) for item in models.parameters_of(name)}
    with pytest.raises(ModelParameterError) as error:
        models.create(name, **{**known, **changes})
    assert str(error.value).startswith(message)


def bergomi_factors(expiry: float) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Slopes of log forward variances in two factors with shocks of their own, their shares, and the factors' law."""
    weight, fast, slow = 0.245, 5.35, 0.28
    ahead, share = legendre(30.0 / 365.0)
    scale = 2.0 * 1.74 / np.hypot(1.0 - weight, weight)
    slopes = scale * np.stack([(1.0 - weight) * np.exp(-fast * ahead), weight * np.exp(-slow * ahead)])
    reversion = np.array([fast, slow])
    return slopes[0], slopes[1], share, np.diag((1.0 - np.exp(-2.0 * reversion * expiry)) / (2.0 * reversion))


@pytest.mark.parametrize(
    ("expiry", "expected"), [(1 / 12, 18.82099089), (0.25, 17.90767838), (0.5, 17.31096102), (1.0, 16.51915054)]
)
def test_futures_of_the_two_factor_bergomi_model(expiry: float, expected: float) -> None:
    """Bergomi's second set, whose factors have independent shocks, on a flat forward variance of 20%."""
    first, second, share, covariance = bergomi_factors(expiry)
    spread = first**2 * covariance[0, 0] + second**2 * covariance[1, 1]
    squared_vix = ExponentialSum(
        constant=0.0, log_weight=np.log(share * 0.2**2) - 0.5 * spread, first_slope=first, second_slope=second
    )

    def vix(state: FloatArray) -> FloatArray:
        return 100.0 * np.sqrt(squared_vix(state))

    assert future_and_calls(vix, [0.0, 0.0], covariance, [])[0] == pytest.approx(expected, abs=2e-8)
    # one shock for both is another model
    root = np.sqrt(np.diag(covariance))
    assert abs(future_and_calls(vix, [0.0, 0.0], 0.9 * np.outer(root, root), [])[0] - expected) > 0.05
