r"""VIX futures and options of models in sessions: expectations of payoffs by the backward recursion.

The VIX is a function of the state, so its future is :math:`E[V(x_T)]` and an option is :math:`E[(V(x_T) - K)^+]`. The
session before expiry, in which the payoff has its kink, is summed over all outcomes of the shocks; from there on
prices are smooth in the state and travel on the grid.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import lru_cache, partial

import numpy as np

from models.backward_fourier import expectations
from models.backward_grid import BackwardGrid
from models.backward_model import BackwardModel
from models.protocols import FloatArray

Reader = Callable[[FloatArray], FloatArray]

_SLAB = 4_000_000  # outcomes that are held at once


class FutureCurve:
    """VIX futures of all states and tenors, session after session as they are asked for.

    Parameters
    ----------
    grid : BackwardGrid
        States.
    """

    def __init__(self, grid: BackwardGrid) -> None:
        self.grid = grid
        start = np.asarray(grid.model.vix(grid.states))
        self._curve = [start]
        self._sweep = self._after(start)

    def at(self, states: FloatArray, sessions: int) -> FloatArray:
        """Futures (n,) of states (n_factors, n) that settle after ``sessions`` >= 1 [points]."""
        while len(self._curve) <= sessions:
            self._curve.append(next(self._sweep))
        return self.grid.read(self._curve[sessions], states)

    def _after(self, start: FloatArray) -> Iterator[FloatArray]:
        while True:
            for values in expectations(self.grid, start[None], 64):
                start = values[0]
                yield start


@lru_cache(maxsize=4)
def future_curve(model: BackwardModel, n_nodes: int, n_shocks: int) -> FutureCurve:
    """Futures of a model on a grid; kept for the models last asked about."""
    return FutureCurve(BackwardGrid(model=model, n_nodes=n_nodes, n_shocks=n_shocks))


def vix_call_sweep(grid: BackwardGrid, strikes: FloatArray, n_sessions: int) -> Iterator[Reader]:
    """Yield, for 1, 2, .. sessions, what gives moments of the VIX and undiscounted calls at states.

    Parameters
    ----------
    grid : BackwardGrid
        Grid of the recursion.
    strikes : ndarray of shape (n_strikes,)
        Increasing. [points]
    n_sessions : int
        Last session, >= 1.

    Yields
    ------
    callable
        From states (n_factors, n) to (3 + n_strikes, n): means of V, ln V and (ln V)^2, then calls. One session ahead
        they are summed at the states themselves, as they bend too sharply to be read from the grid.
    """
    # the sum over a kink errs by the square of the nodes' distance, and costs little
    dense = replace(grid, n_shocks=4 * grid.n_shocks)

    def next_session(states: FloatArray) -> FloatArray:
        values = np.empty((3 + strikes.size, states.shape[1]))
        regime_of = np.zeros(states.shape[1]) if grid.n_regimes == 1 else np.rint(states[0])
        for regime in range(grid.n_regimes):
            values[:, regime_of == regime] = _first_session(dense, states[:, regime_of == regime], strikes, regime)
        return values

    yield next_session
    if n_sessions > 1:
        start = [_first_session(dense, grid.states[:, r], strikes, r) for r in range(grid.n_regimes)]
        for values in expectations(grid, np.stack(start, axis=1), n_sessions - 1):
            yield partial(grid.read, values)


def _first_session(grid: BackwardGrid, states: FloatArray, strikes: FloatArray, regime: int) -> FloatArray:
    """Moments and calls one session ahead of states, (3 + n_strikes, n)."""
    step = max(1, _SLAB // (16 * grid.shocks[0].size))
    parts = [
        _summed(*grid.next_vix(states[:, low : low + step], regime), strikes) for low in range(0, states.shape[1], step)
    ]
    return np.concatenate(parts, axis=1) if parts else np.empty((3 + strikes.size, 0))


def _summed(vix: FloatArray, weight: FloatArray, strikes: FloatArray) -> FloatArray:
    """Moments and calls by sums over the outcomes above each strike."""
    n, cells = vix.shape[0], strikes.size + 1
    log_vix = np.log(vix)
    moments = np.stack([vix @ weight, log_vix @ weight, log_vix**2 @ weight])
    cell = np.searchsorted(strikes, vix, side="left") + cells * np.arange(n)[:, None]
    mass, first = (
        np.bincount(cell.ravel(), weights=part.ravel(), minlength=n * cells).reshape(n, cells)
        for part in (np.broadcast_to(weight, vix.shape), vix * weight)
    )
    above, level = (np.cumsum(part[:, ::-1], axis=1)[:, ::-1][:, 1:] for part in (mass, first))
    return np.concatenate([moments, np.maximum(level - strikes * above, 0.0).T])
