"""Integrated transforms against another integrator, closed forms and published prices; and identities of the prices."""

from __future__ import annotations

from dataclasses import fields, replace
from math import exp

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.integrate import simpson, solve_ivp

import models
from models.affine import AffineModel
from models.kernels.riccati import RiccatiParameters
from models.protocols import SESSIONS_PER_YEAR, VIX_HORIZON
from models.riccati import (
    log_return_coefficients,
    log_return_sessions,
    riccati_solution,
    variance_coefficients,
    variance_sessions,
)
from models.svcj import Svcj
from models.two_factor_svcj import TwoFactorSvcj
from tests.model_sets import STATE_INTENSITY, SVCJ, TWO_FACTOR

FloatArray = NDArray[np.float64]
ComplexArray = NDArray[np.complex128]
DPS = {
    **{"kappa_p": 3.46, "kappa_q": 3.46, "theta_p": 0.008, "vol_of_vol": 0.14, "rho": -0.82, "jump_correlation": -0.38},
    **{"jump_intensity_q": 0.47, "variance_jump_mean_q": 0.05, "return_jump_std_q": 0.0001},
    "return_jump_mean_q": float(np.log(0.9 * (1.0 + 0.38 * 0.05))) - 0.5 * 0.0001**2,
}
"""Duffie, Pan and Singleton (2000), set SVJJ."""
MODELS: dict[str, AffineModel] = {"two_factor": TWO_FACTOR, "state_intensity": STATE_INTENSITY}
STATES = {"two_factor": np.array([0.02, 0.03]), "state_intensity": np.array([0.03])}


def equations(model: AffineModel) -> RiccatiParameters:
    assert isinstance(model, Svcj | TwoFactorSvcj)
    return model.dynamics("q").riccati_parameters()


def by_dop853(p: RiccatiParameters, w: complex, start: tuple[complex, complex], ttm: float) -> ComplexArray:
    """The equations as a paper states them, by an explicit method of order 8."""

    def rates(_: float, y: ComplexArray) -> list[complex]:
        _, d1, d2 = y
        size = np.exp(p.return_jump * w + 0.5 * p.return_jump_std**2 * w * w)
        jump = size / (1.0 - p.variance_jump * (d1 + p.jump_slope * w)) - 1.0 - w * p.mean_jump
        level = 0.5 * (w * w - w)
        first = level + (p.rho_1 * p.xi_1 * w - p.kappa_1) * d1 + 0.5 * p.xi_1**2 * d1 * d1 + p.intensity_slope * jump
        second = level + (p.rho_2 * p.xi_2 * w - p.kappa_2) * d2 + 0.5 * p.xi_2**2 * d2 * d2 + p.coupling * d1
        return [p.gamma_1 * d1 + p.gamma_2 * d2 + p.intensity * jump, first, second]

    initial = np.array([0.0, *start], dtype=np.complex128)
    solution = solve_ivp(rates, (0.0, ttm), initial, method="DOP853", rtol=1e-12, atol=1e-16)
    return np.asarray(solution.y[:, -1])


@pytest.mark.parametrize("name", list(MODELS))
@pytest.mark.parametrize("ttm", [1 / 252, 0.25, 1.5])
def test_log_return_transforms_are_those_of_another_integrator(name: str, ttm: float) -> None:
    p = equations(MODELS[name])
    for u in (0.05, 2.0, 40.0, 600.0, 1.0 - 2.0j, 5.0 + 0.5j):
        constant, slope = MODELS[name].log_return_transform(np.array([u], dtype=np.complex128), ttm)
        expected = by_dop853(p, 1j * u, (0.0, 0.0), ttm)
        np.testing.assert_allclose(np.r_[constant, slope[:, 0]], expected[: 1 + p.n_factors], rtol=1e-9)


