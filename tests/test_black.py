"""Black's formula and its inverse against QuantLib, and round trips far into the wings."""

from __future__ import annotations

from itertools import product
from math import sqrt

import numpy as np
import pytest
import QuantLib as ql
from numpy.typing import NDArray
from scipy import integrate, stats

from models import black
from models.black import black_price, black_vega, implied_volatility
from models.errors import PricingDomainError

FloatArray = NDArray[np.float64]

FORWARD = 4000.0
RATIOS = (0.5, 0.8, 0.95, 1.0, 1.03, 1.25, 2.0)
TTMS = (1 / 252, 21 / 252, 1.0, 10.0)
VOLATILITIES = (0.02, 0.1, 0.2, 0.8, 2.5)
GRID = np.array(list(product(RATIOS, TTMS, VOLATILITIES)))
STRIKES, TIMES, VOLS = FORWARD * GRID[:, 0], GRID[:, 1], GRID[:, 2]


@pytest.mark.parametrize("is_call", [True, False])
def test_price_is_that_of_quantlib(is_call: bool) -> None:
    kind = ql.Option.Call if is_call else ql.Option.Put
    expected = [ql.blackFormula(kind, k, FORWARD, v * sqrt(t)) for k, t, v in zip(STRIKES, TIMES, VOLS, strict=True)]
    result = black_price(FORWARD, STRIKES, TIMES, VOLS, is_call=is_call)
    np.testing.assert_allclose(result, expected, rtol=1e-10, atol=1e-11 * FORWARD)


@pytest.mark.parametrize("is_call", [True, False])
def test_price_is_the_integral_of_the_lognormal_payoff(is_call: bool) -> None:
    sign = 1.0 if is_call else -1.0
    for ratio, deviation in product((0.8, 1.0, 1.3), (0.05, 0.3, 1.0)):
        law = stats.lognorm(deviation, scale=np.exp(-0.5 * deviation**2))
        low, high = (ratio, law.isf(1e-16)) if is_call else (0.0, ratio)
        value, _ = integrate.quad(lambda x, k=ratio, d=law: sign * (x - k) * d.pdf(x), low, high, epsabs=1e-12)
        assert float(black_price(1.0, ratio, 1.0, deviation, is_call=is_call)) == pytest.approx(value, abs=1e-9)


def test_another_volatility_is_seen() -> None:
    expected = ql.blackFormula(ql.Option.Call, FORWARD, FORWARD, 0.2)
    assert abs(float(black_price(FORWARD, FORWARD, 1.0, 0.2001, is_call=True)) - expected) > 0.1


def test_vega_is_the_derivative_by_quantlib() -> None:
    payoff = ql.PlainVanillaPayoff(ql.Option.Call, FORWARD)
    assert ql.BlackCalculator(payoff, FORWARD, 0.2).vega(1.0) == pytest.approx(FORWARD * stats.norm.pdf(0.1))
    expected = [
        ql.BlackCalculator(ql.PlainVanillaPayoff(ql.Option.Call, k), FORWARD, v * sqrt(t)).vega(t)
        for k, t, v in zip(STRIKES, TIMES, VOLS, strict=True)
    ]
    np.testing.assert_allclose(black_vega(FORWARD, STRIKES, TIMES, VOLS), expected, rtol=1e-10, atol=1e-60)


def test_limits_without_time_or_volatility() -> None:
    strikes = np.array([3900.0, 4000.0, 4100.0])
    for ttm, volatility in ((0.0, 0.2), (1.0, 0.0), (0.0, 0.0)):
        call = black_price(FORWARD, strikes, ttm, volatility, is_call=True)
        put = black_price(FORWARD, strikes, ttm, volatility, is_call=False)
        np.testing.assert_array_equal(call, [100.0, 0.0, 0.0])
        np.testing.assert_array_equal(put, [0.0, 0.0, 100.0])
        np.testing.assert_array_equal(black_vega(FORWARD, strikes, ttm, volatility), np.zeros(3))
    assert float(black_price(FORWARD, FORWARD, 1.0, 60.0, is_call=True)) == pytest.approx(FORWARD, rel=1e-15)


def test_arguments_broadcast() -> None:
    result = black_price(FORWARD, STRIKES[:, None, None], TTMS[:2], 0.2, is_call=np.array([[True], [False]]))
    assert result.shape == (STRIKES.size, 2, 2)
    single = black_price(FORWARD, STRIKES[7], TTMS[1], 0.2, is_call=False)
    assert result[7, 1, 1] == single


def out_of_the_money(volatility: FloatArray, k: FloatArray, ttm: FloatArray) -> tuple[FloatArray, FloatArray]:
    is_call = k > 0.0
    return black_price(1.0, np.exp(k), ttm, volatility, is_call=is_call), is_call


def test_implied_volatility_returns_the_volatility() -> None:
    price, is_call = out_of_the_money(VOLS, np.log(STRIKES / FORWARD), TIMES)
    seen = price > 1e-300
    assert seen.sum() > 110
    result = implied_volatility(price[seen], 1.0, STRIKES[seen] / FORWARD, TIMES[seen], is_call=is_call[seen])
    # the price has 16 digits relative to itself, the total deviation as many unless the price nears its bound
    np.testing.assert_allclose(result, VOLS[seen], rtol=1e-9)


