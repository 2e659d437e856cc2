"""Histories that end in a given range of the VIX, drawn from the model's own stationary law.

A pool of long stationary paths is simulated once. Every (path, day) whose close has the VIX in the range is a window:
the closes up to that day are a past that the model itself thinks likely before such a VIX. A simulated path takes one
window, all windows being equally likely, which is the stationary law given the VIX of day 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import final

import numpy as np
from numpy.typing import NDArray

from models.errors import ModelParameterError
from models.protocols import FloatArray, Measure, Model, Stream
from models.streams import POOL_FIRST_PATH, Purpose, uniforms

POOL_PATHS = 2048
"""Paths of a pool; it grows by as many where the range is seldom visited."""

POOL_SESSIONS = 1260
"""Sessions of each path on which a window may end: five years."""

MAX_POOL_PATHS = 32768
"""Where the pool stops growing."""

MIN_PATHS_IN_RANGE = 200
"""Fewest pool paths that must visit the range: windows of one path are much alike, so paths are counted."""

MAX_WINDOWS = 16384
"""Most windows that are kept of one round of ``POOL_PATHS`` paths."""

_QUANTILES = (0.0001, 0.01, 0.5, 0.99, 0.9999)

IndexArray = NDArray[np.intp]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryPool:
    """Windows of history, all ending in the range.

    Parameters
    ----------
    log_spot : ndarray of shape (warmup_days + 1, n_windows)
        Log of spot over its last value: the last row is 0.
    state : ndarray of shape (warmup_days + 1, n_factors, n_windows)
        Model state at each close.
    """

    log_spot: FloatArray
    state: FloatArray

    @property
    def n_windows(self) -> int:
        """Number of windows."""
        return int(self.log_spot.shape[1])

    def draw(self, n_paths: int, stream: Stream) -> tuple[FloatArray, FloatArray]:
        """Give every path of a block a window; the choice depends on the path's number alone.

        Parameters
        ----------
        n_paths : int
            Number of paths.
        stream : Stream
            Address of the block.

        Returns
        -------
        log_spot : ndarray of shape (warmup_days + 1, n_paths)
        state : ndarray of shape (warmup_days + 1, n_factors, n_paths)
        """
        u = uniforms(stream, n_paths, purpose=Purpose.HISTORY_PICK)[0]
        pick = np.minimum((u * self.n_windows).astype(np.intp), self.n_windows - 1)
        return self.log_spot[:, pick], self.state[:, :, pick]


@lru_cache(maxsize=4)
def history_pool(
    model: Model,
    *,
    seed: int,
    scenario: int,
    warmup_days: int,
    vix_range: tuple[float, float],
    measure: Measure = "p",
) -> HistoryPool:
    """Collect the windows of a scenario; the last few pools are kept in memory.

    Parameters
    ----------
    model : Model
        The model; models of equal parameters share a pool.
    seed, scenario : int
        Key of the random numbers. Pool paths have numbers from ``POOL_FIRST_PATH`` on, which no simulated path has.
    warmup_days : int
        Sessions of history, >= 0.
    vix_range : tuple of float
        Lowest and highest VIX of the last close [points].
    measure : {"p", "q"}
        Law of the history.

    Returns
    -------
    HistoryPool

    Raises
    ------
    ModelParameterError
        If too few paths of the largest pool visit the range; the message gives quantiles of the model's VIX.
    """
    parts, sample, n_visiting = [], [], 0
    for first in range(0, MAX_POOL_PATHS, POOL_PATHS):
        stream = Stream(seed=seed, scenario=scenario, first_path=POOL_FIRST_PATH + first)
        log_spot, state, vix = _pool_paths(model, stream, warmup_days, measure)
        ends = np.argwhere((vix[warmup_days:] >= vix_range[0]) & (vix[warmup_days:] <= vix_range[1]))
        parts.append(_windows(log_spot, state, _spread(ends), warmup_days))
        sample.append(vix[warmup_days::21])
        n_visiting += np.unique(ends[:, 1]).size
        if n_visiting >= MIN_PATHS_IN_RANGE:
            break
    else:
        raise ModelParameterError(_too_rare(model, vix_range, n_visiting, np.concatenate(sample, axis=None)))
    return HistoryPool(
        log_spot=np.concatenate([part[0] for part in parts], axis=1),
        state=np.concatenate([part[1] for part in parts], axis=2),
    )


def _pool_paths(
    model: Model, stream: Stream, warmup_days: int, measure: Measure
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Log price, state and VIX of stationary paths, the start of each included."""
    start = model.stationary_state(POOL_PATHS, stream, measure=measure)
    log_return, moved = model.propagate(start, warmup_days + POOL_SESSIONS - 1, stream, measure=measure)
    state = np.concatenate((start[None], moved))
    log_spot = np.zeros((state.shape[0], POOL_PATHS))
    log_spot[1] = log_return[0]
    for t in range(1, len(log_return)):  # the sums of cumsum, which takes eight times longer down the columns
        np.add(log_spot[t], log_return[t], out=log_spot[t + 1])
    return log_spot, state, model.exact_pricer().vix(np.moveaxis(state, 1, 0))


def _spread(ends: IndexArray) -> IndexArray:
    """At most ``MAX_WINDOWS`` of the windows, evenly over all of them."""
    if len(ends) <= MAX_WINDOWS:
        return ends
    return ends[np.linspace(0, len(ends) - 1, MAX_WINDOWS).astype(np.intp)]


def _windows(
    log_spot: FloatArray, state: FloatArray, ends: IndexArray, warmup_days: int
) -> tuple[FloatArray, FloatArray]:
    """Cut the windows that end on the given (row - warmup_days, path)."""
    rows = ends[:, 0] + np.arange(warmup_days + 1)[:, None]
    past = log_spot[rows, ends[:, 1]]
    return past - past[-1], np.ascontiguousarray(np.moveaxis(state[rows, :, ends[:, 1]], 2, 1))


def _too_rare(model: Model, vix_range: tuple[float, float], n_visiting: int, vix: FloatArray) -> str:
    levels = ", ".join(
        f"{100 * p:g} %: {value:.1f}" for p, value in zip(_QUANTILES, np.quantile(vix, _QUANTILES), strict=True)
    )
    return (
        f"start.vix must be a range that {model.name} visits, got [{vix_range[0]:g}, {vix_range[1]:g}]: "
        f"{n_visiting} of {MAX_POOL_PATHS} paths of five years visit it, {MIN_PATHS_IN_RANGE} are needed; "
        f"quantiles of the model's VIX are {levels}"
    )
