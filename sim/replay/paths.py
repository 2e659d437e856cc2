"""Real closes as paths of a model: states found from the VIX, openings and futures as they were.

All paths of a replay share the history. They differ in what is drawn beside it: roll phases, openings that are not
known, the noise of VIX settlements, breadth and macro series. With ``future: model`` they share the past alone and go
on by the model from the state of day 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from models.protocols import SESSIONS_PER_YEAR, Model, PathBlock, Pricer, SimulationGrid, Stream
from models.state_at_vix import has_two_speeds, state_on_curve, states_at_vix
from sim.calendar import SessionCalendar
from sim.config.market import MarketConfig
from sim.config.replay import ReplayConfig
from sim.errors import DataError
from sim.event_calendar import event_schedule
from sim.event_risk import EventRisk
from sim.expiries import listed_expiries, nth_expiry_after
from sim.given import Given
from sim.replay.series import RealSeries, available_sessions, read_series

FloatArray = NDArray[np.float64]

LEAST_SQUARE = 1.0
"""Least squared VIX without the events ahead [points^2]."""

SECOND = 2
"""Number of the future that the second factor follows."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Replay:
    """A stretch of history on a calendar, with the state of the model at every close.

    Parameters
    ----------
    calendar : SessionCalendar
        Sessions, ``from`` being day 0.
    spot, vix : ndarray of shape (n,)
        Closes from the first session of the history on [points].
    model_vix : ndarray of shape (n,)
        VIX without what scheduled events add, where the market carries them [points].
    state : ndarray of shape (n, n_factors)
        State of the model at each close.
    reached_vix : ndarray of shape (n,)
        VIX of that state [points]; it differs from ``model_vix`` where the model does not go.
    given : Given
        Openings and futures that are known, and the sessions whose events have happened.
    """

    calendar: SessionCalendar
    spot: FloatArray
    vix: FloatArray
    model_vix: FloatArray
    state: FloatArray
    reached_vix: FloatArray
    given: Given


def replay_of(
    config: ReplayConfig,
    model: Model,
    pricer: Pricer,
    market: MarketConfig,
    *,
    warmup_days: int,
    n_days: int,
    tail_sessions: int,
    state: FloatArray | None = None,
) -> Replay:
    """Lay a history on its calendar and find the model's states.

    Parameters
    ----------
    config : ReplayConfig
        Which history, from when to when.
    model : Model
        The model.
    pricer : Pricer
        Its tables, which tell its futures.
    market : MarketConfig
        What the market carries, and how contracts settle.
    warmup_days, n_days : int
        Sessions before and after day 0.
    tail_sessions : int
        Sessions after the last, in which contracts expire.
    state : ndarray of shape (n, n_factors), optional
        States where they are known; found from the VIX by default.

    Raises
    ------
    DataError
        If the history does not reach so far.
    """
    series = read_series(config)
    first, last = available_sessions(series, config, warmup_days)
    is_real = config.future == "history"
    if is_real and first + n_days > last:
        raise DataError(
            f"days must be <= {last - first}, the sessions of {series.source} from {series.dates[first]} to "
            f"{series.dates[last]}, got {n_days}"
        )
    calendar = SessionCalendar.build(series.dates[first].astype(date), warmup_days, n_days, tail_sessions)
    n = warmup_days + (n_days if is_real else 0) + 1
    part = slice(first - warmup_days, first - warmup_days + n)
    vix, square = series.vix[part], np.zeros(n)
    if market.events is not None:
        square = EventRisk.build(calendar, event_schedule(calendar), market.events).close_square[:n]
    model_vix = np.sqrt(np.maximum(np.square(vix) - square, LEAST_SQUARE))
    given = _given(series, part, calendar, reach=int(getattr(pricer, "max_sessions", 0)) or None)
    if state is None:
        found = states_at_vix(model, model_vix)
        if config.fit_curve and given.futures and has_two_speeds(model):
            found = _on_curve(model, pricer, found, model_vix, given, calendar, market)
        state = np.ascontiguousarray(found.T)
    return Replay(
        calendar=calendar,
        spot=series.spx[part],
        vix=vix,
        model_vix=model_vix,
        state=state,
        reached_vix=model.exact_pricer().vix(np.ascontiguousarray(state.T)),
        given=given,
    )


