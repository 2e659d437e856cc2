r"""Transforms of an affine model whose long-run variance is switched by a Markov chain.

The constant of an affine transform is linear in the long-run level :math:`\ell` of the variance:
:math:`C_n = \ell A_n + B_n` after n sessions, while the slopes do not depend on it. With a chain that moves once a
session, conditional on today's regime s,

.. math::

    \ln \varphi_n(s) = B_n + D_n \cdot x + \ln m_n(s), \qquad
    m_n(s) = e^{\ell_s (A_n - A_{n-1})} \sum_{s'} \Pi_{ss'}\, m_{n-1}(s'),

since the session n sessions before maturity adds the n-th increment of A. So every affine model becomes a
regime-switching one with no more than its own transforms at two levels.

References
----------
.. [1] J. Hamilton (1989), "A new approach to the economic analysis of nonstationary time series and the business
   cycle", Econometrica 57(2): the chain. The recursion is the matrix form of section 1.11 of any text on switching
   affine models; here only the level switches, which keeps the slopes common.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from math import ceil
from typing import Protocol, Self, final

import numpy as np

from models.affine import AffineModel, ComplexArray
from models.affine_family import AffineFamily
from models.complex_log import complex_log1p
from models.errors import PricingDomainError
from models.protocols import SESSIONS_PER_YEAR, VIX_HORIZON, FloatArray
from models.regime_chain import Matrix, mean_levels


class LevelledModel(AffineModel, Protocol):
    """An affine model whose long-run variance can be multiplied."""

    def with_level(self, level: float) -> Self:
        """The same model with its long-run variance multiplied by ``level``."""
        ...

    def log_return_sessions(self, u: ComplexArray, max_sessions: int) -> ComplexArray:
        """See ``AffineFamily.log_return_sessions``."""
        ...

    def variance_sessions(self, s: ComplexArray, max_sessions: int) -> ComplexArray:
        """See ``AffineFamily.variance_sessions``."""
        ...


@dataclass(frozen=True, slots=True)
class SwitchedLevels:
    """An affine model under Q whose level follows a chain.

    Parameters
    ----------
    base : LevelledModel
        The model at level 1.
    chain : tuple of tuple of float
        Transition probabilities a session under Q.
    levels : tuple of float
        Multiplier of the long-run variance in each regime.
    """

    base: LevelledModel
    chain: Matrix
    levels: tuple[float, ...]

    def at_two_levels(self) -> tuple[LevelledModel, LevelledModel]:
        """The model at levels 1 and 2: what is linear in the level follows from two of its values."""
        return self.base, self.base.with_level(2.0)

    def vix_sessions(self) -> float:
        """Horizon of the VIX in sessions."""
        return float(getattr(self.base, "vix_sessions", VIX_HORIZON * SESSIONS_PER_YEAR))

    def mean_variance(self, horizon: float) -> tuple[FloatArray, FloatArray]:
        """Constants (n_regimes,) and slope (n_factors,) of the annual log-contract variance over ``horizon`` sessions.

        A level that rules the i-th session from now acts on what is left of the horizon.
        """
        one, two = self.at_two_levels()

        def total(sessions: float) -> tuple[float, float]:
            if sessions <= 0.0:
                return 0.0, 0.0
            ttm = sessions / SESSIONS_PER_YEAR
            first, second = one.mean_variance_coefficients(ttm)[0], two.mean_variance_coefficients(ttm)[0]
            return sessions * (second - first), sessions * (2.0 * first - second)

        n = max(ceil(horizon - 1e-9), 1)
        left = [total(horizon - i) for i in range(n + 1)]
        weights = np.array([left[i][0] - left[i + 1][0] for i in range(n)])
        slope = one.mean_variance_coefficients(max(horizon, 1e-9) / SESSIONS_PER_YEAR)[1]
        constants = (left[0][1] + weights @ mean_levels(self.chain, self.levels, n)) / max(horizon, 1e-9)
        return constants, slope

    def vix_constants(self) -> tuple[FloatArray, FloatArray]:
        """Constants (n_regimes,) and slope (n_factors,) of the squared VIX [annual]."""
        return self.mean_variance(self.vix_sessions())

    def _vix_lines(self) -> tuple[float, float]:
        """Part of the base model's squared VIX that is linear in the level, and the rest."""
        one, two = (model.vix_squared_coefficients()[0] for model in self.at_two_levels())
        return two - one, 2.0 * one - two

    def log_return(self, u: ComplexArray, max_sessions: int) -> tuple[ComplexArray, ComplexArray]:
        """Constants (max_sessions, n_regimes, n_u) and slopes (max_sessions, n_factors, n_u)."""
        first, second = (model.log_return_sessions(u, max_sessions) for model in self.at_two_levels())
        start = np.zeros((len(self.levels), u.size), dtype=np.complex128)
        return self._constants(first[:, 0], second[:, 0], start), first[:, 1:]

    def variance(self, s: ComplexArray, max_sessions: int) -> tuple[ComplexArray, ComplexArray]:
        """The same of the squared VIX; it starts from its value in the regime at maturity."""
        linear, rest = self._vix_lines()
        first, second = (model.variance_sessions(s, max_sessions) for model in self.at_two_levels())
        start = self.vix_constants()[0][:, None] * s[None, :]
        return self._constants(
            first[:, 0] - (linear + rest) * s, second[:, 0] - (2.0 * linear + rest) * s, start
        ), first[:, 1:]

    def _constants(self, first: ComplexArray, second: ComplexArray, start: ComplexArray) -> ComplexArray:
        slope = second - first
        increments = np.diff(slope, axis=0, prepend=np.zeros_like(slope[:1]))
        log_m, out = start, np.empty((first.shape[0], *start.shape), dtype=np.complex128)
        levels = np.array(self.levels)[:, None]
        for n, increment in enumerate(increments):
            log_m = _after_a_move(np.array(self.chain), log_m) + levels * increment
            out[n] = log_m
        return out + (first - slope)[:, None]

    def variance_mean(self, sessions: int) -> tuple[FloatArray, FloatArray]:
        """Constants (n_regimes,) and slope (n_factors,) of the expected squared VIX after ``sessions``."""
        models = self.at_two_levels()
        linear, rest = self._vix_lines()

        def constant(n: int) -> tuple[float, float]:
            means = [model.variance_mean(n / SESSIONS_PER_YEAR)[0] for model in models]
            one, two = means[0] - linear - rest, means[1] - 2.0 * linear - rest
            return two - one, 2.0 * one - two

        left = [constant(sessions - i) for i in range(sessions + 1)]
        weights = np.array([left[i][0] - left[i + 1][0] for i in range(sessions)])
        at_maturity = np.linalg.matrix_power(np.array(self.chain), sessions) @ self.vix_constants()[0]
        drift = weights @ mean_levels(self.chain, self.levels, sessions) if sessions else 0.0
        return left[0][1] + drift + at_maturity, models[0].variance_mean(sessions / SESSIONS_PER_YEAR)[1]


