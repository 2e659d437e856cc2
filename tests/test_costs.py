"""Costs of orders: fees and half-spreads worked out by hand from the schedule."""

from __future__ import annotations

import math
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from sim.config import CostsConfig
from sim.contracts import ContractSet, Product
from sim.costs import Tariffs, fee_per_contract, half_spread
from sim.ledger import Ledger

COSTS = CostsConfig()


def contracts(product: Product, n_legs: int, n_paths: int = 1) -> ContractSet:
    strike = np.repeat(100.0 + 5.0 * np.arange(n_legs)[:, None], n_paths, axis=1)
    return ContractSet(product=product, is_call=np.zeros(n_legs, dtype=bool), strike=strike, expiry=9)


def order(product: Product, change: list[float], mid: list[float], vix: float, costs: CostsConfig = COSTS) -> float:
    legs = contracts(product, len(change))
    cost = Tariffs(costs).trade_cost(legs, np.array(change)[:, None], np.array(mid)[:, None], np.array([vix]))
    assert cost.shape == (1,)
    return float(cost[0])


# Fees of one SPX option: 0.65 + 0.45 + 0.06 = 1.16, 1.07 below a premium of 1; of one VIX option: 0.71 and 0.45 from a
# premium of 2, 0.40 from 1, 0.25 from 0.11, 0.10 below; of one VIX future: 0.87 + 1.51 = 2.38.
# An order of 1, 2-3, 4+ legs pays 1, 0.75, 0.53 of the half-spread.
@pytest.mark.parametrize(
    ("product", "change", "mid", "vix", "expected"),
    [
        # half-spread 0.03 + 0.004 x 10 = 0.07 points = 7 dollars
        (Product.SPX_OPTION, [1.0], [10.0], 20.0, 7.0 + 1.16),
        # the same below the calm VIX; one and a half times as wide at one and a half times the calm VIX
        (Product.SPX_OPTION, [1.0], [10.0], 11.0, 7.0 + 1.16),
        (Product.SPX_OPTION, [-1.0], [10.0], 30.0, 10.5 + 1.16),
        # a call spread: 0.75 x (7 + 5) for the spreads, two fees
        (Product.SPX_OPTION, [3.0, -3.0], [10.0, 5.0], 20.0, 3 * (0.75 * (7.0 + 5.0) + 2 * 1.16)),
        # a condor: half-spreads 4.2, 7, 6.2, 3.8 dollars, 0.53 of each
        (
            Product.SPX_OPTION,
            [2.0, -2.0, -2.0, 2.0],
            [3.0, 10.0, 8.0, 2.0],
            20.0,
            2 * (0.53 * (4.2 + 7.0 + 6.2 + 3.8) + 4 * 1.16),
        ),
        # a bid is never negative: a mid of 0.01 has a half-spread of 0.01, a worthless contract none
        (Product.SPX_OPTION, [1.0], [0.01], 20.0, 1.0 + 1.07),
        (Product.SPX_OPTION, [1.0], [0.0], 80.0, 1.07),
        # VIX options: 0.065 x 2 = 0.13 points; half a tick, 0.025, below a premium of 0.3846
        (Product.VIX_OPTION, [1.0], [2.0], 20.0, 13.0 + 1.16),
        (Product.VIX_OPTION, [1.0], [0.2], 20.0, 2.5 + 0.96),
        # VIX of 40: 1 + 0.3 x (40 / 20 - 1) = 1.3; ratio spread 1 against 2
        (Product.VIX_OPTION, [-1.0, 2.0], [2.0, 1.0], 40.0, 0.75 * 1.3 * (13.0 + 2 * 6.5) + 1.16 + 2 * 1.11),
        # futures: half a tick of 0.05 is 25 dollars, 37.50 with the VIX at 30
        (Product.VIX_FUTURE, [4.0], [18.0], 15.0, 4 * (25.0 + 2.38)),
        (Product.VIX_FUTURE, [-4.0], [33.0], 30.0, 4 * (37.5 + 2.38)),
    ],
)
def test_orders_by_hand(product: Product, change: list[float], mid: list[float], vix: float, expected: float) -> None:
    assert order(product, change, mid, vix) == pytest.approx(expected, rel=1e-12)


