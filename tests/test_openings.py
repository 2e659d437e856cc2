"""Openings between closes, and what settles on them: by hand, by quadrature and by their moments."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.special import ndtr
from scipy.stats import norm

from models.errors import PricingDomainError
from models.kernels.opening import mixed_prices, moved_strikes
from models.opening_pricer import OpeningPricer
from models.protocols import PathBlock, SimulationGrid, Stream
from models.rows import RowsFromPricer
from models.streams import Purpose, normals
from sim.config import MarketConfig, SettlementConfig
from sim.contracts import ContractSet, Product
from sim.market import MarketBlock, settlement_value
from sim.quotes import QuoteBook
from tests.toy_market import DIVIDEND_YIELD, RATE, ToyPricer, chosen_paths, toy_market, toy_paths

SHARE, NOISE = 0.35, 0.43
OPENINGS = MarketConfig(settlement=SettlementConfig(overnight_share=SHARE, vix_noise=NOISE))
CARRY = (RATE - DIVIDEND_YIELD) / 252
WARMUP = 2


def market_of(spot: Any, vix: Any, config: MarketConfig = OPENINGS, **more: Any) -> MarketBlock:
    return toy_market(chosen_paths(spot, vix, WARMUP), start_date="2019-03-11", config=config, **more)


def drawn(n_paths: int, day: int) -> Any:
    """Numbers of a session: opening of the SPX, of the VIX, auction."""
    return normals(Stream(seed=0), n_paths, purpose=Purpose.SETTLEMENT, day=day)


def test_defaults_are_those_with_a_source() -> None:
    settlement = MarketConfig().settlement
    assert (settlement.overnight_share, settlement.vix_noise) == (0.35, 0.43)


def test_an_am_series_settles_on_a_gap_by_hand() -> None:
    """Friday 15 March 2019: from 4000 to 3900 between closes, the VIX at 20 before.

    The day's log move is ln(3900 / 4000) = -0.025318, 35% of it -0.008861; a session's deviation is 0.2 / sqrt(252) =
    0.012599, times sqrt(0.35 x 0.65) = 0.47697 it is 0.0060093 for each unit of the day's number.
    """
    spot = [4000.0, 4000.0, 4000.0, 4000.0, 4000.0, 4000.0, 3900.0, 3900.0]
    market = market_of(np.array(spot)[:, None], 20.0)
    expiry = WARMUP + 4
    assert str(market.calendar.date(expiry)) == "2019-03-15"
    assert expiry in market.expiries.spx_monthly
    z = drawn(1, 4)[0]
    opening = 4000.0 * math.exp(-0.008861 + 0.0060093 * z[0])
    np.testing.assert_allclose(settlement_value(market, Product.SPX_OPTION, expiry, is_am=True), opening, rtol=3e-6)
    assert settlement_value(market, Product.SPX_OPTION, expiry)[0] == 3900.0  # the PM series, on the close
    # puts struck at 4000 in both series: the quotes of the day are settlements
    book = QuoteBook(market)
    strike = np.array([[4000.0]])
    am = book.contracts("am", Product.SPX_OPTION, [False], strike, expiry, is_am=True)
    pm = book.contracts("pm", Product.SPX_OPTION, [False], strike, expiry)
    np.testing.assert_allclose(book.settle(am, expiry)[0, 0], max(4000.0 - opening, 0.0), atol=0.02)
    assert book.settle(pm, expiry)[0, 0] == 100.0


def test_vix_contracts_settle_on_the_opening_plus_noise_by_hand() -> None:
    """Wednesday 20 March 2019: VIX from 20 to 25 between closes; 80% is the volatility of the toy's VIX.

    ln(25 / 20) = 0.223144, 35% of it 0.0781003; a session's deviation 0.8 / sqrt(252) = 0.0503953, times 0.47697 it is
    0.024037; the auction adds 0.43 points for each unit of its number.
    """
    vix = np.array([20.0] * 9 + [25.0, 25.0])[:, None]
    market = market_of(4000.0, vix)
    expiry = WARMUP + 7
    assert str(market.calendar.date(expiry)) == "2019-03-20"
    _, bridge, auction, _ = drawn(1, 7)
    expected = 20.0 * math.exp(0.0781003 + 0.024037 * bridge[0]) + 0.43 * auction[0]
    for product in (Product.VIX_FUTURE, Product.VIX_OPTION):
        np.testing.assert_allclose(settlement_value(market, product, expiry), expected, rtol=1e-5)
    np.testing.assert_allclose(market.vix_future(expiry, expiry), expected, rtol=1e-5)
    book = QuoteBook(market)
    call = book.contracts("call", Product.VIX_OPTION, [True], np.array([[20.0]]), expiry)
    np.testing.assert_allclose(book.settle(call, expiry)[0, 0], max(expected - 20.0, 0.0), atol=3e-4)
    assert market.vix(expiry)[0] == 25.0  # the day's close is what it was


def test_without_share_and_noise_all_settles_on_the_close() -> None:
    market = toy_market(toy_paths(SimulationGrid(n_days=20, warmup_days=5), 3))
    for t in (5, 13, 25):
        for product in (Product.VIX_FUTURE, Product.VIX_OPTION):
            np.testing.assert_array_equal(settlement_value(market, product, t), market.vix(t))
        np.testing.assert_array_equal(settlement_value(market, Product.SPX_OPTION, t, is_am=True), market.spot(t))


def brownian_days(n_paths: int) -> PathBlock:
    """Many paths of three sessions: a Brownian log spot at a VIX of 20, and a log VIX with the toy's 80%."""
    rng = np.random.default_rng(20181231)
    grid = SimulationGrid(n_days=2, warmup_days=0)
    move = CARRY - 0.5 * 0.04 / 252 + 0.2 / math.sqrt(252) * rng.standard_normal((2, n_paths))
    spot = 4000.0 * np.exp(np.concatenate([np.zeros((1, n_paths)), np.cumsum(move, axis=0)]))
    state = np.full((3, 1, n_paths), 0.04)
    vix = np.full((3, n_paths), 20.0)
    d = 0.8 / math.sqrt(252)
    vix[1] = 20.0 * np.exp(-0.5 * d**2 + d * rng.standard_normal(n_paths))
    return PathBlock(grid=grid, spot=spot, state=state, vix=vix)


