r"""What GJR-GARCH and NGARCH share: their law under Q, its premia, the VIX and the grid of the recursion.

Under P a model is its recursion (``models.garch_dynamics``). Under Q the response to shocks is the same, but h is
pulled elsewhere and at another speed, and the variance of returns is a multiple of h: persistence, long-run
volatility and that multiple are free, as in [1]_, whose authors find that a local risk-neutral law (no free number)
cannot meet the VIX. Two factors, which no return moves, may add to log variance: Y under Q only (a premium that comes
and goes), or under both laws (a slow level), and X under Q only, beside a level. Q has one persistence for both, as
Girsanov's theorem allows: then prices read their sum alone, and a third factor costs them nothing.

References
----------
.. [1] J. Hao, J. E. Zhang (2013), "GARCH option pricing models, the CBOE VIX, and variance risk premium", Journal of
   Financial Econometrics 11(3).
.. [2] J.-C. Duan (1995), "The GARCH option pricing model", Mathematical Finance 5(1).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from math import isfinite
from typing import Self

import numpy as np

from models.axes import Axis
from models.backward_family import BackwardFamily
from models.errors import ModelParameterError
from models.garch_dynamics import GarchDynamics
from models.path_design import ShockDraw, direction
from models.protocols import SESSIONS_PER_YEAR, FloatArray, Measure, Stream
from models.return_jumps import NO_JUMPS, ReturnJumps, scaled_share
from models.return_shock import ReturnShock

_HIGHEST = 4.0
_LOWEST_SHARE = 0.02
_REACH = 4.5
_LEAST_DEVIATION = 1e-3
_NOISE_NODES = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class GarchFamily(BackwardFamily):
    """Parameters that GJR-GARCH and NGARCH share; see them for the rest.

    Raises
    ------
    ModelParameterError
        If a parameter lies outside its domain, or variance does not revert to a mean under P or Q.
    """

    omega: float
    alpha: float
    beta: float
    tail: float = 0.0
    skew: float = 0.0
    equity_premium_coefficient: float = 0.0
    persistence_q: float = 0.0
    volatility_q: float = 0.0
    variance_scale_q: float = 1.0
    factor_persistence: float = 0.0
    factor_volatility: float = 0.0
    factor_persistence_q: float = 0.0
    premium_loading: float = 1.0
    level_loading: float = 0.0
    premium_persistence: float = 0.0
    premium_volatility: float = 0.0
    jump_share_q: float = 0.0
    return_jump_mean_q: float = 0.0
    return_jump_std_q: float = 0.0
    rate: float = 0.0
    dividend_yield: float = 0.0
    vix_sessions: int = 21
    residuals: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        self._check_domain()
        p = self.dynamics("p")
        if p.persistence >= 1.0:
            raise ModelParameterError(f"variance must revert to a mean under P: persistence {p.persistence:.6g} >= 1")
        q = self.dynamics("q")
        if q.beta < 0.0:
            raise ModelParameterError(f"persistence_q must be >= {q.response:.6g}, got {self.persistence_q!r}")

    def _asymmetry(self) -> tuple[float, float]:
        """Coefficients (gamma, theta) of the recursion."""
        raise NotImplementedError

    def _check_domain(self) -> None:
        for item in fields(self):
            value = getattr(self, item.name)
            if item.name == "residuals":
                continue
            if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
                raise ModelParameterError(f"{item.name} must be a finite number, got {value!r}")
        rules = {
            "must be > 0": ("omega", "variance_scale_q", "vix_sessions"),
            "must be >= 0": ("alpha", "beta", "volatility_q", "factor_volatility", "premium_volatility"),
        }
        for rule, names in rules.items():
            for name in names:
                value = getattr(self, name)
                if value < 0.0 or (value == 0.0 and rule == "must be > 0"):
                    raise ModelParameterError(f"{name} {rule}, got {value!r}")
        for name in ("persistence_q", "factor_persistence", "factor_persistence_q", "premium_persistence"):
            if not 0.0 <= getattr(self, name) < 1.0:
                raise ModelParameterError(f"{name} must lie in [0, 1), got {getattr(self, name)!r}")

    @property
    def state_names(self) -> tuple[str, ...]:
        """The variance; what the factors add under Q, where there is one; the part of that which is premium."""
        return ("variance", "factor", "premium")[: self.dynamics("p").n_factors]

    @property
    def shock(self) -> ReturnShock:
        """Law of the standardised return shock, the same under P and Q."""
        return ReturnShock(tail=self.tail, skew=self.skew, residuals=self.residuals)

    def dynamics(self, measure: Measure) -> GarchDynamics:
        """Recursion under ``measure``: the only place where P and Q part."""
        gamma, theta = self._asymmetry()
        p = GarchDynamics(
            omega=self.omega,
            alpha=self.alpha,
            beta=self.beta,
            gamma=gamma,
            theta=theta,
            scale=1.0,
            premium=self.equity_premium_coefficient,
            drift=(self.rate - self.dividend_yield) / SESSIONS_PER_YEAR,
            loading=self.level_loading,
            premium_loading=0.0,
            factor_persistence=self.factor_persistence,
            factor_volatility=self.factor_volatility,
            premium_persistence=self.premium_persistence,
            premium_volatility=self.premium_volatility,
            shock=self.shock,
        )
        if measure == "p":
            return p
        persistence = self.persistence_q or p.persistence
        daily = self.volatility_q**2 / SESSIONS_PER_YEAR
        level = daily / self.variance_scale_q if self.volatility_q else p.stationary_mean
        of_factors = self.factor_persistence_q or p.factor_persistence
        return replace(
            p,
            omega=level * (1.0 - persistence) if self.persistence_q or self.volatility_q else p.omega,
            beta=persistence - p.response if self.persistence_q else p.beta,
            scale=self.variance_scale_q,
            premium=0.0,
            loading=self.level_loading + self.premium_loading,
            premium_loading=self.level_loading + self.premium_loading,
            factor_persistence=of_factors,
            premium_persistence=of_factors if p.n_factors == 3 else 0.0,
            jumps=self.return_jumps,
        )

    @property
    def return_jumps(self) -> ReturnJumps:
        """See ``JumpReturn.return_jumps``."""
        jumps = ReturnJumps(share=self.jump_share_q, mean=self.return_jump_mean_q, deviation=self.return_jump_std_q)
        return jumps if self.jump_share_q else NO_JUMPS

    def jump_intensity(self, state: FloatArray) -> FloatArray:
        """See ``JumpReturn.jump_intensity``."""
        return self.return_jumps.intensity(self.dynamics("q").return_variance(state))

    def pricing_key(self) -> str:
        """See ``BackwardModel.pricing_key``."""
        return f"{replace(self.dynamics('q'), drift=0.0)!r} {self.vix_sessions!r}"

    def vix(self, state: FloatArray) -> FloatArray:
        """See ``BackwardModel.vix``: the average of 21 expected variances."""
        h = np.asarray(state[0], dtype=float) / SESSIONS_PER_YEAR
        factor = state[1] if len(state) > 1 else 0.0
        mean = self.dynamics("q").mean_variance(h, np.broadcast_to(factor, h.shape), self.vix_sessions)
        return np.asarray(100.0 * np.sqrt(SESSIONS_PER_YEAR * mean))

    def table_axes(self) -> tuple[Axis, ...]:
        """Log of the annualised h from its floor, and the sum of the factors over its stationary law."""
        laws = self.dynamics("p"), self.dynamics("q")
        floor = min(law.omega / (1.0 - law.beta) for law in laws)
        mean = max(law.stationary_mean for law in laws)
        low = SESSIONS_PER_YEAR * max(0.95 * floor, _LOWEST_SHARE * mean)
        high = max(_HIGHEST, 40.0 * SESSIONS_PER_YEAR * mean)
        if laws[0].n_factors == 1:
            return (Axis(kind="log", low=low, high=high, n_nodes=49),)
        reach = _REACH * max(float(np.sqrt(laws[0].factor_variances.sum())), _LEAST_DEVIATION)
        return (
            Axis(kind="log", low=low, high=high, n_nodes=29),
            Axis(kind="linear", low=-reach, high=reach, n_nodes=17),
        )

    def return_variance(self, state: FloatArray) -> FloatArray:
        """See ``BackwardModel.return_variance``: the square of the shock's scale."""
        variance = (1.0 - self.jump_share_q) * self.dynamics("q").return_variance(state)
        return np.asarray(self.shock.scale(variance) ** 2)

    def shock_nodes(self, n_nodes: int) -> tuple[FloatArray, FloatArray]:
        """See ``BackwardModel.shock_nodes``."""
        return self.shock.nodes(n_nodes)

    def next_coordinate(self, axis: int, coordinates: FloatArray, z: FloatArray, *, regime: int = 0) -> FloatArray:
        """See ``BackwardModel.next_coordinate``."""
        if axis == 1:
            return np.asarray(self.dynamics("q").factor_persistence * coordinates[:, None])
        h = np.exp(coordinates)[:, None] / SESSIONS_PER_YEAR
        return np.asarray(np.log(SESSIONS_PER_YEAR * self.dynamics("q").next_variance(h, z)))

    def own_noise(self, axis: int) -> tuple[FloatArray, FloatArray]:
        """See ``BackwardModel.own_noise``: the normal shock of the factors' sum."""
        if axis == 0:
            return np.empty(0), np.empty(0)
        nodes, weights = np.polynomial.hermite_e.hermegauss(_NOISE_NODES)
        return np.hypot(self.factor_volatility, self.premium_volatility) * nodes, weights / weights.sum()

    def stationary_state(self, n_paths: int, stream: Stream, *, measure: Measure = "p") -> FloatArray:
        """See ``Model.stationary_state``."""
        from models.garch_paths import stationary_states

        return stationary_states(self.dynamics(measure), n_paths, stream)

    def propagate(
        self, state: FloatArray, n_days: int, stream: Stream, *, first_day: int = 0, measure: Measure = "p"
    ) -> tuple[FloatArray, FloatArray]:
        """See ``Model.propagate``; the state is the P one under either measure, so that one pricer reads both."""
        from models.garch_paths import propagate_states

        return propagate_states(self.dynamics(measure), state, n_days, stream, first_day=first_day)

    def shock_draw(self) -> ShockDraw:
        """See ``models.path_design.ShockModel``: the variance answers to the shock of the return."""
        return ShockDraw(block=0, rise=direction(-1.0), move=direction(1.0))

    def scaled_premium(self, *, variance: float = 1.0, equity: float = 1.0) -> Self:
        """Scale what parts Q from P; with 0 and 0 the two laws are the same.

        Variance scale, long-run volatility and one minus persistence are moved along their logarithms, so that every
        scale gives a law that reverts to a mean, and so is one minus the factors' persistence; the loading of the
        premium, and the deviation of the premium's own factor, are multiplied.
        """
        p, q = self.dynamics("p"), self.dynamics("q")
        scale = self.variance_scale_q**variance
        level = p.stationary_mean ** (1.0 - variance) * q.stationary_mean**variance
        gap, gap_of_factors = (
            (1.0 - under_p) ** (1.0 - variance) * (1.0 - under_q) ** variance
            for under_p, under_q in (
                (p.persistence, q.persistence),
                (p.factor_persistence, q.factor_persistence),
            )
        )
        same = variance == 0.0
        return replace(
            self,
            persistence_q=0.0 if same else max(1.0 - gap, p.response),
            volatility_q=0.0 if same else float(np.sqrt(SESSIONS_PER_YEAR * scale * level)),
            variance_scale_q=scale,
            factor_persistence_q=max(1.0 - gap_of_factors, 0.0) if self.factor_persistence_q else 0.0,
            premium_loading=variance * self.premium_loading,
            premium_volatility=variance * self.premium_volatility,
            jump_share_q=scaled_share(self.jump_share_q, variance),
            equity_premium_coefficient=equity * self.equity_premium_coefficient,
        )

    def premium(self) -> Mapping[str, tuple[float, str]]:
        """See ``Model.premium``."""
        p, q = self.dynamics("p"), self.dynamics("q")
        level, zero = np.array([p.stationary_mean]), np.zeros(1)
        vols = [
            100.0 * float(np.sqrt(SESSIONS_PER_YEAR * law.mean_variance(level, zero, self.vix_sessions)[0]))
            for law in (p, q)
        ]
        root = float(np.sqrt(p.stationary_mean))
        return {
            "equity_premium": (
                SESSIONS_PER_YEAR * self.equity_premium_coefficient * root,
                "1/year: expected simple return above rate less dividend yield, at the mean variance",
            ),
            "vix_premium": (vols[1] - vols[0], "VIX points: VIX minus the same under P, at the mean variance"),
            "variance_scale": (self.variance_scale_q, "Q variance over P variance, one session ahead"),
            "volatility_p": (100.0 * float(np.sqrt(SESSIONS_PER_YEAR * p.stationary_variance)), "%: long-run, P"),
            "volatility_q": (100.0 * float(np.sqrt(SESSIONS_PER_YEAR * q.stationary_variance)), "%: long-run, Q"),
            "persistence_p": (p.persistence, "1/session: weight of today's variance in tomorrow's under P"),
            "persistence_q": (q.persistence, "1/session: the same under Q"),
            "jump_share": (self.jump_share_q, "share of the Q variance that is the price of jumps"),
        }
