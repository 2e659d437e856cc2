"""Fits: simulated histories give back what made them, and the presets are what their commands make."""

from __future__ import annotations

from dataclasses import asdict
from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray

import models
from models.calibration import CALIBRATORS
from models.calibration.hessian import standard_errors
from models.calibration.heston_nandi_fit import calibrate_heston_nandi, filter_variance
from models.calibration.history import FitHistory, gjr_reference, variance_premium
from models.calibration.svcj_fit import PairLikelihood, premium_of, variance_of_returns
from models.errors import CalibrationError
from models.heston_nandi import HestonNandi
from models.protocols import SESSIONS_PER_YEAR, CalibrationReport, SimulationGrid, Stream
from models.svcj import Svcj
from sim.history import default_history

FloatArray = NDArray[np.float64]

HESTON_NANDI = HestonNandi(
    omega=2e-7,
    alpha=4e-6,
    beta=0.75,
    gamma=225.0,
    equity_premium_coefficient=3.0,
    variance_ratio=1.25,
    rate=0.019,
    dividend_yield=0.019,
)
SVCJ = Svcj(
    kappa_p=5.0,
    kappa_q=3.0,
    theta_p=0.022,
    vol_of_vol=0.4,
    rho=-0.75,
    jump_intensity_p=1.0,
    jump_intensity_q=1.0,
    variance_jump_mean_p=0.03,
    variance_jump_mean_q=0.04,
    return_jump_mean_p=-0.015,
    return_jump_mean_q=-0.05,
    return_jump_std_p=0.015,
    return_jump_std_q=0.04,
    jump_correlation=-0.4,
    rate=0.019,
    dividend_yield=0.019,
    equity_premium=0.05,
)


def simulated(model: HestonNandi | Svcj, n_days: int, *, seed: int) -> tuple[FloatArray, FloatArray]:
    """Closes of SPX and VIX of one path."""
    paths = model.simulate(SimulationGrid(n_days=n_days, warmup_days=0), 1, Stream(seed=seed))
    return paths.spot[:, 0], paths.vix[:, 0]


@cache
def heston_nandi_fit(seed: int) -> CalibrationReport:
    spot, vix = simulated(HESTON_NANDI, 6000, seed=seed)
    return calibrate_heston_nandi(np.arange(spot.size), spot, vix)


def test_heston_nandi_is_recovered_from_its_own_history() -> None:
    fit = heston_nandi_fit(21)
    for name, error in fit.standard_errors.items():
        assert abs(fit.parameters[name] - getattr(HESTON_NANDI, name)) < 4.0 * error, name
    assert {"alpha", "beta", "gamma", "variance_ratio"} <= set(fit.standard_errors)
    wrong = {"alpha": 6e-6, "beta": 0.6, "gamma": 300.0}
    assert all(abs(fit.parameters[name] - value) > 4.0 * fit.standard_errors[name] for name, value in wrong.items())


def test_filtered_variance_is_that_of_the_simulated_path() -> None:
    paths = HESTON_NANDI.simulate(SimulationGrid(n_days=500, warmup_days=0), 1, Stream(seed=3))
    state = paths.state[:, 0, 0] / SESSIONS_PER_YEAR
    returns = np.diff(np.log(paths.spot[:, 0]))
    variance = np.empty(501)
    p = HESTON_NANDI
    mu = p.equity_premium_coefficient
    total = filter_variance(returns, p.omega, p.alpha, p.beta, p.gamma, mu, state[0], variance)
    np.testing.assert_allclose(variance, state, rtol=1e-9)
    z = (returns - (mu - 0.5) * state[:-1]) / np.sqrt(state[:-1])
    assert total == pytest.approx(float(np.sum(-0.5 * np.log(2.0 * np.pi * state[:-1]) - 0.5 * z**2)), rel=1e-10)


def test_svcj_under_p_is_recovered_from_its_own_history() -> None:
    spot, vix = simulated(SVCJ, 6000, seed=22)
    history = FitHistory.of(np.arange(spot.size), spot, vix)
    likelihood = PairLikelihood(history, variance_of_returns(SVCJ), SVCJ)
    truth = asdict(SVCJ)
    fitted = likelihood.fit({**truth, "kappa_p": 4.0, "vol_of_vol": 0.5, "rho": -0.65, "jump_intensity_p": 0.7})
    errors = likelihood.standard_errors(fitted, ())
    for name in ("kappa_p", "vol_of_vol", "rho", "return_jump_mean_p", "return_jump_std_p", "jump_correlation"):
        assert abs(fitted[name] - truth[name]) < 4.0 * errors[name], name
    for name, value in {"kappa_p": 9.0, "vol_of_vol": 0.5, "rho": -0.85, "return_jump_std_p": 0.03}.items():
        assert abs(fitted[name] - value) > 4.0 * errors[name], name
    # the documented limit of Gaussian steps: variance jumps come out smaller and more frequent
    assert fitted["variance_jump_mean_p"] < truth["variance_jump_mean_p"]
    assert fitted["jump_intensity_p"] > truth["jump_intensity_p"]
    assert variance_of_returns(Svcj(**fitted)) == pytest.approx(variance_of_returns(SVCJ), rel=1e-9)


