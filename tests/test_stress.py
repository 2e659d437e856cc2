"""Stress scripts in experiments: how they are named, what they do to a market and a book, and who may know of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import pytest

from sim.cell import Cell, CellResult, cell_market, run_cell
from sim.config import EngineConfig, ExperimentConfig
from sim.config.stress import ShockConfig, StressConfig
from sim.contracts import Product
from sim.errors import ConfigError
from sim.experiment import experiment_schema, load_experiment, parse_experiment
from sim.runner import run_experiment
from sim.storage import open_results
from sim.strategies import registry as engine_registry
from sim.strategies.protocols import DayView, Open, Orders
from sim.stress import load_script, script_names
from sim.stress_run import LEGS
from tests.toy_experiment import experiment, registered
from tests.toy_market import black_scholes

ROWS: list[dict[str, Any]] = [
    {"spx_return": -0.06, "vix": 45.0, "spread": 3.0},
    {"spx_shock": -0.02, "vix_points": 5.0, "fill": {"spx_option": 0.0}},
    {"note": "a rest"},
    {"sessions": 5, "spx_return": 0.04, "vix": 25.0},
]
FIRST, LAST = 10, 17
BOOK = [{"engine": "iron_condor"}, {"engine": "layer1_call_spread"}, {"engine": "ratio_backspread"}]


@pytest.fixture(autouse=True)
def _toys() -> Iterator[None]:
    with registered():
        yield


def scenario(**more: Any) -> dict[str, Any]:
    return {"model": "constant_volatility", "parameters": {"volatility": 0.2}, "start_date": "2019-01-02", **more}


def script(rows: list[dict[str, Any]] | None = None, **more: Any) -> dict[str, Any]:
    return {"first_session": FIRST, "aftermath": 4, "sessions": rows or ROWS, **more}


def config_with(stress: Any, **more: Any) -> ExperimentConfig:
    tree = experiment(days=30, scenarios={"one": scenario(**({} if stress is None else {"stress": stress}))})
    return parse_experiment({**tree, **more})


def run_one(stress: Any, n_paths: int = 6, **more: Any) -> CellResult:
    return run_cell(config_with(stress, **more), Cell(scenario="one", first_path=0, n_paths=n_paths))


# files


def written(folder: Path, text: str) -> Path:
    path = folder / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    return path


FILE = """\
name: mine
days: 40
scenarios:
  one: {model: svcj, preset: svcj_index_2018, stress: STRESS}
strategies:
  condor: {engines: [{engine: iron_condor}]}
