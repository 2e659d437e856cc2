"""P&L by source: books worked out with closed forms, what is stored, and sources that do not add up."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from models.protocols import SimulationGrid
from sim import open_results, run_experiment
from sim.cell import Cell, run_cell
from sim.config import AccountConfig, CostsConfig, EngineConfig, MarginConfig, StrategyConfig
from sim.contracts import ContractSet, Product
from sim.errors import ConfigError, LedgerError
from sim.evaluator import StrategyRun, evaluate
from sim.experiment import parse_experiment
from sim.exposures import ExposurePlan
from sim.ledger import Ledger
from sim.outcomes import Outcomes
from sim.report.registry import make_sections
from sim.report.sections.sources import ORDER
from sim.report.sections.sources import PREMIUM as section_premium
from sim.sources import NAMES, PREMIUM, Sources
from sim.storage import Results
from sim.strategies.iron_condor import IronCondorConfig
from sim.strategies.layer2_acceleration import Layer2AccelerationConfig
from sim.strategies.spx import SpxConfig
from tests.toy_experiment import EQUITY as EXPERIMENT_EQUITY
from tests.toy_experiment import BuyPutsConfig, experiment, registered
from tests.toy_market import DIVIDEND_YIELD, ToyPricer, black_scholes, chosen_paths, toy_market, toy_paths

WARMUP, EQUITY = 1, 500_000.0
SPOTS, VOLS = (4000.0, 3980.0, 3990.0, 3850.0), (0.16, 0.17, 0.165, 0.25)
"""Day 0 and three sessions; the last move, -3.5%, is beyond three deviations of 16.5%, 3.1%."""


@pytest.fixture(scope="module", autouse=True)
def toys() -> Iterator[None]:
    with registered():
        yield


def split(
    market: Any, *engines: EngineConfig, n_paths: int, jump: float = 3.0, **more: Any
) -> tuple[Outcomes, Sources]:
    outcome = evaluate(
        market,
        {"book": StrategyConfig(engines=engines)},
        account=AccountConfig(initial_equity=EQUITY),
        costs=CostsConfig(),
        margin=MarginConfig(),
        exposures=ExposurePlan(n_paths=n_paths, every=1, jump_deviations=jump),
        **more,
    )["book"]
    assert outcome.sources is not None
    return outcome, outcome.sources


def put(spot: float, vol: float, sessions: int) -> float:
    return float(black_scholes(spot, vol, 3900.0, sessions / 252, False).price)


def test_a_put_worked_out_session_by_session() -> None:
    """One bought put at 3900: each price has one thing moved, and on the third day all but decay is the jump."""
    spot = np.array([4000.0, *SPOTS])[:, None].repeat(2, axis=1)
    vix = 100.0 * np.array([0.16, *VOLS])[:, None].repeat(2, axis=1)
    market = toy_market(chosen_paths(spot, vix, WARMUP))
    outcome, sources = split(market, BuyPutsConfig(strike=3900.0), n_paths=2)
    sessions = int(np.searchsorted(market.calendar.dates, np.datetime64("2019-02-01"))) - market.day0  # in 30 days
    rows = {name: row for row, name in enumerate(NAMES)}
    total = dict.fromkeys(NAMES, 0.0)
    for day in (1, 2, 3):
        (s0, s1), (v0, v1), left = SPOTS[day - 1 : day + 1], VOLS[day - 1 : day + 1], sessions - day + 1
        before, after = put(s0, v0, left), put(s1, v1, left - 1)
        theta = put(s0, v0, left - 1) - before
        delta = (put(1.001 * s0, v0, left) - put(0.999 * s0, v0, left)) / (0.002 * s0) * (s1 - s0)
        vega = put(s0, v1, left) - before
        total["theta"] += 100.0 * theta
        if day == 3:
            total["jump"] += 100.0 * (after - before - theta)
        else:
            total["delta"] += 100.0 * delta
            total["vega"] += 100.0 * vega
            total["gamma"] += 100.0 * (after - before - theta - delta - vega)
        for name in ("theta", "delta", "vega", "gamma", "jump"):
            got = sources.course[0, rows[name], day]
            np.testing.assert_allclose(got, total[name], rtol=1e-9, atol=1e-7, err_msg=f"{name}, day {day}")
    np.testing.assert_allclose(sources.total[0, rows["cost"]], -outcome.engine_cost[0], rtol=1e-12)
    np.testing.assert_allclose(sources.total[1, rows["interest"]], outcome.interest, rtol=1e-12)
    assert total["theta"] < 0.0 < total["gamma"]  # a bought option pays decay and has curvature
    np.testing.assert_allclose(EQUITY + sources.total.sum(axis=(0, 1)), outcome.equity[-1], rtol=1e-12)


class Watched(StrategyRun):
    """Keeps what is held after each session."""

    books: dict[int, list[tuple[str, ContractSet, Any]]]

    def step(self, t: int, *, decides: bool) -> None:
        super().step(t, decides=decides)
        self.books = getattr(self, "books", {})
        self.books[t] = [(item.engine, item.contracts, item.quantity.copy()) for item in self.ledger.tranches]


def option(contracts: ContractSet, leg: int, path: int, spot: float, variance: float, sessions: int) -> float:
    """Price of one option of the toy market, its payoff at expiry."""
    strike, is_call = float(contracts.strike[leg, path]), bool(contracts.is_call[leg])
    level = spot if contracts.product is Product.SPX_OPTION else 100.0 * variance**0.5
    if sessions == 0:
        return max(level - strike if is_call else strike - level, 0.0)
    if contracts.product is Product.SPX_OPTION:
        return float(black_scholes(spot, variance**0.5, strike, sessions / 252, is_call).price)
    return float(ToyPricer().vix_option(np.array([variance]), strike=strike, ttm=sessions / 252, is_call=is_call))


def explained(contracts: ContractSet, leg: int, path: int, market: Any, t: int) -> dict[str, float]:
    """What a contract brought over the session that ended at ``t``, from closed forms."""
    s0, s1 = (float(market.spot(i)[path]) for i in (t - 1, t))
    x0, x1 = (float(market.state(i)[0, path]) for i in (t - 1, t))
    left = contracts.expiry - t + 1
    if contracts.product is Product.SPX_UNIT:
        carried = [float(np.exp(DIVIDEND_YIELD * (i - market.day0) / 252)) for i in (t - 1, t)]
        change = s1 * carried[1] - s0 * carried[0]
        theta, delta, vega = s0 * (carried[1] - carried[0]), carried[0] * (s1 - s0), 0.0
    elif contracts.product is Product.VIX_FUTURE:
        before, decayed, after = (
            float(ToyPricer().vix_future(np.array([x]), n / 252))
            for x, n in ((x0, left), (x0, left - 1), (x1, left - 1))
        )
        change, theta, delta, vega = after - before, decayed - before, 0.0, after - decayed
    else:
        before = option(contracts, leg, path, s0, x0, left)
        change = option(contracts, leg, path, s1, x1, left - 1) - before
        theta = option(contracts, leg, path, s0, x0, left - 1) - before
        vega = option(contracts, leg, path, s0, x1, left) - before
        up, down = (option(contracts, leg, path, s0 * (1.0 + bump), x0, left) for bump in (1e-3, -1e-3))
        delta = (up - down) / (2e-3 * s0) * (s1 - s0) if contracts.product is Product.SPX_OPTION else 0.0
    if abs(s1 / s0 - 1.0) > 2.0 * np.sqrt(x0 / 252):
        return {"theta": theta, "jump": change - theta}
    return {"theta": theta, "delta": delta, "vega": vega, "gamma": change - theta - delta - vega}


def test_books_of_options_futures_and_units_contract_by_contract() -> None:
    """Every engine, source, session and measured path in plain Python; jumps here are moves of two deviations."""
    n_days, measured = 24, 2
    market = toy_market(toy_paths(SimulationGrid(n_days=n_days, warmup_days=90), 3, seed=4), start_date="2019-03-04")
    always = {"signal": "vix", "op": ">", "value": 0}
    engines = (
        IronCondorConfig(),
        Layer2AccelerationConfig.model_validate({"on": always, "off": {"not": always}, "size": 1.0}),
        SpxConfig.model_validate({}),
    )
    runs: list[Watched] = []

    def start(*arguments: Any) -> Watched:
        runs.append(Watched(*arguments))
        return runs[-1]

    outcome, sources = split(market, *engines, n_paths=measured, jump=2.0, run_type=start)
    expected, products = np.zeros((3, len(NAMES), measured)), set()
    for day in range(1, n_days + 1):
        t = market.day0 + day
        for engine, contracts, quantity in runs[0].books[t - 1]:
            products.add(contracts.product)
            for leg, path in zip(*np.nonzero(quantity[:, :measured]), strict=True):
                for name, points in explained(contracts, leg, path, market, t).items():
                    dollars = contracts.multiplier * quantity[leg, path] * points
                    expected[outcome.engines.index(engine), NAMES.index(name), path] += dollars
        np.testing.assert_allclose(sources.course[:-1, :5, day], expected[:, :5], rtol=1e-8, atol=1e-4)
    assert products == {Product.SPX_OPTION, Product.VIX_OPTION, Product.VIX_FUTURE, Product.SPX_UNIT}
    assert (np.abs(expected[0, :5]).max(axis=1) > 0.0).all()  # there were jumps, and the condor had all sources
    gross = sources.total[:-1, :5].sum(axis=1)
    np.testing.assert_allclose(gross, outcome.engine_pnl[:, :measured], rtol=1e-9, atol=1e-5)
    np.testing.assert_allclose(sources.total[:-1, 5], -outcome.engine_cost[:, :measured], rtol=1e-12)


def test_sources_that_do_not_add_up_stop_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """A dollar that the marks of one path do not know of, from the fourth session on."""
    market = toy_market(toy_paths(SimulationGrid(n_days=6, warmup_days=1), 4), start_date="2019-03-04")
    verify = Ledger.verify

    def lose(self: Ledger, day: int) -> None:
        verify(self, day)
        if day == 4:
            self.gross_pnl[0, 2] += 1.0

    monkeypatch.setattr(Ledger, "verify", lose)
    with pytest.raises(LedgerError, match=r"path 2, day 4: P&L by source of buy_puts is off by"):
        split(market, BuyPutsConfig(strike=3900.0), n_paths=3)


KEPT = {"level": "summaries", "greek_paths": 25, "greek_every": 7, "sources": True}


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    config = parse_experiment(experiment(keep=KEPT, compute={"block_paths": 10}, costs={}, metrics=["terminal_pnl"]))
    return open_results(run_experiment(config, output=tmp_path_factory.mktemp("sources") / "toy", jobs=1))


def test_what_is_stored_adds_up(results: Results) -> None:
    """Blocks of ten: the measured paths end within the third."""
    data = results.data
    own = data.sel(engine="buy_puts").isel(path=slice(25))
    net = own["engine_pnl"].values - own["engine_cost"].values
    np.testing.assert_allclose(own["engine_source"].sum("source").values, net, rtol=1e-9, atol=1e-6)
    terminal = data["terminal_pnl"].isel(path=slice(25)).values
    np.testing.assert_allclose(data["book_source"].sum("source").values, terminal, rtol=1e-9, atol=1e-6)
    assert float(abs(own["engine_source"].sel(source="interest")).max()) == 0.0
    assert float(abs(data["book_source"].sel(source="interest")).min()) > 0.0
    regimes = [name for name in data["window"].values if name.startswith("vix_") and name != "vix_spike"]
    shared = data["window_engine_source"].sel(window=regimes, engine="buy_puts").sum("window").values
    np.testing.assert_allclose(shared, own["engine_source"].values, rtol=1e-5, atol=0.05)


def test_blocks_change_no_bit_of_what_is_stored(results: Results) -> None:
    config = parse_experiment(experiment(keep=KEPT, compute={"block_paths": 40}, costs={}))
    sources = run_cell(config, Cell(scenario="loud", first_path=0, n_paths=40)).outcomes["far"].sources
    assert sources is not None
    stored = results.data.sel(scenario="loud", strategy="far")
    np.testing.assert_array_equal(stored["engine_source"].sel(engine="buy_puts").values, sources.total[0])
    np.testing.assert_array_equal(stored["book_source"].values, sources.total.sum(axis=0))
    course = sources.course.astype(np.float32).astype(np.float64).mean(axis=-1)
    np.testing.assert_allclose(stored["engine_source_mean"].sel(engine="buy_puts").values, course[0], rtol=1e-6)
    np.testing.assert_array_equal(
        stored["window_engine_source"].sel(engine="buy_puts").values, sources.by_window[:, 0].astype(np.float32)
    )


def test_the_report_shows_them_with_the_premium(results: Results) -> None:
    (section,) = [item for item in make_sections(results) if item.anchor == "sources"]
    assert section_premium == PREMIUM
    assert set(ORDER) == set(NAMES)
    assert len(section.cards) == 4
    table, decay = section.tables
    row = next(row for row in table.rows if row[:2] == ("loud", "far"))
    paths = results.data["engine_source"].sel(scenario="loud", strategy="far", engine="buy_puts")
    premium = float((paths.sel(source="theta") + paths.sel(source="gamma")).mean())
    assert row[3].value == pytest.approx(premium)  # type: ignore[union-attr]
    assert row[-1].value == pytest.approx(float(paths.sum("source").mean()))  # type: ignore[union-attr]
    assert any(row[3] == "vix_20_30" and row[4].value < 0.0 for row in decay.rows)  # type: ignore[union-attr]


def test_every_path_and_the_paths_of_the_explorer_can_be_split(tmp_path_factory: pytest.TempPathFactory) -> None:
    keep = {**KEPT, "greek_paths": -1, "explorer": ["worst"]}
    config = parse_experiment(experiment(keep=keep, compute={"block_paths": 15}))
    every = open_results(run_experiment(config, output=tmp_path_factory.mktemp("sources") / "every", jobs=1))
    data, chosen = every.data, every.table("explorer").sel(pick="worst")
    assert data.sizes["greek_path"] == data.sizes["path"] == config.paths
    terminal = data["terminal_pnl"].values
    np.testing.assert_allclose(data["book_source"].sum("source").values, terminal, rtol=1e-9, atol=1e-6)
    gained = chosen["equity"].values - EXPERIMENT_EQUITY
    np.testing.assert_allclose(chosen["book_source"].sum("source").values, gained, rtol=1e-5, atol=0.1)
    by_engine = chosen["engine_source"].sum(("engine", "source")).values
    interest = chosen["book_source"].sel(source="interest").values
    np.testing.assert_allclose(by_engine + interest, gained, rtol=1e-5, atol=0.1)


def test_more_paths_than_memory_should_hold_are_not_all_measured() -> None:
    with pytest.raises(ConfigError, match=r"keep.greek_paths: measures every path, of 30000; at most 20000 can be"):
        parse_experiment(experiment(keep={"greek_paths": -1}, paths=30_000))


def test_a_split_of_no_paths_is_refused() -> None:
    with pytest.raises(ConfigError, match="sources"):
        parse_experiment(experiment(keep={"greek_paths": 0, "sources": True}))
