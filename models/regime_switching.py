"""A Markov chain of regimes over an affine model: it switches the long-run variance, the drift and the premia.

In each session the base model moves by the parameters of today's regime; at its close the chain moves. The regime is
hidden from strategies, but prices know it: the market of the model sees what the strategy has to infer. The state is
(regime, state of the base model).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from math import isfinite, sqrt
from typing import ClassVar, Self, cast

import numpy as np

from models.axes import Axis
from models.errors import ModelParameterError
from models.notebook_view import ModelView
from models.presets import load_preset
from models.protocols import FloatArray, Measure, Model, PathBlock, Pricer, SimulationGrid, Start, Stream
from models.regime_chain import Matrix, checked_chain, draw_next, draw_stationary, stationary_law
from models.regime_transforms import LevelledModel, RegimeView, SwitchedLevels
from models.slices import SliceSource

BURN_IN_SESSIONS = 1260
"""Sessions of a burn-in from the base model's stationary law: five years, a multiple of any half-life seen so far."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegimeSwitching(ModelView):
    """A Markov chain of regimes over an affine model under P and Q.

    Parameters
    ----------
    base : str
        Preset of the base model: an affine one (heston, bates, svcj, two_factor_svcj, heston_nandi).
    transition_p : sequence of shape (n_regimes, n_regimes)
        Probabilities of tomorrow's regime under P, a row for each of today's. [1/session]
    level_p : sequence of shape (n_regimes,)
        Long-run variance of each regime under P over that of the base, > 0.
    transition_q, level_q : sequences
        The same under Q; empty means as under P. Where they differ, they are a premium.
    equity_scale : sequence of shape (n_regimes,)
        Equity premium of each regime over that of the base; may be negative. Empty means 1.
    variance_premium, equity_premium : float
        Scale of the base model's own premia, 1 as calibrated.
    rate, dividend_yield : float
        Continuous rates. [1/year]

    Raises
    ------
    ModelParameterError
        If a parameter lies outside its domain, or the base model's level cannot be switched.
    """

    base: str
    transition_p: Matrix
    level_p: tuple[float, ...]
    transition_q: Matrix = ()
    level_q: tuple[float, ...] = ()
    equity_scale: tuple[float, ...] = ()
    variance_premium: float = 1.0
    equity_premium: float = 1.0
    rate: float = 0.0
    dividend_yield: float = 0.0

    name: ClassVar[str] = "regime_switching"
    counter_draws: ClassVar[bool] = True

    def __post_init__(self) -> None:
        n = len(tuple(self.level_p))
        fields: dict[str, object] = {
            "transition_p": checked_chain("transition_p", self.transition_p, n),
            "transition_q": checked_chain("transition_q", self.transition_q or self.transition_p, n),
            "level_p": _numbers("level_p", self.level_p, n),
            "level_q": _numbers("level_q", self.level_q or self.level_p, n),
            "equity_scale": _numbers("equity_scale", self.equity_scale or (1.0,) * n, n, is_positive=False),
        }
        for key, value in fields.items():
            object.__setattr__(self, key, value)
        if not hasattr(self.base_model(), "with_level"):
            raise ModelParameterError(
                f"base must be the preset of an affine model, whose long-run variance can be switched, "
                f"got {self.base!r}"
            )
        self.regime_models("p")
        self.regime_models("q")
        stationary_law(self.transition_p)

    @property
    def state_names(self) -> tuple[str, ...]:
        """The regime, then the factors of the base model."""
        return "regime", *self.base_model().state_names

    @property
    def n_regimes(self) -> int:
        """Number of regimes."""
        return len(self.level_p)

    def base_model(self) -> Model:
        """The model at level 1, its premia scaled."""
        return _base_model(self.base, self.rate, self.dividend_yield, self.variance_premium, self.equity_premium)

    def regime_models(self, measure: Measure) -> tuple[Model, ...]:
        """The model that moves the state in each regime."""
        levels = self.level_p if measure == "p" else self.level_q
        base = cast("LevelledModel", self.base_model())
        scaled = [cast(Model, base.with_level(level)) for level in levels]
        return tuple(model.scaled_premium(equity=scale) for model, scale in zip(scaled, self.equity_scale, strict=True))

    def law(self) -> SwitchedLevels:
        """What prices depend on."""
        return SwitchedLevels(cast("LevelledModel", self.base_model()), self.transition_q, self.level_q)

    def views(self) -> tuple[RegimeView, ...]:
        """The affine model seen from each regime."""
        law = self.law()
        return tuple(RegimeView(law, regime, self.rate, self.dividend_yield) for regime in range(self.n_regimes))

    def pricing_key(self) -> str:
        """See ``models.slices.TableModel.pricing_key``."""
        law = self.law()
        # the number tells slices that differ by more than rounding apart, where tables are stored
        return f"regimes 2 of {law.base.pricing_key()} {law.chain!r} {law.levels!r}"

    def stationary_state(self, n_paths: int, stream: Stream, *, measure: Measure = "p") -> FloatArray:
        """See ``Model.stationary_state``: a burn-in from the base model's stationary law."""
        chain = self.transition_p if measure == "p" else self.transition_q
        base = self.base_model().stationary_state(n_paths, stream, measure=measure)
        regime = draw_stationary(chain, n_paths, stream, day=-BURN_IN_SESSIONS)
        state = np.concatenate([regime[None], base])
        _, state = self._move(state, BURN_IN_SESSIONS, stream, first_day=0, measure=measure, block=1, keep=False)
        return np.asarray(state[-1])

    def propagate(
        self, state: FloatArray, n_days: int, stream: Stream, *, first_day: int = 0, measure: Measure = "p"
    ) -> tuple[FloatArray, FloatArray]:
        """See ``Model.propagate``."""
        self._check_regime(state)
        return self._move(np.asarray(state), n_days, stream, first_day=first_day, measure=measure, block=0, keep=True)

    def _move(
        self,
        state: FloatArray,
        n_days: int,
        stream: Stream,
        *,
        first_day: int,
        measure: Measure,
        block: int,
        keep: bool,
    ) -> tuple[FloatArray, FloatArray]:
        """Move on session by session; without ``keep`` only the last state is returned.

        Every regime's model reads the same random numbers, and each path takes the answer of its own regime.
        """
        models = self.regime_models(measure)
        chain = self.transition_p if measure == "p" else self.transition_q
        # days of a burn-in lie far before any day of a path, so that they share no number with one
        shift = 0 if block == 0 else -(2**20)
        log_return = np.empty((n_days, state.shape[1]))
        states = np.empty((n_days if keep else 1, *state.shape))
        current = state
        for k in range(n_days):
            day = first_day + k + shift
            moved = np.empty_like(current)
            for regime, model in enumerate(models):
                here = current[0] == regime
                if here.any():
                    returns, factors = model.propagate(current[1:], 1, stream, first_day=day, measure=measure)
                    log_return[k, here] = returns[0, here]
                    moved[1:, here] = factors[0][:, here]
            moved[0] = draw_next(chain, current[0], stream, day=day, block=block)
            current = moved
            states[k if keep else 0] = current
        return log_return, states

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
        """See ``Model.simulate``; the block records the hidden regime."""
        from models.simulation import simulate_paths

        paths = simulate_paths(self, grid, n_paths, stream, start=start, spot0=spot0, measure=measure)
        return replace(paths, regime=paths.state[:, 0].astype(np.int8))

    def exact_pricer(self) -> Pricer:
        """Transforms of the switching law, regime by regime."""
        from models.regime_pricer import RegimePricer

        return RegimePricer(self)

    def tabulated_pricer(self, *, max_sessions: int = 90) -> Pricer:
        """Tables of the exact prices, one set a regime, built once and cached on disk."""
        from models.table_pricer import tabulated_pricer

        return tabulated_pricer(self, max_sessions=max_sessions)

    def table_axes(self) -> tuple[Axis, ...]:
        """The regime, then the axes of the base model."""
        regime = Axis(kind="index", low=0.0, high=float(self.n_regimes - 1), n_nodes=self.n_regimes)
        return regime, *cast("RegimeView", self.base_model()).table_axes()

    def slice_source(self) -> SliceSource:
        """Builder of the tables."""
        from models.regime_pricer import RegimeSlices

        return RegimeSlices(self)

    def scaled_premium(self, *, variance: float = 1.0, equity: float = 1.0) -> Self:
        """Scale the base model's premia, and move the chain and the levels under Q along the line from those under P.

        Raises
        ------
        ModelParameterError
            If the line leaves the domain: a probability or a level below 0.
        """
        chain_p, chain_q = np.array(self.transition_p), np.array(self.transition_q)
        level_p, level_q = np.array(self.level_p), np.array(self.level_q)
        return replace(
            self,
            variance_premium=variance * self.variance_premium,
            equity_premium=equity * self.equity_premium,
            transition_q=tuple(map(tuple, chain_p + variance * (chain_q - chain_p))),
            level_q=tuple(level_p + variance * (level_q - level_p)),
        )

    def premium(self) -> Mapping[str, tuple[float, str]]:
        """See ``Model.premium``."""
        shares = stationary_law(self.transition_p)
        same = replace(self, transition_q=self.transition_p, level_q=self.level_p)
        rows = dict(self.base_model().premium())
        for regime in range(self.n_regimes):
            rows[f"share_regime_{regime}"] = (float(shares[regime]), "share of time in the regime under P")
            constants = [model.law().vix_constants()[0][regime] for model in (self, same)]
            rows[f"vix_premium_regime_{regime}"] = (
                100.0 * (sqrt(constants[0]) - sqrt(constants[1])),
                "VIX points at zero variance: the part of the premium that the switching under Q adds",
            )
        return rows

    def _check_regime(self, state: FloatArray) -> None:
        regime = np.asarray(state)[0]
        if not np.isin(regime, np.arange(self.n_regimes)).all():
            raise ModelParameterError(
                f"state: regime must be a whole number 0 to {self.n_regimes - 1}, got {regime.min()} to {regime.max()}"
            )


@lru_cache(maxsize=16)
def _base_model(name: str, rate: float, dividend_yield: float, variance: float, equity: float) -> Model:
    from models.registry import create

    preset = load_preset(name)
    parameters = {**preset.parameters, "rate": rate, "dividend_yield": dividend_yield}
    return create(preset.model, **parameters).scaled_premium(variance=variance, equity=equity)


def _numbers(name: str, values: Sequence[float], n: int, *, is_positive: bool = True) -> tuple[float, ...]:
    numbers = tuple(float(value) for value in values)
    if len(numbers) != n or not all(isfinite(value) and (value > 0.0 or not is_positive) for value in numbers):
        rule = "numbers > 0" if is_positive else "numbers"
        raise ModelParameterError(f"{name} must be {n} {rule}, one a regime, got {numbers}")
    return numbers
