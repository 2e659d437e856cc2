"""What is written down and read back: blocks in any order, damage of any kind, and errors at the command line."""

from __future__ import annotations

import errno
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import xarray as xr
from ruamel.yaml import YAML
from typer.testing import CliRunner

from sim import open_results, run_experiment
from sim.cli import app
from sim.errors import StorageError
from sim.experiment import parse_experiment
from sim.metrics.interval_text import TOO_FEW
from sim.storage import SCHEMA_VERSION, VARIABLES, ResultsWriter
from sim.strategies import registry
from sim.strategies.protocols import DayView, Orders
from tests.packed_page import payload_of
from tests.toy_experiment import PATHS, BuyPuts, experiment, registered


@pytest.fixture(autouse=True)
def _toys() -> Iterator[None]:
    with registered():
        yield


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    with registered():
        directory = tmp_path_factory.mktemp("stored") / "toy"
        return run_experiment(parse_experiment(experiment()), output=directory, jobs=1)


@pytest.fixture
def copied(stored: Path, tmp_path: Path) -> Path:
    """Results that a test may damage."""
    directory = tmp_path / "toy"
    directory.mkdir()
    for item in stored.iterdir():
        (directory / item.name).write_bytes(item.read_bytes())
    return directory


def regimesim(*arguments: str) -> tuple[int, str, str]:
    """Run the program in this process: exit code, stdout, stderr."""
    result = CliRunner().invoke(app, arguments, prog_name="regimesim")
    return result.exit_code, result.stdout, result.stderr


def experiment_file(folder: Path, **more: Any) -> str:
    path = folder / "toy.yaml"
    with path.open("w", encoding="utf-8") as stream:
        YAML(typ="safe").dump(experiment(**more), stream)
    return str(path)


def writer(path: Path) -> ResultsWriter:
    return ResultsWriter(
        path,
        sizes={"scenario": 2, "strategy": 1, "path": 6},
        coordinates={"scenario": ["a", "b"], "strategy": ["é <x>"]},
        attributes={"name": "blocks"},
        variables=["terminal_pnl", "n_trades"],
    )


def test_blocks_may_be_written_in_any_order(tmp_path: Path) -> None:
    values = np.random.default_rng(1).standard_normal((2, 6)) * 1e6
    with writer(tmp_path / "results.h5") as results:
        for first in (4, 0, 2):
            for scenario in (1, 0):
                part = slice(first, first + 2)
                results.write("terminal_pnl", (scenario, 0, part), values[scenario, part])
                results.write("n_trades", (scenario, 0, part), np.arange(first, first + 2) + 10 * scenario)
        np.testing.assert_array_equal(results.read("terminal_pnl", (1, 0)), values[1])
        results.complete()
    data = xr.load_dataset(tmp_path / "results.h5", engine="h5netcdf")
    assert data["terminal_pnl"].dtype == np.float64
    np.testing.assert_array_equal(data["terminal_pnl"][:, 0], values)
    np.testing.assert_array_equal(data["n_trades"][:, 0], [np.arange(6), np.arange(6) + 10])
    assert list(data["strategy"].values) == ["é <x>"]
    assert (data.attrs["complete"], data.attrs["schema_version"], data.attrs["name"]) == (1, SCHEMA_VERSION, "blocks")


def test_a_writer_that_cannot_be_made_leaves_the_file_closed(tmp_path: Path) -> None:
    path = tmp_path / "results.h5"
    wrong = {"scenario": ["a", "b"], "strategy": ["c"]}
    with pytest.raises(TypeError) as refused:
        ResultsWriter(
            path, sizes={"scenario": 2, "strategy": 1}, coordinates=wrong, attributes={"name": object()}, variables=[]
        )
    h5py.File(path, "w").close()  # while the error, and with it the writer, is still there
    assert refused.traceback


def test_a_file_is_complete_only_when_it_says_so(tmp_path: Path) -> None:
    with writer(tmp_path / "results.h5"):
        pass
    assert xr.load_dataset(tmp_path / "results.h5", engine="h5netcdf").attrs["complete"] == 0
    with pytest.raises(StorageError, match=r"damaged or incomplete|not complete"):
        open_results(tmp_path)


def test_every_variable_and_every_axis_says_what_it_is(stored: Path) -> None:
    data = xr.load_dataset(stored / "results.h5", engine="h5netcdf")
    numeric_axes = [name for name in data.coords if data[name].dtype.kind in "iuf"]
    assert set(numeric_axes) == {"day", "greek_day", "quantile", "tenor"}
    for name in (*data.data_vars, *numeric_axes):
        assert {"units", "long_name"} <= set(data[name].attrs), name
    assert {item.units for item in VARIABLES.values()} == {
        "USD",
        "1",
        "1/year",
        "sessions",
        "index points",
        "VIX points",
        "by greek",
        "USD per % of the SPX",
        "USD per volatility point",
        "USD per VIX point",
    }
    for group in ("statistics", "paired"):
        table = xr.load_dataset(stored / "results.h5", engine="h5netcdf", group=group)
        assert set(table["unit"].values) == {"USD", "share"}
        assert all(str(text) for text in table["definition"].values)


