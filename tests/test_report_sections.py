"""Sections of the report: the registry, the page on adding one, and what is not drawn when it is not stored."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import xarray as xr

from sim import open_results, run_experiment
from sim.errors import StorageError
from sim.experiment import parse_experiment
from sim.report import page, registry
from sim.report.registry import SECTIONS, make_sections
from sim.report.section import Section, SectionBuilder
from sim.report.tables import Value
from sim.storage import Results
from tests.toy_experiment import experiment, registered

ROOT = Path(__file__).parents[1]
FENCE = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Results]:
    with registered():
        config = parse_experiment(experiment())
        yield open_results(run_experiment(config, output=tmp_path_factory.mktemp("sections") / "toy", jobs=1))


def test_the_example_of_the_documentation_becomes_a_section(results: Results, monkeypatch: pytest.MonkeyPatch) -> None:
    (code,) = FENCE.findall((ROOT / "docs" / "adding-a-report-section.md").read_text(encoding="utf-8"))
    made: dict[str, Any] = {}
    exec(compile(code, "adding-a-report-section.md", "exec"), made)
    line = SectionBuilder(name="costs", has_data=made["has_data"], build=made["build"])
    monkeypatch.setattr(registry, "SECTIONS", (*SECTIONS, line))
    html = page.render(results)
    assert '<h2 id="costs">Costs</h2>' in html
    assert '<a href="#costs">Costs</a>' in html
    assert html.count('id="costs-') == 2  # a figure a scenario
    assert "mean costs [USD]" in html


def test_the_table_of_engines_has_the_tail_of_each(results: Results) -> None:
    """Of 40 paths the two with the largest loss of the engine, net of its costs."""
    (section,) = [item for item in make_sections(results) if item.anchor == "engines"]
    (table,) = section.tables
    (row,) = [row for row in table.rows if row[:3] == ("loud", "far", "buy_puts")]
    cell = results.data.sel(scenario="loud", strategy="far", engine="buy_puts")
    net = sorted((cell["engine_pnl"] - cell["engine_cost"]).values.tolist())
    tail = row[table.header.index("loss in the worst 5% [USD]")]
    assert len(net) == 40
    assert isinstance(tail, Value)
    assert tail.value == pytest.approx(-(net[0] + net[1]) / 2.0, rel=1e-6)


def test_what_is_not_stored_is_not_drawn(results: Results) -> None:
    without_fans = results.data.drop_vars([name for name in results.data if str(name).endswith("_fan")])
    anchors = [section.anchor for section in make_sections(replace(results, data=without_fans))]
    assert "equity" not in anchors
    assert "drawdowns" in anchors
    assert "equity" in [section.anchor for section in make_sections(results)]


def test_two_sections_at_one_anchor_are_refused(results: Results, monkeypatch: pytest.MonkeyPatch) -> None:
    double = SectionBuilder(
        name="double", has_data=lambda _: True, build=lambda _: Section(anchor="drawdowns", title="again")
    )
    monkeypatch.setattr(registry, "SECTIONS", (*SECTIONS, double))
    with pytest.raises(ValueError, match="'drawdowns'"):
        make_sections(results)


def test_names_of_the_registry_differ_and_are_those_of_the_files() -> None:
    names = [item.name for item in SECTIONS]
    files = {path.stem for path in (ROOT / "sim" / "report" / "sections").glob("*.py")} - {"__init__"}
    assert sorted(names) == sorted(files)


def test_a_table_of_a_run_is_read_by_its_name(results: Results) -> None:
    assert results.has_table("statistics")
    assert results.table("statistics").sizes == results.statistics.sizes
    assert not results.has_table("windows_of_the_soul")
    with pytest.raises(StorageError, match="no table windows_of_the_soul"):
        results.table("windows_of_the_soul")


def verdict_by_hand(results: Results, scenario: str, strategy: str, window: str, statistic: str) -> str:
    """More P&L is better, and the interval of the difference says whether it is more."""
    assert statistic == "pnl_per_year"
    cell = results.windows_paired.sel(scenario=scenario, strategy=strategy, window=window, statistic=statistic)
    if float(cell["ci_low"]) > 0.0:
        return "better"
    return "worse" if float(cell["ci_high"]) < 0.0 else "same"


def test_windows_are_drawn_where_there_are_any(results: Results) -> None:
    (section,) = [item for item in make_sections(results) if item.anchor == "windows"]
    by_strategy, by_engine = section.tables[:2]
    n_rows = results.windows.sizes["window"] * results.windows.sizes["strategy"]
    assert len(by_strategy.rows) == len(by_engine.rows) == n_rows
    cell = results.windows.sel(scenario="flat", strategy="far", window="vix_20_30", statistic="pnl_per_year")
    row = next(row for row in by_strategy.rows if row[:2] == ("vix_20_30", "far"))
    shown = row[by_strategy.header.index("P&L a year [USD/year]")]
    assert isinstance(shown, Value)
    assert (shown.value, shown.low) == (float(cell["estimate"]), float(cell["ci_low"]))
    assert shown.css == verdict_by_hand(results, "flat", "far", "vix_20_30", "pnl_per_year")
    html = page.render(results)
    assert "VIX from 20 to 30 at the previous close" in html
    empty = xr.Dataset()
    anchors = [item.anchor for item in make_sections(replace(results, windows=empty, windows_paired=empty))]
    assert "windows" not in anchors
