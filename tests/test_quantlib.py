"""SPX options against QuantLib's Heston and Bates engines, and identities that hold in every model."""

from __future__ import annotations

from math import exp, sqrt

import numpy as np
import pytest
import QuantLib as ql
from numpy.typing import NDArray
from scipy import integrate

from models import create
from models.errors import PricingDomainError
from models.protocols import SESSIONS_PER_YEAR, VIX_HORIZON, Model
from tests.model_sets import HESTON_NANDI, SVCJ

FloatArray = NDArray[np.float64]

N_SETS = 25
DAYS = (30, 182, 730)
TODAY = ql.Date(30, 3, 2007)

HESTON = create("heston", kappa_p=5.0, kappa_q=3.0, theta_p=0.03, vol_of_vol=0.7, rho=-0.75, rate=0.03)
BATES = create(
    "bates",
    kappa_p=5.0,
    kappa_q=3.0,
    theta_p=0.03,
    vol_of_vol=0.4,
    rho=-0.6,
    jump_intensity_q=0.8,
    return_jump_mean_q=-0.08,
    return_jump_std_q=0.06,
    rate=0.01,
    dividend_yield=0.02,
)
MODELS = {"heston": HESTON, "bates": BATES, "svcj": SVCJ, "heston_nandi": HESTON_NANDI}
IDS = list(MODELS)
STATE = np.array([0.02])


def random_sets(seed: int, *, has_jumps: bool) -> list[dict[str, float]]:
    """Heston and jump parameters over the range that indices are fitted with, Feller violated or not."""
    rng = np.random.default_rng(seed)
    ranges = {
        "v0": (0.005, 0.2),
        "kappa": (0.5, 8.0),
        "theta": (0.01, 0.1),
        "vol_of_vol": (0.1, 1.0),
        "rho": (-0.95, 0.3),
        "rate": (0.0, 0.06),
        "dividend_yield": (0.0, 0.04),
    }
    if has_jumps:
        ranges |= {
            "jump_intensity_q": (0.1, 3.0),
            "return_jump_mean_q": (-0.25, 0.05),
            "return_jump_std_q": (0.01, 0.2),
        }
    return [{name: rng.uniform(*ends) for name, ends in ranges.items()} for _ in range(N_SETS)]


def quantlib_prices(p: dict[str, float], strikes: FloatArray, days: int) -> list[float]:
    """Calls by the analytic engines: adaptive integration that may go on until it is exact."""
    ql.Settings.instance().evaluationDate = TODAY
    curves = [
        ql.YieldTermStructureHandle(ql.FlatForward(TODAY, p[name], ql.Actual365Fixed()))
        for name in ("rate", "dividend_yield")
    ]
    spot = ql.QuoteHandle(ql.SimpleQuote(100.0))
    law = p["v0"], p["kappa"], p["theta"], p["vol_of_vol"], p["rho"]
    if "jump_intensity_q" in p:
        jumps = p["jump_intensity_q"], p["return_jump_mean_q"], p["return_jump_std_q"]
        engine = ql.BatesEngine(ql.BatesModel(ql.BatesProcess(*curves, spot, *law, *jumps)), 1e-13, 100_000)
    else:
        engine = ql.AnalyticHestonEngine(ql.HestonModel(ql.HestonProcess(*curves, spot, *law)), 1e-13, 100_000)
    prices = []
    for strike in strikes:
        payoff = ql.PlainVanillaPayoff(ql.Option.Call, float(strike))
        option = ql.VanillaOption(payoff, ql.EuropeanExercise(TODAY + days))
        option.setPricingEngine(engine)
        prices.append(option.NPV())
    return prices


def our_model(p: dict[str, float]) -> Model:
    q = {name: value for name, value in p.items() if name not in ("v0", "kappa", "theta")}
    name = "bates" if "jump_intensity_q" in p else "heston"
    return create(name, kappa_p=p["kappa"], kappa_q=p["kappa"], theta_p=p["theta"], **q)


