"""Which sessions of which paths belong to a window."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from sim.conditions import CompiledConditions
from sim.market import MarketBlock
from sim.windows.definition import Window

BoolArray = NDArray[np.bool_]


def membership(windows: Mapping[str, Window], market: MarketBlock) -> BoolArray:
    """Tell which sessions belong to each window.

    Parameters
    ----------
    windows : mapping
        Name to window.
    market : MarketBlock
        Paths whose signals the windows read.

    Returns
    -------
    ndarray of bool, shape (n_days + 1, n_windows, n_paths)
        Row ``t`` is session ``t`` after day 0; row 0, on which nothing is earned yet, is False.
    """
    conditions, day0 = CompiledConditions(market), market.day0
    inside = np.zeros((market.n_times - day0, len(windows), market.n_paths), dtype=np.bool_)
    for w, window in enumerate(windows.values()):
        chosen = dilated(lagged(conditions.rows(window.when), window.lag), window.before, window.after)
        inside[1:, w] = chosen[day0 + 1 :]
    return inside


def lagged(truth: BoolArray, lag: int) -> BoolArray:
    """Truth of ``lag`` rows before; False where there is none."""
    moved = np.zeros_like(truth)
    moved[lag:] = truth[: truth.shape[0] - lag]
    return moved


def dilated(truth: BoolArray, before: int, after: int) -> BoolArray:
    """Where the truth holds now, at one of the next ``before`` rows, or at one of the last ``after`` rows."""
    wide = truth.copy()
    for step in range(1, before + 1):
        wide[:-step] |= truth[step:]
    for step in range(1, after + 1):
        wide[step:] |= truth[:-step]
    return wide


def runs_of(inside: BoolArray) -> NDArray[np.int64]:
    """Count contiguous runs.

    Parameters
    ----------
    inside : ndarray of bool, shape (n_days + 1, n_windows, n_paths)
        From ``membership``.

    Returns
    -------
    ndarray of shape (n_windows, n_paths)
        Runs on each path.
    """
    return np.asarray(inside[0] + np.sum(inside[1:] & ~inside[:-1], axis=0), dtype=np.int64)


def codes(inside: BoolArray) -> NDArray[np.unsignedinteger]:
    """Pack membership of up to 32 windows into one number a session, bit ``w`` for window ``w``.

    Parameters
    ----------
    inside : ndarray of bool, shape (n_days + 1, n_windows, n_paths)
        From ``membership``.

    Returns
    -------
    ndarray of shape (n_days + 1, n_paths)
        Of the smallest type that holds all windows.
    """
    n_windows = inside.shape[1]
    dtype = np.min_scalar_type((1 << n_windows) - 1)
    packed = np.zeros((inside.shape[0], inside.shape[2]), dtype=dtype)
    for w in range(n_windows):
        packed |= np.left_shift(inside[:, w], w, dtype=dtype)
    return packed