def test_fees_by_product_and_premium() -> None:
    mid = np.array([[0.0, 0.10, 0.11, 0.99, 1.0, 1.99, 2.0, 50.0]])
    spx, vix = 0.71 + np.array([0.36] * 4 + [0.45] * 4), 0.71 + np.array([0.10, 0.10, 0.25, 0.25, 0.4, 0.4, 0.45, 0.45])
    np.testing.assert_allclose(fee_per_contract(COSTS, Product.SPX_OPTION, mid), spx[None], rtol=1e-12)
    np.testing.assert_allclose(fee_per_contract(COSTS, Product.VIX_OPTION, mid), vix[None], rtol=1e-12)
    np.testing.assert_allclose(fee_per_contract(COSTS, Product.VIX_FUTURE, mid), np.full((1, 8), 2.38), rtol=1e-12)
    flat = CostsConfig(exchange_fee_spx=0.7)
    np.testing.assert_allclose(fee_per_contract(flat, Product.SPX_OPTION, mid), np.full((1, 8), 1.41), rtol=1e-12)


def test_later_expiries_are_wider() -> None:
    """VIX futures: 1 tick up to 35 days, 2 at 70, 4 at 220; options from 90 to 220 days. 35 sessions are 50.7 days."""
    mid, vix = np.array([[20.0]]), np.array([15.0])
    for sessions, factor in ((0, 1.0), (20, 1.0), (35, 1.0 + (35 * 365 / 252 - 35.0) / 35.0), (252, 4.0)):
        wide = half_spread(COSTS, Product.VIX_FUTURE, mid, vix, sessions=sessions)
        np.testing.assert_allclose(wide, 0.025 * factor, rtol=1e-12)
    calls = [half_spread(COSTS, Product.VIX_OPTION, mid, vix, sessions=n)[0, 0] for n in (0, 62, 107, 160)]
    middle = 1.0 + 0.5 * (107 * 365 / 252 - 90.0) / 130.0
    np.testing.assert_allclose(calls, 1.3 * np.array([1.0, 1.0, middle, 1.5]), rtol=1e-12)
    legs = contracts(Product.VIX_FUTURE, 1)
    cost = Tariffs(COSTS).trade_cost(legs, np.array([[2.0]]), mid, vix, sessions=252)
    np.testing.assert_allclose(cost, 2 * (100.0 + 2.38), rtol=1e-12)


@pytest.mark.parametrize(
    "change",
    [
        {"exchange_fee_spx": -0.1},
        {"exchange_fee_vix": [[0.5, 1.0]]},
        {"exchange_fee_vix": [[0.0, 1.0], [0.0, 2.0]]},
        {"half_spread": {"vix_option": {"tenor": [[0, 1], [90, -1]]}}},
        {"half_spread": {"vix_option": {"tenor": []}}},
    ],
)
def test_tables_that_make_no_sense_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match="must"):
        CostsConfig.model_validate(change)


def test_the_ledger_knows_how_long_contracts_live() -> None:
    """A future of 252 sessions bought on session 100 of its life costs the spread of the 152 that are left."""
    ledger = Ledger(("engine",), 1, 1e6, COSTS)
    far = ContractSet(product=Product.VIX_FUTURE, is_call=np.array([False]), strike=np.zeros((1, 1)), expiry=252)
    ledger.session = 100
    ledger.open("engine", far, np.array([[1.0]]), 100, np.array([[20.0]]), np.array([15.0]))
    days = 152 * 365 / 252
    assert ledger.cost[0, 0] == pytest.approx(25.0 * min(2.0 + 2.0 * (days - 70.0) / 150.0, 4.0) + 2.38, rel=1e-12)


@pytest.mark.parametrize(("n_legs", "fraction"), [(1, 1.0), (2, 0.75), (3, 0.75), (4, 0.53), (6, 0.53)])
def test_more_legs_cross_less_of_the_spread(n_legs: int, fraction: float) -> None:
    cost = order(Product.SPX_OPTION, [1.0] * n_legs, [10.0] * n_legs, 20.0)
    assert cost == pytest.approx(n_legs * (fraction * 7.0 + 1.16), rel=1e-12)


