"""Breadth carried beside the windows of a model, with its default parameters: the statistics that the NYSE's has."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from models.breadth import Breadth
from models.breadth_paths import net_advances
from models.fidelity.context import MIN_DAYS, Row, correlation
from models.fidelity.windows import WindowBlock
from models.protocols import FloatArray, PathBlock, SimulationGrid, Stream


def simulated_breadth(block: WindowBlock, stream: Stream) -> FloatArray:
    """Advances less declines over their sum on each return of a block of windows, (n_windows, n_days)."""
    log_spot = np.concatenate([np.zeros((1, block.vix.shape[1])), np.cumsum(block.log_return, axis=0)])
    grid = SimulationGrid(n_days=log_spot.shape[0] - 1, warmup_days=0)
    paths = PathBlock(grid=grid, spot=np.exp(log_spot), state=block.state, vix=block.vix)
    return net_advances(Breadth(), paths, stream)[1:].T


def breadth_rows(net: FloatArray, log_return: FloatArray, vix: FloatArray) -> Iterator[Row]:
    """Yield the rows of histories.

    Parameters
    ----------
    net : ndarray of shape (n_windows, n_days)
        Advances less declines over their sum; NaN where it is not known.
    log_return : ndarray of shape (n_windows, n_days)
        Daily log returns of the SPX.
    vix : ndarray of shape (n_windows, n_days + 1)
        VIX [points].
    """
    if np.isfinite(net).sum(axis=-1).min() < MIN_DAYS:
        return
    yield "breadth_mean", np.nanmean(net, axis=-1)
    yield "breadth_std", np.nanstd(net, axis=-1)
    yield "breadth_acf_1", correlation(net[:, 1:], net[:, :-1])
    yield "breadth_q01", np.nanquantile(net, 0.01, axis=-1)
    yield "breadth_q99", np.nanquantile(net, 0.99, axis=-1)
    yield "corr_breadth_r", correlation(net, log_return)
    yield "corr_breadth_dlogvix", correlation(net, np.diff(np.log(vix)))
