"""Sampling in experiments: what is refused, bits, weights in every statistic, controls, and what is reported."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sim import open_results, run_experiment
from sim.errors import ConfigError
from sim.experiment import parse_experiment
from sim.metrics.controlled import adjusted
from sim.metrics.design import equal_weight, stored_design, weighted_quantiles
from sim.metrics.estimate import SampleDesign, expected_shortfall, mean, quantile
from tests.stored import contents
from tests.toy_experiment import experiment, registered

SVCJ = {"model": "svcj", "preset": "svcj_index_2018"}
CONDOR = {"engines": [{"engine": "iron_condor"}]}
PATHS, DAYS = 192, 15


def tree(method: str, scenario: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    sampling = {"method": method, "points": 4, **more.pop("sampling", {})}
    return {
        "name": "sampled",
        "seed": 3,
        "paths": PATHS,
        "days": DAYS,
        "scenarios": {"one": scenario or SVCJ},
        "strategies": {"condor": CONDOR},
        "metrics": ["terminal_pnl", "max_drawdown", "expected_shortfall", "daily_risk", "hedge"],
        "keep": {"explorer": ["p01"], "greek_paths": 6},
        "sampling": sampling,
        **more,
    }


def refusal(given: dict[str, Any]) -> str:
    with pytest.raises(ConfigError) as caught:
        parse_experiment(given)
    return str(caught.value)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (tree("sobol", sampling={"points": 12}), "sampling.points: got 12; must be a power of 2"),
        (tree("sobol", sampling={"points": 8}), "sampling.points: got 8; must be at most paths / 32, which is 6"),
        (tree("antithetic", paths=31), "paths: got 31; must be even where paths are antithetic pairs"),
        (
            tree("antithetic", {**SVCJ, "replay": {}}),
            "antithetic and a replay exclude one another; leave out the replay of scenario one or `sampling`",
        ),
        (
            tree("plain", {**SVCJ, "stress": {"sessions": [{"spx_return": -0.1}]}}, sampling={"controls": ["spx"]}),
            "control variates and a stress exclude one another",
        ),
        (tree("importance", {**SVCJ, "regime": "crash_2008"}), "importance cannot tilt a steered episode"),
        (
            tree(
                "importance", {"model": "heston_nandi", "preset": "heston_nandi_index_2018", "start": {"state": [1e-4]}}
            ),
            "importance has nothing to tilt, neither shocks or jumps that the model names nor (start_tilt) a start, in",
        ),
        (
            tree("importance", sampling={"jump_intensity": 1.0, "jump_size": 1.0, "variance_rise": 0.0, "trend": 0.0}),
            "sampling.variance_rise: got 0.0; must be above 0 where trend and start_tilt are 0 and jumps as in the",
        ),
        (
            tree("plain", {"model": "gjr_garch", "preset": "gjr_garch_2018"}, sampling={"controls": ["strip"]}),
            "the mean of the control strip under P is not known for the model gjr_garch of scenario one; must be among",
        ),
        (tree("antithetical"), "sampling.method: got 'antithetical'; must be one of"),
        (tree("plain", sampling={"controls": ["spx", "spx"]}), "must name each control once"),
    ],
)
def test_what_cannot_be_sampled_is_refused(given: dict[str, Any], message: str) -> None:
    assert message in refusal(given)


def test_models_with_numbers_of_their_own_are_refused() -> None:
    with registered():
        message = refusal(experiment(sampling={"method": "antithetic"}))
        assert parse_experiment(experiment(sampling={"method": "plain"})).sampling.is_plain
    assert "got antithetic, which the model constant_volatility of scenario flat does not allow" in message


def run(directory: Path, method: str, **more: Any) -> Path:
    return run_experiment(parse_experiment(tree(method, **more)), output=directory, jobs=1, backend="threading")


ALL = {"sampling": {"controls": ["spx", "strip", "vix"]}}


@pytest.fixture(scope="module")
def weighted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run(tmp_path_factory.mktemp("sampling") / "weighted", "importance", **ALL)


def test_bits_do_not_depend_on_blocks(weighted: Path, tmp_path: Path) -> None:
    other = run(tmp_path / "blocks", "importance", **ALL, compute={"block_paths": 64})
    first, second = contents(weighted), contents(other)
    names = ["path_weight", "control_value", "terminal_pnl", "max_drawdown", "spot_fan", "vix_fan", "equity_fan"]
    names += [name for name in first if name.startswith(("statistics/", "controlled/"))]
    assert [name for name in names if first[name] != second[name]] == []
    assert len(names) > 12


def test_weights_are_in_statistics_fans_and_greeks(weighted: Path) -> None:
    results = open_results(weighted)
    cell = results.data.sel(scenario="one", strategy="condor")
    weights, pnl = cell["path_weight"].values, cell["terminal_pnl"].values
    assert weights.std() > 0.05
    found = results.statistics["estimate"].sel(scenario="one", strategy="condor")
    assert float(found.sel(statistic="terminal_pnl_mean")) == pytest.approx(np.average(pnl, weights=weights))
    order = np.argsort(pnl)
    share = np.cumsum(weights[order]) / weights.sum()
    median = pnl[order][np.searchsorted(share, 0.5)]
    assert float(cell["equity_fan"].sel(quantile=0.5).values[-1]) == pytest.approx(1e6 + median, rel=1e-6)
    measured = cell["book_mean_vega"].values
    assert measured.size == 6
    vega = cell["book_greek_mean"].sel(greek="vega").values
    assert vega.mean() == pytest.approx(np.average(measured, weights=weights[:6]), rel=1e-4)
    sampled = results.manifest["sampling"]["one"]
    assert sampled["effective_paths"] == pytest.approx(weights.sum() ** 2 / np.sum(weights**2))
    picked = results.table("explorer").sel(scenario="one", pick="p01")
    assert int(picked["path"]) == order[np.searchsorted(share, 0.01)]


def test_report_says_how_paths_were_drawn(weighted: Path) -> None:
    from sim.report.registry import make_sections

    section = next(item for item in make_sections(open_results(weighted)) if item.anchor == "sampling")
    assert [table.title for table in section.tables] == ["Sampling", "Means with control variates"]


def test_stored_design_knows_clusters(tmp_path: Path) -> None:
    results = open_results(run(tmp_path / "nets", "sobol", keep={"explorer": [], "greek_paths": 0}))
    assert stored_design(results.data.sel(scenario="one")) == SampleDesign(cluster=4)
    pnl = results.data["terminal_pnl"].sel(scenario="one", strategy="condor").values
    error = results.statistics["standard_error"].sel(scenario="one", strategy="condor", statistic="terminal_pnl_mean")
    assert float(error) == pytest.approx(pnl.reshape(-1, 4).mean(axis=1).std(ddof=1) / math.sqrt(PATHS / 4))


def test_weighted_quantiles_leave_out_what_is_missing() -> None:
    values = np.array([[3.0, np.nan, 1.0, 2.0], [np.nan] * 4])
    found = weighted_quantiles(values, (0.1, 0.5, 1.0), np.array([1.0, 9.0, 1.0, 2.0]))
    np.testing.assert_array_equal(found, [[1.0, np.nan], [2.0, np.nan], [3.0, np.nan]])


def test_values_of_equal_weight_have_the_weighted_distribution() -> None:
    rng = np.random.default_rng(4)
    x = rng.standard_normal(4000)
    design = SampleDesign(weights=np.exp(0.7 * x - 0.245))
    even = equal_weight(x, design)
    assert even.size == round(design.effective_paths(x.size))
    for p in (0.1, 0.5, 0.9):
        assert np.quantile(even, p) == pytest.approx(quantile(x, p, design).estimate, abs=0.02)


def test_control_variates_save_what_they_explain() -> None:
    """A mean of y = 2 c + e with a known mean of c: variance 5 becomes 1, and 95% intervals cover."""
    rng, hits, ratios = np.random.default_rng(8), 0, []
    for _ in range(500):
        control, noise = rng.standard_normal((2, 400))
        raw = mean(2.0 * control + noise)
        better = adjusted(raw, control[None], SampleDesign())
        hits += better.ci_low < 0.0 < better.ci_high
        ratios.append((raw.standard_error / better.standard_error) ** 2)
    assert np.mean(ratios) == pytest.approx(5.0, rel=0.05)
    assert abs(hits / 500 - 0.95) < 4.0 * math.sqrt(0.95 * 0.05 / 500)


def test_a_control_of_another_mean_misleads() -> None:
    rng = np.random.default_rng(9)
    control, noise = rng.standard_normal((2, 4000))
    wrong = adjusted(mean(2.0 * control + noise), control[None] + 0.2, SampleDesign())
    assert abs(wrong.estimate) > 8.0 * wrong.standard_error


def test_expected_shortfall_of_tilted_draws_covers_with_a_smaller_error() -> None:
    """Normal losses, 99.9%: shifted by 2.5 with their likelihood ratios against independent draws."""
    rng, level, n = np.random.default_rng(12), 0.999, 4000
    truth = math.exp(-0.5 * 3.090232306167813**2) / math.sqrt(2.0 * math.pi) / 0.001
    hits, errors, plain = 0, [], []
    for _ in range(400):
        x = rng.standard_normal(n)
        plain.append(expected_shortfall(-x, level).standard_error)
        y = np.where(rng.random(n) < 0.3, x, x + 2.5)
        weights = 1.0 / (0.3 + 0.7 * np.exp(2.5 * y - 3.125))
        found = expected_shortfall(-y, level, SampleDesign(weights=weights))
        hits += found.ci_low < truth < found.ci_high
        errors.append(found.standard_error)
    assert abs(hits / 400 - 0.95) < 4.0 * math.sqrt(0.95 * 0.05 / 400)
    assert np.mean(errors) < 0.25 * np.mean(plain)