@pytest.mark.parametrize("name", list(MODELS))
@pytest.mark.parametrize("ttm", [1 / 252, 0.25, 0.7])
def test_variance_transforms_are_those_of_another_integrator(name: str, ttm: float) -> None:
    p, model = equations(MODELS[name]), MODELS[name]
    offset, slopes = model.vix_squared_coefficients()
    for s in (-0.5, -300.0, 1.0 + 4.0j, 4.0 + 90.0j):
        constant, slope = model.variance_transform(np.array([s], dtype=np.complex128), ttm)
        start = (s * slopes[0], s * slopes[1] if p.n_factors == 2 else 0.0)
        expected = by_dop853(p, 0.0, start, ttm)[: 1 + p.n_factors]
        expected[0] += offset * s
        np.testing.assert_allclose(np.r_[constant, slope[:, 0]], expected, rtol=1e-9)


def test_another_intensity_slope_is_seen() -> None:
    p = equations(TWO_FACTOR)
    wrong = p._replace(intensity_slope=p.intensity_slope * 1.0001)
    right = TWO_FACTOR.log_return_transform(np.array([2.0 + 0.0j]), 0.25)[1][0, 0]
    assert abs(by_dop853(wrong, 2.0j, (0.0, 0.0), 0.25)[1] / right - 1.0) > 1e-6


@pytest.mark.parametrize("ttm", [1 / 252, 0.25, 3.0])
def test_a_constant_intensity_gives_the_closed_form(ttm: float) -> None:
    p = SVCJ.dynamics("q").riccati_parameters()
    u = np.r_[0.1, 3.0, 50.0, 3000.0, 1.0 - 1.5j].astype(np.complex128)
    for mine, closed in zip(log_return_coefficients(p, u, ttm), SVCJ.log_return_transform(u, ttm), strict=True):
        np.testing.assert_allclose(mine, closed, rtol=1e-9)
    s = np.r_[-1e4, -1.0, -1e-8, 2.0 + 5.0j, 500.0 + 2000.0j].astype(np.complex128)
    mine = variance_coefficients(p, s, ttm, SVCJ.vix_squared_coefficients())
    for one, closed in zip(mine, SVCJ.variance_transform(s, ttm), strict=True):
        np.testing.assert_allclose(one, closed, rtol=1e-9)


def test_the_strip_ends_where_the_closed_form_says() -> None:
    """Without the slope the bound is known; the search must stay inside and come close."""
    from models.riccati import variance_bound

    slope = SVCJ.vix_squared_coefficients()[1]
    for ttm in (1 / 252, 0.1, 1.0):
        closed = SVCJ.variance_transform_bound(ttm)
        found = variance_bound(SVCJ.dynamics("q").riccati_parameters(), ttm, (float(slope[0]),))
        # the closed bound is that of diffusion and jumps together, which may lie well inside the strip
        assert found > 0.97 * closed
        value = variance_coefficients(
            SVCJ.dynamics("q").riccati_parameters(), np.array([found + 0j]), ttm, SVCJ.vix_squared_coefficients()
        )
        assert np.isfinite(value[0]).all()


def test_many_arguments_are_interpolated_without_loss() -> None:
    p = equations(TWO_FACTOR)
    u = np.linspace(0.0, 5000.0, 401)
    constant, slope = log_return_coefficients(p, u.astype(np.complex128), 0.2)
    w = 1j * u[1::40].astype(np.complex128)
    direct = riccati_solution(p, w, np.zeros((2, w.size), dtype=np.complex128), np.array([0.2]))[0]
    np.testing.assert_allclose(constant[1::40], direct[0], rtol=1e-8)
    np.testing.assert_allclose(slope[:, 1::40], direct[1:], rtol=1e-8)


@pytest.mark.parametrize("name", list(MODELS))
def test_one_integration_gives_all_sessions(name: str) -> None:
    model = MODELS[name]
    u, s = np.array([0.5, 20.0, 900.0], dtype=np.complex128), np.array([-5.0, 3.0 + 30.0j], dtype=np.complex128)
    returns, variances = model.log_return_sessions(u, 130), model.variance_sessions(s, 130)
    assert returns.shape[0] == 130
    for n in (1, 21, 130):
        one = np.vstack(model.log_return_transform(u, n / SESSIONS_PER_YEAR))
        np.testing.assert_allclose(returns[n - 1], one.reshape(returns[n - 1].shape), rtol=1e-9)
        one = np.vstack(model.variance_transform(s, n / SESSIONS_PER_YEAR))
        np.testing.assert_allclose(variances[n - 1], one.reshape(variances[n - 1].shape), rtol=1e-9)
    assert (
        log_return_sessions(equations(model), u, 2).shape[0]
        == variance_sessions(equations(model), s, 2, model.vix_squared_coefficients()).shape[0]
    )


