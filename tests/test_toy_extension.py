"""A model and an engine from outside the packages run through the whole program, to numbers worked out by hand."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from models.protocols import SimulationGrid, Stream
from sim import open_results, run_experiment
from sim.experiment import parse_experiment
from sim.report import write_report
from tests.toy_experiment import DAYS, EQUITY, PATHS, ConstantVolatility, experiment, registered
from tests.toy_market import DIVIDEND_YIELD, RATE, black_scholes

FloatArray = NDArray[np.float64]


@pytest.fixture(autouse=True)
def _toys() -> Iterator[None]:
    with registered():
        yield


def expected_pnl(volatility: float, strike: float, quantity: float) -> FloatArray:
    """Cash less the premium earns interest to the expiry, 2019-02-01, and with the payoff on to the end."""
    paths = ConstantVolatility(volatility=volatility).simulate(
        SimulationGrid(n_days=DAYS, warmup_days=60), PATHS, Stream(seed=5)
    )
    life = 21  # sessions from 2 January to 1 February 2019: closed on 21 January
    premium = black_scholes(4000.0, volatility, strike, life / 252, False).price
    payoff = np.maximum(strike - paths.spot[60 + life], 0.0)
    grow = np.exp(RATE / 252)
    cash = (EQUITY - 100 * quantity * premium) * grow**life + 100 * quantity * payoff
    return np.asarray(cash * grow ** (DAYS - life) - EQUITY)


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_toy_model_and_a_toy_engine_run_an_experiment(tmp_path: Path, jobs: int) -> None:
    config = parse_experiment(experiment(compute={"block_paths": 16}))
    results = open_results(run_experiment(config, output=tmp_path / "toy", jobs=jobs))
    pnl = results.data["terminal_pnl"]
    for scenario, volatility in (("flat", 0.2), ("loud", 0.4)):
        for strategy, strike, quantity in (("near", 4000.0, 1.0), ("far", 3900.0, 3.0)):
            result = pnl.sel(scenario=scenario, strategy=strategy).values
            np.testing.assert_allclose(result, expected_pnl(volatility, strike, quantity), rtol=1e-9, atol=1e-6)
    assert not np.allclose(pnl.sel(scenario="flat"), pnl.sel(scenario="loud"), rtol=1e-3)
    assert float(results.data["engine_cost"].max()) == 0.0
    assert results.manifest["premium"]["flat"]["equity_premium"]["value"] == pytest.approx(0.05 - RATE + DIVIDEND_YIELD)


@pytest.mark.slow
def test_its_report_is_drawn_whatever_metrics_are_kept(tmp_path: Path) -> None:
    for metrics in (["terminal_pnl"], ["max_drawdown"], ["expected_shortfall"]):
        config = parse_experiment(experiment(metrics=metrics, name="toy", question="Is 1 < 2?"))
        directory = run_experiment(config, output=tmp_path / metrics[0], jobs=1)
        text = write_report(directory).read_text(encoding="utf-8")
        assert "Is 1 &lt; 2?" in text
        assert "Is 1 < 2?" not in text
        for name in ("flat", "loud", "near", "far"):
            assert f">{name}</td>" in text or f"<h3>{name}</h3>" in text