def test_premium_of_svcj_is_that_of_simulated_paths() -> None:
    paths = SVCJ.simulate(SimulationGrid(n_days=1000, warmup_days=0), 400, Stream(seed=23))
    squared_vix = (1e-4 * paths.vix**2).mean(axis=0)
    returns = np.diff(np.log(paths.spot), axis=0)
    drift = np.log(paths.spot[-1] / paths.spot[0]).mean() / 1000
    realized = ((returns - drift) ** 2).mean(axis=0) * SESSIONS_PER_YEAR
    expected = premium_of(SVCJ)
    gap = squared_vix - expected * realized
    assert abs(gap.mean()) < 4.0 * gap.std(ddof=1) / 20.0
    wrong = squared_vix - 1.1 * expected * realized
    assert abs(wrong.mean()) > 4.0 * wrong.std(ddof=1) / 20.0


def test_variance_premium_of_a_history_by_plain_loops() -> None:
    rng = np.random.default_rng(5)
    returns = 0.01 * rng.standard_normal(400)
    vix = 15.0 + 5.0 * rng.random(400)
    vix[:80] = np.nan
    implied, realized = [], []
    for day in range(400 - 21):
        if np.isfinite(vix[day]):
            implied.append((vix[day] / 100.0) ** 2)
            realized.append(sum(r * r for r in returns[day + 1 : day + 22]) * 252 / 21)
    result = variance_premium(FitHistory(returns=returns, vix=vix, sample={}))
    assert result.ratio == pytest.approx(sum(implied) / sum(realized), rel=1e-12)
    assert 0.01 < result.standard_error / result.ratio < 0.3


def test_standard_errors_of_a_gaussian_likelihood_are_those_of_its_covariance() -> None:
    covariance = np.array([[2.0, 0.6, 0.0], [0.6, 1.0, -0.3], [0.0, -0.3, 0.5]])
    precision = np.linalg.inv(covariance)
    best = np.array([1.0, -2.0, 3.0])
    result = standard_errors(lambda x: 0.5 * (x - best) @ precision @ (x - best), best, step=1e-2)
    np.testing.assert_allclose(result, np.sqrt(np.diag(covariance)), rtol=1e-6)
    walled = standard_errors(lambda x: 1e10 if x[0] < 1.0 else 0.5 * (x - best) @ precision @ (x - best), best)
    assert np.isinf(walled[0])
    np.testing.assert_allclose(walled[1:], np.sqrt(np.diag(np.linalg.inv(precision[1:, 1:]))), rtol=1e-4)


def test_reference_fit_explains_more_than_constant_variance() -> None:
    returns = np.diff(np.log(default_history().spx_close))
    reference, variance = gjr_reference(returns)
    normal = -0.5 * returns.size * (float(np.log(2.0 * np.pi * np.var(100.0 * returns))) + 1.0)
    assert reference["loglikelihood"] > normal + 100.0
    assert variance.size == returns.size
    assert reference["mean_volatility"] == pytest.approx(np.sqrt(returns.var() * SESSIONS_PER_YEAR), rel=0.15)


CALIBRATED = [n for n in models.preset_names() if models.load_preset(n).command.startswith("regimesim calibrate")]


@pytest.mark.slow
@pytest.mark.parametrize("name", CALIBRATED)
def test_presets_are_what_their_commands_make(name: str) -> None:
    preset = models.load_preset(name)
    history = default_history()
    report = CALIBRATORS[preset.model](history.dates, history.spx_close, history.vix_close)
    assert preset.command.split()[:3] == ["regimesim", "calibrate", preset.model]
    assert set(report.at_bound) == set(preset.at_bound)
    assert report.diagnostics["loglikelihood"] == pytest.approx(preset.diagnostics["loglikelihood"], abs=0.5)
    assert set(report.diagnostics) == set(preset.diagnostics)
    if "variance_premium_of_model" in report.diagnostics:
        ratio = report.diagnostics["variance_premium_of_model"]
        assert ratio == pytest.approx(preset.diagnostics["variance_premium_of_model"], abs=0.02)
    for parameter, error in report.standard_errors.items():
        assert abs(report.parameters[parameter] - preset.parameters[parameter]) < error, parameter
    models.create(preset.model, **preset.parameters)


def test_too_short_a_history_is_refused() -> None:
    spot, vix = simulated(HESTON_NANDI, 500, seed=1)
    for calibrate in CALIBRATORS.values():
        with pytest.raises(CalibrationError, match="at least 1000 SPX returns and 250 VIX closes, got 500 and 500"):
            calibrate(np.arange(spot.size), spot, vix)
