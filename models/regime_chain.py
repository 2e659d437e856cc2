"""A hidden Markov chain of regimes: its law, its draws, and expectations along it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from models.errors import ModelParameterError
from models.protocols import FloatArray, Stream
from models.streams import Purpose, uniforms

Matrix = tuple[tuple[float, ...], ...]

MAX_REGIMES = 4
"""Most regimes of a chain: each has tables of its own."""

_ROUNDING = 1e-9


def checked_chain(name: str, matrix: Sequence[Sequence[float]], n_regimes: int) -> Matrix:
    """Check a matrix of transition probabilities a session.

    Parameters
    ----------
    name : str
        Name of the parameter, for the message.
    matrix : sequence of shape (n_regimes, n_regimes)
        Row i: probabilities of tomorrow's regime given regime i today.
    n_regimes : int
        Number of regimes.

    Raises
    ------
    ModelParameterError
        If a probability lies outside [0, 1], a row does not add up to 1, or the shape is wrong.
    """
    rows = tuple(tuple(float(value) for value in row) for row in matrix)
    if not 1 < n_regimes <= MAX_REGIMES:
        raise ModelParameterError(f"a chain must have 2 to {MAX_REGIMES} regimes, got {n_regimes}")
    if len(rows) != n_regimes or any(len(row) != n_regimes for row in rows):
        raise ModelParameterError(f"{name} must be a matrix of {n_regimes} rows and columns, one a regime, got {rows}")
    for number, row in enumerate(rows):
        if not all(-_ROUNDING <= value <= 1.0 + _ROUNDING for value in row) or abs(sum(row) - 1.0) > 1e-6:
            raise ModelParameterError(f"{name}, row {number}, must be probabilities that add up to 1, got {row}")
    return rows


def stationary_law(matrix: Matrix) -> FloatArray:
    """Long-run shares of time of the regimes, shape (n_regimes,).

    Raises
    ------
    ModelParameterError
        If the chain has several separate classes, so that the shares depend on where it starts.
    """
    chain = np.array(matrix)
    n = chain.shape[0]
    system = np.vstack([chain.T - np.eye(n), np.ones(n)])
    shares, _, rank, _ = np.linalg.lstsq(system, np.append(np.zeros(n), 1.0), rcond=1e-10)
    if rank < n:
        raise ModelParameterError(f"the chain of regimes must be able to reach all of them, got {matrix}")
    return np.asarray(np.maximum(shares, 0.0))


def mean_levels(matrix: Matrix, levels: Sequence[float], sessions: int) -> FloatArray:
    """Expected level in each of the next sessions given today's regime, shape (sessions, n_regimes).

    Today's regime rules the first of them.
    """
    chain, expected = np.array(matrix), np.empty((sessions, len(levels)))
    current = np.asarray(levels, dtype=np.float64)
    for session in range(sessions):
        expected[session] = current
        current = chain @ current
    return expected


def draw_stationary(matrix: Matrix, n_paths: int, stream: Stream, *, day: int) -> FloatArray:
    """Regimes 0, 1, ... from the long-run law, shape (n_paths,)."""
    edges = np.cumsum(stationary_law(matrix))[:-1]
    u = uniforms(stream, n_paths, purpose=Purpose.REGIME, day=day)[1]
    return np.asarray(np.searchsorted(edges, u, side="right"), dtype=np.float64)


def draw_next(matrix: Matrix, regime: FloatArray, stream: Stream, *, day: int, block: int = 0) -> FloatArray:
    """Regime after a session that was ruled by ``regime`` (n_paths,); ``day`` addresses the random numbers."""
    edges = np.cumsum(np.array(matrix), axis=1)[:, :-1]
    u = uniforms(stream, regime.size, purpose=Purpose.REGIME, day=day, block=block)[0]
    return np.asarray((u[:, None] >= edges[regime.astype(np.intp)]).sum(axis=1), dtype=np.float64)
