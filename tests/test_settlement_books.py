"""Whole books through a settlement, kept by hand: a gap at an AM opening, the noise of a VIX auction, VXTH's levels.

Quotes are closed forms of the toy market; openings are given, so that no part of a book is drawn but the auction.
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import ClassVar, Literal

import numpy as np
import pytest

from models.protocols import Stream
from models.streams import Purpose, normals
from sim.config import AccountConfig, CostsConfig, EngineConfig
from sim.config.market import MarketConfig, SettlementConfig
from sim.contracts import Product
from sim.given import Given
from sim.strategies import registry
from sim.strategies.cndr import CndrConfig
from sim.strategies.protocols import DayView, Open, Orders
from sim.strategies.vxth import VxthConfig
from tests.toy_market import DIVIDEND_YIELD, RATE, chosen_paths, run_recorded, toy_market

WARMUP = 5
CDF = NormalDist().cdf
DAILY = math.expm1(RATE / 252)
RIGHTS, SIGNS = (False, False, True, True), (1, -1, -1, 1)


def black(forward: float, strike: float, deviation: float, years: float, is_call: bool) -> float:
    d1 = math.log(forward / strike) / deviation + 0.5 * deviation
    sign = 1.0 if is_call else -1.0
    return math.exp(-RATE * years) * sign * (forward * CDF(sign * d1) - strike * CDF(sign * (d1 - deviation)))


# an AM-settled condor that is rolled on the morning of a gap

GAP = math.log(3640.0 / 3900.0)
SPOTS = [4000.0] * 10 + [3980.0, 3950.0, 3960.0, 3940.0, 3950.0, 3930.0, 3920.0, 3910.0, 3900.0, 3880.0, 3890.0, 3900.0]
VOLS = [0.20] * 10 + [0.24] * 12
ROLL, LIVES = 19, {0: 19, 19: 24}
"""Fridays 15 February and 15 March 2019; Good Friday, 19 April, is closed: the third condor expires on the 18th."""


class Condor:
    """A condor of 20 and 5 delta, in whole contracts: a tenth of equity can be lost."""

    def __init__(self, day: int, equity: float) -> None:
        self.expiry, years = day + LIVES[day], LIVES[day] / 252
        forward, deviation = SPOTS[day] * math.exp((RATE - DIVIDEND_YIELD) * years), VOLS[day] * math.sqrt(years)
        self.strikes = []
        for delta in (-0.05, -0.20, 0.20, 0.05):
            quantile = NormalDist().inv_cdf(abs(delta) * math.exp(DIVIDEND_YIELD * years))
            d1 = quantile if delta > 0.0 else -quantile
            self.strikes.append(5.0 * round(forward * math.exp(0.5 * deviation**2 - d1 * deviation) / 5.0))
        long_put, short_put, short_call, long_call = self.strikes
        value = self.points(self.mids(day))
        self.units = math.floor(equity / (10.0 * 100.0 * (max(short_put - long_put, long_call - short_call) + value)))

    def mids(self, day: int) -> list[float]:
        years = (self.expiry - day) / 252
        forward, deviation = SPOTS[day] * math.exp((RATE - DIVIDEND_YIELD) * years), VOLS[day] * math.sqrt(years)
        return [black(forward, k, deviation, years, right) for k, right in zip(self.strikes, RIGHTS, strict=True)]

    def points(self, prices: list[float]) -> float:
        return sum(sign * price for sign, price in zip(SIGNS, prices, strict=True))

    def settled(self, level: float) -> float:
        return self.points([max(level - k if r else k - level, 0.0) for k, r in zip(self.strikes, RIGHTS, strict=True)])

    def cost(self, day: int) -> float:
        """Four legs: 53% of the half-spread 0.03 + 0.4% of the mid, wider with a VIX above 20; fees of 1.16 or 1.07."""
        stress, mids = 1.0 + max(5.0 * VOLS[day] - 1.0, 0.0), self.mids(day)
        half = [min(max(0.025, 0.03 + 0.004 * mid) * stress, mid) for mid in mids]
        return self.units * (53.0 * sum(half) + sum(1.16 if mid >= 1.0 else 1.07 for mid in mids))


def condor_book(opening: float) -> tuple[list[float], list[Condor]]:
    """Equity at every close: the first condor settles on ``opening``, the second is sold at the close of that day."""
    cash, equity = 1e6, []
    held: list[Condor] = []
    for day in range(len(SPOTS)):
        cash += cash * DAILY if day else 0.0
        if day == ROLL:
            cash += 100.0 * held[0].units * held[0].settled(opening)
        if day in LIVES:
            held.append(Condor(day, cash))
            cash -= 100.0 * held[-1].units * held[-1].points(held[-1].mids(day)) + held[-1].cost(day)
        equity.append(cash + 100.0 * held[-1].units * held[-1].points(held[-1].mids(day)))
    return equity, held


@pytest.mark.parametrize("is_am", [True, False])
def test_a_condor_settles_on_the_gap_of_its_opening_and_is_rolled_at_the_close(is_am: bool) -> None:
    """3900 on Thursday, 3640 at Friday's opening, 3880 at its close: the AM series loses a wing, the PM one little."""
    spot, vix = (np.array([values[0]] * WARMUP + values)[:, None] for values in (SPOTS, [100.0 * v for v in VOLS]))
    given = Given(spx_gap={WARMUP + ROLL: GAP})
    market = toy_market(chosen_paths(spot, vix, WARMUP), start_date="2019-02-15", given=given)
    assert str(market.calendar.date(WARMUP + ROLL)) == "2019-03-15"
    journal = run_recorded(market, CndrConfig(is_am=is_am))
    expected, held = condor_book(3640.0 if is_am else SPOTS[ROLL])
    assert [(t - WARMUP, order.contracts.is_am) for t, order in journal.opens("cndr")] == [(0, is_am), (ROLL, is_am)]
    for (_, order), condor in zip(journal.opens("cndr"), held, strict=True):
        assert order.contracts.strike[:, 0].tolist() == condor.strikes
        assert order.quantity[:, 0].tolist() == [sign * condor.units for sign in SIGNS]
    np.testing.assert_allclose(journal.outcomes.equity[:, 0], expected, rtol=1e-10)
    assert 3640.0 < held[0].strikes[0] < held[0].strikes[1] < SPOTS[ROLL]  # the opening is below both puts
    lost = 1.0 - expected[ROLL] / expected[ROLL - 1]
    assert (lost > 0.04) == is_am


