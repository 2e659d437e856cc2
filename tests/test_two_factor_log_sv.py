"""The two-factor log-variance model: its recursion, its laws, the closed form of its VIX, and what each excludes."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray

import models
from models.errors import ModelParameterError
from models.presets import load_preset
from models.protocols import SESSIONS_PER_YEAR, Measure, SimulationGrid, Start, Stream
from models.two_factor_log_sv import TwoFactorLogSv
from models.two_factor_log_sv_paths import BURN_IN_RESIDUAL

FloatArray = NDArray[np.float64]

MODEL = TwoFactorLogSv(**load_preset("two_factor_log_sv_2018").parameters)  # type: ignore[arg-type]
WITHOUT_JUMPS = replace(MODEL, jump_share_q=0.0)
STATES = np.array([[-0.8, 0.0, 0.5, 1.5], [-1.0, 0.0, 0.4, 2.0]])
N_PATHS = 100_000


@cache
def sessions(column: int, n_days: int, measure: Measure) -> tuple[FloatArray, FloatArray]:
    state = np.repeat(STATES[:, column : column + 1], N_PATHS, axis=1)
    return MODEL.propagate(state, n_days, Stream(seed=411, scenario=column), measure=measure)


def score(sample: FloatArray, expected: float) -> float:
    return float((sample.mean() - expected) / (sample.std(ddof=1) / np.sqrt(sample.size)))


def variance(state: FloatArray, measure: Measure) -> FloatArray:
    """Daily variance by the definition."""
    v = MODEL.variance_floor + np.exp(MODEL.log_variance_mean + state[0] + state[1])
    return v if measure == "p" else MODEL.variance_scale_q * v + MODEL.variance_offset_q


# one session


@pytest.mark.parametrize("measure", ["p", "q"])
def test_paths_follow_the_recursion(measure: Measure) -> None:
    """The shock is recovered from the return; what the factors add to it is their own noise."""
    rng = np.random.default_rng(5)
    state = np.stack([rng.normal(0.0, 0.6, N_PATHS), rng.normal(0.0, 1.0, N_PATHS)])
    log_return, after = WITHOUT_JUMPS.propagate(state, 1, Stream(seed=8), measure=measure)
    v = variance(state, measure)
    growth = 0.0 if measure == "q" else MODEL.equity_premium / SESSIONS_PER_YEAR
    # a percent is left between the scale of the return and the root of the variance
    z = (log_return[0] - growth + 0.5 * v) / np.sqrt(v)
    assert abs(score(z, 0.0)) < 4.0
    assert z.std() == pytest.approx(1.0, abs=0.02)
    law = MODEL.dynamics(measure).return_shock
    third = float(np.mean(law.value(rng.standard_normal(400_000)) ** 3))
    assert np.mean(z**3) == pytest.approx(third, abs=0.06)
    is_q = measure == "q"
    persistence = (
        (MODEL.persistence_fast_q, MODEL.persistence_slow_q)
        if is_q
        else (
            MODEL.persistence_fast_p,
            MODEL.persistence_slow_p,
        )
    )
    drift = (MODEL.drift_fast_q, MODEL.drift_slow_q) if is_q else (0.0, 0.0)
    response = (
        (MODEL.leverage_fast, MODEL.magnitude_fast, MODEL.noise_fast),
        (MODEL.leverage_slow, MODEL.magnitude_slow, MODEL.noise_slow),
    )
    noise = []
    for k in range(2):
        a, b, c = response[k]
        own = after[0, k] - persistence[k] * state[k] - drift[k] + a * z - b * (np.abs(z) - law.mean_size)
        noise.append(own / c)
        assert abs(score(noise[k], 0.0)) < 4.0
        assert noise[k].std() == pytest.approx(1.0, abs=0.02)
    assert abs(np.corrcoef(noise[0], noise[1])[0, 1]) < 0.02
    assert abs(np.corrcoef(noise[0], z)[0, 1]) < 0.03
    assert np.mean(noise[0] ** 3) > 1.0 > 0.1 > abs(np.mean(noise[1] ** 3))


@pytest.mark.parametrize("column", range(4))
@pytest.mark.parametrize("measure", ["p", "q"])
def test_growth_is_the_same_in_every_state(column: int, measure: Measure) -> None:
    log_return, _ = sessions(column, 21, measure)
    premium = 0.0 if measure == "q" else MODEL.equity_premium
    growth = np.exp(log_return.cumsum(axis=0)[[0, 4, 20]])
    for sample, days in zip(growth, (1, 5, 21), strict=True):
        assert abs(score(sample, float(np.exp(premium * days / SESSIONS_PER_YEAR)))) < 4.0


def test_growth_without_the_skew_correction_would_be_found_out() -> None:
    """In a far state half the variance is no compensator of a skewed shock on the root of the variance."""
    state = np.repeat([[4.0], [5.0]], N_PATHS, axis=1)
    log_return, _ = MODEL.propagate(state, 1, Stream(seed=17), measure="q")
    v = variance(state, "q")
    assert abs(score(np.exp(log_return[0]), 1.0)) < 4.0
    law = MODEL.dynamics("q").return_shock
    naive = np.exp(np.sqrt(v) * law.value(np.random.default_rng(17).standard_normal(N_PATHS)) - 0.5 * v)
    assert abs(score(naive, 1.0)) > 4.0


# stationary law


def autocovariance(lag: int) -> FloatArray:
    """Of (X, Y) under P from the shocks' moments, integrated here."""
    rng = np.random.default_rng(0)
    law = MODEL.dynamics("p").return_shock
    z = law.value(rng.standard_normal(4_000_000))
    size = np.abs(z) - np.abs(z).mean()
    shock = np.stack(
        [
            -MODEL.leverage_fast * z + MODEL.magnitude_fast * size,
            -MODEL.leverage_slow * z + MODEL.magnitude_slow * size,
        ]
    )
    one = np.cov(shock) + np.diag([MODEL.noise_fast**2, MODEL.noise_slow**2])
    phi = np.array([MODEL.persistence_fast_p, MODEL.persistence_slow_p])
    return np.asarray(np.diag(phi**lag) @ (one / (1.0 - np.outer(phi, phi))))


