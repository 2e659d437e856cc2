"""The engines by name. A new engine is its own file and one line here."""

from __future__ import annotations

from sim.strategies.cash import Cash
from sim.strategies.cndr import Cndr
from sim.strategies.crash_synthetic import CrashSynthetic
from sim.strategies.delta_neutral import DeltaNeutral
from sim.strategies.iron_condor import IronCondor
from sim.strategies.layer1_call_spread import Layer1CallSpread
from sim.strategies.layer2_acceleration import Layer2Acceleration
from sim.strategies.layer3_full_defence import Layer3FullDefence
from sim.strategies.partial_layer import PartialLayer
from sim.strategies.protocols import Engine
from sim.strategies.put_spread_hedge import PutSpreadHedge
from sim.strategies.ratio_backspread import RatioBackspread
from sim.strategies.rigid_vix import RigidVix
from sim.strategies.self_funding import SelfFunding
from sim.strategies.spx import Spx
from sim.strategies.sub_sma5 import SubSma5
from sim.strategies.temporal_buffer import TemporalBuffer
from sim.strategies.var_stop import VarStop
from sim.strategies.vix_ladder import VixLadder
from sim.strategies.vxth import Vxth

REGISTRY: dict[str, type[Engine]] = {
    "iron_condor": IronCondor,
    "layer1_call_spread": Layer1CallSpread,
    "layer2_acceleration": Layer2Acceleration,
    "layer3_full_defence": Layer3FullDefence,
    "partial_layer": PartialLayer,
    "ratio_backspread": RatioBackspread,
    "sub_sma5": SubSma5,
    "crash_synthetic": CrashSynthetic,
    "temporal_buffer": TemporalBuffer,
    "vix_ladder": VixLadder,
    "self_funding": SelfFunding,
    "delta_neutral": DeltaNeutral,
    "var_stop": VarStop,
    "rigid_vix": RigidVix,
    "put_spread_hedge": PutSpreadHedge,
    "cndr": Cndr,
    "vxth": Vxth,
    "spx": Spx,
    "cash": Cash,
}

SHIPPED = frozenset(REGISTRY)
"""Names of the engines that every process knows."""


def register(name: str, engine: type[Engine]) -> None:
    """Add an engine from outside the package."""
    REGISTRY[name] = engine
