"""What a strategy earned in each window, added up day by day as it runs.

The P&L of session ``t`` runs from the close of ``t - 1`` to that of ``t``, orders and costs at the close of ``t``
included; the first session also bears the costs of the orders of day 0. So windows that share out all sessions share
out the terminal P&L to the cent.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]

_SESSIONS = 32
"""Sessions that wait before they are added up together."""

_TOTALS = 3
"""Sums of a window that are of no engine: P&L, returns, squared returns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowOutcomes:
    """Sums of one strategy over the sessions of each window, path by path.

    Parameters
    ----------
    engine_pnl : ndarray of shape (n_windows, n_engines, n_paths)
        P&L of each engine, net of its costs [USD].
    pnl : ndarray of shape (n_windows, n_paths)
        P&L of the strategy, interest included [USD].
    return_sum, return_square_sum : ndarray of shape (n_windows, n_paths)
        Sums of daily returns on the equity of the previous close, and of their squares [-].
    loss_first_engine, loss_hedges : ndarray of shape (n_windows, n_paths)
        P&L of the first engine, and of all others together, over the runs in which the first engine lost [USD].
    products : ndarray of shape (n_windows, n_pairs, n_paths)
        Sums of products of two engines' daily P&L, pairs in the order of ``engine_pairs`` [USD^2].
    """

    engine_pnl: FloatArray
    pnl: FloatArray
    return_sum: FloatArray
    return_square_sum: FloatArray
    loss_first_engine: FloatArray
    loss_hedges: FloatArray
    products: FloatArray


def engine_pairs(n_engines: int) -> list[tuple[int, int]]:
    """Pairs of engines, each with itself first: (0, 0), (0, 1), ..., (1, 1), ..."""
    return [(first, second) for first in range(n_engines) for second in range(first, n_engines)]


class WindowBook:
    """Running sums of one strategy by window.

    Parameters
    ----------
    inside : ndarray of bool, shape (n_days + 1, n_windows, n_paths)
        From ``membership``.
    n_engines : int
        Engines of the strategy.
    initial_equity : float
        Equity before the first orders [USD].
    first : int
        Engine whose losses the others are to offset.
    """

    def __init__(self, inside: BoolArray, n_engines: int, initial_equity: float, *, first: int = 0) -> None:
        self._first = first
        _, n_windows, n_paths = inside.shape
        self._inside = inside
        self._net = np.zeros((_SESSIONS + 1, n_engines, n_paths))
        self._equity = np.full((_SESSIONS + 1, n_paths), initial_equity)
        self._last, self._n_waiting = 0, 0
        self._n_engines = n_engines
        self._sums = np.zeros((n_paths, n_windows, n_engines + len(engine_pairs(n_engines)) + _TOTALS))
        self._losses = np.zeros((n_paths, n_windows, 2))
        self._runs = np.zeros((n_paths, n_windows, 2))

    def note(self, day: int, net: FloatArray, equity: FloatArray) -> None:
        """Take the book of one close.

        Parameters
        ----------
        day : int
            Sessions after day 0, in rising order; day 0 itself may be left out.
        net : ndarray of shape (n_engines, n_paths)
            P&L of each engine since the start, net of costs [USD].
        equity : ndarray of shape (n_paths,)
            Equity after the orders of the day [USD].
        """
        if day > 0 and self._inside.shape[1]:
            if self._n_waiting == _SESSIONS or day != self._last + 1:
                self._add_up()
            self._n_waiting += 1
            self._last = day
            self._net[self._n_waiting], self._equity[self._n_waiting] = net, equity

    def _add_up(self) -> None:
        """Take the sessions that wait into the sums; the last one stays as the close before the next."""
        n = self._n_waiting
        if n:
            inside = self._inside[self._last - n : self._last + 1]
            net, equity = self._net[: n + 1], self._equity[: n + 1]
            _add_sessions(inside, net, equity, self._first, self._sums, self._runs, self._losses)
            self._net[0], self._equity[0] = self._net[n], self._equity[n]
            self._n_waiting = 0

    def finish(self) -> WindowOutcomes:
        """End the runs that are still open, and hand over the sums."""
        self._add_up()
        lost = self._runs[:, :, :1] < 0.0
        losses = self._losses + np.where(lost, self._runs, 0.0)
        sums, n = self._sums.transpose(1, 2, 0), self._n_engines
        pnl, return_sum, return_square_sum = (np.ascontiguousarray(sums[:, row]) for row in range(-_TOTALS, 0))
        return WindowOutcomes(
            engine_pnl=sums[:, :n],
            pnl=pnl,
            return_sum=return_sum,
            return_square_sum=return_square_sum,
            loss_first_engine=np.ascontiguousarray(losses[:, :, 0].T),
            loss_hedges=np.ascontiguousarray(losses[:, :, 1].T),
            products=sums[:, n:-_TOTALS],
        )


@njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def _add_sessions(
    inside: BoolArray,
    net: FloatArray,
    equity: FloatArray,
    first: int,
    sums: FloatArray,
    runs: FloatArray,
    losses: FloatArray,
) -> None:
    """Add sessions to the sums, path by path, so that the sums of a path stay in the cache.

    Parameters
    ----------
    inside : ndarray of bool, shape (n_sessions + 1, n_windows, n_paths)
        Where the session before them, and each of them, belongs to a window.
    net : ndarray of shape (n_sessions + 1, n_engines, n_paths)
        Net P&L since the start at those closes [USD].
    equity : ndarray of shape (n_sessions + 1, n_paths)
        Likewise [USD].
    first : int
        Engine whose losses the others are to offset.
    sums : ndarray of shape (n_paths, n_windows, n_engines + n_pairs + 3)
        P&L by engine, its products by pair of engines, P&L, returns, squared returns.
    runs, losses : ndarray of shape (n_paths, n_windows, 2)
        P&L of the first engine and of the others: over the run that is open, and over runs that the first one lost.
    """
    n_engines = net.shape[1]
    today = np.empty(sums.shape[2])
    for i in range(net.shape[2]):
        for day in range(1, net.shape[0]):
            others = 0.0
            for e in range(n_engines):
                today[e] = net[day, e, i] - net[day - 1, e, i]
                if e != first:
                    others += today[e]
            _fill_products(today, n_engines, equity[day - 1, i], equity[day, i])
            for w in range(inside.shape[1]):
                if inside[day, w, i]:
                    _add_today(today, today[first], others, sums[i, w], runs[i, w])
                elif inside[day - 1, w, i]:
                    _end_run(runs[i, w], losses[i, w])


@njit(cache=True, nogil=True, error_model="numpy", inline="always")  # type: ignore[untyped-decorator]
def _add_today(today: FloatArray, first: float, others: float, total: FloatArray, run: FloatArray) -> None:
    """Add a session of one path to a window, and to the run that is open."""
    for k in range(today.size):
        total[k] += today[k]
    run[0] += first
    run[1] += others


@njit(cache=True, nogil=True, error_model="numpy", inline="always")  # type: ignore[untyped-decorator]
def _fill_products(today: FloatArray, n_engines: int, before: float, after: float) -> None:
    """Fill what a session adds to the sums behind the P&L of the engines."""
    place = n_engines
    for e in range(n_engines):
        for other in range(e, n_engines):
            today[place] = today[e] * today[other]
            place += 1
    gain = after - before
    ratio = gain / before if before > 0.0 else 0.0
    today[place], today[place + 1], today[place + 2] = gain, ratio, ratio * ratio


@njit(cache=True, nogil=True, error_model="numpy", inline="always")  # type: ignore[untyped-decorator]
def _end_run(run: FloatArray, loss: FloatArray) -> None:
    """End the run of a window on one path: where the first engine lost over it, it counts."""
    if run[0] < 0.0:
        loss[0] += run[0]
        loss[1] += run[1]
    run[0] = 0.0
    run[1] = 0.0
