"""Event jumps: martingales, the VIX before and after, closed forms of prices, and the premium that is charged."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from scipy.special import ndtr

import models
from models.errors import PricingDomainError
from models.event_pricer import EventPricer, EventsAhead
from models.opening_pricer import OpeningPricer
from models.protocols import Model, SimulationGrid, Stream
from models.rows import RowsFromPricer
from sim.calendar import SessionCalendar
from sim.config import EventJumpConfig, EventsConfig, MarketConfig
from sim.contracts import Product
from sim.event_calendar import EventKind
from sim.market import MarketBlock, settlement_value
from sim.quotes import QuoteBook
from tests.toy_market import (
    DIVIDEND_YIELD,
    ON_THE_CLOSE,
    RATE,
    ToyPricer,
    black_scholes,
    chosen_paths,
    toy_market,
    toy_paths,
)

STREAM = Stream(seed=20181231, scenario=6)
EVENTS = EventsConfig(
    fomc=EventJumpConfig(std_p=0.01, std_q=0.02),
    cpi=EventJumpConfig(std_p=0.008, std_q=0.012),
    ppi=EventJumpConfig(std_p=0.0, std_q=0.0),
)
WITH = MarketConfig(events=EVENTS, settlement=ON_THE_CLOSE)
SQUARE = 1e4 * 365.0 / 30.0


def ahead(variance: Any, vix_square: Any = 0.0) -> EventsAhead:
    variance = np.asarray(variance, float)
    square = np.broadcast_to(np.asarray(vix_square, float), variance.shape)
    return EventsAhead(to_close=np.cumsum(variance), to_open=np.cumsum(variance), vix_square=square)


def toy_base(share: float = 1.0, noise: float = 0.0) -> OpeningPricer:
    return OpeningPricer(
        RowsFromPricer(ToyPricer()), rate=RATE, dividend_yield=DIVIDEND_YIELD, overnight_share=share, vix_noise=noise
    )


def with_events(events: EventsAhead, base: Any = None) -> EventPricer:
    return EventPricer(base or toy_base(), events, rate=RATE, dividend_yield=DIVIDEND_YIELD)


# prices against closed forms: constant volatility and normal jumps are Black's formula with the sum of variances

JUMPS = ahead([0, 0, 1e-4, 0, 0, 0, 0.6e-4, *[0] * 10, 2e-4, *[0] * 30])
STATE = np.array([[0.01, 0.04, 0.25]])
SPOT = np.full(3, 4000.0)


def total_volatility(sessions: int) -> Any:
    return np.sqrt(STATE[0] + JUMPS.to_close[sessions] * 252 / sessions)


@pytest.mark.parametrize("sessions", [1, 2, 5, 6, 30])
@pytest.mark.parametrize("is_call", [True, False])
def test_spx_options_are_black_of_the_sum_of_variances(sessions: int, is_call: bool) -> None:
    volatility = total_volatility(sessions)
    strike = 4000.0 * np.exp(np.outer([-2.0, -1.0, 0.0, 1.0, 2.0], volatility * math.sqrt(sessions / 252)))
    expected = black_scholes(SPOT, volatility, strike, sessions / 252, is_call)
    pricer = with_events(JUMPS)
    got = pricer.price_spx_legs(SPOT, STATE, strike, sessions, np.full(5, is_call))
    # the second session of a VIX of 10 has a jump of 1% beside deviations of 0.9%: the worst case of the nodes
    np.testing.assert_allclose(got, expected.price, atol=2e-3)
    value = pricer.spx_option(SPOT, STATE, strike=strike, ttm=sessions / 252, is_call=np.full((5, 1), is_call))
    np.testing.assert_allclose(value.price, got, rtol=1e-12)
    np.testing.assert_allclose(value.delta, expected.delta, atol=1e-4)
    np.testing.assert_allclose(value.vega, expected.vega, rtol=2e-3)
    assert (sessions == 1) == bool(
        np.allclose(got, toy_base().price_spx_legs(SPOT, STATE, strike, sessions, np.full(5, is_call)))
    )


@pytest.mark.parametrize("sessions", [3, 10, 40])
@pytest.mark.parametrize("delta", [-0.5, -0.2, -0.05, 0.05, 0.2, 0.5])
def test_strikes_have_the_delta_that_was_asked_for(sessions: int, delta: float) -> None:
    strike = with_events(JUMPS).strike_for_delta(SPOT, STATE, delta=np.array([[delta]]), ttm=sessions / 252)
    reached = black_scholes(SPOT, total_volatility(sessions), strike, sessions / 252, delta > 0).delta
    np.testing.assert_allclose(reached, delta, atol=1e-4)
    without = toy_base().strike_for_delta(SPOT, STATE, delta=np.array([[delta]]), ttm=sessions / 252)
    missed = black_scholes(SPOT, total_volatility(sessions), without, sessions / 252, delta > 0).delta
    if delta != 0.5 and delta != -0.5:
        assert np.abs(missed - delta).max() > 1e-3


def test_theta_takes_the_variance_of_an_event_that_passes() -> None:
    """Tomorrow the event has happened: the same option a session later has lost its variance."""
    tomorrow = ahead([0, 1e-4, 0, 0, 0, 0])
    value = with_events(tomorrow).spx_option(SPOT, STATE, strike=4000.0, ttm=5 / 252, is_call=True)
    before = black_scholes(SPOT, np.sqrt(STATE[0] + 1e-4 * 252 / 5), 4000.0, 5 / 252, True)
    after = black_scholes(SPOT, np.sqrt(STATE[0]), 4000.0, 5 / 252, True)
    np.testing.assert_allclose(value.theta, after.price + after.theta - before.price, atol=2e-3)


def lognormal_mean(function: Any, future: Any, deviation: float) -> Any:
    """Mean of a function of a lognormal VIX by a fine sum."""
    z = np.linspace(-9.0, 9.0, 36_001)[:, None]
    weight = np.exp(-0.5 * z * z) / math.sqrt(2.0 * math.pi) * (z[1] - z[0])
    return np.sum(weight * function(future * np.exp(deviation * z - 0.5 * deviation**2)), axis=0)


@pytest.mark.parametrize("sessions", [1, 5, 20, 60])
@pytest.mark.parametrize("c", [4.0, 16.0, 100.0])
def test_vix_contracts_are_means_over_the_base_vix(sessions: int, c: float) -> None:
    """The toy's VIX is lognormal; the error of replication with six nodes is below 0.003 points."""
    pricer = with_events(ahead(np.zeros(61), c))
    future, deviation = ToyPricer().vix_future(STATE, sessions / 252), 0.8 * math.sqrt(sessions / 252)
    exact = lognormal_mean(lambda v: np.sqrt(v * v + c), future, deviation)
    got = pricer.vix_future_rows(STATE, sessions)
    np.testing.assert_allclose(got, exact, atol=2e-3)
    if sessions > 5:
        assert (exact - np.sqrt(np.square(future) + c) > 2e-3).all()  # convexity is in it
    discount = math.exp(-RATE * sessions / 252)
    for strike in (1.5, 12.0, 18.0, 25.0, 50.0):
        for is_call, sign in ((True, 1.0), (False, -1.0)):
            pays = lambda v, k=strike, s=sign: np.maximum(s * (np.sqrt(v * v + c) - k), 0.0)  # noqa: E731
            option = pricer.price_vix_legs(STATE, np.full((1, 3), strike), sessions, np.array([is_call]))[0]
            np.testing.assert_allclose(option, discount * lognormal_mean(pays, future, deviation), atol=3e-3)
    np.testing.assert_allclose(pricer.vix(STATE), np.sqrt(1e4 * STATE[0] + c), rtol=1e-12)


