"""The path explorer's data: which paths, their bits, break-evens, rules and orders, each against another route."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from scipy.optimize import brentq

from sim import open_results, run_experiment
from sim.errors import ConfigError
from sim.experiment import parse_experiment
from sim.explorer.condors import break_evens
from sim.explorer.record import record
from sim.journal import replay
from sim.storage import Results
from tests.toy_experiment import experiment, registered

PATHS, DAYS = 24, 60
ABOVE_30 = {"signal": "vix", "op": ">", "value": 30}
EXPERIMENT: dict[str, Any] = {
    "name": "explored",
    "seed": 3,
    "paths": PATHS,
    "days": DAYS,
    "scenarios": {"jumps": {"model": "svcj", "preset": "svcj_index_2018", "start": {"vix": [24, 40]}}},
    "strategies": {
        "condor": {"engines": [{"engine": "iron_condor"}]},
        "buffered": {"engines": [{"engine": "iron_condor"}, {"engine": "temporal_buffer", "on": ABOVE_30}]},
    },
    "keep": {"fan": False, "example_paths": 3, "journal_paths": [0, 2], "explorer": ["worst", "p25", "best"]},
    "compute": {"jobs": 1, "block_paths": 10},
}


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    output = tmp_path_factory.mktemp("explorer") / "small"
    return open_results(run_experiment(parse_experiment(EXPERIMENT), output=output, jobs=1))


@pytest.fixture(scope="module")
def table(results: Results) -> xr.Dataset:
    return results.table("explorer")


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> xr.Dataset:
    with registered():
        return toy_run(tmp_path_factory.mktemp("explorer") / "toy", jobs=1)


def toy_run(output: Path, *, jobs: int, **more: Any) -> xr.Dataset:
    tree = experiment(keep={"explorer": ["worst", "median"]}, **more)
    return open_results(run_experiment(parse_experiment(tree), output=output, jobs=jobs)).table("explorer")


def test_paths_are_those_of_the_ranks_of_the_first_strategy(results: Results, table: xr.Dataset) -> None:
    assert [str(name) for name in table["pick"].values] == ["worst", "p25", "best", "path 0", "path 2"]
    pnl = results.data["terminal_pnl"].sel(scenario="jumps", strategy="condor").values
    worst, quarter, best, *numbered = (int(number) for number in table["path"].sel(scenario="jumps").values)
    assert pnl[worst] == pnl.min()
    assert pnl[best] == pnl.max()
    assert np.sum(pnl < pnl[quarter]) == int(0.25 * (PATHS - 1))
    assert numbered == [0, 2]


def test_a_path_ends_at_its_stored_bits_under_every_strategy(results: Results, table: xr.Dataset) -> None:
    for pick in table["pick"].values:
        cell = table.sel(scenario="jumps", pick=pick)
        stored = results.data["terminal_pnl"].sel(scenario="jumps").isel(path=int(cell["path"]))
        assert cell["terminal_pnl"].values.tobytes() == stored.values.tobytes()


def test_days_are_those_of_the_example_paths(results: Results, table: xr.Dataset) -> None:
    for pick, example in (("path 0", 0), ("path 2", 2)):
        cell, data = table.sel(scenario="jumps", pick=pick), results.data.sel(scenario="jumps").isel(example=example)
        for name in ("equity", "spot", "vix"):
            np.testing.assert_array_equal(cell[name].values, data[f"example_{name}"].values)
        np.testing.assert_array_equal(cell["curve"].sel(tenor=0).values, cell["vix"].values)


def test_dates_are_those_of_the_journal(table: xr.Dataset) -> None:
    journal = replay(parse_experiment(EXPERIMENT), "jumps", "condor", 0)
    found = table["date"].sel(scenario="jumps").values.astype("datetime64[D]").astype(str)
    assert found.tolist() == [day.date for day in journal.days]


def test_equity_is_what_engines_and_interest_made_of_the_account(results: Results, table: xr.Dataset) -> None:
    cell = table.sel(scenario="jumps", pick="path 2")
    interest = results.data["interest"].sel(scenario="jumps").isel(path=2)
    for strategy in ("condor", "buffered"):
        made = np.nansum(cell["engine_pnl"].sel(strategy=strategy).values, axis=0)
        rest = cell["equity"].sel(strategy=strategy).values - 1_000_000.0 - made
        assert rest[-1] == pytest.approx(float(interest.sel(strategy=strategy)), abs=0.5)  # float32 of a million
        assert np.diff(rest).min() > -0.2
    assert np.isnan(cell["engine_pnl"].sel(strategy="condor", engine="temporal_buffer")).all()


def test_margin_peaks_where_the_run_says_so(results: Results, table: xr.Dataset) -> None:
    for pick in ("worst", "path 0"):
        cell = table.sel(scenario="jumps", pick=pick)
        stored = results.data["max_margin"].sel(scenario="jumps").isel(path=int(cell["path"]))
        for strategy in ("condor", "buffered"):
            largest = float(cell["margin"].sel(strategy=strategy).max())
            assert 0.0 < largest <= float(stored.sel(strategy=strategy)) * (1.0 + 1e-6)
        assert float(cell["margin"].sel(strategy="condor").max()) == pytest.approx(
            float(stored.sel(strategy="condor")), rel=1e-6
        )


def test_a_rule_is_marked_where_its_conditions_hold(table: xr.Dataset) -> None:
    name = "buffered/temporal_buffer/on"
    assert name in [str(rule) for rule in table["rule"].values]
    assert str(table["formula"].sel(rule=name).values) == "vix > 30"
    held = table["rule_held"].sel(rule=name, scenario="jumps").values
    vix = table["signal_value"].sel(signal="vix", scenario="jumps").values
    assert held[:, :-1].any()
    assert not held[:, -1].any()  # nothing is decided on the last session
    np.testing.assert_array_equal(held[:, :-1] == 1, vix[:, :-1] > 30.0)
    np.testing.assert_array_equal(vix, table["vix"].sel(scenario="jumps").values)


def test_orders_are_those_of_the_journal(table: xr.Dataset) -> None:
    journal = replay(parse_experiment(EXPERIMENT), "jumps", "buffered", 2)
    entries = [entry for entry in journal.entries if entry.is_order]
    orders = json.loads(str(table["trades"].sel(scenario="jumps", pick="path 2", strategy="buffered").values))["orders"]
    assert len(orders) == len(entries) > 10
    for order, entry in zip(orders, entries, strict=True):
        for key in ("session", "engine", "action", "reason"):
            assert order[key] == getattr(entry, key)
        assert order["cash"] == pytest.approx(entry.cash, abs=0.0051)
        assert [leg[3:5] for leg in order["legs"]] == [[leg.strike, leg.quantity] for leg in entry.legs]


def test_lives_begin_and_end_with_the_orders_and_break_even_beside_the_sold_strikes(table: xr.Dataset) -> None:
    text = str(table["trades"].sel(scenario="jumps", pick="path 2", strategy="condor").values)
    orders, lives = (json.loads(text)[key] for key in ("orders", "lives"))
    opened = [order for order in orders if order["action"] == "open"]
    assert len(lives) == len(opened) > 5
    for life, order in zip(lives, opened, strict=True):
        strikes = [leg[3] for leg in order["legs"]]
        assert (life["opened"], life["puts"], life["calls"]) == (order["session"], strikes[:2], strikes[2:])
        credit = sum(-np.sign(leg[4]) * leg[5] for leg in order["legs"])  # prices hold costs, mids lie above
        assert life["low"] == pytest.approx(strikes[1] - credit, abs=1.5)
        assert life["high"] == pytest.approx(strikes[2] + credit, abs=1.5)
        end = [other["session"] for other in orders if other["action"] in ("close", "settle")]
        assert life["closed"] == -1 or life["closed"] in end


@pytest.mark.parametrize(
    ("strike", "quantity", "is_call", "value", "expected"),
    [
        ([90.0, 95.0, 105.0, 110.0], [1, -1, -1, 1], [0, 0, 1, 1], -1.5, [93.5, 106.5]),  # 95 - 1.5, 105 + 1.5
        ([90.0, 95.0], [1, -1], [0, 0], -2.0, [93.0]),
        ([100.0], [1], [1], 4.0, [104.0]),
        ([100.0, 110.0], [1, -2], [1, 1], 2.0, [102.0, 118.0]),
        ([90.0, 95.0], [1, -1], [0, 0], -6.0, []),  # more credit than the spread can lose
    ],
)
def test_break_evens_by_hand(
    strike: list[float], quantity: list[float], is_call: list[int], value: float, expected: list[float]
) -> None:
    found = break_evens(np.array(strike), np.array(quantity, dtype=float), np.array(is_call, dtype=bool), value)
    assert found == pytest.approx(expected)


def test_break_evens_of_random_positions_are_roots_of_the_payoff() -> None:
    rng, found = np.random.default_rng(5), 0
    for _ in range(200):
        n = int(rng.integers(1, 5))
        strike = np.sort(rng.choice(np.arange(50.0, 150.0, 5.0), n, replace=False))
        quantity, is_call, value = (
            rng.integers(-3, 4, n).astype(float),
            rng.random(n) < 0.5,
            float(rng.normal(0.0, 8.0)),
        )

        def profit(level: float) -> float:
            legs = np.where(is_call, np.maximum(level - strike, 0.0), np.maximum(strike - level, 0.0))  # noqa: B023
            return float(quantity @ legs) - value  # noqa: B023

        for level in break_evens(strike, quantity, is_call, value):
            found += 1
            near = (
                brentq(profit, level - 1e-3, level + 1e-3) if profit(level - 1e-3) * profit(level + 1e-3) < 0 else level
            )
            assert profit(level) == pytest.approx(0.0, abs=1e-9)
            assert near == pytest.approx(level, abs=1e-6)
    assert found > 100


def test_neither_jobs_nor_blocks_change_a_bit(toy: xr.Dataset, tmp_path: Path) -> None:
    with registered():
        again = toy_run(tmp_path / "again", jobs=2, compute={"block_paths": 7})
    assert list(again.variables) == list(toy.variables)
    for name in toy.variables:
        one, other = toy[name].values, again[name].values
        assert one.tolist() == other.tolist() if one.dtype == object else one.tobytes() == other.tobytes()


def test_nothing_is_run_again_where_nothing_is_asked_for(tmp_path: Path) -> None:
    with registered():
        run = open_results(run_experiment(parse_experiment(experiment()), output=tmp_path / "toy", jobs=1))
    assert not run.has_table("explorer")


def test_an_unknown_path_is_named() -> None:
    with registered(), pytest.raises(ConfigError, match=r"keep\.explorer.*p00"):
        parse_experiment(experiment(keep={"explorer": ["worst", "p00"]}))


def test_paths_run_together_are_those_run_alone() -> None:
    """Chosen in any order and company, one beside itself too."""
    config = parse_experiment(EXPERIMENT)
    together = record(config, "jumps", (7, 2, 20, 21))
    for path, mine in zip((7, 2), together, strict=False):
        (alone,) = record(config, "jumps", (path,))
        for name in ("equity", "engine_pnl", "rules", "terminal_pnl"):
            assert getattr(mine, name).tobytes() == getattr(alone, name).tobytes()
        np.testing.assert_allclose(mine.margin, alone.margin, rtol=1e-12)  # tranches are added up in groups
        assert mine.trades == alone.trades
        assert all(mine.market[name].tobytes() == alone.market[name].tobytes() for name in mine.market)
