"""Two runs side by side, files of a report, and the page over a folder: against numpy, the page and the files."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from typer.testing import CliRunner

from sim import open_results, run_experiment
from sim.cli import app
from sim.errors import ConfigError, StorageError
from sim.experiment import parse_experiment
from sim.report import write_report
from sim.report.browser import find_browser
from sim.report.compare import Comparison, _share_numbers, compare, write_comparison
from sim.report.export import export
from sim.report.index import write_index
from tests.toy_experiment import experiment, registered

Z = 1.959963984540054
"""Normal quantile of 97.5%."""


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("compared")
    trees = {
        "a": experiment(),
        "dearer": experiment(costs={**experiment()["costs"], "commission_per_contract": 9.0}),
        "reseeded": experiment(seed=77),
        "renamed": experiment(scenarios={"other": experiment()["scenarios"]["flat"]}),
    }
    with registered():
        for name, tree in trees.items():
            run_experiment(parse_experiment(tree), output=root / name, jobs=1)
    return {name: root / name for name in trees}


def row_of(comparison: Comparison, statistic: str, scenario: str = "loud", strategy: str = "near") -> tuple[float, ...]:
    (row,) = [
        item
        for item in comparison.rows
        if (item.scenario, item.strategy, item.statistic) == (scenario, strategy, statistic)
    ]
    return row.a, row.b, row.difference, row.ci_low, row.ci_high


def test_runs_of_one_seed_are_compared_path_by_path(runs: dict[str, Path]) -> None:
    comparison = compare(runs["a"], runs["dearer"])
    pnl = [
        open_results(runs[name]).data["terminal_pnl"].sel(scenario="loud", strategy="near").values
        for name in ("a", "dearer")
    ]
    moved = pnl[1] - pnl[0]
    half = Z * moved.std(ddof=1) / np.sqrt(moved.size)
    expected = (pnl[0].mean(), pnl[1].mean(), moved.mean(), moved.mean() - half, moved.mean() + half)
    assert row_of(comparison, "terminal_pnl_mean") == pytest.approx(expected, rel=1e-9, abs=1e-6)
    assert {row.method for row in comparison.rows if row.statistic == "terminal_pnl_mean"} == {"paired"}
    assert [key for key, _, _ in comparison.changed] == ["costs.commission_per_contract"]
    assert comparison.changed[0][2] == "9.0"
    worse = [row.verdict for row in comparison.rows if row.statistic == "terminal_pnl_mean" and row.difference < 0.0]
    assert "worse" in worse
    assert "better" not in worse


def test_runs_of_two_seeds_are_independent(runs: dict[str, Path]) -> None:
    comparison = compare(runs["a"], runs["reseeded"])
    assert {row.method for row in comparison.rows} == {"independent"}
    tables = [open_results(runs[name]).statistics for name in ("a", "reseeded")]
    cells = [item.sel(scenario="loud", strategy="near", statistic="terminal_pnl_mean") for item in tables]
    half = Z * np.hypot(*(float(cell["standard_error"]) for cell in cells))
    _, _, difference, low, high = row_of(comparison, "terminal_pnl_mean")
    assert (high - low) / 2.0 == pytest.approx(half, rel=1e-9)
    assert low < difference < high
    assert "seed" in [key for key, _, _ in comparison.changed]


def test_a_run_differs_from_itself_by_nothing(runs: dict[str, Path]) -> None:
    comparison = compare(runs["a"], runs["a"])
    known = [row for row in comparison.rows if np.isfinite(row.difference)]
    assert known
    assert all(row.difference == 0.0 and row.verdict == "same" for row in known)
    assert comparison.changed == []


@pytest.mark.slow
def test_runs_of_one_design_are_compared_pair_by_pair(tmp_path: Path) -> None:
    """Antithetic pairs are independent of one another: the error is that of the means of pairs."""
    tree = {
        "name": "pairs",
        "question": "What do dearer contracts cost?",
        "seed": 5,
        "paths": 60,
        "days": 40,
        "scenarios": {"here": {"model": "svcj", "preset": "svcj_index_2018", "start": {}}},
        "strategies": {"condor": {"engines": [{"engine": "iron_condor"}]}},
        "sampling": {"method": "antithetic"},
        "keep": {"explorer": []},
    }
    for name, commission in (("a", 0.65), ("b", 9.0)):
        dear = {**tree, "costs": {"commission_per_contract": commission}}
        run_experiment(parse_experiment(dear), output=tmp_path / name, jobs=1)
    comparison = compare(tmp_path / "a", tmp_path / "b")
    pnl = [
        open_results(tmp_path / name).data["terminal_pnl"].sel(scenario="here", strategy="condor").values
        for name in ("a", "b")
    ]
    moved = (pnl[1] - pnl[0]).reshape(-1, 2).mean(axis=1)
    half = Z * moved.std(ddof=1) / np.sqrt(moved.size)
    _, _, difference, low, high = row_of(comparison, "terminal_pnl_mean", "here", "condor")
    assert (difference, low, high) == pytest.approx((moved.mean(), moved.mean() - half, moved.mean() + half), rel=1e-9)
    assert {row.method for row in comparison.rows if row.statistic == "terminal_pnl_mean"} == {"paired"}


def test_runs_with_nothing_in_common_are_refused(runs: dict[str, Path]) -> None:
    with pytest.raises(ConfigError, match="scenario of the same name; got flat, loud and other"):
        compare(runs["a"], runs["renamed"])


@pytest.mark.slow
def test_the_command_prints_rows_and_draws_a_page(runs: dict[str, Path], tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    found = CliRunner().invoke(app, ["compare", str(runs["a"]), str(runs["dearer"]), "--html", str(page), "--json"])
    assert found.exit_code == 0, found.output
    told = json.loads(found.stdout)
    (changed,) = told["changed"]
    assert (changed["key"], changed["b"]) == ("costs.commission_per_contract", "9.0")
    assert len(told["rows"]) == len(compare(runs["a"], runs["dearer"]).rows)
    assert "costs.commission_" in page.read_text()
    lines = CliRunner().invoke(app, ["compare", str(runs["a"]), str(runs["dearer"])])
    assert "path by path on the same random numbers" in lines.stdout
    assert write_comparison(compare(runs["a"], runs["a"]), page) == page


def test_exported_tables_hold_the_numbers_of_the_results(runs: dict[str, Path], tmp_path: Path) -> None:
    files = export(runs["a"], tmp_path / "files", ["csv"])
    assert len({path.name for path in files}) == len(files) > 8
    table = pd.read_csv(tmp_path / "files" / "statistics-loud.csv").set_index("strategy")
    cell = open_results(runs["a"]).statistics.sel(scenario="loud", strategy="near", statistic="terminal_pnl_mean")
    row = table.loc["near"]
    found = row[["mean P&L [USD]", "mean P&L [USD] ci_low", "mean P&L [USD] ci_high"]].astype(float).tolist()
    assert found == pytest.approx([float(cell[name]) for name in ("estimate", "ci_low", "ci_high")], rel=1e-12)


def test_parquet_and_csv_hold_the_same(runs: dict[str, Path], tmp_path: Path) -> None:
    pytest.importorskip("pyarrow", reason="NO PYARROW: Parquet files are not written")
    export(runs["a"], tmp_path, ["csv", "parquet"])
    for path in tmp_path.glob("*.csv"):
        one, other = pd.read_csv(path), pd.read_parquet(path.with_suffix(".parquet"))
        assert list(one.columns) == list(other.columns)
        assert len(one) == len(other)
        for name in one.columns:
            if pd.api.types.is_float_dtype(other[name]):
                np.testing.assert_allclose(one[name].astype(float), other[name], rtol=1e-12)


@pytest.mark.slow
@pytest.mark.skipif(find_browser() is None, reason="NO BROWSER: no chromium on this machine, nothing is drawn")
def test_every_figure_is_exported(runs: dict[str, Path], tmp_path: Path) -> None:
    write_report(runs["a"])
    files = export(runs["a"], tmp_path, ["png", "svg"])
    pictures, drawings = ([path for path in files if path.suffix == kind] for kind in (".png", ".svg"))
    assert len(pictures) == len(drawings) > 8
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in pictures)
    for path in drawings:
        root = ET.fromstring(path.read_text())
        assert root.tag.endswith("svg")
        assert sum(1 for _ in root.iter()) > 50


def test_what_cannot_be_exported_is_said(
    runs: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = CliRunner().invoke(app, ["export", str(runs["a"]), "--format", "pgn"])
    assert wrong.exit_code == 2
    assert "png" in wrong.stderr
    monkeypatch.setattr("sim.report.export.find_browser", lambda: None)
    with pytest.raises(StorageError, match="Chromium"):
        export(runs["a"], tmp_path / "none", ["png"])
    assert not (tmp_path / "none").exists()


def test_the_index_lists_what_is_there(runs: dict[str, Path]) -> None:
    write_report(runs["a"])
    root = runs["a"].parent
    text = write_index(root, [*runs.values(), root / "nothing"]).read_text()
    assert 'href="a/report.html"' in text
    assert "4 results" in text
    assert 'href="reseeded/report.html"' not in text  # it has none
    with pytest.raises(StorageError, match="no folder"):
        write_index(root / "nowhere", [])


@dataclass(frozen=True)
class Drawn:
    """What pairing reads of a run."""

    manifest: dict[str, Any]
    data: xr.Dataset

    @classmethod
    def by(cls, sampling: dict[str, Any] | None, seed: int = 5) -> Any:
        config = {} if sampling is None else {"sampling": sampling}
        return cls({"seed": seed, "config": config}, xr.Dataset({"pnl": ("path", np.zeros(8))}))


PLAINLY = {
    "method": "plain",
    "points": 64,
    "jump_intensity": 2.0,
    "plain_share": 0.3,
    "start_tilt": 1.0,
    "trend": 0.7,
    "controls": (),
}


@pytest.mark.parametrize(
    ("first", "second", "is_shared"),
    [
        (PLAINLY, None, True),
        (PLAINLY, PLAINLY | {"controls": ("spx",), "points": 128, "start_tilt": 0.0}, True),
        (PLAINLY, PLAINLY | {"method": "antithetic"}, False),
        (PLAINLY | {"method": "sobol"}, PLAINLY | {"method": "sobol", "jump_intensity": 3.0}, True),
        (PLAINLY | {"method": "sobol"}, PLAINLY | {"method": "sobol", "points": 128}, False),
        (PLAINLY | {"method": "importance"}, PLAINLY | {"method": "importance", "start_tilt": 0.0}, False),
        (PLAINLY | {"method": "importance"}, PLAINLY | {"method": "importance", "trend": 0.0}, False),
    ],
)
def test_paths_are_shared_where_what_draws_them_is(
    first: dict[str, Any] | None, second: dict[str, Any] | None, is_shared: bool
) -> None:
    assert _share_numbers(Drawn.by(first), Drawn.by(second)) is is_shared
    assert not _share_numbers(Drawn.by(first), Drawn.by(first, seed=6))
