r"""A discrete-time model with two factors of log variance, heavy-tailed shocks and its own law under Q.

It stands between the exponential Ornstein-Uhlenbeck model and a two-component EGARCH. Under P, with the next
session's variance v known,

.. math::

    v_t &= F + e^{l + X_t + Y_t}, \qquad r_{t+1} = \mu - v_t/2 + c(v_t)\, z \\
    X_{t+1} &= \phi_x X_t - a_x z + b_x (|z| - E|z|) + c_x w \\
    Y_{t+1} &= \phi_y Y_t - a_y z + b_y (|z| - E|z|) + c_y u

where z and w are sinh-arcsinh normals of mean 0 and variance 1 and u is normal. The scale c solves
:math:`E e^{c z} = e^{v/2}`, within a percent of :math:`\sqrt v`: so :math:`E e^r = e^\mu` in every state, and v is
twice the fair price of a log contract on the session. Under Q the shocks have the same law; the factors have own
persistences and drifts, the variance is :math:`s v + V_0`, and a share of it may be the price of jumps
(``models.return_jumps``). Squared VIX is then the average of 21 expected
variances, each an exponential of the factors, and is what a strip of index options pays.

The state is (X, Y).

References
----------
.. [1] L. Scott (1987), "Option pricing when the variance changes randomly", Journal of Financial and Quantitative
   Analysis 22(4), section II: the exponential Ornstein-Uhlenbeck law.
.. [2] P. Christoffersen, K. Jacobs, C. Ornthanalai, Y. Wang (2008), "Option valuation with long-run and short-run
   volatility components", Journal of Financial Economics 90(3): two components of a GARCH variance.
.. [3] D. Nelson (1991), "Conditional heteroskedasticity in asset returns", Econometrica 59(2), equation (2.2): the
   response of log variance to the sign and the size of a shock.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import ClassVar, Self

import numpy as np

from models.axes import Axis
from models.domain import check_domain
from models.errors import ModelParameterError
from models.exponential_sum import ExponentialSum
from models.factor_noise import FactorNoise
from models.linear_factor_family import LinearFactorFamily
from models.log_variance_dynamics import FactorDynamics, LogVarianceDynamics
from models.log_variance_noise import log_variance_noise
from models.path_design import ShockDraw, direction
from models.protocols import SESSIONS_PER_YEAR, FloatArray, Measure, Stream
from models.return_jumps import NO_JUMPS, ReturnJumps, scaled_share
from models.shock_rule import ShockRule, shock_rule
from models.sinh_arcsinh import SinhArcsinh, deviation_of_variance, gauss_quadrature

AXIS_REACH = ((-4.0, 5.0), (-4.0, 4.5))
"""Stationary deviations that tables cover; the fast factor has a long upper tail."""

AXIS_NODES = (23, 41)
"""About the same distance along both, as variance is a function of their sum."""

LEAST_NODES = 40
"""Fewest nodes of the return's shock: the whole return is that shock, so that its own transform must be resolved."""

