"""Best, worst and not distinguishable: stored errors of differences by brute force, and marks on made-up tables."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import xarray as xr

from sim import open_results, run_experiment
from sim.experiment import parse_experiment
from sim.report.ranking import marks
from sim.storage import Results
from tests.toy_experiment import experiment, registered


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Results]:
    with registered():
        config = parse_experiment(experiment())
        yield open_results(run_experiment(config, output=tmp_path_factory.mktemp("ranking") / "toy", jobs=1))


def test_stored_errors_of_differences_are_those_of_the_paths(results: Results) -> None:
    errors = results.table("pairwise")["standard_error"]
    for scenario in ("flat", "loud"):
        for statistic, variable in (("terminal_pnl_mean", "terminal_pnl"), ("max_drawdown_mean", "max_drawdown")):
            near, far = (results.data[variable].sel(scenario=scenario, strategy=s).values for s in ("near", "far"))
            moves = near - far
            expected = np.sqrt(np.sum((moves - moves.mean()) ** 2) / (moves.size - 1) / moves.size)
            stored = errors.sel(scenario=scenario, statistic=statistic)
            assert float(stored.sel(strategy="near", other="far")) == pytest.approx(expected, rel=1e-9)
            assert float(stored.sel(strategy="far", other="near")) == pytest.approx(expected, rel=1e-9)
            assert float(stored.sel(strategy="far", other="far")) == 0.0


def test_errors_against_the_first_strategy_are_those_of_the_paired_table(results: Results) -> None:
    first = results.table("pairwise")["standard_error"].sel(strategy="near")
    paired = results.paired["standard_error"]
    np.testing.assert_allclose(
        first.sel(other="far").transpose("scenario", "statistic").values,
        paired.sel(strategy="far").transpose("scenario", "statistic").values,
        rtol=1e-12,
    )


def tables(values: list[float], error: float) -> tuple[xr.Dataset, xr.Dataset]:
    names = [f"s{i}" for i in range(len(values))]
    errors = error * (1.0 - np.eye(len(values)))
    coordinates = {"scenario": ["here"], "statistic": ["x"], "strategy": names}
    return (
        xr.Dataset(
            {"estimate": (("scenario", "strategy", "statistic"), np.array(values)[None, :, None])}, coords=coordinates
        ),
        xr.Dataset(
            {"standard_error": (("scenario", "statistic", "strategy", "other"), errors[None, None])},
            coords={**coordinates, "other": names},
        ),
    )


@pytest.mark.parametrize(
    ("values", "error", "higher", "expected"),
    [
        ([0.0, 10.0, 5.0], 1.0, True, ["worst", "best", "middle"]),
        ([0.0, 10.0, 5.0], 1.0, False, ["best", "worst", "middle"]),
        ([0.0, 10.0, 9.0], 1.0, True, ["worst", "best", "like_best"]),
        ([0.0, 10.0, 1.0], 1.0, True, ["worst", "best", "like_worst"]),
        ([0.0, 10.0, 5.0], 4.0, True, ["worst", "best", "same"]),  # 1.96 x 4 covers 5, not 10
        ([0.0, 10.0, 5.0], 6.0, True, ["same"] * 3),
        ([3.0], 0.0, True, ["middle"]),
        ([0.0, float("nan")], 1.0, True, ["middle", "middle"]),
    ],
)
def test_marks(values: list[float], error: float, higher: bool, expected: list[str]) -> None:
    statistics, pairwise = tables(values, error)
    found = marks(statistics, pairwise, "here", "x", higher_is_better=higher)
    assert list(found.values()) == expected