"""


def test_a_shipped_script_is_named(tmp_path: Path) -> None:
    config = load_experiment(written(tmp_path, FILE.replace("STRESS", "spike_2024")))
    assert config.scenarios["one"].stress == load_script("spike_2024")


def test_a_script_of_the_user_lies_beside_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "fall.yaml").write_text("sessions: [{spx_return: -0.1, vix: 50}]\n", encoding="utf-8")
    monkeypatch.chdir("/")
    stress = load_experiment(written(tmp_path, FILE.replace("STRESS", "fall.yaml"))).scenarios["one"].stress
    assert stress is not None
    assert stress.sessions == (ShockConfig(spx_return=-0.1, vix=50.0),)


def test_a_section_changes_a_script(tmp_path: Path) -> None:
    text = FILE.replace("STRESS", "{script: spike_2024, first_session: 5, carried_by: fast}")
    stress = load_experiment(written(tmp_path, text)).scenarios["one"].stress
    assert stress == load_script("spike_2024").model_copy(update={"first_session": 5, "carried_by": "fast"})


@pytest.mark.parametrize(
    ("stress", "message"),
    [
        (
            "spike_2042",
            "mine.yaml:4: scenarios.one.stress: got 'spike_2042'; must be one of .*did you mean 'spike_2024'",
        ),
        ("none.yaml", "no such file beside the experiment"),
        (
            "{script: spike_2024, first_session: 0}",
            "mine.yaml:4: scenarios.one.stress.first_session: got 0; must be >= 1",
        ),
        ("{script: bear_2022}", "script ends on session 197, after the last of 40 days; days must be >= 197"),
        ("{sessions: []}", "sessions: got .*; must be at least 1 items long"),
        ("{sessions: [{spx_return: -0.1, spx_shock: 0.1}]}", "spx_shock: got 0.1; must be left out where spx_return"),
        ("{sessions: [{sessions: 3, vix_points: 4}]}", "vix_points: got 4; must be left out over several sessions"),
        ("{sessions: [{spx_shock: 0.1}, {spx_level: 0.9}]}", "item 1: spx_level needs spx_return or spx_level"),
        ("{sessions: [{fill: 1.5}]}", "must be <= 1"),
        ("{sessions: [{spread: {vix_options: 2}}]}", "vix_option"),
        ("{sessions: [{vxi: 30}]}", "unknown key; must be one of .*did you mean 'vix'"),
        ("[1, 2]", "must be a mapping"),
    ],
)
def test_faults_name_file_line_and_remedy(tmp_path: Path, stress: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_experiment(written(tmp_path, FILE.replace("STRESS", stress)))


def test_faults_of_a_script_name_its_own_line(tmp_path: Path) -> None:
    (tmp_path / "bad.yaml").write_text("name: bad\nsessions:\n  - {spx_return: -0.1}\n  - {vix: 3}\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"bad.yaml:4: scenarios.one.stress.sessions.1.vix: got 3; must be >= 5"):
        load_experiment(written(tmp_path, FILE.replace("STRESS", "bad.yaml")))
    (tmp_path / "bad.yaml").write_text("- 1\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"bad\.yaml must be a mapping"):
        load_experiment(written(tmp_path, FILE.replace("STRESS", "bad.yaml")))


@pytest.mark.parametrize("name", script_names())
def test_shipped_scripts_say_what_they_are(name: str) -> None:
    stress = load_script(name)
    assert stress.name == name
    assert stress.meaning
    assert stress.source
    assert all(row.note for row in stress.sessions)
    assert stress.last_session <= 252


def grown(name: str, first: int, stop: int) -> float:
    rows = load_script(name).sessions[first:stop]
    return float(np.prod([1.0 + (row.spx_return or 0.0) for row in rows]))


def test_scripts_compound_to_known_index_levels() -> None:
    # closes of the SPX: 13, 19 and 26 October 1987; 19 February and 23 March 2020; 31 July and 13 August 2024;
    # year ends and September 2022
    assert grown("crash_1987", 0, 4) == pytest.approx(224.84 / 314.52, abs=2e-4)
    assert grown("crash_1987", 0, 9) == pytest.approx(227.67 / 314.52, abs=2e-4)
    assert grown("crash_2020", 0, 23) == pytest.approx(2237.40 / 3386.15, abs=3e-3)
    assert grown("spike_2024", 0, 9) == pytest.approx(5434.43 / 5522.30, abs=2e-3)
    assert grown("bear_2022", 0, 9) == pytest.approx(3585.62 / 4766.18, abs=2e-3)
    # wrong partner: a day too few
    assert abs(grown("crash_2020", 0, 22) - 2237.40 / 3386.15) > 0.01


def test_february_2018_is_that_of_the_history() -> None:
    from sim.history import default_history

    history = default_history()
    for row in load_script("volmageddon_2018").sessions:
        i = int(np.flatnonzero(history.dates == np.datetime64(row.note))[0])
        assert row.spx_return == pytest.approx(history.spx_close[i] / history.spx_close[i - 1] - 1.0, abs=6e-4)
        assert row.vix == pytest.approx(history.vix_close[i], abs=0.06)


# what a script does


def test_closes_openings_and_trading_are_those_of_the_script() -> None:
    rows = [{**ROWS[0], "spx_gap": -0.03, "vix_open": 33.0}, *ROWS[1:]]
    market, _, _ = cell_market(config_with(script(rows)), Cell(scenario="one", first_path=0, n_paths=6))
    own, _, _ = cell_market(config_with(None), Cell(scenario="one", first_path=0, n_paths=6))
    t = market.day0 + FIRST
    np.testing.assert_allclose(market.spot(t) / market.spot(t - 1), 0.94, rtol=1e-12)
    np.testing.assert_allclose(market.vix(t), 45.0, rtol=1e-9)
    np.testing.assert_allclose(market.vix(t + 1), 50.0, rtol=1e-9)
    np.testing.assert_allclose(market.spot(t + 7) / market.spot(t + 2), 1.04, rtol=1e-12)
    np.testing.assert_allclose(market.vix(t + 7), 25.0, rtol=1e-9)
    assert market.given.friction(t).widening_of(Product.VIX_FUTURE) == 3.0
    assert market.given.friction(t + 1).fill_of(Product.SPX_OPTION) == 0.0
    assert market.given.friction(t + 1).fill_of(Product.VIX_OPTION) == 1.0
    assert market.given.spx_gap[t] == pytest.approx(np.log(0.97))
    assert market.given.vix_open == {t: 33.0}
    np.testing.assert_array_equal(market.paths.spot[: own.day0 + 1], own.paths.spot[: own.day0 + 1])


def test_levels_are_those_of_returns() -> None:
    levels = [{"spx_level": 0.9}, {"spx_level": 0.95}, {"sessions": 3, "spx_level": 0.8}]
    market, _, _ = cell_market(config_with(script(levels)), Cell(scenario="one", first_path=0, n_paths=3))
    before = market.spot(market.day0 + FIRST - 1)
    for after, level in ((0, 0.9), (1, 0.95), (4, 0.8)):
        np.testing.assert_allclose(market.spot(market.day0 + FIRST + after) / before, level, rtol=1e-12)


def test_with_event_jumps_closes_are_still_those_of_the_script() -> None:
    rows = [{"spx_return": -0.01, "vix": 30.0}] * 20
    config = config_with(script(rows), market={"events": {}})
    market, _, _ = cell_market(config, Cell(scenario="one", first_path=0, n_paths=4))
    assert market.risk is not None
    part = slice(market.day0 + FIRST, market.day0 + FIRST + 20)
    assert market.risk.std_q[part].max() > 0.0
    np.testing.assert_allclose(market.vix_series[part], 30.0, rtol=1e-9)
    move = market.spot_series[part] / market.spot_series[part.start - 1 : part.stop - 1]
    np.testing.assert_allclose(move, 0.99, rtol=1e-12)


def test_p_and_l_by_leg_is_that_of_prices() -> None:
    result = run_one(script())
    market, _, _ = cell_market(config_with(script()), Cell(scenario="one", first_path=0, n_paths=6))
    stress = result.outcomes["near"].stress
    t, last = market.day0 + FIRST - 1, market.day0 + LAST
    expiry = next(int(e) for e in market.expiries.spx_weekly if market.calendar.days_between(market.day0, e) >= 30)
    assert expiry > last

    def put(day: int) -> Any:
        state = np.sqrt(market.state(day)[0])
        return black_scholes(market.spot(day), state, 4000.0, (expiry - day) / 252, False).price

    leg = LEGS.index("spx_option_put_long")
    np.testing.assert_allclose(stress["leg_pnl"][0, leg], 100.0 * (put(last) - put(t)), rtol=1e-9)
    assert np.abs(np.delete(stress["leg_pnl"], leg, axis=1)).max() == 0.0
    # the partner that starts a day late is something else
    assert np.abs(stress["leg_pnl"][0, leg] / (100.0 * (put(last) - put(t + 1))) - 1.0).min() > 0.01


def book(stress: Any, **more: Any) -> CellResult:
    strategies = {"near": {"engines": BOOK}}
    return run_one(stress, n_paths=8, strategies=strategies, costs={}, keep={"daily_equity": True}, **more)


def test_legs_costs_and_interest_add_up_to_the_equity() -> None:
    stress = book(script()).outcomes["near"].stress
    change = stress["equity"][LAST - FIRST + 1] - stress["equity"][0]
    parts = stress["leg_pnl"].sum(axis=(0, 1)) - stress["engine_cost"].sum(axis=0) + stress["interest"]
    np.testing.assert_allclose(parts, change, atol=1e-6)
    assert np.abs(change).min() > 100.0
    used = {LEGS[i] for i in np.flatnonzero(np.abs(stress["leg_pnl"]).sum(axis=(0, 2)))}
    assert {"spx_option_put_short", "spx_option_put_long", "spx_option_call_short", "spx_option_call_long"} <= used


class SellFuturesConfig(EngineConfig):
    """Sell VIX futures once, more on every path."""

    engine: Literal["sell_futures"] = "sell_futures"


class SellFutures:
    config_type: ClassVar[type[EngineConfig]] = SellFuturesConfig
    required_signals: ClassVar[tuple[str, ...]] = ()

    def __init__(self, config: SellFuturesConfig, n_paths: int) -> None:
        self.is_done = False

    def decide(self, view: DayView) -> Orders:
        if self.is_done:
            return Orders()
        self.is_done = True
        lots = np.arange(1.0, view.n_paths + 1.0)
        return Orders(opens=[Open(contracts=view.future(view.vix_expiry(2)), quantity=np.array([-lots]))])


def test_margin_and_broken_days_are_those_of_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Futures sold on day 0, from 1 to 14: a spike of the VIX calls some accounts, and ruins others at once."""
    monkeypatch.setitem(engine_registry.REGISTRY, "sell_futures", SellFutures)
    rows = [{"vix": 55.0}, {"vix": 80.0}]
    account, strategies = {"initial_equity": 200_000.0}, {"near": {"engines": [{"engine": "sell_futures"}]}}
    result = run_one(script(rows), n_paths=14, strategies=strategies, account=account)
    market, _, _ = cell_market(config_with(script(rows)), Cell(scenario="one", first_path=0, n_paths=14))
    outcome, stress = result.outcomes["near"], result.outcomes["near"].stress
    t, lots = market.day0, 1.0 + np.arange(14)
    expiry, table = market.front_vix_expiry(t, 2), ([10, 15, 20, 30, 50, 80], [5e3, 7e3, 9e3, 14e3, 24e3, 40e3])

    def future(day: int) -> Any:
        return market.vix_future(t + day, expiry)

    def left(day: int) -> Any:
        return 200_000.0 - 1000.0 * lots * (future(day) - future(0))

    # by hand, but for costs and interest, which are small: paths that are still in lose what the futures gain
    assert (left(FIRST - 1) > lots * np.interp(future(FIRST - 1), *table)).all()
    is_ruined = left(FIRST) <= 0.0
    is_called = ~is_ruined & (left(FIRST) < lots * np.interp(future(FIRST), *table))
    is_called_later = ~is_ruined & ~is_called & (left(FIRST + 1) < lots * np.interp(future(FIRST + 1), *table))
    np.testing.assert_array_equal(stress["ruin"], np.where(is_ruined, FIRST, -1))
    np.testing.assert_array_equal(
        stress["first_margin_call"], np.where(is_called, FIRST, np.where(is_called_later, FIRST + 1, -1))
    )
    assert min(is_ruined.sum(), is_called.sum(), is_called_later.sum(), (stress["first_margin_call"] < 0).sum()) > 0
    np.testing.assert_allclose(stress["margin"][0], lots * np.interp(future(FIRST - 1), *table), rtol=1e-12)
    gone = is_ruined | is_called
    np.testing.assert_array_equal(stress["worst_session"][gone], FIRST)
    change = np.diff(outcome.equity, axis=0)[FIRST - 1 : FIRST + 1 + 4]
    np.testing.assert_allclose(stress["worst_session_pnl"], change.min(axis=0))
    np.testing.assert_array_equal(stress["worst_session"], FIRST + change.argmin(axis=0))
    np.testing.assert_array_equal(stress["margin"][3:, gone], 0.0)


