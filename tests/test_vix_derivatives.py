"""VIX futures and options against the transition law integrated, identities, and small simulations of Q."""

from __future__ import annotations

from math import exp, sqrt

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from models import create
from models.affine import AffineModel
from models.affine_pricer import AffinePricer
from models.protocols import SESSIONS_PER_YEAR, VIX_HORIZON
from tests.model_sets import HESTON_NANDI, SVCJ

FloatArray = NDArray[np.float64]

KAPPA, THETA, VOL_OF_VOL = 6.21, 0.019, 0.61  # Duffie, Pan and Singleton (2000), set SV: Feller violated
HESTON = create("heston", kappa_p=KAPPA, kappa_q=KAPPA, theta_p=THETA, vol_of_vol=VOL_OF_VOL, rho=-0.7, rate=0.03)
CALM_HESTON = create("heston", kappa_p=4.0, kappa_q=2.0, theta_p=0.04, vol_of_vol=0.3, rho=-0.6)
MODELS = {"heston": HESTON, "calm": CALM_HESTON, "svcj": SVCJ, "heston_nandi": HESTON_NANDI}
IDS = list(MODELS)


class SquareRootLaw:
    """Heston's VIX at a horizon: its squared value is affine in a non-central chi-square variable."""

    def __init__(self, *, kappa: float, theta: float, vol_of_vol: float, v0: float, ttm: float) -> None:
        weight = (1.0 - exp(-kappa * VIX_HORIZON)) / (kappa * VIX_HORIZON)
        scale = vol_of_vol**2 * (1.0 - exp(-kappa * ttm)) / (4.0 * kappa)
        self.floor = sqrt((1.0 - weight) * theta)
        self.unit = weight * scale
        freedom, shift = 4.0 * kappa * theta / vol_of_vol**2, v0 * exp(-kappa * ttm) / scale
        self.law = stats.ncx2(freedom, shift)
        # a shifted normal vector is no longer than its shift and the vector: nothing is left beyond
        self.top = sqrt(self.floor**2 + self.unit * (sqrt(shift) + sqrt(stats.chi2(freedom).isf(1e-18))) ** 2)

    def call(self, strike: float) -> float:
        """Integral of P(VIX > y) over y > strike, by Gauss and Legendre on panels that thin out near the floor."""
        low = max(strike / 100.0, self.floor)
        # the probability of the floor's neighbourhood is a small power of the distance: a power puts panels there
        edges = low + (self.top - low) * np.linspace(0.0, 1.0, 121) ** 6
        node, weight = np.polynomial.legendre.leggauss(40)
        half = 0.5 * np.diff(edges)[:, None]
        y = edges[:-1, None] + half * (node + 1.0)
        beyond = self.law.sf((y * y - self.floor**2) / self.unit)
        return 100.0 * float(np.sum(half * weight * beyond)) + max(100.0 * self.floor - strike, 0.0)

    def future(self) -> float:
        """The call struck at the floor, and the floor."""
        return 100.0 * self.floor + self.call(100.0 * self.floor)


LAWS = {"heston": (KAPPA, THETA, VOL_OF_VOL), "calm": (2.0, 0.08, 0.3)}


@pytest.mark.parametrize("name", list(LAWS))
@pytest.mark.parametrize("v0", [0.002, 0.010201, 0.03, 0.09])  # of more shift than this, scipy overflows
@pytest.mark.parametrize("ttm", [7 / 365, 30 / 365, 0.5])
def test_heston_futures_and_calls_are_the_integral_of_the_transition_law(name: str, v0: float, ttm: float) -> None:
    kappa, theta, vol_of_vol = LAWS[name]
    law = SquareRootLaw(kappa=kappa, theta=theta, vol_of_vol=vol_of_vol, v0=v0, ttm=ttm)
    pricer, state = MODELS[name].exact_pricer(), np.array([v0])
    future = law.future()
    np.testing.assert_allclose(pricer.vix_future(state, ttm), future, rtol=1e-9)
    strikes = future * np.array([0.6, 0.8, 0.95, 1.0, 1.05, 1.3, 1.8])
    discount = exp(-MODELS[name].rate * ttm)
    calls = pricer.vix_option(state, strike=strikes, ttm=ttm, is_call=True)
    np.testing.assert_allclose(calls, [discount * law.call(k) for k in strikes], rtol=1e-9, atol=1e-9 * future)