# special cases


def test_double_heston_calls() -> None:
    """An independent computation of Gauthier and Possamai's (2010) example, whose prints are off by 2e-3 to 7e-3."""
    parameters = {
        **{"kappa_fast_p": 0.9, "kappa_fast_q": 0.9, "theta_fast_p": 0.1, "vol_of_vol_fast": 0.1, "rho_fast": -0.5},
        **{"kappa_slow_p": 1.2, "kappa_slow_q": 1.2, "theta_slow_p": 0.15, "vol_of_vol_slow": 0.2, "rho_slow": -0.5},
    }
    pricer = models.create("double_heston", **parameters, rate=0.03).exact_pricer()
    strike, state = 61.9 * np.array([0.7, 1.0, 1.3]), np.array([0.36, 0.49])
    expected = {1.0: [27.6047325, 19.4537815, 13.9276326], 10.0: [45.2792643, 41.3939544, 38.2718599]}
    for ttm, prices in expected.items():
        value = pricer.spx_option(61.9, state[:, None], strike=strike, ttm=ttm, is_call=True).price
        np.testing.assert_allclose(value, prices, atol=1e-7)
    wrong = models.create("double_heston", **{**parameters, "rho_slow": -0.501}, rate=0.03).exact_pricer()
    value = wrong.spx_option(61.9, state[:, None], strike=strike, ttm=1.0, is_call=True).price
    assert np.max(np.abs(value - expected[1.0])) > 1e-4


def test_double_heston_is_two_hestons() -> None:
    """Independent factors: transforms multiply, each of them closed."""
    parts = [
        models.create("heston", kappa_p=k, kappa_q=q, theta_p=theta, vol_of_vol=xi, rho=rho)
        for k, q, theta, xi, rho in ((6.0, 5.0, 0.02, 0.7, -0.9), (0.8, 0.6, 0.03, 0.25, -0.5))
    ]
    names = ("kappa_{}_p", "kappa_{}_q", "theta_{}_p", "vol_of_vol_{}", "rho_{}")
    values = ((6.0, 5.0, 0.02, 0.7, -0.9), (0.8, 0.6, 0.03, 0.25, -0.5))
    both = models.create(
        "double_heston",
        **{
            stem.format(factor): value
            for factor, row in zip(("fast", "slow"), values, strict=True)
            for stem, value in zip(names, row, strict=True)
        },
    )
    u = np.array([0.3, 8.0, 200.0 - 0.2j], dtype=np.complex128)
    s = np.array([-20.0, 1.0 + 9.0j], dtype=np.complex128)
    for ttm in (1 / 252, 0.5):
        constant, slope = both.log_return_transform(u, ttm)
        one, two = (part.log_return_transform(u, ttm) for part in parts)
        np.testing.assert_allclose(constant, one[0] + two[0], rtol=1e-9)
        np.testing.assert_allclose(slope, np.vstack([one[1], two[1]]), rtol=1e-9)
        constant, slope = both.variance_transform(s, ttm)
        one, two = (part.variance_transform(s, ttm) for part in parts)
        np.testing.assert_allclose(constant, one[0] + two[0], rtol=1e-9)
        np.testing.assert_allclose(slope, np.vstack([one[1], two[1]]), rtol=1e-9)