@pytest.mark.parametrize("kept", [0, 7, 2000, 0.5, 0.98, -1])
def test_cut_off_results_are_refused(copied: Path, kept: float) -> None:
    path = copied / "results.h5"
    content = path.read_bytes()
    length = int(kept * len(content)) if isinstance(kept, float) else kept
    path.write_bytes(content[:length])
    code, out, err = regimesim("report", str(copied))
    assert (code, out) == (1, "")
    assert err.startswith(f"error: {path} cannot be read, it is damaged or incomplete: ")
    assert err.count("\n") == 1
    assert sorted(item.name for item in copied.iterdir()) == ["manifest.json", "results.h5"]


@pytest.mark.parametrize("manifest", [None, "", '{"seed": 5'], ids=["missing", "empty", "cut off"])
def test_results_without_their_manifest_are_refused(copied: Path, manifest: str | None) -> None:
    path = copied / "manifest.json"
    path.unlink()
    if manifest is not None:
        path.write_text(manifest)
    with pytest.raises(StorageError, match="damaged or incomplete"):
        open_results(copied)


def test_a_report_of_nothing_is_one_message(tmp_path: Path) -> None:
    code, out, err = regimesim("report", str(tmp_path / "none"))
    assert (code, out) == (1, "")
    assert err == f"error: {tmp_path / 'none'} holds no results.h5; run an experiment with --output {tmp_path}/none\n"


def test_a_full_disk_leaves_no_results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    file = experiment_file(tmp_path)
    monkeypatch.setattr(ResultsWriter, "complete", fail)
    code, out, err = regimesim("run", file, "--output", str(tmp_path / "out"), "--jobs", "1", "--quiet")
    assert (code, out) == (1, "")
    assert err == f"error: {tmp_path / 'out'} cannot be written: [Errno 28] No space left on device\n"
    assert sorted(item.name for item in tmp_path.iterdir()) == [".out.partial", "toy.yaml"]


def test_an_interrupted_run_leaves_no_results(tmp_path: Path) -> None:
    def interrupt(done: int, total: int) -> None:
        if done:
            raise KeyboardInterrupt

    config = parse_experiment(experiment(compute={"block_paths": PATHS // 2}))
    with pytest.raises(KeyboardInterrupt):
        run_experiment(config, output=tmp_path / "toy", jobs=1, progress=interrupt)
    assert [item.name for item in tmp_path.iterdir()] == [".toy.partial"]


class Breaking(BuyPuts):
    def decide(self, view: DayView) -> Orders:
        raise ValueError("no bid")


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_an_engine_that_fails_is_one_message_with_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, jobs: str
) -> None:
    file = experiment_file(tmp_path)
    monkeypatch.setitem(registry.REGISTRY, "buy_puts", Breaking)
    code, out, err = regimesim("run", file, "--output", str(tmp_path / "out"), "--jobs", jobs, "--quiet")
    assert (code, out) == (1, "")
    assert re.match(r"internal error: ValueError: no bid, in scenario (flat|loud), paths 0 to \d+\n", err)
    assert "Traceback" not in err
    assert [item.name for item in tmp_path.iterdir()] == ["toy.yaml"]


WINGS = [{"engine": "iron_condor", "short_delta": 0.1, "wing_width": None, "wing_delta": 0.2}]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"pahts": 10}, "pahts: unknown key; "),
        ({"strategies": {"x": {"engines": [{"engine": "buy_puts"}]}}}, "strategies.x.engines.0.strike: "),
        ({"strategies": {"x": {"engines": WINGS}}}, "got 0.2; must be below short_delta, 0.1"),
        (
            {"scenarios": {"x": {"model": "heston", "parameters": {"kappa_p": 5, "kappa_q": 3, "theta_p": 0.03}}}},
            "heston needs vol_of_vol, rho",
        ),
        ({"seed": -1}, "seed: got -1; must be >= 0"),
    ],
    ids=["unknown key", "missing field", "reversed deltas", "missing parameter", "negative seed"],
)
def test_bad_input_is_named_and_nothing_is_written(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    file = experiment_file(tmp_path, **change)
    code, out, err = regimesim("run", file, "--output", str(tmp_path / "out"))
    assert (code, out) == (2, "")
    assert message in err
    assert err.endswith("error: 1 fault, nothing was done\n")
    assert [item.name for item in tmp_path.iterdir()] == ["toy.yaml"]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["Date,Open,High,Low", "2018-01-02,1,1,1"], "{}:1: header must have "),
        (["Date,Close", "2018-01-02,10", "2018-01-03,nan"], "{}:3: Close on 2018-01-03 must be a finite number > 0"),
        (["Date,Close", "2018-01-02,-4"], "{}:2: Close on 2018-01-02 must be a finite number > 0, got '-4'"),
    ],
    ids=["missing column", "NaN", "negative"],
)
def test_bad_histories_are_named_and_nothing_is_written(tmp_path: Path, lines: list[str], message: str) -> None:
    good, bad = tmp_path / "good.csv", tmp_path / "bad.csv"
    good.write_text("Date,Close\n2018-01-02,2700\n2018-01-03,2710\n")
    bad.write_text("\n".join(lines) + "\n")
    preset = tmp_path / "preset.yaml"
    for spx, vix in ((good, bad), (bad, good)):
        code, out, err = regimesim("calibrate", "svcj", "--spx", str(spx), "--vix", str(vix), "--output", str(preset))
        assert (code, out) == (2, "")
        assert err.startswith("error: " + message.format(bad))
        assert err.count("\n") == 1
    assert not preset.exists()