def test_each_path_pays_for_its_own_order() -> None:
    legs = contracts(Product.SPX_OPTION, 2, n_paths=3)
    change = np.array([[1.0, 0.0, -2.0], [0.0, 0.0, 1.0]])
    mid = np.array([[10.0, 10.0, 20.0], [5.0, 5.0, 0.5]])  # the last one is charged the lower fee
    cost = Tariffs(COSTS).trade_cost(legs, change, mid, np.array([20.0, 90.0, 40.0]))
    # the third path: VIX at twice its calm level doubles half-spreads of 11 and 3.2 dollars
    last = 2 * (0.75 * 22.0 + 1.16) + (0.75 * 6.4 + 1.07)
    np.testing.assert_allclose(cost, [7.0 + 1.16, 0.0, last], rtol=1e-12)  # the first path trades one leg alone


def test_half_spread_has_the_shape_of_the_mids() -> None:
    mid = np.array([[10.0, 20.0], [0.0, 1.0]])
    vix = np.array([20.0, 30.0])
    expected = [[0.07, 0.165], [0.0, 0.051]]
    np.testing.assert_allclose(half_spread(COSTS, Product.SPX_OPTION, mid, vix), expected, rtol=1e-12)
    np.testing.assert_allclose(half_spread(COSTS, Product.VIX_FUTURE, mid, vix), [[0.025, 0.0375]] * 2, rtol=1e-12)


AMOUNT = st.floats(0.0, 5.0)


@st.composite
def schedules(draw: st.DrawFn) -> CostsConfig:
    spread = {
        "tick": draw(st.floats(0.01, 0.5)),
        "fixed": draw(AMOUNT),
        "proportional": draw(st.floats(0.0, 1.0)),
        "stress_slope": draw(AMOUNT),
        "calm_vix": draw(st.floats(10.0, 40.0)),
    }
    return CostsConfig.model_validate(
        {
            "commission_per_contract": draw(AMOUNT),
            "commission_per_future": draw(AMOUNT),
            "exchange_fee_spx": draw(AMOUNT),
            "exchange_fee_vix": [[0.0, draw(AMOUNT)], [draw(st.floats(0.5, 9.0)), draw(AMOUNT)]],
            "exchange_fee_vix_future": draw(AMOUNT),
            "regulatory_fee": draw(AMOUNT),
            "commission_per_share": draw(AMOUNT),
            "half_spread": {product.value: spread for product in Product},
            "crossing": {1: draw(st.floats(0.0, 1.0)), 3: draw(st.floats(0.0, 1.0))},
        }
    )


def plain_cost(costs: CostsConfig, product: Product, legs: list[tuple[float, float]], vix: float) -> float:
    """The rule of the schedule, contract by contract."""
    spread = costs.half_spread.spx_option  # ``schedules`` gives the same one to every product
    crossing = costs.crossing[3] if len(legs) >= 3 else costs.crossing[1]
    total = 0.0
    for change, mid in legs:
        if product is Product.VIX_FUTURE:
            fee, multiplier = costs.commission_per_future + costs.exchange_fee_vix_future, 1000.0
            half = max(spread.tick / 2.0, spread.fixed)
        elif product in (Product.SPX_UNIT, Product.VIX_ETN):
            fee, multiplier = costs.commission_per_share, 1.0
            half = max(spread.tick / 2.0, spread.fixed + spread.proportional * mid)
        else:
            if product is Product.SPX_OPTION:
                exchange: Any = costs.exchange_fee_spx
            else:
                (_, below), (premium, above) = cast("tuple[tuple[float, float], ...]", costs.exchange_fee_vix)
                exchange = above if mid >= premium else below
            fee, multiplier = costs.commission_per_contract + exchange + costs.regulatory_fee, 100.0
            half = max(spread.tick / 2.0, spread.fixed + spread.proportional * mid)
        if vix > spread.calm_vix:
            half *= 1.0 + spread.stress_slope * (vix / spread.calm_vix - 1.0)
        if product is not Product.VIX_FUTURE and half > mid:
            half = mid
        total += abs(change) * (crossing * half * multiplier + fee)
    return total