def svcj_as_two_factor() -> TwoFactorSvcj:
    """SVCJ beside a slow factor that is nearly nothing."""
    slow = {"kappa_slow_p": 1.0, "kappa_slow_q": 1.0, "theta_slow_p": 1e-14, "vol_of_vol_slow": 1e-6, "rho_slow": 0.0}
    fast = {"kappa_fast_p": 3.46, "kappa_fast_q": 3.46, "theta_fast_p": 0.008, "vol_of_vol_fast": 0.14}
    jumps = {key: DPS[key] for key in DPS if "jump_mean" in key or "jump_std" in key or "correlation" in key}
    return TwoFactorSvcj(**slow, **fast, rho_fast=-0.82, jump_intensity_base=0.47, **jumps, rate=0.0319)


def test_one_factor_alone_has_the_published_prices_of_svcj() -> None:
    """Duffie, Pan and Singleton's set: calls of Broadie and Kaya (6.8619) and the VIX and its futures."""
    pricer, state = svcj_as_two_factor().exact_pricer(), np.array([0.007569, 0.0])
    strike = np.array([80.0, 90.0, 95.0, 100.0, 105.0, 110.0])
    calls = pricer.spx_option(100.0, state[:, None], strike=strike, ttm=1.0, is_call=True).price
    published = [22.98837247, 14.23729214, 10.30883383, 6.8618756214, 4.05910564, 2.03328660]
    np.testing.assert_allclose(calls, published, atol=1e-7)
    assert float(pricer.vix(state)) == pytest.approx(11.70968270, abs=1e-7)
    days = np.array([7, 30, 60, 90, 180, 365])
    futures = [11.79953074, 12.07166651, 12.37283127, 12.61708408, 13.08536306, 13.40695240]
    np.testing.assert_allclose(pricer.vix_future(state[:, None], days / 365.0), futures, atol=1e-7)


# identities


@pytest.mark.parametrize("name", list(MODELS))
def test_the_spot_is_a_martingale_and_its_slope_is_the_vix(name: str) -> None:
    model, state = MODELS[name], STATES[name]
    constant, slope = model.log_return_transform(np.array([-1j]), 0.4)
    assert abs(constant[0] + slope[:, 0] @ state) < 1e-10

    def mean(h: float) -> float:
        c, d = model.log_return_transform(np.array([h, -h], dtype=np.complex128), VIX_HORIZON)
        value = c + d.T @ state
        return float(np.imag(value[0] - value[1]) / (2.0 * h))

    log_contract = (4.0 * mean(0.005) - mean(0.01)) / 3.0
    vix = 100.0 * np.sqrt(-2.0 / VIX_HORIZON * log_contract)
    assert float(model.exact_pricer().vix(state)) == pytest.approx(vix, rel=1e-7)


@pytest.mark.parametrize("name", list(MODELS))
@pytest.mark.parametrize("ttm", [1 / 252, 0.3, 2.0])
def test_mean_squared_vix_is_the_slope_of_its_transform_and_obeys_the_tower_law(name: str, ttm: float) -> None:
    model, state = MODELS[name], STATES[name]

    def mean(h: float) -> float:
        c, d = model.variance_transform(np.array([h, -h], dtype=np.complex128), ttm)
        value = np.real(c + d.T @ state)
        return float((value[0] - value[1]) / (2.0 * h))

    constant, slope = model.variance_mean(ttm)
    expected = float(constant + slope @ state)
    assert (4.0 * mean(5e-4) - mean(1e-3)) / 3.0 == pytest.approx(expected, rel=1e-8)
    # where VIX futures weigh their transform most, it is so small that 1 - (1 - x) would have no digits
    tiny = model.variance_transform(np.array([-1e-15 + 0j]), ttm)
    np.testing.assert_allclose(np.real(tiny[0][0]) / -1e-15, constant, rtol=1e-8)
    np.testing.assert_allclose(np.real(tiny[1][:, 0]) / -1e-15, slope, rtol=1e-8)
    # the expected squared VIX is the forward variance between its expiry and 30 days later
    ends = [ttm, ttm + VIX_HORIZON]
    total = [end * (c + d @ state) for end in ends for c, d in [model.mean_variance_coefficients(end)]]
    assert (total[1] - total[0]) / VIX_HORIZON == pytest.approx(expected, rel=1e-9)
    future = float(model.exact_pricer().vix_future(state, ttm))
    assert (future / 100.0) ** 2 < expected


