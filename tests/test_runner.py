"""A run: what its directory holds, what it refuses, and that a failure leaves nothing half-written."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import xarray as xr

from models.protocols import SimulationGrid, Stream
from sim import open_results, run_experiment
from sim.errors import ConfigError, StorageError
from sim.experiment import parse_experiment
from sim.outcome_reader import RECENT_VARIABLES
from sim.report import write_report
from sim.storage import VARIABLES
from sim.strategies.protocols import DayView, Orders
from sim.windows.courses import COURSES
from tests.toy_experiment import DAYS, EQUITY, PATHS, BuyPuts, ConstantVolatility, experiment, registered
from tests.toy_market import black_scholes

KEEP = {"daily_equity": True, "daily_market": True}


@pytest.fixture(autouse=True)
def _toys() -> Iterator[None]:
    with registered():
        yield


def run(directory: Path, *, overwrite: bool = False, jobs: int = 1, **more: Any) -> Path:
    return run_experiment(parse_experiment(experiment(**more)), output=directory, jobs=jobs, overwrite=overwrite)


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    with registered():
        return run(tmp_path_factory.mktemp("stored") / "toy", keep=KEEP, compute={"block_paths": 16})


def test_results_open_in_xarray_without_the_program(stored: Path) -> None:
    data = xr.load_dataset(stored / "results.h5", engine="h5netcdf")
    assert data["terminal_pnl"].dims == ("scenario", "strategy", "path")
    assert data["daily_equity"].dims == ("scenario", "strategy", "day", "path")
    assert list(data["scenario"].values) == ["flat", "loud"]
    assert list(data["strategy"].values) == ["near", "far"]
    assert (data.sizes["path"], data.sizes["day"]) == (PATHS, DAYS + 1)
    for name in set(data.data_vars):
        assert data[name].attrs["units"], name
        assert data[name].attrs["long_name"], name
    # the run is shorter than three years, its paths are drawn plainly, and P&L by source was not asked for
    sources = {"engine_source", "book_source", "engine_source_mean", "book_source_mean", "window_engine_source"}
    asked = open_results(stored).manifest["config"]["metrics"]
    courses = {f"window_{name}" for name, metric in COURSES.items() if metric not in asked}
    left_out = {"path_weight", "control_value", *RECENT_VARIABLES, *sources, *courses}
    assert set(data.data_vars) == set(VARIABLES) - left_out


def test_what_is_stored_hangs_together(stored: Path) -> None:
    data = open_results(stored).data
    equity = data["daily_equity"].astype(float)
    pnl = equity.isel(day=-1) - equity.isel(day=0)
    np.testing.assert_allclose(pnl.transpose(*data["terminal_pnl"].dims), data["terminal_pnl"], atol=0.1)
    np.testing.assert_allclose(equity.isel(day=0), EQUITY)
    parts = data["engine_pnl"].sum("engine") - data["total_cost"] + data["interest"]
    np.testing.assert_allclose(parts, data["terminal_pnl"], atol=1e-6)
    fan = data["equity_fan"].sel(quantile=0.5)
    np.testing.assert_allclose(fan.transpose(..., "day"), equity.median("path").transpose(..., "day"), rtol=1e-6)
    lowest = equity.min("day")
    np.testing.assert_allclose(data["min_equity"], lowest.transpose(*data["min_equity"].dims), rtol=1e-6)
    examples = data["example_equity"].transpose(..., "day", "example")
    np.testing.assert_array_equal(examples, data["daily_equity"].isel(path=slice(examples.sizes["example"])))


def test_what_is_stored_can_be_worked_out_by_hand(stored: Path) -> None:
    """Three puts of 3900 bought on 2 January 2019 at the close and held to their expiry 21 sessions later."""
    life, quantity, strike, volatility = 21, 3.0, 3900.0, 0.4
    model = ConstantVolatility(volatility=volatility)
    paths = model.simulate(SimulationGrid(n_days=DAYS, warmup_days=60), PATHS, Stream(seed=5))
    days = np.arange(life)[:, None]
    value = black_scholes(paths.spot[60 : 60 + life], volatility, strike, (life - days) / 252, False).price
    data = open_results(stored).data
    cell = data.sel(scenario="loud", strategy="far")
    np.testing.assert_allclose(cell["max_margin"], 100.0 * quantity * value.max(axis=0), rtol=1e-9)
    np.testing.assert_allclose(cell["engine_active"].sel(engine="buy_puts"), life / (DAYS + 1), rtol=1e-6)
    np.testing.assert_array_equal(cell["n_trades"], 1)
    loud = data.sel(scenario="loud")
    np.testing.assert_allclose(loud["start_vix"], 40.0)
    squares = np.diff(np.log(paths.spot[60 : 60 + 22]), axis=0) ** 2
    np.testing.assert_allclose(loud["start_variance"], 252.0 / 21.0 * squares.sum(axis=0), rtol=1e-12)
    curve = 20.0 + 20.0 * np.exp(-5.0 * data["tenor"].values / 252)  # a VIX of 40 on its way to 20
    stored_curve = data["term_structure"].sel(scenario="loud")
    np.testing.assert_allclose(stored_curve, np.broadcast_to(curve, stored_curve.shape), rtol=1e-6)


def test_statistics_are_those_of_the_stored_paths(stored: Path) -> None:
    results = open_results(stored)
    pnl = results.data["terminal_pnl"].sel(scenario="loud", strategy="far").values
    row = results.statistics.sel(scenario="loud", strategy="far", statistic="terminal_pnl_mean")
    error = pnl.std(ddof=1) / np.sqrt(pnl.size)
    assert float(row["estimate"]) == pytest.approx(pnl.mean())
    assert float(row["ci_low"]) == pytest.approx(pnl.mean() - 1.959964 * error)
    assert float(row["ci_high"]) == pytest.approx(pnl.mean() + 1.959964 * error)
    other = results.data["terminal_pnl"].sel(scenario="loud", strategy="near").values
    pair = results.paired.sel(scenario="loud", strategy="far", statistic="terminal_pnl_mean")
    assert float(pair["difference"]) == pytest.approx((pnl - other).mean())
    width = 2 * 1.959964 * (pnl - other).std(ddof=1) / np.sqrt(pnl.size)
    assert float(pair["ci_high"] - pair["ci_low"]) == pytest.approx(width)
    baseline = results.paired.sel(strategy="near")
    assert float(np.abs(baseline["difference"]).max()) == 0.0


def test_every_metric_of_the_experiment_file_has_its_statistics(tmp_path: Path) -> None:
    from typing import get_args

    from sim.config.schema import MetricName
    from sim.metrics.registry import REGISTRY

    names = get_args(MetricName)
    assert set(names) == {statistic.metric for statistic in REGISTRY.values()}
    directory = run(tmp_path / "toy", metrics=list(names))
    results = open_results(directory)
    assert list(results.statistics["statistic"].values) == list(REGISTRY)
    is_known = (results.statistics["note"] == "").values
    np.testing.assert_array_equal(np.isfinite(results.statistics["estimate"].values), is_known)
    unknown = set(results.statistics["statistic"].values[~is_known.all(axis=(0, 1))])
    too_few_paths, no_costs = {"tail_index_loss", "tail_index_drawdown"}, {"break_even_cost", "hedge_break_even_cost"}
    assert unknown == too_few_paths | no_costs
    pnl = results.data["terminal_pnl"].sel(scenario="loud", strategy="far").values
    row = results.statistics["estimate"].sel(scenario="loud", strategy="far")
    assert float(row.sel(statistic="value_at_risk_95")) == pytest.approx(np.quantile(-pnl, 0.95))
    assert float(row.sel(statistic="hedge_cost_per_year")) == 0.0  # a strategy of one engine hedges nothing
    water = results.data["time_under_water"].sel(scenario="loud", strategy="far").values
    assert float(row.sel(statistic="time_under_water_mean")) == pytest.approx(water.mean())
    write_report(directory)


def test_statistics_of_sessions_are_those_of_the_stored_days(tmp_path: Path) -> None:
    metrics = ["returns", "ratios", "recovery", "daily_risk", "monthly_risk"]
    results = open_results(run(tmp_path / "toy", metrics=metrics, keep={"fan": False, "daily_equity": True}))
    cell = results.data.sel(scenario="loud", strategy="far")
    equity = cell["daily_equity"].values.astype(float)
    equity[0] = EQUITY  # the first session bears the costs of the orders before it
    pnl, returns = np.diff(equity, axis=0), equity[1:] / equity[:-1] - 1.0
    rate = np.expm1(float(results.data["short_rate"].sel(scenario="loud")) / 252)
    months = np.diff(equity[::21], axis=0)
    excess = returns - rate
    trough = (1.0 - equity / np.maximum.accumulate(equity, axis=0)).argmax(axis=0)
    never = [equity[t:, p].max() < equity[: t + 1, p].max() for p, t in enumerate(trough)]
    expected = {
        "volatility": np.std(returns) * np.sqrt(252),
        "sharpe_ratio": excess.mean() / np.std(returns) * np.sqrt(252),
        "omega_ratio": excess[excess > 0].sum() / -excess[excess < 0].sum(),
        "daily_value_at_risk_99": -np.quantile(pnl, 0.01, method="inverted_cdf"),
        "monthly_value_at_risk_95": -np.quantile(months, 0.05, method="inverted_cdf"),
        "probability_of_no_recovery": np.mean(never),
    }
    row = results.statistics["estimate"].sel(scenario="loud", strategy="far")
    for name, value in expected.items():
        assert float(row.sel(statistic=name)) == pytest.approx(float(value), rel=6e-3), name


def test_the_manifest_says_how_the_run_was_made(stored: Path) -> None:
    manifest = json.loads((stored / "manifest.json").read_text())
    assert manifest["sha256"]["results.h5"] == sha256((stored / "results.h5").read_bytes()).hexdigest()
    assert manifest["seed"] == 5
    assert (
        parse_experiment(manifest["config"]).model_dump()
        == parse_experiment(experiment(keep=KEEP, compute={"block_paths": 16})).model_dump()
    )
    assert manifest["packages"]["numpy"] == np.__version__
    assert manifest["counts"]["largest_ledger_residual"] < 1e-9
    assert set(manifest["premium"]) == {"flat", "loud"}
    assert str(Path.home()) not in json.dumps(manifest)


def test_results_are_replaced_only_when_told_to(tmp_path: Path) -> None:
    directory = run(tmp_path / "toy")
    before = (directory / "results.h5").read_bytes()
    with pytest.raises(ConfigError, match="holds results already"):
        run(directory, seed=6)
    assert (directory / "results.h5").read_bytes() == before
    run(directory, seed=6, overwrite=True)
    assert (directory / "results.h5").read_bytes() != before
    write_report(directory)
    run(directory, seed=7, overwrite=True)
    assert sorted(item.name for item in directory.iterdir()) == ["manifest.json", "results.h5"]
    (directory / "notes.txt").write_text("mine")
    with pytest.raises(ConfigError, match=r"holds notes.txt, which is no result of a run"):
        run(directory, overwrite=True)
    assert (directory / "notes.txt").read_text() == "mine"
    assert [item.name for item in tmp_path.iterdir()] == ["toy"]


class Breaking(BuyPuts):
    def decide(self, view: DayView) -> Orders:
        if view.t == 75:
            raise ValueError("no bid")
        return super().decide(view)


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_failure_leaves_nothing_and_says_where(tmp_path: Path, jobs: int, monkeypatch: pytest.MonkeyPatch) -> None:
    from sim.strategies import registry

    monkeypatch.setitem(registry.REGISTRY, "buy_puts", Breaking)
    with pytest.raises(ValueError, match="no bid") as caught:
        run(tmp_path / "toy", jobs=jobs)
    (note,) = caught.value.__notes__
    assert re.fullmatch(r"in scenario (flat|loud), paths \d+ to \d+", note)
    assert list(tmp_path.iterdir()) == []


def test_a_failure_keeps_the_results_that_were_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from sim.strategies import registry

    directory = run(tmp_path / "toy")
    before = (directory / "results.h5").read_bytes()
    monkeypatch.setitem(registry.REGISTRY, "buy_puts", Breaking)
    with pytest.raises(ValueError, match="no bid"):
        run(directory, overwrite=True)
    assert (directory / "results.h5").read_bytes() == before
    assert [item.name for item in tmp_path.iterdir()] == ["toy"]


def test_damaged_results_are_refused(tmp_path: Path) -> None:
    directory = run(tmp_path / "toy")
    path = directory / "results.h5"
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(StorageError, match=r"results.h5 cannot be read, it is damaged or incomplete"):
        open_results(directory)
    path.write_bytes(content)
    with h5py.File(path, "r+") as file:
        file.attrs["complete"] = 0
    with pytest.raises(StorageError, match="is not complete"):
        open_results(directory)
    with h5py.File(path, "r+") as file:
        file.attrs["schema_version"] = 99
    with pytest.raises(StorageError, match="schema version 99, this program reads up to"):
        write_report(directory)
    assert not (directory / "report.html").exists()
    with pytest.raises(StorageError, match=r"holds no results.h5"):
        open_results(tmp_path)


def test_results_that_are_not_those_of_the_manifest_are_refused(tmp_path: Path) -> None:
    directory = run(tmp_path / "toy")
    with h5py.File(directory / "results.h5", "r+") as file:
        file["terminal_pnl"][0, 0, 0] += 1.0
    with pytest.raises(StorageError, match="its checksum differs"):
        open_results(directory)


def test_scenarios_may_not_share_random_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sim.cell.stream_number", len)  # "flat" and "loud" have four letters each
    with pytest.raises(ConfigError, match="scenarios flat and loud would share their random numbers"):
        run(tmp_path / "toy")


@pytest.mark.parametrize("is_common", [False, True])
def test_scenarios_share_random_numbers_where_it_is_asked_for(tmp_path: Path, is_common: bool) -> None:
    """Two scenarios that say the same have the same paths then, and paths of their own otherwise."""
    market = {"model": "svcj", "preset": "svcj_index_2018", "start_date": "2019-01-02"}
    tree = experiment(
        scenarios={"one": market, "other": market},
        days=3,
        paths=6,
        common_random_numbers=is_common,
        keep={"fan": False},
    )
    data = open_results(run_experiment(parse_experiment(tree), output=tmp_path / "toy", jobs=1)).data
    assert bool((data["example_spot"][0] == data["example_spot"][1]).all()) is is_common


def test_a_place_that_cannot_be_written_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="cannot be written"):
        run(tmp_path / "file" / "toy")


def test_a_run_that_is_killed_leaves_no_results(tmp_path: Path) -> None:
    """Nothing can clean up after a kill: the final name must still hold nothing, and the next run must work."""
    script = (
        "import json, os, signal, sys\n"
        "from sim import run_experiment\n"
        "from sim.experiment import parse_experiment\n"
        "from tests.toy_experiment import experiment, registered\n"
        "with registered():\n"
        "    config = parse_experiment(experiment(compute={'block_paths': 16}))\n"
        "    kill = lambda done, total: os.kill(os.getpid(), signal.SIGKILL) if done else None\n"
        "    run_experiment(config, output=sys.argv[1], jobs=1, progress=kill)\n"
    )
    directory = tmp_path / "toy"
    root = Path(__file__).parents[1]
    done = subprocess.run([sys.executable, "-c", script, str(directory)], cwd=root, capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    left = [item.name for item in tmp_path.iterdir()]
    assert left
    assert all(name.startswith(".toy.") for name in left)
    assert run(directory, overwrite=True) == directory
    assert open_results(directory).data.sizes["path"] == PATHS


def test_earlier_results_come_back_when_new_ones_cannot_take_their_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = run(tmp_path / "toy")
    before = (directory / "results.h5").read_bytes()
    rename, targets = os.replace, []

    def refuse_once(source: Path, target: Path) -> None:
        targets.append(Path(target))
        if targets.count(directory) == 1 and target == directory:
            raise OSError("no permission")
        rename(source, target)

    monkeypatch.setattr("sim.partial.os.replace", refuse_once)
    with pytest.raises(StorageError, match="cannot be written: no permission"):
        run(directory, seed=6, overwrite=True)
    assert (directory / "results.h5").read_bytes() == before
    assert sorted(item.name for item in tmp_path.iterdir()) == [".toy.partial", "toy"]  # its blocks are not lost