_NORMAL = SinhArcsinh(skew=0.0, tail=1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class TwoFactorLogSv(LinearFactorFamily):
    r"""Two-factor log stochastic volatility in sessions.

    Parameters
    ----------
    log_variance_mean : float
        :math:`l`: log of the daily variance above its floor at the mean of both factors.
    persistence_fast_p, persistence_slow_p : float
        :math:`\phi_x, \phi_y` under P, in [0, 1).
    persistence_fast_q, persistence_slow_q : float
        The same under Q.
    leverage_fast, leverage_slow : float
        :math:`a_x, a_y`: rise of log variance per deviation that the return falls.
    noise_fast, noise_slow : float
        :math:`c_x, c_y`: deviation of the factors' own noise, >= 0.
    magnitude_fast, magnitude_slow : float
        :math:`b_x, b_y`: rise of log variance per deviation of a return's size.
    variance_floor : float
        :math:`F \ge 0`. [1/session]
    return_skew, return_tail : float
        Shape of z; the tail > 1/2, and 1 without skew is normal.
    noise_skew, noise_tail : float
        Shape of w.
    equity_premium : float
        Expected simple return under P above rate less dividend yield, in every state. [1/year, continuous]
    variance_scale_q : float
        :math:`s > 0`: Q variance per P variance; 1 without premium.
    variance_offset_q : float
        :math:`V_0`: Q variance beyond that. [1/session]
    drift_fast_q, drift_slow_q : float
        :math:`m_x, m_y`: drift of the factors under Q. [1/session]
    jump_share_q, return_jump_mean_q, return_jump_std_q : float
        Share in [0, 1) of the Q variance that is the price of jumps, and mean and deviation of a jump of the log
        return.
    rate, dividend_yield : float
        Continuous rates. [1/year]
    vix_sessions : int
        Sessions over which the VIX averages variance; 21 stand for its 30 calendar days.

    Raises
    ------
    ModelParameterError
        If a parameter lies outside its domain.
    """

    log_variance_mean: float
    persistence_fast_p: float
    persistence_slow_p: float
    persistence_fast_q: float
    persistence_slow_q: float
    leverage_fast: float
    leverage_slow: float
    noise_fast: float
    noise_slow: float
    magnitude_fast: float = 0.0
    magnitude_slow: float = 0.0
    variance_floor: float = 0.0
    return_skew: float = 0.0
    return_tail: float = 1.0
    noise_skew: float = 0.0
    noise_tail: float = 1.0
    equity_premium: float = 0.0
    variance_scale_q: float = 1.0
    variance_offset_q: float = 0.0
    drift_fast_q: float = 0.0
    drift_slow_q: float = 0.0
    jump_share_q: float = 0.0
    return_jump_mean_q: float = 0.0
    return_jump_std_q: float = 0.0
    rate: float = 0.0
    dividend_yield: float = 0.0
    vix_sessions: int = 21

    name: ClassVar[str] = "two_factor_log_sv"
    state_names: ClassVar[tuple[str, ...]] = ("fast", "slow")

    def __post_init__(self) -> None:
        persistences = [item.name for item in fields(self) if item.name.startswith("persistence")]
        check_domain(
            self,
            positive=("variance_scale_q", "vix_sessions"),
            non_negative=("variance_floor", "noise_fast", "noise_slow", *persistences),
        )
        self.dynamics("q")  # refuses jumps out of their domain
        for key in persistences:
            if getattr(self, key) >= 1.0:
                raise ModelParameterError(f"{key} must be < 1, got {getattr(self, key)!r}")
        for key in ("return_tail", "noise_tail"):
            if getattr(self, key) <= 0.5:
                raise ModelParameterError(f"{key} must be > 0.5, got {getattr(self, key)!r}")
        if self.variance_scale_q * self.variance_floor + self.variance_offset_q < 0.0:
            raise ModelParameterError(
                "variance_offset_q must be >= -variance_scale_q * variance_floor, "
                f"got {self.variance_offset_q!r}: variance under Q would be negative"
            )

    def dynamics(self, measure: Measure) -> LogVarianceDynamics:
        """Law of the factors and of the variance under ``measure``: the only place where P and Q part."""
        is_q = measure == "q"
        growth = self.rate - self.dividend_yield + (0.0 if is_q else self.equity_premium)
        scale = self.variance_scale_q if is_q else 1.0
        return LogVarianceDynamics(
            fast=FactorDynamics(
                persistence=self.persistence_fast_q if is_q else self.persistence_fast_p,
                drift=self.drift_fast_q if is_q else 0.0,
                leverage=self.leverage_fast,
                magnitude=self.magnitude_fast,
                noise=self.noise_fast,
            ),
            slow=FactorDynamics(
                persistence=self.persistence_slow_q if is_q else self.persistence_slow_p,
                drift=self.drift_slow_q if is_q else 0.0,
                leverage=self.leverage_slow,
                magnitude=self.magnitude_slow,
                noise=self.noise_slow,
            ),
            floor=scale * self.variance_floor + (self.variance_offset_q if is_q else 0.0),
            log_level=self.log_variance_mean + float(np.log(scale)),
            drift=growth / SESSIONS_PER_YEAR,
            return_shock=SinhArcsinh(skew=self.return_skew, tail=self.return_tail),
            noise_shock=SinhArcsinh(skew=self.noise_skew, tail=self.noise_tail),
            jumps=self.return_jumps if is_q else NO_JUMPS,
        )

    @property
    def return_jumps(self) -> ReturnJumps:
        """See ``JumpReturn.return_jumps``."""
        jumps = ReturnJumps(share=self.jump_share_q, mean=self.return_jump_mean_q, deviation=self.return_jump_std_q)
        return jumps if self.jump_share_q else NO_JUMPS

    def jump_intensity(self, state: FloatArray) -> FloatArray:
        """See ``JumpReturn.jump_intensity``."""
        return self.return_jumps.intensity(self.dynamics("q").session_variance(state))

    def squared_vix(self, *, ahead: int = 0) -> ExponentialSum:
        """E^Q of squared VIX ``ahead`` sessions on, as a function of the state [1/session]."""
        return self.dynamics("q").mean_variance(ahead, self.vix_sessions)

    def forward_variance(self, ahead: int) -> ExponentialSum:
        """E^Q of the variance of the session that starts ``ahead`` sessions on, daily."""
        return self.dynamics("q").mean_variance(ahead, 1)

    @property
    def recursion_nodes(self) -> tuple[int, int]:
        """See ``LinearFactorModel.recursion_nodes``: as far apart along both, for variance is one of their sum."""
        return (30, 47)

    def decay(self, n_sessions: int) -> FloatArray:
        """See ``LinearFactorModel.decay``."""
        return np.asarray(self.dynamics("q").persistence ** n_sessions)

    def noise(self, n_sessions: int, spacing: float) -> FactorNoise:
        """See ``LinearFactorModel.noise``."""
        return log_variance_noise(replace(self.dynamics("q"), drift=0.0), n_sessions, spacing)

    def shock_rule(self, refinement: float) -> ShockRule:
        """See ``LinearFactorModel.shock_rule``; the size of the shock has its kink at 0."""
        return shock_rule(self.dynamics("q").return_shock, round(7 * refinement), is_split=True)

    def vix(self, state: FloatArray) -> FloatArray:
        """VIX [points] of shape ``state.shape[1:]``."""
        return np.asarray(100.0 * np.sqrt(SESSIONS_PER_YEAR * self.squared_vix()(state)))

    def table_axes(self) -> tuple[Axis, ...]:
        """Axes of price tables: both factors, over the states that the P law visits."""
        deviation = np.sqrt(np.diag(self.dynamics("p").stationary_covariance))
        return tuple(
            Axis(kind="linear", low=float(low * side), high=float(high * side), n_nodes=n_nodes)
            for (low, high), side, n_nodes in zip(AXIS_REACH, deviation, AXIS_NODES, strict=True)
        )

    def pricing_key(self) -> str:
        """Text that identifies the law under Q: models with the same key have the same prices at zero rates."""
        return f"{replace(self.dynamics('q'), drift=0.0)!r} {self.vix_sessions!r}"

    def return_variance(self, state: FloatArray) -> FloatArray:
        """See ``BackwardModel.return_variance``: the squared scale c of the return."""
        root = np.sqrt((1.0 - self.jump_share_q) * self.dynamics("q").session_variance(state))
        law = self.dynamics("q").return_shock
        ratio = np.polynomial.polynomial.polyval(np.minimum(root, 1.0), deviation_of_variance(law))
        return np.asarray((root * ratio) ** 2)

    def shock_nodes(self, n_nodes: int) -> tuple[FloatArray, FloatArray]:
        """See ``BackwardModel.shock_nodes``; the size of the shock has its kink at 0."""
        return gauss_quadrature(self.dynamics("q").return_shock, max(n_nodes, LEAST_NODES))

    def next_coordinate(self, axis: int, coordinates: FloatArray, z: FloatArray, *, regime: int = 0) -> FloatArray:
        """See ``BackwardModel.next_coordinate``."""
        q = self.dynamics("q")
        factor = (q.fast, q.slow)[axis]
        moved = factor.drift - factor.leverage * z + factor.magnitude * (np.abs(z) - q.return_shock.mean_size)
        return np.asarray(factor.persistence * coordinates[:, None] + moved)

    def own_noise(self, axis: int) -> tuple[FloatArray, FloatArray]:
        """See ``BackwardModel.own_noise``: sinh-arcsinh for the fast factor, normal for the slow one."""
        q = self.dynamics("q")
        law, scale, n_nodes = ((q.noise_shock, q.fast.noise, 24), (_NORMAL, q.slow.noise, 6))[axis]
        values, weights = gauss_quadrature(law, n_nodes)
        return scale * values, weights

    def stationary_state(self, n_paths: int, stream: Stream, *, measure: Measure = "p") -> FloatArray:
        """See ``Model.stationary_state``."""
        from models.two_factor_log_sv_paths import stationary_log_variance

        return stationary_log_variance(self.dynamics(measure), n_paths, stream)

    def propagate(
        self, state: FloatArray, n_days: int, stream: Stream, *, first_day: int = 0, measure: Measure = "p"
    ) -> tuple[FloatArray, FloatArray]:
        """See ``Model.propagate``."""
        from models.two_factor_log_sv_paths import propagate_log_variance

        return propagate_log_variance(self.dynamics(measure), state, n_days, stream, first_day=first_day)

    def shock_draw(self) -> ShockDraw:
        """See ``models.path_design.ShockModel``; additions to the log variance count for as long as they last."""
        fast, slow = 1.0 / (1.0 - self.persistence_fast_p), 1.0 / (1.0 - self.persistence_slow_p)
        falls = fast * self.leverage_fast + slow * self.leverage_slow
        return ShockDraw(
            block=0,
            rise=direction(-falls, fast * self.noise_fast, slow * self.noise_slow),
            move=direction(1.0),
        )

    def expected_growth(self) -> float:
        """See ``models.known_means.GrowthModel``."""
        return self.rate - self.dividend_yield + self.equity_premium

    def scaled_premium(self, *, variance: float = 1.0, equity: float = 1.0) -> Self:
        """Scale what makes Q differ from P, and the equity premium; with 0 and 0 the two laws are the same."""

        def between(p: float, q: float) -> float:
            return p if variance == 0.0 else p + variance * (q - p)

        return replace(
            self,
            persistence_fast_q=between(self.persistence_fast_p, self.persistence_fast_q),
            persistence_slow_q=between(self.persistence_slow_p, self.persistence_slow_q),
            variance_scale_q=between(1.0, self.variance_scale_q),
            variance_offset_q=variance * self.variance_offset_q,
            drift_fast_q=variance * self.drift_fast_q,
            drift_slow_q=variance * self.drift_slow_q,
            jump_share_q=scaled_share(self.jump_share_q, variance),
            equity_premium=equity * self.equity_premium,
        )

    def premium(self) -> Mapping[str, tuple[float, str]]:
        """See ``Model.premium``."""
        level = np.zeros((2, 1))
        p, q = (
            100.0 * np.sqrt(SESSIONS_PER_YEAR * self.dynamics(measure).mean_variance(0, self.vix_sessions)(level)[0])
            for measure in ("p", "q")
        )
        shift = self.dynamics("q").stationary_mean
        return {
            "equity_premium": (self.equity_premium, "1/year: expected simple return above rate less dividend yield"),
            "vix_premium": (float(q - p), "VIX points: VIX minus the same expectation under P, at the mean state"),
            "variance_scale": (self.variance_scale_q, "Q variance per P variance, one session ahead"),
            "variance_offset": (1e4 * SESSIONS_PER_YEAR * self.variance_offset_q, "VIX points squared: beyond that"),
            "jump_share": (self.jump_share_q, "share of the Q variance that is the price of jumps"),
            "fast_shift": (float(shift[0]), "log variance: long-run mean of the fast factor under Q; 0 under P"),
            "slow_shift": (float(shift[1]), "log variance: long-run mean of the slow factor under Q; 0 under P"),
        }
