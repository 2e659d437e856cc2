"""Exchange sessions: the days on which a simulated path has a close."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from importlib.metadata import version

import numpy as np
from numpy.typing import NDArray

from models.table_cache import load_or_build, table_hash
from sim.errors import DataError

DateArray = NDArray[np.datetime64]

WARMUP_DAYS = 60
"""Sessions of history before day 0, for the signals."""

EXCHANGE = "XNYS"
"""New York Stock Exchange; SPX and VIX options keep its holidays."""

LISTING_MARGIN = 70
"""Calendar days known on either side of a calendar, for listing rules that look past its ends (30 days and a month)."""

FIRST_YEAR, LAST_YEAR = 1900, 2200
"""Years that the calendar answers for; beyond the published holidays, those that the exchange's rules give."""


@lru_cache(maxsize=8)
def exchange_sessions(first_year: int, last_year: int) -> DateArray:
    """All sessions of the exchange in whole years.

    Parameters
    ----------
    first_year, last_year : int
        First and last year, both included, 1900 .. 2200. Beyond the published holidays the exchange's rules hold.

    Returns
    -------
    ndarray of datetime64[D]
        Sorted sessions, read-only.

    Raises
    ------
    DataError
        If the years are outside 1900 .. 2200.
    """
    if first_year < FIRST_YEAR or last_year > LAST_YEAR:
        raise DataError(
            f"session calendar covers the years {FIRST_YEAR} to {LAST_YEAR}, got {first_year} to {last_year}"
        )
    library = {name: version(name) for name in ("exchange_calendars", "pandas")}
    key = table_hash({"sessions": EXCHANGE, "years": (first_year, last_year), **library})
    what = f"the sessions of {first_year} to {last_year}"
    sessions = load_or_build(key, lambda: {"days": _published_sessions(first_year, last_year)}, of=what)["days"]
    dates: DateArray = sessions.astype(np.int64).view("datetime64[D]")
    dates.setflags(write=False)
    return dates


def _published_sessions(first_year: int, last_year: int) -> NDArray[np.float64]:
    """Sessions as days since 1970; they are kept on disk, since this takes a worker longer than loading its tables."""
    from exchange_calendars import get_calendar  # slow to import, and needed once

    with warnings.catch_warnings():  # the library still uses calls that pandas 3 announces to change
        warnings.simplefilter("ignore", DeprecationWarning)
        calendar = get_calendar(EXCHANGE, start=f"{first_year}-01-01", end=f"{last_year}-12-31")
    days: NDArray[np.float64] = calendar.sessions.to_numpy().astype("datetime64[D]").astype(np.float64)
    return days


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SessionCalendar:
    """Sessions of one simulation: history, day 0, the days after it, and a tail in which later expiries lie.

    A session index counts from the start of the history and is the time index of a ``PathBlock``: index ``day0`` is
    the close on which trading starts.

    Parameters
    ----------
    dates : ndarray of datetime64[D]
        Sessions, strictly increasing; index ``day0 + n_days`` is the last simulated close.
    day0 : int
        Index of day 0, the number of history sessions.
    n_days : int
        Sessions simulated after day 0.
    sessions : ndarray of datetime64[D]
        The exchange's sessions around ``dates``, for listing rules that look past its ends.
    """

    dates: DateArray
    day0: int
    n_days: int
    sessions: DateArray
    _day_numbers: list[int] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_day_numbers", self.dates.astype("datetime64[D]").astype(np.int64).tolist())

    @classmethod
    def build(cls, start_date: date | str, warmup_days: int, n_days: int, tail_sessions: int = 130) -> SessionCalendar:
        """Lay a simulation on the exchange's calendar.

        Parameters
        ----------
        start_date : date or ISO string
            Day 0; the next session where the exchange is closed.
        warmup_days : int
            Sessions of history before day 0, >= 0.
        n_days : int
            Sessions simulated after day 0, > 0.
        tail_sessions : int
            Sessions after the last simulated one, >= 0, in which open contracts expire.

        Raises
        ------
        DataError
            If a count is negative or the dates leave the years 1900 .. 2200.
        """
        if warmup_days < 0 or n_days < 1 or tail_sessions < 0:
            raise DataError(
                "session calendar needs warmup_days >= 0, n_days >= 1 and tail_sessions >= 0, "
                f"got {warmup_days}, {n_days} and {tail_sessions}"
            )
        start = np.datetime64(start_date, "D")
        year = start.astype("datetime64[Y]").astype(int) + 1970
        before = warmup_days // 250 + 1
        after = (n_days + tail_sessions) // 250 + 2
        every = exchange_sessions(int(year) - before, int(year) + after)
        day0 = int(np.searchsorted(every, start))
        first, stop = day0 - warmup_days, day0 + n_days + tail_sessions + 1
        dates = every[first:stop]
        margin = np.timedelta64(LISTING_MARGIN, "D")
        low, high = np.searchsorted(every, [dates[0] - margin, dates[-1] + margin])
        return cls(dates=dates, day0=warmup_days, n_days=n_days, sessions=every[low:high])

    @property
    def n_times(self) -> int:
        """Number of simulated closes: history, day 0 and the days after it."""
        return self.day0 + self.n_days + 1

    def date(self, t: int) -> date:
        """Date of session ``t``."""
        return self.dates[t].astype(object)  # type: ignore[no-any-return]

    def days_between(self, t: int, later: int) -> int:
        """Calendar days from session ``t`` to session ``later``."""
        return self._day_numbers[later] - self._day_numbers[t]

    def is_session(self, day: np.datetime64 | DateArray) -> NDArray[np.bool_]:
        """Whether the exchange is open on the given dates."""
        return np.isin(day, self.sessions)