def test_the_transition_law_of_another_speed_is_seen() -> None:
    law = SquareRootLaw(kappa=KAPPA * 1.0001, theta=THETA, vol_of_vol=VOL_OF_VOL, v0=0.05, ttm=30 / 365)
    result = HESTON.exact_pricer().vix_future(np.array([0.05]), 30 / 365)
    assert abs(float(result) / law.future() - 1.0) > 1e-6


@pytest.mark.parametrize("name", IDS)
def test_put_call_parity_and_bounds(name: str) -> None:
    """Calls and puts part by discounted future minus strike, and both fall or rise convexly in the strike."""
    model, pricer = MODELS[name], MODELS[name].exact_pricer()
    state = np.array([0.004, 0.02, 0.2])[:, None]
    for ttm in np.array([1, 21, 63]) / SESSIONS_PER_YEAR:
        future = pricer.vix_future(state.T, ttm)[:, None]
        strikes = future * np.linspace(0.5, 2.5, 41)
        call = pricer.vix_option(state[None], strike=strikes, ttm=ttm, is_call=True)
        put = pricer.vix_option(state[None], strike=strikes, ttm=ttm, is_call=False)
        forward = exp(-model.rate * ttm) * (future - strikes)
        np.testing.assert_allclose(call - put, forward, rtol=0.0, atol=1e-9)
        assert np.all(np.diff(call, axis=1) <= 1e-9)
        assert np.all(np.diff(call, 2, axis=1) >= -1e-8)
        assert np.all(call >= np.maximum(forward, 0.0) - 1e-9)


@pytest.mark.parametrize("name", ["heston", "calm", "svcj"])
def test_future_becomes_the_vix(name: str) -> None:
    pricer, state = MODELS[name].exact_pricer(), np.array([[0.005, 0.02, 0.3]])
    vix = pricer.vix(state)
    gap = [np.max(np.abs(pricer.vix_future(state, ttm) - vix)) for ttm in (1e-3, 1e-4, 1e-5, 1e-6)]
    assert gap[-1] < 1e-3
    # a drift acts in proportion to time
    np.testing.assert_allclose(np.array(gap[:-1]) / gap[1:], 10.0, rtol=0.15)
    np.testing.assert_array_equal(pricer.vix_option(state, strike=10.0, ttm=0.0, is_call=True), np.maximum(vix - 10, 0))


def second_moment(model: AffineModel, v: float, ttm: float, step: float = 1e-4) -> float:
    """E[VIX^2] as the slope of its own transform at 0, by central differences of two steps."""

    def mean(h: float) -> float:
        constant, slope = model.variance_transform(np.array([h, -h], dtype=np.complex128), ttm)
        value = np.real(constant + slope[0] * v)
        return float(value[0] - value[1]) / (2.0 * h)

    return (4.0 * mean(step / 2.0) - mean(step)) / 3.0


@pytest.mark.parametrize("name", IDS)
@pytest.mark.parametrize("sessions", [1, 21, 120])
def test_mean_of_squared_vix_and_the_future_below_its_root(name: str, sessions: int) -> None:
    model, ttm = MODELS[name], sessions / SESSIONS_PER_YEAR
    for v in (0.004, 0.02, 0.3):
        constant, slope = model.variance_mean(ttm)
        mean = constant + slope[0] * v
        assert mean == pytest.approx(second_moment(model, v, ttm), rel=1e-9)
        future = float(model.exact_pricer().vix_future(np.array([v]), ttm)) / 100.0
        assert 0.5 * mean < future**2 < mean


@pytest.mark.parametrize("name", IDS)
def test_tower_of_log_contracts(name: str) -> None:
    """Expected variance to T + D is that to T, and that of the VIX period which starts at T."""
    model = MODELS[name]
    horizon = 21 / SESSIONS_PER_YEAR if name == "heston_nandi" else VIX_HORIZON
    for sessions in (5, 42, 90):
        first = sessions / SESSIONS_PER_YEAR
        for v in (0.004, 0.3):
            total = [c + s[0] * v for c, s in map(model.mean_variance_coefficients, (first, first + horizon))]
            constant, slope = model.variance_mean(first)
            later = constant + slope[0] * v
            assert later * horizon == pytest.approx(total[1] * (first + horizon) - total[0] * first, rel=1e-11)


