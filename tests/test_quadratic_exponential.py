"""One quadratic-exponential step against Andersen's formulas as printed, its exact moments, and its jumps."""

from __future__ import annotations

from math import exp, sqrt

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from models.errors import ModelParameterError
from models.kernels.philox import fill_normals, fill_uniforms
from models.kernels.quadratic_exponential import (
    MAX_JUMPS,
    diffuse_row,
    draw_and_diffuse_row,
    jump_row,
    propagate_rows,
    step_coefficients,
)

FloatArray = NDArray[np.float64]

DT = 1.0 / 252.0
KAPPA, THETA, VOL_OF_VOL, RHO = 3.0, 0.045, 0.7, -0.75  # Feller violated
KEY = np.array([11, 0], dtype=np.uint64)


def exact_moments(
    v: FloatArray, *, kappa: float, theta: float, vol_of_vol: float, dt: float = DT
) -> tuple[FloatArray, FloatArray]:
    """Mean and variance of the square-root transition."""
    e = exp(-kappa * dt)
    mean = theta + (v - theta) * e
    spread = v * vol_of_vol**2 * e * (1.0 - e) / kappa + theta * vol_of_vol**2 * (1.0 - e) ** 2 / (2.0 * kappa)
    return mean, spread


def step_twin(
    v: FloatArray,
    draws: tuple[FloatArray, FloatArray, FloatArray],
    *,
    kappa: float,
    theta: float,
    vol_of_vol: float,
    rho: float,
    dt: float = DT,
    is_corrected: bool = True,
) -> tuple[FloatArray, FloatArray]:
    """Andersen (2008) with b^2, beta and p, central weights, as he prints them."""
    z_v, z_s, u = draws
    m, s2 = exact_moments(v, kappa=kappa, theta=theta, vol_of_vol=vol_of_vol, dt=dt)
    psi = s2 / m**2
    k1 = 0.5 * dt * (kappa * rho / vol_of_vol - 0.5) - rho / vol_of_vol
    k2 = 0.5 * dt * (kappa * rho / vol_of_vol - 0.5) + rho / vol_of_vol
    k3 = k4 = 0.5 * dt * (1.0 - rho**2)
    a_big = k2 + 0.5 * k4
    v_next, k0 = np.empty_like(v), np.empty_like(v)
    low = psi <= 1.5
    t = 2.0 / psi[low]
    b2 = t - 1.0 + np.sqrt(t * (t - 1.0))
    a = m[low] / (1.0 + b2)
    v_next[low] = a * (np.sqrt(b2) + z_v[low]) ** 2
    k0[low] = -a_big * b2 * a / (1.0 - 2.0 * a_big * a) + 0.5 * np.log(1.0 - 2.0 * a_big * a)
    high = ~low
    p = (psi[high] - 1.0) / (psi[high] + 1.0)
    beta = (1.0 - p) / m[high]
    v_next[high] = np.where(u[high] <= p, 0.0, np.log((1.0 - p) / (1.0 - u[high])) / beta)
    k0[high] = -np.log(p + beta * (1.0 - p) / (beta - a_big))
    k0 -= (k1 + 0.5 * k3) * v
    if not is_corrected:
        k0 = np.full_like(v, -rho * kappa * theta * dt / vol_of_vol)
    return v_next, k0 + k1 * v + k2 * v_next + np.sqrt(k3 * v + k4 * v_next) * z_s


def kernel_step(
    v: FloatArray, draws: tuple[FloatArray, ...], dt: float = DT, **parameters: float
) -> tuple[FloatArray, FloatArray]:
    variance, log_return = v.copy(), np.zeros_like(v)
    diffuse_row(variance, log_return, *draws, step_coefficients(dt=dt, drift=0.0, **parameters))
    return variance, log_return