def test_no_event_ahead_is_the_base_to_the_last_bit() -> None:
    none, base = with_events(ahead(np.zeros(30)), toy_base(0.35, 0.4)), toy_base(0.35, 0.4)
    strike, right = np.array([[18.0] * 3, [30.0] * 3]), np.array([True, False])
    np.testing.assert_array_equal(
        none.price_vix_legs(STATE, strike, 9, right), base.price_vix_legs(STATE, strike, 9, right)
    )
    np.testing.assert_array_equal(none.vix_future_rows(STATE, 9), base.vix_future_rows(STATE, 9))
    legs = SPOT, STATE, 200.0 * strike, 9, right
    np.testing.assert_array_equal(none.price_spx_legs(*legs), base.price_spx_legs(*legs))
    np.testing.assert_array_equal(none.price_spx_open_legs(*legs), base.price_spx_open_legs(*legs))


def test_times_between_sessions_are_refused() -> None:
    with pytest.raises(PricingDomainError, match="ttm must be a whole number of sessions"):
        with_events(JUMPS).spx_option(SPOT, STATE, strike=4000.0, ttm=0.013, is_call=True)


# the market: what is carried, and where


def event_days(market: MarketBlock, kind: EventKind) -> list[int]:
    return [int(t) for t in np.flatnonzero(market.schedule.on[kind]) if t < market.n_times]


