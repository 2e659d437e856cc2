"""Scheduled events: FOMC decisions, CPI and PPI releases, on published dates and by rule beyond them.

The table beside this module holds dates from 2000 on. Outside it, the pattern of recent years stands in: eight FOMC
decisions a year on Wednesdays (the last of January, April, July and October, the third of March, June and September,
the second of December), CPI on the tenth weekday of each month, PPI on the weekday after.

References
----------
.. [1] Board of Governors of the Federal Reserve System, "FOMC calendars" and "historical materials by year".
.. [2] US Bureau of Labor Statistics, "Schedule of releases for the Consumer Price Index", "... Producer Price Index".
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from sim.calendar import DateArray, SessionCalendar
from sim.errors import DataError

BoolArray = NDArray[np.bool_]
IndexArray = NDArray[np.int64]


class EventKind(IntEnum):
    """Kind of a scheduled event; the number is the value of the signal ``event_type``."""

    FOMC = 1
    """Decision of the Federal Open Market Committee, in the afternoon."""
    CPI = 2
    """Release of the Consumer Price Index, before the opening."""
    PPI = 3
    """Release of the Producer Price Index, before the opening."""


BEFORE_OPEN = frozenset({EventKind.CPI, EventKind.PPI})
"""Kinds published at 8:30 in New York, an hour before the exchange opens; FOMC decisions come at 14:00."""

CPI_WEEKDAY = 10
"""Weekday of the month (1 is the first) on which CPI is released by rule; PPI follows on the next."""

FOMC_WEDNESDAYS: dict[int, int] = {1: -1, 3: 3, 4: -1, 6: 3, 7: -1, 9: 3, 10: -1, 12: 2}
"""Month -> which Wednesday an FOMC decision falls on by rule; -1 is the last."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EventSchedule:
    """Events on a session calendar; all arrays but ``dates`` have one entry a session of ``calendar.dates``.

    Parameters
    ----------
    dates : dict of ndarray of datetime64[D]
        By kind: sessions of the event, those around the calendar included. A release on a day without a session counts
        on the next one.
    on : dict of ndarray of bool
        By kind: whether the event falls on the session.
    sessions_to_next : ndarray of int
        Sessions to the next event of any kind, strictly after the session's close: >= 1.
    next_kind : ndarray of int
        Its kind; the smallest number where several fall on one session.
    sessions_since : ndarray of int
        Sessions since the last event, 0 on its own session.
    """

    dates: dict[EventKind, DateArray]
    on: dict[EventKind, BoolArray]
    sessions_to_next: IndexArray
    next_kind: IndexArray
    sessions_since: IndexArray

    @property
    def any(self) -> BoolArray:
        """Whether any event falls on the session."""
        flags: BoolArray = np.logical_or.reduce(list(self.on.values()))
        return flags


def event_schedule(calendar: SessionCalendar) -> EventSchedule:
    """Lay the scheduled events on a calendar.

    Raises
    ------
    DataError
        If the exchange's sessions around the calendar end before a next event.
    """
    known = calendar.sessions  # reaches beyond both ends of the calendar
    dates = {kind: scheduled_dates(kind, known[0], known[-1]) for kind in EventKind}
    at = {kind: np.unique(np.searchsorted(known, days)) for kind, days in dates.items()}
    at = {kind: positions[positions < known.size] for kind, positions in at.items()}
    first = int(np.searchsorted(known, calendar.dates[0]))
    now = first + np.arange(calendar.dates.size)
    kinds = np.concatenate([np.full(positions.size, int(kind)) for kind, positions in at.items()])
    order = np.lexsort((kinds, np.concatenate(list(at.values()))))
    every, kinds = np.concatenate(list(at.values()))[order], kinds[order]
    following = np.searchsorted(every, now, side="right")
    if following[-1] >= every.size or every[0] > now[0]:
        raise DataError("session calendar ends before the next scheduled event, or starts after the first")
    return EventSchedule(
        dates={kind: known[positions] for kind, positions in at.items()},
        on={kind: np.isin(now, positions) for kind, positions in at.items()},
        sessions_to_next=every[following] - now,
        next_kind=kinds[following],
        sessions_since=now - every[following - 1],
    )


def scheduled_dates(kind: EventKind, first: np.datetime64, last: np.datetime64) -> DateArray:
    """Dates of a kind of event from ``first`` to ``last``: published ones, and by rule in years beyond them."""
    published = _published()[kind]
    start, stop = published[0].astype("datetime64[Y]"), published[-1].astype("datetime64[Y]") + 1
    months = np.arange(first.astype("datetime64[M]"), last.astype("datetime64[M]") + 1)
    outside = months[(months < start) | (months >= stop)]
    dates: DateArray = np.sort(np.concatenate([published, dates_by_rule(kind, outside)]))
    return dates[(dates >= first) & (dates <= last)]


def dates_by_rule(kind: EventKind, months: DateArray) -> DateArray:
    """Dates of a kind of event in the given months by the rules of this module."""
    if kind is EventKind.FOMC:
        number = (months.astype(int) % 12) + 1
        held = [
            (month, FOMC_WEDNESDAYS[int(n)]) for month, n in zip(months, number, strict=True) if n in FOMC_WEDNESDAYS
        ]
        return np.array([_wednesday(month, which) for month, which in held], dtype="datetime64[D]")
    offset = CPI_WEEKDAY - 1 if kind is EventKind.CPI else CPI_WEEKDAY
    return np.asarray(np.busday_offset(months.astype("datetime64[D]"), offset, roll="forward"))


def _wednesday(month: np.datetime64, which: int) -> np.datetime64:
    """Return the ``which``-th Wednesday of a month, the last one for -1."""
    if which > 0:
        return np.busday_offset(month.astype("datetime64[D]"), which - 1, roll="forward", weekmask="Wed")
    return np.busday_offset((month + 1).astype("datetime64[D]"), -1, roll="forward", weekmask="Wed")


@cache
def _published() -> dict[EventKind, DateArray]:
    with files("sim").joinpath("event_dates.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    return {
        kind: np.array([row["date"] for row in rows if row["event"] == kind.name.lower()], dtype="datetime64[D]")
        for kind in EventKind
    }
