"""Listed expiries against published dates and against the rules worked out day by day."""

from __future__ import annotations

import csv
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest

from sim.calendar import SessionCalendar
from sim.errors import DataError
from sim.expiries import listed_expiries, nearest_expiry, nth_expiry_after, third_fridays

PUBLISHED_EVENTS = Path(__file__).parents[2] / "shared" / "data" / "macro_events.csv"


@pytest.fixture(scope="module")
def long_calendar() -> SessionCalendar:
    return SessionCalendar.build("2000-01-03", 0, 7000, 130)


def dates_of(calendar: SessionCalendar, indices: np.ndarray) -> list[str]:
    return [str(day) for day in calendar.dates[indices]]


def test_vix_expiries_off_wednesday_are_the_known_ones() -> None:
    calendar = SessionCalendar.build("2019-01-02", 0, 1950, 0)  # to autumn 2026
    expiries = calendar.dates[listed_expiries(calendar).vix_monthly]
    not_wednesday = [str(day) for day in expiries if day.astype(object).weekday() != 2]
    assert not_wednesday == ["2019-03-19", "2022-03-15", "2024-06-18", "2025-03-18", "2026-05-19"]


def test_vix_expiries_equal_the_published_list(long_calendar: SessionCalendar) -> None:
    if not PUBLISHED_EVENTS.exists():
        pytest.skip(f"no published expiry dates at {PUBLISHED_EVENTS}: 300 dates NOT checked")
    with PUBLISHED_EVENTS.open() as stream:
        published = [row["date"] for row in csv.DictReader(stream) if row["event"] == "vix_expiry"]
    ours = dates_of(long_calendar, listed_expiries(long_calendar).vix_monthly)
    ours = [day for day in ours if day <= published[-1]]
    assert len(ours) == len(published) > 300
    differing = [pair for pair in zip(ours, published, strict=True) if pair[0] != pair[1]]
    # The list does not know Juneteenth; exchanges moved the first two of these three expiries to the Tuesday.
    assert differing == [("2024-06-18", "2024-06-19"), ("2026-05-19", "2026-05-20"), ("2027-05-18", "2027-05-19")]


