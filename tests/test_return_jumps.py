"""Jumps that only the law of options has: their law, Merton's formula, what they leave alone, simulated prices."""

from __future__ import annotations

from dataclasses import replace
from math import factorial

import numpy as np
import pytest
from scipy import stats

from models.errors import ModelParameterError
from models.ngarch import Ngarch
from models.presets import load_preset
from models.protocols import SESSIONS_PER_YEAR, Stream
from models.return_jumps import ReturnJumps
from models.two_factor_log_sv import TwoFactorLogSv

JUMPS = ReturnJumps(share=0.4, mean=-0.08, deviation=0.05)
PARAMETERS = {"jump_share_q": 0.4, "return_jump_mean_q": -0.08, "return_jump_std_q": 0.05}


def log_sv() -> TwoFactorLogSv:
    parameters = {
        key: value for key, value in load_preset("two_factor_log_sv_2018").parameters.items() if "jump" not in key
    }
    return TwoFactorLogSv(**parameters)


def test_the_exponent_is_that_of_a_normal_jump() -> None:
    size = stats.norm(-0.08, 0.05)
    for u in (0.5, 3.0, 40.0):
        grid = np.linspace(-0.6, 0.5, 200_001)
        mean = np.trapezoid(np.exp(1j * u * grid) * size.pdf(grid), grid) - 1.0
        drift = np.trapezoid(np.expm1(grid) * size.pdf(grid), grid)
        assert JUMPS.exponent(np.array([u]))[0] == pytest.approx(mean - 1j * u * drift, abs=1e-9)
    cost = np.trapezoid((np.expm1(grid) - grid) * size.pdf(grid), grid)
    assert JUMPS.variance_of_one == pytest.approx(2.0 * cost, rel=1e-8)
    variance = np.array([0.04 / 252])
    assert JUMPS.intensity(variance) * JUMPS.variance_of_one == pytest.approx(0.4 * variance, rel=1e-12)


def test_draws_have_the_law_and_no_drift() -> None:
    variance, n = 0.01, 400_000
    drawn = JUMPS.draw(np.full(n, variance), Stream(seed=5), 3)
    growth = np.exp(drawn)
    assert abs(growth.mean() - 1.0) < 4.0 * growth.std() / np.sqrt(n)
    intensity = float(JUMPS.intensity(np.array([variance]))[0])
    drift = -intensity * JUMPS.growth
    assert abs((drawn == drift).mean() - np.exp(-intensity)) < 4.0 * np.sqrt(np.exp(-intensity) / n)
    spread = intensity * (0.08**2 + 0.05**2)
    assert drawn.var() == pytest.approx(spread, rel=0.02)
    assert drawn.var() != pytest.approx(intensity * 0.08**2, rel=0.1)
    np.testing.assert_array_equal(
        drawn[1000:1010], JUMPS.draw(np.full(10, variance), Stream(seed=5, first_path=1000), 3)
    )


def merton(strike: float, years: float, variance: float, intensity: float) -> float:
    """Call on a forward of 1: Black's price given the number of jumps, over their Poisson law."""
    total = 0.0
    for n in range(40):
        spread = variance * years + n * JUMPS.deviation**2
        log_forward = n * (JUMPS.mean + 0.5 * JUMPS.deviation**2) - intensity * years * JUMPS.growth
        d1 = (log_forward - np.log(strike) + 0.5 * spread) / np.sqrt(spread)
        call = np.exp(log_forward) * stats.norm.cdf(d1) - strike * stats.norm.cdf(d1 - np.sqrt(spread))
        total += np.exp(-intensity * years) * (intensity * years) ** n / factorial(n) * call
    return float(total)


def test_constant_variance_with_jumps_is_mertons_model() -> None:
    daily = 0.2**2 / SESSIONS_PER_YEAR
    model = Ngarch(omega=0.1 * daily, alpha=0.0, beta=0.9, theta=0.0, **PARAMETERS)
    state = np.array([[0.04]])
    intensity = SESSIONS_PER_YEAR * float(JUMPS.intensity(np.array([daily]))[0])
    pricer = model.exact_pricer()
    for sessions in (5, 21, 63):
        years = sessions / SESSIONS_PER_YEAR
        for strike in (0.8, 0.9, 1.0, 1.1):
            price = pricer.spx_option(1.0, state, strike=strike, ttm=years, is_call=True).price[0]
            assert price == pytest.approx(merton(strike, years, 0.6 * 0.04, intensity), abs=2e-7)
            if sessions > 5 and strike < 1.1:
                assert abs(price - merton(strike, years, 0.6 * 0.04, 1.1 * intensity)) > 2e-6


