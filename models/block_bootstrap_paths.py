"""Paths of the block bootstrap: days of history, and the surface's state at their VIX."""

from __future__ import annotations

from functools import lru_cache
from math import exp
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from models.errors import ModelParameterError
from models.index_history import index_history
from models.kernels.bootstrap_path import resample_rows
from models.protocols import SESSIONS_PER_YEAR, FloatArray, Measure, Stream
from models.streams import Purpose, check_paths, stream_key, uniforms

if TYPE_CHECKING:
    from models.block_bootstrap import BlockBootstrap

BURN_IN_BLOCKS = 5
"""Mean block lengths, or times of splicing if longer, of the burn-in that gives the gap of the VIX its own law."""


def propagate_bootstrap(
    model: BlockBootstrap,
    state: FloatArray,
    n_days: int,
    stream: Stream,
    *,
    first_day: int = 0,
    measure: Measure = "p",
) -> tuple[FloatArray, FloatArray]:
    """Move bootstrapped paths on; see ``models.protocols.Model.propagate``.

    Parameters
    ----------
    model : BlockBootstrap
        The model.
    state : ndarray of shape (3, n_paths)
        State of the surface, day of history, and VIX [points].
    n_days : int
        Sessions, >= 0.
    stream : Stream
        Address of the random numbers.
    first_day : int
        Day of the first move; may be negative.
    measure : {"p", "q"}
        Under Q the surface's model moves, and days of history stand still.

    Returns
    -------
    log_return : ndarray of shape (n_days, n_paths)
    state : ndarray of shape (n_days, 3, n_paths)

    Raises
    ------
    ModelParameterError
        If the state has a wrong shape, no day of history or a VIX that is not positive.
    """
    factors = _checked(model, state)
    if measure == "q":
        return _surface_paths(model, factors, n_days, stream, first_day)
    return _resample(model, factors, n_days, stream, first_day=first_day, purpose=Purpose.RESAMPLE)


def stationary_bootstrap(model: BlockBootstrap, n_paths: int, stream: Stream, *, measure: Measure = "p") -> FloatArray:
    """Draw a day of history at random and move on by a few blocks; under Q, draw from the surface's model.

    Returns
    -------
    ndarray of shape (3, n_paths)
    """
    check_paths(stream, n_paths)
    history, surface = model.history(), model.surface_model()
    first = uniforms(stream, n_paths, purpose=Purpose.STATIONARY)[0]
    day = np.minimum((first * history.n_days).astype(np.int64), history.n_days - 1)
    if measure == "q":
        inner = surface.model.stationary_state(n_paths, stream, measure="q")
        return np.stack([inner[0], day.astype(float), surface.model.exact_pricer().vix(inner)])
    vix = np.exp(history.log_vix[day] + model.log_vix_shift())
    start = np.stack([surface.state_at(vix), day.astype(float), vix])
    sessions = int(BURN_IN_BLOCKS * max(model.mean_block_length, model.splice_days))
    _, moved = _resample(model, start, sessions, stream, first_day=1, purpose=Purpose.STATIONARY)
    return np.array(moved[-1])


def _resample(
    model: BlockBootstrap, factors: FloatArray, n_days: int, stream: Stream, *, first_day: int, purpose: Purpose
) -> tuple[FloatArray, FloatArray]:
    key = stream_key(stream)
    check_paths(stream, factors.shape[1])
    history, shift = model.history(), model.log_vix_shift()
    order, rank = _ranks(model.spx, model.vix)
    log_return = np.empty((n_days, factors.shape[1]))
    moved = np.empty((n_days, 2, factors.shape[1]))
    resample_rows(
        log_return,
        moved,
        factors[1].astype(np.int64),
        np.log(factors[2]),
        np.stack([history.log_return, history.log_vix_before + shift, history.log_vix + shift]),
        order,
        rank,
        1.0 / model.mean_block_length,
        int(model.neighbours) if model.neighbours else -1,
        exp(-1.0 / model.splice_days),
        (model.equity_premium_scale - 1.0) * model.excess_return() / SESSIONS_PER_YEAR,
        stream.first_path,
        first_day,
        int(purpose),
        key,
    )
    vix = np.exp(moved[:, 1])
    return log_return, np.stack([model.surface_model().state_at(vix), moved[:, 0], vix], axis=1)


@lru_cache(maxsize=4)
def _ranks(spx: str, vix: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Days by their VIX, and where each stands among them."""
    order = np.argsort(index_history(spx, vix).log_vix, kind="stable")
    rank = np.empty_like(order)
    rank[order] = np.arange(order.size)
    return order, rank


def _surface_paths(
    model: BlockBootstrap, factors: FloatArray, n_days: int, stream: Stream, first_day: int
) -> tuple[FloatArray, FloatArray]:
    surface = model.surface_model().model
    log_return, inner = surface.propagate(factors[:1], n_days, stream, first_day=first_day, measure="q")
    vix = surface.exact_pricer().vix(inner[:, 0][None])
    return log_return, np.stack([inner[:, 0], np.broadcast_to(factors[1], vix.shape), vix], axis=1)


def _checked(model: BlockBootstrap, state: FloatArray) -> FloatArray:
    factors = np.asarray(state, dtype=np.float64)
    if factors.ndim != 2 or factors.shape[0] != len(model.state_names):
        raise ModelParameterError(f"state must have shape (3, n_paths), got {factors.shape}")
    last = model.history().n_days - 1
    if not ((factors[1] >= 0.0) & (factors[1] <= last)).all():
        raise ModelParameterError(f"day must be a day of the history, 0 to {last}")
    if not (np.isfinite(factors[2]).all() and (factors[2] > 0.0).all()):
        raise ModelParameterError("vix must be > 0 points")
    return factors