# VIX futures and calls through an auction with noise

NOISE, AUCTION, STRIKE = 0.43, 6, 21.0
VIXES = [20.0, 21.0, 22.0, 20.5, 23.0, 24.0, 26.0, 25.0, 24.0, 23.0]


class HoldVixConfig(EngineConfig):
    """Buy 5 futures, or 10 calls, on day 0 and hold them to their settlement."""

    engine: Literal["hold_vix"] = "hold_vix"
    with_calls: bool = False


class HoldVix:
    config_type: ClassVar[type[EngineConfig]] = HoldVixConfig
    required_signals: ClassVar[tuple[str, ...]] = ()

    def __init__(self, config: HoldVixConfig, n_paths: int) -> None:
        self.config = config

    def decide(self, view: DayView) -> Orders:
        if view.t > WARMUP:
            return Orders()
        expiry, shape = view.vix_expiry(1), (1, view.n_paths)
        if not self.config.with_calls:
            return Orders(opens=[Open(contracts=view.future(expiry), quantity=np.full(shape, 5.0))])
        calls = view.contracts("calls", Product.VIX_OPTION, [True], np.full(shape, STRIKE), expiry)
        return Orders(opens=[Open(contracts=calls, quantity=np.full(shape, 10.0))])


def future(day: int) -> float:
    return 20.0 + (VIXES[day] - 20.0) * math.exp(-5.0 * (AUCTION - day) / 252)


def call(day: int) -> float:
    """Mean over the noise of Black's price of a lognormal VIX, by the trapezium rule."""
    years = (AUCTION - day) / 252
    points = np.linspace(-6.0, 6.0, 601)
    weights = np.exp(-0.5 * points**2) * (points[1] - points[0]) / math.sqrt(2.0 * math.pi)
    prices = [black(future(day), STRIKE - NOISE * z, 0.8 * math.sqrt(years), years, True) for z in points]
    return float(weights @ prices)