def replay_paths(replay: Replay, model: Model, n_paths: int, stream: Stream) -> PathBlock:
    """Paths of a replay: the history on all of them, and the model's own moves where it ends on day 0.

    Parameters
    ----------
    replay : Replay
        The history.
    model : Model
        The model; it may be steered or scripted from day 0 on.
    n_paths : int
        Number of paths.
    stream : Stream
        Address of their random numbers.
    """
    calendar, n = replay.calendar, replay.spot.size
    grid = SimulationGrid(n_days=calendar.n_days, warmup_days=calendar.day0)
    spot, vix = (np.repeat(values[:, None], n_paths, axis=1) for values in (replay.spot, replay.model_vix))
    state = np.repeat(replay.state[:, :, None], n_paths, axis=2)
    if n < grid.n_times:
        log_return, moved = model.propagate(state[-1], calendar.n_days, stream)
        spot = np.concatenate([spot, spot[-1] * np.exp(np.cumsum(log_return, axis=0))])
        vix = np.concatenate([vix, model.exact_pricer().vix(np.moveaxis(moved, 1, 0))])
        state = np.concatenate([state, moved])
    for array in (spot, state, vix):
        array.setflags(write=False)
    is_hidden = model.state_names[0] == "regime"
    regime = state[:, 0].astype(np.int8) if is_hidden else None
    return PathBlock(grid=grid, spot=spot, state=state, vix=vix, regime=regime)


def _given(series: RealSeries, part: slice, calendar: SessionCalendar, *, reach: int | None) -> Given:
    """Openings and futures of the sessions of a replay, by index of its calendar, as far as prices reach."""
    gaps, openings = {}, {}
    spot = series.spx[part]
    for t, (spx_open, vix_open) in enumerate(zip(series.spx_open[part], series.vix_open[part], strict=True)):
        if t > 0 and np.isfinite(spx_open):
            gaps[t] = float(np.log(spx_open / spot[t - 1]))
        if np.isfinite(vix_open):
            openings[t] = float(vix_open)
    expiries = listed_expiries(calendar).vix_monthly
    at = {calendar.dates[e].astype(date): int(e) for e in expiries}
    futures: dict[int, dict[int, float]] = {}
    for t in range(spot.size if series.futures else 0):
        for item in series.futures.get(calendar.date(t), ()):
            if isinstance(item.contract, int):
                position = np.searchsorted(expiries, t, side="right") + item.contract - 1
                expiry = int(expiries[position]) if position < expiries.size else None
            else:
                expiry = at.get(item.contract)  # weekly contracts are not traded here
            if expiry is not None and 0 < expiry - t <= (reach or expiry):
                futures.setdefault(t, {})[expiry] = item.price
    return Given(spx_gap=gaps, vix_open=openings, futures=futures, without_jumps=frozenset(range(spot.size)))


def _on_curve(
    model: Model,
    pricer: Pricer,
    state: FloatArray,
    vix: FloatArray,
    given: Given,
    calendar: SessionCalendar,
    market: MarketConfig,
) -> FloatArray:
    """States (n_factors, n) whose second future is the real one, on the closes that have one."""
    expiries, share = listed_expiries(calendar).vix_monthly, market.settlement.overnight_share
    second = [nth_expiry_after(expiries, t, SECOND) for t in range(vix.size)]
    days = np.array([t for t, expiry in enumerate(second) if expiry in given.futures.get(t, {})], dtype=np.int64)
    if days.size == 0:
        return state
    wanted = np.array([given.futures[int(t)][second[t]] for t in days])
    life = np.array([second[t] - t for t in days])

    def future_of(states: FloatArray) -> FloatArray:
        """To the opening of the expiry, a share of its session before its close."""
        before, after = (pricer.vix_future(states, n / SESSIONS_PER_YEAR) for n in (life - 1, life))
        return np.asarray((1.0 - share) * before + share * after)

    moved = state.copy()
    moved[:, days] = state_on_curve(model, np.ascontiguousarray(state[:, days]), vix[days], future_of, wanted)
    return moved