def _after_a_move(chain: FloatArray, log_m: ComplexArray) -> ComplexArray:
    """Logarithms (n_regimes, n_u) of the means of exp(log_m) over tomorrow's regime.

    Each of today's regimes is measured from the largest term that it can reach: terms may differ by any factor, and
    where all are nearly alike, their differences are what a Laplace integral needs to all digits.
    """
    moved = np.empty_like(log_m)
    for regime, row in enumerate(chain):
        reached = log_m[row > 0.0]
        reference = np.take_along_axis(reached, np.argmax(reached.real, axis=0)[None], axis=0)[0]
        moved[regime] = reference + complex_log1p(row[row > 0.0] @ np.expm1(reached - reference))
    return moved


@final
@dataclass(frozen=True, slots=True)
class RegimeView(AffineFamily):
    """What the affine pricers see when today's regime is known; see ``models.affine.AffineModel``.

    Parameters
    ----------
    law : SwitchedLevels
        The switching model under Q.
    regime : int
        Today's regime.
    rate, dividend_yield : float
        Continuous rates. [1/year]
    """

    law: SwitchedLevels
    regime: int
    rate: float
    dividend_yield: float

    def pricing_key(self) -> str:
        """See ``AffineModel.pricing_key``."""
        return f"{self.law.base.pricing_key()} {self.law.chain!r} {self.law.levels!r} {self.regime}"

    def log_return_sessions(self, u: ComplexArray, max_sessions: int) -> ComplexArray:
        """See ``AffineFamily.log_return_sessions``."""
        return self._sessions("log_return", u, max_sessions)

    def variance_sessions(self, s: ComplexArray, max_sessions: int) -> ComplexArray:
        """See ``AffineFamily.variance_sessions``."""
        return self._sessions("variance", s, max_sessions)

    def log_return_transform(self, u: ComplexArray, ttm: float) -> tuple[ComplexArray, ComplexArray]:
        """See ``AffineModel.log_return_transform``; whole sessions only."""
        last = self.log_return_sessions(u, max(whole_sessions(ttm), 1))[-1]
        return last[0], last[1:]

    def variance_transform(self, s: ComplexArray, ttm: float) -> tuple[ComplexArray, ComplexArray]:
        """See ``AffineModel.variance_transform``; whole sessions only."""
        last = self.variance_sessions(s, max(whole_sessions(ttm), 1))[-1]
        return last[0], last[1:]

    def variance_transform_bound(self, ttm: float) -> float:
        """See ``AffineModel.variance_transform_bound``: the level moves no singularity."""
        return self.law.base.variance_transform_bound(ttm)

    def vix_squared_coefficients(self) -> tuple[float, FloatArray]:
        """See ``AffineModel.vix_squared_coefficients``."""
        return self._of_regime(self.law.vix_constants)

    def mean_variance_coefficients(self, ttm: float) -> tuple[float, FloatArray]:
        """See ``AffineModel.mean_variance_coefficients``."""
        return self._of_regime(lambda: self.law.mean_variance(ttm * SESSIONS_PER_YEAR))

    def variance_mean(self, ttm: float) -> tuple[float, FloatArray]:
        """See ``AffineModel.variance_mean``; whole sessions only."""
        return self._of_regime(lambda: self.law.variance_mean(whole_sessions(ttm)))

    def _of_regime(self, coefficients: Callable[[], tuple[FloatArray, FloatArray]]) -> tuple[float, FloatArray]:
        constants, slope = coefficients()
        return float(constants[self.regime]), slope

    def _sessions(self, name: str, arguments: ComplexArray, max_sessions: int) -> ComplexArray:
        points = np.ascontiguousarray(arguments, dtype=np.complex128)
        constants, slopes = _shared(self.law, name, points.tobytes(), max_sessions)
        return np.concatenate([constants[:, self.regime : self.regime + 1], slopes], axis=1)


@lru_cache(maxsize=4)
def _shared(law: SwitchedLevels, name: str, points: bytes, max_sessions: int) -> tuple[ComplexArray, ComplexArray]:
    """Transforms of all regimes: each regime's view asks for the same arguments."""
    arguments = np.frombuffer(points, dtype=np.complex128)
    transform = law.log_return if name == "log_return" else law.variance
    return transform(arguments, max_sessions)


def whole_sessions(ttm: float) -> int:
    """Sessions of a time in years.

    Raises
    ------
    PricingDomainError
        If it is no whole number of sessions: the chain moves once a session.
    """
    sessions = round(ttm * SESSIONS_PER_YEAR)
    if abs(ttm * SESSIONS_PER_YEAR - sessions) > 1e-6 or sessions < 0:
        raise PricingDomainError(
            f"ttm must be a whole number of sessions / {SESSIONS_PER_YEAR} where regimes switch, got {ttm!r} years"
        )
    return sessions
