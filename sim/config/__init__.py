"""What an experiment file may say: typed schema, reader with positions, and one line for each fault."""

from __future__ import annotations

from sim.config.costs import CostsConfig, HalfSpreadConfig, HalfSpreadsConfig
from sim.config.market import (
    BreadthConfig,
    EventJumpConfig,
    EventsConfig,
    MacroConfig,
    MacroFactorConfig,
    MarketConfig,
    SettlementConfig,
)
from sim.config.replay import HistoryFilesConfig, ReplayConfig
from sim.config.sampling import SamplingConfig
from sim.config.schema import (
    AccountConfig,
    ComputeConfig,
    ExperimentConfig,
    KeepConfig,
    MarginConfig,
    MetricName,
    ScenarioConfig,
    StartConfig,
    StrategyConfig,
)
from sim.config.section import CONDOR, ConfigSection, EngineConfig, broken_rule
from sim.config.sensitivity import FactorConfig, OutputConfig, SensitivityConfig
from sim.config.stress import ShockConfig, StressConfig
from sim.config.window import MAX_WINDOWS, WindowConfig

__all__ = [
    "CONDOR",
    "MAX_WINDOWS",
    "AccountConfig",
    "BreadthConfig",
    "ComputeConfig",
    "ConfigSection",
    "CostsConfig",
    "EngineConfig",
    "EventJumpConfig",
    "EventsConfig",
    "ExperimentConfig",
    "FactorConfig",
    "HalfSpreadConfig",
    "HalfSpreadsConfig",
    "HistoryFilesConfig",
    "KeepConfig",
    "MacroConfig",
    "MacroFactorConfig",
    "MarginConfig",
    "MarketConfig",
    "MetricName",
    "OutputConfig",
    "ReplayConfig",
    "SamplingConfig",
    "ScenarioConfig",
    "SensitivityConfig",
    "SettlementConfig",
    "ShockConfig",
    "StartConfig",
    "StrategyConfig",
    "StressConfig",
    "WindowConfig",
    "broken_rule",
]
