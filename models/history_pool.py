"""Histories that end in a given range of the VIX, drawn from a model's own stationary law.

A pool of long stationary paths is simulated; every day on which the VIX lies in the range ends a window with its history.
A path takes one of them by its own random number, so that what signals read before day 0 is a likely past of such a
day: a high VIX comes with the fall that led to it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from models.errors import ModelParameterError
from models.protocols import FloatArray, Measure, Model, Stream
from models.streams import POOL_FIRST_PATH, Purpose, uniforms

POOL_PATHS = 1024
POOL_DAYS = 1260
MAX_BATCHES = 8
MIN_WINDOWS = 200
MAX_WINDOWS = 8192


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryPool:
    """Windows of history, all ending in the range.

    Parameters
    ----------
    log_spot : ndarray of shape (warmup_days + 1, n_windows)
        Log SPX relative to its last value, which is 0.
    state : ndarray of shape (warmup_days + 1, n_factors, n_windows)
        State at each close.
    """

    log_spot: FloatArray
    state: FloatArray

    def draw(self, n_paths: int, stream: Stream) -> tuple[FloatArray, FloatArray]:
        """Give every path a window, by its own number: independent of how paths are cut into blocks."""
        pick = uniforms(stream, n_paths, purpose=Purpose.HISTORY_PICK)[0]
        window = np.minimum((pick * self.log_spot.shape[1]).astype(np.int64), self.log_spot.shape[1] - 1)
        return self.log_spot[:, window], self.state[:, :, window]


@lru_cache(maxsize=8)
def history_pool(
    model: Model, *, seed: int, scenario: int, warmup_days: int, low: float, high: float, measure: Measure
) -> HistoryPool:
    """Collect windows of a model; kept in memory for the blocks of a run.

    Parameters
    ----------
    model : Model
        Hashable model.
    seed, scenario : int
        Address of the random numbers.
    warmup_days : int
        Sessions of history in each window.
    low, high : float
        Range of the VIX on the last day. [points]
    measure : {"p", "q"}
        Law of the pool.

    Raises
    ------
    ModelParameterError
        If the model hardly ever reaches the range; the message gives the quantiles of its VIX.
    """
    parts: list[tuple[FloatArray, FloatArray]] = []
    levels = []
    count = 0
    for batch in range(MAX_BATCHES):
        stream = Stream(seed=seed, scenario=scenario, first_path=POOL_FIRST_PATH + batch * POOL_PATHS)
        start = model.stationary_state(POOL_PATHS, stream, measure=measure)
        returns, state = model.propagate(start, POOL_DAYS, stream, measure=measure)
        level = model.exact_pricer().vix(np.moveaxis(state, 1, 0))
        ends = _spread(np.argwhere((level[warmup_days:] >= low) & (level[warmup_days:] <= high)))
        parts.append(_windows(returns, state, ends, warmup_days))
        levels.append(np.quantile(level, _SHOWN))
        count += len(ends)
        if count >= MIN_WINDOWS:
            break
    if count < MIN_WINDOWS:
        shown = ", ".join(f"{p:.1%}: {q:.1f}" for p, q in zip(_SHOWN, np.mean(levels, axis=0), strict=True))
        raise ModelParameterError(
            f"start.vix must be a range that the model reaches, got [{low:g}, {high:g}] points, in which only {count} "
            f"of {MAX_BATCHES * POOL_PATHS * POOL_DAYS} days end; quantiles of its VIX are {shown}"
        )
    return HistoryPool(
        log_spot=np.concatenate([part[0] for part in parts], axis=1),
        state=np.concatenate([part[1] for part in parts], axis=2),
    )


_SHOWN = (0.001, 0.01, 0.5, 0.99, 0.999)


def _spread(ends: NDArray[np.intp]) -> NDArray[np.intp]:
    """At most ``MAX_WINDOWS`` of the days, evenly over all of them."""
    if len(ends) <= MAX_WINDOWS:
        return ends
    return ends[np.linspace(0, len(ends) - 1, MAX_WINDOWS).astype(np.int64)]


def _windows(
    returns: FloatArray, state: FloatArray, ends: NDArray[np.intp], warmup_days: int
) -> tuple[FloatArray, FloatArray]:
    """Cut the windows of ``warmup_days`` sessions that end on the given (day - warmup_days, path)."""
    rows = ends[:, 0][None, :] + np.arange(warmup_days + 1)[:, None]
    columns = ends[:, 1][None, :]
    log_spot = np.cumsum(returns[rows, columns], axis=0)
    return log_spot - log_spot[-1:], np.moveaxis(state[rows, :, columns], 2, 1)
