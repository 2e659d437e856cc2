"""Monthly roll cycles, shifted by whole weeks: a hedge is judged over phases, not by one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sim.strategies.protocols import DayView

BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]

ROLL_PHASE_MEANING = "fixed: all paths roll on the same day; drawn: each path has a weekday or week of its own"

ROLL_WEEK_MEANING = "weeks from each expiry to the roll of all paths, where roll_phase is fixed"

WEEK = 5
"""Sessions of a week without holidays."""

WEEKS = 4
"""Weeks of the cycle that a path can be shifted by, none included."""


def roll_sessions(view: DayView, expiries: IntArray, week: int) -> IntArray:
    """Sessions on which a cycle rolls: the first on or after ``week`` weeks from each expiry."""
    dates = view.calendar.dates
    return np.searchsorted(dates, dates[expiries] + np.timedelta64(7 * week, "D")).astype(np.int64)


def weeks_that_roll(view: DayView, expiries: IntArray) -> list[int]:
    """Shifts of the cycle that roll today; at most one where expiries are four or five weeks apart."""
    return [week for week in range(WEEKS) if bool(np.isin(view.t, roll_sessions(view, expiries, week)))]


def paths_of_week(view: DayView, week: int, *, drawn: bool, fixed: int = 0) -> BoolArray:
    """Paths whose cycle is shifted by ``week`` weeks: all by ``fixed``, or each by a draw of its own."""
    if not drawn:
        return np.full(view.n_paths, week == fixed)
    chosen: BoolArray = view.memory.week == week
    return chosen