def vix_by_difference(model: AffineModel, v: float, horizon: float) -> float:
    """Sqrt(-2/D E ln(S/F)): the first cumulant of the log return by central differences of its transform."""

    def cumulant(h: float) -> float:
        constant, slope = model.log_return_transform(np.array([-1j * h, 1j * h]), horizon)
        value = np.real(constant + slope[0] * v)
        return float(value[0] - value[1]) / (2.0 * h)

    return 100.0 * sqrt(-2.0 / horizon * (4.0 * cumulant(0.01) - cumulant(0.02)) / 3.0)


@pytest.mark.parametrize("name", IDS)
def test_vix_is_the_slope_of_the_characteristic_function(name: str) -> None:
    model = MODELS[name]
    horizon = 21 / SESSIONS_PER_YEAR if name == "heston_nandi" else VIX_HORIZON
    for v in (0.004, 0.02, 0.3):
        vix = float(model.exact_pricer().vix(np.array([v])))
        assert vix == pytest.approx(vix_by_difference(model, v, horizon), rel=1e-9)


def simulate_svcj(v0: float, ttm: float, *, intensity: float, n: int, seed: int) -> FloatArray:
    """Variance of the SVCJ set under Q: exact square-root transitions between jumps, at jump times of a year's clock.

    Jumps fall on a grid of 60 instants: the bias of that is far below the error of the mean.
    """
    rng = np.random.default_rng(seed)
    kappa, theta, vol_of_vol, n_steps = 3.0, 5.0 * 0.02 / 3.0, 0.5, 60
    dt = ttm / n_steps
    scale = vol_of_vol**2 * (1.0 - exp(-kappa * dt)) / (4.0 * kappa)
    v = np.full(n, v0)
    for _ in range(n_steps):
        v = scale * rng.noncentral_chisquare(4.0 * kappa * theta / vol_of_vol**2, v * exp(-kappa * dt) / scale)
        jumps = rng.poisson(intensity * dt, n)
        v += np.where(jumps > 0, rng.gamma(np.maximum(jumps, 1), 0.05), 0.0)
    return v


def simulate_heston_nandi(v0: float, sessions: int, *, ratio: float, n: int, seed: int) -> FloatArray:
    """Annual P variance after sessions under Q: proposition 1 of Christoffersen, Heston and Jacobs (2013)."""
    rng = np.random.default_rng(seed)
    alpha, gamma = 5.123e-6 * ratio**2, (3.436 - 0.5 + 171.24) / ratio + 0.5
    h = np.full(n, ratio * v0 / SESSIONS_PER_YEAR)
    for _ in range(sessions):
        h = 0.80218 * h + alpha * (rng.standard_normal(n) - gamma * np.sqrt(h)) ** 2
    return h / ratio * SESSIONS_PER_YEAR


def standard_scores(pricer: AffinePricer, v0: float, sessions: int, end: FloatArray) -> FloatArray:
    """Distance of simulated future and calls from the prices, in standard errors."""
    ttm, strikes = sessions / SESSIONS_PER_YEAR, np.array([15.0, 20.0, 30.0])
    vix = pricer.vix(end[None, :])
    payoff = np.vstack([vix, np.maximum(vix - strikes[:, None], 0.0)])
    calls = pricer.vix_option(np.array([v0]), strike=strikes, ttm=ttm, is_call=True) * exp(pricer.model.rate * ttm)
    prices = np.concatenate([[float(pricer.vix_future(np.array([v0]), ttm))], calls])
    return np.abs(payoff.mean(axis=1) - prices) / (payoff.std(axis=1) / sqrt(end.size))


def test_svcj_prices_within_four_errors_of_a_simulation() -> None:
    pricer = AffinePricer(SVCJ)
    end = simulate_svcj(0.02, 21 / SESSIONS_PER_YEAR, intensity=1.0, n=100_000, seed=20)
    assert standard_scores(pricer, 0.02, 21, end).max() < 4.0
    other = simulate_svcj(0.02, 21 / SESSIONS_PER_YEAR, intensity=1.2, n=100_000, seed=20)
    assert standard_scores(pricer, 0.02, 21, other).min() > 4.0


def test_heston_nandi_prices_within_four_errors_of_a_simulation() -> None:
    pricer = AffinePricer(HESTON_NANDI)
    end = simulate_heston_nandi(0.0144, 21, ratio=1.2, n=400_000, seed=21)
    assert standard_scores(pricer, 0.0144, 21, end).max() < 4.0
    other = simulate_heston_nandi(0.0144, 21, ratio=1.25, n=400_000, seed=21)
    assert standard_scores(pricer, 0.0144, 21, other).min() > 4.0