@given(
    costs=schedules(),
    product=st.sampled_from(Product),
    legs=st.lists(st.tuples(st.integers(-20, 20).map(float), st.floats(0.0, 200.0)), min_size=1, max_size=5),
    vix=st.floats(9.0, 90.0),
)
def test_any_schedule(costs: CostsConfig, product: Product, legs: list[tuple[float, float]], vix: float) -> None:
    change, mid = [q for q, _ in legs], [m for _, m in legs]
    cost = order(product, change, mid, vix, costs)
    assert cost == pytest.approx(plain_cost(costs, product, legs, vix), rel=1e-12, abs=1e-12)
    assert cost >= 0.0
    if not any(change):
        assert cost == 0.0
    # buying costs what selling costs, and ten orders cost ten times one
    assert order(product, [-q for q in change], mid, vix, costs) == cost
    assert order(product, [10.0 * q for q in change], mid, vix, costs) == pytest.approx(10.0 * cost, rel=1e-12)
    assert order(product, change, mid, vix + 5.0, costs) >= cost * (1.0 - 1e-14)  # stress never narrows a spread


def test_a_schedule_without_costs_is_free() -> None:
    nothing = {"tick": 1e-300, "fixed": 0.0, "proportional": 0.0}
    fees = [name for name in CostsConfig.model_fields if "fee" in name or "commission" in name]
    free = CostsConfig.model_validate(
        {**dict.fromkeys(fees, 0.0), "half_spread": {product.value: nothing for product in Product}}
    )
    assert len(fees) == 8
    assert math.isclose(order(Product.SPX_OPTION, [7.0, -7.0], [50.0, 30.0], 60.0, free), 0.0, abs_tol=1e-290)


def test_what_a_path_pays_does_not_hang_on_how_many_trade() -> None:
    """Bit by bit: an order of four legs on one path, and the same among thirty."""
    rng = np.random.default_rng(17)
    strike = 5.0 * rng.integers(700, 900, (4, 30))
    change, mid = rng.integers(-9, 10, (4, 30)).astype(float), rng.uniform(0.1, 60.0, (4, 30))
    vix = rng.uniform(10.0, 50.0, 30)
    rights = np.array([False, False, True, True])
    many = ContractSet(product=Product.SPX_OPTION, is_call=rights, strike=strike, expiry=9)
    together = Tariffs(CostsConfig()).trade_cost(many, change, mid, vix)
    for path in range(30):
        part = slice(path, path + 1)
        one = ContractSet(product=Product.SPX_OPTION, is_call=rights, strike=strike[:, part].copy(), expiry=9)
        alone = Tariffs(CostsConfig()).trade_cost(one, change[:, part], mid[:, part], vix[part])
        assert alone[0] == together[path]


@pytest.mark.parametrize("product", list(Product))
def test_one_pass_costs_what_spread_and_fee_make(product: Product) -> None:
    """Bit by bit: the compiled pass against ``half_spread`` and ``fee_per_contract``, leg by leg."""
    rng = np.random.default_rng(23)
    change = rng.integers(-3, 4, (2, 200)).astype(float)
    mid, vix = np.exp(rng.uniform(-3.0, 4.0, (2, 200))), rng.uniform(10.0, 60.0, 200)
    legs = contracts(product, 2, n_paths=200)
    cost = Tariffs(COSTS).trade_cost(legs, change, mid, vix, sessions=90, friction=1.5)
    spread = half_spread(COSTS, product, mid, vix, sessions=90, widening=1.5)
    crossing = np.where(change.all(axis=0), COSTS.crossing_fraction(2), COSTS.crossing_fraction(1))
    each = crossing * spread * legs.multiplier + fee_per_contract(COSTS, product, mid)
    np.testing.assert_array_equal(cost, np.abs(change[0]) * each[0] + np.abs(change[1]) * each[1])