@pytest.mark.parametrize(("seed", "has_jumps"), [(31, False), (32, True)], ids=["heston", "bates"])
def test_calls_are_those_of_quantlib_to_1e_7_of_spot(seed: int, has_jumps: bool) -> None:
    worst, blind = 0.0, np.inf
    for p in random_sets(seed, has_jumps=has_jumps):
        pricer, state = our_model(p).exact_pricer(), np.array([p["v0"]])
        other = our_model({**p, "rho": p["rho"] + 0.01}).exact_pricer()
        for days in DAYS:
            spread = sqrt(max(p["v0"], p["theta"]) * days / 365)
            strikes = 100.0 * np.exp(spread * np.array([-2.0, -0.7, 0.0, 0.7, 1.5]))
            expected = quantlib_prices(p, strikes, days)
            result = pricer.spx_option(100.0, state, strike=strikes, ttm=days / 365, is_call=True).price
            worst = max(worst, float(np.max(np.abs(result - expected))))
            wrong = other.spx_option(100.0, state, strike=strikes, ttm=days / 365, is_call=True).price
            blind = min(blind, float(np.max(np.abs(wrong - expected))))
    assert worst < 1e-7 * 100.0
    assert blind > 10 * 1e-7 * 100.0, "a correlation off by 0.01 is seen in every set"


@pytest.mark.parametrize("name", IDS)
def test_put_call_parity_and_the_mean_of_the_price(name: str) -> None:
    model, ttm = MODELS[name], 42 / SESSIONS_PER_YEAR
    strikes = np.linspace(2500.0, 5200.0, 10)
    call, put = (
        model.exact_pricer().spx_option(4000.0, STATE, strike=strikes, ttm=ttm, is_call=is_call)
        for is_call in (True, False)
    )
    carry, discount = exp(-model.dividend_yield * ttm), exp(-model.rate * ttm)
    np.testing.assert_allclose(call.price - put.price, 4000.0 * carry - strikes * discount, atol=1e-8)
    np.testing.assert_allclose(call.delta - put.delta, carry, atol=1e-12)
    np.testing.assert_allclose(call.vega, put.vega, rtol=1e-6, atol=1e-9)
    constant, slope = model.log_return_transform(np.array([-1j * (1.0 - 1e-9)]), ttm)
    # the transform at u = -i is that of a martingale; its neighbour is far enough from the removable 0 / 0
    assert abs(constant[0] + slope[0, 0] * 0.02) < 1e-9


def otm_strip(model: Model, v: float, horizon: float) -> float:
    """VIX from options: 2/T times the integral of out-of-the-money prices over strike squared."""
    pricer, state = model.exact_pricer(), np.array([v])
    growth = exp((model.rate - model.dividend_yield) * horizon)
    deviation = sqrt(v * horizon)
    total = 0.0
    for sign, is_call in ((-1.0, False), (1.0, True)):
        # a variable that dwells at the money and reaches forty deviations out
        y = np.linspace(0.0, np.arcsinh(40.0), 801)
        k = sign * deviation * np.sinh(y)
        value = pricer.spx_option(1.0, state, strike=growth * np.exp(k), ttm=horizon, is_call=is_call).price
        forward_price = value * exp(model.rate * horizon) / growth
        total += integrate.simpson(forward_price * np.exp(-k) * deviation * np.cosh(y), x=y)
    return 100.0 * sqrt(2.0 / horizon * total)


@pytest.mark.parametrize("name", IDS)
def test_a_strip_of_options_is_the_vix(name: str) -> None:
    model = MODELS[name]
    horizon = 21 / SESSIONS_PER_YEAR if name == "heston_nandi" else VIX_HORIZON
    for v in (0.01, 0.09):
        vix = float(model.exact_pricer().vix(np.array([v])))
        assert vix == pytest.approx(otm_strip(model, v, horizon), rel=2e-7)
    assert abs(vix - otm_strip(model, 0.0901, horizon)) > 1e-3