@cache
def stationary() -> tuple[FloatArray, FloatArray]:
    state = MODEL.stationary_state(40_000, Stream(seed=23))
    return state, MODEL.propagate(state, 21, Stream(seed=23))[1][-1]


def test_stationary_factors_have_their_mean_and_covariance() -> None:
    state, _ = stationary()
    expected = autocovariance(0)
    for k in range(2):
        assert abs(score(state[k], 0.0)) < 4.0
        assert abs(score(state[k] ** 2, expected[k, k])) < 4.0
        assert abs(score(state[k] ** 2, 1.05 * expected[k, k])) > 4.0
    assert abs(score(state[0] * state[1], expected[0, 1])) < 4.0


def test_stationary_factors_stay_stationary_and_forget_at_their_rates() -> None:
    state, later = stationary()
    expected, lagged = autocovariance(0), autocovariance(21)
    for k in range(2):
        assert abs(score(later[k] ** 2, expected[k, k])) < 4.0
        for j in range(2):
            assert abs(score(later[k] * state[j], lagged[k, j])) < 4.0
    # third cumulant of a filtered sum: that of a shock over 1 - phi^3
    n = 1_000_000
    rng = np.random.default_rng(6)
    dynamics = MODEL.dynamics("p")
    z = dynamics.return_shock.value(rng.standard_normal(n))
    w = dynamics.noise_shock.value(rng.standard_normal(n))
    shock = MODEL.noise_fast * w - MODEL.leverage_fast * z + MODEL.magnitude_fast * (np.abs(z) - np.abs(z).mean())
    third = float(np.mean(shock**3)) / (1.0 - MODEL.persistence_fast_p**3)
    assert abs(score(later[0] ** 3, third)) < 5.0
    assert abs(score(later[0] ** 3, 0.0)) > 5.0
    assert BURN_IN_RESIDUAL < 0.05