@pytest.mark.parametrize("name", list(MODELS))
def test_future_becomes_the_vix(name: str) -> None:
    pricer, state = MODELS[name].exact_pricer(), STATES[name]
    vix = float(pricer.vix(state))
    gaps = np.array([float(pricer.vix_future(state, ttm)) - vix for ttm in (1e-4, 1e-5, 1e-6)])
    np.testing.assert_allclose(gaps[:-1] / gaps[1:], 10.0, rtol=0.1)


@pytest.mark.parametrize("name", list(MODELS))
def test_a_strip_of_options_reproduces_the_vix(name: str) -> None:
    model, state = MODELS[name], STATES[name]
    pricer, ttm = model.exact_pricer(), VIX_HORIZON
    forward = exp((model.rate - model.dividend_yield) * ttm)
    strip = 0.0
    for is_call, k in ((False, np.linspace(-1.8, 0.0, 601)), (True, np.linspace(0.0, 0.7, 401))):
        strike = forward * np.exp(k)
        price = pricer.spx_option(1.0, state[:, None], strike=strike, ttm=ttm, is_call=is_call).price
        strip += 2.0 / ttm * float(simpson(price * exp(model.rate * ttm) / strike, x=k))
    assert float(pricer.vix(state)) == pytest.approx(100.0 * np.sqrt(strip), rel=2e-5)


@pytest.mark.parametrize("name", list(MODELS))
def test_vix_calls_of_all_strikes_hold_the_second_moment(name: str) -> None:
    """Twice the integral of the calls over the strike is the mean squared VIX, which is known."""
    pricer, state, ttm = MODELS[name].exact_pricer(), STATES[name], 0.1
    constant, slope = MODELS[name].variance_mean(ttm)
    node, weight = np.polynomial.legendre.leggauss(16)
    edges = np.array([0.5, 7.0, 9.0, 11.0, 14.0, 18.0, 24.0, 34.0, 50.0, 80.0, 150.0])
    half = 0.5 * np.diff(edges)[:, None]
    strike = (edges[:-1, None] + half * (node + 1.0)).ravel()
    call = exp(MODELS[name].rate * ttm) * pricer.vix_option(state[:, None], strike=strike, ttm=ttm, is_call=True)
    total = 2.0 * float(np.sum((half * weight).ravel() * call)) + 0.5 * (2.0 * call[0] + strike[0] * 2.0 - 0.5)
    assert total == pytest.approx(1e4 * (constant + slope @ state), rel=1e-5)


def test_premia_scale_from_p_to_q() -> None:
    for model in (STATE_INTENSITY, TWO_FACTOR):
        none = model.scaled_premium(variance=0.0, equity=0.0)
        assert none.dynamics("p") == none.dynamics("q")
        same = model.scaled_premium()
        for item in fields(model):
            assert getattr(same, item.name) == pytest.approx(getattr(model, item.name), rel=1e-12)
        assert none.premium()["vix_premium"][0] == pytest.approx(0.0, abs=1e-12)
        assert model.premium()["vix_premium"][0] > 0.5
    more = TWO_FACTOR.scaled_premium(variance=1.5)
    assert more.jump_intensity_ratio == pytest.approx(TWO_FACTOR.jump_intensity_ratio**1.5)
    p, q, dialled = (law.dynamics(measure) for law, measure in ((TWO_FACTOR, "p"), (TWO_FACTOR, "q"), (more, "q")))
    net_p, net_q, net = (law.kappa_fast - law.jump_intensity_slope * law.variance_jump_mean for law in (p, q, dialled))
    assert net == pytest.approx(net_q * (net_q / net_p) ** 0.5)
    assert more.kappa_slow_q == pytest.approx(TWO_FACTOR.kappa_slow_q**1.5 / TWO_FACTOR.kappa_slow_p**0.5)
    assert more.premium()["vix_premium"][0] > TWO_FACTOR.premium()["vix_premium"][0]
    assert replace(TWO_FACTOR, jump_intensity_ratio=0.0).scaled_premium(variance=0.0).jump_intensity_ratio == 1.0
