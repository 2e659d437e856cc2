r"""Blocks of real SPX and VIX days, priced on a model's surface.

A path is a chain of days of history. From one session to the next it goes on to the next day, or, with chance
:math:`1/L`, a new block begins: the stationary bootstrap [1]_ with mean block length L. A new block starts beside a day
whose VIX is near that of the last one (the matched-block bootstrap [2]_), because the VIX is a level, not a return:
blocks put together blindly would make it jump at every joint while the index stands still, and chained changes of the
VIX would drift away. What gap is left at a joint fades by :math:`e^{-1/\text{splice\_days}}` a session.

Preserved: every day of history is as likely as any other, exactly, for the last is followed by the first and the choice
of a neighbour is symmetric; the autocorrelation within blocks; and the joint moves: a session's return is a real one,
and the VIX changes by what it really changed by on that day less the fading of the gap. The law of the VIX is that of
history up to what gaps there are. Not preserved: dependence longer than blocks beyond what the level of the VIX
carries. No path has a day that history has not.

The surface is that of a one-factor model: its state is the one at which its VIX is the bootstrapped one. Where that
lies below the lowest VIX of the model, the lowest state is taken and counted. History has no risk-neutral law, so under
Q paths are those of the surface's model.

References
----------
.. [1] D. Politis, J. Romano (1994), "The stationary bootstrap", Journal of the American Statistical Association 89.
.. [2] E. Carlstein, K. Do, P. Hall, T. Hesterberg, H. Kuensch (1998), "Matched-block bootstrap for dependent data",
   Bernoulli 4.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Self, cast

import numpy as np

from models.block_bootstrap_surface import Surface, surface_of
from models.errors import ModelParameterError
from models.index_history import IndexHistory, index_history
from models.notebook_view import ModelView
from models.protocols import (
    SESSIONS_PER_YEAR,
    FloatArray,
    Measure,
    Model,
    PathBlock,
    SimulationGrid,
    Start,
    Stream,
)

if TYPE_CHECKING:
    from models.block_bootstrap_surface import SurfacePricer


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockBootstrap(ModelView):
    """Stationary block bootstrap of SPX and VIX history, priced on a one-factor model's surface.

    Parameters
    ----------
    surface : str
        Preset of the one-factor model that prices.
    mean_block_length : float
        Mean length of blocks, >= 1. [sessions]
    neighbours : int
        A block may start beside any day whose VIX is at most so many ranks above or below; 0 for any day at all,
        which is the plain stationary bootstrap.
    splice_days : float
        How long the gap of the VIX at a joint takes to fade, > 0. [sessions]
    equity_premium_scale : float
        Scales the excess return of the history: 0 removes it, 1 keeps it.
    variance_premium_scale : float
        Scales the gap between the mean squared VIX of the history and its realised variance: 0 removes it, 1 keeps it.
        The VIX of every day is multiplied by one number.
    rate, dividend_yield : float
        Continuous rates, of the paths and of the surface. [1/year]
    spx, vix : str
        CSV files of daily closes; empty for those inside ``arch`` (2014 to 2018).

    Raises
    ------
    ModelParameterError
        If a parameter lies outside its domain, the surface is not that of a one-factor model, or a file cannot be
        read.
    """

    surface: str = "svcj_index_2018"
    mean_block_length: float = 42.0
    neighbours: int = 20
    splice_days: float = 10.0
    equity_premium_scale: float = 1.0
    variance_premium_scale: float = 1.0
    rate: float = 0.0
    dividend_yield: float = 0.0
    spx: str = ""
    vix: str = ""

    name: ClassVar[str] = "block_bootstrap"
    counter_draws: ClassVar[bool] = True
    state_names: ClassVar[tuple[str, ...]] = ("surface", "day", "vix")

    def __post_init__(self) -> None:
        for name in ("surface", "spx", "vix"):
            if not isinstance(getattr(self, name), str):
                raise ModelParameterError(f"{name} must be a text, got {getattr(self, name)!r}")
        for name in (
            "mean_block_length",
            "neighbours",
            "splice_days",
            "equity_premium_scale",
            "variance_premium_scale",
            "rate",
            "dividend_yield",
        ):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not np.isfinite(value):
                raise ModelParameterError(f"{name} must be a finite number, got {value!r}")
        if self.mean_block_length < 1.0:
            raise ModelParameterError(f"mean_block_length must be >= 1 session, got {self.mean_block_length!r}")
        if self.splice_days <= 0.0:
            raise ModelParameterError(f"splice_days must be > 0, got {self.splice_days!r}")
        most = self.history().n_days - 1
        if not 0 <= self.neighbours <= most or self.neighbours != int(self.neighbours):
            raise ModelParameterError(f"neighbours must be a whole number in 0 .. {most}, got {self.neighbours!r}")
        if self.vix_variance() <= 0.0:
            raise ModelParameterError(
                f"variance_premium_scale must leave the VIX above 0, got {self.variance_premium_scale!r}"
            )
        self.surface_model()

    def history(self) -> IndexHistory:
        """The history that days are drawn from."""
        return index_history(self.spx, self.vix)

    def surface_model(self) -> Surface:
        """The one-factor model that prices."""
        return surface_of(self.surface, float(self.rate), float(self.dividend_yield))

    def excess_return(self) -> float:
        """Expected return of the history's days over the riskless growth of the index [1/year]."""
        growth = float(np.log(np.mean(np.exp(self.history().log_return))))
        return SESSIONS_PER_YEAR * growth - (self.rate - self.dividend_yield)

    def vix_variance(self) -> float:
        """Mean squared VIX over 100, the premium in it scaled [1/year]."""
        real, realised = self._mean_variances()
        return realised + self.variance_premium_scale * (real - realised)

    def log_vix_shift(self) -> float:
        """What is added to the log of every VIX of the history, so that its mean square is ``vix_variance``."""
        if self.variance_premium_scale == 1.0:
            return 0.0
        return 0.5 * float(np.log(self.vix_variance() / self._mean_variances()[0]))

    def _mean_variances(self) -> tuple[float, float]:
        """Mean squared VIX over 100 of the history, and its realised variance [1/year]."""
        history = self.history()
        implied = 1e-4 * np.mean(np.exp(2.0 * history.log_vix))
        return float(implied), float(SESSIONS_PER_YEAR * np.mean(history.log_return**2))

    def pricing_key(self) -> str:
        """What decides prices, as text: the surface."""
        return f"{self.surface} {self.surface_model().model!r}"

    def stationary_state(self, n_paths: int, stream: Stream, *, measure: Measure = "p") -> FloatArray:
        """See ``Model.stationary_state``: a day at random, then a burn-in of blocks for the gap."""
        from models.block_bootstrap_paths import stationary_bootstrap

        return stationary_bootstrap(self, n_paths, stream, measure=measure)

    def propagate(
        self, state: FloatArray, n_days: int, stream: Stream, *, first_day: int = 0, measure: Measure = "p"
    ) -> tuple[FloatArray, FloatArray]:
        """See ``Model.propagate``."""
        from models.block_bootstrap_paths import propagate_bootstrap

        return propagate_bootstrap(self, state, n_days, stream, first_day=first_day, measure=measure)

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

    def exact_pricer(self) -> SurfacePricer:
        """The surface's exact pricer."""
        return self.surface_model().exact_pricer()

    def tabulated_pricer(self, *, max_sessions: int = 90) -> SurfacePricer:
        """The surface's tables."""
        return self.surface_model().tabulated_pricer(max_sessions=max_sessions)

    def state_with_vix(self, state: FloatArray, vix: FloatArray) -> FloatArray:
        """Same days of history with another VIX [points]: the gap to that of the day fades like one at a joint."""
        return np.stack([self.surface_model().state_at(vix), np.asarray(state, dtype=np.float64)[1], vix])

    def scaled_premium(self, *, variance: float = 1.0, equity: float = 1.0) -> Self:
        """Scale the excess return of the history by a shift of all returns, and the premium in its VIX by a factor."""
        return replace(
            self,
            equity_premium_scale=equity * self.equity_premium_scale,
            variance_premium_scale=variance * self.variance_premium_scale,
        )

    def premium(self) -> Mapping[str, tuple[float, str]]:
        """See ``Model.premium``."""
        realised = 100.0 * np.sqrt(self._mean_variances()[1])
        return {
            "equity_premium": (
                self.equity_premium_scale * self.excess_return(),
                "1/year: expected excess return of the history's days, as scaled",
            ),
            "vix_premium": (
                float(100.0 * np.sqrt(self.vix_variance()) - realised),
                "points: root mean squared VIX of the history, as scaled, minus its realised volatility",
            ),
        }
