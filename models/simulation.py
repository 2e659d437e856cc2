"""Simulate closes with history: what every model's ``simulate`` does."""

from __future__ import annotations

import numpy as np

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
) -> PathBlock:
    """Simulate SPX, state and VIX on daily closes.

    Parameters
    ----------
    model : Model
        Gives the steps and the stationary law.
    grid : SimulationGrid
        Closes; index ``warmup_days`` is day 0.
    n_paths : int
        Number of paths.
    stream : Stream
        Address of the random numbers.
    start : Start, optional
        Stationary by default. With ``vix`` the history ends in that range (see ``history_pool``). With ``state`` day 0
        has exactly that state; its history is made of one-session returns from that state, each drawn anew, with the
        state held: a quiet past of the right volatility.
    spot0 : float
        SPX on day 0. [index points]
    measure : {"p", "q"}
        Law of the paths.

    Returns
    -------
    PathBlock
        Read-only arrays.

    Raises
    ------
    ModelParameterError
        If the start does not fit the model.
    """
    chosen = start if start is not None else Start()
    warmup = grid.warmup_days
    if chosen.vix is not None:
        low, high = chosen.vix
        pool = history_pool(
            model,
            seed=stream.seed,
            scenario=stream.scenario,
            warmup_days=warmup,
            low=low,
            high=high,
            measure=measure,
        )
        past, past_state = pool.draw(n_paths, stream)
    elif chosen.state is not None:
        past, past_state = _held_state(model, chosen.state, warmup, n_paths, stream, measure)
    else:
        past, past_state = _stationary(model, warmup, n_paths, stream, measure)
    returns, state = model.propagate(past_state[-1], grid.n_days, stream, first_day=warmup, measure=measure)
    log_spot = np.concatenate([past, np.cumsum(returns, axis=0)])
    states = np.concatenate([past_state, state])
    vix = model.exact_pricer().vix(np.moveaxis(states, 1, 0))
    block = PathBlock(grid=grid, spot=spot0 * np.exp(log_spot), state=states, vix=vix)
    for array in (block.spot, block.state, block.vix):
        array.setflags(write=False)
    return block


def _stationary(
    model: Model, warmup: int, n_paths: int, stream: Stream, measure: Measure
) -> tuple[FloatArray, FloatArray]:
    first = model.stationary_state(n_paths, stream, measure=measure)
    if warmup == 0:
        return np.zeros((1, n_paths)), first[None]
    returns, state = model.propagate(first, warmup, stream, measure=measure)
    log_spot = np.concatenate([np.zeros((1, n_paths)), np.cumsum(returns, axis=0)])
    return log_spot - log_spot[-1:], np.concatenate([first[None], state])


def _held_state(
    model: Model, values: tuple[float, ...], warmup: int, n_paths: int, stream: Stream, measure: Measure
) -> tuple[FloatArray, FloatArray]:
    if len(values) != len(model.state_names):
        raise ModelParameterError(
            f"start.state must have one value for each of {', '.join(model.state_names)}, got {values!r}"
        )
    state = np.repeat(np.array(values, dtype=np.float64)[:, None], n_paths, axis=1)
    log_spot = np.zeros((warmup + 1, n_paths))
    for day in range(warmup):
        returns, _ = model.propagate(state, 1, stream, first_day=day, measure=measure)
        log_spot[day + 1] = log_spot[day] + returns[0]
    return log_spot - log_spot[-1:], np.repeat(state[None], warmup + 1, axis=0)