@pytest.mark.parametrize("with_calls", [False, True])
def test_vix_contracts_settle_on_the_noisy_auction_of_their_opening(
    with_calls: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tuesday 19 March 2019: the VIX opens at 31, the auction adds its noise of 0.43 points, the close is 26."""
    monkeypatch.setitem(registry.REGISTRY, "hold_vix", HoldVix)
    n_paths = 3
    vix = np.repeat(np.array([VIXES[0]] * WARMUP + VIXES)[:, None], n_paths, axis=1)
    config = MarketConfig(settlement=SettlementConfig(overnight_share=1.0, vix_noise=NOISE))
    given = Given(vix_open={WARMUP + AUCTION: 31.0})
    market = toy_market(chosen_paths(4000.0, vix, WARMUP), start_date="2019-03-11", config=config, given=given)
    assert str(market.calendar.date(WARMUP + AUCTION)) == "2019-03-19"
    outcomes = run_recorded(market, HoldVixConfig(with_calls=with_calls)).outcomes
    number = normals(Stream(seed=0), n_paths, purpose=Purpose.SETTLEMENT, day=AUCTION)[2]
    assert np.ptp(number) > 0.1
    for path in range(n_paths):
        settled, expected = 31.0 + NOISE * float(number[path]), []
        if with_calls:  # the whole half-spread of 6.5%, and 0.65 + 0.06 + 0.25 a contract below 1 point
            assert 0.39 < call(0) < 1.0
            cash = 1e6 - 10.0 * (100.0 * 1.065 * call(0) + 0.71 + 0.25)
        else:  # half a tick, and 0.87 + 1.51
            cash = 1e6 - 5.0 * (25.0 + 2.38)
        for day in range(len(VIXES)):
            cash += cash * DAILY if day else 0.0
            if with_calls:
                cash += 1000.0 * max(settled - STRIKE, 0.0) if day == AUCTION else 0.0
                expected.append(cash + (1000.0 * call(day) if day < AUCTION else 0.0))
            elif 0 < day <= AUCTION:
                cash += 5000.0 * ((settled if day == AUCTION else future(day)) - future(day - 1))
            if not with_calls:
                expected.append(cash)
        # calls are priced within 0.006 points of the mixture, ten of them to 6 dollars
        np.testing.assert_allclose(outcomes.equity[:, path], expected, rtol=0.0, atol=8.0 if with_calls else 1e-6)


# the weights of VXTH, just below and just above each level

LEVELS = [14.99, 15.01, 29.99, 30.01, 49.99, 50.01]
SHARES = [0.0, 0.01, 0.01, 0.005, 0.005, 0.0]


def test_vxth_switches_at_15_30_and_50_in_a_book_of_seven_months() -> None:
    """On each roll the future of the next expiry stands at a level of ``LEVELS``; equity at every close by hand."""
    free = CostsConfig(
        commission_per_contract=0.0,
        exchange_fee_vix=0.0,
        regulatory_fee=0.0,
        commission_per_share=0.0,
        crossing={1: 0.0},
    )
    n_days = 150
    calendar = toy_market(chosen_paths(np.full((n_days + WARMUP + 1, 1), 4000.0), 20.0, WARMUP)).expiries.vix_monthly
    rolls = [int(e) - WARMUP for e in calendar if e > WARMUP][: len(LEVELS) + 1]
    vix = [20.0] * (rolls[0] + WARMUP)
    for level, this, following in zip(LEVELS, rolls, rolls[1:], strict=False):
        vix += [20.0 + (level - 20.0) * math.exp(5.0 * (following - this) / 252)] * (following - this)
    vix = (vix + [20.0] * n_days)[: n_days + WARMUP + 1]
    spot = 4000.0 * np.exp(np.cumsum(0.01 * np.random.default_rng(4).standard_normal(n_days + WARMUP + 1)))
    market = toy_market(chosen_paths(spot[:, None], np.array(vix)[:, None], WARMUP))
    account = AccountConfig(fractional=True)
    journal = run_recorded(market, VxthConfig(), account=account, costs=free)
    strikes = {
        t - WARMUP: float(order.contracts.strike[0, 0])
        for t, order in journal.opens("vxth")
        if order.contracts.product is Product.VIX_OPTION
    }
    bought = [day for day, share in zip(rolls, SHARES, strict=False) if share > 0.0]
    assert [day for day in strikes if day < rolls[-1]] == bought
    units, calls, cash, following = 0.0, 0.0, 0.0, 0

    def worth(day: int) -> float:
        years = (following - day) / 252
        level = 20.0 + (vix[WARMUP + day] - 20.0) * math.exp(-5.0 * years)
        return black(level, strike, 0.8 * math.sqrt(years), years, True)

    strike = math.nan
    for day in range(rolls[-1]):
        unit = float(spot[WARMUP + day]) * math.exp(DIVIDEND_YIELD * day / 252)
        if day == 0:
            units = 1e6 / unit
        cash += cash * DAILY
        if calls and day == following:
            cash, calls = cash + 100.0 * calls * max(vix[WARMUP + day] - strike, 0.0), 0.0
        if day in rolls:
            row = rolls.index(day)
            equity, following = cash + units * unit, rolls[row + 1]
            if SHARES[row] > 0.0:
                strike = strikes[day]
                calls = SHARES[row] * equity / (100.0 * worth(day))
            units, cash = (1.0 - SHARES[row]) * equity / unit, 0.0
        held = 100.0 * calls * worth(day) if calls else 0.0
        assert journal.outcomes.equity[day, 0] == pytest.approx(units * unit + held + cash, rel=1e-9), day
