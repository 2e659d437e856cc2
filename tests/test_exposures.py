"""Greeks and break-evens of whole books through time: against sums by hand, and as they are stored."""

from __future__ import annotations

from collections.abc import Iterator
from math import erf, exp, pi, sqrt
from typing import Any

import numpy as np
import pytest

from models.protocols import SimulationGrid
from sim import open_results, run_experiment
from sim.cell import Cell, run_cell
from sim.config import AccountConfig, CostsConfig, MarginConfig, StrategyConfig
from sim.contracts import ContractSet, Product
from sim.evaluator import StrategyRun, evaluate
from sim.experiment import parse_experiment
from sim.exposures import ExposurePlan
from sim.greeks import GREEKS
from sim.storage import QUANTILES, Results
from sim.strategies.break_even import SIDES, break_evens
from sim.strategies.iron_condor import IronCondorConfig
from sim.strategies.rigid_vix import RigidVixConfig
from sim.tranche import Tranche
from tests.toy_experiment import experiment, registered
from tests.toy_market import RATE, VIX_MEAN, VIX_SPEED, VIX_VOL, black_scholes, toy_market, toy_paths

GRID = SimulationGrid(n_days=34, warmup_days=40)
N_PATHS, MEASURED, EVERY = 6, 4, 5
NAMES = list(GREEKS)


def tranche(
    engine: str, product: Product, is_call: list[bool], strike: Any, quantity: Any, entry: Any, mid: Any
) -> Tranche:
    contracts = ContractSet(product=product, is_call=np.array(is_call), strike=np.array(strike, float), expiry=70)
    made = Tranche.empty(engine, contracts, 40, np.array(entry, float))
    change = np.array(quantity, float)
    made.trade(np.arange(change.shape[1]), change)
    made.move(np.array(mid, float), np.zeros(change.shape[1]), np.zeros(change.shape[1]))
    return made


def column(*values: float) -> Any:
    return np.array(values)[:, None]


CONDOR = tranche(
    "iron_condor",
    Product.SPX_OPTION,
    [False, False, True, True],
    column(3750, 3800, 4200, 4250),
    column(2, -2, -2, 2),
    column(20, 26, 18, 12),  # a credit of 12 points
    column(10, 14, 9, 6),
)


def test_break_evens_of_one_condor() -> None:
    """Sold put 3800 and call 4200 for a credit of 12: 3788 and 4212, from an SPX of 4000."""
    got = break_evens([CONDOR], np.array([4000.0]))
    np.testing.assert_allclose(got.put, [212.0 / 4000.0])
    np.testing.assert_allclose(got.call, [212.0 / 4000.0])
    np.testing.assert_array_equal(got.put_hedged, got.put)
    beyond = break_evens([CONDOR], np.array([3700.0]))
    np.testing.assert_allclose(beyond.put, [-88.0 / 3700.0])


def test_hedges_move_break_evens_by_their_open_profit() -> None:
    """A call spread that has made 600 USD: 3 points for each of two condors; what other engines do counts nothing."""
    spread = tranche(
        "rigid_vix", Product.VIX_OPTION, [True, True], column(20, 30), column(4, -4), column(2, 1), column(4, 1.5)
    )
    units = tranche("spx", Product.SPX_UNIT, [False], column(0), column(10), column(4000), column(4100))
    got = break_evens([CONDOR, spread, units], np.array([4000.0]))
    np.testing.assert_allclose(got.put, [212.0 / 4000.0])
    np.testing.assert_allclose(got.put_hedged, [215.0 / 4000.0])
    np.testing.assert_allclose(got.call_hedged, [215.0 / 4000.0])


