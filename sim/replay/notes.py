"""What a replay had to do to a history: for the manifest, the report and the terminal."""

from __future__ import annotations

from typing import Any

import numpy as np

from sim.config.replay import ReplayConfig
from sim.replay.paths import Replay
from sim.replay.series import read_series

MISSED = 0.005
"""Smallest distance between the VIX and that of the model that is counted [points]."""


def replay_notes(config: ReplayConfig, replay: Replay) -> dict[str, Any]:
    """Facts of a replay.

    Parameters
    ----------
    config : ReplayConfig
        Its section.
    replay : Replay
        The history on its calendar.

    Returns
    -------
    dict
        ``source``, ``from``, ``to``, ``sessions``, ``carried`` (closes that were missing), ``checksums``;
        ``missed_closes`` and ``largest_miss``: closes whose VIX the model does not reach, and by how much [points];
        ``openings``: sessions with a given opening of SPX and of VIX; ``futures``: closes with given futures.
    """
    series, calendar, n = read_series(config), replay.calendar, replay.spot.size
    miss = np.abs(replay.reached_vix - replay.model_vix)
    return {
        "source": series.source,
        "future": config.future,
        "from": str(calendar.date(calendar.day0)),
        "to": str(calendar.date(calendar.day0 + calendar.n_days)),
        "sessions": calendar.n_days,
        "carried": dict(series.carried),
        "checksums": dict(series.checksums),
        "missed_closes": int((miss > MISSED).sum()),
        "closes": n,
        "largest_miss": float(miss.max()),
        "openings": {"spx": len(replay.given.spx_gap), "vix": len(replay.given.vix_open)},
        "futures": len(replay.given.futures),
    }
