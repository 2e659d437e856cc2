r"""Tables of VIX futures and options: one slice a session to settlement, in the same form as the SPX tables.

The deviation of the log VIX is that of a lognormal variable with the same two first moments, both known:
:math:`\text{deviation}^2 = \ln(E[\mathrm{VIX}^2] / E[\mathrm{VIX}]^2)`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Protocol

import numpy as np
from scipy.ndimage import spline_filter1d

from models.affine import AffineModel
from models.building import counted
from models.option_table import TableGrid, spline_coefficients
from models.protocols import SESSIONS_PER_YEAR, FloatArray
from models.vix_laplace import vix_calls, vix_futures

_STEP = 0.05  # of the quadrature: 1e-6 VIX points


class SliceMap(Protocol):
    """``map`` of the built-in, or of a pool."""

    def __call__(
        self, function: Callable[[int], tuple[FloatArray, FloatArray]], sessions: Iterable[int], /
    ) -> Iterable[tuple[FloatArray, FloatArray]]:
        """Apply ``function`` to every number of sessions, in order."""
        ...


def build_vix_slices(
    model: AffineModel, grid: TableGrid, futures_grid: TableGrid, max_sessions: int, over: SliceMap = map
) -> tuple[FloatArray, FloatArray]:
    """Spline coefficients of all slices.

    Parameters
    ----------
    model : AffineModel
        One-factor model; its state is an annual variance.
    grid : TableGrid
        Nodes of the options.
    futures_grid : TableGrid
        Nodes of the futures, in the state only.
    max_sessions : int
        Slices are built for 1 .. max_sessions.
    over : callable
        ``map``, or that of a pool of threads.

    Returns
    -------
    options : ndarray of shape (max_sessions, 2, n_state + pad + 1, n_strike + pads)
        Puts and calls over future and deviation.
    futures : ndarray of shape (max_sessions, 2, n_state + pad + 1)
        Future [VIX points], and deviation of the log VIX.
    """
    slices = list(counted(over(partial(_slice, model, grid, futures_grid), range(1, max_sessions + 1)), max_sessions))
    return np.stack([options for options, _ in slices]), np.stack([futures for _, futures in slices])


def _slice(
    model: AffineModel, grid: TableGrid, futures_grid: TableGrid, sessions: int
) -> tuple[FloatArray, FloatArray]:
    ttm = sessions / SESSIONS_PER_YEAR
    futures = np.stack([_line(row) for row in future_and_deviation(model, futures_grid.variances(), ttm)])
    variances, outward = grid.variances(), grid.scaled_strikes()
    future, deviation = future_and_deviation(model, variances, ttm)
    surfaces = [
        _scaled_prices(model, variances, future, deviation, sign * outward, ttm, is_call=sign > 0.0)
        for sign in (-1.0, 1.0)
    ]
    return np.stack([spline_coefficients(surface) for surface in surfaces]), futures


def future_and_deviation(model: AffineModel, variances: FloatArray, ttm: float) -> tuple[FloatArray, FloatArray]:
    """VIX future [points] and deviation of the log VIX at each variance."""
    future = vix_futures(model, variances[None, :], ttm)
    constant, slope = model.variance_mean(ttm)
    second = 1e4 * (constant + slope[0] * variances)
    return future, np.sqrt(np.log(np.maximum(second / future**2, 1.0 + 1e-12)))


def _line(values: FloatArray) -> FloatArray:
    filtered = spline_filter1d(values, order=3, mode="mirror")
    return np.concatenate([filtered[1:2], filtered])


def _scaled_prices(
    model: AffineModel,
    variances: FloatArray,
    future: FloatArray,
    deviation: FloatArray,
    scaled: FloatArray,
    ttm: float,
    *,
    is_call: bool,
) -> FloatArray:
    """Prices over future and deviation, (n_state, n_strike)."""
    strike = future[:, None] * np.exp(deviation[:, None] * scaled[None, :])
    state = np.broadcast_to(variances[:, None], strike.shape).reshape(1, -1)
    price = vix_calls(model, state, strike.ravel(), ttm, step=_STEP).reshape(strike.shape)
    if not is_call:
        price = np.maximum(price - future[:, None] + strike, 0.0)
    return np.asarray(price / (future * deviation)[:, None])
