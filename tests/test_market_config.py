"""The market section of an experiment: defaults, overrides by scenario, and rules that read what is switched off."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import pytest

from sim import load_experiment, open_results, run_experiment
from sim.config import EngineConfig
from sim.errors import ConfigError
from sim.experiment import experiment_schema, parse_experiment
from sim.report import write_report
from sim.strategies import registry
from sim.strategies.protocols import DayView, Orders
from tests.toy_experiment import experiment, registered


class ListenerConfig(EngineConfig):
    """Reads signals and does nothing."""

    engine: Literal["listener"] = "listener"


class Listener:
    config_type: ClassVar[type[EngineConfig]] = ListenerConfig
    required_signals: ClassVar[tuple[str, ...]] = ("ad_break", "concentration", "days_to_event")
    heard: ClassVar[list[float]] = []

    def __init__(self, config: ListenerConfig, n_paths: int) -> None:
        self.n_paths = n_paths

    def decide(self, view: DayView) -> Orders:
        self.heard.append(float(sum(view.signal(name).sum() for name in self.required_signals)))
        return Orders()


@pytest.fixture(autouse=True)
def toys() -> Iterator[None]:
    with registered():
        registry.register("listener", Listener)
        yield
        del registry.REGISTRY["listener"]


def listening(**more: Any) -> dict[str, Any]:
    return experiment(strategies={"listen": {"engines": [{"engine": "listener"}]}}, **more)


def test_defaults_carry_breadth_and_macro_and_no_events() -> None:
    market = parse_experiment(experiment()).market
    assert market.breadth is not None
    assert market.macro is not None
    assert market.events is None


def test_a_rule_whose_series_is_switched_off_is_refused_when_the_file_is_loaded(tmp_path: Path) -> None:
    text = """\
name: deaf
scenarios:
  flat: {model: constant_volatility, parameters: {volatility: 0.2}}
strategies:
  listen:
    engines:
      - engine: listener
market:
  breadth: null
"""
    path = tmp_path / "deaf.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_experiment(path)
    message = str(caught.value)
    assert f"{path}:7: strategies.listen.engines.0: listener reads the signal ad_break" in message
    assert "needs market.breadth; it is switched off in scenario flat" in message
    load_experiment(path, ["market.breadth={}"])
    with pytest.raises(ConfigError, match=r"concentration, which needs market\.macro"):
        load_experiment(path, ["market.breadth={}", "market.macro=null"])


def test_a_scenario_can_have_a_market_of_its_own() -> None:
    tree = listening()
    tree["scenarios"]["loud"]["market"] = {"breadth": None}
    with pytest.raises(ConfigError, match="switched off in scenario loud") as caught:
        parse_experiment(tree)
    assert "flat" not in str(caught.value)
    tree["scenarios"]["loud"]["market"] = {"events": {"cpi": {"std_p": 0.0, "std_q": 0.02}}}
    config = parse_experiment(tree)
    assert config.market_of("flat").events is None
    events = config.market_of("loud").events
    assert events is not None
    assert (events.cpi.std_q, events.fomc.std_q) == (0.02, 0.01)


@pytest.mark.parametrize(
    ("market", "message"),
    [
        (
            {"bredth": None},
            "market.bredth: unknown key; must be one of breadth, macro, events, settlement",
        ),
        ({"settlement": {"overnight_share": 0}}, "market.settlement.overnight_share: got 0; must be > 0"),
        ({"settlement": {"vix_noise": -1.0}}, "market.settlement.vix_noise: got -1.0; must be >= 0"),
        ({"breadth": {"n_stocks": 0}}, "market.breadth.n_stocks: got 0; must be >= 1"),
        ({"breadth": {"participation_correlation": 2}}, "participation_correlation: got 2; must be <= 1"),
        (
            {"events": {"fomc": {"std_p": 0.02, "std_q": 0.01}}},
            "events.fomc.std_q: got 0.01; must be >= std_p, 0.02",
        ),
        ({"events": {"fomc": {"std_p": 0.3, "std_q": 0.3}}}, "market.events.fomc.std_p: got 0.3; must be <= 0.2"),
        ({"macro": {"p_cf": {"half_life": 9, "equity": 0.9, "variance": 0.9}}}, "equity: got 0.9; must keep equity^2"),
        ({"macro": {"gold": {"half_life": 9}}}, "market.macro.gold: unknown key"),
    ],
)
def test_faults_of_the_section_are_named(market: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_experiment(experiment(market=market))
    assert message in str(caught.value)


def test_the_schema_declares_the_section_and_its_defaults() -> None:
    schema = experiment_schema()
    settlement = schema["$defs"]["SettlementConfig"]["properties"]
    assert settlement["overnight_share"]["default"] == 0.35
    assert settlement["vix_noise"]["default"] == 0.43
    assert "points" in settlement["vix_noise"]["description"]
    assert {"breadth", "macro", "events", "settlement"} == set(schema["$defs"]["MarketConfig"]["properties"])


def test_a_run_keeps_what_its_markets_carried(tmp_path: Path) -> None:
    """In the manifest, from which the experiment can be made again, and on the report's page."""
    tree = listening(paths=4, days=20, compute={"jobs": 1, "block_paths": 2, "backend": "threading"})
    tree["market"] = {"events": {}, "settlement": {"vix_noise": 0.25}}
    config = parse_experiment(tree)
    Listener.heard.clear()
    directory = run_experiment(config, output=tmp_path / "run")
    assert len(Listener.heard) >= 2 * 2 * 20  # scenarios, blocks, days of decisions
    assert np.isfinite(Listener.heard).all()
    stored = open_results(directory).manifest["config"]
    assert stored["market"]["settlement"] == {"overnight_share": 0.35, "vix_noise": 0.25}
    assert parse_experiment(stored) == config
    page = write_report(directory).read_text(encoding="utf-8")
    assert "deviation of VIX settlements" in page
    assert "fomc 0.4 / 1, cpi 0.3 / 0.77, ppi 0.2 / 0.3" in page