def test_nobody_knows_the_script() -> None:
    """Whatever a script does later, equity and margin up to the day before are the same to the last bit."""
    other = [
        *ROWS[:2],
        {"spx_return": 0.08, "vix": 12.0},
        {"sessions": 5, "spx_return": -0.3, "vix": 90.0, "fill": 0.0},
    ]
    one, two = book(script()), book(script(other))
    first = FIRST + 2  # the first session on which the two differ
    for a, b in ((one.outcomes["near"], two.outcomes["near"]),):
        np.testing.assert_array_equal(a.equity[:first], b.equity[:first])
        np.testing.assert_array_equal(a.stress["margin"][: first - FIRST + 1], b.stress["margin"][: first - FIRST + 1])
        assert np.abs(a.equity[first] - b.equity[first]).min() > 1.0


def test_wide_spreads_cost_more_and_without_trading_nothing_changes_hands() -> None:
    calm = [{"spx_return": -0.05, "vix": 35.0}] * 3
    wide = [{**row, "spread": 4.0} for row in calm]
    shut = [{**row, "fill": 0.0} for row in calm]
    cost = {
        name: book(script(rows)).outcomes["near"].stress["engine_cost"]
        for name, rows in (("calm", calm), ("wide", wide), ("shut", shut))
    }
    assert (cost["wide"].sum(axis=0) > 1.5 * cost["calm"].sum(axis=0)).any()
    np.testing.assert_array_equal(cost["shut"], 0.0)


