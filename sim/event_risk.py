"""Event variance on the exchange's calendar: what jumps on which session, and what of it lies ahead of each close."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from models.event_pricer import EventsAhead
from models.events import VIX_SQUARE_PER_VARIANCE
from sim.calendar import SessionCalendar
from sim.config.market import EventsConfig
from sim.event_calendar import BEFORE_OPEN, EventKind, EventSchedule

FloatArray = NDArray[np.float64]

VIX_DAYS = 30
"""Calendar days that the VIX looks ahead."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EventRisk:
    """Event variance by session; every array has one entry a session of the calendar's ``dates``.

    Parameters
    ----------
    std_p, std_q : ndarray
        Deviation of the session's jump under P and Q [log return]; 0 without an event.
    share_before_open : ndarray
        Share of the session's Q variance that is known before its opening; 0 without an event.
    close_square : ndarray
        What the events of the next 30 days add to the squared VIX at the session's close [points^2].
    open_square : ndarray
        The same at its opening: what is published after the opening is still ahead.
    """

    std_p: FloatArray
    std_q: FloatArray
    share_before_open: FloatArray
    close_square: FloatArray
    open_square: FloatArray

    @classmethod
    def build(cls, calendar: SessionCalendar, schedule: EventSchedule, config: EventsConfig) -> Self:
        """Lay the variance of events on a calendar."""
        known = calendar.sessions
        on = {kind: np.isin(known, schedule.dates[kind]) for kind in EventKind}
        jumps = {kind: getattr(config, kind.name.lower()) for kind in EventKind}
        variance_p = sum((on[kind] * jumps[kind].std_p ** 2 for kind in EventKind), np.zeros(known.size))
        variance_q = sum((on[kind] * jumps[kind].std_q ** 2 for kind in EventKind), np.zeros(known.size))
        early = sum((on[kind] * jumps[kind].std_q ** 2 for kind in BEFORE_OPEN), np.zeros(known.size))
        cumulative = np.concatenate([[0.0], np.cumsum(variance_q)])
        horizon = np.searchsorted(known, known + np.timedelta64(VIX_DAYS, "D"), side="right")
        ahead = cumulative[horizon] - cumulative[1:]
        first = int(np.searchsorted(known, calendar.dates[0]))
        here = slice(first, first + calendar.dates.size)
        share = np.divide(early, variance_q, out=np.zeros(known.size), where=variance_q > 0.0)
        return cls(
            std_p=np.sqrt(variance_p)[here],
            std_q=np.sqrt(variance_q)[here],
            share_before_open=share[here],
            close_square=VIX_SQUARE_PER_VARIANCE * ahead[here],
            open_square=VIX_SQUARE_PER_VARIANCE * (ahead + variance_q - early)[here],
        )

    def ahead(self, t: int) -> EventsAhead:
        """Event variance as seen from the close of session ``t``."""
        variance = np.square(self.std_q[t:])
        variance[0] = 0.0  # today's event has happened
        to_close = np.cumsum(variance)
        to_open = to_close - variance * (1.0 - self.share_before_open[t:])
        square = self.open_square[t:].copy()
        square[0] = self.close_square[t]
        return EventsAhead(to_close=to_close, to_open=to_open, vix_square=square)
