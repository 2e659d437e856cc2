"""VIX futures of path-dependent volatility, and how far SPX and VIX spread: one regression a session.

They are means over nested paths of a sample of states, regressed on the polynomial of the VIX. Deviations need not be
exact: they scale the strikes of tables, and whatever they are off by, the tables make up for.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, final

import numpy as np

from models.building import counted
from models.errors import PricingDomainError
from models.kernels.nest_table import curve_rows
from models.path_dependent_nest import nest_stream, over_states, sample_states
from models.path_dependent_vix import VixRegression, raw_variables, vix_regression
from models.polynomial_basis import regression
from models.protocols import SESSIONS_PER_YEAR, FloatArray
from models.streams import Purpose, stream_key
from models.table_cache import load_or_build, table_hash

if TYPE_CHECKING:
    from models.path_dependent import PathDependent

N_STATES, N_PAIRS = 2000, 512

VERSION = 4
"""Raised whenever the regressions change."""


@final
@dataclass(slots=True, kw_only=True)
class PathDependentCurve:
    """Futures and deviations of any state for sessions 1 .. ``max_sessions``.

    Parameters
    ----------
    vix : VixRegression
        The VIX today, whose basis serves all sessions.
    future : ndarray of shape (max_sessions, n_terms)
        Of the squared VIX future over the squared level.
    spx_variance : ndarray of shape (max_sessions, n_terms)
        Of the mean variance to that session over the squared level.
    log_vix_deviation : ndarray of shape (max_sessions, n_terms)
        Of the log of the deviation of the log VIX.
    clamp_count : int
        States priced so far beyond the sample.
    """

    vix: VixRegression
    future: FloatArray
    spx_variance: FloatArray
    log_vix_deviation: FloatArray
    clamp_count: int = field(default=0)

    @property
    def max_sessions(self) -> int:
        """Longest tenor."""
        return int(self.future.shape[0])

    def points(self, state: FloatArray) -> FloatArray:
        """Coordinates of states (5, n) in the basis."""
        points, beyond = self.vix.basis.coordinates(raw_variables(self.vix.dynamics, state))
        self.clamp_count += beyond
        return points

    def futures(self, points: FloatArray, level: FloatArray, sessions: int) -> FloatArray:
        """VIX futures [points] at coordinates of the basis and levels (n,)."""
        self.check(sessions)
        squared = self.vix.basis.values(points, self.future[sessions - 1])
        lowest = self.vix.dynamics.bounds[0] ** 2
        return np.asarray(100.0 * np.exp(level) * np.sqrt(np.maximum(squared, lowest)))

    def vix_deviations(self, points: FloatArray, sessions: int) -> FloatArray:
        """About the deviations of the log VIX at coordinates of the basis (n_coordinates, n)."""
        return np.asarray(np.exp(self.vix.basis.values(points, self.log_vix_deviation[sessions - 1])))

    def spx_deviations(self, points: FloatArray, level: FloatArray, sessions: int) -> FloatArray:
        """About the deviations of the log return at coordinates of the basis and levels (n,)."""
        self.check(sessions)
        variance = self.vix.basis.values(points, self.spx_variance[sessions - 1])
        lowest = self.vix.dynamics.bounds[0] ** 2
        return np.asarray(np.exp(level) * np.sqrt(np.maximum(variance, lowest) * sessions / SESSIONS_PER_YEAR))

    def vix_future_rows(self, state: FloatArray, sessions: int) -> FloatArray:
        """VIX futures [points] of states (5, n), shape (n,)."""
        return self.vix(state) if sessions == 0 else self.futures(self.points(state), state[4], sessions)

    def check(self, sessions: int) -> None:
        """Refuse tenors beyond the curve.

        Raises
        ------
        PricingDomainError
            If ``sessions`` is not covered.
        """
        if not 1 <= sessions <= self.max_sessions:
            raise PricingDomainError(
                f"the tables cover 1 to {self.max_sessions} sessions to expiry, got {sessions}; "
                "build them with a larger max_sessions"
            )


@lru_cache(maxsize=8)
def path_dependent_curve(model: PathDependent, max_sessions: int) -> PathDependentCurve:
    """Curve of a model, from memory, from disk, or built (about 0.05 s a session on two cores)."""
    vix = vix_regression(model)
    identity = {
        "curve": model.pricing_key(),
        "version": VERSION,
        "max_sessions": max_sessions,
        "sample": [N_STATES, N_PAIRS],
    }
    tables = load_or_build(table_hash(identity), lambda: _build(vix, max_sessions), of=f"VIX futures of {model!r}")
    return PathDependentCurve(
        vix=vix,
        future=np.array(tables["future"]),
        spx_variance=np.array(tables["spx_variance"]),
        log_vix_deviation=np.array(tables["log_vix_deviation"]),
    )


def _build(vix: VixRegression, max_sessions: int) -> dict[str, FloatArray]:
    states = sample_states(vix.dynamics, N_STATES)
    measured = np.stack(
        list(counted(over_states(lambda i: _of_state(vix, states[:, i], i, max_sessions), N_STATES), N_STATES))
    )
    future, deviation, variance = np.moveaxis(measured, 2, 0)
    points = vix.basis.coordinates(raw_variables(vix.dynamics, states))[0]
    features = vix.basis.features(points)
    weights = np.stack([vix.dynamics.level_weight(states[4], j) for j in range(max_sessions)], axis=1)
    level = np.exp(-2.0 * states[4])[:, None]
    mean = np.cumsum(variance * weights * level, axis=1) / np.arange(1, max_sessions + 1)
    return {
        "future": _relative(features, (0.01 * future) ** 2 * level),
        "spx_variance": _relative(features, mean),
        "log_vix_deviation": regression(features, np.log(deviation)).T,
    }


def _relative(features: FloatArray, targets: FloatArray) -> FloatArray:
    """Regressions of targets (n_states, n_sessions) with least relative error; shape (n_sessions, n_terms)."""
    return np.stack([regression(features, target, 1.0 / target) for target in targets.T])


def _of_state(vix: VixRegression, state: FloatArray, index: int, max_sessions: int) -> FloatArray:
    """Future, deviation of the log VIX and mean variance of each session; shape (max_sessions, 3)."""
    rows = np.empty((max_sessions, 3))
    stream = nest_stream(index, N_PAIRS, scenario=2)
    steps, key = vix.dynamics.steps(), stream_key(stream)
    curve_rows(state, N_PAIRS, stream.first_path, int(Purpose.NEST), key, steps, vix.polynomial(), rows)
    return rows
