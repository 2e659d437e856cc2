"""Table slices of models in sessions, one a session, from one sweep of the backward recursion."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import final

import numpy as np

from models.backward_fourier import knots_for, log_return_transforms
from models.backward_model import BackwardModel
from models.backward_pricer import backward_grid, first_logarithm, read_logarithm
from models.backward_vix import vix_call_sweep
from models.log_transform import WIDTH, LogTransform, scaled_puts
from models.protocols import FloatArray
from models.stencil import WIDTH as STENCIL
from models.stencil import stencil

SPX_GRID = {1: (129, 384), 2: (35, 40)}
VIX_GRID = {1: (321, 384), 2: (41, 40)}
KNOT_STEP = 0.05
STRIKE_STEP = 0.01
"""Distance of the strikes [log points] between which VIX options are interpolated."""


@final
@dataclass(frozen=True, slots=True)
class BackwardSlices:
    """Slice source of a backward model; see ``models.slices``.

    Parameters
    ----------
    model : BackwardModel
        The model.
    """

    model: BackwardModel

    def spx_slices(
        self, states: FloatArray, scaled: FloatArray, max_sessions: int
    ) -> Iterator[tuple[FloatArray, FloatArray, FloatArray]]:
        """Yield deviation (n_nodes,), puts and calls (n_nodes, n_strikes) for 1, 2, .. sessions.

        Parameters
        ----------
        states : ndarray of shape (n_factors, n_nodes)
            States.
        scaled : ndarray of shape (n_strikes,)
            Log-moneyness over the deviation, counted outwards.
        max_sessions : int
            Last session.
        """
        grid = backward_grid(self.model, SPX_GRID)
        knots = knots_for(grid, max_sessions, step=KNOT_STEP)
        if scaled.size == 0:  # the deviation is read near 0
            knots = replace(knots, n=8)
        inside = np.minimum(scaled, 0.95 * WIDTH)
        first: LogTransform | None = first_logarithm(grid, knots, states)
        for transform in log_return_transforms(grid, knots, max_sessions):
            own = first or read_logarithm(grid, LogTransform.of(knots, transform.reshape(knots.n, -1)), states)
            first = None
            deviation = own.deviation
            if scaled.size == 0:
                yield deviation, np.empty((deviation.size, 0)), np.empty((deviation.size, 0))
                continue
            # corners of a grid of two factors hold states that no path visits, with strikes beyond what numbers hold
            with np.errstate(over="ignore", invalid="ignore"):
                both, _ = scaled_puts(own.density_terms(deviation), deviation, np.concatenate([-inside, inside]))
                puts, opposite = both[:, : scaled.size], both[:, scaled.size :]
                calls = opposite - np.expm1(inside * deviation[:, None]) / deviation[:, None]
            highest = 1.0 / deviation[:, None]  # a forward, which no out-of-the-money option is worth more than
            puts, calls = (np.clip(np.nan_to_num(side, nan=0.0), 0.0, highest) for side in (puts, calls))
            yield deviation, np.where(inside < scaled, 0.0, puts), np.where(inside < scaled, 0.0, calls)

    def vix_slices(
        self, states: FloatArray, scaled: FloatArray, max_sessions: int
    ) -> Iterator[tuple[FloatArray, FloatArray, FloatArray, FloatArray]]:
        """Yield future (n_nodes,) [points], deviation of its logarithm, puts and calls; parameters as above."""
        grid = backward_grid(self.model, VIX_GRID)
        vix = self.model.vix(grid.states)
        low, high = np.log(0.5 * vix.min()), np.log(2.0 * vix.max())
        log_strikes = low + STRIKE_STEP * np.arange(int((high - low) / STRIKE_STEP) + 1)
        strikes = np.exp(log_strikes if scaled.size else log_strikes[:STENCIL])
        for reader in vix_call_sweep(grid, strikes, max_sessions):
            read = reader(states)
            future = read[0]
            deviation = np.sqrt(np.maximum(read[2] - read[1] ** 2, 1e-10))
            calls = read[3:].T
            puts = calls - future[:, None] + strikes
            wanted = np.log(future)[:, None] + deviation[:, None] * np.stack([-scaled, scaled])[:, None, :]
            at = stencil(wanted, low=float(low), step=STRIKE_STEP, n_nodes=strikes.size)
            columns = at.first[..., None] + np.arange(at.weight.shape[-1])
            sides = [
                np.maximum(np.einsum("skw,skw->sk", surface[np.arange(future.size)[:, None, None], c], w), 0.0)
                for surface, c, w in zip((puts, calls), columns, at.weight, strict=True)
            ]
            yield future, deviation, *(side / (future * deviation)[:, None] for side in sides)