def test_the_opening_takes_its_share_of_the_variance_and_leaves_the_rest_uncorrelated() -> None:
    n_paths = 200_000
    market = toy_market(brownian_days(n_paths), config=OPENINGS)
    opening = settlement_value(market, Product.SPX_OPTION, 1, is_am=True)
    overnight, day = np.log(opening / market.spot(0)), np.log(market.spot(1) / opening)
    for part, share in ((overnight, SHARE), (day, 1.0 - SHARE)):
        expected = share * 0.04 / 252
        assert abs(part.var() - expected) < 4.0 * expected * math.sqrt(2.0 / n_paths)
    assert abs(np.corrcoef(overnight, day)[0, 1]) < 4.0 / math.sqrt(n_paths)
    # a martingale through the opening, up to the carry of its share of the session
    growth = opening / market.spot(0)
    assert abs(growth.mean() - math.exp(SHARE * CARRY)) < 4.0 * growth.std() / math.sqrt(n_paths)
    # another share would have been found out
    assert abs(overnight.var() - 0.5 * 0.04 / 252) > 20.0 * 0.04 / 252 * math.sqrt(2.0 / n_paths)


def test_the_vix_settlement_has_the_variance_of_opening_and_auction() -> None:
    n_paths = 200_000
    market = toy_market(brownian_days(n_paths), config=OPENINGS)
    settled = settlement_value(market, Product.VIX_FUTURE, 1)
    opening = 400.0 * math.expm1(SHARE * 0.64 / 252)
    expected = opening + NOISE**2
    assert abs(settled.var() - expected) < 5.0 * expected * math.sqrt(2.0 / n_paths)
    assert abs(settled.mean() - 20.0) < 4.0 * math.sqrt(expected / n_paths)
    assert settled.var() > 1.2 * opening  # without the noise it would be this


def test_an_opening_knows_its_own_two_closes_only() -> None:
    paths = toy_paths(SimulationGrid(n_days=30, warmup_days=5), 4)
    t = 15
    later, same = paths.spot.copy(), paths.vix.copy()
    later[t + 1 :] *= 1.1
    same[t + 1 :] *= 1.1
    changed = replace(paths, spot=later, vix=same)
    for product in (Product.SPX_OPTION, Product.VIX_FUTURE):
        before = settlement_value(toy_market(paths, config=OPENINGS), product, t, is_am=True)
        after = settlement_value(toy_market(changed, config=OPENINGS), product, t, is_am=True)
        np.testing.assert_array_equal(before, after)
    # and the market before it does not know it
    with_openings, without = toy_market(paths, config=OPENINGS), toy_market(paths)
    np.testing.assert_array_equal(with_openings.spot_series, without.spot_series)
    np.testing.assert_array_equal(with_openings.vix_series, without.vix_series)