@pytest.mark.parametrize("name", IDS)
@pytest.mark.parametrize("is_call", [True, False])
def test_greeks_are_differences_of_prices(name: str, is_call: bool) -> None:
    pricer, strikes = MODELS[name].exact_pricer(), np.array([3300.0, 3800.0, 4000.0, 4150.0])
    ttm = np.array([1, 5, 30])[:, None] / SESSIONS_PER_YEAR
    value = pricer.spx_option(4000.0, STATE, strike=strikes, ttm=ttm, is_call=is_call)

    def reprice(spot: float, years: FloatArray = ttm) -> FloatArray:
        return pricer.spx_option(spot, STATE, strike=strikes, ttm=years, is_call=is_call).price

    h = 0.5
    slopes = [(reprice(4000.0 + step) - reprice(4000.0 - step)) / (2.0 * step) for step in (h, 2.0 * h)]
    np.testing.assert_allclose(value.delta, (4.0 * slopes[0] - slopes[1]) / 3.0, atol=2e-7)
    later = reprice(4000.0, ttm - 1.0 / SESSIONS_PER_YEAR)
    np.testing.assert_allclose(value.theta, later - value.price, atol=1e-9)


def test_vega_is_that_of_quantlib_at_the_implied_volatility() -> None:
    model, ttm, strike = HESTON, 63 / SESSIONS_PER_YEAR, 3800.0
    value = model.exact_pricer().spx_option(4000.0, STATE, strike=strike, ttm=ttm, is_call=False)
    forward, discount = 4000.0 * exp(model.rate * ttm), exp(-model.rate * ttm)
    deviation = ql.blackFormulaImpliedStdDev(
        ql.Option.Put, strike, forward, float(value.price), discount, 0.0, 0.1, 1e-14, 1000
    )
    payoff = ql.PlainVanillaPayoff(ql.Option.Put, strike)
    expected = ql.BlackCalculator(payoff, forward, deviation, discount).vega(ttm)
    assert float(value.vega) == pytest.approx(0.01 * expected, rel=1e-8)


@pytest.mark.parametrize("name", IDS)
def test_the_strike_of_a_delta_has_that_delta(name: str) -> None:
    pricer = MODELS[name].exact_pricer()
    delta = np.array([-0.9, -0.5, -0.2, -0.01, 0.01, 0.2, 0.5, 0.9])[:, None]
    state = np.array([[0.004, 0.02, 0.3]])
    for sessions in (1, 38):
        ttm = sessions / SESSIONS_PER_YEAR
        strikes = pricer.strike_for_delta(4000.0, state, delta=delta, ttm=ttm)
        assert strikes.shape == (8, 3)
        value = pricer.spx_option(4000.0, state, strike=strikes, ttm=ttm, is_call=delta > 0.0)
        np.testing.assert_allclose(value.delta, np.broadcast_to(delta, strikes.shape), atol=1e-8)


@pytest.mark.parametrize("delta", [0.0, 1.0, -1.0, 1.5])
def test_a_delta_that_no_option_has_is_refused(delta: float) -> None:
    with pytest.raises(PricingDomainError, match="delta must lie in"):
        SVCJ.exact_pricer().strike_for_delta(4000.0, STATE, delta=delta, ttm=0.1)


def test_negative_arguments_are_refused() -> None:
    pricer = SVCJ.exact_pricer()
    with pytest.raises(PricingDomainError, match="ttm must be >= 0"):
        pricer.spx_option(4000.0, STATE, strike=4000.0, ttm=-0.1, is_call=True)
    with pytest.raises(PricingDomainError, match="strike must be > 0"):
        pricer.spx_option(4000.0, STATE, strike=0.0, ttm=0.1, is_call=True)
    with pytest.raises(PricingDomainError, match="spot must be > 0"):
        pricer.spx_option(-1.0, STATE, strike=4000.0, ttm=0.1, is_call=True)
    with pytest.raises(PricingDomainError, match="whole number of sessions"):
        HESTON_NANDI.exact_pricer().spx_option(4000.0, STATE, strike=4000.0, ttm=0.1, is_call=True)
