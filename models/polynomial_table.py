"""Price tables of path-dependent volatility: polynomials of the state at every session and strike.

For each session a slice stores puts and calls over ``forward x deviation`` at scaled strikes, as tables of other models
do (``models.option_table``), but where those have a grid of states, these have the coefficients of a polynomial: five
factors are too many for a grid. Coefficients come from a regression on nested simulations from a sample of states,
each with random numbers of its own, so that the regression averages their noise.

The simulated mean of each state is taken as its forward, so that put-call parity holds in every regressed smile.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import spline_filter1d

from models.building import counted
from models.kernels.nest_table import smile_rows
from models.path_dependent_curve import PathDependentCurve, path_dependent_curve
from models.path_dependent_nest import nest_stream, over_states, sample_states
from models.protocols import FloatArray
from models.streams import Purpose, stream_key
from models.table_cache import load_or_build, table_hash

if TYPE_CHECKING:
    from models.path_dependent import PathDependent
    from models.polynomial_pricer import PolynomialTablePricer

VERSION = 3
"""Raised whenever the content of the tables changes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SmileAxis:
    """Strikes of a slice: asinh of the scaled log-moneyness is uniform.

    Parameters
    ----------
    n_side : int
        Nodes from the forward outwards.
    n_past : int
        Nodes past the forward, which keep the end of the spline away from the cells that are used.
    reach : float
        Scaled log-moneyness at the last node.
    """

    n_side: int = 49
    n_past: int = 6
    reach: float = 14.0

    @property
    def step(self) -> float:
        """Step in asinh of the scaled log-moneyness."""
        return float(np.arcsinh(self.reach)) / (self.n_side - 1)

    @property
    def width(self) -> int:
        """Nodes of a surface."""
        return self.n_side + self.n_past


@dataclass(frozen=True, slots=True, kw_only=True)
class NestSize:
    """How much is simulated.

    Parameters
    ----------
    n_states : int
        States of the sample.
    n_pairs : int
        Antithetic pairs of paths from each.
    vix_share : int
        One in how many of these pairs serves VIX options too, whose underlying takes longer to compute.
    """

    n_states: int = 2000
    n_pairs: int = 2048
    vix_share: int = 2


AXIS = SmileAxis()
SIZE = NestSize()
_BATCH = 50  # states whose smiles are in memory before they join the regression


def tabulated_pricer(model: PathDependent, *, max_sessions: int = 90, size: NestSize = SIZE) -> PolynomialTablePricer:
    """Build the tables, or read them from the cache.

    Parameters
    ----------
    model : PathDependent
        The model.
    max_sessions : int
        Longest tenor. [sessions]
    size : NestSize
        How much is simulated.
    """
    from models.polynomial_pricer import PolynomialTablePricer

    curve = path_dependent_curve(model, max_sessions)
    identity = {
        "model": model.pricing_key(),
        "version": VERSION,
        "max_sessions": max_sessions,
        "axis": asdict(AXIS),
        "size": asdict(size),
    }
    key = table_hash(identity)
    tables = load_or_build(key, lambda: _build(curve, size), of=f"the prices of {model!r}")
    return PolynomialTablePricer(model, curve, tables, key=key)


def _build(curve: PathDependentCurve, size: NestSize) -> dict[str, FloatArray]:
    """Spline coefficients ``spx`` and ``vix`` of shape (max_sessions, n_terms, 2 * width): puts, then calls."""
    states = sample_states(curve.vix.dynamics, size.n_states)
    features = curve.vix.basis.features(curve.points(states))
    # the regression is linear in the smiles, so that each batch of states can be added and forgotten
    projection = np.linalg.pinv(features.T)
    total = np.zeros((features.shape[0], curve.max_sessions * 4 * AXIS.width))
    for batch in counted(_batches(size.n_states), -(-size.n_states // _BATCH)):
        smiles = over_states(lambda i, batch=batch: _of_state(curve, states, batch[i], size), batch.size)  # type: ignore[misc]
        total += projection[:, batch] @ np.stack(smiles).reshape(batch.size, -1)
    surfaces = total.reshape(features.shape[0], curve.max_sessions, 4, AXIS.width)
    filtered = np.moveaxis(spline_filter1d(surfaces, order=3, axis=3, mode="mirror"), 1, 0)
    return {
        "spx": np.ascontiguousarray(filtered[:, :, :2]).reshape(*filtered.shape[:2], -1),
        "vix": np.ascontiguousarray(filtered[:, :, 2:]).reshape(*filtered.shape[:2], -1),
    }


def _batches(n_states: int) -> Iterator[np.ndarray]:
    for first in range(0, n_states, _BATCH):
        yield np.arange(first, min(first + _BATCH, n_states))


def _of_state(curve: PathDependentCurve, states: FloatArray, index: int, size: NestSize) -> FloatArray:
    """Smiles of one state; shape (max_sessions, 4, width): SPX puts and calls, VIX puts and calls."""
    state = np.ascontiguousarray(states[:, index])
    points, sessions = curve.points(state[:, None]), range(1, curve.max_sessions + 1)
    deviations = np.array(
        [(curve.spx_deviations(points, state[4:], n)[0], curve.vix_deviations(points, n)[0]) for n in sessions]
    )
    smiles = np.empty((curve.max_sessions, 4, AXIS.width))
    stream = nest_stream(index, size.n_pairs, scenario=3)
    smile_rows(
        state,
        size.n_pairs,
        size.n_pairs // size.vix_share,
        stream.first_path,
        int(Purpose.NEST),
        stream_key(stream),
        curve.vix.dynamics.steps(),
        curve.vix.polynomial(),
        deviations,
        AXIS.step,
        AXIS.n_side,
        AXIS.n_past,
        smiles,
    )
    return smiles
