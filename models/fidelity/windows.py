"""Histories of six years, drawn from the stationary law of a model, in blocks of bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar, final

import numpy as np

from models.errors import ModelParameterError
from models.fidelity.futures import Curve
from models.protocols import FloatArray, Model, Stream

WINDOW_SESSIONS = 1512
"""Returns of a window: six years of 252 sessions."""

BURN_IN = 252
"""Sessions that pass between the draw of the state and the first close of a window."""

BLOCK = 64
"""Windows that one thread holds at a time."""

T = TypeVar("T")


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class WindowBlock:
    """A few windows, time-major; ``n_times`` is one more than the returns.

    Parameters
    ----------
    log_return : ndarray of shape (n_times - 1, n_windows)
        Daily log returns of the SPX.
    state : ndarray of shape (n_times, n_factors, n_windows)
        State at each close.
    vix : ndarray of shape (n_times, n_windows)
        VIX [points].
    futures : ndarray of shape (n_contracts, n_times, n_windows)
        Nearest VX futures [points].
    n_outside : int
        States off the grid of the futures.
    stream : Stream
        Address of its random numbers.
    """

    log_return: FloatArray
    state: FloatArray
    vix: FloatArray
    futures: FloatArray
    n_outside: int
    stream: Stream


def simulate_windows(
    model: Model,
    futures: Curve,
    n_windows: int,
    *,
    seed: int,
    use: Callable[[WindowBlock], T],
    n_threads: int = 2,
    sessions: int = WINDOW_SESSIONS,
) -> Iterator[T]:
    """Simulate windows block by block, and give what ``use`` makes of each, in order.

    Parameters
    ----------
    model : Model
        The model; its paths under P.
    futures : Curve
        Its VX curve.
    n_windows : int
        Number of windows, >= 1. Window ``i`` is the same whatever the number of windows or threads.
    seed : int
        Seed, 0 .. 2**32 - 1.
    use : callable
        Called with each block, in a thread; keep no reference to the block.
    n_threads : int
        Threads, >= 1.
    sessions : int
        Returns of a window.

    Raises
    ------
    ModelParameterError
        If there are no windows or threads.
    """
    if n_windows < 1 or n_threads < 1:
        raise ModelParameterError(f"windows and threads must be >= 1, got {n_windows!r} and {n_threads!r}")

    def work(first: int) -> T:
        size = min(BLOCK, n_windows - first)
        return use(_block(model, futures, Stream(seed=seed, first_path=first), size, sessions))

    with ThreadPoolExecutor(max_workers=n_threads) as pool:
        yield from pool.map(work, range(0, n_windows, BLOCK))


def _block(model: Model, futures: Curve, stream: Stream, size: int, sessions: int) -> WindowBlock:
    start = model.stationary_state(size, stream)
    log_return, state = model.propagate(start, BURN_IN + sessions, stream, first_day=-BURN_IN)
    state = state[BURN_IN - 1 :]
    curve, n_outside = futures.curve(state)
    vix = model.exact_pricer().vix(np.moveaxis(state, 1, 0))
    return WindowBlock(
        log_return=log_return[BURN_IN:], state=state, vix=vix, futures=curve, n_outside=n_outside, stream=stream
    )
