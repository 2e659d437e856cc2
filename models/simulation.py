"""Daily closes with history for any model: the start, the warm-up and the paths.

Three starts:

- stationary (no start): the state at the first close is a draw from the stationary law, and the history is simulated
  like the rest;
- ``Start(vix=(low, high))``: the history is a window of the model's stationary law that ends with the VIX in that
  range (``models.history_pool``);
- ``Start(state=...)``: the state is that of day 0 at every close up to day 0, so the VIX is flat, and returns before
  day 0 are independent one-session returns of the model from that state.

Day ``d`` of a path (the move from close ``d`` to ``d + 1``; day 0 is the start, history has negative days) uses the
same random numbers whatever the length of the history or of the horizon.
"""

from __future__ import annotations

from collections.abc import Hashable
from math import isfinite
from typing import cast

import numpy as np

from models.designed_paths import pick_history, session_weights
from models.errors import ModelParameterError
from models.history_pool import history_pool
from models.protocols import FloatArray, Measure, Model, PathBlock, SimulationGrid, Start, Stream


def simulate_paths(
    model: Model,
    grid: SimulationGrid,
    n_paths: int,
    stream: Stream,
    *,
    start: Start | None = None,
    spot0: float = 4000.0,
    measure: Measure = "p",
    past: Model | None = None,
) -> PathBlock:
    """Simulate a block of paths of any model.

    Parameters
    ----------
    model : Model
        The model.
    grid : SimulationGrid
        Days and warm-up.
    n_paths : int
        Paths of the block, >= 1.
    stream : Stream
        Address of the random numbers; results do not depend on how paths are cut into blocks.
    start : Start, optional
        Where paths start; None is the stationary law.
    spot0 : float
        Spot on day 0, > 0. [index points]
    measure : {"p", "q"}
        Law of the paths, history included.
    past : Model, optional
        Model of the closes before day 0, where it is not ``model``.

    Returns
    -------
    PathBlock
        Arrays are read-only.

    Raises
    ------
    ModelParameterError
        If an argument lies outside its domain, or the model does not visit the range of the VIX asked for.
    """
    _check(grid, spot0, start)
    weight = None
    if stream.design is None or stream.design.kind != "importance":
        log_history, history = _history(past or model, grid, n_paths, stream, start=start, measure=measure)
    else:
        log_history, history, weight = pick_history(
            lambda candidate: _history(past or model, grid, n_paths, candidate, start=start, measure=measure),
            model.exact_pricer().vix,
            n_paths,
            stream,
        )
        weight = weight * session_weights(n_paths, stream)
    log_return, future = model.propagate(history[-1], grid.n_days, stream, measure=measure)
    state = np.concatenate((history, future))
    spot = np.empty((grid.n_times, n_paths))
    spot[: log_history.shape[0]] = log_history
    np.cumsum(log_return, axis=0, out=spot[log_history.shape[0] :])
    np.exp(spot, out=spot)
    spot *= spot0
    vix = model.exact_pricer().vix(np.moveaxis(state, 1, 0))
    for array in (spot, state, vix):
        array.setflags(write=False)
    return PathBlock(grid=grid, spot=spot, state=state, vix=vix, weight=weight)


def _history(
    model: Model, grid: SimulationGrid, n_paths: int, stream: Stream, *, start: Start | None, measure: Measure
) -> tuple[FloatArray, FloatArray]:
    """Log spot relative to day 0 (warmup_days + 1, n_paths) and state (warmup_days + 1, n_factors, n_paths)."""
    warmup = grid.warmup_days
    if start is not None and start.vix is not None:
        low, high = start.vix
        vix_range = (float(low), float(high))
        pool = history_pool(
            cast(Hashable, model),  # models are frozen dataclasses
            seed=stream.seed,
            scenario=stream.scenario,
            warmup_days=warmup,
            vix_range=vix_range,
            measure=measure,
        )
        return pool.draw(n_paths, stream)
    if start is not None and start.state is not None:
        first = np.repeat(_given_state(model, start.state)[:, None], n_paths, axis=1)
        log_return = np.empty((warmup, n_paths))
        for day in range(warmup):
            log_return[day] = model.propagate(first, 1, stream, first_day=day - warmup, measure=measure)[0][0]
        state = np.repeat(first[None], warmup + 1, axis=0)
    else:
        first = model.stationary_state(n_paths, stream, measure=measure)
        log_return, moved = model.propagate(first, warmup, stream, first_day=-warmup, measure=measure)
        state = np.concatenate((first[None], moved))
    log_spot = np.zeros((warmup + 1, n_paths))
    np.cumsum(log_return, axis=0, out=log_spot[1:])
    return log_spot - log_spot[-1], state


def _given_state(model: Model, state: tuple[float, ...]) -> FloatArray:
    if len(state) != len(model.state_names):
        raise ModelParameterError(
            f"start.state must give one value for each of {', '.join(model.state_names)}, got {len(state)} values"
        )
    return np.asarray(state, dtype=np.float64)


def _check(grid: SimulationGrid, spot0: float, start: Start | None) -> None:
    if grid.n_days <= 0:
        raise ModelParameterError(f"n_days must be > 0, got {grid.n_days!r}")
    if grid.warmup_days < 0:
        raise ModelParameterError(f"warmup_days must be >= 0, got {grid.warmup_days!r}")
    if not (isfinite(spot0) and spot0 > 0.0):
        raise ModelParameterError(f"spot0 must be > 0 [index points], got {spot0!r}")
    if start is None:
        return
    if start.vix is not None and start.state is not None:
        raise ModelParameterError("start must give a range of the VIX or a state, got both")
    if start.vix is not None:
        low, high = start.vix
        if not (isfinite(low) and isfinite(high) and 0.0 <= low < high):
            raise ModelParameterError(
                f"start.vix must be [low, high] with 0 <= low < high [points], got [{low!r}, {high!r}]"
            )