def test_the_stationary_law_under_q_has_the_drifts_means() -> None:
    state = MODEL.stationary_state(20_000, Stream(seed=2), measure="q")
    for k, (drift, phi) in enumerate(
        [(MODEL.drift_fast_q, MODEL.persistence_fast_q), (MODEL.drift_slow_q, MODEL.persistence_slow_q)]
    ):
        assert abs(score(state[k], drift / (1.0 - phi))) < 4.0
        assert abs(score(state[k], 0.0)) > 4.0


# VIX


@pytest.mark.parametrize("column", range(4))
def test_squared_vix_is_the_expected_variance_of_21_sessions(column: int) -> None:
    """Brute force under Q; one parameter a little off is found out."""
    _, states = sessions(column, 21, "q")
    now = STATES[:, column : column + 1]
    path = np.concatenate([np.repeat(variance(now, "q"), N_PATHS)[None], variance(states[:-1].swapaxes(0, 1), "q")])
    sample = 1e4 * SESSIONS_PER_YEAR * path.mean(axis=0)
    assert abs(score(sample, float(MODEL.vix(now)[0] ** 2))) < 4.0
    wrong = replace(MODEL, drift_fast_q=1.3 * MODEL.drift_fast_q)
    assert abs(score(sample, float(wrong.vix(now)[0] ** 2))) > 4.0


@pytest.mark.parametrize("column", range(4))
def test_squared_vix_is_the_price_of_a_log_contract(column: int) -> None:
    """Identity (ii): -2/T E ln(S/F), from the returns themselves."""
    log_return, _ = sessions(column, 21, "q")
    sample = -2.0 * 1e4 * SESSIONS_PER_YEAR / 21 * log_return.sum(axis=0)
    assert abs(score(sample, float(MODEL.vix(STATES[:, column : column + 1])[0] ** 2))) < 4.0


@pytest.mark.parametrize("column", range(4))
def test_expected_squared_vix_is_forward_variance(column: int) -> None:
    """Identities (iii) and (v): the tower property, and Jensen for the future."""
    now = STATES[:, column : column + 1]
    _, states = sessions(column, 21, "q")
    vix = MODEL.vix(states[-1])
    forward = 1e4 * SESSIONS_PER_YEAR * float(MODEL.squared_vix(ahead=21)(now)[0])
    assert abs(score(vix**2, forward)) < 4.0
    assert vix.mean() < np.sqrt(forward)
    # the same from two averages that start today
    q = MODEL.dynamics("q")
    both = (42 * q.mean_variance(0, 42)(now) - 21 * q.mean_variance(0, 21)(now)) / 21
    assert forward == pytest.approx(1e4 * SESSIONS_PER_YEAR * float(both[0]), rel=1e-12)


def test_vix_of_one_session_is_its_variance_and_of_arrays_is_elementwise() -> None:
    one = replace(MODEL, vix_sessions=1)
    np.testing.assert_allclose(one.vix(STATES), 100.0 * np.sqrt(SESSIONS_PER_YEAR * variance(STATES, "q")), rtol=1e-12)
    cube = np.random.default_rng(1).normal(size=(2, 3, 5))
    whole = MODEL.vix(cube)
    assert whole.shape == (3, 5)
    assert whole[2, 4] == pytest.approx(float(MODEL.vix(cube[:, 2, 4:5])[0]), rel=1e-14)


# premia


def test_without_premia_p_and_q_are_the_same_law() -> None:
    model = MODEL.scaled_premium(variance=0.0, equity=0.0)
    assert model.dynamics("p") == model.dynamics("q")
    both = [model.propagate(np.repeat(STATES, 50, axis=1), 20, Stream(seed=5), measure=m) for m in ("p", "q")]
    for p, q in zip(*both, strict=True):
        np.testing.assert_array_equal(p, q)
    premium = model.premium()
    assert premium["equity_premium"][0] == premium["vix_premium"][0] == 0.0
    assert MODEL.premium()["vix_premium"][0] > 1.0


