"""Sensitivity studies of experiments: every evaluation is the run that the file would give with those values."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from typer.testing import CliRunner

from sim import open_results, run_experiment
from sim.cli import app
from sim.config import ExperimentConfig
from sim.errors import ConfigError
from sim.experiment import load_experiment, parse_experiment
from sim.sensitivity import market_evaluator
from sim.sensitivity.market_evaluator import MarketEvaluator
from sim.sensitivity.run import run_study
from sim.study import open_study
from tests.toy_experiment import experiment, registered

FACTORS = {
    "strike": {"key": "strategies.near.engines.buy_puts.strike", "low": 3900.0, "high": 4100.0},
    "fee": {"key": "costs.commission_per_contract", "low": 0.0, "high": 5.0},
    "volatility": {"key": "scenarios.flat.parameters.volatility", "low": 0.1, "high": 0.3},
    "crossing": {"key": ["costs.crossing.1", "costs.crossing.2"], "low": 0.5, "high": 1.5, "relative": True},
}
OUTPUTS = {
    "mean": {"statistic": "terminal_pnl_mean", "strategy": "near", "scenario": "flat"},
    "tail": {"statistic": "expected_shortfall_95", "strategy": "far", "scenario": "loud"},
    "difference": {"statistic": "max_drawdown_mean", "strategy": "near", "minus": "far", "scenario": "flat"},
    "day": {"statistic": "daily_expected_shortfall_95", "strategy": "near", "scenario": "loud"},
    "ratio": {"statistic": "sortino_ratio", "strategy": "far", "scenario": "loud"},
}


@pytest.fixture(autouse=True)
def _toys() -> Iterator[None]:
    with registered():
        yield


def tree(method: str = "tornado", **more: Any) -> dict[str, Any]:
    study = {"method": method, "factors": FACTORS, "outputs": OUTPUTS, **more.pop("sensitivity", {})}
    made = experiment(sensitivity=study, compute={"jobs": 1, "block_paths": 15}, metrics=METRICS, **more)
    made["costs"] = {"crossing": {1: 0.4, 2: 0.3}}
    return made


METRICS = ["terminal_pnl", "max_drawdown", "expected_shortfall", "daily_risk", "ratios"]


def config(method: str = "tornado", **more: Any) -> ExperimentConfig:
    return parse_experiment(tree(method, **more))


# each evaluation is a run


def by_hand(directory: Path, label: str, base: dict[str, Any]) -> list[tuple[float, float]]:
    """Estimate and standard error of the outputs from a run of the file with one value changed by hand."""
    end, _, factor = label.partition(" ")
    strategies, scenarios, costs = base["strategies"], base["scenarios"], base["costs"]
    if factor in ("strike", "fee", "volatility"):
        value = FACTORS[factor][end]
        if factor == "strike":
            strategies["near"] = {"engines": [{**strategies["near"]["engines"][0], "strike": value}]}
        elif factor == "fee":
            costs["commission_per_contract"] = value
        else:
            scenarios["flat"] = {**scenarios["flat"], "parameters": {"volatility": value}}
    if factor == "crossing":
        times = FACTORS[factor][end]
        costs["crossing"] = {1: 0.4 * times, 2: 0.3 * times}
    base.pop("sensitivity")
    results = open_results(run_experiment(parse_experiment(base), output=directory, jobs=1))
    found = []
    for output in OUTPUTS.values():
        place = {"scenario": output["scenario"], "statistic": output["statistic"]}
        if "minus" in output:
            cell = results.table("pairwise")["standard_error"].sel(**place, strategy="near", other="far")
            values = results.statistics["estimate"].sel(**place)
            found.append((float(values.sel(strategy="near") - values.sel(strategy="far")), float(cell)))
        else:
            cell = results.statistics.sel(**place, strategy=output["strategy"])
            found.append((float(cell["estimate"]), float(cell["standard_error"])))
    return found


@pytest.mark.slow
def test_every_evaluation_is_the_run_with_those_values(tmp_path: Path) -> None:
    made = open_study(run_study(config(days=25), output=tmp_path / "study")).evaluations
    assert list(made["point"].values) == ["base", *(f"{end} {name}" for name in FACTORS for end in ("low", "high"))]
    for row in (0, 1, 2, 3, 5, 7):
        label = made["point"].values[row]
        expected = by_hand(tmp_path / f"run{row}", str(label), tree(days=25))
        np.testing.assert_allclose(made["estimate"].values[row], [pair[0] for pair in expected], rtol=1e-12)
        np.testing.assert_allclose(made["standard_error"].values[row], [pair[1] for pair in expected], rtol=1e-12)
    values = made["estimate"].values
    assert np.ptp(values[:, 0]) > 0.0
    assert not np.allclose(values[2], values[1])  # another strike gives another result: the comparison has power


@pytest.mark.slow
def test_results_do_not_depend_on_jobs_or_on_company(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    morris = config("morris", sensitivity={"samples": 3})
    together = open_study(run_study(morris, output=tmp_path / "together"))
    spread = open_study(run_study(morris, output=tmp_path / "spread", jobs=2, backend="threading"))
    monkeypatch.setattr(market_evaluator, "MAX_CHUNK", 1)
    alone = open_study(run_study(morris, output=tmp_path / "alone"))
    for other in (spread, alone):
        xr.testing.assert_identical(together.evaluations, other.evaluations)
        xr.testing.assert_identical(together.measures, other.measures)


def test_points_that_differ_in_rules_alone_share_a_market(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    original = market_evaluator.run_cell

    def counted(given: ExperimentConfig, cell: Any) -> Any:
        calls.append((cell.scenario, cell.first_path, len(given.strategies)))
        return original(given, cell)

    monkeypatch.setattr(market_evaluator, "run_cell", counted)
    rules = {name: FACTORS[name] for name in ("strike", "fee")}
    given = config("grid", sensitivity={"factors": rules, "levels": 3, "outputs": {"mean": OUTPUTS["mean"]}})
    from sim.sensitivity.design import make_design

    assert given.sensitivity is not None
    points = make_design(given.sensitivity, 5).points
    evaluator = MarketEvaluator(config=given)
    assert evaluator.tasks(points, 2) == [list(points[:5]), list(points[5:])]
    batches = list(evaluator.evaluate(points))
    assert [len(batch) for batch in batches] == [9]
    # one simulation of the 40 paths in blocks of 15, nine strategies: `far` is looked at by no output
    assert calls == [("flat", 0, 9), ("flat", 15, 9), ("flat", 30, 9)]


# what fails


def test_points_that_break_a_rule_are_named(tmp_path: Path) -> None:
    """Wings are further out than shorts: each delta is allowed beside the other's in the file, not all pairs are."""
    engine = {"engine": "iron_condor", "wing_width": None, "wing_delta": 0.05, "short_delta": 0.25}
    made = tree("grid", strategies={"condor": {"engines": [engine]}}, days=5, paths=4)
    key = "strategies.condor.engines.iron_condor"
    made["sensitivity"] = {
        "method": "grid",
        "levels": 2,
        "factors": {
            "short": {"key": f"{key}.short_delta", "low": 0.1, "high": 0.3},
            "wing": {"key": f"{key}.wing_delta", "low": 0.04, "high": 0.15},
        },
        "outputs": {"mean": {"statistic": "terminal_pnl_mean", "strategy": "condor", "scenario": "flat"}},
    }
    study = open_study(run_study(parse_experiment(made), output=tmp_path / "study"))
    ((row, values, reason),) = study.failures()
    assert (row, values) == (1, "short = 0.1, wing = 0.15")
    assert "strategies.condor.engines.0.wing_delta: got 0.15; must be below short_delta, 0.1" in reason
    surface = study.measures["surface"].isel(output=0).values
    assert np.isnan(surface[0, 1])
    assert np.isfinite(surface).sum() == 3