def test_openings_do_not_depend_on_how_paths_are_cut() -> None:
    paths = toy_paths(SimulationGrid(n_days=30, warmup_days=5), 6)
    whole = MarketBlock.build(
        paths, toy_market(paths).calendar, ToyPricer(), rate=RATE, dividend_yield=DIVIDEND_YIELD, config=OPENINGS
    )
    part = replace(paths, spot=paths.spot[:, 4:], vix=paths.vix[:, 4:], state=paths.state[:, :, 4:])
    cut = MarketBlock.build(
        part,
        whole.calendar,
        ToyPricer(),
        rate=RATE,
        dividend_yield=DIVIDEND_YIELD,
        config=OPENINGS,
        stream=Stream(seed=0, first_path=4),
    )
    for product in (Product.SPX_OPTION, Product.VIX_FUTURE):
        expected = settlement_value(whole, product, 20, is_am=True)[4:]
        np.testing.assert_array_equal(settlement_value(cut, product, 20, is_am=True), expected)


# prices of contracts that settle on openings


def pricer(share: float = SHARE, noise: float = NOISE) -> OpeningPricer:
    return OpeningPricer(
        RowsFromPricer(ToyPricer()), rate=RATE, dividend_yield=DIVIDEND_YIELD, overnight_share=share, vix_noise=noise
    )


def black(forward: Any, strike: Any, deviation: Any, is_call: bool) -> Any:
    d1 = np.log(forward / strike) / deviation + 0.5 * deviation
    sign = 1.0 if is_call else -1.0
    return sign * (forward * ndtr(sign * d1) - strike * ndtr(sign * (d1 - deviation)))


@pytest.mark.parametrize("sessions", [1, 2, 4, 5, 8, 20, 60])
@pytest.mark.parametrize("is_call", [True, False])
def test_am_options_are_worth_black_of_their_shorter_life(sessions: int, is_call: bool) -> None:
    """Constant volatility: the life is n - 1 + 0.35 sessions, whose price is known in closed form."""
    state, spot = np.array([[0.01, 0.04, 0.25]]), np.full(3, 4000.0)
    life = sessions - 1 + SHARE
    deviation = np.sqrt(state[0] * life / 252)
    forward = 4000.0 * math.exp(CARRY * life)
    discount = math.exp(-RATE * sessions / 252)
    strike = forward * np.exp(np.outer([-2.0, -1.0, 0.0, 1.0, 2.0], deviation))
    got = pricer().price_spx_open_legs(spot, state, strike, sessions, np.full(5, is_call))
    expected = discount * black(forward, strike, deviation, is_call)
    at_the_money = discount * black(forward, forward, deviation, True)
    assert np.max(np.abs(got - expected) / at_the_money) < 0.006
    # a whole session more would be worth more than that tolerance
    longer = discount * black(forward, strike, np.sqrt(state[0] * sessions / 252), is_call)
    assert np.max(np.abs(longer - expected) / at_the_money) > 0.3 * (1.0 - SHARE) / sessions


@pytest.mark.parametrize("sessions", [1, 2, 4, 5, 8, 20, 60])
@pytest.mark.parametrize("vix", [12.0, 20.0, 35.0])
def test_vix_options_are_worth_the_mixture_over_the_noise(sessions: int, vix: float) -> None:
    """A lognormal VIX whose forward and deviation are known at any time, and a normal settlement noise on top."""
    life, state = sessions - 1 + SHARE, np.array([[(vix / 100.0) ** 2]])
    deviation = 0.8 * math.sqrt(life / 252)
    forward = 20.0 + (vix - 20.0) * math.exp(-5.0 * life / 252)
    strike = forward * np.exp(deviation * np.array([-1.0, 0.0, 1.0, 2.0]))[:, None]
    noise = np.linspace(-8.0, 8.0, 4001)[:, None, None] * NOISE
    density = norm.pdf(noise / NOISE) * 8.0 / 2000.0
    expected = math.exp(-RATE * sessions / 252) * np.sum(
        density * black(forward, strike - noise, deviation, True), axis=0
    )
    got = pricer().price_vix_legs(state, strike, sessions, np.full(4, True))
    np.testing.assert_allclose(got, expected, atol=0.006)
    future = pricer().vix_future_rows(state, sessions)
    np.testing.assert_allclose(future, forward, atol=0.004)
    if vix != 20.0:  # the future that settles on the close is another one
        assert abs(20.0 + (vix - 20.0) * math.exp(-5.0 * sessions / 252) - forward) > 0.02
    # parity on the future of the same settlement, exactly
    put = pricer().price_vix_legs(state, strike, sessions, np.full(4, False))
    parity = math.exp(-RATE * sessions / 252) * (future - strike)
    np.testing.assert_allclose(got - put, parity, atol=1e-12 if sessions > 4 else 2e-3)


