r"""Law of what n sessions add to the two factors of log variance, from its characteristic function.

The sessions' shocks are independent and the same, so that the transform of

.. math:: U_n = \sum_k \phi_x^k (m_x - a_x z_k + b_x (|z_k| - E|z|) + c_x w_k), \qquad V_n = \sum_k \phi_y^k (\dots)

is a product over sessions. In one session the factors move by a multiple of z on either side of 0, so that two
functions of one argument, and that of w, make up the whole. The density on a lattice is a Fourier sum.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import final

import numpy as np
from numpy.typing import NDArray
from scipy.fft import irfft2

from models.factor_noise import FactorNoise
from models.kernels.filtered_transform import ComplexArray, filtered_transform, transform_table
from models.log_variance_dynamics import LogVarianceDynamics
from models.protocols import FloatArray
from models.sinh_arcsinh import SinhArcsinh, normal_panels

_STEP = 0.002  # of the arguments between which the transforms of one session are interpolated
_END = 8.5  # normal at which the quadrature of one session's transforms ends
_SIDE = 7.4  # deviations at which a normal transform is 1e-12
_FARTHEST = 6.8  # normal whose shock is the largest that counts
_EDGE = 1e-11
_WIDER = 1.25
_FADE = 5.0
_MOST_SIDE = 512

BoolArray = NDArray[np.bool_]


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class NoiseTransform:
    """Transform of the centred (U, V) after n sessions, and where the law lies.

    Parameters
    ----------
    dynamics : LogVarianceDynamics
        Law of the factors.
    n_sessions : int
        Sessions, >= 1.
    """

    dynamics: LogVarianceDynamics
    n_sessions: int

    @property
    def kept(self) -> FloatArray:
        """Weight of the shocks of each session, from the last back, (2, n_sessions)."""
        return np.asarray(self.dynamics.persistence[:, None] ** np.arange(self.n_sessions))

    @property
    def mean(self) -> FloatArray:
        """Mean of (U, V), shape (2,)."""
        drift = np.array([self.dynamics.fast.drift, self.dynamics.slow.drift])
        return np.asarray(drift * self.kept.sum(axis=1))

    @property
    def covariance(self) -> FloatArray:
        """Covariance of (U, V), shape (2, 2)."""
        return np.asarray(self.dynamics.session_covariance * (self.kept @ self.kept.T))

    def reach(self) -> FloatArray:
        """Distances below and above the mean beyond which no chance counts, (2, 2): factor, side."""
        q = self.dynamics
        far = np.array([-_FARTHEST, _FARTHEST])
        z = q.return_shock.value(np.append(far, 0.0))
        own = np.stack([q.fast.noise * q.noise_shock.value(far), q.slow.noise * far])
        deviation = np.sqrt(np.diag(self.covariance) * (1.0 - 1.0 / self.n_sessions))
        moved = np.stack(
            [f.magnitude * (np.abs(z) - q.return_shock.mean_size) - f.leverage * z for f in (q.fast, q.slow)]
        )
        low = -np.minimum(moved.min(axis=1) + own[:, 0], 0.0) + _SIDE * deviation
        high = np.maximum(moved.max(axis=1) + own[:, 1], 0.0) + _SIDE * deviation
        return np.stack([low, high], axis=1)

    def at(self, first: FloatArray, second: FloatArray) -> ComplexArray:
        """Transform at all pairs of arguments, (n_first, n_second)."""
        q, kept = self.dynamics, self.kept
        x, y = q.fast, q.slow
        slope = np.array([[f.magnitude - f.leverage for f in (x, y)], [-f.magnitude - f.leverage for f in (x, y)]])
        slope = np.concatenate([slope, [[x.noise, 0.0]]])
        largest = np.abs(slope) @ np.array([np.abs(first).max(), np.abs(second).max()])
        tables = _session_tables(q.return_shock, q.noise_shock, 2 ** int(np.ceil(np.log2(largest.max() / _STEP + 8))))
        surprise = -1j * q.return_shock.mean_size * np.array([x.magnitude, y.magnitude]) * kept.sum(axis=1)
        normal = -0.5 * y.noise**2 * float(kept[1] @ kept[1])
        result = np.exp(surprise[0] * first[:, None] + surprise[1] * second + normal * second**2)
        filtered_transform(result, first, second, q.persistence, slope, tables, _STEP, self.n_sessions)
        return np.asarray(result)


@lru_cache(maxsize=8)
def _session_tables(shock: SinhArcsinh, noise: SinhArcsinh, n: int) -> ComplexArray:
    """Transforms of z over its positive and its negative values, and of w, on n arguments from 0."""
    tables = np.empty((3, n), dtype=np.complex128)
    kink = min(max(shock.normal_at_zero, 1.0 - _END), _END - 1.0)
    sides = [(shock, kink, _END), (shock, -_END, kink), (noise, -_END, _END)]
    for table, (law, low, high) in zip(tables, sides, strict=True):
        normal, weight = normal_panels(low, high)
        transform_table(table, law.value(normal), weight, _STEP)
    return tables


@lru_cache(maxsize=64)
def log_variance_noise(dynamics: LogVarianceDynamics, n_sessions: int, spacing: float) -> FactorNoise:
    """Nodes of (U, V) after n sessions on a lattice that is as coarse along the slow factor as the law allows.

    Parameters
    ----------
    dynamics : LogVarianceDynamics
        Law of the factors.
    n_sessions : int
        Sessions, >= 1.
    spacing : float
        Distance of the nodes along the fast factor in conditional deviations. Beyond 0.5 the payoff is taken to be
        smooth, and the lattice is as coarse as the law allows along both.

    Returns
    -------
    FactorNoise
        Laws with no own noise have no density at first: they are smoothed by a node or two of a fine lattice.
    """
    law = NoiseTransform(dynamics=dynamics, n_sessions=n_sessions)
    reach, deviation = law.reach(), _conditional_deviation(law.covariance)
    length = reach.sum(axis=1)
    sides, is_dead = _sides(law, length, deviation)
    first, second = (2.0 * np.pi / span * np.arange(-side, side + 1) for span, side in zip(length, sides, strict=True))
    second = second[sides[1] :]
    transform = law.at(first, second)
    faded = [np.exp(-0.5 * (_FADE * side / side[-1]) ** 2) for side in (first, second)]
    transform *= np.where(is_dead[0], 1.0, faded[0])[:, None] * np.where(is_dead[1], 1.0, faded[1])
    is_smooth = spacing > 0.5
    refined = 1 if is_smooth else max(1, int(np.ceil(length[0] / (2 * sides[0] + 1) / (spacing * deviation[0]))))
    weight = _density(transform, first, second, reach[:, 0], refined)
    u, v = (-low + span / n * np.arange(n) for low, span, n in zip(reach[:, 0], length, weight.shape, strict=True))
    if is_smooth:
        u, v, weight = u[::2], v[::2], weight[::2, ::2]
    points = law.mean[:, None, None] + np.stack(np.meshgrid(u, v, indexing="ij"))
    return FactorNoise.of(points.reshape(2, -1), weight.ravel())


def _conditional_deviation(covariance: FloatArray) -> FloatArray:
    """Deviation of each factor's noise given the other's, shape (2,)."""
    variance = np.diag(covariance)
    return np.asarray(np.sqrt(np.maximum(variance - covariance[0, 1] ** 2 / variance[::-1], 1e-6 * variance)))


def _sides(law: NoiseTransform, length: FloatArray, deviation: FloatArray) -> tuple[list[int], BoolArray]:
    """Numbers of arguments to either side of 0 after which the transform has died out, and whether it has."""
    step = 2.0 * np.pi / length
    sides = np.ceil(_SIDE / deviation / step).astype(int)
    while True:
        sides = np.minimum(sides, _MOST_SIDE)
        first, second = (unit * np.arange(-side, side + 1) for unit, side in zip(step, sides, strict=True))
        edges = np.array([np.abs(law.at(first[-1:], second)).max(), np.abs(law.at(first, second[-1:])).max()])
        open_ends = (edges > _EDGE) & (sides < _MOST_SIDE)
        if not open_ends.any():
            return [int(side) for side in sides], edges <= _EDGE
        sides = np.where(open_ends, np.ceil(_WIDER * sides).astype(int), sides)


def _density(
    transform: ComplexArray, first: FloatArray, second: FloatArray, below: FloatArray, refined: int
) -> FloatArray:
    """Chances of the nodes of a lattice that starts ``below`` the mean, (n_first * refined, n_second)."""
    side, half = first.size // 2, second.size
    turned = np.conj(transform * np.exp(1j * (first * below[0])[:, None] + 1j * second * below[1]))
    padded = np.zeros((first.size * refined, half), dtype=np.complex128)
    padded[: side + 1], padded[-side:] = turned[side:], turned[:side]
    return np.asarray(irfft2(padded, s=(padded.shape[0], 2 * half - 1)))