# files


def faults(**changes: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        config(**changes)
    return str(caught.value)


def factor(**more: Any) -> dict[str, Any]:
    return {"factors": {"f": {"key": "strategies.near.engines.buy_puts.strike", "low": 1.0, "high": 2.0, **more}}}


@pytest.mark.parametrize(
    ("study", "message"),
    [
        (
            factor(key="strategies.near.engines.buy_puts.strik"),
            "0 has no strik, only engine, strike, quantity; did you",
        ),
        (
            factor(key="strategies.near.engines.buy_put.strike"),
            "no buy_put, only buy_puts; did you mean 'buy_puts'",
        ),
        (factor(key="strategies.near.engines.1.strike"), "engines has no 1, only buy_puts"),
        (factor(key="strategies.nea.engines.0.strike"), "has no nea, only near, far; did you mean 'near'?"),
        (factor(key="seed"), "got 'seed'; must start with one of scenarios, strategies, costs"),
        (factor(key="scenarios.flat.parameters.volatilty"), "volatilty is no parameter of constant_volatility"),
        (factor(key="scenarios.flat.model"), "scenarios.flat.model holds 'constant_volatility'; must hold a number"),
        (factor(key="account.fractional"), "account.fractional holds false; must hold a number"),
        (factor(key="strategies.near.costs.tick"), "strategies.near.costs is null, there is nothing below it"),
        (
            {"method": "sobol", **factor(low=-1.0, high=1.0)},
            "at low = -1: strategies.near.engines.0.strike: got -1.0; must be > 0",
        ),
        (
            {"method": "sobol", **factor(key="days", low=10, high=20)},
            "at between = 13.8197: days: got 13.81966; must be a whole number; say int",
        ),
        (factor(low=2.0), "sensitivity.factors.f.high: got 2.0; must be above low, 2"),
        (factor(scale="log", low=0.0), "sensitivity.factors.f.low: got 0.0; must be > 0 on a log scale"),
        (factor(base=5.0), "sensitivity.factors.f.base: got 5.0; must lie between low, 1, and high, 2"),
        (factor(), "sensitivity.factors.f.base: the file says 4000; must lie between low, 1, and high, 2"),
        (factor(key=["costs.crossing.1", "costs.crossing.2"]), "its keys hold different values, 0.4, 0.3; say base"),
        (factor(integer=True, low=0.5), "must be a whole number, as high and base, where integer is true"),
        (factor(key=[]), "sensitivity.factors.f.key: got []; must be at least 1 items long"),
        ({"method": "sobol", "samples": 48}, "samples: got 48; must be a power of two"),
        ({"method": "morris", "levels": 5}, "levels: got 5; must be even"),
        ({"method": "grid"}, "must be two for a grid, not 4"),
        ({"method": "sobl"}, "got 'sobl'; must be one of sobol, morris, tornado, grid; did you mean 'sobol'?"),
        ({"outputs": {"o": {**OUTPUTS["mean"], "statistic": "terminal_pnl_men"}}}, "did you mean 'terminal_pnl_mean'?"),
        ({"outputs": {"o": {**OUTPUTS["mean"], "strategy": "nera"}}}, "outputs.o.strategy: got 'nera'; must be one of"),
        ({"outputs": {"o": {**OUTPUTS["mean"], "minus": "near"}}}, "o takes near off itself"),
        (
            {"outputs": {"o": {"statistic": "ulcer_index_mean", "strategy": "near"}}},
            "scenario is missing; must be given",
        ),
    ],
)
def test_faults_of_a_study_are_named_when_the_file_is_read(study: dict[str, Any], message: str) -> None:
    assert message in faults(sensitivity=study)


def test_two_factors_may_not_have_one_key() -> None:
    same = {name: FACTORS["strike"] for name in ("a", "b")}
    assert "strike is varied by a already" in faults(sensitivity={"factors": same})


def test_an_experiment_without_a_study_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="toy has no section `sensitivity:`"):
        run_study(parse_experiment(experiment()), output=tmp_path / "study")
    assert list(tmp_path.iterdir()) == []