def random_draws(n: int, seed: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    rng = np.random.default_rng(seed)
    return rng.standard_normal(n), rng.standard_normal(n), rng.uniform(size=n)


@pytest.mark.parametrize(
    "parameters",
    [
        {"kappa": KAPPA, "theta": THETA, "vol_of_vol": VOL_OF_VOL, "rho": RHO},
        {"kappa": 0.5, "theta": 0.04, "vol_of_vol": 1.0, "rho": -0.99},
        {"kappa": 6.21, "theta": 0.019, "vol_of_vol": 0.61, "rho": 0.9},
        {"kappa": 4.0, "theta": 0.09, "vol_of_vol": 0.05, "rho": 0.0},
    ],
)
def test_step_is_the_printed_one_in_both_branches(parameters: dict[str, float]) -> None:
    v = np.concatenate([[0.0, 1e-12, 1e-8], np.geomspace(1e-6, 4.0, 5000)])
    draws = random_draws(v.size, 2)
    expected_v, expected_return = step_twin(v, draws, **parameters)
    variance, log_return = kernel_step(v, draws, **parameters)
    np.testing.assert_allclose(variance, expected_v, rtol=1e-9, atol=1e-14)
    np.testing.assert_allclose(log_return, expected_return, rtol=1e-9, atol=1e-12)
    mean, spread = exact_moments(v, **{k: parameters[k] for k in ("kappa", "theta", "vol_of_vol")})
    psi = spread / mean**2
    if parameters["vol_of_vol"] > 0.5:
        assert psi.min() < 1.5 < psi.max(), "both branches are tried"


@pytest.mark.parametrize("v0", [0.0, 1e-4, 2e-3, 0.02, 0.5])
@pytest.mark.parametrize("dt", [DT, 0.25])
def test_step_has_the_exact_mean_and_variance_and_keeps_the_mean_of_the_price(v0: float, dt: float) -> None:
    n = 400_000
    middle = (np.arange(n) + 0.5) / n  # quadrature by midpoints: only one of the two draws acts in either branch
    draws = (stats.norm.ppf(middle), np.zeros(n), middle)
    parameters = {"kappa": KAPPA, "theta": THETA, "vol_of_vol": VOL_OF_VOL, "rho": RHO}
    v = np.full(n, v0)
    variance, log_return = kernel_step(v, draws, dt=dt, **parameters)
    mean, spread = exact_moments(v, kappa=KAPPA, theta=THETA, vol_of_vol=VOL_OF_VOL, dt=dt)
    assert variance.min() >= 0.0
    assert variance.mean() == pytest.approx(mean[0], rel=1e-4)
    assert variance.var() == pytest.approx(spread[0], rel=2e-3)
    half = 0.5 * 0.5 * dt * (1.0 - RHO**2)  # the price's own normal integrated out

    def price_error(log_price: FloatArray, v_next: FloatArray) -> float:
        return float(np.exp(log_price + half * (v + v_next)).mean() - 1.0)

    assert abs(price_error(log_return, variance)) < 1e-6
    if dt > DT:  # over a quarter the uncorrected constant is visibly wrong; over a session the two are one
        v_next, plain = step_twin(v, draws, **parameters, dt=dt, is_corrected=False)
        assert abs(price_error(plain, v_next)) > 1e-5


def test_vanishing_volatility_of_variance_gives_the_deterministic_variance() -> None:
    v = np.array([0.0, 0.01, 0.2])
    variance, log_return = kernel_step(v, random_draws(3, 3), kappa=2.0, theta=0.04, vol_of_vol=1e-7, rho=-0.5)
    np.testing.assert_allclose(variance, 0.04 + (v - 0.04) * exp(-2.0 * DT), rtol=1e-5)
    assert np.isfinite(log_return).all()


def test_parameters_without_a_martingale_correction_are_refused() -> None:
    with pytest.raises(ModelParameterError, match="leaves the price without a mean"):
        step_coefficients(dt=1.0, kappa=1.0, theta=0.04, vol_of_vol=3.0, rho=0.95, drift=0.0)
    with pytest.raises(ModelParameterError, match="jump_intensity must be at most 1260"):
        step_coefficients(dt=DT, kappa=1.0, theta=0.04, vol_of_vol=1.0, rho=0.0, drift=0.0, jump_intensity=2000.0)


@pytest.mark.parametrize("rho", [0.2, 0.6, 0.999])
def test_correction_exists_for_every_variance_where_parameters_are_accepted(rho: float) -> None:
    """At the edge of what is accepted, for variances over twelve decades."""
    kappa, theta, dt = 1.5, 0.04, 0.25
    v = np.concatenate([[0.0], np.geomspace(1e-10, 100.0, 4000)])
    draws = random_draws(v.size, 4)
    accepted = 0
    for vol_of_vol in np.linspace(0.1, 40.0, 400):
        try:
            c = step_coefficients(dt=dt, kappa=kappa, theta=theta, vol_of_vol=vol_of_vol, rho=rho, drift=0.0)
        except ModelParameterError:
            break
        variance, log_return = v.copy(), np.zeros_like(v)
        diffuse_row(variance, log_return, *draws, c)
        assert np.isfinite(variance).all()
        assert np.isfinite(log_return).all()
        accepted += 1
    assert 0 < accepted < 400, "the edge is inside the range tried"


def jumps(n: int, **parameters: float) -> tuple[FloatArray, FloatArray]:
    """Variance and log price added by the jumps of one step, from zero."""
    c = step_coefficients(dt=DT, kappa=KAPPA, theta=THETA, vol_of_vol=VOL_OF_VOL, rho=RHO, drift=0.0, **parameters)
    variance, log_return = np.zeros(n), np.zeros(n)
    uniform = np.random.default_rng(5).uniform(size=n)
    zero = np.uint64(0)
    jump_row(variance, log_return, uniform, zero, zero, zero, zero, KEY, c)
    return variance, log_return


def test_number_of_jumps_is_poisson() -> None:
    intensity, n = 252.0, 100_000
    _, count = jumps(n, jump_intensity=intensity, return_jump_mean=1.0)
    observed = np.bincount(np.rint(count).astype(int), minlength=8)
    np.testing.assert_allclose(count, np.rint(count), atol=1e-12)
    assert count.max() < MAX_JUMPS

    def p_value(mean: float) -> float:
        expected = n * np.append(stats.poisson.pmf(np.arange(6), mean), stats.poisson.sf(5, mean))
        return float(stats.chisquare(np.append(observed[:6], observed[6:].sum()), expected).pvalue)

    assert p_value(intensity * DT) > 1e-3
    assert p_value(1.02 * intensity * DT) < 1e-3


def test_jumps_have_their_moments_and_keep_the_mean_of_the_price() -> None:
    n, intensity, mu_v, mu_s, sigma, slope = 400_000, 126.0, 0.04, -0.03, 0.05, -0.4
    variance, log_return = jumps(
        n,
        jump_intensity=intensity,
        variance_jump_mean=mu_v,
        return_jump_mean=mu_s,
        return_jump_std=sigma,
        jump_correlation=slope,
    )
    rate = intensity * DT
    left = (1.0 - exp(-KAPPA * DT)) / (KAPPA * DT)

    def z_score(sample: FloatArray, mean: float) -> float:
        return float((sample.mean() - mean) * sqrt(n) / sample.std())

    mean_jump = exp(mu_s + 0.5 * sigma**2) / (1.0 - slope * mu_v) - 1.0
    assert abs(z_score(variance, rate * mu_v * left)) < 4.0
    assert abs(z_score(variance**2, (2.0 * rate + rate**2) * (mu_v * left) ** 2)) < 4.0
    assert abs(z_score(np.exp(log_return), exp(rate * mean_jump))) < 4.0
    added = (1.0 - left) / KAPPA  # integrated variance of a jump, half of which the log price loses
    both = rate * left * (mu_s * mu_v + (slope - 0.5 * added) * 2.0 * mu_v**2)  # cumulant of a compound Poisson pair
    assert abs(z_score(variance * (log_return - log_return.mean()), both)) < 4.0
    assert abs(z_score(np.exp(log_return), exp(rate * (exp(mu_s) - 1.0)))) > 4.0
    assert abs(z_score(variance, 1.03 * rate * mu_v * left)) > 4.0


def test_compiled_rows_are_those_of_plain_python() -> None:
    jump_parameters = {"jump_intensity": 100.0, "variance_jump_mean": 0.05, "return_jump_std": 0.03}
    c = step_coefficients(
        dt=0.5 * DT, kappa=KAPPA, theta=THETA, vol_of_vol=VOL_OF_VOL, rho=RHO, drift=0.1, **jump_parameters
    )
    results = []
    for function in (propagate_rows, getattr(propagate_rows, "py_func", propagate_rows)):
        log_return, state, variance = np.empty((3, 40)), np.empty((3, 40)), np.full(40, 0.04)
        function(log_return, state, variance, 2, 7, -2, 0, KEY, c)
        results.append((log_return, state))
    np.testing.assert_allclose(results[0][0], results[1][0], rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(results[0][1], results[1][1], rtol=1e-12, atol=1e-15)


def test_drawing_beside_the_step_changes_no_bit() -> None:
    c = step_coefficients(dt=DT, kappa=KAPPA, theta=THETA, vol_of_vol=VOL_OF_VOL, rho=RHO, drift=0.1)
    n, address = 1003, (np.uint64(9), np.uint64(4), np.uint64(0), np.uint64(1), KEY)
    start = np.linspace(0.0, 0.5, n) ** 2
    normal, uniform = np.empty((4, n)), np.empty((4, n))
    fill_normals(normal, *address)
    fill_uniforms(uniform, *address)
    variance, log_return = start.copy(), np.full(n, 0.01)
    diffuse_row(variance, log_return, normal[0], normal[1], uniform[2], c)
    for adds, before in ((True, 0.01), (False, np.nan)):
        found, moved, jumps = np.empty(n), np.full(n, before), np.empty(n)
        draw_and_diffuse_row(start, found, moved, adds, jumps, *address, c)
        np.testing.assert_array_equal(found, variance)
        np.testing.assert_array_equal(jumps, uniform[3])
        if adds:
            np.testing.assert_array_equal(moved, log_return)
        else:
            np.testing.assert_allclose(moved + 0.01, log_return, rtol=1e-15, atol=1e-17)
    in_place = start.copy()
    draw_and_diffuse_row(in_place, in_place, moved, False, jumps, *address, c)
    np.testing.assert_array_equal(in_place, variance)
