"""Sensitivity studies of functions whose indices are known, through the code that evaluates experiments."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from math import pi
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

from sim.errors import ConfigError, StorageError
from sim.metrics.estimate import SampleDesign, mean
from sim.report.sensitivity import render_study, write_study_report
from sim.sensitivity.evaluation import Point, group_errors
from sim.sensitivity.run import run_study
from sim.status import run_status
from sim.study import Study, open_study
from tests.packed_page import figures_of, payload_of
from tests.sensitivity_functions import (
    FloatArray,
    Function,
    FunctionEvaluator,
    KilledAfter,
    ishigami,
    ishigami_indices,
    ishigami_paths,
    study,
)
from tests.test_report import Collector
from tests.toy_experiment import registered
from tests.toy_program import slow_experiment, start, wait_for_blocks, write_experiment

ROOT = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def _toys() -> Iterator[None]:
    with registered():
        yield


def run(directory: Path, method: str, function: Function, *, n_outputs: int = 1, **more: Any) -> Study:
    options = {name: more.pop(name) for name in ("jobs", "backend", "resume", "overwrite") if name in more}
    evaluator = FunctionEvaluator(function=function, n_outputs=n_outputs, chunk=more.pop("chunk", 64))
    config = study(method, **more)
    return open_study(run_study(config, output=directory / "study", evaluator=evaluator, **options))


def half_width(measures: xr.Dataset, name: str) -> FloatArray:
    return 0.5 * (measures[f"{name}_ci_high"].values - measures[f"{name}_ci_low"].values)


def test_errors_of_groups_add_up_and_keep_clusters_together() -> None:
    values = np.random.default_rng(3).standard_normal(1001)
    plain, pairs = mean(values), mean(values, SampleDesign(cluster=2))
    for estimate in (plain, pairs):
        parts = group_errors(estimate)
        assert parts.shape == (50,)
        assert parts.sum() == pytest.approx(0.0, abs=1e-12)  # the error of the sample's own mean
    by_hand = np.array([chunk.sum() for chunk in np.split(values - values.mean(), np.arange(1, 50) * 501 // 50 * 2)])
    np.testing.assert_allclose(group_errors(pairs), by_hand / 1001, atol=1e-15)
    assert group_errors(mean(values[:3])).shape == (3,)


# known indices


@pytest.fixture(scope="module")
def of_ishigami(tmp_path_factory: pytest.TempPathFactory) -> xr.Dataset:
    with registered():
        directory = tmp_path_factory.mktemp("ishigami")
        return run(directory, "sobol", ishigami_paths, samples=512, second_order=True).measures.isel(output=0)


def misses(measures: xr.Dataset, expected: dict[str, Any]) -> list[str]:
    """Indices that are off by more than four standard errors: two half-widths of their intervals and a little."""
    wrong = []
    for name in ("first_order", "total_order"):
        error = np.abs(measures[name].values - expected[name])
        wrong += [f"{name} {i}" for i in np.flatnonzero(error > 2.05 * half_width(measures, name) + 1e-6)]
    return wrong


def test_sobol_indices_of_the_ishigami_function(of_ishigami: xr.Dataset) -> None:
    expected = ishigami_indices()
    assert misses(of_ishigami, expected) == []
    assert float(of_ishigami["variance"]) == pytest.approx(expected["variance"], rel=0.05)
    assert float(of_ishigami["noise_variance"]) == 0.0
    pairs = of_ishigami["second_order"].values[np.triu_indices(3, 1)]
    half = half_width(of_ishigami, "second_order")[np.triu_indices(3, 1)]
    assert (np.abs(pairs - expected["second_order"]) < 2.05 * half).all()
    assert (half_width(of_ishigami, "total_order") < 0.15).all()


def test_indices_of_another_ishigami_function_are_found_wrong(of_ishigami: xr.Dataset) -> None:
    assert misses(of_ishigami, ishigami_indices(a=5.0)) != []
    assert misses(of_ishigami, ishigami_indices(b=0.05)) != []


def effects_of_ishigami(levels: int) -> dict[str, FloatArray]:
    """Mean and mean absolute elementary effects over all steps that a trajectory can take, one by one."""
    delta = levels / (2.0 * (levels - 1.0))
    axis = np.linspace(0.0, 1.0, levels)
    starts = axis[axis + delta <= 1.0 + 1e-12]
    effects = []
    for i, name in enumerate("xyz"):
        others = [n for n in "xyz" if n != name]
        found = []
        for low in starts:
            for a in axis:
                for b in axis:
                    at = {others[0]: pi * (2 * a - 1), others[1]: pi * (2 * b - 1)}
                    ends = [ishigami({**at, name: pi * (2 * u - 1)}) for u in (low, low + delta)]
                    found.append((ends[1] - ends[0]) / delta)
        effects.append(found)
        assert i < 3
    every = np.array(effects)
    return {"mean_effect": every.mean(axis=1), "mean_absolute_effect": np.abs(every).mean(axis=1), "all": every}


def test_morris_effects_of_the_ishigami_function(tmp_path: Path) -> None:
    n, levels = 400, 6
    measures = run(tmp_path, "morris", ishigami_paths, samples=n, levels=levels).measures.isel(output=0)
    expected = effects_of_ishigami(levels)
    for name, sample in (("mean_effect", expected["all"]), ("mean_absolute_effect", np.abs(expected["all"]))):
        error = np.abs(measures[name].values - expected[name])
        assert (error <= 4.0 * sample.std(axis=1) / np.sqrt(n) + 1e-9).all(), name
        assert not (np.abs(measures[name].values - 1.4 * expected[name]) <= error + 1e-9).all()
    assert measures["effect_deviation"].values == pytest.approx(expected["all"].std(axis=1), rel=0.15)


def linear(point: Point) -> list[FloatArray]:
    """100 + 2 x - 3 y + x y of four paths that differ by 0, 1, 2, 3 times x, whose mean is 1.5 x."""
    x, y, z = (point.values.get(name, 0.5) for name in "xyz")
    return [100.0 + 2.0 * x - 3.0 * y + 0.0 * z + x * y + x * np.arange(4.0)]


RANGES = {"x": (0.0, 1.0), "y": (0.0, 1.0), "z": (0.0, 1.0)}


def test_a_tornado_by_hand(tmp_path: Path) -> None:
    # at the base, 0.5 each: 100 + 1 - 1.5 + 0.25 + 0.75 = 100.5
    # x: 98.5 at 0, 102.5 at 1, both by 100 + 2x - 1.5 + 0.5x + 1.5x; y: 101.75 at 0, 99.25 at 1
    measures = run(tmp_path, "tornado", linear, ranges=RANGES).measures.isel(output=0)
    assert float(measures["base"]) == pytest.approx(100.5)
    np.testing.assert_allclose(measures["low_difference"], [-2.0, 1.25, 0.0], atol=1e-12)
    np.testing.assert_allclose(measures["high_difference"], [2.0, -1.25, 0.0], atol=1e-12)
    np.testing.assert_allclose(measures["swing"], [4.0, -2.5, 0.0], atol=1e-12)
    # x times 0, 1, 2, 3: a deviation of sqrt(5/3) over the root of 4 paths, times Student's quantile for 3 degrees,
    # 3.182; differences that are the same on all paths have no error
    np.testing.assert_allclose(half_width(measures, "swing"), [3.1824 * np.sqrt(5 / 3) / 2, 0, 0], rtol=1e-4, atol=1e-9)


def test_a_grid_by_hand(tmp_path: Path) -> None:
    measures = run(tmp_path, "grid", linear, ranges=RANGES, levels=3).measures.isel(output=0)
    np.testing.assert_allclose(measures["first"], [0.0, 0.5, 1.0])
    np.testing.assert_allclose(measures["second"], [0.0, 0.5, 1.0])
    # 100 + 3.5 x - 3 y + x y, rows x, columns y
    np.testing.assert_allclose(
        measures["surface"], [[100, 98.5, 97], [101.75, 100.5, 99.25], [103.5, 102.5, 101.5]], atol=1e-12
    )
    np.testing.assert_allclose(measures["surface_standard_error"][:, 0], [0, np.sqrt(5 / 3) / 4, np.sqrt(5 / 3) / 2])


# noise, constants, failures


def pure_noise(point: Point) -> list[FloatArray]:
    return [np.random.default_rng([7, point.number]).standard_normal(200)]


def common_noise(point: Point) -> list[FloatArray]:
    return [0.01 * point.values["x"] + np.random.default_rng(7).standard_normal(200)]


def test_the_share_of_noise_of_an_output_that_is_noise_is_one(tmp_path: Path) -> None:
    measures = run(tmp_path, "sobol", pure_noise, samples=64).measures.isel(output=0)
    # 320 independent outputs: the variance has a relative error of sqrt(2 / 319), the noise one of far less
    assert float(measures["noise_share"]) == pytest.approx(1.0, abs=4.0 * np.sqrt(2.0 / 319))
    assert float(measures["standard_error"]) == pytest.approx(1 / np.sqrt(200), rel=0.02)


def test_noise_that_all_evaluations_share_is_none(tmp_path: Path) -> None:
    measures = run(tmp_path, "sobol", common_noise, samples=64).measures.isel(output=0)
    assert float(measures["noise_share"]) == pytest.approx(0.0, abs=1e-12)
    assert float(measures["standard_error"]) ** 2 > 10.0 * float(measures["variance"])
    np.testing.assert_allclose(measures["total_order"], [1.0, 0.0, 0.0], atol=0.05)


def at_base(function: Function) -> Function:
    """A function whose factors are 0 where a tornado leaves them as they are."""
    return lambda point: function(replace(point, values={"x": 0.0, "y": 0.0, "z": 0.0, **point.values}))


def with_a_constant(point: Point) -> list[FloatArray]:
    return [np.full(4, ishigami(point.values)), np.array([1.0, 2.0, 3.0, 1e6])]


OUTPUTS = {
    name: {"statistic": "terminal_pnl_mean", "strategy": "near", "scenario": "flat"} for name in ("moves", "stands")
}


@pytest.mark.parametrize("method", ["sobol", "morris"])
def test_an_output_that_does_not_vary_has_no_indices(tmp_path: Path, method: str) -> None:
    measures = run(tmp_path, method, with_a_constant, n_outputs=2, outputs=OUTPUTS, samples=16).measures
    assert list(measures["status"].values) == ["ok", "does not vary"]
    for name in ("total_order",) if method == "sobol" else ("mean_absolute_effect", "effect_deviation"):
        assert np.isfinite(measures[name].sel(output="moves")).all()
        assert np.isnan(measures[name].sel(output="stands")).all()
    assert np.isnan(measures["noise_share"].sel(output="stands"))


def fails_here_and_there(point: Point) -> list[FloatArray]:
    if point.number in (7, 8, 33):
        raise ValueError(f"no model at x = {point.values['x']:.3f}")
    return [np.full(4, np.inf if point.number == 61 else ishigami(point.values))]


def test_failed_evaluations_are_named_and_take_their_block_with_them(tmp_path: Path) -> None:
    made = run(tmp_path, "sobol", fails_here_and_there, samples=16)
    assert [row for row, _, _ in made.failures()] == [7, 8, 33]
    assert all(reason.startswith("no model at x = ") and "x = " in at for _, at, reason in made.failures())
    assert made.manifest["counts"] == {"evaluations": 80, "failed_evaluations": 3}
    # what is not finite is not a failure of the evaluation, and no number either
    assert np.isnan(made.evaluations["estimate"].values[[7, 8, 33, 61], 0]).all()
    assert str(made.evaluations["note"].values[61, 0]) == "the paths give no number, inf"
    assert int(made.measures["n_used"].item()) == 76
    # blocks of 5: 1, 6 and 12 are left out, and the indices are those of the function at the others
    whole = run(tmp_path / "whole", "sobol", ishigami_paths, samples=16)
    kept = np.delete(whole.evaluations["estimate"].values.reshape(16, 5), [1, 6, 12], axis=0)
    variance = np.var(kept[:, [0, 4]])
    expected = [0.5 * np.mean((kept[:, 0] - kept[:, 1 + j]) ** 2) / variance for j in range(3)]
    np.testing.assert_allclose(made.measures["total_order"].isel(output=0), expected, rtol=1e-9)


def test_too_few_whole_blocks_are_said(tmp_path: Path) -> None:
    def fails_often(point: Point) -> list[FloatArray]:
        if point.number % 7 == 0:
            raise ValueError("not here")
        return ishigami_paths(point)

    made = run(tmp_path, "sobol", fails_often, samples=16)
    assert "of 16 blocks have no failed evaluation" in str(made.measures["status"].item())
    assert np.isnan(made.measures["total_order"]).all()


def test_a_study_of_failures_alone_leaves_nothing(tmp_path: Path) -> None:
    def fails(point: Point) -> list[FloatArray]:
        raise ValueError("never")

    with pytest.raises(StorageError, match="all 7 evaluations failed, the first: never"):
        run(tmp_path, "tornado", fails)
    assert list(tmp_path.iterdir()) == []


# the same bits


def same(first: Study, second: Study) -> None:
    xr.testing.assert_identical(first.evaluations, second.evaluations)
    xr.testing.assert_identical(first.measures, second.measures)


@pytest.mark.slow
def test_results_do_not_depend_on_jobs(tmp_path: Path) -> None:
    alone = run(tmp_path / "1", "sobol", ishigami_paths, samples=8)
    same(alone, run(tmp_path / "2", "sobol", ishigami_paths, samples=8, jobs=2, chunk=5))
    same(alone, run(tmp_path / "3", "sobol", ishigami_paths, samples=8, jobs=2, backend="threading", chunk=3))


KILLED = """
import sys
from pathlib import Path
from tests.sensitivity_functions import KilledAfter
from tests.test_sensitivity import run
from tests.test_report import Collector
from tests.toy_experiment import registered
from tests.toy_program import slow_experiment, start, wait_for_blocks, write_experiment

