"""Sessions against QuantLib's independent list of NYSE holidays, and the layout of a simulation on them."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import QuantLib as ql

from sim.calendar import SessionCalendar, exchange_sessions
from sim.errors import DataError


def quantlib_sessions(first_year: int, last_year: int) -> np.ndarray:
    nyse = ql.UnitedStates(ql.UnitedStates.NYSE)
    first, last = ql.Date(1, 1, first_year), ql.Date(31, 12, last_year)
    days = nyse.businessDayList(first, last)
    return np.array([day.ISO() for day in days], dtype="datetime64[D]")


def test_sessions_equal_an_independent_holiday_calendar() -> None:
    np.testing.assert_array_equal(exchange_sessions(2000, 2024), quantlib_sessions(2000, 2024))


def test_future_sessions_follow_the_holiday_rules() -> None:
    np.testing.assert_array_equal(exchange_sessions(2027, 2060), quantlib_sessions(2027, 2060))


def test_juneteenth_is_closed_from_2022_only() -> None:
    sessions = exchange_sessions(2020, 2023)
    days = np.array(["2020-06-19", "2021-06-18", "2022-06-20", "2023-06-19"], dtype="datetime64[D]")
    assert np.isin(days, sessions).tolist() == [True, True, False, False]


def test_day_zero_carries_the_index_of_the_warm_up() -> None:
    calendar = SessionCalendar.build("2019-01-02", warmup_days=60, n_days=252, tail_sessions=40)
    every = quantlib_sessions(2018, 2021)
    start = int(np.searchsorted(every, np.datetime64("2019-01-02")))
    np.testing.assert_array_equal(calendar.dates, every[start - 60 : start + 252 + 40 + 1])
    assert calendar.day0 == 60
    assert calendar.n_times == 313
    assert str(calendar.date(60)) == "2019-01-02"


def test_a_closed_start_moves_to_the_next_session() -> None:
    calendar = SessionCalendar.build("2019-01-19", warmup_days=5, n_days=10)  # Saturday; Monday is a holiday
    assert str(calendar.date(calendar.day0)) == "2019-01-22"


def test_weekends_count_in_calendar_days_only() -> None:
    calendar = SessionCalendar.build("2019-01-18", warmup_days=0, n_days=10)
    assert calendar.days_between(0, 1) == 4  # Friday to Tuesday over Martin Luther King Day


@pytest.mark.parametrize(("warmup_days", "n_days"), [(0, 1), (249, 251), (260, 1), (1000, 2520)])
def test_long_and_short_simulations_fit(warmup_days: int, n_days: int) -> None:
    calendar = SessionCalendar.build("2019-12-31", warmup_days, n_days, tail_sessions=130)
    assert calendar.dates.size == warmup_days + n_days + 131
    assert calendar.sessions[-1] - calendar.dates[-1] > np.timedelta64(60, "D")
    assert (np.diff(calendar.dates) > np.timedelta64(0, "D")).all()


def test_far_future_works_and_its_end_is_named() -> None:
    assert SessionCalendar.build("2150-06-01", 60, 252).dates.size == 60 + 252 + 131
    with pytest.raises(DataError, match=r"years 1900 to 2200, got 2198 to 2202"):
        SessionCalendar.build("2199-06-01", 60, 252)


@pytest.mark.parametrize(("warmup_days", "n_days", "tail"), [(-1, 5, 5), (5, 0, 5), (5, 5, -2)])
def test_impossible_counts_are_refused(warmup_days: int, n_days: int, tail: int) -> None:
    with pytest.raises(DataError, match=f"got {warmup_days}, {n_days} and {tail}"):
        SessionCalendar.build("2019-01-02", warmup_days, n_days, tail)


def test_the_calendar_library_is_loaded_only_when_needed() -> None:
    code = "import sys, sim.calendar; sys.exit('exchange_calendars' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
