"""Every registered engine in settings under which it trades often, with the engines that it needs beside it."""

from __future__ import annotations

from typing import Any

from sim.config import EngineConfig
from sim.strategies.protocols import CONDOR
from sim.strategies.registry import REGISTRY

LOW, HIGH = {"signal": "vix", "op": "<", "value": 20.5}, {"signal": "vix", "op": ">", "value": 21.0}
BELOW, SPIKE = {"signal": "vix", "op": "<", "value": "vix_sma5"}, {"signal": "vix_vs_sma5", "op": ">", "value": 0.08}
FALLEN = {"signal": "drawdown_spx", "op": ">", "value": 0.01}
RISEN = {"signal": "drawdown_spx", "op": "<", "value": 0.005}
SOON = {"signal": "days_to_event", "op": "<=", "value": 8}

CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "condor": ("iron_condor", {}),
    "condor_side": ("iron_condor", {"time_shift": "side", "stop_loss_x_credit": None, "exit_days": 10}),
    "condor_whole": ("iron_condor", {"time_shift": "whole", "stop_loss_x_credit": None, "exit_days": 10}),
    "condor_widened": ("iron_condor", {"widen_sigmas": 0.4, "adjust_from_hedges": False, "profit_target": None}),
    "condor_tightened": ("iron_condor", {"tighten_sessions": 2, "adjust_from_hedges": False}),
    "condor_drawn": ("iron_condor", {"roll_phase": "drawn"}),
    "condor_every": ("iron_condor", {"entry_every": 4, "wing_width": None, "wing_delta": 0.05}),
    "layer1": ("layer1_call_spread", {"contango_z": -0.5, "rsi_level": 60.0, "exit_contango_z": 0.3, "breadth": True}),
    "layer2": ("layer2_acceleration", {"on": LOW, "off": HIGH}),
    "layer3": ("layer3_full_defence", {"on": LOW, "off": HIGH}),
    "partial": ("partial_layer", {"level": 19.0, "off_level": 18.0, "when": SOON}),
    "ratio": ("ratio_backspread", {"rsi_vx1": 55.0, "contango": 0.0, "near_max_profit": 0.2, "breadth": False}),
    "ratio_short": (
        "ratio_backspread",
        {"rsi_vx1": 60.0, "contango": -0.1, "near_max_profit": 0.1, "breadth": False, "sign": -1},
    ),
    "sub_sma5": ("sub_sma5", {"on": BELOW, "veto": None, "off": SPIKE, "profile": "promoter", "low_vvix": 200.0}),
    "sub_sma5_ratio": ("sub_sma5", {"on": BELOW, "veto": None, "off": SPIKE, "shape": "ratio"}),
    "crash_future": ("crash_synthetic", {"on": FALLEN, "off": RISEN}),
    "crash_synthetic": ("crash_synthetic", {"on": FALLEN, "off": RISEN, "instrument": "synthetic"}),
    "crash_etn": ("crash_synthetic", {"on": FALLEN, "off": RISEN, "instrument": "etn"}),
    "buffer_weekly": (
        "temporal_buffer",
        {"on": HIGH, "off": LOW, "weeklys": True, "min_days": 9, "roll_weekday": "wednesday", "use_beta": False},
    ),
    "buffer": ("temporal_buffer", {"on": HIGH, "off": LOW, "high_vix": 15.0}),
    "ladder": ("vix_ladder", {"roll_phase": "drawn"}),
    "ladder_delta": (
        "vix_ladder",
        {
            "rungs": [
                {"days": 30, "per_ten_condors": 10, "delta": 0.5, "roll_days": 7},
                {"days": 80, "per_ten_condors": 5, "delta": 0.3, "roll_days": 40},
            ]
        },
    ),
    "self_funding": ("self_funding", {"on": LOW, "off": HIGH, "size": 0.5}),
    "neutral": ("delta_neutral", {"band": 0.02}),
    "neutral_edge": ("delta_neutral", {"band": 0.02, "target": "edge"}),
    "var_parametric": ("var_stop", {"limit": 0.008}),
    "var_historical": ("var_stop", {"limit": 0.006, "method": "historical", "loss_stop": None}),
    "rigid": ("rigid_vix", {"level": 20.0, "irr_gate": {"horizon_sessions": 5}}),
    "put_spread": ("put_spread_hedge", {"capital": "notional", "size": 0.001}),
    "cndr": ("cndr", {"roll_phase": "drawn", "collateral": 2.0}),
    "vxth": ("vxth", {"roll_phase": "drawn", "levels": [12.0, 30.0, 50.0]}),
    "spx": ("spx", {}),
    "cash": ("cash", {}),
}
"""Case -> engine and its settings."""

IDLE = frozenset({"cash"})
"""Cases that never trade."""


def engines_of(case: str) -> tuple[EngineConfig, ...]:
    """Strategy of a case: the engine, and the condor where it needs one."""
    name, settings = CASES[case]
    config = REGISTRY[name].config_type.model_validate({"engine": name, **settings})
    if name != CONDOR and (config.sized_on == CONDOR or name == "delta_neutral"):
        return (REGISTRY[CONDOR].config_type(), config)
    return (config,)


def covered() -> frozenset[str]:
    """Engines that have a case."""
    return frozenset(name for name, _ in CASES.values())
