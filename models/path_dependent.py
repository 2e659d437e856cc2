r"""Four-factor path-dependent volatility times a slow exogenous level.

Volatility is a function of the index's own past [1]_ [2]_: of a trend :math:`R_1` and an activity :math:`R_2`, each
the mix of a fast and a slow exponential average,

.. math::

    \sigma(R) &= \beta_0 + \beta_1 R_1 + \beta_2 \sqrt{R_2} + \beta_{12} (R_1 - c)_+^2, \qquad
    R_n = (1 - \theta_n) R_{n0} + \theta_n R_{n1} \\
    dR_{1j} &= \lambda_{1j} (\sigma(R)\, dW - R_{1j}\, dt), \qquad dR_{2j} = \lambda_{2j} (\sigma(R)^2 - R_{2j})\, dt \\
    dS/S &= \mu\, dt + \sigma(R) e^{Y} dW, \qquad dY = \kappa (m - Y)\, dt + \nu\, dB

with B independent of W. Without Y the VIX is a function of past returns alone, and its changes mirror those of the
index far too closely. The averages are taken of returns over :math:`e^Y`: so the feedback of volatility on itself does
not depend on the level, which could otherwise make it explode, and (R, Y) fall into two independent processes.

``substeps`` a session is part of the model, not an accuracy: the same parameters mean a VIX of 12.6 with one step a
session and 13.5 with ten [1]_.

P and Q. The level may revert under Q at another rate and to another mean, as Girsanov's theorem allows. The volatility
of Q is ``volatility_shift_q + volatility_scale_q`` times that of P at the same state: like the free risk-neutral
variance of GARCH models this exists because the model lives in steps, and it stands for the betas of realised
volatility (P) and of the VIX (Q), which [1]_ fits apart. Both premia are explicit, and none is left where scale is 1,
shift is 0 and the level has one law.

References
----------
.. [1] J. Guyon, J. Lekeufack (2023), "Volatility is (mostly) path-dependent", Quantitative Finance 23(9).
.. [2] G. Gazzani, J. Guyon (2025), "Pricing and calibration in the 4-factor path-dependent volatility model",
   Quantitative Finance 25: the term :math:`\beta_{12}`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import sqrt
from typing import TYPE_CHECKING, ClassVar, Self, cast

from models.domain import check_domain
from models.errors import ModelParameterError
from models.notebook_view import ModelView
from models.path_dependent_dynamics import PathDependentDynamics
from models.premium_dial import dialled
from models.protocols import FloatArray, Measure, Model, PathBlock, SimulationGrid, Start, Stream

if TYPE_CHECKING:
    from models.path_dependent_pricer import NestedPricer
    from models.polynomial_pricer import PolynomialTablePricer


@dataclass(frozen=True, slots=True, kw_only=True)
class PathDependent(ModelView):
    """Four-factor path-dependent volatility of Guyon and Lekeufack times a slow level.

    Parameters
    ----------
    beta_constant, beta_trend, beta_activity, beta_rebound : float
        Betas of the volatility under P: of 1, of the trend, of the root of the activity, and of the squared trend
        above ``rebound_threshold``. The first and third >= 0. [annual, decimal]
    rebound_threshold : float
        The threshold c.
    trend_rate_fast, trend_rate_slow, activity_rate_fast, activity_rate_slow : float
        Rates of the averages, > 0. [1/year]
    trend_weight_slow, activity_weight_slow : float
        Weights of the slow averages, in [0, 1].
    volatility_scale_q, volatility_shift_q : float
        Volatility under Q is shift plus scale times that under P; the scale > 0.
    level_rate_p, level_rate_q : float
        Rates of the level under P and Q, > 0. [1/year]
    level_mean_q : float
        Mean of the level under Q; it is 0 under P.
    level_volatility : float
        Volatility of the level, >= 0; 0 switches it off. [1/year**0.5]
    equity_premium : float
        Expected excess return of the SPX under P. [1/year]
    rate, dividend_yield : float
        Continuous rates. [1/year]
    volatility_floor, volatility_cap : float
        Bounds of the volatility before the level, under both measures. [annual, decimal]
    substeps : int
        Steps a session, >= 1.
    vix_sessions : int
        Sessions over which the VIX averages variance; 21 stand for its 30 calendar days.

    Raises
    ------
    ModelParameterError
        If a parameter lies outside its domain.
    """

    beta_constant: float
    beta_trend: float
    beta_activity: float
    trend_rate_fast: float
    trend_rate_slow: float
    trend_weight_slow: float
    activity_rate_fast: float
    activity_rate_slow: float
    activity_weight_slow: float
    beta_rebound: float = 0.0
    rebound_threshold: float = 0.0
    volatility_scale_q: float = 1.0
    volatility_shift_q: float = 0.0
    level_rate_p: float = 1.0
    level_rate_q: float = 1.0
    level_mean_q: float = 0.0
    level_volatility: float = 0.0
    equity_premium: float = 0.0
    rate: float = 0.0
    dividend_yield: float = 0.0
    volatility_floor: float = 0.01
    volatility_cap: float = 1.5
    substeps: int = 1
    vix_sessions: int = 21

    name: ClassVar[str] = "path_dependent"
    counter_draws: ClassVar[bool] = True
    state_names: ClassVar[tuple[str, ...]] = ("trend_fast", "trend_slow", "activity_fast", "activity_slow", "level")

    def __post_init__(self) -> None:
        rates = ("trend_rate_fast", "trend_rate_slow", "activity_rate_fast", "activity_rate_slow")
        positive = ("volatility_scale_q", "level_rate_p", "level_rate_q", "volatility_floor", "volatility_cap")
        check_domain(
            self,
            positive=(*rates, *positive, "substeps", "vix_sessions"),
            non_negative=("beta_constant", "beta_activity", "level_volatility"),
        )
        for name in ("trend_weight_slow", "activity_weight_slow"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ModelParameterError(f"{name} must lie in [0, 1], got {getattr(self, name)!r}")
        for name in ("substeps", "vix_sessions"):
            if getattr(self, name) != int(getattr(self, name)):
                raise ModelParameterError(f"{name} must be a whole number, got {getattr(self, name)!r}")
        if self.volatility_floor >= self.volatility_cap:
            raise ModelParameterError(
                f"volatility_floor must be < volatility_cap = {self.volatility_cap:g}, got {self.volatility_floor!r}"
            )

    def dynamics(self, measure: Measure) -> PathDependentDynamics:
        """Dynamics under ``measure``: the only place where P and Q part."""
        is_q = measure == "q"
        scale, shift = (self.volatility_scale_q, self.volatility_shift_q) if is_q else (1.0, 0.0)
        return PathDependentDynamics(
            betas=(
                shift + scale * self.beta_constant,
                scale * self.beta_trend,
                scale * self.beta_activity,
                scale * self.beta_rebound,
            ),
            threshold=self.rebound_threshold,
            trend_rates=(self.trend_rate_fast, self.trend_rate_slow),
            activity_rates=(self.activity_rate_fast, self.activity_rate_slow),
            weights=(self.trend_weight_slow, self.activity_weight_slow),
            level=(
                self.level_rate_q if is_q else self.level_rate_p,
                self.level_mean_q if is_q else 0.0,
                self.level_volatility,
            ),
            bounds=(self.volatility_floor, self.volatility_cap),
            drift=self.rate - self.dividend_yield + (0.0 if is_q else self.equity_premium),
            substeps=int(self.substeps),
        )

    def pricing_key(self) -> str:
        """What decides prices over forward and discount, as text: the Q dynamics."""
        return f"{replace(self.dynamics('q'), drift=0.0)!r} {int(self.vix_sessions)!r}"

    def stationary_state(self, n_paths: int, stream: Stream, *, measure: Measure = "p") -> FloatArray:
        """See ``Model.stationary_state``."""
        from models.path_dependent_paths import stationary_path_dependent

        return stationary_path_dependent(self.dynamics(measure), n_paths, stream)

    def propagate(
        self, state: FloatArray, n_days: int, stream: Stream, *, first_day: int = 0, measure: Measure = "p"
    ) -> tuple[FloatArray, FloatArray]:
        """See ``Model.propagate``."""
        from models.path_dependent_paths import propagate_path_dependent

        return propagate_path_dependent(self.dynamics(measure), state, n_days, stream, first_day=first_day)

    def simulate(
        self,
        grid: SimulationGrid,
        n_paths: int,
        stream: Stream,
        *,
        start: Start | None = None,
        spot0: float = 4000.0,
        measure: Measure = "p",
    ) -> PathBlock:
        """See ``Model.simulate``."""
        from models.simulation import simulate_paths

        return simulate_paths(cast(Model, self), grid, n_paths, stream, start=start, spot0=spot0, measure=measure)

    def exact_pricer(self) -> NestedPricer:
        """Nested simulation under Q; the VIX is the regression that paths use too."""
        from models.path_dependent_pricer import NestedPricer

        return NestedPricer(self)

    def tabulated_pricer(self, *, max_sessions: int = 90) -> PolynomialTablePricer:
        """Regressions of nested simulations on the state, built once and cached on disk."""
        from models.polynomial_table import tabulated_pricer

        return tabulated_pricer(self, max_sessions=max_sessions)

    def expected_growth(self) -> float:
        """See ``models.known_means.GrowthModel``."""
        return self.rate - self.dividend_yield + self.equity_premium

    def scaled_premium(self, *, variance: float = 1.0, equity: float = 1.0) -> Self:
        """Scale what parts Q from P; with 0 and 0 they are one law."""
        return replace(
            self,
            volatility_scale_q=1.0 + variance * (self.volatility_scale_q - 1.0),
            volatility_shift_q=variance * self.volatility_shift_q,
            level_rate_q=dialled(self.level_rate_p, self.level_rate_q, variance, is_log=True),
            level_mean_q=variance * self.level_mean_q,
            equity_premium=equity * self.equity_premium,
        )

    def premium(self) -> Mapping[str, tuple[float, str]]:
        """See ``Model.premium``."""
        p, q = self.dynamics("p"), self.dynamics("q")
        calm = p.mean_variance()
        under = [d.volatility_at(0.0, calm) for d in (p, q)]
        return {
            "equity_premium": (self.equity_premium, "1/year: expected excess return under P"),
            "volatility_scale_q": (self.volatility_scale_q, "Q volatility per unit of P volatility at one state"),
            "volatility_shift_q": (self.volatility_shift_q, "annual volatility: added to that under Q"),
            "volatility_premium": (
                100.0 * (under[1] - under[0]),
                "points: next-session volatility under Q minus under P, no trend, P mean activity",
            ),
            "level_mean_q": (self.level_mean_q, "mean log level of volatility under Q; 0 under P"),
            "level_rate_p": (self.level_rate_p, "1/year: reversion of the level under P"),
            "level_rate_q": (self.level_rate_q, "1/year: the same under Q"),
            "stationary_volatility_p": (100.0 * sqrt(calm), "points: long-run volatility under P, level at 0"),
            "stationary_volatility_q": (100.0 * sqrt(q.mean_variance()), "points: the same under Q"),
        }
