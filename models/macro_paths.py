"""Macro factors and surprises along simulated paths."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from models.macro import FACTORS, MEANINGS, SURPRISES, MacroFactor
from models.protocols import SESSIONS_PER_YEAR, FloatArray, PathBlock, Stream
from models.shocks import equity_shocks, variance_shocks
from models.streams import Purpose, normals

_START_BLOCK = 16
_SURPRISE_BLOCK = 32
_REIT_BLOCK = 33


def simulate_factors(
    factors: Mapping[str, MacroFactor],
    paths: PathBlock,
    stream: Stream,
    *,
    shocks: tuple[FloatArray, FloatArray] | None = None,
) -> dict[str, FloatArray]:
    """Standardised deviations of mean-reverting factors along paths.

    Parameters
    ----------
    factors : mapping
        Names in ``FACTORS`` with their parameters: a factor has its own random numbers, whichever others are asked for.
    paths : PathBlock
        Closes of any model.
    stream : Stream
        Address of the block's random numbers.
    shocks : tuple of ndarray of shape (n_times, n_paths), optional
        ``equity_shocks`` and ``variance_shocks`` of the paths, where they are known already.

    Returns
    -------
    dict of ndarray of shape (n_times, n_paths)
        Row ``t`` depends on closes up to ``t`` only; the first row is a draw from the stationary law without shocks.
    """
    equity, variance = shocks or (equity_shocks(paths), variance_shocks(paths))
    column = {name: 1 + i for i, name in enumerate(FACTORS)}
    deviation = {name: np.empty_like(paths.spot) for name in factors}
    n_times, n_paths = paths.spot.shape
    columns = sorted({0, *(column[name] for name in factors)})
    draw = _draws(stream, n_paths, 0, columns, first_block=_START_BLOCK)
    for name, factor in factors.items():
        deviation[name][0] = factor.valuation * draw[0] + np.sqrt(1.0 - factor.valuation**2) * draw[column[name]]
    for t in range(1, n_times):
        draw = _draws(stream, n_paths, t - paths.grid.warmup_days, columns)
        for name, factor in factors.items():
            innovation = factor.equity * equity[t] + factor.variance * variance[t]
            innovation += factor.valuation * draw[0] + factor.own * draw[column[name]]
            x = deviation[name]
            np.multiply(x[t - 1], factor.decay, out=x[t])
            x[t] += np.sqrt(1.0 - factor.decay**2) * innovation
    return deviation


def simulate_surprise(name: str, release: NDArray[np.bool_], paths: PathBlock, stream: Stream) -> FloatArray:
    """Standardised surprise: a standard normal on release days, zero on all others.

    Parameters
    ----------
    name : str
        One of ``SURPRISES``.
    release : ndarray of bool, shape (n_times,)
        Whether a session is a release day.
    paths : PathBlock
        Gives the shape.
    stream : Stream
        Address of the block's random numbers.

    Returns
    -------
    ndarray of shape (n_times, n_paths)
    """
    column = SURPRISES.index(name)
    surprise = np.zeros_like(paths.spot)
    for t in np.flatnonzero(release):
        day = int(t) - paths.grid.warmup_days
        surprise[t] = normals(stream, paths.n_paths, purpose=Purpose.MACRO, day=day, block=_SURPRISE_BLOCK)[column]
    return surprise


def simulate_reit_returns(volatility: FloatArray, correlation: float, paths: PathBlock, stream: Stream) -> FloatArray:
    """Daily returns of real-estate trusts: yesterday's volatility times a normal that is correlated with the SPX.

    Parameters
    ----------
    volatility : ndarray of shape (n_times, n_paths)
        Standardised deviation of the factor ``reit_vol``.
    correlation : float
        Correlation with SPX shocks, -1 .. 1.
    paths : PathBlock
        Closes of any model.
    stream : Stream
        Address of the block's random numbers.

    Returns
    -------
    ndarray of shape (n_times, n_paths)
        Returns [decimal]; row ``t`` depends on closes up to ``t`` only, the first row is zero.
    """
    equity, own = equity_shocks(paths), np.sqrt(1.0 - correlation**2)
    deviation = MEANINGS["reit_vol"].level(volatility) / np.sqrt(SESSIONS_PER_YEAR)
    returns = np.zeros_like(paths.spot)
    for t in range(1, returns.shape[0]):
        day = t - paths.grid.warmup_days
        noise = normals(stream, paths.n_paths, purpose=Purpose.MACRO, day=day, block=_REIT_BLOCK)[0]
        returns[t] = deviation[t - 1] * (correlation * equity[t] + own * noise)
    return returns


def _draws(
    stream: Stream, n_paths: int, day: int, columns: Sequence[int], first_block: int = 0
) -> dict[int, FloatArray]:
    """Normals by column: 0 is the shared one of valuation, then one for each factor of ``FACTORS``; four a block."""
    blocks = {
        b: normals(stream, n_paths, purpose=Purpose.MACRO, day=day, block=first_block + b)
        for b in sorted({column // 4 for column in columns})
    }
    return {column: blocks[column // 4][column % 4] for column in columns}