def test_the_vix_carries_the_events_of_its_thirty_days_by_hand() -> None:
    """From 9 January 2019 the VIX sees CPI (11 January) and FOMC (30 January); after them, those of February."""
    market = toy_market(chosen_paths(np.full((30, 1), 4000.0), 20.0, 2), start_date="2019-01-09", config=WITH)
    dates = [str(day) for day in market.calendar.dates[: market.n_times]]
    fomc, cpi = SQUARE * 0.02**2, SQUARE * 0.012**2

    def added(day: str) -> float:
        return float(market.vix(dates.index(day))[0] ** 2 - 400.0)

    assert added("2019-01-09") == pytest.approx(cpi + fomc, rel=1e-9)
    assert added("2019-01-11") == pytest.approx(fomc, rel=1e-9)  # CPI was this morning; the next is 33 days off
    assert added("2019-01-14") == pytest.approx(cpi + fomc, rel=1e-9)  # 13 February is 30 days off
    assert added("2019-01-29") == pytest.approx(cpi + fomc, rel=1e-9)
    assert added("2019-01-30") == pytest.approx(cpi, rel=1e-9)
    assert added("2019-02-13") == pytest.approx(cpi, rel=1e-9)  # that of 12 March; the FOMC's 20 March is 35 days off


def test_the_vix_falls_on_event_days() -> None:
    market = toy_market(chosen_paths(np.full((250, 1), 4000.0), 17.4, 10), config=WITH)
    change = np.diff(np.log(market.vix_series[:, 0]))
    for kind in (EventKind.FOMC, EventKind.CPI):
        days = [t - 1 for t in event_days(market, kind) if t > 0]
        assert change[days].mean() < -0.02
    others = np.setdiff1d(np.arange(change.size), np.flatnonzero(market.schedule.any) - 1)
    assert change[others].max() > 0.0  # events come into the window of the thirty days on others


def test_default_events_move_the_vix_as_it_moved() -> None:
    """The VIX fell 2.0% on FOMC days and 1.2% on CPI days from 1990 to 2018; at its median of 17.4 points."""
    defaults = EventsConfig()
    for jump, fall in ((defaults.fomc, 0.020), (defaults.cpi, 0.012)):
        before, after = 17.4, math.sqrt(17.4**2 - SQUARE * jump.std_q**2)
        assert math.log(before / after) == pytest.approx(fall, rel=0.04)
    # SPX variance on FOMC days was about that of others: 1.11% a day
    assert defaults.fomc.std_p**2 < 0.15 * 0.01108**2