@pytest.mark.parametrize("shift", [0.0, 0.7])
@pytest.mark.parametrize("n_shorter", [0, 1])
def test_mixtures_of_lives_are_those_of_numpy_to_the_last_bit(shift: float, n_shorter: int) -> None:
    rng = np.random.default_rng(5)
    strike = rng.uniform(0.2, 30.0, (2, 9))
    n_whole = 2 if shift > 0.0 else 1
    strikes, price = np.empty((n_whole + n_shorter, 2, 9)), np.empty((2, 9))
    moved_strikes(strike, shift, 0.4, strikes)
    whole = [np.maximum(strike - shift, 0.4), strike + shift] if shift > 0.0 else [strike]
    np.testing.assert_array_equal(strikes, np.stack(whole + [strike] * n_shorter))
    prices = rng.uniform(0.0, 5.0, strikes.shape)
    mixed_prices(prices, shift > 0.0, SHARE, 0.6, price)
    mean = 0.5 * SHARE * (prices[0] + prices[1]) if shift > 0.0 else SHARE * prices[0]
    np.testing.assert_array_equal(price, mean + 0.6 * prices[-1] if n_shorter else mean)


def test_the_whole_share_and_no_noise_are_the_base_to_the_last_bit() -> None:
    plain, base = pricer(1.0, 0.0), RowsFromPricer(ToyPricer())
    state, right = np.array([[0.03, 0.05]]), np.array([True, False])
    strike = np.array([[18.0, 22.0], [17.0, 25.0]])
    for n in (1, 3, 9):
        np.testing.assert_array_equal(
            plain.price_vix_legs(state, strike, n, right), base.price_vix_legs(state, strike, n, right)
        )
        np.testing.assert_array_equal(plain.vix_future_rows(state, n), base.vix_future_rows(state, n))


@pytest.mark.parametrize(("share", "noise"), [(0.0, 0.1), (1.2, 0.1), (0.5, -0.1), (float("nan"), 0.1)])
def test_shares_and_noise_outside_their_domain_are_refused(share: float, noise: float) -> None:
    with pytest.raises(PricingDomainError, match="overnight_share must lie in"):
        pricer(share, noise)


def test_only_spx_options_have_an_am_series() -> None:
    with pytest.raises(ValueError, match="is_am must be False for vix_option"):
        ContractSet(
            product=Product.VIX_OPTION, is_call=np.array([True]), strike=np.array([[20.0]]), expiry=3, is_am=True
        )


def test_an_am_quote_is_the_price_of_its_settlement() -> None:
    """Thursday's quote of the AM series is the mean of what Friday's opening pays, under constant volatility."""
    n_paths = 200_000
    paths = brownian_days(n_paths)
    market = toy_market(paths, start_date="2019-03-14", config=OPENINGS)
    assert str(market.calendar.date(1)) == "2019-03-15"
    book = QuoteBook(market)
    strike = np.full((2, n_paths), 3990.0)
    strike[1] = 4020.0
    legs = book.contracts("legs", Product.SPX_OPTION, [False, True], strike, 1, is_am=True)
    quote = book.mids(legs, 0)[:, 0] * math.exp(RATE / 252)
    paid = book.settle(legs, 1)
    error = paid.std(axis=1) / math.sqrt(n_paths)
    assert (np.abs(paid.mean(axis=1) - quote) < 4.0 * error).all()
    closing = book.contracts("pm", Product.SPX_OPTION, [False, True], strike, 1)
    assert (np.abs(book.mids(closing, 0)[:, 0] - quote) > 40.0 * error).all()


def test_greeks_of_an_am_series_are_those_of_its_price() -> None:
    market = market_of(np.array([[4000.0]] * 8), 20.0)
    book = QuoteBook(market)
    expiry = WARMUP + 4
    legs = book.contracts("legs", Product.SPX_OPTION, [False, True], np.array([[3950.0], [4050.0]]), expiry, is_am=True)
    t = WARMUP + 1
    life = expiry - t - 1 + SHARE
    deviation, forward = 0.2 * math.sqrt(life / 252), 4000.0 * math.exp(CARRY * life)
    greeks = book.greeks(legs, t)
    d1 = np.log(forward / np.array([3950.0, 4050.0])) / deviation + 0.5 * deviation
    delta = ndtr(d1) - np.array([1.0, 0.0])
    np.testing.assert_allclose(greeks.delta[:, 0], delta, atol=3e-3)
    np.testing.assert_allclose(greeks.theta[:, 0], book.mids(legs, t + 1)[:, 0] - book.mids(legs, t)[:, 0], atol=1e-9)