def test_the_nearest_of_several_tranches_counts_and_sides_stand_alone() -> None:
    """A put spread sold at 3900 for 10 points, one contract: 3890 below; above the condor's 4212 is left."""
    side = tranche(
        "iron_condor",
        Product.SPX_OPTION,
        [False, False],
        column(3900, 3850),
        column(-1, 1),
        column(30, 20),
        column(5, 3),
    )
    hedge = tranche("vix_ladder", Product.VIX_OPTION, [True], column(20), column(1), column(2), column(5))
    got = break_evens([CONDOR, side, hedge], np.array([4000.0]))
    np.testing.assert_allclose(got.put, [110.0 / 4000.0])
    np.testing.assert_allclose(got.call, [212.0 / 4000.0])
    # 300 USD of profit: three condors below, two above
    np.testing.assert_allclose(got.put_hedged, [(110.0 + 1.0) / 4000.0])
    np.testing.assert_allclose(got.call_hedged, [(212.0 + 1.5) / 4000.0])


def test_without_a_condor_there_is_no_break_even() -> None:
    spot = np.array([4000.0, 4000.0])
    half = tranche(
        "iron_condor",
        Product.SPX_OPTION,
        [False, False],
        [[3900, 3900], [3850, 3850]],
        [[0, -1], [0, 1]],
        [[30, 30], [20, 20]],
        [[5, 5], [3, 3]],
    )
    got = break_evens([half], spot)
    np.testing.assert_allclose(got.put, [np.nan, 110.0 / 4000.0])
    assert np.isnan(got.call).all()
    assert all(np.isnan(values).all() for values in break_evens([], spot))


class Watched(StrategyRun):
    """Keeps what is held after each session."""

    books: dict[int, list[tuple[str, ContractSet, Any]]]

    def step(self, t: int, *, decides: bool) -> None:
        super().step(t, decides=decides)
        self.books = getattr(self, "books", {})
        self.books[t] = [(item.engine, item.contracts, item.quantity.copy()) for item in self.ledger.tranches]