def test_jumps_happen_on_event_sessions_and_nowhere_else() -> None:
    paths = chosen_paths(np.full((120, 20_000), 4000.0), 20.0, 10)
    market = toy_market(paths, config=WITH)
    moves = np.diff(np.log(market.spot_series), axis=0)
    on = np.zeros(market.n_times, dtype=np.bool_)
    for kind, std in ((EventKind.FOMC, 0.01), (EventKind.CPI, 0.008)):
        for t in event_days(market, kind):
            on[t] = True
            if t == 0:
                continue
            assert abs(moves[t - 1].std() / std - 1.0) < 4.0 / math.sqrt(2 * 20_000)
            growth = np.exp(moves[t - 1])
            assert abs(growth.mean() - 1.0) < 4.0 * std / math.sqrt(20_000)
    np.testing.assert_array_equal(moves[~on[1:]], 0.0)
    np.testing.assert_array_equal(market.spot(market.day0), 4000.0)


def test_without_events_the_market_is_the_model_to_the_last_bit() -> None:
    paths = toy_paths(SimulationGrid(n_days=30, warmup_days=10), 4)
    assert MarketConfig().events is None
    market = toy_market(paths)
    np.testing.assert_array_equal(market.spot_series, paths.spot)
    np.testing.assert_array_equal(market.vix_series, paths.vix)


def test_events_know_no_later_closes_and_no_other_paths() -> None:
    paths = toy_paths(SimulationGrid(n_days=60, warmup_days=10), 6)
    whole = toy_market(paths, config=WITH)
    spot = paths.spot.copy()
    spot[31:] *= 0.9
    changed = toy_market(replace(paths, spot=spot), config=WITH)
    np.testing.assert_array_equal(changed.spot_series[:31], whole.spot_series[:31])
    np.testing.assert_array_equal(changed.vix_series[:31], whole.vix_series[:31])
    part = replace(paths, spot=paths.spot[:, 2:], vix=paths.vix[:, 2:], state=paths.state[:, :, 2:])
    cut = MarketBlock.build(
        part,
        whole.calendar,
        ToyPricer(),
        rate=RATE,
        dividend_yield=DIVIDEND_YIELD,
        config=WITH,
        stream=Stream(seed=0, first_path=2),
    )
    np.testing.assert_array_equal(cut.spot_series, whole.spot_series[:, 2:])


# a model through an event session: prices are means of what is paid under Q, and a premium is paid under P

START, LIFE, N_PATHS = "2019-01-24", 8, 100_000  # FOMC on Wednesday 30 January, four sessions on


@cache
def model() -> Model:
    preset = models.load_preset("heston_nandi_index_2018")
    return models.create(preset.model, **preset.parameters)


@cache
def market_under(measure: Any, has_events: bool = True) -> MarketBlock:
    paths = model().simulate(
        SimulationGrid(n_days=LIFE, warmup_days=0), N_PATHS, STREAM, start=start(), measure=measure
    )
    return MarketBlock.build(
        paths,
        SessionCalendar.build(START, 0, LIFE),
        model().exact_pricer(),
        rate=model().rate,
        dividend_yield=model().dividend_yield,
        config=WITH if has_events else MarketConfig(settlement=ON_THE_CLOSE),
        stream=STREAM,
        measure=measure,
    )


def start() -> Any:
    from models.protocols import Start

    state = model().stationary_state(200_000, STREAM).mean(axis=1)
    return Start(state=tuple(float(x) for x in state))


def straddle_values(market: MarketBlock, t: int) -> Any:
    """Put and call of the same strikes that expire on the last session, on every path."""
    book = QuoteBook(market)
    strike = np.repeat(np.array([[3900.0], [4050.0]]), market.n_paths, axis=1)
    legs = book.contracts("legs", Product.SPX_OPTION, [False, True], strike, LIFE)
    return book.mids(legs, t)


def quoted_today(market: MarketBlock) -> Any:
    """One path suffices: all start in the same state."""
    one = replace(
        market.paths, spot=market.paths.spot[:, :1], vix=market.paths.vix[:, :1], state=market.paths.state[:, :, :1]
    )
    single = replace(market, paths=one)
    return straddle_values(single, 0)[:, 0]


