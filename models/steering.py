r"""Steering any model through an episode: the law nearest to its own that goes where the episode went.

On every session each path draws ``CANDIDATES`` moves of the model and takes one of them with a probability proportional
to

.. math::  \exp\bigl(a\,w_v\,\Delta v + b\,w_r\,r - ((v + \Delta v - c)^2 - (v - c)^2) / (4 s^2)\bigr)

for the change of v, the log VIX, and the log return r. In the limit of many candidates the first two terms are the
exponential tilt (Esscher transform) of the model's own one-session law: of all laws with given means of the two, the
one of least relative entropy [1]_. Every move remains one that the model can make; prices under Q stay those of the
model. The tilt ``(a, b)`` of each session is solved so that the medians of SPX and VIX run from each of the episode's
marks to the next.

What a tilt does to a path grows with the variance of its moves, and a high VIX makes large moves: one tilt for all
would drive paths above the median further up, until some lose all of the index. So a path whose moves deviate by more
than is typical is tilted less, :math:`w = \min(1, (\text{typical} / \text{own deviation})^2)`, which shifts its mean as
far as that of others; and the last term draws the log VIX back to its median c, around which it leaves a spread of
about s.

References
----------
.. [1] I. Csiszar (1975), "I-divergence geometry of probability distributions and minimization problems", Annals of
   Probability 3(1); H. Gerber, E. Shiu (1994), "Option pricing by Esscher transforms", Transactions of the Society of
   Actuaries 46.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Self, final

import numpy as np

from models.protocols import (
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
from models.streams import Purpose, uniforms

CANDIDATES = 32
"""Moves that each path draws on a steered session."""

SPREAD = 0.2
"""Standard deviation of the log VIX around its median that steering leaves to paths."""


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class Tilt:
    """Tilt of one session.

    Parameters
    ----------
    log_vix, log_return : float
        Weights of a move's change of the log VIX and of its log return in the exponent.
    centre : float
        Log VIX at the close before to which paths are drawn back.
    log_vix_deviation, log_return_deviation : float
        Typical standard deviations of a path's moves.
    """

    log_vix: float
    log_return: float
    centre: float
    log_vix_deviation: float
    log_return_deviation: float


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class SteeredModel:
    """A model whose first sessions under P are steered; see ``models.protocols.Model``.

    Histories before day 0, the law under Q and all prices are those of the model.

    Parameters
    ----------
    model : Model
        The model.
    regime : str
        Name of the episode.
    tilts : tuple of Tilt
        One a session from day 0 on; after them paths move freely.
    """

    model: Model
    regime: str
    tilts: tuple[Tilt, ...]

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
        """See ``Model.propagate``; days before 0 and after the episode, and all days under Q, are the model's own."""
        n_steered = len(self.tilts) if measure == "p" else 0
        log_return, states = [], []
        current, day, last = np.asarray(state), first_day, first_day + n_days
        while day < last:
            if 0 <= day < n_steered:
                moves = candidate_moves(self.model, current, stream, day=day)
                returns, moved = moves.take(self.tilts[day], stream, day=day)
                step = 1
            else:
                step = min(last, 0) - day if day < 0 else last - day
                returns, moved = self.model.propagate(current, step, stream, first_day=_free_day(day), measure=measure)
            log_return.append(returns)
            states.append(moved)
            current, day = moved[-1], day + step
        if not log_return:
            return self.model.propagate(state, 0, stream, first_day=first_day, measure=measure)
        return np.concatenate(log_return), np.concatenate(states)

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
        paths = simulate_paths(self, grid, n_paths, stream, start=start, spot0=spot0, measure=measure, past=self.model)
        is_hidden = bool(self.state_names) and self.state_names[0] == "regime"
        return replace(paths, regime=paths.state[:, 0].astype(np.int8)) if is_hidden else paths

    def exact_pricer(self) -> Pricer:
        """See ``Model.exact_pricer``."""
        return self.model.exact_pricer()

    def tabulated_pricer(self, *, max_sessions: int = 90) -> Pricer:
        """See ``Model.tabulated_pricer``."""
        return self.model.tabulated_pricer(max_sessions=max_sessions)

    def scaled_premium(self, *, variance: float = 1.0, equity: float = 1.0) -> Self:
        """Scale the premia of the model; the tilts stay, so that the episode is no longer met exactly."""
        return replace(self, model=self.model.scaled_premium(variance=variance, equity=equity))

    def premium(self) -> Mapping[str, tuple[float, str]]:
        """See ``Model.premium``; the episode changes P, not Q, and with it what sellers of premium earn."""
        return self.model.premium()