def test_greeks_of_a_book_are_the_sums_of_its_contracts() -> None:
    """Every path, engine and measured session, contract by contract in plain Python with closed forms."""
    market = toy_market(toy_paths(GRID, N_PATHS, seed=2), start_date="2019-03-04")
    runs: list[Watched] = []

    def start(*arguments: Any) -> Watched:
        runs.append(Watched(*arguments))
        return runs[-1]

    strategy = StrategyConfig(engines=(IronCondorConfig(), RigidVixConfig(level=19.0, size=0.4)))
    common = {"account": AccountConfig(), "costs": CostsConfig(), "margin": MarginConfig()}
    plan = ExposurePlan(n_paths=MEASURED, every=EVERY)
    outcomes = evaluate(market, {"book": strategy}, **common, run_type=start, exposures=plan)["book"]
    assert outcomes.exposures is not None
    greeks = outcomes.exposures.greeks
    days = range(0, GRID.n_days + 1, EVERY)
    assert greeks.shape == (2, len(NAMES), len(days), MEASURED)
    expected = np.zeros(greeks.shape)
    held_any = set()
    for row, day in enumerate(days):
        t = market.day0 + day
        for engine, contracts, quantity in runs[0].books[t]:
            e, years = outcomes.engines.index(engine), (contracts.expiry - t) / 252
            for p in range(MEASURED):
                spot, vol = float(market.spot(t)[p]), float(np.sqrt(market.state(t)[0, p]))
                future = VIX_MEAN + (100.0 * vol - VIX_MEAN) * np.exp(-VIX_SPEED * years)
                for leg, is_call in enumerate(contracts.is_call):
                    number, strike = 100.0 * quantity[leg, p], float(contracts.strike[leg, p])
                    held_any.add((e, number != 0.0))
                    if contracts.product is Product.SPX_OPTION:
                        value = black_scholes(spot, vol, strike, years, is_call)
                        expected[e, 0, row, p] += number * 0.01 * spot * value.delta
                        expected[e, 1, row, p] += number * value.vega
                        expected[e, 2, row, p] += number * value.theta
                        continue
                    total = VIX_VOL * sqrt(years)
                    d1 = np.log(future / strike) / total + 0.5 * total
                    expected[e, 3, row, p] += number * exp(-RATE * years) * 0.5 * (1.0 + erf(d1 / sqrt(2.0)))
                    density = exp(-0.5 * d1**2) / sqrt(2.0 * pi)
                    expected[e, 4, row, p] += 0.01 * number * exp(-RATE * years) * future * density * sqrt(years)
    assert held_any == {(0, True), (0, False), (1, True), (1, False)}
    np.testing.assert_allclose(greeks[0], expected[0], rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(greeks[1, 3:], expected[1, 3:], rtol=1e-8, atol=1e-9)
    assert (greeks[0, 2] >= 0.0).any()  # a condor earns time value
    short_vega = greeks[0, 1][expected[0, 1] != 0.0]
    assert (short_vega < 0.0).mean() > 0.9


def test_nothing_is_measured_unless_asked() -> None:
    market = toy_market(toy_paths(GRID, 2), start_date="2019-03-04")
    strategy = StrategyConfig(engines=(IronCondorConfig(),))
    common = {"account": AccountConfig(), "costs": CostsConfig(), "margin": MarginConfig()}
    for plan in (None, ExposurePlan(n_paths=0, every=1)):
        assert evaluate(market, {"book": strategy}, **common, exposures=plan)["book"].exposures is None


STORED = {"greek_paths": 25, "greek_every": 7}


@pytest.fixture(scope="module", autouse=True)
def toys() -> Iterator[None]:
    with registered():
        yield


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> tuple[Results, Any]:
    config = parse_experiment(experiment(keep=STORED, compute={"block_paths": 10}))
    return open_results(run_experiment(config, output=tmp_path_factory.mktemp("greeks") / "toy", jobs=1)), config


def test_what_is_stored_are_quantiles_means_and_averages(results: tuple[Results, Any]) -> None:
    """Puts bought once, in blocks of ten: the measured paths end within the third."""
    data, config = results[0].data, results[1]
    outcome = run_cell(config, Cell(scenario="loud", first_path=0, n_paths=25)).outcomes["far"].exposures
    assert outcome is not None
    greeks = outcome.greeks.astype(np.float32)
    cell = data.sel(scenario="loud", strategy="far")
    assert list(cell["greek"].values) == NAMES
    assert list(cell["greek_day"].values) == list(range(0, 61, 7))
    own = cell.sel(engine="buy_puts")
    expected = np.moveaxis(np.quantile(greeks[0], QUANTILES, axis=-1), 0, 1)
    np.testing.assert_allclose(own["engine_greek"].values, expected, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(own["engine_greek_mean"].values, greeks[0].mean(axis=-1), rtol=1e-5)
    np.testing.assert_array_equal(own["book_greek"].values, own["engine_greek"].values)
    np.testing.assert_allclose(own["mean_abs_delta"].values, np.abs(greeks[0, 0]).mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(own["mean_vega"].values, greeks[0, 1].mean(axis=0), rtol=1e-6)
    assert own.sizes["greek_path"] == 25
    assert (own["mean_vega"].values > 0.0).all()
    for name in ("mean_abs_delta", "mean_vega", "mean_vix_delta", "book_mean_abs_delta", "book_mean_vega"):
        assert np.isfinite(data[name].values).all()
    assert list(data["side"].values) == list(SIDES)
    assert np.isnan(data["break_even"].values).all()
    assert (data["break_even_share"].values == 0.0).all()


def test_what_is_not_measured_is_not_stored(tmp_path_factory: pytest.TempPathFactory) -> None:
    config = parse_experiment(experiment(keep={"greek_paths": 0}))
    data = open_results(run_experiment(config, output=tmp_path_factory.mktemp("greeks") / "none", jobs=1)).data
    assert "engine_greek" not in data
    assert "greek_path" not in data.sizes
