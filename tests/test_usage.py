"""What is counted through time: engines that hold positions, margin over equity, and roll phases."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.protocols import Stream
from sim import open_results, run_experiment
from sim.cell import stream_number
from sim.experiment import parse_experiment
from sim.storage import Results
from sim.strategies.memory import roll_phases
from sim.usage import EDGES, UsageBook, quantiles_of_counts
from tests.toy_experiment import DAYS, PATHS, experiment, registered


def run(output: Path, **more: Any) -> Results:
    with registered():
        return open_results(run_experiment(parse_experiment(experiment(**more)), output=output, jobs=1))


STRATEGIES = {
    "near": {"engines": [{"engine": "buy_puts", "strike": 4000.0}]},
    "condor": {"engines": [{"engine": "iron_condor", "roll_phase": "drawn"}]},
}


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    return run(tmp_path_factory.mktemp("usage") / "toy", strategies=STRATEGIES, keep={"explorer": ["median"]})


def test_shares_of_paths_average_to_the_share_of_sessions(results: Results) -> None:
    shares, usage = results.data["engine_active"], results.table("usage")["engine_open"]
    for scenario in ("flat", "loud"):
        for strategy, engine in (("near", "buy_puts"), ("condor", "iron_condor")):
            where = {"scenario": scenario, "strategy": strategy, "engine": engine}
            assert 0.0 < float(shares.sel(where).mean()) < 1.0
            assert float(usage.sel(where).mean()) == pytest.approx(float(shares.sel(where).mean()), rel=1e-6)
    puts = usage.sel(scenario="flat", strategy="near", engine="buy_puts").values
    assert set(np.unique(puts)) == {0.0, 1.0}  # bought on all paths at once, and gone at their expiry
    assert np.flatnonzero(np.diff(puts)).size == 1


def test_margin_of_a_path_lies_within_the_quantiles_of_all(results: Results) -> None:
    path = results.table("explorer").sel(scenario="loud", pick="median", strategy="condor")
    use = (path["margin"] / path["equity"]).values
    fan = results.table("usage")["margin_use"].sel(scenario="loud", strategy="condor")
    assert use.max() > 0.02
    widest = 0.0051  # of a bin, up to half of the equity
    inside = (use <= fan.sel(quantile=0.99).values + widest) & (use >= fan.sel(quantile=0.01).values - widest)
    assert inside.mean() > 0.9


@pytest.mark.slow
def test_counts_do_not_hang_on_blocks(results: Results, tmp_path: Path) -> None:
    again = run(tmp_path / "cut", strategies=STRATEGIES, keep={"explorer": []}, compute={"block_paths": 7})
    for name in ("engine_open", "margin_use"):
        one, other = (item.table("usage")[name].values for item in (results, again))
        assert one.tobytes() == other.tobytes()


def test_phases_are_those_that_the_paths_drew(results: Results) -> None:
    table = results.table("phases")
    for scenario in ("flat", "loud"):
        # one path at a time, as if each were a block of its own
        streams = (Stream(seed=5, scenario=stream_number(scenario), first_path=path) for path in range(PATHS))
        drawn = np.array([roll_phases(stream, 1)[:, 0] for stream in streams])
        np.testing.assert_array_equal(table["weekday"].sel(scenario=scenario).values, np.floor(5.0 * drawn[:, 0]))
        np.testing.assert_array_equal(table["week"].sel(scenario=scenario).values, np.floor(4.0 * drawn[:, 1]))
    assert len(np.unique(table["weekday"].values)) == 5


def test_phases_are_kept_only_where_they_are_drawn(tmp_path: Path) -> None:
    assert not run(tmp_path / "toy", strategies={"near": STRATEGIES["near"]}).has_table("phases")


def test_quantiles_of_counts_are_within_a_bin_of_those_of_the_values() -> None:
    rng = np.random.default_rng(4)
    margin, n_days = rng.beta(2.0, 9.0, (4000, 6)), 6
    margin[:, 0] = 0.0
    margin[:2500, 1] = 0.0
    book = UsageBook(1, n_days)
    for day in range(n_days):
        book.note(day, [None], 1e6 * margin[:, day], np.full(4000, 1e6))
    probabilities = (0.05, 0.5, 0.95)
    found = quantiles_of_counts(book.margin_use.astype(np.int64), probabilities)
    width = np.diff(EDGES).max(where=EDGES[1:] <= 0.9, initial=0.0)
    np.testing.assert_allclose(found, np.quantile(margin, probabilities, axis=0), atol=width)
    assert (found[:, 0] == 0.0).all()
    assert found[1, 1] == 0.0
    assert book.margin_use.sum(axis=0).tolist() == [4000] * n_days


def test_margin_beyond_all_bins_is_counted_in_the_last_one() -> None:
    book = UsageBook(1, 1)
    book.note(0, [np.array([True, False, True])], np.array([5.0, 0.0, 1.0]), np.array([1.0, 0.0, -1.0]))
    assert book.margin_use[-1, 0] == 2
    assert book.margin_use[0, 0] == 1  # nothing bound, whatever the equity
    assert book.engine_open.tolist() == [[2]]
    assert DAYS > 0