def test_names_that_run_into_each_other_keep_their_own_fans(tmp_path: Path) -> None:
    """Joined by hyphens, "a" with "b-c" and "a-b" with "c" would be the same name."""
    base = experiment()
    markets, books = base["scenarios"], base["strategies"]
    config = parse_experiment(
        {
            **base,
            "scenarios": {"a": markets["flat"], "a-b": markets["loud"]},
            "strategies": {"b-c": books["near"], "c": books["far"], "market-vix": books["near"]},
            "keep": {"daily_equity": True},
        }
    )
    data = open_results(run_experiment(config, output=tmp_path / "toy", jobs=1)).data
    expected = np.quantile(data["daily_equity"].values, data["quantile"].values, axis=3).transpose(1, 2, 0, 3)
    np.testing.assert_allclose(data["equity_fan"], expected, rtol=1e-6)
    np.testing.assert_allclose(data["vix_fan"].sel(scenario="a"), 20.0)
    np.testing.assert_allclose(data["vix_fan"].sel(scenario="a-b"), 40.0)


@pytest.mark.parametrize("fan", [True, False])
@pytest.mark.parametrize("examples", [0, 2])
def test_only_what_was_asked_for_is_kept(tmp_path: Path, fan: bool, examples: int) -> None:
    config = parse_experiment(experiment(paths=3, keep={"fan": fan, "example_paths": examples}))
    directory = run_experiment(config, output=tmp_path / "toy", jobs=1)
    kept = set(open_results(directory).data.data_vars)
    assert {"equity_fan", "spot_fan", "vix_fan", "vx1_fan", "vx2_fan", "term_structure"} & kept == (
        {name for name in VARIABLES if name.endswith("_fan")} | {"term_structure"} if fan else set()
    )
    assert {name for name in kept if name.startswith("example_")} == (
        {"example_equity", "example_spot", "example_vix"} if examples else set()
    )
    assert "daily_equity" not in kept
    assert {"terminal_pnl", "max_drawdown", "ruined"} < kept
    assert sorted(item.name for item in directory.iterdir()) == ["manifest.json", "results.h5"]


@pytest.mark.slow
@pytest.mark.parametrize("paths", [1, 2])
def test_a_report_of_a_single_path_claims_no_interval(tmp_path: Path, paths: int) -> None:
    directory = run_experiment(parse_experiment(experiment(paths=paths)), output=tmp_path / "toy", jobs=1)
    code, _, err = regimesim("report", str(directory))
    text = (directory / "report.html").read_text(encoding="utf-8")
    carried = json.dumps(payload_of(text))
    assert (code, err) == (0, "")
    assert re.search(r"\b(NaN|Infinity)\b", carried) is None  # neither is JSON, and no script could read it
    mean = open_results(directory).statistics.sel(statistic="terminal_pnl_mean")
    assert bool(np.isinf(mean["ci_high"]).all()) == (paths == 1)
    assert f"[{TOO_FEW}]" in text  # the median's order statistics need six paths


def test_the_manifest_is_plain_json(stored: Path) -> None:
    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    manifest = json.loads((stored / "manifest.json").read_text(encoding="utf-8"), parse_constant=refuse)
    assert manifest["config"]["scenarios"]["loud"]["parameters"] == {"volatility": 0.4}
    assert manifest["config"]["strategies"]["far"]["engines"][0]["strike"] == 3900.0