def test_vix_expiries_follow_the_rule_day_by_day(long_calendar: SessionCalendar) -> None:
    open_days = {day.astype(object) for day in long_calendar.sessions}
    expected = []
    for year in range(2000, 2027):
        for month in range(1, 13):
            following = date(year + month // 12, month % 12 + 1, 1)
            friday = following + timedelta(days=(4 - following.weekday()) % 7 + 14)
            day = friday - timedelta(days=30)
            if day not in open_days or friday not in open_days:
                day -= timedelta(days=1)
                while day not in open_days:
                    day -= timedelta(days=1)
            expected.append(str(day))
    assert dates_of(long_calendar, listed_expiries(long_calendar).vix_monthly)[: len(expected)] == expected


def test_vix_weeklies_are_every_week_and_hold_the_monthly_ones(long_calendar: SessionCalendar) -> None:
    listed = listed_expiries(long_calendar)
    assert np.isin(listed.vix_monthly, listed.vix_weekly).all()
    dates = long_calendar.dates[listed.vix_weekly]
    days = np.diff(dates).astype(int)
    assert days.min() >= 5
    assert days.max() <= 9
    weekdays = np.array([day.astype(object).weekday() for day in dates])
    assert np.isin(weekdays, [0, 1, 2]).all()
    assert np.mean(weekdays == 2) > 0.9
    # May 2019: Wednesdays 1, 8, 15, 22 (monthly), 29; Friday 19 April 2019 was closed, so 20 March became the 19th
    assert {"2019-05-01", "2019-05-08", "2019-05-15", "2019-05-22", "2019-05-29", "2019-03-19"} <= {*map(str, dates)}
    assert "2019-03-20" not in {*map(str, dates)}


def test_month_ends_are_the_last_sessions(long_calendar: SessionCalendar) -> None:
    listed, dates = listed_expiries(long_calendar), long_calendar.dates
    months = dates.astype("datetime64[M]")
    last = np.flatnonzero(months[1:] != months[:-1])  # a session whose successor is in another month
    within = listed.spx_pm[listed.spx_pm < dates.size - 1]  # of the last session nothing is known here
    weekly = listed.spx_weekly[listed.spx_weekly < dates.size - 1]
    np.testing.assert_array_equal(within, np.union1d(weekly, last))


def test_spx_weeklies_on_closed_fridays_expire_the_session_before() -> None:
    calendar = SessionCalendar.build("2019-01-02", 0, 600, 0)
    weekly = calendar.dates[listed_expiries(calendar).spx_weekly]
    moved = [str(day) for day in weekly if day.astype(object).weekday() != 4]
    # Good Friday 2019-21, Independence Day observed 2020, and New Year's Day 2021 with Christmas 2020
    assert moved == ["2019-04-18", "2020-04-09", "2020-07-02", "2020-12-24", "2020-12-31", "2021-04-01"]


def test_every_week_has_one_spx_expiry(long_calendar: SessionCalendar) -> None:
    weekly = long_calendar.dates[listed_expiries(long_calendar).spx_weekly]
    weekly = weekly[weekly > np.datetime64("2001-12-31")]  # the exchange was closed for most of a week in 2001
    weeks = {day.astype(object).isocalendar()[:2] for day in weekly}
    assert len(weeks) == weekly.size
    assert set(np.diff(weekly).astype(int)) <= {6, 7, 8}


def test_third_fridays_are_the_fifteenth_to_twenty_first() -> None:
    days = [day.astype(object) for day in third_fridays(np.datetime64("2019-01-31"), np.datetime64("2020-12-01"))]
    assert len(days) == 24
    assert all(day.weekday() == 4 and 15 <= day.day <= 21 for day in days)


def test_monthly_spx_expiries_are_weeklies_too(long_calendar: SessionCalendar) -> None:
    expiries = listed_expiries(long_calendar)
    assert np.isin(expiries.spx_monthly, expiries.spx_weekly).all()
    assert "2026-06-18" in dates_of(long_calendar, expiries.spx_monthly)  # third Friday is Juneteenth


def test_nearest_expiry_is_the_closest_within_its_limits() -> None:
    calendar = SessionCalendar.build("2019-01-02", 0, 300, 60)
    weekly = listed_expiries(calendar).spx_weekly
    for t in range(0, 300, 7):
        found = nearest_expiry(calendar, t, target_days=52, min_days=45, max_days=60, expiries=weekly)
        distance = {int(e): (calendar.date(int(e)) - calendar.date(t)).days for e in weekly}
        allowed = {e: days for e, days in distance.items() if 45 <= days <= 60}
        assert found == min(allowed, key=lambda e: (abs(allowed[e] - 52), e))


def test_no_expiry_within_the_limits_is_none() -> None:
    calendar = SessionCalendar.build("2019-01-02", 0, 300, 60)
    monthly = listed_expiries(calendar).vix_monthly
    friday = int(np.searchsorted(calendar.dates, np.datetime64("2019-01-18")))  # next: 13 February, 26 days off
    assert nearest_expiry(calendar, friday, target_days=10, min_days=5, max_days=20, expiries=monthly) is None


def test_a_calendar_too_short_for_the_limits_is_refused() -> None:
    calendar = SessionCalendar.build("2019-01-02", 0, 20, 10)
    weekly = listed_expiries(calendar).spx_weekly
    with pytest.raises(DataError, match="within 60 days needs a longer tail"):
        nearest_expiry(calendar, 10, target_days=52, min_days=45, max_days=60, expiries=weekly)


def test_the_nth_expiry_is_strictly_later() -> None:
    expiries = np.array([5, 25, 45])
    assert [nth_expiry_after(expiries, t, 1) for t in (4, 5, 6)] == [5, 25, 25]
    assert nth_expiry_after(expiries, 4, 3) == 45
    with pytest.raises(DataError, match="number 3 after session 5 is not on the calendar"):
        nth_expiry_after(expiries, 5, 3)