# the command


SMALL = """
name: small
question: What decides?
seed: 3
paths: 8
days: 12
scenarios: {only: {model: constant_volatility, parameters: {volatility: 0.2}}}
strategies:
  condor: {engines: [{engine: iron_condor, entry_every: 5}]}
  hedged: {engines: [{engine: iron_condor, entry_every: 5}, {engine: vix_ladder}]}
sensitivity:
  method: tornado
  factors:
    short_delta:
      key:
        - strategies.condor.engines.iron_condor.short_delta
        - strategies.hedged.engines.iron_condor.short_delta
      low: 0.15
      high: 0.30
      unit: "-"
    commission: {key: costs.commission_per_contract, low: 0.3, high: 1.3, unit: USD}
  outputs:
    pnl: {statistic: terminal_pnl_mean, strategy: condor}
    ruin: {statistic: probability_of_ruin, strategy: condor}
    hedge: {statistic: terminal_pnl_mean, strategy: hedged, minus: condor}
"""


def test_the_command_prints_measures_and_says_what_does_not_vary(tmp_path: Path) -> None:
    file = tmp_path / "small.yaml"
    file.write_text(SMALL, encoding="utf-8")
    arguments = ["sensitivity", str(file), "--output", str(tmp_path / "out"), "--jobs", "1"]
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == 0, done.output
    assert "pnl: mean P&L, condor [USD]" in done.stdout
    assert "high minus low" in done.stdout
    assert re.search(r"short_delta +-?[\d,.]+ \[-?[\d,.]+, -?[\d,.]+\]", done.stdout)
    assert "no measures: does not vary" in done.stdout
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "sensitivity.h5",
        "sensitivity.csv",
        "manifest.json",
        "report.html",
    }
    again = CliRunner().invoke(app, [*arguments])
    assert (again.exit_code, "holds results already" in again.stderr) == (2, True)
    (tmp_path / "out" / "report.html").unlink()  # as if the study had been killed while it was drawn
    resumed = CliRunner().invoke(app, [*arguments, "--resume"])
    assert (resumed.exit_code, "holds the complete results of this run" in resumed.stderr) == (0, True)
    assert resumed.stdout == done.stdout
    assert (tmp_path / "out" / "report.html").is_file()
    replaced = CliRunner().invoke(app, [*arguments, "--overwrite", "--json", "--quiet", "--no-report"])
    rows = json.loads(replaced.stdout)
    assert [item["status"] for item in rows["outputs"]] == ["ok", "does not vary", "ok"]
    assert {"output", "factor", "other", "measure", "estimate", "ci_low", "ci_high", "unit"} == {*rows["rows"][0]}
    assert rows["failures"] == []
    drawn = CliRunner().invoke(app, ["report", str(tmp_path / "out")])
    assert drawn.exit_code == 0, drawn.output


def test_a_study_of_a_file_is_that_of_its_values(tmp_path: Path) -> None:
    file = tmp_path / "small.yaml"
    file.write_text(SMALL, encoding="utf-8")
    assert load_experiment(file, ["sensitivity.samples=8", "sensitivity.method=sobol"]).sensitivity is not None