def test_vix_futures_and_paths_are_what_they_are_without_jumps() -> None:
    plain = log_sv()
    model = replace(plain, **PARAMETERS)
    state = np.array([[0.2, -0.3], [0.1, 0.4]])
    np.testing.assert_array_equal(model.vix(state), plain.vix(state))
    futures = [m.exact_pricer().vix_future(state, 21 / SESSIONS_PER_YEAR) for m in (model, plain)]
    np.testing.assert_array_equal(*futures)
    paths = [m.propagate(state, 20, Stream(seed=3)) for m in (model, plain)]
    np.testing.assert_array_equal(paths[0][0], paths[1][0])
    assert model.pricing_key() != plain.pricing_key()


@pytest.mark.parametrize("name", [pytest.param("two_factor_log_sv", marks=pytest.mark.slow), "ngarch"])
def test_puts_are_what_simulated_jumps_pay(name: str) -> None:
    """21 sessions under Q: put and strip against the mean over paths, and without jumps they differ."""
    sessions, n = 21, 60_000
    ttm = sessions / SESSIONS_PER_YEAR
    if name == "ngarch":
        plain: Ngarch | TwoFactorLogSv = Ngarch(omega=2e-6, alpha=0.07, beta=0.78, theta=1.3, tail=0.1, skew=-0.1)
        state = np.array([[0.02]])
    else:
        plain = replace(log_sv(), rate=0.0, dividend_yield=0.0)
        state = np.array([[0.1], [-0.2]])
    model = replace(plain, **PARAMETERS)
    log_return, _ = model.propagate(np.repeat(state, n, axis=1), sessions, Stream(seed=8), measure="q")
    total = log_return.sum(axis=0)
    growth = np.exp(total)
    assert abs(growth.mean() - 1.0) < 4.0 * growth.std() / np.sqrt(n)
    # the log contract to 21 sessions is the VIX
    squared = -2.0 * (total - (growth - 1.0)) / ttm
    assert abs(squared.mean() - float(model.vix(state)[0]) ** 2 / 1e4) < 4.0 * squared.std() / np.sqrt(n)
    for strike in (0.85, 0.92, 1.0):
        paid = np.maximum(strike - growth, 0.0)
        error = paid.std() / np.sqrt(n)
        question = {"strike": strike, "ttm": ttm, "is_call": False}
        assert abs(paid.mean() - model.exact_pricer().spx_option(1.0, state, **question).price[0]) < 4.0 * error
        if strike != 1.0:
            assert abs(paid.mean() - plain.exact_pricer().spx_option(1.0, state, **question).price[0]) > 8.0 * error


def test_the_premium_dial_scales_their_share() -> None:
    model = replace(log_sv(), **PARAMETERS)
    assert model.scaled_premium(variance=0.0).return_jumps.share == 0.0
    for factor in (0.5, 1.5, 2.0):  # the variance of jumps over that of shocks
        share = model.scaled_premium(variance=factor).return_jumps.share
        assert share / (1.0 - share) == pytest.approx(factor * 0.4 / 0.6)
    assert model.premium()["jump_share"][0] == 0.4


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"jump_share_q": 1.0}, "jump_share_q must lie in"),
        ({"jump_share_q": -0.1}, "jump_share_q must lie in"),
        ({"jump_share_q": 0.1}, "must be given, got 0 for both"),
        ({"return_jump_std_q": -0.1}, "return_jump_std_q must be >= 0"),
    ],
)
def test_bad_jumps_are_refused(changes: dict[str, float], message: str) -> None:
    for model in (log_sv(), Ngarch(omega=2e-6, alpha=0.07, beta=0.78, theta=1.3)):
        with pytest.raises(ModelParameterError, match=message):
            replace(model, **changes)
