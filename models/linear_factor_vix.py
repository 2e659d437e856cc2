r"""VIX futures and options of models whose two factors are linear: sums over one law a session, from any state.

With :math:`X_{t+n} = \phi_x^n X_t + U_n`, :math:`Y_{t+n} = \phi_y^n Y_t + V_n` and squared VIX a function g of the
factors, a future is :math:`E\sqrt{g(\phi_x^n X + U_n, \phi_y^n Y + V_n)}`, and an option likewise. The law of (U, V)
knows no state. g is a short sum of products of a function of the state and one of the noise, so that its values
at all states and nodes are one product of matrices.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import final

import numpy as np

from models.factor_noise import FactorNoise
from models.kernels.vix_sums import vix_moments, vix_sides
from models.linear_factor_model import LinearFactorModel
from models.protocols import SESSIONS_PER_YEAR, FloatArray
from models.slices import VixSlice

SMOOTH = 0.9
"""Spacing of nodes, in deviations, for what has no kink."""

TABLE_SPACING = 0.12
_LEAST_DEVIATION = 1e-5
_BLOCK = 400_000  # squares that are held at once: they stay in the cache
_MOST_BINS = 4096


def squares(model: LinearFactorModel, n_sessions: int, states: FloatArray, noise: FactorNoise) -> Iterator[FloatArray]:
    """Yield squared VIX [points] after some sessions, (n_part, n_nodes) for one part of the states after the other."""
    left, right = model.squared_vix().split(model.decay(n_sessions)[:, None] * states, noise.points)
    left *= 1e4 * SESSIONS_PER_YEAR
    rows = max(1, _BLOCK // noise.weight.size)
    for low in range(0, left.shape[0], rows):
        yield left[low : low + rows] @ right


def vix_slices(
    model: LinearFactorModel,
    states: FloatArray,
    scaled: FloatArray,
    max_sessions: int,
    *,
    spacing: float = TABLE_SPACING,
) -> Iterator[VixSlice]:
    """See ``models.slices.SliceSource.vix_slices``."""
    strikes = StrikeCells(scaled)
    for n in range(1, max_sessions + 1):
        future, deviation = moments(model, n, states, model.noise(n, SMOOTH))
        np.maximum(deviation, _LEAST_DEVIATION, out=deviation)
        puts, calls = np.empty((2, states.shape[1], strikes.edges.size))
        if scaled.size:
            noise, low = model.noise(n, spacing), 0
            for part in squares(model, n, states, noise):
                rows = slice(low, low + part.shape[0])
                vix_sides(future[rows], deviation[rows], puts[rows], calls[rows], part, noise.weight, *strikes.search)
                low = rows.stop
        yield future, deviation, puts[:, strikes.of_put], calls[:, strikes.of_call]


def moments(
    model: LinearFactorModel, n_sessions: int, states: FloatArray, noise: FactorNoise
) -> tuple[FloatArray, FloatArray]:
    """Mean VIX [points] after some sessions, and deviation of its logarithm, (n_states,)."""
    future, deviation = np.empty((2, states.shape[1]))
    low = 0
    for part in squares(model, n_sessions, states, noise):
        rows = slice(low, low + part.shape[0])
        vix_moments(future[rows], deviation[rows], part, noise.weight)
        low = rows.stop
    return future, deviation


@final
class StrikeCells:
    """Strikes of puts and calls on one line, and how the cell of a value between them is found.

    Parameters
    ----------
    scaled : ndarray of shape (n_strikes,)
        Log-moneyness in deviations, counted outwards.
    """

    def __init__(self, scaled: FloatArray) -> None:
        self.edges, cell = np.unique(np.concatenate([-scaled, scaled]), return_inverse=True)
        self.of_put, self.of_call = cell[: scaled.size], cell[scaled.size :]
        if scaled.size:
            span = float(self.edges[-1] - self.edges[0])
            width = max(0.99 * float(np.diff(self.edges).min(initial=span)), span / _MOST_BINS)
            width = max(width, 1e-9)
            bins = self.edges[0] + width * np.arange(int(span / width) + 1)
            start = np.searchsorted(self.edges, bins - 1e-9 * width, side="right")
            self.search = self.edges, start, width
