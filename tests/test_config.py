"""Experiment files: what they may say, how layers, overrides and grids become one experiment."""

from __future__ import annotations

import pickle
from datetime import date
from pathlib import Path
from typing import ClassVar, Literal

import pytest
from pydantic import Field

from models.protocols import Start
from sim.config import AccountConfig, CostsConfig, EngineConfig, ExperimentConfig, StrategyConfig
from sim.config.document import plain_document
from sim.config.layers import read_layers
from sim.config.resolve import resolve_experiment
from sim.errors import ConfigError


class ToyEngine(EngineConfig):
    engine: Literal["toy"] = "toy"
    lots: int = Field(default=1, ge=1, description="lots held [-]")


MINIMAL = """\
name: minimal
scenarios:
  calm: {model: toy_model}
strategies:
  hold: {engines: [{engine: toy}]}
"""


def load(path: Path, *overrides: str) -> ExperimentConfig:
    return resolve_experiment(read_layers(path, overrides), {"toy": ToyEngine}, lambda scenario: ())


def write(directory: Path, text: str, name: str = "experiment.yaml") -> Path:
    path = directory / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_minimal_file_gets_the_documented_defaults(tmp_path: Path) -> None:
    config = load(write(tmp_path, MINIMAL))
    assert (config.paths, config.days) == (10_000, 252)
    assert config.account == AccountConfig(initial_equity=1_000_000.0, fractional=False, spot=4000.0)
    assert config.scenarios["calm"].start.to_start() == Start()
    assert config.strategies["hold"].engines == (ToyEngine(lots=1),)
    assert config.margin.mode == "reg_t"


def test_every_section_is_read(tmp_path: Path) -> None:
    text = MINIMAL.replace("{model: toy_model}", "{model: toy_model, start: {vix: [11, 13]}, start_date: 2020-02-03}")
    config = load(write(tmp_path, text + "seed: 7\naccount: {initial_equity: 5e5}\nkeep: {example_paths: 0}\n"))
    scenario = config.scenarios["calm"]
    assert scenario.start.to_start() == Start(vix=(11.0, 13.0))
    assert scenario.start_date == date(2020, 2, 3)
    assert (config.seed, config.account.initial_equity, config.keep.example_paths) == (7, 500_000.0, 0)


def test_order_of_scenarios_and_strategies_is_that_of_the_file(tmp_path: Path) -> None:
    text = "name: x\nscenarios: {b: {model: m}, a: {model: m}}\nstrategies:\n  z: {engines: [{engine: toy}]}\n"
    config = load(write(tmp_path, text + "  y: {engines: [{engine: toy}]}\n"))
    assert (list(config.scenarios), list(config.strategies)) == (["b", "a"], ["z", "y"])


def test_an_experiment_survives_pickling_and_its_own_dump(tmp_path: Path) -> None:
    config = load(write(tmp_path, MINIMAL.replace("{engine: toy}", "{engine: toy, lots: 3}")))
    assert pickle.loads(pickle.dumps(config)) == config
    dumped = config.model_dump(mode="json")
    assert dumped["strategies"]["hold"]["engines"] == [{"engine": "toy", "lots": 3}]
    again = resolve_experiment(plain_document(dumped, "manifest"), {"toy": ToyEngine}, lambda scenario: ())
    assert again == config


def test_an_experiment_can_be_made_in_python() -> None:
    config = ExperimentConfig(
        name="made", scenarios={"a": {"model": "m"}}, strategies={"s": StrategyConfig(engines=(ToyEngine(lots=2),))}
    )
    assert config.strategies["s"].engines[0] == ToyEngine(lots=2)


def test_whole_model_parameters_stay_whole(tmp_path: Path) -> None:
    text = MINIMAL.replace("{model: toy_model}", "{model: m, parameters: {vix_sessions: 21, kappa_p: 2.0}}")
    config = load(write(tmp_path, text))
    dumped = config.model_dump(mode="json")["scenarios"]["calm"]["parameters"]
    for parameters in (config.scenarios["calm"].parameters, dumped):
        assert [type(parameters[name]) for name in ("vix_sessions", "kappa_p")] == [int, float]


def test_sections_cannot_be_changed_afterwards(tmp_path: Path) -> None:
    config = load(write(tmp_path, MINIMAL))
    with pytest.raises(ValueError, match="frozen"):
        config.account.spot = 1.0  # type: ignore[misc]


def test_a_file_is_laid_over_those_that_it_extends(tmp_path: Path) -> None:
    write(tmp_path, MINIMAL + "paths: 100\naccount: {spot: 3000, fractional: true}\n", "base.yaml")
    write(tmp_path, "paths: 300\ndays: 21\n", "short.yaml")
    path = write(tmp_path, "extends: [base.yaml, short.yaml]\nname: child\naccount: {spot: 5000}\n")
    config = load(path)
    assert (config.name, config.paths, config.days) == ("child", 300, 21)
    assert (config.account.spot, config.account.fractional) == (5000.0, True)
    assert list(config.scenarios) == ["calm"]


def test_lists_are_replaced_not_merged(tmp_path: Path) -> None:
    write(tmp_path, MINIMAL, "base.yaml")
    text = "extends: base.yaml\nstrategies: {hold: {engines: [{engine: toy, lots: 2}]}}\n"
    config = load(write(tmp_path, text))
    assert config.strategies["hold"].engines == (ToyEngine(lots=2),)


