r"""Scripted shocks laid over the paths of any model.

A script is a row of parts, each one session or several. On a session of a part the model makes its own move first; then
SPX and VIX are led to where the script wants them. With :math:`m` sessions of the part left, this one included, and
:math:`g` what its log return still lacks, a session's own return :math:`r` becomes :math:`r + (g - r)/m`, and its own
VIX :math:`V` becomes :math:`V (V^*/V)^{1/m}`: a part of one session is exactly what the script says, a longer one keeps
most of the model's own moves and ends exactly there. The state is moved until its VIX is that one
(``models.state_at_vix``), so that all prices are those of the shocked state; after the script paths go on from it. A
part that says nothing of the VIX leaves the state where the model has put it.

The law under Q, histories before day 0 and random numbers are those of the model: sessions before a script are the same
to the last bit with and without it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Self, final

import numpy as np

from models.errors import ModelParameterError
from models.protocols import (
    SESSIONS_PER_YEAR,
    FloatArray,
    Measure,
    Model,
    PathBlock,
    Pricer,
    SimulationGrid,
    Start,
    Stream,
)
from models.simulation import simulate_paths
from models.state_at_vix import CarriedBy, base_model, state_on_curve, state_with_vix

LEAST_VIX = 1.0
"""Lowest VIX that points taken off may lead to [points]."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptedPart:
    """What happens on some sessions in a row.

    Parameters
    ----------
    first_day : int
        First move of the part, >= 0: day d leads from close d to close d + 1.
    sessions : int
        Its length, >= 1.
    log_return : float, optional
        Log return of the SPX over the part; None leaves it to the model.
    log_shock : float
        Added to the model's own log return; parts of one session.
    vix : float, optional
        VIX at the end of the part, > 0 [points]; None leaves it to the model.
    vix_points : float
        Added to the model's own VIX [points]; parts of one session.
    curve : tuple of (int, float), optional
        Sessions to a VIX future and its wanted ratio to the VIX at the end of the part, as far as the model's curve
        goes; parts of one session.

    Raises
    ------
    ModelParameterError
        If a value lies outside its domain.
    """

    first_day: int
    sessions: int = 1
    log_return: float | None = None
    log_shock: float = 0.0
    vix: float | None = None
    vix_points: float = 0.0
    curve: tuple[int, float] | None = None

    def __post_init__(self) -> None:
        if self.first_day < 0 or self.sessions < 1:
            raise ModelParameterError(
                f"a part must start on day >= 0 and last >= 1 session, got {self.first_day} and {self.sessions}"
            )
        if self.vix is not None and not self.vix > 0.0:
            raise ModelParameterError(f"vix of a part must be > 0 points, got {self.vix!r}")
        if self.sessions > 1 and (self.log_shock or self.vix_points or self.curve):
            raise ModelParameterError("log_shock, vix_points and curve are for parts of one session")

    @property
    def end(self) -> int:
        """First day after the part."""
        return self.first_day + self.sessions

    @property
    def moves_state(self) -> bool:
        """Whether the part says anything of the VIX or its curve."""
        return self.vix is not None or self.vix_points != 0.0 or self.curve is not None


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptedModel:
    """A model under a script; see ``models.protocols.Model``.

    Parameters
    ----------
    model : Model
        The model, which may be steered.
    parts : tuple of ScriptedPart
        In order, without overlap.
    carried_by : {"typical", "fast", "slow"}
        Factors that carry the VIX.
    pricer : Pricer, optional
        Gives the futures that a wanted curve is compared with: the model's tables, where parts have a curve.

    Raises
    ------
    ModelParameterError
        If parts overlap, or a curve is wanted without a pricer.
    """

    model: Model
    parts: tuple[ScriptedPart, ...]
    carried_by: CarriedBy = "typical"
    pricer: Pricer | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        for part, following in zip(self.parts, self.parts[1:], strict=False):
            if following.first_day < part.end:
                raise ModelParameterError(f"parts must not overlap, got day {following.first_day} before {part.end}")
        if self.pricer is None and any(part.curve for part in self.parts):
            raise ModelParameterError("a part with a curve needs a pricer")

    @property
    def name(self) -> str:
        """Name of the model."""
        return self.model.name

    @property
    def state_names(self) -> tuple[str, ...]:
        """Factors of the model."""
        return self.model.state_names

    @property
    def rate(self) -> float:
        """Short rate [1/year, continuous]."""
        return self.model.rate

    @property
    def dividend_yield(self) -> float:
        """Dividend yield [1/year, continuous]."""
        return self.model.dividend_yield

    def stationary_state(self, n_paths: int, stream: Stream, *, measure: Measure = "p") -> FloatArray:
        """See ``Model.stationary_state``."""
        return self.model.stationary_state(n_paths, stream, measure=measure)

    def propagate(
        self, state: FloatArray, n_days: int, stream: Stream, *, first_day: int = 0, measure: Measure = "p"
    ) -> tuple[FloatArray, FloatArray]:
        """See ``Model.propagate``; days outside the script, and all days under Q, are the model's own.

        A call that starts inside a part takes the SPX to be on its way in proportion to the sessions that are over.
        """
        parts = self.parts if measure == "p" else ()
        log_return, states = [], []
        current, day, last = np.asarray(state), first_day, first_day + n_days
        for part in (*parts, None):
            free = last if part is None else min(part.first_day, last)
            if free > day:
                returns, moved = self.model.propagate(current, free - day, stream, first_day=day, measure=measure)
                log_return.append(returns)
                states.append(moved)
                current, day = moved[-1], free
            if part is not None and day < min(part.end, last):
                n = min(part.end, last) - day
                returns, moved = self._act(part, current, n, stream, day=day)
                log_return.append(returns)
                states.append(moved)
                current, day = moved[-1], day + n
        if not log_return:
            return self.model.propagate(state, 0, stream, first_day=first_day, measure=measure)
        return np.concatenate(log_return), np.concatenate(states)

    def _act(
        self, part: ScriptedPart, state: FloatArray, n_days: int, stream: Stream, *, day: int
    ) -> tuple[FloatArray, FloatArray]:
        """Some sessions of a part."""
        log_return, states = np.empty((n_days, state.shape[1])), np.empty((n_days, *state.shape))
        done = np.full(state.shape[1], (part.log_return or 0.0) * (day - part.first_day) / part.sessions)
        for k in range(n_days):
            left = part.end - day - k
            returns, moved = self.model.propagate(state, 1, stream, first_day=day + k)
            own = returns[0] + part.log_shock
            if part.log_return is not None:
                own = own + (part.log_return - done - own) / left
            state = self._shocked(part, moved[0], left) if part.moves_state else moved[0]
            done = done + own
            log_return[k], states[k] = own, state
        return log_return, states

    def _shocked(self, part: ScriptedPart, state: FloatArray, left: int) -> FloatArray:
        """State with the VIX, and the curve, that the part wants."""
        vix = self.model.exact_pricer().vix(state)
        if part.vix is not None:
            vix = vix * (part.vix / vix) ** (1.0 / left)
        vix = np.maximum(vix + part.vix_points, LEAST_VIX)
        state = state_with_vix(self.model, state, vix, carried_by=self.carried_by)
        if part.curve is None or self.pricer is None:
            return state
        (sessions, ratio), pricer = part.curve, self.pricer
        reached = self.model.exact_pricer().vix(state)

        def future_of(states: FloatArray) -> FloatArray:
            return pricer.vix_future(states, sessions / SESSIONS_PER_YEAR)

        return state_on_curve(self.model, state, reached, future_of, ratio * reached)

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
        past = base_model(self.model)
        paths = simulate_paths(self, grid, n_paths, stream, start=start, spot0=spot0, measure=measure, past=past)
        is_hidden = bool(self.state_names) and self.state_names[0] == "regime"
        return replace(paths, regime=paths.state[:, 0].astype(np.int8)) if is_hidden else paths

    def exact_pricer(self) -> Pricer:
        """See ``Model.exact_pricer``."""
        return self.model.exact_pricer()

    def tabulated_pricer(self, *, max_sessions: int = 90) -> Pricer:
        """See ``Model.tabulated_pricer``."""
        return self.model.tabulated_pricer(max_sessions=max_sessions)

    def scaled_premium(self, *, variance: float = 1.0, equity: float = 1.0) -> Self:
        """Scale the premia of the model; the script stays."""
        return replace(self, model=self.model.scaled_premium(variance=variance, equity=equity), pricer=self.pricer)

    def premium(self) -> Mapping[str, tuple[float, str]]:
        """See ``Model.premium``."""
        return self.model.premium()
