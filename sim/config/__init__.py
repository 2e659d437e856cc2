"""What an experiment file may say: typed schema, reader with positions, and one line for each fault."""

from __future__ import annotations

from sim.config.costs import CostsConfig, HalfSpreadConfig, HalfSpreadsConfig
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
from sim.config.section import ConfigSection, EngineConfig, broken_rule

__all__ = [
    "AccountConfig",
    "ComputeConfig",
    "ConfigSection",
    "CostsConfig",
    "EngineConfig",
    "ExperimentConfig",
    "HalfSpreadConfig",
    "HalfSpreadsConfig",
    "KeepConfig",
    "MarginConfig",
    "MetricName",
    "ScenarioConfig",
    "StartConfig",
    "StrategyConfig",
    "broken_rule",
]
