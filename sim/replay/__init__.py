"""Replay: real closes of SPX and VIX through the same evaluator, states found from the VIX, surfaces from the model."""

from __future__ import annotations

from sim.replay.locate import locate_files
from sim.replay.notes import replay_notes
from sim.replay.paths import Replay, replay_of, replay_paths
from sim.replay.series import RealSeries, available_sessions, read_series

__all__ = [
    "RealSeries",
    "Replay",
    "available_sessions",
    "locate_files",
    "read_series",
    "replay_notes",
    "replay_of",
    "replay_paths",
]