def test_discounted_options_are_martingales_through_an_event() -> None:
    market = market_under("q")
    assert event_days(market, EventKind.FOMC) == [4]
    paid = math.exp(-model().rate * LIFE / 252) * straddle_values(market, LIFE)
    error = paid.std(axis=1) / math.sqrt(N_PATHS)
    assert (np.abs(paid.mean(axis=1) - quoted_today(market)) < 4.0 * error).all()
    # prices that forget the event are far off
    assert (np.abs(paid.mean(axis=1) - quoted_today(market_under("q", has_events=False))) > 10.0 * error).all()
    spot = market.spot(LIFE) * math.exp((model().dividend_yield - model().rate) * LIFE / 252)
    assert abs(spot.mean() - 4000.0) < 4.0 * spot.std() / math.sqrt(N_PATHS)


def test_sellers_earn_the_event_premium_under_p() -> None:
    """Model and events apart: what the event adds to the price, and what it adds to the payment."""
    priced = quoted_today(market_under("p")) - quoted_today(market_under("p", has_events=False))
    added = straddle_values(market_under("p"), LIFE) - straddle_values(market_under("p", has_events=False), LIFE)
    paid = math.exp(-model().rate * LIFE / 252) * added
    error = paid.std(axis=1) / math.sqrt(N_PATHS)
    assert (priced - paid.mean(axis=1) > 10.0 * error).all()
    assert (paid.mean(axis=1) > 4.0 * error).all()  # something does happen


# settlement


def test_an_opening_moves_with_what_was_published_before_it() -> None:
    """CPI comes before the opening of its day, an FOMC decision after it; without events there is no other move."""
    config = MarketConfig(events=EVENTS)
    paths = chosen_paths(np.full((60, 5000), 4000.0), 20.0, 5)
    market = toy_market(paths, start_date="2019-01-09", config=config, pricer=CalmPricer())
    for kind, moved in ((EventKind.CPI, True), (EventKind.FOMC, False)):
        t = event_days(market, kind)[0]
        assert market.jumps is not None
        opening = np.log(settlement_value(market, Product.SPX_OPTION, t, is_am=True) / market.spot(t - 1))
        if moved:
            np.testing.assert_allclose(opening, market.jumps[t], atol=3e-5)
        else:
            np.testing.assert_allclose(opening, 0.0, atol=3e-5)


class CalmPricer(ToyPricer):
    """Next to no volatility, so that an opening is its event alone."""

    def spx_option(self, spot: Any, state: Any, **terms: Any) -> Any:
        return black_scholes(spot, 1e-4, terms["strike"], terms["ttm"], terms["is_call"])


def test_the_vix_settles_with_the_decision_of_its_afternoon_still_ahead() -> None:
    """Wednesday 18 September 2019: VIX expiry at the opening, FOMC decision at 14:00."""
    config = MarketConfig(events=EVENTS, settlement=ON_THE_CLOSE)
    market = toy_market(chosen_paths(np.full((60, 2), 4000.0), 20.0, 5), start_date="2019-08-20", config=config)
    t = [str(day) for day in market.calendar.dates].index("2019-09-18")
    assert t in market.expiries.vix_monthly
    assert t in event_days(market, EventKind.FOMC)
    fomc, cpi = SQUARE * 0.02**2, SQUARE * 0.012**2
    # at the close: CPI on 10 October; at the opening the decision as well
    np.testing.assert_allclose(np.square(market.vix(t)), 400.0 + cpi, rtol=1e-9)
    settled = settlement_value(market, Product.VIX_FUTURE, t)
    np.testing.assert_allclose(np.square(settled), 400.0 + cpi + fomc, rtol=1e-9)
    # the future converges to that, not to the close: toy futures revert to 20, where this VIX stands
    np.testing.assert_allclose(market.vix_future(t - 1, t), np.sqrt(400.0 + cpi + fomc), rtol=2e-4)


def test_black_of_the_test_is_that_of_the_toy() -> None:
    assert black_scholes(4000.0, 0.2, 4000.0, 1.0, True).price == pytest.approx(
        4000.0 * math.exp(-DIVIDEND_YIELD) * ndtr(0.2) - 4000.0 * math.exp(-RATE) * ndtr(0.0), rel=1e-12
    )
