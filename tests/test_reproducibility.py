"""The same seed gives the same bits, however the work is cut, spread and ordered."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

from sim import open_results, run_experiment
from sim.cell import stream_number
from sim.experiment import parse_experiment
from sim.storage import Results

SVCJ = {"model": "svcj", "preset": "svcj_index_2018"}
CALM = {**SVCJ, "start": {"state": [0.015]}}
STRESS = {**SVCJ, "start": {"state": [1.2]}}  # beyond the end of the price tables: their counter must add up too
GARCH = {"model": "heston_nandi", "preset": "heston_nandi_index_2018", "start": {"state": [0.02]}}

CONDOR = {"engines": [{"engine": "iron_condor"}]}
HEDGED = {"engines": [{"engine": "iron_condor"}, {"engine": "layer1_call_spread"}]}

PATHS, DAYS, BLOCK = 120, 30, 40

Run = Callable[..., Results]


def experiment(**more: Any) -> dict[str, Any]:
    return {
        "name": "small",
        "seed": 7,
        "paths": PATHS,
        "days": DAYS,
        "scenarios": {"calm": CALM, "stress": STRESS},
        "strategies": {"condor": CONDOR, "hedged": HEDGED},
        "metrics": ["terminal_pnl", "returns", "recovery", "hedge", "daily_risk", "monthly_risk"],
        "keep": {"daily_equity": True, "explorer": []},
        "compute": {"block_paths": BLOCK, "jobs": 1},
        **more,
    }


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    def start(*, jobs: int = 1, backend: str = "loky", **more: Any) -> Results:
        output = tmp_path_factory.mktemp("runs") / "small"
        return open_results(
            run_experiment(parse_experiment(experiment(**more)), output=output, jobs=jobs, backend=backend)
        )

    return start


@pytest.fixture(scope="module")
def reference(run: Run) -> Results:
    return run()


def arrays(results: Results) -> Iterator[tuple[str, xr.DataArray]]:
    groups = {name: getattr(results, name) for name in ("data", "statistics", "paired", "windows", "windows_paired")}
    for group, table in groups.items():
        for name in (*table.coords, *table.data_vars):
            yield f"{group}/{name}", table[name]


def differing(first: Results, second: Results) -> list[str]:
    """Names of the variables that are not the same, bit by bit."""
    one, other = dict(arrays(first)), dict(arrays(second))
    assert list(one) == list(other)
    return [
        name
        for name, array in one.items()
        if array.dims != other[name].dims or array.values.tobytes() != other[name].values.tobytes()
    ]


def bits(data: xr.DataArray) -> bytes:
    return data.values.tobytes()


def test_the_reference_run_is_worth_comparing(reference: Results) -> None:
    data = reference.data
    assert int(data["n_trades"].min()) > 0
    assert float(data["engine_active"].sel(strategy="hedged", engine="layer1_call_spread").max()) > 0.0
    assert len(np.unique(data["terminal_pnl"].sel(scenario="calm", strategy="condor"))) == PATHS
    assert reference.manifest["counts"]["state_clamps"] > 0
    assert float(reference.windows["estimate"].sel(statistic="session_share").max()) > 0.5
    assert np.isfinite(reference.windows["engine_correlation"].sel(engine="iron_condor", strategy="hedged")).any()
    curve = data["term_structure"].sel(moment="last day")
    np.testing.assert_array_equal(curve.sel(tenor=0), data["vix_fan"].isel(day=-1))
    assert float(curve.sel(scenario="calm").diff("quantile").min()) > 0.0


@pytest.mark.parametrize(
    ("jobs", "backend", "block_paths"),
    [
        pytest.param(1, "loky", PATHS, id="one block", marks=pytest.mark.slow),
        pytest.param(2, "loky", BLOCK, id="processes", marks=pytest.mark.slow),
        pytest.param(2, "loky", 37, id="processes and odd blocks"),
        pytest.param(2, "threading", BLOCK, id="threads"),
    ],
)
def test_neither_jobs_nor_blocks_nor_backend_matter(
    run: Run, reference: Results, jobs: int, backend: str, block_paths: int
) -> None:
    again = run(jobs=jobs, backend=backend, compute={"block_paths": block_paths})
    assert differing(again, reference) == []
    counts, expected = (dict(results.manifest["counts"]) for results in (again, reference))
    if block_paths != BLOCK:  # look-ups are counted, and a block looks up what any of its paths needs
        assert counts.pop("state_clamps") > 0
        del expected["state_clamps"]
    assert counts == expected


def test_threads_do_not_count_each_others_lookups(run: Run) -> None:
    """Blocks of one scenario share its tables in threads; what each counts must stay its own."""
    short = {"scenarios": {"stress": STRESS}, "days": 10, "compute": {"block_paths": 25}}
    alone, together = run(**short), run(jobs=2, backend="threading", **short)
    assert alone.manifest["counts"]["state_clamps"] > 0
    assert together.manifest["counts"] == alone.manifest["counts"]


def test_another_seed_gives_other_numbers(run: Run, reference: Results) -> None:
    other = run(seed=8)
    first, second = reference.data["terminal_pnl"], other.data["terminal_pnl"]
    assert not np.isin(second.values, first.values).any()
    assert {"data/terminal_pnl", "data/example_spot", "statistics/estimate"} <= set(differing(other, reference))
    for scenario in ("calm", "stress"):
        one, two = (x.sel(scenario=scenario, strategy="condor").values for x in (first, second))
        assert abs(np.corrcoef(one, two)[0, 1]) < 4.0 / np.sqrt(PATHS)


@pytest.mark.parametrize(
    "scenarios",
    [
        pytest.param({"stress": STRESS, "calm": CALM}, id="swapped"),
        pytest.param({"new": GARCH, "calm": CALM, "stress": STRESS}, id="one more", marks=pytest.mark.slow),
        pytest.param({"calm": CALM}, id="one less", marks=pytest.mark.slow),
    ],
)
def test_a_scenario_does_not_hang_on_its_company(run: Run, reference: Results, scenarios: dict[str, Any]) -> None:
    other = run(scenarios=scenarios)
    assert [str(name) for name in other.data["scenario"].values] == list(scenarios)
    for table in ("data", "statistics", "paired"):
        one, two = getattr(reference, table), getattr(other, table)
        for scenario in {"calm", "stress"} & set(scenarios):
            for name in (name for name in one.data_vars if "scenario" in one[name].dims):
                assert bits(one[name].sel(scenario=scenario)) == bits(two[name].sel(scenario=scenario)), name


def test_a_strategy_does_not_hang_on_its_company(run: Run, reference: Results) -> None:
    alone = run(strategies={"condor": CONDOR})
    for name in ("terminal_pnl", "max_drawdown", "total_cost", "max_margin", "n_trades", "daily_equity", "equity_fan"):
        assert bits(alone.data[name]) == bits(reference.data[name].sel(strategy=["condor"])), name


def test_more_paths_keep_the_first_ones(run: Run, reference: Results) -> None:
    more = run(paths=PATHS + 30)
    for name in ("terminal_pnl", "daily_equity"):
        assert bits(more.data[name].isel(path=slice(PATHS))) == bits(reference.data[name]), name


def test_scenarios_of_one_model_have_numbers_of_their_own(run: Run) -> None:
    """Two names for one market: the same law, other paths."""
    twins = run(scenarios={"calm": CALM, "twin": CALM})
    pnl = twins.data["terminal_pnl"].sel(strategy="condor")
    assert not np.isin(pnl.sel(scenario="calm").values, pnl.sel(scenario="twin").values).any()
    names = [f"scenario_{i}" for i in range(40)]
    assert len({stream_number(name) for name in names}) == 40
    assert all(0 <= stream_number(name) < 2**32 for name in names)


def test_the_configuration_in_the_manifest_repeats_the_run(reference: Results, tmp_path: Path) -> None:
    config = parse_experiment(reference.manifest["config"])
    again = open_results(run_experiment(config, output=tmp_path / "again"))
    assert differing(again, reference) == []
    assert again.manifest["config"] == reference.manifest["config"]
