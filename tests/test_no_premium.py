"""The whole program as a martingale test: without premia, costs and rates, no engine earns or loses on average."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from sim import load_experiment, open_results, run_experiment
from sim.cell import Cell, run_cell
from sim.config import ExperimentConfig
from sim.experiment import parse_experiment
from sim.outcomes import Outcomes
from sim.storage import Results
from sim.strategies.registry import REGISTRY

QUICKSTART = Path(__file__).parents[1] / "experiments" / "quickstart.yaml"
FREE = (
    "costs.commission_per_contract=0",
    "costs.exchange_fee_spx=0",
    "costs.exchange_fee_vix=0",
    "costs.regulatory_fee=0",
    "costs.commission_per_future=0",
    "costs.exchange_fee_vix_future=0",
    "costs.commission_per_share=0",
    "costs.etn_fee=0",
    "costs.crossing={1: 0.0, 2: 0.0, 4: 0.0}",
    "paths=4000",
    "keep.fan=false",
    "keep.example_paths=0",
    "keep.explorer=[]",
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


BELOW, ABOVE = {"signal": "vix", "op": "<", "value": "vix_sma5"}, {"signal": "vix_vs_sma5", "op": ">", "value": 0.06}
FALLEN, RISEN = ({"signal": "drawdown_spx", "op": op, "value": at} for op, at in ((">", 0.01), ("<", 0.004)))
EAGER: dict[str, dict[str, Any]] = {
    "iron_condor": {"risk_per_tranche": 0.02},
    "layer1_call_spread": {"contango_z": -0.5, "rsi_level": 60.0, "breadth": True},
    "layer2_acceleration": {"on": BELOW, "off": ABOVE, "size": 1.0},
    "layer3_full_defence": {"on": BELOW, "off": ABOVE, "size": 1.0},
    "partial_layer": {"level": 12.0, "off_level": 11.5, "when": {"signal": "days_to_event", "op": "<=", "value": 8}},
    "ratio_backspread": {"rsi_vx1": 55.0, "contango": 0.0, "near_max_profit": 0.2, "breadth": False},
    "sub_sma5": {"on": BELOW, "veto": None, "off": ABOVE},
    "crash_synthetic": {"on": FALLEN, "off": RISEN, "instrument": "etn"},
    "temporal_buffer": {"on": BELOW, "off": ABOVE, "use_beta": False},
    "vix_ladder": {"rungs": [{"days": 30, "per_ten_condors": 10, "delta": 0.4, "roll_days": 7}]},
    "self_funding": {"on": BELOW, "off": ABOVE, "size": 1.0},
    "delta_neutral": {"band": 0.02},
    "rigid_vix": {"level": 13.0, "size": 0.3},
    "put_spread_hedge": {"size": 0.5},
    "var_stop": {"limit": 0.008},
    "cndr": {"collateral": 2.0},
    "vxth": {"levels": [5.0, 30.0, 50.0], "weights": [0.0, 0.02, 0.02, 0.0]},
    "spx": {},
    "cash": {},
}
"""Settings under which every registered engine trades often in a calm market."""

ALONE = ("cndr", "vxth", "spx", "cash")
NO_TRADES = ("var_stop", "cash")
"""They hold nothing of their own."""


HEDGED = [name for name in REGISTRY if name not in (*ALONE, "var_stop")]
BOOKS = {"hedged": HEDGED, "stopped": ["var_stop", "iron_condor"], **{name: [name] for name in ALONE}}
"""Every engine of the registry: hedges beside one condor, the value-at-risk stop before one, baselines alone."""


PRESETS = {
    "svcj": "svcj_index_2018",
    "heston_nandi": "heston_nandi_index_2018",
    "heston": "heston_2018",
    "two_factor_svcj": "two_factor_svcj_2018",
}
"""Models in which no engine may earn; the tables of the last take half a minute and wait for the longer tests."""

QUICK, LONG = tuple(PRESETS)[:3], tuple(PRESETS)


def run_books(
    model: str, books: dict[str, list[str]], *, days: int, paths: int, variance: float = 0.0, is_calm: bool = True
) -> dict[str, Outcomes]:
    """Outcomes of books in a model, from a calm start or its stationary law; P&L by source is checked on the way."""
    tree = config_with(variance, 0.0).model_dump(mode="json")
    scenario = {**tree["scenarios"]["svcj_calm"], "model": model, "preset": PRESETS[model]}
    name = f"{model}_calm" if is_calm else model
    if not is_calm:
        del scenario["start"]
    tree["scenarios"] = {name: scenario}
    tree["strategies"] = {
        book: {"engines": [{"engine": name, **EAGER[name]} for name in names]} for book, names in books.items()
    }
    tree.update(days=days, paths=paths)
    tree["keep"].update(greek_paths=10, sources=True)
    return run_cell(parse_experiment(tree), Cell(scenario=name, first_path=0, n_paths=paths)).outcomes


@pytest.fixture(scope="module")
def all_engines() -> dict[str, dict[str, Outcomes]]:
    return {model: run_books(model, BOOKS, days=42, paths=400) for model in QUICK}


@pytest.fixture(scope="module", params=LONG)
def a_quarter(request: pytest.FixtureRequest) -> dict[str, Outcomes]:
    """Books of one model at a time, so that one can be run alone; a model that takes far longer has fewer paths."""
    return run_books(request.param, BOOKS, days=63, paths=500 if request.param == "two_factor_svcj" else 1500)


def test_the_settings_cover_the_registry() -> None:
    assert EAGER.keys() == REGISTRY.keys()


@pytest.mark.parametrize("engine", EAGER)
@pytest.mark.parametrize("model", QUICK)
def test_every_engine_is_a_fair_game_without_premia(
    all_engines: dict[str, dict[str, Outcomes]], model: str, engine: str
) -> None:
    assert_fair(all_engines[model], engine)


def test_the_sources_of_every_engine_add_up(all_engines: dict[str, dict[str, Outcomes]]) -> None:
    """Openings, auction noise, notes and units included: what the run has checked by session, once more at the end."""
    for outcome in (outcome for books in all_engines.values() for outcome in books.values()):
        assert outcome.sources is not None
        total, net = outcome.sources.total, outcome.engine_pnl - outcome.engine_cost
        np.testing.assert_allclose(total[:-1].sum(axis=1), net[:, : total.shape[-1]], atol=1e-3)
        np.testing.assert_allclose(total.sum(axis=(0, 1)), outcome.terminal_pnl[: total.shape[-1]], atol=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("engine", EAGER)
def test_every_engine_is_a_fair_game_over_a_quarter(a_quarter: dict[str, Outcomes], engine: str) -> None:
    assert_fair(a_quarter, engine)


@pytest.mark.parametrize("variance", [0.0, 1.0])
def test_a_premium_fails_the_test_of_a_fair_game(variance: float) -> None:
    """Two of those engines as they stand: with the model's premium condors earn and calls lose, without they do not."""
    paid = run_books("svcj", {"hedged": ["iron_condor", "vix_ladder"]}, days=42, paths=1500, variance=variance)
    condors, calls = (score(pnl_of(paid["hedged"], name)) for name in ("iron_condor", "vix_ladder"))
    assert (condors > 4.0, calls < -4.0) == (variance > 0.0, variance > 0.0)
    assert (max(abs(condors), abs(calls)) < 4.0) == (variance == 0.0)