folder = Path(sys.argv[1])
with registered():
    run(folder / "killed", "sobol", KilledAfter(number=23, mark=folder / "mark"), samples=8, chunk=5)
"""


def test_a_killed_study_goes_on_to_the_same_end(tmp_path: Path) -> None:
    function = KilledAfter(number=23, mark=tmp_path / "mark")
    killed = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], cwd=ROOT, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert not (tmp_path / "killed" / "study").exists()
    status = run_status(tmp_path / "killed" / "study")
    assert (status.state, status.blocks_done, status.blocks) == ("stopped", 20, 40)
    with pytest.raises(ConfigError, match="has 4 finished blocks; go on with --resume"):
        run(tmp_path / "killed", "sobol", function, samples=8)
    with pytest.raises(ConfigError, match=r"sensitivity.samples: 8 -> 16"):
        run(tmp_path / "killed", "sobol", function, samples=16, resume=True)
    evaluated = []

    def counted(point: Point) -> list[FloatArray]:
        evaluated.append(point.number)
        return ishigami_paths(point)

    resumed = run(tmp_path / "killed", "sobol", counted, samples=8, resume=True)
    assert evaluated == list(range(20, 40))  # four batches of five were on disk
    same(resumed, run(tmp_path / "whole", "sobol", ishigami_paths, samples=8))
    status = run_status(resumed.directory)
    assert (status.state, status.blocks_done, status.attempts) == ("complete", 40, 2)


STUDY_OF_SLOW_PUTS = {
    "method": "morris",
    "samples": 50,
    "factors": {
        "strike": {"key": "strategies.far.engines.slow_puts.strike", "low": 3900.0, "high": 4000.0},
        "fee": {"key": "costs.commission_per_contract", "low": 0.0, "high": 5.0},
    },
    "outputs": {"mean": {"statistic": "terminal_pnl_mean", "strategy": "far", "scenario": "flat"}},
}


@pytest.mark.slow
def test_ctrl_c_ends_a_study_that_can_go_on(tmp_path: Path) -> None:
    """A batch takes more than a second; a terminal interrupts all processes."""
    tree = slow_experiment(nap=0.001, sensitivity=STUDY_OF_SLOW_PUTS)
    file, directory, log = write_experiment(tmp_path / "toy.yaml", tree), tmp_path / "out", tmp_path / "log"
    process = start("sensitivity", str(file), "--output", str(directory), "--jobs", "2", log=log)
    assert wait_for_blocks(directory, process) > 0, log.read_text()
    os.killpg(process.pid, signal.SIGINT)
    process.wait(timeout=2.0)
    assert process.returncode == 130
    assert log.read_text().endswith("goes on with --resume\n")
    assert not directory.exists()
    status = run_status(directory)
    assert status.state == "stopped"
    assert 0 < status.blocks_done < status.blocks == 150


# what is stored


def test_results_open_in_xarray_and_as_a_table(tmp_path: Path) -> None:
    made = run(tmp_path, "morris", ishigami_paths, samples=4)
    path = made.directory / "sensitivity.h5"
    for group in (None, "measures"):
        with xr.open_dataset(path, engine="h5netcdf", group=group) as data:
            for name, variable in data.variables.items():
                assert (
                    variable.dtype.kind in "OTU" or {"units", "long_name"} <= {*variable.attrs} or name in data.coords
                )
    with (made.directory / "sensitivity.csv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 9  # three measures of three factors, the largest effect first
    assert [row["measure"] for row in rows[:3]] == ["mean_absolute_effect", "mean_effect", "effect_deviation"]
    best = made.measures["mean_absolute_effect"].isel(output=0)
    assert rows[0]["factor"] == str(best["factor"].values[int(np.argmax(best.values))])
    assert float(rows[0]["estimate"]) == float(best.max())


@pytest.mark.parametrize(
    ("method", "more", "shown"),
    [
        ("sobol", {"samples": 8, "second_order": True}, ["first order", "total order", "second order", "course over"]),
        ("morris", {"samples": 4}, ["mean absolute effect", "deviation of effects"]),
        ("tornado", {}, ["change from the base", "low minus base"]),
        ("grid", {"levels": 3}, ["over both factors"]),
    ],
)
def test_reports_show_every_output_and_load_nothing(
    tmp_path: Path, method: str, more: dict[str, Any], shown: list[str]
) -> None:
    made = run(tmp_path, method, at_base(with_a_constant), n_outputs=2, outputs=OUTPUTS, **more)
    html = write_study_report(made.directory).read_text(encoding="utf-8")
    carried = json.dumps(payload_of(html))
    assert all(text in html or text in carried for text in shown)
    assert '<h2 id="output-0">moves</h2>' in html
    assert "no measures, does not vary" in html
    collector = Collector()
    collector.feed(html)
    assert collector.addresses
    assert all(address.startswith("#") for address in collector.addresses)
    figures = figures_of(html)
    assert figures
    assert all(name.startswith("output-0") for name in figures)  # none for what does not vary


def test_the_bars_of_a_tornado_are_its_measures(tmp_path: Path) -> None:
    made = run(tmp_path, "tornado", linear, ranges=RANGES)
    html = render_study(made)
    (figure,) = figures_of(html).values()
    low, high = figure["data"]
    assert low["y"] == high["y"] == ["x", "y", "z"]
    assert low["name"] == "low value"
    np.testing.assert_allclose([*low["x"], *high["x"]], [-2.0, 1.25, 0.0, 2.0, -1.25, 0.0], atol=1e-12)
    half = float(half_width(made.measures.isel(output=0), "low_difference")[0])
    assert low["error_x"]["array"][0] == pytest.approx(half)


@pytest.mark.parametrize("damage", ["flip", "newer", "incomplete", "gone"])
def test_damaged_studies_are_refused(tmp_path: Path, damage: str) -> None:
    import h5py

    directory = run(tmp_path, "tornado", at_base(ishigami_paths)).directory
    path = directory / "sensitivity.h5"
    if damage == "gone":
        path.unlink()
    elif damage == "flip":
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 0xFF
        path.write_bytes(content)
    else:
        with h5py.File(path, "a") as file:
            file.attrs["schema_version" if damage == "newer" else "complete"] = 99 if damage == "newer" else 0
    with pytest.raises(StorageError, match=r"sensitivity\.h5"):
        open_study(directory)
