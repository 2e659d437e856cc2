r"""The VIX of path-dependent volatility: a regression of its square on the state.

.. math:: \mathrm{VIX}^2 = \frac{1}{n} \sum_{j<n} E^Q[e^{2 Y_j}] \, E^Q[\sigma(R_j)^2]

over the sessions of its horizon, annualised. The first factor is known; the second is a mean over nested paths. The
sum over :math:`e^{2Y}` is regressed on a polynomial of degree 3 in :math:`(R_{10}, R_{11}, \sqrt{R_2}, \sqrt{R_{21}},
Y)`: the square, never the VIX itself, so that the noise of the nested means leaves no bias. Weights make the
regression one of relative errors.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, final

import numpy as np

from models.kernels.nest import VixPolynomial
from models.path_dependent_dynamics import PathDependentDynamics
from models.path_dependent_nest import forward_variances, sample_states
from models.polynomial_basis import PolynomialBasis, regression
from models.protocols import FloatArray
from models.table_cache import load_or_build, table_hash

if TYPE_CHECKING:
    from models.path_dependent import PathDependent

N_STATES, N_PAIRS = 2000, 2048
HELD_OUT = 200
"""States of the sample that the regression does not see, and is judged on."""

VERSION = 4
"""Raised whenever the regression changes."""


@final
@dataclass(slots=True, kw_only=True)
class VixRegression:
    """VIX of any state.

    Parameters
    ----------
    dynamics : PathDependentDynamics
        Under Q.
    basis : PolynomialBasis
        Of the state.
    coefficients : ndarray of shape (n_terms,)
        Of the squared VIX over the squared level.
    rms_error, max_error : float
        Difference from nested means on states that the regression has not seen, as a share of the VIX. It contains
        the noise of those means.
    clamp_count : int
        States priced so far beyond the sample, or whose polynomial fell below the floor of volatility.
    """

    dynamics: PathDependentDynamics
    basis: PolynomialBasis
    coefficients: FloatArray
    rms_error: float
    max_error: float
    clamp_count: int = field(default=0)

    def __call__(self, state: FloatArray) -> FloatArray:
        """VIX [points] of states (5, ...), shape (...)."""
        flat = np.asarray(state, dtype=float).reshape(len(state), -1)
        points, beyond = self.basis.coordinates(raw_variables(self.dynamics, flat))
        self.clamp_count += beyond
        return self.at(points, flat[4]).reshape(np.shape(state)[1:])

    def at(self, points: FloatArray, level: FloatArray) -> FloatArray:
        """VIX [points] at coordinates of the basis and levels (n,)."""
        squared = self.basis.values(points, self.coefficients)
        lowest = self.dynamics.bounds[0] ** 2
        self.clamp_count += int((squared < lowest).sum())
        return np.asarray(100.0 * np.exp(level) * np.sqrt(np.maximum(squared, lowest)))

    def polynomial(self) -> VixPolynomial:
        """The regression as kernels take it."""
        basis = self.basis
        return VixPolynomial(
            weight=self.dynamics.weights[1],
            shift=basis.shift,
            matrix=basis.matrix,
            low=basis.low,
            high=basis.high,
            coefficients=self.coefficients,
            lowest=self.dynamics.bounds[0] ** 2,
        )


def raw_variables(dynamics: PathDependentDynamics, state: FloatArray) -> FloatArray:
    """What polynomials are taken of: trends, roots of the mixed and of the slow activity, level; shape (5, n)."""
    mixed = state[2] + dynamics.weights[1] * (state[3] - state[2])
    return np.stack([state[0], state[1], np.sqrt(np.maximum(mixed, 0.0)), np.sqrt(np.maximum(state[3], 0.0)), state[4]])


@lru_cache(maxsize=8)
def vix_regression(model: PathDependent) -> VixRegression:
    """Regression of a model, from memory, from disk, or built (a few seconds)."""
    dynamics = model.dynamics("q")
    identity = {"vix": model.pricing_key(), "version": VERSION, "sample": [N_STATES, N_PAIRS, HELD_OUT]}
    tables = load_or_build(
        table_hash(identity), lambda: _build(dynamics, int(model.vix_sessions)), of=f"the VIX of {model!r}"
    )
    return VixRegression(
        dynamics=dynamics,
        basis=PolynomialBasis.of_tables(tables),
        coefficients=np.array(tables["coefficients"]),
        rms_error=float(tables["errors"][0]),
        max_error=float(tables["errors"][1]),
    )


def _build(dynamics: PathDependentDynamics, sessions: int) -> dict[str, FloatArray]:
    states = sample_states(dynamics, N_STATES)
    variances = forward_variances(dynamics, states, sessions, N_PAIRS)
    weights = np.stack([dynamics.level_weight(states[4], j) for j in range(sessions)], axis=1)
    squared = (weights * variances).mean(axis=1) * np.exp(-2.0 * states[4])
    raw = raw_variables(dynamics, states)
    basis = PolynomialBasis.of_sample(raw)
    features = basis.features(basis.coordinates(raw)[0])
    seen = np.arange(N_STATES) >= HELD_OUT
    coefficients = regression(features[:, seen], squared[seen], 1.0 / squared[seen])
    fitted = np.maximum(coefficients @ features[:, ~seen], dynamics.bounds[0] ** 2)
    error = np.sqrt(fitted / squared[~seen]) - 1.0
    errors = np.array([np.sqrt(np.mean(error**2)), np.abs(error).max()])
    return {**basis.to_tables(), "coefficients": coefficients, "errors": errors}
