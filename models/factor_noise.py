r"""What several sessions add to two linear factors, as nodes and weights.

Where :math:`X_{t+n} = \phi_x^n X_t + U_n` and :math:`Y_{t+n} = \phi_y^n Y_t + V_n`, the law of (U, V) is the same for
all states. So expectations of a function of the factors at expiry are sums over one set of nodes, from any state.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from models.protocols import FloatArray

_REACH = 7.0
_NEGLIGIBLE = 1e-11
_ACROSS = 0.45
_LINE = 0.15
_GOLDEN = 0.6180339887498949
_SMALL = 1e-6


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class FactorNoise:
    """Nodes of (U, V).

    Parameters
    ----------
    points : ndarray of shape (2, n_nodes)
        What is added to the factors.
    weight : ndarray of shape (n_nodes,)
        Chances, which sum to 1.
    """

    points: FloatArray
    weight: FloatArray

    @classmethod
    def of(cls, points: FloatArray, weight: FloatArray) -> FactorNoise:
        """Leave out the nodes that do not count, and bring the rest to weights of sum 1."""
        counts = weight > _NEGLIGIBLE * weight.max()
        kept = weight[counts]
        return cls(points=np.ascontiguousarray(points[:, counts]), weight=kept / kept.sum())


def gaussian_noise(mean: FloatArray, covariance: FloatArray, slope: FloatArray, spacing: float) -> FactorNoise:
    """Nodes of a bivariate normal law, close together in one direction and as few as will do across it.

    The trapezoidal rule on a normal law is exact to rounding at half a deviation, and errs by the square of the
    spacing where a payoff has its kink.

    Parameters
    ----------
    mean : ndarray of shape (2,)
        Means.
    covariance : ndarray of shape (2, 2)
        Covariance; it may be singular.
    slope : ndarray of shape (2,)
        Direction in which payoffs bend most: roughly the gradient of what is paid.
    spacing : float
        Distance of the nodes along it, in deviations.

    Returns
    -------
    FactorNoise
    """
    deviation = float(np.sqrt(slope @ covariance @ slope))
    along = covariance @ slope / deviation
    left = covariance - np.outer(along, along)
    # what is left has rank 1: its larger column gives it
    column = int(np.argmax(np.diag(left)))
    size = float(np.sqrt(max(left[column, column], 0.0)))
    scale = float(np.sqrt(covariance[column, column]))
    across = left[:, column] / size if size > _SMALL * scale else np.zeros(2)
    is_line = not across.any()
    wide = np.zeros(1) if is_line else _lattice(_ACROSS)
    dense = _lattice(spacing * (_LINE if is_line else 1.0))
    a, b = np.meshgrid(dense, wide, indexing="ij")
    # each line starts elsewhere: what the rule misses at a kink then cancels between them
    a = a + (dense[1] - dense[0]) * (_GOLDEN * np.arange(wide.size) % 1.0)
    points = mean[:, None, None] + along[:, None, None] * a + across[:, None, None] * b
    weight = np.exp(-0.5 * (a * a + b * b))
    return FactorNoise.of(points.reshape(2, -1), weight.ravel())


def _lattice(spacing: float) -> FloatArray:
    count = int(np.ceil(_REACH / spacing))
    return np.asarray(spacing * np.arange(-count, count + 1))
