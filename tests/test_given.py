"""Wider spreads, orders that are not filled, given openings and given futures, worked out by hand on a toy market."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Literal

import numpy as np
import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from models.protocols import PathBlock, SimulationGrid
from sim.config import AccountConfig, CostsConfig, EngineConfig, MarginConfig, StrategyConfig
from sim.config.market import MarketConfig, SettlementConfig
from sim.contracts import Product
from sim.costs import half_spread
from sim.evaluator import evaluate
from sim.frictions import Friction, filled_part
from sim.given import NOTHING, Given
from sim.market import MarketBlock, settlement_value
from sim.outcomes import Outcomes
from sim.quotes import QuoteBook
from sim.strategies import registry
from sim.strategies.protocols import Close, DayView, Open, Orders, Trade
from tests.toy_market import RATE, VIX_MEAN, VIX_SPEED, toy_market, toy_paths

Rule = Callable[[DayView], Orders]
STRIKE, EXPIRY = 3800.0, 40
EVERYTHING = tuple(Product)


class ToldConfig(EngineConfig):
    """Do what the test says."""

    engine: Literal["told"] = "told"


def told(rule: Rule) -> Any:
    class Told:
        config_type: ClassVar[type[EngineConfig]] = ToldConfig
        required_signals: ClassVar[tuple[str, ...]] = ()

        def __init__(self, config: ToldConfig, n_paths: int) -> None:
            self.config = config

        def decide(self, view: DayView) -> Orders:
            return rule(view)

    return Told


def run(
    monkeypatch: pytest.MonkeyPatch,
    rule: Rule,
    given: Given,
    *,
    spots: list[float] | None = None,
    equity: float = 1e7,
    fractional: bool = False,
    costs: CostsConfig | None = None,
) -> Outcomes:
    monkeypatch.setitem(registry.REGISTRY, "told", told(rule))
    spot = np.array([4000.0, *(spots or [4000.0] * 5)])[:, None]
    paths = PathBlock(
        grid=SimulationGrid(n_days=spot.size - 2, warmup_days=1),
        spot=spot,
        state=np.full((spot.size, 1, 1), 0.04),
        vix=np.full(spot.shape, 20.0),
    )
    return evaluate(
        toy_market(paths, given=given),
        {"book": StrategyConfig(engines=(ToldConfig(),))},
        account=AccountConfig(initial_equity=equity, fractional=fractional),
        costs=costs or CostsConfig(crossing={1: 1.0}),
        margin=MarginConfig(),
    )["book"]


def sell_then_close(lots: float, *, sell_on: int, close_from: int) -> Rule:
    """Sell puts on one session and order every day from another one on that they be bought back; day 0 is session 1."""

    def rule(view: DayView) -> Orders:
        if view.t == sell_on:
            strike = np.full((1, view.n_paths), STRIKE)
            contracts = view.contracts("put", Product.SPX_OPTION, [False], strike, EXPIRY)
            return Orders(opens=[Open(contracts=contracts, quantity=np.full((1, view.n_paths), -lots))])
        if view.t >= close_from:
            return Orders(closes=[Close(tranche=item, mask=item.is_open) for item in view.tranches("told")])
        return Orders()

    return rule


def no_trade(*sessions: int, products: tuple[Product, ...] = EVERYTHING) -> Given:
    return Given(frictions={t: Friction(fill=dict.fromkeys(products, 0.0)) for t in sessions})


def test_a_factor_on_the_spread_is_paid_on_its_session_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    rule = sell_then_close(10.0, sell_on=1, close_from=3)
    free = CostsConfig(commission_per_contract=0.0, exchange_fee_spx=0.0, regulatory_fee=0.0, crossing={1: 1.0})
    calm = run(monkeypatch, rule, NOTHING, costs=free)
    wide = run(monkeypatch, rule, Given(frictions={3: Friction(widening={Product.SPX_OPTION: 3.0})}), costs=free)
    other = run(monkeypatch, rule, Given(frictions={3: Friction(widening={Product.VIX_OPTION: 3.0})}), costs=free)
    # without fees the cost is the half-spread of the sale and of the purchase
    both = float(calm.engine_cost[0, 0])
    sale = float(
        run(monkeypatch, sell_then_close(10.0, sell_on=1, close_from=99), NOTHING, costs=free).engine_cost[0, 0]
    )
    assert 0.0 < sale < both
    assert float(wide.engine_cost[0, 0]) == pytest.approx(sale + 3.0 * (both - sale), rel=1e-12)
    np.testing.assert_array_equal(other.equity, calm.equity)


def test_a_half_spread_is_never_wider_than_the_premium() -> None:
    mid, vix = np.array([[0.05, 10.0]]), np.array([20.0, 20.0])
    wide = half_spread(CostsConfig(), Product.SPX_OPTION, mid, vix, widening=4.0)
    np.testing.assert_allclose(wide, [[0.05, 4.0 * 0.07]], rtol=1e-12)


def test_nothing_is_traded_where_nobody_takes_the_other_side(monkeypatch: pytest.MonkeyPatch) -> None:
    rule = sell_then_close(10.0, sell_on=1, close_from=3)
    assert run(monkeypatch, rule, NOTHING).n_trades[0] == 2
    never_sold = run(monkeypatch, rule, no_trade(1))
    assert never_sold.n_trades[0] == 0
    assert np.ptp(never_sold.engine_pnl) == 0.0
    other_product = run(monkeypatch, rule, no_trade(1, 3, products=(Product.VIX_FUTURE, Product.VIX_OPTION)))
    np.testing.assert_array_equal(other_product.equity, run(monkeypatch, rule, NOTHING).equity)
    # what cannot be bought back on session 3 is bought back on session 4, at its price
    late = run(monkeypatch, rule, no_trade(3))
    on_time = run(monkeypatch, sell_then_close(10.0, sell_on=1, close_from=4), NOTHING)
    np.testing.assert_array_equal(late.equity, on_time.equity)


def test_a_share_of_an_order_is_filled_in_whole_contracts(monkeypatch: pytest.MonkeyPatch) -> None:
    rule = sell_then_close(11.0, sell_on=1, close_from=3)
    half = Given(frictions={t: Friction(fill={Product.SPX_OPTION: 0.5}) for t in (1, 3, 4)})
    part = run(monkeypatch, rule, half)
    # 5 of 11 sold; 2 of 5 and then 1 of 3 bought back: fees of 8 contracts
    fees = CostsConfig(half_spread=CostsConfig().half_spread, crossing={1: 0.0})
    assert float(run(monkeypatch, rule, half, costs=fees).engine_cost[0, 0]) == pytest.approx(8 * 1.16, rel=1e-12)
    assert part.n_trades[0] == 3
    exact = run(monkeypatch, rule, half, costs=fees, fractional=True)
    assert float(exact.engine_cost[0, 0]) == pytest.approx((5.5 + 2.75 + 1.375) * 1.16, rel=1e-12)


@for_all(
    lots=st.lists(st.integers(0, 60), min_size=1, max_size=5),
    ratio=st.sampled_from([(1, -1), (1, -2), (2, -3), (1, -1, -1, 1), (1,)]),
    share=st.floats(0.0, 1.0),
)
def test_filled_parts_keep_the_ratio_of_their_legs(lots: list[int], ratio: tuple[int, ...], share: float) -> None:
    quantity = np.array(ratio, dtype=float)[:, None] * np.array(lots, dtype=float)
    part = filled_part(quantity, share, fractional=False)
    np.testing.assert_array_equal(part, np.rint(part))
    np.testing.assert_allclose(part * ratio[0], part[0] * np.array(ratio, dtype=float)[:, None], atol=1e-9)
    assert (np.abs(part) <= share * np.abs(quantity) + 1e-6).all()
    assert (np.abs(quantity) * share - np.abs(part) < np.abs(ratio).max() + 1e-6).all() or np.gcd.reduce(ratio) != 1


def test_a_change_of_a_tranche_is_filled_in_part(monkeypatch: pytest.MonkeyPatch) -> None:
    def rule(view: DayView) -> Orders:
        if view.t == 1:
            return sell_then_close(10.0, sell_on=1, close_from=99)(view)
        held = view.tranches("told")[0] if view.tranches("told") else None
        wanted = [Trade(tranche=held, change=np.full((1, view.n_paths), 4.0))] if held and view.t == 2 else []
        return Orders(trades=wanted)

    fees = CostsConfig(crossing={1: 0.0})
    quarter = Given(frictions={2: Friction(fill={Product.SPX_OPTION: 0.25})})
    assert float(run(monkeypatch, rule, quarter, costs=fees).engine_cost[0, 0]) == pytest.approx(11 * 1.16, rel=1e-12)


def test_a_margin_call_cannot_sell_what_nobody_buys(monkeypatch: pytest.MonkeyPatch) -> None:
    rule, spots = sell_then_close(20.0, sell_on=1, close_from=99), [4000.0, 3900.0, 3700.0, 3700.0, 3700.0]
    free = run(monkeypatch, rule, NOTHING, spots=spots, equity=800_000.0)
    assert free.margin_calls[0] == 1
    assert free.n_trades[0] == 2
    stuck = run(monkeypatch, rule, no_trade(2, 3, 4), spots=spots, equity=800_000.0)
    assert stuck.margin_calls[0] > free.margin_calls[0]
    assert stuck.max_margin[0] >= free.max_margin[0]


def test_a_ruined_account_gets_out_when_it_can(monkeypatch: pytest.MonkeyPatch) -> None:
    rule, spots = sell_then_close(60.0, sell_on=1, close_from=99), [4000.0, 3000.0, 3000.0, 3000.0, 3000.0]
    free = run(monkeypatch, rule, NOTHING, spots=spots, equity=2_500_000.0)
    stuck = run(monkeypatch, rule, no_trade(2, 3), spots=spots, equity=2_500_000.0)
    for outcome in (free, stuck):
        assert outcome.ruined[0]
        assert outcome.n_trades[0] == 2
    # out on session 2, and out on session 4: equity stands still afterwards
    assert np.ptp(free.equity[1:]) == 0.0
    assert stuck.equity[2, 0] != stuck.equity[1, 0]
    assert np.ptp(stuck.equity[3:]) == 0.0


# openings and futures

GRID = SimulationGrid(n_days=60, warmup_days=5)
NOISY = MarketConfig(settlement=SettlementConfig(overnight_share=0.35, vix_noise=0.5))


def market_with(given: Given) -> MarketBlock:
    return toy_market(toy_paths(GRID, 7), given=given, config=NOISY)


def test_contracts_settle_on_given_openings() -> None:
    t = int(market_with(NOTHING).expiries.spx_monthly[0])
    e = int(market_with(NOTHING).expiries.vix_monthly[0])
    plain, fixed = market_with(NOTHING), market_with(Given(spx_gap={t: -0.07}, vix_open={e: 55.0}))
    np.testing.assert_allclose(
        settlement_value(fixed, Product.SPX_OPTION, t, is_am=True), fixed.spot(t - 1) * np.exp(-0.07), rtol=1e-14
    )
    np.testing.assert_array_equal(settlement_value(fixed, Product.SPX_OPTION, t), plain.spot(t))
    # the auction adds its own noise, the same number with which it departs from the model's opening
    noise = settlement_value(fixed, Product.VIX_FUTURE, e) - 55.0
    assert 0.05 < noise.std() < 1.5
    other = market_with(Given(vix_open={e: 30.0}))
    np.testing.assert_allclose(settlement_value(other, Product.VIX_FUTURE, e) - 30.0, noise, atol=1e-12)


def curve_of(market: MarketBlock, t: int, prices: Mapping[int, float]) -> dict[int, float]:
    return {market.front_vix_expiry(t, n): price for n, price in prices.items()}


def test_futures_and_options_stand_on_the_given_curve() -> None:
    plain = market_with(NOTHING)
    t, first, second = 6, plain.front_vix_expiry(6, 1), plain.front_vix_expiry(6, 2)
    fixed = market_with(Given(futures={t: curve_of(plain, t, {1: 31.0})}))
    np.testing.assert_allclose(fixed.vix_future(t, first), 31.0, rtol=1e-14)
    np.testing.assert_array_equal(fixed.vix_future(t, second), plain.vix_future(t, second))
    np.testing.assert_array_equal(fixed.vix_future(t + 1, first), plain.vix_future(t + 1, first))
    book, strike = QuoteBook(fixed), np.repeat([[20.0], [30.0], [45.0]], 7, axis=1)
    for expiry in (first, second):
        calls = book.contracts(("c", expiry), Product.VIX_OPTION, [True] * 3, strike, expiry)
        puts = book.contracts(("p", expiry), Product.VIX_OPTION, [False] * 3, strike, expiry)
        forward = np.exp(-RATE * (expiry - t) / 252) * (fixed.vix_future(t, expiry) - strike)
        np.testing.assert_allclose(book.mids(calls, t) - book.mids(puts, t), forward, atol=1e-9)
    np.testing.assert_allclose(book.mids(book.future(first), t), 31.0, rtol=1e-14)
    # the model's own options do not stand on that future
    model = QuoteBook(plain)
    calls = model.contracts("c", Product.VIX_OPTION, [True] * 3, strike, first)
    puts = model.contracts("p", Product.VIX_OPTION, [False] * 3, strike, first)
    assert np.abs(model.mids(calls, t) - model.mids(puts, t) - (31.0 - strike)).min() > 1.0


def test_a_scaled_curve_is_that_of_the_model_with_its_own_prices() -> None:
    plain = market_with(NOTHING)
    own = {
        t: {plain.front_vix_expiry(t, 1): float(plain.vix_future(t, plain.front_vix_expiry(t, 1))[0])} for t in (6, 7)
    }
    one = toy_market(
        PathBlock(
            grid=GRID, spot=plain.paths.spot[:, :1], state=plain.paths.state[:, :, :1], vix=plain.paths.vix[:, :1]
        ),
        given=Given(futures=own),
        config=NOISY,
    )
    e = plain.front_vix_expiry(6, 1)
    strike = np.array([[18.0], [22.0]])
    legs = one.pricer_at(6).price_vix_legs(one.state(6), strike, e - 6, np.array([True, False]))
    expected = plain.pricer_at(6).price_vix_legs(
        plain.state(6), np.repeat(strike, 7, axis=1), e - 6, np.array([True, False])
    )
    np.testing.assert_allclose(legs[:, 0], expected[:, 0], rtol=1e-12)


def test_theta_knows_no_future_of_tomorrow() -> None:
    plain = market_with(NOTHING)
    t, e = 6, plain.front_vix_expiry(6, 1)
    strike = np.full((1, 7), 25.0)

    def theta(tomorrow: float) -> Any:
        market = market_with(Given(futures={t: {e: 31.0}, t + 1: {e: tomorrow}}))
        book = QuoteBook(market)
        return book.greeks(book.contracts("c", Product.VIX_OPTION, [True], strike, e), t).theta

    np.testing.assert_array_equal(theta(31.5), theta(60.0))
    today = VIX_MEAN + (plain.vix(t) - VIX_MEAN) * np.exp(-VIX_SPEED * (e - t) / 252)
    assert np.abs(today - 31.0).min() > 1.0  # the curve is not the model's, so that a leak would show
