"""Expiry rules of listed SPX and VIX contracts, as session indices of a calendar.

References
----------
.. [1] Cboe, "SPX and SPXW option product specifications": weeklies expire on Fridays, or on the session before, and
   end-of-month series on the last session of a month; they settle on the close; the monthly
   series settles on the opening prices of the third Friday.
.. [2] Cboe Futures Exchange, "VX futures contract specifications": final settlement on the Wednesday thirty days
   before the third Friday of the month that follows; on the business day before where that Wednesday, or the Friday
   thirty days after it, is a holiday.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sim.calendar import DateArray, SessionCalendar
from sim.errors import DataError

IndexArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ListedExpiries:
    """Expiries on a calendar, each a sorted array of session indices.

    Parameters
    ----------
    spx_weekly : ndarray of int
        PM-settled SPXW expiries: every Friday, third ones included, or the session before a closed one. Settled on the
        close of that session.
    spx_monthly : ndarray of int
        AM-settled SPX expiries (``ContractSet.is_am``): third Fridays, or the session before a closed one. Settled on
        the opening of that session, last traded at the close before.
    spx_pm : ndarray of int
        All PM-settled SPXW expiries: weekly ones, and the last session of every month.
    vix_monthly : ndarray of int
        Monthly VIX options and VX futures.
    vix_weekly : ndarray of int
        VIX options of every week, monthly ones included.
    """

    spx_weekly: IndexArray
    spx_monthly: IndexArray
    spx_pm: IndexArray
    vix_monthly: IndexArray
    vix_weekly: IndexArray


def third_fridays(first: np.datetime64, last: np.datetime64) -> DateArray:
    """Third Friday of every month from the month of ``first`` to that of ``last``, open or not."""
    months = np.arange(first.astype("datetime64[M]"), last.astype("datetime64[M]") + 1)
    return np.busday_offset(months, 2, roll="forward", weekmask="Fri").astype("datetime64[D]")


def vix_expiry_dates(calendar: SessionCalendar, *, weekly: bool = False) -> DateArray:
    """VIX expiry dates that the calendar's sessions cover: monthly ones, or those of every week.

    Thirty days before a Friday on which SPX options expire: the third of a month, or any.
    """
    last = calendar.dates[-1] + np.timedelta64(62, "D")
    following = _fridays(calendar.dates[0], last) if weekly else third_fridays(calendar.dates[0], last)
    wednesday = following - np.timedelta64(30, "D")
    inside = (wednesday >= calendar.dates[0]) & (following <= calendar.sessions[-1])
    following, wednesday = following[inside], wednesday[inside]
    closed = ~(calendar.is_session(wednesday) & calendar.is_session(following))
    earliest_allowed = np.where(closed, wednesday - np.timedelta64(1, "D"), wednesday)
    dates: DateArray = calendar.sessions[np.searchsorted(calendar.sessions, earliest_allowed, side="right") - 1]
    return dates


def _fridays(first: np.datetime64, last: np.datetime64) -> DateArray:
    """Every Friday from ``first`` to ``last``, open or not."""
    start = np.busday_offset(first, 0, roll="forward", weekmask="Fri")
    return np.arange(start, last + np.timedelta64(1, "D"), np.timedelta64(7, "D")).astype("datetime64[D]")


def listed_expiries(calendar: SessionCalendar) -> ListedExpiries:
    """All expiries that lie on the calendar, its tail included."""
    first, last = calendar.dates[0], calendar.dates[-1]
    fridays = _fridays(first, last + np.timedelta64(6, "D"))
    fridays = fridays[fridays <= calendar.sessions[-1]]
    weekly = _on_calendar(calendar, fridays)
    return ListedExpiries(
        spx_weekly=weekly,
        spx_pm=np.union1d(weekly, _on_calendar(calendar, _month_ends(calendar))).astype(np.int64),
        spx_monthly=_on_calendar(calendar, third_fridays(first, last)),
        vix_monthly=_on_calendar(calendar, vix_expiry_dates(calendar)),
        vix_weekly=_on_calendar(calendar, vix_expiry_dates(calendar, weekly=True)),
    )


def _month_ends(calendar: SessionCalendar) -> DateArray:
    """Last calendar day of every month whose last session is known to lie on the calendar."""
    months = np.arange(calendar.dates[0].astype("datetime64[M]"), calendar.dates[-1].astype("datetime64[M]") + 1)
    ends = (months + 1).astype("datetime64[D]") - np.timedelta64(1, "D")
    return np.asarray(ends[ends <= calendar.sessions[-1]])


def nth_expiry_after(expiries: IndexArray, t: int, n: int) -> int:
    """Return the ``n``-th listed expiry strictly after session ``t``; ``n = 1`` is the next one.

    Raises
    ------
    DataError
        If the calendar ends before it.
    """
    position = int(np.searchsorted(expiries, t, side="right")) + n - 1
    if n < 1 or position >= expiries.size:
        raise DataError(
            f"listed expiry number {n} after session {t} is not on the calendar: "
            f"n must be >= 1 and the calendar's tail must hold it, its last expiry is session "
            f"{expiries[-1] if expiries.size else None}"
        )
    return int(expiries[position])


def nearest_expiry(
    calendar: SessionCalendar, t: int, *, target_days: int, min_days: int, max_days: int, expiries: IndexArray
) -> int | None:
    """Find the listed expiry whose distance is closest to ``target_days``.

    Parameters
    ----------
    calendar : SessionCalendar
        The calendar that the expiries lie on.
    t : int
        Session from which to count.
    target_days, min_days, max_days : int
        Wanted, smallest and largest calendar days to expiry.
    expiries : ndarray of int
        Candidate session indices, sorted.

    Returns
    -------
    int or None
        Session index; the earlier one of two equally close; None where no expiry lies within the limits.

    Raises
    ------
    DataError
        If the calendar ends before ``max_days``, so that a listed expiry may be missing.
    """
    if calendar.days_between(t, -1) < max_days:
        raise DataError(
            f"session calendar ends on {calendar.date(-1)}, {calendar.days_between(t, -1)} days after "
            f"{calendar.date(t)}; an expiry within {max_days} days needs a longer tail"
        )
    days = (calendar.dates[expiries] - calendar.dates[t]).astype(np.int64)
    inside = np.flatnonzero((days >= max(min_days, 1)) & (days <= max_days))
    if inside.size == 0:
        return None
    return int(expiries[inside[np.argmin(np.abs(days[inside] - target_days))]])


def _on_calendar(calendar: SessionCalendar, days: DateArray) -> IndexArray:
    """Session on or before each date, as calendar indices; dates outside the calendar are left out."""
    sessions = calendar.sessions[np.searchsorted(calendar.sessions, days, side="right") - 1]
    sessions = sessions[(sessions >= calendar.dates[0]) & (sessions <= calendar.dates[-1])]
    return np.unique(np.searchsorted(calendar.dates, sessions)).astype(np.int64)
