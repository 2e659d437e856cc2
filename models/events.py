"""Scheduled events carried beside the paths of any model: a zero-mean normal jump of the log SPX on known sessions.

On an event session the return gains ``J = s Z - s^2 / 2`` with a deviation ``s`` that is known in advance: ``s_p``
under P and ``s_q >= s_p`` under Q. The jumps depend on nothing else, so that

- a discounted SPX stays a martingale under Q, because ``E exp(J) = 1``;
- the log contract of the next 30 days is worth ``s_q^2`` more for each event in them: the squared VIX rises by
  ``c = 100^2 (365 / 30) sum s_q^2`` and falls back after the event;
- an SPX option whose life spans events is the base model's price averaged over the spot times ``exp(sum J)``.

What is charged beyond what happens, ``s_q^2 - s_p^2`` an event, is the event premium. Sessions come as indices.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from models.errors import ModelParameterError
from models.protocols import VIX_HORIZON, FloatArray, PathBlock, Stream
from models.streams import Purpose, normals

VIX_SQUARE_PER_VARIANCE = 1e4 / VIX_HORIZON
"""Squared VIX points per unit of event variance inside the VIX's horizon."""

EVENT_SIZES: Mapping[str, tuple[float, float]] = {
    "fomc": (0.004, 0.0100),
    "cpi": (0.003, 0.0077),
    "ppi": (0.002, 0.0030),
}
"""Default deviations of the jump under P and Q [log return].

From 1990 to 2018 the VIX fell by 2.0% on FOMC days and by 1.2% on CPI days on average, which at its median of 17.4
points is a priced deviation of 1.0% and 0.77%; SPX variance on FOMC days was about that of other days, so that the part
which happens is small.
"""


def event_jumps(std: FloatArray, paths: PathBlock, stream: Stream) -> FloatArray:
    """Jumps of the log SPX.

    Parameters
    ----------
    std : ndarray of shape (n_times,)
        Deviation of the jump in the session that ends with each close; 0 where nothing is scheduled.
    paths : PathBlock
        Gives the shape.
    stream : Stream
        Address of the block's random numbers.

    Returns
    -------
    ndarray of shape (n_times, n_paths)
        ``E exp(J) = 1`` on every session.
    """
    jumps = np.zeros_like(paths.spot)
    for t in np.flatnonzero(std > 0.0):
        z = normals(stream, paths.n_paths, purpose=Purpose.EVENT, day=int(t) - paths.grid.warmup_days)[0]
        jumps[t] = std[t] * z - 0.5 * std[t] ** 2
    return jumps


def carry_events(paths: PathBlock, jumps: FloatArray, vix_square: FloatArray) -> PathBlock:
    """Paths with jumps on event sessions and with the events ahead in their VIX.

    Parameters
    ----------
    paths : PathBlock
        Closes of the base model.
    jumps : ndarray of shape (n_times, n_paths)
        From ``event_jumps``.
    vix_square : ndarray of shape (n_times,)
        What events within the VIX's horizon add to its square at each close [points^2], >= 0.

    Returns
    -------
    PathBlock
        Same grid, state and day-0 spot.

    Raises
    ------
    ModelParameterError
        If an addition is negative.
    """
    if np.any(vix_square < 0.0):
        raise ModelParameterError("vix_square must be >= 0 on every session")
    total = np.cumsum(jumps, axis=0)
    spot = paths.spot * np.exp(total - total[paths.grid.warmup_days])
    vix = np.sqrt(np.square(paths.vix) + vix_square[:, None])
    spot.setflags(write=False)
    vix.setflags(write=False)
    return replace(paths, spot=spot, vix=vix)