def test_implied_volatility_of_deep_wings() -> None:
    """Out-of-the-money options of 1e-12 and of 1e-250 of the forward, thousands of them, both sides."""
    deviation = np.linspace(2.0, 33.0, 400)[:, None]  # log-moneyness in deviations
    total = np.array([0.01, 0.1, 0.5])
    k = np.concatenate([-deviation * total, deviation * total])
    price, is_call = out_of_the_money(np.broadcast_to(total, k.shape), k, np.ones(k.shape))
    assert price.min() < 1e-230
    result = implied_volatility(price, 1.0, np.exp(k), 1.0, is_call=is_call)
    np.testing.assert_allclose(result, np.broadcast_to(total, k.shape), rtol=1e-8)


def test_implied_volatility_does_not_depend_on_its_neighbours() -> None:
    """Bit for bit: blocks of any size must give the same paths."""
    rng = np.random.default_rng(20181231)
    k, volatility = rng.uniform(-0.4, 0.4, 300), rng.uniform(0.05, 1.5, 300)
    price, is_call = out_of_the_money(volatility, k, np.full(300, 0.1))
    together = implied_volatility(price, 1.0, np.exp(k), 0.1, is_call=is_call)
    each = zip(price, k, is_call, strict=True)
    alone = [float(implied_volatility(p, 1.0, np.exp(x), 0.1, is_call=c)) for p, x, c in each]
    np.testing.assert_array_equal(together, alone)


def test_implied_volatility_takes_few_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls and puts of a day: Newton's steps double the digits, bisection would take fifty."""
    steps: list[int] = []
    original = black._log_otm

    def counted(k: FloatArray, deviation: FloatArray) -> tuple[FloatArray, FloatArray]:
        steps.append(k.size)
        return original(k, deviation)

    monkeypatch.setattr(black, "_log_otm", counted)
    k = np.linspace(-0.5, 0.5, 201)[:, None]
    volatility = np.linspace(0.08, 0.9, 20)
    price, is_call = out_of_the_money(*np.broadcast_arrays(volatility, k), np.full((201, 20), 30 / 252))
    seen = price > 1e-12
    result = implied_volatility(price[seen], 1.0, np.exp(k + 0.0 * volatility)[seen], 30 / 252, is_call=is_call[seen])
    np.testing.assert_allclose(result, np.broadcast_to(volatility, seen.shape)[seen], rtol=1e-9)
    assert len(steps) <= 10


def test_implied_volatility_is_that_of_quantlib() -> None:
    strikes, price = np.array([3500.0, 3900.0, 4100.0, 4700.0]), np.array([510.0, 180.0, 60.0, 2.5])
    result = implied_volatility(price, FORWARD, strikes, 0.25, is_call=True)
    for k, p, volatility in zip(strikes, price, result, strict=True):
        expected = ql.blackFormulaImpliedStdDev(ql.Option.Call, k, FORWARD, p, 1.0, 0.0, 0.2, 1e-14, 1000)
        assert volatility * 0.5 == pytest.approx(expected, rel=1e-9)


def test_implied_volatility_of_in_the_money_options_is_that_of_their_partners() -> None:
    strikes = FORWARD * np.array([0.7, 0.9, 1.1, 1.4])
    call = black_price(FORWARD, strikes, 0.25, 0.3, is_call=True)
    put = call - FORWARD + strikes
    np.testing.assert_allclose(implied_volatility(call, FORWARD, strikes, 0.25, is_call=True), 0.3, rtol=1e-9)
    np.testing.assert_allclose(implied_volatility(put, FORWARD, strikes, 0.25, is_call=False), 0.3, rtol=1e-9)


def test_implied_volatility_of_intrinsic_value_is_nothing() -> None:
    strikes = np.array([3900.0, 4000.0, 4100.0])
    intrinsic = np.maximum(FORWARD - strikes, 0.0)
    np.testing.assert_array_equal(implied_volatility(intrinsic, FORWARD, strikes, 1.0, is_call=True), np.zeros(3))


@pytest.mark.parametrize(
    ("price", "strike", "is_call", "shown"),
    [
        (99.9, 3900.0, True, "between 100 and 4000, got 99.9"),
        (4000.0, 3900.0, True, "between 100 and 4000, got 4000.0"),
        (4100.0, 4100.0, False, "between 100 and 4100, got 4100.0"),
        (-0.1, 4100.0, True, "between 0 and 4000, got -0.1"),
        (float("nan"), 4100.0, True, "got nan"),
    ],
)
def test_a_price_that_no_volatility_gives_is_refused(price: float, strike: float, is_call: bool, shown: str) -> None:
    with pytest.raises(PricingDomainError) as error:
        implied_volatility([200.0, price], FORWARD, [strike, strike], 1.0, is_call=is_call)
    assert shown in str(error.value)