@final
@dataclass(frozen=True, slots=True, kw_only=True)
class CandidateMoves:
    """Moves that each path may make on one session.

    Parameters
    ----------
    log_return, log_vix : ndarray of shape (CANDIDATES, n_paths)
        Log return of the SPX, and change of the log VIX.
    state : ndarray of shape (CANDIDATES, n_factors, n_paths)
        State after the move.
    level : ndarray of shape (n_paths,)
        Log VIX before the move.
    """

    log_return: FloatArray
    log_vix: FloatArray
    state: FloatArray
    level: FloatArray

    def deviations(self) -> FloatArray:
        """Standard deviations of the moves of each path, of shape (2, n_paths): log VIX, log return."""
        return np.stack([self.log_vix.std(axis=0), self.log_return.std(axis=0)])

    def features(self, typical: FloatArray) -> FloatArray:
        """Moves as tilts weigh them, of shape (2, CANDIDATES, n_paths), for typical deviations of shape (2,)."""
        own = self.deviations()
        weight = (typical[:, None] / np.maximum(own, typical[:, None])) ** 2
        return np.stack([self.log_vix, self.log_return]) * weight[:, None]

    def pull(self, centre: float) -> FloatArray:
        """Part of the exponent that draws paths back to the centre, of shape (CANDIDATES, n_paths)."""
        return -self.log_vix * (2.0 * (self.level - centre) + self.log_vix) / (4.0 * SPREAD**2)

    def take(self, tilt: Tilt, stream: Stream, *, day: int) -> tuple[FloatArray, FloatArray]:
        """Choose a move for each path, with probability proportional to the exponential of its tilt.

        Returns
        -------
        log_return : ndarray of shape (1, n_paths)
        state : ndarray of shape (1, n_factors, n_paths)
        """
        log_vix, log_return = self.features(np.array([tilt.log_vix_deviation, tilt.log_return_deviation]))
        exponent = tilt.log_vix * log_vix + tilt.log_return * log_return + self.pull(tilt.centre)
        weight = np.cumsum(np.exp(exponent - exponent.max(axis=0)), axis=0)
        u = uniforms(stream, exponent.shape[1], purpose=Purpose.STEERING, day=day)[0]
        chosen = (weight < u * weight[-1]).sum(axis=0)
        paths = np.arange(exponent.shape[1])
        return self.log_return[chosen, paths][None], np.ascontiguousarray(self.state[chosen, :, paths].T)[None]


def candidate_moves(model: Model, state: FloatArray, stream: Stream, *, day: int) -> CandidateMoves:
    """Draw the moves of a session.

    Parameters
    ----------
    model : Model
        The model.
    state : ndarray of shape (n_factors, n_paths)
        States at the close before.
    stream : Stream
        Address of the random numbers.
    day : int
        Session, >= 0: candidate k of it reads the numbers of day ``day * CANDIDATES + k``.
    """
    vix_of = model.exact_pricer().vix
    returns, states = np.empty((CANDIDATES, state.shape[1])), np.empty((CANDIDATES, *state.shape))
    for k in range(CANDIDATES):
        moved = model.propagate(state, 1, stream, first_day=day * CANDIDATES + k)
        returns[k], states[k] = moved[0][0], moved[1][0]
    level = np.log(vix_of(state))
    log_vix = np.log(vix_of(np.moveaxis(states, 1, 0))) - level
    return CandidateMoves(log_return=returns, log_vix=log_vix, state=states, level=level)


def _free_day(day: int) -> int:
    """Day whose numbers a free session reads: after an episode they must not be those of a candidate."""
    return day if day < 0 else day * CANDIDATES
