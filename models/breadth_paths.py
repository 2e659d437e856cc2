"""Breadth along simulated paths: advancing share, and net advances with the noise of a finite number of stocks."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.special import ndtr

from models.breadth import Breadth
from models.protocols import SESSIONS_PER_YEAR, FloatArray, PathBlock, Stream
from models.shocks import VIX_SCALE, half_life_decay
from models.streams import Purpose, normals


def advancing_share(breadth: Breadth, paths: PathBlock, stream: Stream) -> FloatArray:
    """Probability that a stock advances, before the binomial noise.

    Parameters
    ----------
    breadth : Breadth
        Parameters.
    paths : PathBlock
        Closes of any model.
    stream : Stream
        Address of the block's random numbers.

    Returns
    -------
    ndarray of shape (n_times, n_paths)
        In 0 .. 1. The first close has no return; its market part is nil.
    """
    share = np.empty(paths.spot.shape)
    for t, row, _ in _sessions(breadth, paths, stream):
        share[t] = row
    return share


def _sessions(breadth: Breadth, paths: PathBlock, stream: Stream) -> Iterator[tuple[int, FloatArray, FloatArray]]:
    """Session by session: its number, the advancing share, and a normal for the noise of a number of stocks."""
    n_times, n_paths = paths.spot.shape
    log_spot, log_vix = np.log(paths.spot), np.log(paths.vix)
    decay = half_life_decay(breadth.participation_half_life)
    rho = breadth.participation_correlation
    shared = breadth.participation_std * normals(stream, n_paths, purpose=Purpose.BREADTH, block=1)[0]
    scale = breadth.idio_to_vix / (100.0 * np.sqrt(SESSIONS_PER_YEAR))
    for t in range(n_times):
        own, rotation, noise, _ = normals(stream, n_paths, purpose=Purpose.BREADTH, day=t - paths.grid.warmup_days)
        argument = breadth.drift + breadth.rotation_std * rotation
        if t > 0:
            vix_change = log_vix[t] - log_vix[t - 1]
            innovation = rho * (vix_change / VIX_SCALE) + np.sqrt(1.0 - rho**2) * own
            shared = decay * shared + breadth.participation_std * np.sqrt(1.0 - decay**2) * innovation
            sigma_idio = scale * paths.vix[t - 1]
            argument += breadth.market_beta * (log_spot[t] - log_spot[t - 1]) / sigma_idio
            argument -= breadth.vix_response * vix_change
        yield t, ndtr(argument + shared), noise


def net_advances(breadth: Breadth, paths: PathBlock, stream: Stream) -> FloatArray:
    """Advances less declines over their sum, shape (n_times, n_paths), in -1 .. 1.

    Parameters
    ----------
    breadth : Breadth
        Parameters.
    paths : PathBlock
        Closes of any model; row ``t`` depends on those up to ``t`` only.
    stream : Stream
        Address of the block's random numbers.

    Notes
    -----
    The binomial number of advances is drawn as a normal with its mean and variance, rounded to whole stocks: with
    2000 stocks the two differ by less than a stock.
    """
    net, n = np.empty(paths.spot.shape), breadth.n_stocks
    for t, share, noise in _sessions(breadth, paths, stream):
        advances = np.rint(n * share + np.sqrt(n * share * (1.0 - share)) * noise)
        net[t] = 2.0 * np.clip(advances, 0.0, n) / n - 1.0
    return net
