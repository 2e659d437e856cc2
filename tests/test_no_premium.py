"""The whole program as a martingale test: without premia, costs and rates, no engine earns or loses on average."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from sim import load_experiment, open_results, run_experiment
from sim.config import ExperimentConfig
from sim.storage import Results

QUICKSTART = Path(__file__).parents[1] / "experiments" / "quickstart.yaml"
FREE = (
    "costs.commission_per_contract=0",
    "costs.exchange_fee_spx=0",
    "costs.exchange_fee_vix=0",
    "costs.regulatory_fee=0",
    "costs.crossing={1: 0.0, 2: 0.0, 4: 0.0}",
    "paths=4000",
    "keep.fan=false",
    "keep.example_paths=0",
)
ENGINES = {
    "condor_layer1": ("iron_condor", "layer1_call_spread"),
    "condor_ratio_backspread": ("iron_condor", "ratio_backspread"),
}


def config_with(variance: float, equity: float) -> ExperimentConfig:
    """Both models of the quickstart from their calm start, premia scaled, no costs, no rates."""
    names = ("svcj_calm", "heston_nandi_calm")
    changes = [
        f"scenarios.{name}.{key}={value}"
        for name in names
        for key, value in (
            ("variance_premium_scale", variance),
            ("equity_premium_scale", equity),
            ("parameters", "{rate: 0.0, dividend_yield: 0.0}"),
        )
    ]
    config = load_experiment(QUICKSTART, [*FREE, *changes])
    return config.model_copy(update={"scenarios": {name: config.scenarios[name] for name in names}})


@pytest.fixture(scope="module")
def without_premia(tmp_path_factory: pytest.TempPathFactory) -> Results:
    return open_results(run_experiment(config_with(0.0, 0.0), output=tmp_path_factory.mktemp("fair") / "run"))


def engine_pnl(results: Results, scenario: str, strategy: str, engine: str) -> NDArray[np.float64]:
    cell = results.data["engine_pnl"].sel(scenario=scenario, strategy=strategy, engine=engine)
    return np.asarray(cell.values)


def score(sample: NDArray[np.float64]) -> float:
    return float(sample.mean() / (sample.std(ddof=1) / np.sqrt(sample.size)))


@pytest.mark.parametrize("scenario", ["svcj_calm", "heston_nandi_calm"])
@pytest.mark.parametrize("strategy", ENGINES)
def test_no_engine_earns_or_loses_without_premia(without_premia: Results, scenario: str, strategy: str) -> None:
    for engine in ENGINES[strategy]:
        pnl = engine_pnl(without_premia, scenario, strategy, engine)
        assert np.mean(pnl != 0.0) > 0.1, engine  # it did trade
        assert abs(score(pnl)) < 4.0, engine
    assert float(np.abs(without_premia.data["total_cost"]).max()) == 0.0


def test_the_same_condors_earn_the_premium_where_there_is_one(tmp_path: Path) -> None:
    paid = open_results(run_experiment(config_with(1.0, 0.0), output=tmp_path / "run"))
    assert score(engine_pnl(paid, "heston_nandi_calm", "condor_only", "iron_condor")) > 4.0
    assert score(engine_pnl(paid, "svcj_calm", "condor_layer1", "layer1_call_spread")) < -4.0
