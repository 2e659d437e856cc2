"""The grid of states of a backward recursion, and where one session takes each of its nodes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.axes import Axis
from models.backward_model import BackwardModel, deviations_of_return
from models.protocols import FloatArray
from models.stencil import WIDTH, Stencil, stencil

_MARGIN = 0.12
"""Part of an axis' range that the grid goes on beyond each end, so that its own ends do not matter inside."""

_MARGIN_OF_LOG = 0.35
"""The same above an axis of logarithms: one heavy-tailed shock multiplies a variance many times."""


@dataclass(frozen=True, kw_only=True)
class BackwardGrid:
    """Nodes of a model's state and their successors.

    Values on the grid have the shape (n_regimes, n_nodes), nodes in the order of the first continuous factor, then
    the second.

    Parameters
    ----------
    model : BackwardModel
        The model.
    n_nodes : int
        Nodes of the axis that has most in the tables; the other has fewer in proportion.
    n_shocks : int
        About how many nodes the quadrature of the return shock has.
    """

    model: BackwardModel
    n_nodes: int
    n_shocks: int

    @cached_property
    def factors(self) -> tuple[int, ...]:
        """Numbers of the continuous factors in the state."""
        return tuple(i for i, axis in enumerate(self.model.table_axes()) if axis.kind != "index")

    @cached_property
    def n_regimes(self) -> int:
        """Number of regimes; 1 without a regime."""
        chain = self.model.regime_chain()
        return 1 if chain is None else int(chain.shape[0])

    @cached_property
    def coordinates(self) -> tuple[FloatArray, ...]:
        """Coordinates of the nodes of each continuous factor."""
        return tuple(self._nodes(self.model.table_axes()[i]) for i in self.factors)

    @cached_property
    def size(self) -> int:
        """Nodes of one regime."""
        return int(np.prod([nodes.size for nodes in self.coordinates]))

    @cached_property
    def states(self) -> FloatArray:
        """States of shape (n_factors, n_regimes, n_nodes)."""
        axes = self.model.table_axes()
        values = [axes[i].value(nodes) for i, nodes in zip(self.factors, self.coordinates, strict=True)]
        mesh = [part.ravel() for part in np.meshgrid(*values, indexing="ij")]
        return self._with_regime([np.broadcast_to(part, (self.n_regimes, self.size)) for part in mesh])

    @cached_property
    def shocks(self) -> tuple[FloatArray, FloatArray]:
        """Nodes and weights of the return shock."""
        return self.model.shock_nodes(self.n_shocks)

    @cached_property
    def variance(self) -> FloatArray:
        """Daily variance of the next return, (n_regimes, n_nodes)."""
        return np.asarray(self.model.return_variance(self.states))

    @cached_property
    def shared_deviation(self) -> FloatArray:
        """Deviation of the next return per unit of the shock, (n_regimes, n_nodes)."""
        return deviations_of_return(self.model, self.states)[0]

    @cached_property
    def own_variance(self) -> FloatArray:
        """Variance of the part of the next return that moves no factor, (n_regimes, n_nodes)."""
        return deviations_of_return(self.model, self.states)[1]

    @cached_property
    def log_return(self) -> FloatArray:
        """Log return over the forward for each shock, (n_regimes, n_nodes, n_z), without its orthogonal part.

        Its drift makes the quadrature itself a martingale.
        """
        z, w = self.shocks
        moved = self.shared_deviation[..., None] * z
        top = moved.max(axis=-1, keepdims=True)
        growth = np.log(np.exp(moved - top) @ w) + top[..., 0] + 0.5 * self.own_variance
        return np.asarray(moved - growth[..., None])

    def successors(self, factor: int, regime: int) -> FloatArray:
        """Coordinates of a continuous factor (0 or 1) after one session, (n_nodes, n_z or 1), without its own noise."""
        return self.model.next_coordinate(self.factors[factor], self.coordinates[factor], self.shocks[0], regime=regime)

    def stencil(self, factor: int, regime: int) -> Stencil:
        """Where a factor is read after one session: shapes (n_nodes, n_z) and (n_nodes, n_z, width)."""
        return self._read(factor, self.successors(factor, regime))

    def noise_matrix(self, factor: int) -> FloatArray | None:
        """Average over a factor's own noise at its nodes, (n, n); None without noise."""
        nodes, weights = self.model.own_noise(self.factors[factor])
        if nodes.size == 0:
            return None
        at = self.coordinates[factor]
        return np.tensordot(weights, self._read(factor, at + nodes[:, None]).matrix(at.size), axes=1)

    def mixed(self, values: NDArray[Any]) -> NDArray[Any]:
        """Average values (n_regimes, ...) over the regime of the next session."""
        chain = self.model.regime_chain()
        return values if chain is None else np.tensordot(chain, values, axes=1)

    def read(self, values: FloatArray, states: FloatArray, *, is_capped: bool = False) -> FloatArray:
        """Interpolate values (..., n_regimes, n_nodes) at states (n_factors, n); shape (..., n).

        Capped, what is read is no larger than the largest of the nodes it is read from: polynomials overshoot beside a
        node at which the logarithm of a transform is that of nil.
        """
        axes = self.model.table_axes()
        regime = np.zeros(states.shape[1], int) if self.n_regimes == 1 else np.rint(states[0]).astype(int)
        parts = [self._read(f, axes[i].coordinate(states[i])) for f, i in enumerate(self.factors)]
        nodes, weights = parts[0].first[:, None] + np.arange(parts[0].weight.shape[1]), parts[0].weight
        for f, part in enumerate(parts[1:], start=1):
            inner = part.first[:, None] + np.arange(part.weight.shape[1])
            nodes = (nodes[:, :, None] * self.coordinates[f].size + inner[:, None, :]).reshape(states.shape[1], -1)
            weights = (weights[:, :, None] * part.weight[:, None, :]).reshape(states.shape[1], -1)
        result = np.zeros((*values.shape[:-2], states.shape[1]), dtype=values.dtype)
        largest = np.full(result.shape, -np.inf) if is_capped else result
        for k in range(nodes.shape[1]):
            node = values[..., regime, nodes[:, k]]
            result += node * weights[:, k]
            if is_capped:
                largest = np.maximum(largest, node)
        return np.asarray(np.minimum(result, largest)) if is_capped else result

    def next_vix(self, states: FloatArray, regime: int) -> tuple[FloatArray, FloatArray]:
        """VIX one session after states of a regime, for every outcome of the shocks.

        Parameters
        ----------
        states : ndarray of shape (n_factors, n)
            States, on the grid or not.
        regime : int
            Their regime.

        Returns
        -------
        vix : ndarray of shape (n, n_outcomes)
            VIX. [points]
        weight : ndarray of shape (n_outcomes,)
            Chances; they sum to 1.
        """
        axes, z = self.model.table_axes(), self.shocks[0]
        n_factors, weight, parts = len(self.factors), self.shocks[1].reshape(-1, *(1,) * len(self.factors)), []
        for f, i in enumerate(self.factors):
            noise, chance = self.model.own_noise(i)
            noise, chance = (noise, chance) if noise.size else (np.zeros(1), np.ones(1))
            own = [1] * n_factors
            own[f] = noise.size
            # axes: state, return shock, own noise of each factor
            moved = self.model.next_coordinate(i, axes[i].coordinate(states[i]), z, regime=regime)
            parts.append(moved.reshape(*moved.shape, *(1,) * n_factors) + noise.reshape(own))
            weight = weight * chance.reshape(own)
        mesh = np.broadcast_arrays(*parts, np.zeros((1, *weight.shape)))[:n_factors]
        values = [axes[i].value(part.reshape(states.shape[1], -1)) for i, part in zip(self.factors, mesh, strict=True)]
        chain = self.model.regime_chain()
        if chain is None:
            return self.model.vix(np.stack(values)), weight.ravel()
        vix = [self.model.vix(np.stack([np.full(values[0].shape, float(to)), *values])) for to in range(len(chain))]
        return np.concatenate(vix, axis=1), np.concatenate([p * weight.ravel() for p in chain[regime]])

    def _nodes(self, axis: Axis) -> FloatArray:
        low, high = axis.ends
        margin = _MARGIN * (high - low)
        above = _MARGIN_OF_LOG * (high - low) if axis.kind == "log" else margin
        start = max(low - margin, 0.0) if axis.kind == "root" else low - margin
        most = max(self.model.table_axes()[i].n_nodes for i in self.factors)
        n_nodes = max(-(-self.n_nodes * axis.n_nodes // most), WIDTH)
        return np.linspace(start, high + above, n_nodes)

    def _read(self, factor: int, points: FloatArray) -> Stencil:
        nodes = self.coordinates[factor]
        return stencil(points, low=float(nodes[0]), step=float(nodes[1] - nodes[0]), n_nodes=nodes.size)

    def _with_regime(self, parts: list[FloatArray]) -> FloatArray:
        axes = self.model.table_axes()
        if axes[0].kind == "index":
            regime = np.broadcast_to(np.arange(self.n_regimes, dtype=float)[:, None], (self.n_regimes, self.size))
            parts = [regime, *parts]
        return np.stack(parts)