# results


@pytest.mark.slow
def test_results_hold_what_happened_whatever_the_blocks(tmp_path: Path) -> None:
    tree = experiment(
        days=30,
        paths=8,
        scenarios={
            "shocked": scenario(stress=script()),
            "free": scenario(),
            "later": scenario(stress=script(ROWS[:1])),
        },
        strategies={"a": {"engines": [{"engine": "buy_puts", "strike": 4000.0}]}, "b": {"engines": BOOK[:2]}},
    )
    tables = []
    for size in (8, 3):
        config = parse_experiment({**tree, "compute": {"block_paths": size, "jobs": 1}})
        results = open_results(run_experiment(config, output=tmp_path / str(size)))
        tables.append(results.table("stress"))
    for name in tables[0].variables:
        np.testing.assert_array_equal(tables[0][name].values, tables[1][name].values)
    table = tables[0]
    assert list(table["scenario"].values) == ["shocked", "later"]
    shocked = table.sel(scenario="shocked", strategy="b")
    change = (shocked["equity"].isel(stress_day=LAST - FIRST + 1) - shocked["equity"].isel(stress_day=0)).values
    parts = shocked["leg_pnl"].sum(("engine", "leg")) - shocked["engine_cost"].sum("engine") + shocked["interest"]
    np.testing.assert_allclose(parts.values, change, atol=0.5)
    np.testing.assert_allclose(table["vix"].sel(scenario="shocked").isel(stress_day=1).values, 45.0, rtol=1e-6)
    # the shorter script has no values beyond its aftermath; an engine that a strategy lacks has none at all
    assert np.isnan(table["vix"].sel(scenario="later").isel(stress_day=slice(6, None)).values).all()
    assert np.isnan(table["engine_cost"].sel(strategy="b", engine="buy_puts").values).all()
    assert np.isfinite(table["engine_cost"].sel(strategy="b", engine="iron_condor").values).all()


def test_without_a_script_there_is_no_group(tmp_path: Path) -> None:
    config = parse_experiment({**experiment(days=20, paths=3), "compute": {"jobs": 1}})
    results = open_results(run_experiment(config, output=tmp_path / "none"))
    assert not results.has_table("stress")


def test_the_resolved_script_makes_the_same_experiment(tmp_path: Path) -> None:
    config = load_experiment(written(tmp_path, FILE.replace("STRESS", "volmageddon_2018")))
    again = parse_experiment(config.model_dump(mode="json"))
    assert again == config
    assert isinstance(again.scenarios["one"].stress, StressConfig)


def test_the_schema_knows_scripts_by_name() -> None:
    schema = experiment_schema()
    stress = schema["$defs"]["ScenarioConfig"]["properties"]["stress"]["anyOf"]
    assert [branch["examples"] for branch in stress if branch.get("type") == "string"] == [list(script_names())]
    assert "script" in schema["$defs"]["StressConfig"]["properties"]
    assert "required" not in schema["$defs"]["StressConfig"]