def test_premia_scale_and_one_keeps_them() -> None:
    assert MODEL.scaled_premium().persistence_slow_q == pytest.approx(MODEL.persistence_slow_q, rel=1e-15)
    double = MODEL.scaled_premium(variance=2.0, equity=2.0)
    assert double.equity_premium == 2.0 * MODEL.equity_premium
    assert double.variance_scale_q - 1.0 == pytest.approx(2.0 * (MODEL.variance_scale_q - 1.0))
    assert double.persistence_fast_q - double.persistence_fast_p == pytest.approx(
        2.0 * (MODEL.persistence_fast_q - MODEL.persistence_fast_p)
    )
    p = MODEL.dynamics("p")
    assert replace(double.dynamics("p"), drift=p.drift) == p
    none, half = MODEL.scaled_premium(variance=0.0), MODEL.scaled_premium(variance=0.5)
    mean_state = np.zeros((2, 1))
    levels = [float(m.vix(mean_state)[0]) for m in (none, half, MODEL, double)]
    assert levels == sorted(levels)


# starts and addresses


def test_a_range_of_the_vix_is_met_on_day_0() -> None:
    grid = SimulationGrid(n_days=5, warmup_days=10)
    paths = MODEL.simulate(grid, 300, Stream(seed=3), start=Start(vix=(16.0, 22.0)))
    assert 16.0 <= paths.vix[10].min() <= paths.vix[10].max() <= 22.0
    np.testing.assert_allclose(paths.vix, MODEL.vix(np.moveaxis(paths.state, 1, 0)), rtol=1e-12)


def test_numbers_belong_to_paths_and_days() -> None:
    state = np.repeat(STATES, 400, axis=1)
    whole = MODEL.propagate(state, 6, Stream(seed=9))
    part = MODEL.propagate(state[:, 700:], 6, Stream(seed=9, first_path=700))
    np.testing.assert_array_equal(part[0], whole[0][:, 700:])
    rest = MODEL.propagate(whole[1][1], 4, Stream(seed=9), first_day=2)
    np.testing.assert_array_equal(rest[1], whole[1][2:])
    draw = MODEL.stationary_state(900, Stream(seed=9))
    np.testing.assert_array_equal(MODEL.stationary_state(200, Stream(seed=9, first_path=700)), draw[:, 700:])
    assert np.abs(np.corrcoef(draw[0], MODEL.stationary_state(900, Stream(seed=10))[0])[0, 1]) < 4.0 / 30.0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"persistence_fast_p": 1.0}, "persistence_fast_p must be < 1, got 1.0"),
        ({"persistence_slow_q": -0.1}, "persistence_slow_q must be >= 0, got -0.1"),
        ({"return_tail": 0.5}, "return_tail must be > 0.5, got 0.5"),
        ({"noise_fast": -1.0}, "noise_fast must be >= 0, got -1.0"),
        ({"variance_scale_q": 0.0}, "variance_scale_q must be > 0, got 0.0"),
        ({"variance_offset_q": -1.0}, "variance_offset_q must be >= "),
        ({"vix_sessions": 0}, "vix_sessions must be > 0, got 0"),
    ],
)
def test_parameters_out_of_their_domain_are_refused(changes: dict[str, float], message: str) -> None:
    with pytest.raises(ModelParameterError) as error:
        models.create("two_factor_log_sv", **{**load_preset("two_factor_log_sv_2018").parameters, **changes})
    assert str(error.value).startswith(message)


@pytest.mark.parametrize(
    ("state", "message"),
    [
        (np.zeros((1, 4)), r"shape \(2, n_paths\)"),
        (np.array([[0.0, np.nan], [0.0, 0.0]]), "finite, got .*nan.* on path 1"),
    ],
)
def test_a_state_that_cannot_be_is_refused(state: FloatArray, message: str) -> None:
    with pytest.raises(ModelParameterError, match=message):
        MODEL.propagate(state, 2, Stream(seed=1))