def test_twice_the_premium_is_clearly_more() -> None:
    """Condors alone on the same paths, since a premium moves prices and no path; and less of it is clearly less."""
    condor = {"alone": ["iron_condor"]}
    sizes: dict[str, Any] = {"days": 42, "paths": 600, "is_calm": False}
    earned = {
        scale: pnl_of(run_books("heston_nandi", condor, variance=scale, **sizes)["alone"], "iron_condor")
        for scale in (0.0, 1.0, 2.0)
    }
    assert score(earned[2.0] - earned[1.0]) > 4.0
    assert score(earned[0.0] - earned[1.0]) < -4.0
    assert abs(score(earned[0.0])) < 4.0


def assert_fair(books: dict[str, Outcomes], engine: str) -> None:
    book = engine if engine in ALONE else "stopped" if engine == "var_stop" else "hedged"
    pnl = pnl_of(books[book], engine)
    if engine in NO_TRADES:
        assert (pnl == 0.0).all()
        return
    assert np.mean(pnl != 0.0) > 0.05  # it did trade
    assert abs(score(pnl)) < 4.0


def pnl_of(outcome: Outcomes, engine: str) -> NDArray[np.float64]:
    assert float(outcome.engine_cost.max(initial=0.0)) == 0.0
    return np.asarray(outcome.engine_pnl[outcome.engines.index(engine)])


def engine_pnl(results: Results, scenario: str, strategy: str, engine: str) -> NDArray[np.float64]:
    cell = results.data["engine_pnl"].sel(scenario=scenario, strategy=strategy, engine=engine)
    return np.asarray(cell.values)


def score(sample: NDArray[np.float64]) -> float:
    return float(sample.mean() / (sample.std(ddof=1) / np.sqrt(sample.size)))


@pytest.mark.slow
@pytest.mark.parametrize("scenario", ["svcj_calm", "heston_nandi_calm"])
@pytest.mark.parametrize("strategy", ENGINES)
def test_no_engine_earns_or_loses_without_premia(without_premia: Results, scenario: str, strategy: str) -> None:
    for engine in ENGINES[strategy]:
        pnl = engine_pnl(without_premia, scenario, strategy, engine)
        assert np.mean(pnl != 0.0) > 0.1, engine  # it did trade
        assert abs(score(pnl)) < 4.0, engine
    assert float(np.abs(without_premia.data["total_cost"]).max()) == 0.0


@pytest.mark.slow
def test_the_same_condors_earn_the_premium_where_there_is_one(tmp_path: Path) -> None:
    paid = open_results(run_experiment(config_with(1.0, 0.0), output=tmp_path / "run"))
    assert score(engine_pnl(paid, "heston_nandi_calm", "condor_only", "iron_condor")) > 4.0
    assert score(engine_pnl(paid, "svcj_calm", "condor_layer1", "layer1_call_spread")) < -4.0