def test_an_engine_stands_once_in_a_strategy(tmp_path: Path) -> None:
    text = MINIMAL.replace("[{engine: toy}]", "[{engine: toy, lots: 2}, {engine: toy, lots: 3}]")
    with pytest.raises(ConfigError, match="must name each engine once, toy stands there twice"):
        load(write(tmp_path, text))


def test_a_hedge_needs_the_engine_that_it_is_sized_on(tmp_path: Path) -> None:
    class Hedge(EngineConfig):
        sized_on: ClassVar[str | None] = "toy"
        engine: Literal["hedge"] = "hedge"

    def resolve(engines: str) -> ExperimentConfig:
        path = write(tmp_path, MINIMAL.replace("[{engine: toy}]", engines))
        return resolve_experiment(read_layers(path, ()), {"toy": ToyEngine, "hedge": Hedge}, lambda scenario: ())

    assert len(resolve("[{engine: hedge}, {engine: toy}]").strategies["hold"].engines) == 2
    with pytest.raises(ConfigError, match="must hold toy, on whose risk hedge is sized"):
        resolve("[{engine: hedge}]")


def test_overrides_are_typed_and_the_last_one_wins(tmp_path: Path) -> None:
    config = load(
        write(tmp_path, MINIMAL),
        "paths=5",
        "paths=2_000",
        "account.fractional=true",
        "scenarios.calm.start.vix=[28, 34]",
        "strategies.hold.engines.0.lots=4",
        "costs.half_spread.vix_option.proportional=0.1",
    )
    assert (config.paths, config.account.fractional) == (2000, True)
    assert config.scenarios["calm"].start.vix == (28.0, 34.0)
    assert config.strategies["hold"].engines[0] == ToyEngine(lots=4)
    assert config.costs.half_spread.vix_option.proportional == 0.1
    assert config.costs.half_spread.vix_option.stress_slope == CostsConfig().half_spread.vix_option.stress_slope


GRID = """\
name: g
grid:
  market:
    svcj: {model: svcj, preset: a}
    garch: {model: heston_nandi, start_date: 2021-01-04}
  start:
    calm: {start: {vix: [11, 13]}}
    high: {start: {vix: [28, 34]}}
  premium:
    "0": {variance_premium_scale: 0}
    "1": {}
strategies: {hold: {engines: [{engine: toy}]}}
"""


def test_a_grid_spans_every_combination_of_its_axes(tmp_path: Path) -> None:
    config = load(write(tmp_path, GRID), "scenarios.garch_high_1.equity_premium_scale=2")
    assert list(config.scenarios) == [
        f"{m}_{s}_{p}" for m in ("svcj", "garch") for s in ("calm", "high") for p in ("0", "1")
    ]
    last = config.scenarios["garch_high_1"]
    assert (last.model, last.preset, last.start_date) == ("heston_nandi", None, date(2021, 1, 4))
    assert last.start.vix == (28.0, 34.0)
    assert (last.variance_premium_scale, last.equity_premium_scale) == (1.0, 2.0)
    assert config.scenarios["svcj_calm_0"].variance_premium_scale == 0.0


def test_a_grid_stands_beside_named_scenarios(tmp_path: Path) -> None:
    config = load(write(tmp_path, GRID + "scenarios: {own: {model: svcj}}\n"))
    assert next(iter(config.scenarios)) == "own"
    assert len(config.scenarios) == 9


def test_axes_of_a_grid_may_not_contradict_each_other(tmp_path: Path) -> None:
    text = GRID.replace("start: {vix: [28, 34]}", "model: bates")
    with pytest.raises(ConfigError, match=r"yaml:8: scenarios.svcj_high_0.model: is set by two axes of the grid"):
        load(write(tmp_path, text))


@pytest.mark.parametrize(("n_legs", "fraction"), [(1, 1.0), (2, 0.75), (3, 0.75), (4, 0.53), (8, 0.53)])
def test_orders_of_more_legs_cross_less_of_the_spread(n_legs: int, fraction: float) -> None:
    assert CostsConfig().crossing_fraction(n_legs) == fraction


SHIPPED = sorted((Path(__file__).parents[1] / "experiments").glob("**/*.yaml"))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_experiments_are_valid_and_ask_a_question(path: Path) -> None:
    from sim import load_experiment

    config = load_experiment(path)
    assert config.name in (path.stem, f"{path.parent.name}_{path.stem}")
    assert config.question.endswith("?")


def test_the_dial_turns_the_premium_and_nothing_else() -> None:
    from sim import load_experiment
    from sim.experiment import build_model

    config = load_experiment(next(path for path in SHIPPED if path.stem == "premium_dial"))
    for name in ("svcj", "heston_nandi"):
        dial = [build_model(config.scenarios[f"{name}_{step}"]) for step in ("none", "half", "full", "twice")]
        premia = [model.premium()["vix_premium"][0] for model in dial]
        assert premia == sorted(premia)
        assert premia[0] == pytest.approx(0.0, abs=0.5)
        assert len({repr(model.dynamics("p")) for model in dial}) == 1  # type: ignore[attr-defined]
