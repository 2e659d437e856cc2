"""What a script means: parts of a scripted model, and what is given to its market.

Session ``s`` of a script is the close ``s`` sessions after day 0; the move that leads to it starts on day ``s - 1``.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from models.protocols import Model, Pricer
from models.scripted import ScriptedModel, ScriptedPart
from sim.calendar import SessionCalendar
from sim.config.market import EventsConfig
from sim.config.stress import ShockConfig, StressConfig
from sim.contracts import Product
from sim.event_calendar import event_schedule
from sim.event_risk import EventRisk
from sim.frictions import Friction
from sim.given import Given

_LEAST_SQUARE = 1.0  # of the VIX without its events [points^2]


def rows_with_session(stress: StressConfig) -> Iterator[tuple[int, ShockConfig]]:
    """Rows of a script, each with its first session."""
    session = stress.first_session
    for row in stress.sessions:
        yield session, row
        session += row.sessions


def scripted(
    model: Model,
    stress: StressConfig,
    *,
    calendar: SessionCalendar,
    pricer: Pricer,
    events: EventsConfig | None = None,
) -> ScriptedModel:
    """Lay a script over a model.

    Parameters
    ----------
    model : Model
        The model, which may be steered.
    stress : StressConfig
        The script.
    calendar : SessionCalendar
        Sessions of the simulation.
    pricer : Pricer
        The model's tables, which tell its futures.
    events : EventsConfig, optional
        Event variance that markets carry: what it adds to the VIX is taken off the levels that the model is led to.
    """
    square = np.zeros(calendar.n_times)
    if events is not None:
        square = EventRisk.build(calendar, event_schedule(calendar), events).close_square
    parts, level = [], 1.0
    for session, row in rows_with_session(stress):
        log_return = None
        if row.spx_return is not None:
            log_return = float(np.log1p(row.spx_return))
        elif row.spx_level is not None:
            log_return = float(np.log(row.spx_level / level))
        level *= float(np.exp(log_return or 0.0))
        ahead = square[calendar.day0 + session + row.sessions - 1]
        vix = None if row.vix is None else float(np.sqrt(max(row.vix**2 - ahead, _LEAST_SQUARE)))
        part = ScriptedPart(
            first_day=session - 1,
            sessions=row.sessions,
            log_return=log_return,
            log_shock=float(np.log1p(row.spx_shock or 0.0)),
            vix=vix,
            vix_points=row.vix_points or 0.0,
            curve=None if row.curve_ratio is None else (stress.curve_sessions, row.curve_ratio),
        )
        if log_return is not None or part.log_shock or part.moves_state:
            parts.append(part)
    return ScriptedModel(model=model, parts=tuple(parts), carried_by=stress.carried_by, pricer=pricer)


def given_by(stress: StressConfig, calendar: SessionCalendar) -> Given:
    """What a script gives to a market: openings, spreads, fills; on its sessions no event jumps are added."""
    frictions: dict[int, Friction] = {}
    gaps: dict[int, float] = {}
    openings: dict[int, float] = {}
    closes: set[int] = set()
    for session, row in rows_with_session(stress):
        first = calendar.day0 + session
        if row.spread or row.fill:
            friction = Friction(
                widening={Product(name): value for name, value in row.spread.items()},
                fill={Product(name): value for name, value in row.fill.items()},
            )
            frictions.update(dict.fromkeys(range(first, first + row.sessions), friction))
        if row.spx_gap is not None:
            gaps[first] = float(np.log1p(row.spx_gap))
        if row.vix_open is not None:
            openings[first] = row.vix_open
        if row.spx_return is not None or row.spx_level is not None:
            closes.update(range(first, first + row.sessions))
    return Given(frictions=frictions, spx_gap=gaps, vix_open=openings, without_jumps=frozenset(closes))
